"""A ZODB connection that seals its records and checks them, and whose cache is bounded within a transaction, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from io import BytesIO
from itertools import chain
from typing import Any, TypeVar

import ZODB
from transaction.interfaces import TransientError
from ZODB.Connection import Connection
from ZODB.DB import ConnectionPool
from ZODB.mvccadapter import MVCCAdapterInstance
from ZODB.POSException import ConflictError, ConnectionStateError, POSError
from ZODB.serialize import ObjectReader
from ZODB.utils import z64
from zodbpickle.pickle import Unpickler

from ..errors import DamagedError, Error, OutcomeUnknownError
from .classes import PERSISTENT, class_factory
from .columns import NotedCache
from .failures import STORAGE_ERRORS, is_no_damage, raised_by_others, translated
from .large import Records
from .persistent import RowBucket
from .pool import Pool
from .recordwriter import SIMPLE, RecordWriter, leaf_parts
from .repeated import Repeated
from .seal import check_seal

T = TypeVar("T")

_LOADS_PER_SWEEP = 100
"""What may come in beyond the limit: some MB. A sweep that finds nothing to do takes 0.1 µs."""
_NOT_COUNTED: tuple[list[Any], int, int] = [], 0, 0
_MOST_OBJECTS, _MOST_BYTES = (1 << 31) - 1, (1 << 63) - 1
"""The greatest limits that the cache's C code can take."""
_MOST_OTHERS = 40_000
"""So many changed records besides leaves of rows may stay in memory: some 100 MB."""


def _nonsense(error: Exception) -> DamagedError:
    return DamagedError(
        f"a record of the database makes no sense ({str(error) or type(error).__name__}): "
        f"the file was damaged or tampered with; restore it from a backup"
    )


class RecordUnpickler(Unpickler):  # type: ignore[misc]
    """Reads a record's pickles, which may name what ``classes`` allows. ZODB's own asks a function more for each."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name."""
        return class_factory(None, module, name)


class CheckedReader(ObjectReader):  # type: ignore[misc]
    """Checks the seal of each record; what makes no sense is an OperationalError."""

    def getGhost(self, pickle: bytes) -> Any:
        """A new object of the record's class, without state."""
        try:
            return super().getGhost(pickle)
        except (POSError, TransientError, Error):
            raise
        except Exception as error:
            if is_no_damage(error):
                raise
            raise _nonsense(error) from error

    def getState(self, pickle: bytes) -> Any:
        """The state in a record; errors are as they come. ZODB's would wrap them, and log some with the record."""
        unpickler = self._get_unpickler(pickle)
        unpickler.load()  # the object's class
        return unpickler.load()

    def _get_unpickler(self, pickle: bytes) -> RecordUnpickler:
        unpickler = RecordUnpickler(BytesIO(pickle))
        unpickler.persistent_load = self._persistent_load
        return unpickler

    def _persistent_load(self, reference: Any) -> Any:
        """What a record refers to: an object by its oid and class, nearly always. ZODB knows what else there may be."""
        oid, class_ = reference if type(reference) is tuple and len(reference) == 2 else (None, None)
        if type(oid) is not bytes or class_ not in PERSISTENT:
            return super()._persistent_load(reference)
        found = self._cache.get(oid)
        if found is None:
            found = class_.__new__(class_)
            self._cache.new_ghost(oid, found)
        return found

    def setGhostState(self, obj: Any, pickle: bytes) -> None:
        """Give the object the record's state; a simple leaf without an unpickler, which takes a seventh of the time."""
        check_seal(obj._p_oid, pickle, self._conn.db().requires_seals)
        kind = type(obj)
        parts = leaf_parts(kind, pickle)
        if parts is None:
            obj.__setstate__(self.getState(pickle))
            return
        packed, following = parts
        obj.__setstate__((packed,) if following is None else (packed, self._persistent_load((following, kind))))


