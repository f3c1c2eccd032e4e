"""Cursors: execute a statement, fetch its rows.

Rows are tuples of SQL values in the order of the columns. ``Cursor`` holds the whole result; ``StreamingCursor`` has it
computed row by row, on a snapshot of its own while its connection is in autocommit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NoReturn, Self

from ..errors import InterfaceError, NotSupportedError, ProgrammingError
from ..sql.plan import OutputColumn
from ..storage.protocol import Row
from ..values import Kind
from .failures import explained

if TYPE_CHECKING:
    from ..storage.session import Session
    from .connection import Connection

Params = Sequence[object] | Mapping[str, object]
ColumnDescription = tuple[str, Kind, None, int | None, int | None, int | None, bool]


class Cursor:
    """A PEP 249 cursor. Made by ``Connection.cursor``; belongs to its connection's thread.

    ``rowcount`` is the number of rows found or written, -1 if there is none to tell; ``lastrowid`` the key that the
    last INSERT gave to its last row, if it is an integer. ``statement`` is the text executed last.
    """

    # What a cursor has before it is told otherwise: Django makes one for each statement.
    arraysize = 1
    statement: str | None = None
    rowcount = -1
    lastrowid: int | None = None
    _columns: Sequence[OutputColumn] = ()
    _rows: Sequence[Row] | None = None
    _at = 0
    _closed = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    # --- executing -------------------------------------------------------------------------------------------------

    def execute(self, operation: str, params: Params | None = None) -> Self:
        """Execute a statement. ``%s`` and ``%(name)s`` take values from ``params``; without them, % is no more than %.

        Raises the errors of ``django_zodb.errors`` only; a statement that fails leaves nothing of itself.
        """
        if self._closed:
            self._refuse()
        self._rows = None
        self.statement = operation
        self.rowcount = -1
        self._columns, self._rows, self.rowcount, rowid = self.connection.run(operation, params)
        self._at = 0
        if rowid is not None:
            self.lastrowid = rowid
        return self

    def executemany(self, operation: str, seq_of_params: Iterable[Params]) -> Self:
        """Execute one statement that writes for each of the parameters: all of them, or none if one fails.

        ``rowcount`` is the sum. A statement that finds rows is a ProgrammingError.
        """
        if self._closed:
            self._refuse()
        self._rows = None
        self.statement = operation
        self.rowcount = -1
        self.rowcount, rowid = self.connection.run_many(operation, list(seq_of_params))
        if rowid is not None:
            self.lastrowid = rowid
        return self

    def callproc(self, procname: str, params: Params = ()) -> NoReturn:
        """There are no stored procedures: NotSupportedError."""
        raise NotSupportedError(f"there are no stored procedures, such as {procname!r}")

    def setinputsizes(self, sizes: Sequence[object]) -> None:
        """Does nothing, as PEP 249 allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing, as PEP 249 allows."""

    @property
    def description(self) -> list[ColumnDescription] | None:
        """A 7-tuple for each column of the result: name, type code, None, size, precision, scale, nullable.

        None if the last statement has no rows to give. Type codes equal STRING, NUMBER, … and are kinds of values.
        """
        return [_described(column) for column in self._columns] if self._has_result() else None

    def _has_result(self) -> bool:
        return self._rows is not None

    # --- fetching --------------------------------------------------------------------------------------------------

    def fetchone(self) -> Row | None:
        """The next row, or None after the last."""
        rows = self._result()
        at = self._at
        if at >= len(rows):
            return None
        self._at = at + 1
        return rows[at]

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next rows, ``size`` (or ``arraysize``) at most; an empty list after the last."""
        rows = self._result()
        at = self._at
        if size is None:
            size = self.arraysize
        if at == 0 and size >= len(rows) and type(rows) is list:
            self._rows = ()
            return rows
        found = rows[at : at + size]
        self._at = at + len(found)
        return list(found)

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        rows = self._result()
        at, self._at = self._at, len(rows)
        if at == 0 and type(rows) is list:
            self._rows = ()
            return rows
        return list(rows[at:])

    def __iter__(self) -> Iterator[Row]:
        while (row := self.fetchone()) is not None:
            yield row

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def _result(self) -> Sequence[Row]:
        rows = self._rows
        if rows is None or self._closed or self.connection.closed:
            self._refuse("the last statement has no rows to fetch")
        return rows

    def _refuse(self, otherwise: str = "the cursor is closed") -> NoReturn:
        if self.connection.closed:
            raise InterfaceError("the connection is closed")
        if self._closed:
            raise InterfaceError("the cursor is closed")
        raise ProgrammingError(otherwise)

    # --- closing ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let the result go. Closing again does nothing; anything else is an InterfaceError from now on."""
        self._closed = True
        self._rows = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class StreamingCursor(Cursor):
    """A cursor whose rows are computed as they are fetched; ``rowcount`` is -1 until then.

    In autocommit it sees one snapshot to its end, whatever is written meanwhile, on a session of its own, which it
    gives back when it is exhausted or closed. In a transaction, which it must see too, it fetches all at once.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._stream: Iterator[Row] | None = None
        self._session: Session | None = None

    def execute(self, operation: str, params: Params | None = None) -> Self:
        """As ``Cursor.execute``."""
        if self._closed:
            self._refuse()
        self._end()
        started = self.connection.start_stream(operation, params)
        if started is None:
            return super().execute(operation, params)
        self.statement = operation
        self._rows = ()
        self._at = 0
        self.rowcount = -1
        self._columns, self._stream, self._session = started
        return self

    def fetchone(self) -> Row | None:
        """The next row, or None after the last."""
        if self._stream is None:
            return super().fetchone()
        found = self._next(1)
        return found[0] if found else None

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next rows, ``size`` (or ``arraysize``) at most; an empty list after the last."""
        if self._stream is None:
            return super().fetchmany(size)
        return self._next(self.arraysize if size is None else size)

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        if self._stream is None:
            return super().fetchall()
        return self._next(None)

    def close(self) -> None:
        """Give the snapshot back, too."""
        self._end()
        super().close()

    def _next(self, size: int | None) -> list[Row]:
        self._result()
        assert self._stream is not None
        try:
            found = list(islice(self._stream, size))
        except BaseException as error:
            self._end()
            failure = explained(error, self.statement or "")
            if failure is None:
                raise
            raise failure from error
        if size is None or len(found) < size:
            self._end()
        return found

    def _end(self) -> None:
        session, self._session, self._stream = self._session, None, None
        if session is not None:
            session.close()

    def __del__(self) -> None:
        self._end()


def _described(column: OutputColumn) -> ColumnDescription:
    type_ = column.type
    match type_.kind:
        case Kind.TEXT:
            return (column.name, type_.kind, None, type_.size, None, None, column.nullable)
        case Kind.DECIMAL:
            return (column.name, type_.kind, None, None, type_.size, type_.scale, column.nullable)
        case kind:
            return (column.name, kind, None, None, None, None, column.nullable)
