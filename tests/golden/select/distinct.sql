# DISTINCT and DISTINCT ON.
use: library

> SELECT DISTINCT author_id FROM book ORDER BY author_id
---
(None,)
(1,)
(2,)
(3,)
(4,)

> SELECT DISTINCT country IS NULL FROM author
---
(False,)
(True,)

> SELECT DISTINCT author_id, in_print FROM book ORDER BY 1, 2
---
(None, False)
(1, True)
(2, False)
(2, True)
(3, True)
(4, True)

[differs: sqlite3 has no DISTINCT ON]> SELECT DISTINCT ON (author_id) author_id, title FROM book ORDER BY author_id, year DESC
---
(None, 'Beowulf')
(1, 'Persuasion')
(2, 'El Aleph')
(3, 'Le citta invisibili')
(4, "L'amant")

> SELECT COUNT(DISTINCT author_id) FROM book
---
(4,)

> SELECT DISTINCT in_print FROM book ORDER BY in_print DESC LIMIT 1
---
(True,)
