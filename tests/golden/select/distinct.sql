# DISTINCT and DISTINCT ON.
use: library

> SELECT DISTINCT author_id FROM book ORDER BY author_id
---
(None,)
(1,)
(2,)
(3,)
(4,)

> SELECT DISTINCT country IS NULL FROM author
---
(False,)
(True,)

> SELECT DISTINCT author_id, in_print FROM book ORDER BY 1, 2
---
(None, False)
(1, True)
(2, False)
(2, True)
(3, True)
(4, True)

[differs: sqlite3 has no DISTINCT ON]> SELECT DISTINCT ON (author_id) author_id, title FROM book ORDER BY author_id, year DESC
---
(None, 'Beowulf')
(1, 'Persuasion')
(2, 'El Aleph')
(3, 'Le citta invisibili')
(4, "L'amant")

> SELECT COUNT(DISTINCT author_id) FROM book
---
(4,)

> SELECT DISTINCT in_print FROM book ORDER BY in_print DESC LIMIT 1
---
(True,)

[differs: sqlite3 has no DISTINCT ON]> SELECT DISTINCT ON (country, id) name, country FROM author WHERE country IS NOT NULL ORDER BY country
---
('Borges', 'AR')
('Duras', 'FR')
('Austen', 'GB')
('Calvino', 'IT')

[differs: sqlite3 has no DISTINCT ON]> SELECT DISTINCT ON (year) year, title FROM book ORDER BY year DESC, title
---
(1984, "L'amant")
(1972, 'Le citta invisibili')
(1949, 'El Aleph')
(1944, 'Ficciones')
(1817, 'Persuasion')
(1815, 'Emma')
(1000, 'Beowulf')

[differs: sqlite3 has no DISTINCT ON]> SELECT DISTINCT ON (title, id) title FROM book ORDER BY title LIMIT 3
---
('Beowulf',)
('El Aleph',)
('Emma',)

[differs: sqlite3 has no DISTINCT ON]> SELECT DISTINCT ON (in_print) in_print, title FROM book ORDER BY in_print DESC, title DESC
---
(True, 'Persuasion')
(False, 'El Aleph')

> SELECT DISTINCT author_id, year / %s AS century FROM book ORDER BY year / %s DESC, author_id {100, 100}
---
(2, 19)
(3, 19)
(4, 19)
(1, 18)
(None, 10)

> SELECT DISTINCT year / %s AS century, year / %s AS age FROM book ORDER BY year / %s DESC, year / %s LIMIT 4 {100, 50, 50, 100}
---
(19, 39)
(19, 38)
(18, 36)
(10, 20)

[differs: sqlite3 sorts by what it does not give]> SELECT DISTINCT year / %s AS century FROM book ORDER BY year / %s {100, 50}
---
ProgrammingError: for SELECT DISTINCT, ORDER BY expressions must appear in the select list: "year" at 1:57

> SELECT DISTINCT a, b FROM (SELECT column1 AS a, column2 AS b FROM (VALUES (1, 2), (3, 4))) AS v
---
(1, 2)
(3, 4)

> SELECT DISTINCT column1, column2 FROM (VALUES (1, 2), (3, 4), (1, 2)) AS v
---
(1, 2)
(3, 4)

> SELECT COUNT(*), MAX(column2) FROM (VALUES (1, 2), (3, 4)) AS v
---
(2, 4)

> SELECT COUNT(*) FROM (VALUES (1, 2), (3, 4)) AS v
---
(2,)

> SELECT column1, COUNT(*) FROM (VALUES (1, 2), (3, 4), (1, 5)) AS v GROUP BY column1
---
(1, 2)
(3, 1)

> SELECT column1, column2 FROM (VALUES (1, 2), (3, 4), (1, 2)) AS v GROUP BY column1, column2
---
(1, 2)
(3, 4)

> SELECT column1 FROM (VALUES (1, 2), (3, 4)) AS v UNION SELECT 1
---
(1,)
(3,)

> SELECT column1 FROM (VALUES (1, 2), (3, 4)) AS v EXCEPT VALUES (3)
---
(1,)

> SELECT (SELECT column2 FROM (VALUES (1, 2), (3, 4)) AS v WHERE column1 = 3), EXISTS (SELECT 1 FROM (VALUES (1, 2), (3, 4)) AS v WHERE column1 > 3), 2 IN (SELECT column1 FROM (VALUES (1, 2), (3, 4)) AS v)
---
(4, False, False)

> SELECT v.column1, w.column2 FROM (VALUES (1, 2), (3, 4)) AS v LEFT JOIN (VALUES (3, 5), (3, 6)) AS w ON v.column1 = w.column1 ORDER BY 1, 2
---
(1, None)
(3, 5)
(3, 6)

> SELECT column1, SUM(column2) OVER (ORDER BY column1) FROM (VALUES (1, 2), (3, 4)) AS v ORDER BY column1 DESC LIMIT 1
---
(3, 6)
