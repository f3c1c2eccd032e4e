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
