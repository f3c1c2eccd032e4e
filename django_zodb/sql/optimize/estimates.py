"""How many rows a plan is expected to give, at any stage; a guess where nothing is known."""

from __future__ import annotations

from math import inf, prod

from ..expr import Column, Constant, number_of, rowid
from ..plan import (
    Aggregate,
    BaseAccess,
    Distinct,
    Filter,
    HashJoin,
    IndexIn,
    IndexLookup,
    IndexRange,
    Join,
    KeyIn,
    KeyLookup,
    KeyRange,
    Limit,
    NestedLoop,
    Node,
    RowidIntersection,
    RowidUnion,
    Scan,
    TopN,
    Values,
    gives_one,
    sources,
    walk,
)
from .access import best_path, indexes
from .cluster import as_scan
from .constraints import canonical
from .statistics import BETWEEN, HALF_OPEN, SMALLEST, Statistics, selectivity_of
from .terms import conjuncts


def estimated_rows(node: Node, statistics: Statistics) -> float:
    """The expected number of rows."""
    if gives_one(node):
        return 1.0
    match node:
        case Values(rows=rows):
            return float(len(rows))
        case Filter(source=source, condition=condition):
            base = as_scan(node)
            if base is not None:
                return best_path(*base, statistics).result_rows
            return estimated_rows(source, statistics) * selectivity_of(conjuncts(condition))
        case (
            Limit(source=source, limit=Constant(value=int(limit)))
            | TopN(source=source, limit=Constant(value=int(limit)))
        ):
            return min(estimated_rows(source, statistics), float(limit))
        case Aggregate(source=source) | Distinct(source=source):
            return estimated_rows(source, statistics) / 3
        case Join() | NestedLoop() | HashJoin():
            return _joined(node, statistics)
        case _ if isinstance(node, BaseAccess):
            return _accessed(node, statistics)
    below = [estimated_rows(source, statistics) for source in sources(node)]
    return sum(below) if below else float(SMALLEST)


def _joined(node: Join | NestedLoop | HashJoin, statistics: Statistics) -> float:
    left = estimated_rows(node.left, statistics)
    if node.kind in ("semi", "anti"):
        return left * 0.5
    right = estimated_rows(node.right, statistics)
    if isinstance(node, NestedLoop):
        right = min(right, most_matches(node.left, node.right, statistics))
        return left * max(right * selectivity_of(conjuncts(node.condition)), 1.0 if node.kind == "left" else 0.0)
    linked = isinstance(node, HashJoin) or node.condition is not None
    return max(left, right) if linked else left * right


def most_matches(left: Node, right: Node, statistics: Statistics) -> float:
    """The most rows that an index lookup by the rowid of a table on the left finds on average; else infinite.

    The table has as many of them as it has rows, more than the index may have keys.
    """
    if not isinstance(right, IndexLookup) or right.unique or len(right.keys) > 1:
        return inf
    (key,) = right.keys
    for part in walk(left):
        base = as_scan(part)
        table = base[0] if base is not None else part
        if isinstance(table, BaseAccess) and isinstance(key, Column) and table.alias == key.alias:
            scan = Scan(table.table, table.alias)
            if canonical(key, scan) == rowid(table.alias):
                # Of a small table taken for a larger one, shares are as much too large as this ratio is too small.
                many, few = statistics.counted(right.table.name), statistics.counted(table.table.name)
                single = best_path(*base, statistics).single if base is not None else _is_counted(table)
                exact = many >= SMALLEST and single
                return max(many, SMALLEST) / (max(few, 1) if exact else max(few, SMALLEST))
    return inf


def _is_counted(node: BaseAccess) -> bool:
    """Whether it gives so many rows of a table, however large that is."""
    return isinstance(node, KeyLookup | KeyIn) or (isinstance(node, IndexLookup) and node.unique)


def _accessed(node: BaseAccess, statistics: Statistics) -> float:
    """The rows of an access path, for one row of what it depends on."""
    scan = Scan(node.table, node.alias)
    rows = statistics.rows(scan)
    match node:
        case KeyRange(low=low, high=high):
            return rows * (BETWEEN if low and high else HALF_OPEN if low or high else 1.0)
        case KeyIn(keys=keys):
            return float(number_of(keys))
        case RowidUnion(paths=paths):
            return sum(estimated_rows(path, statistics) for path in paths)
        case RowidIntersection(paths=paths):
            return rows * prod(estimated_rows(path, statistics) / rows for path in paths)
        case IndexLookup(index=name) | IndexRange(index=name) | IndexIn(index=name):
            index = next(index for index in indexes(scan) if index.name == name)
            match node:
                case IndexLookup(keys=keys):
                    return rows * statistics.equal(scan, index, keys)
                case IndexRange(prefix=prefix, low=low, high=high):
                    return rows * statistics.between(scan, index, prefix, low, high)
                case IndexIn(keys=keys):
                    return rows * sum(statistics.equal(scan, index, (key,)) * number_of((key,)) for key in keys)
    return rows
