"""CREATE TABLE, DROP TABLE, TRUNCATE."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ProgrammingError
from ..record import replace
from ..storage.protocol import Catalog
from ..storage.schema import TableSchema
from .ddl_builder import TableBuilder
from .ddl_column import CONSTRAINT_WORDS, ColumnDefinition, Constraint, read_column, read_table_constraint
from .ddl_parse import Name, Reader


def create_table(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows CREATE TABLE."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    name = reader.relation("a table")
    if reader.token.word == "AS":
        reader.refuse("CREATE TABLE AS is not supported; write CREATE TABLE, then INSERT INTO … SELECT")
    columns, constraints = _read_elements(reader)
    if reader.token.kind != "end" and reader.token.word != ";":
        reader.refuse("options after the columns of a table are not supported")
    reader.finish()
    if find_table(catalog, name, missing_ok=True) is not None:
        if if_not_exists:
            return
        raise ProgrammingError(f'table "{name.text}" already exists{name.where}')
    catalog.create_table(_built(catalog, name, columns, constraints))


def _read_elements(reader: Reader) -> tuple[list[ColumnDefinition], list[Constraint]]:
    columns: list[ColumnDefinition] = []
    constraints: list[Constraint] = []
    reader.expect("(")
    while True:
        if reader.token.word in CONSTRAINT_WORDS:
            constraints.append(read_table_constraint(reader))
        else:
            columns.append(read_column(reader))
        if not reader.accept(","):
            break
    reader.expect(")")
    return columns, constraints


def _built(catalog: Catalog, name: Name, columns: list[ColumnDefinition], constraints: list[Constraint]) -> TableSchema:
    table = TableBuilder(catalog, TableSchema(name.text, ()))
    for column in columns:
        table.add_column(column.schema(), column.name)
        constraints = [*constraints, *column.constraints]
    for constraint in sorted(constraints, key=lambda each: each.rank):
        constraint.add(table)
    table.check_columns()
    return table.schema


def drop_table(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows DROP TABLE; several tables are dropped together."""
    if_exists = reader.accept("IF", "EXISTS")
    names = [reader.relation("a table")]
    while reader.accept(","):
        names.append(reader.relation("a table"))
    cascade = reader.accept_any("CASCADE", "RESTRICT") == "CASCADE"
    reader.finish()
    found = [find_table(catalog, name, if_exists) for name in names]
    tables = list(dict.fromkeys(name for name in found if name is not None))
    _forget_references(catalog, tables)
    for table in tables:
        catalog.drop_table(table, cascade)


def _forget_references(catalog: Catalog, tables: list[str]) -> None:
    """Drop foreign keys among ``tables``, so that each can be dropped in any order."""
    if len(tables) == 1:
        return
    for name in tables:
        schema = existing(catalog, name)
        kept = tuple(fk for fk in schema.foreign_keys if fk.table not in tables)
        if len(kept) != len(schema.foreign_keys):
            catalog.alter_table(name, replace(schema, foreign_keys=kept))


def truncate(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows TRUNCATE; tables that refer to these must be named too, or CASCADE given."""
    reader.accept("TABLE")
    reader.accept("ONLY")
    names = [reader.relation("a table")]
    while reader.accept(","):
        names.append(reader.relation("a table"))
    restart = reader.accept_any("RESTART", "CONTINUE")
    if restart:
        reader.expect("IDENTITY")
    cascade = reader.accept_any("CASCADE", "RESTRICT") == "CASCADE"
    reader.finish()
    tables = list(dict.fromkeys(table_named(catalog, name) for name in names))
    for other, fk in _referring(catalog, tables):
        if not cascade:
            raise ProgrammingError(
                f'cannot truncate "{fk}": table "{other}" refers to it; name both, or write TRUNCATE … CASCADE'
            )
        tables.append(other)
    catalog.truncate(tables, restart == "RESTART")


def _referring(catalog: Catalog, tables: list[str]) -> Iterator[tuple[str, str]]:
    """Tables outside ``tables`` that refer into it, and to which; grows with ``tables`` while it is walked."""
    others = [schema for name in catalog.table_names() if (schema := catalog.schema(name)) is not None]
    grown = True
    while grown:
        grown = False
        for schema in others:
            targets = [fk.table for fk in schema.foreign_keys if fk.table in tables]
            if targets and schema.name not in tables:
                yield schema.name, targets[0]
                grown = True


def find_table(catalog: Catalog, name: Name, missing_ok: bool = False) -> str | None:
    """The table that ``name`` means; if there is none, None or ProgrammingError."""
    found = name.text if catalog.schema(name.text) is not None else name.among(catalog.table_names())
    if found is None and name.among(catalog.view_names()) is not None:
        raise ProgrammingError(f'"{name.text}" is a view{name.where}')
    if found is None and not missing_ok:
        raise ProgrammingError(f'table "{name.text}" does not exist{name.where}')
    return found


def table_named(catalog: Catalog, name: Name) -> str:
    """The table that ``name`` means; ProgrammingError if there is none."""
    found = find_table(catalog, name)
    assert found is not None
    return found


def existing(catalog: Catalog, name: str) -> TableSchema:
    """The definition of a table that is known to exist."""
    schema = catalog.schema(name)
    assert schema is not None, name
    return schema
