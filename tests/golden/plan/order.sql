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

[plan]> SELECT id FROM book ORDER BY year DESC, id LIMIT 3
---
Project: book.id
  Limit: 3
    IndexRange: book using book_year, backwards, rowids against it
(6,)
(5,)
(4,)

[plan]> SELECT id FROM book ORDER BY author_id DESC, id LIMIT 4
---
Project: book.id
  Limit: 4
    IndexRange: book using book_author_id, backwards, rowids against it
(6,)
(5,)
(3,)
(4,)

[plan]> SELECT id FROM book ORDER BY author_id, id DESC LIMIT 4
---
Project: book.id
  Limit: 4
    IndexRange: book using book_author_id, rowids against it
(7,)
(2,)
(1,)
(4,)

[plan]> SELECT id FROM book ORDER BY author_id DESC NULLS FIRST, id LIMIT 2
---
Project: book.id
  TopN: 2 by book.author_id desc nulls first, book.id
    Scan: book
(7,)
(6,)

[plan]> SELECT id FROM book ORDER BY year DESC, title LIMIT 3
---
Project: book.id
  Limit: 3
    SortRuns: book.year desc, book.title (sorted by book.year desc)
      IndexRange: book using book_year, backwards
(6,)
(5,)
(4,)

[plan]> SELECT b.id, a.name FROM book b JOIN author a ON a.id = b.author_id ORDER BY b.year, a.name DESC LIMIT 2 OFFSET 1
---
Project: b.id, a.name
  Limit: 2 after 1
    SortRuns: b.year, a.name desc (sorted by b.year)
      NestedLoop: inner
        IndexRange: book b using book_year
        KeyLookup: author a (a.id = b.author_id)
(2, 'Austen')
(3, 'Borges')

[code]> SELECT id FROM book WHERE in_print ORDER BY author_id, title DESC, price LIMIT 5
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT id FROM book WHERE in_print ORDER BY author_id, title DESC, price LIMIT 5
 2 def select(book_table, params):
 3     book_author_id = book_table.index('book_author_id')
 4     # IndexRange: book using book_author_id
 5     # Filter: book.in_print
 6     found = (
 7         (LEAST if book[AUTHOR_ID] is None else book[AUTHOR_ID], book[TITLE], LEAST if book[PRICE] is None else book[PRICE], book[ID])
 8         for book in book_table.sought(within(8, True, True, False, False), book_author_id.range(nulls=True), columns=(0, 1, 2, 4, 8), wanted=5, order=('book_author_id', False, False))
 9         if book[IN_PRINT]
10     )
11     # SortRuns: book.author_id, book.title desc, book.price (sorted by book.author_id)
12     rows = (
13         book_id
14         for _, _, _, book_id in sorted_runs(found, itemgetter(0), ((itemgetter(2), False), (itemgetter(1), True)))
15     )
16     # Limit: 5
17     # Project: book.id
18     return [(book_id,) for book_id in islice(rows, 5)]
(2,)
(1,)
(3,)
(5,)
(6,)

[plan]> SELECT id FROM book ORDER BY year, title
---
Project: book.id
  Sort: book.year, book.title
    Scan: book
(7,)
(1,)
(2,)
(3,)
(4,)
(5,)
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

[code]> SELECT title, year FROM book ORDER BY year LIMIT 2 OFFSET 1
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT title, year FROM book ORDER BY year LIMIT 2 OFFSET 1
 2 def select(book_table, params):
 3     book_year = book_table.index('book_year')
 4     # IndexRange: book using book_year
 5     # Limit: 2 after 1
 6     # Project: book.title, book.year
 7     return [
 8         (book[TITLE], book[YEAR])
 9         for book in map(book_table.get, islice(book_year.range(nulls=True), 1, 1 + 2))
10     ]
('Emma', 1815)
('Persuasion', 1817)

[plan]> SELECT id FROM book ORDER BY year LIMIT 2 OFFSET 1
---
Project: book.id
  Limit: 2 after 1
    IndexRange: book using book_year
(1,)
(2,)

