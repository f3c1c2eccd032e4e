"""Aggregates of sorted values, ``… WITHIN GROUP (ORDER BY key)``: the key is their first argument, and never NULL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from ...clock import dt
from ...errors import DataError
from ...values import DOUBLE, Kind, SqlType
from .base import AggregateFunction, first_type


def _continuous_type(types: tuple[SqlType, ...]) -> SqlType:
    match types[0].kind:
        case Kind.INTERVAL:
            return SqlType(Kind.INTERVAL)
        case Kind.INTEGER | Kind.DECIMAL | Kind.DOUBLE | Kind.BOOLEAN | Kind.UNKNOWN:
            return DOUBLE
        case kind:
            raise DataError(f"PERCENTILE_CONT takes numbers and intervals, not values of type {kind.value}")


def _fraction(pairs: Sequence[Any]) -> float | None:
    """The second of each two, the same for all; None if it or everything is NULL."""
    fraction = pairs[0][1] if pairs else None
    if fraction is not None and not 0 <= fraction <= 1:
        raise DataError(f"percentile value {fraction:g} is not between 0 and 1")
    return fraction


def _continuous(pairs: Sequence[Any]) -> Any:
    """The value at that fraction of the way from the first to the last, between two of them if need be."""
    fraction = _fraction(pairs)
    if fraction is None:
        return None
    place = fraction * (len(pairs) - 1)
    low, high = (_measured(pairs[at][0]) for at in (floor(place), ceil(place)))
    return low if low == high else low + (high - low) * (place - floor(place))


def _measured(value: Any) -> Any:
    """A number as a float; an interval is itself."""
    return value if isinstance(value, dt.timedelta) else float(value)


def _discrete(pairs: Sequence[Any]) -> Any:
    """The first value that at least that fraction of all do not come after."""
    fraction = _fraction(pairs)
    return None if fraction is None else pairs[max(ceil(fraction * len(pairs)), 1) - 1][0]


def _most_frequent(values: Sequence[Any]) -> Any:
    """The first of those that occur most often."""
    counts = Counter(value if value == value else None for value in values)
    if not counts:
        return None
    found = max(counts, key=counts.__getitem__)
    return float("nan") if found is None else found


AGGREGATES: dict[str, AggregateFunction] = {
    "PERCENTILE_CONT": AggregateFunction(_continuous, None, _continuous_type, (None, DOUBLE), 2, 2),
    "PERCENTILE_DISC": AggregateFunction(_discrete, None, first_type, (None, DOUBLE), 2, 2),
    "MODE": AggregateFunction(_most_frequent, None, first_type),
}
