# WITH RECURSIVE: rounds over the rows found last, until there are none.
use: library
use: numbers

[plan,code]> WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM t WHERE k < 5) SELECT k FROM t
---
Project: t.k
  Recursive: t, union all
    Project: 1 as ?column?
      Values: 1 row
    Project: t_2.k + 1 as ?column?
      Filter: t_2.k < 5
        WorkTable: t_rows
 1 # EXPLAIN (FORMAT PYTHON) WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM t WHERE k < 5) SELECT k FROM t
 2 def select(params):
 3     t_rows = []
 4     @once
 5     def t_first_2():
 6         found = []
 7         # Project: 1 as ?column?
 8         found.append((1,))
 9         return found
10     def t_step():
11         # WorkTable: t_rows
12         # Filter: t_2.k < 5
13         # Project: t_2.k + 1 as ?column?
14         found_2 = [(None if t_2[K] is None else t_2[K] + 1,) for t_2 in t_rows if t_2[K] is not None and t_2[K] < 5]
15         return found_2
16     # Recursive: t, union all
17     # Project: t.k
18     return list(rounds(t_rows, t_first_2(), t_step, False))
(1,)
(2,)
(3,)
(4,)
(5,)

> WITH RECURSIVE t (k) AS (VALUES (1) UNION SELECT (k * 2) %% 7 FROM t) SELECT k FROM t ORDER BY k {}
---
(1,)
(2,)
(4,)

> WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM t) SELECT k FROM t LIMIT 3
---
(1,)
(2,)
(3,)

> WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM t LIMIT 4) SELECT SUM(k), COUNT(*) FROM t
---
(10, 4)

> WITH RECURSIVE edge (f, t) AS (VALUES (1, 2), (2, 3), (3, 1), (3, 4)), reach (node) AS (SELECT 1 UNION SELECT edge.t FROM reach JOIN edge ON edge.f = reach.node) SELECT node FROM reach ORDER BY node
---
(1,)
(2,)
(3,)
(4,)

> WITH RECURSIVE path (node, way) AS (SELECT 1, '1' UNION ALL SELECT b.id, path.way || '>' || b.id FROM path JOIN n AS b ON b.a = path.node AND b.id > path.node) SELECT node, way FROM path ORDER BY way
---
(1, '1')
(2, '1>2')
(3, '1>2>3')
(6, '1>2>3>6')
(7, '1>2>7')

> WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM t WHERE k < 3) SELECT x.k, y.k FROM t AS x, t AS y WHERE x.k < y.k ORDER BY 1, 2
---
(1, 2)
(1, 3)
(2, 3)

> WITH RECURSIVE fib (a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib WHERE b < 50) SELECT a FROM fib
---
(0,)
(1,)
(1,)
(2,)
(3,)
(5,)
(8,)
(13,)
(21,)
(34,)

> SELECT id, (WITH RECURSIVE t (k) AS (SELECT n.id UNION ALL SELECT k + 10 FROM t WHERE k < 30) SELECT MAX(k) FROM t) FROM n WHERE id < 4 ORDER BY id
---
(1, 31)
(2, 32)
(3, 33)

[differs: sqlite3 computes with floats]> WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT k * 1.5 FROM t WHERE k < 4) SELECT k FROM t
---
(Decimal('1'),)
(Decimal('1.5'),)
(Decimal('2.25'),)
(Decimal('3.375'),)
(Decimal('5.0625'),)

> WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT MAX(k) + 1 FROM t) SELECT k FROM t
---
NotSupportedError: recursive query "t" must not refer to itself below an aggregate: "MAX(k) + 1 FROM t" at 1:52

> WITH RECURSIVE t (k) AS (SELECT k + 1 FROM t) SELECT k FROM t
---
NotSupportedError: recursive query "t" must be a query without that name, UNION [ALL], then one with it: "k + 1 FROM t" at 1:33

> WITH RECURSIVE t (k) AS (SELECT 1 UNION ALL SELECT x.k FROM t AS x, t AS y) SELECT k FROM t
---
NotSupportedError: recursive query "t" must not refer to itself more than once: "x.k FROM t AS x, t AS y" at 1:52

> WITH RECURSIVE t (k) AS (SELECT 1 UNION SELECT 2 WHERE EXISTS (SELECT 1 FROM t)) SELECT k FROM t
---
NotSupportedError: recursive query "t" must not refer to itself within a subquery: "2 WHERE EXISTS (SELECT 1 FROM t)" at 1:48