class BoundedConnection(Connection):  # type: ignore[misc]
    """Sweeps its cache now and then while it loads, so that a scan of any table runs in bounded memory.

    ZODB sweeps at the end of a transaction. Doing it earlier is safe: what has been changed stays, what C code is
    using is marked so, and what was swept is loaded again from the same snapshot.
    """

    _loads = 0
    _import: Any
    _registered_objects: list[Any]
    _savepoint_storage: Any
    _added_during_commit: list[Any] | None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._note_changes()
        self._reader: Any = CheckedReader(self, self._cache, self.db().classFactory)
        self._asks_storage = hasattr(self._normal_storage, "afterCompletion")
        self._seen: tuple[bytes, bytes] | None = None
        self._counted = _NOT_COUNTED
        self.repeated = Repeated()
        self.moved_values: Records = {}
        """Records of large values whose leaves have given them up in this transaction; see ``persistent``."""

    def _resetCache(self) -> None:
        super()._resetCache()
        self._note_changes()
        self._reader._cache = self._cache

    def _note_changes(self) -> None:
        self._cache: Any = NotedCache(self, self._cache)
        self.columns = self._cache.columns

    def limit_cache(self, size: int) -> None:
        """Let the cache hold so many bytes from now on; what is beyond that goes with the next sweep."""
        if size != self._cache.most_bytes:
            self._cache.limit(size)

    @property
    def is_changing(self) -> bool:
        """Whether the transaction has changed anything, even if it has taken that back."""
        return bool(self._registered_objects) or self._savepoint_storage is not None

    def changed_oids(self) -> Iterator[bytes]:
        """The oids of what the transaction has changed so far."""
        for obj in self._registered_objects:
            yield obj._p_oid
        if self._savepoint_storage is not None:
            yield from self._savepoint_storage.index

    def spill(self) -> None:
        """Move changed leaves of rows to a temporary file, so that the cache may let go of them.

        Whoever changes many rows in their order is done with these leaves, while indexes are written all over the
        place: the other records stay, unless they are too many. Where there are no such leaves, there may be a new
        table, of which nothing is known before it is stored as a whole.
        """
        changed = self._registered_objects
        if not changed:
            return
        leaves = [each for each in changed if type(each) is RowBucket]
        if not leaves or len(changed) - len(leaves) > _MOST_OTHERS:
            self.savepoint()
            return
        self._registered_objects = leaves
        try:
            self.savepoint()
        except BaseException:
            self._registered_objects = changed
            raise
        self._registered_objects = [each for each in changed if type(each) is not RowBucket]

    def newTransaction(self, transaction: Any, sync: bool = True) -> bool:
        """Take a new snapshot; whether it may be another one than that taken last. If not, it costs next to nothing."""
        self.moved_values.clear()
        storage = self._storage
        if type(storage) is not MVCCAdapterInstance:
            super().newTransaction(transaction, sync)
            return True
        if sync:
            storage._sync()
        # In this order: who commits tells first what has changed.
        seen = storage._storage.lastTransaction(), storage._ltid
        if storage._invalidations or seen != self._seen or storage._invalidations is None:
            super().newTransaction(transaction, sync=False)
            self._seen = seen
            return True
        self._readCurrent.clear()
        return False

    def abort(self, transaction: Any) -> None:
        """As ZODB's; the records of values that were moved are those of leaves that are no more as they were."""
        super().abort(transaction)
        self.moved_values.clear()

    def afterCompletion(self, transaction: Any) -> None:
        """Sweep the cache, as ZODB does after it has asked its storage, which mostly has nothing to do then."""
        self._counted = _NOT_COUNTED  # which holds what was changed
        if self.explicit_transactions and not self._asks_storage:
            self._cache.incrgc()
        else:
            super().afterCompletion(transaction)

    def register(self, obj: Any) -> None:
        """As ZODB's, which asks more each time; called by C code for each object that changes."""
        oid = obj._p_oid
        if self._needs_to_join or oid is None or oid in self._added:
            super().register(obj)
        else:
            self._registered_objects.append(obj)

    readCurrent = staticmethod(id)
    """Nothing, by C code: BTrees call it for each node on the way to what they change; see ``Session._write``."""

    def guard(self, oids: Iterable[bytes]) -> None:
        """Have the storage refuse the commit if one of these records is not current any more."""
        for oid in oids:
            obj = self.get(oid)
            obj._p_activate()
            super().readCurrent(obj)

    def _commit(self, transaction: Any) -> None:
        """ZODB's step of a commit or savepoint that stores all that was changed; with one writer for everything."""
        if self.before is not None:
            super()._commit(transaction)  # which refuses
        if self._import:
            self._importDuringCommit(transaction, *self._import)
            self._import = None
        added: list[Any] = []
        self._added_during_commit = added
        writer = RecordWriter(self)
        try:
            for obj in self._registered_objects:
                if obj._p_oid in self._added or (obj._p_changed and obj._p_oid not in self._creating):
                    self._store_all(writer, obj, transaction)
            for obj in added:
                self._store_all(writer, obj, transaction)
        finally:
            writer.close()
        self._added_during_commit = None

    def _commit_savepoint(self, transaction: Any) -> None:
        """ZODB's step of a commit that stores what savepoints have moved to a temporary file; there are no blobs."""
        moved = self._savepoint_storage
        self._storage, self._savepoint_storage = self._normal_storage, None
        try:
            oids = sorted(moved.index)
            self._modified.extend(oids)
            self._creating.update(moved.creating)
            for oid in oids:
                record, serial = moved.load(oid)
                obj = self._cache.get(oid)
                if obj is not None:
                    self._cache.update_object_size_estimation(oid, len(record))
                    obj._p_estimated_size = len(record)
                self._storage.store(oid, serial, record, "", transaction)
                self._readCurrent.pop(oid, None)
        finally:
            moved.close()

    def _store_all(self, writer: RecordWriter, obj: Any, transaction: Any) -> None:
        """Store an object and the new ones that it leads to."""
        waiting = writer.waiting
        while True:
            if type(obj) in SIMPLE:
                self._store_simple(writer, obj, transaction)
            else:
                waiting.append(obj)
                self._store_objects(writer, transaction)
            if not waiting:
                return
            obj = waiting.pop()

    def _store_simple(self, writer: RecordWriter, obj: Any, transaction: Any) -> None:
        """As ZODB stores any object, without what it asks because that might be a blob or huge."""
        oid, serial = obj._p_oid, obj._p_serial
        new = serial == z64 and self._is_new(oid)
        if new:
            self._creating[oid] = self._added.pop(oid, None) is None
        else:
            self._modified.append(oid)
        record = writer.serialize(obj)
        stored = self._storage.store(oid, serial, record, "", transaction)
        self._store_count += 1
        if new:  # others are in the cache: it holds what has changed
            self._cache[oid] = obj
        self._cache.update_object_size_estimation(oid, len(record))
        obj._p_estimated_size = len(record)
        if self._readCurrent:
            self._readCurrent.pop(oid, None)
        if stored:  # for a savepoint
            obj._p_changed, obj._p_serial = 0, stored

    def _is_new(self, oid: bytes) -> bool:
        """Whether an object without a serial is nowhere yet; it may be in a savepoint."""
        savepoint = self._savepoint_storage
        return savepoint is None or bool(savepoint.creating.get(oid, True))

    def tpc_finish(self, transaction: Any) -> None:
        """ZODB's last step of a commit, after which there is no way back: what fails here may have succeeded."""
        self.columns.forget(chain(self._modified, self._creating))
        try:
            super().tpc_finish(transaction)
        except STORAGE_ERRORS as error:
            raise OutcomeUnknownError(
                f"it is not known whether the transaction was committed: the storage failed while it was made durable "
                f"({translated(error)}). Look for what it has written before you run it again"
            ) from error

    def setstate(self, obj: Any) -> None:
        """Load the state of an object; ZODB's hook."""
        self._retried(self._load, obj)
        self._loads += 1
        if self._loads >= _LOADS_PER_SWEEP:
            self._loads = 0
            self._sweep()

    def _load(self, obj: Any) -> None:
        """As ZODB's ``setstate``, which logs each error with its traceback, although whoever asks is told of it."""
        oid = obj._p_oid
        record, serial = self._record(oid)
        self._reader.setGhostState(obj, record)
        obj._p_serial = serial
        self._cache.update_object_size_estimation(oid, len(record))
        obj._p_estimated_size = len(record)

    def _record(self, oid: bytes) -> tuple[bytes, bytes]:
        """The record and serial of an object at the snapshot."""
        if self.opened is None:
            raise ConnectionStateError("a record cannot be loaded: its connection is closed")
        found: tuple[bytes, bytes] = self._storage.load(oid)
        self._load_count += 1
        return found

    def _sweep(self) -> None:
        """Let the cache shrink to its limits, and what was changed and has to stay be no part of that.

        Else it would leave no room for anything else, and the way to each leaf would be loaded again and again. At the
        end of a transaction nothing is changed any more.
        """
        cache, changed = self._cache, len(self._registered_objects)
        number, size = cache.cache_size, cache.most_bytes
        try:
            cache.cache_size = min(number + changed, _MOST_OBJECTS)
            cache.cache_size_bytes = min(size + self._changed_size(), _MOST_BYTES) if size else 0
            cache.incrgc()
        finally:
            cache.cache_size = number
            cache.cache_size_bytes = cache.most_bytes  # it may be another one than before

    def _changed_size(self) -> int:
        """The bytes of what was changed, as it is stored; what was known the last time is counted once."""
        changed = self._registered_objects
        known, number, size = self._counted
        if known is not changed or number > len(changed):
            number = size = 0
        for obj in changed[number:]:
            size += int(obj._p_estimated_size)
        self._counted = changed, len(changed), size
        return size

    def read_past_cache(self, read: Callable[[Any], T], obj: Any) -> T:
        """``read`` of the stored state of an object that is a ghost, and stays one; errors are those of loading it.

        Of a leaf of rows whose record is simple, only the entries are taken from it.
        """
        found: T = self._retried(self._read, read, obj)
        return found

    def _read(self, read: Callable[[Any], T], obj: Any) -> T:
        oid = obj._p_oid
        record, _ = self._record(oid)
        check_seal(oid, record, self.db().requires_seals)
        parts = leaf_parts(type(obj), record)
        state: Any = parts[:1] if parts is not None else self._reader.getState(record)
        return read(state)

    def _retried(self, load: Callable[..., T], *arguments: Any) -> T:
        """Load; once more if it may be the client's cache on disk that is damaged, and not what the server has."""
        try:
            return _translated(load, *arguments)
        except DamagedError:
            drop_cache = getattr(self.db().storage, "drop_cache", None)
            if drop_cache is None:
                raise
            drop_cache()
            return _translated(load, *arguments)


