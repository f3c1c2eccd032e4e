# Bad SQL and unknown names, with fragment and position.
use: library

> SELECT nope FROM author
---
ProgrammingError: column "nope" does not exist: "nope" at 1:8

> SELECT * FROM nope
---
ProgrammingError: table "nope" does not exist: "nope" at 1:15

> SELECT a.nope FROM author a
---
ProgrammingError: column "a.nope" does not exist: "a.nope" at 1:8

> SELECT FROM WHERE
---
ProgrammingError: syntax error, expected table name but got <Token token_type: TokenType.WHERE, text: WHERE, line: 1, col: 17, start: 12, end: 16, comments: []>: "WHERE" at 1:13

> SELECT name FROM author WHERE
---
ProgrammingError: syntax error, required keyword: 'this' missing: "WHERE" at 1:25

> SELECT NOPE(1)
---
ProgrammingError: function NOPE does not exist: "NOPE(1)" at 1:8

> INSERT INTO author (nope) VALUES (1)
---
ProgrammingError: column "author.nope" does not exist: "nope" at 1:21

> INSERT INTO author (name) VALUES (1, 2)
---
ProgrammingError: INSERT has 2 values for 1 columns: more expressions than that: "1, 2" at 1:35

> SELECT id FROM author JOIN book ON TRUE
---
ProgrammingError: column "id" is ambiguous: "id" at 1:8

> SELEC 1
---
ProgrammingError: no SQL statement: "SELEC 1" at 1:1

[differs: sqlite3 picks any row of the group]> SELECT name, COUNT(*) FROM author GROUP BY country
---
ProgrammingError: column "author.name" must appear in the GROUP BY clause or be used in an aggregate function: "name" at 1:8

[differs: sqlite3 knows no arrays either, but fails later]> SELECT ARRAY[1]
---
NotSupportedError: an array is no value here: write IN (…), a row for each element, or JSON: "1" at 1:14

> SELECT 1; SELECT 2
---
ProgrammingError: more than one statement in one call: "; SELECT 2" at 1:9

[differs: sqlite3 takes MAX for GREATEST]> SELECT MAX(1, 2)
---
NotSupportedError: MAX of several values (write GREATEST) is not supported: "2" at 1:15

[differs: dates are text in sqlite3]> SELECT DATE('2024-01-31', '+1 month')
---
NotSupportedError: DATE with a modifier (write + INTERVAL, or DATE_TRUNC) is not supported: "'+1 month'" at 1:27

[differs: not spoken here]> SELECT JSON_SET('{}', '$.a', 1)
---
NotSupportedError: JSON_SET is not supported: "JSON_SET('{}', '$.a', 1)" at 1:8

[differs: sqlite3 has no rows of that kind]> SELECT COUNT(DISTINCT (id, name)) FROM author
---
ProgrammingError: a row is no value: it can be compared with rows, by =, <>, <, <=, >, >= and IN: "id, name" at 1:24

[differs: not spoken here]> SELECT * FROM author NATURAL JOIN book ON TRUE
---
ProgrammingError: a join has one of NATURAL, ON and USING, not NATURAL and ON: "book" at 1:35

> SELECT * FROM author JOIN book USING (id + 1)
---
ProgrammingError: syntax error, expecting ): "+ 1)" at 1:42

> SELECT born FROM author AS a (born x)
---
ProgrammingError: a name is expected, and not born x

> INSERT INTO author
---
ProgrammingError: INSERT needs VALUES, a query or DEFAULT VALUES: "author" at 1:13

> INSERT INTO author (id, name)
---
ProgrammingError: INSERT needs VALUES, a query or DEFAULT VALUES: "author (id, name)" at 1:13

> INSERT INTO author (id, name) VALUES (1, 'x') ON CONFLICT
---
ProgrammingError: ON CONFLICT goes on with DO NOTHING or DO UPDATE SET …: "author (id, name) VALUES (1, 'x')" at 1:13

