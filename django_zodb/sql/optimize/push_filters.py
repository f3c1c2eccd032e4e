"""Conditions move towards the tables: through joins, projections, groups and set operations, as far as they stay true.

``Filter a.x = 1 AND b.y = 2 (Join inner a b) → Join inner (Filter a.x = 1 a) (Filter b.y = 2 b)``. So do semi and anti
joins, past left joins. A subquery that is computed for each row is left for the rows that these let through.
"""

from __future__ import annotations

from ..expr import Column, Expr
from ..plan import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    Node,
    Project,
    SetOperation,
    Sort,
    bound_aliases,
    output_columns,
)
from ..rewrite import changed, map_sources
from .statistics import Statistics
from .terms import (
    conjunction,
    conjuncts,
    filtered,
    holds_subquery,
    is_correlated,
    is_stable,
    substitute,
    through_project,
    unfiltered,
    used_aliases,
)

Terms = tuple[Expr, ...]


def push_filters(node: Node, statistics: Statistics) -> Node:
    """The same rows, with each condition tested as early as possible."""
    return _push(node, ())


def _push(node: Node, terms: Terms) -> Node:
    """``node`` filtered by ``terms``, which use what it binds."""
    match node:
        case Filter(condition=condition):
            return _push(node.source, (*conjuncts(condition), *terms))
        case Join():
            return _push_join(node, terms)
        case Project():
            return _push_project(node, terms)
        case Aggregate():
            return _push_aggregate(node, terms)
        case Sort() | Distinct():
            moved = tuple(term for term in terms if is_stable(term))
            stay = tuple(term for term in terms if not is_stable(term))
            return filtered(changed(node, source=_push(node.source, moved)), stay)
        case SetOperation():
            return _push_set_operation(node, terms)
    return filtered(map_sources(node, lambda source: _push(source, ())), terms)


def _push_join(node: Join, terms: Terms) -> Node:
    left_aliases, right_aliases = bound_aliases(node.left), _inner_aliases(node)
    left: list[Expr] = []
    right: list[Expr] = []
    on: list[Expr] = []
    stay: list[Expr] = []
    for term in terms:
        used = used_aliases(term)
        if not is_stable(term) or node.kind == "full" or (node.kind in ("semi", "anti") and is_correlated(term)):
            stay.append(term)
        elif not used & right_aliases:
            left.append(term)
        elif node.kind != "inner":
            stay.append(term)
        else:
            (on if used & left_aliases else right).append(term)
    for term in conjuncts(node.condition):
        used = used_aliases(term)
        if node.kind == "full" or not is_stable(term):
            on.append(term)
        elif not used & left_aliases and used & right_aliases:
            right.append(term)
        elif not used & right_aliases and node.kind in ("inner", "semi"):
            left.append(term)
        else:
            on.append(term)
    joined = changed(
        node, left=_push(node.left, tuple(left)), right=_push(node.right, tuple(right)), condition=conjunction(on)
    )
    return filtered(_sunk(joined) if joined.kind in ("semi", "anti") else joined, stay)


def _sunk(node: Join) -> Node:
    """A semi or anti join by columns of the rows that a left join only adds to, before that join."""
    left, terms = unfiltered(node.left)
    if not isinstance(left, Join) or left.kind != "left" or left.lateral or node.lateral:
        return node
    if used_aliases(node.condition) & bound_aliases(left.right):
        return node
    return filtered(changed(left, left=_sunk(changed(node, left=left.left))), terms)


def _inner_aliases(node: Join) -> frozenset[str]:
    """The aliases that the right side binds, which the join of kind semi or anti hides from above."""
    return bound_aliases(node.right)


def _push_project(node: Project, terms: Terms) -> Node:
    below: list[Expr] = []
    stay: list[Expr] = []
    for term in terms:
        moved = through_project(term, node) if is_stable(term) and not holds_subquery(term) else None
        (stay if moved is None else below).append(term if moved is None else moved)
    return filtered(changed(node, source=_push(node.source, tuple(below))), stay)


def _push_aggregate(node: Aggregate, terms: Terms) -> Node:
    """Terms over the keys alone choose whole groups, so they may choose rows instead."""
    keys = Project(node.source, node.alias, node.keys)
    below: list[Expr] = []
    stay: list[Expr] = []
    for term in terms:
        movable = node.alias in used_aliases(term) and is_stable(term) and not holds_subquery(term)
        moved = through_project(term, keys) if movable else None
        (stay if moved is None else below).append(term if moved is None else moved)
    return filtered(changed(node, source=_push(node.source, tuple(below))), stay)


def _push_set_operation(node: SetOperation, terms: Terms) -> Node:
    moved = tuple(term for term in terms if is_stable(term) and not holds_subquery(term))
    stay = tuple(term for term in terms if term not in moved)
    left = _push(node.left, tuple(_for_side(term, node, node.left) for term in moved))
    right = _push(node.right, tuple(_for_side(term, node, node.right) for term in moved))
    return filtered(changed(node, left=left, right=right), stay)


def _for_side(term: Expr, node: SetOperation, side: Node) -> Expr:
    (alias,) = bound_aliases(side)
    columns = {
        ours.name: Column(alias, theirs.name, theirs.type, theirs.nullable)
        for ours, theirs in zip(node.columns, output_columns(side), strict=True)
    }
    return substitute(term, lambda column: columns[column.name] if column.alias == node.alias else None)
