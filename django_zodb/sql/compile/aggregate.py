"""Aggregates: the values of each group in lists, counters where a count is all that is asked."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InternalError
from ...values import Kind
from .. import expr as x
from .. import plan as p
from ..expr import AggregateCall, is_nullable
from ..functions import AGGREGATES, AggregateFunction
from ..show import expressions
from .frame import Frame, Needed, needed_by, target_of, tuple_of
from .order import same_text, sort_text


@dataclass(slots=True)
class Cell:
    """What is kept of one call while the rows pass: ``first`` makes it, ``kind`` says what it is."""

    kind: str  # "count": a number; "values": a list; "distinct": a set of which only the size counts
    name: str
    call: AggregateCall
    function: AggregateFunction

    @property
    def first(self) -> str:
        """The cell of a new group."""
        return {"count": "0", "values": "[]", "distinct": "set()"}[self.kind]


def open_aggregate(frame: Frame, node: p.Aggregate, needed: Needed) -> None:
    """Bind the alias to one row per group."""
    node = _without_unused(node, needed)
    if not node.keys and isinstance(node.source, p.Scan) and all(_counts_rows(call) for _, call in node.calls):
        _count_table(frame, node)
        return
    early, frame.early = frame.early, False
    frame.open(node.source, needed_by(expressions(node)))
    frame.early = early
    cells = [_cell(frame, name, call) for name, call in node.calls]
    if node.keys:
        _grouped(frame, node, cells)
    else:
        _ungrouped(frame, node, cells)


def _without_unused(node: p.Aggregate, needed: Needed) -> p.Aggregate:
    calls = tuple((name, call) for name, call in node.calls if (node.alias, name) in needed)
    return p.Aggregate(node.source, node.alias, node.keys, calls)


def _counts_rows(call: AggregateCall) -> bool:
    return call.function == "COUNT" and not call.args and call.filter is None


def _count_table(frame: Frame, node: p.Aggregate) -> None:
    assert isinstance(node.source, p.Scan)
    frame.note(node.source)
    frame.note(node)
    columns = {name: frame.let(name, f"{frame.unit.table(node.source.table)}.count()") for name, _ in node.calls}
    _bind(frame, node, columns)


def _cell(frame: Frame, name: str, call: AggregateCall) -> Cell:
    function = AGGREGATES.get(call.function)
    if function is None:
        raise InternalError(f"aggregate {call.function} is bound but not registered")
    kind = "values"
    if call.function == "COUNT" and len(call.args) < 2:
        kind = "distinct" if call.distinct and call.args else "count"
    return Cell(kind, frame.source.name(name if kind == "count" else f"{name}_values"), call, function)


# --- one group -----------------------------------------------------------------------------------------------------


def _ungrouped(frame: Frame, node: p.Aggregate, cells: list[Cell]) -> None:
    if not (len(cells) == 1 and _collected_simply(frame, cells[0])):
        sink = [line for cell in cells for line in _feeding(frame, cell, cell.name)]
        frame.lines += [f"{cell.name} = {cell.first}" for cell in cells]
        frame.finish(*(sink or ["pass"]))
    frame.note(node)
    _bind(frame, node, _results(frame, node, cells))


def _collected_simply(frame: Frame, cell: Cell) -> bool:
    """Whether the only call's values could be collected by a comprehension."""
    call = cell.call
    if cell.kind != "values" or call.filter is not None or call.order_by or len(call.args) != 1:
        return False
    steps = list(frame.steps)
    (arg,) = call.args
    if cell.function.skip_nulls and is_nullable(arg):
        frame.where(f"({frame.atom(arg, 'value')} is not None)")
    value = frame.value(arg)
    if frame.comprehension(value) is None:
        frame.steps = steps
        frame.forget()
        return False
    cell.name = frame.collect(value, cell.name)
    return True


# --- many groups ---------------------------------------------------------------------------------------------------


