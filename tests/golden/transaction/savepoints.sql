# BEGIN, SAVEPOINT, ROLLBACK TO, RELEASE, COMMIT: rows, indexes and schema go back together.
use: numbers

> BEGIN
---
ok

> INSERT INTO n (id, a) VALUES (100, 1)
---
1 rows

> SAVEPOINT s1
---
ok

> DELETE FROM n WHERE a = 1
---
3 rows

> SELECT COUNT(*) FROM n
---
(5,)

> ROLLBACK TO SAVEPOINT s1
---
ok

> SELECT id FROM n WHERE a = 1 ORDER BY id
---
(1,)
(2,)
(100,)

> RELEASE SAVEPOINT s1
---
ok

> ROLLBACK
---
ok

> SELECT id FROM n WHERE a = 1 ORDER BY id
---
(1,)
(2,)

> BEGIN
---
ok

> CREATE TABLE m (id integer PRIMARY KEY)
---
ok

> INSERT INTO m (id) VALUES (1)
---
1 rows

> ROLLBACK
---
ok

> SELECT * FROM m
---
ProgrammingError: table "m" does not exist: "m" at 1:15

> BEGIN
---
ok

> UPDATE n SET a = 9 WHERE id = 1
---
1 rows

> COMMIT
---
ok

> SELECT a FROM n WHERE id = 1
---
(9,)

> BEGIN
---
ok

> INSERT INTO n (id, a) VALUES (101, 1), (102, 2)
---
2 rows

> SAVEPOINT s
---
ok

> INSERT INTO n (id, a) VALUES (103, 3)
---
1 rows

> DELETE FROM n WHERE id IN (1, 101)
---
2 rows

> ROLLBACK TO SAVEPOINT s
---
ok

> SELECT COUNT(*), COUNT(*) FILTER (WHERE id > 100) FROM n
---
(9, 2)

> SELECT COUNT(*) FROM n
---
(9,)

> ROLLBACK
---
ok

> SELECT COUNT(*) FROM n
---
(7,)
