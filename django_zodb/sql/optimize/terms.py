"""Conditions as lists of terms, and the questions that rewrites ask of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ...values import BOOLEAN
from ..expr import And, Call, Column, Constant, Exists, Expr, InPlan, Subquery, children
from ..functions import FUNCTIONS
from ..plan import Filter, Node, Project, bound_aliases, walk
from ..rewrite import transform, transform_plan
from ..show import expressions

TRUE = Constant(True, BOOLEAN)
FALSE = Constant(False, BOOLEAN)
UNKNOWN_TRUTH = Constant(None, BOOLEAN)


def conjuncts(condition: Expr | None) -> tuple[Expr, ...]:
    """The terms that must all be true; none for None."""
    if condition is None or condition == TRUE:
        return ()
    if isinstance(condition, And):
        return tuple(term for each in condition.terms for term in conjuncts(each))
    return (condition,)


def conjunction(terms: Iterable[Expr]) -> Expr | None:
    """The inverse of ``conjuncts``; equal terms once."""
    distinct = tuple(dict.fromkeys(terms))
    if not distinct:
        return None
    return distinct[0] if len(distinct) == 1 else And(distinct)


def filtered(source: Node, terms: Iterable[Expr]) -> Node:
    """``source`` under a Filter of the terms, merged with one that is there; no Filter for no terms."""
    terms = tuple(terms)
    if not terms:
        return source
    if isinstance(source, Filter):
        return filtered(source.source, (*conjuncts(source.condition), *terms))
    condition = conjunction(terms)
    assert condition is not None
    return Filter(source, condition)


def unfiltered(node: Node) -> tuple[Node, tuple[Expr, ...]]:
    """What is below the Filters at the top of ``node``, and their terms."""
    terms: tuple[Expr, ...] = ()
    while isinstance(node, Filter):
        terms = (*conjuncts(node.condition), *terms)
        node = node.source
    return node, terms


def parts(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it, the plans of subqueries included."""
    stack: list[Expr] = [expr]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(children(here))
        if isinstance(here, Subquery | Exists | InPlan):
            for node in walk(here.plan):
                stack.extend(expressions(node))


def used_aliases(expr: Expr | None) -> frozenset[str]:
    """The aliases that the expression needs: those of its columns, and those its subqueries use but do not bind."""
    if type(expr) is Column:
        return frozenset((expr.alias,))
    match expr:
        case None:
            return _NONE
        case Subquery(plan=plan) | Exists(plan=plan) | InPlan(plan=plan):
            return _NONE.union(free_aliases(plan), *map(used_aliases, children(expr)))
    return _NONE.union(*map(used_aliases, children(expr)))


_NONE: frozenset[str] = frozenset()


def all_aliases(node: Node) -> frozenset[str]:
    """Every alias that the plan or anything in it binds, visible from above or not."""
    found = (getattr(each, "alias", None) for each in walk(node))
    return frozenset(alias for alias in found if alias is not None)


def free_aliases(node: Node) -> frozenset[str]:
    """The aliases of an enclosing plan that this one uses: empty where it is not correlated."""
    used: set[str] = set()
    for each in walk(node):
        for expr in expressions(each):
            used |= used_aliases(expr)
    return frozenset(used) - all_aliases(node)


def is_stable(expr: Expr) -> bool:
    """Whether it has one value for one row, however often it is computed (RANDOM() has not)."""
    return all(not isinstance(part, Call) or FUNCTIONS[part.function].stable for part in parts(expr))


def holds_subquery(expr: Expr) -> bool:
    """Whether a subquery is anywhere in it."""
    return any(isinstance(part, Subquery | Exists | InPlan) for part in parts(expr))


def is_correlated(expr: Expr) -> bool:
    """Whether a subquery in it depends on the row."""
    return any(isinstance(part, Subquery | Exists | InPlan) and free_aliases(part.plan) for part in parts(expr))


def substitute(expr: Expr, value_of: Callable[[Column], Expr | None]) -> Expr:
    """The expression with columns replaced by what ``value_of`` gives, where it is not None; subqueries too."""

    def change(part: Expr) -> Expr:
        value = value_of(part) if isinstance(part, Column) else None
        return part if value is None else value

    return transform(expr, change, lambda plan: transform_plan(plan, change))


def through_project(expr: Expr, project: Project) -> Expr | None:
    """An expression over a Project's alias in terms of its source; None if that would compute something twice."""
    values = {output.name: output.expr for output in project.outputs}
    needed = {part.name for part in parts(expr) if isinstance(part, Column) and part.alias == project.alias}
    if not needed <= values.keys():
        return None
    if any(not is_stable(values[name]) or holds_subquery(values[name]) for name in needed):
        return None
    return substitute(expr, lambda column: values[column.name] if column.alias == project.alias else None)


def only_uses(expr: Expr, node: Node, among: frozenset[str]) -> bool:
    """Whether, of the aliases ``among``, the expression needs none but those that ``node`` binds."""
    return (used_aliases(expr) & among) <= bound_aliases(node)
