"""ON CONFLICT where another transaction inserts the same key meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from connecting import Connect, connecting

from django_zodb.errors import ConflictError, Error, IntegrityError

START = (
    "CREATE TABLE k (name varchar(9) PRIMARY KEY, n integer UNIQUE CHECK (n < 100))",
    "CREATE TABLE e (id bigint PRIMARY KEY)",
    "CREATE TABLE z (id bigint PRIMARY KEY)",
    "INSERT INTO k VALUES ('old', 9)",
)
NOTHING = "INSERT INTO k VALUES ('x', 1) ON CONFLICT DO NOTHING"
UPDATE = "INSERT INTO k VALUES ('x', 1) ON CONFLICT (name) DO UPDATE SET n = 7"


@pytest.fixture(params=["memory", "file"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    with connecting(request.param, tmp_path, START) as connection:
        yield connection


def rows(connection: Any) -> list[Any]:
    connection.rollback()
    return connection.execute("SELECT * FROM k ORDER BY name").fetchall()  # type: ignore[no-any-return]


@pytest.mark.parametrize("undone", ["UPDATE k SET n = n + 3", "UPDATE k SET n = 100", "DELETE FROM k"])
def test_a_change_that_is_taken_back_leaves_what_was_said_of_the_conflict(connect: Connect, undone: str) -> None:
    one, two = connect(), connect()
    one.execute(NOTHING)
    one.execute("SAVEPOINT s")
    try:
        one.execute(undone)
    except IntegrityError:
        pass
    else:
        one.execute("ROLLBACK TO s")
    two.execute("INSERT INTO k VALUES ('x', 2)")
    two.commit()
    one.commit()
    assert rows(one) == [("old", 9), ("x", 2)]


def test_a_row_that_is_taken_back_leaves_nothing_of_it(connect: Connect) -> None:
    one, two = connect(), connect()
    for statement in ("SAVEPOINT s", NOTHING, "ROLLBACK TO s", "INSERT INTO k VALUES ('x', 1)"):
        one.execute(statement)
    two.execute("INSERT INTO k VALUES ('x', 2)")
    two.commit()
    with pytest.raises(IntegrityError):
        one.commit()


def test_nothing_is_done_where_keys_are_locked(connect: Connect) -> None:
    one, two = connect(), connect()
    for before in (None, "INSERT INTO z VALUES (1)"):
        one.execute("SELECT * FROM e FOR UPDATE")
        one.execute("SELECT COUNT(*) FROM z")
        if before is not None:
            one.execute(before)
        two.execute("INSERT INTO k VALUES ('x', 2)")
        two.commit()
        assert one.execute(NOTHING).rowcount == 0
        assert one.execute(f"{NOTHING} RETURNING name").fetchall() == []
        one.commit()
        assert rows(one) == [("old", 9), ("x", 2)]
        two.execute("DELETE FROM k WHERE name = 'x'")
        two.commit()


def test_an_update_gets_the_retryable_error_where_keys_are_locked(connect: Connect) -> None:
    one, two = connect(), connect()
    one.execute("SELECT * FROM e FOR UPDATE")
    one.execute("INSERT INTO z VALUES (1)")
    two.execute("INSERT INTO k VALUES ('x', 2)")
    two.commit()
    with pytest.raises(ConflictError, match="inserted the same key into k meanwhile"):
        one.execute(UPDATE)
    one.rollback()
    one.execute(UPDATE)
    one.commit()
    assert rows(one) == [("old", 9), ("x", 7)]


def test_another_key_than_that_of_the_conflict_is_an_error(connect: Connect) -> None:
    one, two = connect(), connect()
    one.execute("SELECT * FROM e FOR UPDATE")
    two.execute("INSERT INTO k VALUES ('y', 1)")
    two.commit()
    with pytest.raises(IntegrityError, match="UNIQUE"):
        one.execute("INSERT INTO k VALUES ('x', 1) ON CONFLICT (name) DO NOTHING")


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_a_key_that_was_there_before_is_no_conflict_with_others(tmp_path: Path, isolation: str) -> None:
    with connecting("file", tmp_path, START, isolation) as connect:
        one, two = connect(), connect()
        one.execute("SELECT * FROM z FOR UPDATE")
        two.execute("INSERT INTO z VALUES (1)")
        two.commit()
        with pytest.raises(Error) as caught:
            one.execute("INSERT INTO k VALUES ('old', 1)")
        assert type(caught.value) is IntegrityError
        assert one.execute("SELECT COUNT(*) FROM z").fetchone() == (0,)
