"""Aggregates: each makes one value of a group's values. The emitter may print the simplest of them in line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import reduce
from itertools import chain
from operator import and_, or_, xor
from typing import Any

from ...clock import dt
from ...errors import DataError
from ...values import BIGINT, BOOLEAN, BYTES, DECIMAL, DOUBLE, TEXT, Kind, Scaled, SqlType, as_text, in_utf8
from ..decimals import EXACT
from .base import AggregateFunction, first_type
from .parts import Join, Parts, Sums, Texts
from .sums import (
    average_of,
    average_parts,
    deviation,
    deviation_parts,
    float_sum,
    sum_parts,
    variance,
    variance_parts,
)


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
    match types[0].kind:
        case Kind.DECIMAL:
            return DECIMAL
        case Kind.INTEGER | Kind.DOUBLE | Kind.BOOLEAN | Kind.UNKNOWN:
            return DOUBLE
        case kind:
            raise DataError(f"STDDEV and VARIANCE take numbers, not values of type {kind.value}")


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
            return float_sum(values)
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
    return float_sum(values) if values else None


def _average(values: Sequence[Any]) -> Any:
    if not values:
        return None
    return average_of(_sum(values), len(values))


def _whole_average(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _float_average(values: Sequence[float]) -> float | None:
    return float_sum(values) / len(values) if values else None


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


def _precedes(one: float, other: float) -> bool:
    return one < other or (other != other and one == one)


def _exceeds(one: float, other: float) -> bool:
    return _precedes(other, one)


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


def _extreme_parts(plain: Join, better: Callable[[float, float], bool]) -> Callable[[Sequence[Any]], Parts]:
    """``better`` tells of two floats, which may be NaN, whether the first is to be preferred."""

    def parts(values: Sequence[Any]) -> Parts:
        if type(values[0]) is float and _has_nan(values):
            return Parts(values, lambda one, other: other if better(other, one) else one)
        return Parts(values, plain)

    return parts


def _joined(values: Sequence[Any]) -> Any:
    """Values, or (value, separator) pairs, as one text; a separator goes before its own value, the first is unused."""
    separators, texts = _separated(values)
    if not texts:
        return None
    return texts[0] + texts[0][:0].join(chain.from_iterable(zip(separators[1:], texts[1:], strict=True)))


def _joined_parts(values: Sequence[Any]) -> Parts:
    return Texts(*_separated(values))


def _separated(values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What goes before each value, and each value that is not NULL, as text; or both as bytes."""
    pairs = [value if type(value) is tuple else (value, ",") for value in values]
    pairs = [pair for pair in pairs if pair[0] is not None]
    if pairs and type(pairs[0][0]) is bytes:
        between = [in_utf8(each) if type(each) is str else each or b"" for _, each in pairs]
        return between, [value for value, _ in pairs]
    return ["" if each is None else as_text(each) for _, each in pairs], [as_text(value) for value, _ in pairs]


def _any_value(values: Sequence[Any]) -> Any:
    return values[0] if values else None


def _all(values: Sequence[Any]) -> bool | None:
    return all(values) if values else None


def _any(values: Sequence[Any]) -> bool | None:
    return any(values) if values else None


def _parts(join: Join) -> Callable[[Sequence[Any]], Parts]:
    """Values are their own states."""
    return lambda values: Parts(values, join)


def _bits(operator: Callable[[int, int], int]) -> AggregateFunction:
    def combined(values: Sequence[Any]) -> int | None:
        return reduce(operator, values) if values else None

    return AggregateFunction(combined, _parts(operator), BIGINT, (BIGINT,), of_parts=(Kind.INTEGER,))


def _variance(freedom: int) -> AggregateFunction:
    return AggregateFunction(lambda values: variance(values, freedom), variance_parts(freedom), _deviation_type)


def _deviation(freedom: int) -> AggregateFunction:
    return AggregateFunction(lambda values: deviation(values, freedom), deviation_parts(freedom), _deviation_type)


_EVERY = AggregateFunction(_all, _parts(and_), BOOLEAN, (BOOLEAN,), of_parts=(Kind.BOOLEAN,))
_SOME = AggregateFunction(_any, _parts(or_), BOOLEAN, (BOOLEAN,), of_parts=(Kind.BOOLEAN,))
_STDDEV, _VARIANCE = _deviation(1), _variance(1)
_STRING_AGG = AggregateFunction(_joined, _joined_parts, _text_type, (None,), 1, 2)

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
    "ANY_VALUE": AggregateFunction(_any_value, _parts(lambda one, other: one), first_type),
    "AVG": AggregateFunction(_average, average_parts, _average_type, kinds=_AVERAGES),
    "BIT_AND": _bits(and_),
    "BIT_OR": _bits(or_),
    "BIT_XOR": _bits(xor),
    "BOOL_AND": _EVERY,
    "BOOL_OR": _SOME,
    "COUNT": AggregateFunction(len, lambda values: Sums([1] * len(values)), BIGINT, least=0, nullable=False),
    "EVERY": _EVERY,
    "GROUP_CONCAT": _STRING_AGG,
    "MAX": AggregateFunction(_maximum, _extreme_parts(max, _exceeds), first_type, kinds=_GREATEST, of_parts=_ORDERED),
    "MIN": AggregateFunction(_minimum, _extreme_parts(min, _precedes), first_type, kinds=_LEAST, of_parts=_ORDERED),
    "STDDEV": _STDDEV,
    "STDDEV_POP": _deviation(0),
    "STDDEV_SAMP": _STDDEV,
    "STRING_AGG": _STRING_AGG,
    "SUM": AggregateFunction(_sum, sum_parts, _sum_type, kinds=_SUMS, of_parts=_ADDED),
    "VARIANCE": _VARIANCE,
    "VAR_POP": _variance(0),
    "VAR_SAMP": _VARIANCE,
}
