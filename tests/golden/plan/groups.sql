# Groups: in the order of an index with a LIMIT, counted or collected otherwise, aggregated before they are joined.
use: library

[plan]> SELECT author_id, COUNT(*), SUM(year) FROM book GROUP BY author_id ORDER BY author_id LIMIT 3
---
Project: grouped.author_id, grouped.count, grouped.sum
  Limit: 3
    Aggregate: count(*), sum(book.year) by book.author_id (in order)
      IndexRange: book using book_author_id
(None, 1, 1000)
(1, 2, 3632)
(2, 2, 3893)

[plan]> SELECT author_id, MAX(price) AS most FROM book WHERE in_print GROUP BY author_id HAVING COUNT(*) > 1 ORDER BY author_id DESC LIMIT 2
---
Project: grouped.author_id, grouped.max as most
  Limit: 2
    Filter: grouped.count > 1
      Aggregate: max(book.price), count(*) by book.author_id (in order)
        Filter: book.in_print
          IndexRange: book using book_author_id, backwards
(1, Decimal('7.50'))

[plan]> SELECT author_id, year, COUNT(price) FROM book GROUP BY year, author_id ORDER BY author_id DESC LIMIT 2
---
Project: grouped.author_id, grouped.year, grouped.count
  Limit: 2
    Aggregate: count(book.price) by book.year, book.author_id (in order)
      IndexRange: book using book_author_year, backwards
(4, 1984, 1)
(3, 1972, 1)

[plan, differs: its STRING_AGG knows no ORDER BY]> SELECT a.id, a.name, COUNT(b.id), STRING_AGG(b.title, '; ' ORDER BY b.year DESC) FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id, a.name ORDER BY a.id LIMIT 2 OFFSET 1
---
Project: grouped.id, grouped.name, grouped.count, grouped.string_agg
  Limit: 2 after 1
    Aggregate: count(b.id), string_agg(b.title, '; ' order by b.year desc) by a.id, a.name (in order)
      NestedLoop: left
        Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
(2, 'Borges', 2, 'El Aleph; Ficciones')
(3, 'Calvino', 1, 'Le citta invisibili')

[plan]> SELECT author_id, COUNT(*) AS n FROM book GROUP BY author_id ORDER BY n DESC, author_id LIMIT 2
---
Project: grouped.author_id, grouped.count as n
  TopN: 2 by grouped.count desc, grouped.author_id
    IndexGroups: book using book_author_id (author_id, count)
(1, 2)
(2, 2)

[plan]> SELECT author_id, COUNT(*) FROM book GROUP BY author_id ORDER BY author_id
---
Project: grouped.author_id, grouped.count
  IndexGroups: book using book_author_id (author_id, count)
(None, 1)
(1, 2)
(2, 2)
(3, 1)
(4, 1)

[code]> SELECT author_id, COUNT(*), SUM(year), AVG(rating), COUNT(DISTINCT in_print) FILTER (WHERE year > 1900) FROM book GROUP BY author_id ORDER BY author_id LIMIT 2
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT author_id, COUNT(*), SUM(year), AVG(rating), COUNT(DISTINCT in_print) FILTER (WHERE year > 1900) FROM book GROUP BY author_id ORDER BY author_id LIMIT 2
 2 def select(book_table, params):
 3     book_author_id = book_table.index('book_author_id')
 4     # IndexRange: book using book_author_id
 5     found = (
 6         (book[AUTHOR_ID], book[YEAR], book[RATING], book[IN_PRINT] if book[YEAR] > 1900 else SKIPPED)
 7         for book in book_table.fetch(book_author_id.range(nulls=True), columns=(2, 3, 5, 8))
 8     )
 9     def rows_2():
10         # Aggregate: count(*), sum(book.year), avg(book.rating), count(distinct book.in_print) filter (where book.year > 1900) by book.author_id (in order)
11         for grouped_author_id, rows in groupby(found, itemgetter(0)):
12             rows = list(rows)
13             grouped_count = len(rows)
14             grouped_sum = sum([row[1] for row in rows])
15             grouped_avg = avg_of([row[2] for row in rows if row[2] is not None])
16             grouped_count_2 = len(set([row[3] for row in rows if row[3] is not SKIPPED]))
17             yield (grouped_author_id, grouped_count, grouped_sum, grouped_avg, grouped_count_2)
18     # Limit: 2
19     # Project: grouped.author_id, grouped.count, grouped.sum, grouped.avg, grouped.count_2 as count
20     return list(islice(rows_2(), 2))
(None, 1, 1000, None, 0)
(1, 2, 3632, 4.199999999999999, 0)

