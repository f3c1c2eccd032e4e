# Violated constraints name table, column and constraint, and leave nothing behind.
use: library

> INSERT INTO tag (id, name) VALUES (1, 'x')
---
IntegrityError: UNIQUE constraint failed: tag.id (tag_pkey)

> INSERT INTO tag (name) VALUES ('novel')
---
IntegrityError: UNIQUE constraint failed: tag.name (tag_name_key)

> INSERT INTO tag (name) VALUES ('fresh'), ('novel')
---
IntegrityError: UNIQUE constraint failed: tag.name (tag_name_key)

> SELECT name FROM tag ORDER BY id
---
('novel',)
('short',)
('classic',)
('unused',)

> INSERT INTO tag (name) VALUES (NULL)
---
IntegrityError: NOT NULL constraint failed: tag.name

> INSERT INTO book_tag (book_id, tag_id) VALUES (1, 99)
---
IntegrityError: FOREIGN KEY constraint failed: book_tag.tag_id (book_tag_tag_id_fkey): no row of tag has id = 99

> INSERT INTO book_tag (book_id, tag_id) VALUES (1, 1)
---
IntegrityError: UNIQUE constraint failed: book_tag.book_id, book_tag.tag_id (book_tag_book_id_tag_id_key)

> DELETE FROM tag WHERE id = 1
---
IntegrityError: FOREIGN KEY constraint failed: id = 1 of tag is still referenced from book_tag.tag_id (book_tag_tag_id_fkey)

> UPDATE tag SET id = 50 WHERE id = 1
---
IntegrityError: FOREIGN KEY constraint failed: id = 1 of tag is still referenced from book_tag.tag_id (book_tag_tag_id_fkey)

[differs: sqlite3 stores any length]> INSERT INTO author (name, country) VALUES ('Eco', 'ITA')
---
DataError: author.country: value too long for type varchar(2): 3 characters: "'ITA'" at 1:51

[differs: sqlite3 keeps what is no number as text]> INSERT INTO author (name, born) VALUES ('Eco', 'soon')
---
DataError: author.born: 'soon' is no value of type integer: "'soon'" at 1:48

[differs: sqlite3 integers have 64 bits]> UPDATE author SET born = 3000000000 WHERE id = 1
---
DataError: author.born: 3000000000 is out of range for type integer (-2147483648 to 2147483647): "3000000000" at 1:26

> SELECT COUNT(*) FROM author
---
(5,)
