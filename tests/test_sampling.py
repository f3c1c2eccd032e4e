"""The share of records that transactions find in memory, as some of them tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_zodb import dbapi
from django_zodb.storage import sampling
from django_zodb.storage.database import close_all
from django_zodb.storage.sampling import Sample

ROWS = 5000


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "Data.fs"
    with dbapi.connect(path) as connection:
        connection.execute("CREATE TABLE t (id bigint PRIMARY KEY, v integer)")
        connection.cursor().executemany("INSERT INTO t VALUES (%s, 1)", [(n,) for n in range(ROWS)])
    close_all()
    yield path
    close_all()


@pytest.fixture
def every_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_SHARE", 1e9)
    monkeypatch.setattr(sampling, "_EVERY", 1)
    monkeypatch.setattr("django_zodb.chance.CHANCE.randint", lambda low, high: low)


def measured(connection: dbapi.Connection, sql: str) -> tuple[int, int]:
    """How many records a transaction uses, and how many it loads."""
    connection.session.begin()
    sample = Sample(connection.session.zodb_connection)
    connection.execute(sql).fetchall()
    found = sample.end()
    connection.rollback()
    return found


def test_what_a_transaction_uses_and_loads(path: Path) -> None:
    connection = dbapi.connect(path)
    used, loaded = measured(connection, "SELECT sum(v) FROM t")
    assert used == loaded > ROWS / 60, "nothing was in memory"
    again, loaded = measured(connection, "SELECT sum(v) FROM t")
    assert (again, loaded) == (pytest.approx(used, abs=10), 0)
    one, loaded = measured(connection, "SELECT v FROM t WHERE id = 7")
    assert loaded < one < 9, "some inner nodes"
    again, loaded = measured(connection, "SELECT v FROM t WHERE id = 7")
    assert loaded == 0 < again <= one
    assert measured(connection, "SELECT 1") == (0, 0)


def test_what_did_not_fit_counts_as_used(path: Path) -> None:
    connection = dbapi.connect(path, cache_size_bytes=10_000)
    for _ in range(2):
        used, loaded = measured(connection, "SELECT sum(v) FROM t")
        assert used >= loaded > ROWS / 60


def test_the_hit_rate(path: Path, every_one: None) -> None:
    connection = dbapi.connect(path, autocommit=True)
    connection.execute("SELECT sum(v) FROM t").fetchall()
    cold = connection.stats()
    assert cold["sampled"] > 0
    assert cold["cache_hit_rate"] < 0.2
    for n in range(400):
        connection.execute("SELECT v FROM t WHERE id = %s", [n]).fetchall()
        connection.execute("UPDATE t SET v = 2 WHERE id = %s", [n])
    warm = connection.stats()
    assert warm["sampled"] >= cold["sampled"] + 800
    assert warm["cache_hit_rate"] > 0.8
    used, loaded = (warm[name] - cold[name] for name in ("records_used", "records_loaded"))
    assert 1 - loaded / used > 0.99


def test_nothing_measured_is_no_rate(path: Path) -> None:
    connection = dbapi.connect(path)
    assert connection.stats()["sampled"] == 0
    assert connection.stats()["cache_hit_rate"] is None


def test_some_transactions_of_many_threads_are_measured(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_SHARE", 1e9)

    def work() -> None:
        connection = dbapi.connect(path, autocommit=True)
        for n in range(2000):
            connection.execute("SELECT v FROM t WHERE id = %s", [n]).fetchall()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8000 / 400 < dbapi.connect(path).stats()["sampled"] < 8000 / 25


def test_measuring_takes_a_small_share_of_the_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = dbapi.connect(path)
    sampler = connection.session.database.sampler
    connection.session.begin()
    sample = sampler.begin(connection.session.zodb_connection)
    sampler.end(sample)
    sample = sampler.begin(connection.session.zodb_connection)
    sample.cost_s = 1000.0
    monkeypatch.setattr("django_zodb.chance.CHANCE.randint", lambda low, high: high)
    sampler.end(sample)
    assert sampler.left > 1_000_000
