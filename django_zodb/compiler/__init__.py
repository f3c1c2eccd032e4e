"""Django's SQL compilers, but for what they do with rows: these are here already, and hold what the fields want.

Also without most of what Django does anew for each column of a query.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from django.db.models.expressions import BaseExpression
from django.db.models.sql import compiler
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI

from .. import collector
from .insert import SQLInsertCompiler
from .instances import make_directly
from .known_columns import KnownColumns
from .plain_columns import Converters, PlainColumns
from .simple_select import SimpleSelect
from .update import SQLUpdateCompiler

_PIECE = 1000
_FEW = 10
_NUMBERS = {"FloatField": float, "DecimalField": Decimal}


__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]


class NativeRows(KnownColumns):
    """Takes all rows at once where all are asked for, and converts no number that is of its field's class."""

    def execute_sql(
        self, result_type: Any = MULTI, chunked_fetch: bool = False, chunk_size: int = GET_ITERATOR_CHUNK_SIZE
    ) -> Any:
        """As Django's, which takes a hundred rows at a time even where it keeps them all.

        Instances are made of them in fewer steps, see ``instances``.
        """
        found = super().execute_sql(result_type, chunked_fetch, chunk_size if chunked_fetch else sys.maxsize)
        if result_type == MULTI and self.query.default_cols and self.klass_info is not None:
            make_directly(self.klass_info, self.select, type(found) is list and sum(map(len, found)) < _FEW)
        return found

    def results_iter(self, results: Any = None, *arguments: Any, **named: Any) -> Iterator[Any]:
        """As Django's; while a long list of instances is made, the garbage collector waits.

        Not where ``iterator()`` is told to take all rows at once: what is done with each is the user's then.
        """
        rows: Iterator[Any] = super().results_iter(results, *arguments, **named)
        if type(results) is not list or not self.query.default_cols:
            return rows
        if self.connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            return rows
        count = sum(map(len, results))
        return _uncollected(rows, count) if count >= collector.MANY_ROWS else rows

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


def _uncollected(rows: Iterator[Any], count: int) -> Iterator[Any]:
    with collector.uncollected(count):
        yield from rows


def _class(convert: list[Callable[..., Any]], expression: Any) -> type | None:
    """The class of numbers for which the only converter, Django's own of expressions, does nothing."""
    if len(convert) != 1 or type(expression).convert_value is not BaseExpression.convert_value:
        return None
    if convert[0] is not expression.convert_value:
        return None
    kind = expression.output_field.get_internal_type()
    return int if kind.endswith("IntegerField") else _NUMBERS.get(kind)


class SQLCompiler(NativeRows, SimpleSelect):
    """SELECT."""


class SQLAggregateCompiler(NativeRows, compiler.SQLAggregateCompiler):
    """Aggregates over a subquery."""


class SQLDeleteCompiler(PlainColumns, compiler.SQLDeleteCompiler):
    """DELETE."""
