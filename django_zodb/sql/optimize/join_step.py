"""One join: the cheapest strategy to join what is planned already with one more relation."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import cast

from ...record import record, replace
from ...values import BIGINT
from ..expr import Column, Compare, Constant, Expr, is_nullable, type_of
from ..plan import (
    HashJoin,
    IndexLookup,
    JoinKind,
    Limit,
    NestedLoop,
    Node,
    Scan,
    WorkTable,
    bound_aliases,
    has_key,
    walk,
)
from .access import Path, best_path, paths
from .cluster import as_scan
from .estimates import estimated_rows, most_matches
from .index_groups import keys_of_index
from .skew import sampled_matches, single_index
from .statistics import (
    BETWEEN,
    DESCENT,
    FETCH_ROW,
    HASH_BUILD,
    HASH_LISTED,
    HASH_PROBE,
    INNER_LOOP,
    SMALLEST,
    Statistics,
    selectivity_of,
)
from .terms import conjunction, free_aliases, is_stable, used_aliases

_OUTGROWN = 30.0  # times as many rows as are taken for few
_LEAST_ASKED = 6000.0  # what rows that ask a subquery may cost before its keys are made, however little these do
_LINK = 0.01  # the share of pairs that an equality between unindexed columns lets through
_ONCE = 0.05  # the share of a cost that is borne once for all outer rows, or for all rounds
Terms = tuple[Expr, ...]


@record
class Joined:
    """A plan with its expected rows and cost; ``start`` is the part of the cost before the first row."""

    node: Node
    rows: float
    cost: float
    start: float = 0.0

    def share_cost(self, share: float) -> float:
        """The cost if only that share of the rows is asked for."""
        return self.start + (self.cost - self.start) * share


def leading(node: Node, statistics: Statistics) -> Joined:
    """A relation as the leader of joins. A table stays a Scan under its Filter: its access path is chosen later."""
    base = as_scan(node)
    if base is not None:
        path = best_path(*base, statistics)
        return Joined(node, max(path.result_rows, 0.1), path.cost)
    rows = estimated_rows(node, statistics)
    return Joined(node, rows, rows * 2, rows * 2)


def equal_pair(term: Expr, left: frozenset[str], right: frozenset[str]) -> tuple[Expr, Expr] | None:
    """The operands of an equality between the two sides, that of the left first."""
    if not isinstance(term, Compare) or term.op != "=" or not is_stable(term):
        return None
    for one, other in ((term.left, term.right), (term.right, term.left)):
        uses_one, uses_other = used_aliases(one), used_aliases(other)
        if uses_one & left and not uses_one & right and uses_other & right and not uses_other & left:
            return one, other
    return None


def join_step(
    left: Joined,
    right: Node,
    kind: str,
    terms: Terms,
    statistics: Statistics,
    share: float = 1.0,
    lateral: bool = False,
    repeated: bool = False,
) -> Joined:
    """``left`` joined with ``right`` on ``terms``: looked up, hashed, or paired one by one, whichever is cheapest.

    ``share`` says how much of the result will be asked for: a hash table is made whole, a lookup when it is needed.
    ``repeated``: the join is carried out for many outer rows, or in many rounds.
    """
    once = _ONCE if repeated and not _depends(right) else 1.0
    base = as_scan(right)
    found: list[Joined] = []
    if base is not None and kind != "full" and not lateral:
        looked = looked_up(left, base, kind, terms, statistics)
        if looked is not None:
            found.append(looked)
    if not lateral:
        hashed = _hashed(left, right, kind, terms, statistics, once)
        if hashed is not None:
            found.append(hashed)
    return (
        min(found, key=lambda each: each.share_cost(share))
        if found
        else _paired(left, right, kind, terms, statistics, once)
    )


def _depends(right: Node) -> bool:
    """Whether the rows are others for each outer row, or in each round."""
    return bool(free_aliases(right)) or any(isinstance(part, WorkTable) for part in walk(right))


def looked_up(left: Joined, base: tuple[Scan, Terms], kind: str, terms: Terms, statistics: Statistics) -> Joined | None:
    """For each left row the rows that an access path finds by its values; None if no path uses them."""
    scan, local = base
    every = (*local, *terms)
    # For each left row, unless there is but one: more is better hashed, or kept in a list.
    most = statistics.rows(scan) * (BETWEEN if left.rows > 1 else 1.0)
    found = [
        _spread(path, left.node, statistics)
        for path in paths(scan, every, statistics)
        if set(terms) - set(path.residual)
    ]
    candidates = [path for path in found if path.rows <= most]
    if not candidates:
        return None
    cost = first_match if kind in ("semi", "anti") else _every_match
    path = min(candidates, key=lambda each: (cost(each), each.cost))
    node = NestedLoop(left.node, path.node, cast(JoinKind, kind), conjunction(path.residual))
    rows = _result_rows(left.rows, path.rows * _share(path, scan, local, statistics), kind)
    return Joined(node, rows, left.cost + left.rows * cost(path), left.start)


def _share(path: Path, scan: Scan, local: Terms, statistics: Statistics) -> float:
    """The share of a path's rows that pass what it leaves to be tested: of ``local`` terms an index may know more."""
    if not local or not set(local) <= set(path.residual):
        return selectivity_of(path.residual)
    passing = min(each.result_rows for each in paths(scan, local, statistics)) / statistics.rows(scan)
    return passing * selectivity_of(tuple(term for term in path.residual if term not in local))


