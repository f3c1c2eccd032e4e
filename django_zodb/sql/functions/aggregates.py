"""Aggregates: each makes one value of a group's values. The emitter may print the simplest of them in line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext
from functools import reduce
from operator import and_, or_, xor
from typing import Any

from ...clock import dt
from ...errors import DataError
from ...values import BIGINT, BOOLEAN, BYTES, DECIMAL, DOUBLE, TEXT, Kind, Scaled, SqlType, as_text
from .base import AggregateFunction, first_type

EXACT = Context(prec=1000)
"""Sums of decimals lose no digit."""
_RESULT = Context(prec=28)


def _sum_type(types: tuple[SqlType, ...]) -> SqlType:
    match types[0].kind:
        case Kind.INTEGER | Kind.BOOLEAN:
            return BIGINT
        case Kind.TEXT | Kind.BYTES | Kind.DATE | Kind.TIME | Kind.TIMESTAMP | Kind.UUID | Kind.JSON as kind:
            raise DataError(f"SUM and AVG take numbers and intervals, not values of type {kind.value}")
    return SqlType(types[0].kind)


def _average_type(types: tuple[SqlType, ...]) -> SqlType:
    total = _sum_type(types)
    return DOUBLE if total.is_integer or total.kind is Kind.UNKNOWN else total


def _deviation_type(types: tuple[SqlType, ...]) -> SqlType:
    return DECIMAL if types[0].kind is Kind.DECIMAL else DOUBLE


def _text_type(types: tuple[SqlType, ...]) -> SqlType:
    return BYTES if types[0].kind is Kind.BYTES else TEXT


def _sum(values: Sequence[Any]) -> Any:
    if not values:
        return None
    match values[0]:
        case Decimal():
            with localcontext(EXACT):
                return sum(values)
        case dt.timedelta():
            return sum(values, dt.timedelta())
        case float():
            return _float_sum(values)
    return sum(values)


def _whole_sum(values: Sequence[int]) -> int | None:
    return sum(values) if values else None


def _decimal_sum(values: Sequence[Decimal] | Scaled) -> Decimal | int | None:
    if not values:
        return None
    if isinstance(values, Scaled):
        return values.decimal(sum(values))
    with localcontext(EXACT):
        return sum(values)


def _float_sum_or_null(values: Sequence[float]) -> float | None:
    return _float_sum(values) if values else None


def _float_sum(values: Sequence[float]) -> float:
    """The exact sum, rounded once: the same on every version of Python and in every order of the rows."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # beyond the range of a float, or infinities of both signs
        return sum(values)


def _average(values: Sequence[Any]) -> Any:
    if not values:
        return None
    return average_of(_sum(values), len(values))


