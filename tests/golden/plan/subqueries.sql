# Subqueries as joins, and what stays a subquery.
use: library

[plan]> SELECT name FROM author a WHERE EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id AND b.year > 1940 LIMIT 1) ORDER BY a.id
---
Project: a.name
  Sort: a.id
    NestedLoop: inner
      Distinct
        Project: b.author_id as key 0
          IndexRange: book b using book_year (b.year > 1940), or a Scan if many
      KeyLookup: author a (a.id = b keys.key 0)
('Borges',)
('Calvino',)
('Duras',)

[plan]> SELECT name FROM author a WHERE NOT EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id)
---
Project: a.name
  NestedLoop: anti
    Scan: author a
    IndexLookup: book b using book_author_id (b.author_id = a.id)
('Homer',)

[plan]> SELECT title FROM book WHERE author_id IN (SELECT id FROM author WHERE name = 'Borges') ORDER BY id
---
Project: book.title
  Sort: book.id
    NestedLoop: inner
      Project: author.id as key 0
        IndexLookup: author using author_name_key (author.name = 'Borges')
      IndexLookup: book using book_author_id (book.author_id = author keys.key 0)
('Ficciones',)
('El Aleph',)

[plan]> SELECT name FROM author WHERE id NOT IN (SELECT book_id FROM book_tag) ORDER BY id
---
Project: author.name
  NestedLoop: anti
    Scan: author
    IndexRange: book_tag using book_tag_book_id_tag_id_key (book_tag.book_id = author.id)
no rows

[plan]> SELECT name FROM author WHERE id NOT IN (SELECT author_id FROM book WHERE author_id IS NOT NULL) ORDER BY id
---
Project: author.name
  NestedLoop: anti on book.author_id is not null
    Scan: author
    IndexLookup: book using book_author_id (book.author_id = author.id)
('Homer',)

[plan]> SELECT name, (SELECT MAX(b.year) FROM book b WHERE b.author_id = a.id) FROM author a WHERE id < 3
---
Project: a.name, (subquery) as ?column?
    scalar subquery 1: Project: grouped_2.max
      Aggregate: max(b.year)
        Limit: 1
          IndexRange: book b using book_author_year (b.author_id = a.id), backwards
  KeyRange: author a (a.id < 3)
('Austen', 1817)
('Borges', 1949)

[plan]> SELECT name FROM author a WHERE id = 5 OR EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id AND b.price > 9) ORDER BY id
---
Project: a.name
  Filter: (a.id = 5) or ((a.id in (subquery)) is true)
      in subquery 1: Project: b.author_id as key 0
        Filter: (b.price > 9) and (b.author_id is not null)
          Scan: book b
    KeyRange: author a (all)
('Borges',)
('Calvino',)
('Homer',)

[plan]> SELECT a.id, (SELECT COUNT(*) FROM book b WHERE b.author_id = a.id AND b.year > 1900) FROM author a, tag t WHERE t.id < 3 ORDER BY a.id, t.id
---
Project: a.id, coalesce(grouped_2.count, 0) as ?column?
  HashJoin: left on a.id = grouped_2.key 0
    Sort: a.id, t.id
      NestedLoop: inner
        Scan: author a
        KeyRange: tag t (t.id < 3)
    Aggregate: count(*) by b.author_id
      IndexRange: book b using book_year (b.year > 1900), or a Scan if many
(1, 0)
(1, 0)
(2, 2)
(2, 2)
(3, 1)
(3, 1)
(4, 1)
(4, 1)
(5, 0)
(5, 0)

[plan]> SELECT a.id, (SELECT b.title FROM book b WHERE b.author_id = a.id ORDER BY b.year DESC, b.id DESC LIMIT 1) FROM author a, tag t WHERE t.id < 3 ORDER BY a.id, t.id
---
Project: a.id, b.title as ?column?
  HashJoin: left on a.id = b.author_id
    Sort: a.id, t.id
      NestedLoop: inner
        Scan: author a
        KeyRange: tag t (t.id < 3)
    DistinctOn: (b.author_id)
      Sort: b.year desc, b.id desc
        Scan: book b
(1, 'Persuasion')
(1, 'Persuasion')
(2, 'El Aleph')
(2, 'El Aleph')
(3, 'Le citta invisibili')
(3, 'Le citta invisibili')
(4, "L'amant")
(4, "L'amant")
(5, None)
(5, None)

[plan]> SELECT a.id, (SELECT COALESCE(MAX(b.year), 0) + COUNT(*) FROM book b WHERE b.author_id = a.id), (SELECT SUM(b.year) FROM book b WHERE b.author_id = a.id GROUP BY b.author_id) FROM author a, tag t WHERE t.id < 3 ORDER BY a.id, t.id
---
Project: a.id, case when grouped_2.max is not null then grouped_2.max else 0 end + coalesce(grouped_2.count, 0) as ?column?, grouped_3.sum as ?column?
  HashJoin: left on a.id = grouped_3.key 0
    HashJoin: left on a.id = grouped_2.key 0
      Sort: a.id, t.id
        NestedLoop: inner
          Scan: author a
          KeyRange: tag t (t.id < 3)
      Aggregate: max(b.year), count(*) by b.author_id
        Scan: book b
    Aggregate: sum(b_2.year) by b_2.author_id
      Scan: book b_2
(1, 1819, 3632)
(1, 1819, 3632)
(2, 1951, 3893)
(2, 1951, 3893)
(3, 1973, 1972)
(3, 1973, 1972)
(4, 1985, 1984)
(4, 1985, 1984)
(5, 0, None)
(5, 0, None)

