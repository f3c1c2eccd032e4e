"""Row locks: what FOR UPDATE takes, and what commits of others wait for.

A row is known by the oid of its table's definition and its rowid; a unique key, which is locked in the same way by who
has looked for its row in vain and inserts it, by the oid of its index and a number made of it. A byte of the lock file
stands for either. Within a process a table of owners says who has locked what and who waits for whom; for a file, the
process also locks that byte for each of its locked rows, so that other processes find it taken. The kernel frees those
bytes with the process.

Who writes takes no lock before the commit; a commit that changes a row which another transaction has locked waits until
it is free. All waiting is bounded. Transactions of one process that wait for each other in a circle are found at once,
those of several processes by ``deadlocks``. Who has waited for long is served first, see ``turns``.
"""

from __future__ import annotations

import threading
from hashlib import blake2b
from itertools import count
from typing import Literal

from ..clock import clock
from ..errors import ConflictError, LockTimeoutError
from ..threads import notice_fork
from .deadlocks import LOOK_EVERY_S, Deadlocks, Waiting
from .lockfile import ROW_BYTES, LockFile
from .turns import LONG_S, Turns

Wait = Literal["wait", "nowait", "skip"]
Key = tuple[bytes, int]
"""Oid of a table's definition, rowid; or oid of an index, number of a key."""

_FIRST_PAUSE_S = 0.0002
_LONGEST_PAUSE_S = 0.01


class RowLocks:
    """The locks of one database in this process. Thread-safe; an owner is the number of a ``Locker``.

    ``shared`` is the lock file, if other processes may use the database, too.
    """

    def __init__(self, name: str, timeout_s: float, shared: LockFile | None) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._shared = shared
        self._changed = threading.Condition()
        self._owners: dict[int, int] = {}
        self._held: dict[int, list[int]] = {}
        self._waiting: dict[int, Waiting] = {}
        self._turns = Turns(shared, self._waiting)
        self._deadlocks = None if shared is None else Deadlocks(shared, self._owners, self._waiting)

    def take(self, owner: int, key: Key, wait: Wait) -> bool:
        """Lock a row; True, or False if another has it and it is to be skipped.

        LockTimeoutError if another keeps it for too long, or has it and ``wait`` is "nowait"; ConflictError where to
        wait would be to wait for ever.
        """
        row = _byte(key)
        with self._changed:
            if self._owns(owner, row):
                return True
            if wait == "skip":
                return False
            if wait == "nowait":
                raise LockTimeoutError("another transaction has locked the row, and NOWAIT was asked for")
            self._waiting[owner] = Waiting(owner, row)
            try:
                self._wait(owner, row)
            finally:
                del self._waiting[owner]
                if self._shared is not None and self._deadlocks is not None:
                    self._shared.want_row(row, False)
                    self._deadlocks.forget(owner)
            return True

    def _owns(self, owner: int, row: int) -> bool:
        """Whether the row is the owner's, also because it was free."""
        holder = self._owners.get(row)
        if holder is not None:
            return holder == owner
        if not self._turns.is_for(owner, row) or not (self._shared is None or self._shared.claim_row(row, True)):
            return False
        self._owners[row] = owner
        self._held.setdefault(owner, []).append(row)
        return True

    def _wait(self, owner: int, row: int) -> None:
        started = clock.monotonic()
        deadline = started + self._timeout_s
        pause = _FIRST_PAUSE_S
        while not self._owns(owner, row):
            now = clock.monotonic()
            if now >= deadline:
                raise LockTimeoutError(
                    f"another transaction has kept a row of {self._name} locked for {self._timeout_s:g} s. Run the "
                    f"transaction again, or raise the option timeout"
                )
            if self._is_circle(owner, row) or (self._deadlocks is not None and self._deadlocks.found(owner)):
                raise ConflictError("deadlock: two transactions wait for rows that the other one has locked")
            if self._shared is not None and now - started > LONG_S:
                self._shared.want_row(row, True)
            # Who frees a row in this process says so; other processes have to be asked.
            self._changed.wait(min(deadline - now, LOOK_EVERY_S if row in self._owners else pause))
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _is_circle(self, owner: int, row: int) -> bool:
        """Whether the row's holder waits, within this process, for what the owner has locked."""
        while True:
            holder = self._owners.get(row)
            if holder is None or holder == owner:
                return holder == owner
            waiting = self._waiting.get(holder)
            if waiting is None:
                return False
            row = waiting.row

    def concern(self, owner: int) -> bool:
        """Whether anybody else has locked any row. Cheap: every commit asks."""
        owners = self._held
        if len(owners) > (owner in owners):
            return True
        return self._shared is not None and self._shared.has_claimed_rows()

    def held(self, owner: int) -> int:
        """How many rows the owner has locked."""
        return len(self._held.get(owner, ()))

    def free(self, owner: int) -> None:
        """Free all that the owner has locked; the rest of it, if that was interrupted."""
        with self._changed:
            rows = self._held.get(owner, ())
            if rows:
                self._turns.pass_on(rows)
            for row in rows:
                if self._owners.get(row) == owner:
                    if self._shared is not None:
                        self._shared.claim_row(row, False)
                    del self._owners[row]
            self._held.pop(owner, None)
            self._changed.notify_all()


def _byte(key: Key) -> int:
    """The byte of the lock file that stands for a row; two rows in one byte cost a needless wait."""
    oid, rowid = key
    digest = blake2b(oid + rowid.to_bytes(9, "big", signed=True), digest_size=8).digest()
    return int.from_bytes(digest, "big") % ROW_BYTES


def number_of(key: object) -> int:
    """A number for a key of an index, the same in every process. Two keys of one number cost a needless wait."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big", signed=True)


_numbers = count(1)


class Locker:
    """An owner of row locks: one for each session. What it has locked is free at the latest when it is forgotten."""

    def __init__(self) -> None:
        self._number = next(_numbers)
        self._locks: RowLocks | None = None

    def take(self, locks: RowLocks, key: Key, wait: Wait) -> bool:
        """See ``RowLocks.take``."""
        self._locks = locks
        return locks.take(self._number, key, wait)

    @property
    def held(self) -> int:
        """How many rows it has locked."""
        return 0 if self._locks is None else self._locks.held(self._number)

    def concern(self, locks: RowLocks) -> bool:
        """See ``RowLocks.concern``."""
        return locks.concern(self._number)

    def free(self) -> None:
        """Free everything, unless it is a parent's; harmless when repeated."""
        locks, self._locks = self._locks, None
        if locks is None:
            return
        notice_fork()
        try:
            locks.free(self._number)
        except BaseException:  # a signal's, say: others would wait for what is left
            locks.free(self._number)
            raise

    def __del__(self) -> None:
        if hasattr(self, "_locks"):
            self.free()
