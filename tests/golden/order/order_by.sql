# ORDER BY, NULLS FIRST/LAST, LIMIT and OFFSET, and when an index gives the order.
use: numbers

[plan]> SELECT id FROM n ORDER BY id
---

[plan]> SELECT id FROM n ORDER BY id DESC LIMIT 2
---

[plan]> SELECT id, a FROM n ORDER BY a, id LIMIT 3
---

> SELECT id, a FROM n ORDER BY a DESC, id
---

> SELECT id, a FROM n ORDER BY a ASC NULLS LAST, id
---

> SELECT id, a FROM n ORDER BY a DESC NULLS FIRST, id
---

> SELECT id, a, b FROM n ORDER BY a DESC, b ASC, id
---

> SELECT id FROM n ORDER BY f LIMIT 2 OFFSET 1
---

> SELECT id FROM n ORDER BY t, id
---

> SELECT id FROM n ORDER BY a + b, id
---

> SELECT id, a * -1 AS m FROM n ORDER BY m, id
---

[differs: sqlite3 takes a negative limit for none]> SELECT id FROM n LIMIT -1
---

> SELECT id FROM n ORDER BY id LIMIT 0
---

> SELECT id FROM n ORDER BY id LIMIT %s OFFSET %s {2, 5}
---

> SELECT id FROM n ORDER BY 1 DESC LIMIT 1
---
