"""Aggregates of several tables that belong to the same rows are made one by one: their rows never meet each other.

``Aggregate COUNT(DISTINCT b.id), SUM(c.x) by a.id (a left b on b.a_id = a.id left c on c.a_id = a.id)`` has a row for
each pair of a ``b`` and a ``c``, which may be millions where few rows of ``a`` have many of both. Each *branch* is
aggregated alone, for all rows of ``a`` at once or for one after the other, and what counts every row, or sums it, is
multiplied by the rows that the other branches have. The groups must be the rows of the *lead*, which is what remains
of the joins without the branches: a table, or several, one row of each for a row of the first; of several, a single
branch is taken apart, too, so that no joined row is put to a group by all columns of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce

from ...record import record
from ...values import BIGINT, Kind
from ..expr import AggregateCall, Arithmetic, Call, Column, Compare, Constant, Expr, is_nullable, type_of
from ..functions import AGGREGATES
from ..plan import Aggregate, Join, Node, Output, Project, Scan, bound_aliases, walk
from ..rewrite import changed
from .choose_joins import joined_alone
from .cluster import as_scan, cluster_of
from .distinct_keys import one_at_most
from .estimates import estimated_rows
from .join_step import equal_pair
from .push_filters import push_filters
from .reduce_joins import is_null_for
from .statistics import DOUBT, HASH_LISTED, Statistics
from .terms import conjunction, conjuncts, filtered, is_stable, unfiltered, used_aliases

Pairs = tuple[tuple[Expr, Expr], ...]

_CALL = 30.0  # making the groups of one row of the lead, beside finding what they consist of
_EXACT = (Kind.INTEGER, Kind.DECIMAL)
_COUNT_ALL = AggregateCall("COUNT", (), BIGINT, nullable=False)


@record
class Branch:
    """What is left-joined to the lead on ``pairs`` of equal operands, the lead's first; ``calls`` are about it."""

    rest: Node
    pairs: Pairs
    calls: tuple[tuple[str, AggregateCall], ...] = ()


def split_branches(node: Aggregate) -> tuple[Node, tuple[Branch, ...]] | None:
    """The lead and the branches; None where that would not give the same, or for a single table and a single branch."""
    apart = _apart(node)
    if apart is None:
        return None
    lead, branches = apart
    if len(branches) < (2 if as_scan(lead) is not None else 1) or not _are_rows(node.keys, lead):
        return None
    found = list(branches)
    for name, call in node.calls:
        if not call.args and call.filter is None and not call.distinct:
            continue
        at = next((at for at, each in enumerate(found) if _is_about(call, each)), None)
        if at is None or (len(branches) > 1 and not _is_told_alone(call)):
            return None
        found[at] = changed(found[at], calls=(*found[at].calls, (name, call)))
    return lead, tuple(found)


def joined_branches(
    node: Aggregate, lead: Node, branches: tuple[Branch, ...], few: float | None, statistics: Statistics
) -> Node:
    """The lead joined with the groups of each branch. ``few``: so many of its first rows are asked for, no more."""
    source, rows = lead, _certain_rows(lead, statistics)
    rows = rows if few is None else min(rows, few)
    numbers: dict[int, Expr] = {}
    values: dict[str, tuple[int, Expr]] = {}
    for at, branch in enumerate(branches):
        alias = f"{node.alias} branch {at + 1}"
        others = [call for name, call in node.calls if name not in dict(branch.calls)]
        calls = ((("rows", _COUNT_ALL),) if any(map(_is_multiplied, others)) else ()) + branch.calls
        if not calls:
            continue
        source = _with_branch(source, branch, Aggregate(branch.rest, alias, (), calls), rows, statistics)
        numbers[at] = Call("GREATEST", (_counted(alias, "rows"), Constant(1, BIGINT)), BIGINT, nullable=False)
        for name, call in branch.calls:
            column = Column(alias, name, call.type, nullable=True)
            values[name] = (at, _counted(alias, name) if call.function == "COUNT" else column)
    outputs = [Output(name, _value(name, call, values, numbers)) for name, call in node.calls]
    return Project(source, node.alias, (*node.keys, *outputs))


