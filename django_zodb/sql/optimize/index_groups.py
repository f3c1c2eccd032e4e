"""The values of an indexed column, and how many rows have each, are told by the index: no row is read for them.

``Aggregate count(*) by b.author_id (Scan b)`` → ``IndexGroups b``; ``Distinct (Project b.author_id (Scan b))`` and
``COUNT(DISTINCT b.author_id)`` likewise. It takes a whole table, and an index that keeps the values as they are.
"""

from __future__ import annotations

from ...record import replace
from ...storage.schema import IndexSchema
from ...values import BIGINT, Kind
from ..expr import AggregateCall, Column, Expr, is_nullable, type_of
from ..plan import Aggregate, Distinct, IndexGroups, Node, Output, OutputColumn, Project, Scan
from ..rewrite import map_sources
from .statistics import Statistics

_PLAIN = frozenset(
    (
        *(Kind.BOOLEAN, Kind.INTEGER, Kind.DECIMAL, Kind.TEXT, Kind.BYTES),
        *(Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.INTERVAL),
    )
)


def index_groups(node: Node, statistics: Statistics) -> Node:
    """Groups and distinct values of whole tables by an index, where there is one of that column."""
    node = map_sources(node, lambda source: index_groups(source, statistics))
    match node:
        case Aggregate(source=Scan() as scan, keys=(key,)) if all(_counts_rows(call) for _, call in node.calls):
            index = _index_of(scan, key.expr)
            if index is not None:
                return _groups(scan, index, node.alias, key, tuple(name for name, _ in node.calls))
        case Aggregate(source=Scan() as scan, keys=(), calls=((name, call),)) if _counts_values(call):
            (arg,) = call.args
            index = _index_of(scan, arg)
            if index is not None:
                groups = _groups(scan, index, f"{scan.alias} values", Output("key", arg), ())
                value = Column(groups.alias, "key", type_of(arg), is_nullable(arg))
                return replace(node, source=groups, calls=((name, replace(call, args=(value,), distinct=False)),))
        case Distinct(source=Project(source=Scan() as scan, outputs=(output,)) as project):
            index = _index_of(scan, output.expr)
            if index is not None:
                return _groups(scan, index, project.alias, output, ())
    return node


def keys_of_index(scan: Scan, column: Expr, alias: str) -> IndexGroups | None:
    """The distinct values of a column, by an index, as ``key`` of the alias; None where there is no such index."""
    index = _index_of(scan, column)
    return None if index is None else _groups(scan, index, alias, Output("key", column), ())


def _counts_rows(call: AggregateCall) -> bool:
    if call.function != "COUNT" or call.distinct or call.filter is not None:
        return False
    return not call.args or (len(call.args) == 1 and not is_nullable(call.args[0]) and isinstance(call.args[0], Column))


def _counts_values(call: AggregateCall) -> bool:
    return call.function == "COUNT" and call.distinct and call.filter is None and len(call.args) == 1


def _index_of(scan: Scan, expr: Expr) -> IndexSchema | None:
    """An index of that column alone, which holds every row under its value as it is."""
    if not isinstance(expr, Column) or expr.alias != scan.alias or expr.type.kind not in _PLAIN:
        return None
    for index in scan.table.indexes:
        if index.where is None and len(index.keys) == 1 and index.keys[0].column == expr.name:
            key, column = index.keys[0], scan.table.column(expr.name)
            if not key.descending and not key.collation and not column.collation:
                return index
    return None


def _groups(scan: Scan, index: IndexSchema, alias: str, key: Output, counts: tuple[str, ...]) -> IndexGroups:
    first = OutputColumn(key.name, type_of(key.expr), is_nullable(key.expr))
    return IndexGroups(
        scan.table, alias, index.name, (first, *(OutputColumn(name, BIGINT, nullable=False) for name in counts))
    )
