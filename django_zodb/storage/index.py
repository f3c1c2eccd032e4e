"""The live index of one connection: ``protocol.Index`` over an ``IndexTree``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from ..errors import IntegrityError
from .keys import ABSENT, Key, KeyEncoding
from .persistent import IndexTree, Posting, rowids
from .schema import IndexSchema
from .trees import estimated_len, estimated_range, keys_backwards, leaf_of_range, values_backwards

NO_ROWIDS: tuple[int, ...] = ()


class StoredIndex:
    """Rowids by key; see ``protocol.Index``. ``tree`` and encoded keys are for storage alone."""

    __slots__ = ("_row_count", "_single", "_table_name", "encoding", "lenient", "lookup", "schema", "tree")

    lookup: Callable[..., Sequence[int]]

    def __init__(
        self, table_name: str, schema: IndexSchema, encoding: KeyEncoding, tree: IndexTree, row_count: Callable[[], int]
    ) -> None:
        self.schema = schema
        self.encoding = encoding
        self.tree = tree
        self.lenient = False
        """True while duplicates are let in, because they will be looked for later."""
        self.lookup = _lookup(encoding, tree.get)
        self._table_name = table_name
        self._row_count = row_count
        self._single = schema.unique and not schema.deferrable

    def range(
        self,
        prefix: tuple[object, ...] = (),
        low: object = None,
        high: object = None,
        *,
        low_open: bool = False,
        high_open: bool = False,
        nulls: bool = False,
        reverse: bool = False,
        ties_reversed: bool = False,
    ) -> Iterator[int]:
        """Rowids in key order between bounds, as ``protocol.Index.range`` says.

        NULL being the smallest value, ``nulls`` adds rows only where no value bounds the range from below.
        """
        if len(prefix) == len(self.encoding.components):
            found = self.lookup(*prefix)
            return iter(found) if reverse is ties_reversed else reversed(found)
        bounds = self.encoding.bounds(prefix, low, high, low_open, high_open, nulls)
        postings: Iterable[Posting] = values_backwards(self.tree, bounds) if reverse else self.tree.values(*bounds)
        if self._single and self._distinct_keys(nulls):
            return iter(postings)
        return _flatten(postings) if reverse is ties_reversed else _flatten_backwards(postings)

    def _distinct_keys(self, nulls: bool) -> bool:
        """Whether every posting of the range is one rowid, given that the index is unique."""
        if not self.schema.nulls_distinct or not any(each.nullable for each in self.encoding.components):
            return True
        return self.encoding.plain and not nulls

    def counts(self) -> Iterable[tuple[Any, int]]:
        """Each distinct key with the number of its rows; see ``protocol.Index.counts``."""
        return zip(self.tree.keys(), map(_exact_size, self.tree.values()), strict=True)

    def keys(self) -> Iterable[Any]:
        """The distinct keys; see ``protocol.Index.keys``."""
        return self.tree.keys()  # type: ignore[no-any-return]

    def count(self, prefix: tuple[object, ...] = (), low: object = None, high: object = None) -> int:
        """An estimate of the size of that range; exact where it lies within one leaf."""
        if len(prefix) == len(self.encoding.components):
            return _size(self.tree.get(self.encoding.key(prefix)))
        unbounded = low is None and high is None
        bounds = self.encoding.bounds(prefix, low, high, False, False, nulls=unbounded)
        leaf = leaf_of_range(self.tree, bounds)
        if leaf is not None:
            return sum(map(_size, leaf.values(*bounds)))
        if unbounded and not prefix:
            return self._row_count()
        return round(estimated_range(self.tree, bounds) * self._rows_per_key())

    def key_count(self) -> int:
        """An estimate of the number of distinct keys."""
        return estimated_len(self.tree)

    def _rows_per_key(self) -> float:
        if self._single and self._distinct_keys(nulls=False):
            return 1.0
        return max(self._row_count() / max(self.key_count(), 1), 1.0)

    def with_key(self, key: Key) -> Iterable[int]:
        """Rowids under an encoded key."""
        posting = self.tree.get(key)
        return NO_ROWIDS if posting is None else rowids(posting)

    def exempt(self, key: Key) -> bool:
        """Whether a key may be there many times although the index is unique."""
        return self.schema.nulls_distinct and self.encoding.has_null(key)

    def add(self, key: Key, rowid: int) -> None:
        """Enter ``rowid`` under ``key``; IntegrityError if that is taken in a unique index."""
        if not self.tree.insert(key, rowid):
            self.collide(key, rowid)

    def collide(self, key: Key, rowid: int) -> None:
        """Enter ``rowid`` under a key that is there already, or raise the IntegrityError."""
        if self._single and not self.lenient and not self.exempt(key):
            raise self.violation()
        self.tree.grow(key, rowid)

    def add_many(self, keys: Sequence[Key], added: Sequence[int]) -> None:
        """``add`` of each key and its rowid, in key order: leaves are visited once, postings made once."""
        insert = self.tree.insert
        groups = _grouped(keys, added)
        ordered = _in_order(groups)
        if len(groups) < len(keys):
            several = [key for key in ordered if type(groups[key]) is list]
            ordered = [key for key in ordered if type(groups[key]) is not list]
        else:
            several = []
        new = list(map(insert, ordered, map(groups.__getitem__, ordered)))
        if not all(new):
            several += [key for key, done in zip(ordered, new, strict=True) if not done]
        strict = self._single and not self.lenient
        for key in several:
            if strict and not self.exempt(key):
                raise self.violation()
            self.tree.grow_many(key, rowids(groups[key]))

    def remove_many(self, keys: Sequence[Key], gone: Sequence[int]) -> None:
        """Take out each key's rowid, if it is there, in the order of keys."""
        tree, get = self.tree, self.tree.get
        groups = _grouped(keys, gone)
        for key in _in_order(groups):
            group = groups[key]
            if get(key) == group:  # then it is one rowid, and the only one
                del tree[key]
            else:
                tree.discard_many(key, set(rowids(group)))

    def move_many(self, olds: Sequence[Key], news: Sequence[Key], moved: Sequence[int]) -> None:
        """Take each rowid from its old key to its new one."""
        moves = [move for move in zip(olds, news, moved, strict=True) if move[0] != move[1]]
        if moves and not self._single:
            olds, news, moved = zip(*moves, strict=True)
            self.remove_many(olds, moved)
            self.add_many(news, moved)
            return
        for old, new, rowid in moves:  # one by one: a key must be free when it is taken, as other databases have it
            if old is not ABSENT:
                self.tree.discard(old, rowid)
            if new is not ABSENT:
                self.add(new, rowid)

    def check_single(self, key: Key) -> None:
        """Raise the IntegrityError if several rows have a key that only one may have."""
        if self.schema.unique and not self.exempt(key) and type(self.tree.get(key)) is not int:
            raise self.violation()

    def check_all_single(self) -> None:
        """``check_single`` of every key."""
        for key, posting in self.tree.items():
            if type(posting) is not int and not self.exempt(key):
                raise self.violation()

    def violation(self) -> IntegrityError:
        """The error of a duplicate key."""
        columns = [name for name in self.schema.columns if name is not None]
        if len(columns) < len(self.schema.keys):
            return IntegrityError(f"UNIQUE constraint failed: index {self.schema.name} of {self._table_name}")
        where = ", ".join(f"{self._table_name}.{name}" for name in columns)
        return IntegrityError(f"UNIQUE constraint failed: {where} ({self.schema.name})")


