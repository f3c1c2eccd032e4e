# The order of joins, their strategies, and outer joins that turn out to be inner ones.
use: library

[plan]> SELECT b.title FROM author a JOIN book b ON b.author_id = a.id WHERE a.name = 'Austen' ORDER BY b.id
---
Project: b.title
  Sort: b.id
    NestedLoop: inner
      IndexLookup: author a using author_name_key (a.name = 'Austen')
      IndexLookup: book b using book_author_id (b.author_id = a.id)
('Emma',)
('Persuasion',)

[plan]> SELECT t.name FROM tag t JOIN book_tag bt ON bt.tag_id = t.id JOIN book b ON b.id = bt.book_id WHERE b.isbn = 'i1' ORDER BY t.name
---
Project: t.name
  Sort: t.name
    NestedLoop: inner
      NestedLoop: inner
        IndexLookup: book b using book_isbn_key (b.isbn = 'i1')
        IndexRange: book_tag bt using book_tag_book_id_tag_id_key (bt.book_id = b.id)
      KeyLookup: tag t (t.id = bt.tag_id)
('classic',)
('novel',)

[plan]> SELECT b.id FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE a.country = 'AR' ORDER BY b.id
---
Project: b.id
  Sort: b.id
    NestedLoop: inner
      Filter: a.country = 'AR'
        Scan: author a
      IndexLookup: book b using book_author_id (b.author_id = a.id)
(3,)
(4,)

[plan]> SELECT b.id, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id AND a.country = 'AR' WHERE b.id IN (1, 3)
---
Project: b.id, a.name
  NestedLoop: left on a.country = 'AR'
    KeyIn: book b (b.id in (1, 3))
    KeyLookup: author a (a.id = b.author_id)
(1, None)
(3, 'Borges')

[plan]> SELECT b.id FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE a.id IS NULL
---
Project: b.id
  Filter: a.id is null
    NestedLoop: left
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
(7,)

[plan]> SELECT a.name FROM author a JOIN book b ON b.year - 40 = a.born
---
Project: a.name
  HashJoin: inner on a.born = b.year - 40
    Scan: author a
    Scan: book b
('Austen',)

[plan]> SELECT a.name, b.title FROM author a JOIN book b ON b.year < a.born ORDER BY a.id, b.id
---
Project: a.name, b.title
  Sort: a.id, b.id
    NestedLoop: inner on b.year < a.born
      Scan: author a
      Scan: book b
('Austen', 'Beowulf')
('Borges', 'Emma')
('Borges', 'Persuasion')
('Borges', 'Beowulf')
('Calvino', 'Emma')
('Calvino', 'Persuasion')
('Calvino', 'Beowulf')
('Duras', 'Emma')
('Duras', 'Persuasion')
('Duras', 'Beowulf')