[code]> SELECT in_print, year > 1900 AS modern, COUNT(*), SUM(year), MAX(rating) FROM book GROUP BY in_print, modern
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT in_print, year > 1900 AS modern, COUNT(*), SUM(year), MAX(rating) FROM book GROUP BY in_print, modern
 2 def select(book_table, params):
 3     groups = defaultdict(list)
 4     # Scan: book
 5     for book in book_table.rows(columns=(3, 5, 8)):
 6         book_year = book[3]
 7         groups[(book[IN_PRINT], (book_year > 1900))].extend((book_year, book[RATING]))
 8     found = []
 9     # Aggregate: count(*), sum(book.year), max(book.rating) by book.in_print, book.year > 1900
10     for (grouped_in_print, grouped_modern), rows in groups.items():
11         grouped_count = len(rows) // 2
12         grouped_sum = sum(rows[::2])
13         grouped_max = max_of([value for value in rows[1::2] if value is not None])
14         # Project: grouped.in_print, grouped.modern, grouped.count, grouped.sum, grouped.max
15         found.append((grouped_in_print, grouped_modern, grouped_count, grouped_sum, grouped_max))
16     return found
(True, False, 2, 3632, 4.3)
(True, True, 3, 5900, 4.8)
(False, True, 1, 1949, 4.7)
(False, False, 1, 1000, None)

[code]> SELECT in_print, COUNT(*) FROM book GROUP BY in_print
---
1 # EXPLAIN (FORMAT PYTHON) SELECT in_print, COUNT(*) FROM book GROUP BY in_print
2 def select(book_table, params):
3     # Scan: book
4     found = (book[IN_PRINT] for book in book_table.rows(columns=(8,)))
5     groups = Counter(iter(found))
6     # Aggregate: count(*) by book.in_print
7     # Project: grouped.in_print, grouped.count
8     return list(groups.items())
(True, 5)
(False, 2)

[plan]> SELECT a.id, a.name, COUNT(b.id) AS n, SUM(b.price), MAX(b.title), COUNT(*) FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id, a.name ORDER BY n DESC, a.id LIMIT 4
---
Project: grouped.id, grouped.name, grouped.count as n, grouped.sum, grouped.max, grouped.count_2 as count
  TopN: 4 by grouped.count desc, grouped.id
    Project: a.id, a.name, coalesce(grouped early.count, 0) as count, grouped early.sum, grouped early.max, coalesce(grouped early.count_2, 1) as count_2
      HashJoin: left on a.id = grouped early.key 0
        Scan: author a
        Aggregate: count(b.id), sum(b.price), max(b.title), count(*) by b.author_id
          Scan: book b
(1, 'Austen', 2, Decimal('13.75'), 'Persuasion', 2)
(2, 'Borges', 2, Decimal('9.99'), 'Ficciones', 2)
(3, 'Calvino', 1, Decimal('11.00'), 'Le citta invisibili', 1)
(4, 'Duras', 1, Decimal('8.00'), "L'amant", 1)

[plan]> SELECT a.name, COUNT(*), SUM(b.rating) FROM book b JOIN author a ON a.id = b.author_id AND b.in_print GROUP BY a.name ORDER BY a.name
---
Project: grouped.name, grouped.count, grouped.sum
  Sort: grouped.name
    Project: a.name, grouped early.count, grouped early.sum
      NestedLoop: inner
        Aggregate: count(*), sum(b.rating) by b.author_id
          Filter: b.in_print
            Scan: book b
        KeyLookup: author a (a.id = grouped early.key 0)
('Austen', 2, 8.399999999999999)
('Borges', 1, 4.8)
('Calvino', 1, None)
('Duras', 1, 3.9)

[plan]> SELECT a.name, COUNT(b.id) FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.year > 1900 GROUP BY a.id, a.name HAVING COUNT(b.id) < 2 ORDER BY a.name
---
Project: grouped.name, grouped.count
  Sort: grouped.name
    Filter: grouped.count < 2
      Project: a.id, a.name, coalesce(grouped early.count, 0) as count
        HashJoin: left on a.id = grouped early.key 0
          Scan: author a
          Aggregate: count(b.id) by b.author_id
            IndexRange: book b using book_year (b.year > 1900), or a Scan if many
