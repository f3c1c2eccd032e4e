"""What EXPLAIN ANALYZE knows of each node of a plan: how many rows it let through, and how long they took."""

from __future__ import annotations

import time


class Counters:
    """Filled while a statement runs, by nodes (their ``id``).

    The nodes are one function, whose loops are within each other: the time since any node let a row through is counted
    for the node that lets the next one through.
    """

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}
        self.seconds: dict[int, float] = {}
        self._last = 0.0

    def add(self, node: int) -> None:
        """There will be a node of that id."""
        self.rows[node] = 0
        self.seconds[node] = 0.0

    def start(self) -> None:
        """The statement begins."""
        self._last = time.perf_counter()

    def passed(self, node: int) -> None:
        """The node has let a row through."""
        now = time.perf_counter()
        self.rows[node] += 1
        self.seconds[node] += now - self._last
        self._last = now
