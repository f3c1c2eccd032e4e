"""The transactions of a data file by their headers alone: where each ends, and whether the file is whole.

The tail of a file may be a commit that a crash interrupted, or that is just being made: it is flagged, nobody was ever
told that it is committed, and it does not count. Any other incomplete or inconsistent transaction means that the file
was damaged or copied incompletely.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, NamedTuple

from ZODB.FileStorage.format import TRANS_HDR_LEN
from ZODB.utils import u64

from ..errors import OperationalError

UNDONE = b"u"
PACKED = b"p"
STATUSES = (b" ", PACKED, UNDONE)
_CHECKPOINT = b"c"
STATUS_AT = 16


class Header(NamedTuple):
    """What the header of a transaction says, and where the transaction ends."""

    tid: bytes
    packed: bool
    end: int


def headers(file: IO[bytes], start: int, name: str) -> Iterator[Header]:
    """The whole transactions from ``start``, which is between two; OperationalError at one neither whole nor torn."""
    size = file.seek(0, os.SEEK_END)
    position = start
    while position < size:
        file.seek(position)
        header = file.read(TRANS_HDR_LEN)
        if is_torn(header):
            if is_followed(file.fileno(), position, header):
                raise damaged(name, position, size)
            return
        length = u64(header[8:16]) if len(header) == TRANS_HDR_LEN else 0
        end = position + length
        status = header[STATUS_AT : STATUS_AT + 1]
        if length < TRANS_HDR_LEN or end + 8 > size or status not in STATUSES:
            raise damaged(name, position, size)
        file.seek(end)
        if u64(file.read(8)) != length:
            raise damaged(name, position, size)
        position = end + 8
        yield Header(header[:8], status == PACKED, position)


def is_torn(header: bytes) -> bool:
    """True for the start of a transaction that was never finished: flagged so, or nothing but what a crash leaves."""
    return len(header) <= STATUS_AT or header[STATUS_AT : STATUS_AT + 1] == _CHECKPOINT or not any(header)


def is_followed(descriptor: int, position: int, header: bytes) -> bool:
    """Whether a whole transaction follows what looks torn: then it is no end, but damaged.

    There is one commit at a time, so that nothing can follow an unfinished one. Ask again for the header where others
    may be writing: it may have been finished meanwhile.
    """
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if len(header) == TRANS_HDR_LEN and any(header):
        end = position + u64(header[8:16])
        if end + 8 < size and os.pread(descriptor, 8, end) == header[8:16]:
            return os.pread(descriptor, TRANS_HDR_LEN, position) == header
    length = os.pread(descriptor, 8, size - 8)
    last = size - 8 - u64(length)
    if last <= position:
        return False
    other = os.pread(descriptor, TRANS_HDR_LEN, last)
    whole = other[8:16] == length and other[STATUS_AT : STATUS_AT + 1] in STATUSES
    return whole and os.pread(descriptor, len(header), position) == header


def damaged(name: str, position: int, size: int) -> OperationalError:
    """The error for a file whose transaction at ``position`` makes no sense."""
    return OperationalError(
        f"{name} is truncated or damaged: the transaction at byte {position} of {size} is incomplete. Restore it from "
        f"a backup, or save what is readable with `python -m ZODB.fsrecover {name} recovered.fs`. "
        f"The file was not changed"
    )