('Austen', 0)
('Calvino', 1)
('Duras', 1)
('Homer', 0)

[plan]> SELECT t.name, COUNT(DISTINCT b.author_id) FROM tag t LEFT JOIN book_tag bt ON bt.tag_id = t.id LEFT JOIN book b ON b.id = bt.book_id GROUP BY t.id, t.name ORDER BY t.name
---
Project: grouped.name, grouped.count
  Sort: grouped.name
    Project: t.id, t.name, coalesce(grouped early.count, 0) as count
      HashJoin: left on t.id = grouped early.key 0
        Scan: tag t
        Aggregate: count(distinct b.author_id) by bt.tag_id
          NestedLoop: left
            Scan: book_tag bt
            KeyLookup: book b (b.id = bt.book_id)
('classic', 2)
('novel', 3)
('short', 1)
('unused', 0)

[plan]> SELECT t.name, SUM(b.year) FROM book b JOIN book_tag bt ON bt.book_id = b.id JOIN tag t ON t.id = bt.tag_id GROUP BY t.name ORDER BY 1
---
Project: grouped.name, grouped.sum
  Sort: grouped.name
    Project: t.name, grouped early.sum
      NestedLoop: inner
        Aggregate: sum(b.year) by bt.tag_id
          NestedLoop: inner
            Scan: book_tag bt
            KeyLookup: book b (b.id = bt.book_id)
        KeyLookup: tag t (t.id = grouped early.key 0)
('classic', 3759)
('novel', 7588)
('short', 3893)

[plan]> SELECT a.name, COUNT(a.born) FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id, a.name ORDER BY a.name
---
Project: grouped.name, grouped.count
  Sort: grouped.name
    Aggregate: count(a.born) by a.id, a.name
      NestedLoop: left
        Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
('Austen', 2)
('Borges', 2)
('Calvino', 1)
('Duras', 1)
('Homer', 0)

[plan]> SELECT a.name, SUM(CASE WHEN b.id IS NULL THEN 1 ELSE 10 END) FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.name ORDER BY a.name
---
Project: grouped.name, grouped.sum
  Sort: grouped.name
    Aggregate: sum(case when b.id is null then 1 else 10 end) by a.name
      NestedLoop: left
        Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
('Austen', 20)
('Borges', 20)
('Calvino', 10)
('Duras', 10)
('Homer', 1)

[plan]> SELECT a.country, COUNT(*) FROM author a JOIN book b ON b.author_id = a.id GROUP BY a.country ORDER BY 1
---
Project: grouped.country, grouped.count
  Sort: grouped.country
    Aggregate: count(*) by a.country
      NestedLoop: inner
        Scan: book b
        KeyLookup: author a (a.id = b.author_id)
('AR', 2)
('FR', 1)
('GB', 2)
('IT', 1)

[plan]> SELECT DISTINCT author_id FROM book ORDER BY author_id
---
IndexGroups: book using book_author_id (author_id)
(None,)
(1,)
(2,)
(3,)
(4,)

[plan]> SELECT COUNT(DISTINCT author_id) FROM book
---
Project: grouped.count
  Aggregate: count(book values.key)
    IndexGroups: book using book_author_id (key)
(4,)

[plan]> SELECT author_id, COUNT(*) AS n, COUNT(id) FROM book GROUP BY author_id HAVING COUNT(*) > 1 ORDER BY author_id
---
Project: grouped.author_id, grouped.count as n, grouped.count_2 as count
  Filter: grouped.count > 1
    IndexGroups: book using book_author_id (author_id, count)
(1, 2, 2)
(2, 2, 2)

[plan]> SELECT DISTINCT author_id, author_id + 1 FROM book ORDER BY author_id
---
Sort: result.author_id
  Distinct
    Project: book.author_id, book.author_id + 1 as ?column?
      Scan: book
(None, None)
(1, 2)
(2, 3)
(3, 4)
(4, 5)

[plan]> SELECT COUNT(DISTINCT author_id) FROM book WHERE year > 1900
---
Project: grouped.count
  Aggregate: count(distinct book.author_id)
    IndexRange: book using book_year (book.year > 1900), or a Scan if many
