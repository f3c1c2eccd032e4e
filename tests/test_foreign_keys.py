"""Foreign keys whose columns are of unlike types, or are about to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from uuid import uuid4

import pytest

from django_zodb import dbapi


@pytest.fixture
def db() -> Iterator[dbapi.Connection]:
    with closing(dbapi.connect(f":memory:{uuid4().hex}", autocommit=True)) as connection:
        yield connection


def run(db: dbapi.Connection, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)


def rows(db: dbapi.Connection, query: str) -> list[tuple[object, ...]]:
    return db.execute(query).fetchall()


# --- actions ----------------------------------------------------------------------------------------------------------


def related(db: dbapi.Connection, parent: str, child: str, value: object) -> None:
    """A row of ``parent``, and one of ``child`` that refers to it and follows it."""
    run(
        db,
        f"CREATE TABLE parent (id integer PRIMARY KEY, k {parent} UNIQUE)",
        f"CREATE TABLE child (id integer PRIMARY KEY, k {child} REFERENCES parent (k) ON UPDATE CASCADE)",
    )
    db.execute("INSERT INTO parent VALUES (1, %s)", [value])
    db.execute("INSERT INTO child VALUES (1, %s)", [value])


@pytest.mark.parametrize(
    ("parent", "child", "before", "after", "message"),
    [
        ("varchar(20)", "varchar(5)", "abc", "abcdefgh", r"varchar\(5\): 8 characters"),
        ("bigint", "smallint", 1, 100_000, "100000 is out of range for type smallint"),
        ("numeric(12, 4)", "numeric(6, 2)", Decimal("1.25"), 123456, r"123456\.0000 is out of range"),
    ],
)
def test_what_does_not_fit_the_child_is_refused(
    db: dbapi.Connection, parent: str, child: str, before: object, after: object, message: str
) -> None:
    related(db, parent, child, before)
    with pytest.raises(dbapi.DataError, match=rf"child\.k: .*{message}"):
        db.execute("UPDATE parent SET k = %s", [after])
    assert rows(db, "SELECT k FROM parent UNION ALL SELECT k FROM child") == [(before,), (before,)]


def test_what_fits_is_converted(db: dbapi.Connection) -> None:
    related(db, "numeric(12, 4)", "numeric(6, 2)", Decimal("1.25"))
    run(db, "UPDATE parent SET k = 3.5")
    assert [str(value) for (value,) in rows(db, "SELECT k FROM child")] == ["3.50"]
    run(db, "UPDATE parent SET k = NULL")
    assert rows(db, "SELECT k FROM child") == [(None,)]


@pytest.mark.parametrize(
    ("parent", "child", "before", "after"),
    [
        ("numeric(12, 4)", "numeric(6, 2)", Decimal("1.25"), Decimal("2.2599")),
        ("varchar(20)", "varchar(5)", "abc", "abc     "),
    ],
)
def test_what_is_another_value_once_converted_refers_to_nothing(
    db: dbapi.Connection, parent: str, child: str, before: object, after: object
) -> None:
    related(db, parent, child, before)
    with pytest.raises(dbapi.IntegrityError, match="no row of parent has k ="):
        db.execute("UPDATE parent SET k = %s", [after])
    assert rows(db, "SELECT k FROM parent UNION ALL SELECT k FROM child") == [(before,), (before,)]


def test_a_default_is_converted(db: dbapi.Connection) -> None:
    run(
        db,
        "CREATE TABLE parent (k numeric(12, 4) PRIMARY KEY)",
        "CREATE TABLE child (id integer PRIMARY KEY, k numeric(6, 2) DEFAULT 7 REFERENCES parent "
        "ON UPDATE SET DEFAULT ON DELETE SET DEFAULT)",
        "INSERT INTO parent VALUES (1), (2), (7)",
        "INSERT INTO child VALUES (1, 1), (2, 2)",
        "UPDATE parent SET k = 5 WHERE k = 1",
        "DELETE FROM parent WHERE k = 2",
    )
    assert [str(value) for (value,) in rows(db, "SELECT k FROM child")] == ["7.00", "7.00"]
