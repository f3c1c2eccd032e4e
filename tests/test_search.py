"""A LIMIT whose walk is long: its rows are found otherwise, and are the same ones in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.dbapi.cursor import StreamingCursor
from django_zodb.sql import search
from django_zodb.storage import sought
from django_zodb.storage import walks as walks_module
from django_zodb.storage.walks import Walks

ROWS = 1500

TABLES = """
CREATE TABLE author (id integer PRIMARY KEY, name text);
CREATE TABLE book (
    id integer PRIMARY KEY, title text NOT NULL, year integer, author_id integer REFERENCES author (id),
    price double precision
);
CREATE INDEX book_year ON book (year);
CREATE INDEX book_author ON book (author_id);
CREATE TABLE tag (id integer PRIMARY KEY, name text);
CREATE TABLE tagged (
    id integer PRIMARY KEY, book_id integer NOT NULL REFERENCES book (id), tag_id integer NOT NULL REFERENCES tag (id)
);
CREATE INDEX tagged_book ON tagged (book_id);
CREATE INDEX tagged_tag ON tagged (tag_id);
CREATE TABLE note (code uuid PRIMARY KEY, day integer, body text NOT NULL);
CREATE INDEX note_day ON note (day)
"""
TAGGED = "FROM book JOIN tagged ON tagged.book_id = book.id JOIN tag ON tag.id = tagged.tag_id"

SEARCHES = [  # the whole statement, whether it searches
    ("SELECT * FROM book WHERE length(title) > 7 + 0 * id ORDER BY year, id LIMIT 5", True),
    ("SELECT * FROM book WHERE length(title) > 7 + 0 * id ORDER BY year DESC, id DESC LIMIT 5 OFFSET 2", True),
    ("SELECT * FROM book WHERE year + 1 = author_id ORDER BY id DESC LIMIT 3", True),
    ("SELECT id, title FROM book WHERE title NOT LIKE 'Book%' ORDER BY id LIMIT 100", True),
    ("SELECT * FROM book WHERE title NOT LIKE '%B%' ORDER BY id DESC LIMIT 10", True),
    ("SELECT book.* FROM book JOIN author ON author.id = author_id WHERE name LIKE '%99'"
     " ORDER BY year, book.id LIMIT 9", True),
    ("SELECT id FROM book WHERE title LIKE '%!!' AND id IN (SELECT DISTINCT book_id FROM tagged)"
     " ORDER BY year, id LIMIT 2", True),
    (f"SELECT book.* {TAGGED} WHERE name = 'rare' ORDER BY year, book.id LIMIT 9", True),
    (f"SELECT book.id {TAGGED} WHERE name = 'none' ORDER BY year, book.id LIMIT 9", True),
    (f"SELECT book.id {TAGGED} WHERE name || '' = 'rare' ORDER BY year DESC, book.id DESC LIMIT 9", True),
    ("SELECT id FROM book WHERE NOT EXISTS (SELECT 1 FROM tagged WHERE book_id = book.id AND tag_id = 4 LIMIT 1)"
     " ORDER BY year, id LIMIT 4", True),
    ("SELECT DISTINCT year FROM book WHERE length(title) > 7 + 0 * id ORDER BY year LIMIT 3", True),
    ("SELECT year, count(*) FROM book WHERE length(title) > 7 + 0 * id GROUP BY year ORDER BY year LIMIT 3", True),
    ("SELECT * FROM note WHERE length(body) > 7 + 0 * day ORDER BY day LIMIT 3", True),
    ("SELECT count(*) FROM (SELECT id FROM book WHERE length(title) > 7 + 0 * id ORDER BY year LIMIT 3) few", True),
    ("SELECT * FROM book LEFT JOIN author ON author.id = author_id WHERE coalesce(name, '') = '' AND length(title) > 7"
     " ORDER BY year, book.id LIMIT 2", True),
    ("SELECT id FROM book WHERE id > 20 AND id < 1490 AND length(title) > 7 + 0 * id ORDER BY id DESC LIMIT 3", True),
    ("SELECT id FROM book WHERE price > (SELECT max(price) - 1 FROM book) ORDER BY year, id LIMIT 3", False),
    ("SELECT * FROM book ORDER BY year, id LIMIT 5 OFFSET 1400", False),
    ("SELECT * FROM book LEFT JOIN author ON author.id = author_id ORDER BY year, book.id LIMIT 5 OFFSET 1400", False),
]  # fmt: skip


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dbapi.Connection]:
    monkeypatch.setattr(walks_module, "_PATIENCE", 7)
    monkeypatch.setattr(walks_module, "_LEAST_BY_SIEVE", 7)
    monkeypatch.setattr(walks_module, "_OF_ROWS", 10 * ROWS)
    monkeypatch.setattr(walks_module, "_OF_WANTED", 0)
    connection = dbapi.connect(tmp_path / "Search.fs", autocommit=True)
    for statement in TABLES.split(";"):
        connection.execute(statement)
    many = connection.cursor().executemany
    many("INSERT INTO author VALUES (%s, %s)", [(n, f"Author {n}") for n in range(200)])
    many("INSERT INTO book VALUES (%s, %s, %s, %s, %s)", [book(n) for n in range(ROWS)])
    many("INSERT INTO tag VALUES (%s, %s)", [(n, "rare" if n == 3 else f"Tag {n}") for n in range(12)])
    many("INSERT INTO tagged VALUES (%s, %s, %s)", [(n, n * 7 % ROWS, 3 if n % 100 == 3 else 4) for n in range(ROWS)])
    many("INSERT INTO note VALUES (%s, %s, %s)", [(f"{n:032x}", n * 7 % ROWS, book(n)[1]) for n in range(ROWS)])
    yield connection
    connection.close()


def book(n: int) -> tuple[Any, ...]:
    title = "Another" if n % 250 == 201 else f"Book {n % 10}{'!' * (n % 300 == 290) * 4}"
    return n, title, None if n % 50 == 7 else n * 7 % ROWS, n % 200 if n % 5 else None, n / 4


def unlimited(connection: dbapi.Connection, sql: str) -> list[Any]:
    """What the statement gives by a plan without a search: its limit is cut from all rows here."""
    before, _, after = sql.rpartition(" LIMIT ")
    if after.endswith(") few"):
        return [(min(len(unlimited(connection, sql[sql.index("(SELECT") + 1 : -5])), 3),)]
    limit, _, offset = after.partition(" OFFSET ")
    rows = connection.execute(before).fetchall()
    return rows[int(offset or 0) :][: int(limit)]


@pytest.mark.parametrize(("sql", "searches"), SEARCHES)
def test_the_same_rows(connection: dbapi.Connection, sql: str, searches: bool) -> None:
    plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {sql}").fetchall())
    source = "\n".join(row[0] for row in connection.execute(f"EXPLAIN (FORMAT PYTHON) {sql}").fetchall())
    if searches:
        assert "Limit" in plan and "= partial(find_" in source, plan
    else:
        assert "partial(find_" not in source
    expected = unlimited(connection, sql)
    for _ in range(2):
        assert connection.execute(sql).fetchall() == expected
    cursor = StreamingCursor(connection)
    cursor.execute(sql)
    assert cursor.fetchall() == expected


def test_the_search_is_made_once_and_when_it_is_needed(
    connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    optimize = search.optimize
    monkeypatch.setattr(search, "optimize", lambda *arguments: made.append(arguments) or optimize(*arguments))
    sql = "SELECT id FROM book WHERE length(title) > %s + 0 * id ORDER BY year LIMIT 3"
    assert len(connection.execute(sql, (1,)).fetchall()) == 3
    assert not made
    for length in (7, 8, 100):
        connection.execute(sql, (length,)).fetchall()
    assert len(made) == 1


def test_the_walk_goes_on_where_the_search_cannot_be_compiled(
    connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_complex(*arguments: Any) -> Any:
        raise dbapi.OperationalError("the statement is too complex")

    sql = "SELECT id FROM book WHERE length(title) > 7 + 0 * id ORDER BY year, id LIMIT 3"
    expected = unlimited(connection, sql)
    monkeypatch.setattr(search, "compile_plan", too_complex)
    assert connection.execute(sql).fetchall() == expected


def test_few_rows_are_read(connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is the rest of the index, where it is known how few they are."""
    monkeypatch.setattr(Walks, "exceed_cache", lambda self: True)
    read: list[int] = []
    fetch, looked_up = Walks.fetch, Walks.looked_up

    def noted(rowid: int) -> int:
        read.append(rowid)
        return rowid

    def counting(self: Walks, rowids: Any, *arguments: Any, **options: Any) -> Any:
        return fetch(self, map(noted, rowids), *arguments, **options)

    monkeypatch.setattr(Walks, "fetch", counting)
    monkeypatch.setattr(Walks, "looked_up", lambda self, pairs: looked_up(self, ((noted(at), at) for at, _ in pairs)))
    sql = f"SELECT book.* {TAGGED} WHERE name = %s ORDER BY year, book.id LIMIT 9"
    expected = unlimited(connection, sql.replace("%s", "'rare'"))
    for few in (1000, 2):
        monkeypatch.setattr(sought, "_FEW", few)
        read.clear()
        assert connection.execute(sql, ("rare",)).fetchall() == expected
        assert 9 <= len(read) <= 7 + 15
        read.clear()
        assert connection.execute(sql, ("none",)).fetchall() == []
        assert len(read) == 7


