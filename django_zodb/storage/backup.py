"""Backups of a data file: one full copy and increments to it, in a folder of the format that ZODB's ``repozo`` has.

A data file only grows, at its end, until it is packed. So a backup is a copy of the bytes since the one before; after a
pack a full one is made. The list of a full copy and its increments is replaced as a whole, and last, so that a backup
that was killed leaves nothing wrong.

The data file may be written to, and packed, while it is copied: it is opened once, read to the end of a transaction,
and never locked. No pickle is loaded.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ZODB.scripts import repozo

from ..clock import dt
from ..errors import OperationalError
from .chains import NAMES, Piece, chains, is_whole, moment_of, read_list, tids, verify
from .datafile import MAGIC
from .files import named, private, sync_folder
from .headers import headers
from .progress import Report, Warn
from .tail import transactions

logger = logging.getLogger("django_zodb")

# What is written first, whose names come last: first that of the copy, then that of the list.
_PART = "part.tmp"
_LIST = "list.tmp"
_CHUNK = 1 << 20
_TRIES = 5


def back_up(
    path: str, folder: Path, report: Report, full: bool = False, compress: bool = True, warn: Warn = logger.warning
) -> Piece | None:
    """Copy what the data file has gained since the last backup, or all of it; None if that is nothing.

    Of the files that it goes on from, the last one is compared with the data file, and the others are looked at, not
    read: where one is missing, or has another length, ``warn`` is told, and everything is copied. It is also told of
    files that no list names, which are left alone. OperationalError if the data file or a list is damaged, or the
    folder is of another database or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise OperationalError(f"{folder} is no folder: name one for the backups, which is made if there is none")
    with named(folder), _locked(folder), Path(path).open("rb", buffering=0) as source:
        if source.read(len(MAGIC)) != MAGIC:
            raise OperationalError(f"{path} is no data file")
        _settle(folder)
        chain = _to_go_on(source, folder, full, warn)
        start = chain[-1].end if chain else 0
        target = _name(folder, bool(chain), compress)  # first: what is committed from now on may be missing
        end = _end(source, max(start, len(MAGIC)), path)
        if chain and start == end:
            return None
        piece = _copy(source, target, start, end, report)
        _write_list(folder / _LIST, [*chain, piece])
        _settle(folder)
        return piece


def _to_go_on(source: IO[bytes], folder: Path, full: bool, warn: Warn) -> list[Piece]:
    """The chain that an increment can be added to; empty if a full backup has to be made."""
    known = chains(folder)
    unlisted = _unlisted(folder, known)
    if unlisted:
        warn(
            f"no list (.dat) in {folder} names {', '.join(path.name for path in unlisted)}: they are left alone, and "
            f"zodbrestore does not use them. Restore lost lists, or move these files away"
        )
    if not known:
        return []
    chain = known[-1]
    lost = [piece.path for piece in chain if not is_whole(piece)]
    if lost:
        warn(
            f"a full backup is made: {', '.join(map(str, lost))} is missing, or not what its list says; what was there "
            f"between {chain[0].made_at:%Y-%m-%d %H:%M:%S} UTC and now cannot be restored for sure"
        )
        return []
    if full or not _goes_on(source, chain):
        _refuse_another(source, chain, warn)
        return []
    # repozo, which asks no list, would take a file that follows the chain for a part of it.
    return [] if unlisted and unlisted[-1].name > chain[-1].path.name else chain


def _refuse_another(source: IO[bytes], chain: Sequence[Piece], warn: Warn) -> None:
    """OperationalError if the chain is of another database: one that has none of its transactions.

    Their ids are made of the time of their commit, to some nanoseconds. Packing, and going on from an older state,
    leave some of those that were there at the last backup: the first one, as a rule, so that little is read.
    """
    try:
        if _share(tids(chain), (header.tid for header in headers(source, len(MAGIC), source.name))):
            return
    except OperationalError as error:
        warn(f"a full backup is made, and it was not found out whether those before are of the same database: {error}")
        return
    raise OperationalError(
        f"{chain[0].path.parent} holds backups of another database, with no transaction of {source.name}: nothing "
        f"was written; name another folder, or move those backups away"
    )


