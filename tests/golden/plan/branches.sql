# Aggregates of several tables that belong to the same rows: each by itself, multiplied by the rows of the others.
use: library

> CREATE TABLE prize (id integer PRIMARY KEY, author_id integer NOT NULL, name text NOT NULL, amount numeric(8, 2), weight double precision)
---
ok

> CREATE INDEX prize_author_id ON prize (author_id)
---
ok

> CREATE TABLE life (author_id integer PRIMARY KEY REFERENCES author (id), motto text)
---
ok

> INSERT INTO prize (id, author_id, name, amount, weight) VALUES (1, 1, 'a', 10.5, 0.1), (2, 1, 'b', NULL, 0.2), (3, 1, 'a', 2.25, 0.3), (4, 3, 'c', 7, 0.4), (5, 2, 'b', 1, NULL)
---
5 rows

> INSERT INTO life (author_id, motto) VALUES (1, 'x'), (2, 'y'), (3, 'x')
---
3 rows

[plan]> SELECT a.id, a.name, COUNT(DISTINCT b.id), COUNT(DISTINCT p.name), MAX(p.amount) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id ORDER BY a.id
---
Project: grouped.id, grouped.name, grouped.count, grouped.count_2 as count, grouped.max
  Project: a.id, a.name, coalesce(grouped branch 1.count, 0) as count, coalesce(grouped branch 2.count_2, 0) as count_2, grouped branch 2.max
    HashJoin: left on a.id = grouped branch 2.key 0
      HashJoin: left on a.id = grouped branch 1.key 0
        Scan: author a
        Aggregate: count(distinct b.id) by b.author_id
          Scan: book b
      Aggregate: count(distinct p.name), max(p.amount) by p.author_id
        Scan: prize p
(1, 'Austen', 2, 2, Decimal('10.50'))
(2, 'Borges', 2, 1, Decimal('1.00'))
(3, 'Calvino', 1, 1, Decimal('7.00'))
(4, 'Duras', 1, 0, None)
(5, 'Homer', 0, 0, None)

[plan]> SELECT a.id, COUNT(*), COUNT(b.id), COUNT(b.price), SUM(b.price), AVG(b.year), COUNT(p.id), SUM(p.amount), MIN(p.amount) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id ORDER BY a.id
---
Project: grouped.id, grouped.count, grouped.count_2 as count, grouped.count_3 as count, grouped.sum, grouped.avg, grouped.count_4 as count, grouped.sum_2 as sum, grouped.min
  Project: a.id, greatest(coalesce(grouped branch 1.rows, 0), 1) * greatest(coalesce(grouped branch 2.rows, 0), 1) as count, coalesce(grouped branch 1.count_2, 0) * greatest(coalesce(grouped branch 2.rows, 0), 1) as count_2, coalesce(grouped branch 1.count_3, 0) * greatest(coalesce(grouped branch 2.rows, 0), 1) as count_3, grouped branch 1.sum * greatest(coalesce(grouped branch 2.rows, 0), 1) as sum, grouped branch 1.avg, coalesce(grouped branch 2.count_4, 0) * greatest(coalesce(grouped branch 1.rows, 0), 1) as count_4, grouped branch 2.sum_2 * greatest(coalesce(grouped branch 1.rows, 0), 1) as sum_2, grouped branch 2.min
    HashJoin: left on a.id = grouped branch 2.key 0
      HashJoin: left on a.id = grouped branch 1.key 0
        Scan: author a
        Aggregate: count(*), count(b.id), count(b.price), sum(b.price), avg(b.year) by b.author_id
          Scan: book b
      Aggregate: count(*), count(p.id), sum(p.amount), min(p.amount) by p.author_id
        Scan: prize p
(1, 6, 6, 6, Decimal('41.25'), 1816.0, 6, Decimal('25.50'), Decimal('2.25'))
(2, 2, 2, 1, Decimal('9.99'), 1946.5, 2, Decimal('2.00'), Decimal('1.00'))
(3, 1, 1, 1, Decimal('11.00'), 1972.0, 1, Decimal('7.00'), Decimal('7.00'))
(4, 1, 1, 1, Decimal('8.00'), 1984.0, 0, None, None)
(5, 1, 0, 0, None, None, 0, None, None)

