"""MIN and MAX of an indexed column are the first row of a walk: ``Aggregate MIN(b.x) (Scan b)`` asks for one row only.

The aggregate stays, over ``Limit 1`` of the index walked from that end without its NULLs. It is done only where the
walk leaves nothing to be tested, so that its first row is the answer.
"""

from __future__ import annotations

from ...record import replace
from ...values import BIGINT
from ..expr import AggregateCall, Constant, Expr, IsNull, SortKey, rowid
from ..plan import Aggregate, IndexRange, Limit, Node, Scan
from ..rewrite import map_sources
from .access import Terms
from .constraints import canonical
from .order import ordered_paths
from .statistics import Statistics
from .terms import unfiltered, used_aliases

_ONE = Constant(1, BIGINT)


def min_max(node: Node, statistics: Statistics) -> Node:
    """Aggregates of nothing but one MIN or MAX, over one row where an index or the rowid knows which."""
    node = map_sources(node, lambda source: min_max(source, statistics))
    match node:
        case Aggregate(keys=(), calls=((_, AggregateCall(function="MIN" | "MAX", args=(operand,), filter=None)),)):
            scan, terms = unfiltered(node.source)
            if isinstance(scan, Scan) and used_aliases(operand) == {scan.alias}:
                descending = node.calls[0][1].function == "MAX"
                first = _first_row(scan, terms, operand, descending, statistics)
                return node if first is None else replace(node, source=first)
    return node


def _first_row(scan: Scan, terms: Terms, operand: Expr, descending: bool, statistics: Statistics) -> Node | None:
    target = canonical(operand, scan)
    keys = (SortKey(operand, descending, nulls_first=not descending),)
    for path in ordered_paths(scan, terms, keys, statistics):
        rest = [term for term in path.residual if not _excludes_null(term, scan, target)]
        if not rest and path.order and path.order[0].target == target:
            if target == rowid(scan.alias):
                return Limit(path.node, _ONE)
            if isinstance(path.node, IndexRange):
                return Limit(replace(path.node, nulls=False), _ONE)
    return None


def _excludes_null(term: Expr, scan: Scan, target: Expr) -> bool:
    return isinstance(term, IsNull) and term.negated and canonical(term.term, scan) == target
