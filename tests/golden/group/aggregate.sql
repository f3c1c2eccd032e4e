# Aggregates, GROUP BY, HAVING, FILTER, DISTINCT inside.
use: library

> SELECT COUNT(*), COUNT(price), SUM(year), MIN(year), MAX(title), AVG(rating) FROM book
---

> SELECT COUNT(*), SUM(year), MIN(year), AVG(year) FROM book WHERE id > 100
---

> SELECT author_id, COUNT(*), SUM(price) FROM book GROUP BY author_id ORDER BY author_id
---

> SELECT a.name, COUNT(b.id) AS books FROM author a LEFT JOIN book b ON b.author_id = a.id GROUP BY a.id, a.name ORDER BY books DESC, a.name
---

> SELECT author_id FROM book GROUP BY author_id HAVING COUNT(*) > 1 ORDER BY author_id
---

> SELECT COUNT(*) FILTER (WHERE in_print), COUNT(*) FILTER (WHERE NOT in_print) FROM book
---

> SELECT in_print, COUNT(DISTINCT author_id) FROM book GROUP BY in_print ORDER BY in_print
---

> SELECT year / 100 AS century, COUNT(*) FROM book GROUP BY year / 100 ORDER BY century
---

> SELECT year / 100 AS century, COUNT(*) FROM book GROUP BY 1 ORDER BY 1
---

> SELECT SUM(price * 2) + 1 FROM book
---

> SELECT MAX(price), MIN(published) FROM book
---

> SELECT COUNT(*) FROM book HAVING COUNT(*) > 100
---

> SELECT author_id, SUM(CASE WHEN in_print THEN 1 ELSE 0 END) FROM book GROUP BY author_id ORDER BY 2 DESC, 1
---
