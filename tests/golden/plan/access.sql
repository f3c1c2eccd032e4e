# Which way into a table a condition opens, and what is left to be tested.
use: library

[plan]> SELECT title FROM book WHERE id = %s {3}
---
Project: book.title
  KeyLookup: book (book.id = p0)
('Ficciones',)

[plan]> SELECT title FROM book WHERE id IN (1, 99, 3)
---
Project: book.title
  KeyIn: book (book.id in (1, 99, 3))
('Emma',)
('Ficciones',)

[plan]> SELECT id FROM book WHERE id > 2 AND id <= 4
---
Project: book.id
  KeyRange: book (book.id > 2 and book.id <= 4)
(3,)
(4,)

[plan]> SELECT id FROM book WHERE isbn = 'i4'
---
Project: book.id
  IndexLookup: book using book_isbn_key (book.isbn = 'i4')
(4,)

[plan]> SELECT id FROM book WHERE isbn IS NULL ORDER BY id
---
Project: book.id
  IndexLookup: book using book_isbn_key (book.isbn = null)
(6,)
(7,)

[plan]> SELECT id FROM book WHERE author_id = 2 AND year = 1949
---
Project: book.id
  IndexLookup: book using book_author_year (book.author_id = 2 and book.year = 1949)
(4,)

[plan]> SELECT id FROM book WHERE author_id = 2 AND year > %s {1900}
---
Project: book.id
  IndexRange: book using book_author_year (book.author_id = 2 and book.year > p0)
(3,)
(4,)

[plan]> SELECT id FROM book WHERE year BETWEEN %s AND %s AND in_print {1800, 1816}
---
Project: book.id
  Filter: book.in_print
    IndexRange: book using book_year (book.year >= p0 and book.year <= p1), or a Scan if many
(1,)

[plan]> SELECT name FROM tag WHERE name LIKE 'no%'
---
Project: tag.name
  Filter: tag.name like 'no%'
    IndexRange: tag using tag_name_key (tag.name >= 'no' and tag.name < 'np'), or a Scan if many
('novel',)

[plan]> SELECT id FROM book WHERE author_id = 1 OR isbn = 'i6' OR id = 5
---
Project: book.id
  RowidUnion: book
    IndexLookup: book using book_author_id (book.author_id = 1)
    IndexLookup: book using book_isbn_key (book.isbn = 'i6')
    KeyLookup: book (book.id = 5)
(1,)
(2,)
(5,)

[plan]> SELECT id FROM book WHERE year BETWEEN 1810 AND 1960 AND author_id BETWEEN 2 AND 9 ORDER BY id
---
Project: book.id
  RowidIntersection: book
    IndexRange: book using book_author_id (book.author_id >= 2 and book.author_id <= 9)
    IndexRange: book using book_year (book.year >= 1810 and book.year <= 1960)
(3,)
(4,)

[code]> SELECT COUNT(*) FROM book WHERE year BETWEEN %s AND 1960 AND author_id BETWEEN 2 AND %s {1810, 3}
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM book WHERE year BETWEEN %s AND 1960 AND author_id BETWEEN 2 AND %s
 2 def select(book_table, params):
 3     p0 = to_integer(params[0])
 4     p1 = to_integer(params[1])
 5     book_author_id = book_table.index('book_author_id')
 6     book_year = book_table.index('book_year')
 7     # RowidIntersection: book
 8     count = len(sorted(set(book_author_id.range(low=2, high=p1)).intersection(book_year.range(low=p0, high=1960))))
 9     # Aggregate: count(*)
10     # Project: grouped.count
11     return [(count,)]
(2,)

[plan]> SELECT title FROM book WHERE year > 1810 AND author_id < 3 ORDER BY id LIMIT 1
---
Project: book.title
  Limit: 1
    Filter: (book.year > 1810) and (book.author_id < 3)
      KeyRange: book (all)
('Emma',)

[plan]> SELECT title FROM book WHERE year > 1810 AND author_id < 3 LIMIT 1
---
Project: book.title
  Limit: 1
    Filter: book.year > 1810
      IndexRange: book using book_author_id (book.author_id < 3)
('Emma',)

[plan]> SELECT title FROM book WHERE year > 1810 AND author_id < 3 AND in_print
---
Project: book.title
  Filter: book.in_print
    RowidIntersection: book
      IndexRange: book using book_author_id (book.author_id < 3)
      IndexRange: book using book_year (book.year > 1810)
('Emma',)
('Persuasion',)
('Ficciones',)

[plan]> SELECT id FROM book WHERE NOT (id <> 3)
---
Project: book.id
  KeyLookup: book (book.id = 3)
(3,)

[plan]> SELECT id FROM book WHERE id = 1 AND 1 = 2
---
Project: book.id
  KeyLookup: book (book.id = null)
no rows

[plan]> SELECT id FROM book WHERE price = 7.5
---
Project: book.id
  Filter: book.price = 7.5
    Scan: book
(1,)

[plan]> SELECT id FROM book WHERE isbn LIKE %s ORDER BY id {'i%'}
---
Project: book.id
  Sort: book.id
    IndexRange: book using book_isbn_key (book.isbn >= like_text(p0) and book.isbn < prefix_end(like_text(p0)))
(1,)
(2,)
(3,)
(4,)
(5,)

[plan, differs: sqlite3 has no ILIKE]> SELECT id FROM book WHERE isbn ILIKE %s {'3%'}
---
Project: book.id
  IndexRange: book using book_isbn_key (book.isbn >= like_text(p0) and book.isbn < prefix_end(like_text(p0)))
no rows

[plan, differs: sqlite3 has no ILIKE]> SELECT id FROM book WHERE isbn ILIKE %s {'I3%'}
---
Project: book.id
  Filter: book.isbn ilike p0
    Scan: book
(3,)

[plan]> SELECT id FROM book WHERE isbn LIKE %s {'i3'}
---
Project: book.id
  IndexLookup: book using book_isbn_key (book.isbn = like_text(p0))
(3,)

[plan]> SELECT id FROM book WHERE isbn LIKE %s ORDER BY id {'%'}
---
Project: book.id
  Filter: book.isbn like p0
    KeyRange: book (all)
(1,)
(2,)
(3,)
(4,)
(5,)

[plan,differs: sqlite3 has no default escape]> SELECT id FROM book WHERE isbn LIKE %s {'i\\_3%'}
---
Project: book.id
  IndexRange: book using book_isbn_key (book.isbn >= like_text(p0) and book.isbn < prefix_end(like_text(p0)))
no rows

[plan]> SELECT id FROM book WHERE isbn LIKE %s {'%3'}
---
Project: book.id
  Filter: book.isbn like p0
    Scan: book
(3,)

[plan]> SELECT id FROM book WHERE isbn LIKE %s ORDER BY id {None}
---
Project: book.id
  Filter: book.isbn like p0
    KeyRange: book (all)
no rows

[plan]> SELECT id FROM book WHERE isbn NOT LIKE %s {'i%'}
---
Project: book.id
  Filter: book.isbn not like p0
    Scan: book
no rows
