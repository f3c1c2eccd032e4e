"""COUNT(*) of a table, or of rows that a filter lets pass, where storage may know the number without a look at each.

A join with the row that a foreign key refers to leaves out no row, but for what the transaction has changed and not
checked yet; and there, storage looks at each.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...record import record, replace
from ...storage.schema import TableSchema
from ...values import BIGINT
from .. import expr as x
from .. import plan as p
from ..expr import AggregateCall, Expr, is_nullable
from .access import walk
from .frame import NOTHING, Frame, needed_by
from .pipeline import indented
from .sieves import exact_sieve_of_filter


def count_rows(frame: Frame, node: p.Aggregate) -> dict[str, str] | None:
    """The variables of all counts, if the aggregate is of nothing else and storage may know; else None."""
    if node.keys or not all(_counts_rows(call) for _, call in node.calls):
        return None
    if isinstance(node.source, p.Scan):
        frame.note(node.source)
        frame.note(node)
        return {name: frame.let(name, f"{frame.unit.table(node.source.table)}.count()") for name, _ in node.calls}
    count = (_count_filtered(frame, node) or _count_referring(frame, node)) if node.calls else ""
    return dict.fromkeys((name for name, _ in node.calls), count) if count else None


def _counts_rows(call: AggregateCall) -> bool:
    return call.function == "COUNT" and not call.args and call.filter is None


def _count_filtered(frame: Frame, node: p.Aggregate) -> str:
    """Text of the number of rows of a table that a filter lets pass; empty if storage cannot know it."""
    joins, references = list[p.Node](), list[_Reference]()
    source, unit = node.source, frame.unit
    while (found := _reference(source)) is not None:
        joins.insert(0, source)
        source, reference = found
        references.append(reference)
    if not (isinstance(source, p.Filter) and isinstance(source.source, p.Scan)):
        return ""
    if frame.scope or frame.repeated or unit.counted is not None:
        return ""
    scan, condition = source.source, source.condition
    if any(each.column.alias != scan.alias for each in references):
        return ""
    sieve = exact_sieve_of_filter(frame, scan, condition)
    if not sieve:
        return ""
    passing = _passing(frame, scan, condition, references)
    looked_at = needed_by((condition, *(each.column for each in references)))
    arguments = (passing, sieve, walk(frame, scan, looked_at))
    for each in (scan, source, *joins, node):
        frame.note(each)
    return frame.let("count", f"{unit.table(scan.table)}.count_passing({', '.join(filter(None, arguments))})")


def _count_referring(frame: Frame, node: p.Aggregate) -> str:
    """Text of the number of rows of a join with some that foreign keys refer to; empty if there are none.

    Those are not looked at unless the transaction has changed something.
    """
    source = node.source
    while (found := _reference(source)) is not None:
        source, _ = found
    if source is node.source or frame.scope or frame.repeated or frame.unit.counted is not None:
        return ""
    without = _counting(frame, replace(node, source=source))
    table = next(each.table for each in p.walk(source) if isinstance(each, p.BaseAccess))
    settled = f"{frame.unit.table(table)}.is_settled()"
    return frame.let("count", f"({without} if {settled} else {_counting(frame, node)})")


def _counting(frame: Frame, node: p.Aggregate) -> str:
    """A call of a local function that counts the rows."""
    from .subquery import LocalFunction

    inner = LocalFunction(frame, node, "counted", repeated=True)
    name = node.calls[0][0]
    inner.frame.open(node, frozenset(((node.alias, name),)))
    inner.frame.finish(f"return {inner.frame.column(x.Column(node.alias, name, BIGINT))}")
    return inner.call(once=False)


def _passing(frame: Frame, scan: p.Scan, condition: Expr, references: Sequence[_Reference]) -> str:
    """A local function that tells of how many of some rows the condition is true, and the references hold."""
    inner = Frame(frame.unit, repeated=True)
    inner.named = [(subquery, inner.let("members", call), call) for subquery, _, call in frame.named]
    frame.named = []
    name, rows = frame.source.name("passing"), frame.source.name("rows")
    inner.each(inner.bind_table(scan), rows)
    inner.where(inner.is_true(condition))
    for each in references:
        if isinstance(each.found, p.KeyLookup):
            inner.open(each.found, NOTHING)
        else:
            inner.where(inner.is_true(each.found))
    inner.write(f"return len({inner.collect('None', 'found')})")
    frame.unit.definitions += [f"def {name}({rows}):", *indented(inner.lines)]
    return name


@record
class _Reference:
    """A column, and what finds the row that it refers to, or says that there is one."""

    column: x.Column
    found: p.KeyLookup | x.InPlan


def _reference(node: p.Node) -> tuple[p.Node, _Reference] | None:
    """Of a join with what a foreign key refers to: the side that has the key, and what stands for the other one."""
    match node:
        case p.NestedLoop(
            left=child, right=p.KeyLookup(table=table, key=x.Column() as column) as lookup, kind="inner" | "semi"
        ) if node.condition is None:
            if table.rowid_column is not None and _refers(child, column, table, table.primary_key):
                return child, _Reference(column, lookup)
        case p.HashJoin(left_keys=(x.Column() as left,), right_keys=(x.Column() as right,)) if node.condition is None:
            sides = [(node.left, left, node.right, right), (node.right, right, node.left, left)]
            for child, column, parent, key in sides[: {"inner": 2, "semi": 1}.get(node.kind, 0)]:
                if isinstance(parent, p.Scan) and _refers(child, column, parent.table, (key.name,)):
                    keys = p.Project(parent, f"{parent.alias} keys", (p.Output(key.name, key),))
                    return child, _Reference(column, x.InPlan((column,), keys, nullable=False))
    return None


def _refers(child: p.Node, column: x.Column, table: TableSchema, key: tuple[str, ...]) -> bool:
    """Whether a foreign key says that for each row of ``child`` there is one, and one only, in ``table``."""
    return not is_nullable(column) and any(
        (fk.columns, fk.table, fk.references) == ((column.name,), table.name, key)
        for scan in p.walk(child)
        if isinstance(scan, p.BaseAccess) and scan.alias == column.alias
        for fk in scan.table.foreign_keys
    )