@pytest.mark.parametrize("index", ["year", "year DESC", "year, title", "year DESC, title", "abs(year)", "title, year"])
@pytest.mark.parametrize("descending", [False, True])
def test_rows_that_are_found_come_as_the_index_lists_them(
    connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch, index: str, descending: bool
) -> None:
    monkeypatch.setattr(Walks, "exceed_cache", lambda self: True)
    connection.execute("DROP INDEX book_year")
    connection.execute("UPDATE book SET year = CASE WHEN id = 451 THEN NULL ELSE id % 7 END")
    connection.execute(f"CREATE INDEX book_order ON book ({index})")
    keys = [key.removesuffix(" DESC") for key in index.split(", ")]
    backwards = [key.endswith(" DESC") is not descending for key in index.split(", ")]
    nulls = "NULLS LAST" if descending else "NULLS FIRST"
    for ties in ("", " DESC"):
        order = ", ".join(f"{key}{' DESC' * back} {nulls}" for key, back in zip(keys, backwards, strict=True))
        sql = f"SELECT id, year FROM book WHERE length(title) > 6 + 0 * id ORDER BY {order}, id{ties} LIMIT 10"
        expected = unlimited(connection, sql)
        for few in (1000, 0):
            monkeypatch.setattr(sought, "_FEW", few)
            assert connection.execute(sql).fetchall() == expected


