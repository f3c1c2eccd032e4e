"""Only the first rows of each partition leave a Window that numbers them, where a Filter above wants no more.

``Filter n <= p0 (Window row_number() as n)``: the Window gets ``first`` p0. The Filter stays: it may ask for less.
"""

from __future__ import annotations

from ..expr import Column, Compare, Constant, Expr, Param, type_of
from ..plan import Filter, Node, Window
from ..rewrite import changed, map_sources
from .statistics import Statistics
from .terms import conjuncts

_UPPER = {"<=": "<", "<": "<", "=": "<", ">=": ">", ">": ">"}


def first_of_each(node: Node, statistics: Statistics) -> Node:
    """Windows under such Filters with what is asked for of their partitions."""
    node = map_sources(node, lambda source: first_of_each(source, statistics))
    if isinstance(node, Filter) and isinstance(node.source, Window):
        for term in conjuncts(node.condition):
            count = _most(term, node.source)
            if count is not None:
                return changed(node, source=changed(node.source, first=count))
    return node


def _most(term: Expr, window: Window) -> Expr | None:
    """A number beyond which no row of a partition makes the term true."""
    if not isinstance(term, Compare) or term.op not in _UPPER:
        return None
    left, right = (term.left, term.right) if _UPPER[term.op] == "<" else (term.right, term.left)
    for number, count in ((left, right), (right, left)) if term.op == "=" else ((left, right),):
        if _is_number(number, window) and isinstance(count, Param | Constant) and type_of(count).is_integer:
            return count
    return None


def _is_number(expr: Expr, window: Window) -> bool:
    if not isinstance(expr, Column) or expr.alias != window.alias:
        return False
    return any(name == expr.name and call.function == "ROW_NUMBER" for name, call in window.calls)
