"""Guards of the engine, to be switched off one at a time: then a workload must find that something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_zodb.storage import constraints, reads, table


def _reapply(self: table.StoredTable, rowid: int, old: Any, new: Any) -> None:
    """Without the comparison with the row as it is now."""
    current = self.get(rowid)
    if (current is None) is (old is None) and (current is not None or new is not None):
        self._change(rowid, current, new)


def _unchecked(*args: Any) -> None:
    return None


def _rows() -> None:
    table.StoredTable.reapply = _reapply  # type: ignore[method-assign]


def _unique() -> None:
    table.StoredTable.check_unique = _unchecked  # type: ignore[method-assign]


def _foreign_keys() -> None:
    constraints.Constraints.check = _unchecked  # type: ignore[method-assign]
    constraints.Constraints.check_deferred = _unchecked  # type: ignore[method-assign]


def _reads() -> None:
    reads.ReadCatalog.changed = _unchecked  # type: ignore[method-assign]


GUARDS: dict[str, tuple[Callable[[], None], str]] = {
    "rows are as they were seen": (_rows, "Transfers"),
    "keys are unique after a replay": (_unique, "UniqueKeys"),
    "foreign keys hold": (_foreign_keys, "Families"),
    "what was read is as it was": (_reads, "OnCall"),
}
"""What is guarded → how to switch it off, and the workload that notices."""
