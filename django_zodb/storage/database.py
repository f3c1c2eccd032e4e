"""Databases: one per storage and process, shared by all its sessions, open for the life of the process.

``Database.open`` finds an open database by where it is, or opens it. Sessions come and go (Django closes its
connections after every request unless told otherwise) without the file being opened again; what is still open when
the process ends is closed then. After a fork, the child shares neither file nor socket with its parent: it opens its
own when it first needs it. Databases in memory are copied by the fork, and simply usable.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import transaction
import ZODB
from persistent.TimeStamp import TimeStamp
from ZODB.POSException import ConflictError as RecordConflict
from ZODB.serialize import referencesf
from ZODB.utils import z64

from .. import errors
from ..chance import CHANCE
from ..threads import in_forked_child, notice_fork
from .bounded import BoundedDB
from .classes import class_factory
from .datafile import DataFile
from .failures import STORAGE_ERRORS, is_interruption, translated
from .layout import SEALED_SINCE, check_format, create_layout, is_empty
from .locking import HAS_RANGE_LOCKS, CommitLock, Hold
from .memory import MemoryStorage, Records, current_records, dump, load
from .open import MEMORY, Location, locate, open_storage
from .options import AUTO_PACK, SESSION_OPTIONS, Options, check_options
from .plan import TablePlan
from .progress import Report, silent, watched
from .protocol import Compile
from .rowlocks import RowLocks
from .sampling import Sampler
from .schema import from_data
from .seal import check_seal
from .sequences import MAX_ID, Sequences
from .session import Session
from .statistics import Statistics

_LARGE_RECORD = 1 << 40  # ZODB would warn of records that it finds large; what is large is ours to decide
_IDLE_S = 600  # after so long, a connection that nobody uses gives its cache back
_RESERVE_ROUNDS = 50
_NEVER = -1
_SETTLE_WAIT_S = 1.0
_ROUNDING_S = 0.001  # transaction ids tell time more finely than a float does
_UNSETTLED: tuple[type[BaseException], ...] = (errors.OperationalError, *STORAGE_ERRORS)


class Database:
    """A database that is open in this process. Use ``Database.open``, and ``session`` for each user.

    ``programs`` is the SQL layer's cache of compiled statements, ``plans`` that of how tables are stored.
    """

    def __init__(self, location: Location, options: Options, given: dict[str, Any], records: Records = ()) -> None:
        self.location = location
        self.options = options
        self.given = given
        self.programs: dict[Any, Any] = {}
        self.plans: dict[str, TablePlan] = {}
        self._commit_lock = CommitLock(location.name, options.timeout)
        self._generation = 0
        self._forked_at = _NEVER
        self.statistics = Statistics()
        self.sampler = Sampler(self.statistics)
        self.sequences = self._new_sequences()
        self._opening = threading.RLock()
        self._sessions: WeakValueDictionary[int, Session] = WeakValueDictionary()
        self._storage: Any = MemoryStorage(location.name, records) if records else None
        self._zodb: ZODB.DB | None = None
        self._open_zodb()

    @classmethod
    def open(
        cls, name: str | os.PathLike[str] | None, host: str | None = None, port: int | str | None = None, **options: Any
    ) -> Database:
        """The database at ``name`` (a path, ``:memory:…``, a URI) or, with ``host`` or ``port``, on that ZEO server.

        Options: see ``options.Options``. Raises OperationalError for what cannot be opened, an unknown option, and an
        option that differs from what the database is already open with.
        """
        checked = check_options(options)
        location = locate(name, host, port)
        notice_fork()
        with _registry_lock:
            found = _registry.get(_key(location, checked))
            if found is None:
                return _register(cls(location, checked, options))
        found._refuse_other_options(options)
        return found

    def _refuse_other_options(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            if name not in SESSION_OPTIONS and value is not None and getattr(self.options, name) != value:
                raise errors.OperationalError(
                    f"{self.location} is open with {name}={getattr(self.options, name)!r}; "
                    f"{name}={value!r} is not possible at the same time in one process"
                )

    @property
    def generation(self) -> int:
        """Another number whenever the storage underneath is another, as after a fork: what belongs to that is void."""
        notice_fork()
        return self._generation

    @property
    def ordered(self) -> bool:
        """True if ``commit_lock`` orders the commits of everybody."""
        return self.location.ordered

    @property
    def commit_lock(self) -> CommitLock:
        """Held by whoever commits; the lock of a file is one with other processes. Waiting for it is bounded."""
        storage = self._storage
        return storage._commit_lock if isinstance(storage, DataFile) else self._commit_lock

    def hold(self) -> Hold | None:
        """Take the commit lock for as long as a session likes; None where commits of others can come between anyway.

        Raises LockTimeoutError, and STORAGE_ERRORS.
        """
        if self.ordered:
            return Hold(self.commit_lock)
        server = self._storage if hasattr(self._storage, "take_precedence") else None
        hold = None if server is None else Hold(self.commit_lock, server)
        if hold is not None and not hold.precedence:
            hold.release()
            return None
        return hold

    def session(self, compile: Compile, isolation: str | None = None) -> Session:
        """A new session. ``compile`` turns SQL text of stored expressions into functions."""
        return Session(self, compile, isolation or self.options.isolation)

    def stats(self) -> dict[str, Any]:
        """The counters of ``Statistics``, and what all connections loaded, stored, and keep in memory.

        Where there is a ZEO server also how often the client's cache on disk had what was loaded, and how often not.
        """
        sums = dict.fromkeys(("connections", "cached_objects", "cached_bytes", "column_bytes", "loads", "stores"), 0)

        def add(connection: Any) -> None:
            loads, stores = connection.getTransferCounts()
            cache = connection._cache
            columns = connection.columns.size
            found = (1, cache.cache_non_ghost_count, cache.total_estimated_size, columns, loads, stores)
            for name, number in zip(sums, found, strict=True):
                sums[name] += number

        notice_fork()
        if self._zodb is not None:
            self._zodb._connectionMap(add)
        client = getattr(self._storage, "client_cache_stats", dict)
        return self.statistics.as_dict() | sums | client()

    def server_stats(self) -> dict[str, Any] | None:
        """What a ZEO server counts: loads, stores, commits, conflicts, connections; None where there is no server."""
        notice_fork()
        ask = getattr(self._storage, "server_status", None)
        if ask is None:
            return None
        try:
            return dict(ask())
        except STORAGE_ERRORS as error:
            raise translated(error) from error

    def time(self) -> float:
        """Seconds since the epoch, and not before the last transaction: the clock may have been ahead when it was made.

        Those that follow it are of its time, too.
        """
        last = self._opened_storage().lastTransaction()
        return max(time.time(), 0.0 if last in (None, z64) else TimeStamp(last).timeTime() + _ROUNDING_S)

    def pack(self, until: float, report: Report = silent) -> tuple[int, int]:
        """Drop what was not current any more at that time (seconds since the epoch); bytes before and after.

        Others may read and write meanwhile. OperationalError if the storage cannot be packed or the disk is full;
        then nothing has changed.
        """
        storage = self._opened_storage()
        before = storage.getSize()
        try:
            growing = Path(f"{self.location.name}.pack") if isinstance(storage, DataFile) else None
            with watched(growing, before, report, "bytes packed"):
                storage.pack(until, referencesf)
        except STORAGE_ERRORS as error:
            raise translated(error, self.location) from error
        return before, storage.getSize()

    def _new_row_locks(self) -> RowLocks:
        storage, timeout = self._storage, self.options.timeout
        if isinstance(storage, DataFile) and HAS_RANGE_LOCKS:
            return RowLocks(self.location.name, timeout, storage.lock_file)
        return RowLocks(self.location.name, timeout, None)

    # --- opening and closing ---------------------------------------------------------------------------------------

    def connect(
        self, session: Session, manager: transaction.TransactionManager, before: bytes | None = None
    ) -> tuple[Any, int]:
        """For a session: a ZODB connection out of the pool, and the generation it belongs to.

        With ``before``, it shows the state before the transaction of that id, and cannot write.
        """
        with self._opening:
            if self._zodb is None:
                self._open_zodb()
            assert self._zodb is not None
            self._sessions[id(session)] = session
            return self._zodb.open(manager, before=before), self._generation

    def _opened_storage(self) -> Any:
        notice_fork()
        with self._opening:
            if self._zodb is None:
                self._open_zodb()
            return self._storage

    def _readers(self) -> list[Session]:
        """The sessions that may be reading."""
        found = [reference() for reference in self._sessions.valuerefs()]
        return [session for session in found if session is not None]

    def _open_zodb(self) -> None:
        if self._storage is None:
            self._storage = open_storage(self.location, self.options, auto_pack=AUTO_PACK)
        if isinstance(self._storage, DataFile):
            self._storage.readers = self._readers
        self.row_locks = self._new_row_locks()
        try:
            self._zodb = self._laid_out()
        except BaseException as error:
            storage, self._storage = self._storage, None
            storage.close()
            if isinstance(error, STORAGE_ERRORS):
                raise translated(error) from error
            raise

    def _laid_out(self) -> ZODB.DB:
        """A DB over the storage, laid out if it was empty; OperationalError for one of another making or version."""
        options = self.options
        for last in (False, False, True):
            try:
                used = self._storage.lastTransaction() not in (None, z64)
                if used:
                    self._storage.load(z64)  # a root that is lost is an error; DB would make a new one
                zodb = BoundedDB(
                    self._storage,
                    pool_size=options.pool_size,
                    pool_timeout=_IDLE_S,
                    cache_size=options.cache_size,
                    cache_size_bytes=options.cache_size_bytes,
                    cache_total_bytes=options.cache_total_bytes,
                    large_record_size=_LARGE_RECORD,
                    class_factory=class_factory,
                    has_root=used,
                )
                while not _is_laid_out(zodb, options.read_only):
                    _lay_out(zodb)
                return zodb
            except RecordConflict:  # another process lays it out just now
                if last:
                    raise
        raise AssertionError("the last round returns or raises")

    def check_health(self) -> None:
        """After a failure: if the storage closed itself, let go of it; the next transaction opens it again."""
        with self._opening:
            if self._zodb is not None and getattr(self._storage, "closed", False):
                self._drop()

    def recover(self, error: BaseException) -> bool:
        """After ``error`` in the middle of a commit, or of taking a snapshot; whether that was an interruption.

        Then nobody knows what is half done: locks, the index, what connections were told. So the storage is opened
        anew, as by another process. What was committed is there, and nothing else; transactions that are open are lost.
        """
        if not is_interruption(error):
            self.check_health()
            return False
        with self._opening:
            self._commit_lock.let_go()
            storage = self._storage
            if storage is not None and not isinstance(storage, MemoryStorage):
                with suppress(Exception):
                    storage.give_up() if isinstance(storage, DataFile) else storage.close()
                with suppress(Exception):
                    self._drop()
        return True

    def lost(self, generation: int) -> errors.OperationalError:
        """The error for a transaction that has begun on the storage of that generation, an earlier one."""
        if generation < self._forked_at:  # who runs it again would do the parent's work twice
            return errors.OperationalError("the process was forked during this transaction, which is the parent's")
        return errors.TransactionLostError(
            "the database was reopened after a failure during this transaction, which is lost: run it again"
        )

    def is_connected(self) -> bool:
        """True if the storage can be expected to answer; asks nobody."""
        if self._zodb is None or getattr(self._storage, "closed", False):
            return False
        connected = getattr(self._storage, "is_connected", None)
        return True if connected is None else bool(connected())

    def close(self) -> None:
        """Close the storage and forget the database; one in memory is gone. Open sessions become unusable."""
        notice_fork()
        with _registry_lock:
            if _registry.get(_key(self.location, self.options)) is self:
                del _registry[_key(self.location, self.options)]
        with self._opening:
            if self._zodb is not None:
                self._settle_sequences()
                self._drop()

    def _drop(self) -> None:
        zodb, self._zodb, self._storage = self._zodb, None, None
        self._generation += 1
        self.sequences = self._new_sequences()
        if zodb is not None:
            zodb.close()

    # --- generated ids ---------------------------------------------------------------------------------------------

    def _new_sequences(self) -> Sequences:
        alone = self.location.kind == "memory" or self.options.read_only
        return Sequences(None if alone else self._reserve_ids, self.ordered)

    def _reserve_ids(self, oid: bytes, lowest: int, count: int) -> int:
        """Take ``count`` ids, from ``lowest`` at least, out of a Sequence by a transaction of its own."""
        self._opened_storage()
        assert self._zodb is not None
        for _ in range(_RESERVE_ROUNDS):
            try:
                with self._ordering(), _transaction(self._zodb) as connection:
                    connection.transaction_manager.get().note("django_zodb: reserve ids")
                    sequence = connection.get(oid)
                    first = max(sequence.value + 1, lowest)
                    sequence.value = min(first + count - 1, MAX_ID)
                return int(first)
            except RecordConflict:
                time.sleep(CHANCE.uniform(0, 0.01))
            except BaseException as error:
                if self.recover(error) or not isinstance(error, STORAGE_ERRORS):
                    raise
                raise translated(error) from error
        raise errors.ConflictError("could not reserve ids: too many others are doing the same; run it again")

    def _ordering(self) -> AbstractContextManager[None]:
        """The commit lock where it orders all commits: what is read with it stays the newest."""
        return self.commit_lock if self.ordered else nullcontext()

    def _settle_sequences(self) -> None:
        """Before a clean close: give the ids back that were set aside, unless that means to wait."""
        if not self.sequences or not self.ordered or self.options.read_only or not self.is_connected():
            return
        assert self._zodb is not None
        lock = self.commit_lock
        try:
            lock.acquire(_SETTLE_WAIT_S)
            try:
                with _transaction(self._zodb) as connection:
                    connection.transaction_manager.get().note("django_zodb: settle the sequences")
                    root = connection.root()
                    for name, sequence in root["sequences"].items():
                        settled = self.sequences.settled(sequence._p_oid, sequence.value)
                        if settled < sequence.value:
                            settled = max(settled, _largest_id(root, name, sequence.value))
                        if settled < sequence.value:
                            sequence.value = settled
            finally:
                lock.release()
        except _UNSETTLED:
            pass  # nothing is lost but some numbers

    # --- copies ----------------------------------------------------------------------------------------------------

    def serialise(self) -> bytes:
        """All current records as bytes, for ``restore`` in another process."""
        return dump(self._records())

    def clone(self, name: str) -> Database:
        """A database in memory, ``name`` (``:memory:…``), with the committed content of this one.

        The records' bytes are shared, not copied; neither sees what is committed to the other. One that is open under
        that name is replaced.
        """
        return _memory_database(name, self._records(), self.given)

    @staticmethod
    def restore(name: str, data: bytes, **options: Any) -> Database:
        """The database in memory that ``serialise`` made ``data`` from, open under ``name``."""
        return _memory_database(name, load(data), options)

    def _records(self) -> Records:
        self._opened_storage()
        with self.commit_lock:
            self._settle_sequences()
            try:
                return list(current_records(self._storage))
            except STORAGE_ERRORS as error:
                raise translated(error) from error

    # --- fork ------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Nobody may be halfway through a commit to memory while it is copied; what a file holds is not copied."""
        if isinstance(self._storage, MemoryStorage):
            self._storage.before_fork()

    def after_fork_in_parent(self) -> None:
        """Commits go on."""
        if isinstance(self._storage, MemoryStorage):
            self._storage.after_fork_in_parent()

    def after_fork(self) -> None:
        """In a forked child: what the parent's threads held or wrote is theirs; open our own when it is needed.

        Where a signal handler's error ends it, it is called again.
        """
        self._commit_lock = CommitLock(self.location.name, self.options.timeout)
        self._opening = threading.RLock()
        self.statistics = Statistics()
        self.sampler = Sampler(self.statistics)
        self._generation = self._forked_at = self._generation + 1
        _inherited.append((self._zodb, self._storage))  # finalizers must not touch what the parent uses
        self._zodb = None
        if isinstance(self._storage, MemoryStorage):  # it is locked, also where this parent has never opened it
            self._storage.after_fork()
            self.sequences.after_fork()
        else:
            if isinstance(self._storage, DataFile):
                self._storage.abandon()
            self._storage = None
            self.sequences = self._new_sequences()
        self.row_locks = self._new_row_locks()


