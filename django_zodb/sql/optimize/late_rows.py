"""Of the rows of a large table, only those that a limit leaves are read whole.

``TopN 20 by b.price (Scan b)`` → ``NestedLoop inner (TopN 20 by b.price (Scan b)) (KeyLookup b)``: of all rows, the
columns are read that decide which come first, and of twenty the others; so with the first rows that pass a filter. That
costs a few lookups; what it saves is most of the work where rows are not in memory, see ``storage.scan``.
"""

from __future__ import annotations

from collections.abc import Set

from ..expr import ROWID_COLUMN, Column, Expr
from ..plan import Filter, KeyLookup, KeyRange, Limit, LockRows, NestedLoop, Node, Scan, Sort, TopN, walk
from ..rewrite import changed, map_sources, rewrite
from ..show import expressions
from .estimates import estimated_rows
from .statistics import Statistics
from .terms import parts
from .use_index_order import wanted

_Choice = TopN | Sort | Limit

_MANY = 10_000
"""Fewer rows find room in any cache, where it saves nothing to leave columns out."""
_WORTH = 100
"""A row that is looked up costs as much as it saves to read as many without the other columns."""


def late_rows(node: Node, statistics: Statistics) -> Node:
    """The same rows, read whole after they have been chosen, where they are few among many."""
    if any(isinstance(part, LockRows) for part in walk(node)):
        return node
    return _changed(node, node, statistics)


def _changed(node: Node, root: Node, statistics: Statistics) -> Node:
    node = map_sources(node, lambda source: _changed(source, root, statistics))
    return _late(node, root) if isinstance(node, _Choice) and _chooses_few(node, statistics) else node


def _chooses_few(node: _Choice, statistics: Statistics) -> bool:
    """Whether it takes a few rows of a whole table, or of a part of it, whose rows have their rowid in a column."""
    if isinstance(node, Limit) and not isinstance(node.source, Filter):
        return False
    scan = _walked(node.source)
    most = _most(node)
    return (
        scan is not None
        and most is not None
        and scan.table.rowid_column is not None
        and max(most * _WORTH, _MANY) <= estimated_rows(scan, statistics)
    )


def _walked(node: Node) -> Scan | KeyRange | None:
    while isinstance(node, Filter):
        node = node.source
    return node if isinstance(node, Scan | KeyRange) else None


def _most(node: _Choice) -> int | None:
    return node.first if isinstance(node, Sort) else wanted(node)


def _late(node: _Choice, root: Node) -> Node:
    """The node with its rows looked up behind it, if columns are used there that it does not need itself."""
    scan = _walked(node.source)
    assert scan is not None
    at = scan.table.rowid_column
    assert at is not None
    key = scan.table.columns[at]
    inside = list(walk(node))
    known = set(map(id, inside))
    behind = _columns([each for each in walk(root) if id(each) not in known], scan.alias)
    if behind <= _columns(inside, scan.alias) | {key.name, ROWID_COLUMN}:
        return node
    alias = f"{scan.alias} first"
    lookup = KeyLookup(scan.table, scan.alias, Column(alias, key.name, key.type, nullable=False))
    return NestedLoop(_renamed(node, scan, alias), lookup, "inner")


def _columns(nodes: list[Node], alias: str) -> Set[str]:
    return {
        part.name
        for node in nodes
        for expr in expressions(node)
        for part in parts(expr)
        if isinstance(part, Column) and part.alias == alias
    }


def _renamed(node: Node, scan: Scan | KeyRange, alias: str) -> Node:
    """The node over the same rows under another alias."""

    def replacement(expr: Expr) -> Expr | None:
        return changed(expr, alias=alias) if isinstance(expr, Column) and expr.alias == scan.alias else None

    if isinstance(node, Limit) and node.search is not None:
        node = changed(node, search=node.search.renamed(scan.alias, alias))
    return rewrite(_replaced(node, scan, changed(scan, alias=alias)), replacement)


def _replaced(node: Node, scan: Node, other: Node) -> Node:
    """The node with another one in the place of ``scan``, whose expressions may still name that."""
    return other if node is scan else map_sources(node, lambda source: _replaced(source, scan, other))
