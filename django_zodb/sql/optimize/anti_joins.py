"""Rows of a left join that are asked for having found nothing are those of an anti join.

``Filter b.id is null (Join left a b on b.a_id = a.id) → Join anti a b on b.a_id = a.id``, where ``b.id`` is never NULL
in the table, and nothing else of ``b`` is used.
"""

from __future__ import annotations

from collections import Counter

from ..expr import ROWID_COLUMN, Column, Expr, IsNull
from ..plan import Delete, Filter, Join, LockRows, Node, Scan, Update, bound_aliases, walk
from ..rewrite import changed, map_sources
from ..show import expressions
from .statistics import Statistics
from .terms import conjuncts, filtered, parts

Uses = Counter[str]


def anti_joins(node: Node, statistics: Statistics) -> Node:
    """Left joins as anti joins, where a condition makes that the same."""
    if any(isinstance(part, LockRows | Update | Delete) for part in walk(node)):
        return node  # they name aliases whose rows they are about
    return _rewritten(node, _uses(node))


def _uses(node: Node) -> Uses:
    """How often columns of each alias are used in the plan and in subqueries."""
    return Counter(alias for each in walk(node) for expr in expressions(each) for alias in _aliases(expr))


def _aliases(expr: Expr) -> list[str]:
    return [part.alias for part in parts(expr) if isinstance(part, Column)]


def _rewritten(node: Node, uses: Uses) -> Node:
    node = map_sources(node, lambda source: _rewritten(source, uses))
    if not isinstance(node, Filter) or not isinstance(node.source, Join):
        return node
    join, terms = node.source, conjuncts(node.condition)
    found = [term for term in terms if _is_missing(term, join.right)]
    if join.kind != "left" or join.lateral or not found:
        return node
    inner = bound_aliases(join.right)
    here = _uses(join.right) + Counter(
        alias for term in (*found, *conjuncts(join.condition)) for alias in _aliases(term)
    )
    if any(uses[alias] > here[alias] for alias in inner):
        return node
    return filtered(changed(join, kind="anti"), [term for term in terms if term not in found])


def _is_missing(term: Expr, right: Node) -> bool:
    """Whether the term is true where the right side has no row, and nowhere else."""
    if not isinstance(term, IsNull) or term.negated or not isinstance(term.term, Column):
        return False
    column = term.term
    if any(
        not isinstance(part, Scan | Filter | Join) or getattr(part, "kind", "inner") != "inner" for part in walk(right)
    ):
        return False
    tables = [part.table for part in walk(right) if isinstance(part, Scan) and part.alias == column.alias]
    return any(
        column.name == ROWID_COLUMN or column.name in table.primary_key or not table.column(column.name).nullable
        for table in tables
    )
