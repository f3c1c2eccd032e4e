"""JSON: a document is its text; a path names keys and array positions from the outside inwards."""

from __future__ import annotations

import json
from typing import Any

from ...errors import DataError
from ...values import BOOLEAN, INTEGER, JSON, TEXT
from .base import Function

_MISSING = object()
_TYPES = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean"}


def decoded(document: str) -> Any:
    """The value of a document; DataError if it is none."""
    try:
        return json.loads(document)
    except ValueError as error:
        raise DataError(f"invalid JSON {document!r:.80}: {error}") from error


def _valid(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _found(document: str, path: tuple[str, ...]) -> Any:
    value = decoded(document)
    for step in path:
        value = _step(value, step)
        if value is _MISSING:
            break
    return value


def _step(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step, _MISSING)
    if isinstance(value, list) and step.lstrip("-").isdecimal():
        at = int(step)
        return value[at] if -len(value) <= at < len(value) else _MISSING
    return _MISSING


def _extract_path(document: str, *path: str) -> str | None:
    value = _found(document, path)
    return None if value is _MISSING else json.dumps(value, ensure_ascii=False)


def _extract_path_text(document: str, *path: str) -> str | None:
    value = _found(document, path)
    if value is _MISSING or value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _type_of(document: str) -> str:
    return _TYPES.get(type(decoded(document)), "null")


def _array_length(document: str) -> int:
    value = decoded(document)
    if not isinstance(value, list):
        raise DataError("JSON_ARRAY_LENGTH: the document is no array")
    return len(value)


_EXTRACT_PATH = Function(_extract_path, JSON, (JSON, TEXT), 1, None, nullable=True)
_EXTRACT_PATH_TEXT = Function(_extract_path_text, TEXT, (JSON, TEXT), 1, None, nullable=True)
_TYPE_OF = Function(_type_of, TEXT, (JSON,))
_ARRAY_LENGTH = Function(_array_length, INTEGER, (JSON,))

FUNCTIONS: dict[str, Function] = {
    "JSON_ARRAY_LENGTH": _ARRAY_LENGTH,
    "JSON_EXTRACT_PATH": _EXTRACT_PATH,
    "JSON_EXTRACT_PATH_TEXT": _EXTRACT_PATH_TEXT,
    "JSON_TYPEOF": _TYPE_OF,
    "JSON_VALID": Function(_valid, BOOLEAN, (TEXT,)),
    "JSONB_ARRAY_LENGTH": _ARRAY_LENGTH,
    "JSONB_EXTRACT_PATH": _EXTRACT_PATH,
    "JSONB_EXTRACT_PATH_TEXT": _EXTRACT_PATH_TEXT,
    "JSONB_TYPEOF": _TYPE_OF,
}
