"""Row locks: what FOR UPDATE takes, and what commits of others wait for.

A row is known by the oid of its table's definition and its rowid; a unique key, which is locked in the same way by who
has looked for its row in vain and inserts it, by the oid of its index and a number made of it. Within a process a table
of owners says who has locked what and who waits for whom; for a file, the process also holds a byte of the lock file
for each of its locked rows, so that other processes find it taken. The kernel frees those bytes with the process.

Who writes takes no lock before the commit; a commit that changes a row which another transaction has locked waits until
it is free. All waiting is bounded. Transactions of one process that wait for each other in a circle are found at once;
those of several processes end when the time is up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import blake2b
from itertools import count
from typing import Literal

from ..clock import clock
from ..errors import ConflictError, LockTimeoutError

Wait = Literal["wait", "nowait", "skip"]
Key = tuple[bytes, int]
"""Oid of a table's definition, rowid; or oid of an index, number of a key."""

_FIRST_PAUSE_S = 0.0002
_LONGEST_PAUSE_S = 0.01

#: Lock (or free, False) a byte of the lock file; False if another process has it.
Claim = Callable[[int, bool], bool]


class RowLocks:
    """The locks of one database in this process. Thread-safe; an owner is the number of a ``Locker``."""

    def __init__(self, name: str, timeout_s: float, claim: Claim | None, others: Callable[[], bool] | None) -> None:
        self._name = name
        self._timeout_s = timeout_s
        self._claim = claim
        self._others = others
        self._changed = threading.Condition()
        self._owners: dict[Key, int] = {}
        self._held: dict[int, list[Key]] = {}
        self._waiting: dict[int, Key] = {}

    def take(self, owner: int, key: Key, wait: Wait) -> bool:
        """Lock a row; True, or False if another has it and it is to be skipped.

        LockTimeoutError if another keeps it for too long, or has it and ``wait`` is "nowait"; ConflictError where to
        wait would be to wait for ever.
        """
        deadline = clock.monotonic() + self._timeout_s
        pause = _FIRST_PAUSE_S
        with self._changed:
            while True:
                holder = self._owners.get(key)
                if holder == owner:
                    return True
                if holder is None and (self._claim is None or self._claim(_byte(key), True)):
                    self._owners[key] = owner
                    self._held.setdefault(owner, []).append(key)
                    return True
                if wait == "skip":
                    return False
                left = deadline - clock.monotonic()
                if wait == "nowait" or left <= 0:
                    raise self._taken(wait)
                if self._is_circle(owner, key):
                    raise ConflictError("deadlock: two transactions wait for rows that the other one has locked")
                self._waiting[owner] = key
                try:
                    # Who frees a row in this process says so; other processes have to be asked.
                    self._changed.wait(left if holder is not None else min(left, pause))
                finally:
                    del self._waiting[owner]
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _is_circle(self, owner: int, key: Key | None) -> bool:
        while key is not None:
            holder = self._owners.get(key)
            if holder == owner:
                return True
            if holder is None:
                return False
            key = self._waiting.get(holder)
        return False

    def _taken(self, wait: Wait) -> LockTimeoutError:
        if wait == "nowait":
            return LockTimeoutError("another transaction has locked the row, and NOWAIT was asked for")
        return LockTimeoutError(
            f"another transaction has kept a row of {self._name} locked for {self._timeout_s:g} s. Run the transaction "
            f"again, or raise the option timeout"
        )

    def concern(self, owner: int) -> bool:
        """Whether anybody else has locked any row. Cheap: every commit asks."""
        owners = self._held
        if len(owners) > (owner in owners):
            return True
        return self._others is not None and self._others()

    def held(self, owner: int) -> int:
        """How many rows the owner has locked."""
        return len(self._held.get(owner, ()))

    def free(self, owner: int) -> None:
        """Free all that the owner has locked."""
        with self._changed:
            for key in self._held.pop(owner, ()):
                del self._owners[key]
                if self._claim is not None:
                    self._claim(_byte(key), False)
            self._changed.notify_all()


def _byte(key: Key) -> int:
    """The byte of the lock file that stands for a row; two rows in one byte cost a needless wait."""
    oid, rowid = key
    digest = blake2b(oid + rowid.to_bytes(9, "big", signed=True), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 2


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
        """Free everything; harmless when repeated."""
        locks, self._locks = self._locks, None
        if locks is not None:
            locks.free(self._number)

    def __del__(self) -> None:
        if hasattr(self, "_locks"):
            self.free()
