# Collations: nocase compares, sorts and indexes without regard to case; all else goes by code point.
use: numbers

> CREATE TABLE person (id integer PRIMARY KEY, name varchar(20) COLLATE nocase UNIQUE, town text)
---
ok

> INSERT INTO person VALUES (1, 'Bob', 'Ulm'), (2, 'alice', 'ULM'), (3, 'CARL', 'aachen'), (4, NULL, NULL)
---
4 rows

> INSERT INTO person VALUES (5, 'BOB', 'Ulm')
---
IntegrityError: UNIQUE constraint failed: person.name (person_name_key)

[plan]> SELECT name FROM person WHERE name = 'ALICE'
---
Project: person.name
  IndexLookup: person using person_name_key (person.name = casefold('ALICE'))
('alice',)

> SELECT name FROM person WHERE name = %s {'bOB'}
---
('Bob',)

[plan]> SELECT name FROM person WHERE name = 'ALICE' COLLATE binary
---
Project: person.name
  Filter: person.name = 'ALICE'
    Scan: person
no rows

> SELECT name FROM person WHERE name COLLATE binary IN ('ALICE', 'Bob') ORDER BY id
---
('Bob',)

> SELECT name FROM person WHERE name IN ('ALICE', 'bob') ORDER BY id
---
('Bob',)
('alice',)

> SELECT name FROM person WHERE name BETWEEN 'B' AND 'cz' ORDER BY id
---
('Bob',)
('CARL',)

[plan]> SELECT name FROM person ORDER BY name
---
Project: person.name
  Sort: casefold(person.name)
    Scan: person
(None,)
('alice',)
('Bob',)
('CARL',)

> SELECT name FROM person ORDER BY name COLLATE binary DESC
---
('alice',)
('CARL',)
('Bob',)
(None,)

> SELECT town FROM person ORDER BY town COLLATE nocase DESC, id
---
('Ulm',)
('ULM',)
('aachen',)
(None,)

> CREATE INDEX person_town ON person (town COLLATE nocase)
---
ok

[plan]> SELECT id FROM person WHERE town COLLATE nocase = 'uLm' ORDER BY id
---
Project: person.id
  IndexLookup: person using person_town (person.town = casefold('uLm'))
(1,)
(2,)

> SELECT id FROM person WHERE town = 'uLm'
---
no rows

> SELECT one.id, other.id FROM person one JOIN person other ON one.town COLLATE nocase = other.town AND one.id < other.id
---
(1, 2)

> SELECT CASE name WHEN 'BOB' THEN 'found' ELSE 'other' END FROM person ORDER BY id
---
('found',)
('other',)
('other',)
('other',)

[differs: sqlite3 folds ASCII alone]> SELECT 'STRASSE' COLLATE nocase = 'straße', 'Ärger' = 'ÄRGER' COLLATE nocase
---
(True, True)

> INSERT INTO person VALUES (6, 'ALICE', 'Bonn') ON CONFLICT (name) DO UPDATE SET town = 'Bonn'
---
1 rows

> SELECT name, town FROM person ORDER BY id
---
('Bob', 'Ulm')
('alice', 'Bonn')
('CARL', 'aachen')
(None, None)

> SELECT town FROM person ORDER BY 1 COLLATE nocase DESC, id
---
('Ulm',)
('Bonn',)
('aachen',)
(None,)

> SELECT town FROM person WHERE id > 1 UNION SELECT 'b' ORDER BY 1 COLLATE nocase
---
(None,)
('aachen',)
('b',)
('Bonn',)

> SELECT COUNT(*), town FROM person GROUP BY town ORDER BY 2 COLLATE nocase
---
(1, None)
(1, 'aachen')
(1, 'Bonn')
(1, 'Ulm')

> SELECT DISTINCT town FROM person ORDER BY 1 COLLATE nocase
---
(None,)
('aachen',)
('Bonn',)
('Ulm',)

> SELECT town, COUNT(*) FROM person GROUP BY town ORDER BY COUNT(*), town COLLATE nocase DESC
---
('Ulm', 1)
('Bonn', 1)
('aachen', 1)
(None, 1)

> SELECT DISTINCT name FROM person ORDER BY name COLLATE binary
---
(None,)
('Bob',)
('CARL',)
('alice',)

> SELECT name, COUNT(*) FROM person GROUP BY name ORDER BY name COLLATE binary
---
(None, 1)
('Bob', 1)
('CARL', 1)
('alice', 1)

> SELECT town FROM person ORDER BY 2 COLLATE nocase
---
ProgrammingError: ORDER BY position 2 is not in the select list: "2" at 1:34

[differs: sqlite3 asks for a collation when it compares]> SELECT name COLLATE swedish FROM person
---
NotSupportedError: collation "swedish" is not supported; there are: C, POSIX, ucs_basic, default, binary, nocase: "name" at 1:8

> CREATE TABLE quoted (name text COLLATE "NOCASE")
---
ok

> INSERT INTO quoted VALUES ('aB')
---
1 rows

> SELECT name FROM quoted WHERE name = 'Ab'
---
('aB',)
