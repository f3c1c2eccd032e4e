"""Collations: texts whose case does not matter are compared, and sorted, by what folding makes of them.

``a COLLATE nocase = b`` → ``CASEFOLD(a) = CASEFOLD(b)``. The type of an expression says which collation it has: that
of its column, or one given by COLLATE; whatever else is computed from it has none. DISTINCT, GROUP BY, set operations
and LIKE go by the very text, whatever its collation.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..record import replace
from ..values import NOCASE, TEXT, Kind, SqlType
from .expr import Call, Cast, Column, Constant, Expr, Param, is_nullable, type_of

CODE_POINT = "C"
"""What the type of an expression says that is expressly compared by code point."""


def with_collation(type_: SqlType, collation: str | None) -> SqlType:
    """The type of an expression with that collation, if it is a text."""
    if type_.kind is not Kind.TEXT or collation is None:
        return type_
    return replace(type_, collation=NOCASE if collation == NOCASE else CODE_POINT)


def collated(expr: Expr, collation: str) -> Expr:
    """``expr COLLATE collation``."""
    type_ = with_collation(type_of(expr), collation)
    match expr:
        case Column() | Param() | Constant() | Call() | Cast():
            return replace(expr, type=type_)
    return expr if type_.collation == type_of(expr).collation else Cast(expr, type_)


def collated_like(column: Column, expr: Expr) -> Column:
    """The column that has been found for ``expr``, under the collation that this one has: equality looks past it."""
    type_, asked = column.type, type_of(expr).collation
    return column if type_.collation == asked else replace(column, type=replace(type_, collation=asked))


def under_collation(expr: Expr) -> Expr:
    """What compares by code point as ``expr`` does under its collation."""
    return folded(expr) if type_of(expr).collation == NOCASE else expr


def folded(expr: Expr) -> Expr:
    """The text with no difference in case."""
    return Call("CASEFOLD", (expr,), TEXT, is_nullable(expr))


def alike(exprs: Sequence[Expr]) -> Sequence[Expr]:
    """The expressions, which are to be compared with each other, under one collation; by code point if in doubt."""
    collations = {type_of(expr).collation for expr in exprs}
    if NOCASE not in collations:
        return exprs
    return [collated(expr, CODE_POINT if CODE_POINT in collations else NOCASE) for expr in exprs]
