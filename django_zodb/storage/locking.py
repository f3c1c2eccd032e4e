"""The commit lock of a database: one committer at a time, among the threads of a process and, for a file, everywhere.

Threads wait for each other in the process; the one whose turn it is then takes the file's lock, an ``flock`` on the
data file itself: whatever path leads to it, and whatever happens to the process that holds it, the kernel knows who
has it and frees it with its last holder. All waiting is bounded: a process that is stopped inside its commit costs the
others an error, not their life.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ..chance import CHANCE
from ..clock import clock
from ..errors import LockTimeoutError
from ..threads import notice_fork

# Between two looks at a file's lock: a commit takes a fraction of a millisecond to some milliseconds.
# Looks become rarer, so that a busy process can commit several times in a row, with its caches warm: four make a third
# more commits than when they change places each time. Who has waited for long looks often, to be next.
_FIRST_PAUSE_S = 0.0002
_LONGEST_PAUSE_S = 0.008
_LONG_S = 0.05

_FLOCK = struct.Struct("hhqqi4x")
_TO_THE_END = 0
# macOS and the BSDs have no locks of this kind, or Python does not name them there.
HAS_RANGE_LOCKS = hasattr(fcntl, "F_OFD_SETLK")


class CommitLock:
    """A lock with bounded waiting; the thread that holds it may take it again.

    ``obtain``, if given, is called with the deadline (of ``time.monotonic``) when a thread has taken the lock that it
    did not hold, and ``give_up`` before it is free again: that is where a file's lock is taken and released.
    """

    def __init__(
        self,
        name: str,
        timeout_s: float,
        obtain: Callable[[float], None] | None = None,
        give_up: Callable[[], None] | None = None,
    ) -> None:
        self._name = name
        self.timeout_s = timeout_s
        self._obtain = obtain
        self._give_up = give_up
        self._lock = threading.Lock()
        self._owner = 0
        self._depth = 0

    @property
    def mine(self) -> bool:
        """True if the calling thread holds it."""
        return self._owner == threading.get_ident()

    @property
    def is_others(self) -> bool:
        """True if another thread holds it."""
        return self._owner not in (0, threading.get_ident())

    def acquire(self, timeout_s: float | None = None) -> bool:
        """Take it, or take it once more; LockTimeoutError if another holds it for too long. Always True."""
        me = threading.get_ident()
        if self._owner == me:
            self._depth += 1
            return True
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        deadline = clock.monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            raise self.timed_out("thread")
        if self._obtain is not None:
            try:
                self._obtain(deadline)
            except BaseException:
                self._lock.release()
                raise
        self._owner = me
        self._depth = 1
        return True

    def release(self) -> None:
        """Give it back, as often as it was taken."""
        self._depth -= 1
        if self._depth:
            return
        self._owner = 0
        try:
            if self._give_up is not None:
                self._give_up()
        finally:
            self._lock.release()

    def let_go(self) -> None:
        """Free it, however often the calling thread has taken it; nothing if that thread has not."""
        if self.mine:
            self._depth = 1
            self.release()

    def adopt(self) -> None:
        """The calling thread goes on with what another one took: a session may change its thread."""
        self._owner = threading.get_ident()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def timed_out(self, what: str) -> LockTimeoutError:
        """The error for a lock that another ``what`` (thread or process) did not free in time."""
        return LockTimeoutError(
            f"another {what} has kept the commit lock of {self._name} for {self.timeout_s:g} s: it commits, changes "
            f"definitions, or was stopped in the middle. Run the transaction again, or raise the option timeout"
        )


def take(descriptor: int, deadline: float, meanwhile: Callable[[], object] | None = None) -> bool:
    """Take the lock of an open file, which is freed when its last descriptor is closed; False if time is up.

    ``meanwhile`` is called before each further try.
    """
    began = clock.monotonic()
    pauses = 0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            now = clock.monotonic()
            if now >= deadline:
                return False
            pause = _pause(now - began, pauses)
            time.sleep(CHANCE.uniform(pause / 2, pause))
            pauses += 1
            if meanwhile is not None:
                meanwhile()
        else:
            return True


def _pause(waited: float, pauses: int) -> float:
    if waited < _LONG_S:
        return min(_FIRST_PAUSE_S * (1 << min(pauses, 9)), _LONGEST_PAUSE_S)
    return min(waited / 100, _LONGEST_PAUSE_S)


def free(descriptor: int) -> None:
    """Free the lock that ``take`` took."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


# --- marks -----------------------------------------------------------------------------------------------------------


def mark(descriptor: int, position: int, marked: bool) -> None:
    """Mark a byte of the file as belonging to a commit that is being made durable; the mark dies with the process."""
    if HAS_RANGE_LOCKS:
        _set(descriptor, position, marked)


def is_marked(descriptor: int, position: int, length: int = 1) -> bool:
    """True if another process has marked one of these bytes."""
    if not HAS_RANGE_LOCKS:
        return False
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, position, length, 0)
    answer = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked))
    return bool(answer[0] != fcntl.F_UNLCK)


def claim(descriptor: int, position: int, claimed: bool) -> bool:
    """Mark a byte, or take the mark away; False if another process has marked it."""
    try:
        _set(descriptor, position, claimed)
    except BlockingIOError:
        return False
    return True


def free_all(descriptor: int) -> None:
    """Free the lock of an open file and all marks, whether or not there are any."""
    free(descriptor)
    if HAS_RANGE_LOCKS:
        _set(descriptor, 0, False, _TO_THE_END)


def _set(descriptor: int, position: int, marked: bool, length: int = 1) -> None:
    kind = fcntl.F_WRLCK if marked else fcntl.F_UNLCK
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, position, length, 0))


class Hold:
    """The commit lock, kept by a session; freed at the latest when the session is forgotten.

    Where it does not concern everybody, ``server`` may let this process come first; then Hold has ``precedence``.
    """

    def __init__(self, lock: CommitLock, server: Any = None) -> None:
        lock.acquire()
        self._lock: CommitLock | None = lock
        self._server = server
        self.precedence = False
        if server is not None:
            try:
                self.precedence = server.take_precedence()
            except BaseException:
                self.release()
                raise

    def adopt(self) -> None:
        """The session goes on in the calling thread."""
        if self._lock is not None:
            self._lock.adopt()

    def release(self) -> None:
        """Free the lock, unless it is a parent's; harmless when repeated."""
        if self._lock is not None:
            notice_fork()
        if self.precedence:
            self.precedence = False
            self._server.end_precedence()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.adopt()
            lock.release()

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self.release()
