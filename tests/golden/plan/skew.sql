# Keys of which one holds most rows: NULL is not what a value may equal, and IS NULL finds what there is of it.
use: numbers

> CREATE TABLE node (id integer PRIMARY KEY, parent_id integer, rank integer NOT NULL, name text NOT NULL)
---
ok

> CREATE INDEX node_parent ON node (parent_id)
---
ok

> CREATE INDEX node_rank ON node (rank DESC)
---
ok

> INSERT INTO node (id, parent_id, rank, name) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 2000) SELECT i, CASE WHEN i % 100 = 0 THEN i / 100 END, i % 500, 'node ' || i FROM s
---
2000 rows

[plan]> SELECT name FROM node WHERE parent_id = %s {7}
---
Project: node.name
  IndexLookup: node using node_parent (node.parent_id = p0), or a Scan if many
('node 700',)

[plan]> SELECT COUNT(*) FROM node WHERE parent_id IS NULL AND name LIKE %s {'%99'}
---
Project: grouped.count
  Aggregate: count(*)
    Filter: (node.parent_id is null) and (node.name like p0)
      Scan: node
(20,)

[plan]> SELECT name FROM node WHERE rank = %s ORDER BY id {7}
---
Project: node.name
  IndexLookup: node using node_rank (node.rank = p0)
('node 7',)
('node 507',)
('node 1007',)
('node 1507',)

[plan]> SELECT a.name FROM node a WHERE a.id > 1998 OR EXISTS (SELECT 1 FROM node b WHERE b.parent_id = a.id AND b.rank >= a.rank AND b.id < 400)
---
Project: a.name
  Filter: (a.id > 1998) or exists (subquery)
      exists subquery 1: Project: true as found
        Filter: (b.rank >= a.rank) and (b.id < 400)
          IndexLookup: node b using node_parent (b.parent_id = a.id)
    Scan: node a
('node 1',)
('node 2',)
('node 3',)
('node 1999',)
('node 2000',)

[plan]> SELECT a.name FROM node a WHERE a.parent_id IN (SELECT b.id FROM node b WHERE b.rank = %s) ORDER BY a.id {3}
---
Project: a.name
  Sort: a.id
    NestedLoop: inner
      Project: b.id as key 0
        IndexLookup: node b using node_rank (b.rank = p0)
      IndexLookup: node a using node_parent (a.parent_id = b keys.key 0)
('node 300',)

> CREATE TABLE leaf (id integer PRIMARY KEY REFERENCES node (id), size integer NOT NULL)
---
ok

> INSERT INTO leaf (id, size) SELECT id, id % 7 FROM node
---
2000 rows

[plan]> SELECT n.name, l.size FROM leaf l JOIN node n ON n.id = l.id WHERE n.parent_id IS NULL AND n.name LIKE '%99' ORDER BY n.rank DESC, n.id LIMIT 20
---
Project: n.name, l.size
  Limit: 20
    NestedLoop: inner
      Filter: (n.parent_id is null) and (n.name like '%99')
        IndexRange: node n using node_rank
      KeyLookup: leaf l (l.id = n.id)
('node 499', 2)
('node 999', 5)
('node 1499', 1)
('node 1999', 4)
('node 399', 0)
('node 899', 3)
('node 1399', 6)
('node 1899', 2)
('node 299', 5)
('node 799', 1)
('node 1299', 4)
('node 1799', 0)
('node 199', 3)
('node 699', 6)
('node 1199', 2)
('node 1699', 5)
('node 99', 1)
('node 599', 4)
('node 1099', 0)
('node 1599', 3)

[plan]> SELECT COUNT(*) FROM leaf l JOIN node n ON n.id = l.id WHERE n.parent_id IS NULL AND n.name <> 'x'
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: inner on l.id = n.id
      Scan: leaf l
      Filter: (n.parent_id is null) and (n.name <> 'x')
        Scan: node n
(1980,)

[plan]> SELECT COUNT(*) FROM leaf l JOIN node n ON n.id = l.id WHERE n.parent_id IS NOT NULL AND l.size > n.rank
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner on l.size > n.rank
      Filter: n.parent_id is not null
        Scan: node n
      KeyLookup: leaf l (l.id = n.id)
(4,)

> CREATE TABLE sent (id integer PRIMARY KEY, who integer NOT NULL)
---
ok

> CREATE TABLE got (id integer PRIMARY KEY, who integer NOT NULL)
---
ok

> CREATE INDEX sent_who ON sent (who)
---
ok

> CREATE INDEX got_who ON got (who)
---
ok

> INSERT INTO sent (id, who) SELECT id, CASE WHEN id % 2 = 0 THEN 1 ELSE id END FROM node
---
2000 rows

> INSERT INTO got (id, who) SELECT id, CASE WHEN id % 3 = 0 THEN 1 ELSE id END FROM node
---
2000 rows

> CREATE TABLE link (id integer PRIMARY KEY, sent_id integer NOT NULL, got_id integer NOT NULL)
---
ok

> CREATE INDEX link_sent ON link (sent_id)
---
ok

> INSERT INTO link (id, sent_id, got_id) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 12000) SELECT i, 1 + i * 3 % 2000, 1 + i * 7 % 2000 FROM s
---
12000 rows

[plan]> SELECT COUNT(*) FROM sent s JOIN link l ON l.sent_id = s.id JOIN got g ON g.id = l.got_id WHERE s.who = g.who AND s.id BETWEEN 100 AND 160
---
Project: grouped.count
  Aggregate: count(*)
    NestedLoop: inner on s.who = g.who
      NestedLoop: inner
        KeyRange: sent s (s.id >= 100 and s.id <= 160)
        IndexLookup: link l using link_sent (l.sent_id = s.id)
      KeyLookup: got g (g.id = l.got_id)
(60,)
