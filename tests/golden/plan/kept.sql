# A subquery that needs a few values of an outer row keeps what it gave for them; before a filter by it come others.
use: library

[plan,code]> SELECT b.title FROM book b WHERE b.id IN (SELECT c.id FROM book c WHERE c.author_id = b.author_id ORDER BY c.year DESC, c.id LIMIT 1) ORDER BY b.id
---
Project: b.title
  Filter: b.id in (subquery)
      in subquery 1: Project: c.id
        Limit: 1
          IndexRange: book c using book_author_year (c.author_id = b.author_id), backwards, rowids against it
    KeyRange: book b (all)
 1 # EXPLAIN (FORMAT PYTHON) SELECT b.title FROM book b WHERE b.id IN (SELECT c.id FROM book c WHERE c.author_id = b.author_id ORDER BY c.year DESC, c.id LIMIT 1) ORDER BY b.id
 2 def select(book, params):
 3     book_author_year = book.index('book_author_year')
 4     @kept
 5     def members(b_author_id):
 6         def rows():
 7             # IndexRange: book c using book_author_year (c.author_id = b.author_id), backwards, rowids against it
 8             if b_author_id is not None:
 9                 for c_id in book_author_year.range((b_author_id,), nulls=True, reverse=True, ties_reversed=True):
10                     yield c_id
11         # Limit: 1
12         # Project: c.id
13         found = set(islice(rows(), 1))
14         return found
15     # KeyRange: book b (all)
16     # Filter: b.id in (subquery)
17     # Project: b.title
18     return [(b[TITLE],) for b in book.rows(columns=(0, 1, 2)) if b[ID] in members(b[AUTHOR_ID])]
('Persuasion',)
('El Aleph',)
('Le citta invisibili',)
("L'amant",)

[plan,code]> SELECT b.title FROM book b WHERE b.id IN (SELECT c.id FROM book c WHERE c.author_id = b.author_id ORDER BY c.price DESC, c.id LIMIT 1) ORDER BY b.id
---
Project: b.title
  Filter: b.id in (subquery)
      in subquery 1: Project: c.id
        TopN: 1 by c.price desc, c.id
          IndexLookup: book c using book_author_id (c.author_id = b.author_id)
    KeyRange: book b (all)
 1 # EXPLAIN (FORMAT PYTHON) SELECT b.title FROM book b WHERE b.id IN (SELECT c.id FROM book c WHERE c.author_id = b.author_id ORDER BY c.price DESC, c.id LIMIT 1) ORDER BY b.id
 2 def select(book, params):
 3     book_author_id = book.index('book_author_id')
 4     @kept
 5     def members(b_author_id):
 6         found = []
 7         # IndexLookup: book c using book_author_id (c.author_id = b.author_id)
 8         if b_author_id is not None:
 9             for c in map(book.get, book_author_id.lookup(b_author_id)):
10                 c_price = c[4]
11                 found.append((LEAST if c_price is None else c_price, c[ID]))
12         # TopN: 1 by c.price desc, c.id
13         first = first_sorted(found, 1, (0, True), (1, False))
14         # Project: c.id
15         found_2 = {c_id for _, c_id in first}
16         return found_2
17     # KeyRange: book b (all)
18     # Filter: b.id in (subquery)
19     # Project: b.title
20     return [(b[TITLE],) for b in book.rows(columns=(0, 1, 2)) if b[ID] in members(b[AUTHOR_ID])]
('Emma',)
('Ficciones',)
('Le citta invisibili',)
("L'amant",)

> SELECT b.title FROM book b WHERE b.id IN (SELECT c.id FROM book c WHERE c.author_id = b.author_id) ORDER BY b.id
---
('Emma',)
('Persuasion',)
('Ficciones',)
('El Aleph',)
('Le citta invisibili',)
("L'amant",)

