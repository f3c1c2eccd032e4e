"""What an index finds in any order: by a walk over the whole table where that is many rows, with the same outcome."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.storage import walks as walks_module
from django_zodb.storage.walks import Walks

ROWS = 2000

SCHEMA = (
    "CREATE TABLE item (id bigint PRIMARY KEY, n integer, label text, kind integer NOT NULL, price numeric(8, 2),"
    " day date, size double precision, code text COLLATE nocase, serial integer)",
    "CREATE INDEX item_n ON item (n)",
    "CREATE INDEX item_label ON item (label)",
    "CREATE INDEX item_kind_day ON item (kind, day)",
    "CREATE INDEX item_price ON item (price)",
    "CREATE INDEX item_size ON item (size)",
    "CREATE INDEX item_code ON item (code)",
    "CREATE INDEX item_down ON item (day DESC)",
    "CREATE INDEX item_part ON item (kind, label) WHERE n > 3",
)


def row_of(number: int) -> tuple[Any, ...]:
    n = None if number % 17 == 0 else number % 100
    label = None if number % 13 == 0 else ("\U0010ffff" if number % 3 == 0 else "b") + str(number % 50)
    day = None if number % 19 == 0 else f"2020-01-{number % 28 + 1:02}"
    return number, n, label, number % 3, f"{number % 70}.50", day, number / 7, f"Code {number % 40}", number


def number_above(bound: int) -> int:
    return sum(1 for number in range(ROWS) if (n := row_of(number)[1]) is not None and n > bound)


def fill(connection: dbapi.Connection) -> None:
    for statement in SCHEMA:
        connection.execute(statement)
    marks = ", ".join(["%s"] * len(row_of(0)))
    connection.cursor().executemany(f"INSERT INTO item VALUES ({marks})", [row_of(number) for number in range(ROWS)])
    connection.commit()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[dbapi.Connection]:
    with dbapi.connect(str(tmp_path / "data.fs")) as connection:
        fill(connection)
        yield connection


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each time that there was a choice, whether all rows were walked over."""
    seen: list[bool] = []
    real = Walks._of_many

    def of_many(self: Walks, *arguments: Any) -> Any:
        found = real(self, *arguments)
        seen.append(found[1] is not None)
        return found

    monkeypatch.setattr(Walks, "_of_many", of_many)
    return seen


def rows_of(connection: dbapi.Connection, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    cursor.execute(sql, params)
    return sorted(cursor.fetchall(), key=repr)


def plan_of(connection: dbapi.Connection, sql: str, params: tuple[Any, ...] = ()) -> str:
    cursor = connection.cursor()
    cursor.execute(f"EXPLAIN {sql}", params)
    return "\n".join(line for (line,) in cursor.fetchall())


MANY: list[tuple[str, tuple[Any, ...]]] = [
    ("n > %s", (20,)),
    ("n >= %s AND n < %s", (20, 90)),
    ("n BETWEEN %s AND %s", (20, 90)),
    ("n < %s AND n <= %s", (90, 95)),
    ("kind = %s", (1,)),
    ("kind = %s AND day > %s", (1, "2020-01-05")),
    ("kind = %s AND day IS NOT NULL", (1,)),
    ("price >= %s", ("20.50",)),
    ("n IN (%s, %s)", (None, 5)),
    (f"n IN ({', '.join(['%s'] * 12)})", tuple(range(12))),
    ("label LIKE %s", ("b%",)),
    ("label LIKE %s", ("\U0010ffff%",)),
    ("n > %s AND price > %s", (20, "5")),
    ("n > %s AND size < 200 AND label IS NOT NULL", (20,)),
    ("n > %s AND label LIKE %s", (20, "%1%")),
    ("n > %s AND n <> n + 1", (None,)),
]


@pytest.mark.parametrize(("condition", "params"), MANY)
@pytest.mark.parametrize("cache_size_bytes", [24_000_000, 20_000])
def test_a_walk_finds_what_the_index_does(
    tmp_path: Path,
    walked: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    condition: str,
    params: tuple[Any, ...],
    cache_size_bytes: int,
) -> None:
    monkeypatch.setattr(Walks, "_many", lambda *arguments: walks_module._GLANCE)
    with dbapi.connect(str(tmp_path / "data.fs"), cache_size_bytes=cache_size_bytes) as connection:
        fill(connection)
        check_walks(connection, walked, monkeypatch, condition, params)


def check_walks(
    connection: dbapi.Connection,
    walked: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    condition: str,
    params: tuple[Any, ...],
) -> None:
    for columns in ("*", "price", "COUNT(size), SUM(price)", "label, day"):
        sql = f"SELECT {columns} FROM item WHERE {condition}"
        assert "Index" in plan_of(connection, sql, params)
        with monkeypatch.context() as patch:
            patch.setattr(Walks, "_many", lambda *arguments: 1 << 40)
            expected = rows_of(connection, sql, params)
        assert not any(walked)
        walked.clear()
        for _ in range(4):  # what is kept for a walk is made when it is repeated
            assert rows_of(connection, sql, params) == expected
        if "COUNT" not in columns and len(expected) >= walks_module._GLANCE:
            assert all(walked[-3:])
        walked.clear()


def test_it_depends_on_the_number_of_rows(connection: dbapi.Connection, walked: list[bool]) -> None:
    sql = "SELECT price FROM item WHERE n > %s"
    assert "item_n (item.n > p0), or a Scan if many" in plan_of(connection, sql, (98,))
    assert len(rows_of(connection, sql, (98,))) == number_above(98)
    assert walked == [False]
    assert len(rows_of(connection, sql, (91,))) == number_above(91)
    assert walked == [False, False]
    assert len(rows_of(connection, sql, (50,))) == number_above(50)
    assert walked == [False, False, True]


@pytest.mark.parametrize("past_cache", [False, True])
def test_rows_close_together_are_looked_up_for_longer(
    connection: dbapi.Connection, walked: list[bool], monkeypatch: pytest.MonkeyPatch, past_cache: bool
) -> None:
    if past_cache:
        monkeypatch.setattr(Walks, "exceed_cache", lambda self: self._tree._p_jar is not None)
    connection.execute("CREATE INDEX item_close ON item (serial)")
    walks = {
        (columns, number): bool(rows_of(connection, f"SELECT {columns} FROM item WHERE serial < %s", (number,)))
        and walked.pop()
        for columns in ("price", "*")
        for number in (500, 800, 1200)
    }
    assert walks == {
        ("price", 500): False,
        ("price", 800): past_cache,
        ("price", 1200): True,
        ("*", 500): False,
        ("*", 800): False,
        ("*", 1200): True,
    }


def test_an_estimate_is_not_taken_for_the_number(connection: dbapi.Connection, walked: list[bool]) -> None:
    connection.execute("UPDATE item SET n = NULL WHERE id %% 10 < 8", ())
    assert len(rows_of(connection, "SELECT price FROM item WHERE n >= %s", (0,))) < ROWS // 4
    assert walked == [False]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT EXISTS (SELECT 1 FROM item WHERE n > %s AND price > 1)",
        "SELECT EXISTS (SELECT price FROM item WHERE n > %s)",
        "SELECT id FROM item a WHERE a.id < 9 AND EXISTS (SELECT 1 FROM item b WHERE b.n > %s AND b.price > 1)",
    ],
)
def test_who_asks_for_one_row_does_not_begin_a_walk(connection: dbapi.Connection, walked: list[bool], sql: str) -> None:
    assert "or a Scan" not in plan_of(connection, sql, (5,))
    assert rows_of(connection, sql, (5,))
    assert walked == []


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT price FROM item WHERE n > %s ORDER BY n", (5,)),
        ("SELECT price FROM item WHERE n > %s LIMIT 10", (5,)),
        ("SELECT price FROM item WHERE n > %s LIMIT 10 OFFSET 300", (5,)),
        ("SELECT DISTINCT price FROM item WHERE n > %s LIMIT 3", (5,)),
        ("SELECT id FROM item WHERE n > %s", (5,)),
        ("SELECT COUNT(*) FROM item WHERE n = %s", (1,)),
        ("SELECT price FROM item WHERE size > %s", (5,)),
        ("SELECT price FROM item WHERE code > %s", ("b",)),
        ("SELECT price FROM item WHERE day > %s", ("2020-01-05",)),
        ("SELECT price FROM item WHERE n > 3 AND kind = %s AND label = %s", (1, "b7")),
        ("SELECT (SELECT MAX(b.price) FROM item b WHERE b.n > a.kind AND b.n < %s) FROM item a WHERE id < 3", (9,)),
    ],
)
def test_nothing_is_loose_whose_order_matters_or_that_an_index_knows_better(
    connection: dbapi.Connection, sql: str, params: tuple[Any, ...]
) -> None:
    plan = plan_of(connection, sql, params)
    assert "Index" in plan
    assert "or a Scan" not in plan


