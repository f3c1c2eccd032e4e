# ORDER BY, NULLS FIRST/LAST, LIMIT and OFFSET, and when an index gives the order.
use: numbers

[plan]> SELECT id FROM n ORDER BY id
---
Project: n.id
  Scan: n
(1,)
(2,)
(3,)
(4,)
(5,)
(6,)
(7,)

[plan]> SELECT id FROM n ORDER BY id DESC LIMIT 2
---
Project: n.id
  Limit: 2
    KeyRange: n (all), backwards
(7,)
(6,)

[plan]> SELECT id, a FROM n ORDER BY a, id LIMIT 3
---
Project: n.id, n.a
  Limit: 3
    IndexRange: n using n_a
(4, None)
(5, None)
(1, 1)

> SELECT id, a FROM n ORDER BY a DESC, id
---
(6, 3)
(3, 2)
(7, 2)
(1, 1)
(2, 1)
(4, None)
(5, None)

> SELECT id, a FROM n ORDER BY a ASC NULLS LAST, id
---
(1, 1)
(2, 1)
(3, 2)
(7, 2)
(6, 3)
(4, None)
(5, None)

> SELECT id, a FROM n ORDER BY a DESC NULLS FIRST, id
---
(4, None)
(5, None)
(6, 3)
(3, 2)
(7, 2)
(1, 1)
(2, 1)

> SELECT id, a, b FROM n ORDER BY a DESC, b ASC, id
---
(6, 3, 30)
(3, 2, 10)
(7, 2, 20)
(2, 1, None)
(1, 1, 10)
(5, None, None)
(4, None, 20)

> SELECT id FROM n ORDER BY f LIMIT 2 OFFSET 1
---
(3,)
(4,)

> SELECT id FROM n ORDER BY t, id
---
(4,)
(5,)
(3,)
(1,)
(7,)
(2,)
(6,)

> SELECT id FROM n ORDER BY a + b, id
---
(2,)
(4,)
(5,)
(1,)
(3,)
(7,)
(6,)

> SELECT id, a * -1 AS m FROM n ORDER BY m, id
---
(4, None)
(5, None)
(6, -3)
(3, -2)
(7, -2)
(1, -1)
(2, -1)

[differs: sqlite3 takes a negative limit for none]> SELECT id FROM n LIMIT -1
---
DataError: LIMIT must not be negative: -1

> SELECT id FROM n ORDER BY id LIMIT 0
---
no rows

> SELECT id FROM n ORDER BY id LIMIT %s OFFSET %s {2, 5}
---
(6,)
(7,)

> SELECT id FROM n ORDER BY 1 DESC LIMIT 1
---
(7,)