def _is_laid_out(zodb: BoundedDB, read_only: bool) -> bool:
    """Whether there is an object tree; tells ``zodb`` whether its records have seals. OperationalError for another one.

    There must be one where it could not be made.
    """
    connection = zodb.open(transaction.TransactionManager(explicit=True))
    try:
        connection.newTransaction(None, False)
        root = connection.root()
        if is_empty(root) and not read_only:
            return False
        check_format(root)
        zodb.requires_seals = root["format"] >= SEALED_SINCE
        check_seal(z64, connection._storage.load(z64)[0], zodb.requires_seals)  # it was loaded before that was known
    finally:
        connection.close()
    return True


def _lay_out(zodb: BoundedDB) -> None:
    """Make the object tree, unless another process has done so meanwhile; RecordConflict if it does just now."""
    with _transaction(zodb) as connection:
        root = connection.root()
        if is_empty(root):
            connection.transaction_manager.get().note("django_zodb: lay out the database")
            create_layout(root)


@contextmanager
def _transaction(zodb: ZODB.DB) -> Iterator[Any]:
    """A connection in a transaction of its own, which is committed at the end, or aborted after an error."""
    manager = transaction.TransactionManager(explicit=True)
    connection = zodb.open(manager)
    try:
        manager.begin()
        try:
            yield connection
            manager.commit()
        except BaseException:
            manager.abort()
            raise
    finally:
        connection.close()


