"""``SELECT columns FROM a table WHERE its key = %s``, prepared without the parser.

It is what ``get(pk=…)``, a foreign key that is followed and ``refresh_from_db()`` send, once for each model, and what a
new process starts with. Its plan is known from its text: the one that ``bind`` and ``optimize`` arrive at, in a tenth
of the time. Whatever else there is to a statement, such as an alias or a key that is no integer, leaves it to them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..storage.protocol import Catalog, Row
from ..storage.schema import TableSchema, values_getter
from ..values import BIGINT, converter
from .bind import Bound
from .expr import Column, Param
from .plan import KeyLookup, Node, Output, Project, output_columns
from .program import Result, explain_in, logger
from .show import explain

_STATEMENT = re.compile(
    r'SELECT (?P<columns>(?P<table>"[^"%]+")\."[^"%]+"(?:, (?P=table)\."[^"%]+")*) FROM (?P=table)'
    r' WHERE (?P=table)\.(?P<key>"[^"%]+") = %s(?: LIMIT [1-9][0-9]{0,17})?'
)
_CLASSES = (int, type(None))  # 1.5 is no integer, and equals none

_to_key = converter(BIGINT)


class KeyRead:
    """Runs like a ``Program``: one row of the columns, or none."""

    writes = False

    def __init__(self, sql: str, plan: Node, table: TableSchema, names: Sequence[str]) -> None:
        self.sql = sql
        self.plan = plan
        self.columns = output_columns(plan)
        self._table = table.name
        self._taken = _taker(table, names)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s\n%s", sql, "\n".join(explain(plan)))

    def run(self, catalog: Catalog, params: Sequence[Any] = ()) -> Result:
        """As ``Program.run``."""
        try:
            key = params[0]
            row = None if key is None else catalog.table(self._table).get(_to_key(key))
        except BaseException as error:
            explain_in(error, self.sql, self.plan)
            raise
        if row is None:
            return [], 0, None
        return [row if self._taken is None else self._taken(row)], 1, None

    def stream(self, catalog: Catalog, params: Sequence[Any] = ()) -> Iterator[Row]:
        """As ``Program.stream``."""
        yield from self.run(catalog, params)[0] or ()


def key_read(text: str, params: Sequence[object], catalog: Catalog) -> tuple[Bound, KeyRead] | None:
    """What ``bind`` would give, optimized, and what runs it; None for every other statement."""
    if len(params) != 1 or type(params[0]) not in _CLASSES:
        return None
    match = _STATEMENT.fullmatch(text)
    table = catalog.schema(match["table"][1:-1]) if match else None
    if match is None or table is None or table.rowid_column is None:
        return None
    if table.columns[table.rowid_column].name != match["key"][1:-1]:
        return None
    names = match["columns"].replace(f"{match['table']}.", "")[1:-1].split('", "')
    if not table.positions.keys() >= {*names}:
        return None
    plan = Project(KeyLookup(table, table.name, Param(0, BIGINT)), "result", _outputs(table, names))
    return Bound(plan, ((table.name, table.token),), (0,), (), ()), KeyRead(text, plan, table, names)


def _outputs(table: TableSchema, names: Sequence[str]) -> tuple[Output, ...]:
    columns = [table.column(name) for name in names]
    return tuple(Output(c.name, Column(table.name, c.name, c.type, c.nullable)) for c in columns)


def _taker(table: TableSchema, names: Sequence[str]) -> Callable[[Row], Row] | None:
    """From a row to the columns of these names; None if they are all that it has, in their order."""
    return None if [*names] == [*table.positions] else values_getter(table, names)
