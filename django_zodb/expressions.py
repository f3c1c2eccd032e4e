"""The SQL of Django's expressions where the generic one does not do.

Django asks an expression for ``as_<vendor>`` before ``as_sql``; there is no other hook for these classes. ``COMPILERS``
is all that this package adds to them, once, when the backend is loaded; no other vendor's SQL is touched.

Names of JSON keys stand in the SQL as literals, so that an index on a key serves the filters on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import expressions
from django.db.models.fields import json
from django.db.models.functions import JSONObject

from .sql.literals import literal

Compiled = tuple[str, Any]


def _quoted(key: object) -> str:
    return literal(str(key)).replace("%", "%%")


def _key(self: json.KeyTransform, compiler: Any, connection: Any) -> Compiled:
    """``(document -> 'a')``."""
    lhs, params = compiler.compile(self.lhs)
    return f"({lhs} -> {_quoted(self.key_name)})", params


def _key_as_text(self: json.KeyTextTransform, compiler: Any, connection: Any) -> Compiled:
    """``((document -> 'a') ->> 'b')``: only the last step gives text."""
    lhs, params, (*outer, last) = self.preprocess_lhs(compiler, connection)
    return f"({_inside(lhs, outer)} ->> {_quoted(last)})", params


def _inside(document: str, keys: Iterable[object]) -> str:
    for key in keys:
        document = f"({document} -> {_quoted(key)})"
    return document


def _has_keys(self: json.HasKeyLookup, compiler: Any, connection: Any) -> Compiled:
    """``document ? 'a'``, ``document ?& ARRAY['a', 'b']``; a key may be the transform ``F("document__a__b")``.

    What is not there has no key: that is false, not NULL, so that ``exclude`` finds it.
    """
    lhs, params = self.process_lhs(compiler, connection)
    if isinstance(self.rhs, list | tuple):
        keys = ", ".join(map(_quoted, self.rhs))
        test = f"{lhs} {self.postgres_operator} ARRAY[{keys}]"
    else:
        test, params = _has_key(self, lhs, params, compiler, connection)
    if isinstance(self.lhs, json.KeyTransform) or isinstance(self.rhs, json.KeyTransform):
        return f"COALESCE({test}, FALSE)", params
    return f"({test})", params


def _has_key(self: json.HasKeyLookup, lhs: str, params: Any, compiler: Any, connection: Any) -> Compiled:
    if isinstance(self.rhs, json.KeyTransform):
        *_, (*outer, last) = self.rhs.preprocess_lhs(compiler, connection)
        return f"{_inside(lhs, outer)} ? {_quoted(last)}", params
    if hasattr(self.rhs, "as_sql"):
        rhs, rhs_params = self.process_rhs(compiler, connection)
        return f"{lhs} ? {rhs}", (*params, *rhs_params)
    return f"{lhs} ? {_quoted(self.rhs)}", params


def _object(self: JSONObject, compiler: Any, connection: Any, **extra: Any) -> Compiled:
    return self.as_sql(compiler, connection, function="JSONB_BUILD_OBJECT", **extra)


COMPILERS: dict[type[expressions.BaseExpression], Any] = {
    json.KeyTransform: _key,
    json.KeyTextTransform: _key_as_text,
    json.HasKeyLookup: _has_keys,
    JSONObject: _object,
}
"""Expression → its method for this vendor."""


def register(vendor: str) -> None:
    """Let Django find the compilers under the vendor's name."""
    for class_, method in COMPILERS.items():
        setattr(class_, f"as_{vendor}", method)
