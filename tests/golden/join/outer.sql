# Left, right and full joins, and what a WHERE makes of them.
use: library

[plan]> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id ORDER BY a.id, b.id
---

[plan]> SELECT b.title, a.name FROM book b LEFT OUTER JOIN author a ON a.id = b.author_id ORDER BY b.id
---

> SELECT b.title, a.name FROM author a RIGHT JOIN book b ON a.id = b.author_id ORDER BY b.id
---

> SELECT a.name, b.title FROM author a FULL JOIN book b ON a.id = b.author_id AND b.year > 1900 ORDER BY a.name, b.title
---

> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.id IS NULL ORDER BY a.name
---

[plan]> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.year > 1980
---

> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.year > 1940 ORDER BY a.id, b.id
---

> SELECT a.name, b.title, t.name FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN book_tag bt ON bt.book_id = b.id LEFT JOIN tag t ON t.id = bt.tag_id ORDER BY a.id, b.id, t.id
---

> SELECT COUNT(b.id), COUNT(*) FROM author a LEFT JOIN (book b JOIN book_tag bt ON bt.book_id = b.id) ON b.author_id = a.id
---
