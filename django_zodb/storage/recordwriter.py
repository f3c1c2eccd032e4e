"""Objects → records: what a connection stores in a commit or savepoint.

ZODB makes a pickler for every object, which asks a Python function about each part of its state. Nearly all that is
stored here are leaves, whose state is one ``bytes`` and the next leaf: the pickle of that is put together by hand,
to be read as any other. Measured: 4 instead of 15 µs per record, what packs the entries aside. The rest are mostly
counters, whose state is a number, and inner nodes, which are put together, too: 30 instead of 100 µs for one of 60
children.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from ZODB.serialize import ObjectWriter
from zodbpickle.pickle import dumps

from .compact import Unpackable, dump
from .persistent import Counter, IndexBucket, IndexTree, Postings, PostingsBucket, RowBucket, RowTree, Sequence
from .seal import sealed

_PROTOCOL = 3
_START = b"\x80\x03"
_NO_ENTRIES = b")"
_ONE, _TWO = b"\x85.", b"\x86."  # a tuple of so many, and the end


_NUMBERS = (Counter, Sequence)
_LEAF_OF = {RowTree: RowBucket, IndexTree: IndexBucket, Postings: PostingsBucket}
SIMPLE = frozenset((*_LEAF_OF.values(), *_LEAF_OF, *_NUMBERS))
"""The classes of what is small, and no blob."""

_HEADS: dict[Any, bytes] = {simple: dumps(simple, _PROTOCOL) for simple in SIMPLE}
"""The first pickle of a record of that class, which is the first thing that whoever reads it remembers."""

_LEAF_HEADS = {leaf: _HEADS[leaf] + _START for leaf in _LEAF_OF.values()}
"""The same, and the begin of the second one, of a leaf's state."""

_NUMBER_START, _NUMBER_END = dumps({"value": 0}, _PROTOCOL).split(b"K\x00")
"""The pickle of the state of what has nothing but a number, before the number and after it."""

_REFERENCE = b"C\x08"
"""The begin of a reference to another object; its oid follows."""

_SAME_CLASS = b"h\x00\x86Q"
"""The end of a reference to another object of that class; before it comes its oid."""

_LEAF_CLASS = {tree: b"%bq\x01\x86Q" % _HEADS[leaf][2:-3] for tree, leaf in _LEAF_OF.items()}
"""The end of a node's first reference to a leaf, whose class is remembered, too."""

_SAME_LEAF_CLASS = b"h\x01\x86Q"

_SAME_CLASS_AND_END = _SAME_CLASS + _TWO


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
        oid, kind = obj._p_oid, type(obj)
        head = _LEAF_HEADS.get(kind)
        if head is None:
            return sealed(oid, self._record(kind, obj))
        state = obj.__getstate__()
        entries = None if type(state) is not tuple or len(state) > 2 else _entries(state[0])
        if entries is None:
            return sealed(oid, self._objects_writer()._dump(kind, state))
        if len(state) == 1:
            return sealed(oid, head + entries + _ONE)
        return sealed(oid, b"".join((head, entries, _REFERENCE, self._reference(state[1]), _SAME_CLASS_AND_END)))

    def _record(self, kind: Any, obj: Any) -> bytes:
        """The record of what is no leaf."""
        if kind in _NUMBERS:
            state = obj.__getstate__()
            if len(state) == 1 and type(number := state.get("value")) is int and -(1 << 63) <= number < 1 << 63:
                return _HEADS[kind] + _NUMBER_START + _integer(number) + _NUMBER_END  # type: ignore[no-any-return]
        elif kind in _LEAF_OF:
            return self._tree(kind, obj.__getstate__())
        return self._objects_writer().serialize(obj)  # type: ignore[no-any-return]

    def _tree(self, kind: Any, state: Any) -> bytes:
        """The record of a tree or an inner node."""
        if state is not None and len(state) == 2 and (type(state[0][0]) is bytes or kind is not IndexTree):
            return _HEADS[kind] + self._node(kind, *state)
        if state is not None and len(state) == 1:  # it has one leaf, which is in the same record
            with suppress(Unpackable):
                return _HEADS[kind] + dump(state, _PROTOCOL)
        return self._objects_writer()._dump(kind, state)  # type: ignore[no-any-return]

    def _node(self, kind: Any, parts: tuple[Any, ...], first: Any) -> bytes:
        """The pickle of an inner node's state, which ``persistent`` describes, and its first leaf."""
        packed = _entries(parts[0]) if type(parts[0]) is bytes else None
        children = parts[::2] if packed is None else parts[1:]
        oids = [child._p_oid for child in children if child._p_jar is self._connection]
        if len(oids) < len(children):
            oids = list(map(self._reference, children))
        if type(children[0]) is kind:
            references = [b"C\x08%b%b" % (oid, _SAME_CLASS) for oid in oids]
            end = _LEAF_CLASS[kind]
        else:
            references = [b"C\x08%b%b" % (oid, _SAME_LEAF_CLASS) for oid in oids]
            references[0] = b"C\x08%b%b" % (oids[0], _LEAF_CLASS[kind])
            end = _SAME_LEAF_CLASS
        if packed is None:
            keys = map(_integer, (*parts[1::2], 0))
            references = list(chain.from_iterable(zip(references, keys, strict=True)))[:-1]
        else:
            references.insert(0, packed)
        return b"%b((%btC\x08%b%bt." % (_START, b"".join(references), self._reference(first), end)

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


def _integer(number: int) -> bytes:
    """The pickle of an integer of 64 bits."""
    if -(1 << 31) <= number < 1 << 31:
        return b"J" + number.to_bytes(4, "little", signed=True)
    return b"\x8a\x08" + number.to_bytes(8, "little", signed=True)


def _entries(packed: Any) -> bytes | None:
    """The pickle of the first part of a leaf's state; None if it takes a pickler."""
    if type(packed) is not bytes:
        return None if packed else _NO_ENTRIES
    if len(packed) < 256:
        return b"C%c%b" % (len(packed), packed)
    return b"B%b%b" % (len(packed).to_bytes(4, "little"), packed)


_REFERENCE_SIZE = len(_REFERENCE) + 8


def leaf_parts(kind: Any, record: bytes) -> tuple[bytes, bytes | None] | None:
    """The packed entries of a leaf of that class, and the oid of the next one, if there is one.

    None if the record was not put together here, or has another part: then it takes an unpickler to tell.
    """
    head = _LEAF_HEADS.get(kind)
    if head is None or not record.startswith(head):
        return None
    at = len(head)
    form = record[at : at + 1]
    if form == b"B":
        start = at + 5
        end = start + int.from_bytes(record[at + 1 : start], "little")
    elif form == b"C":
        start = at + 2
        end = start + record[at + 1]
    else:
        return None
    if record.startswith(_REFERENCE, end):
        if record.startswith(_SAME_CLASS_AND_END, end + _REFERENCE_SIZE):
            return record[start:end], record[end + len(_REFERENCE) : end + _REFERENCE_SIZE]
        return None
    return (record[start:end], None) if record.startswith(_ONE, end) else None
