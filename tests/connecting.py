"""Any number of connections to one database, in memory or in a file, for tests of what they do to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django_zodb import dbapi
from django_zodb.storage.database import close_all

Connect = Callable[[], dbapi.Connection]


@contextmanager
def connecting(
    kind: str, folder: Path, statements: Iterable[str] = (), isolation: str = "snapshot"
) -> Iterator[Connect]:
    """What makes a connection to a new database of that kind, after these statements; all are closed in the end."""
    place = ":memory:connecting" if kind == "memory" else str(folder / "Data.fs")
    made: list[dbapi.Connection] = []

    def connect() -> dbapi.Connection:
        made.append(dbapi.connect(place, isolation=isolation))
        return made[-1]

    first = connect()
    for statement in statements:
        first.execute(statement)
    first.commit()
    yield connect
    for each in made:
        each.close()
    close_all()
