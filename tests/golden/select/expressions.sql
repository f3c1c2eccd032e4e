# CASE, CAST, COALESCE, string and number functions.
use: library

> SELECT CASE WHEN year < 1900 THEN 'old' WHEN year < 1950 THEN 'mid' ELSE 'new' END FROM book ORDER BY id
---

> SELECT CASE country WHEN 'GB' THEN 1 WHEN 'AR' THEN 2 END FROM author ORDER BY id
---

> SELECT CAST('12' AS integer), CAST(3 AS text), CAST(2.5 AS double precision)
---

> SELECT UPPER(name), LOWER(name), LENGTH(name) FROM author ORDER BY id
---

> SELECT ABS(-3), ROUND(2.567, 2), COALESCE(NULL, 4)
---

> SELECT SUBSTR(title, 1, 3), TRIM('  x '), REPLACE(title, 'm', 'n') FROM book WHERE id = 1
---

> SELECT name || ' (' || country || ')' FROM author ORDER BY id
---

> SELECT born + 1, born - 1, born * 2, born / 2, born % 10 FROM author ORDER BY id
---
