"""Every Persistent class of this package, and only those: their module path and state *are* the file format.

They are few and dumb. Trees refuse ZODB's bucket merging: it would join two writers' halves of a table without asking
any constraint; which changes agree is decided row by row, when a transaction commits.

Row trees have 64-bit integer keys (LOBTree): measured on 100,000 rows, ``get`` is 3 times and insertion 3.6 times
faster than with the object keys of an OOBTree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import ChainMap
from collections.abc import Collection, Iterable
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

import BTrees
from BTrees.LFBTree import LFSet
from BTrees.LLBTree import LLSet, LLTreeSet
from BTrees.LOBTree import LOBTree, LOBucket
from BTrees.OOBTree import OOBTree, OOBucket
from persistent import Persistent

from .compact import Passing, Unpackable, are_plain, count_keys, pack, unpack, unpack_keys, unpack_rows
from .keys import plain_key
from .large import LARGE, Records, put_back, take_out

Posting = Any
"""What an index holds for a key: a rowid; a sorted tuple of two rowids or more; or ``Postings``."""

Rowids = tuple[int, ...] | list[int]

MAX_TUPLE = 30
"""The most rowids that a posting keeps as a tuple, in the record of its neighbours."""


class _NoMerging:
    """Hides the method that BTrees offer to merge conflicting states. ZODB asks with getattr, and logs a None."""

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        raise AttributeError("_p_resolveConflict")


# The state of a leaf is ``(entries, next leaf)``, the last leaf's is ``(entries,)``. BTrees have a flat tuple for the
# entries; ours stores their keys and values as ``bytes`` where it can, and then the state may have a third part: what
# ZODB has to see, as ``(position, value, position, value …)``, or for rows as ``large`` says. A leaf within its tree's
# own record is stored by BTrees, if it is one of postings.


def _compact(state: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """A leaf's state as it is stored."""
    if state is None or not state[0]:
        return state
    entries = state[0]
    keys, values = entries[::2], entries[1::2]
    try:
        return (pack(keys, values), *state[1:])
    except Unpackable:
        outside = [(at, value) for at, value in enumerate(values) if type(value) is Postings]
    if not outside:
        return state
    try:
        values = [None if type(value) is Postings else value for value in values]
        return (pack(keys, values), state[1] if len(state) > 1 else None, tuple(chain.from_iterable(outside)))
    except Unpackable:
        return state


def _expanded(state: tuple[Any, ...]) -> tuple[Any, ...]:
    """A leaf's state as BTrees have it."""
    if type(state[0]) is not bytes:
        return state
    keys, values = unpack(state[0])
    if len(state) > 2:
        values = list(values)
        for at, value in zip(state[2][::2], state[2][1::2], strict=True):
            values[at] = value
    entries = tuple(chain.from_iterable(zip(keys, values, strict=True)))
    return (entries,) if len(state) == 1 or state[1] is None else (entries, state[1])


class LargeValue(Persistent):  # type: ignore[misc]
    """A large text or bytes of a row, out of line; see ``large``. It never changes."""

    def __init__(self, value: str | bytes) -> None:
        self.value = value


# What holds rows knows the records of the large values in its stored state, by value: ``_v_large``, which ZODB takes
# for volatile: it goes with the state, so that a ghost keeps no values in memory. What a leaf holds no more when it is
# stored may have moved to a new one that is stored next: its connection knows it until the transaction ends.


