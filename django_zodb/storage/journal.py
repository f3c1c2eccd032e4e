"""The logical write set of one transaction: which rows it changed, and what its checks relied on.

Undoing is reading it backwards, so a mark is a number and costs nothing: the atomicity of a statement and savepoints
are both ``undo_to(mark)``. A change is entered *before* it is made, and reverting tolerates one that was made in part,
so nothing that interrupts a statement leaves a trace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple, Protocol

from ..record import record
from .protocol import Otherwise
from .rowlocks import Wait

Row = tuple[Any, ...]
Change = tuple[str, int, Row | None, Row | None]
"""A row's change: table name, rowid, the old row (None: inserted) and the new one (None: deleted)."""

_NONE: frozenset[int] = frozenset()


@record
class Batch:
    """One statement's changes of many different rows of a table; ``olds`` or ``news`` is None where all of them are.

    Lists side by side: a tuple for each row would be one more object for the garbage collector to look at.
    """

    table: str
    rowids: Sequence[int]
    olds: Sequence[Row] | None
    news: Sequence[Row] | None
    assigned: Collection[int] | None = None
    """Where an old row and its new one may differ; None: anywhere."""

    def before(self) -> Iterable[Row | None]:
        """The old rows."""
        return repeat(None, len(self.rowids)) if self.olds is None else self.olds

    def after(self) -> Iterable[Row | None]:
        """The new rows."""
        return repeat(None, len(self.rowids)) if self.news is None else self.news


LockedRow = tuple[str, int, Row]
"""Table name, rowid and row, as seen."""

Entry = Change | Batch | Callable[[], None]


@record
class Unless:
    """What was inserted for want of a conflict in that index (None: in any), and what else was to be done."""

    row: Row
    index: str | None
    otherwise: Otherwise


class Moves(NamedTuple):
    """What changes of a table amount to, lists side by side: each rowid once, the row before and the row after."""

    rowids: list[int]
    olds: list[Row | None]
    news: list[Row | None]
    assigned: Collection[int] | None = None
    """Where a row may differ before and after; None: anywhere."""

    def may_concern(self, positions: Iterable[int]) -> bool:
        """Whether the changes may be of these columns."""
        return self.assigned is None or any(at in self.assigned for at in positions)


Net = dict[str, dict[int, tuple[Row | None, Row | None]]]
"""Table name → rowid → the row before the transaction's first change and after its last."""


def _nobody(table: Any, rowids: Sequence[int]) -> frozenset[int]:
    return _NONE


def _free(table: Any, index: str, row: Row) -> bool:
    return False


def _at_commit(oid: bytes | None, rowid: int, wait: Wait) -> bool:
    return True


class Reverts(Protocol):
    """What undoing asks of a table."""

    def revert(self, rowid: int, old: Row | None, new: Row | None) -> None:
        """Bring the row and its index entries back from ``new`` to ``old``, however much of the change was made."""
        ...


