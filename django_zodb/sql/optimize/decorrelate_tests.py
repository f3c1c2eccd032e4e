"""EXISTS as a part of something else becomes a look into a set of keys that is made once, where many rows ask.

``Filter (a.vip or exists (Filter b.a_id = a.id (Scan b))) (Scan a)`` → ``… (a.vip or ((a.id in (b.a_id …)) is true))``.
What is a term of its own among those of a condition has become a semi join by now (``decorrelate``). As for values, a
subquery that uses the outer row anywhere but in equalities of its topmost condition stays as it is. Where few rows may
ask, or a LIMIT ends it, each asks; if they turn out to be many, the keys are made (``Exists.keys``).
"""

from __future__ import annotations

from math import inf

from ...record import record
from ..expr import Compare, Exists, Expr, InPlan, IsNull, IsTruth, Not, is_nullable
from ..plan import Filter, Join, Limit, Node, Output, Project, Scan, Sort, bound_aliases, sources, walk
from ..rewrite import changed, map_expressions, map_sources, transform
from ..show import expressions
from .access import best_path
from .cluster import as_scan
from .decorrelate import bare
from .decorrelate_values import CALL, Pairs, asked_for, without_links
from .estimates import estimated_rows
from .join_step import equal_pair, first_match, least_hashed, most_asked
from .statistics import HASH_BUILD, HASH_LISTED, HASH_PROBE, SCAN_ROW, Statistics
from .terms import conjuncts, filtered, free_aliases, is_stable, used_aliases

Terms = tuple[Expr, ...]
_PASSING = (Project, Sort, Filter, Join)
"""What a limit above may leave rows of unasked."""
_DOUBTED = 100
"""Times as many rows as are expected there may be."""


def decorrelate_tests(node: Node, statistics: Statistics) -> Node:
    """EXISTS in SELECT lists, in CASE, beside OR, as IN of a subquery that no outer row has a part in."""
    return _decorrelated(node, statistics, None, limited=False)


def _decorrelated(node: Node, statistics: Statistics, limit: int | None, limited: bool) -> Node:
    """``limit``: so many rows of the node will be asked for; ``limited``: not all, perhaps."""
    below = asked_for(node, limit)
    few = isinstance(node, Limit) or (limited and isinstance(node, _PASSING))
    node = map_sources(node, lambda source: _decorrelated(source, statistics, below, few))
    feeding = list(sources(node))
    outer = frozenset[str]().union(*map(bound_aliases, feeding))
    if isinstance(node, Filter):
        terms = conjuncts(node.condition)
        changed_terms = []
        for term in terms:
            others = [each for each in terms if each is not term]
            seen = _Seen(outer, [filtered(node.source, others)], None, few)
            changed_terms.append(_gathered(term, seen, statistics))
        return node if list(terms) == changed_terms else filtered(node.source, changed_terms)
    seen = _Seen(outer, feeding, below, few)
    return map_expressions(node, lambda expr: _gathered(expr, seen, statistics)) if feeding else node


@record
class _Seen:
    """What an expression sees: rows of these aliases, as many as the nodes give, or as are asked for."""

    aliases: frozenset[str]
    nodes: list[Node]
    limit: int | None
    limited: bool

    def rows(self, statistics: Statistics) -> float:
        rows = max(estimated_rows(node, statistics) for node in self.nodes)
        return rows if self.limit is None else min(rows, float(self.limit))


def _gathered(expr: Expr, seen: _Seen, statistics: Statistics) -> Expr:
    def gather(part: Expr) -> Expr:
        if not isinstance(part, Exists):
            return part
        split = without_links(bare(part.plan), seen.aliases)
        if split is None or not stands_alone(*split) or not _is_stable(split[0]):
            return part
        made, one = _costs(*split, statistics)
        rows = seen.rows(statistics)
        if not seen.limited and made + rows * HASH_PROBE < rows * one:
            found = IsTruth(in_keys(*split), True)
            return Not(found) if part.negated else found
        if seen.limit is None and made < rows * one * _DOUBTED:
            return changed(part, keys=in_keys(*split), most=most_asked(made, one))
        return part

    return transform(expr, gather)


def stands_alone(source: Node, pairs: Pairs) -> bool:
    """Whether the keys are the same for every outer row; an inner operand may use a row further out."""
    bound = bound_aliases(source)
    return not free_aliases(source) and all(used_aliases(key) <= bound for _, key in pairs)


def in_keys(source: Node, pairs: Pairs) -> InPlan:
    """Whether the operands of the outer row are a key of the source: not true where one of them is NULL."""
    known = [IsNull(key, negated=True) for _, key in pairs if is_nullable(key)]
    keys = keys_of(filtered(source, known), source, pairs)
    terms = tuple(term for term, _ in pairs)
    # Several are looked up as they are: a row with a NULL among them is no key, and what IN makes of it is not asked.
    return InPlan(terms, keys, nullable=len(terms) == 1 and is_nullable(terms[0]))


def keys_of(rows: Node, source: Node, pairs: Pairs) -> Project:
    """The inner operands as ``key 0``, ``key 1`` …; ``rows`` are those of ``source``, planned or filtered."""
    outputs = tuple(Output(f"key {at}", key) for at, (_, key) in enumerate(pairs))
    return Project(rows, f"{min(bound_aliases(source))} keys", outputs)


def _costs(source: Node, pairs: Pairs, statistics: Statistics) -> tuple[float, float]:
    """What it costs to make the keys, and to look for a row with those of one outer row."""
    base = as_scan(source)
    if base is None:
        scans = [part for part in walk(source) if isinstance(part, Scan)]
        one = min((_one(scan, (), pairs, statistics) for scan in scans), default=1.0)
        return sum(map(statistics.rows, scans)) * (SCAN_ROW + HASH_LISTED) if _is_linked(source) else inf, one
    scan, terms = base
    path = best_path(scan, terms, statistics)
    made = path.cost + max(path.result_rows * HASH_BUILD, least_hashed(scan, statistics) * HASH_LISTED)
    return made, _one(scan, terms, pairs, statistics)


def _is_stable(node: Node) -> bool:
    return all(is_stable(expr) for each in walk(node) for expr in expressions(each))


def _one(scan: Scan, terms: Terms, pairs: Pairs, statistics: Statistics) -> float:
    """The cost for one outer row, for which there may be nothing: what has to be tested is tested to the last row."""
    links = (Compare("=", term, key) for term, key in pairs if used_aliases(key) == {scan.alias})
    path = best_path(scan, (*terms, *links), statistics)
    return CALL + (path.cost if path.residual else first_match(path))


def _is_linked(source: Node) -> bool:
    """Whether all joins are by equal values, so that the whole is no product of its tables."""
    joins = [part for part in walk(source) if isinstance(part, Join)]
    return all(
        any(equal_pair(term, bound_aliases(join.left), bound_aliases(join.right)) for term in conjuncts(join.condition))
        for join in joins
    )
