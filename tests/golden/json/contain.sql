# Containment and keys, as PostgreSQL's operators @>, <@, ?, ?| and ?& have them.
use: documents

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data @> '{"c": 14}' ORDER BY id
---
(5,)
(6,)

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data @> '{}' ORDER BY id
---
(4,)
(5,)
(6,)
(7,)
(8,)
(13,)
(14,)

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data @> '[[2]]' OR data -> 'd' @> '[{"f": "g"}]' OR data -> 'd' @> '"e"' ORDER BY id
---
(8,)
(9,)

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data -> 'd' @> '{"f": "g"}'
---
no rows

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data <@ %s ORDER BY id {'{"a": "b", "c": 14, "x": 1}'}
---
(4,)
(5,)
(6,)

[plan,differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data ? 'a' ORDER BY id
---
Project: doc.id
  Filter: json_has_key(doc.data, 'a')
    KeyRange: doc (all)
(5,)
(6,)
(13,)

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data ? %s OR data -> 1 ? 'x' ORDER BY id {'yes'}
---
(9,)
(10,)

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data ?| ARRAY['d', 'h'] ORDER BY id
---
(7,)
(8,)

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE data ?& '{a,c}' ORDER BY id
---
(5,)
(6,)

[differs: sqlite3 has no such operator]> SELECT id FROM doc WHERE NOT data ? 'a' ORDER BY id
---
(2,)
(3,)
(4,)
(7,)
(8,)
(9,)
(10,)
(11,)
(12,)
(14,)
