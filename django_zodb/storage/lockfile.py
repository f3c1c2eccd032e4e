"""The lock file of a database file: which processes use it, which rows they have locked, and who waits for whom.

Every process that uses the file holds a shared lock of the whole lock file. Single bytes, locked one by one, say the
rest, and the kernel frees them with the process that holds them, however it ends:

- each of the first 2**61 bytes is a row lock, see ``rowlocks``;
- each of the next 2**61 says that somebody has waited for that row for long, see ``turns``;
- two bytes above those belong to each slot, a part of the file's content where one process writes down which of its
  transactions wait. The first one says that the slot is taken, the second one that its content is true: so nothing
  that a process has left behind is ever believed.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from itertools import count, starmap
from typing import NamedTuple
from zlib import crc32

from .files import open_apart, read_all, write_all
from .locking import claim, is_marked

ROW_BYTES = 1 << 61
"""How many bytes stand for rows."""

NOTHING = -1

_FIRST_SLOT = 4096
"""The process id that ZODB's own lock files begin with stands before it."""
_SLOT = 1 << 16
_FLOOR_AT = 2048
_FLOOR = struct.Struct("<Q")
_HEADER = struct.Struct("<II")
_WAITER = struct.Struct("<dqqq")
_MOST_WAITERS = (_SLOT - _HEADER.size) // _WAITER.size


class Waiter(NamedTuple):
    """A transaction that waits for a row: together, ``since`` and ``owner`` name this wait and no other one."""

    since: float
    """When it began, by the monotonic clock, which is one for all processes."""
    owner: int
    wants: int
    """The row's byte."""
    holds: int
    """The byte of a row that the transaction has locked and another one waits for; or ``NOTHING``."""


def attend(path: str, alone: bool = False) -> int:
    """Say that this process uses the database: the descriptor to keep open. BlockingIOError if that cannot be.

    ZODB's own FileStorage locks this file for itself alone, and is kept away as long as somebody attends; so is,
    with ``alone``, everybody.
    """
    descriptor = open_apart(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        if alone:
            floor = read_all(descriptor, _FLOOR_AT, _FLOOR.size)
            os.truncate(descriptor, 0)
            os.write(descriptor, b" %d\n" % os.getpid())
            write_all(descriptor, floor, _FLOOR_AT)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class LockFile:
    """The lock file of a database that this process uses, until it is closed. Not thread-safe."""

    def __init__(self, path: str, alone: bool = False) -> None:
        self.descriptor = attend(path, alone)
        self._slot = NOTHING

    def close(self) -> None:
        """Free everything; harmless when repeated."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def floor(self) -> int:
        """The highest oid that was in use before the file was packed, or replaced, while processes had it open."""
        kept = read_all(self.descriptor, _FLOOR_AT, _FLOOR.size)
        return int(_FLOOR.unpack(kept)[0]) if len(kept) == _FLOOR.size else 0

    def raise_floor(self, oid: int) -> None:
        """No oid up to this one may be given again, whether or not it is in the file."""
        if oid > self.floor():
            write_all(self.descriptor, _FLOOR.pack(oid), _FLOOR_AT)

    def claim_row(self, byte: int, claimed: bool) -> bool:
        """Lock a row, or free it; False if another process has locked it."""
        return self.descriptor < 0 or claim(self.descriptor, byte, claimed)

    def has_claimed_rows(self) -> bool:
        """Whether another process has locked any row."""
        return self.descriptor >= 0 and is_marked(self.descriptor, 0, ROW_BYTES)

    def want_row(self, byte: int, wanted: bool) -> None:
        """Say that this process has waited for a row for long, or no more; it is enough if one process says it."""
        if self.descriptor >= 0:
            claim(self.descriptor, ROW_BYTES + byte, wanted)

    def is_wanted(self, byte: int) -> bool:
        """Whether another process has waited for the row for long."""
        return self.descriptor >= 0 and is_marked(self.descriptor, ROW_BYTES + byte)

    def is_any_wanted(self) -> bool:
        """Whether another process has waited for any row for long."""
        return self.descriptor >= 0 and is_marked(self.descriptor, ROW_BYTES, ROW_BYTES)

    def tell_waiters(self, waiters: Sequence[Waiter]) -> None:
        """Let other processes know who waits here, instead of what was told before."""
        if self.descriptor < 0:
            return
        if self._slot == NOTHING:
            self._slot = next(slot for slot in count() if claim(self.descriptor, _taken(slot), True))
        claim(self.descriptor, _true(self._slot), False)
        if not waiters:
            return
        content = b"".join(starmap(_WAITER.pack, waiters[:_MOST_WAITERS]))
        with suppress(OSError):  # a disk is full: others know nothing, and wait till their time is up
            write_all(self.descriptor, _HEADER.pack(crc32(content), len(content)) + content, _position(self._slot))
            claim(self.descriptor, _true(self._slot), True)

    def other_waiters(self) -> list[Waiter]:
        """What the other processes have told."""
        if self.descriptor < 0:
            return []
        slots = range((os.fstat(self.descriptor).st_size + _SLOT - 1 - _FIRST_SLOT) // _SLOT)
        return [waiter for slot in slots if is_marked(self.descriptor, _true(slot)) for waiter in self._content(slot)]

    def _content(self, slot: int) -> list[Waiter]:
        """What a slot says; nothing if it was written at this very moment."""
        checksum, length = _HEADER.unpack(read_all(self.descriptor, _position(slot), _HEADER.size))
        content = read_all(self.descriptor, _position(slot) + _HEADER.size, min(length, _SLOT))
        return [] if crc32(content) != checksum else list(starmap(Waiter, _WAITER.iter_unpack(content)))


def _position(slot: int) -> int:
    return _FIRST_SLOT + slot * _SLOT


def _taken(slot: int) -> int:
    return 2 * ROW_BYTES + 2 * slot


def _true(slot: int) -> int:
    return 2 * ROW_BYTES + 2 * slot + 1
