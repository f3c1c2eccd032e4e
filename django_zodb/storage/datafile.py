"""FileStorage made careful: no pickled code from the index file, no damaged file cut short, private modes.

The tail of a file may be a commit that a crash interrupted: FileStorage marks it with a checkpoint flag, nobody was
ever told that it is committed, and it is cut off at the next open. Any other incomplete or inconsistent transaction
means that the file was damaged or copied incompletely: FileStorage would cut that off too, and this class refuses.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Any

from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.format import TRANS_HDR_LEN
from ZODB.fsIndex import fsBucket, fsIndex
from ZODB.utils import u64
from zodbpickle.pickle import Unpickler, UnpicklingError

from ..errors import OperationalError
from .classes import refuse_resolution

MAGIC = b"FS30"
_CHECKPOINT = b"c"
_STATUSES = (b" ", b"p", b"u")
_STATUS_AT = 16


class DataFile(FileStorage):  # type: ignore[misc]
    """A FileStorage on an existing file that starts with ``MAGIC``; see ``create_file`` for a new one.

    Raises zc.lockfile.LockError if another process has it open for writing, OperationalError if it is damaged.
    """

    tryToResolveConflict = staticmethod(refuse_resolution)
    closed = False

    def __init__(self, path: str, read_only: bool = False, blob_dir: str | None = None) -> None:
        if not read_only:
            for suffix in (".lock", ".tmp"):  # they would get the mode of the umask, and .tmp holds rows
                _touch_private(path + suffix, path)
        try:
            super().__init__(path, read_only=read_only, blob_dir=blob_dir)
        except BaseException:
            self._release_files()
            raise

    def _restore_index(self) -> tuple[fsIndex, int, bytes] | None:
        """FileStorage's hook to load the saved index; it runs just before the file is read, and possibly cut."""
        saved = _read_saved_index(self.__name__ + ".index")
        sane = self._sane(*saved) if saved else None
        _refuse_damage(self._file, saved[1] if saved and sane else len(MAGIC), self.__name__)
        return (*saved, sane) if saved and sane else None

    def pack(self, t: float, referencesf: Any, gc: bool | None = None) -> None:
        """As FileStorage; the packed file keeps the mode of the old one."""
        _touch_private(self._file_name + ".pack", self._file_name)
        super().pack(t, referencesf, gc)

    def close(self) -> None:
        """As FileStorage, and harmless when repeated."""
        if not self.closed:
            self.closed = True
            super().close()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them or their lock.

        Closing would flush a half-written commit of the parent into its file, and unlocking would free its lock. So
        the descriptors are turned to the null device; the objects stay, their buffers can do no harm.
        """
        self.closed = True
        null = os.open(os.devnull, os.O_RDWR)
        try:
            for file in (self._file, self._tfile, self._lock_stream()):
                if file is not None and not file.closed:
                    os.dup2(null, file.fileno())
        finally:
            os.close(null)

    def _lock_stream(self) -> IO[str] | None:
        return getattr(getattr(self, "_lock_file", None), "_fp", None)

    def _release_files(self) -> None:
        """After a failed open: close what was opened, so that the lock is free at once."""
        lock = getattr(self, "_lock_file", None)
        if lock is not None:
            lock.close()
        for file in (getattr(self, "_file", None), getattr(self, "_tfile", None), getattr(self, "_files", None)):
            if file is not None:
                file.close()


def create_file(path: str) -> None:
    """Create an empty database file, readable by its owner only; an existing one is left as it is."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    try:
        os.write(descriptor, MAGIC)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _touch_private(path: str, like: str) -> None:
    """Make sure that ``path`` exists with the permission bits of ``like``."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.fchmod(descriptor, stat.S_IMODE(Path(like).stat().st_mode))
    except PermissionError:  # the file is another user's: its mode was chosen by that one
        pass
    finally:
        os.close(descriptor)


class _PlainUnpickler(Unpickler):  # type: ignore[misc]
    """Loads ints, tuples and bytes; FileStorage's own loader would run whatever an index file names."""

    def find_class(self, module: str, name: str) -> Any:
        raise UnpicklingError(f"an index file holds no {module}.{name}")


def _read_saved_index(path: str) -> tuple[fsIndex, int] | None:
    """The index and the file position it reaches; None if there is none or it makes no sense: it can be rebuilt."""
    try:
        with Path(path).open("rb") as file:
            unpickler = _PlainUnpickler(file)
            position = unpickler.load()
            if type(position) is not int:
                return None
            index = fsIndex()
            while entry := unpickler.load():
                prefix, suffixes = entry
                if len(prefix) != 6 or len(suffixes) % 8:
                    return None
                index._data[prefix] = fsBucket().fromString(suffixes)
    except (OSError, EOFError, UnpicklingError, SystemError, ValueError, TypeError, LookupError, AttributeError):
        return None  # a SystemError is what zodbpickle's C code makes of the refusal of a class
    return index, position


def _refuse_damage(file: IO[bytes], start: int, name: str) -> None:
    """Walk the transaction headers from ``start``; OperationalError at the first one that is neither whole nor torn."""
    size = file.seek(0, os.SEEK_END)
    position = start
    while position < size:
        file.seek(position)
        header = file.read(TRANS_HDR_LEN)
        if _is_torn(header):
            return
        length = u64(header[8:16]) if len(header) == TRANS_HDR_LEN else 0
        end = position + length
        if length < TRANS_HDR_LEN or end + 8 > size or header[_STATUS_AT : _STATUS_AT + 1] not in _STATUSES:
            raise _damaged(name, position, size)
        file.seek(end)
        if u64(file.read(8)) != length:
            raise _damaged(name, position, size)
        position = end + 8


def _is_torn(header: bytes) -> bool:
    """True for the start of a transaction that was never finished: flagged so, or nothing but what a crash leaves."""
    return len(header) <= _STATUS_AT or header[_STATUS_AT : _STATUS_AT + 1] == _CHECKPOINT or not any(header)


def _damaged(name: str, position: int, size: int) -> OperationalError:
    return OperationalError(
        f"{name} is truncated or damaged: the transaction at byte {position} of {size} is incomplete. Restore it from "
        f"a backup, or save what is readable with `python -m ZODB.fsrecover {name} recovered.fs`. "
        f"The file was not changed"
    )
