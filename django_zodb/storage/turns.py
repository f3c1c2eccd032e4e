"""Whose turn it is when a row lock becomes free: who has waited for long comes before who has just come.

Without this, a transaction that gives up in a deadlock and begins again would lock the same row again before the other
one, which looks some hundred times a second whether it is free, could.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..clock import clock
from .deadlocks import Waiting
from .lockfile import LockFile

LONG_S = 0.1
_TURN_S = 0.1
_ELSEWHERE = 0


class Turns:
    """To whom rows that became free in this process are promised, for a short time. Not thread-safe.

    ``waiting`` says who waits; it is the caller's, and changes.
    """

    def __init__(self, shared: LockFile | None, waiting: Mapping[int, Waiting]) -> None:
        self._shared = shared
        self._waiting = waiting
        self._promised: dict[int, tuple[int, float]] = {}

    def is_for(self, owner: int, row: int) -> bool:
        """Whether the owner may lock a row that is free."""
        if row not in self._promised:
            return True
        to, until = self._promised[row]
        if to != owner and clock.monotonic() < until and self._is_waiting(to, row):
            return False
        del self._promised[row]
        return True

    def _is_waiting(self, owner: int, row: int) -> bool:
        if owner == _ELSEWHERE:
            return self._shared is not None and self._shared.is_wanted(row)
        waiting = self._waiting.get(owner)
        return waiting is not None and waiting.row == row

    def pass_on(self, rows: Sequence[int]) -> None:
        """Promise rows that become free to who has waited for long: to another process before this one."""
        wanted = self._shared is not None and self._shared.is_any_wanted()
        if not wanted and not self._waiting:
            return
        now = clock.monotonic()
        until = now + _TURN_S
        self._promised = {row: promise for row, promise in self._promised.items() if now < promise[1]}
        longest_last = sorted(self._waiting.values(), key=lambda each: each.since, reverse=True)
        waiting = {each.row: each.owner for each in longest_last if now - each.since > LONG_S}
        self._promised |= {row: (waiting[row], until) for row in waiting.keys() & set(rows)}
        if self._shared is not None and wanted:
            self._promised |= {row: (_ELSEWHERE, until) for row in rows if self._shared.is_wanted(row)}
