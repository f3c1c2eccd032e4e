"""A FileStorage that any number of processes have open and write, with nothing between them but the file.

FileStorage appends each transaction to its file, so what others commit is simply what follows the end that a process
knows. ``sync``, at the begin of each transaction, looks at what is there: nothing, room for the next ones (room.py), or
what is new, which is entered into the index, and the connections of this process hear of it. Who commits holds the
file's lock from ``tpc_begin`` to the end, and enters first what others committed: so the file grows by one transaction
at a time, and serials are compared with the newest ones. A process that is killed in its commit leaves a torn tail,
which nobody reads and which is cut off by the next one that commits.

Positions in a file are final once a transaction is complete, so records are read without any lock. Only packing makes
another file of it; then everybody opens that one, with a new index, and who reads what was before goes on with the old
one (see ``former``).

No pickled code is loaded from the index file, no damaged file is cut short, and all files have the mode of the data
file. Closed, the file is one that FileStorage itself opens.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from time import monotonic
from typing import IO, Any

from persistent.TimeStamp import TimeStamp
from ZODB.BaseStorage import BaseStorage
from ZODB.FileStorage.format import DATA_HDR_LEN, CorruptedDataError
from ZODB.fsIndex import fsIndex
from ZODB.interfaces import IBlobStorageRestoreable
from ZODB.POSException import POSKeyError, ReadOnlyError, StorageTransactionError
from ZODB.utils import maxtid, p64, u64, z64
from zope.interface import alsoProvides, implementer

from ..errors import OperationalError
from .classes import refuse_resolution
from .failures import ClosedError
from .files import Handle, create_whole, lead_nowhere, open_apart, read_all, sync_data, touch_private, write_all
from .former import FormerViews, Reader, View
from .headers import PACKED, STATUS_AT
from .lockfile import LockFile
from .locking import CommitLock, free, free_all, is_marked, mark, take
from .oids import Oids, highest
from .packing import PackableFile
from .room import NOTHING, Room
from .savedindex import enter, load_index, position_of, save_index
from .tail import LENGTH, RECORD, TRANSACTION, last_transactions, transactions

MAGIC = b"FS30"

_READ_AT_ONCE = 4096
_WRITE_AT_ONCE = 1 << 20
# How often the path is looked at: whoever packs says so in the old file, but a person may put another one there.
_LOOK_S = 1.0
# How long closing waits for a commit of another thread.
_LONGEST_COMMIT_S = 30.0
# The index is saved when the file has grown by so much, or by a sixteenth: what a killed process leaves to be scanned.
_SAVE_STEP = 64 << 20
# Of a file of this size, saving it costs nothing that anybody would notice.
_SMALL = 16 << 20


@implementer()  # what FileStorage does; worked out with the class, since ZODB asks when a file is opened
class DataFile(PackableFile):
    """A shared FileStorage on an existing file that starts with ``MAGIC``; see ``create_file`` for a new one.

    ``alone`` keeps everybody else away. Raises BlockingIOError if another process does so, or has the file open where
    this one wants to be alone; OperationalError if the file is damaged. Commits raise LockTimeoutError.
    """

    tryToResolveConflict = staticmethod(refuse_resolution)
    closed = False
    readers: Callable[[], Iterable[Reader]] = tuple
    """All that read snapshots of the file in this process."""
    grown: Callable[[Handle, fsIndex, int], None] | None = None
    """Called after a commit with which the file has grown by a step, with its size; must neither raise nor wait."""
    lock_file: LockFile | None = None
    _db: Any = None
    _view: Any = None
    _ude: Any = None
    _commit_lock: CommitLock

    def __init__(
        self,
        path: str,
        read_only: bool = False,
        blob_dir: str | None = None,
        timeout_s: float = 10.0,
        alone: bool = False,
    ) -> None:
        BaseStorage.__init__(self, path)
        self._is_read_only = read_only
        self._file_name = str(Path(path).absolute())
        self._pack_gc, self.pack_keep_old, self._quota = True, False, None
        self._commit_lock = CommitLock(path, timeout_s, self._obtain_file, self._free_file)
        self._commit_lock_acquire = self._commit_lock.acquire
        self._commit_lock_release = self._commit_lock.release
        self._held = False
        self._former = FormerViews()
        self._nextpos = 0
        self._oids = Oids()
        self._look_at = 0.0
        try:
            if not read_only:
                touch_private(path + ".lock", path)
                self.lock_file = LockFile(path + ".lock", alone)
                self._renew_temporary()
            view, file, self._pos, self._ltid = self._open()
            self._use(view, file)
        except BaseException:
            self._release_files()
            raise
        self._ts = TimeStamp(self._ltid)
        if self._is_index_stale():
            self._tidy_if_free(save=True)
        self.blob_dir = str(Path(blob_dir).absolute()) if blob_dir else None
        if blob_dir:
            self._blob_init(blob_dir)
            alsoProvides(self, IBlobStorageRestoreable)
        else:
            self._blob_init_no_blobs()

    # --- opening and closing ---------------------------------------------------------------------------------------

    def _open(self) -> tuple[View, IO[bytes], int, bytes]:
        """Open what is at the path now, and index it; with the position and the tid that the index reaches."""
        flags, mode = (os.O_RDONLY, "rb") if self._is_read_only else (os.O_RDWR, "r+b")
        while True:
            handle = Handle(self._file_name, flags)
            file = FileIO(self._file_name, mode, opener=open_apart)  # it stays open
            if os.path.sameopenfile(handle.fd, file.fileno()):
                break
            file.close()  # it was packed at this very moment
        try:
            saved = load_index(self._index_name, handle)
            index, position, tid = saved or (fsIndex(), len(MAGIC), z64)
            self._saved = position if saved else 0
            for found in transactions(handle.fd, self._file_name, position, settled=False):
                if os.pread(handle.fd, 8, found.end) in NOTHING and is_marked(handle.fd, found.start):
                    break
                enter(index, found.records)
                position, tid = found.end, found.tid
        except BaseException:
            file.close()
            raise
        return (handle, index), file, position, tid

    def _use(self, view: View, file: IO[bytes]) -> None:
        handle, index = self._view = view
        self._initIndex(index, {})
        self._behind = partial(os.pread, handle.fd, 8)  # called for each transaction: no Python in it
        self._file = file
        self._room = Room(file.fileno())

    @property
    def _index_name(self) -> str:
        return f"{self._file_name}.index"

    def _save_index(self) -> None:
        """Save the index; with the commit lock, so that it is one of the file that is there."""
        save_index(self._index_name, self._index, self._pos, self._file_name)
        self._saved = self._pos

    def _is_index_stale(self) -> bool:
        """Whether who opens the file next would take longer to read what the saved index lacks than saving it takes.

        Measured: saving takes 5 µs for each MB of the file, reading 5 ms for each MB that is lacking.
        """
        return (self._pos - self._saved) * 256 > self._pos

    def _tidy_if_free(self, save: bool) -> None:
        """Cut off the room and ``save`` the index, unless that means to wait for a commit, or fails: it is no harm."""
        if self._is_read_only:
            return
        try:
            self._commit_lock.acquire(0.0)
        except OperationalError:
            return
        try:
            with self._lock:
                self._room.cut(self._pos)
                if save:
                    self._save_index()
        except OSError:
            pass
        finally:
            self._commit_lock.release()

    def close(self) -> None:
        """Close the file, without room, and save its index, if that is worth it; harmless when repeated."""
        if self.closed:
            return
        with self._lock:
            self.closed = True  # no commit begins from now on
        self._await_commit()
        save = self._is_index_stale() or (self._pos < _SMALL and self._pos != self._saved)
        if save or self._room.made:
            self._tidy_if_free(save)
        self._release_files()

    def give_up(self) -> None:
        """Close, whatever is half done: as if the process had been killed. For who was interrupted.

        Only a commit that another thread is writing is waited for: it must not go on in a file that is closed, or with
        a descriptor that is another file's by then.
        """
        if self.closed:
            return
        self.closed = True
        try:
            self._await_commit()
        finally:
            self._release_files()

    def _await_commit(self) -> None:
        """Wait for the end of a commit that another thread is in the middle of."""
        deadline = monotonic() + _LONGEST_COMMIT_S
        while self._transaction is not None and self._commit_lock.is_others and monotonic() < deadline:
            time.sleep(0.001)

    def _release_files(self) -> None:
        self.closed = True
        self._held = False
        if self._view is not None and self._view is not _CLOSED:
            free_all(self._view[0].fd)  # a traceback may keep it open for long
        for file in (getattr(self, "_file", None), self._tfile):
            if file is not None:
                file.close()
        if self.lock_file is not None:
            self.lock_file.close()
        self._view = _CLOSED
        self._former.let_go()
        self._initIndex(fsIndex(), {})  # the index file is open as long as there may be something to read from it

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them or their locks.

        Unlocking would free the parent's lock, and what is buffered belongs to its commit. So the descriptors are
        turned to the null device; the objects stay, their buffers can do no harm.
        """
        if self.closed:
            return
        self.closed = True
        open_files = (self._file, self._tfile if self.spilled else None)
        own = [file.fileno() for file in open_files if file is not None and not file.closed]
        handles = [self._view[0], *self._former.let_go()]
        own += [handle.fd for handle in handles]
        own += [] if self.lock_file is None else [self.lock_file.descriptor]
        lead_nowhere(own)
        self._view = self._view[0], fsIndex()
        self._initIndex(fsIndex(), {})

    # --- what others do --------------------------------------------------------------------------------------------

    def registerDB(self, db: Any) -> None:
        """Called by ZODB, or by a ZEO server, with who is to hear what others have committed."""
        super().registerDB(db)
        self._db = db

    def sync(self, force: bool = True) -> None:
        """Enter what others have committed. Costs nearly nothing if that is nothing."""
        try:
            if self._behind(self._pos) in NOTHING and monotonic() < self._look_at:
                return
        except OSError:
            pass  # another thread has just opened another file
        self._follow()

    def _follow(self) -> None:
        with self._lock:
            if self._held or self.closed:
                return  # who holds the commit lock has entered everything
            handle, _ = self._view
            self._enter(settled=False)
            now = monotonic()
            if now > self._look_at or self._behind(self._pos) not in NOTHING:
                if not self._is_current(handle):
                    self._reopen()
                self._look_at = now + _LOOK_S

    def _enter(self, settled: bool) -> None:
        """Enter the transactions behind those that are known; ``settled``: with the commit lock."""
        handle, index = self._view
        if self._behind(self._pos) in NOTHING:
            if handle.size() < self._pos:
                self._reopen()
            return
        for found in transactions(handle.fd, self._file_name, self._pos, settled):
            last = self._behind(found.end) in NOTHING
            if last and not settled and is_marked(handle.fd, found.start):
                return  # complete, but perhaps not on the disk yet
            enter(index, found.records)
            if self._db is not None:
                self._db.invalidate(found.tid, list(found.records))
            # In this order, for other threads: who reads the tid has been told what it changed, and who finds that the
            # file ends here finds the tid.
            self._ltid = found.tid
            self._pos = found.end
            if last:
                return

    def _is_current(self, handle: Handle) -> bool:
        """Whether the path still leads to the file that is open."""
        try:
            return handle.is_at(self._file_name)
        except FileNotFoundError as error:
            raise OperationalError(
                f"{self._file_name} was moved away or deleted while it was open. Put it back, or restart"
            ) from error

    def _reopen(self) -> None:
        """Another file was put in place of the open one, by packing or by hand."""
        old, file = self._view, self._file
        if self._is_current(old[0]) and old[0].size() >= self._pos:
            return  # another thread has opened it just now
        if self._behind(self._pos) not in NOTHING:
            self._enter(settled=False)  # what was committed to the old one until it was replaced
        view, opened, position, tid = self._open()
        known = self._ltid
        former = changed = None
        if old[0].identity != view[0].identity and tid >= known:
            changed = self._changed_since(known, view[0], position)
            # Where another file was there in between, the new one may lack what was current at the end of the old one.
            former = self._former.add(old, known if changed is not None else p64(u64(known) + 1))
        else:
            self._former.let_go()
        if self.lock_file is not None:  # whatever was put in its place
            self.lock_file.raise_floor(highest(old[1]))
        self._use(view, opened)
        file.close()
        if self._db is not None:
            if changed is None:
                self._db.invalidateCache()
            elif changed:
                self._db.invalidate(tid, changed)
        self._ltid = tid
        self._pos = position
        if former is not None:
            former.hand_out(self.readers())

    def _changed_since(self, known: bytes, handle: Handle, end: int) -> list[bytes] | None:
        """The oids of what was committed after the tid ``known``, up to ``end``; None if that cannot be told."""
        first = end
        for tid, start in last_transactions(handle.fd, end):
            if tid == known:
                break
            if tid < known or os.pread(handle.fd, 1, start + STATUS_AT) == PACKED:
                return None  # another history, or something else may have been changed, and packed away
            first = start
        else:
            return None
        oids: set[bytes] = set()
        for found in transactions(handle.fd, self._file_name, first, settled=True):
            if found.start >= end:
                break
            oids.update(found.records)
        return list(oids)

    # --- the commit lock -------------------------------------------------------------------------------------------

    def _obtain_file(self, deadline: float) -> None:
        """Take the file's lock and enter what others have committed; what is torn behind that is cut off."""
        while True:
            self.sync()  # what is long is read without the lock
            handle: Handle = self._view[0]
            try:
                if not take(handle.fd, deadline, self.sync):
                    raise self._commit_lock.timed_out("process")
                with self._lock:
                    if not self._is_current(handle):
                        self._reopen()
                    self._enter(settled=handle is self._view[0])
                    if handle is self._view[0]:
                        trusted = self._room.trusted and self._behind(self._pos) in NOTHING
                        if not trusted and not self._is_read_only:
                            self._room.cut(self._pos)
                        if self._ltid > self._ts.raw():
                            self._ts = TimeStamp(self._ltid)
                        self._held = True
                        return
            except BaseException:
                free(handle.fd)
                raise
            free(handle.fd)

    def _free_file(self) -> None:
        view = self._view  # whose descriptor stays open, whoever closes the file meanwhile
        if self._held:  # closing has freed it already
            self._held = False
            free(view[0].fd)

    # --- reading ---------------------------------------------------------------------------------------------------

    def lastTransaction(self) -> bytes:
        """The newest tid that is known here."""
        return self._ltid

    def load(self, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        """The newest data that is known here, and its tid."""
        found = self.loadBefore(oid, maxtid)
        if found is None:
            raise POSKeyError(oid)
        return found[0], found[1]

    def loadBefore(self, oid: bytes, tid: bytes) -> tuple[bytes, bytes, bytes | None] | None:
        """(data, tid, tid of the next revision) of the revision before ``tid``; None if there was none."""
        view = self._view
        if self._former:
            view = self._former.before(tid) or view
        handle, index = view
        position = position_of(index, oid)
        if not position:
            raise POSKeyError(oid)
        following = None
        while True:
            data = os.pread(handle.fd, _READ_AT_ONCE, position)
            if data[:8] != oid or len(data) < DATA_HDR_LEN + 8:
                raise CorruptedDataError(oid, data[:DATA_HDR_LEN], position)
            _, serial, previous, transaction, _, length = RECORD.unpack_from(data)
            if not transaction:  # zeros, which look like a deletion of the root
                raise CorruptedDataError(oid, data[:DATA_HDR_LEN], position)
            if serial < tid:
                break
            if os.pread(handle.fd, 8, transaction) != serial:  # else a changed byte in it would hide this revision
                raise CorruptedDataError(oid, data[:DATA_HDR_LEN], position)
            if not previous:
                return None
            position, following = previous, serial
        while not length:  # an undone change: it refers to the record that is valid again
            (position,) = LENGTH.unpack_from(data, DATA_HDR_LEN)
            if not position:
                raise POSKeyError(oid)
            data = os.pread(handle.fd, _READ_AT_ONCE, position)
            length = RECORD.unpack_from(data)[-1]
        end = DATA_HDR_LEN + length
        if end > len(data):
            data += read_all(handle.fd, position + len(data), end - len(data))
        return data[DATA_HDR_LEN:end], serial, following

    # --- writing ---------------------------------------------------------------------------------------------------

    def new_oid(self) -> bytes:
        """An oid that no process uses."""
        if self._is_read_only:
            raise ReadOnlyError()
        with self._lock:
            oids = self._oids
            if not self._commit_lock.mine or self.lock_file is None:
                return oids.early()
            return oids.following(self._index, self._pos, self.lock_file.floor)

    def tpc_begin(self, transaction: Any, tid: bytes | None = None, status: str = " ") -> None:
        """As FileStorage, with the file's lock and everything that others have committed."""
        if self._transaction is not None and self._transaction is not transaction and self._commit_lock.mine:
            raise StorageTransactionError("this thread is committing another transaction to the same file")
        super().tpc_begin(transaction, tid, status)
        if self.closed:
            self.tpc_abort(transaction)
            raise ClosedError("the file is closed")

    def tpc_vote(self, transaction: Any) -> Any:
        """Write the transaction behind all others, flagged as not yet committed."""
        with self._lock:
            if transaction is not self._transaction:
                raise StorageTransactionError("tpc_vote called with wrong transaction")
            size = self._tfile.tell()
            lengths = map(len, self._ude)
            header = TRANSACTION.pack(self._tid, self._thl + size, b"c", *lengths) + b"".join(self._ude)
            end = self._pos + self._thl + size + 8
            mark(self._view[0].fd, self._pos, True)
            try:
                self._room.prepare(self._pos, end)
                self._append(header, size)
            except BaseException:
                os.ftruncate(self._file.fileno(), self._pos)
                mark(self._view[0].fd, self._pos, False)
                raise
            self._nextpos = end
            self._room.make(self._pos, end)
            return self._resolved

    def _append(self, header: bytes, size: int) -> None:
        descriptor, position = self._file.fileno(), self._pos
        self._tfile.seek(0)
        length = p64(self._thl + size)
        if size <= _WRITE_AT_ONCE:
            write_all(descriptor, b"%b%b%b" % (header, self._tfile.read(size), length), position)
            return
        position = write_all(descriptor, header, position)
        while size:
            chunk = self._tfile.read(min(size, _WRITE_AT_ONCE))
            size -= len(chunk)
            position = write_all(descriptor, chunk, position)
        write_all(descriptor, length, position)

    def tpc_finish(self, transaction: Any, f: Callable[[bytes], object] | None = None) -> bytes:
        """Make the transaction durable; then everybody may see it."""
        if transaction is not self._transaction:
            raise StorageTransactionError("tpc_finish called with wrong transaction")
        tid: bytes = self._tid
        grown = None
        try:
            self._make_durable()
            with self._lock:
                before, self._pos = self._pos, self._nextpos
                self._nextpos = 0
                enter(self._index, self._tindex)
            if f is not None:
                f(tid)
            self._ltid = tid
            self._blob_tpc_finish()
            self._clear_temp()
            step = max(_SAVE_STEP, 1 << (self._pos >> 4).bit_length())
            if before // step != self._pos // step:
                grown = (*self._view, self._pos)
                with self._lock, suppress(OSError):  # it is committed, with or without
                    self._save_index()
        finally:
            self._ude = self._transaction = None
            self._commit_lock.release()
        if grown and self.grown is not None:
            self.grown(*grown)
        return tid

    def _make_durable(self) -> None:
        descriptor = self._file.fileno()
        try:
            write_all(descriptor, self._tstatus.encode(), self._pos + STATUS_AT)
            sync_data(descriptor)
        except BaseException:
            # It may be on the disk or not. Whoever is told that it failed should find it undone, if that is possible.
            try:
                os.ftruncate(descriptor, self._pos)
                mark(self._view[0].fd, self._pos, False)
            finally:
                self._release_files()
            raise
        mark(self._view[0].fd, self._pos, False)

    def _abort(self) -> None:
        if self._nextpos:
            os.ftruncate(self._file.fileno(), self._pos)
            mark(self._view[0].fd, self._pos, False)
            self._nextpos = 0
            self._blob_tpc_abort()


class _Closed:
    """Stands in for what a closed storage reads from."""

    def __iter__(self) -> Any:
        raise ClosedError("the file is closed")

    def __getitem__(self, at: int) -> Any:
        raise ClosedError("the file is closed")


_CLOSED = _Closed()


def create_file(path: str) -> None:
    """Create an empty database file, readable by its owner only; an existing one is left as it is.

    It appears complete: of several processes that create it at the same time, all find the same one.
    """
    create_whole(path, MAGIC)
