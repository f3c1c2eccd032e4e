"""Deadlocks among all processes that share a file, which none of them can see alone.

A transaction that has waited for a row for some tenths of a second has its process tell the others, in the lock file,
who waits here for which row, and who of them has locked a row that somebody waits for. It then follows the waits: from
the row that it waits for to the wait of the one who has locked it, and so on. If that leads back to itself twice,
and by the same waits, none of these has ended in between: there was a moment when all of them waited, and no end to it.

The transaction in the circle that began to wait last gives up, and only that one. It may be unable to, in a process
that is stopped: then the next one that has lost its patience does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..clock import clock
from .lockfile import NOTHING, LockFile, Waiter

_LOOK_AFTER_S = 0.2
LOOK_EVERY_S = 0.1
_PATIENCE_S = 2.0

Circle = tuple[Waiter, ...]


class Waiting:
    """A transaction of this process that waits for a row."""

    __slots__ = ("circle", "look_at", "owner", "row", "seen_at", "since")

    def __init__(self, owner: int, row: int) -> None:
        now = clock.monotonic()
        self.owner = owner
        self.row = row
        self.since = now
        self.look_at = now + _LOOK_AFTER_S
        self.circle: Circle = ()
        self.seen_at = now

    def holding(self, row: int) -> Waiter:
        """What other processes have to know, if it has locked that row."""
        return Waiter(self.since, self.owner, self.row, row)


class Deadlocks:
    """What a process knows of the waits of all. Not thread-safe.

    ``owners`` says who has locked which row here, ``waiting`` who waits; both are the caller's, and change.
    """

    def __init__(self, shared: LockFile, owners: Mapping[int, int], waiting: Mapping[int, Waiting]) -> None:
        self._shared = shared
        self._owners = owners
        self._waiting = waiting
        self._told: list[Waiter] = []

    def found(self, owner: int) -> bool:
        """Whether the owner, who waits, is to give up. Looks now and then, so it has to be asked again and again."""
        me, now = self._waiting[owner], clock.monotonic()
        if now < me.look_at:
            return False
        me.look_at = now + LOOK_EVERY_S
        others = self._shared.other_waiters()
        own = self._own_waiters(others)
        self._tell(own)
        circle = circle_of(me.holding(NOTHING), [*others, *own])
        if circle != me.circle:
            me.circle, me.seen_at = circle, now
            return False
        return bool(circle) and (_id(max(circle)) == (me.since, owner) or now - me.seen_at > _PATIENCE_S)

    def forget(self, owner: int) -> None:
        """The owner waits no more. To be called before it frees anything."""
        self._tell([waiter for waiter in self._told if waiter.owner != owner])

    def _own_waiters(self, others: Iterable[Waiter]) -> list[Waiter]:
        """The waits here: one for each row that somebody waits for and the waiting one has locked, or at least one."""
        wanted = {waiter.wants for waiter in others} | {each.row for each in self._waiting.values()}
        found = []
        for row in sorted(wanted):
            waiting = self._waiting.get(self._owners.get(row, NOTHING))
            if waiting is not None:
                found.append(waiting.holding(row))
        holding = {waiter.owner for waiter in found}
        return found + [each.holding(NOTHING) for each in self._waiting.values() if each.owner not in holding]

    def _tell(self, waiters: list[Waiter]) -> None:
        if waiters != self._told:
            self._shared.tell_waiters(waiters)
            self._told = waiters


def circle_of(me: Waiter, waiters: Iterable[Waiter]) -> Circle:
    """The waits that lead from ``me`` back to it, ending with its own; empty if they do not."""
    holders = {waiter.holds: waiter for waiter in waiters}
    holders.pop(NOTHING, None)
    found: list[Waiter] = []
    row = me.wants
    while (waiter := holders.get(row)) is not None and waiter not in found:
        found.append(waiter)
        if _id(waiter) == _id(me):
            return tuple(found)
        row = waiter.wants
    return ()


def _id(waiter: Waiter) -> tuple[float, int]:
    return waiter.since, waiter.owner
