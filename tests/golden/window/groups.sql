# Windows stand above groups, and below DISTINCT, ORDER BY and LIMIT; and where they may not stand.
use: library
use: numbers

[plan]> SELECT a, COUNT(*), SUM(COUNT(*)) OVER (ORDER BY a), RANK() OVER (ORDER BY COUNT(*) DESC) FROM n GROUP BY a ORDER BY a
---
Project: grouped.a, grouped.count, windowed.sum, windowed_2.rank
  Sort: grouped.a
    Window: rank() over (order by grouped.count desc)
      Window: sum(grouped.count) over (order by grouped.a)
        IndexGroups: n using n_a (a, count)
(None, 2, 2, 1)
(1, 2, 4, 1)
(2, 2, 6, 1)
(3, 1, 7, 4)

> SELECT a, b, MAX(SUM(id)) OVER (PARTITION BY a) FROM n GROUP BY a, b ORDER BY a, b
---
(None, None, 5)
(None, 20, 5)
(1, None, 2)
(1, 10, 2)
(2, 10, 7)
(2, 20, 7)
(3, 30, 6)

> SELECT a, COUNT(*) FROM n GROUP BY a HAVING COUNT(*) > 1 ORDER BY ROW_NUMBER() OVER (ORDER BY a DESC)
---
(2, 2)
(1, 2)
(None, 2)

> SELECT author.name, COUNT(*) OVER (PARTITION BY author.country), LAG(book.title) OVER (PARTITION BY author.id ORDER BY book.year) FROM book JOIN author ON author.id = book.author_id ORDER BY book.id
---
('Austen', 2, None)
('Austen', 2, 'Emma')
('Borges', 2, None)
('Borges', 2, 'Ficciones')
('Calvino', 1, None)
('Duras', 1, None)

> SELECT name, (SELECT MAX(r) FROM (SELECT ROW_NUMBER() OVER (ORDER BY year) AS r FROM book WHERE book.author_id = author.id) AS numbered) FROM author ORDER BY id
---
('Austen', 2)
('Borges', 2)
('Calvino', 1)
('Duras', 1)
('Homer', None)

> SELECT id, SUM(a) OVER w + 1, CASE WHEN RANK() OVER (w ORDER BY b) = 1 THEN 'first' ELSE 'later' END FROM n WINDOW w AS (PARTITION BY a) ORDER BY id
---
(1, 3, 'later')
(2, 3, 'first')
(3, 5, 'first')
(4, None, 'later')
(5, None, 'first')
(6, 4, 'first')
(7, 5, 'later')

> SELECT id FROM n WHERE id IN (SELECT ROW_NUMBER() OVER (ORDER BY id) FROM tag) ORDER BY id
---
(1,)
(2,)
(3,)
(4,)

> SELECT SUM(DISTINCT a) OVER () FROM n
---
NotSupportedError: DISTINCT is not supported for window functions: "SUM(DISTINCT a)" at 1:8

> SELECT id FROM n WHERE RANK() OVER () = 1
---
ProgrammingError: window functions are not allowed in WHERE: "RANK" at 1:24

> SELECT a FROM n GROUP BY a HAVING RANK() OVER () = 1
---
ProgrammingError: window functions are not allowed in HAVING: "RANK" at 1:35

> SELECT SUM(RANK() OVER ()) FROM n
---
ProgrammingError: window functions are not allowed in the arguments of an aggregate: "RANK" at 1:12

> SELECT RANK() FROM n
---
ProgrammingError: window function RANK requires an OVER clause: "RANK" at 1:8

> SELECT RANK() OVER w FROM n
---
ProgrammingError: window "w" does not exist: "RANK() OVER w" at 1:8

> SELECT id, SUM(year) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 1 FOLLOWING), MIN(title) OVER (ORDER BY year DESC, id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM book ORDER BY id
---
(1, 1817, 'Beowulf')
(2, 1944, 'Beowulf')
(3, 1949, 'Beowulf')
(4, 1972, 'Beowulf')
(5, 1984, 'Beowulf')
(6, 1000, 'Beowulf')
(7, None, 'Beowulf')

> SELECT id, MIN(title) OVER (ORDER BY year DESC, id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), SUM(year) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 1 FOLLOWING) FROM book ORDER BY id
---
(1, 'Beowulf', 1817)
(2, 'Beowulf', 1944)
(3, 'Beowulf', 1949)
(4, 'Beowulf', 1972)
(5, 'Beowulf', 1984)
(6, 'Beowulf', 1000)
(7, 'Beowulf', None)

> SELECT id, MIN(title) OVER (PARTITION BY author_id ORDER BY year DESC, id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), ROW_NUMBER() OVER (PARTITION BY author_id ORDER BY title) FROM book ORDER BY id
---
(1, 'Emma', 1)
(2, 'Emma', 2)
(3, 'El Aleph', 2)
(4, 'El Aleph', 1)
(5, 'Le citta invisibili', 1)
(6, "L'amant", 1)
(7, 'Beowulf', 1)
