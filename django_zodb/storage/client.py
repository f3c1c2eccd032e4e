"""A ZEO client that takes nothing but plain values and known exceptions from its server.

ZEO's own client imports whatever module a server's message names, and makes any exception that it finds there.
"""

from __future__ import annotations

import builtins
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from traceback import walk_tb
from typing import Any

import ZEO.Exceptions
from ZEO.asyncio import marshal
from ZEO.ClientStorage import ClientStorage
from ZEO.Exceptions import ClientDisconnected
from ZODB import POSException
from zodbpickle import binary
from zodbpickle.pickle import UnpicklingError

from .classes import refuse_resolution
from .precedence import FEATURE

logger = logging.getLogger("django_zodb")

_GRACE_S = 0.5

#: What a message may name: exceptions, the function that ZODB's exceptions are rebuilt by, and zodbpickle's bytes.
_MESSAGE_CLASSES: dict[tuple[str, str], Any] = {
    (module.__name__, name): value
    for module in (builtins, POSException, ZEO.Exceptions)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.__name__
} | {("ZODB.POSException", "_recon"): POSException._recon, ("zodbpickle", "binary"): binary}


def find_class(module: str, name: str) -> Any:
    """What a message of a server may name; UnpicklingError for all else."""
    try:
        return _MESSAGE_CLASSES[module, name]
    except KeyError:
        raise UnpicklingError(f"a ZEO server may not name {module}.{name}") from None


# For every client of this process, those that a ZConfig file describes among them. ZEO offers no hook, but its decoder
# looks this function up for each message.
assert callable(marshal.find_global)
marshal.find_global = find_class


class CarefulClientStorage(ClientStorage):  # type: ignore[misc]
    """A ClientStorage that loads no class for its server, resolves no conflicts, and waits ``timeout`` s for an answer.

    ZEO waits for ever for a server that is connected and says nothing: stopped, or behind a network that drops
    packets. Here the connection is given up then, and a new one sought.
    """

    tryToResolveConflict = staticmethod(refuse_resolution)

    def __init__(self, addresses: Sequence[str | tuple[str, int]], timeout: float, **options: Any) -> None:
        self._timeout_s = timeout
        self._connected_anew = 0.0
        self._asked = 0
        super().__init__(list(addresses), wait_timeout=timeout, **options)
        self._run: Callable[..., Any] = self._server.io_call
        self._server.io_call = self._answer

    def drop_cache(self) -> None:
        """Forget what was loaded: some of it was not what the server had sent."""
        logger.warning("the cache %s was damaged; it is begun anew", self._cache.path or "of this process")
        self._cache.clear()

    def loadBefore(self, oid: bytes, tid: bytes) -> Any:
        """As in ZEO; counted."""
        self._asked += 1  # two threads may count as one, which takes no lock
        return super().loadBefore(oid, tid)

    def client_cache_stats(self) -> dict[str, int]:
        """How often the cache on disk had what was loaded, and how often the server was asked for it."""
        *_, found = self._cache.getStats()
        return {"client_cache_hits": found, "client_cache_misses": max(self._asked - found, 0)}

    def take_precedence(self) -> bool:
        """Have the server let no other client commit until ``end_precedence``; False if it cannot.

        Some cannot at all, and here others may keep it for ``timeout`` s.
        """
        return FEATURE in self._info and bool(self._call("take_precedence", self._timeout_s))

    def end_precedence(self) -> None:
        """See ``take_precedence``; a server that is not connected has forgotten it."""
        with suppress(ClientDisconnected):
            self._async("end_precedence")

    def pack(self, t: float, referencesf: Any = None) -> None:
        """Have the server pack, and wait for it however long that takes; others are served meanwhile."""
        self._server.call("pack", t, True, wait=False).result()

    def _answer(self, call: Any, wait: bool = True) -> Any:
        """What the network's thread makes of a call; ClientDisconnected if that takes too long."""
        # Without a connection ZEO itself waits so long for one, before it asks.
        limit = self._timeout_s * (1 if self._server.is_connected() else 2) + _GRACE_S
        future = self._run(call, False)
        if not wait:
            return future
        try:
            return future.result(limit)
        except TimeoutError as error:
            self._server.loop.call_soon_threadsafe(self._hang_up)
            raise ClientDisconnected(f"the server has not answered within {limit:g} s") from error
        except ClientDisconnected:
            self._server.loop.call_soon_threadsafe(self._connect_anew)
            raise
        except (AttributeError, TypeError) as error:
            if not _is_of_asyncio(error):
                raise
            self._server.loop.call_soon_threadsafe(self._hang_up)
            raise ClientDisconnected("the connection was lost while it was written to") from error

    def _hang_up(self) -> None:
        """In the network's thread: drop the connection, with what may still be waiting to be sent."""
        protocol = self._server.client.protocol
        if protocol is not None and protocol.sm_protocol.transport is not None:
            protocol.sm_protocol.transport.abort()

    def _connect_anew(self) -> None:
        """In the network's thread: give up attempts to connect that have come to nothing within the time-out.

        ZEO would wait for them as long as the system does, which is minutes where packets are lost; and on Python 3.13
        it was seen that a connection stood and asyncio was never told.
        """
        client, now = self._server.client, monotonic()
        if client.closed or client.protocol is not None or now - self._connected_anew < self._timeout_s:
            return
        self._connected_anew = now
        for protocol in client.protocols:
            protocol.close()
        client.try_connecting()


def _is_of_asyncio(error: BaseException) -> bool:
    """Whether it was raised there: some versions of Python write to a connection that was lost as if it were not.

    Then they call what is None; see issue 136234 of CPython.
    """
    *_, (frame, _) = walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).startswith("asyncio.")
