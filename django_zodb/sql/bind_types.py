"""The parser's type nodes → ``SqlType``, by the table of names in ``types``."""

from __future__ import annotations

from sqlglot import exp

from ..errors import NotSupportedError, ProgrammingError
from ..values import SqlType
from .types import sql_type

_Type = exp.DType

_NAMES: dict[exp.DType, str] = {
    _Type.BOOLEAN: "boolean",
    _Type.SMALLINT: "smallint",
    _Type.INT: "integer",
    _Type.BIGINT: "bigint",
    _Type.FLOAT: "real",
    _Type.DOUBLE: "double precision",
    _Type.DECIMAL: "numeric",
    _Type.TEXT: "text",
    _Type.VARCHAR: "varchar",
    _Type.CHAR: "char",
    _Type.VARBINARY: "bytea",
    _Type.DATE: "date",
    _Type.TIME: "time",
    _Type.TIMESTAMP: "timestamp",
    _Type.TIMESTAMPTZ: "timestamp",
    _Type.DATETIME: "timestamp",
    _Type.INTERVAL: "interval",
    _Type.UUID: "uuid",
    _Type.JSON: "json",
    _Type.JSONB: "jsonb",
}


def bind_type(node: exp.DataType, where: str = "") -> SqlType:
    """The type that ``node`` names, as in ``CAST(… AS varchar(3))``.

    ProgrammingError if there is no such type, NotSupportedError for arrays and the like; ``where`` ends the message.
    """
    named = node.this
    if isinstance(named, exp.Interval):
        raise NotSupportedError(f"a type with fields is not supported: {_shown(node)!r}{where}; use interval")
    if node.args.get("nested") or node.args.get("values"):
        raise NotSupportedError(f"type {_shown(node)} is not supported{where}")
    name = _NAMES.get(named)
    if name is None:
        return sql_type(str(node.args.get("kind") or named.value).lower(), (), where)
    return sql_type(name, tuple(_argument(node, each, where) for each in node.expressions), where)


def _argument(node: exp.DataType, argument: exp.Expression, where: str) -> int:
    literal = argument.this
    if isinstance(argument, exp.DataTypeParam) and isinstance(literal, exp.Literal) and not literal.is_string:
        try:
            return int(literal.this)
        except ValueError:
            pass
    raise ProgrammingError(f"type {_shown(node)}: an argument is no whole number{where}")


def _shown(node: exp.DataType) -> str:
    return node.sql("postgres").lower()
