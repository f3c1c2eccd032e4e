"""Aggregates over windows: what they make of a partition's rows up to each one, or of the rows in the frame of each.

Both take a list of values, some of them ``ABSENT``, and give a list as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, reduce
from itertools import accumulate, count
from typing import Any

from . import AGGREGATES
from .base import AggregateFunction
from .frames import Frames, shared_ranges
from .parts import Parts

Values = Sequence[Any]
Running = Callable[[Values], Values]

ABSENT = object()
"""The value of a row that an aggregate leaves out."""

_AS_LONG_AS_THEIR_ROWS = frozenset(("GROUP_CONCAT", "JSON_AGG", "JSON_OBJECT_AGG", "STRING_AGG"))
"""Aggregates of which no more values are made than there are frames."""


@cache
def so_far(name: str) -> Running | None:
    """The window function of that name as one of the first value, of the first two, and so on; None if it is none.

    Rows that are equal in the order see each other, too: ``Peers.of_last`` gives each the value of the last.
    """
    if name not in AGGREGATES or name in _AS_LONG_AS_THEIR_ROWS:
        return _RUNNING.get(name)
    function = AGGREGATES[name]
    empty = function.collect(())

    def values_of(values: Values) -> Values:
        present = _present(values)
        if not present:
            return [empty] * len(values)
        assert function.parts is not None
        parts = function.parts(present)
        found = list(accumulate(parts.states, parts.join))
        if parts.finish is not None:
            found = list(map(parts.finish, found, count(1)))
        if len(present) == len(values):
            return found
        return [found[number - 1] if number else empty for number in _counts(values)[1:]]

    return values_of


_RUNNING: dict[str, Running] = {
    "FIRST_VALUE": lambda values: list(values[:1]) * len(values),
    "LAST_VALUE": lambda values: values,
}
"""Functions of the frame, if that is all rows so far."""


def _present(values: Values) -> Values:
    return [value for value in values if value is not ABSENT] if ABSENT in values else values


def _counts(values: Values) -> list[int]:
    """How many of none, of the first value, of the first two, and so on, are not absent."""
    return list(accumulate((value is not ABSENT for value in values), initial=0))


@cache
def over(name: str) -> Callable[[Frames, Values], Values]:
    """The aggregate of that name as a function of frames and of one list of values."""
    function = AGGREGATES[name]

    def values_of(frames: Frames, values: Values) -> Values:
        present, pieces = _present(values), frames.pieces
        if len(present) < len(values):
            numbers = _counts(values)
            pieces = [shared_ranges((numbers[rows.start], numbers[rows.stop]) for rows in piece) for piece in pieces]
        if not present:
            return [function.collect(())] * len(values)
        assert function.parts is not None
        return (_of_ranges if len(pieces) == 1 else _of_pieces)(function, function.parts(present), pieces)

    return values_of


def _of_ranges(function: AggregateFunction, parts: Parts, pieces: list[list[range]]) -> Values:
    """The values of frames of one piece."""
    found: list[Any] = []
    span, finish, empty = parts.spans(), parts.finish, function.collect(())
    last, value = range(0), empty
    for rows in pieces[0]:
        if rows is not last:
            last = rows
            start, stop = rows.start, rows.stop
            if start == stop:
                value = empty
            else:
                value = span(start, stop) if finish is None else finish(span(start, stop), stop - start)
        found.append(value)
    return found


def _of_pieces(function: AggregateFunction, parts: Parts, pieces: list[list[range]]) -> Values:
    """The values of frames of several."""
    found: list[Any] = []
    spans, finish, empty = [parts.spans() for _ in pieces], parts.finish, function.collect(())
    last: tuple[range, ...] = ()
    value = None
    for frame in zip(*pieces, strict=True):
        if frame != last:
            last = frame
            states = [span(rows.start, rows.stop) for span, rows in zip(spans, frame, strict=True) if rows]
            value = reduce(parts.join, states) if states else empty
            if states and finish is not None:
                value = finish(value, sum(map(len, frame)))
        found.append(value)
    return found
