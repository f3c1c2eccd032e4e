"""Two transactions that delete the same row: who comes second hears of it, and a row is never claimed twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from django_zodb import dbapi

Two = tuple[dbapi.Connection, dbapi.Connection]


@pytest.fixture(params=["memory", "file"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Two]:
    name = f":memory:{uuid4().hex}" if request.param == "memory" else str(tmp_path / "Data.fs")
    with closing(dbapi.connect(name)) as one, closing(dbapi.connect(name)) as other:
        run(one, "CREATE TABLE job (id bigint PRIMARY KEY, title text UNIQUE)")
        run(one, "CREATE TABLE step (id bigint PRIMARY KEY, job_id bigint REFERENCES job (id) ON DELETE CASCADE)")
        run(one, "INSERT INTO job VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        run(one, "INSERT INTO step VALUES (1, 1), (2, 1), (3, 2)")
        one.commit()
        yield one, other


def run(connection: dbapi.Connection, sql: str) -> dbapi.Cursor:
    cursor = connection.cursor()
    cursor.execute(sql)
    return cursor


def count(connection: dbapi.Connection, table: str = "job") -> object:
    return run(connection, f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # type: ignore[index]


def test_a_row_deleted_meanwhile_is_no_conflict_and_not_counted(two: Two) -> None:
    one, other = two
    assert count(one) == 3
    assert run(other, "DELETE FROM job WHERE id = 1").rowcount == 1
    other.commit()
    assert run(one, "DELETE FROM job WHERE id <= 2").rowcount == 1
    assert count(one) == 1, "it does not see what it deleted, whoever was first"
    one.commit()
    assert (count(one), count(one, "step")) == (1, 0)


def test_returning_leaves_it_out(two: Two) -> None:
    one, other = two
    count(one)
    run(other, "DELETE FROM job WHERE id = 1")
    other.commit()
    cursor = run(one, "DELETE FROM job WHERE id <= 2 RETURNING title")
    assert (cursor.fetchall(), cursor.rowcount) == ([("b",)], 1)
    one.commit()


def test_two_that_claim_a_row_at_once_are_in_conflict(two: Two) -> None:
    one, other = two
    assert run(one, "DELETE FROM job WHERE id = 1").rowcount == 1
    assert run(other, "DELETE FROM job WHERE id = 1").rowcount == 1
    other.commit()
    with pytest.raises(dbapi.OperationalError) as caught:
        one.commit()
    assert caught.value.retryable
    assert run(one, "DELETE FROM job WHERE id = 1").rowcount == 0


def test_a_changed_row_is_still_a_conflict(two: Two) -> None:
    one, other = two
    count(one)
    run(other, "UPDATE job SET title = 'x' WHERE id = 1")
    other.commit()
    assert run(one, "DELETE FROM job WHERE id = 1").rowcount == 1
    with pytest.raises(dbapi.OperationalError):
        one.commit()
    assert count(one) == 3


def test_a_row_that_came_back_is_a_conflict(two: Two) -> None:
    one, other = two
    count(one)
    run(other, "DELETE FROM job WHERE id = 1")
    other.commit()
    assert run(one, "DELETE FROM job WHERE id = 1").rowcount == 0
    run(other, "INSERT INTO job VALUES (1, 'again')")
    other.commit()
    with pytest.raises(dbapi.OperationalError):
        one.commit()
    assert count(one) == 3


def test_taken_back_to_a_savepoint_the_row_is_as_it_was_seen(two: Two) -> None:
    one, other = two
    count(one)
    run(other, "DELETE FROM job WHERE id = 1")
    other.commit()
    run(one, "SAVEPOINT s")
    assert run(one, "DELETE FROM job WHERE id = 1").rowcount == 0
    run(one, "ROLLBACK TO SAVEPOINT s")
    assert count(one) == 3
    run(one, "UPDATE job SET title = 'y' WHERE id = 1")
    with pytest.raises(dbapi.OperationalError):
        one.commit()


def test_serializable_transactions_are_refused_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "Data.fs"
    with closing(dbapi.connect(path, isolation="serializable")) as one, closing(dbapi.connect(path)) as other:
        run(other, "CREATE TABLE job (id bigint PRIMARY KEY)")
        run(other, "INSERT INTO job VALUES (1), (2)")
        other.commit()
        count(one)
        run(other, "DELETE FROM job WHERE id = 1")
        other.commit()
        assert run(one, "DELETE FROM job WHERE id = 1").rowcount == 1
        with pytest.raises(dbapi.OperationalError):
            one.commit()
