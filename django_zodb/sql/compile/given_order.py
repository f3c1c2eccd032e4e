"""What need not be sorted: rows come in the order of their table's key, and sorting is stable."""

from __future__ import annotations

from .. import expr as x
from .. import plan as p
from ..expr import Expr, SortKey
from ..plan import Node

_Keys = tuple[SortKey, ...]


def sorting_keys(source: Node, keys: _Keys) -> tuple[_Keys, bool]:
    """The keys by which the rows of ``source`` have to be sorted, and whether they have to be turned round before.

    ``ORDER BY b.title, b.id`` of a scan is a sort by the title. No two rows share the key of the table that leads, but
    for what a join makes of one row, which may stand in any order; so only a last key is left out.
    """
    if len(keys) < 2:
        return keys, False
    *others, last = keys
    reverse = _reverse(source, last.expr)
    return (keys, False) if reverse is None else (tuple(others), last.descending is not reverse)


def _reverse(node: Node, key: Expr) -> bool | None:
    """Whether the rows come in the reverse order of ``key``; None if they come in neither order, or it is not known."""
    while True:
        match node:
            case p.Scan() | p.KeyRange():
                backwards = isinstance(node, p.KeyRange) and node.reverse
                return backwards if _is_key(key, node) else None
            case p.Project():
                if isinstance(key, x.Column) and key.alias == node.alias:
                    key = next((output.expr for output in node.outputs if output.name == key.name), key)
                node = node.source
            case p.Filter():
                node = node.source
            case p.NestedLoop() | p.HashJoin() if node.kind != "full":
                node = node.left
            case _:
                return None


def _is_key(key: Expr, walk: p.Scan | p.KeyRange) -> bool:
    """Whether it is the rowid column of the table."""
    at = walk.table.rowid_column
    return isinstance(key, x.Column) and key.alias == walk.alias and at == walk.table.positions.get(key.name, -1)