(3,)

[plan]> SELECT author_id, COUNT(year) FILTER (WHERE in_print) FROM book GROUP BY author_id ORDER BY author_id
---
Project: grouped.author_id, grouped.count
  Sort: grouped.author_id
    Aggregate: count(book.year) filter (where book.in_print) by book.author_id
      Scan: book
(None, 0)
(1, 2)
(2, 1)
(3, 1)
(4, 1)

[plan]> SELECT a.name, COUNT(b.id) FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id, a.name ORDER BY a.id
---
Project: grouped.name, grouped.count
  Project: a.id, a.name, coalesce(grouped early.count, 0) as count
    HashJoin: left on a.id = grouped early.key 0
      Scan: author a
      IndexGroups: book using book_author_id (key 0, count)
('Austen', 2)
('Borges', 2)
('Calvino', 1)
('Duras', 1)
('Homer', 0)

[code]> SELECT COUNT(*) FROM book WHERE author_id = 1
---
1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM book WHERE author_id = 1
2 def select(book_table, params):
3     book_author_id = book_table.index('book_author_id')
4     # IndexLookup: book using book_author_id (book.author_id = 1)
5     count = len(book_author_id.lookup(1))
6     # Aggregate: count(*)
7     # Project: grouped.count
8     return [(count,)]
(2,)

[code]> SELECT COUNT(*) FROM book WHERE year > 1900
---
1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM book WHERE year > 1900
2 def select(book_table, params):
3     book_year = book_table.index('book_year')
4     # IndexRange: book using book_year (book.year > 1900)
5     count = book_year.size(low=1900, low_open=True)
6     # Aggregate: count(*)
7     # Project: grouped.count
8     return [(count,)]
(4,)

[code]> SELECT COUNT(*) FROM book WHERE author_id IN (SELECT id FROM author WHERE name LIKE '%o%')
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM book WHERE author_id IN (SELECT id FROM author WHERE name LIKE '%o%')
 2 def select(book_table, author_table, params):
 3     # Scan: book
 4     # NestedLoop: semi on author.name like '%o%'
 5     # KeyLookup: author (author.id = book.author_id)
 6     rows = [
 7         None
 8         for book in book_table.rows(columns=(2,))
 9         for author in [None if book[AUTHOR_ID] is None else author_table.get(book[AUTHOR_ID])]
10         if author is not None
11         if 'o' in author[NAME]
12     ]
13     count = len(rows)
14     # Aggregate: count(*)
15     # Project: grouped.count
16     return [(count,)]
(3,)

[code]> SELECT COUNT(*) FROM book b JOIN author a ON a.born = b.year - 40
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM book b JOIN author a ON a.born = b.year - 40
 2 def select(book, author, params):
 3     a_by_born = defaultdict(list)
 4     # Scan: author a
 5     for a in author.rows(columns=(2,)):
 6         a_born = a[2]
 7         if a_born is not None:
 8             a_by_born[a_born].append(None)
 9     # Scan: book b
10     # HashJoin: inner on b.year - 40 = a.born
11     sizes = [len(a_by_born.get(b[YEAR] - 40, ())) for b in book.rows(columns=(3,))]
12     count = sum(sizes)
13     # Aggregate: count(*)
14     # Project: grouped.count
15     return [(count,)]
(1,)

[code]> SELECT COUNT(*) FROM book WHERE year IN (SELECT a.born + 41 FROM author a WHERE a.id < 3)
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM book WHERE year IN (SELECT a.born + 41 FROM author a WHERE a.id < 3)
 2 def select(author, book_table, params):
 3     book_year = book_table.index('book_year')
 4     # KeyRange: author a (a.id < 3)
 5     # Project: a.born + 41 as key 0
 6     found = (None if a[BORN] is None else a[BORN] + 41 for a in author.rows(None, 3 - 1, columns=(2,)))
 7     # Distinct
 8     # NestedLoop: inner
 9     # IndexLookup: book using book_year (book.year = a keys.key 0)
10     keys = [a_keys_key_0 for a_keys_key_0 in dict.fromkeys(found) if a_keys_key_0 is not None]
11     count = sum(book_year.sizes(keys))
12     # Aggregate: count(*)
13     # Project: grouped.count
14     return [(count,)]
(0,)