def _spread(path: Path, left: Node, statistics: Statistics) -> Path:
    """The path, where the left side may have more keys than the index: then not every left row is met there.

    Or where samples tell that many rows have the same key, on both sides.
    """
    rows = min(path.rows, most_matches(left, path.node, statistics))
    match path.node:
        case IndexLookup(unique=False, keys=(key,)) as node:
            index = node.table.index(node.index)
            if index is not None:
                rows = max(rows, sampled_matches(left, key, Scan(node.table, node.alias), index, statistics))
    return path if rows == path.rows else replace(path, rows=rows, access=path.access - (path.rows - rows) * FETCH_ROW)


def _every_match(path: Path) -> float:
    return path.cost if path.single else path.cost + INNER_LOOP


def first_match(path: Path) -> float:
    """The cost of one row that passes: a semi join looks no further."""
    if path.single or path.eager:
        return path.cost
    return min(path.cost, DESCENT + FETCH_ROW * path.rows / max(path.result_rows, 1.0)) + INNER_LOOP


def _result_rows(left: float, matches: float, kind: str) -> float:
    match kind:
        case "semi" | "anti":
            return left * 0.5
        case "left" | "full":
            return left * max(matches, 1.0)
    return left * matches


def _hashed(left: Joined, right: Node, kind: str, terms: Terms, statistics: Statistics, once: float) -> Joined | None:
    sides = bound_aliases(left.node), bound_aliases(right)
    pairs = [(term, equal_pair(term, *sides)) for term in terms]
    keys = [pair for _, pair in pairs if pair is not None]
    if not keys:
        if kind != "full":
            return None
        keys = [(Constant(1, BIGINT), Constant(1, BIGINT))]  # every pair is a candidate
    rest = conjunction(term for term, pair in pairs if pair is None)
    node = HashJoin(
        left.node,
        right,
        cast(JoinKind, kind),
        tuple(one for one, _ in keys),
        tuple(other for _, other in keys),
        rest,
    )
    built = leading(right, statistics)
    keys_alone = kind in ("semi", "anti") and rest is None
    if keys_alone and (by_index := _keys_by_index(node, statistics)) is not None:
        build = by_index.rows * HASH_BUILD + by_index.cost
        made = left.cost + build * once + left.rows * HASH_PROBE
        return Joined(by_index.node, _result_rows(left.rows, 1.0, kind), made, left.start + build * once)
    per_row = HASH_BUILD if keys_alone or has_key(right, node.right_keys) else HASH_LISTED
    build = (built.cost + max(built.rows, least_hashed(right, statistics)) * per_row) * once
    matches = _matches(node, built.rows, statistics)
    rows = _result_rows(left.rows, matches, kind)
    return Joined(node, rows, left.cost + build + left.rows * HASH_PROBE, left.start + build)


