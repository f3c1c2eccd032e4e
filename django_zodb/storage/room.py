"""Room behind the last transaction of a data file, so that most commits do not change the file's size.

To make a changed size durable, a file system writes its own journal besides the data. Measured on ext4, in turns, 1,000
times 4 kB each: 310 µs for an ``fsync`` of what was appended, 165 µs of what was written over something. So who commits
one small transaction after another writes room for the next ones behind it; whoever closes the file cuts it off.

The room consists of checkpoint flags: as the header of a transaction it says that this one is unfinished, which ends
the file for ZODB's own tools too. After a power failure any sector of the last transaction, which nobody was told of,
may still be what it was before: room. That tells it from one that was damaged later.
"""

from __future__ import annotations

import os

from .files import write_all

FLAG = b"c"
SIZE = 256 << 10
# What ``os.pread(descriptor, 8, end)`` finds behind the last transaction: no transaction's tid.
NOTHING = frozenset(FLAG * length for length in range(9))

# Room is worth writing for who commits repeatedly, and little at a time.
_COMMITS = 4
_LITTLE = SIZE // 4
_PART = SIZE // 8
SECTOR = 512  # what a disk writes as a whole, at least
_HOLE = FLAG * SECTOR
_ROOM = FLAG * SIZE


class Room:
    """Makes room in one file, for one process, which holds the commit lock whenever it calls.

    ``made`` tells whether it has. ``trusted``: whether what begins as room is room up to the file's end. A process
    that was killed leaves it so, but a power failure may not: nobody trusts what was there at first.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._reached = 0
        self.made = self.trusted = False

    def prepare(self, start: int, end: int) -> None:
        """Before a transaction is written from ``start`` to ``end``: it goes over room alone, or over none.

        Else a power failure could leave one that the file's old end cuts, as it would be in an incomplete copy.
        """
        if start < os.lseek(self._descriptor, 0, os.SEEK_END) < end:
            os.ftruncate(self._descriptor, start)

    def make(self, start: int, end: int) -> None:
        """Make room behind the transaction that was written from ``start`` to ``end``, if that is worth it.

        That the disk is full, say, is no reason for the transaction to fail.
        """
        if end - start > _LITTLE or os.lseek(self._descriptor, 0, os.SEEK_END) > end:
            return
        self._reached += 1
        if self._reached < _COMMITS:
            return
        self.made = True
        try:
            write_all(self._descriptor, _ROOM, end)
        except OSError:
            self._reached = 0
            os.ftruncate(self._descriptor, end)

    def cut(self, end: int) -> None:
        """Cut off what is behind the last transaction, which ends here."""
        if os.lseek(self._descriptor, 0, os.SEEK_END) > end:
            os.ftruncate(self._descriptor, end)
        self.trusted = True


def used(descriptor: int, start: int) -> int:
    """Where the room begins that the file ends with; the file's size if there is none. Not before ``start``."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end > start:
        length = min(end - start, _PART)
        data = os.pread(descriptor, length, end - length)
        if data != _ROOM[:length] and (rest := len(data.rstrip(FLAG))):
            return end - length + rest
        end -= length
    return start


def has_hole(data: bytes, position: int) -> bool:
    """Whether a whole sector of these bytes, which are at ``position`` of the file, is room."""
    at = data.find(_HOLE)
    while at >= 0:
        if data.startswith(_HOLE, sector := at + -(position + at) % SECTOR):
            return True
        at = data.find(_HOLE, sector)
    return False