_Groups = dict[Key, int | list[int]]


def _grouped(keys: Sequence[Key], rowids: Sequence[int]) -> _Groups:
    """Each key that there is with its rowid or the list of its rowids."""
    groups: _Groups = dict(zip(keys, rowids, strict=True))
    if len(groups) < len(keys):
        groups = {}
        for key, rowid in zip(keys, rowids, strict=True):
            held = groups.setdefault(key, rowid)
            if held is not rowid:
                if type(held) is list:
                    held.append(rowid)
                else:
                    groups[key] = [held, rowid]  # type: ignore[list-item]
    groups.pop(ABSENT, None)
    return groups


def _in_order(groups: _Groups) -> list[Key]:
    """The keys as the tree orders them."""
    nulls = [None] if None in groups else []
    try:
        return nulls + sorted(filter(lambda key: key is not None, groups)) if nulls else sorted(groups)
    except TypeError:  # keys that do not compare: the tree says so
        return list(groups)


def _lookup(encoding: KeyEncoding, get: Callable[[Key], Posting]) -> Callable[..., Sequence[int]]:
    """``protocol.Index.lookup``, with as little between the caller and the tree as there can be."""

    def found(posting: Posting) -> Sequence[int]:
        kind = type(posting)
        if kind is int:
            return (posting,)
        if kind is tuple:
            return posting  # type: ignore[no-any-return]
        return NO_ROWIDS if posting is None else posting.keys()

    if not encoding.stores_values_as_they_are:
        key = encoding.key
        return lambda *values: found(get(key(values)))
    if not encoding.plain:
        return lambda *values: found(get(values))

    def lookup(value: Any) -> Sequence[int]:
        posting = get(value)
        return (posting,) if type(posting) is int else found(posting)

    return lookup


def _flatten(postings: Iterable[Posting]) -> Iterator[int]:
    return chain.from_iterable(map(rowids, postings))


def _flatten_backwards(postings: Iterable[Posting]) -> Iterator[int]:
    for posting in postings:
        if type(posting) is int:
            yield posting
        elif type(posting) is tuple:
            yield from reversed(posting)
        else:
            yield from keys_backwards(posting)


def _exact_size(posting: Posting) -> int:
    return 1 if type(posting) is int else len(posting)


def _size(posting: Posting) -> int:
    if posting is None:
        return 0
    if type(posting) is int:
        return 1
    return len(posting) if type(posting) is tuple else estimated_len(posting)
