# Frames that move on from row to row: what leaves them leaves no trace, in digits, separators or NULLs.
use: library

> CREATE TABLE tick (id integer PRIMARY KEY, kind text, price numeric(12, 4), rate double precision, word text, done boolean, flags integer)
---
ok

> INSERT INTO tick VALUES (1, 'a', 1.5000, 1e16, 'un', true, 6), (2, 'a', -1.5000, 1.0, NULL, true, 3), (3, 'b', NULL, -1e16, 'deux', NULL, NULL), (4, 'a', 0.0001, 0.1, '', false, 1), (5, 'b', 99999999.9999, NULL, 'trois', true, 8), (6, NULL, 2.0000, 0.2, 'quatre', true, 12)
---
6 rows

[differs: sqlite3 3.40 forgets the FILTER of MAX where a frame moves]> SELECT id, MIN(rate) OVER w, MAX(word) OVER w, MAX(id) FILTER (WHERE done) OVER w, COUNT(word) OVER w FROM tick WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY id
---
(1, 1.0, 'un', 2, 1)
(2, -1e+16, 'un', 2, 2)
(3, -1e+16, 'deux', 2, 2)
(4, -1e+16, 'trois', 5, 3)
(5, 0.1, 'trois', 6, 3)
(6, 0.2, 'trois', 6, 2)

[differs: sqlite3 sums decimals as floats]> SELECT id, SUM(price) OVER w, AVG(price) OVER w, SUM(price * 0.1) FILTER (WHERE id < 5) OVER w FROM tick WINDOW w AS (ORDER BY id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) ORDER BY id
---
(1, Decimal('0.0000'), Decimal('0.0000'), Decimal('0.00000'))
(2, Decimal('-1.5000'), Decimal('-1.5000'), Decimal('-0.15000'))
(3, Decimal('0.0001'), Decimal('0.0001'), Decimal('0.00001'))
(4, Decimal('100000000.0000'), Decimal('50000000.0000'), Decimal('0.00001'))
(5, Decimal('100000001.9999'), Decimal('50000000.99995'), None)
(6, Decimal('2.0000'), Decimal('2.0000'), None)

[differs: sqlite3 rounds each float sum]> SELECT id, SUM(rate) OVER w, AVG(rate) OVER w FROM tick WINDOW w AS (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) ORDER BY id
---
(1, 1e+16, 1e+16)
(2, 1e+16, 5000000000000000.0)
(3, 1.0, 0.3333333333333333)
(4, -9999999999999998.0, -3333333333333332.5)
(5, -1e+16, -5000000000000000.0)
(6, 0.30000000000000004, 0.15000000000000002)

[differs: sqlite3 has no such aggregates]> SELECT id, STDDEV_POP(flags) OVER w, VARIANCE(price) OVER w, BOOL_AND(done) OVER w, BIT_AND(flags) OVER w, BIT_OR(flags) OVER w, JSON_AGG(flags) OVER w, JSON_OBJECT_AGG(COALESCE(kind, '-'), id) OVER w FROM tick WINDOW w AS (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) ORDER BY id
---
(1, 0.0, None, True, 6, 6, '[6]', '{"a": 1}')
(2, 1.5, Decimal('4.50000000'), True, 2, 7, '[6, 3]', '{"a": 2}')
(3, 1.5, Decimal('4.50000000'), True, 2, 7, '[6, 3, null]', '{"a": 2, "b": 3}')
(4, 1.0, Decimal('1.125150005'), False, 1, 3, '[3, null, 1]', '{"a": 4, "b": 3}')
(5, 3.5, Decimal('4999999999980000.00000002'), False, 0, 9, '[null, 1, 8]', '{"b": 5, "a": 4}')
(6, 4.546060565661952, Decimal('3333333266656668.00000001'), False, 0, 13, '[1, 8, 12]', '{"a": 4, "b": 5, "-": 6}')

[differs: sqlite3 has no such aggregates]> SELECT id, STDDEV(flags) OVER w, BOOL_OR(done) OVER w, BIT_XOR(flags) OVER w, JSON_AGG(word) OVER w FROM tick WINDOW w AS (PARTITION BY kind ORDER BY id) ORDER BY id
---
(1, None, True, 6, '["un"]')
(2, 2.1213203435596424, True, 5, '["un", null]')
(3, None, None, None, '["deux"]')
(4, 2.516611478423583, True, 4, '["un", null, ""]')
(5, None, True, 8, '["deux", "trois"]')
(6, None, True, 12, '["quatre"]')

> SELECT id, GROUP_CONCAT(word, '-') OVER w, GROUP_CONCAT(word) FILTER (WHERE done) OVER w FROM tick WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY id
---
(1, 'un', 'un')
(2, 'un-deux', 'un')
(3, 'deux-', None)
(4, 'deux--trois', 'trois')
(5, '-trois-quatre', 'trois,quatre')
(6, 'trois-quatre', 'trois,quatre')

> SELECT id, GROUP_CONCAT(word, '-') OVER (ORDER BY id), GROUP_CONCAT(id) OVER (PARTITION BY kind ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM tick ORDER BY id
---
(1, 'un', '1,2,4')
(2, 'un', '2,4')
(3, 'un-deux', '3,5')
(4, 'un-deux-', '4')
(5, 'un-deux--trois', '5')
(6, 'un-deux--trois-quatre', '6')

> SELECT id, SUM(done) OVER (ORDER BY id), SUM(flags) OVER (ORDER BY id ROWS BETWEEN 3 FOLLOWING AND 4 FOLLOWING), MAX(flags) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 PRECEDING) FROM tick ORDER BY id
---
(1, 1, 9, None)
(2, 2, 20, None)
(3, 2, 12, 6)
(4, 2, None, 6)
(5, 3, None, 3)
(6, 4, None, 1)

> SELECT id, GROUP_CONCAT(id) OVER (w ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW), SUM(flags) OVER (w ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), MAX(flags) OVER (ORDER BY kind GROUPS 1 PRECEDING EXCLUDE TIES), SUM(flags) OVER (ORDER BY kind GROUPS 1 PRECEDING EXCLUDE GROUP) FROM tick WINDOW w AS (ORDER BY kind, id) ORDER BY id
---
(1, '6,2', 12, 12, 12)
(2, '6,1,4', 18, 12, 12)
(3, '2,4,5', 22, 6, 10)
(4, '1,2,3', 21, 12, 12)
(5, '4,3', 22, 8, 10)
(6, '1', None, 12, None)

> SELECT id, FIRST_VALUE(id) OVER (w ROWS 2 PRECEDING EXCLUDE GROUP), LAST_VALUE(id) OVER (w ROWS 2 PRECEDING EXCLUDE CURRENT ROW), NTH_VALUE(id, 2) OVER (w ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM tick WINDOW w AS (ORDER BY kind, id) ORDER BY id
---
(1, 6, 6, 2)
(2, 6, 1, 4)
(3, 2, 4, 5)
(4, 1, 2, 3)
(5, 4, 3, None)
(6, None, None, None)

> SELECT id, MAX(flags) OVER (ORDER BY id RANGE BETWEEN 2 PRECEDING AND 1 PRECEDING), MIN(word) OVER (ORDER BY kind GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM tick ORDER BY id
---
(1, None, '')
(2, 6, '')
(3, 6, '')
(4, 3, '')
(5, 1, '')
(6, 8, 'quatre')