def _certain_rows(lead: Node, statistics: Statistics) -> float:
    """How many rows there are; fewer than estimated where conditions that are only guessed at refuse most rows."""
    rows = joined_alone(lead, statistics).rows
    every = max((statistics.rows(each) for each in walk(lead) if isinstance(each, Scan)), default=0.0)
    return rows if rows * 2 > every else rows / DOUBT


def _with_branch(source: Node, branch: Branch, groups: Aggregate, rows: float, statistics: Statistics) -> Node:
    """``source`` left-joined with the groups of the branch: those of each row, if these cost less than all."""
    links = [Compare("=", *pair) for pair in branch.pairs]
    of_one = push_filters(filtered(branch.rest, links), statistics)
    every = estimated_rows(branch.rest, statistics) * HASH_LISTED
    if rows * (joined_alone(of_one, statistics).cost + _CALL) < joined_alone(branch.rest, statistics).cost + every:
        return Join(source, changed(groups, source=of_one), "left", None, lateral=True)
    keys = tuple(Output(f"key {at}", inner) for at, (_, inner) in enumerate(branch.pairs))
    columns = [Column(groups.alias, key.name, type_of(key.expr), is_nullable(key.expr)) for key in keys]
    on = conjunction(Compare("=", outer, column) for (outer, _), column in zip(branch.pairs, columns, strict=True))
    return Join(source, changed(groups, keys=keys), "left", on)


# --- taking joins apart --------------------------------------------------------------------------------------------


def _apart(node: Aggregate) -> tuple[Node, list[Branch]] | None:
    """The joins as a lead, which has all that groups are made by, and branches that look at nothing but it."""
    wanted = frozenset[str]().union(*(used_aliases(key.expr) for key in node.keys))
    lead, joins = _left_joins(node.source)
    branches: list[Branch] = []
    for join in joins:
        own, used = bound_aliases(join.right), used_aliases(join.condition)
        others = used - own
        if own & wanted or (others <= bound_aliases(lead) and one_at_most(join.right, join.condition)):
            if not others <= bound_aliases(lead):
                return None
            lead = changed(join, left=lead)
            continue
        if others <= bound_aliases(lead):
            branch = _linked(join, lead)
            if branch is None:
                return None
            branches.append(branch)
            continue
        at = next((at for at, each in enumerate(branches) if others <= bound_aliases(each.rest)), None)
        if at is None or not any(equal_pair(term, others, own) for term in conjuncts(join.condition)):
            return None
        branches[at] = changed(branches[at], rest=changed(join, left=branches[at].rest))
    return lead, branches


def _left_joins(node: Node) -> tuple[Node, list[Join]]:
    """What is below the left joins at the top, and these, the first one first."""
    joins: list[Join] = []
    while isinstance(node, Join) and node.kind == "left" and not node.lateral:
        joins.append(node)
        node = node.left
    return node, joins[::-1]


def _linked(join: Join, lead: Node) -> Branch | None:
    """The right side as a branch; what the join asks of it alone becomes a Filter. None if there is more to it."""
    terms = conjuncts(join.condition)
    pairs = [equal_pair(term, bound_aliases(lead), bound_aliases(join.right)) for term in terms]
    alone = [term for term, pair in zip(terms, pairs, strict=True) if pair is None]
    found = tuple(pair for pair in pairs if pair is not None)
    if not found or any(used_aliases(term) - bound_aliases(join.right) or not is_stable(term) for term in alone):
        return None
    return Branch(filtered(join.right, alone), found)


