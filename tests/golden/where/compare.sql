# Comparisons and which index serves them.
use: library

[plan]> SELECT title FROM book WHERE id = %s {3}
---

[plan]> SELECT title FROM book WHERE isbn = %s {'i2'}
---

[plan]> SELECT title FROM book WHERE author_id = %s ORDER BY id {2}
---

[plan]> SELECT title FROM book WHERE year > %s AND year <= %s ORDER BY year {1900, 1972}
---

[plan]> SELECT title FROM book WHERE year BETWEEN 1800 AND 1900 ORDER BY year
---

[plan]> SELECT title FROM book WHERE id IN (%s, %s, %s) ORDER BY id {5, 1, 99}
---

[plan]> SELECT title FROM book WHERE author_id IN (1, 2) ORDER BY id
---

[plan]> SELECT title FROM book WHERE author_id = 1 AND year > 1815
---

[plan]> SELECT title FROM book WHERE id = 1 OR isbn = 'i3' ORDER BY id
---

[plan]> SELECT title FROM book WHERE price > 8 ORDER BY id
---

> SELECT title FROM book WHERE id <> 1 AND NOT (year > 1900) ORDER BY id
---

> SELECT title FROM book WHERE in_print ORDER BY id
---

> SELECT title FROM book WHERE NOT in_print ORDER BY id
---

> SELECT title FROM book WHERE published >= %s ORDER BY id {dt.date(1944, 1, 1)}
---

> SELECT title FROM book WHERE (id, year) = (1, 1815)
---

> SELECT title FROM book WHERE price = %s {Decimal('7.5')}
---

[plan]> SELECT title FROM book WHERE author_id IS NULL
---

[plan]> SELECT title FROM book WHERE 5 > id AND id >= 3 ORDER BY id DESC
---

[plan]> SELECT id FROM book WHERE id = NULL
---

[plan]> SELECT id FROM book WHERE FALSE
---
