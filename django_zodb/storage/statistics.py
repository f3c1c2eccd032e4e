"""Counts of what happened to the transactions of one database in this process: all that cannot be seen in its file."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Statistics:
    """Counters that only grow; safe to count on from any thread."""

    commits: int = 0
    """Transactions made durable; those that wrote nothing are not counted."""
    replays: int = 0
    """Times that a transaction's changes were made again, at its commit, on what others had committed meanwhile."""
    conflicts: int = 0
    """Transactions that failed since another one had changed a row that they wrote, locked or relied on."""
    retries: int = 0
    """Statements, blocks and requests that were run again after a conflict."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count(self, name: str) -> None:
        """Add one to a counter."""
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)

    def as_dict(self) -> dict[str, int]:
        """The counters of one moment."""
        with self._lock:
            return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "_lock"}
