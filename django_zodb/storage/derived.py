"""What a filter makes of a column before it compares: ``lower(title)``, a key of a document, the month of a date.

It depends on the column's value alone, and is the same each time, so that what is kept of columns (see ``aids`` and
``columns``) may be kept of these values, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..errors import DataError, ProgrammingError

_UNTOLD = (DataError, ProgrammingError, ArithmeticError)
"""What a function may raise for a value of which the filter does not ask, since something else leaves out the row."""


class Derived:
    """The values that ``of`` makes of those of the column at place ``base``; equal to another one of that ``name``."""

    __slots__ = ("base", "name", "of")

    def __init__(self, base: int, name: str, of: Callable[[Any], Any]) -> None:
        self.base = base
        self.name = name
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Derived) and self.base == other.base and self.name == other.name

    def __hash__(self) -> int:
        return hash((self.base, self.name))

    def made(self, values: Iterable[Any]) -> list[Any] | None:
        """Those of some values of the column; None if one of them has none."""
        try:
            return list(map(self.of, values))
        except _UNTOLD:
            return None


Place = int | Derived
"""The place of a column, or what is made of one."""
Columns = Mapping[Any, Sequence[Any] | None] | Sequence[Sequence[Any]]
"""Values of all rows of a leaf, by places, or of each column; None where they are not known."""


def base_of(place: Place) -> int:
    """The place of the column."""
    return place.base if isinstance(place, Derived) else place


def values_at(columns: Columns, place: Place) -> Sequence[Any] | None:
    """The values at a place; None if they are not known."""
    if not isinstance(place, Derived):
        return columns[place]
    return columns.get(place) if isinstance(columns, Mapping) else place.made(columns[place.base])


def values_of(rows: Iterable[Sequence[Any]], place: Place) -> list[Any] | None:
    """The same of rows."""
    if isinstance(place, Derived):
        base = place.base
        return place.made(row[base] for row in rows)
    return [row[place] for row in rows]
