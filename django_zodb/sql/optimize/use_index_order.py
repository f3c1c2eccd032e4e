"""A Sort is dropped where the table that leads the plan can be walked in its order by rowid or index.

``Limit 20 (Sort b.year DESC (Scan b)) → Limit 20 (IndexRange b using book_year, reverse)``. With a LIMIT the walk ends
early; without one, an index is walked only where it serves the condition as well as any other path. Where an index has
only the first keys of the order, the walk is sorted run by run: ``Limit 20 (Sort b.year, b.title …) → Limit 20
(SortRuns b.year, b.title (IndexRange b using book_year))``. Groups come in order where their rows do.
"""

from __future__ import annotations

import math
from typing import Literal

from ..expr import Column, Constant, SortKey
from ..plan import (
    Aggregate,
    Distinct,
    DistinctOn,
    Filter,
    HashJoin,
    IndexGroups,
    IndexLookup,
    IndexRange,
    KeyLookup,
    KeyRange,
    Limit,
    LockRows,
    NestedLoop,
    Node,
    Project,
    Scan,
    Sort,
    SortRuns,
    TopN,
    bound_aliases,
)
from ..rewrite import changed, map_sources
from .access import Path, Terms, best_path, indexes, paths
from .order import order_of_groups, ordered_paths
from .statistics import SORT_ROW, Statistics, sort_cost
from .terms import filtered, is_stable, through_project, unfiltered, used_aliases

Keys = tuple[SortKey, ...]
Runs = Literal["none", "last", "all"]


def use_index_order(node: Node, statistics: Statistics) -> Node:
    """The same rows in the same order, with as few Sorts as the indexes allow."""
    return _use(node, statistics, None)


def _use(node: Node, statistics: Statistics, limit: int | None) -> Node:
    """``limit``: how many rows of the node will be asked for, if that is known."""
    match node:
        case Limit():
            return changed(node, source=_use(node.source, statistics, wanted(node)))
        case Project() | LockRows():
            return changed(node, source=_use(node.source, statistics, limit))
        case Sort(source=source, keys=keys):
            led = _led_in_order(source, keys, statistics, limit)
            if led is not None:
                return _use(led, statistics, limit)
            in_runs = _in_runs(source, keys, statistics, limit)
            if in_runs is not None:
                return map_sources(in_runs, lambda below: _use(below, statistics, None))
            return changed(node, source=_use(source, statistics, None))
    return map_sources(node, lambda source: _use(source, statistics, None))


def _in_runs(source: Node, keys: Keys, statistics: Statistics, limit: int | None) -> Node | None:
    """``source`` in the order of as many of the first keys as can be had, its runs sorted by the rest."""
    if limit is None:
        return None
    for count in range(len(keys) - 1, 0, -1):
        led = _led_in_order(source, keys[:count], statistics, limit, runs="last")
        if led is not None:
            return _runs(led, keys, count)
    return None


def _runs(node: Node, keys: Keys, count: int) -> Node:
    """The rows of ``node``, which come in the order of the first keys, sorted by all: below the joins that keep it."""
    match node:
        case NestedLoop(left=left) | HashJoin(left=left) if node.kind != "full" and _are_of(keys, left):
            return changed(node, left=_runs(left, keys, count))
    return SortRuns(node, keys, count)


def _are_of(keys: Keys, node: Node) -> bool:
    return all(used_aliases(key.expr) <= bound_aliases(node) and is_stable(key.expr) for key in keys)


def wanted(node: Limit | TopN) -> int | None:
    """The rows that a limit of constants takes from its source, or looks for in it."""
    match node.limit, node.offset:
        case Constant(value=int(limit)), None:
            return limit
        case Constant(value=int(limit)), Constant(value=int(offset)):
            return limit + offset
    return None


