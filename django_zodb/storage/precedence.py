"""Which client of a ZEO server may commit while the others wait.

Without a lock that orders commits, who loses a conflict does its work again on a newer snapshot, and may lose again to
others whose transactions are shorter: of four clients that write the same few records without a pause, the one that had
lost once lost its next attempt in nine of ten cases. So who has lost more than once has the server let it go first; who
changes definitions, which cannot be done again, from the beginning. It is about waiting, not about being right: what
conflicts is found by the records' serials as ever.
"""

from __future__ import annotations

from typing import Any

from ..clock import clock

FEATURE = "django_zodb precedence"
"""The server's information about itself has this key if it can give precedence."""


class Precedence:
    """Of a storage that is served. Clients have ``connected`` and ``heard``, the time of their last message.

    One that has precedence and is not heard of for ``patience_s`` has lost it. For the server's thread only.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._first: Any = None
        self._waiting: list[Any] = []

    def admits(self, client: Any) -> bool:
        """Whether the client may vote: nobody else has precedence, or waits for it."""
        if self._is_there(self._first):
            return self._first is client
        self._first = None
        while self._waiting and not self._is_there(self._waiting[0]):
            del self._waiting[0]
        return not self._waiting or self._waiting[0] is client

    def take(self, client: Any, busy: bool) -> bool:
        """Give it to the client whose turn it is, unless others are in the middle of a commit; else enter it."""
        if client not in self._waiting:
            self._waiting.append(client)
        if busy or not self.admits(client):
            return False
        self._waiting.remove(client)
        self._first = client
        return True

    def end(self, client: Any) -> None:
        """The client needs it no more."""
        if client in self._waiting:
            self._waiting.remove(client)
        if self._first is client:
            self._first = None

    def _is_there(self, client: Any) -> bool:
        return client is not None and client.connected and clock.monotonic() - client.heard < self._patience_s
