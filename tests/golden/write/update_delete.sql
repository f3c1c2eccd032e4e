# UPDATE and DELETE, with RETURNING, expressions over old values, subqueries.
use: library

> UPDATE book SET year = year + 1 WHERE author_id = 1
---

> SELECT id, year FROM book ORDER BY id
---

> UPDATE book SET year = id, title = title || year WHERE id < 3 RETURNING id, title, year
---

> UPDATE book SET price = (SELECT MAX(price) FROM book) WHERE price IS NULL
---

> SELECT id, price FROM book ORDER BY id
---

> UPDATE n2 SET a = 1
---

> DELETE FROM book_tag WHERE book_id IN (SELECT id FROM book WHERE year < 10)
---

> SELECT COUNT(*) FROM book_tag
---

> DELETE FROM book_tag WHERE tag_id = 2 RETURNING id
---

> DELETE FROM book_tag
---

> SELECT COUNT(*) FROM book_tag
---

> UPDATE book SET id = id + 100
---

> SELECT id, title FROM book ORDER BY id LIMIT 2
---

> UPDATE author SET name = 'Borges' WHERE id = 1
---

> SELECT name FROM author ORDER BY id
---
