"""What a window function makes of a partition's rows up to each one: that of a window which is ordered only.

Each takes a list of values, some of them ``ABSENT``, and gives a list as long: of the first value, of the first two,
and so on. Rows that are equal in the order see each other, too: ``Peers.of_last`` gives each the value of the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext
from functools import cache
from itertools import accumulate, chain, islice
from math import isfinite
from typing import Any

from . import AGGREGATES
from .aggregates import EXACT, average_of

Values = Sequence[Any]
Running = Callable[[Values], Values]

ABSENT = object()
"""The value of a row that an aggregate leaves out."""


@cache
def so_far(name: str) -> Running | None:
    """The function of that name; None where each row needs all others before it, or there is none."""
    running = _RUNNING.get(name)
    if running is None or name not in AGGREGATES:
        return running
    collect = AGGREGATES[name].collect

    def values_of(values: Values) -> Values:
        try:
            return running(values)
        except (ArithmeticError, ValueError):  # infinite or not a number
            return [collect(_present(values[: at + 1])) for at in range(len(values))]

    return values_of


def _present(values: Values) -> list[Any]:
    return [value for value in values if value is not ABSENT]


def counts(values: Values) -> Iterable[int]:
    """How many are not absent."""
    return islice(accumulate((value is not ABSENT for value in values), initial=0), 1, None)


def sums(values: Values, zero: Any) -> Iterable[Any]:
    """Their sums; ``zero`` is that of none."""
    filled = (zero if value is ABSENT else value for value in values)
    if type(zero) is not Decimal:
        return accumulate(filled)
    with localcontext(EXACT):
        return list(islice(accumulate(filled, initial=Decimal()), 1, None))


def exact(values: Values) -> tuple[Values, int]:
    """Floats as integers, and what each of these is to be divided by: sums and differences are exact."""
    ratios: list[Any] = [value if value is ABSENT else value.as_integer_ratio() for value in values]
    scale = max(ratio[1] for ratio in ratios if ratio is not ABSENT)
    return [ratio if ratio is ABSENT else ratio[0] * (scale // ratio[1]) for ratio in ratios], scale


def _totals(values: Values, present: list[Any]) -> Iterable[Any]:
    """The sums, whatever the type of the values; there is one at least."""
    first = present[0]
    if type(first) is float:
        return _float_totals(values)
    return accumulate(values) if type(first) is int and len(present) == len(values) else sums(values, first - first)


def _float_totals(values: Values) -> list[float]:
    """Exact sums, each rounded once; from the first infinity or NaN on, what these make of each other."""
    end = next((at for at, value in enumerate(values) if value is not ABSENT and not isfinite(value)), len(values))
    head, tail = values[:end], values[end:]
    totals = [0.0] * end
    if any(value is not ABSENT for value in head):
        whole, scale = exact(head)
        totals = [total / scale for total in sums(whole, 0)]
    return totals + list(accumulate(0.0 if value is ABSENT or isfinite(value) else value for value in tail))


def _sum(values: Values) -> Values:
    present = _present(values)
    if not present:
        return [None] * len(values)
    totals = list(_totals(values, present))
    if values[0] is ABSENT:
        missing = values.index(present[0])
        totals[:missing] = [None] * missing
    return totals


def _average(values: Values) -> Values:
    present = _present(values)
    if not present:
        return [None] * len(values)
    pairs = zip(_totals(values, present), counts(values), strict=True)
    return [average_of(total, count) if count else None for total, count in pairs]


Better = Callable[[Any, Any], bool]


def extremes(better: Better, values: Values) -> Iterable[Any]:
    """The value that is ``better`` than all others: of none of them, of the first, and so on."""

    def best(one: Any, other: Any) -> Any:
        if other is ABSENT or (one is not None and not better(other, one)):
            return one
        return other

    return accumulate(chain((None,), values), best)


def greater(one: Any, other: Any) -> bool:
    """Of floats, NaN is the greatest."""
    return bool(one > other or (one != one and other == other))


def less(one: Any, other: Any) -> bool:
    """The opposite."""
    return bool(one < other or (other != other and one == one))


def _extremes(better: Better, plain: Callable[..., Any]) -> Running:
    def values_of(values: Values) -> Values:
        present = _present(values)
        if len(present) == len(values) and present and type(present[0]) is not float:
            return list(accumulate(values, plain))
        return list(extremes(better, values))[1:]

    return values_of


def _count(values: Values) -> Values:
    return list(counts(values)) if ABSENT in values else range(1, len(values) + 1)


_RUNNING: dict[str, Running] = {
    "AVG": _average,
    "COUNT": _count,
    "FIRST_VALUE": lambda values: list(values[:1]) * len(values),
    "LAST_VALUE": lambda values: values,
    "MAX": _extremes(greater, max),
    "MIN": _extremes(less, min),
    "SUM": _sum,
}
