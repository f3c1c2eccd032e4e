# DISTINCT where keys of the tables tell rows apart, and where they say which rows are the same.
use: library

[plan]> SELECT DISTINCT id, title FROM book WHERE year > 1940
---
Project: book.id, book.title
  IndexRange: book using book_year (book.year > 1940), or a Scan if many
(3, 'Ficciones')
(4, 'El Aleph')
(5, 'Le citta invisibili')
(6, "L'amant")

[plan]> SELECT DISTINCT b.id, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE b.id < 4
---
Project: b.id, a.name
  NestedLoop: left
    KeyRange: book b (b.id < 4)
    KeyLookup: author a (a.id = b.author_id)
(1, 'Austen')
(2, 'Austen')
(3, 'Borges')

[plan]> SELECT DISTINCT b.id, a.name FROM book b JOIN author a ON a.id = b.author_id AND a.born > 1900
---
Project: b.id, a.name
  NestedLoop: inner on a.born > 1900
    Scan: book b
    KeyLookup: author a (a.id = b.author_id)
(5, 'Calvino')
(6, 'Duras')

[plan]> SELECT DISTINCT a.id, a.name FROM author a JOIN book b ON b.author_id = a.id
---
Project: a.id, a.name
  DistinctOn: (a.id)
    NestedLoop: inner
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
(1, 'Austen')
(2, 'Borges')
(3, 'Calvino')
(4, 'Duras')

[plan]> SELECT DISTINCT a.id, a.name FROM author a JOIN book b ON b.author_id = a.id ORDER BY a.id LIMIT 2
---
Limit: 2
  Project: a.id, a.name
    NestedLoop: semi
      Scan: author a
      IndexLookup: book b using book_author_id (b.author_id = a.id)
(1, 'Austen')
(2, 'Borges')

[plan]> SELECT DISTINCT a.id, a.name, b.in_print FROM author a JOIN book b ON b.author_id = a.id
---
Distinct
  Project: a.id, a.name, b.in_print
    NestedLoop: inner
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
(1, 'Austen', True)
(2, 'Borges', True)
(2, 'Borges', False)
(3, 'Calvino', True)
(4, 'Duras', True)

[plan]> SELECT DISTINCT a.name FROM author a JOIN book b ON b.author_id = a.id
---
Distinct
  Project: a.name
    NestedLoop: inner
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
('Austen',)
('Borges',)
('Calvino',)
('Duras',)

[plan]> SELECT DISTINCT b.id, b.title, a.id, a.name, length(a.name) + b.year FROM book b LEFT JOIN author a ON a.id = b.author_id LEFT JOIN book_tag t ON t.book_id = b.id WHERE b.id IN (1, 3, 7)
---
Project: result.id, result.title, result.id_2 as id, result.name, result.?column?
  Project: b.id, b.title, a.id as id_2, a.name, length(a.name) + b.year as ?column?
    NestedLoop: left
      KeyIn: book b (b.id in (1, 3, 7))
      KeyLookup: author a (a.id = b.author_id)
(1, 'Emma', 1, 'Austen', 1821)
(3, 'Ficciones', 2, 'Borges', 1950)
(7, 'Beowulf', None, None, None)

[plan]> SELECT COUNT(*) FROM (SELECT DISTINCT b.id, b.title FROM book b JOIN book_tag t ON t.book_id = b.id WHERE t.tag_id IN (1, 3)) AS found
---
Project: grouped_2.count
  Aggregate: count(*)
    Project: b.id
      DistinctOn: (b.id)
        NestedLoop: inner
          Filter: t.tag_id in (1, 3)
            Scan: book_tag t
          KeyLookup: book b (b.id = t.book_id)
(5,)

[plan]> SELECT COUNT(*) FROM (SELECT DISTINCT id, title FROM book) AS found
---
Project: grouped_2.count
  Aggregate: count(*)
    Project: book.id
      Scan: book
(7,)

[plan]> SELECT DISTINCT isbn, in_print FROM book WHERE isbn IS NULL
---
Distinct
  Project: book.isbn, book.in_print
    IndexLookup: book using book_isbn_key (book.isbn = null)
(None, True)
(None, False)

[plan]> SELECT DISTINCT b.id FROM book b, tag t WHERE b.id < 3
---
Project: b.id
  NestedLoop: semi
    KeyRange: book b (b.id < 3)
    Limit: 1
      Scan: tag t
(1,)
(2,)

[plan]> SELECT DISTINCT b.id, t.id FROM book b, tag t WHERE b.id < 3 AND t.id < 3
---
Project: result.id, result.id_2 as id
  Project: b.id, t.id as id_2
    NestedLoop: inner
      KeyRange: book b (b.id < 3)
      KeyRange: tag t (t.id < 3)
(1, 1)
(1, 2)
(2, 1)
(2, 2)

[plan]> SELECT b.title FROM book b WHERE b.author_id IN (SELECT a.id FROM author a WHERE a.born > 1900)
---
Project: b.title
  NestedLoop: semi on a.born > 1900
    Scan: book b
    KeyLookup: author a (a.id = b.author_id)
('Le citta invisibili',)
("L'amant",)

[plan]> SELECT b.title FROM book b WHERE b.year IN (SELECT a.born + 40 FROM author a WHERE a.name = 'Austen')
---
Project: b.title
  NestedLoop: inner
    Distinct
      Project: a.born + 40 as key 0
        IndexLookup: author a using author_name_key (a.name = 'Austen')
    IndexLookup: book b using book_year (b.year = a keys.key 0)
