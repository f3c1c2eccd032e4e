"""A ZODB connection whose cache is bounded during a transaction, not only at its end."""

from __future__ import annotations

from typing import Any

import ZODB
from ZODB.Connection import Connection

_LOADS_PER_SWEEP = 500


class BoundedConnection(Connection):  # type: ignore[misc]
    """Sweeps its cache now and then while it loads, so that a scan of any table runs in bounded memory.

    ZODB sweeps at the end of a transaction. Doing it earlier is safe: what has been changed stays, what C code is
    using is marked so, and what was swept is loaded again from the same snapshot.
    """

    _loads = 0

    def setstate(self, obj: Any) -> None:
        """Load the state of an object; ZODB's hook."""
        super().setstate(obj)
        self._loads += 1
        if self._loads >= _LOADS_PER_SWEEP:
            self._loads = 0
            self._cache.incrgc()


class BoundedDB(ZODB.DB):  # type: ignore[misc]
    """A DB that opens such connections."""

    klass = BoundedConnection
