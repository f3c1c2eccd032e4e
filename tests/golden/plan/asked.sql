# A subquery over several tables is asked for each row where few rows are wanted; should they be many, keys are made.
use: numbers

> CREATE TABLE item (id integer PRIMARY KEY, name text NOT NULL, kind integer, parent_id integer)
---
ok

> CREATE TABLE label (id integer PRIMARY KEY, name text NOT NULL UNIQUE)
---
ok

> CREATE TABLE item_label (id integer PRIMARY KEY, item_id integer NOT NULL, label_id integer NOT NULL, kind integer)
---
ok

> CREATE INDEX item_kind ON item (kind)
---
ok

> CREATE INDEX item_label_item ON item_label (item_id)
---
ok

> CREATE INDEX item_label_label ON item_label (label_id)
---
ok

> INSERT INTO item (id, name, kind, parent_id) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 12000) SELECT i, 'item ' || i, NULLIF(i % 50, 7), CASE WHEN i % 3 > 0 THEN i / 3 + 1 END FROM s
---
12000 rows

> INSERT INTO label (id, name) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 12) SELECT i, 'label ' || i FROM s
---
12 rows

> INSERT INTO item_label (id, item_id, label_id, kind) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 36000) SELECT i, i * 7 % 12000 + 1, CASE WHEN i > 35990 THEN 12 ELSE i % 11 + 1 END, NULLIF(i % 3, 2) FROM s
---
36000 rows

[plan,code]> SELECT i.id FROM item i WHERE EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.id AND l.name = %s) ORDER BY i.id DESC LIMIT 3 {'label 4'}
---
Project: i.id
  Limit: 3
    HashJoin: semi on i.id = j.item_id
      KeyRange: item i (all), backwards
      NestedLoop: inner
        IndexLookup: label l using label_name_key (l.name = p0)
        IndexLookup: item_label j using item_label_label (j.label_id = l.id)
 1 # EXPLAIN (FORMAT PYTHON) SELECT i.id FROM item i WHERE EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.id AND l.name = %s) ORDER BY i.id DESC LIMIT 3
 2 def select(item, label, item_label, params):
 3     p0 = to_text(params[0])
 4     label_name_key = label.index('label_name_key')
 5     item_label_label = item_label.index('item_label_label')
 6     passing = partial(find_i, (item_label, label, item), params)
 7     j_by_item_id = set()
 8     # IndexLookup: label l using label_name_key (l.name = p0)
 9     rowids = label_name_key.lookup(p0)
10     l = None if not rowids else label.get(rowids[0])
11     if l is not None:
12         # NestedLoop: inner
13         # IndexLookup: item_label j using item_label_label (j.label_id = l.id)
14         for j in item_label.fetch(item_label_label.lookup(l[ID]), columns=(1,)):
15             j_by_item_id.add(j[ITEM_ID])
16     # KeyRange: item i (all), backwards
17     # HashJoin: semi on i.id = j.item_id
18     rows = (
19         i
20         for i in item.sought_by_key(passing, reverse=True, columns=(0,), wanted=3)
21         if i[ID] in j_by_item_id
22     )
23     # Limit: 3
24     # Project: i.id
25     return [(i[ID],) for i in islice(rows, 3)]
(12000,)
(11995,)
(11993,)

> SELECT i.id FROM item i WHERE EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.id AND l.name = %s) ORDER BY i.id DESC LIMIT 3 {'label 12'}
---
(11994,)
(11987,)
(11980,)

> SELECT i.id FROM item i WHERE EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.id AND l.name = %s) ORDER BY i.id DESC LIMIT 3 {'none'}
---
no rows

