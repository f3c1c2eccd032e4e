"""The storage of ``:memory:`` databases: MappingStorage, plus copies that share the records' bytes.

A copy costs one pointer per record, since a record is immutable bytes: that is all the copy-on-write that test
databases need, and the copy does not depend on the original afterwards.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from typing import Any

from BTrees.OOBTree import OOBucket
from ZODB.MappingStorage import MappingStorage
from ZODB.utils import Lock, RLock, newTid, u64, z64

from ..errors import OperationalError

Records = Iterable[tuple[bytes, bytes]]


class MemoryStorage(MappingStorage):  # type: ignore[misc]
    """Records in a dict, gone with the process; starts with ``records`` ((oid, data) pairs), if given."""

    _oid: int
    _tid: bytes
    _ltid: bytes

    def __init__(self, name: str, records: Records = ()) -> None:
        super().__init__(name)
        tid = newTid(None)
        for oid, data in records:
            self._data[oid] = OOBucket({tid: data})
            self._oid = max(self._oid, u64(oid))
            self._ltid = tid

    def tpc_begin(self, transaction: Any, tid: bytes | None = None) -> None:
        """As MappingStorage; the first transaction id follows that of the initial records."""
        super().tpc_begin(transaction, tid)
        if tid is None and self._tid <= self._ltid:
            self._tid = newTid(self._ltid)

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
