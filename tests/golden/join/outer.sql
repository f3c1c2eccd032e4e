# Left, right and full joins, and what a WHERE makes of them.
use: library

[plan]> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id ORDER BY a.id, b.id
---
Project: a.name, b.title
  Sort: a.id, b.id
    NestedLoop: left
      Scan: author a
      IndexLookup: book b using book_author_id (b.author_id = a.id)
('Austen', 'Emma')
('Austen', 'Persuasion')
('Borges', 'Ficciones')
('Borges', 'El Aleph')
('Calvino', 'Le citta invisibili')
('Duras', "L'amant")
('Homer', None)

[plan]> SELECT b.title, a.name FROM book b LEFT OUTER JOIN author a ON a.id = b.author_id ORDER BY b.id
---
Project: b.title, a.name
  NestedLoop: left
    Scan: book b
    KeyLookup: author a (a.id = b.author_id)
('Emma', 'Austen')
('Persuasion', 'Austen')
('Ficciones', 'Borges')
('El Aleph', 'Borges')
('Le citta invisibili', 'Calvino')
("L'amant", 'Duras')
('Beowulf', None)

> SELECT b.title, a.name FROM author a RIGHT JOIN book b ON a.id = b.author_id ORDER BY b.id
---
('Emma', 'Austen')
('Persuasion', 'Austen')
('Ficciones', 'Borges')
('El Aleph', 'Borges')
('Le citta invisibili', 'Calvino')
("L'amant", 'Duras')
('Beowulf', None)

> SELECT a.name, b.title FROM author a FULL JOIN book b ON a.id = b.author_id AND b.year > 1900 ORDER BY a.name, b.title
---
(None, 'Beowulf')
(None, 'Emma')
(None, 'Persuasion')
('Austen', None)
('Borges', 'El Aleph')
('Borges', 'Ficciones')
('Calvino', 'Le citta invisibili')
('Duras', "L'amant")
('Homer', None)

> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.id IS NULL ORDER BY a.name
---
('Homer',)

[plan]> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.year > 1980
---
Project: a.name
  NestedLoop: inner
    IndexRange: book b using book_year (b.year > 1980), or a Scan if many
    KeyLookup: author a (a.id = b.author_id)
('Duras',)

> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.year > 1940 ORDER BY a.id, b.id
---
('Austen', None)
('Borges', 'Ficciones')
('Borges', 'El Aleph')
('Calvino', 'Le citta invisibili')
('Duras', "L'amant")
('Homer', None)

> SELECT a.name, b.title, t.name FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN book_tag bt ON bt.book_id = b.id LEFT JOIN tag t ON t.id = bt.tag_id ORDER BY a.id, b.id, t.id
---
('Austen', 'Emma', 'novel')
('Austen', 'Emma', 'classic')
('Austen', 'Persuasion', 'novel')
('Borges', 'Ficciones', 'short')
('Borges', 'Ficciones', 'classic')
('Borges', 'El Aleph', 'short')
('Calvino', 'Le citta invisibili', 'novel')
('Duras', "L'amant", 'novel')
('Homer', None, None)

> SELECT COUNT(b.id), COUNT(*) FROM author a LEFT JOIN (book b JOIN book_tag bt ON bt.book_id = b.id) ON b.author_id = a.id
---
(8, 9)

[plan]> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.in_print IS NULL AND b.title > 'A'
---
Project: a.name, b.title
  NestedLoop: inner
    Filter: (b.in_print is null) and (b.title > 'A')
      Scan: book b
    KeyLookup: author a (a.id = b.author_id)
no rows

> SELECT a.name FROM author a LEFT JOIN book_tag b ON b.id = a.id WHERE b.book_id IS NULL AND b.tag_id IS NOT NULL
---
no rows

> SELECT id FROM (SELECT 1 AS id UNION SELECT 3) AS one FULL JOIN (SELECT 2.5 AS id) AS other USING (id) ORDER BY id
---
(Decimal('1'),)
(Decimal('2.5'),)
(Decimal('3'),)

[differs: sqlite3 compares what is of two types]> SELECT id FROM author FULL JOIN (SELECT name AS id FROM author) AS other USING (id) ORDER BY id
---
ProgrammingError: FULL JOIN … USING: types integer and varchar(40) cannot be matched; a CAST may help: "name AS id FROM author) AS other USING (id" at 1:41
