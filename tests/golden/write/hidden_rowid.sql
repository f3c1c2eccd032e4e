# UPDATE and DELETE of a table whose key is no integer, so that its rows have a hidden identifier.

> CREATE TABLE code (code text PRIMARY KEY, number integer, note text)
---
ok

> INSERT INTO code (code, number, note) VALUES ('a', 1, 'x'), ('b', 2, NULL), ('c', NULL, ' y '), ('d', 4, 'x')
---
4 rows

[code]> UPDATE code SET note = %s, number = number + 1 WHERE number > %s {"z", 1}
---
 1 # EXPLAIN (FORMAT PYTHON) UPDATE code SET note = %s, number = number + 1 WHERE number > %s
 2 def update(code_table, params):
 3     p0 = params[0]
 4     p1 = to_integer(params[1])
 5     # Scan: code
 6     # Filter: code.number > p1
 7     # Update: code set note = p0, number = cast(code.number + 1 as integer)
 8     changes = (
 9         (code_rowid, to_code_number(None if code[NUMBER] is None else code[NUMBER] + 1))
10         for code_rowid, code in code_table.items(columns=(1,), sieve=within(1, p1, None, True, False))
11         if code[NUMBER] is not None and code[NUMBER] > p1
12     )
13     return None, code_table.update_all(changes, (1, 2), lambda: (to_code_note(p0),)), None
2 rows

> UPDATE code SET note = TRIM(note) WHERE code = NULL
---
0 rows

> UPDATE code SET note = TRIM(note), code = code || '1' WHERE note LIKE ' %' RETURNING code, note
---
('c1', 'y')

> UPDATE code SET number = (SELECT COUNT(*) FROM code c WHERE c.code < code.code) WHERE note = 'z'
---
2 rows

> SELECT code, number, note FROM code ORDER BY code
---
('a', 1, 'x')
('b', 1, 'z')
('c1', None, 'y')
('d', 3, 'z')

> DELETE FROM code WHERE code = NULL
---
0 rows

> DELETE FROM code WHERE number > 2 OR note = 'x' RETURNING code, note
---
('a', 'x')
('d', 'z')

> SELECT code, number, note FROM code ORDER BY code
---
('b', 1, 'z')
('c1', None, 'y')

> CREATE TABLE word (name text)
---
ok

> INSERT INTO word (name) VALUES ('a'), (NULL), ('b')
---
3 rows

> UPDATE word SET name = name || '1'
---
3 rows

> UPDATE word SET name = name WHERE name IS NOT NULL
---
2 rows

> UPDATE word SET name = %s WHERE name IS NULL RETURNING name {None}
---
(None,)

> UPDATE word SET name = %s WHERE name = 'none' RETURNING name {"x"}
---
no rows

> SELECT name FROM word ORDER BY name
---
(None,)
('a1',)
('b1',)
