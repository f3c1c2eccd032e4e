"""Columns that walks over large tables keep: the same rows, whatever is changed by whomever, in bounded memory."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ZODB.Connection import resetCaches

from django_zodb import dbapi
from django_zodb.storage import columns as columns_module
from django_zodb.storage.columns import Columns
from django_zodb.storage.database import close_all
from django_zodb.storage.derived import Derived
from django_zodb.storage.sieves import AllOf, Among, AnyOf, First, Holding, Null, Sieve, Within
from django_zodb.values import Scaled

ROWS = 3000
CACHE_BYTES = 40_000
WIDTH = 8
PLACES = ((1,), (2,), (1, 2), (0, 3), (4, 5), ())

SCHEMA = (
    "CREATE TABLE page (id bigint PRIMARY KEY, n integer, price numeric(8, 2), good boolean, note text, day date,"
    " one text, two text)"
)


SIEVES: Sequence[tuple[Sieve, Callable[[Any], bool]]] = (
    (Holding(4, "inside", "77"), lambda row: row[4] is not None and "77" in row[4]),
    (
        AnyOf(Within(2, None, Decimal(10)), Holding(4, "end", "998")),
        lambda row: (row[2] is not None and row[2] <= 10) or (row[4] is not None and row[4].endswith("998")),
    ),
    (AllOf(Within(0, 500, 900), Null(3)), lambda row: 500 <= row[0] <= 900 and row[3] is None),
    (Among(1, {3}), lambda row: row[1] == 3),
    (Within(Derived(4, "length", lambda note: note and len(note)), 9, None), lambda row: row[4] and len(row[4]) >= 9),
    (Null(Derived(0, "odd", lambda n: None if n % 500 == 1 else 1)), lambda row: row[0] % 500 == 1),
)


def row_of(n: int) -> tuple[Any, ...]:
    return n, n % 7, Decimal(n) / 4, None if n % 5 == 0 else n % 2 == 0, f"note {n}", None, "x" * 20, None


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
    """A connection to the table, which is larger than its cache; but there is room for columns."""
    connection = dbapi.connect(path, **{"cache_size_bytes": CACHE_BYTES, **options})
    connection.session.begin()
    kept(connection).limit *= 10
    return connection


def table(connection: dbapi.Connection, name: str = "page") -> Any:
    return connection.session.catalog.table(name)


def kept(connection: dbapi.Connection) -> Columns:
    columns: Columns = table(connection).tree._p_jar.columns
    return columns


def walk(
    connection: dbapi.Connection, places: tuple[int, ...], reverse: bool = False, name: str = "page"
) -> list[tuple[Any, ...]]:
    found = list(table(connection, name).rows(columns=places, reverse=reverse))
    assert {len(row) for row in found} <= {WIDTH}
    return [tuple(row[at] for at in places) for row in found]


def present(connection: dbapi.Connection, places: tuple[int, ...]) -> list[list[Any]]:
    """The values of each column, NULLs left out."""
    found: list[list[Any]] = [[] for _ in places]
    for piece in table(connection).present(places):
        for values, more in zip(found, piece, strict=True):
            values += map(more.decimal, more) if isinstance(more, Scaled) else more
    return found


def check(connection: dbapi.Connection, every: Sequence[tuple[int, ...]] = PLACES, exceeds_cache: bool = True) -> None:
    """Walks that keep columns give what one gives that looks at the rows."""
    connection.session.begin()
    live = table(connection)
    assert live.walks.exceed_cache() == exceeds_cache
    rows = list(live.rows())
    for places in every:
        expected = [tuple(row[at] for at in places) for row in rows]
        assert walk(connection, places) == expected
        columns = [[row[at] for row in rows if row[at] is not None] for at in places]
        assert list(map(str, present(connection, places))) == list(map(str, columns))
    assert walk(connection, places, reverse=True) == expected[::-1]
    for sieve, test in SIEVES:
        passing = list(filter(test, rows))
        assert list(filter(test, live.rows(sieve=sieve))) == passing
    assert [pair for pair in live.items(sieve=sieve) if test(pair[1])] == [(row[0], row) for row in passing]
    for offset in (0, 700, len(rows) // 2, len(rows) - 701, len(rows) - 1):
        assert live.page(offset, 5) == rows[offset : offset + 5]
        assert live.page(offset, 5, rows[20][0]) == rows[20:][offset : offset + 5]
    check_accounts(kept(connection))


def check_accounts(columns: Columns) -> None:
    blocks = columns._blocks
    assert columns.size == sum(block.size for block in blocks.values()) <= columns.limit
    numbers = [number for block in blocks.values() for number in block.numbers]
    assert sorted(numbers) == list(columns._owners)
    for block in blocks.values():
        columns_size = sum(map(len, block.columns.values()))
        assert block.size > columns_size + sum(each.size for each in block.present.values())
        assert all(columns._owners[number] is block for number in block.numbers)


def loads(connection: dbapi.Connection, places: tuple[int, ...], name: str = "page") -> int:
    jar = table(connection).tree._p_jar
    before: int = jar._load_count
    walk(connection, places, name=name)
    return int(jar._load_count) - before


def test_the_second_walk_reads_no_records(path: Path) -> None:
    connection = opened(path)
    connection.session.begin()
    assert loads(connection, (1, 3)) > 100
    assert all(block.once for block in kept(connection)._blocks.values())
    assert loads(connection, (1, 3)) < 70  # those below the first node: most walks are short
    assert not any(block.once for block in kept(connection)._blocks.values())
    assert loads(connection, (1, 2)) > 100
    for _ in range(3):
        check(connection)


def test_the_second_sum_reads_no_records(path: Path) -> None:
    connection = opened(path)
    jar = table(connection).tree._p_jar
    sql = "SELECT count(*), count(good), sum(price), min(price), max(n), avg(n) FROM page"
    found, loaded = [], []
    for _ in range(4):
        before = jar._load_count
        found.append(connection.execute(sql).fetchone())
        loaded.append(jar._load_count - before)
    assert found == [(ROWS, ROWS * 4 // 5, Decimal("2249250.00"), Decimal("0.00"), 6, found[0][-1])] * 4
    assert loaded[0] > 100
    assert max(loaded[1:]) < 5


@pytest.fixture
def full(path: Path) -> dbapi.Connection:
    """A connection to two such tables, with room for what is kept of one of them."""
    connection = opened(path)
    connection.execute(SCHEMA.replace("page", "leaf"))
    connection.execute("INSERT INTO leaf SELECT * FROM page")
    connection.commit()
    connection.session.begin()
    loads(connection, (1, 3))
    kept(connection).limit = kept(connection).size + 100
    return connection


def test_what_only_the_first_walk_has_used_makes_room(full: dbapi.Connection) -> None:
    assert loads(full, (1, 3), "leaf") > 100, "the first one takes the place of nothing"
    assert loads(full, (1, 3), "leaf") > 100
    assert loads(full, (1, 3), "leaf") < 70, "kept in the place of what nobody came back for"
    assert loads(full, (1, 3)) > 100
    check_accounts(kept(full))


def test_what_is_used_again_stays(full: dbapi.Connection) -> None:
    for _ in range(4):
        assert loads(full, (1, 3)) < 70
        assert loads(full, (1, 3), "leaf") > 100
    check_accounts(kept(full))


def test_what_has_not_been_used_since_makes_room(full: dbapi.Connection) -> None:
    for _ in range(2):
        assert loads(full, (1, 3)) < 70
    assert min(loads(full, (1, 3), "leaf") for _ in range(3)) < 70
    assert loads(full, (1, 3)) > 100
    check_accounts(kept(full))


def test_columns_make_room_for_others_of_the_same_rows(path: Path) -> None:
    connection = opened(path)
    columns = kept(connection)
    for _ in range(2):
        loads(connection, (2, 4))
    columns.limit = columns.size + 100
    assert min(loads(connection, (1, 3)) for _ in range(3)) < 70
    assert any(block.columns.keys() == {1, 3} for block in columns._blocks.values())
    check_accounts(columns)


def sieved_loads(connection: dbapi.Connection, sieve: Sieve, columns: Sequence[int] | None = None) -> int:
    jar = table(connection).tree._p_jar
    before: int = jar._load_count
    list(table(connection).rows(columns=columns, sieve=sieve))
    return int(jar._load_count) - before


@pytest.mark.parametrize("number", range(3))
def test_the_second_sieved_walk_reads_few_records(path: Path, number: int) -> None:
    connection = opened(path)
    sieve, test = SIEVES[number]
    loaded = [sieved_loads(connection, sieve) for _ in range(4)]
    assert loaded[0] > 150
    assert max(loaded[1:]) < 70
    before = table(connection).tree._p_jar._load_count
    assert len([pair for pair in table(connection).items(sieve=sieve) if test(pair[1])]) > 20
    assert table(connection).tree._p_jar._load_count - before < 70
    check(connection)


def test_leaves_with_rows_that_pass_are_loaded_where_there_is_room(path: Path) -> None:
    connection = opened(path, cache_size_bytes=2 * CACHE_BYTES)
    assert table(connection).walks.exceed_cache()
    assert [sieved_loads(connection, Within(0, 4000, 4020)) > 0 for _ in range(4)] == [True, False, False, False]


def test_where_most_leaves_hold_what_passes_no_record_is_read_twice(path: Path) -> None:
    connection = opened(path)
    often = Among(1, {3})
    loaded = [sieved_loads(connection, often) for _ in range(8)]
    assert max(loaded) < 1.8 * min(loaded), "the nodes that were tried"
    assert sorted(loaded)[4] == min(loaded)
    loaded = [sieved_loads(connection, often, (1, 4)) for _ in range(8)]
    assert min(loaded) < 70, "what it wants is kept instead"


def test_a_sieve_that_single_values_do_not_tell_anything(path: Path) -> None:
    connection = opened(path)
    loaded = [sieved_loads(connection, First(2, 20, descending=True)) for _ in range(4)]
    assert min(loaded) > 150
    assert not kept(connection)._blocks


def test_columns_of_tables_in_the_cache(path: Path) -> None:
    """They hold the very objects of the rows; decimals are multiples from the second use on."""
    connection = opened(path, cache_size_bytes=100 * CACHE_BYTES)
    for expected in (list, list, Scaled, Scaled):
        (prices, notes), *_ = table(connection).present((2, 4))
        assert type(prices) is expected
    first = next(iter(table(connection).rows()))
    assert notes[0] is first[4]
    assert prices.decimal(prices[1]) == Decimal("0.50")
    connection.execute("UPDATE page SET price = 10 WHERE id = 2")
    (prices,), *_ = table(connection).present((2,))
    assert prices[1] == Decimal("10.00")
    connection.rollback()
    check(connection, exceeds_cache=False)


def test_columns_of_a_table_that_is_not_committed_yet(path: Path) -> None:
    connection = opened(path)
    connection.execute("CREATE TABLE fresh (id bigint PRIMARY KEY, n integer)")
    sums = "SELECT count(n), sum(n), max(id) FROM fresh"
    assert connection.execute(sums).fetchone() == (0, None, None)
    connection.execute("INSERT INTO fresh VALUES (1, 5), (2, NULL), (3, 6)")
    assert connection.execute(sums).fetchone() == (2, 11, 3)
    connection.execute("SAVEPOINT here")
    assert connection.execute(sums).fetchone() == (2, 11, 3)
    connection.commit()
    for _ in range(4):
        assert connection.execute(sums).fetchone() == (2, 11, 3)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_second_page_counts_no_rows(path: Path, reverse: bool) -> None:
    connection = opened(path)
    jar = table(connection).tree._p_jar
    every = [row_of(2 * n) for n in range(ROWS)][:: -1 if reverse else 1]
    found = []
    for offset in (0, ROWS // 2, ROWS // 2 - 10):
        before = jar._load_count
        assert table(connection).page(offset, 3, reverse=reverse) == every[offset : offset + 3]
        found.append(jar._load_count - before)
    assert found[0] < 15 and found[1] > 60
    assert found[2] < 40


def test_others_change_rows(path: Path) -> None:
    connection, other = opened(path), opened(path)
    for _ in range(2):
        check(connection)
    before = walk(connection, (1, 2))
    for sql in (
        "UPDATE page SET n = n + 1 WHERE id % 1000 = 0",
        "DELETE FROM page WHERE id BETWEEN 3000 AND 4000",
        "INSERT INTO page (id, n, price) SELECT id + 1, 0, 1 FROM page WHERE id < 2000",
        "UPDATE page SET price = NULL",
        "DELETE FROM page WHERE id > 400",
    ):
        other.execute(sql)
        other.commit()
        assert walk(connection, (1, 2)) == before
        connection.commit()
        connection.session.begin()
        if sql.endswith("400"):
            break
        check(connection)
        before = walk(connection, (1, 2))
        assert kept(connection).size
    assert walk(connection, (0,)) == [(id,) for id in range(401) if id % 2 == 0 or id < 2000]


def test_the_transaction_itself_changes_rows(path: Path) -> None:
    connection = opened(path)
    for _ in range(2):
        check(connection)
    jar = table(connection).tree._p_jar
    size = kept(connection).size
    connection.execute("UPDATE page SET n = 100 WHERE id >= 5000")
    for _ in range(2):
        check(connection, [*PLACES, (1, 4)])
    assert kept(connection).size == size
    assert walk(connection, (1,))[-1] == (100,)
    jar.transaction_manager.get().savepoint(True)
    check(connection)
    connection.rollback()
    connection.session.begin()
    assert walk(connection, (1,))[-1] == (row_of(2 * ROWS - 2)[1],)
    check(connection)
    connection.execute("UPDATE page SET n = 200 WHERE id = 5500")
    connection.commit()
    connection.session.begin()
    assert (200,) in walk(connection, (1,))
    check(connection)
    assert kept(connection).size > size / 2


def test_another_process_changes_rows(path: Path) -> None:
    connection = opened(path)
    for _ in range(2):
        check(connection)
    size = kept(connection).size
    script = (
        "import sys; from django_zodb import dbapi; connection = dbapi.connect(sys.argv[1]);"
        "connection.execute('UPDATE page SET n = 100 WHERE id > 5500'); connection.commit()"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    connection.commit()
    connection.session.begin()
    assert walk(connection, (1,))[-1] == (100,)
    assert 0 < kept(connection).size < size
    check(connection)


@pytest.mark.parametrize("cache", [CACHE_BYTES, 100 * CACHE_BYTES])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_changed(path: Path, seed: int, cache: int) -> None:
    """Two connections walk and change rows, and take back what they have changed, in any order."""
    chance = random.Random(seed)
    levels = chance.choices(("snapshot", "serializable"), k=2)
    both = [opened(path, isolation=level, cache_size_bytes=cache) for level in levels]
    exceeds_cache = cache == CACHE_BYTES
    for step in range(40):
        connection = chance.choice(both)
        connection.session.begin()
        low = chance.randrange(2 * ROWS)
        high = low + chance.choice((1, 10, 500))
        match chance.randrange(9):
            case 0:
                connection.execute("UPDATE page SET n = %s WHERE id BETWEEN %s AND %s", (step, low, high))
            case 1:
                connection.execute("DELETE FROM page WHERE id BETWEEN %s AND %s", (low, high))
            case 2:
                new = range(low | 1, high, 2)
                rows = [(id, step) for id in new if table(connection).get(id) is None]
                connection.cursor().executemany("INSERT INTO page (id, n) VALUES (%s, %s)", rows)
            case 3:
                connection.execute("SAVEPOINT here")
                connection.execute("UPDATE page SET good = NULL WHERE id BETWEEN %s AND %s", (low, high))
                check(connection, [(3,)], exceeds_cache)
                connection.execute("ROLLBACK TO SAVEPOINT here")
            case 4:
                connection.rollback()
            case 5:
                table(connection).tree._p_jar.cacheMinimize()
            case _:
                try:
                    connection.commit()
                except (dbapi.IntegrityError, dbapi.OperationalError):
                    connection.rollback()
        check(connection, chance.sample(PLACES, 2), exceeds_cache)


def test_a_connection_that_missed_what_was_changed(path: Path) -> None:
    """As after a reconnection: everything may have been changed."""
    connection, other = opened(path), opened(path)
    for _ in range(2):
        check(connection)
    jar = table(connection).tree._p_jar
    jar.cacheMinimize()
    other.execute("UPDATE page SET n = 100")
    other.commit()
    connection.commit()
    jar._normal_storage._invalidateCache()
    connection.session.begin()
    assert kept(connection).size == 0
    assert set(walk(connection, (1,))) == {(100,)}


def test_caches_are_reset(path: Path) -> None:
    connection = opened(path)
    for _ in range(2):
        check(connection)
    connection.close()
    resetCaches()
    connection = opened(path)
    connection.session.begin()
    assert kept(connection).size == 0
    assert kept(connection) is table(connection).tree._p_jar._cache.columns
    check(connection)


def test_what_changes_in_the_middle_of_a_walk_is_not_kept(path: Path) -> None:
    connection, other = opened(path), opened(path)
    connection.session.begin()
    walk(connection, (1,))
    rows = iter(table(connection).rows(columns=(1,)))
    for _ in range(ROWS // 2):
        next(rows)
    other.execute("UPDATE page SET n = 100")
    other.commit()
    connection.commit()
    connection.session.begin()
    list(rows)  # nobody should, but what it has read of the old snapshot must not be taken for the new one
    assert set(walk(connection, (1,))) == {(100,)}
    assert set(walk(connection, (1,))) == {(100,)}


def test_there_is_room_for_so_many_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = opened(path)
    columns = kept(connection)
    columns.limit = 15_000
    for _ in range(3):
        walk(connection, (1,))
    first = dict(columns._blocks)
    assert 1 < len(first) < ROWS / 1000 * 4
    check_accounts(columns)
    for _ in range(3):  # some other columns find no room at once
        walk(connection, (2, 5))
    assert columns._blocks.keys() & first.keys()
    monkeypatch.setattr(columns_module, "_PARTS", 2)
    for _ in range(5):
        walk(connection, (2, 5))
        check_accounts(columns)
    assert any(2 in block.columns for block in columns._blocks.values())
    check(connection)


def test_long_values_are_not_kept(path: Path) -> None:
    connection = opened(path)
    connection.execute("UPDATE page SET note = %s", ("x" * 100,))
    connection.commit()
    connection.session.begin()
    for _ in range(3):
        assert walk(connection, (4,)) == [("x" * 100,)] * ROWS
    assert kept(connection).size < 100 * ROWS / 10
    loaded = [sieved_loads(connection, Holding(4, "inside", "y")) for _ in range(4)]
    assert max(loaded) <= min(loaded) + 60, "those of the node where that is seen"
    assert all(block.columns == {4: b""} for block in kept(connection)._blocks.values())


def test_without_a_limit_of_bytes_nothing_is_kept(path: Path) -> None:
    connection = opened(path, cache_size_bytes=0, cache_size=50)
    for _ in range(3):
        check(connection)
    assert not kept(connection)._blocks
