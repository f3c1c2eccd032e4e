"""The transactions of a data file by their headers alone: where each ends, and whether the file is whole.

The tail of a file may be a commit that a crash interrupted, or that is just being made: it is flagged, or has sectors
that were never written; nobody was ever told that it is committed, and it does not count. Behind the last transaction
may be room for more. Any other incomplete or inconsistent transaction means that the file was damaged or copied
incompletely.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, NamedTuple

from ZODB.FileStorage.format import TRANS_HDR_LEN
from ZODB.utils import u64

from ..errors import OperationalError
from .room import FLAG, SECTOR, has_hole, used

UNDONE = b"u"
PACKED = b"p"
STATUSES = (b" ", PACKED, UNDONE)
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
        sound = length >= TRANS_HDR_LEN and status in STATUSES
        if not sound or os.pread(file.fileno(), 8, end) != header[8:16]:
            if is_half_written(file.fileno(), position, header):
                return
            raise damaged(name, position, size)
        position = end + 8
        yield Header(header[:8], status == PACKED, position)


def is_torn(header: bytes) -> bool:
    """True for the start of a transaction that was never finished: flagged so, or nothing but what a crash leaves."""
    if len(header) <= STATUS_AT or header[STATUS_AT : STATUS_AT + 1] == FLAG:
        return True
    return header.startswith(FLAG) or not any(header)  # a sector may end within it; no tid begins so


def is_followed(descriptor: int, position: int, header: bytes) -> bool:
    """Whether a whole transaction follows what looks torn: then it is no end, but damaged.

    There is one commit at a time, so that nothing can follow an unfinished one. Ask again for the header where others
    may be writing: it may have been finished meanwhile.
    """
    size = used(descriptor, position)
    if len(header) == TRANS_HDR_LEN and any(header):
        end = position + u64(header[8:16])
        if end + 8 < size and os.pread(descriptor, 8, end) == header[8:16]:
            return os.pread(descriptor, TRANS_HDR_LEN, position) == header
    return _last_whole(descriptor, size) > position and os.pread(descriptor, len(header), position) == header


def is_half_written(descriptor: int, position: int, header: bytes) -> bool:
    """Whether a power failure may have left the transaction so, which makes no sense: a sector of it is still room.

    That can be the last one only, and one that was written over room alone. Its length is in the sector of its flag,
    which tells that it was not read too early. Anything else that makes no sense is damage.
    """
    if len(header) < TRANS_HDR_LEN:
        return False
    end = position + u64(header[8:16]) + 8
    size, last = os.lseek(descriptor, 0, os.SEEK_END), used(descriptor, position)
    if not position + TRANS_HDR_LEN < end <= size or last > end or _last_whole(descriptor, last) > position:
        return False
    if any(behind != end and start == position for behind, start, _ in _ends(descriptor, last)):
        return False  # all of it is there, but its header tells another length
    first, end = position - position % SECTOR, end + -end % SECTOR
    data = os.pread(descriptor, end - first, first)
    return has_hole(data + FLAG * (end - size), first)


def _last_whole(descriptor: int, end: int) -> int:
    """Where the whole transaction begins that ends here; 0 if there is none."""
    for _, start, length in _ends(descriptor, end):
        header = os.pread(descriptor, TRANS_HDR_LEN, start) if start > 0 else b""
        if header[8:16] == length and header[STATUS_AT : STATUS_AT + 1] in STATUSES:
            return start
    return 0


def _ends(descriptor: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Where a transaction may end, begin, and how its length is written, if what ends here is one.

    The last bytes of its length may look like room.
    """
    for behind in range(end, end + 9):
        length = os.pread(descriptor, 8, behind - 8)
        if len(length) == 8:
            yield behind, behind - 8 - u64(length), length


def damaged(name: str, position: int, size: int) -> OperationalError:
    """The error for a file whose transaction at ``position`` makes no sense."""
    return OperationalError(
        f"{name} is truncated or damaged: the transaction at byte {position} of {size} is incomplete. Restore it from "
        f"a backup, or save what is readable with `python -m ZODB.fsrecover {name} recovered.fs`. "
        f"The file was not changed"
    )
