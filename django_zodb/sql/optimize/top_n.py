"""Sort and Limit together keep only the rows that are asked for: ``Limit 10 (Sort k x) → TopN 10 by k x``.

Neither has anything to do where there is one row at most: ``Limit 21 (KeyLookup b) → KeyLookup b``.
"""

from __future__ import annotations

from ..expr import Constant
from ..plan import Limit, Node, Project, Sort, TopN, gives_one
from ..rewrite import map_sources
from .statistics import Statistics


def top_n(node: Node, statistics: Statistics) -> Node:
    """Limits over Sorts as TopN; a Project between them is left for the rows that remain."""
    node = map_sources(node, lambda below: top_n(below, statistics))
    match node:
        case Sort(source=source) if gives_one(source):
            return source
        case Limit(source=source, limit=Constant(value=int(limit)), offset=None) if limit > 0 and gives_one(source):
            return source
        case Limit(source=Sort(source=source, keys=keys), limit=limit, offset=offset) if limit is not None:
            return TopN(source, keys, limit, offset)
        case Limit(source=Project(source=Sort(source=source, keys=keys)) as project, limit=limit, offset=offset) if (
            limit is not None
        ):
            return Project(TopN(source, keys, limit, offset), project.alias, project.outputs)
    return node
