# LIKE, ILIKE, ESCAPE and regular expressions.
use: library

> SELECT title FROM book WHERE title LIKE 'E%%' ORDER BY title {}
---
('El Aleph',)
('Emma',)

> SELECT title FROM book WHERE title LIKE '%a%' ORDER BY title
---
('Emma',)
("L'amant",)
('Le citta invisibili',)
('Persuasion',)

> SELECT title FROM book WHERE title LIKE '_mma'
---
('Emma',)

> SELECT title FROM book WHERE title NOT LIKE '%a%' ORDER BY title
---
('Beowulf',)
('El Aleph',)
('Ficciones',)

[differs: sqlite3 has no ILIKE]> SELECT title FROM book WHERE title ILIKE 'EMMA'
---
('Emma',)

[differs: sqlite3 has no default escape]> SELECT title FROM book WHERE title LIKE 'E\%'
---
no rows

> SELECT title FROM book WHERE title LIKE 'E!%' ESCAPE '!'
---
no rows

[differs: sqlite3 spells it REGEXP]> SELECT title FROM book WHERE title ~ '^E.*a$'
---
('Emma',)

[differs: sqlite3 spells it REGEXP]> SELECT title FROM book WHERE title ~* '^e' ORDER BY title
---
('El Aleph',)
('Emma',)

> SELECT title FROM book WHERE isbn LIKE '%' ORDER BY title
---
('El Aleph',)
('Emma',)
('Ficciones',)
('Le citta invisibili',)
('Persuasion',)

> SELECT title FROM book WHERE title LIKE %s ORDER BY title {'%u%'}
---
('Beowulf',)
('Persuasion',)

> SELECT 'ab' LIKE '_', 'a' LIKE '_', '' LIKE '_', 'ab' LIKE '__', 'abc' LIKE '_b_', 'abbc' LIKE '_b_', 'abc' LIKE 'a_', 'abc' LIKE '%_c', 'c' LIKE '%_c', '' LIKE '%', '' LIKE '', 'a' LIKE ''
---
(False, True, False, True, True, False, False, True, False, True, True, False)

> SELECT '%' LIKE '!%' ESCAPE '!', 'a' LIKE '!%' ESCAPE '!', '_a' LIKE '!_%' ESCAPE '!', 'ba' LIKE '!_%' ESCAPE '!', 'a%b' LIKE 'a!%b' ESCAPE '!', 'axb' LIKE 'a!%b' ESCAPE '!', 'a!b' LIKE 'a!!b' ESCAPE '!', 'a_' LIKE '%!_' ESCAPE '!', 'ab' LIKE '%!_' ESCAPE '!'
---
(True, False, True, False, True, False, True, True, False)

> SELECT 'ab' LIKE %s ESCAPE '!', 'a%%' LIKE %s ESCAPE '!', '_x_' LIKE %s ESCAPE '!', NULL LIKE %s, 'a' NOT LIKE %s {'a!_', 'a!%', '!_%!_', 'a', '_'}
---
(False, True, True, None, False)

[code]> SELECT title FROM book WHERE title LIKE %s OR isbn LIKE 'i5%%' {"P%"}
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT title FROM book WHERE title LIKE %s OR isbn LIKE 'i5%%'
 2 def select(book_table, params):
 3     p0 = to_text(params[0])
 4     needle = like_text(p0)
 5     needle_end = end_of(needle)
 6     # Scan: book
 7     # Filter: (book.title like p0) or (book.isbn like 'i5%')
 8     # Project: book.title
 9     return [
10         (book[TITLE],)
11         for book in book_table.rows(columns=(1, 7), sieve=any_of(holding(1, 'start', needle, False), holding(7, 'start', 'i5', False)))
12         if book[TITLE] < needle_end and book[TITLE] >= needle or (book[ISBN] is not None and (book[ISBN] < 'i6' and book[ISBN] >= 'i5'))
13     ]
('Persuasion',)
('Le citta invisibili',)

> SELECT title FROM book WHERE NOT (title LIKE %s) ORDER BY title {"P%"}
---
('Beowulf',)
('El Aleph',)
('Emma',)
('Ficciones',)
("L'amant",)
('Le citta invisibili',)

> SELECT id FROM book WHERE isbn LIKE %s AND year > 0 ORDER BY id {"%"}
---
(1,)
(2,)
(3,)
(4,)
(5,)

> SELECT id FROM book WHERE NOT (isbn LIKE %s) OR isbn LIKE 'i2%%' ORDER BY id {"i%"}
---
(2,)

> SELECT isbn LIKE %s, isbn LIKE 'i7%%', isbn NOT LIKE 'i%%' FROM book WHERE year > 1960 ORDER BY id {"i%"}
---
(True, False, False)
(None, None, None)
