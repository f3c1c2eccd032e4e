"""Joins whose look-ups are read together: in a table larger than the cache, each alone would load a leaf for one row.

``FROM tagged t JOIN book b ON b.id = t.book_id`` becomes::

    pairs = ((t[BOOK_ID], t) for t in …)
    for t, b in book.looked_up(pairs):
        if b is not None:
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import plan as p
from ..expr import Expr, is_nullable
from .access import index_only, none_is_null, rowids, wanted_columns
from .frame import Frame, Needed, target_of, tuple_of
from .syntax import is_variable


def opens_ahead(node: p.NestedLoop, access: p.Node, needed: Needed) -> bool:
    """Whether the join is looked up ahead; not where the index alone has all that is needed."""
    if not node.ahead or not isinstance(access, p.KeyLookup | p.IndexLookup):
        return False
    return isinstance(access, p.KeyLookup) or not index_only(access, needed)


def open_ahead(
    frame: Frame, node: p.NestedLoop, access: p.KeyLookup | p.IndexLookup, terms: Sequence[Expr], needed: Needed
) -> None:
    """Open the right side of an inner join, or of a left one without further ``terms``; the left one is open."""
    frame.note(access)
    rowid = _rowid(frame, node, access)
    left = frame.bound(node.left)
    frame.narrow(left, needed)
    names = frame.carried(left, needed)
    keeps_rowid = access.alias in frame.unit.rowids and access.table.rowid_column is None
    if keeps_rowid and rowid not in names:
        rowid = rowid if is_variable(rowid) else frame.let(f"{frame.unit.row_name(access.alias)}_rowid", rowid)
        names.append(rowid)
    pairs = frame.lazily(f"({rowid}, {tuple_of(names)})", "pairs")
    columns = wanted_columns(access, needed)
    row = frame.bind_table(access)
    others = target_of(names)
    target = f"{others if len(names) < 2 else f'({others})'}, {row}"
    frame.each(target, f"{frame.unit.table(access.table)}.looked_up({pairs}{', ' if columns else ''}{columns})")
    if keeps_rowid:
        frame.scope[access.alias].rowid = rowid
    if node.kind == "left":
        frame.set(row, f"({row} or {frame.unit.missing(access.alias, len(access.table.columns))})")
        return
    frame.where(f"({row} is not None)")
    for term in terms:
        frame.where(frame.is_true(term))


def _rowid(frame: Frame, node: p.NestedLoop, access: p.KeyLookup | p.IndexLookup) -> str:
    """Text of the rowid that is looked up, in a loop where an index finds several; None where nothing is found."""
    if isinstance(access, p.KeyLookup):
        return frame.value(access.key)
    nullable = [] if access.nulls else [key for key in access.keys if is_nullable(key)]
    name = frame.source.name(f"{frame.unit.row_name(access.alias)}_rowid")
    guard = none_is_null(frame, nullable)
    found = rowids(frame, access)
    if node.kind == "left":
        found = f"({f'({found} if {guard} else ())' if guard else found} or (None,))"
    elif guard:
        frame.where(guard)
    frame.each(name, found)
    return name
