"""Connections: transactions, savepoints, and how each statement is run within them.

Every statement is atomic: what it did before it failed, or was interrupted, is undone, and the transaction goes on. In
autocommit each statement is a transaction of its own; if that fails since another one was faster, it is run again.
"""

from __future__ import annotations

import itertools
import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, Self, TypeVar, assert_never

from .. import errors
from ..chance import CHANCE
from ..errors import ConflictError, InterfaceError, ProgrammingError
from ..sql import control
from ..sql.ddl import Definition
from ..sql.plan import OutputColumn
from ..sql.prepare import prepare, row_function
from ..storage.database import Database
from ..storage.protocol import Catalog, Row
from ..storage.session import Session
from .cursor import Cursor, Params, StreamingCursor
from .failures import explained

Outcome = tuple[Sequence[OutputColumn], Sequence[Row] | None, int, int | None]
"""Columns, rows (None: the statement has none), number of rows found or written, the last rowid inserted."""

_ATTEMPTS = 20
_PAUSE_S = 0.001
_PAUSE_OF_A_SERVER_S = 0.01
_LONGEST_PAUSE_S = 0.2


class _Savepoint(NamedTuple):
    name: str
    mark: int
    constraint_modes: Mapping[str | None, bool]


_P = TypeVar("_P")
_T = TypeVar("_T")

_NOTHING: Outcome = ((), None, -1, None)


def _pauses(database: Database) -> Iterator[float]:
    """How long to wait before each further attempt of a statement, in seconds; it ends when the last one is given up.

    With a commit lock, an attempt that holds it gets through. Over a server nothing but luck does, so attempts go on
    for as long as a lock would be waited for: longer than what others do meanwhile (a migration).
    """
    if database.ordered:
        yield from (CHANCE.uniform(0, attempt * _PAUSE_S) for attempt in range(1, _ATTEMPTS))
        return
    end = time.monotonic() + database.options.timeout
    for attempt in itertools.count(1):
        if attempt >= _ATTEMPTS and time.monotonic() >= end:
            return
        yield CHANCE.uniform(0, min(attempt * _PAUSE_OF_A_SERVER_S, _LONGEST_PAUSE_S))


def connect(
    database: str | os.PathLike[str] | None,
    host: str | None = None,
    port: int | str | None = None,
    *,
    autocommit: bool = False,
    **options: Any,
) -> Connection:
    """Connect to a database: a file's path, ``:memory:`` (or ``:memory:name``), a ZODB URI, or a ZEO server.

    Options are those of ``storage.options.Options``. Raises OperationalError for what cannot be opened.
    """
    opened = Database.open(database, host, port, **options)
    return Connection(opened.session(row_function, options.get("isolation")), autocommit)


