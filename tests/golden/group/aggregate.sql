# Aggregates, GROUP BY, HAVING, FILTER, DISTINCT inside.
use: library

> SELECT COUNT(*), COUNT(price), SUM(year), MIN(year), MAX(title), AVG(rating) FROM book
---
(7, 5, 12481, 1000, 'Persuasion', 4.36)

> SELECT COUNT(*), SUM(year), MIN(year), AVG(year) FROM book WHERE id > 100
---
(0, None, None, None)

> SELECT author_id, COUNT(*), SUM(price) FROM book GROUP BY author_id ORDER BY author_id
---
(None, 1, None)
(1, 2, Decimal('13.75'))
(2, 2, Decimal('9.99'))
(3, 1, Decimal('11.00'))
(4, 1, Decimal('8.00'))

> SELECT a.name, COUNT(b.id) AS books FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id, a.name ORDER BY books DESC, a.name
---
('Austen', 2)
('Borges', 2)
('Calvino', 1)
('Duras', 1)
('Homer', 0)

> SELECT author_id FROM book GROUP BY author_id HAVING COUNT(*) > 1 ORDER BY author_id
---
(1,)
(2,)

> SELECT COUNT(*) FILTER (WHERE in_print), COUNT(*) FILTER (WHERE NOT in_print) FROM book
---
(5, 2)

> SELECT in_print, COUNT(DISTINCT author_id) FROM book GROUP BY in_print ORDER BY in_print
---
(False, 1)
(True, 4)

> SELECT year / 100 AS century, COUNT(*) FROM book GROUP BY year / 100 ORDER BY century
---
(10, 1)
(18, 2)
(19, 4)

> SELECT year / 100 AS century, COUNT(*) FROM book GROUP BY 1 ORDER BY 1
---
(10, 1)
(18, 2)
(19, 4)

> SELECT SUM(price * 2) + 1 FROM book
---
(Decimal('86.48'),)

> SELECT MAX(price), MIN(published) FROM book
---
(Decimal('11.00'), datetime.date(1815, 12, 23))

> SELECT COUNT(*) FROM book HAVING COUNT(*) > 100
---
no rows

> SELECT author_id, SUM(CASE WHEN in_print THEN 1 ELSE 0 END) FROM book GROUP BY author_id ORDER BY 2 DESC, 1
---
(1, 2)
(2, 1)
(3, 1)
(4, 1)
(None, 0)

> SELECT author_id, COUNT(DISTINCT rating), COUNT(DISTINCT rating) + 1 FROM book GROUP BY author_id ORDER BY author_id
---
(None, 0, 1)
(1, 2, 3)
(2, 2, 3)
(3, 0, 1)
(4, 1, 2)

> SELECT in_print, COUNT(DISTINCT rating) FILTER (WHERE year > 1900) FROM book GROUP BY in_print ORDER BY in_print
---
(False, 1)
(True, 2)

> SELECT in_print, COUNT(DISTINCT year % 2) FILTER (WHERE year > 1900) AS n FROM book GROUP BY in_print ORDER BY in_print
---
(False, 1)
(True, 1)

> SELECT in_print, COUNT(*), COUNT(rating), MIN(rating), SUM(year) FILTER (WHERE rating IS NULL), COUNT(DISTINCT year), MAX(title) FROM book GROUP BY in_print ORDER BY in_print
---
(False, 2, 1, 4.7, 1000, 2, 'El Aleph')
(True, 5, 4, 3.9, 1972, 5, 'Persuasion')

> SELECT in_print, SUM(year), AVG(year), MAX(year), COUNT(DISTINCT author_id) FROM book WHERE year > 3000 GROUP BY in_print
---
no rows

> SELECT author_id, COUNT(*) FROM (SELECT DISTINCT author_id FROM book) AS found GROUP BY author_id ORDER BY author_id
---
(None, 1)
(1, 1)
(2, 1)
(3, 1)
(4, 1)

> SELECT n, COUNT(*) FROM (SELECT author_id AS n, MIN(year) FROM book GROUP BY author_id) AS first GROUP BY n ORDER BY n
---
(None, 1)
(1, 1)
(2, 1)
(3, 1)
(4, 1)

> SELECT n FROM (SELECT COUNT(*) AS n FROM book) counted WHERE %s = 1 {2}
---
no rows

> SELECT n FROM (SELECT COUNT(*) AS n FROM book) counted WHERE %s = 1 {1}
---
(7,)

> SELECT SUM(100 / (id - 1)) FILTER (WHERE id > 1), COUNT(DISTINCT 100 / (id - 1)) FILTER (WHERE id > 1), COUNT(*), MIN(100 / (id - 2)) FILTER (WHERE id = 2 AND id > 2) FROM book
---
(244, 6, 7, None)

> SELECT author_id, MAX(100 / (id - 1)) FILTER (WHERE id > 1), COUNT(*) FROM book GROUP BY author_id ORDER BY author_id
---
(None, 16, 1)
(1, 100, 2)
(2, 50, 2)
(3, 25, 1)
(4, 20, 1)

[differs: this version of sqlite3 has no ORDER BY there]> SELECT STRING_AGG(CAST(100 / (id - 1) AS text), ',' ORDER BY 100 / (id - 1)) FILTER (WHERE id > 1) FROM book
---
('16,20,25,33,50,100',)

> SELECT id, SUM(100 / (id - 1)) FILTER (WHERE id > 1) OVER (ORDER BY id) FROM book ORDER BY id
---
(1, None)
(2, 100)
(3, 150)
(4, 183)
(5, 208)
(6, 228)
(7, 244)

> SELECT GROUP_CONCAT(name, ", ") FROM (SELECT name FROM author WHERE id < 3 ORDER BY id) a
---
('Austen, Borges',)

> SELECT a.id, GROUP_CONCAT(b.title, "name") FROM author a JOIN book b ON b.author_id = a.id WHERE a.id = 3 GROUP BY a.id
---
(3, 'Le citta invisibili')

[differs: sqlite3 takes no other argument beside DISTINCT]> SELECT STRING_AGG(DISTINCT name, " / " ORDER BY name) FROM author WHERE id < 3
---
('Austen / Borges',)

[differs: for sqlite3 any name that is none is a text]> SELECT GROUP_CONCAT(name, gone), 1 FROM author
---
ProgrammingError: column "gone" does not exist: "gone" at 1:27

[differs: for sqlite3 any name that is none is a text]> SELECT GROUP_CONCAT(name, "author"."gone") FROM author
---
ProgrammingError: column "author.gone" does not exist: ""author"."gone"" at 1:27

[differs: for sqlite3 any name that is none is a text]> SELECT GROUP_CONCAT("gone", ",") FROM author
---
ProgrammingError: column "gone" does not exist: ""gone"" at 1:21