class Journal:
    """The write set. One per session, cleared as each transaction begins."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        """Changes of rows, and functions that undo a change of definitions. The list object stays the same."""
        self.deltas: defaultdict[str, int] = defaultdict(int)
        """How many rows each table has gained. Every table that was written is a key."""
        self.relied: set[bytes] = set()
        """The oids of records that checks have read: they must be as they were when the transaction commits."""
        self.locked: list[LockedRow] = []
        """The rows that must not change before the transaction commits."""
        self.gone: set[tuple[str, int]] = set()
        """Table name and rowid of deleted rows that another transaction had deleted before; see ``elsewhere``."""
        self.deleted_elsewhere: Callable[[Any, Sequence[int]], frozenset[int]] = _nobody
        """Given by the session: which rows of the table are deleted already."""
        self.lock_row: Callable[[bytes | None, int, Wait], bool] = _at_commit
        """Given by the session: lock a row of a table, named by its definition's oid; False if it is to be skipped."""
        self.locks_keys = False
        """Whether the unique keys of inserted rows are locked; see ``protocol.Table.begin_locking``."""
        self.taken_elsewhere: Callable[[Any, str, Row], bool] = _free
        """Given by the session: whether another transaction has committed a row with the same key in that index."""
        self.unless: dict[tuple[str, int], Unless] = {}
        """Table name and rowid of rows that ON CONFLICT let in: whoever was faster is no error."""
        self.pending: list[int] = []
        """Which entries have immediate constraints, to be checked at the end of the statement."""
        self.settled: dict[str, int] = {}
        """Table name → the number of entries up to which its deferred constraints need no check any more."""
        self.undone: list[Change] | None = None
        """Changes that were taken back. A list is given by a session whose checks count even then."""
        self._ddl: list[int] = []
        self._undone = 0
        self._table: Callable[[str], Reverts] | None = None

    def attach(self, table: Callable[[str], Reverts]) -> None:
        """Name the function that finds a table, for undoing."""
        self._table = table

    @property
    def dirty(self) -> bool:
        """Whether anything was changed."""
        return bool(self.entries)

    @property
    def ddl(self) -> bool:
        """Whether definitions were changed: such a transaction cannot be applied again to another snapshot."""
        return bool(self._ddl)

    def clear(self) -> None:
        """Forget everything, changing nothing."""
        self.entries.clear()
        self.deltas.clear()
        self.relied.clear()
        self.locked.clear()
        self.gone.clear()
        self.unless.clear()
        self.locks_keys = False
        self.pending.clear()
        self.settled.clear()
        if self.undone is not None:
            self.undone.clear()
        self._ddl.clear()
        self._undone = 0

    def did(self, undo: Callable[[], None]) -> None:
        """Enter a change of definitions by what undoes it."""
        self._ddl.append(len(self.entries))
        self.entries.append(undo)

    def mark(self) -> int:
        """The present moment, for ``undo_to``."""
        return len(self.entries)

    def undo_to(self, mark: int) -> None:
        """Take back every change since ``mark``: rows, indexes, definitions and counts."""
        entries, pending = self.entries, self.pending
        while pending and pending[-1] >= mark:
            pending.pop()
        while len(entries) > mark:
            entry = entries[-1]
            if isinstance(entry, tuple):
                self._revert(*entry)
            elif isinstance(entry, Batch):
                for rowid, old, new in zip(entry.rowids, entry.before(), entry.after(), strict=True):
                    self._revert(entry.table, rowid, old, new)
            else:
                entry()
                self._ddl.pop()
            entries.pop()
        for name, position in self.settled.items():
            self.settled[name] = min(position, mark)

    def _revert(self, name: str, rowid: int, old: Row | None, new: Row | None) -> None:
        assert self._table is not None
        self._table(name).revert(rowid, old, new)
        self.unless.pop((name, rowid), None)
        self._undone += 1
        if self.undone is not None:
            self.undone.append((name, rowid, old, new))
        self.deltas[name] += (new is None) - (old is None)

    def size(self) -> int:
        """How many changes of rows there were, those that were undone among them."""
        return self._undone + sum(len(entry.rowids) if isinstance(entry, Batch) else 1 for entry in self.entries)

    def passing(self) -> Iterator[Change]:
        """The changes that were overtaken by others of the same row, or were taken back: nothing is left of them.

        A row that was changed twice is checked once when its transaction is applied again.
        """
        last: set[tuple[str, int]] = set()
        for name, rowid, old, new in self._backwards():
            if (name, rowid) in last:
                yield name, rowid, old, new
            last.add((name, rowid))
        yield from self.undone or ()

    def _backwards(self) -> Iterator[Change]:
        for entry in reversed(self.entries):
            if isinstance(entry, tuple):
                yield entry
            elif isinstance(entry, Batch):
                yield from zip(repeat(entry.table), entry.rowids, entry.before(), entry.after(), strict=False)

    def inserted_rows(self) -> Iterator[tuple[str, int, Row]]:
        """Table name, rowid and row of each row that was not there before."""
        for name, moves in moves_of(self.entries).items():
            for rowid, old, new in zip(moves.rowids, moves.olds, moves.news, strict=True):
                if old is None and new is not None:
                    yield name, rowid, new

    def changed_rows(self) -> Iterator[tuple[str, int]]:
        """Table name and rowid of each row that was there before, and is changed or deleted."""
        for name, moves in moves_of(self.entries).items():
            for rowid, old in zip(moves.rowids, moves.olds, strict=True):
                if old is not None:
                    yield name, rowid

    def net(self) -> Net:
        """What the changes amount to, row by row, as they first changed; a row that came and went is left out."""
        found = moves_of(self.entries)
        return {
            name: dict(zip(moves.rowids, zip(moves.olds, moves.news, strict=True), strict=True))
            for name, moves in found.items()
        }

    def unsettled(self) -> dict[str, Moves]:
        """What the changes amount to whose deferred constraints are still to be checked, by table."""
        if not self.settled:
            entry = self.entries[0] if len(self.entries) == 1 else None
            if isinstance(entry, tuple):
                name, rowid, old, new = entry
                return {name: Moves([rowid], [old], [new])}
            return moves_of(self.entries)
        return moves_of(self._unsettled())

    def _unsettled(self) -> Iterator[Entry]:
        for at, entry in enumerate(self.entries):
            name = entry[0] if isinstance(entry, tuple) else entry.table if isinstance(entry, Batch) else None
            if name is not None and at >= self.settled.get(name, 0):
                yield entry

    def take_pending(self) -> dict[str, Moves]:
        """What the changes amount to that the end of the statement has to check, by table; they are pending no more."""
        found = moves_of([self.entries[at] for at in self.pending])
        self.pending.clear()
        return found


def moves_of(entries: Iterable[Entry]) -> dict[str, Moves]:
    """What successive changes of rows amount to, by table; changes of definitions are passed over."""
    found: defaultdict[str, Moves] = defaultdict(lambda: Moves([], [], []))
    assigned: dict[str, set[int] | None] = {}
    for entry in entries:
        if isinstance(entry, tuple):
            name, rowid, old, new = entry
            moves = found[name]
            moves.rowids.append(rowid)
            moves.olds.append(old)
            moves.news.append(new)
            assigned[name] = None
        elif isinstance(entry, Batch):
            moves = found[entry.table]
            moves.rowids.extend(entry.rowids)
            moves.olds.extend(entry.before())
            moves.news.extend(entry.after())
            places = assigned.setdefault(entry.table, set())
            if entry.assigned is None:
                assigned[entry.table] = None
            elif places is not None:
                places.update(entry.assigned)
    return {name: Moves(*_merged(moves)[:3], assigned[name]) for name, moves in found.items()}


def _merged(moves: Moves) -> Moves:
    """Each rowid once, with its first old row and its last new one; one that came and went is left out."""
    if len(moves.rowids) == 1:
        return moves
    last = dict(zip(moves.rowids, moves.news, strict=True))
    if len(last) == len(moves.rowids):
        return moves
    first: dict[int, Row | None] = {}
    for rowid, old in zip(moves.rowids, moves.olds, strict=True):
        first.setdefault(rowid, old)
    rowids = [rowid for rowid, old in first.items() if old is not None or last[rowid] is not None]
    return Moves(rowids, [first[rowid] for rowid in rowids], [last[rowid] for rowid in rowids])