[code]> SELECT author_id, COUNT(*), SUM(year), MAX(title) FROM book GROUP BY author_id ORDER BY author_id LIMIT 3
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT author_id, COUNT(*), SUM(year), MAX(title) FROM book GROUP BY author_id ORDER BY author_id LIMIT 3
 2 def select(book_table, params):
 3     book_author_id = book_table.index('book_author_id')
 4     def rows_2():
 5         # IndexRange: book using book_author_id
 6         # Aggregate: count(*), sum(book.year), max(book.title) by book.author_id (in order)
 7         for rowids in book_author_id.postings(nulls=True):
 8             rows = list(map(book_table.get, rowids))
 9             grouped_author_id = rows[0][AUTHOR_ID]
10             grouped_count = len(rows)
11             grouped_sum = sum([row[YEAR] for row in rows])
12             grouped_max = max([row[TITLE] for row in rows])
13             yield (grouped_author_id, grouped_count, grouped_sum, grouped_max)
14     # Limit: 3
15     # Project: grouped.author_id, grouped.count, grouped.sum, grouped.max
16     return list(islice(rows_2(), 3))
(None, 1, 1000, 'Beowulf')
(1, 2, 3632, 'Persuasion')
(2, 2, 3893, 'Ficciones')

> SELECT author_id, COUNT(*), MAX(title) FROM book WHERE author_id > 1 GROUP BY author_id ORDER BY author_id DESC LIMIT 2
---
(4, 1, "L'amant")
(3, 1, 'Le citta invisibili')

> SELECT year, COUNT(*), MIN(title) FROM book WHERE year BETWEEN 1900 AND 1975 GROUP BY year ORDER BY year LIMIT 2
---
(1944, 1, 'Ficciones')
(1949, 1, 'El Aleph')

[code]> SELECT author_id, COUNT(*), SUM(year), AVG(rating), MAX(title) FROM book WHERE in_print GROUP BY author_id ORDER BY author_id LIMIT 2
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT author_id, COUNT(*), SUM(year), AVG(rating), MAX(title) FROM book WHERE in_print GROUP BY author_id ORDER BY author_id LIMIT 2
 2 def select(book_table, params):
 3     book_author_id = book_table.index('book_author_id')
 4     # IndexRange: book using book_author_id
 5     # Filter: book.in_print
 6     found = (
 7         book
 8         for book in book_table.sought(within(8, True, True, False, False), book_author_id.range(nulls=True), columns=(1, 2, 3, 5, 8), wanted=2, order=('book_author_id', False, False))
 9         if book[IN_PRINT]
10     )
11     def rows_2():
12         # Aggregate: count(*), sum(book.year), avg(book.rating), max(book.title) by book.author_id (in order)
13         for grouped_author_id, rows in groupby(found, itemgetter(AUTHOR_ID)):
14             rows = list(rows)
15             grouped_count = len(rows)
16             grouped_sum = sum([row[YEAR] for row in rows])
17             grouped_avg = avg_of([row[RATING] for row in rows if row[RATING] is not None])
18             grouped_max = max([row[TITLE] for row in rows])
19             yield (grouped_author_id, grouped_count, grouped_sum, grouped_avg, grouped_max)
20     # Limit: 2
21     # Project: grouped.author_id, grouped.count, grouped.sum, grouped.avg, grouped.max
22     return list(islice(rows_2(), 2))
(1, 2, 3632, 4.199999999999999, 'Persuasion')
(2, 1, 1944, 4.8, 'Ficciones')

[plan]> SELECT a.id, a.name, COUNT(b.id), SUM(b.year) FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE a.id <= %s AND a.id > 1 GROUP BY a.id, a.name ORDER BY a.id {4}
---
Project: grouped.id, grouped.name, grouped.count, grouped.sum
  Project: a.id, a.name, coalesce(grouped early.count, 0) as count, grouped early.sum
    HashJoin: left on a.id = grouped early.key 0
      KeyRange: author a (a.id > 1 and a.id <= p0)
      Aggregate: count(b.id), sum(b.year) by b.author_id
        IndexRange: book b using book_author_id (b.author_id > 1 and b.author_id <= p0), or a Scan if many
(2, 'Borges', 2, 3893)
(3, 'Calvino', 1, 1972)
(4, 'Duras', 1, 1984)

