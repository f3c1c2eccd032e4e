"""Python's own parser, for one thread at a time.

CPython 3.11.7 counts how deep a tree is nested in one place for all threads, so that one that parses while others do
may get ``SystemError: AST constructor recursion depth mismatch`` (gh-106905); 3.13 does not. Threads of other packages
may parse, too; that is rare enough to try again.
"""

from __future__ import annotations

import ast
from keyword import iskeyword
from typing import Literal

from ...threads import SharedLock

_lock = SharedLock()
_TRIES = 5


def _parsed(text: str, mode: Literal["eval", "exec"]) -> ast.AST:
    with _lock:
        for _ in range(_TRIES):
            try:
                return ast.parse(text, mode=mode)
            except SystemError:
                continue
        return ast.parse(text, mode=mode)


def is_variable(text: str) -> bool:
    """Whether an expression is a variable, to which something else can be assigned: ``None`` is no such name."""
    return text.isidentifier() and not iskeyword(text)


def is_expression_of(text: str, kind: type[ast.expr]) -> bool:
    """Whether the outermost part of an expression is of that kind."""
    tree = _parsed(text, "eval")
    return isinstance(tree, ast.Expression) and isinstance(tree.body, kind)


def expression(text: str) -> str:
    """An expression without redundant parentheses."""
    return ast.unparse(_parsed(text, "eval"))


def statement(text: str) -> str:
    """A simple statement without redundant parentheses."""
    return ast.unparse(_parsed(text, "exec"))
