"""Objects → records: what a connection stores in a commit or savepoint.

ZODB makes a pickler for every object, which asks a Python function about each part of its state. Nearly all that is
stored here are leaves, whose state is one ``bytes`` and the next leaf: the pickle of that is put together by hand,
to be read as any other. Measured: 4 instead of 15 µs per record, what packs the entries aside. The rest are mostly
counters, whose state is a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ZODB.serialize import ObjectWriter
from zodbpickle.pickle import dumps

from .compact import are_plain
from .persistent import Counter, IndexBucket, PostingsBucket, RowBucket, Sequence
from .seal import sealed

_PROTOCOL = 3
_START = b"\x80\x03"
_NO_ENTRIES = b")"
_ONE, _TWO = b"\x85.", b"\x86."  # a tuple of so many, and the end


_NUMBERS = (Counter, Sequence)
SIMPLE = frozenset((RowBucket, IndexBucket, PostingsBucket, *_NUMBERS))
"""The classes of what is small, no blob, and refers to no new object but the next leaf."""

_HEADS = {simple: dumps(simple, _PROTOCOL) for simple in SIMPLE}
"""The first pickle of a record of that class, which is the first thing that whoever reads it remembers."""

_SAME_CLASS = b"h\x00\x86Q"
"""The end of a reference to another object of that class; before it comes its oid."""


class RecordWriter:
    """Pickles objects, and the new ones that they refer to; seals the records. Serves a connection for one commit."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._objects: ObjectWriter | None = None
        self.waiting: list[Any] = []
        """What is to be stored: new objects that those stored so far refer to. The last one is next."""

    def close(self) -> None:
        """Let go of everything at once.

        ZODB's writer and its pickler refer to each other; and the pickler remembers what it has pickled last, which the
        garbage collector cannot see, so that it would take two passes.
        """
        if self._objects is not None:
            self._objects.__dict__.clear()

    def __iter__(self) -> Iterator[Any]:
        """The next one; what it refers to waits."""
        yield self.waiting.pop()

    def serialize(self, obj: Any) -> bytes:
        """The record of an object that belongs to the connection."""
        oid = obj._p_oid
        kind = type(obj)
        head = _HEADS.get(kind)
        if head is None:
            return sealed(oid, self._objects_writer().serialize(obj))
        state = obj.__getstate__()
        if kind in _NUMBERS and are_plain(state.values()):
            return sealed(oid, head + dumps(state, _PROTOCOL))
        entries = None if type(state) is not tuple or len(state) > 2 else _entries(state[0])
        if entries is None:
            return sealed(oid, self._objects_writer()._dump(kind, state))
        if len(state) == 1:
            return sealed(oid, b"%b%b%b%b" % (head, _START, entries, _ONE))
        following = self._reference(state[1])
        return sealed(oid, b"%b%b%bC\x08%b%b%b" % (head, _START, entries, following, _SAME_CLASS, _TWO))

    def _reference(self, following: Any) -> bytes:
        """The oid of the next leaf, which may be new."""
        if following._p_jar is not self._connection or following._p_oid is None:
            self._objects_writer().persistent_id(following)  # which gives it one, or refuses what is elsewhere
        return following._p_oid  # type: ignore[no-any-return]

    def _objects_writer(self) -> ObjectWriter:
        """ZODB's writer, which most transactions do not need."""
        if self._objects is None:
            self._objects = ObjectWriter()
            self._objects._jar, self._objects._stack = self._connection, self.waiting
        return self._objects


def _entries(packed: Any) -> bytes | None:
    """The pickle of the first part of a leaf's state; None if it takes a pickler."""
    if type(packed) is not bytes:
        return None if packed else _NO_ENTRIES
    if len(packed) < 256:
        return b"C%c%b" % (len(packed), packed)
    return b"B%b%b" % (len(packed).to_bytes(4, "little"), packed)


_ROWS = _HEADS[RowBucket] + _START
_ROWS_SIZE = len(_ROWS)
_REFERENCE = b"C\x08"
_REFERENCE_SIZE = len(_REFERENCE) + 8


def packed_rows(record: bytes) -> bytes | None:
    """The packed entries of a leaf of rows, if its record was put together here and has no other part but the next
    leaf; None if it takes an unpickler to tell.
    """
    if record[:_ROWS_SIZE] != _ROWS:
        return None
    kind = record[_ROWS_SIZE : _ROWS_SIZE + 1]
    if kind == b"B":
        start = _ROWS_SIZE + 5
        end = start + int.from_bytes(record[_ROWS_SIZE + 1 : start], "little")
    elif kind == b"C":
        start = _ROWS_SIZE + 2
        end = start + record[start - 1]
    else:
        return None
    if record.startswith(_REFERENCE, end):
        return record[start:end] if record.startswith(_SAME_CLASS + _TWO, end + _REFERENCE_SIZE) else None
    return record[start:end] if record.startswith(_ONE, end) else None
