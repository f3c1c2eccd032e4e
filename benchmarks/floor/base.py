"""While ``recording``, statements run on django_zodb; while replaying, the rows that were found are given again.

A statement that writes is answered as the last one of the same text was: with so many rows, or the ids of then.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.utils import CursorWrapper

from django_zodb import base
from django_zodb.dbapi import Cursor

Answer = tuple[Any, int, int | None, Any]


class ReplayingCursor:
    """Answers from what its connection has recorded, and adds what is not there."""

    def __init__(self, cursor: Cursor, connection: DatabaseWrapper) -> None:
        self._cursor = cursor
        self._connection = connection
        self._rows: Any = ()
        self._at = 0
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.description: Any = None

    def execute(self, sql: str, params: Any = None) -> None:
        """Find the answer, or make it."""
        key = (sql, tuple(params or ())) if sql.startswith("SELECT") else sql
        recorded = self._connection.recorded
        found = None if self._connection.recording else recorded.get(key)
        if found is None:
            self._cursor.execute(sql, params)
            description = self._cursor.description
            rows = None if description is None else self._cursor.fetchall()
            found = recorded[key] = rows, self._cursor.rowcount, self._cursor.lastrowid, description
        self._rows, self.rowcount, self.lastrowid, self.description = found
        self._at = 0

    def executemany(self, sql: str, params: Any) -> None:
        """Only the engine's own statements come so."""
        self._cursor.executemany(sql, params)

    def fetchone(self) -> Any:
        """The next row, or None."""
        found = self.fetchmany(1)
        return found[0] if found else None

    def fetchmany(self, size: int = 1) -> Any:
        """The next rows."""
        at, self._at = self._at, self._at + size
        return self._rows[at : self._at]

    def fetchall(self) -> Any:
        """The rows that are left."""
        return self.fetchmany(len(self._rows)) if self._at else self._rows

    def __iter__(self) -> Any:
        return iter(self.fetchall())

    def close(self) -> None:
        """Nothing to let go of."""


class DatabaseWrapper(base.DatabaseWrapper):
    """django_zodb, except that queries are answered from memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recorded: dict[Any, Answer] = {}
        self.recording = True

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that records and replays."""
        return ReplayingCursor(super().create_cursor(), self)

    def chunked_cursor(self) -> CursorWrapper:
        """The same: rows are there already."""
        return self.cursor()
