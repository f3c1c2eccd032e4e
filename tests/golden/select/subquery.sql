# Scalar, EXISTS, IN and FROM subqueries, correlated and not.
use: library

> SELECT name, (SELECT COUNT(*) FROM book b WHERE b.author_id = a.id) FROM author a ORDER BY name
---

[plan]> SELECT name FROM author a WHERE EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id AND b.year > %s) ORDER BY name {1900}
---

[plan]> SELECT name FROM author a WHERE NOT EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id) ORDER BY name
---

[plan]> SELECT name FROM author WHERE id IN (SELECT author_id FROM book WHERE in_print) ORDER BY name
---

> SELECT name FROM author WHERE id NOT IN (SELECT author_id FROM book) ORDER BY name
---

> SELECT name FROM author WHERE id NOT IN (SELECT author_id FROM book WHERE author_id IS NOT NULL) ORDER BY name
---

> SELECT s.title, s.y FROM (SELECT title, year + 1 AS y FROM book WHERE year < 1900) s ORDER BY s.y
---

> SELECT AVG(c) FROM (SELECT author_id, COUNT(*) AS c FROM book GROUP BY author_id) s
---

> SELECT (SELECT MAX(year) FROM book)
---

> SELECT (SELECT title FROM book WHERE id = 99)
---

> SELECT title FROM book b WHERE year = (SELECT MAX(year) FROM book c WHERE c.author_id = b.author_id) ORDER BY title
---

> SELECT a.name, (SELECT b.title FROM book b WHERE b.author_id = a.id ORDER BY b.year DESC LIMIT 1) AS latest FROM author a ORDER BY a.name
---

[differs: sqlite3 takes the first of several rows]> SELECT (SELECT title FROM book)
---
