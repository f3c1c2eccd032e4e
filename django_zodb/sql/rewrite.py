"""Rebuilding plans and expressions: the walks that every rewrite is made of. What does not change is not copied."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, NamedTuple, TypeVar

from ..record import FieldsWith, replace
from .expr import AggregateCall, Expr, FrameBound, SortKey, WindowCall, WindowFrame, children
from .plan import Node, OnConflict, Output

T = TypeVar("T")
Part = TypeVar("Part", Expr, Node, AggregateCall, SortKey, Output, WindowCall)
ExprChange = Callable[[Expr], Expr]
NodeChange = Callable[[Node], Node]
Replacement = Callable[[Expr], Expr | None]
"""An expression → what stands for it; None leaves it, and asks again for its operands."""


def changed(item: T, **values: Any) -> T:
    """``replace``, but ``item`` itself where every value is what it was."""
    if all(getattr(item, name) is value for name, value in values.items()):
        return item
    return replace(item, **values)


def map_sources(node: Node, change: NodeChange) -> Node:
    """The node with each of its sources replaced by what ``change`` makes of it."""
    names = _NODES.fields[type(node)]
    if len(names) == 1 and isinstance(source := getattr(node, names[0]), Node):  # as mostly
        new = change(source)
        return node if new is source else replace(node, **{names[0]: new})
    rebuilt: Node = _rebuild(node, _NODES, change)
    return rebuilt


def map_expressions(node: Node, change: ExprChange) -> Node:
    """The node with each expression that it holds replaced as a whole; its sources stay."""
    rebuilt: Node = _rebuild(node, _EXPRESSIONS, change)
    return rebuilt


def map_operands(expr: Expr, change: ExprChange, on_plan: NodeChange | None = None) -> Expr:
    """The expression with its direct operands replaced, and the plan that it holds by ``on_plan``."""
    rebuilt: Expr = _rebuild(expr, _EXPRESSIONS, change)
    return rebuilt if on_plan is None else _rebuild(rebuilt, _NODES, on_plan)


def transform(expr: Expr, change: ExprChange, on_plan: NodeChange | None = None) -> Expr:
    """Every part of the expression replaced, operands before what holds them; plans only by ``on_plan``."""
    return _walked(expr, _no_replacement, change, on_plan)


def _no_replacement(expr: Expr) -> None:
    return None


def _walked(expr: Expr, replacement: Replacement, change: ExprChange, on_plan: NodeChange | None) -> Expr:
    """Parts replaced, what holds others before these; then, operands first, what is left changed.

    A loop, since a chain of a thousand terms nests as deeply.
    """
    if not _HELD[type(expr)]:
        instead = replacement(expr)
        return change(expr) if instead is None else instead
    parts, at = [expr], 0
    done: dict[int, Expr] = {}
    while at < len(parts):
        part = parts[at]
        instead = replacement(part)
        if instead is not None:
            done[id(part)] = instead
        elif _EXPRESSIONS.fields[type(part)]:
            parts.extend(children(part))
        at += 1

    def replaced(operand: Expr) -> Expr:
        known = done.get(id(operand))
        return _walked(operand, replacement, change, on_plan) if known is None else known

    for part in reversed(parts):
        if id(part) not in done:
            done[id(part)] = change(map_operands(part, replaced, on_plan) if _HELD[type(part)] else part)
    return done[id(expr)]


def transform_plan(node: Node, change: ExprChange) -> Node:
    """Every part of every expression in the whole plan replaced, within the plans of its subqueries too."""

    def on_plan(plan: Node) -> Node:
        return transform_plan(plan, change)

    rebuilt: Node = _rebuild(node, _EXPRESSIONS, lambda expr: transform(expr, change, on_plan))
    return map_sources(rebuilt, on_plan)


def rewrite(part: Part, replacement: Replacement) -> Part:
    """``part`` with its expressions replaced, what holds others before these; enters the plans of subqueries."""
    found: Any = _rewritten(part, replacement)
    return found  # type: ignore[no-any-return]


def _rewritten(part: Any, replacement: Replacement) -> Any:
    def on_expr(expr: Expr) -> Expr:
        if _HELD[type(expr)]:
            return _walked(expr, replacement, _same, on_plan)
        instead = replacement(expr)
        return expr if instead is None else instead

    def on_plan(plan: Node) -> Node:
        return _rewritten(plan, replacement)  # type: ignore[no-any-return]

    if isinstance(part, Expr):
        return on_expr(part)
    return _rebuild(_rebuild(part, _EXPRESSIONS, on_expr), _NODES, on_plan)


def _same(expr: Expr) -> Expr:
    return expr


def classes_in(node: Node) -> frozenset[type]:
    """The classes of all that a plan is made of, nodes and expressions, the plans of subqueries included."""
    found = {type(node)}
    waiting: list[Any] = [node]
    while waiting:
        item = waiting.pop()
        values = item if type(item) is tuple else [getattr(item, name) for name in _HELD[type(item)]]
        for value in values:
            class_ = type(value)
            if class_ is Output:  # there are many, of a column mostly
                found.add(class_)
                value = value.expr
                class_ = type(value)
            if class_ is tuple or _HELD[class_]:
                waiting.append(value)
            found.add(class_)
    return frozenset(found)


_HOLDERS = (Output, SortKey, AggregateCall, OnConflict, WindowCall, WindowFrame, FrameBound)


class _Sought(NamedTuple):
    """What a walk is for: a class, and the fields that hold some of it, by class of their holders."""

    class_: type
    fields: FieldsWith


_NODES = _Sought(Node, FieldsWith("Node"))
_EXPRESSIONS = _Sought(Expr, FieldsWith("Expr", *(holder.__name__ for holder in _HOLDERS)))
_HELD = FieldsWith("Node", "Expr", *(holder.__name__ for holder in _HOLDERS))
"""All that a walk may be for: what has none of these fields is a leaf."""


def _rebuild(item: Any, sought: _Sought, change: Callable[[Any], Any]) -> Any:
    changes = {}
    for name in sought.fields[type(item)]:
        old = getattr(item, name)
        if not old:
            continue
        new = _visit(old, sought, change)
        if new is not old:
            changes[name] = new
    return replace(item, **changes) if changes else item


def _visit(value: Any, sought: _Sought, change: Callable[[Any], Any]) -> Any:
    if type(value) is tuple:
        items = tuple([_visit(item, sought, change) for item in value])
        return value if all(map(is_, items, value)) else items
    if isinstance(value, sought.class_):
        return change(value)
    if type(value) is Output:  # of which there are many
        if sought.class_ is not Expr:
            return value
        expr = change(value.expr)
        return value if expr is value.expr else replace(value, expr=expr)
    return _rebuild(value, sought, change) if isinstance(value, _HOLDERS) else value
