# Joins that only add columns are looked up after the sorting, where a limit asks for few rows; so with what DISTINCT shows.
use: library

[plan]> SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id ORDER BY b.title LIMIT 2
---
Project: b.title, a.name
  Limit: 2
    NestedLoop: inner
      Sort: b.title (2 at first)
        Scan: book b
      KeyLookup: author a (a.id = b.author_id)
('El Aleph', 'Borges')
('Emma', 'Austen')

[plan]> SELECT b.title, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id ORDER BY b.title, b.id LIMIT 1 OFFSET 1
---
Project: b.title, a.name
  Limit: 1 after 1
    NestedLoop: left
      Sort: b.title, b.id (2 at first)
        Scan: book b
      KeyLookup: author a (a.id = b.author_id)
('El Aleph', 'Borges')

[plan]> SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id WHERE b.id <> 1 ORDER BY b.title LIMIT 1
---
Project: b.title, a.name
  Limit: 1
    NestedLoop: inner
      Sort: b.title (1 at first)
        Filter: b.id <> 1
          Scan: book b
      KeyLookup: author a (a.id = b.author_id)
('El Aleph', 'Borges')

[plan]> SELECT b.id, b.title FROM book b JOIN book_tag bt ON bt.book_id = b.id JOIN tag t ON t.id = bt.tag_id WHERE t.name LIKE 'n%' ORDER BY b.id DESC LIMIT 2
---
Project: b.id, b.title
  Limit: 2
    NestedLoop: inner on t.name like 'n%'
      NestedLoop: inner
        KeyRange: book b (all), backwards
        IndexRange: book_tag bt using book_tag_book_id_tag_id_key (bt.book_id = b.id)
      KeyLookup: tag t (t.id = bt.tag_id)
(6, "L'amant")
(5, 'Le citta invisibili')

[plan]> SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id ORDER BY a.country DESC, b.title LIMIT 2
---
Project: b.title, a.name
  TopN: 2 by a.country desc, b.title
    NestedLoop: inner
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
('Le citta invisibili', 'Calvino')
('Emma', 'Austen')

[plan]> SELECT b.title, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id ORDER BY a.id DESC, b.title LIMIT 3
---
Project: b.title, a.name
  TopN: 3 by a.id desc, b.title
    NestedLoop: left
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
("L'amant", 'Duras')
('Le citta invisibili', 'Calvino')
('El Aleph', 'Borges')

[plan]> SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id AND a.born + b.id > 1900 ORDER BY b.title LIMIT 2
---
Project: b.title, a.name
  TopN: 2 by b.title
    NestedLoop: inner on (a.born + b.id) > 1900
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
('El Aleph', 'Borges')
('Ficciones', 'Borges')

[plan]> SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author_id ORDER BY b.title LIMIT 900
---
Project: b.title, a.name
  TopN: 900 by b.title
    NestedLoop: inner
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
('El Aleph', 'Borges')
('Emma', 'Austen')
('Ficciones', 'Borges')
("L'amant", 'Duras')
('Le citta invisibili', 'Calvino')
('Persuasion', 'Austen')

[plan]> SELECT b.title, t.name, a.name FROM book_tag bt JOIN book b ON b.id = bt.book_id JOIN tag t ON t.id = bt.tag_id LEFT JOIN author a ON a.id = b.author_id ORDER BY bt.tag_id, bt.book_id DESC LIMIT 3
---
Project: b.title, t.name, a.name
  Limit: 3
    NestedLoop: left
      NestedLoop: inner
        NestedLoop: inner
          Sort: bt.tag_id, bt.book_id desc (3 at first)
            Scan: book_tag bt
          KeyLookup: book b (b.id = bt.book_id)
        KeyLookup: tag t (t.id = bt.tag_id)
      KeyLookup: author a (a.id = b.author_id)
("L'amant", 'novel', 'Duras')
('Le citta invisibili', 'novel', 'Calvino')
('Persuasion', 'novel', 'Austen')

[plan]> SELECT b.title, bt.tag_id FROM book_tag bt JOIN book b ON b.id = bt.book_id ORDER BY b.id DESC, bt.tag_id LIMIT 3
---
Project: b.title, bt.tag_id
  Limit: 3
    SortRuns: b.id desc, bt.tag_id (sorted by b.id desc)
      NestedLoop: inner
        KeyRange: book b (all), backwards
        IndexRange: book_tag bt using book_tag_book_id_tag_id_key (bt.book_id = b.id)
("L'amant", 1)
('Le citta invisibili', 1)
('El Aleph', 2)

