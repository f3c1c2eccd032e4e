# Ranges of indexes: each bound open and closed, met by rows or not, with NULLs, in both directions.

> CREATE TABLE r (id integer PRIMARY KEY, a integer, b integer NOT NULL, c integer, d text)
---
ok

> CREATE INDEX r_a ON r (a)
---
ok

> CREATE INDEX r_b ON r (b DESC)
---
ok

> CREATE INDEX r_ca ON r (c, a)
---
ok

> CREATE INDEX r_cb ON r (c, b DESC)
---
ok

> CREATE INDEX r_cd ON r (c DESC, d DESC)
---
ok

> CREATE INDEX r_part ON r (d) WHERE a > 2
---
ok

> INSERT INTO r VALUES (1, 1, 1, 1, 'a'), (2, 2, 2, 1, 'b'), (3, 2, 2, 1, NULL), (4, 3, 3, 1, 'b'), (5, NULL, 4, 1, 'c'), (6, NULL, 4, NULL, 'a'), (7, 4, 5, 2, 'd'), (8, 1, 6, 2, NULL), (9, 5, 7, NULL, NULL)
---
9 rows

> SELECT id FROM r WHERE id < 4 ORDER BY id
---
(1,)
(2,)
(3,)

> SELECT id FROM r WHERE id <= 4 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE id > 2 ORDER BY id
---
(3,)
(4,)
(5,)
(6,)
(7,)
(8,)
(9,)

> SELECT id FROM r WHERE id >= 2 ORDER BY id
---
(2,)
(3,)
(4,)
(5,)
(6,)
(7,)
(8,)
(9,)

> SELECT id FROM r WHERE id > 2 AND id < 4 ORDER BY id
---
(3,)

> SELECT id FROM r WHERE id >= 2 AND id <= 4 ORDER BY id
---
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE id > 2 AND id <= 4 ORDER BY id
---
(3,)
(4,)

> SELECT id FROM r WHERE id >= 2 AND id < 4 ORDER BY id
---
(2,)
(3,)

> SELECT id FROM r WHERE id BETWEEN 4 AND 2 ORDER BY id
---
no rows

> SELECT id FROM r WHERE id > 2 AND id < 2 ORDER BY id
---
no rows

> SELECT id FROM r WHERE id < 0 ORDER BY id
---
no rows

> SELECT id FROM r WHERE id > 99 ORDER BY id
---
no rows

> SELECT id FROM r WHERE a < 3 ORDER BY id
---
(1,)
(2,)
(3,)
(8,)

> SELECT id FROM r WHERE a <= 3 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(8,)

> SELECT id FROM r WHERE a > 2 ORDER BY id
---
(4,)
(7,)
(9,)

> SELECT id FROM r WHERE a >= 2 ORDER BY id
---
(2,)
(3,)
(4,)
(7,)
(9,)

> SELECT id FROM r WHERE a > 2 AND a < 3 ORDER BY id
---
no rows

> SELECT id FROM r WHERE a >= 2 AND a <= 3 ORDER BY id
---
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE a > 2 AND a <= 3 ORDER BY id
---
(4,)

> SELECT id FROM r WHERE a >= 2 AND a < 3 ORDER BY id
---
(2,)
(3,)

> SELECT id FROM r WHERE a BETWEEN 3 AND 2 ORDER BY id
---
no rows

> SELECT id FROM r WHERE a > 2 AND a < 2 ORDER BY id
---
no rows

> SELECT id FROM r WHERE a < 0 ORDER BY id
---
no rows

> SELECT id FROM r WHERE a > 99 ORDER BY id
---
no rows

> SELECT id FROM r WHERE b < 4 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE b <= 4 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(5,)
(6,)

> SELECT id FROM r WHERE b > 2 ORDER BY id
---
(4,)
(5,)
(6,)
(7,)
(8,)
(9,)

> SELECT id FROM r WHERE b >= 2 ORDER BY id
---
(2,)
(3,)
(4,)
(5,)
(6,)
(7,)
(8,)
(9,)