[plan]> SELECT i.id FROM item i WHERE NOT EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.id AND l.name < %s) ORDER BY i.id LIMIT 3 {'label 2'}
---
Project: i.id
  Limit: 3
    Filter: not exists (subquery, or i.id in (subquery) if many)
        exists subquery 1: NestedLoop: inner on l.name < p0
          IndexLookup: item_label j using item_label_item (j.item_id = i.id)
          KeyLookup: label l (l.id = j.label_id)
        in subquery 2: Project: j.item_id as key 0
          NestedLoop: inner
            IndexRange: label l using label_name_key (l.name < p0)
            IndexLookup: item_label j using item_label_label (j.label_id = l.id)
      KeyRange: item i (all)
(2,)
(4,)
(5,)

> SELECT i.id FROM item i WHERE NOT EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.id AND l.name < %s) ORDER BY i.id LIMIT 3 {'label 9'}
---
no rows

[plan]> SELECT COUNT(*) FROM item i WHERE i.id = %s AND NOT EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.id AND l.name LIKE 'label%%') {77}
---
Project: grouped.count
  Aggregate: count(*)
    HashJoin: anti on i.id = j.item_id
      KeyLookup: item i (i.id = p0)
      NestedLoop: inner
        Filter: l.name like 'label%'
          IndexRange: label l using label_name_key (l.name >= 'label' and l.name < 'labem'), or a Scan if many
        IndexLookup: item_label j using item_label_label (j.label_id = l.id)
(0,)

[plan]> SELECT i.id FROM item i WHERE i.kind = %s AND EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.parent_id AND j.kind = i.kind AND l.name <> %s) ORDER BY i.id {1, 'label 3'}
---
Project: i.id
  Filter: exists (subquery, or (i.parent_id, i.kind) in (subquery) if many)
      exists subquery 1: NestedLoop: inner on l.name <> p1
        Filter: j.kind = i.kind
          IndexLookup: item_label j using item_label_item (j.item_id = i.parent_id)
        KeyLookup: label l (l.id = j.label_id)
      in subquery 2: Project: j.item_id as key 0, j.kind as key 1
        HashJoin: inner on j.label_id = l.id
          Filter: j.kind is not null
            Scan: item_label j
          Filter: l.name <> p1
            Scan: label l
    IndexLookup: item i using item_kind (i.kind = p0)
(301,)
(401,)
(751,)
(851,)
(1201,)
(1301,)
(1651,)
(1751,)
(2101,)
(2201,)
(2551,)
(2651,)
(3001,)
(3101,)
(3451,)
(3551,)
(3901,)
(4001,)
(4351,)
(4451,)
(4801,)
(4901,)
(5251,)
(5351,)
(5701,)
(5801,)
(6151,)
(6251,)
(6601,)
(6701,)
(7051,)
(7151,)
(7501,)
(7601,)
(7951,)
(8051,)
(8401,)
(8501,)
(8851,)
(8951,)
(9301,)
(9401,)
(9751,)
(9851,)
(10201,)
(10301,)
(10651,)
(10751,)
(11101,)
(11201,)
(11551,)
(11651,)

> SELECT i.id FROM item i WHERE NOT EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = i.parent_id AND j.kind = i.kind AND l.name <> %s) ORDER BY i.id LIMIT 5 OFFSET 1500 {'label 3'}
---
(1514,)
(1515,)
(1516,)
(1517,)
(1518,)

[plan]> SELECT i.id, p.name FROM item i JOIN item p ON p.id = i.parent_id WHERE p.kind IN (3, 4) AND EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = p.id AND l.name = %s) ORDER BY i.id LIMIT 4 {'label 5'}
---
Project: i.id, p.name
  Limit: 4
    HashJoin: semi on p.id = j.item_id
      NestedLoop: inner on p.kind in (3, 4)
        Scan: item i
        KeyLookup: item p (p.id = i.parent_id)
      NestedLoop: inner
        IndexLookup: label l using label_name_key (l.name = p0)
        IndexLookup: item_label j using item_label_label (j.label_id = l.id)
(157, 'item 53')
(158, 'item 53')
(307, 'item 103')
(308, 'item 103')

