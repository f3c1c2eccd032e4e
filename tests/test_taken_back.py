"""Definitions within a transaction that also writes rows: what is taken back, and what is checked after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from connecting import Connect, connecting

from django_zodb import dbapi
from django_zodb.errors import ConflictError, IntegrityError
from django_zodb.storage import reads
from django_zodb.storage.check import check
from django_zodb.storage.journal import PACKED_AT
from django_zodb.storage.progress import silent
from django_zodb.storage.rebuild import SPILL_ROWS

TABLES = (
    "CREATE TABLE p (id bigint PRIMARY KEY, n integer)",
    "CREATE TABLE c (id bigint PRIMARY KEY, p_id bigint, u integer,"
    " CONSTRAINT c_p FOREIGN KEY (p_id) REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED,"
    " CONSTRAINT c_u UNIQUE (u) DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TABLE big (id bigint PRIMARY KEY, n integer)",
)


@pytest.fixture(params=["memory", "file"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    with connecting(request.param, tmp_path, TABLES) as connection:
        yield connection


def sound(connection: dbapi.Connection) -> bool:
    connection.rollback()
    return not check(connection.session, silent).problems


def count(connection: dbapi.Connection, table: str) -> tuple[int, int]:
    """How many rows there are, by the table's count and by looking at each."""
    (counted,) = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
    return counted, len(connection.execute(f"SELECT id FROM {table}").fetchall())


# --- what is left of them ------------------------------------------------------------------------------------------


def test_a_truncation_is_taken_back_after_its_trees_left_the_cache(tmp_path: Path) -> None:
    connection = dbapi.connect(tmp_path / "data.fs", cache_size_bytes=20_000, cache_size=50)
    connection.execute("CREATE TABLE a (id bigint PRIMARY KEY, name varchar(20))")
    connection.execute("CREATE INDEX a_name ON a (name)")
    connection.execute("CREATE TABLE d (id bigint PRIMARY KEY, n integer)")
    many = connection.cursor().executemany
    many("INSERT INTO a VALUES (%s, %s)", [(n, f"name {n}") for n in range(200)])
    many("INSERT INTO d VALUES (%s, %s)", [(n, n) for n in range(2 * SPILL_ROWS)])
    connection.commit()
    for statement in (
        "BEGIN",
        "SAVEPOINT s",
        "TRUNCATE a",
        "ALTER TABLE d ALTER COLUMN n TYPE bigint",
        "UPDATE d SET n = n + 1",
        "SELECT COUNT(*) FROM d WHERE n > 7",
        "ROLLBACK TO s",
        "INSERT INTO a VALUES (1000, 'new')",
        "COMMIT",
    ):
        connection.execute(statement)
    assert count(connection, "a") == (201, 201)
    assert connection.execute("SELECT id FROM a WHERE name = 'name 7'").fetchall() == [(7,)]
    assert sound(connection)


# --- what is checked -----------------------------------------------------------------------------------------------

UNDONE = (
    "ALTER TABLE c ADD COLUMN x integer NULL",
    "ALTER TABLE p ADD COLUMN x integer NULL",
    "ALTER TABLE c RENAME COLUMN p_id TO q_id",
    "ALTER TABLE c RENAME TO d",
    "CREATE INDEX c_p_id ON c (p_id)",
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SET CONSTRAINTS c_p, c_u IMMEDIATE",
)


@pytest.mark.parametrize("much", [False, True], ids=["little", "packed"])
@pytest.mark.parametrize("statement", UNDONE)
def test_what_a_definition_has_checked_is_checked_again(connect: Connect, statement: str, much: bool) -> None:
    connection = connect()
    for each in ("BEGIN", "INSERT INTO c VALUES (1, 5, 1)", "SAVEPOINT s", "INSERT INTO p VALUES (5, 0)"):
        connection.execute(each)
    connection.execute(statement)
    if much:
        connection.cursor().executemany("INSERT INTO big VALUES (%s, 0)", [(n,) for n in range(PACKED_AT + 1)])
        connection.execute("INSERT INTO big VALUES (-1, 0)")
        assert connection.session.journal.packed
    connection.execute("ROLLBACK TO s")
    with pytest.raises(IntegrityError, match="no row of p has id = 5"):
        connection.execute("COMMIT")
    assert count(connection, "c") == (0, 0)


