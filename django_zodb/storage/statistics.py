"""Counts of what happened to the transactions of one database in this process: all that cannot be seen in its file."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields
from typing import Any


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
    sampled: int = 0
    """Transactions that were measured for the next two; see ``sampling``."""
    records_used: int = 0
    """The records that these have used."""
    records_loaded: int = 0
    """Those of them that had to be read from the storage."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            setattr(self, name, getattr(self, name) + number)

    def as_dict(self) -> dict[str, Any]:
        """The counters of one moment, and ``cache_hit_rate``: the share of records that were in memory already.

        It is None as long as nothing was measured.
        """
        with self._lock:
            found = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "_lock"}
        rate = 1 - found["records_loaded"] / found["records_used"] if found["records_used"] else None
        return found | {"cache_hit_rate": rate}
