# The order of joins, their strategies, and outer joins that turn out to be inner ones.
use: library

[plan]> SELECT b.title FROM author a JOIN book b ON b.author_id = a.id WHERE a.name = 'Austen' ORDER BY b.id
---
Project: b.title
  Sort: b.id
    NestedLoop: inner
      IndexLookup: author a using author_name_key (a.name = 'Austen')
      IndexLookup: book b using book_author_id (b.author_id = a.id)
('Emma',)
('Persuasion',)

[plan]> SELECT t.name FROM tag t JOIN book_tag bt ON bt.tag_id = t.id JOIN book b ON b.id = bt.book_id WHERE b.isbn = 'i1' ORDER BY t.name
---
Project: t.name
  Sort: t.name
    NestedLoop: inner
      NestedLoop: inner
        IndexLookup: book b using book_isbn_key (b.isbn = 'i1')
        IndexRange: book_tag bt using book_tag_book_id_tag_id_key (bt.book_id = b.id)
      KeyLookup: tag t (t.id = bt.tag_id)
('classic',)
('novel',)

[plan]> SELECT b.id FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE a.country = 'AR' ORDER BY b.id
---
Project: b.id
  Sort: b.id
    NestedLoop: inner
      Filter: a.country = 'AR'
        Scan: author a
      IndexLookup: book b using book_author_id (b.author_id = a.id)
(3,)
(4,)

[plan]> SELECT b.id, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id AND a.country = 'AR' WHERE b.id IN (1, 3)
---
Project: b.id, a.name
  NestedLoop: left on a.country = 'AR'
    KeyIn: book b (b.id in (1, 3))
    KeyLookup: author a (a.id = b.author_id)
(1, None)
(3, 'Borges')

[plan]> SELECT b.id FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE a.id IS NULL
---
Project: b.id
  NestedLoop: anti
    Scan: book b
    KeyLookup: author a (a.id = b.author_id)
(7,)

[plan]> SELECT a.name FROM author a JOIN book b ON b.year - 40 = a.born
---
Project: a.name
  HashJoin: inner on a.born = b.year - 40
    Scan: author a
    Scan: book b
('Austen',)

[plan]> SELECT a.name, b.title FROM author a JOIN book b ON b.year < a.born ORDER BY a.id, b.id
---
Project: a.name, b.title
  Sort: a.id, b.id
    NestedLoop: inner on b.year < a.born
      Scan: author a
      Scan: book b
('Austen', 'Beowulf')
('Borges', 'Emma')
('Borges', 'Persuasion')
('Borges', 'Beowulf')
('Calvino', 'Emma')
('Calvino', 'Persuasion')
('Calvino', 'Beowulf')
('Duras', 'Emma')
('Duras', 'Persuasion')
('Duras', 'Beowulf')

[code]> SELECT the_books_of_the_author.title FROM tag the_tags_of_the_library JOIN book_tag the_tags_of_the_books ON the_tags_of_the_books.tag_id = the_tags_of_the_library.id JOIN book the_books_of_the_author ON the_books_of_the_author.id = the_tags_of_the_books.book_id WHERE the_tags_of_the_library.name = 'short' ORDER BY the_books_of_the_author.title
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT the_books_of_the_author.title FROM tag the_tags_of_the_library JOIN book_tag the_tags_of_the_books ON the_tags_of_the_books.tag_id = the_tags_of_the_library.id JOIN book the_books_of_the_author ON the_books_of_the_author.id = the_tags_of_the_books.book_id WHERE the_tags_of_the_library.name = 'short' ORDER BY the_books_of_the_author.title
 2 def select(book_tag, tag, book, params):
 3     # Scan: book_tag the_tags_of_the_books
 4     # NestedLoop: inner on the_tags_of_the_library.name = 'short'
 5     # KeyLookup: tag the_tags_of_the_library (the_tags_of_the_library.id = the_tags_of_the_books.tag_id)
 6     # NestedLoop: inner
 7     # KeyLookup: book the_books_of_the_author (the_books_of_the_author.id = the_tags_of_the_books.book_id)
 8     found = [
 9         the_books_of_the_author
10         for the_tags_of_the_books in book_tag.rows(columns=(1, 2))
11         for the_tags_of_the_library in [tag.get(the_tags_of_the_books[TAG_ID])]
12         if the_tags_of_the_library is not None
13         if the_tags_of_the_library[NAME] == 'short'
14         for the_books_of_the_author in [book.get(the_tags_of_the_books[BOOK_ID])]
15         if the_books_of_the_author is not None
16     ]
17     # Sort: the_books_of_the_author.title
18     found.sort(key=itemgetter(1))
19     # Project: the_books_of_the_author.title
20     return [(the_books_of_the_author[TITLE],) for the_books_of_the_author in found]
('El Aleph',)
('Ficciones',)

> CREATE TABLE line (id integer PRIMARY KEY, copy_id integer NOT NULL, n integer NOT NULL)
---
ok

