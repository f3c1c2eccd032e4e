"""Numbers: the functions of ``math``, and rounding. A decimal gives a decimal, unless a double stands beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

from ...chance import CHANCE
from ...errors import DataError
from ...values import BIGINT, DECIMAL, DOUBLE, INTEGER, Kind, SqlType, without_sign_of_zero
from ..decimals import EXACT, modulo, power, root
from .base import Function, first_type, guarded

_WIDE = Context(prec=EXACT.prec, rounding=ROUND_HALF_UP)


def _real_type(types: tuple[SqlType, ...]) -> SqlType:
    kinds = {type_.kind for type_ in types}
    return DECIMAL if Kind.DECIMAL in kinds and Kind.DOUBLE not in kinds else DOUBLE


def _numeric_type(types: tuple[SqlType, ...]) -> SqlType:
    if all(type_.is_integer for type_ in types):
        return BIGINT
    return _real_type(types)


def _number_type(types: tuple[SqlType, ...]) -> SqlType:
    if not types[0].is_numeric and types[0].kind is not Kind.UNKNOWN:
        raise DataError(f"a number is taken, and no value of type {types[0].kind.value}")
    return first_type(types)


def _real(name: str, compute: Callable[..., float]) -> Callable[..., Any]:
    """``compute`` over floats; the result is a Decimal if an argument is one and none is a float."""

    def call(*args: Any) -> Any:
        result = compute(*(float(arg) for arg in args))
        classes = {type(arg) for arg in args}
        if Decimal in classes and float not in classes:
            if not math.isfinite(result):
                raise OverflowError("the result is no finite number")
            return Decimal(repr(result))
        return result + 0.0

    return guarded(name, call)


def _sqrt(x: Any) -> Any:
    if type(x) is Decimal:
        return root(x)
    return math.sqrt(x)


def _power(x: Any, y: Any) -> Any:
    if type(x) is Decimal and type(y) is not float:
        return power(x, Decimal(y))
    if type(y) is Decimal and type(x) is int:
        return power(Decimal(x), y)
    return math.pow(x, y)


def _mod(x: Any, y: Any) -> Any:
    if y == 0:
        raise ZeroDivisionError("division by zero")
    if type(x) is int and type(y) is int:
        remainder = abs(x) % abs(y)  # the sign is that of the dividend
        return -remainder if x < 0 else remainder
    if float in (type(x), type(y)):
        return math.fmod(x, y) + 0.0
    return modulo(Decimal(x), Decimal(y))


def _log(base: float, x: float | None = None) -> float:
    """LOG(base, x); with one argument the logarithm to base 10, as in PostgreSQL."""
    return math.log10(base) if x is None else math.log(x, base)


def _rounded(rounding: str) -> Callable[..., Any]:
    """Rounding to ``digits`` after the point (before it, if negative); the result has the type of ``x``."""

    def round_(x: Any, digits: int = 0) -> Any:
        if type(x) is int:
            if digits >= 0:
                return x
            return int(Decimal(x).quantize(Decimal(1).scaleb(-digits), rounding, _WIDE))
        if type(x) is float:
            if not math.isfinite(x):
                return x
            return float(Decimal(repr(x)).quantize(Decimal(1).scaleb(-digits), rounding, _WIDE)) + 0.0
        number = Decimal(x).quantize(Decimal(1).scaleb(-digits), rounding, _WIDE)
        return without_sign_of_zero(number if digits > 0 else number.quantize(Decimal(1), context=_WIDE))

    return round_


def _whole(compute: Callable[[float], int], rounding: str) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        if type(x) is int:
            return x
        if type(x) is float:
            return compute(x) + 0.0 if math.isfinite(x) else x
        return without_sign_of_zero(x.quantize(Decimal(1), rounding, _WIDE))

    return call


def _absolute(x: Any) -> Any:
    return x.copy_abs() if type(x) is Decimal else abs(x)


def _sign(x: Any) -> Any:
    return type(x)((x > 0) - (x < 0))


def _factorial(n: int) -> int:
    if n > 20:
        raise OverflowError("the result exceeds 64 bits")
    return math.factorial(n)


def _call(name: str, compute: Callable[..., float], arity: int = 1) -> Function:
    return Function(_real(name, compute), _real_type, (None,), arity, arity)


_CEILING = Function(guarded("CEILING", _whole(math.ceil, ROUND_CEILING)), _number_type)
_POWER = Function(guarded("POWER", _power), _real_type, (None,), 2, 2)
_RANDOM = Function(CHANCE.random, DOUBLE, (), 0, 0, stable=False)

FUNCTIONS: dict[str, Function] = {
    "ABS": Function(guarded("ABS", _absolute), first_type),
    "ACOS": _call("ACOS", math.acos),
    "ASIN": _call("ASIN", math.asin),
    "ATAN": _call("ATAN", math.atan),
    "ATAN2": _call("ATAN2", math.atan2, 2),
    "CBRT": _call("CBRT", math.cbrt),
    "CEIL": _CEILING,
    "CEILING": _CEILING,
    "COS": _call("COS", math.cos),
    "COT": _call("COT", lambda x: 1 / math.tan(x)),
    "DEGREES": _call("DEGREES", math.degrees),
    "EXP": _call("EXP", math.exp),
    "FACTORIAL": Function(guarded("FACTORIAL", _factorial), BIGINT, (BIGINT,)),
    "FLOOR": Function(guarded("FLOOR", _whole(math.floor, ROUND_FLOOR)), _number_type),
    "GCD": Function(math.gcd, BIGINT, (BIGINT,), 2, 2),
    "LCM": Function(math.lcm, BIGINT, (BIGINT,), 2, 2),
    "LN": _call("LN", math.log),
    "LOG": Function(_real("LOG", _log), _real_type, (None,), 1, 2),
    "LOG10": _call("LOG10", math.log10),
    "LOG2": _call("LOG2", math.log2),
    "MOD": Function(guarded("MOD", _mod), _numeric_type, (None,), 2, 2),
    "PI": Function(lambda: math.pi, DOUBLE, (), 0, 0),
    "POW": _POWER,
    "POWER": _POWER,
    "RADIANS": _call("RADIANS", math.radians),
    "RAND": _RANDOM,
    "RANDOM": _RANDOM,
    "ROUND": Function(guarded("ROUND", _rounded(ROUND_HALF_UP)), first_type, (None, INTEGER), 1, 2),
    "SIGN": Function(guarded("SIGN", _sign), first_type),
    "SIN": _call("SIN", math.sin),
    "SQRT": Function(guarded("SQRT", _sqrt), _real_type),
    "TAN": _call("TAN", math.tan),
    "TRUNC": Function(guarded("TRUNC", _rounded(ROUND_DOWN)), first_type, (None, INTEGER), 1, 2),
}