> INSERT INTO author (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE
---
ProgrammingError: ON CONFLICT goes on with DO NOTHING or DO UPDATE SET …: "author (id, name) VALUES (1, 'x') ON CONFLICT (id)" at 1:13

> SELECT COUNT(DISTINCT ) FROM author
---
ProgrammingError: COUNT takes an argument: "COUNT" at 1:8

> SELECT '{}' ->> 'a' ?
---
ProgrammingError: syntax error: "SELECT '{}' ->> 'a' ?"

> SELECT JSON_BUILD_OBJECT('a', 1, 'b')
---
ProgrammingError: an object is made of keys and values in turn, not of 3 argument(s): "JSON_BUILD_OBJECT('a', 1, 'b')" at 1:8

> SELECT id FROM author WHERE id IN %s {(1, 2)}
---
NotSupportedError: IN without parentheses (write a placeholder for each value: IN (%s, %s)) is not supported: "%(parameter 1)s"

> SELECT id FROM author WHERE id = ANY(%s) {[1, 2]}
---
NotSupportedError: ANY and ALL take a subquery or ARRAY[…]; write IN (%s, %s) for values: "id" at 1:29

> SELECT id FROM %s {'author'}
---
ProgrammingError: a parameter is a value, and cannot be a table: "%(parameter 1)s"

[differs: sqlite3 takes the digits for a text]> SELECT HEX(255)
---
NotSupportedError: HEX is not supported (write TO_HEX of a number, or UPPER(ENCODE(…, 'hex'))): "HEX(255)" at 1:8

> SELECT GENERATE_SERIES(1, 2)
---
NotSupportedError: GENERATE_SERIES (write WITH RECURSIVE, or VALUES) is not supported: "GENERATE_SERIES(1, 2)" at 1:8

[differs: sqlite3 takes any text for a number]> SELECT CEIL(title) FROM book
---
ProgrammingError: a number is taken, and no value of type text: "title" at 1:13

> SELECT STRING_AGG(DISTINCT , ',') FROM author
---
ProgrammingError: syntax error: an expression is missing

[differs: sqlite3 has the function]> SELECT DATETIME('now', '-7 days')
---
NotSupportedError: DATETIME (write CURRENT_TIMESTAMP or CAST(… AS timestamp), and + INTERVAL '1 day') is not supported: "DATETIME('now', '-7 days')" at 1:8

[differs: sqlite3 has the function]> SELECT DATE('now')
---
NotSupportedError: DATE of 'now' is not supported (write CURRENT_DATE): "DATE('now')" at 1:8

[differs: sqlite3 has the function]> SELECT JSON_GROUP_ARRAY(id) FROM author
---
ProgrammingError: function JSON_GROUP_ARRAY does not exist (write JSON_AGG): "JSON_GROUP_ARRAY(id)" at 1:8

> SELECT YEAR(published) FROM book
---
NotSupportedError: YEAR (write EXTRACT(YEAR FROM …)) is not supported: "YEAR(published)" at 1:8

> SELECT MONTH(published) FROM book
---
NotSupportedError: MONTH (write EXTRACT(MONTH FROM …)) is not supported: "MONTH(published)" at 1:8

[differs: sqlite3 has the function]> SELECT LAST_INSERT_ROWID()
---
ProgrammingError: function LAST_INSERT_ROWID does not exist (write RETURNING, or the cursor's lastrowid): "LAST_INSERT_ROWID" at 1:8

> SELECT relname FROM pg_class
---
ProgrammingError: table "pg_class" does not exist; information_schema.tables lists those that do: "pg_class" at 1:21

[differs: a word of SQLite]> PRAGMA table_info(author)
---
NotSupportedError: PRAGMA is not supported (write SELECT … FROM information_schema.columns): "PRAGMA table_info(author)" at 1:1

> DESCRIBE author
---
NotSupportedError: DESCRIBE is not supported (write SELECT … FROM information_schema.columns): "DESCRIBE author" at 1:1

> MERGE INTO author USING book ON TRUE
---
NotSupportedError: MERGE is not supported (write INSERT … ON CONFLICT): "MERGE INTO author USING book ON TRUE" at 1:1