@pytest.mark.parametrize("condition", ["author_id = 1", "author_id = 1 AND year < 900"])
def test_rows_outside_the_walk_are_not_found(
    connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    """A sieve says what the filter asks, and not where an index is walked."""
    monkeypatch.setattr(Walks, "exceed_cache", lambda self: True)
    connection.execute("UPDATE book SET author_id = id % 2")
    connection.execute("DROP INDEX book_author")
    connection.execute("DROP INDEX book_year")
    connection.execute("CREATE INDEX book_of_author ON book (author_id, year)")
    for order in ("year, id", "year DESC, id DESC"):
        sql = f"SELECT id FROM book WHERE {condition} AND title LIKE %s ORDER BY {order} LIMIT 5"
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {sql}", ("%n%",)).fetchall())
        assert "IndexRange: book using book_of_author" in plan, plan
        expected = unlimited(connection, sql.replace("%s", "'%n%'"))
        assert connection.execute(sql, ("%n%",)).fetchall() == expected


@pytest.mark.parametrize(
    "condition",
    [
        "length(title) + random() > 7",
        "CAST(length(title) AS text) < CAST(now() AS text)",
        "id IN (SELECT id FROM book ORDER BY price LIMIT 30)",
        "(SELECT b.price FROM book b WHERE b.year = book.year ORDER BY b.title LIMIT 1) > 3",
    ],
)
def test_no_search_where_it_could_find_others(connection: dbapi.Connection, condition: str) -> None:
    """What changes by itself, or has one of several equal rows, may be something else the second time."""
    sql = f"SELECT * FROM book WHERE {condition} ORDER BY year LIMIT 3"
    source = "\n".join(row[0] for row in connection.execute(f"EXPLAIN (FORMAT PYTHON) {sql}").fetchall())
    assert "partial(find_" not in source


def test_no_search_for_rows_to_be_locked(connection: dbapi.Connection) -> None:
    sql = "SELECT * FROM book WHERE length(title) > 7 + 0 * id ORDER BY year, id LIMIT 3"
    expected = connection.execute(sql).fetchall()
    connection.execute("BEGIN")
    source = connection.execute(f"EXPLAIN (FORMAT PYTHON) {sql} FOR UPDATE").fetchall()
    assert "partial(find_" not in "\n".join(row[0] for row in source)
    assert connection.execute(f"{sql} FOR UPDATE").fetchall() == expected
    connection.execute("ROLLBACK")


def test_a_serializable_transaction_does_not_depend_on_all_rows(tmp_path: Path, connection: dbapi.Connection) -> None:
    strict = dbapi.connect(tmp_path / "Search.fs", isolation="serializable")
    sql = "SELECT title FROM book WHERE length(title) > 7 + 0 * id ORDER BY id DESC LIMIT 1"
    assert strict.execute(sql).fetchall() == [("Book 0!!!!",)]
    strict.execute("UPDATE book SET price = 0 WHERE id = 3")
    connection.execute("UPDATE book SET price = 1 WHERE id < 2")
    strict.commit()
    strict.close()


def test_a_search_that_finds_rows_many_times_over_is_not_cut(
    connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sought, "_MOST_FOUND", 5)
    monkeypatch.setattr(sought, "_PIECE", 10)
    rows = [(ROWS + n, 5 if n < 200 else 800, 4) for n in range(210)]
    connection.cursor().executemany("INSERT INTO tagged VALUES (%s, %s, %s)", rows)
    connection.execute("UPDATE book SET title = 'same' WHERE id IN (5, 800)")
    sql = "SELECT book.id, tagged.id FROM book JOIN tagged ON book_id = book.id WHERE title || '' = 'same'"
    for order in ("year DESC", "book.id", "book.id DESC"):
        statement = f"{sql} ORDER BY {order}, tagged.id LIMIT 300"
        expected = unlimited(connection, statement)
        for most in (500_000, 100):
            monkeypatch.setattr(sought, "_MOST_ROWS", most)
            assert connection.execute(statement).fetchall() == expected


@pytest.mark.parametrize(
    "condition",
    [
        "CAST(title AS integer) > 5",
        "1000 / (1400 - id) >= 1",
        "(SELECT t.id FROM tagged t WHERE t.book_id = book.id) > 0",
    ],
)
def test_rows_that_nobody_asks_for_raise_nothing(connection: dbapi.Connection, condition: str) -> None:
    connection.execute("UPDATE book SET title = '1', author_id = NULL")
    connection.execute("UPDATE book SET title = '7' WHERE id = 600")
    connection.execute("UPDATE book SET title = 'none' WHERE id = 1400")
    connection.execute("INSERT INTO tagged SELECT id + 10000, 1400, 4 FROM book WHERE id < 2")
    sql = f"SELECT id FROM book WHERE {condition} AND id > 590 ORDER BY id LIMIT %s"
    assert len(connection.execute(sql, (1,)).fetchall()) == 1
    with pytest.raises((dbapi.DataError, dbapi.ProgrammingError)):
        connection.execute(sql, (2000,)).fetchall()
