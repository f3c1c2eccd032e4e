# Violated constraints name table, column and constraint, and leave nothing behind.
use: library

> INSERT INTO tag (id, name) VALUES (1, 'x')
---

> INSERT INTO tag (name) VALUES ('novel')
---

> INSERT INTO tag (name) VALUES ('fresh'), ('novel')
---

> SELECT name FROM tag ORDER BY id
---

> INSERT INTO tag (name) VALUES (NULL)
---

> INSERT INTO book_tag (book_id, tag_id) VALUES (1, 99)
---

> INSERT INTO book_tag (book_id, tag_id) VALUES (1, 1)
---

> DELETE FROM tag WHERE id = 1
---

> UPDATE tag SET id = 50 WHERE id = 1
---

[differs: sqlite3 stores any length]> INSERT INTO author (name, country) VALUES ('Eco', 'ITA')
---

[differs: sqlite3 keeps what is no number as text]> INSERT INTO author (name, born) VALUES ('Eco', 'soon')
---

[differs: sqlite3 integers have 64 bits]> UPDATE author SET born = 3000000000 WHERE id = 1
---

> SELECT COUNT(*) FROM author
---
