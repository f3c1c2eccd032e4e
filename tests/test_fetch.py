"""Many rows by their rowids, of a table larger than the cache: the same ones as one by one, in that order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from test_scan import LARGE, ROWS, WIDTH, committed, opened, path, table  # noqa: F401  a fixture

from django_zodb import dbapi
from django_zodb.storage import fetch as fetch_module
from django_zodb.storage.database import close_all


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in {"_FIRST": 3, "_MOST": 500, "_PARTS": 50, "_MANY": 150}.items():
        monkeypatch.setattr(fetch_module, name, number)


def check(connection: dbapi.Connection, rows: list[tuple[Any, ...]], seed: int) -> None:
    live, chance = table(connection), random.Random(seed)
    assert live.walks.exceed_cache()
    for wanted in (rows, rows[::-1], chance.sample(rows, len(rows)), chance.sample(rows, 40), rows[:2], []):
        rowids = [row[0] for row in wanted]
        assert list(live.fetch(rowids)) == wanted
        columns = tuple(at for at in range(WIDTH) if chance.random() < 0.4)
        found = list(live.fetch(iter(rowids), columns))
        assert {len(row) for row in found} <= {WIDTH}
        assert [[row[at] for at in columns] for row in found] == [[row[at] for at in columns] for row in wanted]
        check_pairs(live, {row[0]: row for row in rows}, rowids, chance)


def check_pairs(live: Any, rows: dict[int, tuple[Any, ...]], rowids: list[int], chance: random.Random) -> None:
    """Some of them NULL, some not there, some more than once."""
    asked = [chance.choice((rowid, rowid, rowid, rowid + 1, None)) for rowid in rowids + rowids[:5]]
    expected = [(f"for {at}", None if rowid is None else rows.get(rowid)) for at, rowid in enumerate(asked)]
    assert list(live.looked_up((rowid, f"for {at}") for at, rowid in enumerate(asked))) == expected
    there = [row for _, row in expected if row is not None]
    assert list(live.fetch([rowid for rowid in asked if rowid is not None], sure=False)) == there


@pytest.mark.parametrize("seed", range(3))
def test_rows_come_as_asked_for(path: Path, seed: int) -> None:  # noqa: F811
    connection = opened(path)
    for again in range(3):
        check(connection, committed(), 10 * seed + again)


def test_each_leaf_is_read_once_and_few_are_kept(path: Path) -> None:  # noqa: F811
    connection = opened(path)
    jar = table(connection).tree._p_jar
    before, loads = jar._cache.cache_non_ghost_count, jar._load_count
    shuffled = random.Random(1).sample(range(0, 2 * ROWS, 2), 500)
    list(table(connection).fetch(shuffled))
    assert jar._load_count - loads < 4 * ROWS / 15 + 100, "many lots, of which the last ones are of all leaves"
    assert jar._cache.cache_non_ghost_count < before + 30


def test_columns_that_are_fetched_again_are_kept(path: Path) -> None:  # noqa: F811
    connection = opened(path)
    jar, chance = table(connection).tree._p_jar, random.Random(3)
    rows = committed()

    def loads(columns: tuple[int, ...]) -> int:
        wanted = chance.sample(rows, 2500)
        before = jar._load_count
        found = list(table(connection).fetch([row[0] for row in wanted], columns))
        assert [[row[at] for at in columns] for row in found] == [[row[at] for at in columns] for row in wanted]
        return jar._load_count - before

    first = loads((0, 5))
    assert [loads((0, 5)) for _ in range(4)][-1] < first / 3
    assert loads(tuple(range(WIDTH))) > first / 2, "of whole rows none are kept"
    connection.execute("UPDATE page SET n = -5 WHERE id BETWEEN 300 AND 1200")
    connection.execute("DELETE FROM page WHERE id = 400")
    rows = [(*row[:5], -5, *row[6:]) if 300 <= row[0] <= 1200 else row for row in rows if row[0] != 400]
    loads((0, 5))
    connection.commit()
    connection.session.begin()
    for _ in range(3):
        loads((0, 5))


def test_columns_with_large_values_are_not_kept(path: Path) -> None:  # noqa: F811
    connection = opened(path)
    jar, rows = table(connection).tree._p_jar, committed()
    for _ in range(4):
        wanted = random.Random(4).sample(rows, 2500)
        found = list(table(connection).fetch([row[0] for row in wanted], (0, 7)))
        assert [row[7] for row in found] == [row[7] for row in wanted]
    assert not any(block.columns.get(7) for block in jar.columns._blocks.values())


def test_what_waits_for_rows_takes_little_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(fetch_module, "_MOST", 100_000)
    live, asked = table(opened(path)), []

    def pairs(size: int) -> Any:
        for rowid in range(2, 2 * ROWS, 2):
            asked.append(rowid)
            yield rowid, (rowid, ("x" * size, b"y" * size))

    for size, most in ((1, 2900), (20_000, 500)):
        asked.clear()
        ahead = 0
        for at, (other, row) in enumerate(live.looked_up(pairs(size), (0,))):
            assert row is not None
            assert row[0] == other[0]
            ahead = max(ahead, len(asked) - at)
        assert at == ROWS - 2
        assert (ahead <= most) is True, (size, ahead)
        assert ahead > 200


def test_it_is_lazy(path: Path) -> None:  # noqa: F811
    connection = opened(path)
    asked = []

    def rowids() -> Any:
        for rowid in range(0, 2 * ROWS, 2):
            asked.append(rowid)
            yield rowid

    found = iter(table(connection).fetch(rowids()))
    assert next(found) == committed()[0]
    assert len(asked) == 1
    for _ in range(5):
        next(found)
    assert len(asked) < 20


def test_rows_that_the_transaction_has_changed(path: Path) -> None:  # noqa: F811
    connection = opened(path)
    connection.execute("UPDATE page SET n = 9, body = %s WHERE id BETWEEN 1000 AND 1100", ("y" * 2 * LARGE,))
    connection.execute("DELETE FROM page WHERE id = 500")
    rows = [
        (*row[:5], 9, row[6], "y" * 2 * LARGE) if 1000 <= row[0] <= 1100 else row
        for row in committed()
        if row[0] != 500
    ]
    check(connection, rows, 1)
    tree = table(connection).tree
    tree._p_jar.transaction_manager.get().savepoint(True)
    tree._p_jar.cacheMinimize()
    check(connection, rows, 2)
    connection.commit()
    connection.session.begin()
    check(connection, rows, 3)


def test_little_is_read_ahead_of_rows_that_are_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    connection = opened(path)
    asked = []
    live = table(connection)
    for limit in (30, None):
        if limit is not None:
            monkeypatch.setattr(fetch_module, "_MOST_BYTES", limit * 80)
        asked.clear()
        found = iter(live.fetch(asked.append(rowid) or rowid for rowid in range(2, 2 * ROWS, 2)))
        for _ in range(200):
            next(found)
        assert len(asked) < (250 if limit is not None else 600)
        monkeypatch.undo()
    connection.execute("UPDATE page SET body = %s", ("y" * 2 * LARGE,))
    connection.commit()
    connection.session.begin()
    monkeypatch.setattr(fetch_module, "_FIRST", 3)
    monkeypatch.setattr(fetch_module, "_PARTS", 10**9)
    asked.clear()
    found = iter(table(connection).fetch(asked.append(rowid) or rowid for rowid in range(2, 2 * ROWS, 2)))
    for _ in range(100):
        next(found)
    assert len(asked) <= 103


@pytest.mark.parametrize("level", ["snapshot", "serializable"])
@pytest.mark.parametrize("key", ["id integer PRIMARY KEY", "id integer"])
def test_by_an_index(tmp_path: Path, key: str, level: str) -> None:
    """Whether or not a column is the rowid."""
    connection = dbapi.connect(tmp_path / "Some.fs")
    connection.execute(f"CREATE TABLE some ({key}, n integer, note text, other text)")
    connection.execute("CREATE INDEX some_n ON some (n)")
    rows = [(id, id * 7919 % 3000, f"note {id}", "x" * 50) for id in range(3000)]
    connection.cursor().executemany("INSERT INTO some VALUES (%s, %s, %s, %s)", rows)
    connection.commit()
    close_all()
    connection = dbapi.connect(tmp_path / "Some.fs", cache_size_bytes=20_000, isolation=level)
    expected = sorted((row for row in rows if 100 <= row[1] <= 900), key=lambda row: row[1])
    sql = "SELECT {} FROM some WHERE n BETWEEN 100 AND 900 ORDER BY n"
    for _ in range(2):
        assert connection.execute(sql.format("*")).fetchall() == expected
        assert connection.execute(sql.format("note, n")).fetchall() == [(row[2], row[1]) for row in expected]
    connection.execute("UPDATE some SET note = 'changed' WHERE n BETWEEN 100 AND 900 AND id > 5")
    changed = [(*row[:2], "changed", row[3]) if row[0] > 5 else row for row in expected]
    assert connection.execute(sql.format("*")).fetchall() == changed
    connection.execute("DELETE FROM some WHERE n BETWEEN 200 AND 900")
    assert connection.execute(sql.format("*")).fetchall() == [row for row in changed if row[1] < 200]
    close_all()
