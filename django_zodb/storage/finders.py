"""Finding rows by the values of some columns, as foreign keys do, by the best way that a table offers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from ..values import NOCASE
from .keys import Row
from .schema import values_getter
from .trees import bucket_oid, key_oids, leaf_oids

if TYPE_CHECKING:
    from .index import StoredIndex
    from .table import StoredTable

Values = tuple[Any, ...]


class Finder(Protocol):
    """Rows whose columns equal values, none of which is NULL."""

    def found(self, values: Values) -> bool:
        """Whether there is such a row."""
        ...

    def rowids(self, values: Values) -> list[int]:
        """All such rows, complete before anything is written."""
        ...

    def oids(self, many: Sequence[Values]) -> Iterable[bytes]:
        """The oids of the records that ``found`` of each of these has read."""
        ...


class RowidFinder:
    """The column is the rowid."""

    def __init__(self, table: StoredTable) -> None:
        self._table = table

    def found(self, values: Values) -> bool:
        """See ``Finder``."""
        return self._table.get(values[0]) is not None

    def rowids(self, values: Values) -> list[int]:
        """See ``Finder``."""
        return [values[0]] if self.found(values) else []

    def oids(self, many: Sequence[Values]) -> Iterable[bytes]:
        """See ``Finder``."""
        if len(many) == 1:
            oid = bucket_oid(self._table.tree, many[0][0])
            return () if oid is None else (oid,)
        return key_oids(self._table.tree, sorted(values[0] for values in many))


class IndexFinder:
    """The columns are the first keys of an index, in some order."""

    def __init__(self, index: StoredIndex, order: Sequence[int]) -> None:
        self._index = index
        self._complete = len(order) == len(index.encoding.components)
        self._as_is = list(order) == list(range(len(order)))
        self._reorder = itemgetter(*order)

    def _prefix(self, values: Values) -> Values:
        return values if self._as_is else self._reorder(values)

    def found(self, values: Values) -> bool:
        """See ``Finder``."""
        if self._complete:
            return len(self._index.lookup(*self._prefix(values))) > 0
        return next(self._index.range(self._prefix(values), nulls=True), None) is not None

    def rowids(self, values: Values) -> list[int]:
        """See ``Finder``."""
        if self._complete:
            return list(self._index.lookup(*self._prefix(values)))
        return list(self._index.range(self._prefix(values), nulls=True))

    def oids(self, many: Sequence[Values]) -> Iterable[bytes]:
        """See ``Finder``."""
        index = self._index
        if self._complete:
            yield from key_oids(index.tree, sorted(index.encoding.key(self._prefix(values)) for values in many))
            return
        for values in many:
            yield from leaf_oids(
                index.tree, index.encoding.bounds(self._prefix(values), None, None, False, False, True)
            )


class ScanFinder:
    """No index serves: every row is read."""

    def __init__(self, table: StoredTable, columns: Sequence[str]) -> None:
        self._table = table
        self._values_of = values_getter(table.schema, columns)
        self._folded = [at for at, name in enumerate(columns) if table.schema.column(name).collation == NOCASE]

    def _alike(self, values: Values) -> Values:
        """The values as their collations compare them."""
        if not self._folded:
            return values
        return tuple(value.casefold() if at in self._folded and value else value for at, value in enumerate(values))

    def found(self, values: Values) -> bool:
        """See ``Finder``."""
        wanted = self._alike(values)
        return any(self._alike(self._values_of(row)) == wanted for row in self._table.rows())

    def rowids(self, values: Values) -> list[int]:
        """See ``Finder``."""
        wanted = self._alike(values)
        return [rowid for rowid, row in self._table.items() if self._alike(self._values_of(row)) == wanted]

    def oids(self, many: Sequence[Values]) -> Iterable[bytes]:
        """See ``Finder``."""
        return leaf_oids(self._table.tree)


def choose_finder(table: StoredTable, columns: Sequence[str]) -> Finder:
    """The best finder for these columns of the table."""
    schema = table.schema
    if schema.rowid_column is not None and tuple(columns) == schema.primary_key:
        return RowidFinder(table)
    best: IndexFinder | None = None
    wanted = set(columns)
    for index in table.indexes():
        keys = index.schema.columns
        if index.schema.where is None and set(keys[: len(columns)]) == wanted:
            finder = IndexFinder(index, [list(columns).index(key or "") for key in keys[: len(columns)]])
            if len(keys) == len(columns):
                return finder
            best = best or finder
    return best or ScanFinder(table, columns)


def changed_values(values_of: Any, old: Row | None, new: Row | None) -> tuple[Values | None, Values | None]:
    """The values before and after, None where there is no row, a NULL among them, or no difference."""
    before = None if old is None else values_of(old)
    after = None if new is None else values_of(new)
    if before == after:
        return None, None
    return (
        None if before is None or None in before else before,
        None if after is None or None in after else after,
    )
