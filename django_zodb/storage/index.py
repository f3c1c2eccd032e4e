"""The live index of one connection: ``protocol.Index`` over an ``IndexTree``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, compress, repeat
from operator import eq, length_hint, ne
from typing import Any

from ..errors import IntegrityError
from ..threads import cached_property
from .keys import ABSENT, Bounds, Key, KeyEncoding
from .persistent import IndexTree, Posting, rowids
from .schema import IndexSchema
from .trees import (
    delete_keys,
    estimated_len,
    every_second_first,
    fraction_within,
    keys_backwards,
    leaf_of_range,
    values_backwards,
)

NO_ROWIDS: tuple[int, ...] = ()

_PIECE = 10_000
_FEW = 5
"""Fewer keys are not worth being put in order."""
_MANY, _DENSE = 200, 3
"""Of so many keys or more, the postings are read with all between them, if these are at most so many times as many."""


class StoredIndex:
    """Rowids by key; see ``protocol.Index``. ``tree`` and encoded keys are for storage alone.

    ``tree_of`` gives the tree by the index's name, when it is needed: that loads some records.
    """

    def __init__(
        self,
        table_name: str,
        schema: IndexSchema,
        encoding: KeyEncoding,
        tree_of: Callable[[str], IndexTree],
        row_count: Callable[[], int],
    ) -> None:
        self.schema = schema
        self.encoding = encoding
        self.lenient = False
        """True while duplicates are let in, because they will be looked for later."""
        self.waiting: tuple[list[Key], list[int]] | None = None
        """Lists of keys and rowids while they are not taken out at once; see ``remove_waiting``."""
        self._tree_of = tree_of
        self._table_name = table_name
        self._row_count = row_count
        self._single = schema.unique and not schema.deferrable

    @cached_property
    def tree(self) -> IndexTree:
        """Where the postings are, by encoded key."""
        return self._tree_of(self.schema.name)

    @cached_property
    def lookup(self) -> Callable[..., Sequence[int]]:
        """See ``protocol.Index.lookup``."""
        return _lookup(self.encoding, self.tree.get)

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
        postings: Iterable[Posting] = values_backwards(self.tree, bounds) if reverse else self.tree.itervalues(*bounds)
        if self._single and self._distinct_keys(nulls):
            return iter(postings)
        return _flatten(postings) if reverse is ties_reversed else _flatten_backwards(postings)

    def size(
        self,
        prefix: tuple[object, ...] = (),
        low: object = None,
        high: object = None,
        *,
        low_open: bool = False,
        high_open: bool = False,
        nulls: bool = False,
    ) -> int:
        """How many rowids that range has; see ``protocol.Index.size``."""
        if len(prefix) == len(self.encoding.components):
            return len(self.lookup(*prefix))
        bounds = self.encoding.bounds(prefix, low, high, low_open, high_open, nulls)
        if self._single and self._distinct_keys(nulls):
            return len(self.tree.keys(*bounds))
        return sum(_exact_sizes(self.tree.itervalues(*bounds)))

    def _distinct_keys(self, nulls: bool) -> bool:
        """Whether every posting of the range is one rowid, given that the index is unique."""
        if not self.schema.nulls_distinct or not any(each.nullable for each in self.encoding.components):
            return True
        return self.encoding.plain and not nulls

    def postings(
        self,
        low: object = None,
        high: object = None,
        *,
        low_open: bool = False,
        high_open: bool = False,
        nulls: bool = False,
        reverse: bool = False,
    ) -> Iterator[Collection[int]]:
        """The rowids of each key; see ``protocol.Index.postings``."""
        bounds = self.encoding.bounds((), low, high, low_open, high_open, nulls)
        return map(rowids, values_backwards(self.tree, bounds) if reverse else self.tree.itervalues(*bounds))

    def counts(self) -> Iterable[tuple[Any, int]]:
        """Each distinct key with the number of its rows; see ``protocol.Index.counts``."""
        return zip(self.tree.iterkeys(), _exact_sizes(self.tree.itervalues()), strict=True)

    def sizes(self, keys: Iterable[Any]) -> Iterable[int]:
        """How many rows each key has; see ``protocol.Index.sizes``."""
        if self.encoding.plain and self.encoding.stores_values_as_they_are:
            return _exact_sizes(map(self.tree.get, keys, repeat(NO_ROWIDS)))
        return map(len, map(self.lookup, keys))

    def keys(self) -> Iterable[Any]:
        """The distinct keys; see ``protocol.Index.keys``."""
        return self.tree.iterkeys()  # type: ignore[no-any-return]

    def count(self, prefix: tuple[object, ...] = (), low: object = None, high: object = None) -> int:
        """An estimate of the size of that range; exact where it lies within one leaf."""
        components = zip(prefix, self.encoding.components, strict=False)
        if any(value is None and not component.nullable for value, component in components):
            return 0  # keys without a place for NULL cannot be compared with it
        if len(prefix) == len(self.encoding.components):
            return _size(self.tree.get(self.encoding.key(prefix)))
        unbounded = low is None and high is None
        bounds = self.encoding.bounds(prefix, low, high, False, False, nulls=unbounded)
        leaf = leaf_of_range(self.tree, bounds)
        if leaf is not None:
            return sum(map(_size, leaf.values(*bounds)))
        if unbounded and not prefix:
            return self._row_count()
        listed = self.key_count() if self._single and self._distinct_keys(nulls=False) else self._row_count()
        return max(round(fraction_within(self.tree, bounds) * listed), 1)

    def key_count(self) -> int:
        """An estimate of the number of distinct keys."""
        return estimated_len(self.tree)

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
        """``add`` of each key and its rowid, in key order: leaves are visited twice, postings made once."""
        groups = _grouped(keys, added)
        ordered = _in_order(groups)
        if self._single and not self.lenient:
            ordered = self._add_single(ordered, groups)
        for start in range(0, len(ordered), _PIECE):
            for piece in every_second_first(ordered[start : start + _PIECE]):
                self.tree.grow_many(piece, map(groups.__getitem__, piece))

    def _add_single(self, ordered: list[Key], groups: _Groups) -> list[Key]:
        """``add_many`` of what only one row may have; returns the keys that are left, which are exempt."""
        several = [key for key in ordered if type(groups[key]) is list] if list in map(type, groups.values()) else []
        if several:
            ordered = [key for key in ordered if type(groups[key]) is not list]
        ordered = list(chain.from_iterable(every_second_first(ordered)))
        new = list(map(self.tree.insert, ordered, map(groups.__getitem__, ordered)))
        if not all(new):
            several += [key for key, done in zip(ordered, new, strict=True) if not done]
        if not all(map(self.exempt, several)):
            raise self.violation()
        return several

    def remove_many(self, keys: Sequence[Key], gone: Sequence[int]) -> None:
        """Take out each key's rowid, if it is there, in the order of keys."""
        if self.waiting is not None:
            for waiting, more in zip(self.waiting, (keys, gone), strict=True):
                waiting.extend(more)
            return
        if len(keys) < _FEW:
            for key, rowid in zip(keys, gone, strict=True):
                if key is not ABSENT:
                    self.tree.discard(key, rowid)
            return
        groups = _grouped(keys, gone)
        in_order = _in_order(groups)
        for start in range(0, len(in_order), _PIECE):
            self._remove(in_order[start : start + _PIECE], groups)

    def _remove(self, ordered: list[Key], groups: _Groups) -> None:
        wanted: list[Any] = [tuple(group) if type(group) is list else group for group in map(groups.get, ordered)]
        alone = list(map(eq, self._held(ordered), wanted))  # then nothing is left of the posting
        self._delete(list(compress(ordered, alone)))
        if not all(alone):
            for key, group, done in zip(ordered, wanted, alone, strict=True):
                if not done:
                    self.tree.discard_many(key, set(rowids(group)))

    def _delete(self, ordered: list[Key]) -> None:
        if None in ordered[:1]:
            del self.tree[None]
            del ordered[0]
        delete_keys(self.tree, ordered)

    def remove_waiting(self) -> None:
        """Take out what waits for it."""
        if self.waiting is not None:
            (keys, gone), self.waiting = self.waiting, None
            self.remove_many(keys, gone)
            self.waiting = [], []

    def _held(self, ordered: list[Key]) -> Iterable[Posting]:
        """The postings of keys that ascend. Where the keys are many of those between, these are read in one go."""
        tree = self.tree
        if len(ordered) > _MANY and None not in ordered[:1]:
            bounds = Bounds(ordered[0], ordered[-1])
            if leaf_of_range(tree, bounds) is None and self._are_dense(ordered, bounds):
                if list(tree.keys(*bounds)) == ordered:
                    return tree.values(*bounds)  # type: ignore[no-any-return]
                return map(dict(tree.items(*bounds)).get, ordered)
        return map(tree.get, ordered)

    def _are_dense(self, keys: list[Key], bounds: Bounds) -> bool:
        return fraction_within(self.tree, bounds) * estimated_len(self.tree) < _DENSE * len(keys)

    def move_many(self, olds: Sequence[Key], news: Sequence[Key], moved: Sequence[int]) -> None:
        """Take each rowid from its old key to its new one."""
        differs = list(map(ne, olds, news))
        if not all(differs):
            olds, news, moved = (list(compress(each, differs)) for each in (olds, news, moved))
        if moved and not self._single:
            self.remove_many(olds, moved)
            self.add_many(news, moved)
            return
        for old, new, rowid in zip(olds, news, moved, strict=True):
            # One by one: a key must be free when it is taken, as other databases have it.
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
        kind = type(posting)
        if kind is tuple:
            return posting  # type: ignore[no-any-return]
        return (posting,) if kind is int else found(posting)

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


def _exact_sizes(postings: Iterable[Posting | tuple[()]]) -> Iterable[int]:
    """What has no length is a single rowid."""
    return map(length_hint, postings, repeat(1))


def _size(posting: Posting) -> int:
    if posting is None:
        return 0
    if type(posting) is int:
        return 1
    return len(posting) if type(posting) is tuple else estimated_len(posting)
