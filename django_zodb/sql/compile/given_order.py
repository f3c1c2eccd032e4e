"""What need not be sorted: rows come in the order of their table's key, and sorting is stable."""

from __future__ import annotations

from .. import expr as x
from .. import plan as p
from ..expr import SortKey
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
    leader = _leader(source)
    if leader is None or leader.table.rowid_column is None:
        return keys, False
    rowid = leader.table.columns[leader.table.rowid_column]
    if last.expr != x.Column(leader.alias, rowid.name, rowid.type, nullable=False):
        return keys, False
    reverse = isinstance(leader, p.KeyRange) and leader.reverse
    return tuple(others), last.descending is not reverse


def _leader(node: Node) -> p.Scan | p.KeyRange | None:
    """The walk of a table that the rows come in the order of, if there is one."""
    while True:
        match node:
            case p.Scan() | p.KeyRange():
                return node
            case p.Filter():
                node = node.source
            case p.NestedLoop() | p.HashJoin() if node.kind != "full":
                node = node.left
            case _:
                return None
