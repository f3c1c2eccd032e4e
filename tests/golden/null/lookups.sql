# An index whose first column is looked up as NULL: a value for the second column that is NULL finds no row.
use: numbers

> CREATE TABLE part (id integer PRIMARY KEY, kind text, name text NOT NULL, size integer)
---
ok

> CREATE INDEX part_kind ON part (kind, name)
---
ok

> CREATE INDEX part_size ON part (kind, size)
---
ok

> INSERT INTO part VALUES (1, NULL, 'x', 1), (2, 'a', 'x', NULL), (3, NULL, 'y', NULL), (4, NULL, 'x', 2)
---
4 rows

> CREATE TABLE wanted (id integer PRIMARY KEY, name text, size integer)
---
ok

> INSERT INTO wanted VALUES (1, 'x', 1), (2, NULL, NULL), (3, 'z', NULL)
---
3 rows

[plan]> SELECT w.id, EXISTS (SELECT 1 FROM part p WHERE p.kind IS NULL AND p.name = w.name LIMIT 1) FROM wanted w ORDER BY w.id
---
Project: w.id, exists (subquery, or w.name in (subquery) if many) as exists
    exists subquery 1: Project: true as found
      IndexLookup: part p using part_kind (p.kind = null and p.name = w.name)
    in subquery 2: Project: p.name as key 0
      Filter: p.kind is null
        Scan: part p
  Scan: wanted w
(1, True)
(2, False)
(3, False)

[plan]> SELECT w.id, EXISTS (SELECT 1 FROM part p WHERE p.kind IS NULL AND p.size = w.size LIMIT 1) FROM wanted w ORDER BY w.id
---
Project: w.id, exists (subquery, or w.size in (subquery) if many) as exists
    exists subquery 1: Project: true as found
      IndexLookup: part p using part_size (p.kind = null and p.size = w.size)
    in subquery 2: Project: p.size as key 0
      Filter: (p.kind is null) and (p.size is not null)
        Scan: part p
  Scan: wanted w
(1, True)
(2, False)
(3, False)

[plan]> SELECT id FROM part WHERE kind IS NULL AND name = %s {None}
---
Project: part.id
  IndexLookup: part using part_kind (part.kind = null and part.name = p0)
no rows

> SELECT id FROM part WHERE kind IS NULL AND (name = %s OR size = %s) {None, None}
---
no rows

> SELECT id FROM part WHERE kind IS NULL AND name = %s ORDER BY id {"x"}
---
(1,)
(4,)
