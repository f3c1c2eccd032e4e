"""Large values out of line: each in a record of its own, so that it does not travel with the rows beside it.

In memory a row holds the value itself; only the state of a leaf, on its way to and from the storage, has records in
its place: ``(entries, next leaf, {(place of the row, column): record})``. A leaf knows the records that its stored
state names, by value; so a value that stays as it is is not written again, although its row or a neighbour is.
A record never changes, and no record is named anew that the snapshot of the transaction did not show in use: nothing
that pack may have taken away comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import OperationalError

Value = str | bytes
Row = tuple[Any, ...]
Places = dict[tuple[int, int], Any]
Records = dict[Value, Any]

LARGE = 4096
"""A text of more characters, or bytes of a greater number, is large."""

_KINDS = (str, bytes)


def is_large(value: Any) -> bool:
    """Whether a value stands in a record of its own."""
    return type(value) in _KINDS and len(value) > LARGE


def take_out(
    rows: Sequence[Row], known: Mapping[Value, Any], record_of: Callable[[Value], Any]
) -> tuple[Sequence[Row], Places, Records]:
    """``rows`` with None where a large value was, and the records of these: ``known`` or new; by place and by value."""
    places: Places = {}
    records: Records = {}
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            if type(value) in _KINDS and len(value) > LARGE:
                record = records.get(value) or known.get(value) or record_of(value)
                places[at, column] = records[value] = record
    return _replaced(rows, dict.fromkeys(places)), places, records


def put_back(rows: Sequence[Row], places: Places, record_class: type[Any]) -> tuple[Sequence[Row], Records]:
    """``rows`` with the values of the records in their places, and the records by value."""
    values: dict[tuple[int, int], Value] = {}
    records: Records = {}
    for place, record in places.items():
        value = record.value if isinstance(record, record_class) else None
        if not isinstance(value, _KINDS):
            raise OperationalError(
                f"a record of the database makes no sense (a large value that is no text or bytes, but a "
                f"{type(value).__name__}): the file was damaged or tampered with; restore it from a backup"
            )
        values[place] = value
        records[value] = record
    return _replaced(rows, values), records


def _replaced(rows: Sequence[Row], values: dict[tuple[int, int], Any]) -> list[Row]:
    replaced = list(rows)
    for (at, column), value in values.items():
        row = replaced[at]
        replaced[at] = (*row[:column], value, *row[column + 1 :])
    return replaced
