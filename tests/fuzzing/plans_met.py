"""Which plan nodes were met: so that a node that is new, or that no longer comes about, is noticed."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from django_zodb.record import items
from django_zodb.sql import expr as x
from django_zodb.sql import plan as p

LOGICAL = ("Join semi", "Join anti")
"""Never in a plan that is carried out: the planner always finds a strategy for them."""


class Met:
    """Counts of nodes, joins and set operations with their kinds."""

    def __init__(self) -> None:
        self.nodes: Counter[str] = Counter()

    def note(self, plan: p.Node) -> None:
        """Count the nodes of a plan, and of the plans inside its expressions."""
        for node in p.walk(plan):
            self.nodes[name_of(node)] += 1
            for part in subplans(node):
                self.note(part)

    def missed(self) -> list[str]:
        """Of all nodes that there are, those that were not met."""
        return sorted(every_node() - set(self.nodes) - {*LOGICAL})

    def __str__(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(self.nodes.items()))


def name_of(node: p.Node) -> str:
    """The class, and the kind of a join or a set operation."""
    return f"{type(node).__name__} {getattr(node, 'kind', '')}".strip()


def every_node() -> set[str]:
    """The names of all nodes that a plan can have."""
    kinds = {
        p.Join: get_args(p.JoinKind),
        p.HashJoin: get_args(p.JoinKind),
        p.NestedLoop: tuple(kind for kind in get_args(p.JoinKind) if kind != "full"),
        p.SetOperation: ("union", "intersect", "except"),
    }
    nodes = [node for node in vars(p).values() if isinstance(node, type) and issubclass(node, p.Node)]
    return {
        f"{node.__name__} {kind}".strip() for node in nodes if node is not p.Node for kind in kinds.get(node, ("",))
    }


def subplans(node: p.Node) -> list[p.Node]:
    """The plans inside the node's expressions."""
    found: list[p.Node] = []

    def search(value: object) -> None:
        if isinstance(value, tuple):
            for item in value:
                search(item)
        elif isinstance(value, p.Node):
            found.append(value)
        elif type(value).__module__ in (x.__name__, p.__name__):
            for _, part in items(value):
                search(part)

    direct = {id(source) for source in p.sources(node)}
    for _, part in items(node):
        search(part)
    return [plan for plan in found if id(plan) not in direct]
