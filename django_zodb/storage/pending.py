"""The records of the transaction that is being written to a data file, until they are appended to it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.FileStorage import TempFormatter

from .tail import RECORD

_KEPT_IN_MEMORY = 8 << 20


class PendingFile(FileStorage):  # type: ignore[misc]
    """A FileStorage that keeps the records of a transaction in memory, or in a temporary file if they are many."""

    _oid: bytes
    _tfile: Any = None
    _transaction: Any = None

    def store(self, oid: bytes, oldserial: bytes, data: bytes, version: str, transaction: Any) -> None:
        """As FileStorage, which reads more than it takes to see that what is replaced is what the caller has read."""
        with self._lock:
            old = self._index_get(oid, 0)
            unchanged = not old or os.pread(self._file.fileno(), 16, old) == oid + oldserial
            if not unchanged or transaction is not self._transaction or version:
                super().store(oid, oldserial, data, version, transaction)  # it knows what is wrong
                return
            if oid > self._oid:
                self._oid = oid
            self._tindex[oid] = self._pos + self._thl + self._tfile.tell()
            self._tfile.write(RECORD.pack(oid, self._tid, old, self._pos, 0, len(data)) + data)

    def _clear_temp(self) -> None:
        self._tindex.clear()
        if self._tfile._rolled:
            self._renew_temporary()
        else:
            self._tfile.seek(0)

    def _renew_temporary(self) -> None:
        if self._tfile is not None:
            self._tfile.close()
        self._tfile = tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY, dir=str(Path(self._file_name).parent))  # noqa: SIM115
        self._tfmt = TempFormatter(self._tfile)
