"""The connections of a database: those that wait for their next user, and what the caches of all hold together."""

from __future__ import annotations

import logging
from typing import Any

from ZODB.DB import ConnectionPool

logger = logging.getLogger("django_zodb")

_FULL_CACHES = 4
"""So many connections have as large a cache as each may have, if nothing else is said."""


class Pool(ConnectionPool):  # type: ignore[misc]
    """Takes over what ``made``, a pool of ZODB's, holds.

    The cache of a connection may hold ``most`` bytes, and those of all ``total``, so that a process with many threads
    has a limit, too: where connections are more than these are enough for, each has its part. 0 is no limit, None as
    much as four of them may hold. ZODB calls this with the lock of its DB held.

    ZODB logs each connection that is made beyond its size, at level CRITICAL if they are very many. Where threads are
    more than that, it is one for every other request. Here it is told when they have become twice as many as before.
    """

    def __init__(self, made: ConnectionPool, most: int, total: int | None) -> None:
        super().__init__(made.size, made.timeout)
        self.all, self.available = made.all, made.available
        self._most = most
        self._total = total
        self._told = made.size

    def limit(self, most: int) -> None:
        """Let the cache of each connection hold so many bytes from now on, or its part."""
        self._most = most
        self._share()

    def push(self, c: Any) -> None:
        """Enter a new connection, to be handed out next."""
        self._reduce_size(strictly_less=True)
        self.all.add(c)
        self._append(c)
        self._share()
        number = len(self.all)
        if number > self._told:
            self._told = 2 * number
            logger.warning(
                "%s has %d connections at once; no more than %d will keep their caches when they are closed. Where as "
                "many threads use it, the option pool_size should say so",
                c.db().storage.getName(),
                number,
                self.size,
            )

    def _reduce_size(self, strictly_less: bool = False) -> None:
        before = len(self.all)
        super()._reduce_size(strictly_less)
        if len(self.all) < before:
            self._share()

    def _share(self) -> None:
        """Tell the connections what their caches may hold; those that others use obey when they sweep them."""
        total = _FULL_CACHES * self._most if self._total is None else self._total
        part = max(1, min(self._most, total // max(1, len(self.all)))) if self._most and total else self._most
        for connection in self.all:
            connection.limit_cache(part)