def _matches(node: HashJoin, rows: float, statistics: Statistics) -> float:
    """How many of the ``rows`` on the right a row on the left is expected to meet.

    The side that has more keys decides, if it is known of one: as many of the other's rows have each of them.
    """
    base = as_scan(node.right)
    if base is None:
        return rows * _LINK ** len(node.right_keys)
    known = [_distinct(node.right, node.right_keys, statistics), _distinct(node.left, node.left_keys, statistics)]
    average = rows / (max(known) or max(rows, SMALLEST))
    return max(average, _skewed(node, statistics) * rows / statistics.rows(base[0]))


def _skewed(node: HashJoin, statistics: Statistics) -> float:
    """How many rows of the table on the right a left row meets by samples, where one column is compared; else 0."""
    if len(node.right_keys) > 1:
        return 0.0
    (left_key,), (right_key,) = node.left_keys, node.right_keys
    base = as_scan(node.right)
    index = None if base is None else single_index(base[0], right_key)
    if base is None or index is None:
        return 0.0
    return sampled_matches(node.left, left_key, base[0], index, statistics)


def _distinct(side: Node, keys: Sequence[Expr], statistics: Statistics) -> float:
    """How many different ``keys`` the table that they are of has, if that is known; else 0."""
    names = [key.name for key in keys if isinstance(key, Column)]
    aliases = {key.alias for key in keys if isinstance(key, Column)}
    tables = [part for part in walk(side) if isinstance(part, Scan) and {part.alias} == aliases]
    if not tables or len(names) < len(keys):
        return 0.0
    (scan,) = tables[:1]
    if scan.table.is_key(names):
        return statistics.rows(scan)
    for index in scan.table.indexes:
        if index.where is None and len(index.keys) == 1 and index.keys[0].column in names:
            return statistics.distinct(scan, index)
    return 0.0


def _keys_by_index(node: HashJoin, statistics: Statistics) -> Joined | None:
    """A semi or anti join with the keys that an index has of the whole table on the right, if these are few."""
    base = as_scan(node.right)
    if base is None or base[1] or len(node.right_keys) > 1:
        return None
    (key,) = node.right_keys
    keys = keys_of_index(base[0], key, f"{base[0].alias} keys")
    if keys is None or statistics.counted(keys.table.name) < SMALLEST:
        return None
    index = keys.table.index(keys.index)
    rows = statistics.keys(base[0], index) if index is not None else inf
    if rows * 2 > statistics.rows(base[0]):
        return None
    column = Column(keys.alias, "key", type_of(key), is_nullable(key))
    return Joined(replace(node, right=keys, right_keys=(column,)), rows, rows)


def most_asked(build: float, one: float) -> int:
    """How many rows ask a subquery, at the cost of ``one`` each, before its keys are made, which costs ``build``."""
    return int((build / 4 + _LEAST_ASKED) / one) + 1


def least_hashed(right: Node, statistics: Statistics) -> float:
    """A table that is small today is hashed only against many rows: the program outlives its size."""
    base = as_scan(right)
    small = base is not None and statistics.counted(base[0].table.name) < SMALLEST
    return _OUTGROWN * SMALLEST if small else 0.0


def _paired(left: Joined, right: Node, kind: str, terms: Terms, statistics: Statistics, once: float) -> Joined:
    if kind in ("semi", "anti") and not terms:
        right = Limit(right, Constant(1, BIGINT))
    node = NestedLoop(left.node, right, cast(JoinKind, kind), conjunction(terms))
    listed = leading(right, statistics)
    pairs = left.rows * listed.rows
    matches = listed.rows * selectivity_of(terms)
    rows = _result_rows(left.rows, matches, kind)
    if kind in ("semi", "anti"):
        pairs /= max(matches, 1.0)  # it looks no further than to the first match
    made = listed.cost * once
    return Joined(node, rows, left.cost + made + pairs, left.start + made)
