"""What nobody looks at is not computed: order and outputs in EXISTS and IN, Sorts below groups, unused outputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..expr import Column, Constant, Exists, Expr, InPlan
from ..plan import (
    Aggregate,
    Distinct,
    DistinctOn,
    Filter,
    Insert,
    Join,
    Limit,
    LockRows,
    Node,
    Output,
    Project,
    Recursive,
    SetOperation,
    Shared,
    Sort,
    walk,
)
from ..rewrite import changed, map_expressions, map_sources, transform
from ..show import expressions
from .decorrelate import unordered
from .statistics import Statistics
from .terms import TRUE, parts

_SENSITIVE = frozenset(("STRING_AGG", "GROUP_CONCAT", "ANY_VALUE"))


def prune(node: Node, statistics: Statistics) -> Node:
    """The same result with less work."""
    node = _without_sorts(node)
    return _narrow(node, cache(lambda: _used_columns(node)), visible=True)


def prune_subqueries(node: Node, statistics: Statistics) -> Node:
    """EXISTS and IN of no more than decides."""
    node = map_expressions(node, lambda expr: transform(expr, _prune_subquery))
    return map_sources(node, lambda source: prune_subqueries(source, statistics))


def _prune_subquery(expr: Expr) -> Expr:
    match expr:
        case Exists(plan=plan):
            return changed(expr, plan=_existence(plan))
        case InPlan(plan=plan):
            return changed(expr, plan=unordered(plan))
    return expr


def _existence(plan: Node) -> Node:
    plan = unordered(plan)
    match plan:
        case Project(source=Limit(source=source, limit=Constant(value=int(limit)), offset=None)) if limit > 0:
            plan = changed(plan, source=source)
    if isinstance(plan, Project) and not isinstance(plan.source, Aggregate):
        return changed(plan, outputs=(Output("found", TRUE),))
    return plan


def _without_sorts(node: Node) -> Node:
    """No Sort where the order of rows decides nothing."""
    match node:
        case Aggregate(calls=calls) if not any(call.function in _SENSITIVE for _, call in calls):
            node = changed(node, source=_unsorted(node.source))
        case SetOperation():
            node = changed(node, left=_unsorted(node.left), right=_unsorted(node.right))
        case Join():
            node = changed(node, right=_unsorted(node.right))
        case Sort():
            node = changed(node, source=_unsorted(node.source))
    return map_sources(node, _without_sorts)


def _unsorted(node: Node) -> Node:
    match node:
        case Sort(source=source):
            return _unsorted(source)
        case Filter() | Project() | Distinct():
            return changed(node, source=_unsorted(node.source))
    return node


def _used_columns(node: Node) -> set[tuple[str, str]]:
    return {
        (part.alias, part.name)
        for each in walk(node)
        for expr in expressions(each)
        for part in parts(expr)
        if isinstance(part, Column)
    }


def _narrow(node: Node, used: Callable[[], set[tuple[str, str]]], visible: bool) -> Node:
    """``visible``: every output counts, because the rows themselves are the result, or are compared."""
    match node:
        case Project(alias=alias, outputs=outputs) if not visible:
            kept = tuple(output for output in outputs if (alias, output.name) in used()) or outputs[:1]
            node = changed(node, outputs=kept)
            below = False
        case Filter() | Sort() | Limit() | LockRows() | DistinctOn():
            below = visible
        case Distinct() | SetOperation() | Shared() | Recursive() | Insert():
            below = True
        case _:
            below = False
    return map_sources(node, lambda source: _narrow(source, used, below))
