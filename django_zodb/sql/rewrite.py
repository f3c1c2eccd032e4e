"""Replacing expressions inside expressions and plans, whatever their classes."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, TypeVar

from .expr import AggregateCall, Expr, FrameBound, SortKey, WindowCall, WindowFrame
from .plan import Node, OnConflict, Output
from .record import fields_with, replace

Part = TypeVar("Part", Expr, Node, AggregateCall, SortKey, Output, WindowCall)
Replacement = Callable[[Expr], Expr | None]
"""An expression → what stands for it; None leaves it, and asks again for its operands."""

_PARTS = (Expr, Node, AggregateCall, SortKey, Output, OnConflict, WindowCall, WindowFrame, FrameBound)
_NAMES = tuple(part.__name__ for part in _PARTS)


def rewrite(part: Part, replacement: Replacement) -> Part:
    """``part`` with its expressions replaced, parents first; enters the plans of subqueries.

    What stays the same stays the same object.
    """
    result: Part = _rewritten(part, replacement)
    return result


def _rewritten(value: Any, replacement: Replacement) -> Any:
    if type(value) is tuple:
        items = tuple([_rewritten(item, replacement) for item in value])
        return value if all(map(is_, items, value)) else items
    if not isinstance(value, _PARTS):
        return value
    if isinstance(value, Expr):
        instead = replacement(value)
        if instead is not None:
            return instead
    changes = {}
    for name in fields_with(type(value), _NAMES):
        old = getattr(value, name)
        new = _rewritten(old, replacement)
        if new is not old:
            changes[name] = new
    return replace(value, **changes) if changes else value