[plan]> SELECT b.title, bt.tag_id FROM book_tag bt JOIN book b ON b.id = bt.book_id ORDER BY bt.tag_id + 0, b.id LIMIT 3
---
Project: b.title, bt.tag_id
  Limit: 3
    NestedLoop: inner
      Sort: bt.tag_id + 0, bt.book_id (3 at first)
        Scan: book_tag bt
      KeyLookup: book b (b.id = bt.book_id)
('Emma', 1)
('Persuasion', 1)
('Le citta invisibili', 1)

[plan]> SELECT a.name, b.title FROM author a, book b WHERE b.year < a.born ORDER BY a.country DESC, a.name, b.title LIMIT 2
---
Project: a.name, b.title
  TopN: 2 by a.country desc, a.name, b.title
    NestedLoop: inner on b.year < a.born
      Scan: author a
      Scan: book b
('Calvino', 'Beowulf')
('Calvino', 'Emma')

[plan]> SELECT a.name, a.country FROM author a, book b WHERE b.year < a.born ORDER BY a.country DESC, a.name LIMIT 2
---
Project: a.name, a.country
  Limit: 2
    NestedLoop: inner on b.year < a.born
      Sort: a.country desc, a.name (20 at first)
        Scan: author a
      Scan: book b
('Calvino', 'IT')
('Calvino', 'IT')

[plan]> SELECT a.name FROM book b JOIN author a ON a.id = b.author_id CROSS JOIN tag t CROSS JOIN tag u ORDER BY a.name LIMIT 1 OFFSET 12
---
Project: a.name
  Limit: 1 after 12
    NestedLoop: inner
      NestedLoop: inner
        NestedLoop: inner
          IndexRange: author a using author_name_key
          IndexLookup: book b using book_author_id (b.author_id = a.id)
        Scan: tag t
      Scan: tag u
('Austen',)

[plan]> SELECT DISTINCT a.name, t.name FROM author a LEFT JOIN tag t ON t.id < a.id ORDER BY a.name DESC LIMIT 1
---
Project: result.name, result.name_2 as name
  Limit: 1
    Distinct
      Project: a.name, t.name as name_2
        NestedLoop: left on t.id < a.id
          IndexRange: author a using author_name_key, backwards
          Scan: tag t
('Homer', 'novel')

[plan]> SELECT b.year, b.title FROM book b CROSS JOIN tag t ORDER BY b.year, b.title LIMIT 2
---
Project: b.year, b.title
  Limit: 2
    NestedLoop: inner
      SortRuns: b.year, b.title (sorted by b.year)
        IndexRange: book b using book_year
      Scan: tag t
(1000, 'Beowulf')
(1000, 'Beowulf')

[plan]> SELECT b.isbn, b.title FROM book b CROSS JOIN tag t WHERE b.isbn IS NOT NULL ORDER BY b.isbn, b.title LIMIT 2
---
Project: b.isbn, b.title
  Limit: 2
    NestedLoop: inner
      SortRuns: b.isbn, b.title (sorted by b.isbn)
        Filter: b.isbn is not null
          IndexRange: book b using book_isbn_key
      Scan: tag t
('i1', 'Emma')
('i1', 'Emma')

[plan]> SELECT a.name FROM author a FULL JOIN tag t ON t.id < a.id ORDER BY a.name LIMIT 1
---
Project: a.name
  TopN: 1 by a.name
    HashJoin: full on 1 = 1 and t.id < a.id
      Scan: author a
      Scan: tag t
('Austen',)

[plan]> SELECT DISTINCT a.id, upper(a.name) FROM author a JOIN book b ON b.author_id = a.id JOIN book_tag t ON t.book_id = b.id ORDER BY upper(a.name), a.id LIMIT 1
---
Project: a.id, upper(a.name) as upper
  TopN: 1 by upper(a.name), a.id
    DistinctOn: (a.id)
      NestedLoop: inner
        NestedLoop: inner
          Scan: book_tag t
          KeyLookup: book b (b.id = t.book_id)
        KeyLookup: author a (a.id = b.author_id)
(1, 'AUSTEN')

[plan]> SELECT DISTINCT a.id, a.name, upper(a.country) FROM author a JOIN book b ON b.author_id = a.id JOIN book_tag t ON t.book_id = b.id ORDER BY a.name, a.id LIMIT 1
---
Limit: 1
  Project: a.id, a.name, upper(a.country) as upper
    DistinctOn: (a.id)
      NestedLoop: semi
        NestedLoop: inner
          IndexRange: author a using author_name_key
          IndexLookup: book b using book_author_id (b.author_id = a.id)
        IndexRange: book_tag t using book_tag_book_id_tag_id_key (t.book_id = b.id)
(1, 'Austen', 'GB')
