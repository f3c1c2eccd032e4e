# Frames: ROWS, RANGE, GROUPS, exclusion, and the aggregates over them.
use: library
use: numbers

[plan]> SELECT id, SUM(price) OVER (PARTITION BY author_id ORDER BY year) FROM book ORDER BY id
---
Project: book.id, windowed.sum
  Sort: book.id
    Window: sum(book.price) over (partition by book.author_id order by book.year)
      Scan: book
(1, Decimal('7.50'))
(2, Decimal('13.75'))
(3, Decimal('9.99'))
(4, Decimal('9.99'))
(5, Decimal('11.00'))
(6, Decimal('8.00'))
(7, None)

[code,differs: sqlite3 sums decimals as floats]> SELECT title, ROW_NUMBER() OVER w, SUM(price) OVER w FROM book WINDOW w AS (PARTITION BY author_id ORDER BY year) ORDER BY title
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT title, ROW_NUMBER() OVER w, SUM(price) OVER w FROM book WINDOW w AS (PARTITION BY author_id ORDER BY year) ORDER BY title
 2 def select(book_table, params):
 3     parts = defaultdict(list)
 4     # Scan: book
 5     for book in book_table.rows(columns=(1, 2, 3, 4)):
 6         book_author_id = book[2]
 7         parts[LEAST if book_author_id is None else book_author_id].append(book)
 8     found = []
 9     # Window: row_number(), sum(book.price) over (partition by book.author_id order by book.year)
10     for part in map(parts.get, sorted(parts)):
11         part.sort(key=itemgetter(3))
12         column = [book[PRICE] if book[PRICE] is not None else ABSENT for book in part]
13         peers = Peers(part, 3)
14         sum_2 = peers.of_last(sum_so_far(column))
15         for book, windowed_row_number, windowed_sum in zip(part, range(1, len(part) + 1), sum_2):
16             book_title = book[1]
17             found.append((book_title, windowed_row_number, windowed_sum))
18     # Sort: book.title
19     found.sort(key=itemgetter(0))
20     # Project: book.title, windowed.row_number, windowed.sum
21     return found
('Beowulf', 1, None)
('El Aleph', 2, Decimal('9.99'))
('Emma', 1, Decimal('7.50'))
('Ficciones', 1, Decimal('9.99'))
("L'amant", 1, Decimal('8.00'))
('Le citta invisibili', 1, Decimal('11.00'))
('Persuasion', 2, Decimal('13.75'))

> SELECT id, SUM(id) OVER (ORDER BY id ROWS 2 PRECEDING), SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING), COUNT(*) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM n ORDER BY id
---
(1, 1, 5, 0)
(2, 3, 7, 1)
(3, 6, 9, 2)
(4, 9, 11, 3)
(5, 12, 13, 4)
(6, 15, 7, 5)
(7, 18, None, 6)

> SELECT id, MIN(b) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), MAX(b) OVER (ORDER BY id), AVG(b) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM n ORDER BY id
---
(1, 10, 10, 10.0)
(2, 10, 10, 10.0)
(3, 10, 10, 15.0)
(4, 20, 20, 15.0)
(5, 20, 20, 25.0)
(6, 20, 30, 25.0)
(7, 20, 30, 25.0)