[plan]> SELECT a.id, COUNT(b.id) FILTER (WHERE b.in_print), SUM(b.year + p.id), COUNT(p.id) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id ORDER BY a.id
---
Project: grouped.id, grouped.count, grouped.sum, grouped.count_2 as count
  Sort: grouped.id
    Aggregate: count(b.id) filter (where b.in_print), sum(b.year + p.id), count(p.id) by a.id
      NestedLoop: left
        NestedLoop: left
          Scan: author a
          IndexLookup: book b using book_author_id (b.author_id = a.id)
        IndexLookup: prize p using prize_author_id (p.author_id = a.id)
(1, 6, 10908, 6)
(2, 1, 3903, 2)
(3, 1, 1976, 1)
(4, 1, None, 0)
(5, 0, None, 0)

[plan]> SELECT a.id, COUNT(b.id) FILTER (WHERE b.in_print), SUM(DISTINCT b.year), COUNT(p.id) FROM author a LEFT JOIN book b ON b.author_id = a.id AND b.year > 1815 LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id HAVING COUNT(p.id) > 0 ORDER BY 2 DESC, a.id
---
Project: grouped.id, grouped.count, grouped.sum, grouped.count_2 as count
  Sort: grouped.count desc, grouped.id
    Filter: grouped.count_2 > 0
      Project: a.id, coalesce(grouped branch 1.count, 0) * greatest(coalesce(grouped branch 2.rows, 0), 1) as count, grouped branch 1.sum, coalesce(grouped branch 2.count_2, 0) * greatest(coalesce(grouped branch 1.rows, 0), 1) as count_2
        HashJoin: left on a.id = grouped branch 2.key 0
          HashJoin: left on a.id = grouped branch 1.key 0
            Scan: author a
            Aggregate: count(*), count(b.id) filter (where b.in_print), sum(distinct b.year) by b.author_id
              IndexRange: book b using book_year (b.year > 1815), or a Scan if many
          Aggregate: count(*), count(p.id) by p.author_id
            Scan: prize p
(1, 3, 1817, 3)
(2, 1, 3893, 2)
(3, 1, 1972, 1)

[plan]> SELECT a.id, COUNT(DISTINCT b.id), COUNT(DISTINCT t.tag_id), COUNT(p.id) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN book_tag t ON t.book_id = b.id LEFT JOIN prize p ON p.author_id = a.id WHERE a.name > 'B' GROUP BY a.id ORDER BY a.name LIMIT 3
---
Project: grouped.id, grouped.count, grouped.count_2 as count, grouped.count_3 as count
  Limit: 3
    Project: a.id, a.name, coalesce(grouped branch 1.count, 0) as count, coalesce(grouped branch 1.count_2, 0) as count_2, coalesce(grouped branch 2.count_3, 0) * greatest(coalesce(grouped branch 1.rows, 0), 1) as count_3
      NestedLoop: left
        NestedLoop: left
          IndexRange: author a using author_name_key (a.name > 'B')
          Aggregate: count(*), count(distinct b.id), count(distinct t.tag_id)
            NestedLoop: left
              IndexLookup: book b using book_author_id (b.author_id = a.id)
              IndexRange: book_tag t using book_tag_book_id_tag_id_key (t.book_id = b.id)
        Aggregate: count(p.id)
          IndexLookup: prize p using prize_author_id (p.author_id = a.id)
(2, 2, 2, 3)
(3, 1, 1, 1)
(4, 1, 1, 0)

[plan]> SELECT a.id, l.motto, COUNT(DISTINCT b.id), COUNT(DISTINCT p.id) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN life l ON l.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id, l.author_id, l.motto ORDER BY a.id
---
Project: grouped.id, grouped.motto, grouped.count, grouped.count_2 as count
  Project: a.id, l.author_id, l.motto, coalesce(grouped branch 1.count, 0) as count, coalesce(grouped branch 2.count_2, 0) as count_2
    HashJoin: left on a.id = grouped branch 2.key 0
      HashJoin: left on a.id = grouped branch 1.key 0
        NestedLoop: left
          Scan: author a
          KeyLookup: life l (l.author_id = a.id)
        Aggregate: count(distinct b.id) by b.author_id
          Scan: book b
      Aggregate: count(distinct p.id) by p.author_id
        Scan: prize p
(1, 'x', 2, 3)
(2, 'y', 2, 1)
(3, 'x', 1, 1)
(4, None, 1, 0)
(5, None, 0, 0)

