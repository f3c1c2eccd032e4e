"""A PEP 249 driver for ZODB; usable without Django.

>>> from django_zodb import dbapi
>>> connection = dbapi.connect(":memory:")
>>> connection.execute("CREATE TABLE book (id integer PRIMARY KEY, title varchar(80))").rowcount
-1
>>> connection.execute("INSERT INTO book (title) VALUES (%s) RETURNING id", ["Emma"]).fetchone()
(1,)
"""

from ..errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from .connection import Connection, connect
from .cursor import Cursor, StreamingCursor
from .types import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

apilevel = "2.0"
threadsafety = 1
"""Threads may share the module, each with connections of its own."""
paramstyle = "pyformat"
"""``%(name)s``; and ``%s``."""

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "StreamingCursor",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]
