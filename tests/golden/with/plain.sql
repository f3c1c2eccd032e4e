# WITH: named queries, one after the other, in every statement; used once in place, used more often computed once.
use: library
use: numbers

[plan]> WITH old AS (SELECT * FROM book WHERE year < 1900) SELECT title FROM old WHERE author_id = 1 ORDER BY title
---
Project: old.title
  Sort: old.title
    Project: book.title
      IndexRange: book using book_author_year (book.author_id = 1 and book.year < 1900), or a Scan if many
('Emma',)
('Persuasion',)

[plan]> WITH per_author AS (SELECT author_id, COUNT(*) AS books FROM book GROUP BY author_id) SELECT a.author_id, b.author_id FROM per_author a JOIN per_author b ON b.books = a.books AND b.author_id > a.author_id ORDER BY 1, 2
---
Project: a.author_id, b.author_id
  Sort: a.author_id, b.author_id
    HashJoin: inner on a.books = b.books and b.author_id > a.author_id
      Shared: per_author
        Project: grouped.author_id, grouped.count as books
          IndexGroups: book using book_author_id (author_id, count)
      Shared: per_author
(1, 2)
(3, 4)

> WITH a (x, y) AS (SELECT id, a FROM n), b AS (SELECT x + y AS total FROM a WHERE y IS NOT NULL) SELECT total FROM b ORDER BY total
---
(2,)
(3,)
(5,)
(9,)
(9,)

> WITH a AS (SELECT 1 AS one), b AS (SELECT one + 1 AS two FROM a), c AS MATERIALIZED (SELECT one, two FROM a, b) SELECT * FROM c
---
(1, 2)

> WITH v (a, b) AS (VALUES (1, 'x'), (2, NULL)) SELECT v.b, n.id FROM v JOIN n ON n.a = v.a ORDER BY n.id
---
('x', 1)
('x', 2)
(None, 3)
(None, 7)

> SELECT name FROM author WHERE EXISTS (WITH b AS (SELECT * FROM book WHERE author_id = author.id) SELECT 1 FROM b WHERE year > 1940) ORDER BY name
---
('Borges',)
('Calvino',)
('Duras',)

> WITH book AS (SELECT 'mine' AS title) SELECT title FROM book
---
('mine',)

> WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH a AS (SELECT 2 AS x) SELECT x FROM a) AS inner_a, a AS outer_a
---
(2, 1)

> WITH big AS (SELECT id FROM n WHERE a > 1) UPDATE n SET b = 99 WHERE id IN (SELECT id FROM big)
---
3 rows

> WITH big AS (SELECT id FROM n WHERE b = 99) DELETE FROM n WHERE id IN (SELECT id FROM big)
---
3 rows

> INSERT INTO n (id, a) WITH more AS (SELECT 100 AS id UNION SELECT 101) SELECT id, id * 2 FROM more
---
2 rows

> WITH more AS (SELECT 102 AS id) INSERT INTO n (id) SELECT id FROM more
---
1 rows

> SELECT id, a FROM n ORDER BY id
---
(1, 1)
(2, 1)
(4, None)
(5, None)
(100, 200)
(101, 202)
(102, None)

> VALUES (1, 'b'), (2, 'a'), (3, NULL)
---
(1, 'b')
(2, 'a')
(3, None)

[differs: sqlite3 has no ORDER BY after VALUES]> VALUES (1, 'b'), (2, 'a'), (3, NULL) ORDER BY 2 DESC LIMIT 2
---
(1, 'b')
(2, 'a')

[differs: sqlite3 has no column names after an alias]> SELECT v.name, number FROM (VALUES (1, 'b'), (2, 'a')) AS v (number, name) ORDER BY name
---
('a', 2)
('b', 1)

> WITH a (x, y) AS (SELECT 1) SELECT * FROM a
---
ProgrammingError: the query has 1 columns, not 2: "a (x, y)" at 1:6

[differs: sqlite3 takes the last]> WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a
---
ProgrammingError: WITH query name "a" specified more than once: "a" at 1:23

> WITH gone AS (DELETE FROM n RETURNING id) SELECT * FROM gone
---
NotSupportedError: this statement is not supported as a query: "n RETURNING id" at 1:27
