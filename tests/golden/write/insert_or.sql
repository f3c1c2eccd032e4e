# SQLite's INSERT OR …: IGNORE is ON CONFLICT DO NOTHING.
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
