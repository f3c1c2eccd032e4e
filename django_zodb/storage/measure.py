"""How large a database is: rows, records and bytes of each table and index, what else is in the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from BTrees.LLBTree import LLTreeSet
from ZODB.utils import z64

from .progress import Report
from .records import walk
from .session import Session


@dataclass(slots=True)
class Size:
    """Records, and their bytes as stored."""

    records: int = 0
    bytes: int = 0


@dataclass(slots=True)
class TableSize:
    """A table: its rows, what they take, and what each index takes."""

    name: str
    rows: int
    data: Size
    indexes: dict[str, Size] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Rows and indexes together."""
        return self.data.bytes + sum(size.bytes for size in self.indexes.values())


@dataclass(slots=True)
class Measured:
    """All tables; ``other`` is definitions and the like, ``storage_bytes`` the file with its history, 0 if unknown."""

    tables: list[TableSize]
    other: Size
    storage_bytes: int

    @property
    def live_bytes(self) -> int:
        """The newest revision of all that can be reached."""
        return sum(table.bytes for table in self.tables) + self.other.bytes


def measure(session: Session, report: Report) -> Measured:
    """Read every record that can be reached from the session's snapshot, and add them up."""
    catalog, seen = session.catalog, LLTreeSet()
    connection: Any = session.zodb_connection
    done = 0

    def size_of(oid: bytes | None, what: str) -> Size:
        nonlocal done
        size = Size()
        for record in walk(lambda each: connection._storage.load(each)[0], oid, seen) if oid is not None else ():
            size.records += 1
            size.bytes += len(record.data or b"")
            done += 1
            if done % 500 == 0:
                report(what, done, None)
        return size

    tables = []
    for name in catalog.table_names():
        table = catalog.table(name)
        found = TableSize(name, table.count(), size_of(table.tree._p_oid, "records"))
        for index in table.indexes():
            found.indexes[index.schema.name] = size_of(index.tree._p_oid, "records")
        tables.append(found)
    return Measured(tables, size_of(z64, "records"), connection.db().getSize())
