"""PEP 249's type objects and constructors."""

from __future__ import annotations

import time

from ..clock import dt
from ..values import Kind

Date = dt.date
Time = dt.time
Timestamp = dt.datetime


def DateFromTicks(ticks: float) -> dt.date:
    """The local date at ``ticks`` seconds since the epoch."""
    return dt.date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> dt.time:
    """The local time of day at ``ticks`` seconds since the epoch."""
    return dt.time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> dt.datetime:
    """The moment ``ticks`` seconds after the epoch, as every timestamp in UTC."""
    return dt.datetime.fromtimestamp(ticks, dt.UTC)


def Binary(value: bytes | bytearray | memoryview) -> bytes:
    """``value`` as a byte string parameter."""
    return bytes(value)


class TypeObject:
    """Equal to the type codes, in ``Cursor.description``, of the kinds that it stands for."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = frozenset(kinds)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypeObject):
            return self.kinds == other.kinds
        if isinstance(other, Kind):
            return other in self.kinds
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.kinds)

    def __repr__(self) -> str:
        return f"TypeObject({', '.join(sorted(self.kinds))})"


STRING = TypeObject(Kind.TEXT, Kind.JSON, Kind.UUID)
BINARY = TypeObject(Kind.BYTES)
NUMBER = TypeObject(Kind.BOOLEAN, Kind.INTEGER, Kind.DOUBLE, Kind.DECIMAL)
DATETIME = TypeObject(Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.INTERVAL)
ROWID = TypeObject()
"""No column has this type: row identifiers are ordinary integers."""
