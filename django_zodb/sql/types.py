"""Names of SQL types → ``SqlType``: the one table that CREATE TABLE, ALTER TABLE and CAST share."""

from __future__ import annotations

from ..errors import NotSupportedError, ProgrammingError
from ..values import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DECIMAL,
    DOUBLE,
    INTEGER,
    INTERVAL,
    JSON,
    SMALLINT,
    TEXT,
    TIME,
    TIMESTAMP,
    UUID_TYPE,
    Kind,
    SqlType,
)

TYPES: dict[str, SqlType] = {
    "bool": BOOLEAN,
    "boolean": BOOLEAN,
    "smallint": SMALLINT,
    "int2": SMALLINT,
    "int": INTEGER,
    "integer": INTEGER,
    "int4": INTEGER,
    "bigint": BIGINT,
    "int8": BIGINT,
    "real": DOUBLE,
    "float": DOUBLE,
    "float4": DOUBLE,
    "float8": DOUBLE,
    "double": DOUBLE,
    "double precision": DOUBLE,
    "numeric": DECIMAL,
    "decimal": DECIMAL,
    "dec": DECIMAL,
    "text": TEXT,
    "varchar": TEXT,
    "char": TEXT,
    "character": TEXT,
    "character varying": TEXT,
    "bytea": BYTES,
    "blob": BYTES,
    "date": DATE,
    "time": TIME,
    "time without time zone": TIME,
    "timestamp": TIMESTAMP,
    "timestamp with time zone": TIMESTAMP,
    "timestamp without time zone": TIMESTAMP,
    "timestamptz": TIMESTAMP,
    "datetime": TIMESTAMP,
    "interval": INTERVAL,
    "uuid": UUID_TYPE,
    "json": JSON,
    "jsonb": JSON,
}
"""Every type by its names in SQL, lower case and single-spaced."""

SERIAL_TYPES: dict[str, SqlType] = {
    "smallserial": SMALLINT,
    "serial2": SMALLINT,
    "serial": INTEGER,
    "serial4": INTEGER,
    "bigserial": BIGINT,
    "serial8": BIGINT,
}
"""Not types but abbreviations for an integer column that draws from a sequence."""

_SIZED_TEXT = frozenset(("varchar", "char", "character", "character varying"))
_MAX_PRECISION = 1000
_MICROSECONDS = 6


def sql_type(name: str, args: tuple[int, ...] = (), where: str = "") -> SqlType:
    """The type that ``name(args)`` means; ``name`` in lower case, single-spaced.

    ProgrammingError for a name that is no type or arguments out of range, NotSupportedError for a precision that
    is not kept. ``where`` ends the messages: ``' at 1:7'``.
    """
    type_ = TYPES.get(name)
    if type_ is None:
        raise ProgrammingError(f'type "{name}" does not exist{where}; there are: {", ".join(sorted(TYPES))}')
    if name == "char" or name == "character":
        return SqlType(Kind.TEXT, size=_arguments(name, args or (1,), 1, where)[0])
    if not args:
        return type_
    if name in _SIZED_TEXT:
        return SqlType(Kind.TEXT, size=_arguments(name, args, 1, where)[0])
    match type_.kind:
        case Kind.DECIMAL:
            return _numeric(name, _arguments(name, args, 2, where), where)
        case Kind.DOUBLE if name == "float":
            _arguments(name, args, 1, where)
            return type_
        case Kind.TIME | Kind.TIMESTAMP | Kind.INTERVAL:
            if args == (_MICROSECONDS,):
                return type_
            raise NotSupportedError(f"type {_shown(name, args)} is not supported{where}: the precision is always 6")
    raise ProgrammingError(f"type {name} takes no arguments: {_shown(name, args)}{where}")


def _numeric(name: str, args: tuple[int, ...], where: str) -> SqlType:
    precision, scale = args if len(args) == 2 else (args[0], 0)
    if precision > _MAX_PRECISION or scale > precision or scale < 0:
        raise ProgrammingError(
            f"{_shown(name, args)}{where}: the precision must lie between 1 and {_MAX_PRECISION}, "
            "the scale between 0 and the precision"
        )
    return SqlType(Kind.DECIMAL, precision, scale)


def _arguments(name: str, args: tuple[int, ...], most: int, where: str) -> tuple[int, ...]:
    if len(args) > most:
        raise ProgrammingError(f"type {name} takes {most} argument(s) at most: {_shown(name, args)}{where}")
    if args[0] < 1:
        raise ProgrammingError(f"{_shown(name, args)}{where}: the size must be 1 at least")
    return args


def _shown(name: str, args: tuple[int, ...]) -> str:
    return f"{name}({', '.join(map(str, args))})"
