"""The cache that a ZEO client has on disk, without which it can do: where that fails, or is full, work goes on."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ZEO.cache import ClientCache, magic
from ZODB.utils import z64

logger = logging.getLogger("django_zodb")


def begin_cache(descriptor: int) -> None:
    """Make a new file a cache that holds nothing: ZEO would call an empty one bad, and move it away."""
    with suppress(OSError):  # who opens it will see
        if not os.fstat(descriptor).st_size:
            os.write(descriptor, magic + z64)


class ClientCacheFile(ClientCache):  # type: ignore[misc]
    """ZEO's cache in the file ``path``, or in a temporary one, until the disk fails: then it has nothing, ever after.

    ZEO's own raises the error: of a commit that the server had finished it was said to have failed, and the client
    could not even go on to what followed it.
    """

    failed = False
    f: Any = None
    tid: bytes
    current: Any
    noncurrent: Any

    def __init__(self, path: str | None, size: int) -> None:
        try:
            super().__init__(path, size)
            os.fchmod(self.f.fileno(), 0o600)  # ZEO makes a file anew where it was of another size
        except OSError as error:
            self._fail(error)
            self.clearStats()

    def _fail(self, error: OSError) -> None:
        """Let go of the file, and leave none that the next process would take for a whole one."""
        logger.warning(
            "the cache %s cannot be kept (%s): this process goes on without one", self.path or "of this process", error
        )
        self.failed = True
        self.current, self.noncurrent, self._len = {}, {}, 0
        file, self.f = self.f, None
        if file is not None:
            with suppress(OSError):
                file.close()
        if self.path is not None:
            with suppress(OSError):
                Path(self.path).unlink(missing_ok=True)

    def _tried(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """What the method returns; None where the disk fails, as where nothing is found."""
        with self._lock:
            if self.failed:
                return None
            try:
                return method(*arguments)
            except OSError as error:
                self._fail(error)
                return None

    def setLastTid(self, tid: bytes) -> None:
        """As ZEO's, which clients rely on also where nothing is kept."""
        self._tried(super().setLastTid, tid)
        with self._lock:
            if self.failed and tid and tid != z64:
                self.tid = tid

    def load(self, oid: bytes, before_tid: bytes | None = None) -> Any:
        """As ZEO's."""
        return self._tried(super().load, oid, before_tid)

    def loadBefore(self, oid: bytes, before_tid: bytes) -> Any:
        """As ZEO's."""
        return self._tried(super().loadBefore, oid, before_tid)

    def store(self, oid: bytes, start_tid: bytes, end_tid: bytes | None, data: bytes) -> None:
        """As ZEO's."""
        self._tried(super().store, oid, start_tid, end_tid, data)

    def invalidate(self, oid: bytes, tid: bytes | None) -> None:
        """As ZEO's."""
        self._tried(super().invalidate, oid, tid)

    def clear(self) -> None:
        """As ZEO's."""
        self._tried(super().clear)

    def close(self) -> None:
        """As ZEO's; what cannot be written is not left to the next process."""
        file = self.f
        try:
            super().close()
        except OSError as error:
            self.f = file
            self._fail(error)
            super().close()
