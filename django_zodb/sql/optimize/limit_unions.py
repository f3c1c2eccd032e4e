"""The first rows of a union are among the first rows of each side: no more than these are made, in an index's order.

``Limit 10 (Sort x (a union all b))`` → ``Limit 10 (Sort x (Limit 10 (Sort x a) union all Limit 10 (Sort x b)))``.
Without ALL, equal rows of a side count once.
"""

from __future__ import annotations

from ...values import BIGINT
from ..expr import Column, Constant, SortKey
from ..plan import Distinct, Limit, Node, Project, SetOperation, Sort, bound_aliases, output_columns
from ..rewrite import changed, map_sources
from .estimates import estimated_rows
from .statistics import Statistics
from .terms import is_stable, through_project
from .use_index_order import wanted

_MANY = 4  # times as many rows


def limit_unions(node: Node, statistics: Statistics) -> Node:
    """Limits of sorted unions for their sides, too."""
    match node:
        case Limit(source=Sort(source=SetOperation(kind="union") as union, keys=keys) as ordered):
            if (count := wanted(node)) is not None:
                node = changed(node, source=changed(ordered, source=_limited(union, keys, count, statistics)))
        case Limit(source=Project(source=Sort(source=SetOperation(kind="union") as union, keys=keys) as ordered)):
            if (count := wanted(node)) is not None:
                below = changed(ordered, source=_limited(union, keys, count, statistics))
                node = changed(node, source=changed(node.source, source=below))
    return map_sources(node, lambda source: limit_unions(source, statistics))


def _limited(union: SetOperation, keys: tuple[SortKey, ...], count: int, statistics: Statistics) -> SetOperation:
    """Limits for those sides that have many more rows: else what is sorted here would be sorted once more above."""
    many = count * _MANY
    left, right = (
        _first(side, union, keys, count) if estimated_rows(side, statistics) >= many else side
        for side in (union.left, union.right)
    )
    return union if left is None or right is None else changed(union, left=left, right=right)


def _first(side: Node, union: SetOperation, keys: tuple[SortKey, ...], count: int) -> Node | None:
    """The first rows of the side; None if the keys are not columns of it."""
    (alias,) = bound_aliases(side)
    columns = output_columns(side)
    names = [column.name for column in union.columns]
    if len({column.name for column in columns}) < len(columns) or len({*names}) < len(names):
        return None
    found: list[SortKey] = []
    for key in keys:
        if not isinstance(key.expr, Column) or key.expr.alias != union.alias:
            return None
        column = columns[names.index(key.expr.name)]
        found.append(changed(key, expr=Column(alias, column.name, column.type, column.nullable)))
    limit = Constant(count, BIGINT)
    if union.all and isinstance(side, Project):
        below = [through_project(key.expr, side) for key in found]
        if all(expr is not None and is_stable(expr) for expr in below):
            moved = tuple(changed(key, expr=expr) for key, expr in zip(found, below, strict=True))
            return changed(side, source=Limit(Sort(side.source, moved), limit))
    return Limit(Sort(side if union.all else Distinct(side), tuple(found)), limit)
