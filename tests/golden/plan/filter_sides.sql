# Where an OR is about both sides of a join, the larger side is filtered before it.
use: library

> CREATE TABLE copy (id integer PRIMARY KEY, note text NOT NULL, book_id integer NOT NULL, author_id integer)
---
ok

> INSERT INTO copy (id, note, book_id, author_id) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 3000) SELECT i, 'copy ' || i, i % 8, NULLIF(i % 6, 0) FROM s
---
3000 rows

[plan]> SELECT COUNT(*) FROM copy c JOIN book b ON b.id = c.book_id WHERE c.note LIKE '%99%' OR b.title LIKE '%mm%'
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: inner on b.id = c.book_id
      Scan: book b
      Filter: (c.note like '%99%') or (c.book_id in (subquery))
          in subquery 1: Project: b apart.id
            Filter: b apart.title like '%mm%'
              Scan: book b apart
        Scan: copy c
(426,)

[plan]> SELECT c.id, b.title FROM copy c JOIN book b ON b.id = c.book_id WHERE (c.note LIKE '%999%' OR b.title = 'none' OR b.year = 1) AND c.id > 5 ORDER BY c.id
---
Project: c.id, b.title
  NestedLoop: inner
    Filter: (c.note like '%999%') or (c.book_id in (subquery))
        in subquery 1: Project: b apart.id
          Filter: (b apart.title = 'none') or (b apart.year = 1)
            Scan: book b apart
      KeyRange: copy c (c.id > 5)
    KeyLookup: book b (b.id = c.book_id)
(999, 'Beowulf')
(1999, 'Beowulf')
(2999, 'Beowulf')

[plan]> SELECT c.id, a.name FROM copy c LEFT JOIN author a ON a.id = c.author_id WHERE c.note = 'copy 6' OR a.name LIKE 'Cal%' ORDER BY c.id LIMIT 3
---
Project: c.id, a.name
  Limit: 3
    NestedLoop: left
      Filter: (c.note = 'copy 6') or (c.author_id in (subquery))
          in subquery 1: Project: a apart.id
            Filter: a apart.name like 'Cal%'
              IndexRange: author a apart using author_name_key (a apart.name >= 'Cal' and a apart.name < 'Cam'), or a Scan if many
        KeyRange: copy c (all)
      KeyLookup: author a (a.id = c.author_id)
(3, 'Calvino')
(6, None)
(9, 'Calvino')

[plan]> SELECT c.id, a.name FROM copy c LEFT JOIN author a ON a.id = c.author_id WHERE c.note = 'copy 7' OR a.born IS NULL ORDER BY c.id LIMIT 3
---
Project: c.id, a.name
  Limit: 3
    Filter: (c.note = 'copy 7') or (a.born is null)
      NestedLoop: left
        Scan: copy c
        KeyLookup: author a (a.id = c.author_id)
(5, 'Homer')
(6, None)
(7, 'Austen')

[plan]> SELECT COUNT(*), MIN(c.id) FROM copy c LEFT JOIN author a ON a.id = c.author_id AND a.born > 1800 JOIN book b ON b.id = c.book_id WHERE c.note LIKE '%1000%' OR a.name LIKE 'Bor%' OR b.title LIKE 'Fic%'
---
Project: grouped.count, grouped.min
  Aggregate: count(*), min(c.id)
    HashJoin: inner on b.id = c.book_id
      Scan: book b
      Filter: (c.note like '%1000%') or (c.book_id in (subquery)) or (c.author_id in (subquery))
          in subquery 1: Project: b apart.id
            Filter: b apart.title like 'Fic%'
              Scan: book b apart
          in subquery 2: Project: a apart.id
            Filter: (a apart.born > 1800) and (a apart.name like 'Bor%')
              IndexRange: author a apart using author_name_key (a apart.name >= 'Bor' and a apart.name < 'Bos'), or a Scan if many
        Scan: copy c
(750, 2)

[plan]> SELECT COUNT(*) FROM book b JOIN copy c ON b.id = c.book_id WHERE c.note LIKE '%99%' OR b.title LIKE '%mm%'
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: inner on b.id = c.book_id
      Scan: book b
      Filter: (c.note like '%99%') or (c.book_id in (subquery))
          in subquery 1: Project: b apart.id
            Filter: b apart.title like '%mm%'
              Scan: book b apart
        Scan: copy c
(426,)

[plan]> SELECT COUNT(*) FROM copy c JOIN book b ON b.id = c.book_id WHERE c.id < 10 OR b.id > 1
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: inner on b.id = c.book_id and (c.id < 10) or (b.id > 1)
      Scan: book b
      Scan: copy c
(2252,)

[plan]> SELECT COUNT(*) FROM copy c JOIN book b ON b.id = c.book_id WHERE c.note LIKE '%99%' OR b.title LIKE c.note
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: inner on b.id = c.book_id and (c.note like '%99%') or (b.title like c.note)
      Scan: book b
      Scan: copy c
(54,)
