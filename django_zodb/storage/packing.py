"""Packing a file that others go on writing: what is new is copied without their lock, until little is left of it.

The packed file then takes the other one's place at one stroke.
"""

from __future__ import annotations

import os
import time
from io import FileIO
from pathlib import Path
from typing import Any

from persistent.TimeStamp import TimeStamp
from ZODB.FileStorage.FileStorage import RedundantPackWarning
from ZODB.FileStorage.fspack import FileStoragePacker
from ZODB.fsIndex import fsIndex
from ZODB.POSException import ReadOnlyError, StorageTransactionError

from ..errors import BeingPackedError, OperationalError
from .files import Handle, open_apart, sync_data, sync_folder, touch_private, write_all
from .locking import free, take
from .oids import highest
from .pending import PendingFile

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

    What is copied is made durable before the lock is taken: that takes seconds, during which others write more.
    """

    def copyToPacktime(self) -> tuple[int, int]:
        """Copy what is needed of what was there at that time; the positions that are reached in both files."""
        reached: tuple[int, int] = super().copyToPacktime()
        ipos, opos = reached
        if ipos != opos:  # else nothing is gained, and the copy is dropped
            self._make_durable()
        return reached

    def _make_durable(self) -> None:
        self._tfile.flush()
        sync_data(self._tfile.fileno())

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
                self._make_durable()
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


class PackableFile(PendingFile):
    """A shared file that packs itself; what is shared is the work of ``DataFile``."""

    _pos: int
    _view: Any

    def pack(self, t: float, referencesf: Any, gc: bool | None = None) -> None:
        """As FileStorage, while everybody goes on; the packed file keeps the mode of the old one."""
        if self._is_read_only:
            raise ReadOnlyError()
        if self._commit_lock.mine:
            raise StorageTransactionError("this thread is committing to the file that it should pack")
        stop = TimeStamp(*time.gmtime(t)[:5], t % 60).raw()
        self.sync()
        if Path(self._file_name).stat().st_nlink > 1:
            raise OperationalError(
                f"{self._file_name} has another name (a hard link), which would keep the old file: remove that first"
            )
        packed = self._begin_pack()
        packer = None
        try:
            packer = Packer(self, referencesf, stop, self._pack_gc if gc is None else gc)
            position = packer.pack()
            if position is not None:
                self._replace_file(packed, packer.index, position)
        except RedundantPackWarning:
            pass  # nothing to do
        finally:
            if self._commit_lock.mine:
                self._commit_lock.release()
            if packer is not None:
                packer.close()
            self._end_pack(packed)
        if self.blob_dir and packed is self._view[0]:
            self._remove_blob_files_tagged_for_removal_during_pack()

    def _begin_pack(self) -> Handle:
        """The file to pack into, locked: that makes it this process's, and the committer's once it is in place."""
        name = f"{self._file_name}.pack"
        while True:
            touch_private(name, self._file_name)
            handle = Handle(name, os.O_RDWR)
            if not take(handle.fd, 0.0):
                raise BeingPackedError(f"{self._file_name} is being packed already")
            if os.fstat(handle.fd).st_nlink > 1:
                raise OperationalError(f"{name} has another name (a hard link), and is left as it is: remove it")
            if Path(name).exists() and handle.is_at(name):
                self._pack_is_in_progress = True
                return handle

    def _end_pack(self, packed: Handle) -> None:
        self._pack_is_in_progress = False
        name = Path(f"{self._file_name}.pack")
        if packed is not self._view[0] and name.exists() and packed.is_at(str(name)):
            name.unlink()

    def _replace_file(self, packed: Handle, index: fsIndex, position: int) -> None:
        """Put the packed file in place; the old one, by a tail that makes no sense, says that it has gone."""
        os.fsync(packed.fd)
        view = self._view
        old, known = view
        if self.lock_file is not None:
            self.lock_file.raise_floor(highest(known))
        Path(self._index_name).unlink(missing_ok=True)
        try:
            write_all(old.fd, b"\0", self._pos)
            Path(f"{self._file_name}.pack").replace(self._file_name)
        except BaseException:
            os.ftruncate(old.fd, self._pos)
            raise
        sync_folder(self._file_name)
        with self._lock:
            self._file.close()
            file = FileIO(self._file_name, "r+b", opener=open_apart)  # it stays open
            former = self._former.add(view, self._ltid)
            self._use((packed, index), file)
            former.hand_out(self.readers())
            self._pos = position
            self._save_index()
        free(old.fd)
