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
