"""The records of a database as a graph, read without making any object of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from BTrees.LLBTree import LLTreeSet
from ZODB.POSException import POSKeyError
from ZODB.serialize import referencesf
from ZODB.utils import u64
from zodbpickle.pickle import UnpicklingError

from ..errors import OperationalError

#: oid → the data of its record; POSKeyError if there is none.
Load = Callable[[bytes], bytes]


class Record(NamedTuple):
    """A record that can be reached; ``data`` is None if it is missing, although the record ``parent`` refers to it."""

    oid: bytes
    data: bytes | None
    parent: bytes


def references(data: bytes) -> list[bytes]:
    """The oids that a record refers to; OperationalError if it makes no sense. Nothing it names is looked up."""
    try:
        return referencesf(data)  # type: ignore[no-any-return]
    except (UnpicklingError, AssertionError, ArithmeticError, EOFError, LookupError, TypeError, ValueError) as error:
        met = str(error) or type(error).__name__
        raise OperationalError(f"a record of the database makes no sense ({met})") from error


def walk(load: Load, start: bytes, seen: LLTreeSet) -> Iterator[Record]:
    """``start`` and every record that can be reached from it, each once, and none of ``seen``, which grows by them.

    A record that makes no sense is not followed: whoever takes it finds out.
    """
    waiting = [(start, start)]
    while waiting:
        oid, parent = waiting.pop()
        if not seen.insert(u64(oid)):
            continue
        try:
            data = load(oid)
        except POSKeyError:
            yield Record(oid, None, parent)
            continue
        yield Record(oid, data, parent)
        try:
            found = references(data)
        except OperationalError:
            continue
        waiting += [(each, oid) for each in reversed(found) if u64(each) not in seen]


def label(oid: bytes) -> str:
    """An oid as messages write it."""
    return f"{u64(oid):#x}"
