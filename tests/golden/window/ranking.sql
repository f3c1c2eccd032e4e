# Functions of the order: numbers, ranks, shares, tiles, neighbours.
use: library
use: numbers

[plan]> SELECT id, ROW_NUMBER() OVER (ORDER BY year DESC) FROM book ORDER BY id
---
Project: book.id, windowed.row_number
  Sort: book.id
    Window: row_number() over (order by book.year desc)
      Scan: book
(1, 6)
(2, 5)
(3, 4)
(4, 3)
(5, 2)
(6, 1)
(7, 7)

> SELECT id, RANK() OVER (ORDER BY a), DENSE_RANK() OVER (ORDER BY a), PERCENT_RANK() OVER (ORDER BY a), CUME_DIST() OVER (ORDER BY a) FROM n ORDER BY id
---
(1, 3, 2, 0.3333333333333333, 0.5714285714285714)
(2, 3, 2, 0.3333333333333333, 0.5714285714285714)
(3, 5, 3, 0.6666666666666666, 0.8571428571428571)
(4, 1, 1, 0.0, 0.2857142857142857)
(5, 1, 1, 0.0, 0.2857142857142857)
(6, 7, 4, 1.0, 1.0)
(7, 5, 3, 0.6666666666666666, 0.8571428571428571)

> SELECT id, RANK() OVER (ORDER BY a DESC, b), ROW_NUMBER() OVER (PARTITION BY a ORDER BY id DESC) FROM n ORDER BY id
---
(1, 5, 2)
(2, 4, 1)
(3, 2, 2)
(4, 7, 2)
(5, 6, 1)
(6, 1, 1)
(7, 3, 1)

> SELECT id, RANK() OVER (), PERCENT_RANK() OVER (), CUME_DIST() OVER () FROM n ORDER BY id
---
(1, 1, 0.0, 1.0)
(2, 1, 0.0, 1.0)
(3, 1, 0.0, 1.0)
(4, 1, 0.0, 1.0)
(5, 1, 0.0, 1.0)
(6, 1, 0.0, 1.0)
(7, 1, 0.0, 1.0)

> SELECT id, NTILE(3) OVER (ORDER BY id), NTILE(10) OVER (ORDER BY id), NTILE(2) OVER (PARTITION BY a ORDER BY id) FROM n ORDER BY id
---
(1, 1, 1, 1)
(2, 1, 2, 2)
(3, 1, 3, 1)
(4, 2, 4, 1)
(5, 2, 5, 2)
(6, 3, 6, 1)
(7, 3, 7, 2)

> SELECT id, LAG(id) OVER (ORDER BY id), LAG(a, 2) OVER (ORDER BY id), LAG(a, 2, -1) OVER (ORDER BY id), LEAD(t, 1, 'end') OVER (PARTITION BY b ORDER BY id) FROM n ORDER BY id
---
(1, None, None, -1, 'X')
(2, 1, None, -1, '')
(3, 2, 1, 1, 'end')
(4, 3, 1, 1, 'x')
(5, 4, 2, 2, 'end')
(6, 5, None, None, 'end')
(7, 6, None, None, 'end')

> SELECT id, LAG(id, 0) OVER (ORDER BY id) FROM n WHERE id < 3 ORDER BY id
---
(1, 1)
(2, 2)

> SELECT id, ROW_NUMBER() OVER (ORDER BY f NULLS LAST), RANK() OVER (ORDER BY t DESC NULLS FIRST) FROM n ORDER BY id
---
(1, 3, 4)
(2, 7, 3)
(3, 1, 6)
(4, 2, 1)
(5, 4, 7)
(6, 6, 2)
(7, 5, 4)

> SELECT ROW_NUMBER() OVER (ORDER BY id) FROM n WHERE id > 100
---
no rows

> SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS r FROM n ORDER BY r DESC LIMIT 2
---
(7, 7)
(6, 6)

> SELECT * FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY a ORDER BY id) AS r FROM n) AS numbered WHERE r = 2 ORDER BY id
---
(2, 2)
(5, 2)
(7, 2)

> SELECT DISTINCT COUNT(*) OVER (PARTITION BY a) AS c FROM n ORDER BY c
---
(1,)
(2,)

[differs: sqlite3 has no NULL or negative check]> SELECT NTILE(0) OVER () FROM n
---
DataError: the argument of NTILE must be greater than zero, not 0
