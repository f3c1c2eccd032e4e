# Aggregates of sorted values.
use: library

[differs: sqlite3 has no WITHIN GROUP]> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY price), PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY price), PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY price DESC) FROM book
---
(1944.0, 8.0, Decimal('8.00'), Decimal('8.00'))

[differs: sqlite3 has no WITHIN GROUP]> SELECT author_id, PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY year), PERCENTILE_DISC(%s) WITHIN GROUP (ORDER BY title DESC) FROM book GROUP BY author_id ORDER BY author_id {0}
---
(None, 1000.0, 'Beowulf')
(1, 1815.5, 'Persuasion')
(2, 1945.25, 'Ficciones')
(3, 1972.0, 'Le citta invisibili')
(4, 1984.0, "L'amant")

[differs: sqlite3 has no WITHIN GROUP]> SELECT author_id, COUNT(*) FROM book GROUP BY author_id HAVING PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year) > 1900 ORDER BY PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year) DESC
---
(4, 1)
(3, 1)
(2, 2)

[differs: sqlite3 has no WITHIN GROUP]> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year) FILTER (WHERE in_print) FROM book
---
(1944.0,)

[differs: sqlite3 has no WITHIN GROUP]> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year), PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY year), MODE() WITHIN GROUP (ORDER BY year) FROM book WHERE id > 100
---
(None, None, None)

[differs: sqlite3 has no WITHIN GROUP]> SELECT PERCENTILE_CONT(NULL) WITHIN GROUP (ORDER BY year) FROM book
---
(None,)

[differs: sqlite3 has no WITHIN GROUP]> SELECT MODE() WITHIN GROUP (ORDER BY author_id), MODE() WITHIN GROUP (ORDER BY author_id DESC), MODE() WITHIN GROUP (ORDER BY in_print) FROM book
---
(1, 2, True)

[differs: sqlite3 has no WITHIN GROUP]> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY published - DATE '1800-01-01') AS days, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY INTERVAL '1 hour' * id) AS hours FROM book
---
(datetime.timedelta(days=52594), datetime.timedelta(seconds=14400))

[differs: sqlite3 has no WITHIN GROUP]> SELECT PERCENTILE_CONT(1.5) WITHIN GROUP (ORDER BY year) FROM book
---
DataError: percentile value 1.5 is not between 0 and 1

> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY title) FROM book
---
ProgrammingError: PERCENTILE_CONT takes numbers and intervals, not values of type text: "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY title)" at 1:8

> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year, id) FROM book
---
ProgrammingError: PERCENTILE_CONT takes 1 argument(s), and WITHIN GROUP one expression: "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year, id)" at 1:8

> SELECT PERCENTILE_CONT(rating) WITHIN GROUP (ORDER BY year) FROM book
---
ProgrammingError: the argument of PERCENTILE_CONT is one for all rows: it cannot have columns: "PERCENTILE_CONT(rating) WITHIN GROUP (ORDER BY year)" at 1:8

> SELECT PERCENTILE_CONT(0.5) FROM book
---
ProgrammingError: PERCENTILE_CONT takes its values from WITHIN GROUP (ORDER BY …), which is missing: "PERCENTILE_CONT(0.5)" at 1:8

> SELECT PERCENTILE_CONT(year, 0.5) FROM book
---
ProgrammingError: PERCENTILE_CONT takes its values from WITHIN GROUP (ORDER BY …), which is missing: "PERCENTILE_CONT(year, 0.5)" at 1:8

> SELECT MODE(1) WITHIN GROUP (ORDER BY year) FROM book
---
ProgrammingError: MODE takes 0 argument(s), and WITHIN GROUP one expression: "MODE(1) WITHIN GROUP (ORDER BY year)" at 1:8

> SELECT MODE(year) FROM book
---
ProgrammingError: MODE takes its values from WITHIN GROUP (ORDER BY …), which is missing: "MODE(year)" at 1:8

> SELECT PERCENTILE_CONT(DISTINCT 0.5) WITHIN GROUP (ORDER BY year) FROM book
---
NotSupportedError: DISTINCT is not supported beside WITHIN GROUP: "PERCENTILE_CONT(DISTINCT 0.5) WITHIN GROUP (ORDER BY year)" at 1:8

> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year) OVER () FROM book
---
NotSupportedError: WITHIN GROUP is not supported for window functions: "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year)" at 1:8

> SELECT SUM(year) WITHIN GROUP (ORDER BY year) FROM book
---
NotSupportedError: WITHIN GROUP belongs to PERCENTILE_CONT, PERCENTILE_DISC, MODE, and to no other function: "SUM(year) WITHIN GROUP (ORDER BY year)" at 1:8

> SELECT RANK(3) WITHIN GROUP (ORDER BY year) FROM book
---
NotSupportedError: WITHIN GROUP belongs to PERCENTILE_CONT, PERCENTILE_DISC, MODE, and to no other function: "RANK(3) WITHIN GROUP (ORDER BY year)" at 1:8

> SELECT PERCENTILE_CONT(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY year) FROM book
---
NotSupportedError: an array is no value here: write IN (…), a row for each element, or JSON: "0.5, 0.9" at 1:30

> SELECT id FROM book WHERE PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year) > 1
---
ProgrammingError: aggregate functions are not allowed in WHERE: "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year)" at 1:27

> SELECT author_id, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year) OVER (PARTITION BY author_id) FROM book
---
NotSupportedError: WITHIN GROUP is not supported for window functions: "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY year)" at 1:19

[differs: sqlite3 has no WITHIN GROUP]> SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY d -> 'n'), PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY d -> 'n'), MODE() WITHIN GROUP (ORDER BY d -> 'n'), MODE() WITHIN GROUP (ORDER BY d) FROM (VALUES (CAST('{"n": 10}' AS jsonb)), (CAST('{"n": 9}' AS jsonb)), (CAST('{"n": 9}' AS jsonb)), (CAST('{"n": 30}' AS jsonb)), (CAST('{}' AS jsonb))) AS t (d)
---
(9.5, '9', '9', '{"n": 9}')

[differs: sqlite3 has no WITHIN GROUP]> SELECT MODE() WITHIN GROUP (ORDER BY n), PERCENTILE_CONT(1) WITHIN GROUP (ORDER BY n), PERCENTILE_DISC(0.2) WITHIN GROUP (ORDER BY n) FROM (VALUES (CAST('NaN' AS double precision)), (CAST('NaN' AS double precision)), (1.5), (2.5), (NULL)) AS t (n)
---
(nan, nan, 1.5)

[differs: sqlite3 has no WITHIN GROUP]> SELECT COUNT(*) FROM author a WHERE (SELECT PERCENTILE_CONT(%s) WITHIN GROUP (ORDER BY b.year + %s) FROM book b WHERE b.author_id = a.id) > %s {0.5, 1, 1900}
---
(3,)
