"""A ZEO client that takes nothing but plain values and known exceptions from its server.

ZEO's own client imports whatever module a server's message names, and makes any exception that it finds there.
"""

from __future__ import annotations

import asyncio
import builtins
from io import BytesIO
from typing import Any

import ZEO.Exceptions
from ZEO.asyncio.client import ClientIO, ClientThread, Protocol
from ZEO.ClientStorage import ClientStorage
from ZODB import POSException
from zodbpickle import binary
from zodbpickle.pickle import Unpickler, UnpicklingError

from .classes import refuse_resolution

_LONGEST_PACK_S = 7 * 86400

#: What a message may name: exceptions, the function that ZODB's exceptions are rebuilt by, and zodbpickle's bytes.
_MESSAGE_CLASSES: dict[tuple[str, str], Any] = {
    (module.__name__, name): value
    for module in (builtins, POSException, ZEO.Exceptions)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.__name__
} | {("ZODB.POSException", "_recon"): POSException._recon, ("zodbpickle", "binary"): binary}


class _MessageUnpickler(Unpickler):  # type: ignore[misc]
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _MESSAGE_CLASSES[module, name]
        except KeyError:
            raise UnpicklingError(f"a ZEO server may not name {module}.{name}") from None


def _decode(message: bytes) -> Any:
    return _MessageUnpickler(BytesIO(message)).load()


class _Protocol(Protocol):  # type: ignore[misc]
    """ZEO's protocol with a decoder of our own; where both sides speak msgpack, nothing is unpickled anyway."""

    def finish_connection(self, protocol_version: bytes) -> None:
        """As ZEO; called when the server has said which protocol it speaks."""
        super().finish_connection(protocol_version)
        if protocol_version[:1] == b"Z":
            self.decode = _decode


class _Client(ClientIO):  # type: ignore[misc]
    """ZEO's client with our protocol, at the first connection and at each later one."""

    def try_connecting(self) -> None:
        """As ZEO."""
        super().try_connecting()
        self.choose_protocol()

    def choose_protocol(self) -> None:
        """Nothing has been received yet: that happens in the very loop which runs this."""
        for protocol in self.protocols:
            protocol.__class__ = _Protocol


class _Thread(ClientThread):  # type: ignore[misc]
    """ZEO's networking thread with our client. ZEO offers no other way to name the classes that it makes."""

    def setup_delegation(self, loop: asyncio.AbstractEventLoop) -> None:
        """As ZEO; called before the loop runs."""
        super().setup_delegation(loop)
        self.client.__class__ = _Client
        self.client.choose_protocol()


class CarefulClientStorage(ClientStorage):  # type: ignore[misc]
    """A ClientStorage that neither loads a class for its server nor resolves conflicts."""

    tryToResolveConflict = staticmethod(refuse_resolution)

    def pack(self, t: float, referencesf: Any = None) -> None:
        """Have the server pack, and wait for it however long that takes; others are served meanwhile."""
        self._call("pack", t, True, timeout=_LONGEST_PACK_S)

    def __init__(self, address: str | tuple[str, int], **options: Any) -> None:
        super().__init__(address, _client_factory=_Thread, **options)
