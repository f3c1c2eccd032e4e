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
