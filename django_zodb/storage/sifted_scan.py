"""Walks past the cache over all rows that may pass a sieve, of which few do.

Each leaf that is read past the cache costs as much as it takes to read and check its record, even if no row of it
passes. So the columns that are asked about are kept, packed (see ``columns``), and the next walks that ask the same
read only those leaves where they find something. Measured on a million rows of ten columns, filtered by a text: where
none passes, 0.1 instead of 0.8 µs per row; where one in twenty does, 0.9 instead of 1.2, of which 0.35 are for the
instances.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice
from typing import Any, TypeVar

from .derived import Place, base_of, values_of
from .keys import Row
from .persistent import stored_rows
from .scan import Scan, State, are_mostly_unread
from .sieves import Sieve
from .trees import UNBOUNDED, Leaf, Tree, siblings_within

T = TypeVar("T")
_Nodes = Iterator[tuple[Tree, Sequence[Leaf]]]
_Asked = tuple[Sequence[int], Mapping[Place, Sequence[Any] | None]]
"""How many rows each leaf has, and what is asked about of all of them."""

_MANY = 0.75
"""Where more of the leaves hold what passes, to find them is in vain."""
_VAIN, _MOST_VAIN = 2, 4
"""A node where it is in vain counts so much more than one where it helps; with so much, it is given up."""


class _NoValues(dict[Place, Sequence[Any]]):
    """Columns without a row."""

    def __missing__(self, at: Place) -> Sequence[Any]:
        return ()

    def get(self, at: Place, default: Any = None) -> Any:
        return ()


class SiftedScan(Scan):
    """A ``Scan`` over a whole table, in ascending order; rows that do not pass ``sieve`` may be left out."""

    def __init__(self, tree: Tree, places: Collection[int] | None, width: int, sieve: Sieve) -> None:
        super().__init__(tree, UNBOUNDED, False, places, width)
        self._sieve = sieve
        self._asked = frozenset(place for _, place in sieve.keys)
        self._asked_columns = frozenset(map(base_of, self._asked))
        # What is made of a column, the filter makes, too: where it is not kept, nobody asks for it.
        self._passing = self._by_values = sieve.passing
        self._columns = tree._p_jar.columns
        self._vain = 0
        self._keeps = True

    def rows(self) -> Iterator[Row]:
        """The rows."""
        if self._asked.issuperset(self._places) or not self._is_to_sift():
            return super().rows()
        return chain.from_iterable(self._sifted(self._rows_of, self._rest_of_rows))

    def items(self) -> Iterator[tuple[int, Row]]:
        """``(rowid, row)`` pairs."""
        if not self._is_to_sift():
            return super().items()
        return chain.from_iterable(self._sifted(self._items_of, self._rest_of_items))

    def count(self, passing: Callable[[Iterable[Row]], int]) -> int:
        """How many rows pass the sieve, which says all that is asked; of rows where it can't tell, ``passing`` does."""
        if not self._is_to_sift():
            return passing(super().rows())
        found = 0
        for node, leaves in siblings_within(self._tree):
            kept = self._asked_below(node, leaves) if self._may_use_kept else None
            places = None if kept is None else self._sieve.passing(kept[1], exact=True)
            if places is None:
                found += passing(chain.from_iterable(map(self._rows_of, leaves)))
            else:
                found += len(places)
        return found

    def _is_to_sift(self) -> bool:
        """Whether kept columns can tell where rows are that pass."""
        if self._sieve.passing(_NoValues()) is None:
            return False
        # Leaves where rows pass are loaded as long as there is room: whoever asks the same again finds them there.
        return self._columns.begin_walk(self._tree._p_oid, self._sieve.keys, at_once=True)  # type: ignore[no-any-return]

    def _sifted(
        self, of_leaf: Callable[[Leaf], Sequence[T]], rest: Callable[[_Nodes], Iterator[Iterable[T]]]
    ) -> Iterator[Iterable[T]]:
        """What ``of_leaf`` gives of leaves where rows may pass; the ``rest`` of the walk where that is given up.

        Below the first node all are read, as in any walk.
        """
        walk = siblings_within(self._tree)
        for _, leaves in islice(walk, 1):
            yield from map(of_leaf, leaves)
        for node, leaves in walk:
            if self._may_use_kept and are_mostly_unread(leaves):
                # All at once: the transaction may change other rows of these leaves before it asks for more.
                yield list(chain.from_iterable(self._of_some(of_leaf, node, leaves)))
            else:
                yield from map(of_leaf, leaves)
            if self._vain >= _MOST_VAIN:
                self._columns.end_in_vain(self._tree._p_oid, self._sieve.keys)
                yield from rest(walk)

    def _rest_of_rows(self, walk: _Nodes) -> Iterator[Iterable[Row]]:
        if not self._begin_keeping(self._places):
            return (self._rows_of(leaf) for _, leaves in walk for leaf in leaves)
        self._passing = None
        return self._rows_below(walk)

    def _rest_of_items(self, walk: _Nodes) -> Iterator[Iterable[tuple[int, Row]]]:
        return (self._items_of(leaf) for _, leaves in walk for leaf in leaves)

    @property
    def _may_use_kept(self) -> bool:
        return not self._tree._p_jar.is_changing

    def _of_some(
        self, of_leaf: Callable[[Leaf], Sequence[T]], node: Tree, leaves: Sequence[Leaf]
    ) -> Iterator[Sequence[T]]:
        """What ``of_leaf`` gives of those of ``leaves`` that hold rows that may pass."""
        kept = self._asked_below(node, leaves)
        places = None if kept is None else self._sieve.passing(kept[1])
        if kept is None or places is None:
            yield from map(of_leaf, leaves)
            return
        ends = list(accumulate(kept[0]))
        found: dict[int, list[int]] = {}
        for at in sorted(places):
            leaf = bisect_right(ends, at)
            found.setdefault(leaf, []).append(at - ends[leaf] + kept[0][leaf])
        self._note(len(found) > _MANY * len(leaves))
        for leaf, some in found.items():
            self._passing = lambda columns, some=some: some
            yield of_leaf(leaves[leaf])
        self._passing = self._by_values

    def _asked_below(self, node: Tree, leaves: Sequence[Leaf]) -> _Asked | None:
        """What is kept of the rows below a node, from now on perhaps; None if it is not, and cannot be."""
        kept: _Asked | None = self._columns.known(node._p_oid, self._asked)
        return self._keep(node, leaves) if kept is None and self._keeps else kept

    def _keep(self, node: Tree, leaves: Sequence[Leaf]) -> _Asked:
        """The numbers of rows in the leaves, and the columns that are asked about, which are kept."""
        found = list(map(self._asked_of, leaves))
        sizes, rows = list(map(len, found)), list(chain.from_iterable(found))
        values = {place: values_of(rows, place) for place in self._asked}
        self._note_kept(self._columns.keep(node, leaves, sizes, values))
        self._keeps = not self._columns.is_full
        return sizes, values

    def _asked_of(self, leaf: Leaf) -> Sequence[Row]:
        if leaf._p_changed is not None:
            return leaf.values()  # type: ignore[no-any-return]
        return self._read_past_cache(self._read_asked, leaf)  # type: ignore[no-any-return]

    def _read_asked(self, state: State) -> Sequence[Row]:
        _, rows = stored_rows(state, self._asked_columns)
        return rows  # type: ignore[no-any-return]

    def _note(self, in_vain: bool) -> None:
        self._vain = self._vain + _VAIN if in_vain else max(self._vain - 1, 0)
