"""The tables of a database as Django asks for them: for ``inspectdb``, ``flush``, and altering by constraint name.

The list of tables is a query of ``information_schema``; all else is read from the catalog's definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import ProgrammingError
from django.db.backends.base.introspection import BaseDatabaseIntrospection
from django.db.models import Index

from .sql.bind_view import view_as_table
from .storage.schema import Check, ColumnSchema, ForeignKey, IndexKey, IndexSchema, TableSchema
from .values import Kind, SqlType

if TYPE_CHECKING:
    from .storage.protocol import Catalog


class FieldInfo(NamedTuple):
    """Django's FieldInfo and what else the field of a column is made from."""

    name: str
    type_code: str
    display_size: int | None
    internal_size: int | None
    precision: int | None
    scale: int | None
    null_ok: bool
    default: str | None
    collation: str | None
    is_autofield: bool
    comment: str | None
    is_positive: bool


class TableInfo(NamedTuple):
    """Django's TableInfo with the comment."""

    name: str
    type: str
    comment: str | None


AUTO_FIELDS = {
    "IntegerField": "AutoField",
    "BigIntegerField": "BigAutoField",
    "SmallIntegerField": "SmallAutoField",
}


UNLIMITED = 2**31 - 1
"""The size of a varchar that stands for a CharField without max_length; no text is longer."""


def type_code(type_: SqlType) -> str:
    """What ``data_types_reverse`` is keyed by: the type's name in SQL without length, precision and scale."""
    return str(type_).partition("(")[0]


class DatabaseIntrospection(BaseDatabaseIntrospection):
    """Reads the schema of the current transaction's snapshot."""

    data_types_reverse = {
        "bigint": "BigIntegerField",
        "boolean": "BooleanField",
        "bytea": "BinaryField",
        "date": "DateField",
        "double precision": "FloatField",
        "integer": "IntegerField",
        "interval": "DurationField",
        "json": "JSONField",
        "numeric": "DecimalField",
        "smallint": "SmallIntegerField",
        "text": "TextField",
        "time": "TimeField",
        "timestamp": "DateTimeField",
        "uuid": "UUIDField",
        "varchar": "CharField",
    }

    @contextmanager
    def _catalog(self) -> Iterator[Catalog]:
        """The catalog of the current transaction, or, in autocommit, of one for this purpose alone."""
        self.connection.ensure_connection()
        driver = self.connection.connection
        alone = driver.autocommit and not driver.in_transaction
        with self.connection.wrap_database_errors:
            try:
                yield driver.catalog
            finally:
                if alone:
                    driver.rollback()

    def _schema(self, table_name: str) -> TableSchema:
        """The definition of a table or view; of one that is not there, as yet for ``sqlmigrate``, without columns."""
        with self._catalog() as catalog:
            name = _in_any_case(table_name, (*catalog.table_names(), *catalog.view_names()))
            schema = catalog.schema(name)
            view = catalog.view(name) if schema is None else None
            if view is not None:
                schema = view_as_table(view, catalog)
        return schema or TableSchema(table_name, ())

    def get_field_type(self, data_type: str, description: Any) -> str:
        """The model field that makes such a column."""
        name: str = self.data_types_reverse[data_type]
        if getattr(description, "is_autofield", False):
            return AUTO_FIELDS.get(name, name)
        if getattr(description, "is_positive", False):
            return f"Positive{name}"
        return name

    def get_table_list(self, cursor: Any) -> list[Any]:
        """Every table, with its comment, and every view."""
        cursor.execute(
            "SELECT table_name, CASE table_type WHEN 'VIEW' THEN 'v' ELSE 't' END, table_comment "
            "FROM information_schema.tables WHERE table_schema = 'public'"
        )
        return [TableInfo(*row) for row in cursor.fetchall()]

    def get_table_description(self, cursor: Any, table_name: str) -> list[Any]:
        """The columns in the table's order."""
        schema = self._schema(table_name)
        if not schema.columns:
            raise ProgrammingError(f'table "{table_name}" does not exist')
        return [_field_info(schema, column) for column in schema.columns]

    def get_sequences(self, cursor: Any, table_name: str, table_fields: Any = ()) -> list[Any]:
        """The identity columns; a sequence has no other name than its table's."""
        schema = self._schema(table_name)
        return [{"table": table_name, "column": column.name} for column in schema.columns if column.identity]

    def get_relations(self, cursor: Any, table_name: str) -> dict[str, tuple[Any, ...]]:
        """``{column: (other column, other table)}``; since Django 6.1 with what ON DELETE does as a third item."""
        actions: dict[str, Any] | None = getattr(self, "on_delete_types", None)
        relations: dict[str, tuple[Any, ...]] = {}
        for fk in self._schema(table_name).foreign_keys:
            target = (fk.references[0], fk.table)
            relations[fk.columns[0]] = target if actions is None else (*target, actions.get(fk.on_delete))
        return relations

    def get_primary_key_columns(self, cursor: Any, table_name: str) -> list[str] | None:
        """The columns of the primary key in its order, or None."""
        return list(self._schema(table_name).primary_key) or None

    def get_constraints(self, cursor: Any, table_name: str) -> dict[str, Any]:
        """Constraints and indexes by name."""
        schema = self._schema(table_name)
        constraints: dict[str, dict[str, Any]] = {}
        if schema.primary_key:
            name = schema.primary_key_name or f"{schema.name}_pkey"
            constraints[name] = _constraint(schema.primary_key, primary_key=True, unique=True)
        for check in schema.checks:
            constraints[check.name] = _constraint(_checked_columns(schema, check), check=True)
        for fk in schema.foreign_keys:
            constraints[fk.name] = _constraint(fk.columns, foreign_key=_target(fk))
        for index in schema.indexes:
            constraints[index.name] = _index(schema, index)
        return constraints


