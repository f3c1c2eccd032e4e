# Keys and positions: -> gives documents, ->> texts; a path that leads nowhere is NULL, JSON null is a value.
use: documents

[differs: sqlite3 prints documents without spaces]> SELECT id, data -> 'a', data ->> 'a' FROM doc WHERE data -> 'a' IS NOT NULL ORDER BY id
---
(5, '"b"', 'b')
(6, '"b"', 'b')
(13, '{"b": {"c": [10, 20, 30]}}', '{"b": {"c": [10, 20, 30]}}')

[plan,differs: sqlite3 prints documents without spaces]> SELECT id, data -> 'a' -> 'b' -> 'c' ->> 1, data -> 'a' -> 'b' FROM doc WHERE data -> 'a' -> 'b' IS NOT NULL
---
Project: doc.id, json_extract_path_text(doc.data, 'a', 'b', 'c', '1') as json_extract_scalar, json_extract_path(doc.data, 'a', 'b') as json_extract
  Filter: json_extract_path(doc.data, 'a', 'b') is not null
    Scan: doc
(13, '20', '{"c": [10, 20, 30]}')

[differs: sqlite3 knows no #>]> SELECT data #> '{a,b,c,0}', data #>> ARRAY['a', 'b', 'c', '2'], data #> '{}' = data FROM doc WHERE id = 13
---
('10', '30', True)

[differs: sqlite3 takes a negative position for a key]> SELECT data -> 0, data -> -1, data -> 1 ->> 'x', data -> 1 -> 1, data -> 7 FROM doc WHERE id = 9
---
('1', '{"k": 3}', None, '"x"', None)

> SELECT id, data -> 'j', data ->> 'j', (data -> 'j') IS NULL FROM doc WHERE id IN (7, 8) ORDER BY id
---
(7, 'null', None, False)
(8, None, None, True)

[differs: sqlite3 takes a key that begins with $ for a path, and "1" for a position]> SELECT data ->> '1', data ->> '', data ->> 'dot.dot', data ->> 'it''s', data ->> '$.a' FROM doc WHERE id = 14
---
('one', 'empty', '1', '2', None)

> SELECT id FROM doc WHERE data -> %s ->> %s = %s {'d', 0, 'e'}
---
(8,)

[differs: sqlite3 has other names]> SELECT JSON_EXTRACT_PATH(data, 'd', '1', 'f'), JSON_EXTRACT_PATH_TEXT(data, 'd', '1', 'f'), JSON_EXTRACT_PATH_TEXT(data, label) FROM doc WHERE id = 8
---
('"g"', 'g', None)

[differs: sqlite3 has json_type]> SELECT id, JSON_TYPEOF(data) FROM doc ORDER BY id
---
(1, None)
(2, 'null')
(3, 'array')
(4, 'object')
(5, 'object')
(6, 'object')
(7, 'object')
(8, 'object')
(9, 'array')
(10, 'string')
(11, 'number')
(12, 'boolean')
(13, 'object')
(14, 'object')

> SELECT MAX(data -> 'c' ->> 'x'), COUNT(data -> 'c'), COUNT(data ->> 'j') FROM doc
---
(None, 4, 0)

[differs: sqlite3 gives numbers]> SELECT JSON_EXTRACT(data, '$.a.b.c[1]') FROM doc WHERE id = 13
---
('20',)

[differs: sqlite3 gives numbers]> SELECT JSON_EXTRACT(data, %s), JSON_EXTRACT(data, '$.a.b.c[' || '0]') FROM doc WHERE id = 13 {'$.a.b.c[#-1]'}
---
('30', '10')

[differs: sqlite3 gives numbers]> SELECT JSON_EXTRACT('{"my-key": {"x y": [7]}}', '$.my-key."x y"[#-1]'), JSON_EXTRACT('{"my-key": 1}', NULL)
---
('7', None)

> SELECT JSON_EXTRACT(data, %s) FROM doc {'a'}
---
DataError: 'a' is no JSON path of keys and positions; write it as '$.key[0]."other key"'

[differs: sqlite3 3.53 reads a path as far as it finds something]> SELECT JSON_EXTRACT(data, '$.a[') FROM doc
---
DataError: '$.a[' is no JSON path of keys and positions; write it as '$.key[0]."other key"': "JSON_EXTRACT(data, '$.a[')" at 1:8

> SELECT JSON_EXTRACT(data, '$..a') FROM doc
---
NotSupportedError: a JSON path with anything but keys and positions is not supported: "JSON_EXTRACT(data, '$..a')" at 1:8

[differs: not spoken here]> SELECT JSON_EXTRACT(data, '$.a', '$.b') FROM doc
---
NotSupportedError: JSON_EXTRACT of several paths is not supported (write JSON_BUILD_ARRAY(…)): "JSON_EXTRACT(data, '$.a', '$.b')" at 1:8
