"""The schema ``information_schema``: what tables, columns and constraints there are, as rows to be read by queries.

It has the views of the SQL standard that tools ask for, with the columns that mean something here; all are read-only.
All tables and views of a database are in the schema "public". The rows are made when a statement is bound: what names
one of these views is bound again after each change of a definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..storage.protocol import Catalog, Row
from ..storage.schema import ColumnSchema, TableSchema
from ..values import DOUBLE, INTEGER, TEXT, Kind, SqlType
from .bind_context import INFORMATION
from .bind_view import view_as_table
from .plan import OutputColumn
from .scope import PUBLIC

_DOUBLE_BITS = 53


def columns_of(view: str) -> tuple[OutputColumn, ...]:
    """The columns of the view of that name, one of ``names()``."""
    return tuple(OutputColumn(name, type_) for name, type_ in _VIEWS[view][0].items())


def rows_of(view: str, catalog: Catalog) -> tuple[Row, ...]:
    """Its rows."""
    return tuple(_VIEWS[view][1](catalog))


def names() -> list[str]:
    """The views there are."""
    return sorted(_VIEWS)


def _schemata(catalog: Catalog) -> Iterator[Row]:
    yield from ((PUBLIC,), (INFORMATION,))


def _tables(catalog: Catalog) -> Iterator[Row]:
    for table in _base_tables(catalog):
        yield PUBLIC, table.name, "BASE TABLE", "YES", table.comment
    for name in catalog.view_names():
        yield PUBLIC, name, "VIEW", "NO", None
    for name in names():
        yield INFORMATION, name, "VIEW", "NO", None


def _views(catalog: Catalog) -> Iterator[Row]:
    for name in catalog.view_names():
        view = catalog.view(name)
        assert view is not None
        yield PUBLIC, name, view.query, "NO"


def _columns(catalog: Catalog) -> Iterator[Row]:
    for table in (*_base_tables(catalog), *_views_as_tables(catalog)):
        for at, column in enumerate(table.columns, start=1):
            yield PUBLIC, table.name, column.name, at, *_details(column, column.name in table.primary_key)


def _details(column: ColumnSchema, key: bool) -> Row:
    type_ = column.type
    number = type_.size if type_.kind in (Kind.INTEGER, Kind.DECIMAL) else _DOUBLE_BITS if type_ == DOUBLE else None
    return (
        column.default,
        "YES" if column.nullable and not key else "NO",
        str(type_).partition("(")[0],
        type_.size if type_.kind is Kind.TEXT else None,
        number,
        type_.scale if type_.kind is Kind.DECIMAL else 0 if type_.kind is Kind.INTEGER else None,
        column.collation,
        "YES" if column.identity else "NO",
        "ALWAYS" if column.generated else "NEVER",
        column.generated,
        column.comment,
    )


def _constraints(catalog: Catalog) -> Iterator[Row]:
    for table in _base_tables(catalog):
        for name, kind, _ in _keys(table):
            yield PUBLIC, name, PUBLIC, table.name, kind
        for check in table.checks:
            yield PUBLIC, check.name, PUBLIC, table.name, "CHECK"


def _key_columns(catalog: Catalog) -> Iterator[Row]:
    for table in _base_tables(catalog):
        for name, kind, columns in _keys(table):
            for at, column in enumerate(columns, start=1):
                yield PUBLIC, name, PUBLIC, table.name, column, at, at if kind == "FOREIGN KEY" else None


def _references(catalog: Catalog) -> Iterator[Row]:
    tables = {table.name: table for table in _base_tables(catalog)}
    for table in tables.values():
        for fk in table.foreign_keys:
            wanted = sorted(fk.references)
            key = next((name for name, _, columns in _keys(tables[fk.table]) if sorted(columns) == wanted), None)
            yield PUBLIC, fk.name, PUBLIC, key, fk.on_update, fk.on_delete


def _checks(catalog: Catalog) -> Iterator[Row]:
    for table in _base_tables(catalog):
        for check in table.checks:
            yield PUBLIC, check.name, check.expression


def _keys(table: TableSchema) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, kind and columns of each constraint that is about columns."""
    if table.primary_key:
        yield table.primary_key_name or f"{table.name}_pkey", "PRIMARY KEY", table.primary_key
    for index in table.indexes:
        if index.unique and index.where is None and None not in index.columns:
            yield index.name, "UNIQUE", tuple(column for column in index.columns if column is not None)
    for fk in table.foreign_keys:
        yield fk.name, "FOREIGN KEY", fk.columns


def _base_tables(catalog: Catalog) -> list[TableSchema]:
    found = (catalog.schema(name) for name in catalog.table_names())
    return [schema for schema in found if schema is not None]


def _views_as_tables(catalog: Catalog) -> Iterator[TableSchema]:
    for name in catalog.view_names():
        view = catalog.view(name)
        assert view is not None
        yield view_as_table(view, catalog)


def _typed(names: str, **others: SqlType) -> dict[str, SqlType]:
    return {name: others.get(name, TEXT) for name in names.split()}


_VIEWS: dict[str, tuple[dict[str, SqlType], Callable[[Catalog], Iterator[Row]]]] = {
    "schemata": (_typed("schema_name"), _schemata),
    "tables": (_typed("table_schema table_name table_type is_insertable_into table_comment"), _tables),
    "views": (_typed("table_schema table_name view_definition is_updatable"), _views),
    "columns": (
        _typed(
            "table_schema table_name column_name ordinal_position column_default is_nullable data_type "
            "character_maximum_length numeric_precision numeric_scale collation_name is_identity is_generated "
            "generation_expression column_comment",
            **dict.fromkeys(
                ("ordinal_position", "character_maximum_length", "numeric_precision", "numeric_scale"), INTEGER
            ),
        ),
        _columns,
    ),
    "table_constraints": (
        _typed("constraint_schema constraint_name table_schema table_name constraint_type"),
        _constraints,
    ),
    "key_column_usage": (
        _typed(
            "constraint_schema constraint_name table_schema table_name column_name ordinal_position "
            "position_in_unique_constraint",
            ordinal_position=INTEGER,
            position_in_unique_constraint=INTEGER,
        ),
        _key_columns,
    ),
    "referential_constraints": (
        _typed(
            "constraint_schema constraint_name unique_constraint_schema unique_constraint_name update_rule delete_rule"
        ),
        _references,
    ),
    "check_constraints": (_typed("constraint_schema constraint_name check_clause"), _checks),
}
