# The first rows of a union are looked for among the first rows of its sides.
use: library

[plan]> SELECT year, title FROM book UNION ALL SELECT born, name FROM author ORDER BY year DESC, title LIMIT 3
---
TopN: 3 by result.year desc, result.title
  SetOperation: union all
    Project: book.year, book.title
      Limit: 3
        SortRuns: book.year desc, book.title (sorted by book.year desc)
          IndexRange: book using book_year, backwards
    Project: author.born, author.name
      TopN: 3 by author.born desc, author.name
        Scan: author
(1984, "L'amant")
(1972, 'Le citta invisibili')
(1949, 'El Aleph')

[plan]> SELECT year, title FROM book UNION ALL SELECT born, name FROM author UNION ALL SELECT id, name FROM tag ORDER BY 1, 2 LIMIT 3 OFFSET 2
---
TopN: 3 after 2 by result.year, result.title
  SetOperation: union all
    TopN: 5 by left.year, left.title
      SetOperation: union all
        Project: book.year, book.title
          Limit: 5
            SortRuns: book.year, book.title (sorted by book.year)
              IndexRange: book using book_year
        Project: author.born, author.name
          TopN: 5 by author.born, author.name
            Scan: author
    Project: tag.id, tag.name
      Limit: 5
        Scan: tag
(2, 'short')
(3, 'classic')
(4, 'unused')

[plan]> SELECT id, year FROM book WHERE in_print UNION SELECT id, year FROM book WHERE year > 1900 ORDER BY year DESC LIMIT 3
---
TopN: 3 by result.year desc
  SetOperation: union
    Limit: 3
      Project: book.id, book.year
        Filter: book.in_print
          IndexRange: book using book_year, backwards
    Limit: 3
      Project: book_2.id, book_2.year
        IndexRange: book book_2 using book_year (book_2.year > 1900), backwards
(6, 1984)
(5, 1972)
(4, 1949)

[plan]> SELECT author_id FROM book UNION SELECT id FROM author ORDER BY author_id DESC LIMIT 2
---
TopN: 2 by result.author_id desc
  SetOperation: union
    TopN: 2 by left.author_id desc
      IndexGroups: book using book_author_id (author_id)
    Limit: 2
      Project: author.id
        KeyRange: author (all), backwards
(5,)
(4,)

[plan]> SELECT year FROM book UNION SELECT born FROM author ORDER BY year LIMIT %s {2}
---
TopN: p0 by result.year
  SetOperation: union
    Project: book.year
      Scan: book
    Project: author.born
      Scan: author
(None,)
(1000,)

[plan]> SELECT year + 1 AS y FROM book UNION ALL SELECT born FROM author ORDER BY y LIMIT 2
---
TopN: 2 by result.y
  SetOperation: union all
    Project: book.year + 1 as y
      TopN: 2 by book.year + 1
        Scan: book
    Project: author.born
      TopN: 2 by author.born
        Scan: author
(None,)
(1001,)

[plan]> SELECT author_id AS a FROM book INTERSECT SELECT id FROM author ORDER BY a DESC LIMIT 2
---
TopN: 2 by result.a desc
  SetOperation: intersect
    Project: book.author_id as a
      Scan: book
    Project: author.id
      Scan: author
(4,)
(3,)

> SELECT COUNT(*) FROM (SELECT author_id AS a FROM book UNION SELECT author_id FROM book ORDER BY a LIMIT 3) AS s
---
(3,)

> SELECT LOWER(title) AS t, id FROM book UNION ALL SELECT name, id FROM author ORDER BY t DESC, 2 LIMIT 4
---
('persuasion', 2)
('le citta invisibili', 5)
("l'amant", 6)
('ficciones', 3)

[plan]> SELECT id, name FROM author UNION SELECT id, title FROM book ORDER BY 2, 1 LIMIT 2 OFFSET 5000
---
TopN: 2 after 5000 by result.name, result.id
  SetOperation: union
    Project: author.id, author.name
      Scan: author
    Project: book.id, book.title
      Scan: book
no rows
