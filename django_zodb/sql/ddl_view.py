"""CREATE VIEW, DROP VIEW, and what views forbid to happen to the tables under them."""

from __future__ import annotations

from ..errors import DatabaseError, ProgrammingError
from ..storage.protocol import Catalog
from ..storage.schema import ViewSchema
from .bind_view import describe_view
from .ddl_parse import Name, Reader


def create_view(reader: Reader, catalog: Catalog, replace: bool) -> None:
    """Carry out what follows CREATE [OR REPLACE] VIEW."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    name = reader.relation("a view")
    columns = tuple(column.text for column in reader.identifiers()) if reader.token.word == "(" else ()
    reader.expect("AS")
    query = reader.rest()
    if name.among(catalog.table_names()) is not None:
        raise ProgrammingError(f'"{name.text}" is a table{name.where}')
    found = name.among(catalog.view_names())
    if found is not None and not replace:
        if if_not_exists:
            return
        raise ProgrammingError(f'view "{found}" already exists{name.where}; write CREATE OR REPLACE VIEW')
    view = ViewSchema(found or name.text, query, columns)
    described = describe_view(view, catalog)
    if view.name in described.rests_on:
        raise ProgrammingError(f'view "{view.name}" cannot rest on itself')
    catalog.create_view(ViewSchema(view.name, query, columns, described.uses))
    check_views(catalog)


def drop_view(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows DROP VIEW."""
    if_exists = reader.accept("IF", "EXISTS")
    names = [reader.relation("a view")]
    while reader.accept(","):
        names.append(reader.relation("a view"))
    cascade = reader.accept_any("CASCADE", "RESTRICT") == "CASCADE"
    reader.finish()
    found = [_view_named(catalog, name, if_exists) for name in names]
    catalog.drop_views([each for each in found if each is not None], cascade)


def _view_named(catalog: Catalog, name: Name, missing_ok: bool) -> str | None:
    found = name.among(catalog.view_names())
    if found is None and name.among(catalog.table_names()) is not None:
        raise ProgrammingError(f'"{name.text}" is a table{name.where}; write DROP TABLE')
    if found is None and not missing_ok:
        raise ProgrammingError(f'view "{name.text}" does not exist{name.where}')
    return found


def check_views(catalog: Catalog) -> None:
    """Raise ProgrammingError if a view means nothing any more, now that a definition has changed."""
    for name in catalog.view_names():
        view = catalog.view(name)
        assert view is not None
        try:
            describe_view(view, catalog)
        except DatabaseError as error:
            raise ProgrammingError(f'view "{name}" would no longer work; drop it first: {error}') from error
