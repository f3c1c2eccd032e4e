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
        from . import ddl_parse, ddl_statements  # a dozen modules that most processes never need

        text = ddl_parse.interpolate(self.sql, params) if self.formatted else self.sql
        try:
            ddl_statements.carry_out(ddl_parse.Reader(text), catalog)
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
