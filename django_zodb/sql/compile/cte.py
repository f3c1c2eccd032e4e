"""Named queries: one that is used often as a function called once, a recursive one as rounds over what was found."""

from __future__ import annotations

from .. import plan as p
from .frame import Frame
from .subquery import LocalFunction
from .unit import all_nodes


def open_shared(frame: Frame, node: p.Shared) -> None:
    """Loop over the rows, computed at the first of all uses."""
    unit = frame.unit
    call = unit.shared.get(node.name)
    if call is None:
        function = LocalFunction(frame, node.source, node.name)
        call = function.call_rows(node.source, once=not _uses_round(node.source))
        if not function.args:
            unit.shared[node.name] = call
    frame.note(node)
    _loop(frame, node, call)


def _uses_round(node: p.Node) -> bool:
    """Whether the rows are others in each round of a recursive query that the node stands in."""
    nodes = list(all_nodes(node))
    inside = {each.work for each in nodes if isinstance(each, p.Recursive)}
    return any(isinstance(each, p.WorkTable) and each.work not in inside for each in nodes)


def open_recursive(frame: Frame, node: p.Recursive) -> None:
    """Loop over the rows, found as they are asked for."""
    unit, source = frame.unit, frame.source
    rows = unit.work_tables[node.work] = source.name(node.work)
    unit.definitions.append(f"{rows} = []")
    first = LocalFunction(frame, node.first, f"{node.alias}_first")
    step = LocalFunction(frame, node.step, f"{node.alias}_step", repeated=True)
    found = first.call_rows(node.first, once=not _uses_round(node.first))
    following = step.call_rows(node.step, once=False)
    following = f"(lambda: {following})" if step.args else following.removesuffix("()")
    frame.note(node)
    _loop(frame, node, f"rounds({rows}, {found}, {following}, {not node.all})")


def open_work_table(frame: Frame, node: p.WorkTable) -> None:
    """Loop over the rows of the last round."""
    frame.note(node)
    _loop(frame, node, frame.unit.work_tables[node.work])


def _loop(frame: Frame, node: p.Shared | p.Recursive | p.WorkTable, rows: str) -> None:
    row = frame.unit.row_name(node.alias)
    frame.each(row, rows)
    frame.bind(node.alias, (column.name for column in node.columns), row)
