"""Which definition statement a text is, by its first words; the modules for each kind carry it out."""

from __future__ import annotations

from ..storage.protocol import Catalog
from . import ddl_alter, ddl_index, ddl_table, ddl_view
from .ddl_parse import Reader


def carry_out(reader: Reader, catalog: Catalog) -> None:
    """Read the statement and call the catalog."""
    match reader.expect_any("CREATE", "ALTER", "DROP", "COMMENT", "TRUNCATE"):
        case "CREATE":
            _create(reader, catalog)
        case "ALTER":
            _alter(reader, catalog)
        case "DROP":
            _drop(reader, catalog)
        case "COMMENT":
            reader.expect("ON")
            ddl_index.comment_on(reader, catalog)
        case _:
            ddl_table.truncate(reader, catalog)


def _create(reader: Reader, catalog: Catalog) -> None:
    if reader.accept("TABLE"):
        ddl_table.create_table(reader, catalog)
    elif reader.accept("UNIQUE", "INDEX"):
        ddl_index.create_index(reader, catalog, unique=True)
    elif reader.accept("INDEX"):
        ddl_index.create_index(reader, catalog, unique=False)
    elif reader.accept("VIEW"):
        ddl_view.create_view(reader, catalog, replace=False)
    elif reader.accept("OR", "REPLACE", "VIEW"):
        ddl_view.create_view(reader, catalog, replace=True)
    else:
        reader.refuse("only tables, indexes and views can be created")


def _alter(reader: Reader, catalog: Catalog) -> None:
    if reader.accept("TABLE"):
        ddl_alter.alter_table(reader, catalog)
        ddl_view.check_views(catalog)
    elif reader.accept("INDEX"):
        ddl_index.alter_index(reader, catalog)
    elif reader.accept("SEQUENCE"):
        ddl_index.alter_sequence(reader, catalog)
    else:
        reader.refuse("only tables, indexes and sequences can be altered")


def _drop(reader: Reader, catalog: Catalog) -> None:
    if reader.accept("TABLE"):
        ddl_table.drop_table(reader, catalog)
    elif reader.accept("INDEX"):
        ddl_index.drop_index(reader, catalog)
    elif reader.accept("VIEW"):
        ddl_view.drop_view(reader, catalog)
    else:
        reader.refuse("only tables, indexes and views can be dropped")
