# BEGIN, SAVEPOINT, ROLLBACK TO, RELEASE, COMMIT: rows, indexes and schema go back together.
use: numbers

> BEGIN
---

> INSERT INTO n (id, a) VALUES (100, 1)
---

> SAVEPOINT s1
---

> DELETE FROM n WHERE a = 1
---

> SELECT COUNT(*) FROM n
---

> ROLLBACK TO SAVEPOINT s1
---

> SELECT id FROM n WHERE a = 1 ORDER BY id
---

> RELEASE SAVEPOINT s1
---

> ROLLBACK
---

> SELECT id FROM n WHERE a = 1 ORDER BY id
---

> BEGIN
---

> CREATE TABLE m (id integer PRIMARY KEY)
---

> INSERT INTO m (id) VALUES (1)
---

> ROLLBACK
---

> SELECT * FROM m
---

> BEGIN
---

> UPDATE n SET a = 9 WHERE id = 1
---

> COMMIT
---

> SELECT a FROM n WHERE id = 1
---