def _are_rows(keys: tuple[Output, ...], lead: Node) -> bool:
    """Whether each group is one row of the lead: the keys tell the row of each of its tables."""
    known = {(key.expr.alias, key.expr.name) for key in keys if isinstance(key.expr, Column)}
    inner, outer = _left_joins(lead)
    inner, terms = unfiltered(inner)
    relations: Iterable[Node] = (inner,)
    if isinstance(inner, Join):
        if inner.kind != "inner" or inner.lateral:
            return False
        cluster = cluster_of(inner)
        if cluster.hoisted:
            return False
        relations, terms = cluster.relations, cluster.terms
    scans = [unfiltered(each)[0] for each in relations]
    if not all(one_at_most(join.right, join.condition) for join in outer):
        return False
    return all(isinstance(each, Scan) for each in scans) and _are_told(
        [each for each in scans if isinstance(each, Scan)], terms, known
    )


def _are_told(scans: list[Scan], terms: Iterable[Expr], known: set[tuple[str, str]]) -> bool:
    """Whether the ``known`` columns tell the row of each table, by equalities with a key of it, too."""
    equal = [pair for term in terms for pair in _equal_columns(term)]
    linked: set[tuple[str, str]] = set()  # equal to a column of a row that is told, and so never NULL
    waiting = scans
    while waiting:
        told = [scan for scan in waiting if _is_told(scan, known, linked)]
        if not told:
            return False
        aliases = {scan.alias for scan in told}
        linked |= {(other.alias, other.name) for one, other in equal if one.alias in aliases}
        waiting = [scan for scan in waiting if scan.alias not in aliases]
    return True


def _is_told(scan: Scan, known: set[tuple[str, str]], linked: set[tuple[str, str]]) -> bool:
    table = scan.table
    certain = {name for alias, name in linked if alias == scan.alias}
    for alias, name in known:
        if alias == scan.alias and (not table.column(name).nullable or name in table.primary_key):
            certain.add(name)
    return table.is_key(certain)


def _equal_columns(term: Expr) -> Iterator[tuple[Column, Column]]:
    if isinstance(term, Compare) and term.op == "=":
        one, other = term.left, term.right
        if isinstance(one, Column) and isinstance(other, Column) and one.alias != other.alias:
            yield one, other
            yield other, one


# --- what aggregates say without the other branches ----------------------------------------------------------------


def _is_about(call: AggregateCall, branch: Branch) -> bool:
    """Whether the call looks at that branch alone, and at nothing where it has no row."""
    order = (key.expr for key in call.order_by)
    used = frozenset[str]().union(*map(used_aliases, (*call.args, call.filter, *order)))
    own = bound_aliases(branch.rest)
    return bool(call.args) and used <= own and AGGREGATES[call.function].skip_nulls and is_null_for(call.args[0], own)


def _is_told_alone(call: AggregateCall) -> bool:
    """Whether rows that are there several times make no difference but one that can be computed."""
    if call.order_by or not all(map(is_stable, (*call.args, *([call.filter] if call.filter is not None else [])))):
        return False
    match call.function:
        case "COUNT" | "MIN" | "MAX":
            return True
        case "SUM" | "AVG":
            return type_of(call.args[0]).kind in _EXACT
    return False


def _is_multiplied(call: AggregateCall) -> bool:
    """Whether it grows with the number of times that each row is there."""
    return not call.distinct and call.function in ("COUNT", "SUM")


def _value(name: str, call: AggregateCall, values: dict[str, tuple[int, Expr]], numbers: dict[int, Expr]) -> Expr:
    """The call's value over all combinations of the rows of the branches."""
    at, value = values.get(name, (None, None))
    others = [number for index, number in numbers.items() if index != at]
    if value is None:
        return reduce(_times, others)
    return reduce(_times, others, value) if _is_multiplied(call) else value


def _times(value: Expr, number: Expr) -> Expr:
    return Arithmetic("*", value, number, type_of(value))


def _counted(alias: str, name: str) -> Expr:
    """A number, which is 0 where there is no group to count."""
    column = Column(alias, name, BIGINT, nullable=True)
    return Call("COALESCE", (column, Constant(0, BIGINT)), BIGINT, nullable=False)
