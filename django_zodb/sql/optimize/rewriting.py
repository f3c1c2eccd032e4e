"""Rebuilding plans and expressions: the walks that every rewrite is made of. What does not change is not copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import is_
from typing import Any, TypeVar

from ..expr import AggregateCall, Expr, FrameBound, SortKey, WindowCall, WindowFrame
from ..plan import Node, OnConflict, Output
from ..record import replace

T = TypeVar("T")
ExprChange = Callable[[Expr], Expr]
NodeChange = Callable[[Node], Node]


def changed(item: T, **values: Any) -> T:
    """``dataclasses.replace``, but ``item`` itself where every value is what it was."""
    if all(getattr(item, name) is value for name, value in values.items()):
        return item
    return replace(item, **values)


def map_sources(node: Node, change: NodeChange) -> Node:
    """The node with each of its sources replaced by what ``change`` makes of it."""
    rebuilt: Node = _rebuild(node, _same, change)
    return rebuilt


def map_expressions(node: Node, change: ExprChange) -> Node:
    """The node with each expression that it holds replaced as a whole; its sources stay."""
    rebuilt: Node = _rebuild(node, change, _same)
    return rebuilt


def map_operands(expr: Expr, change: ExprChange, on_plan: NodeChange | None = None) -> Expr:
    """The expression with its direct operands replaced, and the plan that it holds by ``on_plan``."""
    rebuilt: Expr = _rebuild(expr, change, on_plan or _same)
    return rebuilt


def transform(expr: Expr, change: ExprChange, on_plan: NodeChange | None = None) -> Expr:
    """Every part of the expression replaced, operands before what holds them; plans only by ``on_plan``.

    A loop, since a chain of a thousand terms nests as deeply.
    """
    parts, at = [expr], 0
    while at < len(parts):
        parts.extend(operands(parts[at]))
        at += 1
    done: dict[int, Expr] = {}

    def replaced(operand: Expr) -> Expr:
        known = done.get(id(operand))
        return transform(operand, change, on_plan) if known is None else known

    for part in reversed(parts):
        if id(part) not in done:
            done[id(part)] = change(map_operands(part, replaced, on_plan))
    return done[id(expr)]


def transform_plan(node: Node, change: ExprChange) -> Node:
    """Every part of every expression in the whole plan replaced, within the plans of its subqueries too."""

    def on_plan(plan: Node) -> Node:
        return transform_plan(plan, change)

    rebuilt: Node = _rebuild(node, lambda expr: transform(expr, change, on_plan), on_plan)
    return rebuilt


def _same(item: Any) -> Any:
    return item


def operands(expr: Expr) -> Iterator[Expr]:
    """The direct operands, in order; does not enter the plans of subqueries."""
    for name in _inner_fields(type(expr)):
        yield from _expressions(getattr(expr, name))


def _expressions(value: Any) -> Iterator[Expr]:
    if isinstance(value, Expr):
        yield value
    elif type(value) is tuple:
        for item in value:
            yield from _expressions(item)


_HOLDERS = (Output, SortKey, AggregateCall, OnConflict, WindowCall, WindowFrame, FrameBound)
_INNER = ("Expr", "Node", *(holder.__name__ for holder in _HOLDERS))


_inner: dict[type, tuple[str, ...]] = {}


def _inner_fields(class_: type) -> tuple[str, ...]:
    """The fields of a class of expressions, plans or what they hold, in which expressions or plans may be."""
    names = _inner.get(class_)
    if names is None:
        found = (field.name for field in fields(class_) if any(word in str(field.type) for word in _INNER))
        names = _inner[class_] = tuple(found)
    return names


def _rebuild(item: Any, on_expr: ExprChange, on_node: NodeChange) -> Any:
    changes = {}
    for name in _inner_fields(type(item)):
        old = getattr(item, name)
        new = _visit(old, on_expr, on_node)
        if new is not old:
            changes[name] = new
    return replace(item, **changes) if changes else item


def _visit(value: Any, on_expr: ExprChange, on_node: NodeChange) -> Any:
    if isinstance(value, Expr):
        return on_expr(value)
    if isinstance(value, Node):
        return on_node(value)
    if type(value) is tuple:
        items = tuple([_visit(item, on_expr, on_node) for item in value])
        return value if all(map(is_, items, value)) else items
    if isinstance(value, _HOLDERS):
        return _rebuild(value, on_expr, on_node)
    return value
