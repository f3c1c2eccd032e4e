# Which columns a SELECT gives: *, t.*, expressions, aliases.
use: library

> SELECT * FROM author ORDER BY id
---

> SELECT a.* FROM author a WHERE a.id = 1
---

> SELECT name AS n, born + 1 AS later FROM author ORDER BY n
---

> SELECT 1
---

> SELECT 1 + 1 AS two, 'x' || 'y' AS xy, NULL AS nothing
---

> SELECT b.*, a.name FROM book b JOIN author a ON a.id = b.author_id WHERE b.id = 3
---

> SELECT "author"."name" FROM "author" WHERE "author"."id" = %s {2}
---

> SELECT %s {'a''b'}
---

> SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3, 7.0 / 2, 2 * 3 - 1
---
