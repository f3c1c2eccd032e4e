"""The logical write set of one transaction: which rows it changed, and what its checks relied on.

Undoing is reading it backwards, so a mark is a number and costs nothing: the atomicity of a statement and savepoints
are both ``undo_to(mark)``. A change is entered *before* it is made, and reverting tolerates one that was made in part,
so nothing that interrupts a statement leaves a trace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, Protocol

Row = tuple[Any, ...]
Change = tuple[str, int, Row | None, Row | None]
"""A row's change: table name, rowid, the old row (None: inserted) and the new one (None: deleted)."""

_NONE: frozenset[int] = frozenset()

Net = dict[str, dict[int, tuple[Row | None, Row | None]]]
"""Table name → rowid → the row before the transaction's first change and after its last."""


def _nobody(table: Any, found: Collection[tuple[int, Row]]) -> frozenset[int]:
    return _NONE


class Reverts(Protocol):
    """What undoing asks of a table."""

    def revert(self, rowid: int, old: Row | None, new: Row | None) -> None:
        """Bring the row and its index entries back from ``new`` to ``old``, however much of the change was made."""
        ...


class Journal:
    """The write set. One per session, cleared as each transaction begins."""

    def __init__(self) -> None:
        self.entries: list[Change | Callable[[], None]] = []
        """Changes of rows, and functions that undo a change of definitions. The list object stays the same."""
        self.deltas: defaultdict[str, int] = defaultdict(int)
        """How many rows each table has gained. Every table that was written is a key."""
        self.relied: set[bytes] = set()
        """The oids of records that checks have read: they must be as they were when the transaction commits."""
        self.locked: list[tuple[str, int, Row]] = []
        """Table name, rowid and row, as seen, of the rows that must not change before the transaction commits."""
        self.gone: set[tuple[str, int]] = set()
        """Table name and rowid of deleted rows that another transaction had deleted before; see ``elsewhere``."""
        self.deleted_elsewhere: Callable[[Any, Collection[tuple[int, Row]]], frozenset[int]] = _nobody
        """Given by the session: which rows of the table are deleted already."""
        self.pending: list[int] = []
        """Which entries have immediate constraints, to be checked at the end of the statement."""
        self.settled: dict[str, int] = {}
        """Table name → the number of entries up to which its deferred constraints need no check any more."""
        self._ddl: list[int] = []
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
        self.pending.clear()
        self.settled.clear()
        self._ddl.clear()

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
                name, rowid, old, new = entry
                assert self._table is not None
                self._table(name).revert(rowid, old, new)
                self.deltas[name] += (new is None) - (old is None)
            else:
                entry()
                self._ddl.pop()
            entries.pop()
        for name, position in self.settled.items():
            self.settled[name] = min(position, mark)

    def net(self, unsettled: bool = False) -> Net:
        """What the changes amount to, row by row, in the order of first changes; a row that came and went is left out.

        ``unsettled`` asks only for changes whose deferred constraints are still to be checked.
        """
        settled = self.settled if unsettled else {}
        changes = [entry for entry in self.entries if isinstance(entry, tuple)]
        if settled:
            changes = [
                entry
                for at, entry in enumerate(self.entries)
                if isinstance(entry, tuple) and at >= settled.get(entry[0], 0)
            ]
        return net_of(changes)


def net_of(changes: list[Change]) -> Net:
    """What successive changes amount to, as ``Journal.net``."""
    net: Net = {}
    for name, rowid, old, new in changes:
        rows = net.setdefault(name, {})
        seen = rows.get(rowid)
        rows[rowid] = (old, new) if seen is None else (seen[0], new)
    for rows in net.values():
        for rowid in [rowid for rowid, (first, last) in rows.items() if first is None and last is None]:
            del rows[rowid]
    return net
