"""Look-ups of a join in a table larger than the cache are read many at a time, where there are many of them.

``NestedLoop inner (…) (KeyLookup b (b.id = t.book_id))`` → the same, ``looked up ahead``. See ``storage.fetch``.
"""

from __future__ import annotations

from ..plan import Aggregate, IndexLookup, KeyLookup, Limit, NestedLoop, Node, Sort, TopN
from ..rewrite import changed, map_sources
from .estimates import estimated_rows
from .statistics import Statistics
from .terms import unfiltered

_MANY = 1000
"""Fewer look-ups are not worth it: the first ones are done one by one anyway."""


def look_ahead(node: Node, statistics: Statistics) -> Node:
    """The same rows in the same order."""
    return _ahead(node, statistics, few=False)


def _ahead(node: Node, statistics: Statistics, few: bool) -> Node:
    """``few``: no more rows of the node are asked for than a limit takes."""
    match node:
        case Limit():
            few = True
        case Sort() | TopN() | Aggregate():
            few = False
    node = map_sources(node, lambda source: _ahead(source, statistics, few))
    if isinstance(node, NestedLoop) and not few and _is_worth_it(node, statistics):
        return changed(node, ahead=True)
    return node


def _is_worth_it(node: NestedLoop, statistics: Statistics) -> bool:
    access, terms = unfiltered(node.right)
    if not isinstance(access, KeyLookup | IndexLookup) or (isinstance(access, IndexLookup) and access.unique):
        return False
    if node.kind not in ("inner", "left") or (node.kind == "left" and (terms or node.condition is not None)):
        return False
    lookups = estimated_rows(changed(node, right=access, condition=None), statistics)
    return lookups >= _MANY and statistics.exceeds_cache(access.table.name)
