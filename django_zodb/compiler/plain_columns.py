"""Columns, and comparisons of columns with values, written in fewer steps than Django takes.

And what Django asks about each column that is selected, mostly to find that there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import Any

import django
from django.db import models
from django.db.models.expressions import Col
from django.db.models.fields.related_lookups import RelatedIn, RelatedLookupMixin
from django.db.models.lookups import BuiltinLookup, Exact, In
from django.db.models.sql import compiler

from .saved_values import are_saved_as_they_are

Converters = dict[int, tuple[list[Callable[..., Any]], Any]]

_BY_FROM_DB_VALUE = (models.Field.get_db_converters, models.ForeignKey.get_db_converters)
parameters: Callable[..., Any] = tuple if django.VERSION >= (6,) else list
"""Makes what expressions return beside their SQL."""

_COMPARISONS = frozenset(("exact", "gt", "gte", "lt", "lte"))
_MEMBERSHIPS = frozenset((In, RelatedIn))
_THEIR_SQL = (BuiltinLookup.as_sql, Exact.as_sql, RelatedLookupMixin.as_sql)

_PASSED_OVER = frozenset(
    (
        *("compile", "quote_name", "quote_name_unless_alias", "field_as_sql", "assemble_as_sql"),
        *("pre_sql_setup", "setup_query", "get_select", "get_default_columns", "get_extra_select"),
        *("get_order_by", "_order_by_pairs", "find_ordering_name", "get_distinct", "get_from_clause", "get_group_by"),
    )
)
"""Methods of Django's compilers that are not asked where a statement, or a part of it, is written in fewer steps."""
_THEIR_MODULES = (compiler.__name__, __package__)


class PlainColumns(compiler.SQLCompiler):
    """Writes columns, and sees whether their values are converted, in less time than Django.

    Half of the time of a query for one row is Django's, a good part of it spent on each of the columns.
    """

    _may_pass_over = True
    """False in classes derived from the engine's that have a say in what is written here without asking."""

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        own = (vars(each) for each in cls.__mro__ if not each.__module__.startswith(_THEIR_MODULES))
        cls._may_pass_over = _PASSED_OVER.isdisjoint(chain.from_iterable(own))

    def compile(self, node: Any) -> tuple[str, Any]:
        """As Django's."""
        if not self._may_pass_over:
            return super().compile(node)
        if type(node) is Col:
            return self._column(node), parameters()
        if _is_comparison(node.__class__) and type(node.lhs) is Col and type(node.rhs) is not bool:
            return self._comparison(node)
        if type(node) in _MEMBERSHIPS and type(node.lhs) is Col and type(node.rhs) is list:
            return self._membership(node) or super().compile(node)
        return super().compile(node)

    def _column(self, node: Col) -> str:
        field: Any = node.target
        column = self._quoted(field.column)
        return f"{self._quoted(node.alias)}.{column}" if node.alias else column

    def _comparison(self, node: Any) -> tuple[str, Any]:
        """As ``BuiltinLookup.as_sql``, which makes a copy of the column, and asks how to cast what is never cast."""
        column = self._column(node.lhs)
        sql, values = node.process_rhs(self, self.connection)
        return f"{column} {node.get_rhs_op(self.connection, sql)}", parameters(values)

    def _membership(self, node: Any) -> tuple[str, Any] | None:
        """As ``In.as_sql``, which asks several methods about each value; None where these have something to do."""
        try:
            values = dict.fromkeys(node.rhs)
        except TypeError:
            return None
        values.pop(None, None)
        field = getattr(node.lhs.output_field, "target_field", None) or node.lhs.output_field
        if not values or not are_saved_as_they_are(field, set(map(type, values))):
            return None
        marks = ", ".join(("%s",) * len(values))
        return f"{self._column(node.lhs)} IN ({marks})", parameters(values)

    def _quoted(self, name: str) -> str:
        quoted: str | None = self.quote_cache.get(name)
        if quoted is not None:
            return quoted
        query = self.query
        if name in query.alias_map or query.extra or query.external_aliases:  # it may be a name that is not quoted
            return str(self._quote_name(name))
        self.quote_cache[name] = quoted = str(self.connection.ops.quote_name(name))
        return quoted

    _quote_name = getattr(compiler.SQLCompiler, "quote_name", None) or compiler.SQLCompiler.quote_name_unless_alias

    def get_converters(self, expressions: Iterable[Any]) -> Converters:
        """As Django's, which asks each column's field, although hardly any converts anything."""
        expressions = list(expressions)
        if all(map(is_plain_column, expressions)):
            return {}
        converters: Converters = super().get_converters(expressions)
        return converters


@lru_cache(1000)
def _is_comparison(kind: Any) -> bool:
    """Whether it compares, and in its SQL the column and what follows are side by side; that of booleans may differ."""
    if not issubclass(kind, BuiltinLookup) or kind.lookup_name not in _COMPARISONS or hasattr(kind, "as_zodb"):
        return False
    own = kind.__mro__[: kind.__mro__.index(BuiltinLookup)]
    return kind.process_lhs is BuiltinLookup.process_lhs and all(
        vars(each)["as_sql"] in _THEIR_SQL for each in own if "as_sql" in vars(each)
    )


def is_plain_column(expression: Any) -> bool:
    """Whether it is a column whose values are handed to the model as they are."""
    if type(expression) is not Col:
        return False
    field, output = expression.target, expression.output_field
    return _converts_nothing(field) and (output is field or _converts_nothing(output))


def _converts_nothing(field: Any) -> bool:
    return type(field).get_db_converters in _BY_FROM_DB_VALUE and not hasattr(field, "from_db_value")
