"""Sums, averages and variances of numbers and intervals: exact, rounded once, the same in every order of the rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from itertools import repeat
from operator import mul
from typing import Any

from ..decimals import EXACT, over, root
from .parts import Finish, Parts, Sums


def float_sum(values: Sequence[float]) -> float:
    """The same on every version of Python; NaN if there is one, or infinities of both signs."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # beyond the range of a float on the way, or infinities of both signs
        numbers, infinite, scale = _whole(values)
        return sum(infinite) or _rounded(sum(numbers), scale)


def _whole(values: Sequence[float]) -> tuple[list[int], Sequence[float], int]:
    """Floats as integers, and what these are to be divided by. What is not finite stands in the second list, else 0."""
    try:
        least = min(filter(None, map(abs, values)), default=1.0)
        scale = math.ldexp(1.0, max(53 - math.frexp(least)[1], 0))  # then 53 bits of the least are before the point
        return [int(value * scale) for value in values], (), int(scale)
    except (OverflowError, ValueError):  # not finite, or too far from one another
        ratios = [(value if math.isfinite(value) else 0.0).as_integer_ratio() for value in values]
        most = max(denominator for _, denominator in ratios)
        infinite = [0.0 if math.isfinite(value) else value for value in values]
        return [numerator * (most // denominator) for numerator, denominator in ratios], infinite, most


def _rounded(number: int, scale: int) -> float:
    """The quotient; infinite where it is beyond the range of a float."""
    try:
        return number / scale
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def sum_parts(values: Sequence[Any]) -> Parts:
    """How values, at least one, are summed."""
    first = values[0]
    if type(first) is Decimal:  # no differences: they would have as many places as any value, not those of the span
        return Parts(_exact(values), EXACT.add)
    if type(first) is float:
        return _float_parts(values)
    zero = first - first
    return Sums(values if type(first) is int else [zero + value for value in values])


def _exact(values: Sequence[Decimal]) -> list[Decimal]:
    """Each as the sum of it alone: no zero is negative, and no exponent positive."""
    return list(map(EXACT.add, values, repeat(Decimal())))


def _float_parts(values: Sequence[float]) -> Parts:
    numbers, infinite, scale = _whole(values)
    if not any(infinite):
        return Sums(numbers, lambda total, _: _rounded(total, scale))
    states = list(zip(numbers, infinite, strict=True))
    return Parts(states, _plus, lambda total, _: total[1] or _rounded(total[0], scale))


def average_of(total: Any, count: int) -> Any:
    """A sum of numbers or intervals, divided by how many they are."""
    return over(total, count) if type(total) is Decimal else total / count


def average_parts(values: Sequence[Any]) -> Parts:
    """How the average of values, at least one, is made of their sums."""
    parts = sum_parts(values)
    finish = parts.finish
    parts.finish = average_of if finish is None else lambda total, count: average_of(finish(total, count), count)
    return parts


# --- variances -----------------------------------------------------------------------------------------------------


def variance(values: Sequence[Any], freedom: int) -> Any:
    """The squared deviations over ``len(values) - freedom``; None where that is not positive.

    NaN if a value is not finite. OverflowError if it is beyond the range of a float.
    """
    count = len(values)
    if count <= freedom:
        return None
    if type(values[0]) is Decimal:
        with localcontext(EXACT):
            return _decimal_variance((sum(values), sum(map(mul, values, values))), count, freedom)
    numbers, scale = values, 1
    if type(values[0]) is float:
        numbers, infinite, scale = _whole(values)
        if any(infinite):
            return math.nan
    return _whole_variance((sum(numbers), sum(map(mul, numbers, numbers))), count, freedom, scale)


def _decimal_variance(sums: tuple[Decimal, Decimal], count: int, freedom: int) -> Decimal:
    total, squares = sums
    with localcontext(EXACT):
        spread = count * squares - total * total
    return over(spread, count * (count - freedom))


def _whole_variance(sums: tuple[int, int], count: int, freedom: int, scale: int) -> float:
    total, squares = sums
    return (count * squares - total * total) / (count * (count - freedom) * scale * scale)


def deviation(values: Sequence[Any], freedom: int) -> Any:
    """The square root of the variance."""
    return _root(variance(values, freedom))


def _root(value: Any) -> Any:
    if value is None:
        return None
    return root(value) if type(value) is Decimal else math.sqrt(value)


def variance_parts(freedom: int) -> Callable[[Sequence[Any]], Parts]:
    """How the variance of values, at least one, is made of their sums and those of their squares."""

    def parts(values: Sequence[Any]) -> Parts:
        if type(values[0]) is Decimal:
            decimals = [(value, EXACT.multiply(value, value)) for value in _exact(values)]
            return Parts(decimals, _exact_plus, _finish(_decimal_variance, freedom))
        numbers, infinite, scale = _whole(values) if type(values[0]) is float else (values, (), 1)
        finish = _finish(_whole_variance, freedom, scale)
        squared = [(number, number * number) for number in numbers]
        if not any(infinite):
            return Sums(squared, finish, _plus, _minus)
        states = [None if strange else state for state, strange in zip(squared, infinite, strict=True)]
        return Parts(states, _plus_or_none, finish)

    return parts


def deviation_parts(freedom: int) -> Callable[[Sequence[Any]], Parts]:
    """The same of its square root."""
    of = variance_parts(freedom)

    def parts(values: Sequence[Any]) -> Parts:
        made = of(values)
        finish = made.finish
        assert finish is not None
        made.finish = lambda sums, count: _root(finish(sums, count))
        return made

    return parts


def _finish(of: Callable[..., Any], freedom: int, *scale: int) -> Finish:
    def finish(sums: Any, count: int) -> Any:
        if count <= freedom:
            return None
        return math.nan if sums is None else of(sums, count, freedom, *scale)

    return finish


_Pair = tuple[Any, Any]


def _plus(one: _Pair, other: _Pair) -> _Pair:
    return one[0] + other[0], one[1] + other[1]


def _minus(one: _Pair, other: _Pair) -> _Pair:
    return one[0] - other[0], one[1] - other[1]


def _exact_plus(one: _Pair, other: _Pair) -> _Pair:
    return EXACT.add(one[0], other[0]), EXACT.add(one[1], other[1])


def _plus_or_none(one: _Pair | None, other: _Pair | None) -> _Pair | None:
    return None if one is None or other is None else _plus(one, other)
