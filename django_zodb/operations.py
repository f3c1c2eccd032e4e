"""What Django's ORM has to know of the engine's SQL: names, literals, dates, conflicts, sequences, EXPLAIN.

Values go to the driver and come back as the Python objects that Django's fields want, so there are hardly any
converters here.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import OperationalError, models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models.constants import OnConflict
from django.db.models.expressions import Col
from django.db.models.functions.datetime import TruncBase
from django.utils import timezone

from . import compiler
from .clock import dt
from .errors import ProgrammingError
from .sql.literals import identifier, literal
from .sql.parse import statements

if TYPE_CHECKING:
    from django.core.management.color import Style
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.expressions import BaseExpression

SqlAndParams = tuple[str, Sequence[Any]]

TEXT_LOOKUPS = frozenset(
    (
        "iexact",
        "contains",
        "icontains",
        "startswith",
        "istartswith",
        "endswith",
        "iendswith",
        "regex",
        "iregex",
    )
)
"""Lookups that compare text, whatever the column holds: ``filter(number__contains=4)``."""

TEXT_FIELDS = frozenset(("CharField", "FileField", "FilePathField", "GenericIPAddressField", "SlugField", "TextField"))
"""Internal types whose columns are text already."""

EXPLAIN_OPTIONS = ("ANALYZE", "COSTS")

_WORD = re.compile(r"[a-z_]+")


def _shown(value: object) -> str:
    """``value`` as a literal, or as text where there is none: a log has to show every parameter."""
    try:
        return literal(value)
    except ProgrammingError:
        return literal(str(value))


@lru_cache(4096)
def _quoted(name: str) -> str:
    return name if name.startswith('"') and name.endswith('"') and len(name) > 1 else identifier(name)


class DatabaseOperations(BaseDatabaseOperations):
    """The SQL of the engine where it differs from Django's defaults; mostly it is PostgreSQL's."""

    compiler_module = compiler.__name__
    cast_char_field_without_max_length = "text"
    explain_prefix = "EXPLAIN"

    # --- names and literals --------------------------------------------------------------------------------------

    def quote_name(self, name: str) -> str:
        """``name`` in double quotes, unless it already is."""
        return _quoted(name)

    def max_name_length(self) -> int | None:
        """63, as in PostgreSQL: longer names work, but generated ones stay readable."""
        return 63

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """The statement that was run (a wrapper may have changed it), with its parameters as literals; for logs."""
        sql = getattr(cursor, "statement", None) or sql
        if params is None:
            return sql
        try:
            if isinstance(params, Mapping):
                return sql % {name: _shown(value) for name, value in params.items()}
            return sql % tuple(map(_shown, params))
        except (TypeError, ValueError, KeyError):  # placeholders and parameters do not match: that is being logged
            return super().last_executed_query(cursor, sql, params)

    # --- SELECT --------------------------------------------------------------------------------------------------

    def distinct_sql(self, fields: list[str], params: list[Any] | None) -> tuple[list[str], list[Any]]:
        """``DISTINCT``, or ``DISTINCT ON`` the given fields."""
        if fields:
            return [f"DISTINCT ON ({', '.join(fields)})"], [param for group in params or () for param in group]
        return ["DISTINCT"], []

    def no_limit_value(self) -> None:
        """None: an OFFSET needs no LIMIT."""
        return

    def lookup_cast(self, lookup_type: str, internal_type: str | None = None) -> str:
        """Text lookups see every column as text; ``iexact`` compares it with its case folded."""
        sql = "CAST(%s AS text)" if lookup_type in TEXT_LOOKUPS and internal_type not in TEXT_FIELDS else "%s"
        return f"CASEFOLD({sql})" if lookup_type == "iexact" else sql

    def prep_for_iexact_query(self, x: Any) -> str:
        """The value as it is: unlike ILIKE, a comparison has no wildcards, whether a value or a column is compared."""
        return str(x)

    def unification_cast_sql(self, output_field: models.Field[Any, Any]) -> str:
        """No cast: both sides of a set operation are brought to their common type."""
        return "%s"

    def explain_query_prefix(self, format: str | None = None, **options: Any) -> str:
        """``EXPLAIN (FORMAT PYTHON, ANALYZE TRUE)``; ValueError for an unknown format or option."""
        extra = [f"{name} {bool(options.pop(name.lower()))}" for name in EXPLAIN_OPTIONS if name.lower() in options]
        prefix = super().explain_query_prefix(format, **options)
        if format:
            extra.insert(0, f"FORMAT {format.upper()}")
        return f"{prefix} ({', '.join(extra).upper()})" if extra else prefix

    # --- dates and times -----------------------------------------------------------------------------------------
    # Parts and zones are literals, not parameters, so that an expression in GROUP BY equals the one in SELECT.

    def date_extract_sql(self, lookup_type: str, sql: str, params: Any) -> SqlAndParams:
        """A part of a date."""
        return f"DJANGO_DATE_EXTRACT({_part(lookup_type)}, {sql})", params

    def datetime_extract_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None) -> SqlAndParams:
        """A part of a timestamp as the clocks of ``tzname`` show it."""
        return f"DJANGO_DATETIME_EXTRACT({_part(lookup_type)}, {sql}, {self._zone(tzname)})", params

    def time_extract_sql(self, lookup_type: str, sql: str, params: Any) -> SqlAndParams:  # type: ignore[override]
        """A part of a time."""
        return f"DJANGO_TIME_EXTRACT({_part(lookup_type)}, {sql})", params

    def date_trunc_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None = None) -> SqlAndParams:
        """The first day of the year, month, week… of a date or timestamp."""
        return f"DJANGO_DATE_TRUNC({_part(lookup_type)}, {sql}, {self._zone(tzname)})", params

    def datetime_trunc_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None) -> SqlAndParams:  # type: ignore[override]
        """The instant at which the year, hour… of a timestamp began in ``tzname``."""
        return f"DJANGO_DATETIME_TRUNC({_part(lookup_type)}, {sql}, {self._zone(tzname)})", params

    def time_trunc_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None = None) -> SqlAndParams:  # type: ignore[override]
        """A time, or a timestamp's time in ``tzname``, with the smaller parts set to zero."""
        return f"DJANGO_TIME_TRUNC({_part(lookup_type)}, {sql}, {self._zone(tzname)})", params

    def datetime_cast_date_sql(self, sql: str, params: Any, tzname: str | None) -> SqlAndParams:
        """The date of a timestamp in ``tzname``."""
        return f"DJANGO_DATETIME_CAST_DATE({sql}, {self._zone(tzname)})", params

    def datetime_cast_time_sql(self, sql: str, params: Any, tzname: str | None) -> SqlAndParams:
        """The time of a timestamp in ``tzname``."""
        return f"DJANGO_DATETIME_CAST_TIME({sql}, {self._zone(tzname)})", params

    def _zone(self, tzname: str | None) -> str:
        if tzname is None or not settings.USE_TZ:
            return "NULL"
        return literal(tzname).replace("%", "%%")

    # --- values in -----------------------------------------------------------------------------------------------

    def adapt_datefield_value(self, value: Any) -> Any:
        """As it is."""
        return value

    def adapt_datetimefield_value(self, value: Any) -> Any:
        """As it is, except that an aware value becomes naive local time while USE_TZ is False."""
        if isinstance(value, dt.datetime) and not settings.USE_TZ and timezone.is_aware(value):
            return timezone.make_naive(value, zoneinfo.ZoneInfo(self.connection.timezone_name))
        return value

    def adapt_timefield_value(self, value: Any) -> Any:
        """As it is; ValueError for a time with a time zone."""
        if isinstance(value, dt.time) and timezone.is_aware(value):
            raise ValueError("Django does not support timezone-aware times.")
        return value

    def adapt_durationfield_value(self, value: Any) -> Any:
        """As it is."""
        return value

    # --- values out ----------------------------------------------------------------------------------------------

    def get_db_converters(self, expression: BaseExpression) -> list[Callable[..., Any]]:
        """For truncated timestamps, of which Django wants the local time, and for dates that are computed."""
        if isinstance(expression, Col):
            return []
        if isinstance(expression, TruncBase):
            wanted = settings.USE_TZ and isinstance(expression.output_field, models.DateTimeField)
            return [_local_time_of_truncation] if wanted else []
        return [_date_of_sum] if expression.output_field.get_internal_type() == "DateField" else []

    # --- expressions ---------------------------------------------------------------------------------------------

    def conditional_expression_supported_in_where_clause(self, expression: Any) -> bool:
        """Always: booleans are a type."""
        return True

    # --- INSERT --------------------------------------------------------------------------------------------------

    def bulk_batch_size(self, fields: Sequence[Any], objs: Sequence[Any]) -> int:
        """How many of ``objs`` go into one statement: as many as have ``max_query_params`` values.

        Django's own since 6.1, but that there is always room for one.
        """
        most = self.connection.features.max_query_params
        values = sum(len(each.fields) if isinstance(each, models.CompositePrimaryKey) else 1 for each in fields)
        return max(most // values, 1) if most and values else len(objs)

    def return_insert_columns(self, fields: Iterable[models.Field[Any, Any]]) -> tuple[str, Any]:
        """``RETURNING`` the fields' columns."""
        columns = [f"{self.quote_name(f.model._meta.db_table)}.{self.quote_name(f.column or '')}" for f in fields]
        return (f"RETURNING {', '.join(columns)}", ()) if columns else ("", ())

    returning_columns = return_insert_columns  # its name since Django 6.0

    def fetch_returned_insert_rows(self, cursor: Any) -> list[tuple[Any, ...]]:
        """The rows of an ``INSERT … RETURNING``."""
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def on_conflict_suffix_sql(
        self,
        fields: Any,
        on_conflict: OnConflict | None,
        update_fields: Iterable[str],
        unique_fields: Iterable[str],
    ) -> str:
        """``ON CONFLICT DO NOTHING`` or ``ON CONFLICT (…) DO UPDATE SET …``."""
        match on_conflict:
            case OnConflict.IGNORE:
                return "ON CONFLICT DO NOTHING"
            case OnConflict.UPDATE:
                target = ", ".join(map(self.quote_name, unique_fields))
                assignments = ", ".join(f"{name} = EXCLUDED.{name}" for name in map(self.quote_name, update_fields))
                return f"ON CONFLICT ({target}) DO UPDATE SET {assignments}"
        return ""

    def prepare_sql_script(self, sql: str) -> list[str]:
        """The statements of a script, as a migration's ``RunSQL`` runs them, told apart by the engine's own reading.

        Django's default reads as others do, for whom ``#`` begins a comment and a backslash hides the quote behind it.
        """
        return statements(sql)

    # --- tables --------------------------------------------------------------------------------------------------

    def deferrable_sql(self) -> str:
        """Foreign keys are checked at commit."""
        return " DEFERRABLE INITIALLY DEFERRED"

    def sql_flush(
        self, style: Style, tables: Sequence[str], *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        """One ``TRUNCATE`` of all tables together."""
        if not tables:
            return []
        words = [
            style.SQL_KEYWORD("TRUNCATE"),
            ", ".join(style.SQL_FIELD(self.quote_name(table)) for table in tables),
        ]
        if reset_sequences:
            words.append(style.SQL_KEYWORD("RESTART IDENTITY"))
        if allow_cascade:
            words.append(style.SQL_KEYWORD("CASCADE"))
        return [" ".join(words) + ";"]

    def sequence_reset_by_name_sql(self, style: Style, sequences: list[dict[str, Any]]) -> list[str]:
        """Statements that let each sequence begin at 1 again. No column is given for a many-to-many table's ``id``."""
        return [
            f"{style.SQL_KEYWORD('ALTER TABLE')} {style.SQL_TABLE(self.quote_name(sequence['table']))} "
            f"{style.SQL_KEYWORD('ALTER COLUMN')} {style.SQL_FIELD(self.quote_name(sequence['column'] or 'id'))} "
            f"{style.SQL_KEYWORD('RESTART WITH')} 1;"
            for sequence in sequences
        ]

    def sequence_reset_sql(self, style: Style, model_list: Iterable[type[models.Model]]) -> list[str]:
        """Nothing to do: an explicit id moves its table's sequence, so that no sequence is ever behind its table."""
        return []


def _part(lookup_type: str) -> str:
    """The literal of a date part. It may come from a caller's string, so that anything but a word is refused."""
    lookup_type = lookup_type.lower()
    if not _WORD.fullmatch(lookup_type):
        raise OperationalError(f"Invalid lookup type: {lookup_type!r}")
    return f"'{lookup_type}'"


def _date_of_sum(value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
    """A date and an interval make a timestamp, which is in UTC; the caller has said that it is a date."""
    return value.date() if isinstance(value, dt.datetime) else value


def _local_time_of_truncation(value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
    if isinstance(value, dt.datetime) and timezone.is_aware(value):
        return value.astimezone(expression.tzinfo or timezone.get_current_timezone())
    return value
