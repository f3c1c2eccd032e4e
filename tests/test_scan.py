"""Walks over tables larger than the cache: the same rows, read past it; and programs look at no column unasked."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest
from golden_files import GOLDEN, Engines, read

from django_zodb import dbapi
from django_zodb.errors import ConflictError, OperationalError
from django_zodb.storage import persistent
from django_zodb.storage.database import close_all
from django_zodb.storage.large import LARGE
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import Options
from django_zodb.storage.server import Server
from django_zodb.storage.sieves import Among, AnyOf, Holding, Sieve, Within
from django_zodb.storage.trees import leaves_within
from django_zodb.storage.walks import Walks

FILES = sorted(path for path in GOLDEN.rglob("*.sql") if path.parent.name != "setup")


class Unasked:
    """Stands in a row where a column was not asked for: to look at it is an error."""

    def _refuse(self, *arguments: object) -> NoReturn:
        raise AssertionError("a column is looked at that was not asked for")

    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __hash__ = __bool__ = __add__ = __iter__ = _refuse
    __getattr__ = __repr__ = __str__ = _refuse


UNASKED = Unasked()


def only(row: Any, columns: Collection[int] | None) -> Any:
    return row if columns is None else tuple(each if at in columns else UNASKED for at, each in enumerate(row))


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows have nothing but what was asked for, also in tables that the cache holds."""
    rows, items, fetch, sought = Walks.rows, Walks.items, Walks.fetch, Walks.sought
    looked_up, by_key = Walks.looked_up, Walks.sought_by_key

    def strict_rows(
        self: Walks, low: Any = None, high: Any = None, reverse: bool = False, columns: Any = None, sieve: Any = None
    ) -> Iterable[Any]:
        return (only(row, columns) for row in rows(self, low, high, reverse))

    def strict_items(
        self: Walks, low: Any = None, high: Any = None, reverse: bool = False, columns: Any = None, sieve: Any = None
    ) -> Iterator[Any]:
        return ((rowid, only(row, columns)) for rowid, row in items(self, low, high, reverse))

    def strict_fetch(self: Walks, rowids: Iterable[int], columns: Any = None, **options: Any) -> Iterable[Any]:
        return (only(row, columns) for row in fetch(self, rowids, **options))

    def strict_looked_up(self: Walks, pairs: Any, columns: Any = None) -> Iterable[Any]:
        return ((other, row if row is None else only(row, columns)) for other, row in looked_up(self, pairs))

    def strict_sought(self: Walks, passing: Any, rowids: Any, columns: Any = None, **options: Any) -> Iterable[Any]:
        return (only(row, columns) for row in sought(self, passing, rowids, **options))

    def strict_by_key(
        self: Walks,
        passing: Any,
        low: Any = None,
        high: Any = None,
        reverse: bool = False,
        columns: Any = None,
        wanted: int = 0,
    ) -> Iterable[Any]:
        return (only(row, columns) for row in by_key(self, passing, low, high, reverse, None, wanted))

    monkeypatch.setattr(Walks, "fetch", strict_fetch)
    monkeypatch.setattr(Walks, "looked_up", strict_looked_up)
    monkeypatch.setattr(Walks, "sought", strict_sought)
    monkeypatch.setattr(Walks, "sought_by_key", strict_by_key)
    monkeypatch.setattr(Walks, "rows", strict_rows)
    monkeypatch.setattr(Walks, "items", strict_items)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GOLDEN).with_suffix("")))
@pytest.mark.usefixtures("strict")
def test_programs_look_at_what_they_ask_for(path: Path) -> None:
    golden = read(path)
    engines = Engines(golden.uses)
    try:
        for block in golden.blocks:
            assert engines.run(block) == block.expected, f"{path}:{block.line}"
    finally:
        engines.close()


# --- storage -------------------------------------------------------------------------------------------------------

ROWS = 3000
CACHE_BYTES = 20_000
WIDTH = 8
LARGE_EVERY = 500

SCHEMA = (
    "CREATE TABLE page (id bigint PRIMARY KEY, title text, price numeric(8, 2), day date, at timestamptz, n integer,"
    " code uuid, body text)"
)


def row_of(n: int) -> tuple[Any, ...]:
    return (
        n,
        f"Page {n}",
        Decimal(n) / 4,
        None if n % 3 else dt.date(2000, 1, 1) + dt.timedelta(n),
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=n),
        n % 7,
        UUID(int=n),
        "x" * (LARGE + n) if n % LARGE_EVERY == 0 else None,
    )


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "Data.fs"
    connection = dbapi.connect(path)
    connection.execute(SCHEMA)
    marks = ", ".join(["%s"] * WIDTH)
    connection.cursor().executemany(f"INSERT INTO page VALUES ({marks})", [row_of(2 * n) for n in range(ROWS)])
    connection.commit()
    close_all()
    yield path
    close_all()


