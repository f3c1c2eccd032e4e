"""UPDATE, DELETE and INSERT of very many rows: in pieces, so that the rows of one are in memory at a time.

All that a statement reads is read before its first row is written (the Halloween rule). So what it is going to write
waits in a temporary file if it is more than one piece: rowids and the values that are assigned, or rows to insert.
Between pieces, what has been changed is moved out of memory (``Journal.make_room``). If one fails, the statement is
undone as a whole, by its caller.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol

from ..collector import uncollected
from .compact import Unpackable
from .protocol import Row
from .runs import with_columns
from .spool import Kept, Spool

if TYPE_CHECKING:
    from .index import StoredIndex
    from .table import StoredTable

PIECE_ROWS = 20_000
"""So many rows are written together."""
PIECES_OF_INDEXES = 12
"""The keys of so many pieces are taken out of an index together: they are all over the place, and each round writes
most leaves."""


class Inserts(Protocol):
    """A table, as far as rows are put into it."""

    make_room: Callable[[], None]

    def insert_many(self, rows: Iterable[Row]) -> Sequence[Row]:
        """See ``protocol.Table.insert_many``."""
        ...


Columns = Sequence[Sequence[Any]]


def pieces(values: Iterable[Any]) -> Iterator[list[Any]]:
    """``values`` in lists of as many as are written together."""
    values = iter(values)
    while piece := list(islice(values, PIECE_ROWS)):
        yield piece


class Waiting:
    """Pieces of what is to be written, in order, in a temporary file."""

    def __init__(self, parts: Iterable[Columns]) -> None:
        spool = Spool()
        self._parts = [self._kept(spool, part) for part in parts]

    @staticmethod
    def _kept(spool: Spool, part: Columns) -> Kept | Columns:
        try:
            return spool.keep(*part)
        except Unpackable:
            return part

    def __iter__(self) -> Iterator[Columns]:
        for part in self._parts:
            yield part.columns() if isinstance(part, Kept) else part


def update_all(
    table: StoredTable,
    changes: Iterable[tuple[Any, ...]],
    assigned: Sequence[int],
    given: Callable[[], Sequence[Any]] | None = None,
) -> int:
    """See ``protocol.Table.update_all``."""
    parts = pieces(changes)
    first, second = next(parts, None), next(parts, None)
    if first is None:
        return 0
    fixed = () if given is None else given()
    if second is None or table.acts_on_update:  # a row that is changed may change others, still to come
        rest = chain.from_iterable(parts)
        with uncollected(len(first)):
            return _update(table, list(zip(*first, *(second or ()), *rest, strict=True)), assigned, fixed)
    with uncollected(PIECE_ROWS):
        waiting = Waiting(list(zip(*part, strict=True)) for part in chain((first, second), parts))
        del first, second
        count = 0
        for columns in waiting:
            count += _update(table, columns, assigned, fixed)
            table.make_room()
    return count


def _update(table: StoredTable, columns: Columns, assigned: Sequence[int], fixed: Sequence[Any]) -> int:
    """Give rows other values: a column of rowids, and one for each place that is assigned, but for the last ones."""
    rowids = list(columns[0])
    olds: list[Row] = list(map(table.get, rowids))  # type: ignore[arg-type]  # all of them are there
    values = chain(columns[1:], ((value,) * len(rowids) for value in fixed))
    table.replace_many(rowids, olds, with_columns(olds, assigned, values), assigned)
    return len(rowids)


def delete_all(table: StoredTable, rowids: Iterable[int]) -> int:
    """See ``protocol.Table.delete_all``."""
    rowids = iter(rowids)
    first = list(islice(rowids, PIECE_ROWS))
    found = array("q", islice(rowids, 1))
    if not found:
        with uncollected(len(first)):
            return len(first) - len(table.delete_many(first))
    found = array("q", first) + found
    found.extend(rowids)
    with uncollected(PIECE_ROWS):
        return _delete(table, found)


def _delete(table: StoredTable, found: Iterable[int]) -> int:
    if table.acts_on_delete:
        return sum(len(piece) - len(_removed(table, piece)) for piece in pieces(found))
    count, indexes = 0, list(table.indexes())
    try:
        for index in indexes:
            index.waiting = [], []
        for at, piece in enumerate(pieces(sorted(found)), 1):
            count += len(piece) - len(_removed(table, piece))
            if not at % PIECES_OF_INDEXES:
                _remove_waiting(table, indexes)
        _remove_waiting(table, indexes)
    finally:
        for index in indexes:
            index.waiting = None
    return count


def _removed(table: StoredTable, piece: list[int]) -> frozenset[int]:
    gone = table.delete_many(piece)
    table.make_room()
    return gone


def _remove_waiting(table: StoredTable, indexes: Iterable[StoredIndex]) -> None:
    for index in indexes:
        index.remove_waiting()
        table.make_room()


def insert_all(table: Inserts, rows: Iterable[Row]) -> tuple[int, Row | None]:
    """See ``protocol.Table.insert_all``."""
    parts = pieces(rows)
    first, second = next(parts, []), next(parts, None)
    if second is None:
        with uncollected(len(first)):
            inserted = table.insert_many(first)
        return len(inserted), inserted[-1] if inserted else None
    with uncollected(PIECE_ROWS):
        waiting = Waiting((part,) for part in chain((first, second), parts))
        del first, second
        count = 0
        for (part,) in waiting:
            inserted = table.insert_many(part)
            count += len(inserted)
            table.make_room()
    return count, inserted[-1]
