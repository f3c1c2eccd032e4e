"""SELECT of a model's rows, or of their number, with conditions, an order and limits: what most queries are."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models.expressions import Col
from django.db.models.lookups import Lookup
from django.db.models.sql.datastructures import BaseTable

from .known_columns import KnownColumns


class SimpleSelect(KnownColumns):
    """Compiles SELECT; a simple one without looking for what it does not have."""

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> Any:
        """As Django's."""
        query: Any = self.query
        if not with_col_aliases and _may_be_simple(query):
            counts = query.alias_refcount.copy()
            try:
                written = self._written(with_limits)
            finally:
                query.reset_refcounts(counts)
            if written is not None:
                return written
        return super().as_sql(with_limits, with_col_aliases)

    def _written(self, with_limits: bool) -> tuple[str, tuple[Any, ...]] | None:
        """The statement and its parameters; None if there is more to it."""
        query: Any = self.query
        if not query.alias_map:
            query.get_initial_alias()
        selected = self.known_select(False)
        if selected is None:
            return None
        self.select, self.klass_info, self.annotation_col_map = selected
        self.col_count, self.has_extra_select = len(selected[0]), False
        order = self._order()
        if order is None:
            return None
        sql, values = self._start()
        try:
            condition = self._condition()
        except EmptyResultSet:  # which it may be asked to write, too
            return None
        if condition is None:
            return None
        if condition[0]:
            sql = f"{sql} WHERE {condition[0]}"
            values.extend(condition[1])
        if order:
            sql = f"{sql} ORDER BY {', '.join(order)}"
        if with_limits and query.is_sliced:
            sql = f"{sql} {self.connection.ops.limit_offset_sql(query.low_mark, query.high_mark)}"
        return sql, tuple(values)

    def _order(self) -> list[str] | None:
        """What it orders by; None if it takes Django to tell."""
        places = self._order_by_places()
        if places is not None:
            return places
        order = self.known_order()
        return None if order is None else [sql for _, (sql, _, _) in order]

    def _order_by_places(self) -> list[str] | None:
        """The same where all of it is selected, under names by which Django goes: it writes which ones these are."""
        query, names = self.query, self._ordering()
        if not names or query.extra_order_by or set(map(type, names)) != {str}:
            return None
        places = [self.annotation_col_map.get(name.removeprefix("-")) for name in names]
        if None in places:
            return None
        if not query.order_by:
            self._meta_ordering = names
        descend = [name.startswith("-") is query.standard_ordering for name in names]
        order = dict(zip(reversed(places), reversed(descend), strict=True))  # of a place that comes twice, the first
        return [f"{at + 1} {'DESC' if order[at] else 'ASC'}" for at in dict.fromkeys(places)]

    def _start(self) -> tuple[str, list[Any]]:
        """SELECT, what is selected, and from where."""
        query: Any = self.query
        if self._whole and self._known is not None:
            columns, values = self._known.columns, []
        else:
            quote = self.connection.ops.quote_name
            columns = ", ".join([f"{sql} AS {quote(name)}" if name else sql for _, (sql, _), name in self.select])
            values = [value for _, (_, values), _ in self.select for value in values]
        if _is_of_one_table(query):
            return f"SELECT {columns} FROM {self._quoted(query.base_table)}", values
        tables, more = self.get_from_clause()
        return f"SELECT {columns} FROM {' '.join(tables)}", [*values, *more]

    def _condition(self) -> tuple[str, Any] | None:
        """The WHERE clause and its parameters; None if some of the conditions are not for that clause."""
        where: Any = self.query.where
        if _compares_columns(where):
            self.where, self.having, self.qualify = where, None, None
        else:
            self.where, self.having, self.qualify = where.split_having_qualify(must_group_by=False)
        if self.where is None or self.having is not None or self.qualify is not None:
            return None
        try:
            return self.compile(self.where)
        except FullResultSet:
            return "", ()


def _may_be_simple(query: Any) -> bool:
    """Whether it asks for nothing that takes another clause."""
    return not (
        query.distinct
        or query.select_related
        or query.combinator
        or query.select_for_update
        or query.explain_info
        or query.extra
        or query.extra_tables
        or query.group_by is not None
        or query.model is None
    )


def _is_of_one_table(query: Any) -> bool:
    """Whether no table is joined to that of the model, which has no other name."""
    base = query.base_table
    if any(count for alias, count in query.alias_refcount.items() if alias != base):
        return False
    return type(query.alias_map[base]) is BaseTable and base == query.get_meta().db_table


def _compares_columns(where: Any) -> bool:
    """Whether each condition compares a column with values: there is no aggregate in them."""
    return all(
        isinstance(each, Lookup) and type(each.lhs) is Col and not hasattr(each.rhs, "resolve_expression")
        for each in where.children
    )
