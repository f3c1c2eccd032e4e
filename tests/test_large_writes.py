"""Statements and transactions that change more rows than are kept in memory: pieces, journal and leaves that move out.

The limits are made so low that a few hundred rows are many.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from django_zodb import collector, dbapi, errors
from django_zodb.storage import bounded, journal, large_writes, runs
from django_zodb.storage.database import close_all
from django_zodb.storage.runs import Run
from django_zodb.storage.table import StoredTable

ROOT = Path(__file__).parent.parent
ROWS = 300

Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def low_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    close_all()  # others may have left something in memory
    monkeypatch.setattr(large_writes, "PIECE_ROWS", 20)
    monkeypatch.setattr(collector, "MANY_ROWS", 20)
    monkeypatch.setattr(journal, "PACKED_AT", 30)
    monkeypatch.setattr(runs, "WINDOW_ROWS", 20)
    monkeypatch.setattr(bounded, "_MOST_OTHERS", 15)
    yield
    close_all()


@pytest.fixture(params=["memory", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = ":memory:" if request.param == "memory" else str(tmp_path / "Data.fs")
    connection = connect(path)
    connection.execute("CREATE TABLE author (id bigint PRIMARY KEY, name varchar(20) NOT NULL)")
    connection.execute(
        """CREATE TABLE book (id bigint PRIMARY KEY, year integer, code varchar(20) UNIQUE, price decimal(8, 2),
        author_id bigint REFERENCES author (id) DEFERRABLE INITIALLY DEFERRED,
        twice integer GENERATED ALWAYS AS (year * 2) STORED)"""
    )
    connection.execute("CREATE INDEX book_year ON book (year)")
    connection.execute("CREATE TABLE note (text varchar(20), book_id bigint REFERENCES book (id) ON DELETE CASCADE)")
    connection.execute("INSERT INTO author (id, name) VALUES (1, 'Ada'), (2, 'Bob')")
    connection.execute("BEGIN")
    for number in range(1, ROWS + 1):
        row = [number, number % 7, f"c{number}", "1.50", 1 + number % 2]
        connection.execute("INSERT INTO book (id, year, code, price, author_id) VALUES (%s, %s, %s, %s, %s)", row)
    connection.execute("INSERT INTO note (text, book_id) SELECT code, id FROM book")
    connection.commit()
    return path


def connect(place: str, **options: Any) -> dbapi.Connection:
    connection = dbapi.connect(place, **options)
    connection.autocommit = True
    return connection


def all_rows(connection: dbapi.Connection) -> tuple[Rows, Rows]:
    books = connection.execute("SELECT * FROM book ORDER BY id").fetchall()
    return books, connection.execute("SELECT text, book_id FROM note ORDER BY book_id").fetchall()


def is_packed(connection: dbapi.Connection) -> bool:
    return any(isinstance(entry, Run) for entry in connection.session.journal.entries)


def assert_sound(connection: dbapi.Connection) -> None:
    """Every index says what the rows say, and every count is right."""
    catalog = connection.session.catalog
    for name in catalog.table_names():
        table = catalog.table(name)
        stored = dict(table.items())
        assert table.count() == len(stored)
        for index, plan in zip(table.indexes(), table.plan.writer.indexes, strict=True):
            expected = sorted((plan.key_of(row), rowid) for rowid, row in stored.items())
            assert [rowid for _, rowid in expected] == list(index.range(nulls=True)), (name, index.schema.name)
    connection.rollback()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE book SET year = year + 1", lambda b: (*b[:1], b[1] + 1, *b[2:5], (b[1] + 1) * 2)),
        ("UPDATE book SET year = year + 1 WHERE year >= 2", lambda b: None),
        ("UPDATE book SET year = id, code = code || 'x'", lambda b: (b[0], b[0], b[2] + "x", *b[3:5], b[0] * 2)),
        ("UPDATE book SET year = (SELECT max(b.year) FROM book b) + 1", lambda b: (b[0], 7, *b[2:5], 14)),
        (
            "UPDATE book SET year = (SELECT count(*) FROM book b WHERE b.year = book.year AND b.id < 5)",
            lambda b: (b[0], int(1 <= b[1] <= 4), *b[2:5], 2 * int(1 <= b[1] <= 4)),
        ),
    ],
)
def test_an_update_sees_the_rows_as_they_were(place: str, sql: str, expected: Callable[[Any], Any]) -> None:
    connection = connect(place)
    before, _ = all_rows(connection)
    if expected(before[0]) is None:  # the index that the rows are found by is the one that they move in
        plain = [b if b[1] < 2 else (b[0], b[1] + 1, *b[2:5], (b[1] + 1) * 2) for b in before]
        count = sum(b[1] >= 2 for b in before)
    else:
        plain, count = [expected(b) for b in before], ROWS
    connection.execute("BEGIN")
    assert connection.execute(sql).rowcount == count
    assert is_packed(connection)
    assert all_rows(connection)[0] == plain
    connection.commit()
    assert all_rows(connect(place))[0] == plain
    assert_sound(connection)


@pytest.mark.parametrize(
    "sql", ["UPDATE book SET price = 2", "DELETE FROM note", "INSERT INTO note (text) SELECT code FROM book"]
)
@pytest.mark.parametrize("piece_rows", [20, 20 * ROWS])
def test_the_garbage_collector_waits(place: str, monkeypatch: pytest.MonkeyPatch, sql: str, piece_rows: int) -> None:
    monkeypatch.setattr(large_writes, "PIECE_ROWS", piece_rows)
    change_all, seen = StoredTable._change_all, []

    def noted(*arguments: Any, **named: Any) -> None:
        seen.append(gc.isenabled())
        change_all(*arguments, **named)

    monkeypatch.setattr(StoredTable, "_change_all", noted)
    connection = connect(place)
    connection.execute(sql)
    assert seen and not any(seen)
    assert gc.isenabled()
    monkeypatch.setattr(collector, "MANY_ROWS", ROWS)
    del seen[:]
    connection.execute("INSERT INTO note (text) SELECT 'x' FROM author")
    assert seen == [True] and gc.isenabled()


def test_insert_from_the_table_itself(place: str) -> None:
    connection = connect(place)
    connection.execute("INSERT INTO book (id, year, code, author_id) SELECT id + 1000, year, code || 'x', 2 FROM book")
    books, _ = all_rows(connection)
    assert [b[0] for b in books] == [*range(1, ROWS + 1), *range(1001, 1001 + ROWS)]
    assert {b[2] for b in books[ROWS:]} == {f"c{number}x" for number in range(1, ROWS + 1)}
    assert_sound(connection)


def test_delete_with_cascades(place: str) -> None:
    connection = connect(place)
    connection.execute("BEGIN")
    assert connection.execute("DELETE FROM book WHERE id % 10 > 0").rowcount == ROWS - ROWS // 10
    assert is_packed(connection)
    connection.commit()
    books, notes = all_rows(connection)
    assert [b[0] for b in books] == [n[1] for n in notes] == list(range(10, ROWS + 1, 10))
    assert connection.execute("DELETE FROM note").rowcount == ROWS // 10
    assert connection.execute("DELETE FROM book").rowcount == ROWS // 10
    assert_sound(connection)


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE book SET year = 9, code = CASE WHEN id = {ROWS} THEN 'c2x' ELSE code || 'x' END",
        f"INSERT INTO book (id, code) SELECT id + 1000, CASE WHEN id = {ROWS} THEN 'c2' ELSE code || 'x' END FROM book",
    ],
)
def test_a_statement_that_fails_at_its_end_leaves_nothing(place: str, sql: str, isolation: str) -> None:
    connection = connect(place, isolation=isolation)
    connection.execute("BEGIN")
    connection.execute("UPDATE book SET year = 5 WHERE id = 7")
    before = all_rows(connection)
    with pytest.raises(errors.IntegrityError, match="UNIQUE"):
        connection.execute(sql)
    assert all_rows(connection) == before
    connection.commit()
    assert all_rows(connect(place)) == before
    assert_sound(connection)


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_savepoints_and_rollback(place: str, isolation: str) -> None:
    connection = connect(place, isolation=isolation)
    start = all_rows(connection)
    connection.execute("BEGIN")
    for number in range(40):
        connection.execute("UPDATE book SET year = 100 WHERE id = %s", [number * 3])
        if number == 20:
            connection.execute("SAVEPOINT a")
            at_a = all_rows(connection)
    connection.execute("UPDATE book SET year = year + 1")
    connection.execute("SAVEPOINT b")
    at_b = all_rows(connection)
    connection.execute("DELETE FROM book WHERE year > 3")
    connection.execute("UPDATE book SET code = code || 'x'")
    connection.execute("INSERT INTO note (text, book_id) SELECT code, id FROM book")
    connection.execute("ROLLBACK TO SAVEPOINT b")
    assert all_rows(connection) == at_b
    connection.execute("DELETE FROM book")
    connection.execute("ROLLBACK TO SAVEPOINT a")
    assert all_rows(connection) == at_a
    connection.execute("UPDATE book SET year = year + 1")
    connection.rollback()
    assert all_rows(connection) == start
    connection.execute("BEGIN")
    connection.execute("UPDATE book SET year = year + 1")
    connection.execute("SAVEPOINT a")
    at_a = all_rows(connection)
    connection.execute("DELETE FROM book WHERE id > 100")
    connection.execute("ROLLBACK TO SAVEPOINT a")
    connection.commit()
    assert all_rows(connect(place)) == at_a
    assert_sound(connection)


def test_what_others_commit_meanwhile(place: str) -> None:
    one, other = connect(place), connect(place)
    one.execute("BEGIN")
    one.execute("UPDATE book SET year = year + 1 WHERE id > 5")
    one.execute("UPDATE book SET price = 3 WHERE id % 2 = 0")
    one.execute("INSERT INTO note (text, book_id) SELECT 'new', id FROM book WHERE id > 250")
    one.execute("DELETE FROM book WHERE id > 280")
    expected, notes = all_rows(one)
    other.execute("UPDATE book SET year = 77 WHERE id = 3")
    other.execute("INSERT INTO book (id, year, code) VALUES (5000, 1, 'other')")
    one.commit()
    books, after = all_rows(one)
    assert books[2][1] == 77
    assert books[-1][0] == 5000
    assert [b for b in books if b[0] not in (3, 5000)] == [b for b in expected if b[0] != 3]
    assert sorted(after) == sorted(notes)
    assert_sound(one)


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
@pytest.mark.parametrize("sql", ["UPDATE book SET year = 1 WHERE id = 299", "DELETE FROM book WHERE id = 150"])
def test_others_change_one_of_the_rows(place: str, sql: str, isolation: str) -> None:
    one, other = connect(place, isolation=isolation), connect(place)
    one.execute("BEGIN")
    one.execute("UPDATE book SET price = price + 1")
    other.execute(sql)
    expected = all_rows(other)
    with pytest.raises(errors.OperationalError) as caught:
        one.commit()
    assert getattr(caught.value, "retryable", False)
    assert all_rows(one) == expected
    assert_sound(one)


def test_deferred_constraints(place: str) -> None:
    connection = connect(place)
    before = all_rows(connection)
    connection.execute("BEGIN")
    connection.execute("UPDATE book SET author_id = id")
    connection.execute("UPDATE book SET author_id = 2 WHERE id <> 290")
    with pytest.raises(errors.IntegrityError, match="no row of author has id = 290"):
        connection.commit()
    assert all_rows(connection) == before
    connection.execute("BEGIN")
    connection.execute("UPDATE book SET author_id = id")
    connection.execute("UPDATE book SET author_id = 2")
    connection.execute("DELETE FROM author WHERE id = 1")
    connection.commit()
    assert {b[4] for b in all_rows(connection)[0]} == {2}
    with pytest.raises(errors.IntegrityError, match="no row of book has id = 1299"):
        connection.execute(
            "INSERT INTO note (text, book_id) SELECT 'x', CASE WHEN id = 299 THEN 1299 ELSE id END FROM book"
        )
    assert len(all_rows(connection)[1]) == ROWS
    with pytest.raises(errors.IntegrityError, match="still referenced"):
        connection.execute("UPDATE book SET id = id + 5000 WHERE id > 100")
    assert_sound(connection)


def test_a_transaction_whose_undoing_fails_is_lost(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(place)
    before = all_rows(connection)
    connection.execute("BEGIN")
    connection.execute("SAVEPOINT a")
    connection.execute("UPDATE book SET year = year + 1")
    with monkeypatch.context() as patched:
        patched.setattr(StoredTable, "revert", lambda *_: (_ for _ in ()).throw(OSError("disk")))
        with pytest.raises(errors.OperationalError, match="disk"):
            connection.execute("ROLLBACK TO SAVEPOINT a")
    with pytest.raises(errors.OperationalError, match="lost"):
        connection.commit()
    connection.rollback()
    assert all_rows(connection) == before
    assert_sound(connection)


def test_a_transaction_of_many_small_changes(place: str) -> None:
    connection = connect(place)
    connection.execute("BEGIN")
    for number in range(1, 121):
        connection.execute("UPDATE book SET year = %s WHERE id = %s", [number, 1 + number * 7 % ROWS])
        connection.execute("INSERT INTO note (text, book_id) VALUES ('n', %s)", [number])
        if number % 10 == 0:
            connection.execute("DELETE FROM book WHERE id = %s", [200 + number // 10])
    assert is_packed(connection)
    expected = all_rows(connection)
    connection.commit()
    assert all_rows(connect(place)) == expected
    assert_sound(connection)


MEMORY = """
import resource, sys
from django_zodb import dbapi
connection = dbapi.connect(sys.argv[1])
connection.autocommit = True
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
for sql in sys.argv[2:]:
    connection.execute(sql)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE long SET text = text || 'x'"],
        ["DELETE FROM long"],
        [
            "BEGIN",
            "CREATE TABLE copy (id bigint PRIMARY KEY, text varchar(1000))",
            "INSERT INTO copy (id, text) SELECT id, text FROM long",
            "COMMIT",
        ],
    ],
    ids=["update", "delete", "insert"],
)
def test_memory_is_bounded(tmp_path: Path, statements: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "Data.fs")
    connection = connect(path)
    connection.execute("CREATE TABLE long (id bigint PRIMARY KEY, text varchar(1000))")
    connection.execute("INSERT INTO long (id, text) VALUES (1, %s)", ["y" * 600])
    monkeypatch.undo()
    for power in range(17):
        connection.execute("INSERT INTO long (id, text) SELECT id + %s, text || id FROM long", [1 << power])
    connection.close()
    close_all()
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, path, *statements], cwd=ROOT, capture_output=True, text=True, check=True
    )
    before, after = map(int, ran.stdout.split())
    assert after - before < 150_000, f"{(after - before) / 1000:.0f} MB more for 131,072 rows of 0.7 kB"


