# Counts over joins with the rows that foreign keys refer to, also where some are missing until the commit.
use: library

> CREATE TABLE loan (id integer PRIMARY KEY, note text NOT NULL, book_id integer NOT NULL REFERENCES book (id) DEFERRABLE INITIALLY DEFERRED, author_id integer REFERENCES author (id) DEFERRABLE INITIALLY DEFERRED, other_id integer NOT NULL)
---
ok

> INSERT INTO loan (id, note, book_id, author_id, other_id) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 30) SELECT i, 'loan ' || i, i % 6 + 1, NULLIF(i % 5, 0), i FROM s
---
30 rows

[plan]> SELECT COUNT(*), MAX(l.id) FROM loan l JOIN book b ON l.book_id = b.id WHERE l.note LIKE '%1%'
---
Project: grouped.count, grouped.max
  Aggregate: count(*), max(l.id)
    NestedLoop: inner
      Filter: l.note like '%1%'
        Scan: loan l
      KeyLookup: book b (b.id = l.book_id)
(12, 21)

[plan]> SELECT COUNT(*) FROM loan l JOIN book b ON b.id = l.book_id WHERE l.note LIKE '%1%' OR b.title LIKE '%mm%'
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner on (l.note like '%1%') or (b.title like '%mm%')
      Scan: loan l
      KeyLookup: book b (b.id = l.book_id)
(15,)

[plan]> SELECT COUNT(*) FROM loan l JOIN book b ON b.id = l.book_id JOIN author a ON a.id = b.author_id WHERE l.note LIKE '%1%'
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner
      NestedLoop: inner
        Filter: l.note like '%1%'
          Scan: loan l
        KeyLookup: book b (b.id = l.book_id)
      KeyLookup: author a (a.id = b.author_id)
(12,)

[plan]> SELECT COUNT(*) FROM loan l JOIN author a ON a.id = l.author_id WHERE l.note LIKE '%1%'
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner
      Filter: l.note like '%1%'
        Scan: loan l
      KeyLookup: author a (a.id = l.author_id)
(10,)

[plan]> SELECT COUNT(*) FROM loan l LEFT JOIN author a ON a.id = l.author_id JOIN book b ON b.id = l.book_id WHERE l.note LIKE '%1%' OR a.name LIKE 'Bor%'
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner
      Filter: (l.note like '%1%') or (a.name like 'Bor%')
        NestedLoop: left
          Scan: loan l
          KeyLookup: author a (a.id = l.author_id)
      KeyLookup: book b (b.id = l.book_id)
(16,)

[plan]> SELECT COUNT(*) FROM loan l JOIN book b ON b.id = l.other_id WHERE l.note LIKE '%1%'
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner
      Filter: l.note like '%1%'
        Scan: loan l
      KeyLookup: book b (b.id = l.other_id)
(1,)

[plan]> SELECT COUNT(*) FROM loan l JOIN book b ON b.id = l.book_id AND b.year > l.id WHERE l.note LIKE '%1%'
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner on b.year > l.id
      Filter: l.note like '%1%'
        Scan: loan l
      KeyLookup: book b (b.id = l.book_id)
(12,)

[plan]> SELECT COUNT(DISTINCT b.id) FROM loan l JOIN book b ON b.id = l.book_id WHERE l.note LIKE '%1%'
---
Project: grouped.count
  Aggregate: count(distinct b.id)
    NestedLoop: inner
      Filter: l.note like '%1%'
        Scan: loan l
      KeyLookup: book b (b.id = l.book_id)
(6,)

[plan]> SELECT l.book_id, COUNT(*) FROM loan l JOIN book b ON b.id = l.book_id GROUP BY l.book_id ORDER BY l.book_id
---
Project: grouped.book_id, grouped.count
  Sort: grouped.book_id
    Aggregate: count(*) by l.book_id
      NestedLoop: inner
        Scan: loan l
        KeyLookup: book b (b.id = l.book_id)
