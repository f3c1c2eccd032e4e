"""Whether the order that an access path has anyway is the one that ORDER BY asks for."""

from __future__ import annotations

from collections.abc import Iterator

from ...record import replace
from ..expr import Column, SortKey, is_nullable, rowid
from ..plan import Aggregate, IndexRange, Scan
from .access import Ordered, Path, Terms, index_order, indexes, paths, reversed_path, usable_keys
from .constraints import canonical
from .statistics import DESCENT, FETCH_ROW, Statistics


def ordered_paths(scan: Scan, terms: Terms, keys: tuple[SortKey, ...], statistics: Statistics) -> Iterator[Path]:
    """Every path, walks over whole indexes included, that gives the rows of ``scan`` in the order of ``keys``."""
    for path in (*paths(scan, terms, statistics), *_walks(scan, terms, statistics)):
        found = next((way for way in _ways(scan, path) if satisfies(way, scan, keys)), None)
        if found is not None:
            yield found


def order_of_groups(keys: tuple[SortKey, ...], node: Aggregate) -> tuple[SortKey, ...] | None:
    """The order of an Aggregate's source that keeps the rows of a group together, and the groups in that of ``keys``.

    None if ``keys`` ask for more than keys of the groups.
    """
    values = {key.name: key.expr for key in node.keys}
    found: list[SortKey] = []
    for key in keys:
        column = key.expr
        if not isinstance(column, Column) or column.alias != node.alias or column.name not in values:
            return None
        found.append(replace(key, expr=values[column.name]))
    descending = bool(found) and found[-1].descending
    known = [key.expr for key in found]
    found += [SortKey(expr, descending, not descending) for expr in values.values() if expr not in known]
    return tuple(found)


def _ways(scan: Scan, path: Path) -> Iterator[Path]:
    """The path, and its walks in other directions: of its keys, and of the rowids of equal keys."""
    yield path
    backwards = reversed_path(scan, path)
    if backwards is not None:
        yield backwards
        yield from filter(None, (_crossed(path), _crossed(backwards)))


def _crossed(path: Path) -> Path | None:
    """The same keys in the same order, the rowids of equal ones in the opposite order."""
    if not isinstance(path.node, IndexRange) or len(path.order) < 2:
        return None
    *keys, last = path.order
    order = (*keys, replace(last, descending=not last.descending))
    return replace(path, node=replace(path.node, ties_reversed=not path.node.ties_reversed), order=order)


def _walks(scan: Scan, terms: Terms, statistics: Statistics) -> Iterator[Path]:
    for index in indexes(scan):
        keys = usable_keys(scan, index, terms, statistics)
        if keys is not None:
            node = IndexRange(scan.table, scan.alias, index.name, nulls=True)
            rows = statistics.rows(scan)
            order = index_order(scan, index, keys, 0, bounded=False)
            yield Path(node, terms, rows, DESCENT + rows * FETCH_ROW, order)


def satisfies(path: Path, scan: Scan, keys: tuple[SortKey, ...]) -> bool:
    """Whether the path's rows come in the order of ``keys``, all of which are operands of ``scan``."""
    if path.single:
        return True
    remaining = list(path.order)
    equal = {target.name for target in path.fixed if isinstance(target, Column) and not is_nullable(target)}
    for key in keys:
        target = canonical(key.expr, scan)
        if target in path.fixed:
            continue
        while remaining and remaining[0].target in path.fixed:
            remaining.pop(0)
        if not remaining or not _agrees(remaining[0], key, target):
            return scan.table.is_key(equal)  # no two rows share that, so that what follows decides nothing
        if target == rowid(scan.alias):
            return True  # nor this
        if isinstance(target, Column) and not is_nullable(target):
            equal.add(target.name)
        remaining.pop(0)
    return True


def _agrees(ordered: Ordered, key: SortKey, target: object) -> bool:
    if ordered.target != target or ordered.descending != key.descending:
        return False
    return not (ordered.nullable and is_nullable(key.expr)) or key.nulls_first != key.descending
