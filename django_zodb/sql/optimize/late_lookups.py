"""Joins that only add columns wait until rows are sorted, where a limit asks for few of these.

``Limit 20 (Sort b.title (HashJoin inner on b.author_id = a.id (Scan b) (Scan a)))`` → ``Limit 20 (NestedLoop inner
(Sort b.title, 20 at first (Scan b)) (KeyLookup a (a.id = b.author_id)))``: 20 lookups, not one for each row that is
sorted. An inner join may find nothing for a row, then more than 20 are taken from the Sort.
"""

from __future__ import annotations

from ...record import replace
from ..expr import Column, Compare, Expr, SortKey, rowid
from ..plan import (
    HashJoin,
    IndexLookup,
    KeyLookup,
    Limit,
    NestedLoop,
    Node,
    Project,
    Scan,
    Sort,
    bound_aliases,
)
from ..rewrite import changed, map_sources
from .cluster import as_scan
from .constraints import canonical
from .estimates import estimated_rows
from .join_step import Joined, leading, looked_up
from .statistics import FETCH_ROW, HASH_PROBE, Statistics
from .terms import used_aliases
from .use_index_order import wanted

Keys = tuple[SortKey, ...]


def late_lookups(node: Node, statistics: Statistics) -> Node:
    """The same rows, joined after they have been sorted where that saves lookups."""
    node = map_sources(node, lambda source: late_lookups(source, statistics))
    if isinstance(node, Limit):
        limit = wanted(node)
        return node if limit is None else changed(node, source=_limited(node.source, limit, statistics))
    return node


def late_cost(joined: Joined, keys: Keys) -> float:
    """The cost of those lookups that can wait until the rows are sorted by ``keys``."""
    cost, node = 0.0, joined.node
    while isinstance(node, NestedLoop) and adds_columns(node):
        below = keys_of_left(keys, node)
        if below is None:
            break
        cost, node, keys = cost + joined.rows * FETCH_ROW, node.left, below
    return cost


def _limited(node: Node, limit: int, statistics: Statistics) -> Node:
    match node:
        case Project():
            return changed(node, source=_limited(node.source, limit, statistics))
        case Sort() if limit * FETCH_ROW / HASH_PROBE < estimated_rows(node.source, statistics):
            return _sorted_below(node.source, node.keys, limit, statistics) or node
    return node


def _sorted_below(node: Node, keys: Keys, limit: int, statistics: Statistics) -> Node | None:
    """The join over a Sort of its left side; None if it is none that only adds columns, or the keys are among these."""
    lookup = _as_lookup(node, statistics)
    below = None if lookup is None else keys_of_left(keys, lookup)
    if lookup is None or below is None:
        return None
    left = _sorted_below(lookup.left, below, limit, statistics)
    return changed(lookup, left=left or Sort(lookup.left, below, limit))


def _as_lookup(node: Node, statistics: Statistics) -> NestedLoop | None:
    """The join as one that looks up one row at most for each left row, and drops none that has one."""
    match node:
        case NestedLoop():
            return node if adds_columns(node) else None
        case HashJoin(kind="inner" | "left" as kind, condition=None):
            base = as_scan(node.right)
            if base is not None and not base[1]:
                terms = tuple(Compare("=", *pair) for pair in zip(node.left_keys, node.right_keys, strict=True))
                found = looked_up(leading(node.left, statistics), base, kind, terms, statistics)
                if found is not None and isinstance(found.node, NestedLoop) and adds_columns(found.node):
                    return found.node
    return None


def adds_columns(node: NestedLoop) -> bool:
    """Whether the join looks up one row at most for each left row, and no condition drops one."""
    one = isinstance(node.right, KeyLookup) or (isinstance(node.right, IndexLookup) and node.right.unique)
    return one and node.kind in ("inner", "left") and node.condition is None


def keys_of_left(keys: Keys, join: NestedLoop) -> Keys | None:
    """The keys as they can be had before the join; None if they cannot."""
    found = tuple(replace(key, expr=_of_left(key.expr, join)) for key in keys)
    left = bound_aliases(join.left)
    return found if all(used_aliases(key.expr) <= left for key in found) else None


def _of_left(expr: Expr, join: NestedLoop) -> Expr:
    """What a rowid was looked up by is as good as the rowid."""
    right = join.right
    if join.kind != "inner" or not isinstance(right, KeyLookup) or not isinstance(right.key, Column):
        return expr
    if not isinstance(expr, Column) or expr.alias != right.alias:
        return expr
    return right.key if canonical(expr, Scan(right.table, right.alias)) == rowid(right.alias) else expr
