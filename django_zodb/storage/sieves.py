"""Sieves: what a filter, or an order with a limit, asks of single columns of a whole table, or of what it makes of one.

Storage may use one to hand out less than all rows: it may let rows pass that are not wanted, and never the other way
round, so whoever walks tests every row that comes. Where walks before have made ``aids`` of the rows of a block, the
places of rows that may pass are found by these, without a look at the rows. Where rows are decoded past the cache, the
columns that are asked of tell which may pass, so that of the others nothing else is decoded (see ``scan``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import eq, ne
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .derived import Columns, Place, values_at

if TYPE_CHECKING:
    from .aids import Aid, Listed, Order

MOST_KEYS = 6
"""Of what asks of more columns nothing is kept."""
AidKey = tuple[Literal["order", "equal", "text", "folded"], Place]
"""What kind of aid, and the place of its column."""
Aids = Mapping[AidKey, "Aid | Listed | None"]
"""None where an aid would not be worth its room."""
Places = Collection[int]
"""Places of rows in a block or a leaf, each once, in any order."""
Shape = Literal["equal", "start", "end", "inside"]


class Sieve(Protocol):
    """Says which rows of a block may pass."""

    keys: tuple[AidKey, ...]

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """Where the rows are that may pass; None if these are more than ``most``, or it is not known.

        ``exact``: the rows that pass all that is asked, and no other ones.
        """
        ...

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """Where the rows of a leaf are that may pass, by their values; None if that is not known.

        ``exact``: as above.
        """
        ...


class _OfOrder(ABC):
    __slots__ = ("_place", "keys")
    _kind: Literal["order", "equal"] = "order"

    def __init__(self, place: Place) -> None:
        self._place = place
        self.keys: tuple[AidKey, ...] = ((self._kind, place),)

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        order: Any = aids[self.keys[0]]
        return None if order is None else self._in(order, most)

    @abstractmethod
    def _in(self, order: Order, most: int) -> Places | None: ...


class Within(_OfOrder):
    """``low <= column <= high``: bounds that are ``open`` are no part of it, one that is None does not bound."""

    __slots__ = ("bounds",)

    def __init__(self, place: Place, low: Any, high: Any, low_open: bool = False, high_open: bool = False) -> None:
        super().__init__(place)
        self.bounds = low, high, low_open, high_open

    def _in(self, order: Order, most: int) -> Places | None:
        return order.within(*self.bounds, most)

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """See ``Sieve``. NaN is outside of no bounds."""
        low, high, low_open, high_open = self.bounds
        if low != low or high != high:
            return None
        values = values_at(columns, self._place)
        if values is None or (exact and _has_nan(values)):
            return None
        if low is None is high:
            return [at for at, value in enumerate(values) if value is not None]
        if low == high:
            return [] if low_open or high_open else [at for at, value in enumerate(values) if value == low]
        found: Places = range(len(values))
        if low is not None:
            found = _not_below(values, found, low, low_open)
        return found if high is None else _not_above(values, found, high, high_open)


def _not_below(values: Sequence[Any], found: Places, low: Any, is_open: bool) -> Places:
    if is_open:
        return [at for at in found if (value := values[at]) is not None and not value <= low]
    return [at for at in found if (value := values[at]) is not None and not value < low]


def _not_above(values: Sequence[Any], found: Places, high: Any, is_open: bool) -> Places:
    if is_open:
        return [at for at in found if (value := values[at]) is not None and not value >= high]
    return [at for at in found if (value := values[at]) is not None and not value > high]


def _has_nan(values: Sequence[Any]) -> bool:
    return any(map(ne, values, values))


class Among(_OfOrder):
    """The column has one of ``values``, of which None is none."""

    __slots__ = ("values",)
    _kind = "equal"

    def __init__(self, place: Place, values: Collection[Any]) -> None:
        super().__init__(place)
        self.values = values

    def _in(self, order: Order, most: int) -> Places | None:
        return order.among(self.values, most)

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        wanted, values = self.values, values_at(columns, self._place)
        if values is None or (exact and _has_nan(values)):
            return None
        return [at for at, value in enumerate(values) if value is not None and (value in wanted or value != value)]


class Null(_OfOrder):
    """The column is NULL."""

    __slots__ = ()

    def _in(self, order: Order, most: int) -> Places | None:
        return order.nulls if len(order.nulls) <= most else None

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        values = values_at(columns, self._place)
        return None if values is None else [at for at, value in enumerate(values) if value is None]


class First(_OfOrder):
    """The row is among the first ``number`` in the order of the column, or as good as these, or the column is NULL."""

    __slots__ = ("descending", "number")

    def __init__(self, place: Place, number: int, descending: bool) -> None:
        super().__init__(place)
        self.number, self.descending = number, descending

    def _in(self, order: Order, most: int) -> Places | None:
        return order.first(self.number, self.descending, most)

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """See ``Sieve``: a leaf does not tell what is in others."""
        return None


class Holding:
    """The column, a text, has ``text`` in it where ``shape`` says; ``folded``: once its case is folded."""

    __slots__ = ("keys", "shape", "text")

    def __init__(self, place: Place, shape: Shape, text: str, folded: bool = False) -> None:
        self.keys: tuple[AidKey, ...] = (("folded" if folded else "text", place),)
        self.shape, self.text = shape, text

    def places(self, aids: Aids, most: int, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        texts: Any = aids[self.keys[0]]
        return None if texts is None else texts.holding(self.shape, self.text, most)

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        text = self.text
        ((kind, place),) = self.keys
        values = values_at(columns, place) if text else None
        if values is None:
            return None
        texts: Iterable[tuple[int, str | None]] = enumerate(values)
        if kind == "folded":
            texts = ((at, value.casefold()) for at, value in texts if value is not None)
        if self.shape == "inside":
            return [at for at, value in texts if value is not None and text in value]
        holds = _HOLDS[self.shape]
        return [at for at, value in texts if value is not None and holds(value, text)]


_HOLDS: dict[Shape, Callable[[str, str], bool]] = {"equal": eq, "start": str.startswith, "end": str.endswith}


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

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        found: Places | None = None
        for each in self.sieves:
            places = each.passing(columns, exact)
            if places is not None:
                found = places if found is None else {*found}.intersection(places)
            elif exact:
                return None
            if found is not None and not found:
                break
        return found


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

    def passing(self, columns: Columns, exact: bool = False) -> Places | None:
        """See ``Sieve``."""
        found: set[int] = set()
        for each in self.sieves:
            places = each.passing(columns, exact)
            if places is None:
                return None
            found.update(places)
        return found
