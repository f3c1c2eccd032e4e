"""One user connection's transactions: a ZODB connection, its explicit transaction manager, and the commit protocol.

A transaction sees the snapshot of its first statement. ZODB would decide conflicts by record, and a record holds many
rows; so the journal keeps what was written by row, and what constraint checks relied on by record. To commit, under
the database's commit lock:

1. catch up: move the snapshot to the newest state and hear which records others changed since;
2. if none of them was written or relied on here, what this transaction did is as good on the new snapshot: commit;
3. else replay: abort, begin on the newest snapshot, check that the schemas are the same and every row written or
   locked is as this transaction saw it, apply the journal's net changes again with all their checks, and commit.

A serializable transaction also asks its ``certifier`` whether what it read would be the same now, after 1.

What cannot be replayed, a change of definitions, takes the commit lock when it begins and keeps it to the end
(``hold``): nobody can come between.

Where others commit without our lock (ZEO, other storages), ZODB's own check of serials at commit time, extended to
the records relied on, finds what happened between 1 and the end; then the rounds go on, a bounded number of times. Our
own server lets those come first that have lost some (``precedence``).
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ZODB.POSException import ConflictError as RecordConflict

from .. import errors
from ..chance import CHANCE
from ..threads import notice_fork
from .bounded import BoundedConnection
from .catalog import StoredCatalog
from .certifier import Certifier
from .elsewhere import deleted_elsewhere, taken_elsewhere
from .failures import STORAGE_ERRORS, is_interruption, translated
from .former import Reader
from .journal import Journal, LockedRow
from .keylocks import key_locks
from .participants import LastCheck, LazyManager
from .protocol import Catalog, Compile
from .rowlocks import Key, Locker, Wait
from .sampling import Sample
from .sequences import SessionSequences

if TYPE_CHECKING:
    from .database import Database
    from .locking import Hold

# Some seconds in all: on a busy server each round may lose to another client, and the caller would only try again.
_ROUNDS = 80
# Who has lost so many of them has the server let it go first, if it can.
_PATIENCE = 6
_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.05
# So many changed records are written to a temporary file before the next statement, and leave the memory.
_SPILL_AT = 20_000
_LOST = -1  # no generation of a database
_REGISTER = BoundedConnection.register.__code__


def _lock_row(session: Session, oid: bytes | None, rowid: int, wait: Wait) -> bool:
    """Lock a row of the table whose definition has that oid (None: nobody else can see it)."""
    return oid is None or session._locker.take(session._database.row_locks, (oid, rowid), wait)


def _make_room(journal: Journal, connection: BoundedConnection) -> None:
    journal.pack()
    connection.spill()


class Session(Reader):
    """One user's connection to a Database; it belongs to one thread at a time.

    Every error that leaves it is one of this package's. After a failed commit the transaction is over, nothing of it
    is left, and the next one may begin.
    """

    def __init__(
        self, database: Database, compile: Compile, isolation: str = "snapshot", before: bytes | None = None
    ) -> None:
        super().__init__(before)
        self._database = database
        self._compile = compile
        self.serializable = isolation == "serializable"
        """Whether it is refused a commit where others have changed what it read."""
        self._certifier: Certifier | None = None
        self._manager = LazyManager()
        self._generation = _LOST
        self._has_only_read = False
        """Whether the last transaction has left nothing in the catalog and its journal that is to be forgotten."""
        self._hold: Hold | None = None
        self._locker = Locker()
        self._sample: Sample | None = None
        self._user = self._description = ""
        self.writes = 0
        """How many transactions this session has made durable."""

    @property
    def database(self) -> Database:
        """The database that this is a session of."""
        return self._database

    @property
    def catalog(self) -> StoredCatalog:
        """The tables as this transaction sees them; begins one if need be. OperationalError if it is lost."""
        if not self._active:
            self.begin()
        elif self._generation != self._database.generation:
            raise self._database.lost(self._generation)
        return self._catalog

    @property
    def noting_catalog(self) -> Catalog:
        """As ``begin_statement`` gave it, but the commit of a serializable transaction looks again at what is read."""
        if not self._active:
            self.begin()
        return self._catalog if self._certifier is None else cast(Catalog, self._certifier.reads)

    @property
    def zodb_connection(self) -> Any:
        """ZODB's connection, at this transaction's snapshot; begins one if need be."""
        if not self._active:
            self.begin()
        return self._connection

    @property
    def journal(self) -> Journal:
        """What this transaction has written so far; begins one if need be."""
        return self.catalog.journal

    def begin(self) -> None:
        """Take the snapshot, unless a transaction has begun already."""
        if self._active:
            return
        self._active = True  # before the snapshot is taken, see ``former``
        try:
            if self._generation != self._database.generation:
                self._connect()
                self._catalog.begin()
            elif self._connection.newTransaction(None, True) or not self._has_only_read:
                self._catalog.begin()
            self._has_only_read = False
            if self._certifier is not None:
                self._certifier.begin()
            sampler = self._database.sampler
            sampler.left -= 1
            if sampler.left <= 0:
                self._sample = sampler.begin(self._connection)
            self._held = 0
            self._moves_on = False
            if self._former_views:
                self._keep_needed()
        except BaseException as error:
            self._active = False
            self._former_views.clear()
            self.break_off(error)

    def break_off(self, error: BaseException) -> NoReturn:
        """Raise ``error``, of a commit or of a step to another snapshot, as one of ours; trust nothing half done.

        Where it was interrupted, the connection may lack what it was to be told of others' changes.
        """
        generation, self._generation = self._generation, _LOST  # also where the stack is too full for what follows
        if self._database.recover(error):
            self._discard()
            raise error
        self._generation = generation
        if isinstance(error, STORAGE_ERRORS):
            raise translated(error) from error
        raise error

    def _connect(self) -> None:
        """Take a connection out of the pool, at its first snapshot. One of an earlier generation is simply dropped."""
        self._manager, self._generation = LazyManager(), _LOST
        self._connection, generation = self._database.connect(self, self._manager, self._before)
        connection = self._connection
        try:
            connection.newTransaction(None, True)
            root = connection.root()
        except BaseException:
            self._connection = None
            with suppress(Exception):  # the storage may be gone, and the error that led here tells more
                connection.close()
            raise
        journal = Journal()
        journal.make_room = partial(_make_room, journal, connection)
        self._sequences = SessionSequences(
            self._database.sequences, lambda: root["sequences"], connection.add, journal.mark
        )
        me = weakref.proxy(self)
        if self.serializable:
            journal.undone = []
        else:
            journal.deleted_elsewhere = partial(deleted_elsewhere, me)
        if self._database.ordered:
            journal.lock_row = partial(_lock_row, me)
            journal.taken_elsewhere = partial(taken_elsewhere, me)
        self._catalog = StoredCatalog(root, journal, self._compile, self._sequences, self._database.plans)
        self._certifier = Certifier(me, self._catalog) if self.serializable else None
        self._generation = generation  # now there is all that a transaction needs

    def snapshot(self, before: bytes | None = None) -> Session:
        """A session of its own, begun, on the newest state: for a cursor that streams while others write.

        With ``before``, on the state before the transaction of that id, and for reading only.
        """
        other = Session(self._database, self._compile, "snapshot", before)
        other.begin()
        return other

    def close(self) -> None:
        """Roll back, and give the connection back to the pool. The session may be used again; it takes another one."""
        try:
            self.rollback()
        finally:
            connection, self._connection = self._connection, None
            if connection is not None and self._generation == self._database.generation:
                connection.close()
            self._generation = _LOST

    def usable(self) -> bool:
        """True if the storage can be expected to answer."""
        return self._database.is_connected()

    def note(self, user: str | None = None, description: str | None = None) -> None:
        """Say who makes the current (or next) transaction and what for; it is recorded with what is committed."""
        if user is not None:
            self._user = user
        if description is not None:
            self._description = description

    # --- marks -----------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """This moment of the transaction, for ``undo_to``: the atomicity of a statement, and savepoints. Costs nothing.

        A transaction that has changed very many records or rows writes them to temporary files here.
        """
        journal = self.catalog.journal
        try:
            if len(self._connection._registered_objects) > _SPILL_AT:
                self._connection.savepoint()
            if journal.crowded:
                journal.make_room()
        except STORAGE_ERRORS as error:
            raise translated(error) from error
        return journal.mark()

    def undo_to(self, mark: int) -> None:
        """Take back what was done since ``mark``: rows, indexes, definitions; in memory generated ids, too.

        Of a transaction that is lost, all is taken back already.
        """
        if self._active and self._generation != self._database.generation:
            return
        try:
            self.catalog.journal.undo_to(mark)
            self._sequences.undo_to(mark)
        except BaseException as error:
            self._generation = _LOST  # what is left is neither the one nor the other: nobody may commit it
            if isinstance(error, STORAGE_ERRORS):
                raise translated(error) from error
            raise

    def distrust(self, error: BaseException) -> None:
        """After ``error`` in a statement: the transaction is lost if C code was stopped in the middle of a change.

        The tree has changed then, or a leaf of it is half split, and is on no list of what to write or to forget.
        """
        if any(frame.f_code is _REGISTER for frame, _ in walk_tb(error.__traceback__)):
            self._generation = _LOST

    @property
    def has_read(self) -> bool:
        """Whether this transaction, a serializable one, has read anything that its commit will look at again."""
        return self._certifier is not None and self._certifier.reads.asked > 0

    # --- the end of a transaction ----------------------------------------------------------------------------------

    def commit(self) -> None:
        """Make the transaction's changes durable, and end it.

        Raises IntegrityError for a constraint that does not hold, ConflictError (retryable) if another transaction
        changed a row that this one wrote, locked or relied on, OperationalError if the storage fails. The transaction
        is then rolled back.
        """
        if not self._active:
            return
        catalog = self.catalog
        if not catalog.journal.entries and not (self._sequences.used and self._sequences.moved):
            self.rollback()
            return
        self._end_sample()
        try:
            catalog.check_deferred()
            self._commit_changes()
        except BaseException as error:
            if isinstance(error, (errors.ConflictError, RecordConflict)):
                self._database.statistics.count("conflicts")
            self._fail(error)
        try:
            self.writes += 1
            self._database.statistics.count("commits")
            self._sequences.committed()
        finally:
            self._finished()

    def rollback(self) -> None:
        """Undo everything since the transaction began, and end it; only in memory are generated ids given back."""
        if self._active:
            notice_fork()
            if self._sequences.used:
                self._sequences.aborted()
            self._end()

    def end_reading(self) -> None:
        """End a transaction that has not written: where it has locked nothing either, the next one begins sooner."""
        journal = self._catalog.journal
        self._end()
        self._has_only_read = not (journal.locked or journal.locks_keys)

    def _end_sample(self) -> None:
        sample, self._sample = self._sample, None
        if sample is not None:
            self._database.sampler.end(sample)

    def _end(self) -> None:
        if self._sample is not None:
            self._end_sample()
        try:
            if self._manager.writing:
                self._manager.abort()
            elif self._connection is not None:
                self._connection.afterCompletion(None)
        except BaseException as error:
            self._discard()
            if isinstance(error, STORAGE_ERRORS):
                raise translated(error) from error
            raise
        finally:
            self._finished()

    def _finished(self) -> None:
        self._active = False
        if self._former_views:
            self._former_views.clear()
        try:
            self._locker.free()
        finally:
            hold, self._hold = self._hold, None
            if hold is not None:
                hold.release()
        self._user = self._description = ""

    def _fail(self, error: BaseException) -> NoReturn:
        """After anything went wrong in a commit: leave nothing of it, and no broken storage; raise it as ours."""
        self._sequences.aborted()
        try:
            self._manager.abort()
        except BaseException as failure:
            self._discard()
            if is_interruption(failure):
                error = failure  # else the one that led here tells more
        finally:
            self._finished()
        self.break_off(error)

    def _discard(self) -> None:
        """Let go of a connection that cannot even abort; the next transaction takes another one."""
        self._generation = _LOST
        self._connection = None

    # --- the commit protocol ---------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Take the commit lock now, on the newest snapshot, and keep it until the transaction ends.

        For what cannot be replayed. Does nothing where others cannot be kept from committing. Raises LockTimeoutError,
        and ConflictError if others have changed what this transaction wrote, locked or relied on.
        """
        catalog = self.catalog
        if self._hold is not None:
            return
        try:
            self._hold = self._database.hold()
            if self._hold is None:
                return
            try:
                self._check_unchanged(self._connection._normal_storage)
            except BaseException:  # on its old snapshot, the transaction is as it was
                self._hold.release()
                self._hold = None
                raise
            self._certify(self._catch_up())
        except BaseException as error:
            self.break_off(error)
        catalog.refresh()

    def _check_unchanged(self, storage: Any) -> None:
        """ConflictError if others have committed anything that concerns this transaction; its snapshot stays."""
        storage.sync(True)
        heard = storage._invalidations
        changed = None if heard is None else set(heard)
        if (self._connection.is_changing or self._catalog.journal.locked) and self._touches(changed):
            raise errors.ConflictError("another transaction changed what this one wrote or read for its checks")
        self._certify(changed)

    def _certify(self, changed: set[bytes] | None) -> None:
        if self._certifier is not None:
            self._certifier.check(changed)

    def sees_newest(self, before: int, read: bool) -> bool:
        """After a statement that locked rows: whether it saw them as they are now, when nobody else can change them.

        If not, the transaction moves to the newest snapshot, and the statement is to be run again: so whoever waited
        for a lock sees what was done under it. ``before`` is how many rows were locked before it, ``read`` what
        ``has_read`` was. A transaction that has written or, serializably, read already keeps its snapshot; it gets a
        ConflictError if one of the rows is another one now.
        """
        database, catalog = self._database, self.catalog
        held = self._locker.held
        if not database.ordered or held == self._held:  # they were its own when the snapshot was taken
            return True
        try:
            with database.commit_lock:  # who has found the rows free has committed when this is
                storage = self._connection._normal_storage
                storage.sync(True)
                heard = storage._invalidations
            if heard is not None and not heard:
                return True
            if self._connection.is_changing or read:
                self._check_locked(catalog.journal.locked[before:])
                return True
            self._connection.newTransaction(None, True)
            self._held = held
            catalog.lock_again(catalog.journal.locked[:before])
            if self._certifier is not None:
                self._certifier.begin()
        except BaseException as error:
            self.break_off(error)
        return False

    def move_on(self) -> None:
        """See the newest state from the next statement on, unless something is written by then."""
        self._moves_on = True

    def begin_statement(self) -> StoredCatalog:
        """Take the snapshot, if there is none (see ``move_on``); the tables as this transaction sees them."""
        if not self._active:
            self.begin()
            return self._catalog
        if self._moves_on:
            self._move_on()
        return self.catalog

    def _move_on(self) -> None:
        self._moves_on = False
        if self._connection.is_changing:
            return
        try:
            locked = list(self._catalog.journal.locked)
            self._connection.newTransaction(None, True)
            self._catalog.lock_again(locked)
        except BaseException as error:
            self.break_off(error)

    def _check_locked(self, locked: Sequence[LockedRow]) -> None:
        """ConflictError if one of these rows, which nobody else can change any more, is not as it was seen."""
        net = self._catalog.journal.net()
        with closing(self.snapshot()) as newest:
            catalog = newest.catalog
            for name, rowid, row in locked:
                if rowid in net.get(name, ()):
                    continue  # written here: the commit compares it
                if catalog.schema(name) is None or catalog.table(name).get(rowid) != row:
                    raise errors.ConflictError("a row was changed by another transaction before this one locked it")

    def _locked_row(self) -> Key | None:
        """With the commit lock: a row that this transaction changes and another one has locked, or None."""
        locks, catalog = self._database.row_locks, self._catalog
        if not self._database.ordered or not self._locker.concern(locks):
            return None
        for key in self._lockable(catalog):
            if not self._locker.take(locks, key, "skip"):
                return key
        return None

    def _lockable(self, catalog: StoredCatalog) -> Iterator[Key]:
        """What others may have locked of all that this transaction changes."""
        for name, rowid in catalog.journal.changed_rows():
            oid = catalog.table(name).record._p_oid if catalog.schema(name) is not None else None
            if oid is not None:
                yield oid, rowid
        for name, rowid, inserted in catalog.journal.inserted_rows():
            if catalog.schema(name) is not None:
                table = catalog.table(name)
                row = table.get(rowid) if catalog.journal.ddl else inserted  # since then, it may have got other columns
                for _, key in key_locks(table, rowid, row) if row is not None else ():
                    yield key

    def _commit_changes(self) -> None:
        database = self._database
        if self._hold is not None:
            self._hold.adopt()
        again = False
        end = time.monotonic() + database.options.timeout
        rounds = 0
        while True:
            try:
                with database.commit_lock:
                    locked = self._locked_row()
                    if locked is None:
                        self._commit_round(again)
                        return
            except RecordConflict:  # someone who does not hold our lock was faster
                rounds += 1
                if rounds >= _ROUNDS and time.monotonic() >= end:
                    raise
                again = True
                if rounds == _PATIENCE and self._hold is None:
                    self._hold = database.hold()
                else:
                    time.sleep(CHANCE.uniform(0, min(_PAUSE_S * rounds, _LONGEST_PAUSE_S)))
                continue
            if self._hold is not None:  # who has locked it waits for the lock that is held here
                raise errors.ConflictError("another transaction has locked a row that this one changes")
            self._locker.take(database.row_locks, locked, "wait")

    def _commit_round(self, again: bool) -> None:
        """Commit on the newest snapshot, with the commit lock; RecordConflict if there is no lock, and others do."""
        changed = self._catch_up()
        self._certify(changed)
        if self._touches(changed) or again:
            self._replay()
        self._write()

    def _catch_up(self) -> set[bytes] | None:
        """Move to the newest snapshot; the oids of the records that others changed meanwhile, None if unknown.

        What was changed here stays as it is, unless another changed the same record: then it must be replayed.
        """
        connection = self._connection
        storage = connection._normal_storage
        if not self._database.ordered:  # with the lock, nothing is missing
            storage.sync(True)
        changed = storage.poll_invalidations()
        if changed is None:
            connection._cache.invalidate(list(connection._cache.cache_data))
            return None
        oids = set(changed)
        connection._cache.invalidate(changed)  # empties the list
        return oids

    def _touches(self, changed: set[bytes] | None) -> bool:
        """True if ``changed`` may concern what this transaction wrote or relied on."""
        if changed is not None and not changed:
            return False
        if changed is None or not changed.isdisjoint(self._catalog.relied()):
            return True
        return not changed.isdisjoint(self._connection.changed_oids())

    def _replay(self) -> None:
        """Do this transaction's net changes again on the newest snapshot, with all checks; see the module's 3."""
        self._database.statistics.count("replays")
        catalog = self._catalog
        pending = catalog.pending()
        self._manager.abort()
        self._connection._readCurrent.clear()  # the guards of a round that failed
        self._certify(self._catch_up())
        catalog.begin()
        try:
            catalog.replay(pending)
        except errors.IntegrityError as error:
            error.retryable = True  # it held on the snapshot: who runs the transaction again sees what it meets here
            raise

    def _write(self) -> None:
        """Write what belongs to every commit, and commit."""
        self._catalog.flush_counts()
        self._sequences.flush()
        # BTrees ask that the inner nodes on the way to a changed leaf be current, which the connection ignores. A leaf
        # that moved or went was itself changed, and a tree that was replaced has another schema token: both are noticed
        # without reading the nodes.
        if not self._database.ordered:
            self._connection.guard(self._catalog.relied())
        current = self._manager.get()
        if self._user:
            current.user = self._user
        if self._description:
            current.note(self._description)
        if self._certifier is not None and not self._database.ordered:
            current.join(LastCheck(self._certifier.check_again))
        current.commit()
