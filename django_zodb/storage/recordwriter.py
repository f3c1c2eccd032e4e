"""Objects → records: what a connection stores in a commit or savepoint.

ZODB makes a pickler for every object, which asks a Python function about each part of its state. Nearly all that is
stored here are leaves, whose state is one ``bytes`` and the next leaf: the pickle of that is put together by hand,
to be read as any other. Measured: 4 instead of 15 µs per record, what packs the entries aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ZODB.serialize import ObjectWriter
from zodbpickle.pickle import dumps

from .persistent import IndexBucket, PostingsBucket, RowBucket
from .seal import sealed

_PROTOCOL = 3
_START = b"\x80\x03"
_NO_ENTRIES = b")"
_ONE, _TWO = b"\x85.", b"\x86."  # a tuple of so many, and the end


LEAVES = frozenset((RowBucket, IndexBucket, PostingsBucket))

_HEADS = {leaf: dumps(leaf, _PROTOCOL) for leaf in LEAVES}
"""The first pickle of a record of that class, which is the first thing that whoever reads it remembers."""

_SAME_CLASS = b"h\x00\x86Q"
"""The end of a reference to another object of that class; before it comes its oid."""


class RecordWriter(ObjectWriter):  # type: ignore[misc]
    """Pickles objects, and the new ones that they refer to; seals the records. Serves a connection for one commit."""

    def __init__(self, connection: Any) -> None:
        super().__init__()
        self._jar = connection
        self.waiting = self._stack
        """What is to be stored: new objects that those stored so far refer to. The last one is next."""

    def close(self) -> None:
        """Let go of everything at once.

        Writer and pickler refer to each other; and the pickler remembers what it has pickled last, which the garbage
        collector cannot see, so that it would take two passes.
        """
        self.__dict__.clear()

    def __iter__(self) -> Iterator[Any]:
        """The next one; what it refers to waits."""
        yield self.waiting.pop()

    def serialize(self, obj: Any) -> bytes:
        """The record of an object that belongs to the connection."""
        oid = obj._p_oid
        leaf = type(obj)
        head = _HEADS.get(leaf)
        if head is None:
            return sealed(oid, super().serialize(obj))
        state = obj.__getstate__()
        entries = None if state is None or len(state) > 2 else _entries(state[0])
        if entries is None:
            return sealed(oid, self._dump(leaf, state))
        if len(state) == 1:
            return sealed(oid, b"%b%b%b%b" % (head, _START, entries, _ONE))
        following, _ = self.persistent_id(state[1])
        return sealed(oid, b"%b%b%bC\x08%b%b%b" % (head, _START, entries, following, _SAME_CLASS, _TWO))


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