> SELECT id FROM r WHERE b > 2 AND b < 4 ORDER BY id
---
(4,)

> SELECT id FROM r WHERE b >= 2 AND b <= 4 ORDER BY id
---
(2,)
(3,)
(4,)
(5,)
(6,)

> SELECT id FROM r WHERE b > 2 AND b <= 4 ORDER BY id
---
(4,)
(5,)
(6,)

> SELECT id FROM r WHERE b >= 2 AND b < 4 ORDER BY id
---
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE b BETWEEN 4 AND 2 ORDER BY id
---
no rows

> SELECT id FROM r WHERE b > 2 AND b < 2 ORDER BY id
---
no rows

> SELECT id FROM r WHERE b < 0 ORDER BY id
---
no rows

> SELECT id FROM r WHERE b > 99 ORDER BY id
---
no rows

> SELECT id FROM r WHERE c < 2 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(5,)

> SELECT id FROM r WHERE c <= 2 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(5,)
(7,)
(8,)

> SELECT id FROM r WHERE c > 1 ORDER BY id
---
(7,)
(8,)

> SELECT id FROM r WHERE c >= 1 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(5,)
(7,)
(8,)

> SELECT id FROM r WHERE c > 1 AND c < 2 ORDER BY id
---
no rows

> SELECT id FROM r WHERE c >= 1 AND c <= 2 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(5,)
(7,)
(8,)

> SELECT id FROM r WHERE c > 1 AND c <= 2 ORDER BY id
---
(7,)
(8,)

> SELECT id FROM r WHERE c >= 1 AND c < 2 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(5,)

> SELECT id FROM r WHERE c BETWEEN 2 AND 1 ORDER BY id
---
no rows

> SELECT id FROM r WHERE c > 1 AND c < 1 ORDER BY id
---
no rows

> SELECT id FROM r WHERE c < 0 ORDER BY id
---
no rows

> SELECT id FROM r WHERE c > 99 ORDER BY id
---
no rows

> SELECT id, a FROM r WHERE a <= 3 OR a IS NULL ORDER BY a, id LIMIT 5
---
(5, None)
(6, None)
(1, 1)
(8, 1)
(2, 2)

> SELECT id, a FROM r ORDER BY a, id LIMIT 4 OFFSET 1
---
(6, None)
(1, 1)
(8, 1)
(2, 2)

> SELECT id, a FROM r WHERE a <= 3 OR a IS NULL ORDER BY a DESC, id LIMIT 5
---
(4, 3)
(2, 2)
(3, 2)
(1, 1)
(8, 1)

> SELECT id, a FROM r ORDER BY a DESC, id LIMIT 4 OFFSET 1
---
(7, 4)
(4, 3)
(2, 2)
(3, 2)

> SELECT id, a FROM r WHERE a <= 3 OR a IS NULL ORDER BY a NULLS LAST, id LIMIT 5
---
(1, 1)
(8, 1)
(2, 2)
(3, 2)
(4, 3)

> SELECT id, a FROM r ORDER BY a NULLS LAST, id LIMIT 4 OFFSET 1
---
(8, 1)
(2, 2)
(3, 2)
(4, 3)

> SELECT id, a FROM r WHERE a <= 3 OR a IS NULL ORDER BY a DESC NULLS FIRST, id LIMIT 5
---
(5, None)
(6, None)
(4, 3)
(2, 2)
(3, 2)

> SELECT id, a FROM r ORDER BY a DESC NULLS FIRST, id LIMIT 4 OFFSET 1
---
(6, None)
(9, 5)
(7, 4)
(4, 3)

> SELECT id, b FROM r WHERE b > 1 AND b <= 5 ORDER BY b, id LIMIT 3
---
(2, 2)
(3, 2)
(4, 3)

> SELECT id, b FROM r WHERE b > 1 AND b <= 5 ORDER BY b DESC, id LIMIT 3
---
(7, 5)
(5, 4)
(6, 4)

