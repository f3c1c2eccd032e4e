# Tables are found in any case, quoted or not, keep the case they were made with, and cannot differ in case alone.

> CREATE TABLE "Shelf" (id integer PRIMARY KEY, room varchar(10))
---
ok

> INSERT INTO "SHELF" (id, room) VALUES (1, 'north'), (2, 'south')
---
2 rows

> SELECT "SHELF".room FROM "SHELF" ORDER BY "SHELF".id
---
('north',)
('south',)

> UPDATE shelf SET room = 'west' WHERE id = 2
---
1 rows

> SELECT s.room FROM "shelf" AS s JOIN Shelf AS t ON t.id = s.id WHERE s.id = 2
---
('west',)

> CREATE TABLE "shelf" (id integer PRIMARY KEY)
---
ProgrammingError: table "shelf" already exists at 1:14

> CREATE VIEW "SHELF" AS SELECT 1
---
ProgrammingError: "SHELF" is a table at 1:13

[differs: sqlite3 takes "s" for the "S" that is nearer]> SELECT (SELECT "S".id * 10 + "s".id FROM shelf AS "S" WHERE "S".id = 1) FROM shelf AS "s" ORDER BY "s".id
---
(11,)
(12,)

[differs: sqlite3 finds the table itself in the way]> ALTER TABLE "SHELF" RENAME TO "shelf"
---
ok

> CREATE TABLE book (id integer PRIMARY KEY, shelf_id integer REFERENCES "SHELF" (id))
---
ok

> CREATE INDEX shelf_room ON "ShElF" (room)
---
ok

> DROP TABLE "Book"
---
ok

> DROP TABLE "Shelf"
---
ok