def _out_of_line(holder: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    """The state of a leaf of rows, as BTrees have it, as it is stored."""
    packed = _packed_rows(holder, state)
    if type(packed[0]) is bytes and len(packed[0]) <= LARGE:
        if getattr(holder, "_v_large", None):
            _now_knows(holder, None)
        return packed
    known = ChainMap(getattr(holder, "_v_large", None) or {}, getattr(holder._p_jar, "moved_values", {}))
    rows, places, records = take_out(state[0][1::2], known, LargeValue)
    _now_knows(holder, records)
    return (pack(state[0][::2], rows), state[1] if len(state) > 1 else None, places) if places else packed


def _packed_rows(holder: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same with all values in line."""
    repeated, entries = getattr(holder._p_jar, "repeated", None), state[0]
    pack_leaf = pack if repeated is None else partial(repeated.pack, holder._p_oid)
    try:
        return (pack_leaf(entries[::2], entries[1::2]), *state[1:])
    except Unpackable:
        return state


def _now_knows(holder: Any, records: Records | None) -> None:
    """``holder`` is being stored with these large values."""
    before = getattr(holder, "_v_large", None)
    if before and holder._p_jar is not None:
        holder._p_jar.moved_values.update((value, before[value]) for value in before.keys() - (records or {}).keys())
    holder._v_large = records


def _in_line(holder: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inverse of ``_out_of_line``."""
    holder._v_large = None
    if len(state) < 3:
        return _expanded(state)
    keys, rows = unpack(state[0])
    rows, holder._v_large = put_back(rows, state[2], LargeValue)
    entries = tuple(chain.from_iterable(zip(keys, rows, strict=True)))
    return (entries,) if state[1] is None else (entries, state[1])


def stored_keys(state: tuple[Any, ...]) -> Any:
    """The keys of a leaf of rows, from its stored state: a sequence."""
    entries = state[0]
    return unpack_keys(entries) if type(entries) is bytes else entries[::2]


def stored_size(state: tuple[Any, ...]) -> int:
    """How many they are."""
    entries = state[0]
    return count_keys(entries) if type(entries) is bytes else len(entries) // 2


def stored_rows(state: tuple[Any, ...], places: Collection[int], passing: Passing | None = None) -> tuple[Any, Any]:
    """Its keys and its rows, side by side; at other ``places`` rows may hold None.

    ``passing``: perhaps only those rows that it finds among the values of columns.
    """
    entries = state[0]
    if type(entries) is not bytes:
        return entries[::2], entries[1::2]
    if len(state) < 3:
        return unpack_rows(entries, places, passing)
    keys, rows = unpack_rows(entries, places)
    wanted = {place: record for place, record in state[2].items() if place[1] in places}
    rows, _ = put_back(rows, wanted, LargeValue)
    return keys, rows


class RowBucket(LOBucket):  # type: ignore[misc]
    """A leaf of a table."""

    __slots__ = ("_v_large",)
    _p_resolveConflict = _NoMerging()

    def __getstate__(self) -> tuple[Any, ...] | None:
        state: tuple[Any, ...] | None = super().__getstate__()
        if not state or not state[0]:
            _now_knows(self, None)
            return state
        return _out_of_line(self, state)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        super().__setstate__(_in_line(self, state))


class RowTree(LOBTree):  # type: ignore[misc]
    """A table's rows: rowid → tuple in schema column order.

    Leaves of 30: measured with 10 columns and 4 indexes, a one-row update appends 1.3 kB (leaves of 60: 2.4 kB, of 10:
    0.6 kB) and a cold scan costs 2.8 µs per row (2.3 and 5.4 µs). Inner nodes of 60: with 200, an insert appends 0.5
    and a deletion 2.4 kB more, since a reference to a record takes more room and time than a value.
    """

    __slots__ = ("_v_large",)
    _bucket_type = RowBucket
    _p_resolveConflict = _NoMerging()
    max_leaf_size = 30
    max_internal_size = 60
    shape = LOBTree.__getstate__

    # A single leaf has no record of its own, unless it has got one by chance.

    def __getstate__(self) -> tuple[Any, ...] | None:
        state: tuple[Any, ...] | None = super().__getstate__()
        if state is None or len(state) > 1 or type(state[0][0]) is not tuple or not state[0][0][0]:
            _now_knows(self, None)
            return state
        return ((_out_of_line(self, state[0][0]),),)

    def __setstate__(self, state: tuple[Any, ...] | None) -> None:
        if state is not None and len(state) == 1 and type(state[0][0]) is tuple:
            state = ((_in_line(self, state[0][0]),),)
        super().__setstate__(state)


class PostingsBucket(LLSet):  # type: ignore[misc]
    """A leaf of the rowids of one key."""

    __slots__ = ()
    _p_resolveConflict = _NoMerging()

    def __getstate__(self) -> tuple[Any, ...] | None:
        state = super().__getstate__()
        return (pack(state[0]), *state[1:]) if state else state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if type(state[0]) is bytes:
            state = (tuple(unpack(state[0])[0]), *state[1:])
        super().__setstate__(state)


class Postings(LLTreeSet):  # type: ignore[misc]
    """The rowids of one key of an index, where they are many."""

    __slots__ = ()
    _bucket_type = PostingsBucket
    _p_resolveConflict = _NoMerging()
    max_leaf_size = 120
    max_internal_size = 60
    shape = LLTreeSet.__getstate__


class IndexBucket(OOBucket):  # type: ignore[misc]
    """A leaf of an index."""

    __slots__ = ()
    _p_resolveConflict = _NoMerging()

    def __getstate__(self) -> tuple[Any, ...] | None:
        return _compact(super().__getstate__())

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        super().__setstate__(_expanded(state))


def _compact_node(state: tuple[Any, ...]) -> tuple[Any, ...]:
    """The state of an index's tree or inner node as it is stored.

    BTrees have ``((leaf's state,),)`` for a single leaf, else ``((child, key, child …), first leaf)``; stored are a
    leaf's state as ``_compact`` makes it, or ``((packed keys, child, child …), first leaf)``.
    """
    parts = state[0]
    if len(state) == 1:
        return state if are_plain(parts[0][0][::2]) else ((_compact(parts[0]),),)
    try:
        return ((pack(parts[1::2]), *parts[::2]), state[1])
    except Unpackable:
        return state


def _expanded_node(state: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inverse of ``_compact_node``."""
    parts = state[0]
    if len(state) == 1:
        return ((_expanded(parts[0]),),)
    if type(parts[0]) is not bytes:
        return state
    (keys,) = unpack(parts[0])
    return ((parts[1], *chain.from_iterable(zip(keys, parts[2:], strict=True))), state[1])


class IndexTree(OOBTree):  # type: ignore[misc]
    """An index: encoded key (see ``keys``) → posting. ``insert`` adds a key that is not there yet.

    Leaves of 30: with 4 indexes, a one-row insert or deletion appends 4.9 kB (leaves of 60: 6.6, of 100: 9.0 kB), and
    writing 1,000 rows into 10,000 takes about as long with all of them.
    """

    __slots__ = ()
    _bucket_type = IndexBucket
    _p_resolveConflict = _NoMerging()
    max_leaf_size = 30
    max_internal_size = 60
    shape = OOBTree.__getstate__

    def __getstate__(self) -> tuple[Any, ...] | None:
        state: tuple[Any, ...] | None = super().__getstate__()
        return _compact_node(state) if state else state

    def __setstate__(self, state: tuple[Any, ...] | None) -> None:
        super().__setstate__(_expanded_node(state) if state else state)

    def grow(self, key: Any, rowid: int) -> None:
        """Add ``rowid`` to the posting of ``key``, which is there; nothing happens if it holds it already."""
        posting = self[key]
        if type(posting) is int:
            if posting != rowid:
                self[key] = (posting, rowid) if posting < rowid else (rowid, posting)
        elif type(posting) is tuple:
            at = bisect_left(posting, rowid)
            if posting[at : at + 1] != (rowid,):
                grown = (*posting[:at], rowid, *posting[at:])
                self[key] = grown if len(grown) <= MAX_TUPLE else Postings(grown)
        else:
            posting.insert(rowid)

    def grow_many(self, keys: Collection[Any], added: Iterable[int | list[int]]) -> None:
        """Add the rowid or the rowids, one at least, to the posting of each of these keys, of which any may be new.

        Where the keys ascend, each leaf is visited once to read and once to write.
        """
        grown: dict[Any, Posting] = {}
        for key, posting, new in zip(keys, map(self.get, keys), added, strict=True):
            if posting is None and type(new) is int:
                grown[key] = new
            elif type(posting) is Postings:
                posting.update(rowids(new))
            else:
                grown[key] = _joined(() if posting is None else rowids(posting), rowids(new))
        self.update(grown)

    def discard(self, key: Any, rowid: int) -> None:
        """Take ``rowid`` out of the posting of ``key``; nothing happens if it is not there."""
        posting = self.get(key)
        if type(posting) is int:
            if posting == rowid:
                del self[key]
        elif posting is not None:
            self.discard_many(key, (rowid,))

    def discard_many(self, key: Any, gone: Collection[int]) -> None:
        """Take rowids out of the posting of ``key``, those that it holds."""
        posting = self.get(key)
        if posting is None:
            return
        if type(posting) is Postings:
            posting -= gone
            # Half the size at which a tuple becomes a set, so that one row coming and going does not change the form.
            if posting.keys()[MAX_TUPLE // 2 :]:
                return
            rest = list(posting)
            for rowid in rest:  # every leaf is written: whoever adds to one meanwhile is in conflict with this change
                posting.remove(rowid)
        else:
            held = rowids(posting)
            rest = [rowid for rowid in held if rowid not in gone]
            if len(rest) == len(held):
                return
        if rest:
            self[key] = _posting(rest)
        else:
            del self[key]


def _joined(held: Rowids, added: Rowids) -> Posting:
    """The posting of the rowids of one that is no set, and of others."""
    if held and len(added) == 1 and held[-1] < added[0]:
        return _posting((*held, added[0]))
    return _posting(sorted({*held, *added}))


def _posting(ascending: Rowids) -> Posting:
    """The posting of these rowids, one at least."""
    if len(ascending) > MAX_TUPLE:
        return Postings(ascending)
    return tuple(ascending) if len(ascending) > 1 else ascending[0]


def rowids(posting: Posting) -> Any:
    """The rowids of a posting, ascending: a sized iterable."""
    return (posting,) if type(posting) is int else posting


class NameBucket(OOBucket):  # type: ignore[misc]
    """A leaf of a ``NameTree``."""

    __slots__ = ()
    _p_resolveConflict = _NoMerging()


class NameTree(OOBTree):  # type: ignore[misc]
    """Persistent objects by name."""

    __slots__ = ()
    _bucket_type = NameBucket
    _p_resolveConflict = _NoMerging()


class TableRecord(Persistent):  # type: ignore[misc]
    """A table's or view's definition: ``data`` is ``schema.to_data(…)``, or None once the table has been dropped.

    Whoever writes rows of the table, or relies on them, relies on this record; every DDL statement writes it.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.data: dict[str, Any] | None = data


class Sequence(Persistent):  # type: ignore[misc]
    """The highest id that a table's sequence may have given, or 0."""

    def __init__(self, value: int = 0) -> None:
        self.value = value


class Counter(Persistent):  # type: ignore[misc]
    """How many rows a table has."""

    def __init__(self, value: int = 0) -> None:
        self.value = value


# The rest is zope.catalog's: ``zope_catalog`` puts its classes in as bases, and so into every instance. Importing them
# takes longer than all else that a process starts with, sqlglot and BTrees apart, and who looks an index up by its name
# needs nothing of them. So they are imported when one of the two names is asked for: by ZODB's own unpickler, by
# definition statements, by people. ``classes`` has them from ``UNFINISHED``.


class _Unfinished(Persistent):  # type: ignore[misc]
    """Stands for the bases that are not imported yet. Python puts no others in place of Persistent itself."""


class IndexCatalog(_Unfinished):
    """All indexes by name, a zope.catalog Catalog: ``catalog["book_author_id"].apply((1, 1))``."""

    family = BTrees.family64
    _SampleContainer__data: NameTree  # its name in the records of zope.container

    def _newContainerData(self) -> NameTree:
        return NameTree()

    def __getitem__(self, name: str) -> CatalogIndex:
        return self._SampleContainer__data[name]  # type: ignore[no-any-return]


class CatalogIndex(_Unfinished):
    """One index in the catalog, an ICatalogIndex and IStatistics, with zope.index's methods over its ``tree``.

    A table keeps its indexes by itself; ``index_doc`` and ``unindex_doc`` are for whoever mends one by hand.
    """

    def __init__(self, tree: IndexTree) -> None:
        self.tree = tree

    def index_doc(self, docid: int, value: Any) -> None:
        """Add the rowid ``docid`` under the key ``value``."""
        key = plain_key(value)
        if not self.tree.insert(key, docid):
            self.tree.grow(key, docid)

    def unindex_doc(self, docid: int) -> None:
        """Remove the rowid from every key that has it. Reads the whole index, which keeps no reverse map."""
        for key in [key for key, posting in self.tree.items() if docid in rowids(posting)]:
            self.tree.discard(key, docid)

    def clear(self) -> None:
        """Remove everything."""
        self.tree.clear()

    def apply(self, query: tuple[Any, Any]) -> Any:
        """The set of rowids with keys from ``query[0]`` to ``query[1]``, bounds included; None is unbounded."""
        low, high = (None if bound is None else plain_key(bound) for bound in query)
        return LFSet(chain.from_iterable(map(rowids, self.tree.values(low, high))))

    def documentCount(self) -> int:
        """How many rowids the index holds. Reads all of it."""
        return sum(1 if type(posting) is int else len(posting) for posting in self.tree.values())

    def wordCount(self) -> int:
        """How many different keys there are. Reads all leaves."""
        return len(self.tree)


UNFINISHED = {"IndexCatalog": IndexCatalog, "CatalogIndex": CatalogIndex}
"""The classes that become what they are with ``zope_catalog``, which whoever gets them by their names has imported."""

if not TYPE_CHECKING:
    del IndexCatalog, CatalogIndex

    def __getattr__(name: str) -> type:
        if name not in UNFINISHED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import zope_catalog  # noqa: F401

        return UNFINISHED[name]
