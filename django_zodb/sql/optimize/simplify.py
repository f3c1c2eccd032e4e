"""Simplify conditions: constants folded, AND and OR flattened, NOT moved inwards, ``a = 1 OR a = 2`` as IN.

``NOT (a.x = 1 AND TRUE) → a.x <> 1``. Kleene's logic holds throughout: what is NULL stays NULL.
"""

from __future__ import annotations

from typing import Any

from ...record import replace
from ..expr import (
    And,
    Call,
    Case,
    Column,
    Compare,
    Constant,
    Exists,
    Expr,
    In,
    InPlan,
    IsNull,
    IsTruth,
    Like,
    Not,
    Or,
    Param,
    Regex,
    is_nullable,
    number_of,
)
from ..plan import Filter, HashJoin, Join, NestedLoop, Node
from ..rewrite import map_expressions, map_sources, transform
from .statistics import Statistics
from .terms import FALSE, TRUE, UNKNOWN_TRUTH

_OPPOSITE: dict[str, Any] = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def simplify(node: Node, statistics: Statistics) -> Node:
    """Every expression of the plan in its simplest form; Filters and join conditions that are TRUE are dropped."""

    def on_plan(plan: Node) -> Node:
        return simplify(plan, statistics)

    node = map_expressions(map_sources(node, on_plan), lambda expr: transform(expr, _simplify, on_plan))
    match node:
        case Filter(condition=condition) if condition == TRUE:
            return node.source
        case Join(condition=condition) | NestedLoop(condition=condition) | HashJoin(condition=condition):
            return replace(node, condition=None) if condition == TRUE else node
    return node


def simplified(expr: Expr) -> Expr:
    """An equal expression, of the same type; the plans of subqueries stay as they are."""
    return transform(expr, _simplify)


def _simplify(expr: Expr) -> Expr:
    match expr:
        case And():
            return _fold(expr, And, TRUE, FALSE)
        case Or():
            return _as_in(_fold(expr, Or, FALSE, TRUE))
        case Not():
            return _negated(expr)
        case Compare():
            return _compared(expr)
        case IsNull(term=term) if not is_nullable(term):
            return TRUE if expr.negated else FALSE
        case IsNull(term=Constant()):
            return FALSE if expr.negated else TRUE
        case In(items=()):
            return TRUE if expr.negated else FALSE
        case In(items=(item,)) if number_of((item,)) == 1:
            return _compared(Compare("<>" if expr.negated else "=", expr.term, item))
        case IsTruth(term=Constant(value=value)):
            return _truth((value is expr.truth) is not expr.negated)
        case Case():
            return _chosen(expr)
    return expr


def _truth(value: bool | None) -> Constant:
    return UNKNOWN_TRUTH if value is None else TRUE if value else FALSE


def _fold(expr: And | Or, kind: type[And] | type[Or], neutral: Expr, absorbing: Expr) -> Expr:
    terms: dict[Expr, None] = {}
    for term in expr.terms:
        terms.update(dict.fromkeys(term.terms if isinstance(term, kind) else (term,)))
    if absorbing in terms:
        return absorbing
    terms.pop(neutral, None)
    if not terms:
        return neutral
    return next(iter(terms)) if len(terms) == 1 else kind(tuple(terms))


def _as_in(expr: Expr) -> Expr:
    """Terms of an OR that compare one operand with values for equality, as one IN."""
    if not isinstance(expr, Or):
        return expr
    items: dict[Expr, list[Expr]] = {}
    others: list[Expr] = []
    for term in expr.terms:
        match term:
            case Compare(op="=", left=Column() | Call(), right=Constant() | Param()):
                items.setdefault(term.left, []).append(term.right)
            case In(negated=False, term=Column() | Call()) if all(isinstance(i, Constant | Param) for i in term.items):
                items.setdefault(term.term, []).extend(term.items)
            case _:
                others.append(term)
    joined: list[Expr] = [
        In(term, tuple(values)) if number_of(values) > 1 else Compare("=", term, values[0])
        for term, values in items.items()
    ]
    terms = (*joined, *others)
    return terms[0] if len(terms) == 1 else Or(terms)


def _negated(expr: Not) -> Expr:
    match expr.term:
        case Constant(value=value):
            return _truth(None if value is None else not value)
        case Not(term=term):
            return term
        case Compare(op=op) as compare:
            return replace(compare, op=_OPPOSITE[op])
        case IsNull() | In() | Like() | Regex() | IsTruth() | Exists() | InPlan() as term:
            return _simplify(replace(term, negated=not term.negated))
        case Or(terms=terms):
            return _simplify(And(tuple(_simplify(Not(term)) for term in terms)))
    return expr


def _compared(expr: Compare) -> Expr:
    left, right = expr.left, expr.right
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _folded(expr.op, left.value, right.value) or expr
    for side in (left, right):
        if isinstance(side, Constant) and side.value is None:
            return UNKNOWN_TRUTH
    return expr


def _folded(op: str, left: Any, right: Any) -> Expr | None:
    if left is None or right is None:
        return UNKNOWN_TRUTH
    if type(left) is not type(right) or not isinstance(left, bool | int | str):
        return None
    if op in ("=", "<>"):
        return _truth((left == right) is (op == "="))
    return _truth({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op])


def _chosen(expr: Case) -> Expr:
    """CASE without the branches that are never taken."""
    whens: list[tuple[Expr, Expr]] = []
    for condition, value in expr.whens:
        if condition == TRUE:
            return replace(expr, whens=tuple(whens), otherwise=value) if whens else value
        if condition not in (FALSE, UNKNOWN_TRUTH):
            whens.append((condition, value))
    if not whens:
        return expr.otherwise if expr.otherwise is not None else Constant(None, expr.type)
    return replace(expr, whens=tuple(whens)) if len(whens) < len(expr.whens) else expr
