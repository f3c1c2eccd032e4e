"""Values and names as they are written in SQL: what text is made of that Django or a definition composes."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from ..clock import dt
from ..errors import ProgrammingError


def literal(value: object) -> str:
    """``value`` as an SQL literal. ProgrammingError if its class has none."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | Decimal():
            return f"({value})" if value < 0 else str(value)
        case float():
            return f"CAST('{value!r}' AS double precision)"
        case str():
            return quoted(value)
        case bytes() | bytearray() | memoryview():
            return f"X'{bytes(value).hex()}'"
        case dt.datetime():
            return f"TIMESTAMP '{value.isoformat(' ')}'"
        case dt.date():
            return f"DATE '{value.isoformat()}'"
        case dt.time():
            return f"TIME '{value.isoformat()}'"
        case dt.timedelta():
            return f"INTERVAL '{value.days} days {value.seconds} seconds {value.microseconds} microseconds'"
        case UUID():
            return f"CAST('{value}' AS uuid)"
    raise ProgrammingError(f"a parameter of class {type(value).__qualname__} has no SQL literal: {value!r:.80}")


def quoted(value: str) -> str:
    """``value`` as an SQL string literal."""
    return "'" + str.__str__(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