def _grouped(frame: Frame, node: p.Aggregate, cells: list[Cell]) -> None:
    key = tuple_of([same_text(x.type_of(key.expr), frame.value(key.expr)) for key in node.keys])
    groups, group = frame.source.name("groups"), frame.source.name("group")
    alone = len(cells) == 1 and (cells[0].kind != "count" or _unconditional(cells[0]))
    if not cells:
        frame.lines.append(f"{groups} = {{}}")
        frame.finish(f"{groups}[{key}] = None")
    elif alone:
        _write_cells(frame, cells[0], groups, group, key)
    else:
        _write_groups(frame, cells, groups, group, key)
    frame.note(node)
    row = frame.unit.row_name(node.alias)
    names = [frame.source.name(f"{row}_{key.name}") for key in node.keys]
    if not cells:
        frame.each(target_of(names), groups)
    else:
        target = names[0] if len(names) == 1 else f"({', '.join(names)})"
        frame.each(f"{target}, {cells[0].name if alone else group}", f"{groups}.items()")
        if not alone:
            frame.set(", ".join(cell.name for cell in cells) if len(cells) > 1 else f"({cells[0].name},)", group)
    columns = dict(zip((key.name for key in node.keys), names, strict=True))
    _bind(frame, node, columns | _results(frame, node, cells))


def _unconditional(cell: Cell) -> bool:
    call = cell.call
    return call.filter is None and not (call.args and is_nullable(call.args[0]))


def _write_cells(frame: Frame, cell: Cell, groups: str, group: str, key: str) -> None:
    """A dict whose values are the cells of the only call."""
    made = {"count": "int", "values": "list", "distinct": "set"}[cell.kind]
    sink = _feeding(frame, cell, f"{groups}[{key}]")
    if len(sink) > 1:  # a group exists even if nothing is added to it
        sink = [f"{group} = {groups}[{key}]", *_feeding(frame, cell, group)]
    frame.lines.append(f"{groups} = defaultdict({made})")
    frame.finish(*sink)


def _write_groups(frame: Frame, cells: list[Cell], groups: str, group: str, key: str) -> None:
    """A dict whose values are lists of a cell for each call."""
    sink = [f"{group} = {groups}[{key}]"]
    for at, cell in enumerate(cells):
        sink += _feeding(frame, cell, f"{group}[{at}]")
    frame.lines.append(f"{groups} = defaultdict(lambda: [{', '.join(cell.first for cell in cells)}])")
    frame.finish(*sink)


# --- every row, every group ----------------------------------------------------------------------------------------


def _feeding(frame: Frame, cell: Cell, place: str) -> list[str]:
    """The statements that add the current row to a cell."""
    call = cell.call
    tests = [frame.is_true(call.filter)] if call.filter is not None else []
    texts = [frame.value(arg) for arg in call.args]
    if call.args and is_nullable(call.args[0]) and cell.function.skip_nulls:
        if not texts[0].isidentifier():
            texts[0] = frame.let("value", texts[0])
        tests.append(f"{texts[0]} is not None")
    value = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    if call.order_by:
        keys = [sort_text(frame, key) for key in call.order_by]
        value = f"({', '.join((*keys, value))})"
    match cell.kind:
        case "count":
            line = f"{place} += 1"
        case "distinct":
            line = f"{place}.add({same_text(x.type_of(call.args[0]), value)})"
        case _:
            line = f"{place}.append({value})"
    return [f"if {' and '.join(tests)}:", f"    {line}"] if tests else [line]


def _results(frame: Frame, node: p.Aggregate, cells: list[Cell]) -> dict[str, str]:
    """Variables for what the calls of a group amount to."""
    columns = {}
    row = frame.unit.row_name(node.alias)
    for (name, _), cell in zip(node.calls, cells, strict=True):
        text = _result(frame, cell)
        columns[name] = text if text.isidentifier() else frame.let(f"{row}_{name}", text)
    return columns


def _result(frame: Frame, cell: Cell) -> str:
    call, place = cell.call, cell.name
    if cell.kind == "count":
        return place
    if cell.kind == "distinct":
        return f"len({place})"
    values = place
    if call.order_by:
        values = _ordered(frame, call, values)
    if call.distinct:
        exact = all(x.type_of(arg).kind is not Kind.DOUBLE for arg in call.args)
        values = f"list(dict.fromkeys({values if exact else f'map(same, {values})'}))"
    return f"{frame.source.share(f'{call.function.lower()}_of', cell.function.collect)}({values})"


def _ordered(frame: Frame, call: AggregateCall, values: str) -> str:
    """The values without their sort keys, sorted by them: the last key first, since sorting is stable."""
    keys = list(enumerate(call.order_by))
    for at, key in reversed(keys):
        values = f"sorted({values}, key=itemgetter({at}){', reverse=True' if key.descending else ''})"
    return f"[value for *_, value in {values}]"


def _bind(frame: Frame, node: p.Aggregate, columns: dict[str, str]) -> None:
    names = [*(key.name for key in node.keys), *(name for name, _ in node.calls)]
    binding = frame.bind(node.alias, names, None)
    binding.columns = columns