('Emma',)

[plan]> SELECT DISTINCT b.id, b.title, b.year FROM book b LEFT JOIN book_tag t ON t.book_id = b.id ORDER BY b.year, b.id LIMIT 3
---
Limit: 3
  Project: b.id, b.title, b.year
    IndexRange: book b using book_year
(7, 'Beowulf', 1000)
(1, 'Emma', 1815)
(2, 'Persuasion', 1817)

[plan]> SELECT DISTINCT a.name FROM author a JOIN book b ON b.author_id = a.id JOIN book_tag t ON t.book_id = b.id WHERE a.id < 3
---
Distinct
  Project: a.name
    NestedLoop: semi
      NestedLoop: inner
        KeyRange: author a (a.id < 3)
        IndexLookup: book b using book_author_id (b.author_id = a.id)
      IndexRange: book_tag t using book_tag_book_id_tag_id_key (t.book_id = b.id)
('Austen',)
('Borges',)

[plan]> SELECT DISTINCT a.name, t.name FROM author a JOIN tag t ON t.id = a.id CROSS JOIN book b LEFT JOIN book_tag bt ON bt.book_id = b.id
---
Project: result.name, result.name_2 as name
  Project: a.name, t.name as name_2
    NestedLoop: semi
      NestedLoop: inner
        Scan: author a
        KeyLookup: tag t (t.id = a.id)
      Limit: 1
        Scan: book b
('Austen', 'novel')
('Borges', 'short')
('Calvino', 'classic')
('Duras', 'unused')

[plan]> SELECT DISTINCT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN book_tag t ON t.book_id = b.id WHERE b.year > 1940
---
Distinct
  Project: a.name
    NestedLoop: inner
      IndexRange: book b using book_year (b.year > 1940), or a Scan if many
      KeyLookup: author a (a.id = b.author_id)
('Borges',)
('Calvino',)
('Duras',)

[plan]> SELECT DISTINCT a.name FROM author a, book b WHERE b.year > 1940 AND a.born < b.year ORDER BY a.name DESC
---
Sort: result.name desc
  Project: a.name
    NestedLoop: semi on a.born < b.year
      Scan: author a
      IndexRange: book b using book_year (b.year > 1940), or a Scan if many
('Duras',)
('Calvino',)
('Borges',)
('Austen',)

[plan]> SELECT MAX(a.born), MIN(a.name), COUNT(DISTINCT a.id) FROM author a JOIN book b ON b.author_id = a.id
---
Project: grouped.max, grouped.min, grouped.count
  Aggregate: max(a.born), min(a.name), count(distinct a.id)
    NestedLoop: inner
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
(1923, 'Austen', 4)

[plan]> SELECT MAX(a.born), COUNT(*) FROM author a JOIN book b ON b.author_id = a.id
---
Project: grouped.max, grouped.count
  Aggregate: max(a.born), count(*)
    NestedLoop: inner
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
(1923, 6)

[plan]> SELECT a.name FROM author a, tag t UNION SELECT b.title FROM book b LEFT JOIN book_tag t ON t.book_id = b.id WHERE b.id < 3
---
SetOperation: union
  Project: a.name
    NestedLoop: semi
      Scan: author a
      Limit: 1
        Scan: tag t
  Project: b.title
    KeyRange: book b (b.id < 3)
('Austen',)
('Borges',)
('Calvino',)
('Duras',)
('Homer',)
('Emma',)
('Persuasion',)

[plan]> SELECT a.name FROM author a, tag t WHERE t.id < 3 AND a.id < 2 UNION ALL SELECT b.title FROM book b LEFT JOIN book_tag t ON t.book_id = b.id WHERE b.id < 2
---
SetOperation: union all
  Project: a.name
    NestedLoop: inner
      KeyRange: author a (a.id < 2)
      KeyRange: tag t (t.id < 3)
  Project: b.title
    NestedLoop: left
      KeyRange: book b (b.id < 2)
      IndexRange: book_tag t_2 using book_tag_book_id_tag_id_key (t_2.book_id = b.id)
('Austen',)
('Austen',)
('Emma',)
('Emma',)

[plan]> SELECT COUNT(*) FROM (SELECT DISTINCT a.name FROM (SELECT * FROM author LIMIT 2) AS a, tag t) AS found
---
Project: grouped_3.count
  Aggregate: count(*)
    Distinct
      Project: a.name
        NestedLoop: semi
          Project: author.name
            Limit: 2
              Scan: author
          Limit: 1
            Scan: tag t
(2,)

[plan]> SELECT DISTINCT a.name FROM author a FULL JOIN book b ON b.author_id = a.id AND b.year > 1900 LEFT JOIN tag t ON t.id = a.id
---
Distinct
  Project: a.name
    HashJoin: full on a.id = b.author_id and b.year > 1900
      Scan: author a
      Scan: book b
('Austen',)
('Borges',)
('Calvino',)
('Duras',)
('Homer',)
(None,)

[plan]> SELECT b.id, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id LEFT JOIN author other ON other.id = b.id WHERE b.id < 3
---
Project: b.id, a.name
  NestedLoop: left
    KeyRange: book b (b.id < 3)
    KeyLookup: author a (a.id = b.author_id)
(1, 'Austen')
(2, 'Austen')