def _translated(load: Callable[..., T], *arguments: Any) -> T:
    try:
        return load(*arguments)
    except (ConflictError, TransientError, Error):
        raise
    except STORAGE_ERRORS as error:
        if raised_by_others(error):
            raise
        raise translated(error) from error
    except Exception as error:  # a storage that reads nonsense where it expects numbers and lengths
        if is_no_damage(error):
            raise
        raise _nonsense(error) from error


class _Rooted:
    """Stands for a connection to a storage that is known to have a root."""

    def get(self, oid: bytes) -> None:
        """There it is."""


class BoundedDB(ZODB.DB):  # type: ignore[misc]
    """A DB that opens such connections."""

    klass = BoundedConnection
    requires_seals = False
    """Whether every record must have a seal. It is checked wherever there is one."""

    def __init__(
        self, storage: Any, cache_total_bytes: int | None = None, has_root: bool = False, **options: Any
    ) -> None:
        self._is_rooted = has_root
        super().__init__(storage, **options)
        self._is_rooted = False
        made: ConnectionPool = self.pool
        self.pool: ConnectionPool = Pool(made, self.getCacheSizeBytes(), cache_total_bytes)

    def transaction(self, note: str | None = None) -> Any:
        """As ZODB's. That by which it looks for a root, when it is made, is a sixth of the time of opening a file."""
        return nullcontext(_Rooted()) if self._is_rooted else super().transaction(note)

    def setCacheSizeBytes(self, size: int) -> None:
        """Let the caches of connections hold so many bytes, those that are open, too; ZODB's own hook."""
        super().setCacheSizeBytes(size)
        self.pool.limit(size)

    def close(self) -> None:
        """Close the storage, and leave the connections to those who have them: they find it closed.

        ZODB's would abort their transactions. Another thread that is just committing one would commit nothing, and be
        told that it is done.
        """
        self.storage.close()
