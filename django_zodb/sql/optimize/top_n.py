"""Sort and Limit together keep only the rows that are asked for: ``Limit 10 (Sort k x) → TopN 10 by k x``."""

from __future__ import annotations

from ..plan import Limit, Node, Project, Sort, TopN
from .rewriting import map_sources
from .statistics import Statistics


def top_n(node: Node, statistics: Statistics) -> Node:
    """Limits over Sorts as TopN; a Project between them is left for the rows that remain."""
    match node:
        case Limit(source=Sort(source=source, keys=keys), limit=limit, offset=offset) if limit is not None:
            node = TopN(source, keys, limit, offset)
        case Limit(source=Project(source=Sort(source=source, keys=keys)) as project, limit=limit, offset=offset) if (
            limit is not None
        ):
            node = Project(TopN(source, keys, limit, offset), project.alias, project.outputs)
    return map_sources(node, lambda below: top_n(below, statistics))
