"""Walks in an order under a LIMIT, which may turn out to be long: what they are told of the rows that may pass.

``SELECT … WHERE LENGTH(b.title) > %s ORDER BY b.day LIMIT 20``: the walk along the index becomes
``b.sought(passing, b_day.range(nulls=True), wanted=20, order=('b_day', False, False))``, where
``passing = partial(find_b, (b,), params)``. See ``sql.search`` for what that finds.
"""

from __future__ import annotations

from .. import expr as x
from .. import plan as p
from ..plan import Node
from .frame import Frame


def note_search(frame: Frame, limit: p.Limit) -> None:
    """Note what finds the rows of a Limit otherwise, for the walk that gives them, if it passes some over."""
    walk = _walk_of_some(limit.source)
    if walk is not None and limit.search is not None:
        ends = [end.value for end in (limit.limit, limit.offset) if isinstance(end, x.Constant)]
        frame.unit.searches.append((walk, limit.search, sum(end for end in ends if isinstance(end, int))))


def passing(frame: Frame, walk: p.KeyRange | p.IndexRange) -> tuple[str, str, str]:
    """Texts of the arguments ``passing``, ``wanted``, ``order`` of ``Table.sought``; empty where one is not known."""
    unit, order = frame.unit, ""
    if isinstance(walk, p.IndexRange):
        name = unit.source.constant(walk.index)
        order = f"order=({name}, {walk.reverse}, {walk.reverse is not walk.ties_reversed})"
    for node, search, wanted in unit.searches:
        tables = search.tables(walk.alias) if node is walk else []
        if tables and all(table.name in unit.table_names for table in tables):
            find = unit.source.share(f"find_{unit.row_name(walk.alias)}", search.of(walk.alias))
            text = f"partial({find}, ({', '.join(map(unit.table, tables))},), params)"
            return frame.once("passing", text), f"wanted={wanted}", order
    sieve = unit.sieve(walk)
    return (f"partial({unit.table(walk.table)}.passing, {sieve})", "", "") if sieve else ("", "", "")


def _walk_of_some(node: Node) -> Node | None:
    """The walk over an index, or over rows by their keys, that leads the node; None if all of its rows are taken."""
    some = False
    while True:
        match node:
            case p.Project(source=source) | p.Distinct(source=source) | p.DistinctOn(source=source):
                node = source
            case p.SortRuns(source=source) | p.Aggregate(source=source, ordered=True):
                node = source
            case p.Filter(source=source):
                node, some = source, True
            case p.NestedLoop(left=left, kind=kind) | p.HashJoin(left=left, kind=kind):
                node, some = left, some or kind != "left"
            case p.KeyRange() | p.IndexRange():
                return node if some else None
            case _:
                return None