[code]> SELECT a.name FROM author a WHERE a.id = 5 OR EXISTS (SELECT 1 FROM book b WHERE b.year > a.born AND b.rating IS NULL) ORDER BY a.id
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT a.name FROM author a WHERE a.id = 5 OR EXISTS (SELECT 1 FROM book b WHERE b.year > a.born AND b.rating IS NULL) ORDER BY a.id
 2 def select(book, author, params):
 3     book_year = book.index('book_year')
 4     @kept
 5     def exists(a_born):
 6         # IndexRange: book b using book_year (b.year > a.born)
 7         if a_born is not None:
 8             for b in book.sought(null(5), book_year.range(low=a_born, low_open=True), columns=(5,)):
 9                 # Filter: b.rating is null
10                 if b[RATING] is None:
11                     return True
12         return False
13     # KeyRange: author a (all)
14     # Filter: (a.id = 5) or exists (subquery)
15     # Project: a.name
16     return [(a[NAME],) for a in author.rows(columns=(0, 1, 2)) if a[ID] == 5 or exists(a[BORN])]
('Austen',)
('Borges',)
('Calvino',)
('Duras',)
('Homer',)

[code]> SELECT b.title, (SELECT COUNT(*) FROM book c WHERE c.year < b.year AND c.in_print = b.in_print) FROM book b ORDER BY b.id
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT b.title, (SELECT COUNT(*) FROM book c WHERE c.year < b.year AND c.in_print = b.in_print) FROM book b ORDER BY b.id
 2 def select(book, params):
 3     book_year = book.index('book_year')
 4     @kept
 5     def scalar(b_in_print, b_year):
 6         # IndexRange: book c using book_year (c.year < b.year)
 7         # Filter: c.in_print = b.in_print
 8         rows = [
 9             None
10             for c in book.fetch(book_year.range(high=b_year, high_open=True), columns=(8,))
11             if c[IN_PRINT] == b_in_print
12         ]
13         count = len(rows)
14         # Aggregate: count(*)
15         # Project: grouped_2.count
16         return count
17     # Scan: book b
18     # Project: b.title, (subquery) as ?column?
19     return [(b[TITLE], scalar(b[IN_PRINT], b[YEAR])) for b in book.rows(columns=(1, 3, 8))]
('Emma', 0)
('Persuasion', 1)
('Ficciones', 2)
('El Aleph', 1)
('Le citta invisibili', 3)
("L'amant", 4)
('Beowulf', 0)

> SELECT b.title, (SELECT c.title FROM book c WHERE c.year < b.year AND c.in_print = b.in_print ORDER BY c.year LIMIT 1) FROM book b ORDER BY b.id
---
('Emma', None)
('Persuasion', 'Emma')
('Ficciones', 'Emma')
('El Aleph', 'Beowulf')
('Le citta invisibili', 'Emma')
("L'amant", 'Emma')
('Beowulf', None)

[code]> SELECT b.id, (SELECT COUNT(*) FROM book c WHERE c.rating > b.rating) FROM book b ORDER BY b.id
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT b.id, (SELECT COUNT(*) FROM book c WHERE c.rating > b.rating) FROM book b ORDER BY b.id
 2 def select(book, params):
 3     @kept
 4     def scalar(b_rating):
 5         # Scan: book c
 6         # Filter: c.rating > b.rating
 7         rows = [
 8             None
 9             for c in book.rows(columns=(5,))
10             if c[RATING] is not None and b_rating is not None and (b_rating < c[RATING] or (c[RATING] != c[RATING] and b_rating == b_rating))
11         ]
12         count = len(rows)
13         # Aggregate: count(*)
14         # Project: grouped_2.count
15         return count
16     # Scan: book b
17     # Project: b.id, (subquery) as ?column?
18     return [(b[ID], scalar(b[RATING])) for b in book.rows(columns=(0, 5))]
(1, 3)
(2, 2)
(3, 0)
(4, 1)
(5, 0)
(6, 4)
(7, 0)

