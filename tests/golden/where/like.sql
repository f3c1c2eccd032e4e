# LIKE, ILIKE, ESCAPE and regular expressions.
use: library

> SELECT title FROM book WHERE title LIKE 'E%%' ORDER BY title {}
---

> SELECT title FROM book WHERE title LIKE '%a%' ORDER BY title
---

> SELECT title FROM book WHERE title LIKE '_mma'
---

> SELECT title FROM book WHERE title NOT LIKE '%a%' ORDER BY title
---

[differs: sqlite3 has no ILIKE]> SELECT title FROM book WHERE title ILIKE 'EMMA'
---

[differs: sqlite3 has no default escape]> SELECT title FROM book WHERE title LIKE 'E\%'
---

> SELECT title FROM book WHERE title LIKE 'E!%' ESCAPE '!'
---

[differs: sqlite3 spells it REGEXP]> SELECT title FROM book WHERE title ~ '^E.*a$'
---

[differs: sqlite3 spells it REGEXP]> SELECT title FROM book WHERE title ~* '^e' ORDER BY title
---

> SELECT title FROM book WHERE isbn LIKE '%' ORDER BY title
---

> SELECT title FROM book WHERE title LIKE %s ORDER BY title {'%u%'}
---
