"""Tables are entered by rowid or index where a condition allows, by the cheapest way.

``Filter b.id = p0 AND b.x > 1 (Scan b) → Filter b.x > 1 (KeyLookup b (b.id = p0))``. Where nobody asks for the order of
an index, what it finds is ``loose``: how many rows these are is known only when the parameters are. Rows to be changed
are taken in the order of their rowids.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...record import replace
from ...storage.schema import IndexKey
from ...values import NOCASE, Kind
from ..expr import ROWID_COLUMN, Column, Expr, type_of
from ..plan import (
    Aggregate,
    BaseAccess,
    Delete,
    Filter,
    HashJoin,
    IndexAccess,
    IndexIn,
    IndexLookup,
    IndexRange,
    Limit,
    LockRows,
    NestedLoop,
    Node,
    Project,
    Scan,
    Sort,
    TopN,
    Update,
    walk,
)
from ..rewrite import changed, map_sources
from ..show import expressions
from .access import best_path
from .statistics import DOUBT, Statistics
from .terms import filtered, holds_subquery, parts, unfiltered, used_aliases
from .use_index_order import wanted

_NOT_PLAIN = frozenset((Kind.DOUBLE, Kind.JSON, Kind.UNKNOWN))
"""Kinds whose values an index compares otherwise than Python does, NaN above all, or where that is not known."""


def use_indexes(node: Node, statistics: Statistics) -> Node:
    """Every Scan, with the Filter above it, as the cheapest access path and a Filter of what remains."""
    used = _use(node, statistics, None, False)
    return used if used is node else _with_rows_read(used)


def _use(node: Node, statistics: Statistics, limit: int | None, ordered: bool) -> Node:
    """``ordered``: a Limit takes the first of the rows, so that they should come as they do when it takes others."""
    match node:
        case Filter():
            below, terms = unfiltered(node)
            if isinstance(below, Scan):
                path = best_path(below, terms, statistics, limit)
                return filtered(path.node if ordered else _loosened(path.node), path.residual)
            limit = _in_doubt(limit)
        case NestedLoop() | HashJoin():
            left = _use(node.left, statistics, _in_doubt(limit), ordered)
            return changed(node, left=left, right=_use(node.right, statistics, None, ordered))
        case Limit():
            limit, ordered = wanted(node), True
        case Sort() | TopN() | Aggregate():
            limit, ordered = None, False
        case Project() | LockRows():
            pass
        case _:
            limit = None
    return map_sources(node, lambda source: _use(source, statistics, limit, ordered))


def _in_doubt(limit: int | None) -> int | None:
    """How many rows may be asked for, where conditions or joins refuse some that are only guessed at."""
    return None if limit is None else limit * DOUBT


def _loosened(node: Node) -> Node:
    """What an index finds, whose order does not matter, as ``loose`` if the rows can be told by their columns alone."""
    values: list[Sequence[Expr]]
    match node:
        case IndexLookup(keys=keys, unique=False, nulls=False):
            values = [(key,) for key in keys]
        case IndexIn(keys=keys):
            values = [keys]
        case IndexRange(prefix=prefix, low=low, high=high, nulls=nulls):
            bounds = [bound for bound in (low, high) if bound is not None]
            if bounds and nulls:
                return node
            values = [*((key,) for key in prefix), *([bounds] if bounds else [])]
        case _:
            return node
    index = node.table.index(node.index)
    if index is None or index.where is not None:
        return node
    names = [_plain_column(node, key, found) for key, found in zip(index.keys, values, strict=False)]
    return replace(node, loose=tuple(filter(None, names))) if all(names) else node


def _plain_column(node: BaseAccess, key: IndexKey, values: Sequence[Expr]) -> str:
    """The column that is the index's key as it is; empty if there is none, or a value of another kind, or of a row."""
    if key.column is None or key.descending or key.collation == NOCASE:
        return ""
    column = node.table.column(key.column)
    if column.collation == NOCASE or column.type.kind in _NOT_PLAIN:
        return ""
    if any(used_aliases(value) or holds_subquery(value) for value in values):
        return ""
    return column.name if all(type_of(value).kind is column.type.kind for value in values) else ""


def _with_rows_read(node: Node) -> Node:
    """Where nothing but rowids is asked for, no row is read, and so nothing is ``loose``."""
    nodes = list(walk(node))
    if not any(isinstance(each, Update) or (isinstance(each, IndexAccess) and each.loose) for each in nodes):
        return node
    every = (part for each in nodes for expr in expressions(each) for part in parts(expr))
    used = {(part.alias, part.name) for part in every if isinstance(part, Column)}
    changed_rows = {alias for each in nodes for alias in _changed(each)}

    def tightened(each: Node) -> Node:
        if isinstance(each, Update):
            each = replace(
                each, source=_by_rowid(each.source, [each.table.columns[at].name for at, _ in each.assignments])
            )
        if isinstance(each, IndexAccess) and each.loose:
            names = {name for alias, name in used if alias == each.alias}
            by_rowid = ROWID_COLUMN in names or each.alias in changed_rows
            at = each.table.rowid_column
            if by_rowid if at is None else names <= {ROWID_COLUMN, each.table.columns[at].name}:
                return replace(each, loose=())
        return map_sources(each, tightened)

    return tightened(node)


def in_order(node: Node) -> Node:
    """The plan with all that is found by an index in its order, for who asks for few rows of it."""
    if isinstance(node, IndexAccess) and node.loose:
        return replace(node, loose=())
    return map_sources(node, in_order)


def _by_rowid(node: Node, assigned: Sequence[str]) -> Node:
    """The rows in the order in which they stand in records: one that is changed may take the load of one.

    Not along a unique key that is changed: in its order, what closes a gap finds each place free.
    """
    match node:
        case Filter(source=source):
            return replace(node, source=_by_rowid(source, assigned))
        case IndexRange(table=table, index=name):
            index = table.index(name)
            if index is None or (index.unique and any(key.column in (None, *assigned) for key in index.keys)):
                return in_order(node)
            return replace(node, by_rowid=True)
    return node


def _changed(node: Node) -> tuple[str, ...]:
    """The aliases of rows that are written or locked."""
    match node:
        case Update(alias=alias) | Delete(alias=alias):
            return (alias,)
        case LockRows(aliases=aliases):
            return aliases
    return ()