def test_rows_that_are_written_are_found_by_a_walk(connection: dbapi.Connection, walked: list[bool]) -> None:
    cursor = connection.cursor()
    cursor.execute("UPDATE item SET price = price + 1000, n = n + 1 WHERE n > %s", (20,))
    assert walked == [True]
    wanted = number_above(20)
    assert cursor.rowcount == wanted
    assert rows_of(connection, "SELECT COUNT(price) FROM item WHERE price > 999") == [(wanted,)]
    assert rows_of(connection, "SELECT COUNT(price) FROM item WHERE n > %s", (21,)) == [(wanted,)]
    cursor.execute("DELETE FROM item WHERE n > %s", (21,))
    assert cursor.rowcount == wanted
    connection.rollback()
    assert rows_of(connection, "SELECT COUNT(price) FROM item WHERE n > %s", (20,)) == [(wanted,)]


def test_a_serializable_transaction_depends_on_the_range_alone(
    connection: dbapi.Connection, walked: list[bool], tmp_path: Path
) -> None:
    with dbapi.connect(str(tmp_path / "data.fs"), isolation="serializable") as serializable:
        assert len(rows_of(serializable, "SELECT price FROM item WHERE n > %s", (50,))) == number_above(50)
        assert walked == []
        rows_of(connection, "SELECT price FROM item WHERE n > %s", (50,))
        assert walked == [True]


def test_places_that_move_up_find_each_one_free(connection: dbapi.Connection) -> None:
    connection.execute("CREATE TABLE entry (id bigint PRIMARY KEY, place integer UNIQUE, n integer)")
    rows = [(number, ROWS - number, 0) for number in range(ROWS)]
    connection.cursor().executemany("INSERT INTO entry VALUES (%s, %s, %s)", rows)
    connection.execute("DELETE FROM entry WHERE place = %s", (5,))
    plan = plan_of(connection, "UPDATE entry SET place = place - 1 WHERE place > %s", (5,))
    assert "by rowid" not in plan and "or a Scan" not in plan
    assert connection.execute("UPDATE entry SET place = place - 1 WHERE place > %s", (5,)).rowcount == ROWS - 5
    found = connection.execute("SELECT MIN(place), MAX(place), COUNT(*) FROM entry").fetchone()
    assert found == (1, ROWS - 1, ROWS - 1)
    assert "by rowid" in plan_of(connection, "UPDATE entry SET n = 1 WHERE place > %s", (5,))
