"""Subqueries that stand for a value become joins, where many outer rows ask: all groups at once, then looked up.

``Project (SELECT COUNT(*) … WHERE b.a_id = a.id) (Scan a)`` → ``Project n (Join left a (Aggregate count(*) as n by
b.a_id (Scan b)) on a.id = …)``; ``… ORDER BY b.year DESC LIMIT 1`` → the first row for each ``b.a_id``. A subquery
that uses the outer row anywhere but in equalities of its topmost condition stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...record import record
from ...values import BIGINT
from ..expr import Call, Column, Compare, Constant, Expr, Subquery, is_nullable, type_of
from ..plan import Aggregate, DistinctOn, Filter, Join, Limit, Node, Output, Project, Sort, bound_aliases
from ..rewrite import changed, map_expressions, map_sources, transform
from ..show import expressions
from .access import best_path
from .cluster import as_scan
from .estimates import estimated_rows
from .join_step import equal_pair, least_hashed
from .statistics import HASH_LISTED, HASH_PROBE, Statistics
from .terms import conjunction, filtered, free_aliases, is_stable, parts, substitute, unfiltered, used_aliases

CALL = 30.0  # calling a local function for an outer row
Pairs = tuple[tuple[Expr, Expr], ...]
"""Operands that are equal: of the outer row, and of the subquery's rows."""


@record
class Lifted:
    """What is joined, on ``pairs`` of outer operands and columns of it, and the value where the subquery stood."""

    node: Node
    pairs: Pairs
    value: Expr


def decorrelate_values(node: Node, statistics: Statistics) -> Node:
    """Values of subqueries in SELECT lists, conditions and sort keys as columns of what is joined once for all."""
    return _decorrelated(node, statistics, None)


def _decorrelated(node: Node, statistics: Statistics, limit: int | None) -> Node:
    """``limit``: so many rows of the node will be asked for."""
    below = asked_for(node, limit)
    node = map_sources(node, lambda source: _decorrelated(source, statistics, below))
    if not isinstance(node, Project | Filter | Sort):
        return node
    source = node.source
    outer = bound_aliases(source)

    def lift(expr: Expr) -> Expr:
        nonlocal source
        lifted = _lifted(expr, outer) if isinstance(expr, Subquery) else None
        if lifted is None or not _worthwhile(source, lifted, statistics, limit):
            return expr
        source = Join(source, lifted.node, "left", conjunction(Compare("=", *pair) for pair in lifted.pairs))
        return lifted.value

    node = map_expressions(node, lambda expr: transform(expr, lift))
    return changed(node, source=source)


def asked_for(node: Node, limit: int | None) -> int | None:
    """How many rows of what feeds the node will be asked for, if no more than ``limit`` of the node are; None: all."""
    match node:
        case Limit(limit=Constant(value=int(count))):
            return count
        case Project():
            return limit
    return None


def _worthwhile(source: Node, lifted: Lifted, statistics: Statistics, limit: int | None) -> bool:
    """Whether finding the values of all groups costs less than one after the other for each outer row."""
    below: Node = lifted.node
    while isinstance(below, Aggregate | DistinctOn | Sort):
        below = below.source
    base = as_scan(below)
    if base is None:
        return False
    scan, terms = base
    every = (*terms, *(Compare("=", *pair) for pair in _inner_pairs(lifted)))
    one = best_path(scan, every, statistics).cost + CALL
    rows = estimated_rows(source, statistics)
    if limit is not None:
        rows = min(rows, float(limit))
    hashed = max(statistics.rows(scan), least_hashed(scan, statistics))
    together = best_path(scan, terms, statistics).cost + hashed * HASH_LISTED + rows * HASH_PROBE
    return together < rows * one


def _inner_pairs(lifted: Lifted) -> Pairs:
    """The pairs with the operands that the groups are made by."""
    if isinstance(lifted.node, Aggregate):
        return tuple((one, key.expr) for (one, _), key in zip(lifted.pairs, lifted.node.keys, strict=True))
    return lifted.pairs


def _lifted(expr: Subquery, outer: frozenset[str]) -> Lifted | None:
    match expr.plan:
        case Project(source=Aggregate() as aggregate, outputs=(output,)):
            return _of_groups(aggregate, output.expr, outer)
        case Project(source=Limit(source=Sort() as ordered, limit=Constant(value=1), offset=None), outputs=(output,)):
            return _of_first_rows(ordered, output.expr, outer)
        case Limit(source=Project(source=Sort() as ordered, outputs=(output,)), limit=Constant(value=1), offset=None):
            return _of_first_rows(ordered, output.expr, outer)
    return None


def without_links(plan: Node, outer: frozenset[str]) -> tuple[Node, Pairs] | None:
    """The plan without the terms of its topmost condition that link it to the outer row, and these as pairs."""
    below, terms = unfiltered(plan)
    inner = bound_aliases(below)
    linked = [term for term in terms if used_aliases(term) & outer]
    pairs = [equal_pair(term, outer, inner) for term in linked]
    found = tuple(pair for pair in pairs if pair is not None)
    if not found or len(found) < len(linked) or free_aliases(below):
        return None
    return filtered(below, [term for term in terms if term not in linked]), found


def _of_groups(node: Aggregate, value: Expr, outer: frozenset[str]) -> Lifted | None:
    """The aggregate by what the outer row is compared with; it may have been grouped by that already."""
    split = without_links(node.source, outer)
    if split is None:
        return None
    source, pairs = split
    inner = [each for _, each in pairs]
    calls = dict(node.calls)
    if any(key.expr not in inner for key in node.keys) or not _only_of(value, node.alias, calls.keys()):
        return None
    if node.keys and not isinstance(value, Column):  # where there is no group, there is no row to compute it of
        return None
    if any(used_aliases(part) & outer for part in expressions(node)):
        return None
    keys = tuple(Output(f"key {at}", each) for at, each in enumerate(inner))

    def there(column: Column) -> Expr | None:
        if column.alias != node.alias:
            return None
        missing = changed(column, nullable=True)
        if node.keys or calls[column.name].function != "COUNT":
            return missing
        return Call("COALESCE", (missing, Constant(0, BIGINT)), column.type, nullable=False)

    columns = [Column(node.alias, key.name, type_of(key.expr), is_nullable(key.expr)) for key in keys]
    linked = tuple((one, column) for (one, _), column in zip(pairs, columns, strict=True))
    return Lifted(Aggregate(source, node.alias, keys, node.calls), linked, substitute(value, there))


def _of_first_rows(node: Sort, value: Expr, outer: frozenset[str]) -> Lifted | None:
    """The first row for each value that the outer row is compared with."""
    split = without_links(node.source, outer)
    if split is None or not isinstance(value, Column) or value.alias not in bound_aliases(node):
        return None  # of any outer row, it would not be NULL where there is no row
    source, pairs = split
    if any(used_aliases(key.expr) & outer or not is_stable(key.expr) for key in node.keys):
        return None
    first = DistinctOn(Sort(source, node.keys), tuple(each for _, each in pairs), ordered=False)
    return Lifted(first, pairs, changed(value, nullable=True))


def _only_of(expr: Expr, alias: str, names: Iterable[str]) -> bool:
    """Whether the expression uses nothing but these columns of the alias, and is computed the same every time."""
    columns = [part for part in parts(expr) if isinstance(part, Column)]
    return is_stable(expr) and all(each.alias == alias and each.name in {*names} for each in columns)
