"""What is kept of a column, for the rows of one block, so that ``sieves`` find some of them without a look at the rows.

An ``Order`` is an index in small, and ``Texts`` are all texts in one, in which Python searches at the speed of C. To
make them takes two to four times as long as a walk over the rows with a filter, so they are for what is walked over
again and again. Measured on 450 rows: an order 50 to 170 µs, and then 2 µs for the rows between two values; texts of
twelve characters 40 µs, and then 5 µs, and 0.2 µs for each row found.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from itertools import accumulate, chain, repeat
from operator import ne
from sys import getsizeof
from typing import Any

from ..values import scaled
from .sieves import AidKey, Shape

_MOST_CHARACTERS = 500
"""Texts that are longer on an average are not kept a second time: what takes long in them is to search."""
_SEPARATOR = "\0"
_DEAR = 1.5
"""To find a text takes so many times as long as to find a value, and to get the row, but to test for it does not."""
_SEARCH = 18
"""To search for a value takes as long as to test so many."""
_MOST_PARTS = 2
"""What a part of a document compares as (see ``sql.functions.json``) has no more, unless it is made of others."""
_ARRAYS = {bool: "b", int: "q", float: "d"}
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


class Order:
    """Rows in the order of a column: its values that are not NULL, where in the block each is, and where NULLs are."""

    __slots__ = ("_exponent", "_places", "_values", "nulls", "size")

    def __init__(self, values: Sequence[Any]) -> None:
        """Of all values of the block, of one class; none may be NaN."""
        self.nulls = array("I", [at for at, value in enumerate(values) if value is None])
        present = [at for at, value in enumerate(values) if value is not None] if self.nulls else range(len(values))
        places = sorted(present, key=values.__getitem__)
        self._places = array("I", places)
        self._values, self._exponent = _compact([values[at] for at in places])
        self.size = sum(map(getsizeof, (self._places, self._values, self.nulls)))
        if type(self._values) is list:  # the objects are those of rows, mostly: but they may outlast these
            self.size += sum(map(_size_of, self._values))

    def within(self, low: Any, high: Any, low_open: bool, high_open: bool, most: int) -> Sequence[int] | None:
        """Where values between two bounds are; None if there are more than ``most``, or a bound is NaN."""
        if low != low or high != high:
            return None
        if self._exponent:
            low, high = self._multiple(low), self._multiple(high)
        return self._between(low, high, low_open, high_open, most)

    def _between(self, low: Any, high: Any, low_open: bool, high_open: bool, most: int) -> Sequence[int] | None:
        first = 0 if low is None else (bisect_right if low_open else bisect_left)(self._values, low)
        last = len(self._values) if high is None else (bisect_left if high_open else bisect_right)(self._values, high)
        return self._places[first:last] if last - first <= most else None

    def among(self, values: Collection[Any], most: int) -> Sequence[int] | None:
        """Where one of the values is; None if there are more than ``most``, or many values and it cannot be told."""
        found: list[int] = []
        if len(values) * _SEARCH > len(self._values):
            if self._exponent:
                return None
            found = [place for place, value in zip(self._places, self._values, strict=True) if value in values]
            return found if len(found) <= most else None
        for value in {*values} - {None}:
            places = self.within(value, value, False, False, most - len(found))
            if places is None:
                return None
            found += places
        return found

    def first(self, number: int, descending: bool, most: int) -> Sequence[int] | None:
        """Where the least or greatest values are, with all that equal the last of them, and where NULLs are."""
        most -= len(self.nulls)
        if number >= len(self._values) or number > most:
            return None
        if not number:
            return self.nulls
        last = self._values[-number if descending else number - 1]
        low, high = (last, None) if descending else (None, last)
        found = self._between(low, high, False, False, most)
        return None if found is None else [*found, *self.nulls]

    def _multiple(self, bound: Decimal | None) -> Decimal | None:
        """What a decimal is compared as with multiples of a power of ten."""
        return None if bound is None else _EXACT.scaleb(bound, -self._exponent)


class Texts:
    """All texts of a column in one, with their case folded or as they are; where each of them ends."""

    __slots__ = ("_all", "_ends", "size")

    def __init__(self, values: Sequence[str | None], folded: bool) -> None:
        """Of all values of the block; none may hold the separator."""
        texts = [value or "" for value in values]
        joined = f"{_SEPARATOR}{_SEPARATOR.join(texts)}{_SEPARATOR}"
        self._all = joined.casefold() if folded else joined
        if len(self._all) != len(joined):  # folding makes some texts longer, and none shorter
            texts = [text.casefold() for text in texts]
        self._ends = array("I", accumulate(len(text) + 1 for text in texts))
        self.size = getsizeof(self._all) + getsizeof(self._ends)

    def holding(self, shape: Shape, text: str, most: int) -> Sequence[int] | None:
        """Where a text holds another one; None if in more than ``most``, or every text may, or it cannot be told.

        To find one of many takes long, so that ``most`` stands for a fourth part of it.
        """
        if not text or _SEPARATOR in text:
            return None
        most = int(most / _DEAR)
        if shape == "inside":
            return self._around(text, most)
        begins = shape != "end"
        wanted = f"{_SEPARATOR if begins else ''}{text}{_SEPARATOR if shape != 'start' else ''}"
        found: list[int] = []
        find, ends = self._all.find, self._ends
        at = find(wanted)
        while at >= 0:
            if len(found) == most:
                return None
            place = bisect_right(ends, at + begins)
            found.append(place)
            at = find(wanted, ends[place])
        return found

    def _around(self, text: str, most: int) -> Sequence[int] | None:
        """Where it is anywhere in a text: as many separators as are before it, without the first one."""
        *before, _ = self._all.split(text, most + 1)
        if len(before) > most:
            return None
        return [*dict.fromkeys(accumulate(map(str.count, before, repeat(_SEPARATOR)), initial=-1))][1:]


class Listed:
    """Rows that have some values in a column, as an index of the table lists them: no ``Order`` has to be made of it.

    ``block`` are the rowids of the block that is looked at, in their order.
    """

    def __init__(self, rowids_of: Callable[[tuple[Any]], Iterable[int]], most_values: int) -> None:
        self._rowids_of = rowids_of
        self._most_values = most_values
        self._found: dict[int, list[int]] = {}
        self.block: Sequence[int] = ()

    def among(self, values: Collection[Any], most: int) -> Sequence[int] | None:
        """As that of an ``Order``; ``values`` must be the same object each time, as they are looked up but once."""
        if len(values) > self._most_values:
            return None
        rowids = self._found.get(id(values))
        if rowids is None:
            listed = (self._rowids_of((value,)) for value in {*values} - {None})
            rowids = self._found[id(values)] = sorted(chain.from_iterable(listed))
        first = bisect_left(rowids, self.block[0])
        last = bisect_right(rowids, self.block[-1], first)
        return [bisect_left(self.block, rowid) for rowid in rowids[first:last]] if last - first <= most else None


def _size_of(value: Any) -> int:
    return getsizeof(value) + (sum(map(getsizeof, value)) if type(value) is tuple else 0)


Aid = Order | Texts


def aid_of(key: AidKey, values: Sequence[Any] | None) -> Aid | None:
    """The aid of a column of all rows of a block; None if it would not be worth its room, or be wrong.

    So of parts of documents that are made of others; and where the values are not known.
    """
    kind, _ = key
    if values is None or any(type(value) is tuple and len(value) > _MOST_PARTS for value in values):
        return None
    if kind in ("order", "equal"):
        return None if any(map(ne, values, values)) else Order(values)
    texts = "".join(value for value in values if value is not None)
    if len(texts) > _MOST_CHARACTERS * len(values) or _SEPARATOR in texts:
        return None
    return Texts(values, kind == "folded")


def _compact(values: list[Any]) -> tuple[Sequence[Any], int]:
    """The values, all of one class, in less room if there is a way; decimals as multiples of 10 to the exponent."""
    exponent = 0
    if values and type(values[0]) is Decimal and (multiples := scaled(values)) is not None:
        values, exponent = multiples, multiples.exponent
    code = _ARRAYS.get(type(values[0])) if values else None
    try:
        return array(code, values) if code else values, exponent
    except OverflowError:  # an integer of more than 64 bits
        return values, exponent
