"""Groups that are the rows of a joined table are made before the join: no joined row is ever built.

``Aggregate COUNT(b.id) by a.id, a.name (Join left a b on b.a_id = a.id)`` → ``Project a.id, a.name, coalesce(n, 0)
(Join left a (Aggregate COUNT(b.id) as n by b.a_id (Scan b)))``. The groups must be the rows of ``a``, which have a
unique key among the keys; what is aggregated must come from other tables, linked to ``a`` by equalities. Where ``a`` is
filtered, so must they be, or groups are made that nobody wants: ``a.id < 9`` is carried to them as ``b.a_id < 9``.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...record import record
from ...values import BIGINT
from ..expr import (
    ROWID_COLUMN,
    AggregateCall,
    Call,
    Column,
    Compare,
    Constant,
    Expr,
    In,
    Param,
    SortKey,
    is_nullable,
    type_of,
)
from ..functions import AGGREGATES
from ..plan import Aggregate, Filter, Join, JoinKind, Limit, Node, Output, Project, Scan, Sort, bound_aliases, walk
from ..rewrite import changed, map_expressions, map_sources
from .access import paths
from .aggregate_branches import joined_branches, split_branches
from .cluster import as_scan, cluster_of
from .join_step import equal_pair
from .order import order_of_groups
from .push_filters import push_filters
from .statistics import DOUBT, Statistics
from .terms import (
    conjunction,
    conjuncts,
    filtered,
    is_stable,
    substitute,
    through_project,
    unfiltered,
    used_aliases,
)
from .use_index_order import wanted

Keys = tuple[SortKey, ...]
Terms = tuple[Expr, ...]

_PAGE = 100  # so many rows a limit takes that is a parameter


def aggregate_early(node: Node, statistics: Statistics) -> Node:
    """Aggregates below joins, where they can be; not where a LIMIT asks for the first groups in their own order."""
    return _early(node, None, statistics)


@record
class First:
    """Only so many rows, the first ones in the order of ``keys``, will be asked for."""

    keys: Keys
    rows: float


def _early(node: Node, first: First | None, statistics: Statistics) -> Node:
    match node:
        case Limit():
            return changed(node, source=_early(node.source, First((), float(wanted(node) or _PAGE)), statistics))
        case Sort(keys=keys):
            return changed(node, source=_early(node.source, first and changed(first, keys=keys), statistics))
        case Filter():
            more = first and changed(first, rows=first.rows * DOUBT)
            return changed(node, source=_early(node.source, more, statistics))
        case Project():
            return changed(node, source=_early(node.source, first and _below(first, node), statistics))
        case Aggregate() if all(is_stable(key.expr) for key in node.keys):
            few = first.rows if first is not None and order_of_groups(first.keys, node) is not None else None
            apart = split_branches(node)
            if apart is not None:
                return joined_branches(node, *apart, few, statistics)
            split = None if few is not None else _split(node, statistics)
            if split is not None:
                return _joined_late(node, split)
    return map_sources(node, lambda source: _early(source, None, statistics))


def _below(first: First, project: Project) -> First | None:
    found = [through_project(key.expr, project) for key in first.keys]
    if any(expr is None for expr in found):
        return None
    return changed(first, keys=tuple(changed(key, expr=expr) for key, expr in zip(first.keys, found, strict=True)))


@record
class Split:
    """A join as the table whose rows are the groups, and what is joined to it on pairs of equal operands.

    ``terms``: those that a row of the table must fulfil, to be carried to the rest.
    """

    lead: Scan
    terms: Terms
    rest: Node
    kind: JoinKind
    pairs: tuple[tuple[Expr, Expr], ...]


def _split(node: Aggregate, statistics: Statistics) -> Split | None:
    join = node.source
    if not isinstance(join, Join) or join.lateral or not node.keys:
        return None
    match join.kind:
        case "inner":
            split = _split_inner(join, node)
        case "left":
            split = _split_left(join)
        case _:
            return None
    if split is None or not _are_rows(node.keys, split.lead):
        return None
    calls = [call for _, call in node.calls]
    return _with_terms_carried(split, calls, statistics) if all(_can_be_early(call, split) for call in calls) else None


def _with_terms_carried(split: Split, calls: Iterable[AggregateCall], statistics: Statistics) -> Split | None:
    """The rest filtered by what is asked of the table; None if no index helps to do that, or one knows all anyway."""
    if not split.terms:
        return split
    theirs = {
        (outer.alias, outer.name): inner
        for outer, inner in split.pairs
        if isinstance(outer, Column) and isinstance(inner, Column)
    }
    columns = list(map(_compared_column, split.terms))
    if any(column is None or (column.alias, column.name) not in theirs for column in columns):
        return None
    carried = tuple(substitute(term, lambda column: theirs[column.alias, column.name]) for term in split.terms)
    if _is_counted_by_index(split.rest, calls) or not _finds(split.rest, carried, statistics):
        return None
    return changed(split, rest=push_filters(filtered(split.rest, carried), statistics))


def _compared_column(term: Expr) -> Column | None:
    """The column of which the term is no more than a comparison with values that an index can be asked for."""
    match term:
        case (
            Compare(op="=" | "<" | "<=" | ">" | ">=", left=Column() as column, right=Param() | Constant())
            | Compare(op="=" | "<" | "<=" | ">" | ">=", left=Param() | Constant(), right=Column() as column)
        ):
            return column
        case In(term=Column() as column, items=items, negated=False) if all(
            isinstance(item, Param | Constant) for item in items
        ):
            return column
    return None


def _is_counted_by_index(rest: Node, calls: Iterable[AggregateCall]) -> bool:
    """Whether an index that is asked for each row of the table knows all that is counted."""
    if not isinstance(rest, Scan):
        return False
    rowid = rest.table.rowid_column
    known = {ROWID_COLUMN, *([rest.table.columns[rowid].name] if rowid is not None else [])}
    return all(
        call.function == "COUNT"
        and call.filter is None
        and all(isinstance(arg, Column) and arg.name in known for arg in call.args)
        for call in calls
    )


def _finds(rest: Node, terms: Terms, statistics: Statistics) -> bool:
    """Whether the table that the terms are about has a way to the rows for which they are true."""
    aliases = frozenset[str]().union(*map(used_aliases, terms))
    scans = [each for each in walk(rest) if isinstance(each, Scan) and {each.alias} == aliases]
    return any(not isinstance(path.node, Scan) for scan in scans for path in paths(scan, terms, statistics))


def _are_rows(keys: tuple[Output, ...], lead: Scan) -> bool:
    """Whether each group is one row of the table."""
    names = {key.expr.name for key in keys if isinstance(key.expr, Column) and key.expr.alias == lead.alias}
    table = lead.table
    never_null = {name for name in names if not table.column(name).nullable or name in table.primary_key}
    return all(used_aliases(key.expr) <= {lead.alias} for key in keys) and table.is_key(never_null)


def _can_be_early(call: AggregateCall, split: Split) -> bool:
    """Whether the call can be made without the table; of an outer join, also that it sees nothing in rows of NULLs."""
    exprs = [*call.args, *(key.expr for key in call.order_by), *([call.filter] if call.filter is not None else [])]
    if any(split.lead.alias in used_aliases(expr) for expr in exprs):
        return False
    if split.kind == "inner":
        return True
    if not call.args:
        return call.filter is None
    return AGGREGATES[call.function].skip_nulls and isinstance(call.args[0], Column)


# --- taking joins apart --------------------------------------------------------------------------------------------


def _split_inner(join: Join, node: Aggregate) -> Split | None:
    cluster = cluster_of(join)
    wanted = frozenset[str]().union(*(used_aliases(key.expr) for key in node.keys))
    leads = [each for each in cluster.relations if bound_aliases(each) == wanted]
    found = as_scan(leads[0]) if leads else None
    if cluster.hoisted or found is None:
        return None
    lead, _ = found
    inside = tuple(term for term in cluster.terms if lead.alias not in used_aliases(term))
    rest = _chained([each for each in cluster.relations if each is not leads[0]], inside)
    on = tuple(term for term in cluster.terms if lead.alias in used_aliases(term))
    return None if rest is None else _with_pairs(found, rest, "inner", on)


def _chained(relations: list[Node], terms: tuple[Expr, ...]) -> Node | None:
    """Inner joins of the relations, each linked to one before it; None if they are not."""
    current, waiting, pending = relations[0], relations[1:], list(terms)
    while waiting:
        bound = bound_aliases(current)
        linked = [each for each in waiting if any(_links(term, bound, bound_aliases(each)) for term in pending)]
        if not linked:
            return None
        both = bound | bound_aliases(linked[0])
        later = frozenset[str]().union(*(bound_aliases(each) for each in waiting if each is not linked[0]))
        on = [term for term in pending if not used_aliases(term) & later]
        current = Join(current, linked[0], "inner", conjunction(on))
        waiting = [each for each in waiting if each is not linked[0]]
        pending = [term for term in pending if term not in on]
        assert both == bound_aliases(current)
    return current if not pending else Filter(current, conjunction(pending) or pending[0])


def _links(term: Expr, left: frozenset[str], right: frozenset[str]) -> bool:
    used = used_aliases(term)
    return bool(used & left) and bool(used & right)


def _split_left(join: Join) -> Split | None:
    """``(a left b) left c → a left (b left c)``, where c looks at b alone and finds nothing for a row of NULLs."""
    lead = as_scan(join.left)
    if lead is not None:
        return _with_pairs(lead, join.right, "left", conjuncts(join.condition))
    below = join.left
    if not isinstance(below, Join) or below.kind != "left" or below.lateral:
        return None
    split = _split_left(below)
    if split is None or split.lead.alias in used_aliases(join.condition):
        return None
    links = (
        equal_pair(term, bound_aliases(split.rest), bound_aliases(join.right)) for term in conjuncts(join.condition)
    )
    if not any(link is not None for link in links):
        return None
    return changed(split, rest=Join(split.rest, join.right, "left", join.condition))


def _with_pairs(filtered_lead: tuple[Scan, Terms], rest: Node, kind: JoinKind, on: Terms) -> Split | None:
    """The terms as pairs of equal operands; what a join asks of its right side alone becomes a Filter of that."""
    lead, terms = filtered_lead
    pairs = [equal_pair(term, frozenset((lead.alias,)), bound_aliases(rest)) for term in on]
    others = [term for term, pair in zip(on, pairs, strict=True) if pair is None]
    if len(others) == len(on) or any(lead.alias in used_aliases(term) for term in others):
        return None
    condition = conjunction(others)
    below = rest if condition is None else Filter(rest, condition)
    return Split(lead, terms, below, kind, tuple(pair for pair in pairs if pair is not None))


# --- putting them together -----------------------------------------------------------------------------------------


def _joined_late(node: Aggregate, split: Split) -> Node:
    alias = f"{node.alias} early"
    keys = tuple(Output(f"key {at}", inner) for at, (_, inner) in enumerate(split.pairs))
    early = _with_certain_columns(Aggregate(split.rest, alias, keys, node.calls))
    pairs = [
        Compare("=", outer, Column(alias, key.name, type_of(key.expr), is_nullable(key.expr)))
        for (outer, _), key in zip(split.pairs, keys, strict=True)
    ]
    join = Join(filtered(split.lead, split.terms), early, split.kind, conjunction(pairs))
    found = tuple(Output(name, _amount(alias, name, call, split)) for name, call in node.calls)
    return Project(join, node.alias, (*node.keys, *found))


def _with_certain_columns(node: Aggregate) -> Aggregate:
    """The columns of a table that is no longer the right side of an outer join are NULL only where they say so."""
    scan, _ = unfiltered(node.source)
    if not isinstance(scan, Scan):
        return node

    def certain(column: Column) -> Expr | None:
        if column.alias != scan.alias or column.name == ROWID_COLUMN:
            return None
        return changed(column, nullable=scan.table.column(column.name).nullable)

    found = map_expressions(node, lambda expr: substitute(expr, certain))
    assert isinstance(found, Aggregate)
    return found


def _amount(alias: str, name: str, call: AggregateCall, split: Split) -> Expr:
    """The call's value in a joined row: a row that an outer join did not find is counted where all rows are."""
    if split.kind == "inner":
        return Column(alias, name, call.type, call.nullable)
    column = Column(alias, name, call.type, nullable=True)
    if call.function != "COUNT":
        return column
    return Call("COALESCE", (column, Constant(0 if call.args else 1, BIGINT)), call.type, nullable=False)
