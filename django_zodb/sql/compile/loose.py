"""Text of what storage is told of rows that an index finds, whose order does not matter, should they be many.

``IndexRange book using book_day (book.day > p0)`` is fetched with ``whole=lambda: (book_day.count(low=p0),
within(3, p0, None, True, False), lambda rows: (row for row in rows if row[DAY] > p0))``: about how many rows these are,
a sieve that lets them pass, and what leaves out all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...storage import sieves as s
from .. import plan as p
from ..expr import Call, Constant, Expr, Param
from .frame import Frame
from .key_sets import key_set

_Texts = tuple[str, list[str], list[str]]
"""About how many rows, a sieve for each column, and conditions for a row."""


def whole(frame: Frame, node: p.BaseAccess) -> str:
    """The argument ``whole`` of ``Table.fetch`` and ``Table.sought``; empty if there is none."""
    if not isinstance(node, p.IndexAccess) or not node.loose:
        return ""
    index = frame.unit.index(node.table, node.index)
    match node:
        case p.IndexIn(keys=keys):
            number, sieves, tests = _among(frame, node, index, key_set(frame, keys))
        case p.IndexLookup(keys=keys):
            number, sieves, tests = _within(frame, node, index, keys)
        case p.IndexRange(prefix=prefix):
            number, sieves, tests = _within(frame, node, index, prefix)
    sieve = sieves[0] if len(sieves) == 1 else f"{frame.source.share('all_of', s.AllOf)}({', '.join(sieves)})"
    return f"whole=lambda: ({number}, {sieve}, lambda rows: (row for row in rows if {' and '.join(tests)}))"


def _among(frame: Frame, node: p.IndexAccess, index: str, keys: str) -> _Texts:
    among = f"{frame.source.share('among', s.Among)}({_places(node)[0]}, {keys})"
    return f"sum({index}.sizes({keys}))", [among], [f"{_columns(frame, node)[0]} in {keys}"]


def _within(frame: Frame, node: p.IndexLookup | p.IndexRange, index: str, equal: Sequence[Expr]) -> _Texts:
    keys = [_value(frame, key) for key in equal]
    within = frame.source.share("within", s.Within)
    sieves = [f"{within}({at}, {key}, {key})" for at, key in zip(_places(node), keys, strict=False)]
    tests = [f"{column} == {key}" for column, key in zip(_columns(frame, node), keys, strict=False)]
    arguments = [f"({', '.join(keys)},)"] if keys else []
    if isinstance(node, p.IndexRange) and (node.low, node.high) != (None, None):
        low, high = (None if end is None else _value(frame, end) for end in (node.low, node.high))
        sieves.append(f"{within}({_places(node)[-1]}, {low}, {high}, {node.low_open}, {node.high_open})")
        tests += _tests(frame, node, low, high)
        arguments += [f"{name}={end}" for name, end in (("low", low), ("high", high)) if end]
    return f"{index}.count({', '.join(arguments)})", sieves, tests


def _value(frame: Frame, expr: Expr) -> str:
    """Text of a value that is the same for all rows."""
    text = frame.value(expr)
    return text if isinstance(expr, Param | Constant) else frame.once("bound", text)


def _places(node: p.IndexAccess) -> list[int]:
    return [node.table.positions[name] for name in node.loose]


def _columns(frame: Frame, node: p.IndexAccess) -> list[str]:
    """Texts of the values of a row."""
    return [f"row[{frame.source.position(name, name, node.table.positions[name])}]" for name in node.loose]


def _tests(frame: Frame, node: p.IndexRange, low: str | None, high: str | None) -> Iterator[str]:
    """Texts of the conditions that the column is within the bounds; one that is computed may be None: there is none."""
    column = _columns(frame, node)[-1]
    if node.table.column(node.loose[-1]).nullable:
        yield f"{column} is not None"
    for end, expr, operator in (
        (low, node.low, ">" if node.low_open else ">="),
        (high, node.high, "<" if node.high_open else "<="),
    ):
        if end:
            test = f"{column} {operator} {end}"
            yield f"({end} is None or {test})" if isinstance(expr, Call) else test
