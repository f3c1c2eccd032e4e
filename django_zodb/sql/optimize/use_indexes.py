"""Tables are entered by rowid or index where a condition allows, by the cheapest way.

``Filter b.id = p0 AND b.x > 1 (Scan b) → Filter b.x > 1 (KeyLookup b (b.id = p0))``.
"""

from __future__ import annotations

from ..plan import Filter, Limit, LockRows, Node, Project, Scan
from ..rewrite import map_sources
from .access import best_path
from .statistics import Statistics
from .terms import filtered, unfiltered
from .use_index_order import wanted


def use_indexes(node: Node, statistics: Statistics) -> Node:
    """Every Scan, with the Filter above it, as the cheapest access path and a Filter of what remains."""
    return _use(node, statistics, None)


def _use(node: Node, statistics: Statistics, limit: int | None) -> Node:
    if isinstance(node, Filter):
        below, terms = unfiltered(node)
        if isinstance(below, Scan):
            path = best_path(below, terms, statistics, limit)
            return filtered(path.node, path.residual)
    if isinstance(node, Limit):
        limit = wanted(node)
    elif not isinstance(node, Project | LockRows):
        limit = None
    return map_sources(node, lambda source: _use(source, statistics, limit))
