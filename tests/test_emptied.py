"""DELETE of all rows at once, which empties trees instead of taking out their keys, is a deletion of each row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from connecting import Connect, connecting

from django_zodb import dbapi
from django_zodb.errors import ConflictError, IntegrityError
from django_zodb.storage import large_writes, persistent, table, trees
from django_zodb.storage.check import check
from django_zodb.storage.progress import silent

ROWS = 2000
TABLES = (
    "CREATE TABLE parent (id bigint PRIMARY KEY, code varchar(20) UNIQUE, size integer, note text)",
    "CREATE INDEX parent_size ON parent (size)",
    "CREATE INDEX parent_both ON parent (size, code) WHERE size > 0",
    "CREATE TABLE child (id bigint PRIMARY KEY, parent_code varchar(20), parent_id bigint,"
    " FOREIGN KEY (parent_code) REFERENCES parent (code) DEFERRABLE INITIALLY DEFERRED,"
    " FOREIGN KEY (parent_id) REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
)


def filling(first: int, last: int) -> list[tuple[Any, ...]]:
    large = "x" * 5000
    return [(n, f"code {n}", n % 4, large if n % 500 == 0 else str(n)) for n in range(first, last + 1)]


@pytest.fixture(params=["memory", "file"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    with connecting(request.param, tmp_path, TABLES) as connection:
        first = connection()
        first.cursor().executemany("INSERT INTO parent VALUES (%s, %s, %s, %s)", filling(1, ROWS))
        first.commit()
        yield connection


def rows(connection: dbapi.Connection) -> list[tuple[Any, ...]]:
    """All rows, which every index agrees with."""
    connection.rollback()
    found = check(connection.session, silent)
    assert not found.problems
    return connection.execute("SELECT id, code, size FROM parent ORDER BY id").fetchall()


def is_refused(connection: dbapi.Connection) -> bool:
    try:
        connection.commit()
    except (ConflictError, IntegrityError):
        return True
    return False


def test_nothing_is_left_and_more_can_come(connect: Connect) -> None:
    connection = connect()
    with patch.object(table, "empty", wraps=trees.empty) as emptied:
        assert connection.execute("DELETE FROM parent").rowcount == ROWS
    assert emptied.call_count == 4
    assert connection.execute("SELECT COUNT(*), MIN(code), MAX(size) FROM parent").fetchall() == [(0, None, None)]
    connection.cursor().executemany("INSERT INTO parent VALUES (%s, %s, %s, %s)", filling(5, 400))
    connection.commit()
    assert rows(connection) == [row[:3] for row in filling(5, 400)]


def test_what_is_deleted_comes_back(connect: Connect) -> None:
    connection = connect()
    connection.execute("INSERT INTO parent VALUES (5000, 'more', 1, 'kept')")
    connection.execute("SAVEPOINT before")
    connection.execute("DELETE FROM parent")
    connection.execute("INSERT INTO parent VALUES (1, 'code 2', 3, '')")
    connection.execute("ROLLBACK TO SAVEPOINT before")
    assert connection.execute("SELECT COUNT(*) FROM parent WHERE size = 3").fetchall() == [(ROWS // 4,)]
    connection.commit()
    assert rows(connection) == [*(row[:3] for row in filling(1, ROWS)), (5000, "more", 1)]
    connection.execute("DELETE FROM parent")
    connection.rollback()
    assert len(rows(connection)) == ROWS + 1


def test_all_but_one_row_is_not_all(connect: Connect) -> None:
    connection = connect()
    with patch.object(table, "empty", wraps=trees.empty) as emptied:
        connection.execute("DELETE FROM parent WHERE id <> 7")
    assert not emptied.called
    connection.commit()
    assert rows(connection) == [(7, "code 7", 3)]


def test_piece_by_piece(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_writes, "PIECE_ROWS", 300)
    monkeypatch.setattr(large_writes, "PIECES_OF_INDEXES", 2)
    connection = connect()
    assert connection.execute("DELETE FROM parent").rowcount == ROWS
    connection.execute("INSERT INTO parent VALUES (1, 'code 2', 3, '')")
    connection.commit()
    assert rows(connection) == [(1, "code 2", 3)]


OTHERS: dict[str, tuple[str, set[str]]] = {
    "insert": ("INSERT INTO parent VALUES (9000, 'new', 1, '')", {"both"}),
    "update": ("UPDATE parent SET note = 'changed' WHERE id = 77", {"first"}),
    "update of an index": ("UPDATE parent SET size = 9 WHERE id = 1999", {"first"}),
    "delete": ("DELETE FROM parent WHERE id = 77", {"first"}),
    "delete of all": ("DELETE FROM parent", {"first"}),
    "reference by key": ("INSERT INTO child VALUES (1, 'code 1500', NULL)", {"first"}),
    "reference by id": ("INSERT INTO child VALUES (1, NULL, 1500)", {"first"}),
    "lock": ("SELECT id FROM parent WHERE id = 77 FOR UPDATE", {"both", "first"}),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("deletes_first", [True, False])
def test_beside_others(connect: Connect, other: str, deletes_first: bool) -> None:
    statement, outcomes = OTHERS[other]
    deleting, changing = connect(), connect()
    for connection in (deleting, changing):
        connection.execute("SELECT 1 FROM parent LIMIT 1").fetchall()
    if other == "lock":  # which would be waited for
        deleting.execute("DELETE FROM parent")
        changing.execute(statement)
    else:
        changing.execute(statement)
        deleting.execute("DELETE FROM parent")
    first, second = (deleting, changing) if deletes_first else (changing, deleting)
    if other == "lock" and deletes_first:
        changing.rollback()
    first.commit()
    done = "first" if is_refused(second) else "both"
    assert done in outcomes
    left = rows(connect())
    if other == "insert":
        assert left == [(9000, "new", 1)]
    elif done == "both" or deletes_first or other == "delete of all":
        assert left == []
    else:
        assert len(left) == ROWS - (other == "delete")


def test_every_leaf_is_written(connect: Connect) -> None:
    connection = connect()
    stored = connection.session.catalog.table("parent")
    leaves = {oid for tree in (stored.tree, *stored._trees) for oid in trees.leaf_oids(tree)}
    postings = [held for tree in stored._trees for held in tree.values() if type(held) is persistent.Postings]
    leaves |= {oid for held in postings for oid in trees.leaf_oids(held)}
    assert len(leaves) > 300
    assert postings
    connection.execute("DELETE FROM parent")
    assert leaves <= set(connection.session.zodb_connection.changed_oids())
