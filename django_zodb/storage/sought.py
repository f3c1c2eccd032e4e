"""Few rows, looked for in the order of an index, or of their keys: until the search is known to be long.

``WHERE title LIKE '%rare%' ORDER BY published DESC LIMIT 20`` is walked along the index, since twenty rows are found
soon if the text is a common one. Nobody knows whether it is. So after as many rows as cost about what it takes to find
those that pass in another way, that is done, by a plan without an order or a sieve; of the rest of the walk, only rows
are read that may pass. A sieve also tells how many of the first rows pass, so that it may be known sooner. Measured on
a million rows of ten columns, more than the cache holds, of which thirteen pass: 1.1 instead of 143 s, and 0.14 from
the third time on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from math import inf
from typing import Any, TypeVar

from ..errors import DataError, ProgrammingError
from .derived import values_of
from .keys import Row
from .protocol import Passing
from .sieves import Sieve

T = TypeVar("T")
Fetch = Callable[[Iterable[int]], Iterable[T]]

_MOST_FOUND = 50_000
"""If more may pass, those that are looked for are not rare."""
_MOST_ROWS = 500_000
"""A join may find the same ones so many times in all."""
_FEW = 1000
"""So few are put in order faster than the rest of an index is walked."""
_PIECE = 1000
_GLANCE = 100
"""So many rows show how many pass."""


class Patience:
    """How long a walk goes on before it is known to be long: so many rows, or loads of ``connection``, if less.

    Or not even that, if so few of the first rows pass ``sieve`` that, at this rate, those that are left until as many
    are found as are ``wanted`` are more than ``worth``: so many take as long to walk over as the sieve to be asked. As
    long as none has passed there is no rate, since those that pass may stand together further on: then that many are
    walked over.
    """

    def __init__(
        self, rows: int, loads: int, connection: Any, wanted: int = 0, sieve: Sieve | None = None, worth: int = 0
    ) -> None:
        self._rows = rows
        self._loads = loads
        self._connection = connection
        self._wanted = wanted
        self._sieve = sieve
        self._worth = worth
        self._is_long = False

    def first(self, items: Iterable[T]) -> Iterator[T]:
        """The items until then; lazy."""
        connection = self._connection
        last = inf if connection is None else connection._load_count + self._loads  # None: made by this transaction
        for item in islice(items, self._rows):
            yield item
            if self._is_long or (connection is not None and connection._load_count > last):
                return

    def watched(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, which come of the ``first`` items, one by one."""
        rows = iter(rows)
        if self._sieve is not None and self._wanted:
            number, passed = 0, 0.0
            while not self._is_long:
                seen: list[Row] = []
                for row in islice(rows, _GLANCE):
                    seen.append(row)
                    yield row
                if not seen:
                    return
                number, passed = number + len(seen), passed + self._number(self._sieve, seen)
                self._is_long = self._left(number, passed) > self._worth
        yield from rows

    def _left(self, number: int, passed: float) -> float:
        """How many more rows it takes, where so many have passed of a number of them."""
        return self._wanted * number / passed - number if passed else number

    def _number(self, sieve: Sieve, rows: list[Row]) -> float:
        """How many of the rows pass, as far as that can be told."""
        places = sieve.passing({place: values_of(rows, place) for _, place in sieve.keys})
        return inf if places is None else len(places)


def sought(
    fetch: Fetch[T],
    rowids: Iterable[int],
    patience: Patience,
    passing: Passing,
    in_order: Fetch[T] | None,
    watched: Callable[[Iterable[T]], Iterable[T]] = iter,
) -> Iterator[T]:
    """What ``fetch`` gives for these rowids, in that order; at the end of patience only for the ``passing`` ones.

    None of the rowids comes twice. ``in_order`` gives the same for some of them, without a walk to where they are.
    ``watched`` is patience's, where it can look at what is fetched.
    """
    rowids, seen = iter(rowids), list[int]()
    yield from watched(fetch(_noted(patience.first(rowids), seen)))
    following = next(rowids, None)
    if following is None:
        return
    found = few(passing())
    if in_order is not None and found is not None and len(found) <= _FEW:
        yield from in_order(found.difference(seen))
        return
    rest: Iterable[int] = chain((following,), rowids)
    yield from fetch(rest if found is None else islice(filter(found.__contains__, rest), len(found)))


def _noted(rowids: Iterable[int], seen: list[int]) -> Iterator[int]:
    for rowid in rowids:
        seen.append(rowid)
        yield rowid


def _rows_noted(items: Iterable[tuple[int, Row]], last: list[int]) -> Iterator[Row]:
    for rowid, row in items:
        last[0] = rowid
        yield row


def sought_by_key(
    fetch: Fetch[Row],
    items: Iterable[tuple[int, Row]],
    end: int | None,
    reverse: bool,
    patience: Patience,
    passing: Passing,
) -> Iterator[Row]:
    """The rows of ``items``, which ascend to ``end`` or, in ``reverse``, descend; otherwise as ``sought``."""
    items = iter(items)
    at_last = [0]
    yield from patience.watched(_rows_noted(patience.first(items), at_last))
    (last,) = at_last
    following = next(items, None)
    if following is None:
        return
    found = few(passing())
    if found is None:
        yield from (row for _, row in chain((following,), items))
    elif reverse:
        yield from fetch(sorted((at for at in found if at < last and (end is None or at >= end)), reverse=True))
    else:
        yield from fetch(sorted(at for at in found if at > last and (end is None or at <= end)))


def few(rowids: Iterable[int] | None) -> set[int] | None:
    """All of them, each once; None if they are many, or a row could not be tested.

    That may be one which nobody will ask for: who does will get the error.
    """
    if rowids is None or isinstance(rowids, set):
        return rowids if rowids is None or len(rowids) <= _MOST_FOUND else None
    rowids, found = iter(rowids), set[int]()
    try:
        for _ in range(_MOST_ROWS // _PIECE):
            piece = list(islice(rowids, _PIECE))
            found.update(piece)
            if len(piece) < _PIECE:
                return found if len(found) <= _MOST_FOUND else None
            if len(found) > _MOST_FOUND:
                return None
    except (DataError, ProgrammingError, ArithmeticError):
        return None
    return None


def passing_rowids(items: Iterable[tuple[int, Row]], sieve: Sieve) -> set[int] | None:
    """The rowids of the items that may pass; None if they are many, or nobody can tell."""
    items = iter(items)
    found: set[int] = set()
    while piece := list(islice(items, _PIECE)):
        rows = [row for _, row in piece]
        places = sieve.passing({place: values_of(rows, place) for _, place in sieve.keys})
        if places is None:
            return None
        found.update(piece[at][0] for at in places)
        if len(found) > _MOST_FOUND:
            return None
    return found
