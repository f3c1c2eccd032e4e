"""The ``.index`` file beside a data file: where the current record of each object is, so that opening needs no scan.

It may be lost, stale or wrong at any time: the data file tells the truth, and what a wrong index would tell is compared
with it. FileStorage's own loader would run whatever such a file names; this one knows numbers and bytes.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import NamedTuple

from ZODB.FileStorage.format import DATA_HDR_LEN, TRANS_HDR_LEN
from ZODB.fsIndex import fsBucket, fsIndex

from .files import Handle, read_all, touch_private
from .headers import STATUSES, UNDONE
from .indexparts import SUM_LEN, Parts, Unread, pages_of, sum_of, sums_of
from .tail import RECORD, TRANSACTION, last_transactions, transactions

logger = logging.getLogger("django_zodb")

_CHECKED = 5
_FIRST = 4
"""Where the first transaction of a data file begins."""


# The file as ``fsIndex.save`` pickles it: the position, then (first six bytes of oids, bucket) pairs, then None. It is
# read without an unpickler, which would have to read all of it, and would run what a hostile file names.
_NUMBER = re.compile(rb"\x80\x03(?:K(.)|M(..)|J(.{4})|\x8a\x05(.{5})|\x8a\x06(.{6}))\.", re.DOTALL)
_PART = re.compile(rb"\x80\x03C\x06(.{6})(?:B(.{4})|C(.))", re.DOTALL)
_PART_END = b"\x86."
_END = b"\x80\x03N."
_LONGEST_START = 19


# Behind all that, where FileStorage does not look: this, checksums of the buckets, and one of these and of the rest.
_SUMS = b"\ndjango_zodb sums 2\n"


class _Saved(NamedTuple):
    """What an index file consists of: the position it reaches, where its buckets are, and all else but checksums."""

    position: int
    parts: dict[bytes, tuple[int, int]]
    """Prefix → position and length."""
    frame: bytes


def load_index(path: str, data: Handle) -> tuple[fsIndex, int, bytes] | None:
    """The index of the open data file, the position it reaches and the tid before that; None if it must be rebuilt."""
    saved = _read(path, lambda: _made_from(data, path.removesuffix(".index"), position))
    if saved is None:
        return None
    index, position = saved
    tid = _tid_if_right(index, position, data.fd)
    return None if tid is None else (index, position, tid)


def _made_from(data: Handle, name: str, end: int) -> fsIndex:
    """The index of the data file up to that position, since what was saved is damaged."""
    logger.warning("%s.index is damaged: what it should hold is read from the data file", name)
    index = fsIndex()
    for found in transactions(data.fd, name, _FIRST, settled=True):
        enter(index, found.records)
        if found.end >= end:
            break
    return index


def save_index(path: str, index: fsIndex, position: int, like: str) -> None:
    """Save the index that reaches ``position``, with the mode of the file ``like``, in place of an older one."""
    temporary = f"{path}_tmp"  # who saves has the commit lock: it is the only one
    try:
        Path(temporary).unlink(missing_ok=True)  # it may be a link to anything
        touch_private(temporary, like)
        index.save(position, temporary)
        _add_sums(temporary)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def enter(index: fsIndex, positions: Mapping[bytes, int]) -> None:
    """As ``index.update(positions)``, in a third of the time: oids come in runs that share their first bytes."""
    buckets = index._data
    bucket_of = buckets.to_enter if type(buckets) is Parts else buckets.get
    prefix, bucket = b"", fsBucket()
    for oid, position in positions.items():
        if oid[:6] != prefix:
            prefix = oid[:6]
            bucket = bucket_of(prefix)
            if bucket is None:
                bucket = buckets[prefix] = fsBucket()
        bucket[oid[6:]] = position.to_bytes(6, "big")


def position_of(index: fsIndex, oid: bytes) -> int:
    """As ``index.get(oid, 0)``, in less time, and without reading a whole bucket for a few objects."""
    buckets = index._data
    if type(buckets) is Parts:
        found = buckets.find(oid[:6], oid[6:])
    else:
        bucket = buckets.get(oid[:6])
        found = None if bucket is None else bucket.get(oid[6:])
    return 0 if found is None else int.from_bytes(found, "big")


def _read(path: str, rebuild: Callable[[], fsIndex]) -> tuple[fsIndex, int] | None:
    """The index and the position it reaches; None if there is no such file, or no such thing in it."""
    try:
        handle = Handle(path, os.O_RDONLY)
        with os.fdopen(handle.fd, "rb", closefd=False) as file:
            saved = _saved(file)
            parts = None if saved is None else _unread(handle, saved, file.read())
    except OSError:
        return None
    if saved is None or parts is None:
        return None
    index = fsIndex()
    index._data = Parts(parts, rebuild)
    return index, saved.position


def _saved(file: BufferedReader | BufferedRandom) -> _Saved | None:
    """What is in an index file, read as far as FileStorage reads it; None if that is something else."""
    number = _NUMBER.match(file.peek(_LONGEST_START))
    if number is None:
        return None
    frame, parts = [file.read(number.end())], {}
    while not (start := file.read(_LONGEST_START)).startswith(_END):
        part = _PART.match(start)
        if part is None:
            return None
        frame.append(part[0])
        at = file.seek(part.end() - len(start), os.SEEK_CUR)
        length = _integer(part[2] or part[3])
        file.seek(length, os.SEEK_CUR)
        if not length or length % 8 or file.read(len(_PART_END)) != _PART_END:
            return None
        parts[part[1]] = at, length
    file.seek(len(_END) - len(start), os.SEEK_CUR)
    return _Saved(_integer(next(filter(None, number.groups()))), parts, b"".join(frame))


def _add_sums(path: str) -> None:
    """Write the checksums at the end of an index file."""
    with open(path, "r+b") as file:  # noqa: PTH123  as ``fsIndex.save`` has made it
        saved = _saved(file)
        assert saved is not None
        sums = b"".join(sums_of(read_all(file.fileno(), at, length)) for at, length in saved.parts.values())
        file.write(_SUMS + sums + sum_of(saved.frame + sums))


def _unread(handle: Handle, saved: _Saved, rest: bytes) -> Mapping[bytes, Unread] | None:
    """The buckets with the checksums that ``rest`` has for them, if it has any; None if these are not right."""
    if not rest:  # by FileStorage itself
        return {prefix: Unread(handle, *place, b"") for prefix, place in saved.parts.items()}
    sums = rest[len(_SUMS) : -SUM_LEN]
    if rest != _SUMS + sums + sum_of(saved.frame + sums):
        return None
    parts, at = {}, 0
    for prefix, (position, length) in saved.parts.items():
        end = at + SUM_LEN * pages_of(length)
        parts[prefix] = Unread(handle, position, length, sums[at:end])
        at = end
    return parts if at == len(sums) else None


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _tid_if_right(index: fsIndex, end: int, descriptor: int) -> bytes | None:
    """The last tid before ``end`` if the records just before it are where the index says, else None."""
    if not _FIRST < end <= os.lseek(descriptor, 0, os.SEEK_END):
        return None
    newest: bytes | None = None
    checked: set[bytes] = set()
    for tid, start in last_transactions(descriptor, end):
        newest = newest or tid
        _, length, status, *lengths = TRANSACTION.unpack(os.pread(descriptor, TRANS_HDR_LEN, start))
        if status not in STATUSES:
            return None
        position = start + TRANS_HDR_LEN + sum(lengths)
        while status != UNDONE and position < start + length:
            record = os.pread(descriptor, DATA_HDR_LEN, position)
            if len(record) < DATA_HDR_LEN:
                return None
            oid, _, _, transaction, _, size = RECORD.unpack(record)
            found = position_of(index, oid)
            if transaction != start or (oid not in checked and not position <= found < start + length):
                return None
            checked.add(oid)
            if len(checked) == _CHECKED:
                return newest
            position += DATA_HDR_LEN + (size or 8)
    return newest if checked else None
