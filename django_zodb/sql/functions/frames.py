"""What the rows of a partition see of each other: their peers, and the frame of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from operator import eq, itemgetter
from typing import Any

from ...errors import DataError

Values = Sequence[Any]


class Peers:
    """The rows of a partition, in order: which are equal to which in the keys at ``positions``.

    ``keys`` are the values of these, none where no key is asked for; ``key`` those of the only one, if it is one.
    """

    __slots__ = ("_groups", "_starts", "key", "keys", "size")

    def __init__(self, part: Sequence[tuple[Any, ...]], *positions: int) -> None:
        self.size = len(part)
        self.keys: Values = list(map(itemgetter(*positions), part)) if positions else ()
        self.key: Values = self.keys if len(positions) == 1 else ()
        self._starts: list[int] | None = None
        self._groups: list[int] = []

    @property
    def starts(self) -> list[int]:
        """The number of each group's first row, and after the last one that of rows."""
        return self._counted() if self._starts is None else self._starts

    @property
    def groups(self) -> list[int]:
        """The group of each row."""
        if self._starts is None:
            self._counted()
        return self._groups

    def of_last(self, values: Values) -> Values:
        """For each row, what the last of those has that are equal to it in the keys."""
        keys = self.keys
        if not keys:
            return [values[-1]] * self.size if values else values
        if not any(map(eq, keys, islice(keys, 1, None))):
            return values
        starts = self.starts
        return [values[starts[group + 1] - 1] for group in self.groups]

    def _counted(self) -> list[int]:
        starts = [0] if self.size else []
        groups: list[int] = [] if self.keys else [0] * self.size
        last = self.keys[0] if self.keys else None
        group = 0
        for at, key in enumerate(self.keys):
            if key != last:
                last = key
                group += 1
                starts.append(at)
            groups.append(group)
        starts.append(self.size)
        self._starts, self._groups = starts, groups
        return starts


def distance(value: Any, sign: int) -> Any:
    """The distance of a frame's bound, back or on; DataError for NULL and for less than nothing."""
    if value is None:
        raise DataError("the offset of a window frame must not be NULL")
    if value < value - value:
        raise DataError(f"the offset of a window frame must not be negative: {value}")
    return -value if sign < 0 else value


Bounds = Iterable[tuple[int, int]]
"""For each row the numbers of the first row of its frame, and of the row after the last."""


class Frames:
    """The rows of each row's frame, by their numbers, as a range, or several where some are excluded.

    ``pieces`` holds sequences with a range for each row of the partition; a frame consists of its range in the first,
    then in the next, and so on. The ends of the ranges in a piece only move forward.
    """

    __slots__ = ("pieces",)

    def __init__(self, peers: Peers, bounds: Bounds, exclude: str = "") -> None:
        ranges = shared_ranges(bounds)
        self.pieces: list[list[range]] = _without(peers, ranges, exclude) if exclude else [ranges]


def shared_ranges(bounds: Bounds) -> list[range]:
    """A range for each pair of bounds; one for equal pairs that follow one another."""
    ranges: list[range] = []
    begin, end, last = 0, 0, range(0)
    for start, stop in bounds:
        if start != begin or stop != end:
            begin, end = start, stop
            last = range(start, stop if start < stop else start)
        ranges.append(last)
    return ranges


def _without(peers: Peers, ranges: list[range], exclude: str) -> list[list[range]]:
    """What is left of the ranges before and after what is excluded, and of that the row itself if ties are."""
    each = range(peers.size)
    if exclude == "current row":
        return [_cut(ranges, repeat(0), each), _cut(ranges, range(1, peers.size + 1), repeat(peers.size))]
    starts, groups = peers.starts, peers.groups
    before = _cut(ranges, repeat(0), (starts[group] for group in groups))
    after = _cut(ranges, (starts[group + 1] for group in groups), repeat(peers.size))
    itself = [_cut(ranges, each, range(1, peers.size + 1))] if exclude == "ties" else []
    return [before, *itself, after]


def _cut(ranges: list[range], starts: Iterable[int], stops: Iterable[int]) -> list[range]:
    """What the ranges have in common with others."""
    return shared_ranges(
        (min(max(rows.start, start), rows.stop), max(min(rows.stop, stop), rows.start))
        for rows, start, stop in zip(ranges, starts, stops, strict=False)
    )


def frame_by_rows(peers: Peers, first: int | None, last: int | None, exclude: str = "") -> Frames:
    """ROWS from ``first`` to ``last``, counted from the current row; None has no bound."""
    size = peers.size
    starts = repeat(0, size) if first is None else _moved(first, size)
    stops = repeat(size, size) if last is None else _moved(last + 1, size)
    return Frames(peers, zip(starts, stops, strict=True), exclude)


def _moved(by: int, size: int) -> Iterable[int]:
    """Each row's number and ``by``, or as near to that as there are rows."""
    by = min(max(by, -size), size)
    return chain(repeat(0, -by), range(max(by, 0), min(by, 0) + size), repeat(size, by))


def frame_by_groups(peers: Peers, first: int | None, last: int | None, exclude: str = "") -> Frames:
    """GROUPS from ``first`` to ``last``, counted from the group of the current row; None has no bound."""
    starts, count = peers.starts, len(peers.starts) - 1
    first_of = [0 if first is None else starts[min(max(group + first, 0), count)] for group in range(count)]
    last_of = [starts[count if last is None else min(max(group + last + 1, 0), count)] for group in range(count)]
    return Frames(peers, ((first_of[group], last_of[group]) for group in peers.groups), exclude)


def frame_by_range(peers: Peers, first: Any, last: Any, exclude: str = "", descending: bool = False) -> Frames:
    """RANGE of keys from ``first`` to ``last``, added to the current row's key; None has no bound.

    A row whose key is NULL or NaN is as far from the others as from everything: its frame is that of its peers.
    """
    return Frames(peers, _ranges(peers, first, last, -1 if descending else 1), exclude)


def _ranges(peers: Peers, first: Any, last: Any, sign: int) -> Bounds:
    key, size = peers.key, peers.size
    proper = [at for at, value in enumerate(key) if _is_proper(value)]
    low, high = (proper[0], proper[-1] + 1) if proper else (0, 0)
    values = key[low:high]
    starts = None if first is None else [low + at for at in _found(values, first, sign, beyond=False)]
    stops = None if last is None else [low + at for at in _found(values, last, sign, beyond=True)]
    for at, group in enumerate(peers.groups):
        inside = low <= at < high
        start = 0 if starts is None else starts[at - low] if inside else peers.starts[group]
        stop = size if stops is None else stops[at - low] if inside else peers.starts[group + 1]
        yield start, stop


def _found(values: Values, distance: Any, sign: int, beyond: bool) -> Iterator[int]:
    """For each of the sorted values, where the first is that is not before it plus ``distance``; or is beyond that."""
    at, end = 0, len(values)
    for value in values:
        try:
            bound = value + distance if sign > 0 else value - distance
        except OverflowError:  # no date is so early, or so late
            yield end if distance > distance - distance else 0
            continue
        while at < end and (not _precedes(bound, values[at], sign) if beyond else _precedes(values[at], bound, sign)):
            at += 1
        yield at


def _is_proper(value: Any) -> bool:
    """Whether it is a value to add to: NULL and NaN stand as keys that belong to no type."""
    return hasattr(value, "__add__")


def _precedes(one: Any, other: Any, sign: int) -> bool:
    return bool(one < other if sign > 0 else other < one)
