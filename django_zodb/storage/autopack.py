"""A file that is packed by itself, when it has grown to many times what is current in it.

To pack is a minute's work for a GB, and all of it Python's: a thread that did it would keep the others of its process
waiting for the interpreter. So a process of its own packs, with less priority, and is left to itself: it goes on when
this one ends, and nothing is lost when it is killed.

What is current is estimated from the sizes of some hundred objects, so nothing has to be noted anywhere, and whoever
else packs is welcome. A few large ones are easily missed, so the process that packs first adds up all of them, which
takes seconds where packing takes minutes. Objects that nothing refers to any more, of a table that was dropped for
instance, count as current until the file is packed for another reason.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import struct
import subprocess
import sys
import threading
from pathlib import Path

from ZODB.fsIndex import fsIndex
from ZODB.utils import p64

from ..chance import CHANCE
from ..errors import BeingPackedError, Error, OperationalError
from .failures import STORAGE_ERRORS
from .files import Handle
from .indexparts import Parts
from .oids import highest
from .savedindex import position_of
from .tail import RECORD

logger = logging.getLogger("django_zodb")

_ENOUGH = 200
_LOOKS = 2000
"""Ids may have gaps, so that more are looked for than there have to be."""
_NOT_PACKED = "%s cannot be packed by itself"
_NICE = 10
_MARGIN = 64 << 20
"""What others write meanwhile: a full disk would keep them from it."""
_NEEDLESS, _BUSY = 3, 4
"""The exit codes of a process that has found that most is current after all, or that another one packs."""
_FAILURES: tuple[type[BaseException], ...] = (*STORAGE_ERRORS, RuntimeError, struct.error)
"""Of the disk, the system that gives no process or thread, and a file that is damaged."""


class AutoPack:
    """Packs the file at ``path`` when it is ``factor`` times as large as what is current in it. Of one process."""

    def __init__(self, path: str, factor: float, blob_dir: str | None) -> None:
        self._path = path
        self._factor = factor
        self._options = {"blob_dir": blob_dir}
        self._packing = threading.Lock()
        self._least = 0
        """A file below that is not packed again: the last time may have freed less than was thought."""

    def __call__(self, handle: Handle, index: fsIndex, size: int) -> None:
        """For who has committed, when the file has grown by a step to ``size``. Returns at once, and raises nothing.

        The commit is durable: that packing fails is told to the log. And the commit lock is mostly held still: others
        would wait for the disk, too. So a thread looks, which this process waits for when it ends.
        """
        if size < self._least or not self._packing.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._look, args=(handle, index, size), name="django_zodb auto_pack").start()
        except RuntimeError:
            self._packing.release()
            logger.exception(_NOT_PACKED, self._path)

    def _look(self, handle: Handle, index: fsIndex, size: int) -> None:
        """Start to pack, if most of the file seems to be history."""
        started = False
        try:
            if size > self._factor * current_size(handle, index):
                self._start(size)
                started = True
        except _FAILURES:
            logger.exception(_NOT_PACKED, self._path)
        finally:
            if not started:
                self._packing.release()

    def _start(self, size: int) -> None:
        """Start the process that packs, and a thread that waits for its end."""
        logger.info("%s has grown to %d bytes, and is packed if most of that is history", self._path, size)
        process = subprocess.Popen(
            # -P: with -m, the working directory would come first, which may be one that anybody writes to.
            [_interpreter(), "-P", "-m", __name__, self._path, str(self._factor), json.dumps(self._options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(str(each or Path.cwd()) for each in sys.path)},
            start_new_session=True,  # Ctrl-C is not meant for it
        )
        threading.Thread(target=self._await, args=(process,), name="django_zodb auto_pack", daemon=True).start()

    def _await(self, process: subprocess.Popen[str]) -> None:
        try:
            _, said = process.communicate()
            if process.returncode == _BUSY:
                logger.info("%s is packed by another process", self._path)
                return
            if process.returncode not in (0, _NEEDLESS):
                reason = said.strip().rpartition("\n")[2] or f"it ended with {process.returncode}"
                logger.warning("%s was not packed by itself: %s", self._path, reason)
                return
            after = Path(self._path).stat().st_size
            done = "was packed" if process.returncode == 0 else "is not packed, as most of it is current"
            logger.info("%s %s: it has %d bytes", self._path, done, after)
            self._least = int(after * (1 + self._factor) / 2)
        finally:
            self._packing.release()


def current_size(handle: Handle, index: fsIndex) -> int:
    """About how many bytes the newest revisions of all objects of a file take."""
    count = index._data.size() if type(index._data) is Parts else len(index)
    last = highest(index)
    lengths: list[int] = []
    for _ in range(_LOOKS):
        position = position_of(index, p64(CHANCE.randint(0, last)))
        if position:
            lengths.append(_length(handle, position))
            if len(lengths) == _ENOUGH:
                break
    return count * sum(lengths) // max(len(lengths), 1)


def exact_size(handle: Handle, index: fsIndex) -> int:
    """The same to the byte: a look at each object."""
    return sum(_length(handle, position) for position in index.itervalues())


def check_room(path: str, needed: int) -> None:
    """OperationalError unless there is room for a file of ``needed`` bytes beside that at ``path``, and some more."""
    free = shutil.disk_usage(Path(path).parent).free
    if free < needed + needed // 8 + _MARGIN:
        raise OperationalError(
            f"it would take {needed >> 20} MB and some more, and {free >> 20} MB are free. Make room: it is tried "
            f"again when the file has grown"
        )


def _length(handle: Handle, position: int) -> int:
    """How many bytes the record at that position takes."""
    length: int = RECORD.unpack(os.pread(handle.fd, RECORD.size, position))[-1]
    return RECORD.size + length


def _interpreter() -> str:
    """Python's own program: that of this process may be a server which has Python in it."""
    of_this_version = f"python{sys.version_info.major}.{sys.version_info.minor}"  # its modules are no other one's
    for each in (sys.executable or "", f"{sys.exec_prefix}/bin/{of_this_version}"):
        if Path(each).name.startswith(("python", "pypy")) and os.access(each, os.X_OK):
            return each
    raise FileNotFoundError(f"there is no interpreter in {sys.exec_prefix}: pack by `manage.py zodbpack`")


def main() -> None:
    """``python -m django_zodb.storage.autopack PATH FACTOR OPTIONS``: pack that file, if it is so large."""
    from .database import Database

    os.nice(_NICE)
    path, factor, options = sys.argv[1:]
    try:
        database = Database.open(path, create=False, **json.loads(options))
        try:
            storage = database._opened_storage()
            needed = exact_size(*storage._view)
            if storage.getSize() <= float(factor) * needed:
                sys.exit(_NEEDLESS)
            check_room(storage.getName(), needed)
            database.pack(database.time())
        finally:
            database.close()
    except BeingPackedError:
        sys.exit(_BUSY)
    except Error as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
