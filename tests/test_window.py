"""Window functions against sqlite3's: random rows, partitions, orders and frames."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_zodb import dbapi
from django_zodb.sql.functions import AGGREGATES
from django_zodb.sql.functions.frames import Frames, Peers
from django_zodb.sql.functions.windowed import ABSENT, over, so_far

COLUMNS = ("a", "b", "f")
values = st.one_of(st.none(), st.integers(-2, 3))
rows = st.lists(st.tuples(values, values, st.one_of(st.none(), st.sampled_from((0.5, -1.25, 2.0)))), max_size=9)
directions = st.sampled_from(("", " DESC", " NULLS LAST", " DESC NULLS FIRST"))


@st.composite
def frames(draw: st.DrawFn, unit: str) -> str:
    """A frame clause that both engines take."""
    start = draw(st.integers(0, 4))
    end = draw(st.integers(start, 4))
    offset = st.integers(0, 2)
    ends = ("UNBOUNDED PRECEDING", f"{draw(offset)} PRECEDING", "CURRENT ROW", f"{draw(offset)} FOLLOWING")
    first = ends[start] if start < 4 else f"{draw(offset)} FOLLOWING"
    last = "UNBOUNDED FOLLOWING" if end == 4 else ends[max(end, 1)]
    exclude = draw(st.sampled_from(("", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES")))
    return f"{unit} BETWEEN {first} AND {last}{exclude}"


@st.composite
def windows(draw: st.DrawFn) -> str:
    """What stands in the parentheses of OVER; ordered, and by the row's id too where the order of peers matters."""
    partition = draw(st.sampled_from(("", "PARTITION BY a ", "PARTITION BY b, a ")))
    unit = draw(st.sampled_from(("ROWS", "RANGE", "GROUPS")))
    key = draw(st.sampled_from(COLUMNS)) + draw(directions)
    order = f"ORDER BY {key}{', id' if unit == 'ROWS' else ''}"
    return f"{partition}{order} {draw(frames(unit))}"


CALLS = st.sampled_from(
    (
        *("COUNT(*)", "COUNT(b)", "SUM(b)", "MIN(b)", "MAX(a)", "AVG(b)", "SUM(f)", "MAX(f)"),
        *("SUM(b) FILTER (WHERE a > 0)", "COUNT(*) FILTER (WHERE b IS NULL)"),
        *("RANK()", "DENSE_RANK()", "PERCENT_RANK()", "CUME_DIST()"),
    )
)
ORDERED_CALLS = st.sampled_from(
    (
        *("ROW_NUMBER()", "NTILE(3)", "LAG(b)", "LEAD(a, 2, 7)", "LAG(f, 1, 0.5)"),
        *("FIRST_VALUE(b)", "LAST_VALUE(a)", "NTH_VALUE(f, 2)"),
    )
)


TEXT_CALLS = (
    *("GROUP_CONCAT(b)", "GROUP_CONCAT(a, '; ')", "GROUP_CONCAT(b) FILTER (WHERE a > 0)"),
    *("FIRST_VALUE(b)", "LAST_VALUE(a)", "NTH_VALUE(b, 2)", "COUNT(f) FILTER (WHERE b < 3)"),
)


