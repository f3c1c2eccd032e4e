"""Plans as the binder makes them → plans as they are carried out, by rewrites that keep the rows the same.

``SELECT … WHERE b.id = %s``: ``Project (Filter b.id = p0 (Scan b)) → Project (KeyLookup b (b.id = p0))``. Each rewrite
is a module of its own and a function ``(Node, Statistics) → Node``; ``OPTIMIZERS`` is the order in which they run, and
tells what each is about: it is not asked about plans that hold nothing of that.
Those down to ``prune`` simplify a plan whatever the tables hold; later ones choose access paths, joins and orders.
"""

from __future__ import annotations

from collections.abc import Callable

from ...storage.protocol import Catalog
from ...values import BIGINT
from ..expr import And, Case, Compare, Constant, Exists, Expr, In, InPlan, IsNull, IsTruth, Not, Or, Subquery
from ..plan import (
    Aggregate,
    Distinct,
    Filter,
    HashJoin,
    Join,
    Limit,
    NestedLoop,
    Node,
    Project,
    RowidIntersection,
    SetOperation,
    Sort,
    TopN,
    Window,
    walk,
)
from ..rewrite import changed, classes_in, map_expressions, map_sources, transform
from .aggregate_early import aggregate_early
from .anti_joins import anti_joins
from .choose_joins import choose_joins
from .decorrelate import decorrelate
from .decorrelate_tests import decorrelate_tests
from .decorrelate_values import decorrelate_values
from .distinct_keys import distinct_keys
from .filter_sides import filter_sides
from .first_of_each import first_of_each
from .index_groups import index_groups
from .late_lookups import late_lookups
from .late_rows import late_rows
from .limit_unions import limit_unions
from .look_ahead import look_ahead
from .min_max import min_max
from .prune import prune, prune_subqueries
from .push_filters import push_filters
from .reduce_joins import reduce_joins
from .simplify import simplify
from .statistics import Statistics
from .stored_documents import stored_documents
from .terms import free_aliases
from .top_n import top_n
from .use_index_order import use_index_order
from .use_indexes import in_order, use_indexes

__all__ = ["OPTIMIZERS", "optimize"]

Rewrite = Callable[[Node, Statistics], Node]


def optimize(node: Node, catalog: Catalog) -> Node:
    """The plan that gives the same rows as ``node`` at the least cost known, its subqueries' plans too."""
    return optimized(node, Statistics(catalog))


def optimized(node: Node, statistics: Statistics) -> Node:
    """``optimize``, by statistics that are there already."""
    classes = classes_in(node)
    for rewrite, about in OPTIMIZERS:
        if classes.isdisjoint(about):
            continue
        rewritten = rewrite(node, statistics)
        if rewritten is not node:
            node, classes = rewritten, classes_in(rewritten)
    return node


def optimize_subqueries(node: Node, statistics: Statistics) -> Node:
    """The plans inside expressions, those that ``decorrelate`` has left; an outer row's columns are constants there."""

    def planned(part: Expr) -> Expr:
        match part:
            case Exists(plan=plan):
                return changed(part, plan=first_row(plan, statistics))
            case Subquery(plan=plan) | InPlan(plan=plan):
                plan = optimized(plan, statistics)
                return changed(part, plan=in_order(plan) if free_aliases(plan) else plan)
        return part

    node = map_sources(node, lambda source: optimize_subqueries(source, statistics))
    return map_expressions(node, lambda expr: transform(expr, planned))


def first_row(plan: Node, statistics: Statistics) -> Node:
    """The plan for asking whether there is a row, each time: no range is walked over as a whole for that.

    It may find none, so it is chosen for all rows; but what indexes have in common is not found for the first one.
    """
    chosen = optimized(plan, statistics)
    if any(isinstance(part, RowidIntersection) for part in walk(chosen)):
        limited = optimized(Limit(plan, Constant(1, BIGINT)), statistics)
        chosen = limited.source if isinstance(limited, Limit) else limited
    return in_order(chosen)


_SUBQUERIES = (Subquery, Exists, InPlan)

OPTIMIZERS: tuple[tuple[Rewrite, tuple[type, ...]], ...] = (
    (simplify, (Filter, Join, And, Or, Not, Compare, IsNull, IsTruth, In, Case)),
    (decorrelate, (Exists, InPlan)),
    (decorrelate_values, (Subquery,)),
    (decorrelate_tests, (Exists,)),
    (reduce_joins, (Join,)),
    (push_filters, (Filter, Join)),
    (anti_joins, (Join,)),
    (filter_sides, (Join,)),
    (limit_unions, (SetOperation,)),
    (distinct_keys, (Distinct,)),
    (prune_subqueries, (Exists, InPlan)),
    (prune, (Aggregate, Join, Project, SetOperation, Sort)),
    (first_of_each, (Window,)),
    (stored_documents, (Aggregate,)),
    (aggregate_early, (Join,)),
    (index_groups, (Aggregate, Distinct)),
    (optimize_subqueries, _SUBQUERIES),
    (min_max, (Aggregate,)),
    (choose_joins, (Join,)),
    (use_index_order, (Sort,)),
    (late_lookups, (NestedLoop, HashJoin)),
    (use_indexes, (Filter,)),
    (top_n, (Sort, Limit)),
    (late_rows, (TopN, Sort, Limit)),
    (look_ahead, (NestedLoop,)),
)
"""Every rewrite, in the order of their running, and the classes of which a plan must hold one to be changed by it."""
