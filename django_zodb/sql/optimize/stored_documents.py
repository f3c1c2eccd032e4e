"""Documents that only go along with a row's key in GROUP BY are given as they are stored.

``Aggregate COUNT(*) by a.id, json_canonical(a.data) (Scan a)`` → ``Aggregate COUNT(*) by a.id, a.data``: all rows of a
group have the same row of ``a``, so its document need not be made comparable, which takes longer than all else.
"""

from __future__ import annotations

from ..expr import Call, Column, Expr
from ..plan import Aggregate, Node, Scan, walk
from ..rewrite import changed, map_sources
from .statistics import Statistics


def stored_documents(node: Node, statistics: Statistics) -> Node:
    """Groups by columns of JSON as they are, beside a unique key of their table."""
    node = map_sources(node, lambda source: stored_documents(source, statistics))
    if not isinstance(node, Aggregate) or not any(_document(key.expr) for key in node.keys):
        return node
    told = {each.alias for each in walk(node.source) if isinstance(each, Scan) and _is_told(each, node)}
    keys = []
    for key in node.keys:
        column = _document(key.expr)
        keys.append(changed(key, expr=column) if column is not None and column.alias in told else key)
    return changed(node, keys=tuple(keys))


def _document(expr: Expr) -> Column | None:
    match expr:
        case Call(function="JSON_CANONICAL", args=(Column() as column,)):
            return column
    return None


def _is_told(scan: Scan, node: Aggregate) -> bool:
    """Whether the rows of a group have the same row of the table; where an outer join has none, all is NULL."""
    names = {key.expr.name for key in node.keys if isinstance(key.expr, Column) and key.expr.alias == scan.alias}
    table = scan.table
    return table.is_key({name for name in names if not table.column(name).nullable or name in table.primary_key})
