"""FileStorage made careful: no pickled code from the index file, no damaged file cut short, private modes.

The tail of a file may be a commit that a crash interrupted: FileStorage marks it with a checkpoint flag, nobody was
ever told that it is committed, and it is cut off at the next open. Any other incomplete or inconsistent transaction
means that the file was damaged or copied incompletely: FileStorage would cut that off too, and this class refuses.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import IO, Any

from ZODB.FileStorage import FileStorage
from ZODB.fsIndex import fsBucket, fsIndex
from ZODB.POSException import ReadOnlyError
from zodbpickle.pickle import Unpickler, UnpicklingError

from ..errors import OperationalError
from .classes import refuse_resolution
from .headers import headers

MAGIC = b"FS30"


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
            super().__init__(path, read_only=read_only, blob_dir=blob_dir, pack_keep_old=False)
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
        """As FileStorage; the packed file keeps the mode of the old one, and takes its place at one stroke."""
        if self._is_read_only:
            raise ReadOnlyError
        packed = Path(self._file_name + ".pack")
        _touch_private(str(packed), self._file_name)
        with packed.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OperationalError(f"{self._file_name} is being packed already") from error
            try:
                super().pack(t, referencesf, gc)
            finally:
                packed.unlink(missing_ok=True)
        _sync_folder(self._file_name)

    @staticmethod
    def packer(storage: FileStorage, referencesf: Any, stop: bytes, gc: bool) -> Any:
        """FileStorage's hook that writes the packed file, whose place in the folder it takes next.

        FileStorage neither makes the new file durable before that, nor replaces the old one at one stroke: it moves
        the old one to ``.old`` first, and a crash there would leave no database. Where the old file has been given
        that second name beforehand, moving it there does nothing (POSIX), and then the new one replaces it.
        """
        found = FileStorage.packer(storage, referencesf, stop, gc)
        if found is not None:
            try:
                _make_durable(storage._file_name)
            except BaseException:
                storage._commit_lock.release()  # which FileStorage holds from here on
                raise
        return found

    def _save_index(self) -> None:
        """As FileStorage; what it writes has the mode of the data file."""
        if not self._is_read_only:
            _touch_private(f"{self.__name__}.index.index_tmp", self._file_name)
        super()._save_index()

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


def _make_durable(path: str) -> None:
    """Before the packed file takes the place of the one at ``path``; see ``DataFile.packer``."""
    with Path(path + ".pack").open("rb") as packed:
        os.fsync(packed.fileno())
    try:
        os.link(path, path + ".old")
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise  # else: a file system without second names


def _sync_folder(path: str) -> None:
    """Make the names in the file's folder durable."""
    descriptor = os.open(Path(path).parent, os.O_RDONLY)
    try:
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
    """OperationalError if a transaction from ``start`` on is neither whole nor torn."""
    for _ in headers(file, start, name):
        pass
