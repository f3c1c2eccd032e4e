# ALTER TABLE over existing rows.
use: numbers

> ALTER TABLE n ADD COLUMN extra integer DEFAULT 5 NOT NULL
---
ok

> SELECT id, extra FROM n ORDER BY id LIMIT 2
---
(1, 5)
(2, 5)

> ALTER TABLE n RENAME COLUMN extra TO more
---
ok

> SELECT more FROM n WHERE id = 1
---
(5,)

[differs: sqlite3 cannot alter a column]> ALTER TABLE n ALTER COLUMN more TYPE varchar(10)
---
ok

[differs: the column is an integer there]> SELECT more FROM n WHERE id = 1
---
('5',)

> CREATE UNIQUE INDEX n_t ON n (t)
---
IntegrityError: UNIQUE constraint failed: n.t (n_t)

> CREATE UNIQUE INDEX n_id_t ON n (t, id)
---
ok

> ALTER TABLE n RENAME TO nn
---
ok

> SELECT COUNT(*) FROM nn
---
(7,)

[plan,differs: sqlite3 has EXPLAIN QUERY PLAN]> SELECT id FROM nn WHERE a = 2 ORDER BY id
---
Project: nn.id
  IndexLookup: nn using n_a (nn.a = 2)
(3,)
(7,)

> ALTER TABLE nn DROP COLUMN more
---
ok

> SELECT * FROM nn WHERE id = 1
---
(1, 1, 10, 'x', 1.5)

> DROP TABLE nn
---
ok

> SELECT * FROM nn
---
ProgrammingError: table "nn" does not exist: "nn" at 1:15
