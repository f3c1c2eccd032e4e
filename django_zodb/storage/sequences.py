"""Generated ids: unique for ever, rising within a process, and no reason for two writers to conflict.

Every table has a persistent ``Sequence`` whose ``value`` is a high-water mark: no id above it is in use anywhere.
Ids come from counters in this process, one per Sequence, which only rise: neither a rollback nor a deletion gives an
id back. Who may give out which ids depends on who else writes:

- Nobody (memory): the counter starts above the mark. The transaction that inserts moves the mark when it commits ids
  above it, and then a block ahead, so most commits do not write it. Nothing outlives the process here, and many tests
  written for SQLite know their ids by heart: what is undone gives its ids back, if nobody has drawn any since.
- Other processes, ordered by a commit lock (a file): ids must be ours before they are used. Whoever commits inserts
  takes the next block for its process in the same commit, when the present one runs out; only the first insert of a
  process into a table, and a transaction that uses up a block, need a small transaction of their own for it.
- Others, unordered (ZEO): every block is reserved by such a transaction; blocks grow while they are used up fast.

After a crash the ids go on above the mark. A clean close takes the unused rest of the last block back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ZODB.utils import z64

from ..clock import clock
from ..errors import DataError
from .persistent import Sequence

MAX_ID = 2**63 - 1
BLOCK_AHEAD = 32
_LARGEST_BLOCK = 4096
_FAST_S = 1.0  # a block used up sooner than this is followed by one of twice its size

#: (oid of the Sequence, lowest id wanted, how many) → the first id of a block that now belongs to the caller.
Reserve = Callable[[bytes, int, int], int]


class SequenceSource(Protocol):
    """Where ids come from, by table name."""

    def next(self, table: str, /) -> int:
        """An id that nobody has got before."""
        ...

    def next_many(self, table: str, count: int, /) -> SequenceOf[int]:
        """So many of these, ascending."""
        ...

    def observe(self, table: str, rowid: int, /) -> None:
        """Take note of an id that somebody chose: ``next`` gives only greater ones."""
        ...


@dataclass(slots=True)
class _Counter:
    next: int
    limit: int  # the last id that may be given out without reserving more
    ahead: list[tuple[int, int]] = field(default_factory=list)  # ranges that follow, (first, last)
    block: int = 8
    reserved_at: float = 0.0
    least: int = 1  # what is above all ids that were given explicitly

    def left(self) -> int:
        """How many ids may be given out."""
        return max(self.limit - self.next + 1, 0) + sum(last - first + 1 for first, last in self.ahead)


class Sequences:
    """The counters of a Database, by oid of the Sequence: so that a renamed table keeps its own. Thread-safe.

    ``reserve`` is None where this process is the only writer; ``ordered`` says that a commit lock orders all commits.
    """

    def __init__(self, reserve: Reserve | None = None, ordered: bool = True) -> None:
        self._reserve = reserve
        self.ahead = BLOCK_AHEAD if ordered else 0
        """How far a commit that inserts moves the mark ahead."""
        self._lock = threading.Lock()
        self._counters: dict[bytes, _Counter] = {}

    def after_fork(self) -> None:
        """In a forked child: the thread that may have had the lock does not exist."""
        self._lock = threading.Lock()

    @property
    def alone(self) -> bool:
        """True where this process is the only writer."""
        return self._reserve is None

    def next(self, oid: bytes, mark: int, lowest: int = 1) -> int:
        """A new id, at least ``lowest``; ``mark`` is the Sequence's value as the caller sees it."""
        while True:
            with self._lock:
                counter = self._counter(oid, mark)
                found = max(counter.next, lowest)
                while found > counter.limit and counter.ahead:
                    first, counter.limit = counter.ahead.pop(0)
                    found = max(found, first)
                if found > MAX_ID:
                    raise DataError(f"the sequence has reached its end: ids go up to {MAX_ID}")
                if found <= counter.limit:
                    counter.next = found + 1
                    return found
                block = self._next_block(counter)
            # Without the lock: reserving waits for commits, and who commits asks for the counters.
            assert self._reserve is not None
            first = self._reserve(oid, found, block)
            self.grant(oid, first, max(first, min(first + block - 1, MAX_ID)))

    def next_many(self, oid: bytes, mark: int, count: int, lowest: int = 1) -> list[int]:
        """So many new ids, ascending; see ``next``."""
        found: list[int] = []
        while len(found) < count:
            found.append(self.next(oid, mark, lowest))
            with self._lock:
                counter = self._counters[oid]
                end = min(counter.next + count - len(found), counter.limit + 1, MAX_ID + 1)
                found += range(counter.next, end)
                counter.next = max(counter.next, end)
        return found

    def draw(self, oid: bytes, mark: int, count: int, lowest: int = 1) -> tuple[int, range]:
        """Where the counter stood, and so many new ids, for ``give_back``: where this process is alone."""
        with self._lock:
            counter = self._counter(oid, mark)
            before, first = counter.next, max(counter.next, lowest)
            if first + count - 1 > MAX_ID:
                raise DataError(f"the sequence has reached its end: ids go up to {MAX_ID}")
            counter.next = first + count
            return before, range(first, first + count)

    def give_back(self, oid: bytes, before: int, ids: range) -> None:
        """The ids that ``draw`` gave are not used, nor have any been drawn for what is kept since."""
        with self._lock:
            counter = self._counters.get(oid)
            if counter is not None and counter.next == ids.stop:
                counter.next = max(before, counter.least)

    def _counter(self, oid: bytes, mark: int) -> _Counter:
        counter = self._counters.get(oid)
        if counter is None:
            limit = mark if self._reserve else MAX_ID + 1
            counter = self._counters[oid] = _Counter(next=mark + 1, limit=limit)
        return counter

    def _next_block(self, counter: _Counter) -> int:
        now = clock.monotonic()
        if now - counter.reserved_at < _FAST_S:
            counter.block = min(2 * counter.block, _LARGEST_BLOCK)
        counter.reserved_at = now
        return counter.block

    def wanted(self, oid: bytes, used: int) -> int:
        """How many ids a commit that generated ``used`` should take for this process along with what it writes."""
        with self._lock:
            counter = self._counters.get(oid)
            if not used or not self.ahead or counter is None or counter.left() >= self.ahead // 4:
                return 0
            return max(self.ahead, min(used, _LARGEST_BLOCK))

    def grant(self, oid: bytes, first: int, last: int) -> None:
        """These ids belong to this process now."""
        with self._lock:
            counter = self._counters[oid]
            if counter.limit + 1 == first and not counter.ahead:
                counter.limit = last
            else:
                counter.ahead.append((first, last))
                counter.ahead.sort()

    def observe(self, oid: bytes, mark: int, rowid: int) -> None:
        """From now on, ids are above ``rowid``, which was given explicitly."""
        with self._lock:
            counter = self._counter(oid, mark)
            counter.next = max(counter.next, rowid + 1)
            counter.least = max(counter.least, rowid + 1)

    def begin(self, oid: bytes, following: int, mark: int) -> None:
        """From now on, ids start with ``following``: the Sequence is new."""
        with self._lock:
            self._counters[oid] = _Counter(next=following, limit=mark if self._reserve else MAX_ID + 1)

    def settled(self, oid: bytes, mark: int) -> int:
        """What the mark may go back to when no more ids are needed here: nobody else may own any up to ``mark``."""
        with self._lock:
            counter = self._counters.get(oid)
            if counter is None:
                return mark
            if self._reserve is None:
                return min(mark, counter.next - 1)
            first, last = counter.ahead[-1] if counter.ahead else (counter.next, counter.limit)
            return max(first, counter.next) - 1 if last == mark else mark

    def __bool__(self) -> bool:
        """True if any id was given out."""
        return bool(self._counters)


