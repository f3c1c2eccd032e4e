# INSERT: values, defaults, generated ids, RETURNING, ON CONFLICT, from SELECT.
use: library

> INSERT INTO tag (name) VALUES ('new'), ('newer')
---
2 rows

> SELECT id, name FROM tag ORDER BY id
---
(1, 'novel')
(2, 'short')
(3, 'classic')
(4, 'unused')
(5, 'new')
(6, 'newer')

> INSERT INTO tag (id, name) VALUES (10, 'ten') RETURNING id, name
---
(10, 'ten')

> INSERT INTO tag (name) VALUES ('eleven') RETURNING id
---
(11,)

> INSERT INTO tag (id, name) VALUES (1, 'again') ON CONFLICT DO NOTHING
---
0 rows

> INSERT INTO tag (name) VALUES ('novel') ON CONFLICT (name) DO UPDATE SET name = excluded.name || '!' RETURNING id, name
---
(1, 'novel!')

> INSERT INTO tag (name) SELECT name FROM author WHERE id < 3
---
2 rows

> SELECT name FROM tag ORDER BY name
---
('Austen',)
('Borges',)
('classic',)
('eleven',)
('new',)
('newer',)
('novel!',)
('short',)
('ten',)
('unused',)

> INSERT INTO tag (name) SELECT name || name FROM tag WHERE id < 3
---
2 rows

> SELECT COUNT(*) FROM tag
---
(12,)

> INSERT INTO book_tag (id, book_id, tag_id) VALUES (100, NULL, 1) ON CONFLICT (book_id, tag_id) DO NOTHING
---
IntegrityError: NOT NULL constraint failed: book_tag.book_id

> CREATE TABLE upsert (id integer PRIMARY KEY, a integer, b text)
---
ok

> INSERT INTO upsert VALUES (1, 1, 'x'), (2, 2, 'y'), (3, NULL, 'z')
---
3 rows

> INSERT INTO upsert VALUES (1, 10, 'p'), (2, 20, 'q'), (3, 30, 'r'), (4, 40, 's') ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = upsert.b || excluded.b WHERE upsert.a < 2 RETURNING id, a, b
---
(1, 10, 'xp')
(4, 40, 's')

> SELECT * FROM upsert ORDER BY id
---
(1, 10, 'xp')
(2, 2, 'y')
(3, None, 'z')
(4, 40, 's')

> INSERT INTO upsert VALUES (1, 0, 'no'), (5, 50, 'yes') ON CONFLICT DO NOTHING RETURNING id
---
(5,)

> SELECT COUNT(*), SUM(a) FROM upsert
---
(5, 102)

> CREATE TABLE shelf (id integer PRIMARY KEY, place text, kept integer)
---
ok

> CREATE INDEX shelf_place ON shelf (place)
---
ok

> CREATE INDEX shelf_kept ON shelf (kept, place)
---
ok

> INSERT INTO shelf VALUES (1, 'hall', 1), (2, 'hall', 2), (3, 'attic', 3)
---
3 rows

> INSERT INTO shelf VALUES (1, 'cellar', 4) ON CONFLICT (id) DO UPDATE SET place = excluded.place
---
1 rows

> SELECT id FROM shelf WHERE place = 'hall'
---
(2,)

> SELECT id, place FROM shelf WHERE kept = 1
---
(1, 'cellar')

> UPDATE shelf SET place = 'roof' WHERE id = 2
---
1 rows

> SELECT id FROM shelf WHERE place = 'hall'
---
no rows

> SELECT id FROM shelf WHERE place IN ('cellar', 'roof') ORDER BY id
---
(1,)
(2,)

> SELECT place, COUNT(*) FROM shelf GROUP BY place ORDER BY place
---
('attic', 1)
('cellar', 1)
('roof', 1)
