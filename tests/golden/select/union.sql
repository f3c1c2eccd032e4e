# UNION, INTERSECT, EXCEPT, with and without ALL, ordered and sliced.
use: library

> SELECT country FROM author UNION SELECT 'ZZ' ORDER BY 1
---
(None,)
('AR',)
('FR',)
('GB',)
('IT',)
('ZZ',)

> SELECT id FROM author UNION ALL SELECT id FROM tag ORDER BY 1
---
(1,)
(1,)
(2,)
(2,)
(3,)
(3,)
(4,)
(4,)
(5,)

> SELECT id FROM author INTERSECT SELECT id FROM tag ORDER BY 1
---
(1,)
(2,)
(3,)
(4,)

> SELECT id FROM author EXCEPT SELECT id FROM tag ORDER BY 1
---
(5,)

[differs: sqlite3 has no INTERSECT ALL]> SELECT in_print FROM book INTERSECT ALL SELECT in_print FROM book WHERE id > 4 ORDER BY 1
---
(False,)
(True,)
(True,)

[differs: sqlite3 has no EXCEPT ALL]> SELECT in_print FROM book EXCEPT ALL SELECT in_print FROM book WHERE id > 4 ORDER BY 1
---
(False,)
(True,)
(True,)
(True,)

> SELECT name FROM author UNION SELECT name FROM tag ORDER BY name DESC LIMIT 3 OFFSET 1
---
('short',)
('novel',)
('classic',)

> SELECT id, name FROM author WHERE id < 3 UNION SELECT id, name FROM tag WHERE id < 2 ORDER BY name
---
(1, 'Austen')
(2, 'Borges')
(1, 'novel')

> SELECT COUNT(*) FROM (SELECT id FROM author UNION SELECT id FROM tag) u
---
(5,)

[differs: sqlite3 takes no parentheses here]> (SELECT id FROM author ORDER BY id DESC LIMIT 1) UNION ALL (SELECT id FROM tag ORDER BY id LIMIT 1)
---
(5,)
(1,)
