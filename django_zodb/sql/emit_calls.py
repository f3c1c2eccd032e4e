"""Calls of scalar functions as Python text: what can be said in line, and what of a call is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..values import Kind
from . import expr as x
from .expr import Expr, is_nullable
from .functions import Function
from .program import BUILTINS

_LONGEST_SUM = 20  # of more, Python's parser would have to go deep


def simple_call(expr: x.Call, value: Callable[[Expr], str]) -> str | None:
    """A call of any number of arguments that Python has an expression for, where their types allow it."""
    kinds = {x.type_of(arg).kind for arg in expr.args}
    if expr.function in ("GREATEST", "LEAST") and len(expr.args) > 1:
        if Kind.DOUBLE in kinds or any(map(is_nullable, expr.args)):
            return None  # NULL is passed over, and NaN is the greatest
        return f"{'max' if expr.function == 'GREATEST' else 'min'}({', '.join(map(value, expr.args))})"
    if expr.function == "CONCAT" and kinds == {Kind.TEXT}:
        texts = [f"({value(arg)} or '')" if is_nullable(arg) else value(arg) for arg in expr.args]
        return f"({' + '.join(texts)})" if len(texts) <= _LONGEST_SUM else f"''.join(({', '.join(texts)}))"
    return None


def has_template(function: Function) -> bool:
    """Whether the function's template can be used: all its names are builtins that generated code has."""
    if function.template is None:
        return False
    names = compile(function.template.format(*["0 .real"] * 8), "<template>", "eval").co_names
    return all(name in BUILTINS or f".{name}" in function.template or name == "real" for name in names)


def other_arguments(expr: x.Call, at: int) -> list[Any] | None:
    """The values of all arguments of the call but one; None where some are no constants."""
    others = [arg.value for place, arg in enumerate(expr.args) if place != at and isinstance(arg, x.Constant)]
    return others if len(others) == len(expr.args) - 1 else None
