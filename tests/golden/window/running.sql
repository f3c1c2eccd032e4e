# What is made of the rows up to each one: NULL before there is a value, equal rows see each other.
use: numbers

> CREATE TABLE entry (id integer PRIMARY KEY, kind text, day integer, amount integer, rate double precision, price numeric(6, 2), at date)
---
ok

> INSERT INTO entry VALUES (1, 'a', 1, NULL, NULL, NULL, NULL), (2, 'a', 2, 5, 0.1, 1.10, '2020-01-02'), (3, 'a', 2, NULL, 0.2, 2.20, NULL), (4, 'a', 3, -7, 0.3, NULL, '2020-01-01'), (5, 'b', 1, 4, NULL, 3.30, '2021-05-05'), (6, 'b', NULL, NULL, 1e308, NULL, NULL), (7, NULL, 9, 1, 1e308, 0.01, '2019-01-01')
---
7 rows

[code]> SELECT id, SUM(amount) OVER (ORDER BY id), COUNT(amount) OVER (ORDER BY id), COUNT(*) OVER (ORDER BY id) FROM entry
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT id, SUM(amount) OVER (ORDER BY id), COUNT(amount) OVER (ORDER BY id), COUNT(*) OVER (ORDER BY id) FROM entry
 2 def select(entry_table, params):
 3     # Scan: entry
 4     part_2 = list(entry_table.rows(columns=(0, 3)))
 5     # Window: sum(entry.amount), count(entry.amount), count(*) over (order by entry.id)
 6     part = part_2
 7     part.sort(key=itemgetter(0))
 8     column = [entry[AMOUNT] if entry[AMOUNT] is not None else ABSENT for entry in part]
 9     sum_2 = sum_so_far(column)
10     count = count_so_far(column)
11     column_2 = [True for entry in part]
12     count_2 = count_so_far(column_2)
13     # Project: entry.id, windowed.sum, windowed.count, windowed.count_2 as count
14     return [
15         (entry[ID], windowed_sum, windowed_count, windowed_count_2)
16         for entry, windowed_sum, windowed_count, windowed_count_2 in zip(part, sum_2, count, count_2)
17     ]
(1, None, 0, 1)
(2, 5, 1, 2)
(3, 5, 1, 3)
(4, -2, 2, 4)
(5, 2, 3, 5)
(6, 2, 3, 6)
(7, 3, 4, 7)

> SELECT id, SUM(amount) OVER (PARTITION BY kind ORDER BY day), AVG(amount) OVER (PARTITION BY kind ORDER BY day), COUNT(amount) OVER (PARTITION BY kind ORDER BY day) FROM entry ORDER BY id
---
(1, None, None, 0)
(2, 5, 5.0, 1)
(3, 5, 5.0, 1)
(4, -2, -1.0, 2)
(5, 4, 4.0, 1)
(6, None, None, 0)
(7, 1, 1.0, 1)

> SELECT id, MIN(amount) OVER (PARTITION BY kind ORDER BY day DESC), MAX(at) OVER (PARTITION BY kind ORDER BY day DESC), MAX(rate) OVER (PARTITION BY kind ORDER BY id) FROM entry ORDER BY id
---
(1, -7, datetime.date(2020, 1, 2), None)
(2, -7, datetime.date(2020, 1, 2), 0.1)
(3, -7, datetime.date(2020, 1, 2), 0.2)
(4, -7, datetime.date(2020, 1, 1), 0.3)
(5, 4, datetime.date(2021, 5, 5), None)
(6, 4, datetime.date(2021, 5, 5), 1e+308)
(7, 1, datetime.date(2019, 1, 1), 1e+308)

> SELECT id, SUM(rate) OVER (PARTITION BY kind ORDER BY id), AVG(rate) OVER (PARTITION BY kind ORDER BY id) FROM entry WHERE rate < 1 OR rate IS NULL ORDER BY id
---
(1, None, None)
(2, 0.1, 0.1)
(3, 0.30000000000000004, 0.15000000000000002)
(4, 0.6, 0.19999999999999998)
(5, None, None)

> SELECT id, FIRST_VALUE(amount) OVER (PARTITION BY kind ORDER BY day, id), LAST_VALUE(amount) OVER (PARTITION BY kind ORDER BY day), LAST_VALUE(id) OVER (PARTITION BY kind ORDER BY day, id) FROM entry ORDER BY id
---
(1, None, None, 1)
(2, None, None, 2)
(3, None, None, 3)
(4, None, -7, 4)
(5, None, 4, 5)
(6, None, None, 6)
(7, 1, 1, 7)

> SELECT id, SUM(amount) OVER (ORDER BY day ROWS UNBOUNDED PRECEDING), SUM(amount) FILTER (WHERE amount > 0) OVER (ORDER BY day ROWS UNBOUNDED PRECEDING) FROM entry WHERE day <> 2 AND day <> 1 ORDER BY id
---
(4, -7, None)
(7, -6, 1)

[differs: sqlite3 sums decimals as floats]> SELECT id, SUM(price) OVER (ORDER BY id), AVG(price) OVER (PARTITION BY kind ORDER BY id) FROM entry ORDER BY id
---
(1, None, None)
(2, Decimal('1.10'), Decimal('1.10'))
(3, Decimal('3.30'), Decimal('1.65'))
(4, Decimal('3.30'), Decimal('1.65'))
(5, Decimal('6.60'), Decimal('3.30'))
(6, Decimal('6.60'), Decimal('3.30'))
(7, Decimal('6.61'), Decimal('0.01'))

> SELECT id, SUM(rate) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM entry WHERE id > 5 AND id < 7
---
(6, 1e+308)

> CREATE TABLE place (k integer UNIQUE, i integer)
---
ok

> INSERT INTO place VALUES (NULL, 1), (NULL, 1), (1, 1)
---
3 rows

> SELECT k, SUM(i) OVER (ORDER BY k), COUNT(*) OVER (PARTITION BY i ORDER BY k) FROM place ORDER BY k
---
(None, 2, 2)
(None, 2, 2)
(1, 3, 3)

[differs: sqlite3 has no LATERAL]> SELECT a.id, y.z FROM entry a, LATERAL (SELECT SUM(b.id) OVER (ORDER BY a.id) AS z FROM entry b WHERE b.id < 4) AS y WHERE a.id < 3 ORDER BY a.id, y.z
---
(1, 6)
(1, 6)
(1, 6)
(2, 6)
(2, 6)
(2, 6)

> SELECT a.id, (SELECT MIN(z) FROM (SELECT SUM(b.id) OVER (ORDER BY a.id) AS z FROM entry b WHERE b.id < a.id + 2) AS y) FROM entry a WHERE a.id < 3 ORDER BY a.id
---
(1, 3)
(2, 6)

> SELECT kind, SUM(COUNT(*)) OVER (ORDER BY kind), SUM(COUNT(*)) OVER (ORDER BY COUNT(*)) FROM entry GROUP BY kind ORDER BY kind
---
(None, 1, 1)
('a', 5, 7)
('b', 7, 3)
