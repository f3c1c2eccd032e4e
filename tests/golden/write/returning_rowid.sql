# RETURNING tells the hidden identifier of a row as SELECT does.

> CREATE TABLE page (name text PRIMARY KEY, size integer)
---
ok

> INSERT INTO page (name, size) VALUES ('a', 1) RETURNING rowid
---
(1,)

> INSERT INTO page (name, size) VALUES ('b', 2), ('c', 3) RETURNING name, rowid
---
('b', 2)
('c', 3)

[code]> INSERT INTO page (name, size) SELECT name || 'x', size + 3 FROM page RETURNING rowid, name, size
---
 1 # EXPLAIN (FORMAT PYTHON) INSERT INTO page (name, size) SELECT name || 'x', size + 3 FROM page RETURNING rowid, name, size
 2 def insert(page_table, params):
 3     # Scan: page page_2
 4     # Project: page_2.name || 'x' as ?column?, page_2.size + 3 as ?column?_2
 5     # Project: source.?column? as name, source.?column?_2 as size
 6     rows = [
 7         (page_2[NAME] + 'x', None if page_2[SIZE] is None else page_2[SIZE] + 3)
 8         for page_2 in page_table.rows()
 9     ]
10     # Insert: page (name, size)
11     proposed = [(given[0], to_page_size(given[1])) for given in rows]
12     inserted = [
13         (page_rowid, page_table.insert(given_2, page_rowid))
14         for given_2 in proposed
15         for page_rowid in [page_table.new_rowid()]
16     ]
17     returned = [(page_rowid, *page) for page_rowid, page in inserted]
18     return returned, len(inserted), None
(4, 'ax', 4)
(5, 'bx', 5)
(6, 'cx', 6)

> INSERT INTO page (name, size) VALUES ('b', 5), ('g', 6) ON CONFLICT DO NOTHING RETURNING rowid, name
---
(7, 'g')

[code]> INSERT INTO page (name, size) VALUES ('a', 8), ('h', 9) ON CONFLICT (name) DO UPDATE SET size = 100 * page.rowid + excluded.size WHERE page.rowid > 0 RETURNING rowid, name, size
---
 1 # EXPLAIN (FORMAT PYTHON) INSERT INTO page (name, size) VALUES ('a', 8), ('h', 9) ON CONFLICT (name) DO UPDATE SET size = 100 * page.rowid + excluded.size WHERE page.rowid > 0 RETURNING rowid, name, size
 2 def insert(page_table, params):
 3     returned = []
 4     count, last = 0, None
 5     # Insert: page (name, size) on conflict (name) do update set size = cast((100 * page.rowid) + excluded.size as integer) where page.rowid > 0
 6     for given in (('a', 8), ('h', 9)):
 7         proposed = (given[0], given[1])
 8         clashes = page_table.conflicts(proposed, 'page_pkey')
 9         page_rowid = clashes[0] if clashes else page_table.new_rowid()
10         if clashes:
11             existing = page_table.get(clashes[0])
12             page = None
13             if page_rowid > 0:
14                 proposed_size = proposed[1]
15                 new_size = to_page_size(None if proposed_size is None else 100 * page_rowid + proposed_size)
16                 page = page_table.update(clashes[0], existing, existing[:1] + (new_size,))
17         else:
18             page = page_table.insert_unless(proposed, 'page_pkey', 'update', page_rowid)
19         if page is not None:
20             count += 1
21             returned.append((page_rowid, *page))
22     return returned, count, last
(1, 'a', 108)
(8, 'h', 9)

> INSERT INTO page (name, size) VALUES ('a', 8) ON CONFLICT (name) DO UPDATE SET size = 0 WHERE page.rowid > 1 RETURNING rowid
---
no rows

[differs: sqlite3 has drawn an identifier for a row that does not come to be]> INSERT INTO page (name, size) VALUES ('a', 8) ON CONFLICT (name) DO UPDATE SET size = excluded.rowid
---
ProgrammingError: column "excluded.rowid" does not exist: "excluded.rowid" at 1:87

