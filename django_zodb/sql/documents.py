"""JSON documents among other expressions: what stands for them where values are compared, grouped or converted.

A document is its text, and one value has many texts. So the binder compares ``comparable(x)``, groups by
``canonical(x)``, and makes a document of a value of another type beside one, or a text or number of a document.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..record import replace
from ..values import DECIMAL, JSON, TEXT, Kind
from .collations import under_collation
from .expr import Call, Cast, Expr, SortKey, is_nullable, type_of


def is_document(expr: Expr) -> bool:
    """Whether the expression is a JSON document."""
    return type_of(expr).kind is Kind.JSON


def extracted(document: Expr, path: Iterable[Expr], function: str = "JSON_EXTRACT_PATH") -> Call:
    """The part of the document that the path leads to: as a document, or by ``function``. Paths in a row are one."""
    args: tuple[Expr, ...] = (document,)
    if isinstance(document, Call) and document.function == "JSON_EXTRACT_PATH":
        args = document.args
    return Call(function, (*args, *path), TEXT if function == "JSON_EXTRACT_PATH_TEXT" else JSON)


def comparable(expr: Expr) -> Expr:
    """What compares, sorts and hashes as the value does: of a document, not its text. Any other value is itself."""
    return extracted(expr, (), "JSON_COMPARABLE") if is_document(expr) else under_collation(expr)


def canonical(expr: Expr) -> Expr:
    """One text for the documents that DISTINCT and GROUP BY take for one. Anything else is itself."""
    return extracted(expr, (), "JSON_CANONICAL") if is_document(expr) else expr


def sortable(key: SortKey) -> SortKey:
    """The key as Sort can compare it."""
    return replace(key, expr=comparable(key.expr))


def embedded(expr: Expr) -> Expr:
    """A value of any type as a document: a text becomes a string."""
    return expr if is_document(expr) else Call("TO_JSON", (expr,), JSON, is_nullable(expr))


def unquoted(expr: Expr) -> Expr:
    """A document as text, a string without its quotes; JSON null is NULL. Anything else is itself."""
    return extracted(expr, (), "JSON_EXTRACT_PATH_TEXT") if is_document(expr) else expr


def as_number(expr: Expr) -> Expr:
    """A document as a number; DataError when run if it is none. Anything else is itself."""
    return Cast(unquoted(expr), DECIMAL) if is_document(expr) else expr
