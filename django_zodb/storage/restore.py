"""Making a data file from a backup, as it was at some time."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from persistent.TimeStamp import TimeStamp

from ..clock import dt
from ..errors import OperationalError
from .chains import Piece, chains, tids, verified
from .datafile import MAGIC
from .files import named, sync_folder
from .headers import headers
from .locking import take
from .progress import Report, Warn

logger = logging.getLogger("django_zodb")

_SECOND = dt.timedelta(seconds=1)  # names have no fractions


@dataclass(frozen=True, slots=True)
class Restored:
    """A data file made from a backup: its size, its transactions, and when the last of them was committed."""

    path: Path
    bytes: int
    transactions: int
    last: dt.datetime | None


class _History(NamedTuple):
    """What a data file tells of a time: where its transactions until then end, how many, and when the last was."""

    end: int
    transactions: int
    last: dt.datetime | None
    next: dt.datetime | None
    """The first transaction after that time."""
    since: dt.datetime | None
    """From when on every state is there: the last transaction that was packed, or the first one."""
    packed: bool


def restore(
    folder: Path, target: Path, report: Report, at: dt.datetime | None = None, warn: Warn = logger.warning
) -> Restored:
    """Make the data file ``target`` from a backup, as it was at that time (None: the newest).

    What is there when the time was between two transactions is the first one's state. ``warn`` is told if the time is
    later than the last backup, which is restored then. OperationalError if there is no backup, if it is damaged, if the
    backups cannot tell what was there at that time, or if ``target`` exists.
    """
    if os.path.lexists(target):
        raise OperationalError(f"{target} exists: move it away first, or restore to another file")
    if not target.parent.is_dir():
        raise OperationalError(f"there is no folder {target.parent}: make it first, or restore to another one")
    known = chains(folder)
    if not known:
        raise OperationalError(f"there is no backup in {folder}")
    with named(target), _part_of(target) as file:
        if at is None:
            found = _join(known[-1], file, report)
        else:
            found = _join_as_of(at, known, file, report, warn)
        file.truncate(found.end)
        _publish(file, target)
        return Restored(target, found.end, found.transactions, found.last)


# --- which chain ---------------------------------------------------------------------------------------------------


def _join_as_of(
    at: dt.datetime, known: Sequence[Sequence[Piece]], file: IO[bytes], report: Report, warn: Warn
) -> _History:
    """Join the chain that has the state of that time for sure; OperationalError if none has."""
    later: list[tuple[dt.datetime, bool]] = []
    of_later: set[int] = set()  # those chains, one of which may be named by the second in which ``at`` is
    for number in _candidates(known, at):
        chain = known[number]
        found = _join(chain, file, report, at)
        if found.since is not None and found.since > at:
            later.append((found.since, found.packed))
            of_later.add(number)
        elif number and at < chain[0].made_at + _SECOND and _lacks(found, known[number - 1], at):
            later.append((found.next or chain[0].made_at, found.packed))
            of_later.add(number)
        else:
            if found.next is None and chain[-1].made_at < at:
                warn(
                    f"the last backup is of {chain[-1].made_at.astimezone(at.tzinfo).isoformat()}: what was committed "
                    f"between then and {at.isoformat()} is not in it"
                )
            return found
    before = (chain[-1].made_at for number, chain in enumerate(known) if number not in of_later)
    until = max((made_at for made_at in before if made_at <= at), default=None)
    raise _untold(at, until, min(later, default=None))


def _candidates(known: Sequence[Sequence[Piece]], at: dt.datetime) -> Iterator[int]:
    """The numbers of the chains that may have the state of that time, the best first.

    A full backup is made after a pack; so the one made before has more of the history, up to its last increment. What
    was committed between that and the pack nobody knows.
    """
    newest = len(known) - 1
    older = []
    for number, chain in enumerate(known):
        if chain[-1].made_at >= at:
            yield number
        else:
            older.append(number)
    for number in reversed(older):
        last = None if number == newest else _last(known[number])  # later than its name if the clock was slow
        if number == newest or (last is not None and last > at):
            yield number


def _lacks(found: _History, before: Sequence[Piece], at: dt.datetime) -> bool:
    """Whether the chain before has something from before that time that this one has not.

    An older state took the file's place then, and nobody knows when.
    """
    last = _last(before)
    return last is not None and last <= at and (found.last is None or found.last < last)


def _last(chain: Sequence[Piece]) -> dt.datetime | None:
    """When the last transaction of the chain's last file was committed; None if it cannot be read."""
    try:
        tid = max(tids(chain[-1:]), default=None)
    except OperationalError:
        return None
    return time_of(tid) if tid else None


def _untold(at: dt.datetime, until: dt.datetime | None, later: tuple[dt.datetime, bool] | None) -> OperationalError:
    """The error for a time of which the backups cannot tell, with the nearest ones of which they can."""
    since, packed = later or (None, False)
    nearest = [time.astimezone(at.tzinfo).isoformat() for time in (until, since) if time is not None]
    if until is None:
        why = "what was there was packed away before the first of them" if packed else "nothing was committed before"
        said = (
            f"the backups do not reach back to {at.isoformat()}: {why}. The first state that can be restored is that of"
        )
    else:
        said = (
            f"the backups cannot tell what was there at {at.isoformat()}: after the last one before that, the file was "
            f"packed, or an older one took its place. The nearest states that can be restored are those of"
        )
    return OperationalError(f"{said} {' and '.join(nearest)}")


# --- what it holds -------------------------------------------------------------------------------------------------


def _join(chain: Sequence[Piece], file: IO[bytes], report: Report, at: dt.datetime | None = None) -> _History:
    """Write the chain's files into one; what that tells of the time (None: of the end)."""
    file.seek(0)
    file.truncate()
    for piece in chain:
        for chunk in verified(piece, report):
            file.write(chunk)
    file.flush()
    return _history(file, at)


def _history(file: IO[bytes], at: dt.datetime | None) -> _History:
    """What the data file tells. In what was packed, revisions that were followed by others are missing."""
    end, count, last, after, since, packed = len(MAGIC), 0, None, None, None, False
    for header in headers(file, len(MAGIC), file.name):
        time = time_of(header.tid)
        if header.packed or since is None:
            since, packed = time, header.packed
        if after is None and at is not None and time > at:
            after = time
        if after is None:
            end, count, last = header.end, count + 1, time
    return _History(end, count, last, after, since, packed)


def time_of(tid: bytes) -> dt.datetime:
    """When a transaction was committed."""
    return dt.datetime.fromtimestamp(TimeStamp(tid).timeTime(), dt.UTC)


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
    except OSError as error:
        raise OperationalError(
            f"{target} cannot be made here ({os.strerror(error.errno or 0)}): restore to a file system that has hard "
            f"links, and copy the file from there"
        ) from error
    sync_folder(str(target))
