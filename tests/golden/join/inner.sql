# Inner joins: by primary key, by index, by hash, by nothing.
use: library

[plan]> SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id ORDER BY b.id
---

[plan]> SELECT a.name, b.title FROM author a INNER JOIN book b ON b.author_id = a.id WHERE a.id = 1 ORDER BY b.id
---

> SELECT b.title, t.name FROM book b JOIN book_tag bt ON bt.book_id = b.id JOIN tag t ON t.id = bt.tag_id WHERE t.name = 'novel' ORDER BY b.title
---

[plan]> SELECT a.name, t.name FROM author a JOIN tag t ON a.born = t.id + 1774
---

> SELECT COUNT(*) FROM author CROSS JOIN tag
---

> SELECT COUNT(*) FROM author, tag WHERE author.id = tag.id
---

> SELECT a.name, b.title FROM author a JOIN book b ON b.author_id = a.id AND b.year > a.born + 45 ORDER BY 2
---

> SELECT b.title, c.title FROM book b JOIN book c ON c.author_id = b.author_id AND c.id > b.id ORDER BY 1
---

> SELECT id, x.name FROM tag JOIN author x USING (id) ORDER BY id
---