> SELECT id, a, SUM(id) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND CURRENT ROW), COUNT(a) OVER (ORDER BY a DESC RANGE BETWEEN CURRENT ROW AND 1 FOLLOWING), COUNT(*) OVER (ORDER BY a RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM n ORDER BY id
---
(1, 1, 3, 2, 2)
(2, 1, 3, 2, 2)
(3, 2, 13, 4, 4)
(4, None, 9, 0, 2)
(5, None, 9, 0, 2)
(6, 3, 16, 3, 6)
(7, 2, 13, 4, 4)

> SELECT id, SUM(id) OVER (ORDER BY f RANGE BETWEEN 2.5 PRECEDING AND 2 FOLLOWING) FROM n ORDER BY id
---
(1, 17)
(2, 2)
(3, 3)
(4, 13)
(5, 17)
(6, 6)
(7, 13)

> SELECT id, SUM(id) OVER (ORDER BY b GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING), SUM(id) OVER (ORDER BY b GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) FROM n ORDER BY id
---
(1, 22, 17)
(2, 11, 21)
(3, 22, 17)
(4, 21, 6)
(5, 11, 21)
(6, 17, None)
(7, 21, 6)

> SELECT id, SUM(id) OVER (ORDER BY b, id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW), SUM(id) OVER (ORDER BY b GROUPS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP), SUM(id) OVER (ORDER BY b RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES), SUM(id) OVER (ORDER BY b RANGE UNBOUNDED PRECEDING EXCLUDE NO OTHERS) FROM n ORDER BY id
---
(1, 7, 24, 8, 11)
(2, None, 21, 2, 7)
(3, 8, 24, 10, 11)
(4, 11, 17, 15, 22)
(5, 2, 21, 5, 7)
(6, 22, 22, 28, 28)
(7, 15, 17, 18, 22)

> SELECT id, FIRST_VALUE(id) OVER w, LAST_VALUE(id) OVER w, NTH_VALUE(id, 2) OVER w FROM n WINDOW w AS (ORDER BY a) ORDER BY id
---
(1, 4, 2, 5)
(2, 4, 2, 5)
(3, 4, 7, 5)
(4, 4, 5, 5)
(5, 4, 5, 5)
(6, 4, 6, 5)
(7, 4, 7, 5)

> SELECT id, FIRST_VALUE(t) OVER (ORDER BY id ROWS BETWEEN 3 FOLLOWING AND UNBOUNDED FOLLOWING), LAST_VALUE(t) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM n ORDER BY id
---
(1, None, 'y')
(2, '', 'X')
(3, 'é', None)
(4, 'x', '')
(5, None, 'é')
(6, None, 'x')
(7, None, None)

> SELECT id, COUNT(*) FILTER (WHERE a > 1) OVER (ORDER BY id), SUM(b) FILTER (WHERE t = 'x') OVER (), COUNT(b) OVER (PARTITION BY a) FROM n ORDER BY id
---
(1, 0, 30, 1)
(2, 0, 30, 1)
(3, 1, 30, 2)
(4, 1, 30, 1)
(5, 1, 30, 1)
(6, 2, 30, 1)
(7, 3, 30, 2)

> SELECT id, SUM(b) OVER (PARTITION BY a ORDER BY id), MAX(t) OVER (PARTITION BY a), SUM(f) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM n ORDER BY id
---
(1, 10, 'y', 1.5)
(2, 10, 'y', 1.5)
(3, 10, 'x', -2.5)
(4, 20, '', -2.5)
(5, 20, '', 1.5)
(6, 30, 'é', 101.75)
(7, 30, 'x', 103.25)

[differs: sqlite3 has neither dates nor intervals]> SELECT id, COUNT(*) OVER (ORDER BY published RANGE BETWEEN INTERVAL '1000 days' PRECEDING AND CURRENT ROW) FROM book ORDER BY id
---
(1, 1)
(2, 2)
(3, 1)
(4, 2)
(5, 1)
(6, 1)
(7, 2)

> SELECT id, SUM(id) OVER (ORDER BY id ROWS BETWEEN %s PRECEDING AND %s FOLLOWING) FROM n ORDER BY id {1, 0}
---
(1, 1)
(2, 3)
(3, 5)
(4, 7)
(5, 9)
(6, 11)
(7, 13)

[differs: sqlite3 words it otherwise]> SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN %s PRECEDING AND CURRENT ROW) FROM n {-1}
---
DataError: the offset of a window frame must not be negative: -1

[differs: sqlite3 words it otherwise]> SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW) FROM n
---
ProgrammingError: a frame cannot start with UNBOUNDED FOLLOWING: "SUM(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED FOLLOWING A…" at 1:8

[differs: sqlite3 has no SUM of texts]> SELECT SUM(id) OVER (ORDER BY t RANGE 1 PRECEDING) FROM n
---
ProgrammingError: RANGE with an offset of type integer is not supported for a key of text: "SUM(id) OVER (ORDER BY t RANGE 1 PRECEDING)" at 1:8

> SELECT id, MAX(year) OVER (), SUM(year) OVER (), MIN(id) OVER (), RANK() OVER (ORDER BY year) FROM book WHERE year > 3000
---
no rows

> SELECT id, MAX(year) OVER (PARTITION BY in_print), SUM(id) OVER (PARTITION BY in_print), MIN(rating) OVER (PARTITION BY in_print), SUM(id) FILTER (WHERE year < 1000) OVER (PARTITION BY in_print) FROM book ORDER BY id
---
(1, 1984, 17, 3.9, None)
(2, 1984, 17, 3.9, None)
(3, 1984, 17, 3.9, None)
(4, 1949, 11, 4.7, None)
(5, 1984, 17, 3.9, None)
(6, 1984, 17, 3.9, None)
(7, 1949, 11, 4.7, None)

> SELECT id, RANK() OVER (), RANK() OVER (ORDER BY in_print), DENSE_RANK() OVER (ORDER BY in_print), PERCENT_RANK() OVER (ORDER BY in_print), CUME_DIST() OVER (ORDER BY in_print) FROM book ORDER BY id
---
(1, 1, 3, 2, 0.3333333333333333, 1.0)
(2, 1, 3, 2, 0.3333333333333333, 1.0)
(3, 1, 3, 2, 0.3333333333333333, 1.0)
(4, 1, 1, 1, 0.0, 0.2857142857142857)
(5, 1, 3, 2, 0.3333333333333333, 1.0)
(6, 1, 3, 2, 0.3333333333333333, 1.0)
(7, 1, 1, 1, 0.0, 0.2857142857142857)
