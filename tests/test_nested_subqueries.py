"""Subqueries that use rows from further out than the query around them, in places where keys are made once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from django_zodb import dbapi

QUERIES = [
    "SELECT o.id, (SELECT COUNT(*) FROM m JOIN s ON s.b + o.a = m.c) FROM o",
    "SELECT o.id, (SELECT COUNT(*) FROM m LEFT JOIN s ON COALESCE(s.b, o.a) = m.c) FROM o",
    "SELECT o.id FROM o WHERE EXISTS (SELECT COUNT(*) FROM m JOIN s ON s.b + o.a = m.c HAVING COUNT(*) > 8)",
    "SELECT o.id, (SELECT COUNT(*) FROM m WHERE CASE WHEN EXISTS (SELECT 1 FROM s WHERE s.b + o.a = m.c)"
    " THEN m.id ELSE o.id END > 2) FROM o",
    "SELECT o.id, (SELECT COUNT(*) FROM m WHERE EXISTS (SELECT 1 FROM s JOIN s z ON z.id = s.id"
    " WHERE s.b + o.a = m.c)) FROM o",
    "SELECT o.id, (SELECT COUNT(*) FROM m WHERE m.id IN (SELECT s.id + o.a FROM s WHERE s.b + o.a = m.c)) FROM o",
    "SELECT o.id, (SELECT COUNT(*) FROM m WHERE (SELECT MAX(s.id) FROM s WHERE s.b + o.a = m.c) > 3) FROM o",
    "SELECT o.id, (SELECT COUNT(*) FROM m WHERE m.id < 3 OR NOT EXISTS (SELECT 1 FROM s JOIN m y ON y.id = s.id"
    " WHERE s.b + o.a = m.c)) FROM o",
    "SELECT o.id, (SELECT COUNT(*) FROM m WHERE m.c > 2 OR m.id IN (SELECT b FROM s)) FROM o",
]


@pytest.fixture(scope="module", params=[(2, 3, 3), (30, 30, 30), (5, 300, 400)], ids=str)
def engines(request: pytest.FixtureRequest) -> Iterator[tuple[dbapi.Connection, sqlite3.Connection]]:
    ours, theirs = dbapi.connect(f":memory:nested{request.param}"), sqlite3.connect(":memory:")
    each: Any
    for each in (ours, theirs):
        for name, column, size, step in zip("oms", "acb", request.param, (3, 4, 4), strict=True):
            each.execute(f"CREATE TABLE {name} (id integer PRIMARY KEY, {column} integer)")
            for number in range(size):
                each.execute(f"INSERT INTO {name} VALUES ({number}, {number % step})")
        each.commit()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("query", QUERIES)
def test_rows_from_further_out(engines: tuple[dbapi.Connection, sqlite3.Connection], query: str) -> None:
    ours, theirs = engines
    assert sorted(ours.execute(query).fetchall()) == sorted(theirs.execute(query).fetchall())


def test_a_query_with_a_name_is_another_one_in_each_round() -> None:
    connection = dbapi.connect(":memory:rounds")
    query = (
        "WITH RECURSIVE r (n) AS (SELECT 1 UNION SELECT q.n + 1 FROM (WITH w AS (SELECT n FROM r)"
        " SELECT x.n FROM w x JOIN w y ON x.n = y.n) q WHERE q.n < 5) SELECT n FROM r"
    )
    assert connection.execute(query).fetchall() == [(1,), (2,), (3,), (4,), (5,)]
    connection.close()
