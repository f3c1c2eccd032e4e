"""Generated ids: unique for ever, rising within a process, and no reason for two writers to conflict.

Every table has a persistent ``Sequence`` whose ``value`` is a high-water mark: no id above it is in use anywhere.
Ids come from counters in this process, one per Sequence, which start above the mark and only rise: a rollback or a
deletion never gives an id back.

Where this process alone writes, the mark is moved by the transaction that inserts, when it commits ids above it, and
then a block ahead: most commits do not write it, none is needed for it alone, and after a crash the ids go on above
it. A clean close takes the unused rest of the block back. Where other processes write too (ZEO), ids must be ours
before they are used: a block is reserved by a small transaction of its own; blocks grow while they are used up fast.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ZODB.utils import z64

from ..errors import DataError
from .persistent import Sequence

MAX_ID = 2**63 - 1
BLOCK_AHEAD = 32
_LARGEST_BLOCK = 4096
_FAST_S = 1.0  # a block used up sooner than this is followed by one of twice its size

#: (oid of the Sequence, lowest id wanted, how many) → the first id of a block that now belongs to the caller.
Reserve = Callable[[bytes, int, int], int]


@dataclass(slots=True)
class _Counter:
    next: int
    limit: int  # the last id that may be given out without reserving more
    block: int = 8
    reserved_at: float = 0.0


class Sequences:
    """The counters of a Database, by oid of the Sequence: so that a renamed table keeps its own. Thread-safe.

    ``reserve`` is None where this process is the only writer.
    """

    def __init__(self, reserve: Reserve | None = None) -> None:
        self._reserve = reserve
        self._lock = threading.Lock()
        self._counters: dict[bytes, _Counter] = {}

    def next(self, oid: bytes, mark: int, lowest: int = 1) -> int:
        """A new id, at least ``lowest``; ``mark`` is the Sequence's value as the caller sees it."""
        with self._lock:
            counter = self._counter(oid, mark)
            found = max(counter.next, lowest)
            if found > counter.limit:
                found = self._extend(oid, counter, found)
            if found > MAX_ID:
                raise DataError(f"the sequence has reached its end: ids go up to {MAX_ID}")
            counter.next = found + 1
            return found

    def _counter(self, oid: bytes, mark: int) -> _Counter:
        counter = self._counters.get(oid)
        if counter is None:
            limit = mark if self._reserve else MAX_ID + 1
            counter = self._counters[oid] = _Counter(next=mark + 1, limit=limit)
        return counter

    def _extend(self, oid: bytes, counter: _Counter, lowest: int) -> int:
        if self._reserve is None:
            return lowest  # beyond the end: the caller says so
        now = time.monotonic()
        if now - counter.reserved_at < _FAST_S:
            counter.block = min(2 * counter.block, _LARGEST_BLOCK)
        first = self._reserve(oid, lowest, counter.block)
        counter.limit = first + counter.block - 1
        counter.reserved_at = now
        return first

    def observe(self, oid: bytes, mark: int, rowid: int) -> None:
        """From now on, ids are above ``rowid``, which was given explicitly."""
        with self._lock:
            counter = self._counter(oid, mark)
            counter.next = max(counter.next, rowid + 1)

    def begin(self, oid: bytes, following: int, mark: int) -> None:
        """From now on, ids start with ``following``: the Sequence is new."""
        with self._lock:
            self._counters[oid] = _Counter(next=following, limit=mark if self._reserve else MAX_ID + 1)

    def last_ids(self) -> dict[bytes, int]:
        """The highest id given out or observed so far, by oid."""
        with self._lock:
            return {oid: counter.next - 1 for oid, counter in self._counters.items()}


@dataclass(slots=True)
class _Use:
    """What one transaction did with a Sequence, ``mark`` at first. ``following`` is set where it counts on its own."""

    mark: int
    highest: int = 0
    lowest: int = 1
    following: int | None = None


class SessionSequences:
    """The sequences as one transaction uses them, by table name.

    A Sequence that the transaction created (with a table, or to count anew) is counted here until the commit, and
    ids that it gave explicitly move the shared counter only then: a rollback leaves no trace of them.
    """

    def __init__(self, shared: Sequences, records: Callable[[], Mapping[str, Sequence]], add: Callable[[Any], None]):
        self._shared = shared
        self._records = records
        self._add = add
        self._uses: dict[Sequence, _Use] = {}

    def next(self, table: str) -> int:
        """A new id for ``table``; DataError when there are no more."""
        record = self._records()[table]
        use = self._uses.get(record) or self._start(record)
        if use.following is None:
            found = self._shared.next(record._p_oid, record.value, use.lowest)
        else:
            found = use.following
            if found > MAX_ID:
                raise DataError(f"the sequence of {table} has reached its end: ids go up to {MAX_ID}")
            use.following = found + 1
        if found > use.highest:
            use.highest = found
        return found

    def next_many(self, table: str, count: int) -> list[int]:
        """So many new ids, ascending."""
        return [self.next(table) for _ in range(count)]

    def observe(self, table: str, rowid: int) -> None:
        """``rowid`` was given explicitly: it will not be generated."""
        record = self._records()[table]
        use = self._uses.get(record) or self._start(record)
        if rowid > use.highest:
            use.highest = rowid
        if rowid >= use.lowest:
            use.lowest = rowid + 1
        if use.following is not None and rowid >= use.following:
            use.following = rowid + 1

    def _start(self, record: Sequence) -> _Use:
        if record._p_jar is None:
            self._add(record)  # gives it its oid, the name of its counter
        use = self._uses[record] = _Use(record.value)  # loads the record; before, it has no serial and would look new
        if record._p_serial == z64:
            use.following = use.mark + 1
        return use

    @property
    def moved(self) -> bool:
        """True if ids were given explicitly: that is to be committed, even if no row is."""
        return any(use.lowest > 1 for use in self._uses.values())

    def flush(self, ahead: int) -> None:
        """Before the commit: move the persistent marks that are lower than what was used, ``ahead`` more ids."""
        for record, use in self._uses.items():
            if use.highest > record.value:
                record.value = min(use.highest + ahead, MAX_ID)

    def committed(self) -> None:
        """After the commit: let the shared counters know of explicit ids and of what was counted here."""
        for record, use in self._uses.items():
            oid = record._p_oid
            if use.following is not None:
                self._shared.begin(oid, max(use.following, use.highest + 1), record.value)
            elif use.lowest > 1:
                self._shared.observe(oid, use.mark, use.highest)
        self._uses.clear()

    def aborted(self) -> None:
        """After a rollback: forget the transaction; the shared counters stay where they are."""
        self._uses.clear()