def opened(path: Path, **options: Any) -> dbapi.Connection:
    """A connection to the table, which is far larger than its cache."""
    connection = dbapi.connect(path, **{"cache_size_bytes": CACHE_BYTES, **options})
    fetch(connection, "SELECT count(*) FROM page WHERE n < 100")
    return connection


def fetch(connection: dbapi.Connection, sql: str, *params: object) -> list[Any]:
    return list(connection.execute(sql, params).fetchall())


def table(connection: dbapi.Connection) -> Any:
    return connection.session.catalog.table("page")


def ghosts(connection: dbapi.Connection) -> int:
    return sum(leaf._p_changed is None for leaf in leaves_within(table(connection).tree))


def in_memory(connection: dbapi.Connection) -> set[bytes]:
    return {oid for oid, _ in table(connection).tree._p_jar._cache.lru_items()}


def check_walks(connection: dbapi.Connection, expected: list[tuple[Any, ...]], chance: random.Random) -> None:
    """Every walk over the table gives the expected rows."""
    live = table(connection)
    assert live.walks.exceed_cache()
    for _ in range(10):
        low, high = (chance.choice((None, chance.randrange(-10, 2 * ROWS + 10))) for _ in range(2))
        reverse = chance.random() < 0.5
        columns = tuple(at for at in range(WIDTH) if chance.random() < 0.4)
        rows = [row for row in expected if (low is None or low <= row[0]) and (high is None or row[0] <= high)]
        offset, limit = chance.randrange(ROWS + 100), chance.choice((0, 1, 20, 60))
        assert live.page(offset, limit, low, high) == rows[offset : offset + limit]
        assert live.page(offset, limit) == expected[offset : offset + limit]
        assert live.page(offset, limit, low, high, True) == rows[::-1][offset : offset + limit]
        assert live.page(offset, limit, reverse=True) == expected[::-1][offset : offset + limit]
        if reverse:
            rows.reverse()
        assert list(live.rows(low, high, reverse)) == rows
        assert list(live.items(low, high, reverse)) == [(row[0], row) for row in rows]
        found = list(live.rows(low, high, reverse, columns))
        items = list(live.items(low, high, reverse, columns))
        assert [len(row) for row in found] == [WIDTH] * len(rows)
        for at in columns:
            assert [row[at] for row in found] == [row[at] for _, row in items] == [row[at] for row in rows]
        assert [rowid for rowid, _ in items] == [row[0] for row in rows]
    check_sieved_walks(live, expected, chance)


def check_sieved_walks(live: Any, expected: list[tuple[Any, ...]], chance: random.Random) -> None:
    """No row is missing that passes, and the values of those that come are right."""
    n, title = chance.randrange(7), str(chance.randrange(100))
    sieves: list[tuple[Sieve, Callable[[Any], bool]]] = [
        (Within(0, 500, 700), lambda row: 500 <= row[0] <= 700),
        (Among(5, {n}), lambda row: row[5] == n),
        (Holding(1, "end", title), lambda row: row[1].endswith(title)),
        (AnyOf(Within(3, dt.date(2015, 1, 1), None), Within(2, None, Decimal(10))), lambda row: row in some),
        (Holding(7, "start", "xx"), lambda row: row[7] is not None and row[7].startswith("xx")),
    ]
    some = [row for row in expected if (row[3] or dt.date.min) >= dt.date(2015, 1, 1) or (row[2] or 11) <= 10]
    for sieve, test in sieves:
        wanted = list(filter(test, expected))
        assert list(filter(test, live.rows(sieve=sieve))) == wanted
        assert [(rowid, row) for rowid, row in live.items(sieve=sieve) if test(row)] == [
            (row[0], row) for row in wanted
        ]


def test_sieved_walks_give_few_others(path: Path) -> None:
    connection = opened(path)
    sieve = Within(0, 500, 700)
    found = list(table(connection).rows(columns=(0, 6), sieve=sieve))
    assert len(found) < ROWS // 2
    assert [(row[0], row[6]) for row in found if 500 <= row[0] <= 700] == [(n, UUID(int=n)) for n in range(500, 701, 2)]


def committed() -> list[tuple[Any, ...]]:
    return [row_of(2 * n) for n in range(ROWS)]


@pytest.mark.parametrize("seed", range(3))
def test_walks_give_the_rows(path: Path, seed: int) -> None:
    connection = opened(path)
    assert ghosts(connection) > 150
    check_walks(connection, committed(), random.Random(seed))