@pytest.mark.parametrize("statement", ["TRUNCATE c", "DROP TABLE c"])
def test_what_a_definition_has_removed_is_checked_when_it_is_back(connect: Connect, statement: str) -> None:
    connection = connect()
    for each in ("BEGIN", "INSERT INTO c VALUES (1, 5, 1)", "SAVEPOINT s", statement, "ROLLBACK TO s"):
        connection.execute(each)
    with pytest.raises(IntegrityError, match="no row of p has id = 5"):
        connection.execute("COMMIT")


def test_a_key_that_is_gone_is_looked_at_again_when_its_table_is_back(connect: Connect) -> None:
    connection = connect()
    for each in (
        "INSERT INTO p VALUES (5, 0)",
        "INSERT INTO c VALUES (1, 5, 1)",
        "COMMIT",
        "BEGIN",
        "DELETE FROM p",
        "SAVEPOINT s",
        "DROP TABLE p CASCADE",
        "ROLLBACK TO s",
    ):
        connection.execute(each)
    with pytest.raises(IntegrityError, match="id = 5 of p is still referenced"):
        connection.execute("COMMIT")
    assert count(connection, "p") == (1, 1)


@pytest.mark.parametrize("statement", UNDONE)
def test_unique_values_are_checked_again(connect: Connect, statement: str) -> None:
    connection = connect()
    for each in (
        "BEGIN",
        "INSERT INTO c VALUES (1, NULL, 7), (2, NULL, 7)",
        "SAVEPOINT s",
        "DELETE FROM c WHERE id = 2",
        statement,
        "ROLLBACK TO s",
    ):
        connection.execute(each)
    with pytest.raises(IntegrityError, match="UNIQUE"):
        connection.execute("COMMIT")


def test_a_definition_before_the_savepoint_stays_checked(connect: Connect) -> None:
    connection = connect()
    for each in (
        "BEGIN",
        "INSERT INTO p VALUES (5, 0)",
        "INSERT INTO c VALUES (1, 5, 1)",
        "ALTER TABLE c ADD COLUMN x integer NULL",
        "SAVEPOINT s",
        "INSERT INTO c VALUES (2, 6, 2, 3)",
        "ROLLBACK TO s",
        "INSERT INTO c VALUES (3, 5, 3, 4)",
        "COMMIT",
    ):
        connection.execute(each)
    assert connection.execute("SELECT * FROM c").fetchall() == [(1, 5, 1, None), (3, 5, 3, 4)]
    assert sound(connection)


def test_set_constraints_is_taken_back_with_its_savepoint(connect: Connect) -> None:
    connection = connect()
    connection.execute("BEGIN")
    connection.execute("SAVEPOINT a")
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.execute("SAVEPOINT b")
    connection.execute("SET CONSTRAINTS c_p DEFERRED")
    connection.execute("INSERT INTO c VALUES (1, 5, 1)")
    connection.execute("ROLLBACK TO b")
    with pytest.raises(IntegrityError, match="no row of p has id = 5"):
        connection.execute("INSERT INTO c VALUES (1, 5, 1)")
    connection.execute("ROLLBACK TO a")
    connection.execute("INSERT INTO c VALUES (1, 5, 1)")
    connection.execute("INSERT INTO p VALUES (5, 0)")
    connection.execute("COMMIT")
    assert count(connection, "c") == (1, 1)


