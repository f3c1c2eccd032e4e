"""Walks over all rows of a table that may pass a sieve, with the help of what such walks before have kept.

The second walk that asks for the same aids counts the rows below each inner node; the third makes its aids of them,
which the following ones use, until a leaf is changed: then those below its inner node, some hundred rows, have to be
walked over twice again. So where rows are changed all the time little is kept, and little is done in vain.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from .columns import Block
from .keys import Row
from .scan import Scan
from .sieves import Places, Sieve
from .trees import UNBOUNDED, Leaf, Tree, separators_of, siblings_within

_SHARE = 6
"""Where more than one of so many rows may pass, all are walked over: to find them and get each costs more."""
_VAIN, _MOST_VAIN = 2, 4
"""A block of which too many rows pass counts so much more than one that helps; with so much, no other one is tried."""

_row_of = itemgetter(1)


class SievedScan(Scan):
    """A walk, in order, over the rows that may pass ``sieve`` and perhaps others; ``in_memory``: in the cache."""

    def __init__(self, tree: Tree, places: Collection[int] | None, width: int, sieve: Sieve, in_memory: bool) -> None:
        super().__init__(tree, UNBOUNDED, False, places, width)
        self._sieve = sieve
        self._keys = frozenset(sieve.keys)
        self._in_memory = in_memory
        self._columns = tree._p_jar.columns
        self._keeps_columns = False
        self._vain = 0

    def rows(self) -> Iterator[Row]:
        """The rows."""
        if self._is_repeated():
            return chain.from_iterable(self._passing(with_rowids=False))
        return self._tree.itervalues() if self._in_memory else super().rows()

    def items(self) -> Iterator[tuple[int, Row]]:
        """``(rowid, row)`` pairs."""
        if self._is_repeated():
            return chain.from_iterable(self._passing(with_rowids=True))
        return self._tree.iteritems() if self._in_memory else super().items()

    def count(self, passing: Callable[[Iterable[Row]], int]) -> int:
        """How many rows pass: ``passing`` tells it of some, where aids do not."""
        if not self._is_repeated():
            return passing(self._tree.itervalues() if self._in_memory else super().rows())
        found = 0
        for node, leaves in siblings_within(self._tree):
            block = self._columns.block(node._p_oid)
            known = block is not None and self._keys <= block.aids.keys()
            places = self._sieve.places(block.aids, block.count, exact=True) if block is not None and known else None
            if places is not None:
                found += len(places)
            elif known:
                found += passing(chain.from_iterable(self._all_below(node, leaves, with_rowids=False)))
            else:
                found += passing(chain.from_iterable(self._unknown_below(node, leaves, block, with_rowids=False)))
        return found

    def _is_repeated(self) -> bool:
        oid = self._tree._p_oid
        self._keeps_columns = not self._in_memory and self._columns.begin_walk(oid, self._places)
        repeated: bool = self._columns.begin_walk(oid, self._sieve.keys)
        return repeated and not self._tree._p_jar.is_changing

    def _passing(self, with_rowids: bool) -> Iterator[Iterable[Any]]:
        """Rows or pairs, in pieces."""
        for node, leaves in siblings_within(self._tree):
            if self._vain < _MOST_VAIN:
                yield from self._passing_below(node, leaves, with_rowids)
            elif self._in_memory:
                yield (self._tree.iteritems if with_rowids else self._tree.itervalues)(leaves[0].minKey())
                return
            else:
                yield from self._all_below(node, leaves, with_rowids)

    def _all_below(self, node: Tree, leaves: Sequence[Leaf], with_rowids: bool) -> Iterable[Iterable[Any]]:
        if self._in_memory:
            walk = self._tree.iteritems if with_rowids else self._tree.itervalues
            return (walk(leaves[0].minKey(), leaves[-1].maxKey()),)
        if with_rowids or not self._keeps_columns:
            return map(self._items_of if with_rowids else self._rows_of, leaves)
        return self._rows_below(node, leaves)

    def _passing_below(self, node: Tree, leaves: Sequence[Leaf], with_rowids: bool) -> Iterator[Iterable[Any]]:
        block = self._columns.block(node._p_oid)
        if block is None or not self._keys <= block.aids.keys():
            yield from self._unknown_below(node, leaves, block, with_rowids)
            block = self._columns.block(node._p_oid)
            if block is not None and self._keys <= block.aids.keys():
                self._found_in(block)  # to know whether it is in vain
        elif (places := self._found_in(block)) is None:
            yield from self._all_below(node, leaves, with_rowids)
        else:
            rowids = [block.rowids[at] for at in sorted(places)]
            rows = self._rows_at(node, leaves, rowids)
            yield zip(rowids, rows, strict=True) if with_rowids else rows

    def _unknown_below(
        self, node: Tree, leaves: Sequence[Leaf], block: Block | None, with_rowids: bool
    ) -> Iterator[Iterable[Any]]:
        """All rows below ``node``; when they have been passed, their number is kept, or, where it is known, aids."""
        items, changes = list(chain.from_iterable(map(self._items_of, leaves))), self._columns.changes
        yield items if with_rowids else map(_row_of, items)
        if changes != self._columns.changes or node is leaves[0] or self._tree._p_jar.is_changing:
            return
        if block is None:
            self._columns.keep_count(node, leaves, len(items))
        else:
            self._columns.keep_aids(node, leaves, items, self._sieve.keys)

    def _found_in(self, block: Block) -> Places | None:
        """Where in the block the rows are that may pass; None if these are too many, or it is not known."""
        places = self._sieve.places(block.aids, block.count // _SHARE)
        self._vain = self._vain + _VAIN if places is None else max(self._vain - 1, 0)
        if self._vain >= _MOST_VAIN:
            self._columns.end_in_vain(self._tree._p_oid, self._sieve.keys)
        return places

    def _rows_at(self, node: Tree, leaves: Sequence[Leaf], rowids: Sequence[int]) -> Iterable[Row]:
        """The rows below ``node`` that have these ``rowids``, which ascend."""
        if self._in_memory:
            return map(self._tree.get, rowids)
        separators = separators_of(node)
        return chain.from_iterable(
            map(dict(self._items_of(leaves[at])).__getitem__, those)
            for at, those in groupby(rowids, lambda rowid: bisect_right(separators, rowid))
        )
