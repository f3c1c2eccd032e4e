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
    walk, filtered, joined = _leading_walk(limit.source)
    if walk is not None and (filtered or joined) and limit.search is not None:
        ends = [end.value for end in (limit.limit, limit.offset) if isinstance(end, x.Constant)]
        wanted = sum(end for end in ends if isinstance(end, int))
        frame.unit.searches.append((walk, limit.search, wanted, joined))


def passing(frame: Frame, walk: p.KeyRange | p.IndexRange) -> tuple[str, str, str]:
    """Texts of the arguments ``passing``, ``wanted``, ``order`` of ``Table.sought``; empty where one is not known.

    A sieve is faster than a search, where it says all that is asked of the rows.
    """
    unit, order = frame.unit, ""
    if isinstance(walk, p.IndexRange):
        name = unit.source.constant(walk.index)
        order = f"order=({name}, {walk.reverse}, {walk.reverse is not walk.ties_reversed})"
    sieve, whole = unit.sieve_and_reach(walk)
    for node, search, wanted, joined in unit.searches:
        tables = search.tables(walk.alias) if node is walk else []
        if tables and all(table.name in unit.table_names for table in tables):
            if sieve and whole and not joined:
                return sieve, f"wanted={wanted}", order if _is_everything(walk) else ""
            find = unit.source.share(f"find_{unit.row_name(walk.alias)}", search.of(walk.alias))
            text = f"partial({find}, ({', '.join(map(unit.table, tables))},), params)"
            return frame.once("passing", text), f"wanted={wanted}", order
    return sieve, "", ""


def _is_everything(walk: p.KeyRange | p.IndexRange) -> bool:
    """Whether it is not bounded: a sieve, other than a search, also lets rows pass that are outside the bounds."""
    if isinstance(walk, p.IndexRange) and (walk.prefix or not walk.nulls):
        return False
    return walk.low is walk.high is None


def _leading_walk(node: Node) -> tuple[Node | None, bool, bool]:
    """The walk over an index, or over rows by their keys, that leads the node; whether rows are filtered, or joined
    with others that decide."""
    filtered = joined = False
    while True:
        match node:
            case p.Project(source=source) | p.Distinct(source=source) | p.DistinctOn(source=source):
                node = source
            case p.SortRuns(source=source) | p.Aggregate(source=source, ordered=True):
                node = source
            case p.Filter(source=source):
                node, filtered, joined = source, True, joined or not isinstance(source, p.KeyRange | p.IndexRange)
            case p.NestedLoop() | p.HashJoin() as join:
                node, joined = join.left, joined or not _finds_parents(join)
            case p.KeyRange() | p.IndexRange():
                return node, filtered, joined
            case _:
                return None, False, False


def _finds_parents(join: p.NestedLoop | p.HashJoin) -> bool:
    """Whether there is one row for each on the left as a rule, such as what a foreign key refers to."""
    if join.kind == "left":
        return True
    return join.kind == "inner" and join.condition is None and isinstance(join.right, p.KeyLookup)
