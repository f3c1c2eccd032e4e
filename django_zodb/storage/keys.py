"""Index keys: SQL values ↔ objects that an OOBTree orders as SQL does.

An index of one ascending key stores its values as they are (*plain*): NULL as None, which OOBTrees put first; a UUID
as its 16 bytes; a double as an integer of the same order, NaN last. Any other index stores flat tuples with one slot
per key, or two where the key is nullable: a flag that puts NULL first (last where the key descends), then the value.
A descending key is stored inverted, so that the order of the tree is always the order of the index.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from ..clock import dt
from ..record import record
from ..values import Kind

Key = Any
Encode = Callable[[Any], Any]
Row = tuple[Any, ...]


class _Least:
    """Smaller than every key but None; never stored."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return other is not self

    def __gt__(self, other: object) -> bool:
        return False

    def __le__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return other is self


class _Greatest:
    """Greater than every key; never stored."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return other is not self

    def __le__(self, other: object) -> bool:
        return other is self

    def __ge__(self, other: object) -> bool:
        return True


LEAST = _Least()
GREATEST = _Greatest()


class Absent:
    """The key of a row that a partial index does not hold."""

    __slots__ = ()


ABSENT = Absent()

_DOUBLE = struct.Struct(">d")
_INT64 = struct.Struct(">q")
_NAN = (1 << 63) - 1


def float_key(value: float) -> int:
    """An integer in the order of the doubles; NaN is the last and equals itself."""
    if value != value:
        return _NAN
    (bits,) = _INT64.unpack(_DOUBLE.pack(value + 0.0))
    return bits if bits >= 0 else bits ^ _NAN  # type: ignore[no-any-return]


def plain_key(value: Any) -> Key:
    """A value as the plain key of an index, judged by its class."""
    kind = type(value)
    if kind is float:
        return float_key(value)
    if kind is UUID:
        return value.bytes
    return value


_INVERT = bytes(255 - byte for byte in range(256))


def _invert_bytes(value: bytes) -> bytes:
    # NUL is escaped and the end marked by two, so that a value sorts after those that go on where it ends.
    return (value.replace(b"\0", b"\0\1") + b"\0\0").translate(_INVERT)


def _invert_text(value: str) -> bytes:
    return _invert_bytes(value.encode("utf-8", "surrogatepass"))  # UTF-8 keeps the order of code points


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def _invert_time(value: dt.time) -> int:
    return -(((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond)


def _invert_timestamp(value: dt.datetime) -> int:
    return -((value - _EPOCH) // _MICROSECOND)


def _negate(value: Any) -> Any:
    return -value


def invert(value: Any) -> Key:
    """An object whose order is the reverse of that of ``value`` among values of its class."""
    return _INVERSIONS[type(value)](value)


_INVERSIONS: dict[type, Encode] = {
    bool: lambda value: not value,
    int: _negate,
    float: lambda value: -float_key(value),
    str: _invert_text,
    bytes: _invert_bytes,
    dt.date: lambda value: -value.toordinal(),
    dt.time: _invert_time,
    dt.datetime: _invert_timestamp,
    dt.timedelta: lambda value: -(value // _MICROSECOND),
    UUID: lambda value: _invert_bytes(value.bytes),
}


def _invert_decimal(value: Any) -> Any:
    return value.copy_negate()  # unary minus would round to the context's precision


_ENCODERS: dict[Kind, Encode] = {Kind.DOUBLE: float_key, Kind.UUID: attrgetter("bytes"), Kind.UNKNOWN: plain_key}


def _encoder(kind: Kind | None, descending: bool, nocase: bool) -> Encode | None:
    """How a value of that kind (None: of an expression) is encoded; None if it is stored as it is."""
    if nocase:
        return _invert_folded if descending else str.casefold
    if descending:
        return _invert_decimal if kind is Kind.DECIMAL else _invert_any
    if kind is None:
        return plain_key
    return _ENCODERS.get(kind)


def _invert_folded(value: str) -> bytes:
    return _invert_text(value.casefold())


def _invert_any(value: Any) -> Key:
    inversion = _INVERSIONS.get(type(value), _invert_decimal)
    return inversion(value)


@record
class Component:
    """One key of an index. ``kind`` None: an expression, whose type storage does not know."""

    kind: Kind | None
    nullable: bool
    descending: bool
    nocase: bool = False


class Bounds(NamedTuple):
    """Arguments of a BTree's ``keys``, ``values`` and ``items``."""

    low: Key | None
    high: Key | None
    low_open: bool = False
    high_open: bool = False


