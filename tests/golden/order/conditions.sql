# An order by key holds beside a condition that an index could serve, on tables of any size.
use: numbers
use: library

[plan]> SELECT id FROM n WHERE a >= 1 ORDER BY id DESC
---
Project: n.id
  Filter: n.a >= 1
    KeyRange: n (all), backwards
(7,)
(6,)
(3,)
(2,)
(1,)

[plan]> SELECT id FROM n WHERE a >= 1 ORDER BY id
---
Project: n.id
  Filter: n.a >= 1
    KeyRange: n (all)
(1,)
(2,)
(3,)
(6,)
(7,)

[plan]> SELECT id FROM n WHERE a >= 1 AND b > 0 ORDER BY id LIMIT 2 OFFSET 1
---
Project: n.id
  Limit: 2 after 1
    Filter: (n.a >= 1) and (n.b > 0)
      KeyRange: n (all)
(3,)
(6,)

[plan]> SELECT DISTINCT id FROM n WHERE NOT (a > 2) ORDER BY 1 LIMIT 10
---
Limit: 10
  Project: n.id
    Filter: n.a <= 2
      KeyRange: n (all)
(1,)
(2,)
(3,)
(7,)

[plan]> SELECT b.id, t.id FROM book b JOIN author a ON a.id = b.author_id CROSS JOIN tag t WHERE b.id < 4 AND t.id < 4 ORDER BY b.id, t.id DESC
---
Project: b.id, t.id
  Sort: b.id, t.id desc
    NestedLoop: inner
      NestedLoop: inner
        KeyRange: book b (b.id < 4)
        KeyLookup: author a (a.id = b.author_id)
      KeyRange: tag t (t.id < 4)
(1, 3)
(1, 2)
(1, 1)
(2, 3)
(2, 2)
(2, 1)
(3, 3)
(3, 2)
(3, 1)
