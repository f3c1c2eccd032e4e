# INSERT: values, defaults, generated ids, RETURNING, ON CONFLICT, from SELECT.
use: library

> INSERT INTO tag (name) VALUES ('new'), ('newer')
---

> SELECT id, name FROM tag ORDER BY id
---

> INSERT INTO tag (id, name) VALUES (10, 'ten') RETURNING id, name
---

> INSERT INTO tag (name) VALUES ('eleven') RETURNING id
---

> INSERT INTO tag (id, name) VALUES (1, 'again') ON CONFLICT DO NOTHING
---

> INSERT INTO tag (name) VALUES ('novel') ON CONFLICT (name) DO UPDATE SET name = excluded.name || '!' RETURNING id, name
---

> INSERT INTO tag (name) SELECT name FROM author WHERE id < 3
---

> SELECT name FROM tag ORDER BY name
---

> INSERT INTO tag (name) SELECT name || name FROM tag WHERE id < 3
---

> SELECT COUNT(*) FROM tag
---
