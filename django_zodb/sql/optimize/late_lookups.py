"""Joins wait until rows are sorted, where a limit asks for few of these.

``Limit 20 (Sort b.title (HashJoin inner on b.author_id = a.id (Scan b) (Scan a)))`` → ``Limit 20 (NestedLoop inner
(Sort b.title, 20 at first (Scan b)) (KeyLookup a (a.id = b.author_id)))``: 20 lookups, not one for each row that is
sorted. An inner join may find nothing for a row, then more than 20 are taken from the Sort.

So with any join that keeps the order of its left side, if that has all that is sorted by: no more of a product is made
than the limit takes. And what is made of the columns of rows that keys tell apart, as of documents that DISTINCT would
compare, is made of those that are taken.
"""

from __future__ import annotations

import math

from ...record import replace
from ..expr import Column, Compare, Expr, SortKey, rowid
from ..plan import (
    BaseAccess,
    Distinct,
    DistinctOn,
    Filter,
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
from .statistics import DOUBT, FETCH_ROW, HASH_PROBE, Statistics, sort_cost
from .terms import is_stable, unfiltered, used_aliases
from .use_index_order import keys_below, wanted

Keys = tuple[SortKey, ...]
_Join = NestedLoop | HashJoin


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
        case Sort(source=source, keys=keys) if limit * FETCH_ROW / HASH_PROBE < estimated_rows(source, statistics):
            return _sorted_below(source, keys, limit, statistics) or node
    return node


def _sorted_below(node: Node, keys: Keys, limit: int, statistics: Statistics) -> Node | None:
    """The rows of ``node`` in order, the Sort below something that costs; None if that cannot be, or is no gain."""
    match node:
        case Project():
            below = keys_below(keys, node)
            source = None if below is None else _sorted_below(node.source, below, limit, statistics)
            return None if source is None else changed(node, source=source)
        case DistinctOn(ordered=True):
            source = _sorted_below(node.source, keys, limit, statistics)
            return Sort(node, keys, limit) if source is None else changed(node, source=source)
        case Filter() | Distinct():
            source = _sorted_below(node.source, keys, limit, statistics)
            return None if source is None else changed(node, source=source)
        case NestedLoop() | HashJoin():
            return _sorted_before_join(node, keys, limit, statistics)
    return None


def _sorted_before_join(node: _Join, keys: Keys, limit: int, statistics: Statistics) -> Node | None:
    join = _as_lookup(node, statistics) or node
    below = keys_of_left(keys, join)
    if below is None or join.kind == "full":
        return None
    rows, left_rows = estimated_rows(join, statistics), estimated_rows(join.left, statistics)
    if not adds_columns(join):
        one_order = all(is_stable(key.expr) for key in below)  # RANDOM() of each left row would not mix what it joins
        if not one_order or not _pays(join, rows, left_rows, limit, statistics):
            return None
    first = limit
    if not adds_columns(join) and join.kind != "left":  # which drop no row
        first = math.ceil(limit * DOUBT * max(left_rows / max(rows, 1.0), 1.0))
    left = _sorted_below(join.left, below, first, statistics)
    return changed(join, left=left or Sort(join.left, below, first))


def _pays(join: _Join, rows: float, left_rows: float, limit: int, statistics: Statistics) -> bool:
    """Whether it costs less to sort the left rows and join some of them than to join all and sort what that gives."""
    work = rows + left_rows * HASH_PROBE
    if isinstance(join, NestedLoop) and not _is_looked_up(join.right):
        work += left_rows * estimated_rows(join.right, statistics)
    share = min(limit * DOUBT / max(rows, 1.0), 1.0)
    return sort_cost(left_rows, math.ceil(left_rows * share)) + share * work < work + sort_cost(rows, limit)


def _is_looked_up(right: Node) -> bool:
    node, _ = unfiltered(right)
    return isinstance(node, BaseAccess) and not isinstance(node, Scan)


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


def adds_columns(node: _Join) -> bool:
    """Whether the join looks up one row at most for each left row, and no condition drops one."""
    if isinstance(node, HashJoin):
        return False
    one = isinstance(node.right, KeyLookup) or (isinstance(node.right, IndexLookup) and node.right.unique)
    return one and node.kind in ("inner", "left") and node.condition is None


def keys_of_left(keys: Keys, join: _Join) -> Keys | None:
    """The keys as they can be had before the join; None if they cannot."""
    found = tuple(replace(key, expr=_of_left(key.expr, join)) for key in keys)
    left = bound_aliases(join.left)
    return found if all(used_aliases(key.expr) <= left for key in found) else None


def _of_left(expr: Expr, join: _Join) -> Expr:
    """What a rowid was looked up by is as good as the rowid."""
    right = join.right
    if join.kind != "inner" or not isinstance(right, KeyLookup) or not isinstance(right.key, Column):
        return expr
    if not isinstance(expr, Column) or expr.alias != right.alias:
        return expr
    return right.key if canonical(expr, Scan(right.table, right.alias)) == rowid(right.alias) else expr
