"""Arithmetic → Python text, by the kinds of the operands: numbers, dates, times and intervals."""

from __future__ import annotations

from ..errors import InternalError
from ..values import Kind
from . import expr as x

_I, _D, _T, _S = Kind.INTERVAL, Kind.DATE, Kind.TIME, Kind.TIMESTAMP

# Python for an operator on times: {0} and {1} are the operands.
_TIMES = {
    ("+", _I, _I): "({0} + {1})",
    ("-", _I, _I): "({0} - {1})",
    ("+", _S, _I): "moved({0}, {1})",
    ("+", _I, _S): "moved({1}, {0})",
    ("-", _S, _I): "moved({0}, -{1})",
    ("-", _S, _S): "({0} - {1})",
    ("-", _S, _D): "({0} - midnight({1}))",
    ("-", _D, _S): "(midnight({0}) - {1})",
    ("+", _D, _T): "date_and_time({0}, {1})",
    ("+", _T, _D): "date_and_time({1}, {0})",
    ("+", _T, _I): "add_to_time({0}, {1})",
    ("+", _I, _T): "add_to_time({1}, {0})",
    ("-", _T, _I): "add_to_time({0}, -{1})",
    ("-", _T, _T): "time_difference({0}, {1})",
}

_NUMBERS = {
    "+": "({0} + {1})",
    "-": "({0} - {1})",
    "*": "({0} * {1})",
    "/": "divide({0}, {1})",
    "%": "remainder({0}, {1})",
    "^": "power({0}, {1})",
    "&": "({0} & {1})",
    "|": "({0} | {1})",
    "#": "({0} ^ {1})",
    "<<": "shift_left({0}, {1})",
    ">>": "shift_right({0}, {1})",
}

_DECIMALS = {
    "+": "add({0}, {1})",
    "-": "subtract({0}, {1})",
    "*": "multiply({0}, {1})",
}
"""What Python's operators would round as the caller's context says."""


def arithmetic(expr: x.Arithmetic, left: str, right: str) -> str:
    """Text for the operator of ``expr`` on operands that are not NULL."""
    kinds = (x.type_of(expr.left).kind, x.type_of(expr.right).kind)
    if _D in kinds:
        return _with_date(expr, kinds, left, right)
    if _I in kinds and not {_S, _T} & {*kinds} and kinds != (_I, _I):
        return _with_interval(expr, kinds, left, right)
    template = _TIMES.get((expr.op, *kinds))
    if template is None:
        return _numbers(expr, kinds, left, right)
    return template.format(left, right)


def _with_date(expr: x.Arithmetic, kinds: tuple[Kind, Kind], left: str, right: str) -> str:
    match (expr.op, *kinds):
        case ("-", Kind.DATE, Kind.DATE):
            return f"({left} - {right}).days" if expr.type.is_integer else f"({left} - {right})"
        case ("+" | "-" as op, Kind.DATE, Kind.INTEGER):
            return f"moved({left}, {'-' if op == '-' else ''}days({right}))"
        case ("+", Kind.INTEGER, Kind.DATE):
            return f"moved({right}, days({left}))"
        case ("+" | "-" as op, Kind.DATE, Kind.INTERVAL):
            return _date_moved(expr, left, f"{'-' if op == '-' else ''}{right}")
        case ("+", Kind.INTERVAL, Kind.DATE):
            return _date_moved(expr, right, left)
        case key:
            template = _TIMES.get(key)
            if template is None:
                raise InternalError(f"no arithmetic for {kinds[0]} {expr.op} {kinds[1]}")
            return template.format(left, right)


def _date_moved(expr: x.Arithmetic, date: str, interval: str) -> str:
    return f"moved({date}, {interval})" if expr.type.kind is Kind.DATE else f"moved(midnight({date}), {interval})"


def _with_interval(expr: x.Arithmetic, kinds: tuple[Kind, Kind], left: str, right: str) -> str:
    if kinds[0] is not _I:
        left, right, kinds = right, left, (kinds[1], kinds[0])
    if kinds[1] is Kind.DECIMAL:
        right = f"float({right})"
    if expr.op == "/":
        return f"divide({left}, {right})"
    if expr.op == "*":
        return f"scaled({left}, {right})"
    raise InternalError(f"no arithmetic for {kinds[0]} {expr.op} {kinds[1]}")


def _numbers(expr: x.Arithmetic, kinds: tuple[Kind, Kind], left: str, right: str) -> str:
    if expr.type.kind is Kind.DOUBLE:
        if expr.op == "/" or Kind.DECIMAL in kinds:
            left, right = (
                text if kind is Kind.DOUBLE else f"float({text})"
                for text, kind in zip((left, right), kinds, strict=True)
            )
    elif expr.type.is_integer and expr.op == "/":
        return f"quotient({left}, {right})"
    elif expr.type.kind is Kind.DECIMAL:
        if kinds[0] is not Kind.DECIMAL:
            left = f"Decimal({left})"
        return _DECIMALS.get(expr.op, _NUMBERS[expr.op]).format(left, right)
    return _NUMBERS[expr.op].format(left, right)
