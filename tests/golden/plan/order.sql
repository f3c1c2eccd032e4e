# When the order of the rowid or of an index saves a Sort, and when only the first rows are kept.
use: library

[plan]> SELECT id FROM book ORDER BY id DESC LIMIT 2
---
Project: book.id
  Limit: 2
    KeyRange: book (all), backwards
(7,)
(6,)

[plan]> SELECT id FROM book ORDER BY year, id LIMIT 2
---
Project: book.id
  Limit: 2
    IndexRange: book using book_year
(7,)
(1,)

[plan]> SELECT id FROM book ORDER BY year DESC LIMIT 1
---
Project: book.id
  Limit: 1
    IndexRange: book using book_year, backwards
(6,)

[plan]> SELECT id FROM book ORDER BY title LIMIT 2 OFFSET 1
---
Project: book.id
  TopN: 2 after 1 by book.title
    Scan: book
(4,)
(1,)

[plan]> SELECT id FROM book WHERE author_id = 1 ORDER BY year DESC LIMIT 1
---
Project: book.id
  Limit: 1
    IndexRange: book using book_author_year (book.author_id = 1), backwards
(2,)

[plan]> SELECT id FROM book WHERE author_id = 2 ORDER BY id
---
Project: book.id
  IndexLookup: book using book_author_id (book.author_id = 2)
(3,)
(4,)

[plan]> SELECT b.id, a.name FROM book b JOIN author a ON a.id = b.author_id ORDER BY b.year LIMIT 2
---
Project: b.id, a.name
  Limit: 2
    NestedLoop: inner
      IndexRange: book b using book_year
      KeyLookup: author a (a.id = b.author_id)
(1, 'Austen')
(2, 'Austen')

[plan]> SELECT MAX(year) FROM book
---
Project: grouped.max
  Aggregate: max(book.year)
    Limit: 1
      IndexRange: book using book_year, backwards
(1984,)

[plan]> SELECT MIN(id) FROM book WHERE author_id = 2
---
Project: grouped.min
  Aggregate: min(book.id)
    Limit: 1
      IndexLookup: book using book_author_id (book.author_id = 2)
(3,)

[plan]> SELECT COUNT(*) FROM (SELECT id, title FROM book ORDER BY title) b
---
Project: grouped_2.count
  Aggregate: count(*)
    Project: book.id
      Scan: book
(7,)
