"""Several aggregates of all rows, fed piece by piece: each is what it is alone, wherever a piece ends."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from unittest.mock import patch

import pytest

from django_zodb.dbapi import connect
from django_zodb.sql import runtime

COLUMNS = "whole bigint, exact numeric(9, 2), rough double precision, flag boolean, span interval, day date, name text"
AGGREGATES = (
    *("COUNT(*)", "COUNT(whole)", "COUNT(DISTINCT whole)", "COUNT(DISTINCT rough)"),
    *("SUM(whole)", "SUM(exact)", "SUM(rough)", "SUM(span)", "SUM(DISTINCT whole)", "SUM(flag)"),
    *("AVG(whole)", "AVG(exact)", "AVG(rough)", "AVG(span)", "AVG(DISTINCT exact)"),
    *(f"{name}({column})" for name in ("MIN", "MAX") for column in ("whole", "exact", "rough", "span", "day", "name")),
    *("MAX(DISTINCT exact)", "BOOL_AND(flag)", "BOOL_OR(flag)", "BIT_AND(whole)", "BIT_OR(whole)", "BIT_XOR(whole)"),
    *("VAR_POP(whole)", "STDDEV(exact)", "STRING_AGG(name, '-')", "STRING_AGG(name, '-' ORDER BY whole, day)"),
    *("SUM(exact) FILTER (WHERE flag)", "MIN(rough) FILTER (WHERE whole > 0)", "AVG(whole) FILTER (WHERE NOT flag)"),
    *("COUNT(*) FILTER (WHERE flag)", "AVG(whole + 1)", "MAX(exact * 2)"),
)
ROUGH = (float("nan"), float("inf"), float("-inf"), 0.1, 0.2, 0.3, -1e16, 1e16, 1.0)


def row(choose: random.Random, rough: tuple[float, ...]) -> tuple[object, ...]:
    values: tuple[object, ...] = (
        choose.randrange(-9, 10),
        Decimal(choose.randrange(-99_999, 99_999)) / 100,
        choose.choice(rough),
        choose.random() < 0.5,
        dt.timedelta(seconds=choose.randrange(-(10**6), 10**6)),
        dt.date(2000, 1, 1) + dt.timedelta(choose.randrange(1000)),
        choose.choice("abcdef"),
    )
    return tuple(None if choose.random() < 0.3 else value for value in values)


def shown(value: object) -> object:
    return "nan" if value != value else (type(value), value)


@pytest.mark.parametrize(
    "where", ["", " WHERE flag", " WHERE whole IS NOT NULL AND rough > 0", " WHERE day < '1999-01-01'"]
)
@pytest.mark.parametrize("seed", range(6))
def test_together_as_alone(where: str, seed: int) -> None:
    choose = random.Random(seed)
    rough = ROUGH if seed % 2 else ROUGH[3:]
    connection = connect(":memory:")
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE t (id integer PRIMARY KEY, {COLUMNS})")
    for at in range(choose.choice((0, 1, 5, 23))):
        cursor.execute("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", (at, *row(choose, rough)))
    alone = [shown(cursor.execute(f"SELECT {each} FROM t{where}").fetchall()[0][0]) for each in AGGREGATES]
    for size in (1, 2, 7):
        with patch.object(runtime, "_PIECE_OF_MANY", size):
            (together,) = cursor.execute(f"SELECT {', '.join(AGGREGATES)} FROM t{where}").fetchall()
            assert dict(zip(AGGREGATES, map(shown, together), strict=True)) == dict(zip(AGGREGATES, alone, strict=True))
            chosen = choose.sample(range(len(AGGREGATES)), 3)
            (some,) = cursor.execute(f"SELECT {', '.join(AGGREGATES[at] for at in chosen)} FROM t{where}").fetchall()
            assert [shown(value) for value in some] == [alone[at] for at in chosen]
    connection.close()


def test_what_can_be_summed_up_is_not_kept() -> None:
    connection = connect(":memory:")
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE t (id integer PRIMARY KEY, {COLUMNS})")
    lines = cursor.execute("EXPLAIN (FORMAT PYTHON) SELECT AVG(exact), MAX(rough), SUM(whole) FROM t").fetchall()
    assert not [line for (line,) in lines if "+= values" in line or "+= [" in line]
    connection.close()
