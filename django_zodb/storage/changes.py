"""Changes of rows: one, many of one statement, and what several of them amount to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from ..record import record

Row = tuple[Any, ...]
Change = tuple[str, int, Row | None, Row | None]
"""A row's change: table name, rowid, the old row (None: inserted) and the new one (None: deleted)."""


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


Entry = Change | Batch | Callable[[], None]
"""Changes of rows, or a function that undoes a change of definitions."""


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
