"""Outer joins become inner ones where a condition above refuses the rows of NULLs that they would add.

``Filter b.x = 1 (Join left a b) → Filter b.x = 1 (Join inner a b)``. Inner joins can be reordered, and conditions pass
through them.
"""

from __future__ import annotations

from ..expr import (
    And,
    Arithmetic,
    Call,
    Cast,
    Column,
    Compare,
    Concat,
    Exists,
    Expr,
    In,
    InPlan,
    IsNull,
    IsTruth,
    Like,
    Negate,
    Not,
    Or,
    Regex,
    children,
)
from ..functions import FUNCTIONS
from ..plan import Filter, Join, Limit, Node, Project, Sort, bound_aliases
from ..rewrite import changed, map_sources
from .statistics import Statistics
from .terms import conjuncts, through_project

Terms = tuple[Expr, ...]


def reduce_joins(node: Node, statistics: Statistics) -> Node:
    """Left joins as inner ones, where a condition makes that the same."""
    return _reduce(node, ())


def _reduce(node: Node, above: Terms) -> Node:
    """``above``: terms that every row of ``node`` must make true to matter."""
    match node:
        case Filter(condition=condition):
            return changed(node, source=_reduce(node.source, above + conjuncts(condition)))
        case Sort():
            return changed(node, source=_reduce(node.source, above))
        case Project():
            below = (through_project(term, node) for term in above)
            return changed(node, source=_reduce(node.source, tuple(term for term in below if term is not None)))
        case Join():
            return _reduce_join(node, above)
        case Limit():
            return changed(node, source=_reduce(node.source, ()))
    return map_sources(node, lambda source: _reduce(source, ()))


def _reduce_join(node: Join, above: Terms) -> Join:
    on = conjuncts(node.condition)
    if node.kind == "full":
        node = _without_full(node, above)
    if node.kind == "left" and _refused(bound_aliases(node.right), above):
        node = changed(node, kind="inner")
    match node.kind:
        case "inner":
            left, right = above + on, above + on
        case "semi":
            left, right = above + on, on
        case "left" | "anti":
            left, right = above, on
        case "full":
            left, right = (), ()
    return changed(node, left=_reduce(node.left, left), right=_reduce(node.right, right))


def _without_full(node: Join, above: Terms) -> Join:
    """A full join whose rows without a left side are refused is a left one, and the other way round."""
    if _refused(bound_aliases(node.left), above):
        return changed(node, kind="left")
    if _refused(bound_aliases(node.right), above) and not node.lateral:
        return changed(node, kind="left", left=node.right, right=node.left)
    return node


def _refused(aliases: frozenset[str], terms: Terms) -> bool:
    return any(never_true(term, aliases) for term in terms)


def never_true(expr: Expr, nulls: frozenset[str]) -> bool:
    """Whether a condition cannot be true for rows in which every column of the aliases ``nulls`` is NULL."""
    match expr:
        case And(terms=terms):
            return any(never_true(term, nulls) for term in terms)
        case Or(terms=terms):
            return all(never_true(term, nulls) for term in terms)
        case IsNull(term=term, negated=True):
            return is_null_for(term, nulls)
        case IsTruth(term=term, truth=bool(), negated=False):
            return is_null_for(term, nulls)
        case InPlan(terms=terms, negated=False):
            return any(is_null_for(term, nulls) for term in terms)
    return is_null_for(expr, nulls)


def is_null_for(expr: Expr, nulls: frozenset[str]) -> bool:
    """Whether the value is surely NULL for such rows."""
    match expr:
        case Column(alias=alias):
            return alias in nulls
        case In(term=term):
            return is_null_for(term, nulls)
        case Call(function=function):
            return FUNCTIONS[function].strict and any(is_null_for(arg, nulls) for arg in expr.args)
        case Compare() | Like() | Regex() | Arithmetic() | Negate() | Concat() | Cast() | Not():
            return any(is_null_for(operand, nulls) for operand in children(expr))
        case And(terms=terms) | Or(terms=terms):
            return all(is_null_for(term, nulls) for term in terms)
        case Exists():
            return False
    return False
