"""The storage of ``:memory:`` databases: MappingStorage, plus copies that share the records' bytes.

A copy costs one pointer per record, since a record is immutable bytes: that is all the copy-on-write that test
databases need, and the copy does not depend on the original afterwards.
"""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from BTrees.OOBTree import OOBucket
from ZODB.MappingStorage import MappingStorage
from ZODB.utils import Lock, RLock, newTid, u64, z64

from ..clock import clock
from ..errors import OperationalError

Records = Iterable[tuple[bytes, bytes]]

_GRACE_S = 5.0


class MemoryStorage(MappingStorage):  # type: ignore[misc]
    """Records in a dict, gone with the process; starts with ``records`` ((oid, data) pairs), if given.

    Of each record it keeps what is current and what an open connection may still read, not the whole history.
    """

    _oid: int
    _tid: bytes
    _ltid: bytes

    def __init__(self, name: str, records: Records = ()) -> None:
        super().__init__(name)
        self._adapter: Any = None
        tid = newTid(None)
        for oid, data in records:
            self._data[oid] = OOBucket({tid: data})
            self._oid = max(self._oid, u64(oid))
            self._ltid = tid
        self._settled = z64
        self._recent: deque[tuple[float, bytes]] = deque()

    def registerDB(self, db: Any) -> None:
        """Called by ZODB with the adapter that knows all connections."""
        self._adapter = db

    def tpc_begin(self, transaction: Any, tid: bytes | None = None) -> None:
        """As MappingStorage; transaction ids follow the newest one, also where no transaction is kept."""
        super().tpc_begin(transaction, tid)
        if tid is None:
            self._tid = newTid(self._ltid)

    def tpc_finish(self, transaction: Any, func: Callable[[bytes], None] = lambda tid: None) -> bytes:
        """As MappingStorage, all or nothing of it; then drops the revisions that nobody can read any more."""
        written, tid = list(self._tdata), self._tid
        with self._lock:
            try:
                super().tpc_finish(transaction, func)
            except BaseException:
                self._take_back(transaction, tid, written)
                raise
            self._recent.append((clock.monotonic(), tid))
            self._transactions.clear()
            self._prune(written)
        return tid

    def _take_back(self, transaction: Any, tid: bytes, oids: list[bytes]) -> None:
        """Leave nothing of a commit that was interrupted; it is to be aborted."""
        self._ltid = tid  # which others have heard of
        for oid in oids:
            revisions = self._data.get(oid, ())
            if tid in revisions:
                del revisions[tid]
                if not revisions:
                    del self._data[oid]
        if self._commit_lock.locked():
            self._transaction = transaction

    def _prune(self, oids: list[bytes]) -> None:
        # A connection that takes its snapshot at this very moment may need what has just become old.
        # (Transaction ids are no measure of that: the time of day may be set back, or frozen by a test.)
        limit = clock.monotonic() - _GRACE_S
        while self._recent and self._recent[0][0] <= limit:
            _, self._settled = self._recent.popleft()
        instances = list(self._adapter._instances) if self._adapter is not None else ()
        starts = [instance._start for instance in instances if instance._start is not None]
        for oid in oids:
            revisions = self._data[oid]
            outdated = []
            for tid, successor in pairwise(revisions.iterkeys()):
                if successor > self._settled:
                    break
                if not any(tid < start <= successor for start in starts):
                    outdated.append(tid)
            for tid in outdated:
                del revisions[tid]

    def pack(self, t: float, referencesf: Any, gc: bool = True) -> None:
        """Nothing: what is not current any more has been dropped already."""

    def before_fork(self) -> None:
        """Wait for the end of a commit, and let none begin."""
        self._commit_lock.acquire()
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Let commits go on."""
        self._lock.release()
        self._commit_lock.release()

    def after_fork(self) -> None:
        """In a forked child: fresh locks, since threads that no longer exist may hold the inherited ones."""
        self._lock = RLock()
        self._commit_lock = Lock()
        self._transaction = None

    def records(self) -> list[tuple[bytes, bytes]]:
        """The current (oid, data) pairs of one moment."""
        with self._lock:
            return [(oid, revisions[revisions.maxKey()]) for oid, revisions in self._data.items()]


def current_records(storage: Any) -> Iterator[tuple[bytes, bytes]]:
    """The newest (oid, data) of every object; OperationalError for a storage that cannot list them."""
    if isinstance(storage, MemoryStorage):
        yield from storage.records()
        return
    if not hasattr(storage, "record_iternext"):
        raise OperationalError(f"{storage.getName()} cannot list its records, and so cannot be copied")
    if storage.lastTransaction() == z64:
        return
    following = None
    while True:
        oid, _, data, following = storage.record_iternext(following)
        yield oid, data
        if following is None:
            return


def dump(records: Records) -> bytes:
    """The records as bytes, to be handed to another process; ``load`` is the inverse."""
    return marshal.dumps(list(records))


def load(data: bytes) -> list[tuple[bytes, bytes]]:
    """What ``dump`` was given; OperationalError if ``data`` is something else."""
    try:
        records = marshal.loads(data)
        return [(bytes(oid), bytes(record)) for oid, record in records]
    except (EOFError, ValueError, TypeError) as error:
        raise OperationalError("this is no serialised database") from error
