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

[plan,code]> WITH RECURSIVE t (year, steps) AS (SELECT MIN(year), 0 FROM book UNION SELECT a.born, steps + 1 FROM t JOIN author a ON a.born > t.year JOIN book b ON b.year = a.born + 45, tag) SELECT year, steps FROM t
---
Project: t.year, t.steps
  Recursive: t, union
    Project: grouped.min, 0 as ?column?
      Aggregate: min(book.year)
        Limit: 1
          IndexRange: book using book_year
    Project: a.born, t_2.steps + 1 as ?column?
      NestedLoop: semi
        HashJoin: semi on a.born + 45 = b.year
          NestedLoop: inner on a.born > t_2.year
            WorkTable: t_rows
            Scan: author a
          Scan: book b
        Limit: 1
          Scan: tag
 1 # EXPLAIN (FORMAT PYTHON) WITH RECURSIVE t (year, steps) AS (SELECT MIN(year), 0 FROM book UNION SELECT a.born, steps + 1 FROM t JOIN author a ON a.born > t.year JOIN book b ON b.year = a.born + 45, tag) SELECT year, steps FROM t
 2 def select(book_table, author, tag_table, params):
 3     book_year = book_table.index('book_year')
 4     t_rows = []
 5     @once
 6     def t_first_2():
 7         # IndexRange: book using book_year
 8         # Limit: 1
 9         min_values_2 = [book[YEAR] for book in islice(book_table.fetch(book_year.range(), columns=(3,)), 1)]
10         found = []
11         # Aggregate: min(book.year)
12         grouped_min = min_of(min_values_2)
13         # Project: grouped.min, 0 as ?column?
14         found.append((grouped_min, 0))
15         return found
16     @once
17     def rows():
18         # Scan: author a
19         found_2 = list(author.rows(columns=(2,)))
20         return found_2
21     @once
22     def b_by_key():
23         # Scan: book b
24         b_by_year = {b[YEAR] for b in book_table.rows(columns=(3,))}
25         return b_by_year
26     @once
27     def rows_2():
28         # Scan: tag
29         # Limit: 1
30         found_3 = [None for _ in islice((None for tag in tag_table.rows(columns=())), 1)]
31         return found_3
32     def t_step():
33         b_by_year = b_by_key()
34         found_4 = []
35         # WorkTable: t_rows
36         for t_2 in t_rows:
37             # NestedLoop: inner on a.born > t_2.year
38             for a in rows():
39                 a_born = a[2]
40                 t_2_year = t_2[0]
41                 if a_born is not None and t_2_year is not None and (a_born > t_2_year):
42                     # HashJoin: semi on a.born + 45 = b.year
43                     if (None if a_born is None else a_born + 45) in b_by_year:
44                         # NestedLoop: semi
45                         if rows_2():
46                             # Project: a.born, t_2.steps + 1 as ?column?
47                             t_2_steps = t_2[1]
48                             found_4.append((a_born, None if t_2_steps is None else t_2_steps + 1))
49         return found_4
50     # Recursive: t, union
51     # Project: t.year, t.steps
52     return list(rounds(t_rows, t_first_2(), t_step, True))
(1000, 0)
(1899, 1)

> WITH RECURSIVE t (price, name) AS (SELECT 7.50, 'a' UNION SELECT b.rating, a.name FROM t JOIN book b ON b.price = t.price LEFT JOIN author a ON a.born = b.year + 5 OR a.name > t.name) SELECT name FROM t
---
('a',)
(None,)
