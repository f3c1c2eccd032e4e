# Scalar, EXISTS, IN and FROM subqueries, correlated and not.
use: library

> SELECT name, (SELECT COUNT(*) FROM book b WHERE b.author_id = a.id) FROM author a ORDER BY name
---
('Austen', 2)
('Borges', 2)
('Calvino', 1)
('Duras', 1)
('Homer', 0)

[plan]> SELECT name FROM author a WHERE EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id AND b.year > %s) ORDER BY name {1900}
---
Project: a.name
  Sort: a.name
    NestedLoop: inner
      Distinct
        Project: b.author_id as key 0
          IndexRange: book b using book_year (b.year > p0), or a Scan if many
      KeyLookup: author a (a.id = b keys.key 0)
('Borges',)
('Calvino',)
('Duras',)

[plan]> SELECT name FROM author a WHERE NOT EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id) ORDER BY name
---
Project: a.name
  Sort: a.name
    NestedLoop: anti
      Scan: author a
      IndexLookup: book b using book_author_id (b.author_id = a.id)
('Homer',)

[plan]> SELECT name FROM author WHERE id IN (SELECT author_id FROM book WHERE in_print) ORDER BY name
---
Project: author.name
  Sort: author.name
    NestedLoop: inner
      Distinct
        Project: book.author_id as key 0
          Filter: book.in_print
            Scan: book
      KeyLookup: author (author.id = book keys.key 0)
('Austen',)
('Borges',)
('Calvino',)
('Duras',)

> SELECT name FROM author WHERE id NOT IN (SELECT author_id FROM book) ORDER BY name
---
no rows

> SELECT name FROM author WHERE id NOT IN (SELECT author_id FROM book WHERE author_id IS NOT NULL) ORDER BY name
---
('Homer',)

> SELECT s.title, s.y FROM (SELECT title, year + 1 AS y FROM book WHERE year < 1900) s ORDER BY s.y
---
('Beowulf', 1001)
('Emma', 1816)
('Persuasion', 1818)

> SELECT AVG(c) FROM (SELECT author_id, COUNT(*) AS c FROM book GROUP BY author_id) s
---
(1.4,)

> SELECT (SELECT MAX(year) FROM book)
---
(1984,)

> SELECT (SELECT title FROM book WHERE id = 99)
---
(None,)

> SELECT title FROM book b WHERE year = (SELECT MAX(year) FROM book c WHERE c.author_id = b.author_id) ORDER BY title
---
('El Aleph',)
("L'amant",)
('Le citta invisibili',)
('Persuasion',)

> SELECT a.name, (SELECT b.title FROM book b WHERE b.author_id = a.id ORDER BY b.year DESC LIMIT 1) AS latest FROM author a ORDER BY a.name
---
('Austen', 'Persuasion')
('Borges', 'El Aleph')
('Calvino', 'Le citta invisibili')
('Duras', "L'amant")
('Homer', None)

[differs: sqlite3 takes the first of several rows]> SELECT (SELECT title FROM book)
---
ProgrammingError: more than one row returned by a subquery used as an expression

> SELECT id FROM book WHERE (author_id, year) IN (VALUES (1, 1815), (2, 1949), (NULL, 1000)) ORDER BY id
---
(1,)
(4,)

> SELECT id FROM book WHERE author_id NOT IN (VALUES (1), (2)) ORDER BY id
---
(5,)
(6,)

> SELECT id FROM book WHERE (author_id, year) IN (VALUES (1, 1815, 3))
---
ProgrammingError: the subquery has 3 columns, not 2: "1, 1815, 3" at 1:57

> SELECT name, (SELECT COUNT(*) FROM book b WHERE b.in_print OR b.author_id IN (SELECT id FROM author WHERE name LIKE 'B%')) FROM author a ORDER BY name
---
('Austen', 6)
('Borges', 6)
('Calvino', 6)
('Duras', 6)
('Homer', 6)

> SELECT id FROM book WHERE id = (SELECT COUNT(*) FROM book b WHERE b.in_print OR b.title IN (VALUES ('Emma')))
---
(5,)

> SELECT name FROM author a WHERE EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id AND b.id < (SELECT COUNT(*) FROM book c WHERE c.year < 1900 OR c.author_id IN (SELECT id FROM author WHERE name LIKE 'C%'))) ORDER BY name
---
('Austen',)
('Borges',)

[plan]> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.year > 1900 WHERE NOT EXISTS (SELECT 1 FROM book c WHERE c.year > b.year) ORDER BY a.name, b.title
---
Project: a.name, b.title
  Sort: a.name, b.title
    NestedLoop: anti on c.year > b.year
      NestedLoop: left on b.year > 1900
        Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
      Scan: book c
('Austen', None)
('Duras', "L'amant")
('Homer', None)

[plan]> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.year > 1900 WHERE NOT EXISTS (SELECT 1 FROM author c WHERE c.id = b.author_id AND c.name LIKE 'B%') ORDER BY a.name, b.title
---
Project: a.name, b.title
  Sort: a.name, b.title
    NestedLoop: anti on c.name like 'B%'
      NestedLoop: left on b.year > 1900
        Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
      KeyLookup: author c (c.id = b.author_id)
('Austen', None)
('Calvino', 'Le citta invisibili')
('Duras', "L'amant")
('Homer', None)

> SELECT id FROM book WHERE id > (SELECT MAX(id) FROM author) OR year = 1944 ORDER BY id
---
(3,)
(6,)
(7,)

> SELECT id FROM book WHERE (id, year) > (SELECT 3, 1944) ORDER BY id
---
(4,)
(5,)
(6,)
(7,)

> SELECT id FROM book WHERE id > (SELECT id FROM author WHERE id = 99) OR year = 1944 ORDER BY id
---
(3,)

> UPDATE book SET price = 1 WHERE id < (SELECT MIN(id) + 1 FROM author) OR year = 1944
---
2 rows
