# Numbers as they are typed: with a base, with underscores, and never with letters behind.
use: library

[differs: older versions of sqlite3 know neither]> SELECT 0x1F, 0b101, 0o17, 1_000, 0xFF_FF, 1e3, .5
---
(31, 5, 15, 1000, 65535, Decimal('1E+3'), Decimal('0.5'))

> SELECT 0x1F, X'1F', 1e3, 1.5e-3
---
(31, b'\x1f', Decimal('1E+3'), Decimal('0.0015'))

> SELECT id FROM book WHERE id = 0x2 OR year = 1815 ORDER BY id
---
(1,)
(2,)

> SELECT 12abc
---
ProgrammingError: letters after a number: "abc" at 1:10

> SELECT 1.5x FROM book
---
ProgrammingError: letters after a number: "x FROM book" at 1:11

> SELECT 1 AS a2b, '12abc' AS "3x" -- 4y
---
(1, '12abc')
