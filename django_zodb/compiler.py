"""Django's SQL compilers, but for what they do with rows: these are here already, and hold what the fields want.

Also what Django does for each column of a query, or value of an INSERT, and mostly finds that there is nothing to do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import django
from django.db import models
from django.db.models.expressions import BaseExpression, Col
from django.db.models.sql import compiler
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI

from .saved_values import is_saved_as_it_is

Converters = dict[int, tuple[list[Callable[..., Any]], Any]]

_BY_FROM_DB_VALUE = (models.Field.get_db_converters, models.ForeignKey.get_db_converters)
_NO_PARAMETERS: Callable[[], Any] = tuple if django.VERSION >= (6,) else list
_PIECE = 1000
_FEW = 10
_NUMBERS = {"FloatField": float, "DecimalField": Decimal}


class PlainColumns(compiler.SQLCompiler):
    """Writes columns, and sees whether their values are converted, in less time than Django.

    Half of the time of a query for one row is Django's, a good part of it spent on each of the columns.
    """

    def compile(self, node: Any) -> tuple[str, Any]:
        """As Django's."""
        if type(node) is not Col:
            return super().compile(node)
        field: Any = node.target
        column = self._quoted(field.column)
        return (f"{self._quoted(node.alias)}.{column}" if node.alias else column), _NO_PARAMETERS()

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
        if all(map(_is_plain_column, expressions)):
            return {}
        converters: Converters = super().get_converters(expressions)
        return converters


class NativeRows(PlainColumns):
    """Takes all rows at once where all are asked for, and converts no number that is of its field's class."""

    def execute_sql(
        self, result_type: Any = MULTI, chunked_fetch: bool = False, chunk_size: int = GET_ITERATOR_CHUNK_SIZE
    ) -> Any:
        """As Django's, which takes a hundred rows at a time even where it keeps them all."""
        return super().execute_sql(result_type, chunked_fetch, chunk_size if chunked_fetch else sys.maxsize)

    def apply_converters(self, rows: Iterable[Any], converters: Converters) -> Iterator[Any]:
        """As Django's; a column that holds nothing but numbers of its class and NULLs is left alone."""
        rows = iter(rows)
        first = list(islice(rows, _FEW))
        if len(first) < _FEW:  # looking at them would cost more than converting them
            yield from super().apply_converters(first, converters)
            return
        rows = chain(first, rows)
        classes = {
            at: class_ for at, (convert, expression) in converters.items() if (class_ := _class(convert, expression))
        }
        if not classes:
            yield from super().apply_converters(rows, converters)
            return
        while piece := list(islice(rows, _PIECE)):
            native = {
                at
                for at, class_ in classes.items()
                if set(map(type, map(itemgetter(at), piece))) <= {class_, type(None)}
            }
            rest = {at: converter for at, converter in converters.items() if at not in native}
            yield from super().apply_converters(piece, rest) if rest else piece


def _is_plain_column(expression: Any) -> bool:
    """Whether it is a column whose values are handed to the model as they are."""
    if type(expression) is not Col:
        return False
    field, output = expression.target, expression.output_field
    return _converts_nothing(field) and (output is field or _converts_nothing(output))


def _converts_nothing(field: Any) -> bool:
    return type(field).get_db_converters in _BY_FROM_DB_VALUE and not hasattr(field, "from_db_value")


def _class(convert: list[Callable[..., Any]], expression: Any) -> type | None:
    """The class of numbers for which the only converter, Django's own of expressions, does nothing."""
    if len(convert) != 1 or type(expression).convert_value is not BaseExpression.convert_value:
        return None
    if convert[0] is not expression.convert_value:
        return None
    kind = expression.output_field.get_internal_type()
    return int if kind.endswith("IntegerField") else _NUMBERS.get(kind)


class SQLCompiler(NativeRows):
    """SELECT."""


class SQLAggregateCompiler(NativeRows, compiler.SQLAggregateCompiler):
    """Aggregates over a subquery."""


class SQLInsertCompiler(PlainColumns, compiler.SQLInsertCompiler):
    """INSERT."""

    def prepare_value(self, field: Any, value: Any) -> Any:
        """As Django's, which asks several methods about each value."""
        return value if is_saved_as_it_is(field, value) else super().prepare_value(field, value)

    def assemble_as_sql(self, fields: Sequence[Any], value_rows: Sequence[Sequence[Any]]) -> Any:
        """As Django's, which asks of each value what it is, row by row; mostly each is one parameter."""
        kinds = set(map(type, chain.from_iterable(value_rows)))
        if any(map(_has_own_sql, kinds)) or any(map(_has_own_placeholder, fields)):
            return super().assemble_as_sql(fields, value_rows)
        return [("%s",) * len(fields)] * len(value_rows), value_rows


def _has_own_sql(kind: type) -> bool:
    """Whether values of the class are expressions."""
    return hasattr(kind, "as_sql")


def _has_own_placeholder(field: Any) -> bool:
    """Whether the field says what stands for its values, or there is none, and its values are SQL."""
    return field is None or hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")


class SQLUpdateCompiler(PlainColumns, compiler.SQLUpdateCompiler):
    """UPDATE."""


class SQLDeleteCompiler(PlainColumns, compiler.SQLDeleteCompiler):
    """DELETE."""