def _field_info(schema: TableSchema, column: ColumnSchema) -> FieldInfo:
    type_ = column.type
    is_decimal = type_.kind is Kind.DECIMAL
    length = type_.size if type_.kind is Kind.TEXT and type_.size != UNLIMITED else None
    return FieldInfo(
        name=column.name,
        type_code=type_code(type_),
        display_size=length,
        internal_size=length,
        precision=type_.size if is_decimal else None,
        scale=type_.scale if is_decimal else None,
        null_ok=column.nullable,
        default=column.default,
        collation=column.collation,
        is_autofield=column.identity,
        comment=column.comment,
        is_positive=type_.is_integer and _is_positive(schema, column.name),
    )


def _is_positive(schema: TableSchema, column: str) -> bool:
    """Whether a constraint says ``column >= 0``, as a PositiveIntegerField does."""
    return any(_bare(check.expression) == f"{column} >= 0" for check in schema.checks)


def _bare(expression: str) -> str:
    text = expression.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text.replace('"', "")


def _checked_columns(schema: TableSchema, check: Check) -> list[str]:
    """The columns that a check mentions, in the table's order. Quoted or not, a name is found as a whole word."""
    words = set(_words(check.expression))
    return [column.name for column in schema.columns if column.name in words]


def _words(expression: str) -> Iterable[str]:
    """The identifiers of an SQL expression; string literals are left out."""
    word, quote = "", ""
    for char in expression + " ":
        if quote:
            if char != quote:
                word += char
                continue
            if quote == '"':
                yield word
            word = quote = ""
        elif char in "\"'":
            yield word
            word, quote = "", char
        elif char.isalnum() or char == "_":
            word += char
        else:
            yield word
            word = ""


def _target(fk: ForeignKey) -> tuple[str, str]:
    return fk.table, fk.references[0]


def _constraint(columns: Iterable[str | None], **properties: Any) -> dict[str, Any]:
    return {
        "columns": list(columns),
        "primary_key": False,
        "unique": False,
        "foreign_key": None,
        "check": False,
        "index": False,
        "definition": None,
        "options": None,
        **properties,
    }


def _index(schema: TableSchema, index: IndexSchema) -> dict[str, Any]:
    if index.constraint:
        return _constraint(index.columns, unique=True)
    columns = (*index.columns, *index.include)
    return _constraint(
        columns if any(columns) else (),
        unique=index.unique,
        index=True,
        orders=["DESC" if key.descending else "ASC" for key in index.keys],
        type=Index.suffix,
        definition=_definition(schema, index) if None in columns else None,
    )


def _definition(schema: TableSchema, index: IndexSchema) -> str:
    """The index as a CREATE INDEX statement."""
    keys = ", ".join(_key(key) for key in index.keys)
    text = f'CREATE {"UNIQUE " if index.unique else ""}INDEX "{index.name}" ON "{schema.name}" ({keys})'
    if index.include:
        text += f" INCLUDE ({', '.join(map(_quoted, index.include))})"
    return f"{text} WHERE {index.where}" if index.where else text


def _key(key: IndexKey) -> str:
    text = _quoted(key.column) if key.column is not None else f"({key.expression})"
    return f"{text} DESC" if key.descending else text


def _quoted(name: str) -> str:
    return f'"{name}"'


def _in_any_case(name: str, names: Iterable[str]) -> str:
    """That of ``names`` which is equal to ``name``, or differs from it in case alone; else ``name``."""
    known = list(names)
    folded = name.casefold()
    return name if name in known else next((each for each in known if each.casefold() == folded), name)
