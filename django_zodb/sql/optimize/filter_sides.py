"""Where a condition asks for something on one side of a join or on the other, the larger side is filtered before it.

``Join inner b a ON b.author = a.id AND (b.title LIKE p OR a.name LIKE p)`` → the same over
``Filter b.title LIKE p OR b.author IN (SELECT id FROM a WHERE name LIKE p) (Scan b)``. Each row of the small side is
tested once, and those of the large one that cannot matter are never joined. Searches through a table and what it
refers to ask for this. Where the side is joined by its key, the join need not test the condition once more.
"""

from __future__ import annotations

from ...record import record
from ..expr import Column, Compare, Expr, InPlan, Or, is_nullable
from ..plan import Filter, Join, Node, Output, Project, Scan, bound_aliases, walk
from ..rewrite import changed, map_sources
from .push_filters import push_filters
from .reduce_joins import never_true
from .statistics import Statistics, selectivity, selectivity_of
from .terms import (
    conjunction,
    conjuncts,
    filtered,
    holds_subquery,
    is_stable,
    substitute,
    unfiltered,
    used_aliases,
)

Terms = tuple[Expr, ...]

_TIMES = 2
"""The larger side has so many times the rows of the other one, at least."""
_MOST = 0.5
"""If more than this part of it is expected to pass, it is not worth while to test it twice."""


def filter_sides(node: Node, statistics: Statistics) -> Node:
    """The same rows, with fewer to join."""
    match node:
        case Filter(source=Join(kind="left", lateral=False) as join, condition=condition):
            on, terms = conjuncts(join.condition), conjuncts(condition)
            found = _before(join.left, join.right, on, terms, statistics)
            if found is None:
                return changed(node, source=_sides(join, statistics))
            join = changed(join, left=_filtered(join.left, found.term, statistics))
            rest = found.rest(terms) if len(on) == 1 else terms
            return filtered(_sides(join, statistics), rest)
        case Join(kind="inner", lateral=False, condition=condition):
            terms = conjuncts(condition)
            if found := _before(node.left, node.right, terms, terms, statistics):
                left = _filtered(node.left, found.term, statistics)
                node = changed(node, left=left, condition=conjunction(found.rest(terms)))
            elif found := _before(node.right, node.left, terms, terms, statistics):
                right = _filtered(node.right, found.term, statistics)
                node = changed(node, right=right, condition=conjunction(found.rest(terms)))
    return _sides(node, statistics)


def _sides(node: Node, statistics: Statistics) -> Node:
    return map_sources(node, lambda source: filter_sides(source, statistics))


@record
class _Before:
    """``term`` is true of each row of the large side that has a pair for which ``asked`` is true.

    ``exact``: and ``asked`` of each pair of such a row.
    """

    term: Expr
    asked: Expr
    exact: bool

    def rest(self, terms: Terms) -> Terms:
        """Those of the terms that pairs of filtered rows still have to be tested for."""
        return tuple(each for each in terms if each is not self.asked) if self.exact else terms


def _filtered(side: Node, term: Expr, statistics: Statistics) -> Node:
    return push_filters(filtered(side, (term,)), statistics)


def _before(large: Node, small: Node, on: Terms, terms: Terms, statistics: Statistics) -> _Before | None:
    """What ``large`` can be filtered by before it is joined; None if it is not worth while."""
    scan, known = unfiltered(small)
    if not isinstance(scan, Scan) or any(map(holds_subquery, known)) or not all(map(is_stable, known)):
        return None
    for term in terms:
        split = _split(term, bound_aliases(large), scan.alias)
        keys = None if split is None else _keys(on, large, scan, statistics)
        if split is not None and keys is not None:
            ours, theirs = split
            wanted = (*known, Or(theirs) if len(theirs) > 1 else theirs[0])
            share = sum(map(_share, ours)) + selectivity_of(wanted)
            if share > _MOST:
                return None
            return _Before(Or((*ours, _refers(*keys, scan, wanted))), term, scan.table.is_key((keys[1].name,)))
    return None


def _share(expr: Expr) -> float:
    """A guess which part of the rows it is true of: for keys of rows that a condition chooses, as many as of those."""
    match expr:
        case InPlan(plan=Project(source=Filter(condition=condition)), negated=False):
            return selectivity_of(conjuncts(condition))
    return selectivity(expr)


def _split(term: Expr, large: frozenset[str], small: str) -> tuple[Terms, Terms] | None:
    """Of an OR, what is about the large side, and what about the small one: True for no row of NULLs."""
    if not isinstance(term, Or) or not is_stable(term):
        return None
    theirs = tuple(
        each for each in term.terms if used_aliases(each) == {small} and never_true(each, frozenset({small}))
    )
    ours = tuple(each for each in term.terms if used_aliases(each) <= large)
    return (ours, theirs) if ours and theirs and len(ours) + len(theirs) == len(term.terms) else None


def _keys(on: Terms, large: Node, small: Scan, statistics: Statistics) -> tuple[Column, Column] | None:
    """Columns of both sides that are equal in a pair, where the table of the first has many times the rows."""
    scans = {each.alias: each for each in walk(large) if isinstance(each, Scan)}
    for term in on:
        match term:
            case Compare(op="=", left=Column() as one, right=Column() as other):
                ours, theirs = (one, other) if other.alias == small.alias else (other, one)
                scan = scans.get(ours.alias) if theirs.alias == small.alias and ours.type == theirs.type else None
                if scan is not None and statistics.rows(scan) >= _TIMES * statistics.rows(small):
                    return ours, theirs
    return None


def _refers(ours: Column, theirs: Column, scan: Scan, terms: Terms) -> Expr:
    """That ``ours`` is ``theirs`` in a row of the table for which the terms are true."""
    alias = f"{scan.alias} apart"

    def renamed(expr: Expr) -> Expr:
        return substitute(expr, lambda column: changed(column, alias=alias) if column.alias == scan.alias else None)

    rows = filtered(changed(scan, alias=alias), map(renamed, terms))
    plan = Project(rows, f"{alias} keys", (Output(theirs.name, renamed(theirs)),))
    return InPlan((ours,), plan, nullable=is_nullable(ours) or is_nullable(theirs))
