"""Locks of unique keys: who has looked for a row in vain, to lock it, locks the keys of the one that it inserts.

Whoever inserts the same key meanwhile waits, and finds it taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .keys import ABSENT, Row
from .plan import primary_key_name
from .rowlocks import Key, number_of

if TYPE_CHECKING:
    from .journal import Journal
    from .table import StoredTable


def key_locks(table: StoredTable, rowid: int, row: Row) -> Iterator[tuple[str, Key]]:
    """What is locked for each key of the row that only one may have, after the name of its index."""
    oid = table.record._p_oid
    if table.schema.rowid_column is not None and oid is not None:
        yield primary_key_name(table.schema), (oid, rowid)
    for plan in table.plan.writer.indexes:
        if plan.schema.unique:
            index = table.index(plan.schema.name)
            key, oid = plan.key_of(row), index.tree._p_oid
            if key is not ABSENT and oid is not None and not index.exempt(key):
                yield plan.schema.name, (oid, number_of(key))


def lock_keys(table: StoredTable, journal: Journal, rowid: int, row: Row) -> str | None:
    """Lock the unique keys of a row to be inserted; the index of one that others have inserted meanwhile."""
    for index, lock in key_locks(table, rowid, row):
        journal.lock_row(*lock, "wait")
        if journal.taken_elsewhere(table, index, row):
            return index
    return None
