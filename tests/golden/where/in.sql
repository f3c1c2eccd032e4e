# IN and NOT IN with NULLs, empty results, mixed terms.
use: numbers

> SELECT id FROM n WHERE a IN (1, 3) ORDER BY id
---
(1,)
(2,)
(6,)

> SELECT id FROM n WHERE a NOT IN (1, 3) ORDER BY id
---
(3,)
(7,)

> SELECT id FROM n WHERE a IN (1, NULL) ORDER BY id
---
(1,)
(2,)

> SELECT id FROM n WHERE a NOT IN (1, NULL) ORDER BY id
---
no rows

> SELECT id FROM n WHERE a IN (b - 9, 2) ORDER BY id
---
(1,)
(3,)
(7,)

> SELECT id FROM n WHERE (a, b) IN ((1, 10), (2, 20)) ORDER BY id
---
(1,)
(7,)

> SELECT id FROM n WHERE t IN ('x', '') ORDER BY id
---
(1,)
(5,)
(7,)

> SELECT a IN (1, NULL), a NOT IN (1, NULL) FROM n ORDER BY id
---
(True, False)
(True, False)
(None, None)
(None, None)
(None, None)
(None, None)
(None, None)
