# Making documents: JSON_OBJECT, JSON_ARRAY, aggregates, ||, casts; and what is no document.
use: documents

[differs: sqlite3 has true as a number]> SELECT JSON_OBJECT('id': id, 'data': data, 'label': label, 'even': (id % 2 = 0)) FROM doc WHERE id = 8
---
('{"id": 8, "data": {"c": "14", "d": ["e", {"f": "g"}]}, "label": null, "even": true}',)

[differs: sqlite3 has other names]> SELECT JSONB_BUILD_OBJECT(%s, id, 'nested', JSON_ARRAY(1, 2.50, NULL, data, CAST('2024-02-29' AS date))) FROM doc WHERE id = 11 {'key "k"'}
---
('{"key \\"k\\"": 11, "nested": [1, 2.50, null, 7, "2024-02-29"]}',)

> SELECT JSON_ARRAY()
---
('[]',)

[differs: sqlite3 has true as a number]> SELECT JSON_AGG(id ORDER BY id DESC), JSON_AGG(data), JSON_OBJECT_AGG(id, label) FROM doc WHERE id IN (2, 11, 12)
---
('[12, 11, 2]', '[null, 7, true]', '{"2": "null", "11": "7", "12": "true"}')

[differs: sqlite3 joins texts]> SELECT data || data -> 'd', data || data FROM doc WHERE id = 8
---
('["e", {"f": "g"}]', '{"c": "14", "d": ["e", {"f": "g"}]}')

[differs: sqlite3's cast keeps the quotes or counts]> SELECT CAST(data AS text), CAST(data AS integer) FROM doc WHERE id = 11
---
('7', 7)

[differs: sqlite3 stores any text]> INSERT INTO doc (id, data) VALUES (20, '{"a": NaN}')
---
DataError: doc.data: invalid JSON '{"a": NaN}': NaN is no JSON: "'{"a": NaN}'" at 1:40

[differs: sqlite3 stores any text]> UPDATE doc SET data = label WHERE id = 5
---
DataError: invalid JSON 'b': Expecting value: line 1 column 1 (char 0)

[differs: sqlite3 says 1 and 0]> SELECT JSON_VALID('{"a": 1}'), JSON_VALID('{a: 1}'), JSON_VALID(NULL)
---
(True, False, None)

[differs: sqlite3 gives a name to no key]> SELECT JSON_OBJECT(label: 1) FROM doc WHERE id = 1
---
DataError: JSON_OBJECT: a key must not be NULL

[differs: sqlite3 takes an array of texts for a text]> SELECT data #> label FROM doc
---
NotSupportedError: an array of texts is written ARRAY['a', 'b'] or '{a,b}': "label" at 1:16