[code]> UPDATE page SET name = name || rowid, size = %s WHERE size < 3 RETURNING rowid, name {7}
---
 1 # EXPLAIN (FORMAT PYTHON) UPDATE page SET name = name || rowid, size = %s WHERE size < 3 RETURNING rowid, name
 2 def update(page_table, params):
 3     p0 = params[0]
 4     # Scan: page
 5     # Filter: page.size < 3
 6     found = [
 7         (page_rowid, page)
 8         for page_rowid, page in page_table.items(sieve=within(1, None, 3, False, True))
 9         if page[SIZE] is not None and page[SIZE] < 3
10     ]
11     rowids = [each[0] for each in found]
12     olds = [each[1] for each in found]
13     if not rowids:
14         return [], 0, None
15     new_size = to_page_size(p0)
16     # Update: page set name = page.name || cast(page.rowid as text), size = p0
17     changed = [(to_page_name(name + to_text(rowid)), new_size) for rowid, (name, size) in zip(rowids, olds)]
18     returned = [
19         (rowid_2, page[NAME])
20         for page, rowid_2 in zip(page_table.update_many(rowids, olds, changed, {0, 1}), rowids)
21     ]
22     return returned, len(rowids), None
(2, 'b2')

[code]> UPDATE page SET size = b.size + page.rowid FROM page b WHERE page.name = b.name || 'x' RETURNING page.rowid, page.size, (SELECT COUNT(*) FROM page p WHERE p.rowid < page.rowid)
---
 1 # EXPLAIN (FORMAT PYTHON) UPDATE page SET size = b.size + page.rowid FROM page b WHERE page.name = b.name || 'x' RETURNING page.rowid, page.size, (SELECT COUNT(*) FROM page p WHERE p.rowid < page.rowid)
 2 def update(page_table, params):
 3     page_pkey = page_table.index('page_pkey')
 4     def scalar(page, rowid):
 5         # KeyRange: page p (p.rowid < page.rowid)
 6         count = sum(map(len, pieces(page_table.rows(None, rowid - 1, columns=()))))
 7         # Aggregate: count(*)
 8         # Project: grouped.count
 9         return count
10     found = {}
11     # Scan: page b
12     for b in page_table.rows():
13         # NestedLoop: inner
14         # IndexLookup: page using page_pkey (page.name = b.name || 'x')
15         rowids = page_pkey.lookup(b[NAME] + 'x')
16         page = None if not rowids else page_table.get(rowids[0])
17         page_rowid = None if not rowids else rowids[0]
18         if page is not None:
19             # Update: page set size = cast(b.size + page.rowid as integer)
20             b_size = b[1]
21             new_size = to_page_size(None if b_size is None else b_size + page_rowid)
22             found.setdefault(page_rowid, (page, page[:1] + (new_size,)))
23     rowids_2 = list(found)
24     olds = [each[0] for each in found.values()]
25     changed = [each[1] for each in found.values()]
26     returned = [
27         (rowid, page[SIZE], scalar(page, rowid))
28         for page, rowid in zip(page_table.update_many(rowids_2, olds, changed, {1}), rowids_2)
29     ]
30     return returned, len(rowids_2), None
(4, 112, 3)
(6, 9, 5)

[code]> DELETE FROM page WHERE size > 6 RETURNING name, rowid
---
 1 # EXPLAIN (FORMAT PYTHON) DELETE FROM page WHERE size > 6 RETURNING name, rowid
 2 def delete(page_table, params):
 3     # Scan: page
 4     # Filter: page.size > 6
 5     # Delete: page
 6     found = [
 7         (page_rowid, page)
 8         for page_rowid, page in page_table.items(sieve=within(1, 6, None, True, False))
 9         if page[SIZE] is not None and page[SIZE] > 6
10     ]
11     rowids = [each[0] for each in found]
12     olds = [each[1] for each in found]
13     gone = page_table.delete_many(rowids)
14     returned = [(page[NAME], rowid) for rowid, page in zip(rowids, olds) if rowid not in gone]
15     return returned, len(rowids) - len(gone), None
('a', 1)
('b2', 2)
('ax', 4)
('cx', 6)
('h', 8)

> UPDATE page SET size = size WHERE rowid = %s RETURNING rowid, name, %s {3, 8}
---
(3, 'c', 8)

> SELECT rowid, name, size FROM page ORDER BY rowid
---
(3, 'c', 3)
(5, 'bx', 5)
(7, 'g', 6)
