"""Which node is opened by which function, and the nodes too simple for a module of their own."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InternalError
from .. import expr as x
from .. import plan as p
from ..plan import Node
from .access import open_access, open_index_groups
from .aggregate import open_aggregate
from .cte import open_recursive, open_shared, open_work_table
from .frame import WHOLE, Frame, Needed, needed_by, whole
from .joins import open_join
from .order import open_distinct, open_distinct_on, open_limit, open_set_operation, open_sort, open_sort_runs, open_top
from .sieves import may_sieve, sieve_of_filter
from .window import open_window


def open_node(frame: Frame, node: Node, needed: Needed) -> None:
    """See ``Frame.open``."""
    match node:
        case p.Values():
            open_values(frame, node)
        case p.Listing():
            open_listing(frame, node)
        case p.Filter():
            if may_sieve(node.source, frame.early):
                frame.unit.sieves.append((node.source, *sieve_of_filter(frame, node.source, node.condition)))
            frame.open(node.source, needed | needed_by((node.condition,)))
            frame.note(node)
            frame.where(frame.is_true(node.condition))
            frame.named.clear()
        case p.Join() | p.NestedLoop() | p.HashJoin():
            open_join(frame, node, needed)
        case p.Project():
            open_project(frame, node, needed)
        case p.Aggregate():
            open_aggregate(frame, node, needed)
        case p.Sort():
            open_sort(frame, node, needed)
        case p.SortRuns():
            open_sort_runs(frame, node, needed)
        case p.TopN():
            open_top(frame, node, needed)
        case p.Limit():
            open_limit(frame, node, needed)
        case p.Window():
            open_window(frame, node, needed)
        case p.Distinct():
            open_distinct(frame, node, needed)
        case p.DistinctOn():
            open_distinct_on(frame, node, needed)
        case p.SetOperation():
            open_set_operation(frame, node, needed)
        case p.Shared():
            open_shared(frame, node)
        case p.Recursive():
            open_recursive(frame, node)
        case p.WorkTable():
            open_work_table(frame, node)
        case p.LockRows():
            open_lock(frame, node, needed)
        case p.IndexGroups():
            open_index_groups(frame, node, needed)
        case _ if isinstance(node, p.BaseAccess):
            open_access(frame, node, needed)
        case _:
            raise InternalError(f"{type(node).__name__} is no source of rows")


def open_row(frame: Frame, node: Node) -> str:
    """Open a node that binds one alias; returns the text of its tuple."""
    if isinstance(node, p.Project):
        expressions = [output.expr for output in node.outputs]
        own = [(each.alias, each.name) for each in expressions if isinstance(each, x.Column)]
        given, frame.given = frame.given, own if len(own) == len(expressions) else ()
        frame.open(node.source, needed_by(expressions))
        frame.given = given
        frame.note(node)
        return row_text(frame, expressions)
    (alias,) = p.bound_aliases(node)
    columns = p.output_columns(node)
    frame.open(node, whole(alias, (column.name for column in columns)))
    binding = frame.scope[alias]
    if binding.row is not None:
        return binding.row
    return row_text(frame, [x.Column(alias, column.name, column.type, column.nullable) for column in columns])


def open_project(frame: Frame, node: p.Project, needed: Needed) -> None:
    """Bind the alias to variables of the columns that are used, and of the row if it is."""
    names = [output.name for output in node.outputs]
    if (node.alias, WHOLE) in needed:
        row = open_row(frame, node)
        if not row.isidentifier():
            name = frame.unit.row_name(node.alias)
            frame.set(name, row)
            row = name
        frame.bind(node.alias, names, row)
        return
    used = [output for output in node.outputs if (node.alias, output.name) in needed]
    frame.open(node.source, needed_by(output.expr for output in used))
    if used:
        frame.note(node)
    row = frame.unit.row_name(node.alias)
    inner = p.bound_aliases(node.source)
    columns = {output.name: frame.own(output.expr, f"{row}_{output.name}", inner) for output in used}
    frame.bind(node.alias, names, None).columns = columns


def open_values(frame: Frame, node: p.Values) -> None:
    """Literal rows: one binds variables, several are looped over."""
    names = [column.name for column in node.columns]
    row = frame.unit.row_name(node.alias)
    if len(node.rows) == 1:
        (values,) = node.rows
        columns = {name: frame.own(value, f"{row}_{name}", ()) for name, value in zip(names, values, strict=True)}
        frame.bind(node.alias, names, None).columns = columns
        return
    frame.note(node)
    rows = ", ".join(f"({', '.join(map(frame.value, values))},)" for values in node.rows)
    frame.each(row, f"({rows},)" if rows else "()")
    frame.bind(node.alias, names, row)


def open_listing(frame: Frame, node: p.Listing) -> None:
    """Rows that are there."""
    frame.note(node)
    row = frame.unit.row_name(node.alias)
    frame.each(row, frame.source.constant(node.rows), listed=False)
    frame.bind(node.alias, [column.name for column in node.columns], row)


def open_lock(frame: Frame, node: p.LockRows, needed: Needed) -> None:
    """Lock each row that passes; those that an outer join did not find are no rows."""
    wanted = {(alias, name) for alias in node.aliases for name in (x.ROWID_COLUMN, WHOLE)}
    for alias in node.aliases:
        wanted.update((alias, name) for name in _rowid_columns(node, alias))
    for part in p.walk(node):
        if isinstance(part, p.BaseAccess) and part.alias in node.aliases:
            frame.do(f"{frame.unit.table(part.table)}.begin_locking()")
    frame.open(node.source, needed | wanted)
    frame.note(node)
    for alias in node.aliases:
        binding = frame.scope[alias]
        assert binding.table is not None
        rowid = frame.rowid(alias)
        mode = ", 'skip'" if node.skip_locked else ", 'nowait'" if node.nowait else ""
        locked = f"{frame.unit.table(binding.table)}.lock({rowid}, {binding.row}{mode})"
        if node.skip_locked:
            frame.where(f"({rowid} is None or {locked})")
        else:
            frame.do(f"if {rowid} is not None:", f"    {locked}")


def _rowid_columns(node: Node, alias: str) -> list[str]:
    return [
        part.table.columns[part.table.rowid_column].name
        for part in p.walk(node)
        if isinstance(part, p.BaseAccess) and part.alias == alias and part.table.rowid_column is not None
    ]


# --- tuples --------------------------------------------------------------------------------------------------------


def row_text(frame: Frame, expressions: Sequence[x.Expr]) -> str:
    """The text of a tuple. Whole rows are taken as they are: one is the tuple itself, several are added."""
    pieces: list[tuple[str, bool]] = []  # text, whether it is a row
    at = 0
    while at < len(expressions):
        row, width = _whole_row(frame, expressions[at:])
        pieces.append((row, True) if width else (frame.value(expressions[at]), False))
        at += width or 1
    if pieces and all(is_row for _, is_row in pieces):
        return " + ".join(text for text, _ in pieces) if len(pieces) == 1 else f"({' + '.join(t for t, _ in pieces)})"
    texts = [f"*{text}" if is_row else text for text, is_row in pieces]
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


def _whole_row(frame: Frame, expressions: Sequence[x.Expr]) -> tuple[str, int]:
    """The row whose columns, all and in order, the expressions begin with, and its width."""
    first = expressions[0]
    if isinstance(first, x.Column) and first.name != x.ROWID_COLUMN:
        binding = frame.scope.get(first.alias)
        if binding is not None and binding.row is not None and 0 < binding.width <= len(expressions):
            names = list(binding.positions)
            if [_name(other, first.alias) for other in expressions[: len(names)]] == names:
                return binding.row, len(names)
    return "", 0


def _name(expr: x.Expr, alias: str) -> str | None:
    return expr.name if isinstance(expr, x.Column) and expr.alias == alias else None
