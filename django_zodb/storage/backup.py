"""Backups of a data file: one full copy and increments to it, in a folder of the format that ZODB's ``repozo`` has.

A data file only grows, at its end, until it is packed. So a backup is a copy of the bytes since the one before; after a
pack a full one is made. The ``.dat`` file of each full copy lists its files with their places and checksums, and is
replaced as a whole: a file that it does not name does not count, so that a backup that was killed leaves nothing wrong.

The data file may be written to, and packed, while it is copied: it is opened once, read to the end of a transaction,
and never locked. No pickle is loaded.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from persistent.TimeStamp import TimeStamp
from ZODB.scripts import repozo

from ..clock import dt
from ..errors import OperationalError
from .datafile import MAGIC
from .headers import Header, headers
from .progress import Report
from .tail import transactions

_CHUNK = 1 << 20
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a backup: bytes ``start`` to ``end`` of the data file, with their MD5."""

    path: Path
    start: int
    end: int
    checksum: str

    @property
    def made_at(self) -> dt.datetime:
        """When the backup was made, as its name says."""
        return dt.datetime.strptime(self.path.name.partition(".")[0], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Restored:
    """A data file made from a backup: its size, its transactions, and when the last of them was committed."""

    path: Path
    bytes: int
    transactions: int
    last: dt.datetime | None


# --- making --------------------------------------------------------------------------------------------------------


def back_up(path: str, folder: Path, report: Report, full: bool = False, compress: bool = True) -> Piece | None:
    """Copy what the data file has gained since the last backup, or all of it; None if that is nothing.

    OperationalError if the file or the last backup is damaged; OSError if the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder), Path(path).open("rb", buffering=0) as source:
        if source.read(len(MAGIC)) != MAGIC:
            raise OperationalError(f"{path} is no data file")
        known = chains(folder)
        _remove_leftovers(folder, known)
        chain = known[-1] if known and not full and _goes_on(source, known[-1]) else []
        start = chain[-1].end if chain else 0
        end = _end(source, max(start, len(MAGIC)), path)
        if chain and start == end:
            return None
        piece = _copy(source, _name(folder, bool(chain), compress), start, end, report)
        _write_list(chain[0].path if chain else piece.path, [*chain, piece])
        return piece


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
    """A name that is still free; names have seconds, so that may take one."""
    suffix = (".deltafs" if increment else ".fs") + ("z" if compress else "")
    while True:
        stem = time.strftime("%Y-%m-%d-%H-%M-%S", _now())
        if not any(folder.glob(f"{stem}.*")):
            return folder / (stem + suffix)
        time.sleep(0.1)


_now = time.gmtime


def _copy(source: IO[bytes], target: Path, start: int, end: int, report: Report) -> Piece:
    part = target.with_name("part.tmp")
    checksum = hashlib.md5(usedforsecurity=False)
    source.seek(start)
    with _private(part) as raw:
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
    part.rename(target)
    _sync_folder(target.parent)
    return Piece(target, start, end, checksum.hexdigest())


def _chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = file.read(min(size, _CHUNK))
        if not chunk:
            raise OperationalError(f"{file.name} has become shorter while it was read")
        size -= len(chunk)
        yield chunk


def _write_list(first: Path, chain: Sequence[Piece]) -> None:
    part = first.with_name("list.tmp")
    lines = [f"{piece.path} {piece.start} {piece.end} {piece.checksum}\n" for piece in chain]
    with _private(part) as file:
        file.write("".join(lines).encode())
        file.flush()
        os.fsync(file.fileno())
    part.rename(first.with_suffix(".dat"))
    _sync_folder(first.parent)


# --- what there is -------------------------------------------------------------------------------------------------


def chains(folder: Path) -> list[list[Piece]]:
    """Every full backup with its increments, oldest first; OperationalError if a list makes no sense."""
    found = [_read_list(path) for path in sorted(folder.glob("*.dat"))]
    return [chain for chain in found if chain]


def _read_list(path: Path) -> list[Piece]:
    chain: list[Piece] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            name, start, end, checksum = line.rsplit(maxsplit=3)
            piece = Piece(path.parent / Path(name).name, int(start), int(end), checksum)
            _ = piece.made_at
        except ValueError as error:
            raise OperationalError(f"{path} is damaged: {line!r} is no entry of a backup's list") from error
        if piece.start != (chain[-1].end if chain else 0) or piece.end < piece.start:
            raise OperationalError(f"{path} is damaged: {piece.path.name} does not go on where the one before ends")
        chain.append(piece)
    return chain


def _remove_leftovers(folder: Path, known: Sequence[Sequence[Piece]]) -> None:
    """Remove what a backup that was killed has left: files that no list names."""
    named = {piece.path for chain in known for piece in chain}
    for path in folder.iterdir():
        if path.name in ("part.tmp", "list.tmp") or (repozo.is_data_file(path.name) and path not in named):
            path.unlink()


def verify(piece: Piece, report: Report) -> None:
    """Read a file of a backup; OperationalError unless it is there, and is what was copied."""
    for _ in _verified(piece, report):
        pass


def _verified(piece: Piece, report: Report) -> Iterator[bytes]:
    """The bytes of the data file that the piece holds; OperationalError, at the end at the latest, if they are not."""
    checksum, size = hashlib.md5(usedforsecurity=False), 0
    try:
        with _opened(piece.path) as file:
            while chunk := file.read(_CHUNK):
                checksum.update(chunk)
                size += len(chunk)
                if size > piece.end - piece.start:
                    break
                report("bytes verified", piece.start + size, piece.end)
                yield chunk
    except (OSError, EOFError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        raise OperationalError(f"the backup cannot be read: {piece.path}: {error}") from error
    if size != piece.end - piece.start or checksum.hexdigest() != piece.checksum:
        raise OperationalError(f"the backup is damaged: {piece.path} is not what its list says")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's content, unpacked. The magic bytes tell, since a part has no suffix yet."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as file:
                yield file  # type: ignore[misc]
        else:
            yield raw


# --- restoring -----------------------------------------------------------------------------------------------------


def restore(folder: Path, target: Path, report: Report, at: dt.datetime | None = None) -> Restored:
    """Make the data file ``target`` from a backup, as it was at that time (None: the newest).

    What is there when the time was between two transactions is the first one's state. OperationalError if there is no
    backup, if it is damaged, if its history does not reach back so far, or if ``target`` exists.
    """
    if target.exists():
        raise OperationalError(f"{target} exists: move it away first, or restore to another file")
    known = chains(folder)
    if not known:
        raise OperationalError(f"there is no backup in {folder}")
    part = target.with_name(target.name + ".part")
    try:
        for chain in _candidates(known, at):
            _join(chain, part, report)
            found = _cut(part, at)
            if found is not None:
                part.rename(target)
                _sync_folder(target.parent)
                return Restored(target, *found)
    finally:
        part.unlink(missing_ok=True)
    assert at is not None
    raise OperationalError(
        f"the backups do not reach back to {at.isoformat(sep=' ')}: that was packed away before the first of them"
    )


def _candidates(known: list[list[Piece]], at: dt.datetime | None) -> list[list[Piece]]:
    """The chains that may have the state of that time, the best first.

    A full backup is made after a pack; so the one made before has more of the history, up to its last increment.
    """
    if at is None:
        return known[-1:]
    reaching = [chain for chain in known if chain[-1].made_at >= at]
    older = [chain for chain in known if chain[-1].made_at < at]
    return [*reaching, *reversed(older)]


def _join(chain: Sequence[Piece], target: Path, report: Report) -> None:
    with _private(target) as file:
        for piece in chain:
            for chunk in _verified(piece, report):
                file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _cut(path: Path, at: dt.datetime | None) -> tuple[int, int, dt.datetime | None] | None:
    """Cut off what was committed after ``at``: bytes, transactions, time of the last one; None if that cannot be.

    In what was packed, revisions that were followed by others are missing: there it cannot be cut.
    """
    end, count, last = len(MAGIC), 0, None
    with path.open("r+b") as file:
        for header in headers(file, len(MAGIC), str(path)):
            if at is not None and time_of(header) > at:
                if header.packed or count == 0:
                    return None
                break
            end, count, last = header.end, count + 1, time_of(header)
        file.truncate(end)
        os.fsync(file.fileno())
    return end, count, last


def time_of(header: Header) -> dt.datetime:
    """When a transaction was committed."""
    return dt.datetime.fromtimestamp(TimeStamp(header.tid).timeTime(), dt.UTC)


# --- files ---------------------------------------------------------------------------------------------------------


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other backups to the folder out, until the end or the death of this process."""
    with os.fdopen(os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OperationalError(f"another backup to {folder} is being made") from error
        yield


def _private(path: Path) -> IO[bytes]:
    """A new, empty file that only its owner may read."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
