# Views: queries under a name, and what they stand in the way of.
use: library

> CREATE VIEW old_book (name, author) AS SELECT title, author_id FROM book WHERE year < 1950
---
ok

[plan]> SELECT old_book.name, a.name FROM old_book JOIN author a ON a.id = old_book.author WHERE old_book.name > 'F' ORDER BY 1
---
Project: old_book.title as name, a.name
  Sort: old_book.title
    NestedLoop: inner
      Project: book.title, book.author_id
        Filter: book.title > 'F'
          IndexRange: book using book_year (book.year < 1950), or a Scan if many
      KeyLookup: author a (a.id = old_book.author_id)
('Ficciones', 'Borges')
('Persuasion', 'Austen')

> SELECT * FROM OLD_BOOK AS o WHERE o.author = 2 ORDER BY o.name
---
('El Aleph', 2)
('Ficciones', 2)

> CREATE VIEW old_count AS SELECT author, COUNT(*) AS books FROM old_book GROUP BY author
---
ok

> SELECT * FROM old_count ORDER BY author
---
(None, 1)
(1, 2)
(2, 2)

> WITH x AS (SELECT * FROM old_count) SELECT SUM(books) FROM x
---
(5,)

> CREATE VIEW old_book AS SELECT 1
---
ProgrammingError: view "old_book" already exists at 1:13; write CREATE OR REPLACE VIEW

> CREATE VIEW IF NOT EXISTS old_book AS SELECT 1
---
ok

> CREATE VIEW author AS SELECT 1
---
ProgrammingError: "author" is a table at 1:13

[differs: sqlite3 has no OR REPLACE]> CREATE OR REPLACE VIEW old_book AS SELECT title, author_id AS author FROM book WHERE year < 1900
---
ok

[differs: the view was not replaced there]> SELECT * FROM old_count ORDER BY author
---
(None, 1)
(1, 2)

[differs: sqlite3 has no OR REPLACE]> CREATE OR REPLACE VIEW old_book AS SELECT author FROM old_count
---
ProgrammingError: view "old_book" cannot rest on itself

[differs: sqlite3 finds out when it is used]> CREATE VIEW bad AS SELECT * FROM nothing_there
---
ProgrammingError: table "nothing_there" does not exist: "nothing_there" at 1:15

[differs: sqlite3 renames the second]> CREATE VIEW bad AS SELECT id, id FROM book
---
ProgrammingError: column "id" of view "bad" specified more than once; name its columns

> INSERT INTO old_book VALUES ('x', 1)
---
ProgrammingError: "old_book" is a view: it cannot be written to: "old_book" at 1:13

> UPDATE old_book SET author = 1
---
ProgrammingError: "old_book" is a view: it cannot be written to: "old_book" at 1:8

> DELETE FROM old_book
---
ProgrammingError: "old_book" is a view: it cannot be written to: "old_book" at 1:13

> DROP TABLE old_book
---
ProgrammingError: "old_book" is a view at 1:12

> DROP VIEW book
---
ProgrammingError: "book" is a table at 1:11; write DROP TABLE

[differs: sqlite3 lets views dangle]> DROP TABLE book_tag CASCADE
---
ok

[differs: sqlite3 lets views dangle]> DROP TABLE book
---
IntegrityError: cannot drop book: view old_book uses it; drop that first, or say CASCADE

> ALTER TABLE book DROP COLUMN author_id
---
ProgrammingError: view "old_book" would no longer work; drop it first: column "author_id" does not exist: "author_id" at 1:15

[differs: sqlite3 changes the view]> ALTER TABLE book RENAME TO volume
---
ProgrammingError: view "old_book" would no longer work; drop it first: table "book" does not exist: "book" at 1:40

[differs: sqlite3 lets views dangle]> DROP VIEW old_book
---
IntegrityError: cannot drop old_book: view old_count uses it; drop that first, or say CASCADE

[differs: sqlite3 has no CASCADE]> DROP TABLE book CASCADE
---
ok

[differs: the views are still there]> SELECT * FROM old_count
---
ProgrammingError: table "old_count" does not exist: "old_count" at 1:15

> DROP VIEW IF EXISTS nothing_there
---
ok

> DROP VIEW nothing_there
---
ProgrammingError: view "nothing_there" does not exist at 1:11