def _led_in_order(
    node: Node, keys: Keys, statistics: Statistics, limit: int | None, runs: Runs = "none"
) -> Node | None:
    """``node`` with its leading table walked in the order of ``keys``; None if that cannot be, or does not pay.

    ``runs``: whether those equal to the last row of the limit will be read, too, or those equal to any.
    """
    match node:
        case Filter():
            below, terms = unfiltered(node)
            if isinstance(below, Scan):
                return _ordered_scan(below, terms, keys, statistics, limit, runs)
            led = _led_in_order(below, keys, statistics, limit, runs)
            return None if led is None else filtered(led, terms)
        case Scan():
            return _ordered_scan(node, (), keys, statistics, limit, runs)
        case IndexGroups():
            return node if keys and _is_order_of(node, keys[0]) else None
        case Project():
            below_keys = keys_below(keys, node)
            led = None if below_keys is None else _led_in_order(node.source, below_keys, statistics, limit, runs)
            return None if led is None else changed(node, source=led)
        case Distinct() | DistinctOn():
            led = _led_in_order(node.source, keys, statistics, limit, runs)
            return None if led is None else changed(node, source=led)
        case Aggregate() if limit is not None and runs == "none":
            below_keys = order_of_groups(keys, node)
            led = None if not below_keys else _led_in_order(node.source, below_keys, statistics, limit, "all")
            return None if led is None else changed(node, source=led, ordered=True)
        case NestedLoop(kind="inner" | "left" | "semi" | "anti") | HashJoin(kind="inner" | "left" | "semi" | "anti"):
            led = _led_in_order(node.left, _keys_of_left(keys, node), statistics, limit, runs)
            return None if led is None else changed(node, left=led)
    return None


def _is_order_of(node: IndexGroups, key: SortKey) -> bool:
    """Whether the key is that of the groups, none of which has the key of another."""
    first = node.columns[0]
    if not isinstance(key.expr, Column) or (key.expr.alias, key.expr.name) != (node.alias, first.name):
        return False
    return not key.descending and (key.nulls_first or not first.nullable)


def keys_below(keys: Keys, project: Project) -> Keys | None:
    """The keys in terms of what the Project is made of; None if that would compute something twice."""
    found: list[SortKey] = []
    for key in keys:
        below = through_project(key.expr, project)
        if below is None:
            return None
        found.append(changed(key, expr=below))
    return tuple(found)


def _keys_of_left(keys: Keys, join: NestedLoop | HashJoin) -> Keys:
    """The keys without those that cannot decide: on the one right row that belongs to each left row.

    What a join further out binds may differ where the first key is equal, since that join repeats the row.
    """
    if not keys or join.kind in ("semi", "anti"):
        return keys
    first = keys[0].expr
    match join.right:
        case KeyLookup(alias=alias) | IndexLookup(alias=alias, unique=True) if isinstance(first, Column):
            within = all(used_aliases(key.expr) <= bound_aliases(join) for key in keys)
            if first.alias != alias and within and _decides(first, join):
                return keys[:1]
    return keys


def _decides(column: Column, join: NestedLoop | HashJoin) -> bool:
    """Whether the column is the rowid of a table that leads the join, met once: nothing on the left repeats it."""
    node: Node = join.left
    while True:
        match node:
            case Filter(source=source):
                node = source
            case NestedLoop(left=left, right=KeyLookup() | IndexLookup(unique=True)):
                node = left
            case Scan(table=table, alias=alias):
                at = table.rowid_column
                return alias == column.alias and at is not None and table.columns[at].name == column.name
            case _:
                return False


def _ordered_scan(
    scan: Scan, terms: Terms, keys: Keys, statistics: Statistics, limit: int | None, runs: Runs
) -> Node | None:
    if any(used_aliases(key.expr) != {scan.alias} for key in keys):
        return None
    candidates = list(ordered_paths(scan, terms, keys, statistics))
    if not candidates:
        return None
    # All paths give the same rows: the least of the estimates is the one that an index knows most about.
    rows = min(path.result_rows for path in paths(scan, terms, statistics))
    best = min(candidates, key=lambda path: _cost(path, limit, rows))
    sorting, asked = 0.0, limit
    if runs != "none" and limit is not None:
        length = run_length(scan, best, len(keys), statistics)
        limit = limit + length if runs == "last" else (limit + 1) * length
        sorting = limit * SORT_ROW
    other = best_path(scan, terms, statistics)
    if _cost(best, limit, rows) + sorting > other.cost + sort_cost(other.result_rows, asked):
        return None
    node = best.node
    if isinstance(node, Scan) and terms:
        node = KeyRange(scan.table, scan.alias)  # a Scan would be taken for one whose order does not matter
    return filtered(node, best.residual)


def run_length(scan: Scan, path: Path, count: int, statistics: Statistics) -> int:
    """How many rows of an ordered path are equal in the first ``count`` keys of the order, about."""
    if not isinstance(path.node, IndexRange):
        return 1
    name = path.node.index
    index = next(index for index in indexes(scan) if index.name == name)
    share = min(count / len(index.keys), 1.0)
    length: float = path.rows / statistics.distinct(scan, index) ** share
    return math.ceil(length)


def _cost(path: Path, limit: int | None, rows: float) -> float:
    """The cost of the first ``limit`` of ``rows`` rows."""
    if limit is None or rows <= limit or path.eager:
        return path.cost
    return path.cost * limit / rows
