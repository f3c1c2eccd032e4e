"""Views in the database: transactional, durable, and noticed by programs that were made before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from django_zodb import dbapi

Connection = Any


@pytest.fixture
def connection() -> Iterator[Connection]:
    with closing(dbapi.connect(f":memory:{uuid4().hex}", autocommit=True)) as made:
        run(made, "CREATE TABLE t (id integer PRIMARY KEY, x integer)")
        run(made, "INSERT INTO t VALUES (1, 10), (2, 20)")
        yield made


def run(connection: Connection, sql: str, params: tuple[object, ...] | None = None) -> list[tuple[object, ...]]:
    cursor = connection.cursor()
    cursor.execute(sql, params)
    return list(cursor.fetchall()) if cursor.description else []


def views(connection: Connection) -> list[str]:
    names: list[str] = connection.catalog.view_names()
    return names


def test_a_file_without_views_has_no_tree_of_them(connection: Connection) -> None:
    assert "views" not in connection.catalog.root
    run(connection, "BEGIN")
    run(connection, "CREATE VIEW v AS SELECT x FROM t")
    assert "views" in connection.catalog.root
    run(connection, "ROLLBACK")
    assert "views" not in connection.catalog.root


def test_creation_and_dropping_are_undone(connection: Connection) -> None:
    run(connection, "CREATE VIEW kept AS SELECT x FROM t")
    run(connection, "BEGIN")
    run(connection, "CREATE VIEW v AS SELECT x FROM kept")
    run(connection, "SAVEPOINT s")
    run(connection, "DROP VIEW kept CASCADE")
    assert views(connection) == []
    run(connection, "ROLLBACK TO SAVEPOINT s")
    assert views(connection) == ["kept", "v"]
    assert run(connection, "SELECT * FROM v ORDER BY x") == [(10,), (20,)]
    run(connection, "ROLLBACK")
    assert views(connection) == ["kept"]


def test_a_statement_that_breaks_a_view_leaves_no_trace(connection: Connection) -> None:
    run(connection, "CREATE VIEW v AS SELECT x FROM t")
    for statement in ("ALTER TABLE t DROP COLUMN x", "ALTER TABLE t RENAME COLUMN x TO y", "DROP TABLE t"):
        with pytest.raises(dbapi.DatabaseError, match=r'view "?v"?'):
            run(connection, statement)
    assert run(connection, "SELECT x FROM t ORDER BY x") == run(connection, "SELECT x FROM v ORDER BY x")
    run(connection, "ALTER TABLE t ADD COLUMN y integer")
    run(connection, "ALTER TABLE t ALTER COLUMN x TYPE bigint")


def test_programs_notice_what_a_view_has_become(connection: Connection) -> None:
    run(connection, "CREATE VIEW v AS SELECT x FROM t")
    query = "SELECT * FROM V WHERE x > %s ORDER BY 1"
    assert run(connection, query, (5,)) == [(10,), (20,)]
    run(connection, "CREATE OR REPLACE VIEW v AS SELECT x + 1 AS x, id FROM t")
    assert run(connection, query, (5,)) == [(11, 1), (21, 2)]
    run(connection, "INSERT INTO t VALUES (3, 30)")
    assert run(connection, query, (25,)) == [(31, 3)]
    run(connection, "DROP VIEW v")
    with pytest.raises(dbapi.ProgrammingError, match='table "V" does not exist'):
        run(connection, query, (5,))
    run(connection, "CREATE TABLE v (x integer PRIMARY KEY)")
    assert run(connection, query, (5,)) == []


def test_a_name_is_that_of_one_thing(connection: Connection) -> None:
    run(connection, "CREATE VIEW v AS SELECT 1 AS one")
    for statement in (
        "CREATE TABLE v (id integer)",
        "ALTER TABLE t RENAME TO v",
        "CREATE OR REPLACE VIEW t AS SELECT 1",
    ):
        with pytest.raises(dbapi.ProgrammingError):
            run(connection, statement)


def test_parameters_become_literals(connection: Connection) -> None:
    run(connection, "CREATE VIEW v AS SELECT x FROM t WHERE x > %s AND 'a%%' LIKE 'a%%'", (15,))
    assert run(connection, "SELECT * FROM v") == [(20,)]
    assert run(connection, "SELECT * FROM v WHERE x < %s", (30,)) == [(20,)]


def test_views_survive_in_the_file(tmp_path: Path) -> None:
    name = str(tmp_path / "Data.fs")
    with closing(dbapi.connect(name, autocommit=True)) as connection:
        run(connection, "CREATE TABLE t (id integer PRIMARY KEY)")
        run(connection, "CREATE VIEW v (n) AS SELECT COUNT(*) FROM t; ")
    with closing(dbapi.connect(name, autocommit=True)) as connection:
        assert run(connection, "SELECT n FROM v") == [(0,)]
        view = connection.catalog.view("v")
        assert (view.query, view.columns, view.uses) == ("SELECT COUNT(*) FROM t", ("n",), ("t",))


def test_views_feed_statements_that_write(connection: Connection) -> None:
    run(connection, "CREATE VIEW v AS SELECT x FROM t")
    run(connection, "CREATE VIEW w AS SELECT v.x, t.id FROM v JOIN t ON t.x = v.x")
    run(connection, "UPDATE t SET x = (SELECT MAX(x) FROM w) WHERE id IN (SELECT id FROM w WHERE x = 10)")
    run(connection, "DELETE FROM t WHERE x NOT IN (SELECT x FROM v WHERE x > 15)")
    assert run(connection, "INSERT INTO t (id, x) SELECT DISTINCT id + 10, x FROM w RETURNING x") != []
    assert {x for (x,) in run(connection, "SELECT x FROM v")} == {20}