def test_what_was_changed_leaves_room_for_the_ways_to_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with dbapi.connect(str(tmp_path / "Data.fs"), cache_size_bytes=150_000) as connection:
        connection.execute("CREATE TABLE item (id bigint PRIMARY KEY, code uuid UNIQUE)")
        codes = [UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % (1 << 128)) for number in range(20_000)]
        connection.cursor().executemany("INSERT INTO item VALUES (%s, %s)", list(enumerate(codes)))
        connection.commit()
        zodb = connection.session.zodb_connection
        for batch in range(40):
            before = zodb._load_count
            ids = [(batch * 100 + number) * 7919 % 20_000 for number in range(100)]
            connection.execute(f"DELETE FROM item WHERE id IN ({', '.join(['%s'] * 100)})", ids)
            assert zodb._load_count - before < 300, "more than a leaf of rows and one of the index for each"
        connection.rollback()


@pytest.mark.parametrize("limits", [{"cache_size_bytes": (1 << 63) - 1}, {"cache_size": (1 << 31) - 1}, {}])
def test_a_cache_without_limits_is_swept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    monkeypatch.setattr(bounded, "_LOADS_PER_SWEEP", 1)
    path = str(tmp_path / "Data.fs")
    with dbapi.connect(path) as connection:
        connection.execute("CREATE TABLE item (id bigint PRIMARY KEY, n integer)")
        connection.cursor().executemany("INSERT INTO item VALUES (%s, %s)", [(number, 0) for number in range(2000)])
        connection.commit()
    close_all()
    with dbapi.connect(path, **limits) as connection:
        for number in range(0, 2000, 50):
            connection.execute("UPDATE item SET n = 1 WHERE id = %s", [number])
        cache = connection.session.zodb_connection._cache
        assert limits.items() <= {"cache_size": cache.cache_size, "cache_size_bytes": cache.cache_size_bytes}.items()
        assert connection.execute("SELECT SUM(n) FROM item").fetchone() == (40,)


def test_what_is_read_beside_small_changes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(bounded, "_LOADS_PER_SWEEP", 2)
    limit = 100_000
    path = str(tmp_path / "Data.fs")
    with dbapi.connect(path) as connection:
        connection.execute("CREATE TABLE small (id bigint PRIMARY KEY, n integer)")
        connection.execute("CREATE TABLE large (id bigint PRIMARY KEY, text varchar(4000))")
        connection.cursor().executemany("INSERT INTO small VALUES (%s, %s)", [(number, 0) for number in range(9000)])
        rows = [(number, str(number) * 600) for number in range(2000)]
        connection.cursor().executemany("INSERT INTO large VALUES (%s, %s)", rows)
        connection.commit()
    close_all()
    with dbapi.connect(path, cache_size_bytes=limit) as connection:
        connection.execute("UPDATE small SET n = 1")
        zodb = connection.session.zodb_connection
        changed = sum(each._p_estimated_size for each in zodb._registered_objects)
        most = 0
        for number in range(0, 2000, 3):
            connection.execute("SELECT text FROM large WHERE id = %s", [number])
            most = max(most, zodb._cache.total_estimated_size)
        assert most < limit + changed + 100_000
        connection.rollback()
