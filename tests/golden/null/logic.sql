# Three-valued logic in WHERE and in the SELECT list.
use: numbers

> SELECT id FROM n WHERE a = a ORDER BY id
---
(1,)
(2,)
(3,)
(6,)
(7,)

> SELECT id FROM n WHERE a <> 1 ORDER BY id
---
(3,)
(6,)
(7,)

> SELECT id FROM n WHERE NOT (a = 1) ORDER BY id
---
(3,)
(6,)
(7,)

> SELECT id FROM n WHERE a = 1 OR b = 20 ORDER BY id
---
(1,)
(2,)
(4,)
(7,)

> SELECT id FROM n WHERE NOT (a = 1 OR b = 20) ORDER BY id
---
(3,)
(6,)

> SELECT id FROM n WHERE NOT (a = 1 AND b = 10) ORDER BY id
---
(3,)
(4,)
(6,)
(7,)

> SELECT a = 1, b > 10, a = 1 AND b > 10, a = 1 OR b > 10, NOT a = 1 FROM n ORDER BY id
---
(True, False, False, True, False)
(True, None, None, True, False)
(False, False, False, False, True)
(None, True, None, True, None)
(None, None, None, None, None)
(False, True, False, True, True)
(False, True, False, True, True)

> SELECT id FROM n WHERE (a = 1) IS NULL ORDER BY id
---
(4,)
(5,)

> SELECT id FROM n WHERE (a > 1) IS TRUE ORDER BY id
---
(3,)
(6,)
(7,)

> SELECT id FROM n WHERE (a > 1) IS NOT TRUE ORDER BY id
---
(1,)
(2,)
(4,)
(5,)

> SELECT id FROM n WHERE a IS NOT DISTINCT FROM NULL ORDER BY id
---
(4,)
(5,)

> SELECT id FROM n WHERE a IS DISTINCT FROM 1 ORDER BY id
---
(3,)
(4,)
(5,)
(6,)
(7,)

> SELECT NULL = NULL, NULL IS NULL, NULL AND FALSE, NULL OR TRUE, NOT NULL
---
(None, True, False, True, None)

> SELECT COALESCE(a, b, 0), NULLIF(a, 1) FROM n ORDER BY id
---
(1, None)
(1, None)
(2, 2)
(20, None)
(0, None)
(3, 3)
(2, 2)

> SELECT a + b, a || t, -a FROM n ORDER BY id
---
(11, '1x', -1)
(None, '1y', -1)
(12, '2X', -2)
(None, None, None)
(None, None, None)
(33, '3é', -3)
(22, '2x', -2)
