"""The only classes that a stored record may name: exact (module, name) pairs, resolved without importing anything.

ZODB records are pickles, and a pickle may name any importable callable. A file or a server that we do not control
must not choose what runs here, so everything that reads records looks its classes up in this one table.
"""

from __future__ import annotations

import decimal
import uuid
from typing import Any, NoReturn

from BTrees import LLBTree, LOBTree, OOBTree
from BTrees.Length import Length
from persistent import Persistent
from persistent.mapping import PersistentMapping
from ZODB.POSException import ConflictError

from ..clock import dt
from ..errors import OperationalError
from . import persistent as own


def _own_classes() -> list[type]:
    """Every Persistent class that ``persistent.py`` defines: by the layer rule all of this package's."""
    return [
        value
        for value in [*vars(own).values(), *own.UNFINISHED.values()]
        if isinstance(value, type)
        and issubclass(value, Persistent)
        and value.__module__ == own.__name__
        and not value.__name__.startswith("_")
    ]


_TREES = [
    getattr(module, prefix + kind)
    for prefix, module in (("OO", OOBTree), ("LO", LOBTree), ("LL", LLBTree))
    for kind in ("BTree", "Bucket", "TreeSet", "Set")
]

_VALUES = [
    dt.date,
    dt.time,
    dt.datetime,
    dt.timedelta,
    dt.timezone,
    decimal.Decimal,
    uuid.UUID,
]

VALUES: dict[tuple[str, str], type] = {(cls.__module__, cls.__qualname__): cls for cls in _VALUES}
"""The classes among them whose instances are values and nothing else."""

ALLOWED: dict[tuple[str, str], type] = {
    (cls.__module__, cls.__qualname__): cls for cls in [*_own_classes(), *_TREES, *_VALUES, Length, PersistentMapping]
}

PERSISTENT: frozenset[type] = frozenset(cls for cls in ALLOWED.values() if issubclass(cls, Persistent))
"""The classes among them whose instances have records of their own."""


def class_factory(connection: object, module: str, name: str) -> type[Any]:
    """The class that a record names (ZODB.DB's hook); OperationalError if it is not in the table."""
    try:
        return ALLOWED[module, name]
    except KeyError:
        raise OperationalError(
            f"the database holds an object of class {module}.{name}, which django_zodb never loads: "
            f"the file is not a django_zodb database, or was tampered with"
        ) from None


def refuse_resolution(
    oid: bytes, committed_serial: bytes, old_serial: bytes, new_data: bytes, committed_data: bytes = b""
) -> NoReturn:
    """Stands in for a storage's ``tryToResolveConflict``, which would import whatever class the record names."""
    raise ConflictError(oid=oid, serials=(committed_serial, old_serial), data=new_data)
