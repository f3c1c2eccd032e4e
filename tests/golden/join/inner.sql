# Inner joins: by primary key, by index, by hash, by nothing.
use: library

[plan]> SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id ORDER BY b.id
---
Project: b.title, a.name
  NestedLoop: inner
    Scan: book b
    KeyLookup: author a (a.id = b.author_id)
('Emma', 'Austen')
('Persuasion', 'Austen')
('Ficciones', 'Borges')
('El Aleph', 'Borges')
('Le citta invisibili', 'Calvino')
("L'amant", 'Duras')

[plan]> SELECT a.name, b.title FROM author a INNER JOIN book b ON b.author_id = a.id WHERE a.id = 1 ORDER BY b.id
---
Project: a.name, b.title
  Sort: b.id
    NestedLoop: inner
      KeyLookup: author a (a.id = 1)
      IndexLookup: book b using book_author_id (b.author_id = a.id)
('Austen', 'Emma')
('Austen', 'Persuasion')

> SELECT b.title, t.name FROM book b JOIN book_tag bt ON bt.book_id = b.id JOIN tag t ON t.id = bt.tag_id WHERE t.name = 'novel' ORDER BY b.title
---
('Emma', 'novel')
("L'amant", 'novel')
('Le citta invisibili', 'novel')
('Persuasion', 'novel')

[plan]> SELECT a.name, t.name FROM author a JOIN tag t ON a.born = t.id + 1774
---
Project: a.name, t.name
  HashJoin: inner on a.born = t.id + 1774
    Scan: author a
    Scan: tag t
('Austen', 'novel')

> SELECT COUNT(*) FROM author CROSS JOIN tag
---
(20,)

> SELECT COUNT(*) FROM author, tag WHERE author.id = tag.id
---
(4,)

> SELECT a.name, b.title FROM author a JOIN book b ON b.author_id = a.id AND b.year > a.born + 45 ORDER BY 2
---
('Borges', 'El Aleph')
('Duras', "L'amant")
('Calvino', 'Le citta invisibili')

> SELECT b.title, c.title FROM book b JOIN book c ON c.author_id = b.author_id AND c.id > b.id ORDER BY 1
---
('Emma', 'Persuasion')
('Ficciones', 'El Aleph')

> SELECT id, x.name FROM tag JOIN author x USING (id) ORDER BY id
---
(1, 'Austen')
(2, 'Borges')
(3, 'Calvino')
(4, 'Duras')