def _largest_id(root: Any, name: str, mark: int) -> int:
    """The largest id that a row of the table has, whoever gave it; ``mark`` where rowids do not tell."""
    record = root["schema"].get(name)
    if record is None or record.data is None:
        return mark
    schema = from_data(record.data)
    if any(column.identity and at != schema.rowid_column for at, column in enumerate(schema.columns)):
        return mark
    try:
        return root["tables"][name].maxKey()  # type: ignore[no-any-return]
    except ValueError:  # it is empty
        return 0


def _memory_database(name: str, records: Records, given: dict[str, Any]) -> Database:
    if not name.startswith(MEMORY):
        raise errors.OperationalError(
            f"a copy of a database is kept in memory: its name starts with {MEMORY}, not {name!r}"
        )
    given = {option: value for option, value in given.items() if option not in ("read_only", "create")}
    notice_fork()
    with _registry_lock:
        location = locate(name)
        options = check_options(given)
        replaced = _registry.get(_key(location, options))
        if replaced is not None:
            replaced.close()
        return _register(Database(location, options, given, records))


# --- the databases of this process -----------------------------------------------------------------------------------

_registry: dict[tuple[str, str, bool], Database] = {}
_registry_lock = threading.RLock()
_inherited: list[object] = []
_hooks_installed = False


def _key(location: Location, options: Options) -> tuple[str, str, bool]:
    # A file that is read only is opened a second time: it needs no lock, and stays as it was when it was opened.
    return location.kind, f"{location.name}/{options.storage}", options.read_only


def _register(database: Database) -> Database:
    global _hooks_installed
    _registry[_key(database.location, database.options)] = database
    if not _hooks_installed:
        _hooks_installed = True
        atexit.register(close_all)
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
    return database


def is_open(location: Location) -> bool:
    """Whether this process has the database there open, with whatever options."""
    return any(database.location == location for database in list(_registry.values()))


def close_all() -> None:
    """Close every database that is open in this process."""
    notice_fork()  # where a worker ends that has used none
    for database in list(_registry.values()):
        database.close()


def _before_fork() -> None:
    _registry_lock.acquire()
    for database in _registry.values():
        database.before_fork()


def _after_fork_in_parent() -> None:
    for database in _registry.values():
        database.after_fork_in_parent()
    _registry_lock.release()


def _after_fork_in_child() -> None:
    global _registry_lock
    _registry_lock = threading.RLock()
    for database in _registry.values():
        database.after_fork()


in_forked_child(_after_fork_in_child)