> CREATE TABLE copy (id integer PRIMARY KEY, note text NOT NULL, place integer)
---
ok

> INSERT INTO copy (id, note, place) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1200) SELECT i, 'copy ' || i, i % 9 FROM s
---
1200 rows

> INSERT INTO line (id, copy_id, n) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 3000) SELECT i, i * 7 % 1300, i FROM s
---
3000 rows

[plan, code]> SELECT l.n FROM line l JOIN copy c ON c.id = l.copy_id WHERE c.note LIKE '%399' ORDER BY l.n
---
Project: l.n
  Sort: l.n
    HashJoin: inner on l.copy_id = c.id
      Scan: line l
      Filter: c.note like '%399'
        Scan: copy c
 1 # EXPLAIN (FORMAT PYTHON) SELECT l.n FROM line l JOIN copy c ON c.id = l.copy_id WHERE c.note LIKE '%399' ORDER BY l.n
 2 def select(line, copy, params):
 3     # Scan: copy c
 4     # Filter: c.note like '%399'
 5     c_by_id = {
 6         c[ID]
 7         for c in copy.rows(columns=(0, 1), sieve=holding(1, 'end', '399', False))
 8         if c[NOTE].endswith('399')
 9     }
10     # Scan: line l
11     # HashJoin: inner on l.copy_id = c.id
12     found = [l for l in line.rows(columns=(1, 2)) if l[COPY_ID] in c_by_id]
13     # Sort: l.n
14     found.sort(key=itemgetter(2))
15     # Project: l.n
16     return [(l[N],) for l in found]
(57,)
(1357,)
(2657,)

[plan]> SELECT l.n, c.place FROM line l JOIN copy c ON c.id = l.copy_id WHERE c.note LIKE '%399' ORDER BY l.n
---
Project: l.n, c.place
  Sort: l.n
    HashJoin: inner on l.copy_id = c.id
      Scan: line l
      Filter: c.note like '%399'
        Scan: copy c
(57, 3)
(1357, 3)
(2657, 3)

[plan]> SELECT COUNT(*), COUNT(c.place) FROM line l JOIN copy c ON c.id = l.copy_id WHERE c.note LIKE '%9' AND c.place > l.n % 9
---
Project: grouped.count, grouped.count_2 as count
  Aggregate: count(*), count(c.place)
    HashJoin: inner on l.copy_id = c.id and c.place > (l.n % 9)
      Scan: line l
      Filter: c.note like '%9'
        Scan: copy c
(119, 119)

[plan]> SELECT COUNT(*) FROM line l JOIN copy c ON c.place = l.n WHERE c.note LIKE '%9'
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: inner on l.n = c.place
      Scan: line l
      Filter: c.note like '%9'
        Scan: copy c
(106,)

[plan]> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.id IS NULL
---
Project: a.name
  NestedLoop: anti
    Scan: author a
    IndexLookup: book b using book_author_id (b.author_id = a.id)
('Homer',)

[plan]> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.year > 1900 WHERE b.title IS NULL AND a.born IS NOT NULL ORDER BY a.id
---
Project: a.name
  NestedLoop: anti on b.year > 1900
    Filter: a.born is not null
      KeyRange: author a (all)
    IndexLookup: book b using book_author_id (b.author_id = a.id)
('Austen',)

[plan]> SELECT a.name, b.price FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.id IS NULL
---
Project: a.name, b.price
  Filter: b.id is null
    NestedLoop: left
      Scan: author a
      IndexLookup: book b using book_author_id (b.author_id = a.id)
('Homer', None)

[plan]> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE b.price IS NULL ORDER BY a.name
---
Project: a.name
  Sort: a.name
    Filter: b.price is null
      NestedLoop: left
        Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
('Borges',)
('Homer',)

[plan]> SELECT a.name FROM author a LEFT JOIN (book b JOIN book_tag t ON t.book_id = b.id AND t.tag_id = 1) ON b.author_id = a.id WHERE t.id IS NULL ORDER BY a.name
---
Project: a.name
  Sort: a.name
    HashJoin: anti on a.id = b.author_id
      Scan: author a
      NestedLoop: inner
        Filter: t.tag_id = 1
          Scan: book_tag t
        KeyLookup: book b (b.id = t.book_id)
('Borges',)
('Homer',)

[plan]> SELECT a.name FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN book_tag t ON t.book_id = b.id WHERE b.id IS NULL AND t.id IS NULL ORDER BY a.name
---
Project: a.name
  Sort: a.name
    NestedLoop: anti
      Filter: b.id is null
        NestedLoop: left
          Scan: author a
          IndexLookup: book b using book_author_id (b.author_id = a.id)
      IndexRange: book_tag t using book_tag_book_id_tag_id_key (t.book_id = b.id)
('Homer',)

> SELECT a.name, COUNT(*) FROM author a LEFT JOIN book b ON b.author_id = a.id AND a.born > 1900 WHERE b.id IS NULL GROUP BY a.name ORDER BY a.name
---
('Austen', 1)
('Borges', 1)
('Homer', 1)