def _share(some: Iterator[bytes], others: Iterator[bytes]) -> bool:
    """Whether two ascending series have an element in common; True if one is empty, which may become anything."""
    one, other = next(some, None), next(others, None)
    if one is None or other is None:
        return True
    while one is not None and other is not None and one != other:
        if one < other:
            one = next(some, None)
        else:
            other = next(others, None)
    return one == other


def _unlisted(folder: Path, known: Sequence[Sequence[Piece]]) -> list[Path]:
    """The files that look like backups and that no list names: who made them, and for what, nobody knows."""
    listed = {piece.path.name for chain in known for piece in chain}
    return sorted(path for path in folder.iterdir() if repozo.is_data_file(path.name) and path.name not in listed)


def _end(source: IO[bytes], start: int, name: str) -> int:
    """Where the last whole transaction ends."""
    for rest in range(_TRIES - 1, -1, -1):
        last = end = start
        try:
            for header in headers(source, start, name):
                last, end = end, header.end
            # Of the last one, a power failure may have left no more than its begin and its end.
            for found in transactions(source.fileno(), name, last, settled=False):
                last = found.end
        except OperationalError:
            if not rest:
                raise
            time.sleep(0.1)  # it may be that a commit was just being written, or taken back
        else:
            return min(last, end)
    raise AssertionError("the last try returns or raises")


def _goes_on(source: IO[bytes], chain: Sequence[Piece]) -> bool:
    """Whether the file still has what the chain's last file holds, at its place; after a pack it has not."""
    last = chain[-1]
    source.seek(last.start)
    return repozo.checksum(source, last.end - last.start) == last.checksum  # type: ignore[no-any-return]


def _name(folder: Path, increment: bool, compress: bool) -> Path:
    """A name later than all others, since their order tells which backup is the newest.

    That is the clock's time; where the clock has gone back, the last name and a second. Names have seconds, so that
    this may take one.
    """
    last = max((moment for path in folder.iterdir() if (moment := moment_of(path))), default=None)
    while (now := dt.datetime(*_now()[:6], tzinfo=dt.UTC)) == last:
        time.sleep(0.1)
    if last is not None and last > now:
        now = last + dt.timedelta(seconds=1)
    suffix = (".deltafs" if increment else ".fs") + ("z" if compress else "")
    return folder / (now.strftime(NAMES) + suffix)


_now = time.gmtime


def _copy(source: IO[bytes], target: Path, start: int, end: int, report: Report) -> Piece:
    """Write the copy under a name that is not its own yet."""
    part = target.with_name(_PART)
    checksum = hashlib.md5(usedforsecurity=False)
    source.seek(start)
    with private(part) as raw:
        copied: Any = gzip.GzipFile(fileobj=raw, mode="wb", filename="") if target.suffix.endswith("z") else raw
        for chunk in _chunks(source, end - start):
            checksum.update(chunk)
            copied.write(chunk)
            report("bytes copied", source.tell() - start, end - start)
        if copied is not raw:
            copied.close()
        raw.flush()
        os.fsync(raw.fileno())
    piece = Piece(part, start, end, checksum.hexdigest())
    verify(piece, report)
    return Piece(target, start, end, checksum.hexdigest())


def _chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = file.read(min(size, _CHUNK))
        if not chunk:
            raise OperationalError(f"{file.name} has become shorter while it was read")
        size -= len(chunk)
        yield chunk


def _write_list(path: Path, chain: Sequence[Piece]) -> None:
    lines = [f"{piece.path} {piece.start} {piece.end} {piece.checksum}\n" for piece in chain]
    with private(path) as file:
        file.write(os.fsencode("".join(lines)))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(str(path))


def _settle(folder: Path) -> None:
    """Give the copy and its list, both whole and on disk, their names; remove them where they are not whole.

    Whoever is killed before the last of that leaves it to the next backup. Nothing else is ever removed.
    """
    part, ready = folder / _PART, folder / _LIST
    if ready.exists() and ready.read_bytes().endswith(b"\n"):
        *before, last = read_list(ready)
        listed = (before or [last])[0].path.with_suffix(".dat")
        known = read_list(listed) if listed.exists() else []
        if before == known and (part.exists() or last.path.exists()):
            if part.exists():
                part.rename(last.path)
                sync_folder(str(part))
            ready.rename(listed)
            sync_folder(str(listed))
    part.unlink(missing_ok=True)
    ready.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other backups to it out, until the end or the death of this process."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OperationalError(f"another backup to {folder} is being made") from error
        yield
