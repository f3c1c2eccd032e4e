"""The ``.index`` file beside a data file: where the current record of each object is, so that opening needs no scan.

It may be lost, stale or wrong at any time: the data file tells the truth, and what a wrong index would tell is compared
with it. FileStorage's own loader would run whatever such a file names; this one loads numbers and bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ZODB.FileStorage.format import DATA_HDR_LEN, TRANS_HDR_LEN
from ZODB.fsIndex import fsBucket, fsIndex
from ZODB.utils import p64
from zodbpickle.pickle import Unpickler, UnpicklingError

from .files import touch_private
from .headers import STATUSES, UNDONE
from .tail import RECORD, TRANSACTION, last_transactions

_CHECKED = 5


class _PlainUnpickler(Unpickler):  # type: ignore[misc]
    """Loads ints, tuples and bytes, and no class."""

    def find_class(self, module: str, name: str) -> Any:
        raise UnpicklingError(f"an index file holds no {module}.{name}")


def load_index(path: str, descriptor: int) -> tuple[fsIndex, int, bytes] | None:
    """The index of the open data file, the position it reaches and the tid before that; None if it must be rebuilt."""
    saved = _read(path)
    if saved is None:
        return None
    index, position = saved
    tid = _tid_if_right(index, position, descriptor)
    return None if tid is None else (index, position, tid)


def save_index(path: str, index: fsIndex, position: int, like: str) -> None:
    """Save the index that reaches ``position``, with the mode of the file ``like``, in place of an older one."""
    temporary = f"{path}_tmp"  # who saves has the commit lock: it is the only one
    try:
        touch_private(temporary, like)
        index.save(position, temporary)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def enter(index: fsIndex, positions: Mapping[bytes, int]) -> None:
    """As ``index.update(positions)``, in a third of the time: oids come in runs that share their first bytes."""
    prefix, bucket = b"", fsBucket()
    for oid, position in positions.items():
        if oid[:6] != prefix:
            prefix = oid[:6]
            bucket = index._data.get(prefix)
            if bucket is None:
                bucket = index._data[prefix] = fsBucket()
        bucket[oid[6:]] = p64(position)[2:]


def _read(path: str) -> tuple[fsIndex, int] | None:
    try:
        with Path(path).open("rb") as file:
            unpickler = _PlainUnpickler(file)
            position = unpickler.load()
            if type(position) is not int:
                return None
            index = fsIndex()
            while entry := unpickler.load():
                prefix, suffixes = entry
                if len(prefix) != 6 or len(suffixes) % 8:
                    return None
                index._data[prefix] = fsBucket().fromString(suffixes)
    except (OSError, EOFError, UnpicklingError, SystemError, ValueError, TypeError, LookupError, AttributeError):
        return None  # a SystemError is what zodbpickle's C code makes of the refusal of a class
    return index, position


def _tid_if_right(index: fsIndex, end: int, descriptor: int) -> bytes | None:
    """The last tid before ``end`` if the records just before it are where the index says, else None."""
    if not 4 < end <= os.lseek(descriptor, 0, os.SEEK_END):
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
            found = index.get(oid, 0)
            if transaction != start or (oid not in checked and not position <= found < start + length):
                return None
            checked.add(oid)
            if len(checked) == _CHECKED:
                return newest
            position += DATA_HDR_LEN + (size or 8)
    return newest if checked else None
