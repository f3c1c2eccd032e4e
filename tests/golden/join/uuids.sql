# Joins by UUIDs, which compare in Python, are made by their numbers; NULL is none.
use: library

> CREATE TABLE owner (id uuid PRIMARY KEY, name text NOT NULL)
---
ok

> CREATE TABLE pet (id integer PRIMARY KEY, owner_id uuid, name text NOT NULL)
---
ok

> INSERT INTO owner VALUES (%s, 'Ann'), (%s, 'Bea'), (%s, 'Cid') {UUID(int=1), UUID(int=2), UUID(int=3)}
---
3 rows

> INSERT INTO pet VALUES (1, %s, 'Rex'), (2, %s, 'Tom'), (3, NULL, 'Stray'), (4, %s, 'Lost') {UUID(int=1), UUID(int=1), UUID(int=9)}
---
4 rows

[plan,code]> SELECT p.name, q.name FROM pet p JOIN pet q ON p.owner_id = q.owner_id ORDER BY p.id, q.id
---
Project: p.name, q.name
  Sort: p.id, q.id
    HashJoin: inner on p.owner_id = q.owner_id
      Scan: pet p
      Scan: pet q
 1 # EXPLAIN (FORMAT PYTHON) SELECT p.name, q.name FROM pet p JOIN pet q ON p.owner_id = q.owner_id ORDER BY p.id, q.id
 2 def select(pet, params):
 3     q_by_owner_id = defaultdict(list)
 4     # Scan: pet q
 5     for q in pet.rows():
 6         q_owner_id = q[1]
 7         if q_owner_id is not None:
 8             q_by_owner_id[q_owner_id.int].append(q)
 9     # Scan: pet p
10     # HashJoin: inner on p.owner_id = q.owner_id
11     found = [
12         (p[ID], q[ID], p[NAME], q[NAME])
13         for p in pet.rows()
14         for q in q_by_owner_id.get(None if p[OWNER_ID] is None else p[OWNER_ID].int, ())
15     ]
16     # Sort: p.id, q.id
17     found.sort(key=itemgetter(1))
18     found.sort(key=itemgetter(0))
19     # Project: p.name, q.name
20     return [(p_name, q_name) for _, _, p_name, q_name in found]
('Rex', 'Rex')
('Rex', 'Tom')
('Tom', 'Rex')
('Tom', 'Tom')
('Lost', 'Lost')

[code]> SELECT o.name, p.name FROM owner o FULL JOIN pet p ON p.owner_id = o.id ORDER BY p.id, o.name
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT o.name, p.name FROM owner o FULL JOIN pet p ON p.owner_id = o.id ORDER BY p.id, o.name
 2 def select(owner, pet, params):
 3     # Scan: pet p
 4     p_rows = list(pet.rows())
 5     by_key = defaultdict(list)
 6     for at, p in enumerate(p_rows):
 7         p_owner_id = p[1]
 8         if p_owner_id is not None:
 9             by_key[p_owner_id.int].append((at, p))
10     joined, matched = [], set()
11     # Scan: owner o
12     for o in owner.rows():
13         # HashJoin: full on o.id = p.owner_id
14         matches = list(by_key.get(o[ID].int, ()))
15         matched.update(at for at, _ in matches)
16         joined += [(o, p) for at, p in matches] or [(o, NO_P)]
17     joined += [(NO_O, p) for at, p in enumerate(p_rows) if at not in matched]
18     found = [
19         (LEAST if p[ID] is None else p[ID], LEAST if o[O_NAME] is None else o[O_NAME], o[O_NAME], p[NAME])
20         for o, p in joined
21     ]
22     # Sort: p.id, o.name
23     found.sort(key=itemgetter(1))
24     found.sort(key=itemgetter(0))
25     # Project: o.name, p.name
26     return [(o_name, p_name) for _, _, o_name, p_name in found]
('Bea', None)
('Cid', None)
('Ann', 'Rex')
('Ann', 'Tom')
(None, 'Stray')
(None, 'Lost')

[plan]> SELECT p.name FROM pet p WHERE NOT EXISTS (SELECT 1 FROM pet q WHERE q.owner_id = p.owner_id AND q.id <> p.id) ORDER BY p.id
---
Project: p.name
  HashJoin: anti on p.owner_id = q.owner_id and q.id <> p.id
    Scan: pet p
    Scan: pet q
('Stray',)
('Lost',)

> SELECT p.name FROM pet p LEFT JOIN pet q ON COALESCE(p.owner_id, %s) = q.owner_id AND p.name = q.name WHERE q.id IS NULL ORDER BY p.id {UUID(int=9)}
---
('Stray',)

> SELECT p.name FROM pet p WHERE p.owner_id IN (SELECT q.owner_id FROM pet q WHERE q.id > 1) OR p.id = 3 ORDER BY p.id
---
('Rex',)
('Tom',)
('Stray',)
('Lost',)
