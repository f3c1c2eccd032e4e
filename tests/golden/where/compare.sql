# Comparisons and which index serves them.
use: library

[plan]> SELECT title FROM book WHERE id = %s {3}
---
Project: book.title
  KeyLookup: book (book.id = p0)
('Ficciones',)

[plan]> SELECT title FROM book WHERE isbn = %s {'i2'}
---
Project: book.title
  IndexLookup: book using book_isbn_key (book.isbn = p0)
('Persuasion',)

[plan]> SELECT title FROM book WHERE author_id = %s ORDER BY id {2}
---
Project: book.title
  IndexLookup: book using book_author_id (book.author_id = p0)
('Ficciones',)
('El Aleph',)

[plan]> SELECT title FROM book WHERE year > %s AND year <= %s ORDER BY year {1900, 1972}
---
Project: book.title
  IndexRange: book using book_year (book.year > p0 and book.year <= p1)
('Ficciones',)
('El Aleph',)
('Le citta invisibili',)

[plan]> SELECT title FROM book WHERE year BETWEEN 1800 AND 1900 ORDER BY year
---
Project: book.title
  IndexRange: book using book_year (book.year >= 1800 and book.year <= 1900)
('Emma',)
('Persuasion',)

[plan]> SELECT title FROM book WHERE id IN (%s, %s, %s) ORDER BY id {5, 1, 99}
---
Project: book.title
  KeyIn: book (book.id in (p0, p1, p2))
('Emma',)
('Le citta invisibili',)

[plan]> SELECT title FROM book WHERE author_id IN (1, 2) ORDER BY id
---
Project: book.title
  IndexIn: book using book_author_id (book.author_id in (1, 2))
('Emma',)
('Persuasion',)
('Ficciones',)
('El Aleph',)

[plan]> SELECT title FROM book WHERE author_id = 1 AND year > 1815
---
Project: book.title
  IndexRange: book using book_author_year (book.author_id = 1 and book.year > 1815), or a Scan if many
('Persuasion',)

[plan]> SELECT title FROM book WHERE id = 1 OR isbn = 'i3' ORDER BY id
---
Project: book.title
  RowidUnion: book
    KeyLookup: book (book.id = 1)
    IndexLookup: book using book_isbn_key (book.isbn = 'i3')
('Emma',)
('Ficciones',)

[plan]> SELECT title FROM book WHERE price > 8 ORDER BY id
---
Project: book.title
  Filter: book.price > 8
    KeyRange: book (all)
('Ficciones',)
('Le citta invisibili',)

> SELECT title FROM book WHERE id <> 1 AND NOT (year > 1900) ORDER BY id
---
('Persuasion',)
('Beowulf',)

> SELECT title FROM book WHERE in_print ORDER BY id
---
('Emma',)
('Persuasion',)
('Ficciones',)
('Le citta invisibili',)
("L'amant",)

> SELECT title FROM book WHERE NOT in_print ORDER BY id
---
('El Aleph',)
('Beowulf',)

> SELECT title FROM book WHERE published >= %s ORDER BY id {dt.date(1944, 1, 1)}
---
('Ficciones',)
('Le citta invisibili',)
("L'amant",)

> SELECT title FROM book WHERE (id, year) = (1, 1815)
---
('Emma',)

> SELECT title FROM book WHERE price = %s {Decimal('7.5')}
---
('Emma',)

[plan]> SELECT title FROM book WHERE author_id IS NULL
---
Project: book.title
  IndexLookup: book using book_author_id (book.author_id = null)
('Beowulf',)

[plan]> SELECT title FROM book WHERE 5 > id AND id >= 3 ORDER BY id DESC
---
Project: book.title
  KeyRange: book (book.id >= 3 and book.id < 5), backwards
('El Aleph',)
('Ficciones',)

[plan]> SELECT id FROM book WHERE id = NULL
---
Project: book.id
  KeyLookup: book (book.id = null)
no rows

[plan]> SELECT id FROM book WHERE FALSE
---
Project: book.id
  KeyLookup: book (book.id = null)
no rows

> SELECT 1 < 1, 1 <= 1, 1 = 1, 1 >= 1, 1 > 1, 1 <> 1, 1 < 2, 1 <= 2, 1 = 2, 1 >= 2, 1 > 2, 1 <> 2, 2 < 1, 2 <= 1, 2 = 1, 2 >= 1, 2 > 1, 2 <> 1
---
(False, True, True, True, False, False, True, True, False, False, False, True, False, False, False, True, True, True)

> SELECT 'a' < 'a', 'a' <= 'a', 'a' >= 'a', 'a' < 'B', 'a' >= 'B', NULL = 1, 1 < NULL, NULL <> NULL, NOT NULL IS NULL
---
(False, True, True, False, True, None, None, None, False)

> SELECT NOT 1 < 1, NOT 1 <= 1, NOT 1 = 1, NOT 1 >= 1, NOT 1 > 1, NOT 1 <> 1, NOT id < 3, NOT id <= 3, NOT id >= 3, NOT id > 3 FROM book WHERE id = 3
---
(True, False, False, False, True, True, True, False, False, True)
