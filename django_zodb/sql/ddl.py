"""Definition statements: text → a ``Definition`` whose ``run`` builds schema dataclasses and calls the Catalog.

There is nothing to compile: CREATE, ALTER, DROP, COMMENT and TRUNCATE are read token by token (``ddl_parse``) and
carried out. ``CREATE TABLE book (id integer PRIMARY KEY, title varchar(80) UNIQUE)`` becomes a ``TableSchema`` with two
columns, the primary key ``book_pkey`` and the unique constraint ``book_title_key``, given to ``Catalog.create_table``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..errors import OperationalError
from ..record import record
from ..storage.protocol import Catalog, Row
from . import ddl_alter, ddl_index, ddl_table, ddl_view
from .ddl_parse import Reader, interpolate
from .plan import OutputColumn

Params = Sequence[object] | Mapping[str, object]


@record
class Definition:
    """A definition statement, to be run like a ``Program``."""

    sql: str
    formatted: bool = False
    columns: tuple[OutputColumn, ...] = ()
    writes: bool = True

    def run(self, catalog: Catalog, params: Params = ()) -> tuple[None, int, None]:
        """Carry it out. Of a ``formatted`` text, parameters become literals, and %% one percent sign."""
        text = interpolate(self.sql, params) if self.formatted else self.sql
        try:
            _carry_out(Reader(text), catalog)
        except RecursionError as error:
            raise OperationalError(f"an expression is nested too deeply: {self.sql[:200]!r}") from error
        return None, -1, None

    def stream(self, catalog: Catalog, params: Params = ()) -> Iterator[Row]:
        """Carry it out; there are no rows."""
        self.run(catalog, params)
        return iter(())


def bind_definition(text: str, formatted: bool) -> Definition:
    """The statement that ``text`` is. It is read when it runs: no tree of the parser's is needed, and no snapshot."""
    return Definition(text, formatted)


def _carry_out(reader: Reader, catalog: Catalog) -> None:
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
