"""EXISTS as a part of something else becomes a look into a set of keys that is made once, where many rows ask.

``Filter (a.vip or exists (Filter b.a_id = a.id (Scan b))) (Scan a)`` → ``… (a.vip or ((a.id in (b.a_id …)) is true))``.
What is a term of its own among those of a condition has become a semi join by now (``decorrelate``). As for values, a
subquery that uses the outer row anywhere but in equalities of its topmost condition stays as it is.
"""

from __future__ import annotations

from ..expr import Compare, Exists, Expr, InPlan, IsNull, IsTruth, Not, is_nullable
from ..plan import Join, Node, Output, Project, Scan, bound_aliases, sources, walk
from ..rewrite import map_expressions, map_sources, transform
from .access import best_path
from .cluster import as_scan
from .decorrelate import bare
from .decorrelate_values import CALL, Pairs, asked_for, without_links
from .estimates import estimated_rows
from .join_step import equal_pair, first_match, least_hashed
from .statistics import HASH_BUILD, HASH_LISTED, HASH_PROBE, SCAN_ROW, Statistics
from .terms import conjuncts, filtered, free_aliases, used_aliases

Terms = tuple[Expr, ...]


def decorrelate_tests(node: Node, statistics: Statistics) -> Node:
    """EXISTS in SELECT lists, in CASE, beside OR, as IN of a subquery that no outer row has a part in."""
    return _decorrelated(node, statistics, None)


def _decorrelated(node: Node, statistics: Statistics, limit: int | None) -> Node:
    """``limit``: so many rows of the node will be asked for."""
    below = asked_for(node, limit)
    node = map_sources(node, lambda source: _decorrelated(source, statistics, below))
    feeding = list(sources(node))
    outer = frozenset[str]().union(*map(bound_aliases, feeding))

    def gather(part: Expr) -> Expr:
        if not isinstance(part, Exists):
            return part
        split = without_links(bare(part.plan), outer)
        if split is None or free_aliases(split[0]):
            return part
        rows = max(estimated_rows(source, statistics) for source in feeding)
        if not _worthwhile(*split, rows if below is None else min(rows, float(below)), statistics):
            return part
        found = IsTruth(in_keys(*split), True)
        return Not(found) if part.negated else found

    return map_expressions(node, lambda expr: transform(expr, gather)) if feeding else node


def in_keys(source: Node, pairs: Pairs) -> InPlan:
    """Whether the operands of the outer row are a key of the source: not true where one of them is NULL."""
    known = [IsNull(key, negated=True) for _, key in pairs if is_nullable(key)]
    outputs = tuple(Output(f"key {at}", key) for at, (_, key) in enumerate(pairs))
    keys = Project(filtered(source, known), f"{min(bound_aliases(source))} keys", outputs)
    terms = tuple(term for term, _ in pairs)
    # Several are looked up as they are: a row with a NULL among them is no key, and what IN makes of it is not asked.
    return InPlan(terms, keys, nullable=len(terms) == 1 and is_nullable(terms[0]))


def _worthwhile(source: Node, pairs: Pairs, rows: float, statistics: Statistics) -> bool:
    """Whether making the keys costs less than looking for a row with each of the outer ``rows``."""
    base = as_scan(source)
    if base is None:
        scans = [part for part in walk(source) if isinstance(part, Scan)]
        made = sum(map(statistics.rows, scans)) * (SCAN_ROW + HASH_LISTED)
        one = min((_one(scan, (), pairs, statistics) for scan in scans), default=0.0)
        return _is_linked(source) and made < rows * one
    scan, terms = base
    path = best_path(scan, terms, statistics)
    made = path.cost + max(path.result_rows * HASH_BUILD, least_hashed(scan, statistics) * HASH_LISTED)
    return made + rows * HASH_PROBE < rows * _one(scan, terms, pairs, statistics)


def _one(scan: Scan, terms: Terms, pairs: Pairs, statistics: Statistics) -> float:
    """The cost for one outer row: a scan may find nothing, so all of it counts."""
    links = (Compare("=", term, key) for term, key in pairs if used_aliases(key) == {scan.alias})
    path = best_path(scan, (*terms, *links), statistics)
    return CALL + (path.cost if isinstance(path.node, Scan) else first_match(path))


def _is_linked(source: Node) -> bool:
    """Whether all joins are by equal values, so that the whole is no product of its tables."""
    joins = [part for part in walk(source) if isinstance(part, Join)]
    return all(
        any(equal_pair(term, bound_aliases(join.left), bound_aliases(join.right)) for term in conjuncts(join.condition))
        for join in joins
    )
