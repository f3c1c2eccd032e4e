"""Subqueries that use rows from further out than the query around them, in places where keys are made once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.errors import NotSupportedError

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
    "SELECT id FROM o ORDER BY id LIMIT (SELECT 2)",
    "SELECT id FROM o ORDER BY id DESC LIMIT (SELECT 2) OFFSET (SELECT COUNT(*) FROM o WHERE id < 1)",
    "SELECT o.id, (SELECT COUNT(*) FROM (SELECT id FROM m LIMIT (SELECT 2)) z) FROM o",
    "SELECT o.id FROM o WHERE o.id IN (SELECT m.id FROM m ORDER BY m.id LIMIT 2 OFFSET (SELECT 1))",
    "SELECT o.a, (SELECT SUM((SELECT COUNT(*) FROM m WHERE m.id <= o.id)) FROM s WHERE s.id = 1) FROM o GROUP BY o.a",
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


ROUNDS = {
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION SELECT q.n + 1 FROM (WITH w AS (SELECT n FROM r)"
    " SELECT x.n FROM w x JOIN w y ON x.n = y.n) q WHERE q.n < 5) SELECT n FROM r": range(1, 6),
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION SELECT q.x + 1 FROM (WITH RECURSIVE z (x) AS (SELECT n FROM r"
    " UNION SELECT z.x + 1 FROM z WHERE z.x < 3) SELECT x FROM z) q WHERE q.x < 8) SELECT n FROM r": range(1, 9),
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION SELECT q.x FROM (SELECT n + 1 AS x FROM r WHERE n < 3 UNION SELECT 7) q)"
    " SELECT n FROM r": (1, 2, 3, 7),
}


@pytest.mark.parametrize("query", ROUNDS)
def test_what_is_another_one_in_each_round(query: str) -> None:
    connection = dbapi.connect(":memory:rounds")
    assert sorted(row[0] for row in connection.execute(query).fetchall()) == list(ROUNDS[query])
    connection.close()


LIMITS = {
    "SELECT o.id, (SELECT COUNT(*) FROM (SELECT m.id FROM m LIMIT (SELECT o.id)) z) FROM o WHERE o.id < 3": [0, 1, 2],
    "SELECT o.id, (SELECT m.id FROM m ORDER BY m.id LIMIT 1 OFFSET (SELECT o.id)) FROM o WHERE o.id < 3": [0, 1, 2],
}


@pytest.mark.parametrize("query", LIMITS)
def test_a_limit_by_a_subquery_of_the_outer_row(
    engines: tuple[dbapi.Connection, sqlite3.Connection], query: str
) -> None:
    ours, _ = engines  # sqlite3 knows no outer rows there
    found = sorted(ours.execute(query).fetchall())
    assert [count for _, count in found] == LIMITS[query][: len(found)]
    assert len(found) > 1


def test_a_limit_by_a_column_is_refused(engines: tuple[dbapi.Connection, sqlite3.Connection]) -> None:
    ours, _ = engines
    with pytest.raises(NotSupportedError, match="a column of an outer query"):
        ours.execute("SELECT (SELECT m.id FROM m ORDER BY m.id LIMIT 1 OFFSET o.id) FROM o")


def test_an_aggregate_over_rows_of_frames_of_a_subquery() -> None:
    connection = dbapi.connect(":memory:frames")
    query = "SELECT id, SUM(id) OVER (ORDER BY id ROWS (SELECT 1) PRECEDING) FROM (VALUES (1), (2), (3)) AS v (id)"
    assert connection.execute(query).fetchall() == [(1, 1), (2, 3), (3, 5)]
    connection.close()
