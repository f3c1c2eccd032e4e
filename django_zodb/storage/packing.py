"""Packing a file that others go on writing: FileStorage's packer, which copies what is new without their lock."""

from __future__ import annotations

from typing import Any

from ZODB.FileStorage.fspack import FileStoragePacker

_ROUNDS = 20
_LITTLE = 256 * 1024


class _NoLock:
    """Stands in for the commit lock while it is not to be taken, or is held already."""

    def acquire(self) -> None:
        """Nothing."""

    def release(self) -> None:
        """Nothing."""


class Packer(FileStoragePacker):  # type: ignore[misc]
    """Copies what was committed meanwhile in rounds, without the commit lock; only for the last of it the lock is held.

    FileStorage's own would take the lock again for each transaction that it copies, and never catch up with writers
    who are as fast. ``pack`` returns with the lock held.
    """

    def copyRest(self, ipos: int) -> None:
        """Copy all transactions from ``ipos`` on; called with the commit lock, which is held again at the end."""
        storage: Any = self._storage
        lock: Any = storage._commit_lock
        self._commit_lock: Any = _NoLock()  # for copyOne
        try:
            lock.release()
            for _ in range(_ROUNDS):
                storage.sync()
                end = storage.getSize()
                little = end - ipos < _LITTLE
                ipos = self._copy_until(ipos, end)
                if little:
                    break
            lock.acquire()
            self._copy_until(ipos, storage.getSize())
        except BaseException:
            self.locked = lock.mine
            raise
        finally:
            self._commit_lock = lock
        self.locked = True

    def _copy_until(self, ipos: int, end: int) -> int:
        while ipos < end:
            ipos = self.copyOne(ipos)
        return ipos
