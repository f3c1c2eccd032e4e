"""A temporary file of packed values: what a large statement or transaction need not have in memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Sequence
from typing import Any

from ..record import record
from .compact import pack, unpack


class Spool:
    """Bytes in a temporary file, which is made when it is needed and goes when nobody holds the spool any more."""

    def __init__(self) -> None:
        self._file: Any = None
        self._end = 0

    def keep(self, *columns: Sequence[Any]) -> Kept:
        """Write columns of values; Unpackable if they hold anything but SQL values and tuples of these."""
        return self._write(pack(*columns))

    def _write(self, packed: bytes) -> Kept:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="rows", buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        start, view = self._end, memoryview(packed)
        while view:
            view = view[os.pwrite(self._file.fileno(), view, self._end) :]
            self._end = start + len(packed) - len(view)
        return Kept(self, start, len(packed))

    def read(self, start: int, size: int) -> bytes:
        """Bytes that were written."""
        parts = []
        while size and (part := os.pread(self._file.fileno(), size, start)):
            parts.append(part)
            start, size = start + len(part), size - len(part)
        return b"".join(parts)


@record
class Kept:
    """A place in a spool."""

    spool: Spool
    start: int
    size: int

    def columns(self) -> list[Sequence[Any]]:
        """What was written there."""
        return unpack(self.spool.read(self.start, self.size))
