"""Aggregates over frames against the same aggregates of each frame's rows, one by one; how many steps they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import inf, isnan, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_zodb.sql.functions import AGGREGATES, ORDERED_SETS
from django_zodb.sql.functions.frames import Frames, Peers, frame_by_groups, frame_by_range, frame_by_rows
from django_zodb.sql.functions.windowed import ABSENT, over, so_far

integers = st.integers(-9, 9)
decimals = st.builds(lambda number, places: Decimal(number).scaleb(-places), st.integers(-99, 99), st.integers(-1, 4))
signed_zeros = st.sampled_from((Decimal("0.0"), Decimal("-0.000"), Decimal("0E+2"), Decimal("-1.10"), Decimal("1.1")))
floats = st.floats(allow_nan=False, allow_infinity=False)
strange_floats = st.sampled_from((0.0, -0.0, 0.1, 1e308, -1e308, 5e-324, inf, -inf, nan))
numbers = (integers, st.booleans(), decimals, signed_zeros, floats, strange_floats)
near = st.one_of(st.floats(-1e9, 1e9), st.sampled_from((0.1, 1e-310, inf, nan)))
intervals = st.timedeltas(timedelta(-9), timedelta(9))
texts = st.text(max_size=3)
separated = st.tuples(texts, st.sampled_from((",", "", None, "; ")))
bytes_separated = st.tuples(st.binary(max_size=3), st.sampled_from((b",", None)))
documents = st.sampled_from(("1", "2.0", '"a"', "[1]", "{}", "true"))
members = st.tuples(st.sampled_from(("a", "b", "é")), st.one_of(st.none(), documents))

TAKEN: dict[str, Sequence[st.SearchStrategy[Any]]] = {
    **dict.fromkeys(("SUM", "AVG"), (*numbers, intervals)),
    **dict.fromkeys(("MIN", "MAX"), (*numbers, intervals, texts)),
    **dict.fromkeys(("STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP"), (*numbers[:4], near)),
    **dict.fromkeys(("BIT_AND", "BIT_OR", "BIT_XOR"), (integers,)),
    **dict.fromkeys(("BOOL_AND", "BOOL_OR", "EVERY"), (st.booleans(),)),
    **dict.fromkeys(("GROUP_CONCAT", "STRING_AGG"), (texts, integers, separated, bytes_separated)),
    **dict.fromkeys(("ANY_VALUE", "COUNT"), (integers,)),
    **dict.fromkeys(("JSON_MAX", "JSON_MIN"), (documents,)),
    "JSON_AGG": (st.one_of(st.none(), documents),),
    "JSON_OBJECT_AGG": (members,),
}

Bound = int | None


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """An aggregate, and a value or none for each row of a partition."""
    name = draw(st.sampled_from(sorted(TAKEN)))
    value = draw(st.sampled_from(TAKEN[name]))
    return name, draw(st.lists(st.one_of(value, value, st.just(ABSENT)), max_size=12))


def rows_of_frame(keys: list[Any], at: int, unit: str, first: Bound, last: Bound, exclude: str) -> list[int]:
    """By definition: which rows are in the frame of the row ``at``."""
    groups = sorted(set(keys), key=keys.index)

    def is_in(row: int) -> bool:
        if unit == "range" and None in (keys[at], keys[row]):
            near = keys[at] == keys[row]
            return near or (first is None if row < at else last is None)
        place = {
            "rows": lambda: row - at,
            "groups": lambda: groups.index(keys[row]) - groups.index(keys[at]),
            "range": lambda: keys[row] - keys[at],
        }[unit]()
        return (first is None or place >= first) and (last is None or place <= last)

    peers = [row for row, key in enumerate(keys) if key == keys[at]]
    out = {"": [], "current row": [at], "group": peers, "ties": [row for row in peers if row != at]}[exclude]
    return [row for row in range(len(keys)) if is_in(row) and row not in out]


FRAMES: dict[str, Callable[..., Frames]] = {
    "rows": frame_by_rows,
    "groups": frame_by_groups,
    "range": frame_by_range,
}
bounds = st.one_of(st.none(), st.integers(-4, 4))
exclusions = st.sampled_from(("", "", "current row", "group", "ties"))


@settings(max_examples=600, deadline=None)
@given(calls(), st.data(), st.sampled_from(sorted(FRAMES)), bounds, bounds, exclusions)
def test_each_frame_has_the_value_of_its_rows(
    call: tuple[str, list[Any]], data: st.DataObject, unit: str, first: Bound, last: Bound, exclude: str
) -> None:
    name, values = call
    some = st.lists(st.integers(0, 6), min_size=len(values), max_size=len(values))
    nulls = data.draw(st.integers(0, len(values)))
    keys = [*[None] * nulls, *sorted(data.draw(some))[nulls:]]
    frames = FRAMES[unit](Peers([(key,) for key in keys], 0), first, last, exclude)
    found = over(name)(frames, values)
    frame_rows = [rows_of_frame(keys, at, unit, first, last, exclude) for at in range(len(keys))]
    seen = [[values[row] for row in rows if values[row] is not ABSENT] for rows in frame_rows]
    assert list(map(repr, found)) == list(map(repr, map(AGGREGATES[name].collect, seen)))


@settings(max_examples=300, deadline=None)
@given(calls())
def test_each_row_has_the_value_of_all_so_far(call: tuple[str, list[Any]]) -> None:
    name, values = call
    running = so_far(name)
    if running is None:
        return
    seen = [[value for value in values[: at + 1] if value is not ABSENT] for at in range(len(values))]
    assert list(map(repr, running(values))) == list(map(repr, map(AGGREGATES[name].collect, seen)))


def test_every_aggregate_is_tested() -> None:
    assert sorted(TAKEN) == sorted(AGGREGATES.keys() - ORDERED_SETS.keys())


class Counted(int):
    """An integer that counts how often one is compared with or added to another."""

    steps = 0

    def _counting(name: str) -> Any:  # type: ignore[misc]
        def method(self: Counted, other: int) -> Any:
            Counted.steps += 1
            found = getattr(int, name)(self, other)
            return found if type(found) in (bool, type(NotImplemented)) else Counted(found)

        return method

    __lt__, __gt__, __and__, __add__, __radd__ = map(_counting, ("__lt__", "__gt__", "__and__", "__add__", "__radd__"))


@pytest.mark.parametrize("name", ["MIN", "MAX", "SUM", "BIT_AND"])
@pytest.mark.parametrize("exclude", ["", "current row"])
@pytest.mark.parametrize(("first", "last"), [(-300, 300), (None, 0), (0, None), (-20, -10), (None, None)])
def test_frames_that_overlap_share_their_steps(name: str, exclude: str, first: Bound, last: Bound) -> None:
    size = 2_000
    values = [Counted(at * 7919 % 1009) for at in range(size)]
    frames = frame_by_rows(Peers([(at,) for at in range(size)], 0), first, last, exclude)
    Counted.steps = 0
    over(name)(frames, values)
    assert Counted.steps <= 8 * size


def test_floats_are_summed_exactly() -> None:
    frames = frame_by_rows(Peers([()] * 5), -1, 1)
    assert over("SUM")(frames, [1e16, 1.0, -1e16, inf, 0.1]) == [1e16, 1.0, inf, inf, inf]
    found = over("VAR_POP")(frames, [1e200, 1e200, 1e200, nan, 0.5])
    assert list(found[:2]) == [0.0, 0.0]
    assert all(map(isnan, found[2:]))


@given(st.lists(st.one_of(st.floats(-1e150, 1e150), st.sampled_from((5e-324, 0.1, -0.0))), min_size=1))
def test_variances_of_floats_are_exact(values: list[float]) -> None:
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    spread = sum((value - mean) ** 2 for value in exact)
    assert AGGREGATES["VAR_POP"].collect(values) == float(spread / len(exact))
    assert AGGREGATES["VAR_SAMP"].collect(values) == (float(spread / (len(exact) - 1)) if exact[1:] else None)