[code]> SELECT b.id, (SELECT COUNT(*) FROM book c WHERE c.rating > b.rating * 2 - 5) FROM book b ORDER BY b.id
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT b.id, (SELECT COUNT(*) FROM book c WHERE c.rating > b.rating * 2 - 5) FROM book b ORDER BY b.id
 2 def select(book, params):
 3     def scalar(b):
 4         # Scan: book c
 5         # Filter: c.rating > ((b.rating * 2) - 5)
 6         rows = [
 7             None
 8             for c in book.rows(columns=(5,))
 9             if c[RATING] is not None and (it_2 := (None if (it := (None if b[RATING] is None else b[RATING] * 2)) is None else it - 5)) is not None and (it_2 < c[RATING] or (c[RATING] != c[RATING] and it_2 == it_2))
10         ]
11         count = len(rows)
12         # Aggregate: count(*)
13         # Project: grouped_2.count
14         return count
15     # Scan: book b
16     # Project: b.id, (subquery) as ?column?
17     return [(b[ID], scalar(b)) for b in book.rows(columns=(0, 5))]
(1, 5)
(2, 5)
(3, 2)
(4, 2)
(5, 0)
(6, 5)
(7, 0)

[plan]> SELECT a.name FROM author a WHERE EXISTS (SELECT 1 FROM book b WHERE b.author_id = a.id AND b.price > 7) AND (SELECT COUNT(*) FROM book c WHERE c.year > a.born) > 2 ORDER BY a.id
---
Project: a.name
  Sort: a.id
    Filter: (subquery) > 2
        scalar subquery 1: Project: grouped_3.count
          Aggregate: count(*)
            IndexRange: book c using book_year (c.year > a.born)
      NestedLoop: inner
        Distinct
          Project: b.author_id as key 0
            Filter: b.price > 7
              Scan: book b
        KeyLookup: author a (a.id = b keys.key 0)
('Austen',)
('Borges',)
('Calvino',)
('Duras',)

[plan]> SELECT a.name, COUNT(t.id) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN book_tag t ON t.book_id = b.id WHERE a.id IN (SELECT c.author_id FROM book c WHERE c.year > 1900) GROUP BY a.name ORDER BY a.name
---
Project: grouped.name, grouped.count
  Sort: grouped.name
    Aggregate: count(t.id) by a.name
      NestedLoop: left
        NestedLoop: left
          NestedLoop: inner
            Distinct
              Project: c.author_id as key 0
                IndexRange: book c using book_year (c.year > 1900), or a Scan if many
            KeyLookup: author a (a.id = c keys.key 0)
          IndexLookup: book b using book_author_id (b.author_id = a.id)
        IndexRange: book_tag t using book_tag_book_id_tag_id_key (t.book_id = b.id)
('Borges', 3)
('Calvino', 1)
('Duras', 1)

[plan]> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE NOT EXISTS (SELECT 1 FROM book c WHERE c.author_id = a.id AND c.year < 1900) AND (b.price > 8 OR b.id IS NULL) ORDER BY a.name, b.id
---
Project: a.name, b.title
  Sort: a.name, b.id
    Filter: (b.price > 8) or (b.id is null)
      NestedLoop: left
        NestedLoop: anti on c.year < 1900
          Scan: author a
          IndexLookup: book c using book_author_id (c.author_id = a.id)
        IndexLookup: book b using book_author_id (b.author_id = a.id)
('Borges', 'Ficciones')
('Calvino', 'Le citta invisibili')
('Homer', None)

[plan]> SELECT a.name, b.title FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE EXISTS (SELECT 1 FROM book_tag t WHERE t.book_id = b.id AND t.tag_id = a.id) ORDER BY a.name, b.id
---
Project: a.name, b.title
  Sort: a.name, b.id
    NestedLoop: inner on b.author_id = a.id
      NestedLoop: inner
        Project: t.book_id as key 0, t.tag_id as key 1
          Scan: book_tag t
        KeyLookup: author a (a.id = t keys.key 1)
      KeyLookup: book b (b.id = t keys.key 0)
('Austen', 'Emma')
('Austen', 'Persuasion')
('Borges', 'Ficciones')
('Borges', 'El Aleph')

> UPDATE book SET price = (SELECT MAX(c.price) FROM book c WHERE c.author_id = book.author_id) WHERE price IS NULL
---
2 rows

> SELECT id, price FROM book ORDER BY id
---
(1, Decimal('7.50'))
(2, Decimal('6.25'))
(3, Decimal('9.99'))
(4, Decimal('9.99'))
(5, Decimal('11.00'))
(6, Decimal('8.00'))
(7, None)
