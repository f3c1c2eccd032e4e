# Documents compare as values: keys in any order, numbers as numbers, true is not 1; the order is that of jsonb.
use: documents

[differs: sqlite3 compares texts]> SELECT id FROM doc WHERE data = %s ORDER BY id {'{"c":14.0,"a":"b"}'}
---
(5,)
(6,)

[plan,differs: sqlite3 compares texts]> SELECT id FROM doc WHERE data -> 'c' = '14' ORDER BY id
---
Project: doc.id
  Filter: json_comparable(doc.data, 'c') = json_comparable('14')
    KeyRange: doc (all)
(5,)
(6,)

[differs: sqlite3 compares texts]> SELECT id FROM doc WHERE data -> 'c' > %s ORDER BY id {'14'}
---
(7,)

[differs: sqlite3 compares texts]> SELECT id FROM doc WHERE data -> 'c' IN ('14.0', '"14"') ORDER BY id
---
(5,)
(6,)
(8,)

[differs: sqlite3's text is no number]> SELECT id FROM doc WHERE data -> 'c' < 14.2 ORDER BY id
---
(5,)
(6,)
(8,)

[differs: sqlite3 compares the text with its quotes]> SELECT id FROM doc WHERE data -> 'a' = label
---
(5,)

> SELECT id FROM doc WHERE data ->> 'a' = label
---
(5,)

> SELECT id FROM doc WHERE data = 'null'
---
(2,)

> SELECT id FROM doc WHERE data IS NULL
---
(1,)

[differs: sqlite3 compares texts]> SELECT id, data -> 'c' FROM doc ORDER BY data -> 'c', id DESC
---
(14, None)
(13, None)
(12, None)
(11, None)
(10, None)
(9, None)
(4, None)
(3, None)
(2, None)
(1, None)
(8, '"14"')
(6, '14')
(5, '14')
(7, '14.5')

[differs: sqlite3 compares texts]> SELECT id FROM doc ORDER BY data DESC, id
---
(14,)
(7,)
(8,)
(5,)
(6,)
(13,)
(4,)
(9,)
(3,)
(12,)
(11,)
(10,)
(2,)
(1,)

[differs: sqlite3 groups by text]> SELECT data -> 'c', COUNT(*) FROM doc GROUP BY data -> 'c' ORDER BY 1
---
(None, 10)
('"14"', 1)
('14', 2)
('14.5', 1)

[differs: sqlite3 groups by text]> SELECT data, COUNT(*) FROM doc WHERE id IN (4, 5, 6) GROUP BY data ORDER BY 2
---
('{}', 1)
('{"a": "b", "c": 14}', 2)

[differs: sqlite3 has texts]> SELECT COUNT(DISTINCT data), MIN(data -> 'c'), MAX(data -> 'c') FROM doc
---
(12, '"14"', '14.5')

[differs: sqlite3 compares texts]> SELECT x.id, y.id FROM doc x JOIN doc y ON x.data = y.data AND x.id < y.id
---
(5, 6)

[differs: sqlite3 compares texts]> SELECT id FROM doc WHERE data IN (SELECT data -> 1 -> 0 FROM doc UNION ALL SELECT data FROM doc WHERE id = 5)
---
(5,)
(6,)

[differs: sqlite3 compares texts]> SELECT data FROM doc WHERE id IN (5, 11) INTERSECT SELECT data FROM doc WHERE id IN (6, 11)
---
('{"a": "b", "c": 14}',)
('7',)

[differs: sqlite3 knows no NULLIF of documents]> SELECT id, NULLIF(data, '{"a": "b", "c": 14}'), COALESCE(data -> 'a', '"none"') FROM doc WHERE id IN (6, 7)
---
(6, None, '"b"')
(7, '{"c": 14.5, "h": true, "j": null}', '"none"')

[differs: sqlite3 compares any texts]> SELECT id FROM doc WHERE data = 'no document'
---
DataError: invalid JSON 'no document': Expecting value: line 1 column 1 (char 0): "data = 'no document'" at 1:26

> SELECT id FROM doc WHERE data ->> 'c' LIKE '14%' AND data ->> 'h' IS NULL ORDER BY id
---
(5,)
(6,)
(8,)

[differs: sqlite3 has no numeric]> SELECT SUM(data -> 'c'), AVG(data -> 'c'), CAST(MAX(data -> 'c') AS integer) FROM doc WHERE id IN (5, 6, 7)
---
(Decimal('42.5'), Decimal('14.16666666666666666666666667'), 15)
