"""Replacing expressions inside expressions and plans, whatever their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .expr import AggregateCall, Expr, FrameBound, SortKey, WindowCall, WindowFrame, field_names
from .plan import Node, OnConflict, Output
from .record import replace

Part = TypeVar("Part", Expr, Node, AggregateCall, SortKey, Output, WindowCall)
Replacement = Callable[[Expr], Expr | None]
"""An expression → what stands for it; None leaves it, and asks again for its operands."""

_PARTS = (Expr, Node, AggregateCall, SortKey, Output, OnConflict, WindowCall, WindowFrame, FrameBound)


def rewrite(part: Part, replacement: Replacement) -> Part:
    """``part`` with its expressions replaced, parents first; enters the plans of subqueries.

    What stays the same stays the same object.
    """
    result: Part = _rewritten(part, replacement)
    return result


def _rewritten(value: Any, replacement: Replacement) -> Any:
    if isinstance(value, tuple):
        items = tuple(_rewritten(item, replacement) for item in value)
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if not isinstance(value, _PARTS):
        return value
    if isinstance(value, Expr):
        instead = replacement(value)
        if instead is not None:
            return instead
    changes = {}
    for name in field_names(type(value)):
        old = getattr(value, name)
        new = _rewritten(old, replacement)
        if new is not old:
            changes[name] = new
    return replace(value, **changes) if changes else value
