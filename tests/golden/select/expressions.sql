# CASE, CAST, COALESCE, string and number functions.
use: library

> SELECT CASE WHEN year < 1900 THEN 'old' WHEN year < 1950 THEN 'mid' ELSE 'new' END FROM book ORDER BY id
---
('old',)
('old',)
('mid',)
('mid',)
('new',)
('new',)
('old',)

> SELECT CASE country WHEN 'GB' THEN 1 WHEN 'AR' THEN 2 END FROM author ORDER BY id
---
(1,)
(2,)
(None,)
(None,)
(None,)

> SELECT CAST('12' AS integer), CAST(3 AS text), CAST(2.5 AS double precision)
---
(12, '3', 2.5)

> SELECT UPPER(name), LOWER(name), LENGTH(name) FROM author ORDER BY id
---
('AUSTEN', 'austen', 6)
('BORGES', 'borges', 6)
('CALVINO', 'calvino', 7)
('DURAS', 'duras', 5)
('HOMER', 'homer', 5)

> SELECT ABS(-3), ROUND(2.567, 2), COALESCE(NULL, 4)
---
(3, Decimal('2.57'), 4)

> SELECT SUBSTR(title, 1, 3), TRIM('  x '), REPLACE(title, 'm', 'n') FROM book WHERE id = 1
---
('Emm', 'x', 'Enna')

> SELECT name || ' (' || country || ')' FROM author ORDER BY id
---
('Austen (GB)',)
('Borges (AR)',)
('Calvino (IT)',)
('Duras (FR)',)
(None,)

> SELECT born + 1, born - 1, born * 2, born / 2, born % 10 FROM author ORDER BY id
---
(1776, 1774, 3550, 887, 5)
(1900, 1898, 3798, 949, 9)
(1924, 1922, 3846, 961, 3)
(1915, 1913, 3828, 957, 4)
(None, None, None, None, None)

> SELECT COALESCE(COALESCE(%s, %s), %s) * 2, d.c + 1 FROM (SELECT COALESCE(COALESCE(%s, %s), %s) AS c) d {None, 2, 3, None, None, 5}
---
(4, 6)
