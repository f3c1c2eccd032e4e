# DISTINCT and DISTINCT ON.
use: library

> SELECT DISTINCT author_id FROM book ORDER BY author_id
---

> SELECT DISTINCT country IS NULL FROM author
---

> SELECT DISTINCT author_id, in_print FROM book ORDER BY 1, 2
---

[differs: sqlite3 has no DISTINCT ON]> SELECT DISTINCT ON (author_id) author_id, title FROM book ORDER BY author_id, year DESC
---

> SELECT COUNT(DISTINCT author_id) FROM book
---

> SELECT DISTINCT in_print FROM book ORDER BY in_print DESC LIMIT 1
---
