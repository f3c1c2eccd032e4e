"""Window functions, and what they see: the rows of a partition, their peers, and the frame of each row.

Generated code sorts the rows, makes a ``Peers`` of each partition, ``frames`` where they are asked for, and calls one
function per window function: it takes columns of the partition as lists and returns another, a value for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from itertools import islice
from operator import eq, itemgetter
from typing import Any

from ...errors import DataError
from ...record import record
from ...values import BIGINT, DOUBLE, INTEGER
from . import AGGREGATES
from .aggregates import average_of
from .base import AggregateFunction, ResultType, first_type
from .running import ABSENT, Better, counts, exact, extremes, greater, less, sums

Values = Sequence[Any]


@record
class WindowFunction:
    """A function that only OVER makes sense of.

    ``call`` takes the frames of all rows if ``framed``, else their ``Peers``; then a list of values for each argument.
    ``params`` and ``result`` are those of ``base.Function``; None among ``params`` takes any type.
    """

    call: Callable[..., Values]
    result: ResultType
    params: tuple[Any, ...] = ()
    least: int = 0
    most: int = 0
    framed: bool = False
    nullable: bool = True


# --- partitions, peers, frames -------------------------------------------------------------------------------------


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
    """For each row of a partition, the numbers of the rows in its frame, ascending.

    ``rows`` has them, ``ranges`` also those that are excluded; ``whole`` tells that none is. Equal ranges that follow
    one another are one object. ``opening``: each range begins with the first row; ``closing``: ends with the last.
    """

    __slots__ = ("closing", "opening", "ranges", "rows", "size", "whole")

    def __init__(self, peers: Peers, bounds: Bounds, exclude: str = "") -> None:
        size = self.size = peers.size
        self.ranges: list[range] = []
        last = range(0)
        for start, stop in bounds:
            if start != last.start or stop != last.stop:
                last = range(start, max(start, stop))
            self.ranges.append(last)
        self.whole = not exclude
        self.opening = all(rows.start == 0 for rows in self.ranges)
        self.closing = all(rows.stop == size for rows in self.ranges)
        self.rows: Sequence[Sequence[int]] = self.ranges
        if exclude:
            self.rows = [_without(peers, at, rows, exclude) for at, rows in enumerate(self.ranges)]


def _without(peers: Peers, at: int, rows: Sequence[int], exclude: str) -> Sequence[int]:
    group = peers.groups[at]
    start, stop = peers.starts[group], peers.starts[group + 1]
    match exclude:
        case "current row":
            return [row for row in rows if row != at]
        case "group":
            return [row for row in rows if not start <= row < stop]
    return [row for row in rows if row == at or not start <= row < stop]


def frame_by_rows(peers: Peers, first: int | None, last: int | None, exclude: str = "") -> Frames:
    """ROWS from ``first`` to ``last``, counted from the current row; None has no bound."""
    size = peers.size
    starts = [0] * size if first is None else [min(max(at + first, 0), size) for at in range(size)]
    stops = [size] * size if last is None else [min(max(at + last + 1, 0), size) for at in range(size)]
    return Frames(peers, zip(starts, stops, strict=True), exclude)


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


# --- functions of the order ----------------------------------------------------------------------------------------


def _row_number(peers: Peers) -> Values:
    return range(1, peers.size + 1)


def _rank(peers: Peers) -> Values:
    if not peers.keys:
        return [1] * peers.size
    ranks: list[int] = []
    rank, last = 1, peers.keys[0]
    for place, key in enumerate(peers.keys, 1):
        if key != last:
            rank, last = place, key
        ranks.append(rank)
    return ranks


def _dense_rank(peers: Peers) -> Values:
    return [group + 1 for group in peers.groups]


def _percent_rank(peers: Peers) -> Values:
    others = max(peers.size - 1, 1)
    starts = peers.starts
    return [starts[group] / others for group in peers.groups]


def _cume_dist(peers: Peers) -> Values:
    starts = peers.starts
    return [starts[group + 1] / peers.size for group in peers.groups]


def _ntile(peers: Peers, counts: Values) -> Values:
    count = counts[0] if counts else None
    if count is None:
        return [None] * peers.size
    if count <= 0:
        raise DataError(f"the argument of NTILE must be greater than zero, not {count}")
    rows, more = divmod(peers.size, count)
    long = more * (rows + 1)
    return [at // (rows + 1) + 1 if at < long else more + (at - long) // max(rows, 1) + 1 for at in range(peers.size)]


def _offset(sign: int) -> Callable[..., Values]:
    def values_of(peers: Peers, values: Values, offsets: Values = (), defaults: Values = ()) -> Values:
        found: list[Any] = []
        for at in range(peers.size):
            offset = offsets[at] if offsets else 1
            if offset is None:
                found.append(None)
                continue
            other = at + sign * offset
            found.append(values[other] if 0 <= other < peers.size else defaults[at] if defaults else None)
        return found

    return values_of


# --- functions of the frame ----------------------------------------------------------------------------------------


def _first_value(frames: Frames, values: Values) -> Values:
    return [values[rows[0]] if rows else None for rows in frames.rows]


def _last_value(frames: Frames, values: Values) -> Values:
    return [values[rows[-1]] if rows else None for rows in frames.rows]


def _nth_value(frames: Frames, values: Values, numbers: Values) -> Values:
    found: list[Any] = []
    for rows, number in zip(frames.rows, numbers, strict=True):
        if number is not None and number <= 0:
            raise DataError(f"the second argument of NTH_VALUE must be greater than zero, not {number}")
        found.append(None if number is None or number > len(rows) else values[rows[number - 1]])
    return found


WINDOW_FUNCTIONS: dict[str, WindowFunction] = {
    "CUME_DIST": WindowFunction(_cume_dist, DOUBLE, nullable=False),
    "DENSE_RANK": WindowFunction(_dense_rank, BIGINT, nullable=False),
    "FIRST_VALUE": WindowFunction(_first_value, first_type, (None,), 1, 1, framed=True),
    "LAG": WindowFunction(_offset(-1), first_type, (None, BIGINT, None), 1, 3),
    "LAST_VALUE": WindowFunction(_last_value, first_type, (None,), 1, 1, framed=True),
    "LEAD": WindowFunction(_offset(1), first_type, (None, BIGINT, None), 1, 3),
    "NTH_VALUE": WindowFunction(_nth_value, first_type, (None, BIGINT), 2, 2, framed=True),
    "NTILE": WindowFunction(_ntile, INTEGER, (BIGINT,), 1, 1),
    "PERCENT_RANK": WindowFunction(_percent_rank, DOUBLE, nullable=False),
    "RANK": WindowFunction(_rank, BIGINT, nullable=False),
    "ROW_NUMBER": WindowFunction(_row_number, BIGINT, nullable=False),
}
"""Every window function by its name in upper case."""


# --- aggregates over frames ----------------------------------------------------------------------------------------


@cache
def over(name: str) -> Callable[[Frames, Values], Values]:
    """The aggregate of that name as a function of frames and of one list of values, some of them ``ABSENT``.

    What a frame adds to another costs one step where sums, counts and extremes allow it; else a frame is computed from
    all its rows, equal ones once.
    """
    function, running = AGGREGATES[name], _RUNNING.get(name)

    def values_of(frames: Frames, values: Values) -> Values:
        found = running(frames, values) if running is not None and frames.whole else None
        return _collected(function, frames, values) if found is None else found

    return values_of


def _collected(function: AggregateFunction, frames: Frames, values: Values) -> Values:
    found: list[Any] = []
    last, value = None, None
    for rows in frames.rows:
        if rows is not last:
            last = rows
            seen = values[rows.start : rows.stop] if isinstance(rows, range) else [values[at] for at in rows]
            value = function.collect([each for each in seen if each is not ABSENT])
        found.append(value)
    return found


Finish = Callable[[Any, int], Any]


def _totals(finish: Finish) -> Callable[[Frames, Values], Values | None]:
    """Sums and counts up to each row, whose differences are those of frames; ``finish`` makes a value of both."""

    def values_of(frames: Frames, values: Values) -> Values | None:
        try:
            present = [value for value in values if value is not ABSENT]
            if present and type(present[0]) is Decimal:  # a difference would show digits of what is not in the frame
                return _ends(frames, values, lambda some: list(map(finish, _sums(some, Decimal()), _counts(some))))
            values, scale = exact(values) if present and type(present[0]) is float else (values, None)
            totals = _sums(values, present[0] - present[0] if present and scale is None else 0)
            numbers = _counts(values)
            found = []
            for rows in frames.ranges:
                total = totals[rows.stop] - totals[rows.start]
                found.append(finish(total / scale if scale else total, numbers[rows.stop] - numbers[rows.start]))
            return found
        except (ArithmeticError, ValueError):  # infinite or not a number
            return None

    return values_of


def _ends(frames: Frames, values: Values, running: Callable[[Values], list[Any]]) -> Values | None:
    """The values of frames that all begin with the first row, or end with the last; None where they do not.

    ``running`` gives the value of the first rows, for none of them, one, and so on, whatever their order.
    """
    if frames.opening:
        found = running(values)
        return [found[rows.stop] for rows in frames.ranges]
    if frames.closing:
        found = running(values[::-1])
        return [found[frames.size - rows.start] for rows in frames.ranges]
    return None


def _extremes(better: Better) -> Callable[[Frames, Values], Values | None]:
    return lambda frames, values: _ends(frames, values, lambda some: list(extremes(better, some)))


def _counts(values: Values) -> list[int]:
    return [0, *counts(values)]


def _sums(values: Values, zero: Any) -> list[Any]:
    return [zero, *sums(values, zero)]


def _counted(frames: Frames, values: Values) -> Values:
    found = _counts(values)
    return [found[rows.stop] - found[rows.start] for rows in frames.ranges]


def _sum_of(total: Any, count: int) -> Any:
    return None if count == 0 else total


def _average_of(total: Any, count: int) -> Any:
    return None if count == 0 else average_of(total, count)


_RUNNING: dict[str, Callable[[Frames, Values], Values | None]] = {
    "AVG": _totals(_average_of),
    "COUNT": _counted,
    "MAX": _extremes(greater),
    "MIN": _extremes(less),
    "SUM": _totals(_sum_of),
}
"""Aggregates that need not look at every row of every frame. None is returned where they must, after all."""
