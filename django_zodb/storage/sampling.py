"""How often a record that a transaction uses is in memory already, measured on some transactions.

ZODB counts the records that it loads, not those that it is asked for, which would cost time at each of them. But a
connection's cache keeps its objects in the order of their last use. So two objects that have not been used for longest
are used before such a transaction, as marks; what stands behind them afterwards was used in it. That takes as long as
it takes to list the objects in memory, so it is done for few transactions, of any session, picked by chance.
"""

from __future__ import annotations

from typing import Any

from ..chance import CHANCE
from ..clock import clock
from ..collector import uncollected
from .statistics import Statistics

_EVERY = 100
_SHARE = 0.001
"""The most of the time that sampling may take."""


class Sample:
    """One transaction that is measured, of a ZODB connection. ``end`` says which records it used, and loaded."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._loads = connection._load_count
        started = clock.monotonic()
        marks = _by_last_use(connection)[:2]
        for _, mark in marks:
            getattr(mark, "used", None)
        self._marks = {oid for oid, _ in marks}
        self.cost_s = clock.monotonic() - started

    def end(self) -> tuple[int, int]:
        """How many records the transaction has used, and how many of them it had to load."""
        started = clock.monotonic()
        used = 0
        for oid, _ in reversed(_by_last_use(self._connection)):
            if oid in self._marks:
                break
            used += 1
        loaded = self._connection._load_count - self._loads
        self.cost_s += clock.monotonic() - started
        return max(used, loaded), loaded  # of very many, some are not in memory any more


def _by_last_use(connection: Any) -> list[tuple[bytes, Any]]:
    """The objects in memory. Measured on 24,000: 2 ms; 30 to 200 if the garbage collector looks at what is new."""
    with uncollected(connection._cache.cache_non_ghost_count):
        return connection._cache.lru_items()  # type: ignore[no-any-return]


class Sampler:
    """Picks the transactions of a database in this process that are measured, and adds up what they tell."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._began_at = clock.monotonic()
        self.left = self._picked = CHANCE.randint(1, _EVERY)
        """The transactions until the next one that is measured. Who begins one counts down: not exact, but cheap."""

    def begin(self, connection: Any) -> Sample:
        """Measure the transaction that begins."""
        self.left = 2 * _EVERY  # the others go on counting
        return Sample(connection)

    def end(self, sample: Sample) -> None:
        """Enter what was measured, and pick the next one: later where the cache is large and transactions are quick."""
        used, loaded = sample.end()
        self._statistics.count("sampled", 1)
        self._statistics.count("records_used", used)
        self._statistics.count("records_loaded", loaded)
        now = clock.monotonic()
        per_transaction_s = max(now - self._began_at, 1e-9) / self._picked
        every = max(_EVERY, int(sample.cost_s / _SHARE / per_transaction_s))
        self._began_at = now
        self.left = self._picked = CHANCE.randint(1, 2 * every)
