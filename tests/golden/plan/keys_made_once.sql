# EXISTS beside OR, in CASE, in a SELECT list: a look into a set of keys made once, whatever is NULL on either side.
use: library

> CREATE TABLE offer (id integer PRIMARY KEY, born integer, year integer, title text)
---
ok

> INSERT INTO offer (id, born, year, title) VALUES (1, 1775, 1815, 'Emma'), (2, 1914, NULL, NULL), (3, NULL, 1944, 'Ficciones'), (4, NULL, NULL, 'none')
---
4 rows

[plan]> SELECT a.name FROM author a WHERE a.country = 'IT' OR EXISTS (SELECT 1 FROM offer o WHERE o.born = a.born AND o.id < 9) ORDER BY a.id
---
Project: a.name
  Filter: (a.country = 'IT') or ((a.born in (subquery)) is true)
      in subquery 1: Project: o.born as key 0
        Filter: o.born is not null
          KeyRange: offer o (o.id < 9)
    KeyRange: author a (all)
('Austen',)
('Calvino',)
('Duras',)

[plan]> SELECT a.name FROM author a WHERE a.country = 'IT' OR NOT EXISTS (SELECT 1 FROM offer o WHERE o.born = a.born) ORDER BY a.id
---
Project: a.name
  Filter: (a.country = 'IT') or (not ((a.born in (subquery)) is true))
      in subquery 1: Project: o.born as key 0
        Filter: o.born is not null
          Scan: offer o
    KeyRange: author a (all)
('Borges',)
('Calvino',)
('Homer',)

[plan,code]> SELECT b.title, EXISTS (SELECT 1 FROM offer o WHERE o.year = b.year AND o.title = b.title) FROM book b ORDER BY b.id
---
Project: b.title, ((b.year, b.title) in (subquery)) is true as exists
    in subquery 1: Project: o.year as key 0, o.title as key 1
      Filter: (o.year is not null) and (o.title is not null)
        Scan: offer o
  Scan: book b
 1 # EXPLAIN (FORMAT PYTHON) SELECT b.title, EXISTS (SELECT 1 FROM offer o WHERE o.year = b.year AND o.title = b.title) FROM book b ORDER BY b.id
 2 def select(offer, book, params):
 3     @once
 4     def members():
 5         # Scan: offer o
 6         # Filter: (o.year is not null) and (o.title is not null)
 7         # Project: o.year as key 0, o.title as key 1
 8         found = {
 9             (o[YEAR], o[TITLE])
10             for o in offer.rows(columns=(2, 3))
11             if o[YEAR] is not None and o[TITLE] is not None
12         }
13         return found
14     # Scan: book b
15     # Project: b.title, ((b.year, b.title) in (subquery)) is true as exists
16     return [(b[B_TITLE], (b[B_YEAR], b[B_TITLE]) in members()) for b in book.rows(columns=(1, 3))]
('Emma', True)
('Persuasion', False)
('Ficciones', True)
('El Aleph', False)
('Le citta invisibili', False)
("L'amant", False)
('Beowulf', False)

> SELECT o.id, NOT EXISTS (SELECT 1 FROM book b WHERE b.year = o.year AND b.title = o.title) FROM offer o ORDER BY o.id
---
(1, False)
(2, True)
(3, False)
(4, True)

[plan]> SELECT a.name, CASE WHEN EXISTS (SELECT 1 FROM offer o WHERE o.born = a.born) THEN 'offered' WHEN NOT EXISTS (SELECT 1 FROM offer o WHERE o.id = a.born) THEN 'unknown' ELSE 'no' END FROM author a ORDER BY a.id
---
Project: a.name, case when (a.born in (subquery)) is true then 'offered' when not exists (subquery, or a.born in (subquery) if many) then 'unknown' else 'no' end as case
    in subquery 1: Project: o.born as key 0
      Filter: o.born is not null
        Scan: offer o
    exists subquery 2: Project: true as found
      KeyLookup: offer o_2 (o_2.id = a.born)
    in subquery 3: Project: o_2.id as key 0
      Scan: offer o_2
  Scan: author a