[plan]> SELECT id, title FROM book WHERE year > 1900 ORDER BY year DESC LIMIT 5 OFFSET 2
---
Project: book.id, book.title
  Limit: 5 after 2
    IndexRange: book using book_year (book.year > 1900), backwards
(4, 'El Aleph')
(3, 'Ficciones')

[code]> SELECT title FROM book WHERE id > 1 ORDER BY id LIMIT 2 OFFSET 1
---
1 # EXPLAIN (FORMAT PYTHON) SELECT title FROM book WHERE id > 1 ORDER BY id LIMIT 2 OFFSET 1
2 def select(book_table, params):
3     # KeyRange: book (book.id > 1)
4     # Limit: 2 after 1
5     # Project: book.title
6     return [(book[TITLE],) for book in book_table.page(1, 2, 1 + 1)]
('Ficciones',)
('El Aleph',)

[plan]> SELECT id, title FROM book WHERE in_print ORDER BY year LIMIT 2 OFFSET 1
---
Project: book.id, book.title
  Limit: 2 after 1
    Filter: book.in_print
      IndexRange: book using book_year
(2, 'Persuasion')
(3, 'Ficciones')

[plan,code]> SELECT price, id FROM book WHERE rating IS NULL OR rating > 4 ORDER BY price DESC, id DESC
---
Project: book.price, book.id
  Sort: book.price desc, book.id desc
    Filter: (book.rating is null) or (book.rating > 4)
      Scan: book
 1 # EXPLAIN (FORMAT PYTHON) SELECT price, id FROM book WHERE rating IS NULL OR rating > 4 ORDER BY price DESC, id DESC
 2 def select(book_table, params):
 3     # Scan: book
 4     # Filter: (book.rating is null) or (book.rating > 4)
 5     found = [
 6         (LEAST if book[PRICE] is None else book[PRICE], book[PRICE], book[ID])
 7         for book in book_table.rows(columns=(0, 4, 5), sieve=any_of(null(5), within(5, 4.0, None, True, False)))
 8         if book[RATING] is None or (book[RATING] is not None and (not book[RATING] <= 4.0))
 9     ]
10     # Sort: book.price desc, book.id desc
11     found.reverse()
12     found.sort(key=itemgetter(0), reverse=True)
13     # Project: book.price, book.id
14     return [(book_price, book_id) for _, book_price, book_id in found]
(Decimal('11.00'), 5)
(Decimal('9.99'), 3)
(Decimal('7.50'), 1)
(Decimal('6.25'), 2)
(None, 7)
(None, 4)

[code]> SELECT in_print, id FROM book ORDER BY in_print, id LIMIT 3
---
1 # EXPLAIN (FORMAT PYTHON) SELECT in_print, id FROM book ORDER BY in_print, id LIMIT 3
2 def select(book_table, params):
3     # Scan: book
4     # TopN: 3 by book.in_print, book.id
5     first = first_sorted(book_table.rows(columns=(0, 8), sieve=first_of(8, 3, False)), 3, (8, False))
6     # Project: book.in_print, book.id
7     return [(book[IN_PRINT], book[ID]) for book in first]
(False, 4)
(False, 7)
(True, 1)

[code]> SELECT in_print, id FROM book ORDER BY in_print, id DESC LIMIT 3
---
1 # EXPLAIN (FORMAT PYTHON) SELECT in_print, id FROM book ORDER BY in_print, id DESC LIMIT 3
2 def select(book_table, params):
3     # Scan: book
4     # TopN: 3 by book.in_print, book.id desc
5     first = first_sorted(book_table.rows(columns=(0, 8), sieve=first_of(8, 3, False)), 3, (8, False), backwards=True)
6     # Project: book.in_print, book.id
7     return [(book[IN_PRINT], book[ID]) for book in first]
(False, 7)
(False, 4)
(True, 6)

> SELECT in_print, id FROM book ORDER BY in_print DESC, id DESC LIMIT 1
---
(True, 6)

> SELECT in_print, id FROM book ORDER BY in_print DESC, id LIMIT 1
---
(True, 1)

