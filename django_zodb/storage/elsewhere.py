"""Rows that another transaction has deleted and committed since this one's snapshot.

Deleting such a row again is no conflict, and it is not counted: whoever deletes learns that somebody was faster, as
under READ COMMITTED elsewhere, and of two that claim a row by deleting it, only one succeeds. Only what is already
committed when the statement runs can be known; two deletions that both wait for their commit are still in conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from .trees import bucket_oid

if TYPE_CHECKING:
    from .session import Session
    from .table import StoredTable

_NONE: frozenset[int] = frozenset()


def deleted_elsewhere(session: Session, table: StoredTable, rowids: Sequence[int]) -> frozenset[int]:
    """Which of the rows are there no more. Cheap unless others changed the very records of these rows.

    It goes by the changes that the storage has told of: all of a database in memory or a file, of others those that
    were heard of.
    """
    storage = session.zodb_connection._normal_storage
    if session.database.ordered:
        storage.sync(True)
    heard = getattr(storage, "_invalidations", None)
    if not heard:
        return _NONE
    changed = [rowid for rowid in rowids if bucket_oid(table.tree, rowid) in heard]
    if not changed:
        return _NONE
    with closing(session.snapshot()) as newest:
        schema = newest.catalog.schema(table.schema.name)
        if schema is None or schema.token != table.schema.token:
            return _NONE  # which the commit will refuse
        get = newest.catalog.table(table.schema.name).get
        return frozenset(rowid for rowid in changed if get(rowid) is None)