[plan]> SELECT a.id, (SELECT b.title FROM book b WHERE b.author_id = a.id ORDER BY b.year DESC LIMIT 1) FROM author a ORDER BY a.id LIMIT 2
---
Project: a.id, (subquery) as ?column?
    scalar subquery 1: Project: b.title
      Limit: 1
        IndexRange: book b using book_author_year (b.author_id = a.id), backwards
  Limit: 2
    Scan: author a
(1, 'Persuasion')
(2, 'El Aleph')

[plan]> SELECT a.id FROM author a, tag t WHERE (SELECT COUNT(*) FROM book b WHERE b.author_id = a.id) > 1 AND t.id = 1 ORDER BY a.id
---
Project: a.id
  Filter: coalesce(grouped_2.count, 0) > 1
    HashJoin: left on a.id = grouped_2.key 0
      NestedLoop: inner
        Scan: author a
        KeyLookup: tag t (t.id = 1)
      IndexGroups: book using book_author_id (key 0, count)
(1,)
(2,)

[plan,differs: sqlite3 takes the first of several rows]> SELECT a.id, (SELECT b.year FROM book b WHERE b.author_id = a.id ORDER BY b.price LIMIT 1) FROM author a, tag t WHERE t.id < 3 ORDER BY a.id, t.id
---
Project: a.id, b.year as ?column?
  HashJoin: left on a.id = b.author_id
    Sort: a.id, t.id
      NestedLoop: inner
        Scan: author a
        KeyRange: tag t (t.id < 3)
    DistinctOn: (b.author_id)
      Sort: b.price
        Scan: book b
(1, 1817)
(1, 1817)
(2, 1949)
(2, 1949)
(3, 1972)
(3, 1972)
(4, 1984)
(4, 1984)
(5, None)
(5, None)

[plan]> SELECT o.id, (SELECT COUNT(*) FROM author a, tag t WHERE (SELECT o.id FROM book b WHERE b.author_id = a.id ORDER BY b.year DESC LIMIT 1) < 3) FROM author o ORDER BY o.id
---
Project: o.id, (subquery) as ?column?
    scalar subquery 1: Project: grouped_2.count
      Aggregate: count(*)
        NestedLoop: inner
          Filter: (subquery) < 3
              scalar subquery 2: Project: o.id
                Limit: 1
                  IndexRange: book b using book_author_year (b.author_id = a.id), backwards
            Scan: author a
          Scan: tag t
  Scan: author o
(1, 16)
(2, 16)
(3, 0)
(4, 0)
(5, 0)

[plan,code]> SELECT a.name, (SELECT b.title FROM book b JOIN tag t ON length(t.name) = b.rating + 0.9 WHERE b.author_id = a.id ORDER BY t.name DESC, b.title LIMIT 1) AS tagged FROM author a
---
Project: a.name, (subquery) as tagged
    scalar subquery 1: Project: b.title
      TopN: 1 by t.name desc, b.title
        HashJoin: inner on b.rating + 0.9 = cast(length(t.name) as double precision)
          IndexLookup: book b using book_author_id (b.author_id = a.id)
          Scan: tag t
  Scan: author a
 1 # EXPLAIN (FORMAT PYTHON) SELECT a.name, (SELECT b.title FROM book b JOIN tag t ON length(t.name) = b.rating + 0.9 WHERE b.author_id = a.id ORDER BY t.name DESC, b.title LIMIT 1) AS tagged FROM author a
 2 def select(book, tag, author, params):
 3     book_author_id = book.index('book_author_id')
 4     @once
 5     def t_by_key():
 6         t_by_key_2 = defaultdict(list)
 7         # Scan: tag t
 8         for t in tag.rows(columns=(1,)):
 9             t_by_key_2[same(to_double(length(t[NAME])))].append(t)
10         return t_by_key_2
11     def scalar(a):
12         t_by_key_2 = t_by_key()
13         # IndexLookup: book b using book_author_id (b.author_id = a.id)
14         # HashJoin: inner on b.rating + 0.9 = cast(length(t.name) as double precision)
15         found = (
16             (t[NAME], b[TITLE])
17             for b in map(book.get, book_author_id.lookup(a[ID]))
18             for t in t_by_key_2.get(same(None if b[RATING] is None else b[RATING] + 0.9), ())
19         )
20         # TopN: 1 by t.name desc, b.title
21         first = first_sorted(found, 1, (0, True), (1, False))
22         for _, b_title in first:
23             # Project: b.title
24             return b_title
25         return None
26     # Scan: author a
27     # Project: a.name, (subquery) as tagged
28     return [(a[NAME], scalar(a)) for a in author.rows(columns=(0, 1))]
('Austen', 'Emma')
('Borges', None)
('Calvino', None)
('Duras', None)
('Homer', None)

[plan]> SELECT a.name FROM author a WHERE a.born > 1920 OR EXISTS (SELECT 1 FROM book b CROSS JOIN tag t WHERE b.author_id = a.id AND t.name > b.title)
---
Project: a.name
  Filter: (a.born > 1920) or exists (subquery)
      exists subquery 1: Project: true as found
        NestedLoop: inner on t.name > b.title
          IndexLookup: book b using book_author_id (b.author_id = a.id)
          Scan: tag t
    Scan: author a
('Austen',)
('Borges',)
('Calvino',)
('Duras',)

> SELECT t.id, (SELECT b.id FROM book b WHERE b.id % 4 = t.id AND b.author_id IS NOT NULL AND b.author_id > 0 AND b.author_id IN (SELECT id FROM tag WHERE id < 3) ORDER BY b.title LIMIT 1) FROM tag t ORDER BY t.id
---
(1, 1)
(2, 2)
(3, 3)
(4, None)
