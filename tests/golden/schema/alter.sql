# ALTER TABLE over existing rows.
use: numbers

> ALTER TABLE n ADD COLUMN extra integer DEFAULT 5 NOT NULL
---

> SELECT id, extra FROM n ORDER BY id LIMIT 2
---

> ALTER TABLE n RENAME COLUMN extra TO more
---

> SELECT more FROM n WHERE id = 1
---

[differs: sqlite3 cannot alter a column]> ALTER TABLE n ALTER COLUMN more TYPE varchar(10)
---

[differs: the column is an integer there]> SELECT more FROM n WHERE id = 1
---

> CREATE UNIQUE INDEX n_t ON n (t)
---

> CREATE UNIQUE INDEX n_id_t ON n (t, id)
---

> ALTER TABLE n RENAME TO nn
---

> SELECT COUNT(*) FROM nn
---

[plan,differs: sqlite3 has EXPLAIN QUERY PLAN]> SELECT id FROM nn WHERE a = 2 ORDER BY id
---

> ALTER TABLE nn DROP COLUMN more
---

> SELECT * FROM nn WHERE id = 1
---

> DROP TABLE nn
---

> SELECT * FROM nn
---
