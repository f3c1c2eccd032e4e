"""Where ZODB and ZEO load pickles by themselves and ask nobody for the classes: their loaders are replaced here.

The records of a database pass through ``classes``. But FileStorage also loads the pickled extension of a transaction's
metadata (for ``history`` and ``undoLog``, which any client of a server may call) and its index file, and ZEO messages,
each with whatever class they name. There is no hook for that, so the names by which those modules know their loaders
are given new values, once, for the whole process. What they loaded before, and was harmless, they load now.
"""

from __future__ import annotations

import importlib
import logging
from io import BytesIO
from typing import Any

from zodbpickle.pickle import Unpickler, UnpicklingError

from .classes import VALUES

logger = logging.getLogger("django_zodb")


class PlainUnpickler(Unpickler):  # type: ignore[misc]
    """Loads builtin values, and dates, decimals and UUIDs; UnpicklingError for all else."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name."""
        try:
            return VALUES[module, name]
        except KeyError:
            raise UnpicklingError(f"only plain values are loaded here, no {module}.{name}") from None

    def persistent_load(self, reference: object) -> Any:
        """What a pickle may refer to: nothing."""
        raise UnpicklingError("only plain values are loaded here, no references")


def load_extension(pickled: bytes) -> dict[str, Any]:
    """The extension of a transaction's metadata; empty, with a warning, if it is anything but a dict of values."""
    try:
        found = PlainUnpickler(BytesIO(pickled)).load()
        if type(found) is dict:
            return found
        reason = f"it is a {type(found).__name__}"
    except (UnpicklingError, EOFError, SystemError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = str(error.__context__ or error)  # a SystemError is what zodbpickle's C code makes of a refusal
    logger.warning("the extension of a transaction's metadata was not loaded: %s", reason)
    return {}


def harden() -> None:
    """Replace the loaders; harmless when repeated."""
    for module, name, value in (
        ("ZODB.FileStorage.FileStorage", "loads", load_extension),
        ("ZODB.Connection", "loads", load_extension),
        ("ZODB.fsIndex", "Unpickler", PlainUnpickler),
    ):
        loaded = importlib.import_module(module)
        if not hasattr(loaded, name):
            raise ImportError(f"{module} has no {name} any more: this version of ZODB was not tested")
        setattr(loaded, name, value)