@dataclass(slots=True)
class _Use:
    """What one transaction did with a Sequence, ``mark`` at first. ``following`` is set where it counts on its own.

    ``count`` ids were generated; ``granted`` are those that its commit takes for the process.
    """

    mark: int
    highest: int = 0
    lowest: int = 1
    following: int | None = None
    count: int = 0
    granted: tuple[int, int] | None = None
    reached: int = 0


class _Step(NamedTuple):
    """What a _Use was before ids were drawn or given at a moment of the transaction; where the counter was, too."""

    moment: int
    record: Sequence
    highest: int
    lowest: int
    following: int | None
    before: int = 0
    ids: range = range(0)


class SessionSequences:
    """The sequences as one transaction uses them, by table name.

    A Sequence that the transaction created (with a table, or to count anew) is counted here until the commit, and
    ids that it gave explicitly move the shared counter only then: a rollback leaves no trace of them.
    ``moment`` is a mark of the session's journal.
    """

    def __init__(
        self,
        shared: Sequences,
        records: Callable[[], Mapping[str, Sequence]],
        add: Callable[[Any], None],
        moment: Callable[[], int],
    ):
        self._shared = shared
        self._records = records
        self._add = add
        self._moment = moment
        self.used: dict[Sequence, _Use] = {}
        """Those that this transaction has asked for ids, or given some."""
        self._steps: list[_Step] = []  # where this process is alone

    def next(self, table: str) -> int:
        """A new id for ``table``; DataError when there are no more."""
        record = self._records()[table]
        use = self.used.get(record) or self._start(record)
        if use.following is None:
            return self._draw(record, use, 1)[0] if self._shared.alone else self._take(record, use)
        found = use.following
        self._step(record, use)
        if found > MAX_ID:
            raise DataError(f"the sequence of {table} has reached its end: ids go up to {MAX_ID}")
        use.following = found + 1
        if found > use.highest:
            use.highest = found
        return found

    def next_many(self, table: str, count: int) -> SequenceOf[int]:
        """So many new ids, ascending."""
        record = self._records()[table]
        use = self.used.get(record) or self._start(record)
        if use.following is not None:
            return [self.next(table) for _ in range(count)]
        return self._draw(record, use, count)

    def _take(self, record: Sequence, use: _Use) -> int:
        found = self._shared.next(record._p_oid, record.value, use.lowest)
        use.count += 1
        use.highest = max(use.highest, found)
        return found

    def _draw(self, record: Sequence, use: _Use, count: int) -> SequenceOf[int]:
        shared = self._shared
        if shared.alone:
            before, drawn = shared.draw(record._p_oid, record.value, count, use.lowest)
            self._step(record, use, before, drawn)
            found: SequenceOf[int] = drawn
        else:
            found = shared.next_many(record._p_oid, record.value, count, use.lowest)
        use.count += count
        use.highest = max([use.highest, *found[-1:]])
        return found

    def _step(self, record: Sequence, use: _Use, before: int = 0, ids: range = range(0)) -> None:
        """Remember what ``use`` is now, and that ``ids`` were drawn."""
        if self._shared.alone:
            moment, last = self._moment(), self._steps[-1] if self._steps else None
            if ids or last is None or last.moment != moment or last.record is not record:
                self._steps.append(_Step(moment, record, use.highest, use.lowest, use.following, before, ids))

    def undo_to(self, moment: int) -> None:
        """What was drawn or given since is undone: where this process is alone, the counters go back."""
        steps = self._steps
        while steps and steps[-1].moment >= moment:
            step = steps.pop()
            use = self.used[step.record]
            use.highest, use.lowest, use.following = step.highest, step.lowest, step.following
            if step.ids:
                self._shared.give_back(step.record._p_oid, step.before, step.ids)

    def observe(self, table: str, rowid: int) -> None:
        """``rowid`` was given explicitly: it will not be generated."""
        record = self._records()[table]
        use = self.used.get(record) or self._start(record)
        if rowid >= use.lowest or rowid > use.highest:
            self._step(record, use)
        if rowid > use.highest:
            use.highest = rowid
        if rowid >= use.lowest:
            use.lowest = rowid + 1
        if use.following is not None and rowid >= use.following:
            use.following = rowid + 1

    def _start(self, record: Sequence) -> _Use:
        if record._p_jar is None:
            self._add(record)  # gives it its oid, the name of its counter
        use = self.used[record] = _Use(record.value)  # loads the record; before, it has no serial and would look new
        if record._p_serial == z64:
            use.following = use.mark + 1
        return use

    @property
    def moved(self) -> bool:
        """True if ids were given explicitly: that is to be committed, even if no row is."""
        return any(use.lowest > 1 for use in self.used.values())

    def flush(self) -> None:
        """Before the commit: move the persistent marks that are lower than what was used, or where more is wanted."""
        shared = self._shared
        for record, use in self.used.items():
            used = max(use.highest, record.value)
            if use.following is not None or shared.alone:
                ahead = shared.ahead if use.highest > record.value else 0
            else:
                ahead = shared.wanted(record._p_oid, use.count)
            reached = min(used + ahead, MAX_ID)
            use.granted = (used + 1, reached) if reached > used else None
            if reached > record.value:
                record.value = reached
            use.reached = record.value

    def committed(self) -> None:
        """After the commit: let the shared counters know of explicit ids and of what was counted or granted here.

        The records may have left the cache by now, and cannot be loaded: the snapshot is one from before the commit.
        """
        shared = self._shared
        for record, use in self.used.items():
            oid = record._p_oid
            if use.following is not None:
                shared.begin(oid, max(use.following, use.highest + 1), use.reached)
                continue
            if use.lowest > 1:
                shared.observe(oid, use.mark, use.highest)
            if use.granted is not None and not shared.alone:
                shared.grant(oid, *use.granted)
        self.used.clear()
        self._steps.clear()

    def aborted(self) -> None:
        """After a rollback: forget the transaction."""
        self.undo_to(0)
        self.used.clear()
