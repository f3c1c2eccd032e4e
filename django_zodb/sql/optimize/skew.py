"""How many rows meet where neither side of an equality is a key, asked of some rows: averages tell nothing of that.

Of a thousand authors one may have half the books, and half the letters: joined on the author these are not a thousand
pairs of each, as the average says, but millions.
"""

from __future__ import annotations

from ...storage.schema import IndexSchema
from ..expr import Column, Expr
from ..plan import BaseAccess, Node, Scan, walk
from .statistics import SMALLEST, Statistics

_SAMPLES = 16


def sampled_matches(left: Node, key: Expr, scan: Scan, index: IndexSchema, statistics: Statistics) -> float:
    """How many rows of ``scan`` a row of ``left`` finds in the index of one key, by a sample of all rows; 0 if unknown.

    ``key`` is the left operand: a column of a large table that is neither its key nor computed.
    """
    table = _table_of(key, left)
    if table is None or not isinstance(key, Column) or len(index.keys) > 1 or index.unique or index.where is not None:
        return 0.0
    if min(statistics.counted(table.table.name), statistics.counted(scan.table.name)) < SMALLEST:
        return 0.0
    name = key.name
    if table.table.is_key({name}) or name not in table.table.positions:
        return 0.0
    asked = ("matches", table.table.name, name, scan.table.name, index.name)
    return statistics.once(asked, lambda: _mean_size(table.table.name, name, scan.table.name, index.name, statistics))


def single_index(scan: Scan, key: Expr) -> IndexSchema | None:
    """The table's index of that column alone, of all rows."""
    if not isinstance(key, Column):
        return None
    found = (index for index in scan.table.indexes if index.columns == (key.name,) and index.where is None)
    return next(found, None)


def _table_of(key: Expr, node: Node) -> Scan | BaseAccess | None:
    if not isinstance(key, Column):
        return None
    for part in walk(node):
        if isinstance(part, Scan | BaseAccess) and part.alias == key.alias:
            return part
    return None


def _mean_size(table: str, column: str, other: str, index: str, statistics: Statistics) -> float:
    """The mean number of rows of the ``other`` table for the column's value, of rows spread over the first."""
    rows = statistics.catalog.table(table)
    at = rows.schema.positions[column]
    step = rows.count() / _SAMPLES
    found = [rows.get(int(step * (number + 0.5)) + 1) for number in range(_SAMPLES)]
    values = [row[at] for row in found if row is not None]
    if len(values) * 2 < _SAMPLES:
        return 0.0  # the rowids are others than the numbers of the rows
    met = statistics.catalog.table(other).index(index)
    return sum(met.count((value,)) for value in values if value is not None) / len(values)