def test_walks_over_a_server(path: Path) -> None:
    server = Server(open_storage(locate(path), Options()), ("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        connection = dbapi.connect(
            None, host="127.0.0.1", port=server.address[1], cache_size_bytes=CACHE_BYTES, client_cache_bytes=CACHE_BYTES
        )
        fetch(connection, "SELECT count(*) FROM page WHERE n < 100")
        assert ghosts(connection) > 150
        check_walks(connection, committed(), random.Random(1))
        connection.close()
    finally:
        close_all()
        server.stop()
        thread.join(10)


def test_walks_see_what_the_transaction_has_changed(path: Path) -> None:
    connection = opened(path)
    rows = {row[0]: row for row in committed()}
    for n in range(0, 2 * ROWS, 600):
        fetch(connection, "DELETE FROM page WHERE id = %s RETURNING id", n)
        del rows[n]
        fetch(connection, "INSERT INTO page (id, title, n) VALUES (%s, 'new', 1) RETURNING id", n + 1)
        rows[n + 1] = (n + 1, "new", None, None, None, 1, None, None)
        fetch(connection, "UPDATE page SET body = %s WHERE id = %s RETURNING id", "y" * 2 * LARGE, n + 2)
        rows[n + 2] = (*rows[n + 2][:7], "y" * 2 * LARGE)
    expected = sorted(rows.values())
    check_walks(connection, expected, random.Random(1))
    tree = table(connection).tree
    tree._p_jar.transaction_manager.get().savepoint(True)
    tree._p_jar.cacheMinimize()
    assert ghosts(connection) > 150
    check_walks(connection, expected, random.Random(2))
    connection.commit()
    check_walks(connection, expected, random.Random(3))


def test_walks_see_their_snapshot(path: Path) -> None:
    connection, other = opened(path), opened(path)
    connection.commit()
    connection.execute("SELECT 1 FROM page WHERE id = 0").fetchall()
    other.execute("UPDATE page SET title = 'changed', body = NULL")
    other.execute("DELETE FROM page WHERE n = 3")
    other.commit()
    check_walks(connection, committed(), random.Random(1))
    connection.commit()
    assert fetch(connection, "SELECT DISTINCT title, body FROM page") == [("changed", None)]


def test_a_walk_leaves_the_cache_as_it_is(path: Path) -> None:
    connection = opened(path)
    for n in range(0, 2 * ROWS, 400):
        fetch(connection, "SELECT * FROM page WHERE id = %s", n)
    table(connection).tree._p_jar._cache.incrgc()
    fetch(connection, "SELECT title FROM page WHERE n = 5")  # reads the nodes
    before = in_memory(connection)
    loads = table(connection).tree._p_jar._load_count
    fetch(connection, "SELECT price FROM page WHERE day > %s", dt.date(1, 1, 1))
    assert in_memory(connection) == before
    assert table(connection).tree._p_jar._load_count - loads > 150


def test_what_a_short_walk_reads_is_kept(path: Path) -> None:
    connection = opened(path, cache_size_bytes=100_000)
    jar = table(connection).tree._p_jar
    jar._cache.incrgc()
    for n in range(ROWS, 0, -50):  # more than there is room for, until the transaction ends
        fetch(connection, "SELECT * FROM page WHERE id = %s", n)
    assert jar._cache.total_estimated_size > 100_000
    for _ in range(2):
        loads = jar._load_count
        assert len(fetch(connection, "SELECT * FROM page WHERE id BETWEEN 5000 AND 5004")) == 3
    assert jar._load_count == loads


def test_the_last_page_is_read_from_the_end(path: Path) -> None:
    connection = opened(path)
    loads = table(connection).tree._p_jar._load_count
    assert fetch(connection, "SELECT id FROM page ORDER BY id LIMIT 2 OFFSET 2990") == [(5980,), (5982,)]
    assert table(connection).tree._p_jar._load_count - loads < 20


def test_a_table_that_the_cache_holds_is_loaded(path: Path) -> None:
    connection = opened(path, cache_size_bytes=24 << 20)
    assert ghosts(connection) == 0
    assert not table(connection).walks.exceed_cache()


def test_there_may_be_no_limit_of_bytes(path: Path) -> None:
    assert ghosts(opened(path, cache_size_bytes=0)) == 0
    close_all()
    assert ghosts(opened(path, cache_size_bytes=0, cache_size=50)) > 150


def test_large_values_are_read_only_if_they_are_asked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = opened(path)
    fetch(connection, "SELECT sum(n) FROM page")
    loaded: list[object] = []
    original = persistent.LargeValue.__setstate__
    monkeypatch.setattr(
        persistent.LargeValue,
        "__setstate__",
        lambda self, state: loaded.append(self) or original(self, state),  # type: ignore[func-returns-value]
        raising=False,
    )
    table(connection).tree._p_jar.cacheMinimize()
    list(table(connection).rows(columns=(5,)))
    assert len(loaded) < 3  # those of the leaves for which there was room
    assert sum(row[7] is not None for row in table(connection).rows(columns=(7,))) == 2 * ROWS // LARGE_EVERY
    assert len(loaded) > 9


def test_records_of_other_forms(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves as BTrees store them, without packed entries; and rows that are all plain, which are packed whole."""
    connection = opened(path)
    monkeypatch.setattr(persistent, "_out_of_line", lambda holder, state: state)
    connection.execute("UPDATE page SET title = 'flat' WHERE id < 3000")
    connection.commit()
    monkeypatch.undo()
    connection.execute("UPDATE page SET price = NULL, day = NULL, at = NULL, code = NULL, body = NULL WHERE id >= 3000")
    connection.commit()
    rows = [(row[0], "flat", *row[2:]) for row in committed() if row[0] < 3000]
    rows += [(row[0], row[1], None, None, None, row[5], None, None) for row in committed() if row[0] >= 3000]
    table(connection).tree._p_jar.cacheMinimize()
    check_walks(connection, rows, random.Random(1))


STATEMENTS: tuple[Callable[[dbapi.Connection], object], ...] = (
    lambda connection: fetch(connection, "SELECT sum(n) FROM page"),
    lambda connection: fetch(connection, "SELECT * FROM page ORDER BY price LIMIT 3"),
    lambda connection: fetch(connection, "SELECT * FROM page ORDER BY id LIMIT 3 OFFSET 1400"),
)


@pytest.mark.parametrize("cache_bytes", [CACHE_BYTES, 24 << 20])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_damage_is_told(path: Path, statement: Callable[[dbapi.Connection], object], cache_bytes: int) -> None:
    content = path.read_bytes()
    at = content.rindex(b"Page 2600")
    path.write_bytes(content[:at] + b"p" + content[at + 1 :])
    connection = dbapi.connect(path, cache_size_bytes=cache_bytes)
    with pytest.raises(OperationalError, match="damaged: its checksum is wrong"):
        statement(connection)


def test_nonsense_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistent, "pack", lambda *columns: b"nonsense")
    connection = opened(path)
    connection.execute("UPDATE page SET title = 'x' WHERE id = 3000")
    connection.commit()
    table(connection).tree._p_jar.cacheMinimize()
    with pytest.raises(OperationalError, match="makes no sense"):
        fetch(connection, "SELECT sum(n) FROM page")


def test_a_connection_that_was_closed_reads_nothing(path: Path) -> None:
    connection = opened(path)
    live = table(connection)
    walk = live.rows()
    next(iter(walk))
    live.tree._p_jar.transaction_manager.abort()
    connection.close()
    with pytest.raises(Exception, match="closed"):
        list(walk)


def test_serializable_transactions_note_walks(path: Path) -> None:
    connection = opened(path, isolation="serializable")
    connection.commit()
    other = opened(path, isolation="serializable")
    (total,) = fetch(connection, "SELECT sum(n) FROM page")
    other.execute("UPDATE page SET n = n + 1 WHERE id = 5000")
    other.commit()
    connection.execute("UPDATE page SET n = %s WHERE id = 0", (total[0] % 10,))
    with pytest.raises(ConflictError):
        connection.commit()


def test_the_first_rows_are_looked_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long table, the rows that are chosen are read whole; no other."""
    monkeypatch.setattr(import_module("django_zodb.sql.optimize.late_rows"), "_MANY", ROWS // 2)
    connection = opened(path)
    sql = "SELECT * FROM page WHERE n = 5 ORDER BY price DESC, id LIMIT 3"
    plan = "\n".join(line for (line,) in fetch(connection, f"EXPLAIN {sql}"))
    assert "KeyLookup: page" in plan
    expected = sorted((row for row in committed() if row[5] == 5), key=lambda row: -row[2])[:3]
    assert fetch(connection, sql) == expected
    for other in ("SELECT id, price FROM page ORDER BY price LIMIT 3", "SELECT * FROM page ORDER BY price LIMIT 300"):
        assert "KeyLookup" not in str(fetch(connection, f"EXPLAIN {other}"))


def test_a_page_of_a_table_of_one_leaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Walks, "exceed_cache", lambda self: self._tree._p_jar is not None)
    with dbapi.connect(str(tmp_path / "Data.fs")) as connection:
        connection.execute("CREATE TABLE few (id bigint PRIMARY KEY)")
        connection.cursor().executemany("INSERT INTO few VALUES (%s)", [(number,) for number in range(9)])
        connection.commit()
        for order, ids in (("", list(range(9))), ("DESC", list(range(8, -1, -1)))):
            for offset in (1, 4, 7, 9):
                found = connection.execute(f"SELECT id FROM few ORDER BY id {order} LIMIT 3 OFFSET {offset}").fetchall()
                assert [each for (each,) in found] == ids[offset : offset + 3]
