"""Joins that look many rows up in tables larger than the cache: the same rows in the same order, with fewer loads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sieving import look_ahead_always

from django_zodb import dbapi
from django_zodb.storage import fetch as fetch_module
from django_zodb.storage.database import close_all

ROWS = 6000

TABLES = """
CREATE TABLE author (id integer PRIMARY KEY, name text);
CREATE TABLE book (id integer PRIMARY KEY, title text NOT NULL, author_id integer, more text);
CREATE INDEX book_author ON book (author_id);
CREATE TABLE tag (id integer PRIMARY KEY, name text);
CREATE TABLE tagged (id integer PRIMARY KEY, book_id integer NOT NULL, tag_id integer, more text);
CREATE INDEX tagged_book ON tagged (book_id);
CREATE INDEX tagged_tag ON tagged (tag_id)
"""

JOINS = [
    "SELECT t.id, b.* FROM tagged t JOIN book b ON b.id = t.book_id WHERE t.tag_id = 3 ORDER BY t.id",
    "SELECT t.id, b.title FROM tagged t LEFT JOIN book b ON b.id = t.book_id WHERE t.tag_id = 3 ORDER BY t.id",
    "SELECT t.id, b.title FROM tagged t JOIN book b ON b.id = t.book_id AND b.title LIKE '%3%' WHERE t.tag_id = 3",
    "SELECT g.name, t.id, b.title FROM tag g JOIN tagged t ON t.tag_id = g.id JOIN book b ON b.id = t.book_id"
    " WHERE g.id < 4",
    "SELECT g.name, t.more, b.title FROM tag g LEFT JOIN tagged t ON t.tag_id = g.id LEFT JOIN book b"
    " ON b.id = t.book_id WHERE g.id < 9 OR g.id > 990",
    "SELECT g.id, count(b.id), max(b.title) FROM tag g JOIN tagged t ON t.tag_id = g.id JOIN book b ON b.id = t.book_id"
    " GROUP BY g.id HAVING count(b.id) > 3 ORDER BY g.id",
    "SELECT count(*) FROM tag g JOIN tagged t ON t.tag_id = g.id JOIN book b ON b.id = t.book_id"
    " WHERE b.title > 'B' AND g.id < 5",
    "SELECT a.name, b.title FROM tagged t JOIN book b ON b.id = t.book_id LEFT JOIN author a ON a.id = b.author_id"
    " WHERE t.tag_id = 2 ORDER BY b.title, a.name, t.id",
    "SELECT more FROM book WHERE author_id = 3",
]


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "Ahead.fs"
    connection = dbapi.connect(path)
    for statement in TABLES.split(";"):
        connection.execute(statement)
    many = connection.cursor().executemany
    many("INSERT INTO author VALUES (%s, %s)", [(n, f"Author {n}") for n in range(100)])
    many("INSERT INTO tag VALUES (%s, %s)", [(n, f"Tag {n}") for n in range(1000)])
    many("INSERT INTO book VALUES (%s, %s, %s, %s)", [(n, f"Book {n}", n % 4 or None, "x" * 300) for n in range(ROWS)])
    tagged = [(n, n * 7919 % ROWS + n % 2 * (n % 5), n % 4 or None, "y" * 300) for n in range(ROWS)]
    many("INSERT INTO tagged VALUES (%s, %s, %s, %s)", tagged)
    connection.commit()
    connection.close()
    close_all()
    yield path
    close_all()


def answers(path: Path, cache: int) -> tuple[list[Any], list[str], list[int]]:
    connection = dbapi.connect(path, cache_size_bytes=cache)
    found, plans, loads = [], [], []
    for sql in JOINS:
        plans.append("\n".join(row[0] for row in connection.execute(f"EXPLAIN {sql}").fetchall()))
        jar = connection.session.catalog.table("book").tree._p_jar
        before = jar._load_count
        found.append(connection.execute(sql).fetchall())
        loads.append(jar._load_count - before)
    connection.close()
    close_all()
    return found, plans, loads


def test_the_same_rows_in_the_same_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, plans, _ = answers(path, 100_000_000)
    assert all(len(rows) for rows in expected)
    assert not any("looked up ahead" in plan for plan in plans)
    for first, many in ((100, 5000), (3, 20), (3, 5000)):
        monkeypatch.setattr(fetch_module, "_FIRST", first)
        monkeypatch.setattr(fetch_module, "_MANY", many)
        found, plans, loads = answers(path, 200_000)
        assert found == expected
        assert sum("looked up ahead" in plan for plan in plans) == 7, plans
        assert loads[0] < 4 * 2 * ROWS / 30 + 400, "not one for each of 2 x 1,500 look-ups"


def test_few_rows_are_looked_up_one_by_one(path: Path) -> None:
    connection = dbapi.connect(path, cache_size_bytes=200_000)
    for sql in (
        "SELECT * FROM tagged t JOIN book b ON b.id = t.book_id WHERE t.id = 3",
        "SELECT * FROM tagged t JOIN book b ON b.id = t.book_id ORDER BY t.id LIMIT 5",
    ):
        plan = connection.execute(f"EXPLAIN {sql}").fetchall()
        assert not any("ahead" in row[0] for row in plan)
    connection.close()


def test_nothing_looks_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rowid of no row is no variable that could be carried."""
    look_ahead_always(monkeypatch)
    connection = dbapi.connect(":memory:")
    connection.execute("CREATE TABLE named (name text PRIMARY KEY, book integer, title text)")
    connection.execute("CREATE TABLE book (id integer PRIMARY KEY, title text)")
    update = "UPDATE named SET title = b.title FROM book b WHERE b.id = named.book AND named.name = NULL RETURNING name"
    plan = [row[0] for row in connection.execute(f"EXPLAIN {update}").fetchall()]
    assert any("rowid = null" in line for line in plan)
    assert any("looked up ahead" in line for line in plan)
    assert connection.execute(update).fetchall() == []
    connection.close()
