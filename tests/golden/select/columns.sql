# Which columns a SELECT gives: *, t.*, expressions, aliases.
use: library

> SELECT * FROM author ORDER BY id
---
(1, 'Austen', 1775, 'GB')
(2, 'Borges', 1899, 'AR')
(3, 'Calvino', 1923, 'IT')
(4, 'Duras', 1914, 'FR')
(5, 'Homer', None, None)

> SELECT a.* FROM author a WHERE a.id = 1
---
(1, 'Austen', 1775, 'GB')

> SELECT name AS n, born + 1 AS later FROM author ORDER BY n
---
('Austen', 1776)
('Borges', 1900)
('Calvino', 1924)
('Duras', 1915)
('Homer', None)

> SELECT 1
---
(1,)

> SELECT 1 + 1 AS two, 'x' || 'y' AS xy, NULL AS none
---
(2, 'xy', None)

> SELECT b.*, a.name FROM book b JOIN author a ON a.id = b.author_id WHERE b.id = 3
---
(3, 'Ficciones', 2, 1944, Decimal('9.99'), 4.8, datetime.date(1944, 1, 1), 'i3', True, 'Borges')

> SELECT "author"."name" FROM "author" WHERE "author"."id" = %s {2}
---
('Borges',)

> SELECT %s {'a''b'}
---
('ab',)

> SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3, 7.0 / 2, 2 * 3 - 1
---
(3, -3, 1, -1, Decimal('3.5'), 5)
