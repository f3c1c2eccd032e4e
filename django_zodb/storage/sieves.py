"""Sieves: what a filter, or an order with a limit, asks of single columns of a whole table.

Storage may use one to hand out less than all rows: it may let rows pass that are not wanted, and never the other way
round, so whoever walks tests every row that comes. Where walks before have made ``aids`` of the rows of a block, the
places of rows that may pass are found by these, without a look at the rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from .aids import Aid, Order

AidKey = tuple[Literal["order", "text", "folded"], int]
"""What kind of aid, and the place of its column."""
Aids = Mapping[AidKey, "Aid | None"]
"""None where an aid would not be worth its room."""
Places = Collection[int]
"""Places of rows in a block, each once, in any order."""
Shape = Literal["equal", "start", "end", "inside"]


class Sieve(Protocol):
    """Says which rows of a block may pass."""

    keys: tuple[AidKey, ...]

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """Where the rows are that may pass; None if these are more than ``most``, or it is not known.

        ``exact``: the rows that pass all that is asked, and no other ones.
        """
        ...


class _OfOrder(ABC):
    __slots__ = ("keys",)

    def __init__(self, place: int) -> None:
        self.keys: tuple[AidKey, ...] = (("order", place),)

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        order: Any = aids[self.keys[0]]
        return None if order is None else self._in(order, most)

    @abstractmethod
    def _in(self, order: Order, most: int) -> Places | None: ...


class Within(_OfOrder):
    """``low <= column <= high``: bounds that are ``open`` are no part of it, one that is None does not bound."""

    __slots__ = ("bounds",)

    def __init__(self, place: int, low: Any, high: Any, low_open: bool = False, high_open: bool = False) -> None:
        super().__init__(place)
        self.bounds = low, high, low_open, high_open

    def _in(self, order: Order, most: int) -> Places | None:
        return order.within(*self.bounds, most)


class Among(_OfOrder):
    """The column has one of ``values``, of which None is none."""

    __slots__ = ("values",)

    def __init__(self, place: int, values: Collection[Any]) -> None:
        super().__init__(place)
        self.values = values

    def _in(self, order: Order, most: int) -> Places | None:
        return order.among(self.values, most)


class Null(_OfOrder):
    """The column is NULL."""

    __slots__ = ()

    def _in(self, order: Order, most: int) -> Places | None:
        return order.nulls if len(order.nulls) <= most else None


class First(_OfOrder):
    """The row is among the first ``number`` in the order of the column, or as good as these, or the column is NULL."""

    __slots__ = ("descending", "number")

    def __init__(self, place: int, number: int, descending: bool) -> None:
        super().__init__(place)
        self.number, self.descending = number, descending

    def _in(self, order: Order, most: int) -> Places | None:
        return order.first(self.number, self.descending, most)


class Holding:
    """The column, a text, has ``text`` in it where ``shape`` says; ``folded``: once its case is folded."""

    __slots__ = ("keys", "shape", "text")

    def __init__(self, place: int, shape: Shape, text: str, folded: bool = False) -> None:
        self.keys: tuple[AidKey, ...] = (("folded" if folded else "text", place),)
        self.shape, self.text = shape, text

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        texts: Any = aids[self.keys[0]]
        return None if texts is None else texts.holding(self.shape, self.text, most)


class _Combined:
    __slots__ = ("keys", "sieves")

    def __init__(self, *sieves: Sieve) -> None:
        self.sieves = sieves
        self.keys = tuple(key for each in sieves for key in each.keys)


class AllOf(_Combined):
    """All of ``sieves`` let a row pass."""

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """See ``Sieve``: one that lets too many pass is left out, if others do not."""
        found = [each.places(aids, most, exact) for each in self.sieves]
        known = [places for places in found if places is not None]
        if exact and len(known) < len(found):
            return None
        if len(known) < 2:
            return known[0] if known else None
        return set(known[0]).intersection(*known[1:])


class AnyOf(_Combined):
    """One of ``sieves`` lets a row pass."""

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        found: set[int] = set()
        for each in self.sieves:
            places = each.places(aids, most, exact)
            if places is None:
                return None
            found.update(places)
        return found if len(found) <= most else None
