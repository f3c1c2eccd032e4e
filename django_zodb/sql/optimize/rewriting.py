"""Rebuilding plans and expressions: the walks that every rewrite is made of. What does not change is not copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from ..expr import AggregateCall, Expr, SortKey
from ..plan import Node, OnConflict, Output

ExprChange = Callable[[Expr], Expr]
NodeChange = Callable[[Node], Node]


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
    """Every part of the expression replaced, operands before what holds them; plans only by ``on_plan``."""
    return change(map_operands(expr, lambda operand: transform(operand, change, on_plan), on_plan))


def transform_plan(node: Node, change: ExprChange) -> Node:
    """Every part of every expression in the whole plan replaced, within the plans of its subqueries too."""

    def on_plan(plan: Node) -> Node:
        return transform_plan(plan, change)

    rebuilt: Node = _rebuild(node, lambda expr: transform(expr, change, on_plan), on_plan)
    return rebuilt


def _same(item: Any) -> Any:
    return item


def _rebuild(item: Any, on_expr: ExprChange, on_node: NodeChange) -> Any:
    changes = {}
    for field in fields(item):
        old = getattr(item, field.name)
        new = _visit(old, on_expr, on_node)
        if new is not old:
            changes[field.name] = new
    return replace(item, **changes) if changes else item


def _visit(value: Any, on_expr: ExprChange, on_node: NodeChange) -> Any:
    match value:
        case Expr():
            return on_expr(value)
        case Node():
            return on_node(value)
        case tuple():
            items = tuple(_visit(item, on_expr, on_node) for item in value)
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        case Output() | SortKey() | AggregateCall() | OnConflict():
            return _rebuild(value, on_expr, on_node)
        case _:
            return value
