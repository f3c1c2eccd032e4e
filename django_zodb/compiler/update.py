"""UPDATE, without most of what Django asks about each value that is assigned."""

from __future__ import annotations

from typing import Any

import django
from django.core.exceptions import FullResultSet
from django.db.models.sql import compiler

from .plain_columns import PlainColumns
from .saved_values import has_own_placeholder, is_saved_as_it_is

_NULL_IS_A_PARAMETER = django.VERSION >= (6, 1)


class SQLUpdateCompiler(PlainColumns, compiler.SQLUpdateCompiler):
    """UPDATE."""

    query: Any

    def as_sql(self, *arguments: Any, **named: Any) -> Any:
        """As Django's; where each value is a parameter, it is written at once."""
        return self._plainly() or super().as_sql(*arguments, **named)

    def _plainly(self) -> tuple[str, tuple[Any, ...]] | None:
        assigned = self.query.values
        if not assigned or not self._may_pass_over or getattr(self, "returning_fields", None):
            return None
        for field, _, value in assigned:
            if not is_saved_as_it_is(field, value) or has_own_placeholder(field):
                return None
        self.pre_sql_setup()
        settings, values = [], []
        for field, _, value in assigned:
            if value is None and not _NULL_IS_A_PARAMETER:
                settings.append(f"{self._quoted(field.column)} = NULL")
            else:
                settings.append(f"{self._quoted(field.column)} = %s")
                values.append(value)
        statement = f"UPDATE {self._quoted(self.query.base_table)} SET {', '.join(settings)}"
        try:
            condition, more = self.compile(self.query.where)
        except FullResultSet:
            return statement, tuple(values)
        return f"{statement} WHERE {condition}", (*values, *more)
