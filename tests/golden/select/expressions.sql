# CASE, CAST, COALESCE, string and number functions.
use: library

> SELECT CASE WHEN year < 1900 THEN 'old' WHEN year < 1950 THEN 'mid' ELSE 'new' END FROM book ORDER BY id
---
('old',)
('old',)
('mid',)
('mid',)
('new',)
('new',)
('old',)

> SELECT CASE country WHEN 'GB' THEN 1 WHEN 'AR' THEN 2 END FROM author ORDER BY id
---
(1,)
(2,)
(None,)
(None,)
(None,)

> SELECT CAST('12' AS integer), CAST(3 AS text), CAST(2.5 AS double precision)
---
(12, '3', 2.5)

> SELECT UPPER(name), LOWER(name), LENGTH(name) FROM author ORDER BY id
---
('AUSTEN', 'austen', 6)
('BORGES', 'borges', 6)
('CALVINO', 'calvino', 7)
('DURAS', 'duras', 5)
('HOMER', 'homer', 5)

> SELECT ABS(-3), ROUND(2.567, 2), COALESCE(NULL, 4)
---
(3, Decimal('2.57'), 4)

> SELECT SUBSTR(title, 1, 3), TRIM('  x '), REPLACE(title, 'm', 'n') FROM book WHERE id = 1
---
('Emm', 'x', 'Enna')

> SELECT name || ' (' || country || ')' FROM author ORDER BY id
---
('Austen (GB)',)
('Borges (AR)',)
('Calvino (IT)',)
('Duras (FR)',)
(None,)

> SELECT born + 1, born - 1, born * 2, born / 2, born % 10 FROM author ORDER BY id
---
(1776, 1774, 3550, 887, 5)
(1900, 1898, 3798, 949, 9)
(1924, 1922, 3846, 961, 3)
(1915, 1913, 3828, 957, 4)
(None, None, None, None, None)

> SELECT COALESCE(COALESCE(%s, %s), %s) * 2, d.c + 1 FROM (SELECT COALESCE(COALESCE(%s, %s), %s) AS c) d {None, 2, 3, None, None, 5}
---
(4, 6)

[differs: decimals stay decimals]> SELECT CAST(CEIL(-0.5) AS text), CAST(ROUND(-0.4) AS text), CAST(ROUND(-0.04, 1) AS text), CAST(TRUNC(-0.7) AS text), CAST(CEIL(CAST(-0.5 AS double precision)) + 1 AS text)
---
('0', '0', '0.0', '0', '1')

[differs: sqlite3 does not round to a column's scale]> SELECT CAST(CAST(-0.001 AS numeric(5, 2)) AS text), CAST(-0.009 AS numeric(5, 2))
---
('0.00', Decimal('-0.01'))

[differs: sqlite3 does not round to a column's scale]> SELECT CAST(%s AS numeric(5, 2)), CAST(%s AS numeric(5, 2)) + 0, CAST(%s AS numeric(5, 0)) {'2.345', 2.345, 2.5}
---
(Decimal('2.35'), Decimal('2.35'), Decimal('3'))

[differs: sqlite3 takes any number]> SELECT CAST(%s AS numeric(5, 2)) {12345.678}
---
DataError: 12345.678 is out of range for type numeric(5, 2)

[differs: sqlite3 takes any number]> SELECT CAST(%s AS smallint) {100000}
---
DataError: 100000 is out of range for type smallint (-32768 to 32767)

[differs: decimals stay decimals]> SELECT CAST(CAST(0 AS numeric(12, 8)) AS text), CAST(CAST('0.00000001' AS numeric(12, 8)) AS text) || ' BTC', CAST(1e3 AS text)
---
('0.00000000', '0.00000001 BTC', '1000')

[differs: decimals stay decimals]> SELECT CAST(-1 * 0.0 AS text), -1.5 * 0 || ''
---
('0.0', '0.0')

[differs: decimals stay decimals]> SELECT CAST(CAST('1e999999999' AS numeric) AS text)
---
DataError: 1.000e+999999999 has too many digits to be written as a text: "'1e999999999'" at 1:18

> SELECT 1.5 * ROUND(NULL), ABS(NULL) - year, -ABS(NULL), NULLIF(NULL, 1) % 2, (SELECT NULL) / 2.5 FROM book WHERE id = 1
---
(None, None, None, None, None)

> SELECT SUM(NULL) + 1, MAX(CASE WHEN id = 1 THEN NULL END) * 2.5 FROM book
---
(None, None)

> SELECT id, CASE WHEN id < 2 THEN 'a' WHEN TRUE THEN 'b' WHEN id > 2 THEN 'c' ELSE 'd' END, CASE WHEN FALSE THEN 'a' WHEN id = 2 THEN 'b' WHEN NULL THEN 'c' ELSE 'd' END, CASE WHEN NULL THEN 'a' WHEN FALSE THEN 'b' END, CASE WHEN TRUE THEN id END FROM book WHERE id < 4 ORDER BY id
---
(1, 'a', 'd', None, 1)
(2, 'b', 'b', None, 2)
(3, 'b', 'd', None, 3)

> SELECT id FROM book WHERE CASE WHEN id = 1 THEN FALSE WHEN TRUE THEN id < 4 END AND TRUE OR FALSE OR id = 5 AND NOT FALSE ORDER BY id
---
(2,)
(3,)
(5,)

[differs: sqlite3 has no booleans]> SELECT id, CAST(id - 2 AS boolean), NOT id::boolean, CAST(2 AS boolean), CAST(NULL AS boolean) FROM tag WHERE CAST(id - 4 AS boolean)
---
(1, True, False, True, None)
(2, False, False, True, None)
(3, True, False, True, None)

> SELECT id FROM author WHERE born IS 1899 OR born IS NULLIF(id, 5) ORDER BY id
---
(2,)
(5,)

> SELECT id FROM author WHERE born IS NOT 1899 AND country IS NOT 'GB' ORDER BY id
---
(3,)
(4,)
(5,)