('Austen', 'offered')
('Borges', 'unknown')
('Calvino', 'unknown')
('Duras', 'offered')
('Homer', 'unknown')

[plan]> SELECT a.country, COUNT(*) FILTER (WHERE EXISTS (SELECT 1 FROM offer o WHERE o.born = a.born)) FROM author a GROUP BY a.country ORDER BY 1
---
Project: grouped.country, grouped.count
  Sort: grouped.country
    Aggregate: count(*) filter (where (a.born in (subquery)) is true) by a.country
        in subquery 1: Project: o.born as key 0
          Filter: o.born is not null
            Scan: offer o
      Scan: author a
(None, 0)
('AR', 0)
('FR', 1)
('GB', 1)
('IT', 0)

> SELECT b.title FROM book b WHERE b.id = 7 OR EXISTS (SELECT 1 FROM offer o JOIN author a ON a.born = o.born WHERE o.year = b.year) ORDER BY b.id
---
('Emma',)
('Beowulf',)

[plan]> SELECT b.title FROM book b WHERE b.id = 7 OR EXISTS (SELECT 1 FROM offer o WHERE o.year = b.year AND (o.id > 2 OR EXISTS (SELECT 1 FROM author a WHERE a.born = o.born AND a.id = b.author_id))) ORDER BY b.id
---
Project: b.title
  Filter: (b.id = 7) or exists (subquery)
      exists subquery 1: Project: true as found
        Filter: (o.year = b.year) and ((o.id > 2) or exists (subquery))
            exists subquery 2: Project: true as found
              Filter: a.born = o.born
                KeyLookup: author a (a.id = b.author_id)
          Scan: offer o
    KeyRange: book b (all)
('Emma',)
('Ficciones',)
('Beowulf',)

> SELECT a.name FROM author a WHERE a.id IN (SELECT b.author_id FROM book b WHERE b.year > 1980 OR EXISTS (SELECT 1 FROM offer o WHERE o.title = b.title AND o.year = b.year)) OR EXISTS (SELECT 1 FROM offer o WHERE o.born = a.born AND o.year IS NULL) ORDER BY a.id
---
('Austen',)
('Borges',)
('Duras',)

> SELECT o.id FROM offer o WHERE o.id = 4 OR EXISTS (SELECT 1 FROM book b WHERE b.year = o.year ORDER BY b.title LIMIT 1) ORDER BY o.id
---
(1,)
(3,)
(4,)

> SELECT o.id FROM offer o WHERE o.id = 4 OR EXISTS (SELECT 1 FROM book b WHERE b.year = o.year LIMIT 0) ORDER BY o.id
---
(4,)

> SELECT a.name, EXISTS (SELECT 1 FROM offer o WHERE o.born = a.born) AS here FROM author a ORDER BY a.id LIMIT 2
---
('Austen', True)
('Borges', False)

> SELECT a.id, b.id FROM author a LEFT JOIN book b ON b.author_id = a.id AND (b.in_print OR EXISTS (SELECT 1 FROM offer o WHERE o.year = b.year AND o.born = a.born)) ORDER BY a.id, b.id
---
(1, 1)
(1, 2)
(2, 3)
(3, 5)
(4, 6)
(5, None)

> SELECT o.id, EXISTS (SELECT 1 FROM offer p WHERE p.born = o.born AND p.year = o.year) FROM offer o ORDER BY o.id
---
(1, True)
(2, False)
(3, False)
(4, False)

> UPDATE author SET country = 'XX' WHERE id = 5 OR EXISTS (SELECT 1 FROM offer o WHERE o.born = author.born)
---
3 rows

> SELECT id, country FROM author ORDER BY id
---
(1, 'XX')
(2, 'AR')
(3, 'IT')
(4, 'XX')
(5, 'XX')

> DELETE FROM offer WHERE id = 4 OR EXISTS (SELECT 1 FROM offer other WHERE other.year = offer.born)
---
1 rows

> SELECT id FROM offer ORDER BY id
---
(1,)
(2,)
(3,)
