"""The connections of a database, and what the caches of all hold together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.errors import OperationalError
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.session import Session

ROWS = 6_000


def no_expressions(*_: object) -> Any:
    """These tables have no expressions."""
    raise AssertionError


@pytest.fixture(autouse=True)
def closed_in_the_end() -> Iterator[None]:
    yield
    close_all()


def begun(database: Database, count: int) -> list[Session]:
    """So many transactions at once."""
    sessions = [database.session(no_expressions) for _ in range(count)]
    for session in sessions:
        session.begin()
    return sessions


def limits(database: Database) -> set[tuple[int, int]]:
    """How many bytes of objects, and how many of columns, the connections may hold."""
    assert database._zodb is not None
    return {(each._cache.cache_size_bytes, each.columns.limit) for each in database._zodb.pool}


def test_more_connections_than_the_pool_keeps_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    database = Database.open(":memory:crowd", pool_size=2)
    sessions = [database.session(no_expressions) for _ in range(12)]
    for _ in range(3):
        for session in sessions:
            session.begin()
        for session in sessions:
            session.close()
    told = [record.getMessage() for record in caplog.records]
    assert [(record.name, record.levelname) for record in caplog.records] == [("django_zodb", "WARNING")] * 2
    assert told[0].startswith(":memory:crowd has 3 connections at once; no more than 2 will keep their caches")
    assert told[1].startswith(":memory:crowd has 7 connections at once")
    assert database.stats()["connections"] == 2


def test_many_connections_share_what_few_have() -> None:
    database = Database.open(":memory:shared", pool_size=2, cache_size_bytes=1_000)
    few = begun(database, 4)
    assert limits(database) == {(1_000, 2_000)}
    more = begun(database, 6)
    assert limits(database) == {(400, 800)}
    for session in more:
        session.close()
    assert len(list(database._zodb.pool)) == 6  # type: ignore[union-attr]  # two wait for their next user
    assert limits(database) == {(666, 1_332)}
    for session in few:
        session.close()
    assert limits(database) == {(1_000, 2_000)}


def test_what_all_caches_hold_is_an_option() -> None:
    half = Database.open(":memory:half", cache_size_bytes=1_000, cache_total_bytes=2_500)
    begun(half, 5)
    assert limits(half) == {(500, 1_000)}
    for options in ({"cache_total_bytes": 0, "cache_size_bytes": 1_000}, {"cache_size_bytes": 0}):
        unlimited = Database.open(f":memory:{options}", **options)
        begun(unlimited, 20)
        assert limits(unlimited) == {(options["cache_size_bytes"], 2 * options["cache_size_bytes"])}
    with pytest.raises(OperationalError, match="option cache_total_bytes must be 0 at least, got -1"):
        Database.open(":memory:less", cache_total_bytes=-1)


def test_a_limit_that_zodb_is_told_holds() -> None:
    database = Database.open(":memory:told", cache_size_bytes=1_000)
    sessions = begun(database, 8)
    database._zodb.setCacheSizeBytes(3_000)  # type: ignore[union-attr]
    for connection in database._zodb.pool:  # type: ignore[union-attr]
        connection._sweep()
    assert limits(database) == {(1_500, 3_000)}
    assert len(sessions) == 8


def test_a_cache_in_use_shrinks_to_its_part(tmp_path: Path) -> None:
    path = tmp_path / "Data.fs"
    with dbapi.connect(path, cache_size_bytes=200_000) as first:
        first.execute("CREATE TABLE page (id integer PRIMARY KEY, body text)")
        first.cursor().executemany("INSERT INTO page VALUES (%s, %s)", [(n, f"{n:060}") for n in range(ROWS)])
        first.commit()

        def read(connection: dbapi.Connection) -> int:
            for n in range(ROWS):  # by their keys: what is read so stays in the cache
                connection.execute("SELECT body FROM page WHERE id = %s", [n])
            session: Any = connection.session
            session.begin()
            size: int = session.catalog.table("page").tree._p_jar._cache.total_estimated_size
            connection.rollback()
            return size

        alone = read(first)
        assert 150_000 < alone < 260_000
        others = [dbapi.connect(path, cache_size_bytes=200_000) for _ in range(19)]
        for other in others:
            other.execute("SELECT 1 FROM page WHERE id = 1")
        assert limits(Database.open(path)) == {(40_000, 80_000)}
        assert read(first) < alone / 2
        assert read(others[0]) < alone / 2
        for other in others:
            other.close()
