"""Window functions: of the order of a partition's rows, and of the frame of each row.

Generated code sorts the rows, makes a ``Peers`` of each partition, ``Frames`` where they are asked for, and calls one
function per window function: it takes columns of the partition as lists and returns another, a value for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...errors import DataError
from ...record import record
from ...values import BIGINT, DOUBLE, INTEGER
from .base import ResultType, first_type
from .frames import Frames, Peers

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
    found = []
    for pieces in zip(*frames.pieces, strict=True):
        rows = next(filter(None, pieces), None)
        found.append(values[rows[0]] if rows else None)
    return found


def _last_value(frames: Frames, values: Values) -> Values:
    found = []
    for pieces in zip(*frames.pieces, strict=True):
        rows = next(filter(None, reversed(pieces)), None)
        found.append(values[rows[-1]] if rows else None)
    return found


def _nth_value(frames: Frames, values: Values, numbers: Values) -> Values:
    found: list[Any] = []
    for number, *pieces in zip(numbers, *frames.pieces, strict=True):
        if number is not None and number <= 0:
            raise DataError(f"the second argument of NTH_VALUE must be greater than zero, not {number}")
        found.append(None if number is None else _value_at(number - 1, pieces, values))
    return found


def _value_at(place: int, pieces: Iterable[range], values: Values) -> Any:
    for rows in pieces:
        if place < len(rows):
            return values[rows[place]]
        place -= len(rows)
    return None


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