def answer(connection: Any, sql: str, rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE t (id integer PRIMARY KEY, a integer, b integer, f double precision)")
    for at, row in enumerate(rows):
        cursor.execute(f"INSERT INTO t VALUES ({at}, {', '.join('NULL' if v is None else repr(v) for v in row)})")
    cursor.execute(sql)
    return [tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in cursor.fetchall()]


def assert_same(sql: str, rows: list[tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(":memory:")) as other:
        expected = answer(other, sql, rows)
    connection = dbapi.connect(f":memory:{uuid4().hex}")
    try:
        assert answer(connection, sql, rows) == expected
    finally:
        connection.close()


@settings(max_examples=150, deadline=None)
@given(rows, CALLS, windows())
def test_frames(rows: list[tuple[object, ...]], call: str, window: str) -> None:
    assert_same(f"SELECT id, {call} OVER ({window}) FROM t ORDER BY id", rows)


@settings(max_examples=100, deadline=None)
@given(rows, st.sampled_from(TEXT_CALLS), st.sampled_from(("", "PARTITION BY a ")), directions, st.data())
def test_frames_whose_order_shows(
    rows: list[tuple[object, ...]], call: str, partition: str, direction: str, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from(("ROWS", "GROUPS")))
    window = f"{partition}ORDER BY b{direction}, id {data.draw(frames(unit))}"
    assert_same(f"SELECT id, {call} OVER ({window}) FROM t ORDER BY id", rows)


@settings(max_examples=60, deadline=None)
@given(rows, ORDERED_CALLS, st.sampled_from(("", "PARTITION BY a ")), st.sampled_from(COLUMNS), directions)
def test_functions_of_the_order(
    rows: list[tuple[object, ...]], call: str, partition: str, key: str, direction: str
) -> None:
    assert_same(f"SELECT id, {call} OVER ({partition}ORDER BY {key}{direction}, id) FROM t ORDER BY id", rows)


@settings(max_examples=60, deadline=None)
@given(rows, windows(), windows())
def test_several_windows_and_groups(rows: list[tuple[object, ...]], one: str, other: str) -> None:
    first, second = (f"OVER ({window})".replace("id", "MAX(id)") for window in (one, other))
    calls = f"SUM(COUNT(*)) {first}, MIN(MAX(id)) {second}"
    assert_same(f"SELECT a, b, f, {calls} FROM t GROUP BY a, b, f ORDER BY MAX(id)", rows)


# --- aggregates that grow with their frames ------------------------------------------------------------------------


def frames_of(size: int, *bounds: tuple[int, int]) -> Frames:
    return Frames(Peers([()] * size), bounds)


@pytest.mark.parametrize(
    ("name", "values", "bounds", "expected"),
    [
        ("SUM", [Decimal("7.50"), Decimal("1.5")], [(0, 1), (1, 2)], [Decimal("7.50"), Decimal("1.5")]),
        ("SUM", [Decimal("7.50"), Decimal("1.5")], [(0, 2), (1, 2)], [Decimal("9.00"), Decimal("1.5")]),
        ("SUM", [1e308, 1e308], [(0, 1), (0, 2)], [1e308, float("inf")]),
        (
            "SUM",
            [0.1, 0.2, 1e16, -1e16],
            [(0, 2), (0, 4), (1, 4), (2, 4)],
            [0.30000000000000004, 0.30000000000000004, 0.2, 0.0],
        ),
        ("AVG", [1, ABSENT, 2], [(0, 1), (1, 2), (0, 3)], [1.0, None, 1.5]),
        ("MAX", [ABSENT, 1, float("nan")], [(0, 1), (0, 2), (0, 2)], [None, 1, 1]),
        ("COUNT", [True, ABSENT, True], [(0, 2), (1, 2), (2, 3)], [1, 0, 1]),
        ("STRING_AGG", ["a", "b", ABSENT], [(0, 1), (0, 2), (1, 3)], ["a", "a,b", "b"]),
    ],
)
def test_running_aggregates(
    name: str, values: list[object], bounds: list[tuple[int, int]], expected: list[object]
) -> None:
    found = list(over(name)(frames_of(len(values), *bounds), values))
    assert list(map(str, found)) == list(map(str, expected))


KINDS = st.sampled_from(
    (
        st.floats(allow_nan=True, allow_infinity=True, width=16),
        st.floats(allow_nan=False, allow_infinity=False),
        st.integers(),
        st.decimals(-999, 999, places=2),
        st.timedeltas(timedelta(-9), timedelta(9)),
    )
)


@settings(max_examples=200)
@given(KINDS.flatmap(lambda kind: st.lists(st.one_of(st.just(ABSENT), kind), max_size=12)))
def test_running_aggregates_are_those_of_all_rows_so_far(values: list[Any]) -> None:
    names = ["SUM", "AVG", "MIN", "MAX", "COUNT"]
    for name in names:
        running, collect = so_far(name), AGGREGATES[name].collect
        assert running is not None
        present = [[value for value in values[: at + 1] if value is not ABSENT] for at in range(len(values))]
        assert list(map(repr, running(values))) == list(map(repr, map(collect, present)))
