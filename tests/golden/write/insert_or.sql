# SQLite's INSERT OR …: IGNORE leaves out what a key, NOT NULL or a CHECK refuses; foreign keys still hold.
use: library

> INSERT OR IGNORE INTO tag (id, name) VALUES (1, 'novel'), (5, 'new')
---
1 rows

> SELECT COUNT(*) FROM tag
---
(5,)

[differs: sqlite3 replaces]> INSERT OR REPLACE INTO tag (id, name) VALUES (1, 'x')
---
NotSupportedError: INSERT OR REPLACE is not supported; write ON CONFLICT: "tag (id, name) VALUES (1, 'x')" at 1:24

> CREATE TABLE stock (id integer PRIMARY KEY, name text NOT NULL, amount integer CHECK (amount > 0), tag_id integer REFERENCES tag (id))
---
ok

> INSERT OR IGNORE INTO stock (name, amount) VALUES ('ink', 1), (NULL, 2), ('pen', 0), ('nib', NULL) RETURNING name
---
('ink',)
('nib',)

> INSERT OR IGNORE INTO stock (name, amount) SELECT NULLIF(name, 'ink'), amount + 1 FROM stock
---
1 rows

> INSERT OR IGNORE INTO stock (name, amount, tag_id) VALUES ('cap', 1, 99)
---
IntegrityError: FOREIGN KEY constraint failed: stock.tag_id (stock_tag_id_fkey): no row of tag has id = 99

> INSERT INTO stock (name, amount) VALUES (NULL, 2) ON CONFLICT DO NOTHING
---
IntegrityError: NOT NULL constraint failed: stock.name

> INSERT INTO stock (name, amount) VALUES ('pen', 0) ON CONFLICT DO NOTHING
---
IntegrityError: CHECK constraint failed: stock_amount_check (table stock)

> SELECT name, amount FROM stock ORDER BY name
---
('ink', 1)
('nib', None)
('nib', None)
