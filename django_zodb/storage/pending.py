"""The records of the transaction that is being written to a data file, until they are appended to it."""

from __future__ import annotations

import os
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.FileStorage import TempFormatter

from .savedindex import position_of
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
            old = position_of(self._index, oid)
            unchanged = not old or os.pread(self._file.fileno(), 16, old) == oid + oldserial
            if not unchanged or transaction is not self._transaction or version:
                super().store(oid, oldserial, data, version, transaction)  # it knows what is wrong
                return
            if oid > self._oid:
                self._oid = oid
            file, begin = self._tfile, self._pos
            at = file.tell()
            self._tindex[oid] = begin + self._thl + at
            size = len(data)
            file.write(RECORD.pack(oid, self._tid, old, begin, 0, size) + data)
            if at + size > _KEPT_IN_MEMORY and not self.spilled:
                self._keep_in(self._temporary_file(file.getbuffer()[: file.tell()]))

    @property
    def spilled(self) -> bool:
        """Whether the records are in a temporary file."""
        return self._tfile is not None and type(self._tfile) is not BytesIO

    def _temporary_file(self, begin: memoryview) -> Any:
        file = tempfile.TemporaryFile(dir=str(Path(self._file_name).parent))  # noqa: SIM115
        try:
            file.write(begin)
        except BaseException:
            file.close()
            raise
        return file

    def _clear_temp(self) -> None:
        self._tindex.clear()
        if self.spilled:
            self._renew_temporary()
        elif not self._tfile.closed:  # as it is when the storage is
            self._tfile.seek(0)

    def _renew_temporary(self) -> None:
        if self._tfile is not None:
            self._tfile.close()
        self._keep_in(BytesIO())

    def _keep_in(self, file: Any) -> None:
        self._tfile, self._tfmt = file, TempFormatter(file)