> SELECT i.id FROM item i WHERE i.id IN (SELECT j.item_id FROM item_label j JOIN label l ON l.id = j.label_id WHERE l.name = %s) AND i.id NOT IN (SELECT j.item_id FROM item_label j JOIN label l ON l.id = j.label_id WHERE l.name = %s) ORDER BY i.id LIMIT 4 {'label 5', 'label 6'}
---
(12,)
(24,)
(29,)
(41,)

> SELECT i.kind, COUNT(*) FROM item i LEFT JOIN item p ON p.id = i.parent_id WHERE i.kind < 4 AND NOT EXISTS (SELECT 1 FROM item_label j JOIN label l ON l.id = j.label_id WHERE j.item_id = p.id AND l.name = %s) GROUP BY i.kind ORDER BY i.kind {'label 5'}
---
(0, 196)
(1, 196)
(2, 196)
(3, 197)

[plan]> SELECT i.id FROM item i WHERE i.id = %s AND (i.kind = %s OR EXISTS (SELECT 1 FROM item_label j WHERE j.item_id = i.id)) {77, 5}
---
Project: i.id
  Filter: (i.kind = p1) or exists (subquery)
      exists subquery 1: Project: true as found
        IndexLookup: item_label j using item_label_item (j.item_id = i.id)
    KeyLookup: item i (i.id = p0)
(77,)

[plan]> SELECT i.id FROM item i WHERE i.kind = %s OR EXISTS (SELECT 1 FROM item_label j WHERE j.item_id = i.id AND j.kind = 1) ORDER BY i.id LIMIT 3 {5}
---
Project: i.id
  Limit: 3
    Filter: (i.kind = p0) or exists (subquery, or i.id in (subquery) if many)
        exists subquery 1: Project: true as found
          Filter: j.kind = 1
            IndexLookup: item_label j using item_label_item (j.item_id = i.id)
        in subquery 2: Project: j.item_id as key 0
          Filter: j.kind = 1
            Scan: item_label j
      KeyRange: item i (all)
(2,)
(5,)
(8,)

> SELECT i.id FROM item i WHERE i.kind = %s OR EXISTS (SELECT 1 FROM item_label j WHERE j.item_id = i.id AND j.label_id = 12) ORDER BY i.id DESC LIMIT 5 {50}
---
(11994,)
(11987,)
(11980,)
(11973,)
(11966,)

[plan]> SELECT i.id, p.name FROM item i LEFT JOIN item p ON p.id = i.parent_id WHERE NOT EXISTS (SELECT 1 FROM item_label j WHERE j.item_id = i.id AND j.kind = 1) ORDER BY i.id DESC LIMIT 3
---
Project: i.id, p.name
  Limit: 3
    NestedLoop: left
      NestedLoop: anti on j.kind = 1
        KeyRange: item i (all), backwards
        IndexLookup: item_label j using item_label_item (j.item_id = i.id)
      KeyLookup: item p (p.id = i.parent_id)
(12000, None)
(11998, 'item 4000')
(11997, None)

[plan]> SELECT i.id, p.name FROM item i JOIN item p ON p.id = i.parent_id WHERE EXISTS (SELECT 1 FROM item_label j WHERE j.item_id = i.id AND j.label_id = 12) ORDER BY i.id
---
Project: i.id, p.name
  Sort: i.id
    NestedLoop: inner
      NestedLoop: inner
        Distinct
          Project: j.item_id as key 0
            IndexLookup: item_label j using item_label_label (j.label_id = 12), or a Scan if many
        KeyLookup: item i (i.id = j keys.key 0)
      KeyLookup: item p (p.id = i.parent_id)
(1, 'item 1')
(11938, 'item 3980')
(11945, 'item 3982')
(11959, 'item 3987')
(11966, 'item 3989')
(11980, 'item 3994')
(11987, 'item 3996')
