# RETURNING beside FROM and USING: the row that was written, and those that were found beside it.
use: library

[differs: sqlite3 3.40 knows the target alone in RETURNING]> UPDATE book_tag SET tag_id = 4 FROM book b JOIN author a ON a.id = b.author_id WHERE b.id = book_tag.book_id AND a.id = 3 RETURNING book_tag.*, a.name, b.title || '!'
---
(7, 5, 4, 'Calvino', 'Le citta invisibili!')

[differs: sqlite3 has no USING]> DELETE FROM book_tag t USING tag WHERE tag.id = t.tag_id AND t.book_id = 5 RETURNING *
---
(7, 5, 4, 4, 'unused')

[differs: sqlite3 3.40 knows the target alone in RETURNING]> UPDATE book SET year = old.year + 1 FROM book old WHERE old.id = book.id AND book.id = 6 RETURNING old.year, book.year
---
(1984, 1985)

[differs: sqlite3 3.40 knows the target alone in RETURNING]> UPDATE book SET year = 1 FROM author WHERE author.id = author_id AND author.id = 4 RETURNING *
---
(6, "L'amant", 4, 1, Decimal('8.00'), 3.9, datetime.date(1984, 9, 1), None, True, 4, 'Duras', 1914, 'FR')

[differs: sqlite3 takes that of the target]> UPDATE book SET year = 1 FROM author WHERE author.id = author_id AND author.id = 4 RETURNING id
---
ProgrammingError: column "id" is ambiguous: "id" at 1:94

[differs: sqlite3 has no USING]> WITH named AS (SELECT id AS tag, name FROM tag WHERE id = 2) DELETE FROM book_tag USING named WHERE tag_id = tag RETURNING named.name, book_id, %s || name {'a '}
---
('short', 3, 'a short')
('short', 4, 'a short')

[differs: sqlite3 3.40 knows the target alone in RETURNING]> UPDATE tag SET name = 'x' FROM author a WHERE a.id = 99 RETURNING a.name
---
no rows

[differs: sqlite3 takes that of the target]> UPDATE book SET year = 1 FROM author WHERE author.id = author_id AND author.id = 4 RETURNING rowid
---
ProgrammingError: column "rowid" does not exist; each table has its own: "rowid" at 1:94

[differs: sqlite3 knows the target alone in RETURNING]> UPDATE book SET year = 1 FROM author WHERE author.id = author_id AND author.id = 4 RETURNING book.rowid, author.rowid
---
(6, 4)
