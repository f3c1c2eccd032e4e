# Joins with derived tables whose columns are parameters, constants or nothing but NULL; full joins on any condition.
use: library

> SELECT a.name, d.c0, d.c1 FROM author a LEFT JOIN (SELECT b.author_id AS id, %s AS c0, TRUE AS c1 FROM book b WHERE b.id < 3) d ON d.id = a.id AND d.c1 WHERE a.id <> %s ORDER BY 1, 2 {4, 4}
---
('Austen', 4, True)
('Austen', 4, True)
('Borges', None, None)
('Calvino', None, None)
('Homer', None, None)

> SELECT a.name FROM author a WHERE a.id NOT IN (SELECT t.id FROM tag t JOIN (SELECT NULLIF(5, %s) AS c0, %s AS c1 FROM book b) d ON t.id = d.c0 WHERE a.id = d.c0 OR d.c1 = 'x') ORDER BY 1 {9, 'x'}
---
('Austen',)
('Borges',)
('Calvino',)
('Duras',)
('Homer',)

> SELECT a.name, t.name FROM author a FULL JOIN tag t ON SUBSTR(a.name, 1, 1) NOT LIKE %s AND t.id > 2 AND a.id > 4 ORDER BY a.name, t.name {'%x%'}
---
(None, 'novel')
(None, 'short')
('Austen', None)
('Borges', None)
('Calvino', None)
('Duras', None)
('Homer', 'classic')
('Homer', 'unused')

> SELECT a.name, b.title FROM author a FULL JOIN book b ON (SELECT MAX(t.id) FROM tag t WHERE t.id < a.id) = b.id AND b.author_id = a.id ORDER BY 1, 2
---
(None, 'Beowulf')
(None, 'El Aleph')
(None, 'Emma')
(None, 'Ficciones')
(None, "L'amant")
(None, 'Le citta invisibili')
(None, 'Persuasion')
('Austen', None)
('Borges', None)
('Calvino', None)
('Duras', None)
('Homer', None)

> SELECT DISTINCT (SELECT MAX(t.id) FROM tag t WHERE t.id = a.id AND a.born IN (SELECT x.year FROM book x WHERE b.year > 1)) AS m, 5 FROM author a FULL JOIN book b ON a.id = b.author_id AND EXISTS (SELECT 1 FROM tag t WHERE t.id >= a.id AND a.born <> 0) ORDER BY 1
---
(None, 5)