def _whole_average(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _float_average(values: Sequence[float]) -> float | None:
    return _float_sum(values) / len(values) if values else None


def average_of(total: Any, count: int) -> Any:
    """A sum of numbers or intervals, divided by how many they are."""
    return _RESULT.divide(total, Decimal(count)) if type(total) is Decimal else total / count


def _order(value: float) -> tuple[bool, float]:
    """NaN sorts last."""
    return (True, 0.0) if value != value else (False, value)


def _minimum(values: Sequence[Any]) -> Any:
    if not values:
        return None
    return min(values, key=_order) if type(values[0]) is float else min(values)


def _maximum(values: Sequence[Any]) -> Any:
    if not values:
        return None
    return max(values, key=_order) if type(values[0]) is float else max(values)


def _has_nan(values: Sequence[float]) -> bool:
    """Whether a NaN is among the values, or may be: a sum is NaN, too, if they hold infinities of both signs."""
    total = sum(values)
    return total != total


def _least_float(values: Sequence[float]) -> float | None:
    return _minimum(values) if _has_nan(values) else min(values, default=None)


def _greatest_float(values: Sequence[float]) -> float | None:
    return _maximum(values) if _has_nan(values) else max(values, default=None)


def _least(values: Sequence[Any]) -> Any:
    return min(values, default=None)


def _greatest(values: Sequence[Any]) -> Any:
    return max(values, default=None)


def _least_decimal(values: Sequence[Decimal] | Scaled) -> Decimal | None:
    if isinstance(values, Scaled):
        return values.decimal(min(values)) if values else None
    return min(values, default=None)


def _greatest_decimal(values: Sequence[Decimal] | Scaled) -> Decimal | None:
    if isinstance(values, Scaled):
        return values.decimal(max(values)) if values else None
    return max(values, default=None)


def _variance(values: Sequence[Any], freedom: int) -> Any:
    """The squared deviations over ``len(values) - freedom``; None where that is not positive."""
    if len(values) <= freedom:
        return None
    count = len(values)
    if type(values[0]) is Decimal:
        with localcontext(EXACT):
            spread = count * sum(value * value for value in values) - sum(values) ** 2
        return _RESULT.divide(spread, Decimal(count * (count - freedom)))
    mean = math.fsum(values) / count
    return math.fsum((value - mean) ** 2 for value in values) / (count - freedom)


def _variance_of(freedom: int) -> Callable[[Sequence[Any]], Any]:
    return lambda values: _variance(values, freedom)


def _deviation_of(freedom: int) -> Callable[[Sequence[Any]], Any]:
    def deviation(values: Sequence[Any]) -> Any:
        variance = _variance(values, freedom)
        if variance is None:
            return None
        return variance.sqrt(_RESULT) if type(variance) is Decimal else math.sqrt(variance)

    return deviation


def _joined(values: Sequence[Any]) -> Any:
    """Values, or (value, separator) pairs, as one text; a separator goes before its own value, the first is unused."""
    pairs = [value if type(value) is tuple else (value, ",") for value in values]
    pairs = [pair for pair in pairs if pair[0] is not None]
    if not pairs:
        return None
    if type(pairs[0][0]) is bytes:
        return pairs[0][0] + b"".join((separator or b"") + value for value, separator in pairs[1:])
    return as_text(pairs[0][0]) + "".join((separator or "") + as_text(value) for value, separator in pairs[1:])


def _any_value(values: Sequence[Any]) -> Any:
    return values[0] if values else None


def _all(values: Sequence[Any]) -> bool | None:
    return all(values) if values else None


def _any(values: Sequence[Any]) -> bool | None:
    return any(values) if values else None


def _bits(operator: Callable[[int, int], int]) -> AggregateFunction:
    def combined(values: Sequence[Any]) -> int | None:
        return reduce(operator, values) if values else None

    return AggregateFunction(combined, BIGINT, (BIGINT,), of_parts=(Kind.INTEGER,))


_EVERY = AggregateFunction(_all, BOOLEAN, (BOOLEAN,), of_parts=(Kind.BOOLEAN,))
_STDDEV = AggregateFunction(_deviation_of(1), _deviation_type)
_VARIANCE = AggregateFunction(_variance_of(1), _deviation_type)
_STRING_AGG = AggregateFunction(_joined, _text_type, (None,), 1, 2)

_WHOLE = (Kind.INTEGER, Kind.BOOLEAN)
_COMPARED = (*_WHOLE, Kind.TEXT, Kind.DATE, Kind.TIMESTAMP, Kind.TIME, Kind.INTERVAL, Kind.DECIMAL)
_ORDERED = (*_COMPARED, Kind.DOUBLE)
_ADDED = (*_WHOLE, Kind.DECIMAL, Kind.INTERVAL)
_Collectors = dict[Kind, Callable[[Sequence[Any]], object]]
_SUMS: _Collectors = {**dict.fromkeys(_WHOLE, _whole_sum), Kind.DECIMAL: _decimal_sum, Kind.DOUBLE: _float_sum_or_null}
_LEAST: _Collectors = {
    **dict.fromkeys(_COMPARED, _least),
    Kind.DECIMAL: _least_decimal,
    Kind.DOUBLE: _least_float,
}
_GREATEST: _Collectors = {
    **dict.fromkeys(_COMPARED, _greatest),
    Kind.DECIMAL: _greatest_decimal,
    Kind.DOUBLE: _greatest_float,
}
_AVERAGES: _Collectors = {**dict.fromkeys(_WHOLE, _whole_average), Kind.DOUBLE: _float_average}

IN_LINE: dict[tuple[str, Kind], str] = {
    **{("SUM", kind): "sum({0})" for kind in _WHOLE},
    **{("AVG", kind): "sum({0}) / len({0})" for kind in _WHOLE},
    **{("MIN", kind): "min({0})" for kind in _COMPARED},
    **{("MAX", kind): "max({0})" for kind in _COMPARED},
}
"""By name and kind of the argument: Python for what an aggregate makes of a list that is not empty."""

AGGREGATES: dict[str, AggregateFunction] = {
    "ANY_VALUE": AggregateFunction(_any_value, first_type),
    "AVG": AggregateFunction(_average, _average_type, kinds=_AVERAGES),
    "BIT_AND": _bits(and_),
    "BIT_OR": _bits(or_),
    "BIT_XOR": _bits(xor),
    "BOOL_AND": _EVERY,
    "BOOL_OR": AggregateFunction(_any, BOOLEAN, (BOOLEAN,), of_parts=(Kind.BOOLEAN,)),
    "COUNT": AggregateFunction(len, BIGINT, least=0, nullable=False),
    "EVERY": _EVERY,
    "GROUP_CONCAT": _STRING_AGG,
    "MAX": AggregateFunction(_maximum, first_type, kinds=_GREATEST, of_parts=_ORDERED),
    "MIN": AggregateFunction(_minimum, first_type, kinds=_LEAST, of_parts=_ORDERED),
    "STDDEV": _STDDEV,
    "STDDEV_POP": AggregateFunction(_deviation_of(0), _deviation_type),
    "STDDEV_SAMP": _STDDEV,
    "STRING_AGG": _STRING_AGG,
    "SUM": AggregateFunction(_sum, _sum_type, kinds=_SUMS, of_parts=_ADDED),
    "VARIANCE": _VARIANCE,
    "VAR_POP": AggregateFunction(_variance_of(0), _deviation_type),
    "VAR_SAMP": _VARIANCE,
}
