# Three-valued logic in WHERE and in the SELECT list.
use: numbers

> SELECT id FROM n WHERE a = a ORDER BY id
---

> SELECT id FROM n WHERE a <> 1 ORDER BY id
---

> SELECT id FROM n WHERE NOT (a = 1) ORDER BY id
---

> SELECT id FROM n WHERE a = 1 OR b = 20 ORDER BY id
---

> SELECT id FROM n WHERE NOT (a = 1 OR b = 20) ORDER BY id
---

> SELECT id FROM n WHERE NOT (a = 1 AND b = 10) ORDER BY id
---

> SELECT a = 1, b > 10, a = 1 AND b > 10, a = 1 OR b > 10, NOT a = 1 FROM n ORDER BY id
---

> SELECT id FROM n WHERE (a = 1) IS NULL ORDER BY id
---

> SELECT id FROM n WHERE (a > 1) IS TRUE ORDER BY id
---

> SELECT id FROM n WHERE (a > 1) IS NOT TRUE ORDER BY id
---

> SELECT id FROM n WHERE a IS NOT DISTINCT FROM NULL ORDER BY id
---

> SELECT id FROM n WHERE a IS DISTINCT FROM 1 ORDER BY id
---

> SELECT NULL = NULL, NULL IS NULL, NULL AND FALSE, NULL OR TRUE, NOT NULL
---

> SELECT COALESCE(a, b, 0), NULLIF(a, 1) FROM n ORDER BY id
---

> SELECT a + b, a || t, -a FROM n ORDER BY id
---
