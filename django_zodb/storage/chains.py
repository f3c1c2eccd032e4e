"""The files of backups: chains of a full copy of a data file and the increments to it, and the lists that name them.

The format is that of ZODB's ``repozo``. The ``.dat`` file of each full copy lists its files with their places and
checksums; a file that no list names does not count. No pickle is loaded.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ZODB.utils import u64

from ..clock import dt
from ..errors import OperationalError
from .datafile import MAGIC
from .files import named
from .progress import Report

NAMES = "%Y-%m-%d-%H-%M-%S"
"""How the files of a backup are named, before the suffix: in the order in which they were made."""

_NAME = re.compile(r"(\d{4}(?:-\d\d){5})\.(?:dat|(?:delta)?fsz?)")
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a backup: bytes ``start`` to ``end`` of the data file, with their MD5."""

    path: Path
    start: int
    end: int
    checksum: str

    @property
    def made_at(self) -> dt.datetime:
        """When the backup was begun, as its name says: by the clock, or later where that had gone back."""
        return _moment(self.path.name.partition(".")[0])


def moment_of(path: Path) -> dt.datetime | None:
    """The time in the name of a list or of a file of a backup; None for other files."""
    match = _NAME.fullmatch(path.name)
    try:
        return _moment(match[1]) if match else None
    except ValueError:  # there is no such day
        return None


def _moment(name: str) -> dt.datetime:
    return dt.datetime.strptime(name, NAMES).replace(tzinfo=dt.UTC)


def chains(folder: Path) -> list[list[Piece]]:
    """Every full backup with its increments, the newest last; OperationalError if a list makes no sense."""
    found = [read_list(path) for path in sorted(folder.glob("*.dat"))]
    return [chain for chain in found if chain]


def read_list(path: Path) -> list[Piece]:
    """The files that a list names; OperationalError if it makes no sense."""
    chain: list[Piece] = []
    with named(path):
        text = os.fsdecode(path.read_bytes())
    for line in text.splitlines():
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


def is_whole(piece: Piece) -> bool:
    """Whether the file is there, and as long as its list says.

    It is not read: a gzip file ends with the length of its content.
    """
    try:
        with piece.path.open("rb") as file:
            is_packed = file.read(2) == _GZIP
            length = file.seek(0, os.SEEK_END)
            if not is_packed:
                return length == piece.end - piece.start
            file.seek(-4, os.SEEK_END)
            return int.from_bytes(file.read(4), "little") == (piece.end - piece.start) % (1 << 32)
    except OSError:
        return False


def verify(piece: Piece, report: Report) -> None:
    """Read a file of a backup; OperationalError unless it is there, and is what was copied."""
    for _ in verified(piece, report):
        pass


def verified(piece: Piece, report: Report) -> Iterator[bytes]:
    """The bytes of the data file that the piece holds; OperationalError, at the end at the latest, if they are not."""
    checksum, size = hashlib.md5(usedforsecurity=False), 0
    with _opened(piece.path) as file:
        while chunk := file.read(_CHUNK):
            checksum.update(chunk)
            size += len(chunk)
            if size > piece.end - piece.start:
                break
            report("bytes verified", piece.start + size, piece.end)
            yield chunk
    if size != piece.end - piece.start or checksum.hexdigest() != piece.checksum:
        raise OperationalError(f"the backup is damaged: {piece.path} is not what its list says")


def tids(chain: Iterable[Piece]) -> Iterator[bytes]:
    """The transactions that the files hold, by their headers; OperationalError if one cannot be read."""
    for piece in chain:
        position, end = 0 if piece.start else len(MAGIC), piece.end - piece.start
        with _opened(piece.path) as file:
            while position < end:
                file.seek(position)
                header = file.read(16)
                if len(header) < 16:
                    raise EOFError("it is too short")
                yield header[:8]
                position += u64(header[8:]) + 8


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's content, unpacked. The magic bytes tell, since a part has no suffix yet.

    What goes wrong while it is read is an OperationalError.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as file:
                    yield file  # type: ignore[misc]
            else:
                yield raw
    except (OSError, EOFError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        raise OperationalError(f"the backup cannot be read: {path}: {error}") from error
