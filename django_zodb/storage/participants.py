"""A session's parts in ZODB's two-phase commit: its transaction manager, and the last one to vote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transaction
from transaction._transaction import Status


class SessionTransaction(transaction.Transaction):  # type: ignore[misc]
    """A Transaction, whose commit is short where its session's connection alone takes part in it: nearly always."""

    status: str

    def commit(self) -> None:
        """Commit in two phases; whatever fails is undone and raised."""
        resources = self._resources
        others = len(resources) != 1 or len(self._synchronizers) != 1 or resources[0] not in self._synchronizers
        if others or self.status is not Status.ACTIVE or self._savepoint2index or self._before_commit:
            super().commit()
            return
        (connection,) = resources
        self.status = Status.COMMITTING
        try:
            connection.tpc_begin(self)
            connection.commit(self)
            connection.tpc_vote(self)
            self._voted[id(connection)] = True
            connection.tpc_finish(self)
        except BaseException:
            self._cleanup(resources)
            connection.afterCompletion(self)
            self._saveAndGetCommitishError()
            self._callAfterCommitHooks(status=False)
            raise
        self.status = Status.COMMITTED
        connection.afterCompletion(self)
        self._callAfterCommitHooks(status=True)
        self._free()


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
            self._txn = SessionTransaction(self._synchs, self)
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
