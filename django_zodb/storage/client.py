"""A ZEO client that takes nothing but plain values and known exceptions from its server.

ZEO's own client imports whatever module a server's message names, and makes any exception that it finds there.
"""

from __future__ import annotations

import builtins
from typing import Any

import ZEO.Exceptions
from ZEO.asyncio import marshal
from ZEO.ClientStorage import ClientStorage
from ZODB import POSException
from zodbpickle import binary
from zodbpickle.pickle import UnpicklingError

from .classes import refuse_resolution

_LONGEST_PACK_S = 7 * 86400

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
    """A ClientStorage that neither loads a class for its server nor resolves conflicts."""

    tryToResolveConflict = staticmethod(refuse_resolution)

    def pack(self, t: float, referencesf: Any = None) -> None:
        """Have the server pack, and wait for it however long that takes; others are served meanwhile."""
        self._call("pack", t, True, timeout=_LONGEST_PACK_S)
