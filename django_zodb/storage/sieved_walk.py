"""Walks over all rows of a table that may pass a sieve, with the help of what such walks before have kept.

The second walk that asks for the same aids counts the rows below each inner node; the third makes its aids of them,
which the following ones use, until a leaf is changed: then those below its inner node, some hundred rows, have to be
walked over twice again. So where rows are changed all the time little is kept, and little is done in vain.

That is for tables that the cache holds. What is kept of larger ones, packed columns (see ``sifted_scan``), takes a
fourth of the room, and the room is what there is too little of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from .aids import Listed
from .columns import Block
from .keys import Row
from .sieves import AidKey, Places, Sieve
from .trees import Leaf, Tree, leaves_below, lowest_nodes, sizes_of

SHARE = 6
"""Where more than one of so many rows may pass, all are walked over: to find them and get each costs more."""
_VAIN, _MOST_VAIN = 2, 4
"""A block of which too many rows pass counts so much more than one that helps; with so much, no other one is tried."""

_row_of = itemgetter(1)


class SievedWalk:
    """A walk, in order, over the rows of ``tree`` that may pass ``sieve``, and perhaps others."""

    def __init__(self, tree: Tree, sieve: Sieve, listed: Mapping[AidKey, Listed]) -> None:
        """``listed``: what takes the place of some aids, if there are others beside."""
        self._tree = tree
        self._sieve = sieve
        self._keys = frozenset(sieve.keys) - listed.keys()
        self._listed = listed
        if not self._keys:
            self._keys, self._listed = frozenset(sieve.keys), {}
        self._columns = tree._p_jar.columns
        self._vain = 0

    def rows(self) -> Iterable[Row]:
        """The rows."""
        if self._is_repeated():
            return chain.from_iterable(self._passing(with_rowids=False))
        return self._tree.itervalues()  # type: ignore[no-any-return]

    def items(self) -> Iterable[tuple[int, Row]]:
        """``(rowid, row)`` pairs."""
        if self._is_repeated():
            return chain.from_iterable(self._passing(with_rowids=True))
        return self._tree.iteritems()  # type: ignore[no-any-return]

    def count(self, passing: Callable[[Iterable[Row]], int]) -> int:
        """How many rows pass: ``passing`` tells it of some, where aids do not."""
        if not self._is_repeated():
            return passing(self._tree.itervalues())
        told = self._told(exact=True, with_rowids=False)
        return sum(passing(those) if block is None else len(those) for block, those in told)

    def rowids(self, passing: Callable[[Iterable[tuple[int, Row]]], set[int] | None]) -> set[int] | None:
        """The rowids of those that may pass: ``passing`` finds them among some pairs, where aids do not.

        None if it is None of some.
        """
        if not self._is_repeated():
            return passing(self._tree.iteritems())
        found: set[int] = set()
        for block, those in self._told(exact=False, with_rowids=True):
            some = passing(those) if block is None else map(block.rowids.__getitem__, those)
            if some is None:
                return None
            found.update(some)
        return found

    def _told(self, exact: bool, with_rowids: bool) -> Iterator[tuple[Block | None, Any]]:
        """Of each inner node its block and where in it rows pass, or None and all of its rows or pairs."""
        for node in lowest_nodes(self._tree, self._columns.has_block):
            block = self._columns.block(node._p_oid, self._keys)
            if not self._has_aids(block):
                yield None, chain.from_iterable(self._unknown_below(node, block, with_rowids))
            elif (places := self._places(block, block.count, exact)) is not None:
                yield block, places
            else:
                yield None, self._all_below(leaves_below(node), with_rowids)

    def _is_repeated(self) -> bool:
        repeated: bool = self._columns.begin_walk(self._tree._p_oid, self._sieve.keys)
        return repeated and not self._tree._p_jar.is_changing

    def _has_aids(self, block: Block | None) -> bool:
        return block is not None and self._keys <= block.aids.keys()

    def _passing(self, with_rowids: bool) -> Iterator[Iterable[Any]]:
        """Rows or pairs, in pieces."""
        for node in lowest_nodes(self._tree, self._columns.has_block):
            if self._vain >= _MOST_VAIN:
                walk = self._tree.iteritems if with_rowids else self._tree.itervalues
                yield walk(leaves_below(node)[0].minKey())
                return
            block = self._columns.block(node._p_oid, self._keys)
            if not self._has_aids(block):
                yield from self._unknown_below(node, block, with_rowids)
                if self._has_aids(block):
                    self._found_in(block)  # to know whether it is in vain
            elif (places := self._found_in(block)) is None:
                yield self._all_below(leaves_below(node), with_rowids)
            else:
                rowids = [block.rowids[at] for at in sorted(places)]
                rows = map(self._tree.get, rowids)
                yield zip(rowids, rows, strict=True) if with_rowids else rows

    def _all_below(self, leaves: Sequence[Leaf], with_rowids: bool) -> Iterable[Any]:
        walk = self._tree.iteritems if with_rowids else self._tree.itervalues
        return walk(leaves[0].minKey(), leaves[-1].maxKey())  # type: ignore[no-any-return]

    def _unknown_below(self, node: Tree, block: Block | None, with_rowids: bool) -> Iterator[Iterable[Any]]:
        """All rows below ``node``; when they have been passed, their number is kept, or, where it is known, aids."""
        columns, leaves = self._columns, leaves_below(node)
        changes = columns.changes
        if block is None or columns.is_full:
            yield self._all_below(leaves, with_rowids)
            if self._is_as_it_was(changes) and node is not leaves[0]:
                columns.keep_count(node, leaves, sum(sizes_of(leaves)))
            return
        items = list(chain.from_iterable(leaf.items() for leaf in leaves))
        yield items if with_rowids else map(_row_of, items)
        if self._is_as_it_was(changes):
            columns.keep_aids(node, leaves, items, self._keys)

    def _places(self, block: Block, most: int, exact: bool = False) -> Places | None:
        if not self._listed:
            return self._sieve.places(block.aids, most, exact)
        for each in self._listed.values():
            each.block = block.rowids
        return self._sieve.places({**block.aids, **self._listed}, most, exact)

    def _is_as_it_was(self, changes: int) -> bool:
        """Whether nobody has changed anything since there were so many ``changes``."""
        return changes == self._columns.changes and not self._tree._p_jar.is_changing

    def _found_in(self, block: Block) -> Places | None:
        """Where in the block the rows are that may pass; None if these are too many, or it is not known."""
        places = self._places(block, block.count // SHARE)
        self._vain = self._vain + _VAIN if places is None else max(self._vain - 1, 0)
        if self._vain >= _MOST_VAIN:
            self._columns.end_in_vain(self._tree._p_oid, self._sieve.keys)
        return places