> SELECT id FROM r WHERE c = 1 AND a < 3 ORDER BY id
---
(1,)
(2,)
(3,)

> SELECT id FROM r WHERE c = 1 AND a <= 3 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE c = 1 AND a > 1 ORDER BY id
---
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE c = 1 AND a >= 1 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE c = 1 AND a > 1 AND a <= 3 ORDER BY id
---
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE c = 1 AND a >= 1 AND a < 3 ORDER BY id
---
(1,)
(2,)
(3,)

> SELECT id FROM r WHERE c = 1 AND a IS NULL ORDER BY id
---
(5,)

> SELECT id FROM r WHERE c = 1 AND a IS NOT NULL ORDER BY id
---
(1,)
(2,)
(3,)
(4,)

> SELECT id, a FROM r WHERE c = 1 ORDER BY a, id LIMIT 3
---
(5, None)
(1, 1)
(2, 2)

> SELECT id, a FROM r WHERE c = 1 ORDER BY a DESC, id LIMIT 3
---
(4, 3)
(2, 2)
(3, 2)

> SELECT id FROM r WHERE c = 1 AND b < 3 ORDER BY id
---
(1,)
(2,)
(3,)

> SELECT id FROM r WHERE c = 1 AND b <= 3 ORDER BY id
---
(1,)
(2,)
(3,)
(4,)

> SELECT id FROM r WHERE c = 1 AND b > 2 ORDER BY id
---
(4,)
(5,)

> SELECT id FROM r WHERE c = 1 AND b >= 2 ORDER BY id
---
(2,)
(3,)
(4,)
(5,)

> SELECT id FROM r WHERE c = 1 AND b > 2 AND b <= 3 ORDER BY id
---
(4,)

> SELECT id FROM r WHERE c = 1 AND b >= 2 AND b < 3 ORDER BY id
---
(2,)
(3,)

> SELECT id FROM r WHERE c = 1 AND b IS NULL ORDER BY id
---
no rows

> SELECT id FROM r WHERE c = 1 AND b IS NOT NULL ORDER BY id
---
(1,)
(2,)
(3,)
(4,)
(5,)

> SELECT id, b FROM r WHERE c = 1 ORDER BY b, id LIMIT 3
---
(1, 1)
(2, 2)
(3, 2)

> SELECT id, b FROM r WHERE c = 1 ORDER BY b DESC, id LIMIT 3
---
(5, 4)
(4, 3)
(2, 2)

> SELECT id FROM r WHERE c = 1 AND d < 'b' ORDER BY id
---
(1,)

> SELECT id FROM r WHERE c = 1 AND d <= 'b' ORDER BY id
---
(1,)
(2,)
(4,)

> SELECT id FROM r WHERE c = 1 AND d > 'a' ORDER BY id
---
(2,)
(4,)
(5,)

> SELECT id FROM r WHERE c = 1 AND d >= 'a' ORDER BY id
---
(1,)
(2,)
(4,)
(5,)

> SELECT id FROM r WHERE c = 1 AND d > 'a' AND d <= 'b' ORDER BY id
---
(2,)
(4,)

> SELECT id FROM r WHERE c = 1 AND d >= 'a' AND d < 'b' ORDER BY id
---
(1,)

> SELECT id FROM r WHERE c = 1 AND d IS NULL ORDER BY id
---
(3,)

> SELECT id FROM r WHERE c = 1 AND d IS NOT NULL ORDER BY id
---
(1,)
(2,)
(4,)
(5,)

> SELECT id, d FROM r WHERE c = 1 ORDER BY d, id LIMIT 3
---
(3, None)
(1, 'a')
(2, 'b')

> SELECT id, d FROM r WHERE c = 1 ORDER BY d DESC, id LIMIT 3
---
(5, 'c')
(2, 'b')
(4, 'b')

> SELECT MIN(a), MAX(a) FROM r
---
(1, 5)

> SELECT MIN(a) FROM r
---
(1,)

> SELECT MAX(a) FROM r
---
(5,)

> SELECT MIN(b) FROM r
---
(1,)

