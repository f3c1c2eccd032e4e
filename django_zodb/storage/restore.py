"""Making a data file from a backup, as it was at some time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from persistent.TimeStamp import TimeStamp

from ..clock import dt
from ..errors import OperationalError
from .chains import Piece, chains, verified
from .datafile import MAGIC
from .files import sync_folder
from .headers import Header, headers
from .locking import take
from .progress import Report


@dataclass(frozen=True, slots=True)
class Restored:
    """A data file made from a backup: its size, its transactions, and when the last of them was committed."""

    path: Path
    bytes: int
    transactions: int
    last: dt.datetime | None


def restore(folder: Path, target: Path, report: Report, at: dt.datetime | None = None) -> Restored:
    """Make the data file ``target`` from a backup, as it was at that time (None: the newest).

    What is there when the time was between two transactions is the first one's state. OperationalError if there is no
    backup, if it is damaged, if its history does not reach back so far, or if ``target`` exists.
    """
    if os.path.lexists(target):
        raise OperationalError(f"{target} exists: move it away first, or restore to another file")
    known = chains(folder)
    if not known:
        raise OperationalError(f"there is no backup in {folder}")
    with _part_of(target) as file:
        for chain in _candidates(known, at):
            _join(chain, file, report)
            found = _cut(file, at)
            if found is not None:
                _publish(file, target)
                return Restored(target, *found)
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


def _join(chain: Sequence[Piece], file: IO[bytes], report: Report) -> None:
    file.seek(0)
    file.truncate()
    for piece in chain:
        for chunk in verified(piece, report):
            file.write(chunk)
    file.flush()


def _cut(file: IO[bytes], at: dt.datetime | None) -> tuple[int, int, dt.datetime | None] | None:
    """Cut off what was committed after ``at``: bytes, transactions, time of the last one; None if that cannot be.

    In what was packed, revisions that were followed by others are missing: there it cannot be cut.
    """
    end, count, last = len(MAGIC), 0, None
    for header in headers(file, len(MAGIC), file.name):
        if at is not None and time_of(header) > at:
            if header.packed or count == 0:
                return None
            break
        end, count, last = header.end, count + 1, time_of(header)
    file.truncate(end)
    return end, count, last


def time_of(header: Header) -> dt.datetime:
    """When a transaction was committed."""
    return dt.datetime.fromtimestamp(TimeStamp(header.tid).timeTime(), dt.UTC)


# --- the file that is made -----------------------------------------------------------------------------------------


@contextmanager
def _part_of(target: Path) -> Iterator[IO[bytes]]:
    """The file to write first, for its owner only: locked while it is written, so that it is one restore's alone.

    What a restore that was killed has left is taken over; at the end nothing is left.
    """
    part = target.with_name(target.name + ".part")
    descriptor = os.open(part, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(part, "r+b", opener=lambda *_: descriptor) as file:
        if not take(descriptor, 0.0) or not _is_at(descriptor, part):
            raise OperationalError(f"another restore is writing {part}: let it end, or restore to another file")
        try:
            os.fchmod(descriptor, 0o600)
            yield file
        finally:
            part.unlink()


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the file has its name still, or another restore that has ended meanwhile has removed it."""
    return path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())


def _publish(file: IO[bytes], target: Path) -> None:
    """Give the file its name, at one stroke, unless somebody else has that meanwhile."""
    os.fsync(file.fileno())
    try:
        os.link(file.name, target)
    except FileExistsError as error:
        raise OperationalError(
            f"{target} has appeared meanwhile: nothing was overwritten; move it away, or restore to another file"
        ) from error
    sync_folder(str(target))