(1, 5)
(2, 5)
(3, 5)
(4, 5)
(5, 5)
(6, 5)

[plan]> SELECT COUNT(*) FROM book b JOIN book_tag bt ON b.id = bt.book_id JOIN tag t ON t.id = bt.tag_id WHERE t.name = 'novel'
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner
      NestedLoop: inner on t.name = 'novel'
        Scan: book_tag bt
        KeyLookup: tag t (t.id = bt.tag_id)
      KeyLookup: book b (b.id = bt.book_id)
(4,)

[plan]> SELECT COUNT(*) FROM tag t LEFT JOIN book_tag bt ON bt.tag_id = t.id LEFT JOIN book b ON b.id = bt.book_id WHERE t.id < 3
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: left on t.id = bt.tag_id
      KeyRange: tag t (t.id < 3)
      Scan: book_tag bt
(6,)

> CREATE TABLE fine (id integer PRIMARY KEY, loan_id integer NOT NULL REFERENCES loan (id), amount integer)
---
ok

> INSERT INTO fine VALUES (1, 1, 5), (2, 2, 7), (3, 2, 1)
---
3 rows

> SELECT COUNT(*) FROM fine f JOIN loan l ON l.id = f.loan_id JOIN book b ON b.id = l.book_id WHERE f.amount > 3
---
(2,)

> SELECT COUNT(*) FROM fine f JOIN loan l ON l.id = f.loan_id WHERE (f.amount IN (SELECT id FROM tag) OR f.amount = 7) AND f.id % 2 = 0
---
(1,)

> CREATE INDEX loan_note ON loan (note)
---
ok

[code]> SELECT COUNT(*) FROM loan l JOIN book b ON b.id = l.book_id WHERE l.note = 'loan 1'
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT COUNT(*) FROM loan l JOIN book b ON b.id = l.book_id WHERE l.note = 'loan 1'
 2 def select(loan, book, params):
 3     loan_note = loan.index('loan_note')
 4     def counted():
 5         # IndexLookup: loan l using loan_note (l.note = 'loan 1'), or a Scan if many
 6         count = len(loan_note.lookup('loan 1'))
 7         # Aggregate: count(*)
 8         return count
 9     def counted_2():
10         # IndexLookup: loan l using loan_note (l.note = 'loan 1'), or a Scan if many
11         # NestedLoop: inner
12         # KeyLookup: book b (b.id = l.book_id)
13         rows = [None for l in map(loan.get, loan_note.lookup('loan 1')) if book.get(l[BOOK_ID]) is not None]
14         count_2 = len(rows)
15         # Aggregate: count(*)
16         return count_2
17     count_3 = counted() if loan.is_settled() else counted_2()
18     # Project: grouped.count
19     return [(count_3,)]
(1,)

> BEGIN
---
ok

> INSERT INTO loan VALUES (100, 'loan 1', 77, 1, 1), (101, 'loan 1', 1, 77, 1)
---
2 rows

> SELECT COUNT(*), MAX(l.id) FROM loan l JOIN book b ON l.book_id = b.id WHERE l.note LIKE '%1%'
---
(13, 101)

> SELECT COUNT(*) FROM loan l LEFT JOIN author a ON a.id = l.author_id JOIN book b ON b.id = l.book_id WHERE l.note LIKE '%1%' OR a.name LIKE 'Bor%'
---
(17,)

> SELECT COUNT(*) FROM loan l JOIN book b ON b.id = l.book_id WHERE l.note = 'loan 1'
---
(2,)

> SELECT COUNT(*) FROM fine f JOIN loan l ON l.id = f.loan_id JOIN book b ON b.id = l.book_id WHERE f.amount > 3
---
(2,)

> SELECT COUNT(*) FROM fine f JOIN loan l ON l.id = f.loan_id WHERE (f.amount IN (SELECT id FROM tag) OR f.amount = 7) AND f.id % 2 = 0
---
(1,)

> ROLLBACK
---
ok
