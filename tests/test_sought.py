"""Few rows, looked for in an order: the same ones, however long the search is, and none is read in vain for long."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from test_columns import CACHE_BYTES, ROWS, SIEVES, opened, path, row_of, table  # noqa: F401  a fixture

from django_zodb import dbapi
from django_zodb.storage import sought as sought_module
from django_zodb.storage import walks as walks_module
from django_zodb.storage.derived import Derived, values_of
from django_zodb.storage.sieves import First, Sieve, Within

CACHES = [CACHE_BYTES, 100 * CACHE_BYTES]


def all_rows() -> list[tuple[Any, ...]]:
    return [row_of(2 * n) for n in range(ROWS)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks_module, "_PATIENCE", 5)
    monkeypatch.setattr(walks_module, "_LEAST_BY_SIEVE", 5)
    for share in ("_OF_ROWS", "_OF_FETCHED_PAST_CACHE"):
        monkeypatch.setattr(walks_module, share, 10 * ROWS)


def check(connection: dbapi.Connection, rows: list[tuple[Any, ...]], most: int = ROWS) -> None:
    """Walks in any order find what passes; and of other rows only ``most``, sooner or later."""
    live = table(connection)
    shuffled = random.Random(1).sample(rows, len(rows))
    within = [row for row in rows if 100 <= row[0] <= 4000]
    asks = [(ask, test) for sieve, test in (*SIEVES[:3], SIEVES[4]) for ask in (partial(live.passing, sieve), sieve)]
    for ask, test in asks:
        walks: list[tuple[Callable[[], Iterable[Any]], list[tuple[Any, ...]]]] = [
            (lambda ask=ask: live.sought(ask, [row[0] for row in shuffled]), shuffled),
            (lambda ask=ask: live.sought(ask, iter([row[0] for row in rows[::-1]])), rows[::-1]),
            (lambda ask=ask: live.sought(ask, [row[0] for row in shuffled], wanted=1), shuffled),
            (lambda ask=ask: live.sought_by_key(ask, reverse=True), rows[::-1]),
            (lambda ask=ask: live.sought_by_key(ask, 100, 4000, wanted=1), within),
            (lambda ask=ask: live.sought_by_key(ask), rows),
            (lambda ask=ask: live.sought_by_key(ask, 100, 4000), within),
            (lambda ask=ask: live.sought_by_key(ask, 99, 4001, True), within[::-1]),
            (lambda ask=ask: map(live.get, live.sought_rowids(ask, (row[0] for row in shuffled))), shuffled),
        ]
        for walk, expected in walks:
            passing = list(filter(test, expected))
            found = list(walk())
            assert list(filter(test, found)) == passing
            assert len(found) <= len(passing) + most


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("cache", CACHES)
def test_what_is_sought_is_found(path: Path, cache: int) -> None:  # noqa: F811
    connection = opened(path, cache_size_bytes=cache)
    for _ in range(3):
        check(connection, all_rows(), most=5)


@pytest.mark.parametrize("cache", CACHES)
def test_a_short_search_looks_at_nothing_else(path: Path, cache: int) -> None:  # noqa: F811
    connection = opened(path, cache_size_bytes=cache)
    live = table(connection)
    assert list(live.sought(pytest.fail, range(0, 2000, 2))) == all_rows()[:1000]
    assert list(live.sought(pytest.fail, range(0, 4000, 2), wanted=500)) == all_rows()[:2000]
    assert list(live.sought_rowids(pytest.fail, range(2000), wanted=500)) == [*range(2000)]
    assert list(live.sought(pytest.fail, ())) == []


ONE_IN_FIFTY = Within(Derived(0, "hundredths", lambda id: id % 100), 0, 0)


@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize(
    ("sieve", "wanted", "read"),
    [
        (ONE_IN_FIFTY, 20, 100),  # nine hundred more are more than a third of its patience
        (ONE_IN_FIFTY, 3, 1000),
        (Within(0, 0, 98), 20, 400),  # none passes for so long
        (Within(0, None, 4200), 40, 1000),  # none of nine hundred, and then all
    ],
)
def test_the_first_rows_tell_whether_it_will_be_long(
    path: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    sieve: Sieve,
    wanted: int,
    read: int,
    by_key: bool,
) -> None:
    if sieve is not ONE_IN_FIFTY and read == 1000:
        monkeypatch.setattr(walks_module, "_LESS_BY_SIEVE", 1)
    live = table(opened(path, cache_size_bytes=CACHES[1]))
    if by_key:
        found = list(live.sought_by_key(sieve, reverse=True, wanted=wanted))
    else:
        found = list(live.sought(sieve, range(2 * ROWS - 2, -2, -2), wanted=wanted))
    rows = all_rows()[::-1]
    passing = sieve.passing({place: values_of(rows[read:], place) for _, place in sieve.keys})
    assert found == rows[:read] + [rows[read:][at] for at in passing]


def test_a_search_that_finds_too_many_is_not_made_each_time(
    path: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sought_module, "_MOST_FOUND", 100)
    asked: list[Sieve] = []
    live = table(opened(path, cache_size_bytes=CACHES[1]))
    passing = live.walks.passing
    monkeypatch.setattr(live.walks, "passing", lambda sieve: asked.append(sieve) or passing(sieve))
    for _ in range(20):
        sieve = Within(0, 0, 3000)
        assert list(live.sought(sieve, range(2 * ROWS - 2, -2, -2), wanted=20)) == all_rows()[::-1]
    assert 2 <= len(asked) <= 3


def test_nobody_wants_more_rows_than_there_are(path: Path) -> None:  # noqa: F811
    connection = opened(path)
    sql = f"SELECT id FROM page WHERE n = 3 ORDER BY id DESC LIMIT {2**63 - 1}"
    assert len(connection.execute(sql).fetchall()) == len([row for row in all_rows() if row[1] == 3])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("cache", CACHES)
def test_rows_that_the_transaction_has_changed(path: Path, cache: int) -> None:  # noqa: F811
    connection = opened(path, cache_size_bytes=cache)
    check(connection, all_rows())
    connection.execute("UPDATE page SET note = 'note 77', price = 1 WHERE id BETWEEN 3000 AND 3010")
    connection.execute("DELETE FROM page WHERE id IN (770, 0, 5998)")
    changed = {
        n: (*row_of(n)[:2], row_of(1)[2].__class__("1.00"), row_of(n)[3], "note 77", *row_of(n)[5:])
        for n in range(3000, 3011, 2)
    }
    rows = [changed.get(row[0], row) for row in all_rows() if row[0] not in (770, 0, 5998)]
    for _ in range(2):
        check(connection, rows)
    connection.commit()
    connection.session.begin()
    for _ in range(3):
        check(connection, rows, most=5)


@pytest.mark.usefixtures("impatient")
def test_all_rows_come_where_many_pass(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:  # noqa: F811
    """Or where nobody can tell."""
    connection = opened(path)
    rowids = list(range(0, 2 * ROWS, 2))
    monkeypatch.setattr(sought_module, "_MOST_FOUND", 50)
    often: Sieve = SIEVES[3][0]
    for sieve in (often, First(2, 3, descending=False)):
        ask = partial(table(connection).passing, sieve)
        assert list(table(connection).sought(ask, rowids)) == all_rows()
        assert list(table(connection).sought_by_key(ask, reverse=True)) == all_rows()[::-1]
    assert list(table(connection).sought(lambda: iter(rowids[:51]), rowids)) == all_rows()


@pytest.mark.parametrize("by_key", [False, True])
def test_a_search_is_long_when_it_loads_many_leaves(
    path: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    by_key: bool,
) -> None:
    """Also those of other tables, which a join looks up for each row."""
    monkeypatch.setattr(walks_module, "_LOADS", 20)
    connection = opened(path)
    live = table(connection)
    jar = live.tree._p_jar
    found = live.sought_by_key(lambda: ()) if by_key else live.sought(lambda: (), range(0, 2 * ROWS, 2))
    seen = []
    for row in found:
        seen.append(row)
        jar._load_count += 1
    assert seen == all_rows()[: len(seen)]
    assert 10 <= len(seen) <= 100


@pytest.mark.usefixtures("impatient")
def test_the_walk_ends_where_nothing_is_left(path: Path) -> None:  # noqa: F811
    live = table(opened(path))
    asked = iter(range(0, 2 * ROWS, 2))
    found = list(live.sought(lambda: [100, 102, 100], asked))
    assert found == all_rows()[:5] + all_rows()[50:52]
    assert next(asked) == 104
    asked = iter(range(0, 2 * ROWS, 2))
    assert len(list(live.sought(lambda: (), asked))) == 5
    assert next(asked) == 12


@pytest.mark.parametrize("reverse", [False, True])
def test_up_to_the_last_id_there_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reverse: bool) -> None:
    monkeypatch.setattr(walks_module, "_PATIENCE", 10)
    monkeypatch.setattr(walks_module, "_LEAST_BY_SIEVE", 10)
    connection = dbapi.connect(tmp_path / "Ends.fs")
    connection.execute("CREATE TABLE page (id bigint PRIMARY KEY, note text)")
    ids = [-(2**63) + n if reverse else 2**63 - 1 - n for n in range(10)]
    connection.cursor().executemany("INSERT INTO page VALUES (%s, %s)", [(id, "abc") for id in ids])
    sql = f"SELECT id FROM page WHERE note LIKE %s AND lower(note) = %s ORDER BY id {'DESC' if reverse else ''} LIMIT 5"
    assert connection.execute(sql, ("%", "q")).fetchall() == []
    assert len(connection.execute(sql, ("%", "abc")).fetchall()) == 5
    assert connection.execute(sql, ("%b%", "q")).fetchall() == []


@pytest.mark.parametrize("order", ["day_of, id", "id DESC", "day_of DESC, id DESC"])
def test_a_rare_text_in_an_order(path: Path, order: str) -> None:  # noqa: F811
    """Neither the rows before those that are found are read one by one, nor those behind the last one."""
    connection = opened(path)
    connection.execute("ALTER TABLE page ADD COLUMN day_of integer")
    connection.execute("UPDATE page SET day_of = id % 97")
    connection.execute("CREATE INDEX page_day_of ON page (day_of, id)")
    connection.commit()
    sql = f"SELECT id FROM page WHERE note LIKE %s ORDER BY {order} LIMIT 7"
    plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {sql}", ("%998",)).fetchall())
    assert "Sort" not in plan and "TopN" not in plan
    wanted = [row for row in all_rows() if row[4].endswith("998")]
    wanted.sort(key=lambda row: (row[0] % 97, row[0]) if "day" in order else row[0], reverse="DESC" in order)
    jar = table(connection).tree._p_jar
    loads = []
    for _ in range(4):
        before = jar._load_count
        assert connection.execute(sql, ("%998",)).fetchall() == [(row[0],) for row in wanted]
        loads.append(jar._load_count - before)
    assert loads[-1] < loads[0]


def test_a_serializable_transaction_depends_on_what_it_has_seen(path: Path) -> None:  # noqa: F811
    """And not on all that a sieve would have looked at."""
    connection, other = opened(path, isolation="serializable"), opened(path)
    sql = "SELECT id FROM page WHERE note LIKE %s ORDER BY id DESC LIMIT 1"
    assert connection.execute(sql, ("%98",)).fetchall() == [(5998,)]
    connection.execute("UPDATE page SET n = 3 WHERE id = 5998")
    other.execute("UPDATE page SET n = 100 WHERE id < 100")
    other.commit()
    connection.commit()
    assert connection.execute("SELECT n FROM page WHERE id IN (0, 5998) ORDER BY id").fetchall() == [(100,), (3,)]


def test_a_side_that_is_compiled_twice_names_its_subquery_anew(tmp_path: Path) -> None:
    connection = dbapi.connect(tmp_path / "Twice.fs")
    connection.execute("CREATE TABLE t (id integer PRIMARY KEY, k integer, note text, n integer)")
    connection.execute("CREATE TABLE s (id integer PRIMARY KEY, v integer)")
    connection.execute("CREATE INDEX t_n ON t (n)")
    rows = [(i, i % 13, f"note {i % 30:02}", i) for i in range(3000)]
    connection.cursor().executemany("INSERT INTO t VALUES (%s, %s, %s, %s)", rows)
    connection.cursor().executemany("INSERT INTO s VALUES (%s, %s)", [(i, i % 15) for i in range(25)])
    for condition in ("x.n > 2900", "x.n + 0 > 2900"):
        found = connection.execute(
            f"SELECT s.id, (SELECT x.id FROM t x WHERE x.k = s.v AND {condition}"
            " AND x.k IN (SELECT v FROM s WHERE id < 8) ORDER BY x.note, x.id LIMIT 1) FROM s ORDER BY s.id"
        ).fetchall()
        best = {
            k: min((row for row in rows if row[1] == k and row[3] > 2900), key=lambda row: row[2]) for k in range(8)
        }
        assert found == [(i, best[i % 15][0] if i % 15 in best else None) for i in range(25)]
