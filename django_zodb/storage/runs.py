"""A journal's older entries in a temporary file, and what its changes amount to, a range of rowids at a time.

A transaction that changes very many rows has each of them in its journal, old and new. So consecutive entries are
written to a spool as one ``Run``, which stands in the place of each, so that a mark of the journal means the same as
before; and whoever asks what changes of a table amount to is told window by window, so that the rows of one are in
memory at a time. Of a new row, only the columns in which it may differ from the old one are written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, compress, pairwise
from operator import itemgetter
from typing import Any

from ..record import record
from .changes import Batch, Change, Entry, Moves, Row, moves_of
from .compact import Unpackable
from .spool import Kept, Spool

WINDOW_ROWS = 20_000
"""About so many changed rows are looked at together."""


@record
class Part:
    """Changes of rows of one table in the spool: those of a batch, or the single ones of a run."""

    table: str
    low: int
    high: int
    count: int
    assigned: Collection[int] | None
    batch: bool
    kept: Kept

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """The entries, with their places in the run."""
        columns = self.kept.columns()
        (places, rowids), rows = columns[:2], columns[2:]
        olds, news = self._rows(rows)
        if self.batch:
            yield places[0], Batch(self.table, rowids, olds, news, self.assigned)
        else:
            for at, place in enumerate(places):
                yield place, (self.table, rowids[at], olds and olds[at], news and news[at])  # type: ignore[misc]

    def _rows(self, columns: Sequence[Sequence[Any]]) -> tuple[Sequence[Row] | None, Sequence[Row] | None]:
        olds, *rest = columns
        if not rest:
            return olds or None, None
        if self.batch and self.assigned:
            return olds, with_columns(olds, sorted(self.assigned), rest)
        return olds or None, rest[0]


def with_columns(rows: Sequence[Row], places: Iterable[int], columns: Iterable[Sequence[Any]]) -> list[Row]:
    """The rows with other values in some places: a column for each."""
    whole = list(zip(*rows, strict=True))
    for at, column in zip(places, columns, strict=True):
        whole[at] = tuple(column)
    return list(zip(*whole, strict=True))


class Run:
    """Entries of a journal from position ``first`` on, but for those that cannot be packed in a spool."""

    __slots__ = ("first", "length", "parts", "rest")

    def __init__(self, first: int, entries: Sequence[Entry], spool: Spool) -> None:
        self.first = first
        self.length = len(entries)
        self.parts: list[Part] = []
        self.rest: dict[int, Entry] = {}
        single: defaultdict[tuple[str, bool, bool], list[int]] = defaultdict(list)
        for place, entry in enumerate(entries):
            if isinstance(entry, tuple):
                single[entry[0], entry[2] is None, entry[3] is None].append(place)
            elif isinstance(entry, Batch):
                self._keep_batch(place, entry, spool)
            else:
                self.rest[place] = entry
        for places in single.values():
            self._keep_changes(places, entries, spool)

    def _keep_batch(self, place: int, batch: Batch, spool: Spool) -> None:
        places = batch.assigned
        columns: list[Sequence[Any]] = [batch.olds or ()]
        if batch.news is not None and batch.olds is not None and places:
            columns += ([row[at] for row in batch.news] for at in sorted(places))
        elif batch.news is not None:
            columns.append(batch.news)
        try:
            kept = spool.keep((place,), batch.rowids, *columns)
        except Unpackable:
            self.rest[place] = batch
            return
        rowids = batch.rowids
        self.parts.append(Part(batch.table, min(rowids), max(rowids), len(rowids), batch.assigned, True, kept))

    def _keep_changes(self, places: list[int], entries: Sequence[Entry], spool: Spool) -> None:
        changes: list[Change] = [entries[place] for place in places]  # type: ignore[misc]
        names, rowids, olds, news = zip(*changes, strict=True)
        columns = [olds if olds[0] is not None else ()]
        if news[0] is not None:
            columns.append(news)
        try:
            kept = spool.keep(places, rowids, *columns)
        except Unpackable:
            self.rest.update(zip(places, changes, strict=True))
            return
        self.parts.append(Part(names[0], min(rowids), max(rowids), len(rowids), None, False, kept))

    def entries(self) -> list[Entry]:
        """What the run stands for."""
        found = dict(self.rest)
        for part in self.parts:
            found.update(part.entries())
        return [found[place] for place in range(self.length)]


Slot = Entry | Run
"""What is in a place of a journal's list: an entry, or the run that has it."""

Places = Callable[[str], Collection[int] | None]
"""Table name → positions of columns; None: any."""


def pack_entries(slots: list[Slot], start: int, bounds: Collection[int], spool: Spool) -> None:
    """Put runs in the place of the entries from ``start`` on; a run ends at each position of ``bounds``."""
    edges = sorted({start, *(at for at in bounds if start < at < len(slots)), len(slots)})
    for first, end in pairwise(edges):
        slots[first:end] = [Run(first, slots[first:end], spool)] * (end - first)  # type: ignore[arg-type]