# --- definitions that are refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("all_of_it", [False, True], ids=["what was read", "everything"])
def test_a_definition_refused_for_what_was_read_leaves_the_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_of_it: bool
) -> None:
    """What others commit is not seen by a serializable transaction, and they need not wait for its end."""
    if all_of_it:  # more was read than is kept
        monkeypatch.setattr(reads, "_OFTEN", 1)
        monkeypatch.setattr(reads, "_MOST", 0)
    one, two = (dbapi.connect(tmp_path / "data.fs", isolation="serializable", timeout=1) for _ in range(2))
    for statement in (*TABLES, "INSERT INTO p VALUES (1, 1), (2, 2)", "COMMIT"):
        one.execute(statement)
    for table in ("big", "p"):
        one.execute(f"SELECT * FROM {table}").fetchall()
    one.execute("INSERT INTO big VALUES (1, 1)")
    two.execute("UPDATE p SET n = 7 WHERE id = 1")
    two.commit()
    for _ in range(2):
        with pytest.raises(ConflictError):
            one.execute("CREATE INDEX big_n ON big (n)")
    assert one.execute("SELECT n FROM p ORDER BY id").fetchall() == [(1,), (2,)]
    two.execute("UPDATE p SET n = 8 WHERE id = 1")
    two.commit()
    with pytest.raises(ConflictError):
        one.commit()
    assert count(one, "big") == (0, 0)


@pytest.mark.parametrize("last", ["COMMIT", "CREATE INDEX big_n ON big (n)"])
def test_a_row_that_was_refused_is_refused_when_what_was_read_is_compared(tmp_path: Path, last: str) -> None:
    one, two = (dbapi.connect(tmp_path / "data.fs", isolation="serializable") for _ in range(2))
    for statement in (*TABLES, "CREATE TABLE k (id bigint PRIMARY KEY, n integer CHECK (n <> 13))", "COMMIT"):
        one.execute(statement)
    with pytest.raises(IntegrityError, match="CHECK"):
        one.execute("INSERT INTO k VALUES (1, 13) ON CONFLICT (id) DO NOTHING")
    two.execute("INSERT INTO big VALUES (1, 1)")
    two.commit()
    one.execute("INSERT INTO p VALUES (1, 1)")
    one.execute(last)
    one.commit()
    assert count(one, "p") == (1, 1)


# --- rows of the shape that a table had before ---------------------------------------------------------------------


def test_rows_inserted_before_a_definition_beside_row_locks(connect: Connect) -> None:
    writer, other = connect(), connect()
    other.execute("INSERT INTO big VALUES (1, 1)")
    other.commit()
    other.execute("BEGIN")
    other.execute("SELECT * FROM big FOR UPDATE")
    for each in (
        "BEGIN",
        "INSERT INTO p VALUES (2, 3)",
        "INSERT INTO p VALUES (3, 4)",
        "DELETE FROM p WHERE id = 3",
        "ALTER TABLE p ADD COLUMN z integer UNIQUE",
        "COMMIT",
    ):
        writer.execute(each)
    other.execute("COMMIT")
    assert writer.execute("SELECT * FROM p").fetchall() == [(2, 3, None)]
    assert sound(writer)


def test_changes_of_passing_rows_between_definitions_of_a_serializable_transaction(tmp_path: Path) -> None:
    connection = dbapi.connect(tmp_path / "data.fs", isolation="serializable")
    for each in (
        "CREATE TABLE q (id bigint PRIMARY KEY)",
        "CREATE TABLE t (id bigint PRIMARY KEY, n integer)",
        "BEGIN",
        "SELECT COUNT(*) FROM q",
        "ALTER TABLE t ADD COLUMN x integer NULL",
        "INSERT INTO t VALUES (1, 2, 3)",
        "UPDATE t SET n = 5",
        "ALTER TABLE t ADD COLUMN q_id bigint NULL UNIQUE REFERENCES q (id)",
        "COMMIT",
    ):
        connection.execute(each)
    assert connection.execute("SELECT * FROM t").fetchall() == [(1, 5, 3, None)]
    assert sound(connection)
