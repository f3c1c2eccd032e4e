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


# --- types change -----------------------------------------------------------------------------------------------------


def refused(db: dbapi.Connection, statement: str, *words: str) -> None:
    """The statement is wrong, its error says all these words, and nothing has changed."""
    before = db.catalog.schema("node")
    with pytest.raises(dbapi.ProgrammingError) as caught:
        db.execute(statement)
    assert all(word in str(caught.value) for word in words), caught.value
    assert db.catalog.schema("node") == before


def tree(db: dbapi.Connection) -> None:
    """Nodes that refer to nodes, and leaves that do, too."""
    run(
        db,
        "CREATE TABLE node (id bigint PRIMARY KEY, up bigint REFERENCES node)",
        "CREATE TABLE leaf (id bigint PRIMARY KEY, node_id bigint REFERENCES node)",
        "INSERT INTO node VALUES (1, NULL), (2, 1)",
        "INSERT INTO leaf VALUES (7, NULL)",
    )


@pytest.mark.parametrize(
    ("statement", "key", "types"),
    [
        ("ALTER TABLE node ALTER up TYPE varchar(20)", "node.up (node_up_fkey)", ("varchar(20)", "bigint")),
        ("ALTER TABLE node ALTER up TYPE numeric", "node.up (node_up_fkey)", ("numeric", "bigint")),
        ("ALTER TABLE leaf ALTER node_id TYPE text", "leaf.node_id (leaf_node_id_fkey)", ("text", "bigint")),
        ("ALTER TABLE node ALTER id TYPE varchar(20)", "node.up (node_up_fkey)", ("varchar(20)", "bigint")),
        (
            "ALTER TABLE node ALTER id TYPE text, ALTER up TYPE text",
            "leaf.node_id (leaf_node_id_fkey)",
            ("text", "bigint"),
        ),
    ],
)
def test_types_that_do_not_compare_are_refused(
    db: dbapi.Connection, statement: str, key: str, types: tuple[str, str]
) -> None:
    tree(db)
    refused(db, statement, "foreign key", key, *types, "drop the foreign key")
    run(db, "INSERT INTO node VALUES (3, 2)", "INSERT INTO leaf VALUES (8, 3)")
    assert rows(db, "SELECT node_id FROM leaf") == [(None,), (3,)]


def test_both_ends_in_one_table_change_together(db: dbapi.Connection) -> None:
    tree(db)
    run(db, "DROP TABLE leaf")
    refused(db, "ALTER TABLE node ALTER id TYPE varchar(20)", "node.up (node_up_fkey)", "bigint", "varchar(20)")
    run(db, "ALTER TABLE node ALTER id TYPE varchar(20), ALTER up TYPE varchar(20)")
    assert rows(db, "SELECT * FROM node ORDER BY id") == [("1", None), ("2", "1")]
    run(db, "INSERT INTO node VALUES ('3', '2')")
    with pytest.raises(dbapi.IntegrityError, match="no row of node has id = '9'"):
        run(db, "UPDATE node SET up = '9' WHERE id = '3'")


def test_keys_without_their_foreign_key_change(db: dbapi.Connection) -> None:
    tree(db)
    run(
        db,
        "INSERT INTO leaf VALUES (8, 2)",
        "ALTER TABLE leaf DROP CONSTRAINT leaf_node_id_fkey",
        "ALTER TABLE node ALTER id TYPE uuid USING CAST('00000000-0000-0000-0000-00000000000' || id AS uuid), "
        "ALTER up TYPE uuid USING CAST('00000000-0000-0000-0000-00000000000' || up AS uuid)",
        "ALTER TABLE leaf ALTER node_id TYPE uuid "
        "USING CAST('00000000-0000-0000-0000-00000000000' || node_id AS uuid), "
        "ADD CONSTRAINT again FOREIGN KEY (node_id) REFERENCES node",
    )
    assert rows(
        db, "SELECT leaf.id, parent.up FROM leaf JOIN node ON node_id = node.id JOIN node parent ON parent.id = node.up"
    ) == [(8, None)]


def test_types_that_compare_go_on_and_rows_are_checked(db: dbapi.Connection) -> None:
    tree(db)
    run(
        db,
        "ALTER TABLE node ALTER up TYPE smallint",
        "ALTER TABLE leaf ALTER node_id TYPE integer",
        "ALTER TABLE node ALTER id TYPE integer",
        "INSERT INTO leaf VALUES (8, 2)",
    )
    with pytest.raises(dbapi.IntegrityError, match="no row of node has id = 52"):
        run(db, "ALTER TABLE leaf ALTER node_id TYPE bigint USING node_id + 50")
    with pytest.raises(dbapi.IntegrityError, match="no row of node has id = 51"):
        run(db, "ALTER TABLE node ALTER up TYPE bigint USING up + 50")
    with pytest.raises(dbapi.IntegrityError, match="no row of node has id = 1"):
        run(db, "ALTER TABLE node ALTER id TYPE bigint USING id + 50")
    assert rows(db, "SELECT up, node_id FROM leaf JOIN node ON node_id = node.id") == [(1, 2)]