> SELECT in_print, id FROM book WHERE id > 2 ORDER BY in_print DESC, id DESC LIMIT 2 OFFSET 2
---
(True, 3)
(False, 7)

> SELECT b.id, bt.tag_id FROM book b JOIN book_tag bt ON bt.book_id = b.id ORDER BY b.in_print, b.id DESC, bt.tag_id DESC
---
(4, 2)
(6, 1)
(5, 1)
(3, 3)
(3, 2)
(2, 1)
(1, 3)
(1, 1)

> SELECT b.in_print, b.id FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE a.country IS NULL OR a.country < 'IT' ORDER BY b.in_print, b.id DESC
---
(False, 7)
(False, 4)
(True, 6)
(True, 3)
(True, 2)
(True, 1)

> SELECT id, ROW_NUMBER() OVER (PARTITION BY in_print ORDER BY year / 100, id DESC), RANK() OVER (PARTITION BY in_print ORDER BY year / 100, id DESC) FROM book ORDER BY id
---
(1, 2, 2)
(2, 1, 1)
(3, 5, 5)
(4, 2, 2)
(5, 4, 4)
(6, 3, 3)
(7, 1, 1)

[code]> SELECT a.id, a.name, COUNT(b.id) AS n FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id ORDER BY n DESC, a.id
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT a.id, a.name, COUNT(b.id) AS n FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id ORDER BY n DESC, a.id
 2 def select(author, book, params):
 3     book_author_id = book.index('book_author_id')
 4     # IndexGroups: book using book_author_id (key 0, count)
 5     grouped_early_by_key_0 = {
 6         grouped_early_key_0: grouped_early_count
 7         for grouped_early_key_0, grouped_early_count in book_author_id.counts()
 8         if grouped_early_key_0 is not None
 9     }
10     # Scan: author a
11     # HashJoin: left on a.id = grouped early.key 0
12     # Project: a.id, a.name, coalesce(grouped early.count, 0) as count
13     found = [
14         (a[ID], a[NAME], grouped_early_count if grouped_early_count is not None else 0)
15         for a in author.rows(columns=(0, 1))
16         for grouped_early_count in [grouped_early_by_key_0.get(a[ID])]
17     ]
18     # Sort: grouped.count desc, grouped.id
19     found.sort(key=itemgetter(2), reverse=True)
20     # Project: grouped.id, grouped.name, grouped.count as n
21     return found
(1, 'Austen', 2)
(2, 'Borges', 2)
(3, 'Calvino', 1)
(4, 'Duras', 1)
(5, 'Homer', 0)

[code]> SELECT title FROM (SELECT id * -1 AS id, title, in_print FROM book) AS b ORDER BY in_print, id
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT title FROM (SELECT id * -1 AS id, title, in_print FROM book) AS b ORDER BY in_print, id
 2 def select(book_table, params):
 3     # Scan: book
 4     # Project: book.id * -1 as id, book.title, book.in_print
 5     found = [(book[IN_PRINT], book[ID] * -1, book[TITLE]) for book in book_table.rows(columns=(0, 1, 8))]
 6     # Sort: b.in_print, b.id
 7     found.sort(key=itemgetter(1))
 8     found.sort(key=itemgetter(0))
 9     # Project: b.title
10     return [(book_title,) for _, _, book_title in found]
('Beowulf',)
('El Aleph',)
("L'amant",)
('Le citta invisibili',)
('Ficciones',)
('Persuasion',)
('Emma',)

[code]> SELECT COUNT(*) AS n FROM book GROUP BY author_id ORDER BY n DESC
---
1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) AS n FROM book GROUP BY author_id ORDER BY n DESC
2 def select(book, params):
3     book_author_id = book.index('book_author_id')
4     # IndexGroups: book using book_author_id (author_id, count)
5     found = [(grouped_count,) for grouped_author_id, grouped_count in book_author_id.counts()]
6     # Sort: grouped.count desc
7     found.sort(key=itemgetter(0), reverse=True)
8     # Project: grouped.count as n
9     return found
(2,)
(2,)
(1,)
(1,)
(1,)
