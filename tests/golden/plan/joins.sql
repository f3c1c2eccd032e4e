# The order of joins, their strategies, and outer joins that turn out to be inner ones.
use: library

[plan]> SELECT b.title FROM author a JOIN book b ON b.author_id = a.id WHERE a.name = 'Austen' ORDER BY b.id
---
Project: b.title
  Sort: b.id
    NestedLoop: inner
      IndexLookup: author a using author_name_key (a.name = 'Austen')
      IndexLookup: book b using book_author_id (b.author_id = a.id)
('Emma',)
('Persuasion',)

[plan]> SELECT t.name FROM tag t JOIN book_tag bt ON bt.tag_id = t.id JOIN book b ON b.id = bt.book_id WHERE b.isbn = 'i1' ORDER BY t.name
---
Project: t.name
  Sort: t.name
    NestedLoop: inner
      NestedLoop: inner
        IndexLookup: book b using book_isbn_key (b.isbn = 'i1')
        IndexRange: book_tag bt using book_tag_book_id_tag_id_key (bt.book_id = b.id)
      KeyLookup: tag t (t.id = bt.tag_id)
('classic',)
('novel',)

[plan]> SELECT b.id FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE a.country = 'AR' ORDER BY b.id
---
Project: b.id
  Sort: b.id
    NestedLoop: inner
      Filter: a.country = 'AR'
        Scan: author a
      IndexLookup: book b using book_author_id (b.author_id = a.id)
(3,)
(4,)

[plan]> SELECT b.id, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id AND a.country = 'AR' WHERE b.id IN (1, 3)
---
Project: b.id, a.name
  NestedLoop: left on a.country = 'AR'
    KeyIn: book b (b.id in (1, 3))
    KeyLookup: author a (a.id = b.author_id)
(1, None)
(3, 'Borges')

[plan]> SELECT b.id FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE a.id IS NULL
---
Project: b.id
  Filter: a.id is null
    NestedLoop: left
      Scan: book b
      KeyLookup: author a (a.id = b.author_id)
(7,)

[plan]> SELECT a.name FROM author a JOIN book b ON b.year - 40 = a.born
---
Project: a.name
  HashJoin: inner on a.born = b.year - 40
    Scan: author a
    Scan: book b
('Austen',)

[plan]> SELECT a.name, b.title FROM author a JOIN book b ON b.year < a.born ORDER BY a.id, b.id
---
Project: a.name, b.title
  Sort: a.id, b.id
    NestedLoop: inner on b.year < a.born
      Scan: author a
      Scan: book b
('Austen', 'Beowulf')
('Borges', 'Emma')
('Borges', 'Persuasion')
('Borges', 'Beowulf')
('Calvino', 'Emma')
('Calvino', 'Persuasion')
('Calvino', 'Beowulf')
('Duras', 'Emma')
('Duras', 'Persuasion')
('Duras', 'Beowulf')

[code]> SELECT the_books_of_the_author.title FROM tag the_tags_of_the_library JOIN book_tag the_tags_of_the_books ON the_tags_of_the_books.tag_id = the_tags_of_the_library.id JOIN book the_books_of_the_author ON the_books_of_the_author.id = the_tags_of_the_books.book_id WHERE the_tags_of_the_library.name = 'short' ORDER BY the_books_of_the_author.title
---
 1 # EXPLAIN (FORMAT PYTHON) SELECT the_books_of_the_author.title FROM tag the_tags_of_the_library JOIN book_tag the_tags_of_the_books ON the_tags_of_the_books.tag_id = the_tags_of_the_library.id JOIN book the_books_of_the_author ON the_books_of_the_author.id = the_tags_of_the_books.book_id WHERE the_tags_of_the_library.name = 'short' ORDER BY the_books_of_the_author.title
 2 def select(book_tag, tag, book, params):
 3     # Scan: book_tag the_tags_of_the_books
 4     # NestedLoop: inner on the_tags_of_the_library.name = 'short'
 5     # KeyLookup: tag the_tags_of_the_library (the_tags_of_the_library.id = the_tags_of_the_books.tag_id)
 6     # NestedLoop: inner
 7     # KeyLookup: book the_books_of_the_author (the_books_of_the_author.id = the_tags_of_the_books.book_id)
 8     found = [
 9         the_books_of_the_author
10         for the_tags_of_the_books in book_tag.rows(columns=(1, 2))
11         for the_tags_of_the_library in [tag.get(the_tags_of_the_books[TAG_ID])]
12         if the_tags_of_the_library is not None
13         if the_tags_of_the_library[NAME] == 'short'
14         for the_books_of_the_author in [book.get(the_tags_of_the_books[BOOK_ID])]
15         if the_books_of_the_author is not None
16     ]
17     # Sort: the_books_of_the_author.title
18     found.sort(key=itemgetter(1))
19     # Project: the_books_of_the_author.title
20     return [(the_books_of_the_author[TITLE],) for the_books_of_the_author in found]
('El Aleph',)
('Ficciones',)
