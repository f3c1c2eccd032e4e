"""Making a data file from a backup, as it was at some time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from persistent.TimeStamp import TimeStamp

from ..clock import dt
from ..errors import OperationalError
from .chains import Piece, chains, verified
from .datafile import MAGIC
from .files import private, sync_folder
from .headers import Header, headers
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
                sync_folder(str(target))
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
    with private(target) as file:
        for piece in chain:
            for chunk in verified(piece, report):
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
