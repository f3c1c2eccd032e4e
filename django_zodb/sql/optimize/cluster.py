"""Trees of inner joins taken apart: relations that may be joined in any order, and the terms that link them."""

from __future__ import annotations

from ...record import record
from ..expr import Expr
from ..plan import Join, JoinKind, Node, Scan, bound_aliases
from .terms import conjuncts, unfiltered, used_aliases


@record
class Hoisted:
    """A left join to carry out after the inner ones, which never look at its right side."""

    right: Node
    kind: JoinKind
    condition: Expr | None


@record
class Cluster:
    """``relations`` in the order of the SQL text, linked by ``terms``; then the ``hoisted`` joins, in order."""

    relations: tuple[Node, ...]
    terms: tuple[Expr, ...]
    hoisted: tuple[Hoisted, ...]


def cluster_of(node: Join) -> Cluster:
    """The cluster of which ``node`` is the topmost inner join."""
    cluster = _gather(node, hoist=True)
    hidden = frozenset[str]().union(*(bound_aliases(each.right) for each in cluster.hoisted))
    if any(used_aliases(term) & hidden for term in cluster.terms):
        return _gather(node, hoist=False)
    return cluster


def _gather(node: Node, hoist: bool) -> Cluster:
    match node:
        case Join(kind="inner", lateral=False):
            left, right = _gather(node.left, hoist), _gather(node.right, hoist)
            terms = (*left.terms, *right.terms, *conjuncts(node.condition))
            return Cluster(left.relations + right.relations, terms, left.hoisted + right.hoisted)
        case Join(kind="left", lateral=False) if hoist:
            below = _gather(node.left, hoist)
            return Cluster(
                below.relations, below.terms, (*below.hoisted, Hoisted(node.right, node.kind, node.condition))
            )
    return Cluster((node,), (), ())


def as_scan(node: Node) -> tuple[Scan, tuple[Expr, ...]] | None:
    """A table with the terms of the Filters above it, if that is all the node is."""
    below, terms = unfiltered(node)
    return (below, terms) if isinstance(below, Scan) else None
