"""information_schema: always what is there now, whatever was cached; and what cannot be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from django_zodb import dbapi

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"


@pytest.fixture
def cursor() -> Iterator[dbapi.Cursor]:
    with closing(dbapi.connect(f":memory:{uuid4().hex}")) as connection:
        yield connection.cursor()


def names(cursor: dbapi.Cursor) -> list[str]:
    cursor.execute(TABLES)
    return [name for (name,) in cursor.fetchall()]


def test_a_cached_query_sees_each_change_of_definitions(cursor: dbapi.Cursor) -> None:
    assert names(cursor) == []
    cursor.execute("CREATE TABLE one (id bigint PRIMARY KEY, v varchar(5))")
    assert names(cursor) == ["one"]
    cursor.execute("SAVEPOINT s")
    cursor.execute("CREATE VIEW two AS SELECT v FROM one")
    assert names(cursor) == ["one", "two"]
    cursor.execute("ROLLBACK TO SAVEPOINT s")
    assert names(cursor) == ["one"]
    cursor.execute("ALTER TABLE one RENAME TO three")
    assert names(cursor) == ["three"]


def test_columns_of_views_and_generated_ones(cursor: dbapi.Cursor) -> None:
    cursor.execute("CREATE TABLE t (a integer DEFAULT 3, b integer GENERATED ALWAYS AS (a * 2) STORED, c text)")
    cursor.execute("CREATE VIEW v AS SELECT a, c FROM t")
    cursor.execute(
        "SELECT table_name, column_name, column_default, is_generated, generation_expression "
        "FROM information_schema.columns ORDER BY table_name, ordinal_position"
    )
    assert cursor.fetchall() == [
        ("t", "a", "3", "NEVER", None),
        ("t", "b", None, "ALWAYS", "a * 2"),
        ("t", "c", None, "NEVER", None),
        ("v", "a", None, "NEVER", None),
        ("v", "c", None, "NEVER", None),
    ]


def test_a_view_of_it_is_always_true(cursor: dbapi.Cursor) -> None:
    cursor.execute("CREATE TABLE one (id bigint PRIMARY KEY)")
    cursor.execute("CREATE VIEW sizes AS SELECT table_name, COUNT(*) AS n FROM information_schema.columns GROUP BY 1")
    cursor.execute("SELECT n FROM sizes WHERE table_name = 'one'")
    assert cursor.fetchall() == [(1,)]
    cursor.execute("ALTER TABLE one ADD COLUMN v integer")
    cursor.execute("SELECT n FROM sizes WHERE table_name = 'one'")
    assert cursor.fetchall() == [(2,)]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO information_schema.tables (table_name) VALUES ('x')",
        "UPDATE information_schema.tables SET table_name = 'x'",
        "DELETE FROM information_schema.tables",
    ],
)
def test_it_is_not_written_to(cursor: dbapi.Cursor, sql: str) -> None:
    with pytest.raises(dbapi.NotSupportedError, match="writing to a view of information_schema is not supported"):
        cursor.execute(sql)


def test_a_table_of_ones_own_may_have_such_a_name(cursor: dbapi.Cursor) -> None:
    cursor.execute("CREATE TABLE tables (id bigint PRIMARY KEY)")
    cursor.execute("WITH columns AS (SELECT 7 AS n) SELECT n, (SELECT COUNT(*) FROM public.tables) FROM columns")
    assert cursor.fetchall() == [(7, 0)]
