"""INSERT. Of one row, mostly, and again and again the same statement: it is written once for each model.

Of several rows it is written anew each time, without most of what Django asks about each value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

from django.db import models
from django.db.models.sql import compiler

from .plain_columns import PlainColumns
from .saved_values import has_own_placeholder, is_saved_as_it_is

_Key = tuple[str, tuple[Any, ...], tuple[Any, ...]]
"""A table, the columns that get a value, and those that are returned."""
_written: WeakKeyDictionary[type[models.Model], dict[_Key, str]] = WeakKeyDictionary()
"""The statements of one row, a parameter for each value, of each model."""


class SQLInsertCompiler(PlainColumns, compiler.SQLInsertCompiler):
    """INSERT."""

    query: Any
    _saved: Iterator[Any] | None = None
    """What is to be saved in the fields, one by one, where that was asked already."""

    def as_sql(self, *arguments: Any, **named: Any) -> Any:
        """As Django's, which writes the statement of each row anew."""
        query = self.query
        fields = query.fields
        if len(query.objs) != 1 or query.on_conflict is not None or not fields or not self._may_pass_over:
            return super().as_sql(*arguments, **named)
        (obj,) = query.objs
        saved = [self.pre_save_val(field, obj) for field in fields]
        return self._known(saved) or self._by_django(saved)

    def _known(self, saved: Sequence[Any]) -> list[tuple[str, Any]] | None:
        """The statement that saves these values, if it was written before and each of them is a parameter."""
        statements = _written.get(self.query.model)
        if statements is None or any(map(_is_expression, map(type, saved))):
            return None
        statement = statements.get(self._key())
        if statement is None:
            return None
        values = tuple(map(self.prepare_value, self.query.fields, saved))
        return None if any(map(_is_expression, map(type, values))) else [(statement, values)]

    def _by_django(self, saved: Sequence[Any]) -> Any:
        """The statement that saves these values; from now on it is known, if all others would have the same."""
        self._saved = iter(saved)
        try:
            made = super().as_sql()
        finally:
            self._saved = None
        (statement, values), *more = made
        if not more and len(values) == len(saved) and all(map(_is_parameter, self.query.fields, saved, values)):
            _written.setdefault(self.query.model, {})[self._key()] = statement
        return made

    def _key(self) -> _Key:
        columns, returned = self.query.fields, self.returning_fields or ()
        table = self.query.model._meta.db_table
        return table, tuple([each.column for each in columns]), tuple([each.column for each in returned])

    def pre_save_val(self, field: Any, obj: Any) -> Any:
        """As Django's; a field is asked once, since it may count."""
        return super().pre_save_val(field, obj) if self._saved is None else next(self._saved)

    def prepare_value(self, field: Any, value: Any) -> Any:
        """As Django's, which asks several methods about each value."""
        return value if is_saved_as_it_is(field, value) else super().prepare_value(field, value)

    def assemble_as_sql(self, fields: Sequence[Any], value_rows: Sequence[Sequence[Any]]) -> Any:
        """As Django's, which asks of each value what it is, row by row; mostly each is one parameter."""
        kinds = set(map(type, chain.from_iterable(value_rows)))
        if not self._may_pass_over or any(map(_is_expression, kinds)) or any(map(has_own_placeholder, fields)):
            return super().assemble_as_sql(fields, value_rows)
        return [("%s",) * len(fields)] * len(value_rows), value_rows


@lru_cache(1000)
def _is_expression(kind: type) -> bool:
    """Whether values of the class are, or become, SQL of their own."""
    return hasattr(kind, "as_sql") or hasattr(kind, "resolve_expression")


def _is_parameter(field: Any, saved: Any, value: Any) -> bool:
    """Whether a value is a parameter as it is, and so is what else the field may save."""
    return not (_is_expression(type(saved)) or _is_expression(type(value)) or has_own_placeholder(field))  # type: ignore[arg-type]