[plan]> SELECT a.name, MAX(b.year) FROM author a JOIN book b ON b.author_id = a.id WHERE a.id IN (%s, %s) GROUP BY a.id, a.name ORDER BY a.name {1, 3}
---
Project: grouped.name, grouped.max
  Sort: grouped.name
    Project: a.id, a.name, grouped early.max
      HashJoin: inner on a.id = grouped early.key 0
        KeyIn: author a (a.id in (p0, p1))
        Aggregate: max(b.year) by b.author_id
          IndexIn: book b using book_author_id (b.author_id in (p0, p1)), or a Scan if many
('Austen', 1817)
('Calvino', 1972)

[plan]> SELECT t.id, COUNT(b.id), SUM(b.year) FROM tag t LEFT JOIN book_tag bt ON bt.tag_id = t.id LEFT JOIN book b ON b.id = bt.book_id WHERE t.id > %s GROUP BY t.id ORDER BY t.id {1}
---
Project: grouped.id, grouped.count, grouped.sum
  Sort: grouped.id
    Aggregate: count(b.id), sum(b.year) by t.id
      NestedLoop: left
        HashJoin: left on t.id = bt.tag_id
          KeyRange: tag t (t.id > p0)
          Scan: book_tag bt
        KeyLookup: book b (b.id = bt.book_id)
(2, 2, 3893)
(3, 2, 3759)
(4, 0, None)

[plan]> SELECT a.name, COUNT(b.id) FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE a.id < %s AND a.name <> %s GROUP BY a.id, a.name ORDER BY a.name {9, 'Borges'}
---
Project: grouped.name, grouped.count
  Sort: grouped.name
    Aggregate: count(b.id) by a.id, a.name
      NestedLoop: left
        Filter: a.name <> p1
          KeyRange: author a (a.id < p0)
        IndexLookup: book b using book_author_id (b.author_id = a.id)
('Austen', 2)
('Calvino', 1)
('Duras', 1)
('Homer', 0)

> CREATE TABLE rate (value numeric PRIMARY KEY, name text)
---
ok

> CREATE TABLE rated (id integer PRIMARY KEY, value numeric)
---
ok

> INSERT INTO rate VALUES ('1.50', 'a'), ('2', 'b')
---
2 rows

> INSERT INTO rated VALUES (1, '1.5'), (2, '2.0'), (3, '1.500')
---
3 rows

[plan, differs: its numbers have no digits behind those that matter]> SELECT r.value, COUNT(d.id) FROM rate r LEFT JOIN rated d ON d.value = r.value WHERE CAST(r.value AS text) LIKE %s GROUP BY r.value {'1.50%'}
---
Project: grouped.value, grouped.count
  Aggregate: count(d.id) by r.value
    HashJoin: left on r.value = d.value
      Filter: cast(r.value as text) like p0
        Scan: rate r
      Scan: rated d
(Decimal('1.50'), 2)

[plan]> SELECT a.id, SUM(b.year) FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE abs(a.id) < %s GROUP BY a.id ORDER BY a.id {3}
---
Project: grouped.id, grouped.sum
  Sort: grouped.id
    Aggregate: sum(b.year) by a.id
      NestedLoop: left
        Filter: abs(a.id) < p0
          Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
(1, 3632)
(2, 3893)

[plan]> SELECT a.id, SUM(b.year) FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE 10 / a.id > %s GROUP BY a.id ORDER BY a.id {4}
---
Project: grouped.id, grouped.sum
  Sort: grouped.id
    Aggregate: sum(b.year) by a.id
      NestedLoop: left
        Filter: (10 / a.id) > p0
          Scan: author a
        IndexLookup: book b using book_author_id (b.author_id = a.id)
(1, 3632)
(2, 3893)

[plan]> SELECT a.id, COUNT(b.id), COUNT(*) FROM author a LEFT JOIN book b ON b.author_id = a.id WHERE a.id IN (%s, %s) GROUP BY a.id ORDER BY a.id {1, 5}
---
Project: grouped.id, grouped.count, grouped.count_2 as count
  Sort: grouped.id
    Aggregate: count(b.id), count(*) by a.id
      NestedLoop: left
        KeyIn: author a (a.id in (p0, p1))
        IndexLookup: book b using book_author_id (b.author_id = a.id)
(1, 2, 2)
(5, 0, 1)
