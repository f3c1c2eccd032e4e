# UPDATE and DELETE, with RETURNING, expressions over old values, subqueries.
use: library

> UPDATE book SET year = year + 1 WHERE author_id = 1
---
2 rows

> SELECT id, year FROM book ORDER BY id
---
(1, 1816)
(2, 1818)
(3, 1944)
(4, 1949)
(5, 1972)
(6, 1984)
(7, 1000)

> UPDATE book SET year = id, title = title || year WHERE id < 3 RETURNING id, title, year
---
(1, 'Emma1816', 1)
(2, 'Persuasion1818', 2)

> UPDATE book SET price = (SELECT MAX(price) FROM book) WHERE price IS NULL
---
2 rows

> SELECT id, price FROM book ORDER BY id
---
(1, Decimal('7.50'))
(2, Decimal('6.25'))
(3, Decimal('9.99'))
(4, Decimal('11.00'))
(5, Decimal('11.00'))
(6, Decimal('8.00'))
(7, Decimal('11.00'))

> UPDATE n2 SET a = 1
---
ProgrammingError: table "n2" does not exist: "n2" at 1:8

> DELETE FROM book_tag WHERE book_id IN (SELECT id FROM book WHERE year < 10)
---
3 rows

> SELECT COUNT(*) FROM book_tag
---
(5,)

> DELETE FROM book_tag WHERE tag_id = 2 RETURNING id
---
(4,)
(6,)

> DELETE FROM book_tag
---
3 rows

> SELECT COUNT(*) FROM book_tag
---
(0,)

> UPDATE book SET id = id + 100
---
7 rows

> SELECT id, title FROM book ORDER BY id LIMIT 2
---
(101, 'Emma1816')
(102, 'Persuasion1818')

> UPDATE author SET name = 'Borges' WHERE id = 1
---
IntegrityError: UNIQUE constraint failed: author.name (author_name_key)

> SELECT name FROM author ORDER BY id
---
('Austen',)
('Borges',)
('Calvino',)
('Duras',)
('Homer',)

> CREATE TABLE moved (a text, b text)
---
ok

> INSERT INTO moved VALUES ('aa', 'b'), ('b', 'aa')
---
2 rows

[differs: sqlite3 3.40 looks for rows while it changes them]> UPDATE moved SET a = b WHERE a <= b OR NOT EXISTS (SELECT 1 FROM moved AS m WHERE m.a = moved.b)
---
1 rows

[differs: it found two rows]> SELECT a, b FROM moved
---
('b', 'b')
('b', 'aa')

> UPDATE book SET (price, rating) = (SELECT 5.00, a.id FROM author a WHERE a.id = book.author_id) WHERE id IN (SELECT MIN(id) FROM book) RETURNING id, price, rating
---
(101, Decimal('5.00'), 1.0)

> UPDATE book SET (price, rating) = (SELECT a.id FROM author a) WHERE id = 5
---
ProgrammingError: the subquery has 1 columns, not 2: "a.id FROM author a" at 1:43

> UPDATE book SET (price, rating) = 5
---
NotSupportedError: a row of values is a row or a subquery: anything else is not supported: "5" at 1:35
