"""Whether what a serializable transaction has read is still so, now that others have committed.

Only what has changed is compared, and where it might matter: the questions that the transaction asked of tables whose
records others wrote are asked again, of the snapshot that it read and of the newest one.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from .. import errors
from .failures import STORAGE_ERRORS
from .reads import ReadCatalog

if TYPE_CHECKING:
    from .catalog import StoredCatalog
    from .session import Session

_UNREADABLE: tuple[type[BaseException], ...] = (errors.OperationalError, *STORAGE_ERRORS)


class Certifier:
    """Looks again at what the transactions of one session have read."""

    def __init__(self, session: Session, catalog: StoredCatalog) -> None:
        self._session = session
        self.reads = ReadCatalog(catalog)
        """The tables for the transaction's statements, which note what is read."""
        self._read_at = b""
        self._others: set[bytes] = set()

    def begin(self) -> None:
        """A transaction begins, or begins to read anew, on the session's present snapshot."""
        self.reads.clear()
        self._read_at = self._seen._start
        self._others = set()

    def check(self, changed: set[bytes] | None) -> None:
        """ConflictError if others, who changed these records (None: unknown), have changed what was read."""
        reads = self.reads
        reads.note_own()
        if changed is None or reads.everything:
            if changed is None or not changed <= self._sequence_records():
                raise errors.ConflictError("another transaction was committed since this serializable one began")
            return
        self._others |= changed - self._sequence_records()
        if self._others and reads.asked:
            name = self._changed_read()
            if name is not None:
                raise errors.ConflictError(
                    f"another transaction changed rows of {name} that this serializable one read"
                )
        # What was read would be the same here. Without a lock others have gone on already: it was compared with that.
        if self._session.database.ordered or not reads.asked:
            self._read_at = self._seen._start
            self._others = set()

    def check_again(self) -> None:
        """``check``, where no lock orders commits, when the storage lets nobody else finish one any more."""
        seen = self._seen
        ask = getattr(seen._storage, "ping", None)
        if ask is not None:
            ask()  # whatever the server had sent before its answer has arrived with it
        if seen._storage.lastTransaction() < seen._start:
            return
        with seen._lock:
            changed = None if seen._invalidations is None else set(seen._invalidations)
        self.check(changed)

    @property
    def _seen(self) -> Any:
        """The storage as of the session's snapshot."""
        return self._session.zodb_connection._normal_storage

    def _changed_read(self) -> str | None:
        session = self._session
        try:
            with closing(session.snapshot(self._read_at)) as old, closing(session.snapshot()) as new:
                return self.reads.changed(old.catalog, new.catalog, self._others)
        except _UNREADABLE as error:
            raise errors.ConflictError(
                f"what this serializable transaction read cannot be compared with what it would read now ({error}); "
                f"run it again"
            ) from error

    def _sequence_records(self) -> set[bytes]:
        """The oids of what reserving ids writes, which says nothing about rows."""
        return {record._p_oid for record in self._session.zodb_connection.root()["sequences"].values()}
