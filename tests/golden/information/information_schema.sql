# What there is, as the views of information_schema: read-only, always true, unquoted in any case.
use: library

[differs: sqlite3 has no information_schema]> SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1
---
('author', 'BASE TABLE')
('book', 'BASE TABLE')
('book_tag', 'BASE TABLE')
('tag', 'BASE TABLE')

[differs: sqlite3 has no information_schema]> SELECT column_name, data_type, is_nullable, character_maximum_length, numeric_precision FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = %s ORDER BY ordinal_position {'book'}
---
('id', 'integer', 'NO', None, 32)
('title', 'varchar', 'NO', 80, None)
('author_id', 'integer', 'YES', None, 32)
('year', 'integer', 'NO', None, 32)
('price', 'numeric', 'YES', None, 6)
('rating', 'double precision', 'YES', None, 53)
('published', 'date', 'YES', None, None)
('isbn', 'text', 'YES', None, None)
('in_print', 'boolean', 'NO', None, None)

[plan,differs: sqlite3 has no information_schema]> SELECT c.table_name, COUNT(*) FROM information_schema.columns c JOIN information_schema.tables t USING (table_name) WHERE t.table_type = 'BASE TABLE' GROUP BY c.table_name ORDER BY 2 DESC, 1
---
Project: grouped.table_name, grouped.count
  Sort: grouped.count desc, grouped.table_name
    Aggregate: count(*) by c.table_name
      HashJoin: inner on c.table_name = t.table_name
        Listing: information_schema.columns
        Filter: t.table_type = 'BASE TABLE'
          Listing: information_schema.tables
('book', 9)
('author', 4)
('book_tag', 3)
('tag', 2)

[differs: sqlite3 has no information_schema]> SELECT t.constraint_name, t.constraint_type, k.column_name FROM information_schema.table_constraints t JOIN information_schema.key_column_usage k ON k.constraint_name = t.constraint_name WHERE t.table_name = 'book' ORDER BY 1, k.ordinal_position
---
('book_author_id_fkey', 'FOREIGN KEY', 'author_id')
('book_isbn_key', 'UNIQUE', 'isbn')
('book_pkey', 'PRIMARY KEY', 'id')

[differs: sqlite3 has no information_schema]> SELECT constraint_name, unique_constraint_name, delete_rule FROM information_schema.referential_constraints ORDER BY 1
---
('book_author_id_fkey', 'author_pkey', 'NO ACTION')
('book_tag_book_id_fkey', 'book_pkey', 'NO ACTION')
('book_tag_tag_id_fkey', 'tag_pkey', 'NO ACTION')

[differs: sqlite3 has no information_schema]> SELECT schema_name FROM information_schema.schemata ORDER BY 1
---
('information_schema',)
('public',)

[differs: sqlite3 has no schema public]> SELECT COUNT(*) FROM public.book
---
(7,)

[differs: sqlite3 has no information_schema]> SELECT * FROM information_schema.routines
---
ProgrammingError: there is no information_schema.routines, but check_constraints, columns, key_column_usage, referential_constraints, schemata, table_constraints, tables, views: "information_schema.routines" at 1:15

[differs: sqlite3 has no information_schema]> DELETE FROM information_schema.tables
---
NotSupportedError: writing to a view of information_schema is not supported: "information_schema.tables" at 1:13

[differs: sqlite3 has no such schema]> SELECT * FROM pg_catalog.pg_tables
---
ProgrammingError: schema "pg_catalog" does not exist, but public and information_schema: "pg_catalog" at 1:15
