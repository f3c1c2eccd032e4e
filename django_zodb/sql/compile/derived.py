"""Text of the place that a sieve is about: that of a column, or of what an expression makes of one.

``LOWER(book.title)`` is ``Derived(1, name, lambda title: title.lower())``, a constant of the statement. Its name is the
expression itself: whatever statement has the same one asks for the same values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any, NoReturn

from ...record import replace
from ...storage.derived import Derived
from ...values import Kind
from .. import expr as x
from .. import plan as p
from ..ddl_expression import CLOCKS
from ..emit import Emitter, Subplan
from ..expr import Expr
from ..functions import FUNCTIONS
from ..program import BUILTINS, Source
from ..rewrite import transform
from .frame import Frame

Walk = p.Scan | p.KeyRange | p.IndexRange
_MOST_PARTS = 20
"""An expression of more is not worth a look at each."""
_CALL = re.compile(r"(\w+)\(value\)")
_OF_ONE = (x.Cast, x.Arithmetic, x.Negate, x.Concat, x.Case, x.Compare, x.IsNull)
"""What gives the same for the same value of a column."""


def place_of(frame: Frame, scan: Walk, expr: Expr) -> str:
    """Text of the place of a column, or of what is made of one, if its values are in Python's order; else empty."""
    if isinstance(expr, x.Column):
        return _column_place(scan, expr)
    parts = list(x.walk(expr))
    columns = {part for part in parts if isinstance(part, x.Column)}
    if len(columns) != 1 or len(parts) > _MOST_PARTS or not all(map(is_settled, parts)) or not _is_ordered(expr):
        return ""
    (column,) = columns
    at = scan.table.positions.get(column.name) if column.alias == scan.alias else None
    if at is None:
        return ""
    alone = replace(column, alias="")
    expr = transform(expr, lambda part: alone if part == column else part)
    try:
        text = Emitter(_Alone(frame.source, "value")).value(expr)
    except _NotAlone:
        return ""
    name = repr(expr)
    wanted = f"{expr.function if isinstance(expr, x.Call) else 'derived'}_{column.name}".lower()
    return frame.source.share_made(
        wanted, (Derived, at, name), lambda: Derived(at, name, _function(text, frame.source))
    )


def _column_place(scan: Walk, expr: Expr) -> str:
    """Text of the place of a column of the table whose values are in Python's order; empty for anything else."""
    if not isinstance(expr, x.Column) or expr.alias != scan.alias or expr.type.kind in (Kind.JSON, Kind.UNKNOWN):
        return ""
    at = scan.table.positions.get(expr.name)
    return "" if at is None else str(at)


def _function(text: str, source: Source) -> Callable[[Any], Any]:
    """What computes the text of ``value``. It may be kept for longer than the statement, so it holds nothing else."""
    call = _CALL.fullmatch(text)
    if call and call[1] in source.namespace:
        return source.namespace[call[1]]  # type: ignore[return-value]
    code = compile(f"lambda value: {text}", "<django_zodb derived>", "eval")
    names = {name: source.namespace[name] for name in _names(code) if name in source.namespace}
    return eval(code, {"__builtins__": BUILTINS, **names})  # type: ignore[no-any-return]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def is_settled(part: Expr) -> bool:
    """Whether the operation gives the same for the same operands, whenever it is asked.

    Not so with decimals: what is computed of them depends on the thread's context.
    """
    if isinstance(part, x.Column | x.Constant):
        return True
    if not isinstance(part, x.Compare | x.IsNull) and any(_is_decimal(each) for each in (part, *x.children(part))):
        return False
    if isinstance(part, x.Call):
        return part.function not in CLOCKS and FUNCTIONS[part.function].stable
    return isinstance(part, _OF_ONE)


def _is_decimal(expr: Expr) -> bool:
    return x.type_of(expr).kind is Kind.DECIMAL


def _is_ordered(expr: Expr) -> bool:
    """Whether its values are in Python's order. Those of a document are if they are made for that."""
    if isinstance(expr, x.Call) and expr.function == "JSON_COMPARABLE":
        return len(expr.args) > 1
    return x.type_of(expr).kind not in (Kind.JSON, Kind.UNKNOWN)


class _NotAlone(Exception):
    """An expression needs more than the value of one column."""


class _Alone:
    """Where a function of one value stands; see ``emit.Context``."""

    def __init__(self, source: Source, value: str) -> None:
        self.source = source
        self._value = value

    def column(self, column: x.Column) -> str:
        """The only one."""
        return self._value

    def once(self, wanted: str, text: str) -> str:
        """Each time: it is of constants."""
        return text

    def param(self, param: x.Param) -> NoReturn:
        """There is none."""
        raise _NotAlone

    def param_run(self, params: Sequence[x.Param], nullable: bool = False) -> NoReturn:
        """There is none."""
        raise _NotAlone

    def subquery(self, subquery: Subplan) -> NoReturn:
        """There is none."""
        raise _NotAlone

    def part(self, text: str) -> NoReturn:
        """What nests so deeply is not looked at."""
        raise _NotAlone