[plan]> SELECT l.motto, COUNT(DISTINCT b.id), COUNT(p.id) FROM life l JOIN author a ON a.id = l.author_id LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id WHERE a.country <> 'IT' GROUP BY l.author_id, l.motto ORDER BY l.author_id
---
Project: grouped.motto, grouped.count, grouped.count_2 as count
  Project: l.author_id, l.motto, coalesce(grouped branch 1.count, 0) as count, coalesce(grouped branch 2.count_2, 0) * greatest(coalesce(grouped branch 1.rows, 0), 1) as count_2
    HashJoin: left on a.id = grouped branch 2.key 0
      HashJoin: left on a.id = grouped branch 1.key 0
        NestedLoop: inner on a.country <> 'IT'
          Scan: life l
          KeyLookup: author a (a.id = l.author_id)
        Aggregate: count(*), count(distinct b.id) by b.author_id
          Scan: book b
      Aggregate: count(p.id) by p.author_id
        Scan: prize p
('x', 2, 6)
('y', 2, 2)

[plan]> SELECT l.motto, COUNT(DISTINCT b.id), COUNT(p.id) FROM life l JOIN author a ON a.id = l.author_id LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY l.motto ORDER BY l.motto
---
Project: grouped.motto, grouped.count, grouped.count_2 as count
  Sort: grouped.motto
    Aggregate: count(distinct b.id), count(p.id) by l.motto
      NestedLoop: left
        NestedLoop: left
          NestedLoop: inner
            Scan: life l
            KeyLookup: author a (a.id = l.author_id)
          IndexLookup: book b using book_author_id (b.author_id = a.id)
        IndexLookup: prize p using prize_author_id (p.author_id = a.id)
('x', 3, 7)
('y', 2, 2)

> SELECT a.id, COUNT(p.id), AVG(p.weight), MAX(p.weight), COUNT(b.id) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id HAVING COUNT(b.id) > 2 ORDER BY a.id
---
(1, 6, 0.19999999999999998, 0.3, 6)

> SELECT COALESCE(b.title, 'none') AS t, COUNT(*), COUNT(COALESCE(p.amount, 0)), COUNT(x.id) FROM book b LEFT JOIN prize p ON p.author_id = b.author_id LEFT JOIN book_tag x ON x.book_id = b.id GROUP BY b.id, b.title ORDER BY b.id
---
('Emma', 6, 6, 6)
('Persuasion', 3, 3, 3)
('Ficciones', 2, 2, 2)
('El Aleph', 1, 1, 1)
('Le citta invisibili', 1, 1, 1)
("L'amant", 1, 1, 1)
('Beowulf', 1, 1, 0)

> SELECT COUNT(*), SUM(n) FROM (SELECT a.id, COUNT(b.id) AS n FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id) AS s
---
(5, 10)

> CREATE TABLE shop (id integer PRIMARY KEY REFERENCES author (id), town text, data json)
---
ok

> INSERT INTO shop (id, town, data) VALUES (1, 'a', '{"b": 1, "a": "2"}'), (2, 'b', '{"a":"2","b":1}'), (3, 'a', NULL)
---
3 rows

[plan]> SELECT s.id, a.name, s.data ->> 'a' AS a, COUNT(b.id), MAX(b.rating) FROM shop s JOIN author a ON a.id = s.id LEFT JOIN book b ON b.author_id = a.id GROUP BY s.id, a.id, a.name, s.data ORDER BY COUNT(b.id) DESC, s.id
---
Project: grouped.id, grouped.name, json_extract_path_text(grouped.data, 'a') as a, grouped.count, grouped.max
  Sort: grouped.count desc, grouped.id
    Project: s.id, a.id as id_2, a.name, s.data, coalesce(grouped branch 1.count, 0) as count, grouped branch 1.max
      HashJoin: left on a.id = grouped branch 1.key 0
        NestedLoop: inner
          Scan: shop s
          KeyLookup: author a (a.id = s.id)
        Aggregate: count(b.id), max(b.rating) by b.author_id
          Scan: book b
(1, 'Austen', '2', 2, 4.3)
(2, 'Borges', '2', 2, 4.8)
(3, 'Calvino', None, 1, None)

