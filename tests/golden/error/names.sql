# Bad SQL and unknown names, with fragment and position.
use: library

> SELECT nope FROM author
---

> SELECT * FROM nope
---

> SELECT a.nope FROM author a
---

> SELECT FROM WHERE
---

> SELECT name FROM author WHERE
---

> SELECT NOPE(1)
---

> INSERT INTO author (nope) VALUES (1)
---

> INSERT INTO author (name) VALUES (1, 2)
---

> SELECT id FROM author JOIN book ON TRUE
---

> SELEC 1
---

[differs: sqlite3 picks any row of the group]> SELECT name, COUNT(*) FROM author GROUP BY country
---

[differs: sqlite3 knows no arrays either, but fails later]> SELECT ARRAY[1]
---

> SELECT 1; SELECT 2
---