class Connection:
    """A PEP 249 connection; it belongs to one thread at a time.

    A transaction begins with its first statement. As a context manager it commits at the end of the block, or rolls
    back if the block raises; it does not close.
    """

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(self, session: Session, autocommit: bool = False) -> None:
        self.closed = False
        self._session = session
        self._programs = session.database.programs
        self._autocommit = autocommit
        self._begun = False  # by BEGIN, while in autocommit
        self._savepoints: list[_Savepoint] = []
        self._streams: weakref.WeakSet[StreamingCursor] = weakref.WeakSet()

    # --- cursors ---------------------------------------------------------------------------------------------------

    def cursor(self, stream: bool = False) -> Cursor:
        """A new cursor; with ``stream`` one that computes rows as they are fetched."""
        self._check_open()
        if not stream:
            return Cursor(self)
        cursor = StreamingCursor(self)
        self._streams.add(cursor)
        return cursor

    def execute(self, operation: str, params: Params | None = None) -> Cursor:
        """A new cursor on which the statement has been executed."""
        return self.cursor().execute(operation, params)

    # --- transactions ----------------------------------------------------------------------------------------------

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own. Setting it to True commits what is open."""
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._check_open()
        if value and not self._autocommit:
            self.commit()
        self._autocommit = bool(value)

    @property
    def in_transaction(self) -> bool:
        """True from the first statement of a transaction (or BEGIN) to its end."""
        return self._begun or self._session.in_transaction

    def commit(self) -> None:
        """Make the transaction durable. Whatever this raises, the transaction is over: made durable, or rolled back."""
        self._check_open()
        self._forget_transaction()
        self._session.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        self._check_open()
        self._forget_transaction()
        self._session.rollback()

    def _forget_transaction(self) -> None:
        self._begun = False
        self._savepoints.clear()

    def note(self, user: str | None = None, description: str | None = None) -> None:
        """Say who makes the current (or next) transaction, and what for: history and undo show it."""
        self._check_open()
        self._session.note(user, description)

    @property
    def catalog(self) -> Catalog:
        """The tables as the current transaction sees them; begins one if need be."""
        self._check_open()
        return self._session.catalog

    @property
    def session(self) -> Session:
        """The storage session below."""
        self._check_open()
        return self._session

    def stats(self) -> dict[str, Any]:
        """Counts of what happened to the transactions of this database in this process, and the sizes of its caches."""
        self._check_open()
        return self._session.database.stats()

    def usable(self) -> bool:
        """Whether the connection is open and its storage can be expected to answer."""
        return not self.closed and self._session.usable()

    def close(self) -> None:
        """Roll back and close; closing again does nothing."""
        if self.closed:
            return
        self.closed = True
        for cursor in list(self._streams):
            cursor.close()
        self._forget_transaction()
        self._session.close()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *exc_info: object) -> None:
        if exc_type is None:
            self.commit()
        else:
            self.rollback()

    def _check_open(self) -> None:
        if self.closed:
            raise InterfaceError("the connection is closed")

    # --- statements, for cursors -----------------------------------------------------------------------------------

    def run(self, text: str, params: Params | None) -> Outcome:
        """Run one statement of any kind."""
        if self.closed:
            self._check_open()
        if text not in self._programs:  # where there is none that begins or ends a transaction
            statement = control.transaction_statement(text)
            if statement is not None:
                self._control(statement)
                return _NOTHING
        if not self._autocommit or self._begun:
            return self._run_once(text, params)
        return self._alone(self._run_once, text, params)

    def run_many(self, text: str, params: Sequence[Params]) -> tuple[int, int | None]:
        """Run one statement that writes with each of ``params``, as a whole; the sum of rows, and the last rowid."""
        self._check_open()
        if control.transaction_statement(text) is not None:
            raise ProgrammingError(f"executemany() runs a statement that writes, not {text.strip()!r}")
        if not self._autocommit or self._begun:
            return self._run_each(text, params)
        return self._alone(self._run_each, text, params)

    def start_stream(
        self, text: str, params: Params | None
    ) -> tuple[Sequence[OutputColumn], Iterator[Row], Session] | None:
        """Start a query on a snapshot of its own; None if it must run here: in a transaction, or since it writes."""
        self._check_open()
        if not self._autocommit or self._begun or control.transaction_statement(text) is not None:
            return None
        session = self._session.snapshot()
        try:
            program = prepare(text, params, session.catalog, self._programs)
            if not program.writes:
                return program.columns, program.stream(session.catalog, params or ()), session
        except BaseException as error:
            session.close()
            self._fail(error, text)
        session.close()
        return None

    def _alone(self, work: Callable[[str, _P], _T], text: str, params: _P) -> _T:
        """``work`` as a transaction of its own, again and again while others are faster: with their lock, if any."""
        session = self._session
        pauses = None
        for attempt in itertools.count(1):
            try:
                if attempt % 2 == 0:  # not each time: who has locked a row needs the commit lock to free it
                    session.hold()
                result = work(text, params)
                session.commit()
            except ConflictError:
                session.rollback()
                pauses = pauses or _pauses(session.database)
                pause = next(pauses, None)
                if pause is None:
                    raise
                session.database.statistics.count("retries")
            except BaseException:
                session.rollback()
                raise
            else:
                return result
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _run_once(self, text: str, params: Params | None) -> Outcome:
        session = self._session
        mark = None
        try:
            catalog = session.begin_statement()
            program = prepare(text, params, catalog, self._programs)
            if program.writes:
                if isinstance(program, Definition):
                    session.hold()
                mark = session.mark()
            alone = self._autocommit and not self._begun and not program.writes  # then there is no commit to look again
            noting, read = (catalog, False) if alone else (session.noting_catalog, session.has_read)
            locked = catalog.journal.locked
            before = len(locked)
            rows, count, rowid = program.run(noting, params or ())
            while len(locked) > before and not session.sees_newest(before, read):
                program = prepare(text, params, catalog, self._programs)
                rows, count, rowid = program.run(noting, params or ())
            if mark is not None:
                noting.end_statement()
            elif alone:
                session.end_reading()
        except BaseException as error:
            session.distrust(error)
            if mark is not None:
                session.undo_to(mark)
            self._fail(error, text)
        return program.columns, rows, count, rowid

    def _run_each(self, text: str, seq_of_params: Sequence[Params]) -> tuple[int, int | None]:
        session = self._session
        total, rowid = 0, None
        catalog, noting = session.begin_statement(), session.noting_catalog
        mark = session.mark()
        try:
            for params in seq_of_params:
                program = prepare(text, params, catalog, self._programs)
                if not program.writes:
                    raise ProgrammingError(f"executemany() runs a statement that writes, not {text.strip()!r}")
                _, count, rowid = program.run(noting, params)
                noting.end_statement()
                total += max(count, 0)
        except BaseException as error:
            session.distrust(error)
            session.undo_to(mark)
            self._fail(error, text)
        return total, rowid

    def _fail(self, error: BaseException, text: str) -> NoReturn:
        failure = explained(error, text)
        if failure is None:
            raise error
        raise failure from error

    # --- transaction control statements ----------------------------------------------------------------------------

    def _control(self, statement: control.TransactionStatement) -> None:
        match statement:
            case control.Begin():
                self._begin()
            case control.Commit():
                self.commit()
            case control.Rollback():
                self.rollback()
            case control.Savepoint(name):
                self._check_in_transaction("SAVEPOINT")
                mark = self._session.mark()
                self._savepoints.append(_Savepoint(name, mark, self._session.catalog.constraint_modes))
            case control.Release(name):
                self._check_in_transaction("RELEASE SAVEPOINT")
                del self._savepoints[self._savepoint(name) :]
            case control.RollbackTo(name):
                self._check_in_transaction("ROLLBACK TO SAVEPOINT")
                at = self._savepoint(name)
                del self._savepoints[at + 1 :]
                self._session.undo_to(self._savepoints[at].mark)
                self._session.catalog.restore_constraint_modes(self._savepoints[at].constraint_modes)
            case control.SetConstraints(names, deferred):
                self._set_constraints(names, deferred)
            case _:
                assert_never(statement)

    def _begin(self) -> None:
        if self._begun:
            raise ProgrammingError("BEGIN within a transaction; use SAVEPOINT to nest")
        self._begun = self._autocommit

    def _check_in_transaction(self, what: str) -> None:
        if self._autocommit and not self._begun:
            raise ProgrammingError(f"{what} is possible within a transaction only; write BEGIN first")

    def _savepoint(self, name: str) -> int:
        """The innermost savepoint of that name."""
        for at in range(len(self._savepoints) - 1, -1, -1):
            if self._savepoints[at].name == name:
                return at
        known = ", ".join(each.name for each in self._savepoints) or "none"
        raise ProgrammingError(f'savepoint "{name}" does not exist; there are: {known}')

    def _set_constraints(self, names: Sequence[str] | None, deferred: bool) -> None:
        if self._autocommit and not self._begun:
            return  # it would end with the statement
        self._session.catalog.set_constraints(names, deferred)
