"""A session's parts in ZODB's two-phase commit: its transaction manager, and the last one to vote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transaction


class LazyManager(transaction.TransactionManager):  # type: ignore[misc]
    """Explicit, but a Transaction is made only when something is written: one that only reads costs half.

    The session tells its connection itself when a snapshot is taken and when it ends.
    """

    _txn: transaction.Transaction | None

    def __init__(self) -> None:
        super().__init__(explicit=True)

    def get(self) -> transaction.Transaction:
        """The transaction that is being written; made now if there is none yet."""
        if self._txn is None:
            self._txn = transaction.Transaction(self._synchs, self)
        return self._txn

    @property
    def writing(self) -> bool:
        """True once anything was written."""
        return self._txn is not None

    def abort(self) -> None:
        """Undo what was written, if anything."""
        if self._txn is not None:
            super().abort()


class LastCheck:
    """Joins a serializable transaction where no lock orders commits, to find out in time what came between.

    Its vote is the last. By then the storage lets nobody else finish, and tells of everybody who has.
    """

    transaction_manager = None

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def sortKey(self) -> str:
        """After every connection."""
        return "~~"

    def tpc_vote(self, transaction: Any) -> None:
        """Refuse, by what ``check`` raises, if others have changed what was read."""
        self._check()

    def tpc_begin(self, transaction: Any) -> None:
        """Nothing to do."""

    commit = tpc_finish = tpc_abort = abort = tpc_begin
