"""ALTER TABLE … RENAME: tables, columns and constraints, with the expressions that mention them."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ProgrammingError
from ..record import replace
from ..storage.protocol import Catalog
from ..storage.schema import Check, TableSchema
from .ddl_builder import TableBuilder, constraint_names
from .ddl_expression import with_renamed_column, with_renamed_table
from .ddl_index import rename_index
from .ddl_parse import Name, Reader
from .ddl_table import existing


def rename(reader: Reader, catalog: Catalog, table: str | None) -> None:
    """Carry out ``RENAME …`` of ``table``; None, of a missing table under IF EXISTS, only reads it."""
    reader.expect("RENAME")
    if reader.accept("TO"):
        new = reader.relation("a table")
        reader.finish()
        if table is not None:
            _rename_table(catalog, table, new)
        return
    constraint = reader.accept("CONSTRAINT")
    if not constraint:
        reader.accept("COLUMN")
    old = reader.identifier("a constraint" if constraint else "a column")
    reader.expect("TO")
    new = reader.identifier("a name")
    reader.finish()
    if table is not None:
        (_rename_constraint if constraint else _rename_column)(catalog, table, old, new)


def _rename_table(catalog: Catalog, table: str, new: Name) -> None:
    if new.among(name for name in catalog.table_names() if name != table) is not None:
        raise ProgrammingError(f'table "{new.text}" already exists{new.where}')
    schema = _with_texts(existing(catalog, table), lambda text: with_renamed_table(text, table, new.text))
    catalog.alter_table(table, replace(schema, name=new.text))


def _rename_column(catalog: Catalog, table: str, old: Name, new: Name) -> None:
    schema = existing(catalog, table)
    found = TableBuilder(catalog, schema).column(old).name
    if new.text == found:
        return
    if new.text in schema.positions:
        raise ProgrammingError(f'column "{new.text}" of table "{table}" already exists{new.where}')
    catalog.rename_column(table, found, new.text)
    renamed = existing(catalog, table)
    changed = _with_texts(renamed, lambda text: with_renamed_column(text, schema, found, new.text))
    if changed != renamed:
        catalog.alter_table(table, changed)


def _with_texts(schema: TableSchema, change: Callable[[str], str]) -> TableSchema:
    """``schema`` with every expression over its columns changed; defaults use no column."""

    def changed(text: str | None) -> str | None:
        return None if text is None else change(text)

    return replace(
        schema,
        columns=tuple(replace(column, generated=changed(column.generated)) for column in schema.columns),
        checks=tuple(Check(check.name, change(check.expression)) for check in schema.checks),
        indexes=tuple(
            replace(
                index,
                keys=tuple(replace(key, expression=changed(key.expression)) for key in index.keys),
                where=changed(index.where),
            )
            for index in schema.indexes
        ),
    )


def _rename_constraint(catalog: Catalog, table: str, old: Name, new: Name) -> None:
    schema = existing(catalog, table)
    found = old.among(constraint_names(schema))
    if found is None:
        known = ", ".join(constraint_names(schema)) or "none"
        raise ProgrammingError(
            f'constraint "{old.text}" of table "{table}" does not exist{old.where}; there are: {known}'
        )
    if found == schema.primary_key_name or schema.index(found) is not None:
        rename_index(catalog, table, None if found == schema.primary_key_name else found, new)
        return
    chosen = TableBuilder(catalog, schema).chosen_name(new.text, "", new.where)
    fks = tuple(replace(fk, name=chosen) if fk.name == found else fk for fk in schema.foreign_keys)
    checks = tuple(replace(check, name=chosen) if check.name == found else check for check in schema.checks)
    catalog.alter_table(table, replace(schema, foreign_keys=fks, checks=checks))
