"""The logical write set of one transaction: which rows it changed, and what its checks relied on.

Undoing is reading it backwards, so a mark is a number and costs nothing: the atomicity of a statement and savepoints
are both ``undo_to(mark)``. A change is entered *before* it is made, and reverting tolerates one that was made in part,
so nothing that interrupts a statement leaves a trace. Where entries are very many, those that are not the latest are
in a temporary file; see ``runs``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import repeat
from typing import Any, Protocol

from ..record import record
from .changes import Batch, Change, Moves, Row, moves_of
from .protocol import Otherwise
from .rowlocks import Wait
from .runs import Places, Run, Slot, entries_of, moves_by_window, pack_entries, tables_of, unpack_entries, windows
from .spool import Spool

PACKED_AT = 20_000
"""When so many changed rows are in memory, they are moved to a temporary file before the next statement, or piece of
one."""

_NONE: frozenset[int] = frozenset()

LockedRow = tuple[str, int, Row]
"""Table name, rowid and row, as seen."""


@record
class Unless:
    """What was inserted for want of a conflict in that index (None: in any), and what else was to be done."""

    row: Row
    index: str | None
    otherwise: Otherwise


Rows = dict[int, tuple[Row | None, Row | None]]
"""Rowid → the row before the transaction's first change and after its last."""
Net = dict[str, Rows]
"""The same by table name."""


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
        self.entries: list[Slot] = []
        """Changes of rows, and functions that undo a change of definitions. The list object stays the same."""
        self.batched = 0
        """How many rows the batches have that are in memory."""
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
        """Table name → the number of entries up to which its deferred constraints need no check any more; see
        ``settle``."""
        self.undone: list[Change] | None = None
        """Changes that were taken back. A list is given by a session whose checks count even then."""
        self.make_room: Callable[[], None] = self.pack
        """Move what has been changed out of memory, if it is much: between the pieces of a large statement."""
        self._ddl: list[int] = []
        self._undone = 0
        self._packed = 0
        self._spool = Spool()
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
        if self._is_blank:
            return
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
        self.batched = 0
        if self._packed:
            self._packed = 0
            self._spool = Spool()

    @property
    def _is_blank(self) -> bool:
        """Whether there is nothing to forget, as after a transaction that has only read."""
        return not (
            self.entries
            or self.deltas
            or self.relied
            or self.locked
            or self.gone
            or self.unless
            or self.locks_keys
            or self.pending
            or self.settled
            or self._undone
            or self.batched
            or self._packed
        )

    @property
    def packed(self) -> bool:
        """Whether any entries are in a temporary file."""
        return self._packed > 0

    @property
    def crowded(self) -> bool:
        """Whether so many changed rows are in memory that they are to be moved. Where checks count even what is undone,
        they stay.
        """
        return len(self.entries) - self._packed + self.batched > PACKED_AT and self.undone is None

    def pack(self) -> None:
        """Move the entries to a temporary file, if their rows are many."""
        if self.crowded:
            pack_entries(self.entries, self._packed, {*self._ddl, *self.pending[:1]}, self._spool)
            self._packed, self.batched = len(self.entries), 0

    def did(self, undo: Callable[[], None]) -> None:
        """Enter a change of definitions by what undoes it."""
        self._ddl.append(len(self.entries))
        self.entries.append(undo)

    def settle(self, names: Sequence[str]) -> None:
        """The tables' changes up to here have been checked, or do not matter any more: until this is undone."""
        before, settled = dict(self.settled), self.settled

        def undo() -> None:
            settled.clear()
            settled.update(before)

        settled.update(dict.fromkeys(names, len(self.entries)))  # where undo is: no run of packed entries goes past it
        self.did(undo)

    def mark(self) -> int:
        """The present moment, for ``undo_to``."""
        return len(self.entries)

    def undo_to(self, mark: int) -> None:
        """Take back every change since ``mark``: rows, indexes, definitions and counts."""
        entries, pending = self.entries, self.pending
        while pending and pending[-1] >= mark:
            pending.pop()
        while len(entries) > mark:
            if self._packed == len(entries):
                with suppress(OSError):  # a disk that is full must not keep it from being undone
                    self.make_room()
                self._packed = unpack_entries(entries)
            entry = entries[-1]
            if isinstance(entry, tuple):
                self._revert(*entry)
            elif isinstance(entry, Batch):
                for rowid, old, new in zip(entry.rowids, entry.before(), entry.after(), strict=True):
                    self._revert(entry.table, rowid, old, new)
            elif not isinstance(entry, Run):
                entry()
                self._ddl.pop()
            entries.pop()

    def _revert(self, name: str, rowid: int, old: Row | None, new: Row | None) -> None:
        assert self._table is not None
        self._table(name).revert(rowid, old, new)
        if old is None:
            self.unless.pop((name, rowid), None)
        self._undone += 1
        if self.undone is not None:
            self.undone.append((name, rowid, old, new))
        self.deltas[name] += (new is None) - (old is None)

    def size(self) -> int:
        """How many changes of rows there were, those that were undone among them."""
        return self._undone + sum(
            len(entry.rowids) if isinstance(entry, Batch) else 1 for entry in entries_of(self.entries)
        )

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
        for entry in reversed(self.entries):  # of a session whose entries stay in memory
            if isinstance(entry, tuple):
                yield entry
            elif isinstance(entry, Batch):
                yield from zip(repeat(entry.table), entry.rowids, entry.before(), entry.after(), strict=False)

    def inserted_rows(self) -> Iterator[tuple[str, int, Row]]:
        """Table name, rowid and row of each row that was not there before."""
        for name, moves in self.moves():
            for rowid, old, new in zip(moves.rowids, moves.olds, moves.news, strict=True):
                if old is None and new is not None:
                    yield name, rowid, new

    def changed_rows(self) -> Iterator[tuple[str, int]]:
        """Table name and rowid of each row that was there before, and is changed or deleted."""
        for name, moves in self.moves():
            for rowid, old in zip(moves.rowids, moves.olds, strict=True):
                if old is not None:
                    yield name, rowid

    def net(self) -> Net:
        """What the changes amount to, row by row, as they first changed; a row that came and went is left out."""
        found: Net = {}
        for name, moves in self.moves():
            found.setdefault(name, {}).update(_by_rowid(moves))
        return found

    def moves(self) -> Iterable[tuple[str, Moves]]:
        """What the changes amount to, by table; where they are very many, for one range of rowids after the other."""
        return moves_by_window(self.entries) if self._packed else moves_of(self.entries).items()  # type: ignore[arg-type]

    def unsettled(self, tables: Collection[str], places: Places) -> Iterable[tuple[str, Moves]]:
        """What the changes of these tables amount to whose deferred constraints are still to be checked.

        ``places`` says which columns of a table these are about: changes of other ones may be left out.
        """
        if self._packed:
            return self._unsettled_windows(tables, places)
        entry = self.entries[0] if len(self.entries) == 1 and not self.settled else None
        if isinstance(entry, tuple):
            name, rowid, old, new = entry
            return [(name, Moves([rowid], [old], [new]))] if name in tables else []
        entries = self._unsettled() if self.settled else self.entries
        return [(name, moves) for name, moves in moves_of(entries).items() if name in tables]  # type: ignore[arg-type]

    def _unsettled_windows(self, tables: Collection[str], places: Places) -> Iterator[tuple[str, Moves]]:
        for name in filter(tables.__contains__, tables_of(self.entries)):
            for moves in windows(self.entries, name, self.settled.get(name, 0), places(name)):
                yield name, moves

    def _unsettled(self) -> Iterator[Slot]:
        for at, entry in enumerate(self.entries):
            name = entry[0] if isinstance(entry, tuple) else entry.table if isinstance(entry, Batch) else None
            if name is not None and at >= self.settled.get(name, 0):
                yield entry

    def take_pending(self, watched: Callable[[str], bool], places: Places) -> Iterable[tuple[str, Moves]]:
        """What the changes amount to that the end of the statement has to check; they are pending no more.

        They are those of tables that are ``watched``; of these, changes of other ``places`` may be left out.
        """
        pending = self.pending[:]
        self.pending.clear()
        if pending[0] >= self._packed:
            return moves_of([self.entries[at] for at in pending]).items()  # type: ignore[misc]
        return moves_by_window(self.entries, pending[0], watched, places)


def _by_rowid(moves: Moves) -> Rows:
    return dict(zip(moves.rowids, zip(moves.olds, moves.news, strict=True), strict=True))


def nets_by_window(entries: Sequence[Slot]) -> Iterator[Net]:
    """What changes amount to, row by row, for one range of rowids after the other."""
    for name, moves in moves_by_window(entries):
        yield {name: _by_rowid(moves)}