> SELECT MAX(b) FROM r
---
(7,)

> SELECT MIN(a) FROM r WHERE c = 1
---
(1,)

> SELECT MIN(a) FROM r WHERE a > 99
---
(None,)

> SELECT id FROM r WHERE d = 'b' AND a > 2
---
(4,)

> SELECT id FROM r WHERE d = 'b'
---
(2,)
(4,)

> SELECT id FROM r WHERE d IS NULL AND a > 2
---
(9,)

> SELECT id FROM r WHERE a = 2 AND d = 'b' OR b = 4 AND c = 1 ORDER BY id
---
(2,)
(5,)

> SELECT id FROM r WHERE a IN (1, 4, NULL) OR c IS NULL ORDER BY id
---
(1,)
(6,)
(7,)
(8,)
(9,)

> UPDATE r SET a = a + 1, b = b + 1 WHERE a >= 2
---
5 rows

> SELECT id, a, b FROM r WHERE a > 2 ORDER BY a, id
---
(2, 3, 3)
(3, 3, 3)
(4, 4, 4)
(7, 5, 6)
(9, 6, 8)

> SELECT id FROM r WHERE a = 2
---
no rows

> SELECT id FROM r WHERE b >= 3 ORDER BY b, id
---
(2,)
(3,)
(4,)
(5,)
(6,)
(7,)
(8,)
(9,)

> DELETE FROM r WHERE a = 3
---
2 rows

> SELECT id FROM r WHERE a <= 4 ORDER BY id
---
(1,)
(4,)
(8,)

> SELECT COUNT(*), COUNT(a) FROM r WHERE c = 1
---
(3, 2)

> BEGIN
---
ok

> UPDATE r SET a = 7 WHERE c = 2
---
2 rows

> DELETE FROM r WHERE a IS NULL
---
2 rows

> SELECT id FROM r WHERE a = 7 ORDER BY id
---
(7,)
(8,)

> ROLLBACK
---
ok

> SELECT id FROM r WHERE a = 7
---
no rows

> SELECT id FROM r WHERE a IS NULL ORDER BY id
---
(5,)
(6,)

> SELECT id FROM r WHERE a = 1 ORDER BY id
---
(1,)
(8,)

> SELECT COUNT(*) FROM r
---
(7,)

[code]> SELECT COUNT(*) FROM r WHERE a > %s {1}
---
1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM r WHERE a > %s
2 def select(r_table, params):
3     p0 = to_integer(params[0])
4     r_a = r_table.index('r_a')
5     # IndexRange: r using r_a (r.a > p0)
6     count = r_a.size(low=p0, low_open=True)
7     # Aggregate: count(*)
8     # Project: grouped.count
9     return [(count,)]
(3,)

> SELECT COUNT(*) FROM r WHERE a >= %s AND a < %s {1, 3}
---
(2,)

> SELECT COUNT(*) FROM r WHERE b > %s {1}
---
(6,)

> SELECT COUNT(*) FROM r WHERE b <= %s {2}
---
(1,)

[code]> SELECT COUNT(*) FROM r WHERE a IN (%s, %s, %s) {1, 2, None}
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM r WHERE a IN (%s, %s, %s)
 2 def select(r_table, params):
 3     p0 = to_integer(params[0])
 4     p1 = to_integer(params[1])
 5     p2 = to_integer(params[2])
 6     r_a = r_table.index('r_a')
 7     keys = {p0, p1, p2}
 8     # IndexIn: r using r_a (r.a in (p0, p1, p2))
 9     count = sum(r_a.sizes(keys))
10     # Aggregate: count(*)
11     # Project: grouped.count
12     return [(count,)]
(2,)

> SELECT COUNT(*) FROM r WHERE a > %s {None}
---
(0,)

> SELECT x.id, (SELECT COUNT(*) FROM r WHERE r.a > x.a) FROM r x ORDER BY x.id
---
(1, 3)
(4, 2)
(5, 0)
(6, 0)
(7, 1)
(8, 3)
(9, 0)
