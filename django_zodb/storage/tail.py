"""Reading a data file from some position to its end: which records each transaction there holds.

The file may be growing meanwhile. A transaction is written with a checkpoint flag, which is taken away when all of it
is there; what carries the flag is not read, nor is what follows. Behind the last transaction there may be room, or what
a killed process or a power failure left of one: nobody was ever told that it is committed. Anything else that is
incomplete or inconsistent means that the file was damaged or copied incompletely.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from ZODB.FileStorage.format import DATA_HDR, DATA_HDR_LEN, TRANS_HDR, TRANS_HDR_LEN

from ..record import record
from .headers import STATUSES, UNDONE, damaged, is_followed, is_half_written, is_torn
from .seal import has_seal, is_broken

TRANSACTION = struct.Struct(TRANS_HDR)
RECORD = struct.Struct(DATA_HDR)
LENGTH = struct.Struct(">Q")

_CHUNK = 1 << 20


@record
class Committed:
    """A transaction in the file: where it begins and ends, where the record of each oid is; if all have a seal."""

    tid: bytes
    start: int
    end: int
    records: dict[bytes, int]
    sealed: bool


class _Window:
    """The part of a file that was read last."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._start = 0
        self._data = b""

    def at(self, position: int, length: int, limit: int) -> tuple[bytes, int]:
        """Bytes and the offset in them where ``position`` is; ``length`` of them, unless the file ends before.

        More is read at once, but for the first time not beyond ``limit``.
        """
        offset = position - self._start
        if offset < 0 or offset + length > len(self._data):
            size = max(length, _CHUNK if self._data else min(_CHUNK, limit - position))
            self._data = os.pread(self._descriptor, size, position)
            self._start, offset = position, 0
        return self._data, offset


def transactions(descriptor: int, name: str, position: int, settled: bool) -> Iterator[Committed]:
    """The committed transactions from ``position`` on. OperationalError where the file is damaged.

    ``settled`` says that nobody can be writing: the caller holds the commit lock.
    """
    size = os.lseek(descriptor, 0, os.SEEK_END)
    window = _Window(descriptor)
    while position < size:
        data, offset = window.at(position, TRANS_HDR_LEN, size)
        header = data[offset : offset + TRANS_HDR_LEN]
        if is_torn(header):
            if is_followed(descriptor, position, header):
                raise damaged(name, position, size)
            return
        # What was read may be a mixture of a commit that was given up and of the one that took its place. A header
        # without the flag that is still there is final, and so is what was read after it.
        if not settled and os.pread(descriptor, TRANS_HDR_LEN, position) != header:
            window = _Window(descriptor)
            continue
        found = _transaction(window, position, header)
        if (found is None or not found.sealed) and is_half_written(descriptor, position, header):
            return
        if found is None:
            raise damaged(name, position, size)
        yield found
        position = found.end
        if position >= size:
            size = os.lseek(descriptor, 0, os.SEEK_END)


def _transaction(window: _Window, start: int, header: bytes) -> Committed | None:
    """The transaction that begins at ``start``, or None if it makes no sense."""
    if len(header) < TRANS_HDR_LEN:
        return None
    tid, length, status, user, description, extension = TRANSACTION.unpack(header)
    end = start + length
    position = start + TRANS_HDR_LEN + user + description + extension
    if status not in STATUSES or position > end:
        return None
    records: dict[bytes, int] = {}
    sealed = True
    if status == UNDONE:
        position = end
    unpack = RECORD.unpack_from
    while position + DATA_HDR_LEN <= end:
        data, offset = window.at(position, DATA_HDR_LEN, end + 8)
        if offset + DATA_HDR_LEN > len(data):
            return None
        oid, serial, _, transaction, _, stored = unpack(data, offset)
        if transaction != start or serial != tid:
            return None
        records[oid] = position
        position += DATA_HDR_LEN
        if 0 < stored <= end - position:
            # An oid that has changed would leave an older revision in the place of this one.
            data, offset = window.at(position, stored, end + 8)
            stored_data = data[offset : offset + stored]
            if is_broken(oid, stored_data):
                return None
            sealed = sealed and has_seal(stored_data)
        position += stored or 8
    data, offset = window.at(end, 8, end + 8)
    if position != end or data[offset : offset + 8] != header[8:16]:
        return None
    return Committed(tid, start, end + 8, records, sealed)


def last_transactions(descriptor: int, end: int) -> Iterator[tuple[bytes, int]]:
    """(tid, position) of the transactions before ``end``, the newest first; ends early where they make no sense."""
    while end > TRANS_HDR_LEN + 8:
        (length,) = LENGTH.unpack(os.pread(descriptor, 8, end - 8))
        start = end - 8 - length
        if start < 4 or length < TRANS_HDR_LEN:
            return
        header = os.pread(descriptor, TRANS_HDR_LEN, start)
        if header[8:16] != LENGTH.pack(length):
            return
        yield header[:8], start
        end = start