class KeyEncoding:
    """How an index with these components encodes its keys. Equal encodings store equal keys for equal values."""

    __slots__ = ("_encoders", "_null_slots", "components", "plain")

    def __init__(self, components: tuple[Component, ...]) -> None:
        self.components = components
        self.plain = len(components) == 1 and not components[0].descending
        self._encoders = tuple(_encoder(each.kind, each.descending, each.nocase) for each in components)
        self._null_slots = self._find_null_slots()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KeyEncoding) or self.plain != other.plain:
            return False
        if self.plain:  # NULL needs no room of its own
            one, another = self.components[0], other.components[0]
            return (one.kind, one.nocase) == (another.kind, another.nocase)
        return self.components == other.components

    def __hash__(self) -> int:
        return hash((self.plain, len(self.components)))

    def _find_null_slots(self) -> tuple[tuple[int, int], ...]:
        """Where in a tuple the flags are, and which flag says NULL."""
        found = []
        slot = 0
        for each in self.components:
            if each.nullable:
                found.append((slot, int(each.descending)))
            slot += 1 + each.nullable
        return tuple(found)

    def key(self, values: Sequence[Any]) -> Key:
        """The key of ``values``, one per component."""
        return self._plain(values[0]) if self.plain else self._flat(values)

    def has_null(self, key: Key) -> bool:
        """Whether one of the key's values is NULL."""
        if self.plain:
            return key is None
        return any(key[slot] == null for slot, null in self._null_slots)

    def row_key(self, sources: Sequence[int | Callable[[Row], Any]]) -> Callable[[Row], Key]:
        """A function from a row to its key; ``sources`` are positions in the row, or functions of it."""
        if all(isinstance(source, int) for source in sources):
            values_of: Callable[[Row], Any] = itemgetter(*sources)
            if self.stores_values_as_they_are:
                return values_of
            if len(sources) > 1:
                return lambda row: self._flat(values_of(row))
        functions = tuple(itemgetter(source) if isinstance(source, int) else source for source in sources)
        if self.plain:
            (function,) = functions
            return lambda row: self._plain(function(row))
        return lambda row: self._flat([function(row) for function in functions])

    @property
    def stores_values_as_they_are(self) -> bool:
        """Whether a key is the value, or the tuple of the values, as they came."""
        return not any(self._encoders) and (self.plain or not self._null_slots)

    def _plain(self, value: Any) -> Key:
        encode = self._encoders[0]
        return value if value is None or encode is None else encode(value)

    def _flat(self, values: Sequence[Any]) -> tuple[Any, ...]:
        slots: list[Any] = []
        for component, encode, value in zip(self.components, self._encoders, values, strict=False):
            if component.nullable:
                slots.append((value is not None) is not component.descending)
            slots.append(value if value is None or encode is None else encode(value))
        return tuple(slots)

    def bounds(
        self, prefix: Sequence[Any], low: Any, high: Any, low_open: bool, high_open: bool, nulls: bool
    ) -> Bounds:
        """The range of keys that ``protocol.Index.range`` describes; ``prefix`` does not name every component."""
        if self.plain:
            unbounded = None if nulls or not self.components[0].nullable else LEAST
            return Bounds(
                unbounded if low is None else self._plain(low),
                None if high is None else self._plain(high),
                low_open and low is not None,
                high_open and high is not None,
            )
        head = self._flat(prefix)
        component, encode = self.components[len(prefix)], self._encoders[len(prefix)]
        flag = (not component.descending,) if component.nullable else ()
        if component.descending:
            low, high, low_open, high_open = high, low, high_open, low_open
        # A shorter tuple precedes every longer one that begins with it, and GREATEST closes such a family of tuples.
        if low is not None:
            least = (*head, *flag, _encoded(encode, low), *((GREATEST,) if low_open else ()))
        else:
            least = (*head, *(flag if not nulls and not component.descending else ()))
        if high is not None:
            most = (*head, *flag, _encoded(encode, high), *(() if high_open else (GREATEST,)))
        else:
            most = (*head, *(flag if not nulls and component.descending else ()), GREATEST)
        return Bounds(least, most, False, high_open and high is not None)


def _encoded(encode: Encode | None, value: Any) -> Any:
    return value if encode is None else encode(value)
