"""Numbers for the planner: real counts where there are constants, plain guesses where there are parameters.

A plan outlives the data it was made for: programs are cached, tables grow. So a table is taken to hold ``SMALLEST``
rows at least, and the keys of a smaller one tell nothing: in doubt a lookup is better than a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from ...storage.protocol import Catalog
from ...storage.schema import IndexSchema
from ..expr import And, Compare, Constant, Expr, In, IsNull, Like, Not, Or, Regex, number_of
from ..plan import Scan

T = TypeVar("T")

SMALLEST = 1000
# In units of some 30 ns, measured on 10,000 rows in memory.
SCAN_ROW = 1.0
FETCH_ROW = 5.0  # a row found by its rowid
FAR = 2  # times as much where rows are spread over a table that is larger than the cache
MERGE = 30.0  # making sets of rowids, and sorting what is left
MERGE_ROW = 1.5  # a rowid of an index that another one is asked for, too
DESCENT = 12.0  # entering an index
INNER_LOOP = 10.0  # beginning a loop within another
TEST_TERM = 0.4  # one residual term on one row
HASH_BUILD = 1.0  # a row under a key that no other row has, or a key alone
HASH_LISTED = 3.0  # a row in the list of its key
HASH_PROBE = 1.0
SORT_ROW = 4.0
TOP_ROW = 2.0  # a row that a heap looks at, or passes by

DOUBT = 10  # times as many rows as a limit takes, where conditions that are only guessed at may refuse them

_FEW = 0.01  # the least share of rows that have, or have not, NULL somewhere
EQUAL_KEY = 0.01
EQUAL_PREFIX = 0.05
BETWEEN = 0.05
HALF_OPEN = 0.2


class Statistics:
    """What the tables of ``catalog`` hold, asked only once, and what else need not be found out twice for a plan."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._known: dict[Hashable, Any] = {}
        self._rows: dict[str, int] = {}
        self._keys: dict[tuple[str, str], int] = {}

    def once(self, key: Hashable, find: Callable[[], T]) -> T:
        """What ``find`` gave when it was called for the first time with that key."""
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    def counted(self, table: str) -> int:
        """The rows of the table as it is."""
        if table not in self._rows:
            self._rows[table] = self.catalog.table(table).count()
        return self._rows[table]

    def exceeds_cache(self, table: str) -> bool:
        """Whether the table has more rows than the cache holds."""
        found: bool = self.once(("exceeds cache", table), lambda: self.catalog.table(table).exceed_cache())
        return found

    def rows(self, scan: Scan) -> float:
        """The rows of the table, or ``SMALLEST``."""
        return float(max(self.counted(scan.table.name), SMALLEST))

    def keys(self, scan: Scan, index: IndexSchema) -> int:
        """The number of distinct keys of an index, one at least."""
        name = (scan.table.name, index.name)
        if name not in self._keys:
            self._keys[name] = max(self.catalog.table(name[0]).index(name[1]).key_count(), 1)
        return self._keys[name]

    def distinct(self, scan: Scan, index: IndexSchema) -> float:
        """The number of distinct keys that an index may have when its table is no longer small."""
        return 1 / EQUAL_KEY if self.counted(scan.table.name) < SMALLEST else self.keys(scan, index)

    def equal(self, scan: Scan, index: IndexSchema, values: tuple[Expr, ...]) -> float:
        """The share of the table's rows whose first keys equal ``values``."""
        whole = len(values) == len(index.keys)
        if self.counted(scan.table.name) < SMALLEST:
            return EQUAL_KEY if whole else EQUAL_PREFIX
        constants = _constants(values)
        if constants is not None:
            return self._count(scan, index, constants, None, None) / self.rows(scan)
        if len(index.keys) == 1:
            return self._equal_to_one(scan, index, is_null=_is_null(values[0]))
        share = 1.0 / self.keys(scan, index)
        return share if whole else share ** (len(values) / len(index.keys))

    def _equal_to_one(self, scan: Scan, index: IndexSchema, is_null: bool) -> float:
        """The share of the rows that are NULL, or that equal one of the other keys: of those NULL is none."""
        rows = self.rows(scan)
        nulls = self._nulls(scan, index)
        if is_null:
            return max(nulls, 1) / rows
        others = self.keys(scan, index) - (nulls > 0)
        return max(rows - nulls, 1.0) / rows / others if others else EQUAL_KEY

    def nulls(self, scan: Scan, index: IndexSchema) -> float | None:
        """The share of the rows that have NULL as the only key of the index; None of a small table."""
        if self.counted(scan.table.name) < SMALLEST:
            return None
        # What there is none of today, or nothing else than, there may be some of tomorrow.
        return min(max(self._nulls(scan, index) / self.rows(scan), _FEW), 1.0 - _FEW)

    def _nulls(self, scan: Scan, index: IndexSchema) -> int:
        return self.once(("nulls", scan.table.name, index.name), lambda: self._count(scan, index, (None,), None, None))

    def between(
        self, scan: Scan, index: IndexSchema, prefix: tuple[Expr, ...], low: Expr | None, high: Expr | None
    ) -> float:
        """The share of the rows whose first keys equal ``prefix`` and whose next lies between the bounds."""
        bounds = [bound for bound in (low, high) if bound is not None]
        guess = BETWEEN if len(bounds) == 2 else HALF_OPEN if bounds else 1.0
        if self.counted(scan.table.name) >= SMALLEST:
            constants = _constants((*prefix, *bounds))
            if constants is not None:
                ends = list(constants[len(prefix) :])
                lowest = ends.pop(0) if low is not None else None
                highest = ends.pop(0) if high is not None else None
                return self._count(scan, index, constants[: len(prefix)], lowest, highest) / self.rows(scan)
        return guess * (self.equal(scan, index, prefix) if prefix else 1.0)

    def _count(self, scan: Scan, index: IndexSchema, prefix: tuple[object, ...], low: object, high: object) -> int:
        return self.catalog.table(scan.table.name).index(index.name).count(prefix, low, high)


def sort_cost(rows: float, limit: int | None) -> float:
    """The cost of sorting, or of finding the first ``limit`` rows."""
    return rows * (SORT_ROW if limit is None or limit > rows / 4 else TOP_ROW)


def _is_null(value: Expr) -> bool:
    return isinstance(value, Constant) and value.value is None


def _constants(values: tuple[Expr, ...]) -> tuple[object, ...] | None:
    found = tuple(value.value for value in values if isinstance(value, Constant) and value.value is not None)
    return found if len(found) == len(values) else None


def selectivity(term: Expr) -> float:
    """A guess at the share of rows for which the term is true."""
    match term:
        case Compare(op="="):
            return 0.1
        case Compare(op="<>") | IsNull(negated=True):
            return 0.9
        case Compare():
            return 0.33
        case In(items=items):
            return min(0.1 * number_of(items), 0.5)
        case IsNull() | Like() | Regex():
            return 0.1
        case Not(term=inner):
            return 1.0 - selectivity(inner)
        case And(terms=terms):
            return selectivity_of(terms)
        case Or(terms=terms):
            return min(sum(selectivity(each) for each in terms), 1.0)
    return 0.5


def selectivity_of(terms: tuple[Expr, ...]) -> float:
    """The guess for all of them."""
    share = 1.0
    for term in terms:
        share *= selectivity(term)
    return share
