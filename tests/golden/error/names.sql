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
ProgrammingError: no expression: "1" at 1:14

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
