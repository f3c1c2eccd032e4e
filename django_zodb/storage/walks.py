"""The walks over one table's rows: through the object cache, or past it where the table is larger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence, Sized
from functools import partial
from itertools import chain, islice, pairwise
from operator import itemgetter
from typing import Any, TypeVar

from ..values import NOCASE
from .aids import Listed
from .derived import Derived, base_of
from .fetch import Fetch
from .finders import Finder, IndexFinder
from .keys import ABSENT, Bounds, Key, Row
from .protocol import Passing, Whole
from .scan import Scan, rows_that_fit, values_at
from .schema import TableSchema
from .sieved_walk import SHARE, SievedWalk
from .sieves import AllOf, Sieve
from .sifted_scan import SiftedScan
from .sought import Patience, few, passing_rowids, sought, sought_by_key
from .trees import Tree, items_backwards, page_of, values_backwards

T = TypeVar("T")
IndexOrder = tuple[str, bool, bool]
"""The index, whether its keys descend, and whether rowids do where keys are equal."""

_WORTH_A_SIEVE = 3000
"""To ask a sieve in vain takes as long as to test some hundred rows."""
_OF_ROWS, _OF_FETCHED_PAST_CACHE = 10, 200
"""To read so many rows, one after the other or one here and one there, takes as long as to look at a column of one."""
_PATIENCE = 1000
_LESS_BY_SIEVE, _LEAST_BY_SIEVE = 3, 300
"""To look at a column takes so many times less where aids are kept, as of what is asked again and again."""
_OF_LOADS, _LOADS = 600, 2000
"""So is to load so many leaves, be they of other tables, which a join looks up."""
_OF_WANTED = 4
"""If fewer rows pass than one of so many, they are rare."""


_PASSED = 10
"""To pass a row backwards, in memory, takes as long as to count so many in leaves from the other end."""
_GLANCE = 250
"""The first rowids that an index gives show whether they are close together."""
_NEIGHBOURS = 50
"""Rows so close are in one leaf, or in two."""
_WALK_ABOVE = {(False, False): 3, (False, True): 2, (True, False): 16, (True, True): 3}
"""If an index finds one of so many rows or more, it takes less time to walk over all: in memory or past the cache, and
rows far apart or close together. Measured on 10,000 and 100,000 rows."""
_WALK_ABOVE_FOR_WHOLE_ROWS = 2
"""Past the cache, close together, whole ones: no columns of them are kept."""


class Walks:
    """Those over ``tree``, whose rows ``count`` counts; see ``protocol.Table`` for what they give.

    ``finder`` gives what finds rows by the values of some columns, ``key_of`` the key of a row in an index.
    """

    def __init__(
        self,
        tree: Tree,
        schema: TableSchema,
        count: Callable[[], int],
        finder: Callable[[tuple[str, ...]], Finder],
        key_of: Callable[[str], Callable[[Row], Key]],
    ) -> None:
        self._tree = tree
        self._schema = schema
        self._count = count
        self._finder = finder
        self._key_of = key_of
        self._rows_that_fit, self._estimate_above = 0.0, 0

    def rows(
        self,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        sieve: Sieve | None = None,
    ) -> Iterable[Row]:
        """See ``protocol.Table.rows``."""
        if sieve is not None and self._is_worth_sieving():
            return self._sieved(sieve).rows()
        if self.exceed_cache():
            return self._scan(low, high, reverse, columns, sieve).rows()
        if reverse:
            return values_backwards(self._tree, Bounds(low, high))
        return self._tree.itervalues(low, high)  # type: ignore[no-any-return]

    def page(
        self, offset: int, limit: int, low: int | None = None, high: int | None = None, reverse: bool = False
    ) -> list[Row]:
        """See ``protocol.Table.page``."""
        if reverse and not self.exceed_cache() and offset * _PASSED <= self._count():
            return list(islice(values_backwards(self._tree, Bounds(low, high)), offset, offset + limit))
        if low is None is high:
            return self._page_of_all(offset, limit, reverse)
        if self.exceed_cache():
            return self._scan(low, high, reverse).page(offset, limit)
        rows = self._tree.values(low, high)
        if not reverse:
            return list(rows[offset : offset + limit])
        behind = max(len(rows) - offset, 0)
        return list(rows[max(behind - limit, 0) : behind])[::-1]

    def _page_of_all(self, offset: int, limit: int, reverse: bool) -> list[Row]:
        behind = max(self._count() - offset, 0)
        other_way = max(behind - limit, 0), min(behind, limit)
        if not self.exceed_cache():
            return page_of(self._tree, *other_way)[::-1] if reverse else page_of(self._tree, offset, limit)
        if behind >= offset:
            return self._scan(None, None, reverse).page(offset, limit)
        return self._scan(None, None, not reverse).page(*other_way)[::-1]

    def items(
        self,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        sieve: Sieve | None = None,
    ) -> Iterable[tuple[int, Row]]:
        """See ``protocol.Table.items``."""
        if sieve is not None and self._is_worth_sieving():
            return self._sieved(sieve).items()
        if self.exceed_cache():
            return self._scan(low, high, reverse, columns, sieve).items()
        if reverse:
            return items_backwards(self._tree, Bounds(low, high))
        return self._tree.iteritems(low, high)  # type: ignore[no-any-return]

    def fetch(
        self,
        rowids: Iterable[int],
        columns: Collection[int] | None = None,
        sure: bool = True,
        whole: Whole | None = None,
    ) -> Iterable[Row]:
        """See ``protocol.Table.fetch``."""
        if whole is not None:
            rowids, rows = self._of_many(rowids, whole, columns)
            if rows is not None:
                return rows
        if self.exceed_cache():
            return self._fetch(columns).rows(rowids)
        return map(self._tree.__getitem__, rowids) if sure else filter(None, map(self._tree.get, rowids))

    def _of_many(
        self, rowids: Iterable[int], whole: Whole, columns: Collection[int] | None, other: Sieve | None = None
    ) -> tuple[Iterable[int], Iterable[Row] | None]:
        """The rowids, and all of their rows if they are many; those that the ``other`` sieve does not let pass may be
        missing."""
        if isinstance(rowids, Sized) and len(rowids) < _GLANCE:
            return rowids, None
        rowids = iter(rowids)
        first = list(islice(rowids, _GLANCE))
        if len(first) == _GLANCE:
            many = self._many(first, columns is None)
            number, sieve, those = whole()
            if number >= many:  # by an estimate
                first += islice(rowids, max(many - _GLANCE, 0))
                if len(first) >= many:
                    return rowids, those(self._sieved_by(sieve, other, columns))
        return chain(first, rowids), None

    def _many(self, first: Sequence[int], whole_rows: bool) -> int:
        """So many rows that an index finds, of which these are the first, take as long to look up as a walk."""
        close = sum(abs(one - other) < _NEIGHBOURS for one, other in pairwise(first)) > len(first) // 2
        far = self.exceed_cache()
        above = _WALK_ABOVE_FOR_WHOLE_ROWS if far and close and whole_rows else _WALK_ABOVE[far, close]
        return self._count() // above

    def _sieved_by(self, sieve: Sieve, other: Sieve | None, columns: Collection[int] | None) -> Iterable[Row]:
        if columns is not None:
            columns = {*columns, *(base_of(place) for _, place in sieve.keys)}
        return self.rows(columns=columns, sieve=sieve if other is None else AllOf(sieve, other))

    def looked_up(
        self, pairs: Iterable[tuple[int | None, T]], columns: Collection[int] | None = None
    ) -> Iterable[tuple[T, Row | None]]:
        """See ``protocol.Table.looked_up``."""
        if self.exceed_cache():
            return self._fetch(columns).looked_up(pairs)
        get = self._tree.get
        return ((other, None if rowid is None else get(rowid)) for rowid, other in pairs)

    def _fetch(self, columns: Collection[int] | None) -> Fetch:
        width = len(self._schema.columns)
        return Fetch(self._tree, range(width) if columns is None else columns, self._schema.rowid_column, width)

    def sought(
        self,
        passing: Passing | Sieve,
        rowids: Iterable[int],
        columns: Collection[int] | None = None,
        wanted: int = 0,
        order: IndexOrder | None = None,
        whole: Whole | None = None,
    ) -> Iterable[Row]:
        """See ``protocol.Table.sought``."""
        if whole is not None:
            sieve = None if callable(passing) else passing
            rowids, rows = self._of_many(rowids, whole, columns, sieve)
            if rows is not None:
                return rows

        def in_order(found: Iterable[int]) -> Iterable[Row]:
            return (row for _, row in self._in_order(found, order))  # type: ignore[arg-type]

        far, fetch = self.exceed_cache(), partial(self.fetch, columns=columns)
        patience = self._patience(_OF_FETCHED_PAST_CACHE if far else _OF_ROWS, wanted, passing)
        in_its_order = in_order if far and order is not None else None
        return sought(fetch, rowids, patience, self._found_by(passing), in_its_order, patience.watched)

    def _in_order(self, rowids: Iterable[int], order: IndexOrder) -> list[tuple[int, Row]]:
        """The rows that an index lists, of these rowids, as it does."""
        name, backwards, ties_backwards = order
        key_of = self._key_of(name)
        rows = ((rowid, row) for rowid, row in self.looked_up((at, at) for at in rowids) if row is not None)
        keyed = [(key, rowid, row) for rowid, row in rows if (key := key_of(row)) is not ABSENT]
        keyed.sort(key=itemgetter(1), reverse=ties_backwards)
        keyed.sort(key=lambda item: (item[0] is not None, item[0]), reverse=backwards)
        return [(rowid, row) for _, rowid, row in keyed]

    def sought_by_key(
        self,
        passing: Passing | Sieve,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        wanted: int = 0,
    ) -> Iterable[Row]:
        """See ``protocol.Table.sought_by_key``."""
        items = self.items(low, high, reverse, columns)
        last = low if reverse else high
        fetch = partial(self.fetch, columns=columns, sure=False)
        patience = self._patience(_OF_ROWS, wanted, passing)
        return sought_by_key(fetch, items, last, reverse, patience, self._found_by(passing))

    def sought_rowids(
        self, passing: Passing | Sieve, rowids: Iterable[int], wanted: int = 0, order: IndexOrder | None = None
    ) -> Iterable[int]:
        """See ``protocol.Table.sought_rowids``."""

        def in_order(found: Iterable[int]) -> Iterable[int]:
            return (rowid for rowid, _ in self._in_order(found, order))  # type: ignore[arg-type]

        patience = self._patience(_OF_ROWS, wanted)
        in_its_order = in_order if order is not None and self.exceed_cache() else None
        return sought(iter, rowids, patience, self._found_by(passing), in_its_order)

    def _found_by(self, passing: Passing | Sieve) -> Passing:
        return passing if callable(passing) else partial(self._found_by_sieve, passing)

    def _found_by_sieve(self, sieve: Sieve) -> Iterable[int] | None:
        """Those that pass, unless too many have just done so when the same was asked."""
        if self._tree._p_jar is None:
            return self.passing(sieve)
        columns = self._tree._p_jar.columns
        search = self._tree._p_oid, "search", *sieve.keys
        if not columns.is_worth_it(search):
            return None
        found = self.passing(sieve)
        if found is None:
            columns.was_in_vain(search)
        return found

    def _patience(self, share: int, wanted: int, passing: Passing | Sieve | None = None) -> Patience:
        count = self._count()
        wanted = min(wanted, count)
        rows = max(count // share, _PATIENCE, _OF_WANTED * wanted)
        loads = max(count // _OF_LOADS, _LOADS, _OF_WANTED * wanted)
        sieve = None if passing is None or callable(passing) else passing
        worth = rows if self.exceed_cache() else max(rows // _LESS_BY_SIEVE, _LEAST_BY_SIEVE)
        return Patience(rows, loads, self._tree._p_jar, wanted, sieve, worth)

    def passing(self, sieve: Sieve) -> Iterable[int] | None:
        """See ``protocol.Table.passing``."""
        if self._is_worth_sieving():
            return few(self._sieved(sieve).rowids(partial(passing_rowids, sieve=sieve)))
        asked = frozenset(base_of(place) for _, place in sieve.keys)
        return passing_rowids(self.items(columns=asked, sieve=sieve), sieve)

    def present(self, columns: Sequence[int]) -> Iterable[Sequence[Sequence[Any]]]:
        """See ``protocol.Table.present``."""
        nullable = {at for at in columns if self._schema.columns[at].nullable}
        if self._tree._p_jar is None:  # this transaction has made the table
            return (values_at(self._tree.values(), columns, nullable),)
        return self._scan(None, None, columns=columns).present(nullable, not self.exceed_cache())

    def _scan(
        self,
        low: int | None,
        high: int | None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        sieve: Sieve | None = None,
    ) -> Scan:
        width = len(self._schema.columns)
        if sieve is not None:
            return SiftedScan(self._tree, columns, width, sieve)
        return Scan(self._tree, Bounds(low, high), reverse, columns, width)

    def count_passing(
        self, passing: Callable[[Iterable[Row]], int], sieve: Sieve, columns: Collection[int] | None = None
    ) -> int:
        """See ``protocol.Table.count_passing``."""
        if self._is_worth_sieving():
            return self._sieved(sieve).count(passing)
        if self.exceed_cache():
            return SiftedScan(self._tree, columns, len(self._schema.columns), sieve).count(passing)
        return passing(self.rows(columns=columns))

    def _sieved(self, sieve: Sieve) -> SievedWalk:
        """The walk, with the indexes that list rows by what is asked for."""
        listed = {}
        for key in sieve.keys:
            kind, place = key
            if kind != "equal" or isinstance(place, Derived):
                continue
            column = self._schema.columns[place]
            if column.collation != NOCASE:
                finder = self._finder((column.name,))
                if isinstance(finder, IndexFinder):
                    listed[key] = Listed(finder.rowids, self._count() // SHARE)
        return SievedWalk(self._tree, sieve, listed)

    def _is_worth_sieving(self) -> bool:
        return self._count() >= _WORTH_A_SIEVE and self._tree._p_jar is not None and not self.exceed_cache()

    def exceed_cache(self) -> bool:
        """See ``protocol.Table.exceed_cache``."""
        rows = self._count()
        if rows > self._estimate_above:
            self._rows_that_fit = rows_that_fit(self._tree)
            self._estimate_above = 2 * rows
        return rows > self._rows_that_fit
