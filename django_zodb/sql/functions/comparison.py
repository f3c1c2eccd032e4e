"""COALESCE and its like: functions that choose among their arguments, whatever their types."""

from __future__ import annotations

from typing import Any

from .base import Function, first_type, shared_type


def _coalesce(*args: Any) -> Any:
    return next((arg for arg in args if arg is not None), None)


def _nullif(left: Any, right: Any) -> Any:
    return None if left is not None and left == right else left


def _greatest(*args: Any) -> Any:
    return max((arg for arg in args if arg is not None), key=_order, default=None)


def _least(*args: Any) -> Any:
    return min((arg for arg in args if arg is not None), key=_order, default=None)


def _order(value: Any) -> tuple[bool, Any]:
    """NaN sorts last, and is the only value that differs from itself."""
    return (True, 0) if value != value else (False, value)


# Where the binder makes a CASE of COALESCE and NULLIF they are lazy; these are the same, eagerly.
FUNCTIONS: dict[str, Function] = {
    "COALESCE": Function(_coalesce, shared_type, most=None, strict=False, nullable=True),
    "IFNULL": Function(_coalesce, shared_type, least=2, most=2, strict=False, nullable=True),
    "NULLIF": Function(_nullif, first_type, least=2, most=2, strict=False, nullable=True),
    "GREATEST": Function(_greatest, shared_type, most=None, strict=False, nullable=True),
    "LEAST": Function(_least, shared_type, most=None, strict=False, nullable=True),
}
