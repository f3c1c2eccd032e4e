"""EXISTS and IN among the terms of a condition become semi joins, NOT EXISTS anti joins: hashed, or looked up.

``Filter EXISTS (Filter b.a_id = a.id (Scan b)) (Scan a) → Join semi a b on b.a_id = a.id``. NOT IN follows only where
no side can be NULL. A subquery that uses the outer row anywhere but in its topmost condition stays as it is.
"""

from __future__ import annotations

from ..expr import Column, Compare, Constant, Exists, Expr, InPlan, IsNull, is_nullable
from ..plan import Distinct, Filter, Join, JoinKind, Limit, Node, Project, Sort, bound_aliases, output_columns
from ..rewrite import map_sources
from .statistics import Statistics
from .terms import conjunction, conjuncts, filtered, free_aliases, is_correlated, is_stable, unfiltered, used_aliases


def decorrelate(node: Node, statistics: Statistics) -> Node:
    """Subqueries in conditions as joins, where that is the same."""
    node = map_sources(node, lambda source: decorrelate(source, statistics))
    if not isinstance(node, Filter):
        return node
    source, rest = node.source, []
    joins: list[tuple[JoinKind, Node, Expr | None]] = []
    outer = bound_aliases(source)
    for term in conjuncts(node.condition):
        join = _as_join(term, outer)
        if join is None:
            rest.append(term)
        else:
            kind, right, condition = join
            joins.append((kind, decorrelate(right, statistics), condition))
    last = [term for term in rest if joins and is_correlated(term)]
    source = filtered(source, [term for term in rest if term not in last])
    for kind, right, condition in joins:
        source = Join(source, right, kind, condition)
    return filtered(source, last)


def _as_join(term: Expr, outer: frozenset[str]) -> tuple[JoinKind, Node, Expr | None] | None:
    match term:
        case Exists(plan=plan, negated=negated):
            split = _split(bare(plan), outer)
            if split is None or not split[1]:
                return None  # without a correlated term it is computed once, as it is
            right, on = split
            return "anti" if negated else "semi", right, conjunction(on)
        case InPlan(terms=terms, plan=plan, negated=negated):
            return _in_as_join(terms, plan, negated, outer)
    return None


def _in_as_join(
    terms: tuple[Expr, ...], plan: Node, negated: bool, outer: frozenset[str]
) -> tuple[JoinKind, Node, Expr | None] | None:
    if not all(used_aliases(term) & outer and is_stable(term) for term in terms):
        return None
    plan = unordered(plan)
    if isinstance(plan, Project) and all(is_stable(output.expr) for output in plan.outputs):
        values, below = tuple(output.expr for output in plan.outputs), plan.source
    else:
        (alias,) = bound_aliases(plan)
        values = tuple(Column(alias, c.name, c.type, c.nullable) for c in output_columns(plan))
        below = plan
    if negated and any(is_nullable(side) and not _is_tested(side, below) for side in (*terms, *values)):
        return None
    split = _split(below, outer)
    if split is None:
        return None
    right, on = split
    pairs = tuple(Compare("=", term, value) for term, value in zip(terms, values, strict=True))
    return "anti" if negated else "semi", right, conjunction((*pairs, *on))


def _is_tested(value: Expr, plan: Node) -> bool:
    """Whether the plan keeps only rows in which the value is not NULL."""
    return IsNull(value, negated=True) in unfiltered(plan)[1]


def unordered(plan: Node) -> Node:
    """A plan of the same set of rows: without the Distinct and Sort at its top, where nothing limits it."""
    while True:
        match plan:
            case Distinct(source=source) | Sort(source=source):
                plan = source
            case Project(source=Sort(source=source)):
                plan = Project(source, plan.alias, plan.outputs)
            case _:
                return plan


def bare(plan: Node) -> Node:
    """A plan that has rows if ``plan`` has: without outputs, order, and a LIMIT of one or more."""
    while True:
        match plan:
            case Project(source=source) | Distinct(source=source) | Sort(source=source):
                plan = source
            case Limit(source=source, limit=Constant(value=int(limit)), offset=None) if limit > 0:
                plan = source
            case _:
                return plan


def _split(plan: Node, outer: frozenset[str]) -> tuple[Node, tuple[Expr, ...]] | None:
    """What does not depend on the outer row, and the terms of its topmost condition that do; None if more depends."""
    below, terms = unfiltered(plan)
    if free_aliases(below) & outer:
        return None
    on = tuple(term for term in terms if used_aliases(term) & outer)
    if not all(is_stable(term) for term in on):
        return None
    return filtered(below, [term for term in terms if term not in on]), on
