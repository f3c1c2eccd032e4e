"""What is kept of an aggregate's call while rows pass, and what its values amount to."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InternalError
from ...values import Kind
from .. import expr as x
from ..expr import AggregateCall, is_nullable
from ..functions import AGGREGATES, IN_LINE, AggregateFunction
from .frame import Frame
from .order import same_text, sort_text


@dataclass(slots=True)
class Cell:
    """What is kept of one call while the rows pass: ``first`` makes it, ``kind`` says what it is.

    "count": a number; "values": a list; "distinct": a set of which only the size counts; "parts": a list of what pieces
    of the values amount to, or values themselves. An average may have ``parts`` instead: a sum and a count.
    """

    kind: str
    name: str
    call: AggregateCall
    function: AggregateFunction
    parts: tuple[Cell, Cell] | None = None

    @property
    def first(self) -> str:
        """The cell of a new group."""
        return {"count": "0", "distinct": "set()"}.get(self.kind, "[]")


def cell_of(frame: Frame, name: str, call: AggregateCall) -> Cell:
    """A cell for the call, its variable named after ``name``."""
    kind = "values"
    if call.function == "COUNT" and len(call.args) < 2:
        kind = "distinct" if call.distinct and call.args else "count"
    return Cell(kind, frame.source.name(name if kind == "count" else f"{name}_values"), call, function_of(call))


def function_of(call: AggregateCall) -> AggregateFunction:
    """What the function tables say of the call's function."""
    function = AGGREGATES.get(call.function)
    if function is None:
        raise InternalError(f"aggregate {call.function} is bound but not registered")
    return function


def counts_all(call: AggregateCall) -> bool:
    """Whether the call counts every row of a group."""
    if call.function != "COUNT" or call.filter is not None:
        return False
    return not call.args or (len(call.args) == 1 and not call.distinct and not is_nullable(call.args[0]))


def tested_value(frame: Frame, call: AggregateCall, function: AggregateFunction) -> tuple[list[str], str]:
    """The conditions on which an aggregate sees the current row, and what it takes of it: empty for no argument."""
    tests = [frame.is_true(call.filter)] if call.filter is not None else []
    texts = [frame.value(arg) for arg in call.args]
    if call.args and is_nullable(call.args[0]) and function.skip_nulls:
        if not texts[0].isidentifier():
            texts[0] = frame.let("value", texts[0])
        tests.append(f"({texts[0]} is not None)")
    value = texts[0] if len(texts) == 1 else f"({', '.join(texts)})" if texts else ""
    if call.order_by:
        keys = [sort_text(frame, key) for key in call.order_by]
        value = f"({', '.join((*keys, value))})"
    return tests, same_text(x.type_of(call.args[0]), value) if call.distinct and call.function == "COUNT" else value


def fed(cell: Cell, value: str) -> str:
    """The statement that adds one value to the cell."""
    match cell.kind:
        case "count":
            return f"{cell.name} += 1"
        case "distinct":
            return f"{cell.name}.add({value})"
        case _:
            return f"{cell.name}.append({value})"


def amount_of(frame: Frame, call: AggregateCall, function: AggregateFunction, values: str, filled: bool = False) -> str:
    """What the values amount to; a list of them (``filled``: not empty), or of sort keys and values."""
    if call.order_by:
        values = _ordered(frame, call, values)
    if call.distinct:
        exact = all(x.type_of(arg).kind is not Kind.DOUBLE for arg in call.args)
        distinct = values if exact else f"map(same, {values})"
        if call.function == "COUNT":
            return f"len(set({distinct}))"
        values = f"list(dict.fromkeys({distinct}))"
    if call.function == "COUNT":
        return f"len({values})"
    kind = x.type_of(call.args[0]).kind if call.args else Kind.UNKNOWN
    in_line = IN_LINE.get((call.function, kind)) if filled else None
    if in_line is not None and (values.isidentifier() or in_line.count("{0}") == 1):
        return in_line.format(values)
    return f"{frame.source.share(f'{call.function.lower()}_of', function.collector(kind))}({values})"


def _ordered(frame: Frame, call: AggregateCall, values: str) -> str:
    """The values without their sort keys, sorted by them: the last key first, since sorting is stable."""
    keys = list(enumerate(call.order_by))
    for at, key in reversed(keys):
        values = f"sorted({values}, key=itemgetter({at}){', reverse=True' if key.descending else ''})"
    return f"[value for *_, value in {values}]"
