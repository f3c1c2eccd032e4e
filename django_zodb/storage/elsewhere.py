"""Rows that another transaction has deleted, or inserted, and committed since this one's snapshot.

Deleting such a row again is no conflict, and it is not counted: whoever deletes learns that somebody was faster, as
under READ COMMITTED elsewhere, and of two that claim a row by deleting it, only one succeeds. Only what is already
committed when the statement runs can be known; two deletions that both wait for their commit are still in conflict.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from ..errors import ConflictError
from .keys import Row
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
    heard = _heard(session)
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
        gone = [rowid for rowid in changed if get(rowid) is None]
    if not gone:
        return _NONE
    own = {rowid for name, rowid, _ in session.journal.inserted_rows() if name == table.schema.name}
    return frozenset(gone) - own


def taken_elsewhere(session: Session, table: StoredTable, index: str, row: Row) -> bool:
    """Whether a row is there now that has the same key in that unique index; as cheap, as ``deleted_elsewhere``.

    If so, the transaction moves on to the newest snapshot with its next statement, unless it has written something by
    then: so ``get_or_create`` and the like, which look again, find that row. A serializable one, which must not see
    anything else than before, gets a ConflictError.
    """
    try:
        with session.database.commit_lock:  # who has freed the key has committed when this is
            heard = _heard(session)
    except BaseException as error:
        session.break_off(error)
    if not heard or table.conflicts(row, index):  # that is no news
        return False
    with closing(session.snapshot()) as newest:
        schema = newest.catalog.schema(table.schema.name)
        if schema is None or schema.token != table.schema.token:
            return False
        taken = newest.catalog.table(table.schema.name).conflicts(row, index)
    own = session.journal.net().get(table.schema.name, {}) if taken else {}
    if own.keys() >= {*taken}:  # there is none, or this transaction has deleted it
        return False
    if session.serializable:
        raise ConflictError(f"another transaction inserted the same key into {table.schema.name} meanwhile")
    session.move_on()
    return True


def _heard(session: Session) -> Collection[bytes] | None:
    """The records that others have changed since the snapshot, as far as the storage knows."""
    storage = session.zodb_connection._normal_storage
    if session.database.ordered:
        storage.sync(True)
    return getattr(storage, "_invalidations", None)