[plan]> SELECT s.data ->> 'a' AS a, COUNT(s.id) FROM shop s GROUP BY s.town, s.data ORDER BY s.town, s.data ->> 'a'
---
Project: json_extract_path_text(grouped.data, 'a') as a, grouped.count
  Sort: grouped.town, json_extract_path_text(grouped.data, 'a')
    Aggregate: count(s.id) by s.town, json_canonical(s.data)
      Scan: shop s
(None, 1)
('2', 1)
('2', 1)

[plan]> SELECT s.data ->> 'a' AS a, COUNT(*) FROM shop s GROUP BY s.id, s.data ORDER BY s.id
---
Project: json_extract_path_text(grouped.data, 'a') as a, grouped.count
  Sort: grouped.id
    Aggregate: count(*) by s.id, s.data
      Scan: shop s
('2', 1)
('2', 1)
(None, 1)

[differs: sqlite3 3.40 has no ORDER BY in aggregates]> SELECT s.id, STRING_AGG(b.title, ', ' ORDER BY b.year * s.id) FROM shop s JOIN author a ON a.id = s.id LEFT JOIN book b ON b.author_id = a.id GROUP BY s.id ORDER BY s.id
---
(1, 'Emma, Persuasion')
(2, 'Ficciones, El Aleph')
(3, 'Le citta invisibili')

[plan]> SELECT a.id, RANDOM() < -1e30, COUNT(b.id), COUNT(p.id) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.author_id = a.id GROUP BY a.id, RANDOM() < -1e30 ORDER BY a.id
---
Project: grouped.id, grouped.?column?, grouped.count, grouped.count_2 as count
  Sort: grouped.id
    Aggregate: count(b.id), count(p.id) by a.id, random() < -1e+30
      NestedLoop: left
        NestedLoop: left
          Scan: author a
          IndexLookup: book b using book_author_id (b.author_id = a.id)
        IndexLookup: prize p using prize_author_id (p.author_id = a.id)
(1, False, 6, 6)
(2, False, 2, 2)
(3, False, 1, 1)
(4, False, 1, 0)
(5, False, 0, 0)

[plan]> SELECT a.id, COUNT(b.id), COUNT(p.id) FROM author a LEFT JOIN book b ON b.author_id = a.id LEFT JOIN prize p ON p.name = a.country GROUP BY a.id HAVING COUNT(b.id) > 90 ORDER BY a.id LIMIT 10
---
Project: grouped.id, grouped.count, grouped.count_2 as count
  Limit: 10
    Filter: grouped.count > 90
      Project: a.id, coalesce(grouped branch 1.count, 0) * greatest(coalesce(grouped branch 2.rows, 0), 1) as count, coalesce(grouped branch 2.count_2, 0) * greatest(coalesce(grouped branch 1.rows, 0), 1) as count_2
        HashJoin: left on a.country = grouped branch 2.key 0
          HashJoin: left on a.id = grouped branch 1.key 0
            Scan: author a
            Aggregate: count(*), count(b.id) by b.author_id
              Scan: book b
          Aggregate: count(*), count(p.id) by p.name
            Scan: prize p
no rows

[plan]> SELECT s.id, COUNT(b.id) FROM shop s JOIN author a ON a.id = s.id LEFT JOIN book b ON b.author_id = a.id WHERE s.id = 2 GROUP BY s.id
---
Project: grouped.id, grouped.count
  Project: s.id, coalesce(grouped branch 1.count, 0) as count
    NestedLoop: left
      NestedLoop: inner
        KeyLookup: shop s (s.id = 2)
        KeyLookup: author a (a.id = s.id)
      Aggregate: count(b.id)
        IndexLookup: book b using book_author_id (b.author_id = a.id)
(2, 2)

[plan]> SELECT s.id, COUNT(b.id) FROM shop s JOIN author a ON a.id = s.id LEFT JOIN book b ON b.author_id = a.id WHERE a.id IN (1, 3) GROUP BY s.id ORDER BY s.id
---
Project: grouped.id, grouped.count
  Sort: grouped.id
    Project: s.id, coalesce(grouped branch 1.count, 0) as count
      NestedLoop: left
        NestedLoop: inner
          KeyIn: author a (a.id in (1, 3))
          KeyLookup: shop s (s.id = a.id)
        Aggregate: count(b.id)
          IndexLookup: book b using book_author_id (b.author_id = a.id)
(1, 2)
(3, 1)