def unpack_entries(slots: list[Slot]) -> int:
    """Restore the run at the end; returns where it began."""
    run = slots[-1]
    assert isinstance(run, Run)
    slots[run.first :] = run.entries()
    return run.first


def pieces_of(slots: Sequence[Slot], since: int = 0) -> Iterator[Run | Sequence[Entry]]:
    """The runs, each once, and the entries between them, from a position on that is not inside a run."""
    at = since
    while at < len(slots):
        slot = slots[at]
        if isinstance(slot, Run):
            yield slot
            at += slot.length
        else:
            end = next((place for place in range(at, len(slots)) if isinstance(slots[place], Run)), len(slots))
            yield slots[at:end]  # type: ignore[misc]
            at = end


def entries_of(slots: Sequence[Slot], since: int = 0) -> Iterator[Entry]:
    """Every entry; those of one run at a time are in memory."""
    for piece in pieces_of(slots, since):
        yield from piece.entries() if isinstance(piece, Run) else piece


def tables_of(slots: Sequence[Slot], since: int = 0) -> list[str]:
    """The tables of which rows were changed."""
    found: dict[str, None] = {}
    for piece in pieces_of(slots, since):
        if isinstance(piece, Run):
            found.update(dict.fromkeys(part.table for part in piece.parts))
        for entry in piece.rest.values() if isinstance(piece, Run) else piece:
            name = _table(entry)
            if name is not None:
                found[name] = None
    return list(found)


def _table(entry: Entry) -> str | None:
    return entry[0] if isinstance(entry, tuple) else entry.table if isinstance(entry, Batch) else None


def _true(name: str) -> bool:
    return True


def _any(name: str) -> None:
    return None


def moves_by_window(
    slots: Sequence[Slot], since: int = 0, wanted: Callable[[str], bool] = _true, places: Places = _any
) -> Iterator[tuple[str, Moves]]:
    """``windows`` of each table that is wanted."""
    for name in filter(wanted, tables_of(slots, since)):
        for moves in windows(slots, name, since, places(name)):
            yield name, moves


def windows(slots: Sequence[Slot], name: str, since: int = 0, places: Collection[int] | None = None) -> Iterator[Moves]:
    """What the changes of a table amount to, for one range of rowids after the other.

    With ``places``, changes that are known to be of other columns only may be left out.
    """
    groups = [
        _Group(piece.parts, piece.rest.items()) if isinstance(piece, Run) else _Group((), enumerate(piece))
        for piece in pieces_of(slots, since)
    ]
    groups = [group.of(name, places) for group in groups]
    low = None
    for high in _edges([part for group in groups for part in group.parts]):
        found = moves_of(chain.from_iterable(group.within(low, high) for group in groups))
        if name in found:
            yield found[name]
        low = high


class _Group:
    """Entries that are near each other in the journal: packed ones, and others with their places."""

    __slots__ = ("parts", "rest")

    def __init__(self, parts: Sequence[Part], rest: Iterable[tuple[int, Entry]]) -> None:
        self.parts = parts
        self.rest = list(rest)

    def of(self, name: str, places: Collection[int] | None) -> _Group:
        """Those of a table; but for batches that only concern other columns."""
        return _Group(
            [part for part in self.parts if part.table == name and _concerns(part, places)],
            [(at, entry) for at, entry in self.rest if _table(entry) == name and _concerns(entry, places)],
        )

    def within(self, low: int | None, high: int | None) -> Iterator[Entry]:
        """What they change of rowids above ``low``, up to ``high``, in the order in which it was done."""
        found = [(at, entry) for at, each in self.rest for entry in _cut(each, low, high)]
        for part in self.parts:
            if (low is None or part.high > low) and (high is None or part.low <= high):
                found += ((at, entry) for at, each in part.entries() for entry in _cut(each, low, high))
        found.sort(key=itemgetter(0))
        yield from map(itemgetter(1), found)


def _concerns(entry: Part | Entry, places: Collection[int] | None) -> bool:
    assigned = None if places is None or not isinstance(entry, Part | Batch) else entry.assigned
    return assigned is None or any(at in assigned for at in places or ())


def _edges(parts: Sequence[Part]) -> Iterator[int | None]:
    """The last rowid of each window but the last one, and then None."""
    count = 0
    spooled = sorted((part.high, part.count) for part in parts)
    for at, (high, rows) in enumerate(spooled):
        count += rows
        if count >= WINDOW_ROWS and high < spooled[-1][0] and spooled[at + 1][0] > high:
            yield high
            count = 0
    yield None


def _cut(entry: Entry, low: int | None, high: int | None) -> Iterator[Entry]:
    if isinstance(entry, tuple):
        if (low is None or entry[1] > low) and (high is None or entry[1] <= high):
            yield entry
        return
    assert isinstance(entry, Batch)
    rowids = entry.rowids
    inside = [(low is None or rowid > low) and (high is None or rowid <= high) for rowid in rowids]
    if all(inside):
        yield entry
    elif any(inside):
        olds, news = (None if rows is None else list(compress(rows, inside)) for rows in (entry.olds, entry.news))
        yield Batch(entry.table, list(compress(rowids, inside)), olds, news, entry.assigned)
