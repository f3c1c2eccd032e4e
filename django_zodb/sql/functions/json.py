"""JSON: a document is its text; a path names keys and array positions from the outside inwards.

What the operators mean is what PostgreSQL's mean for jsonb: numbers are equal as numbers, true is not 1, the order of
an object's keys says nothing. Positions may be written as text, and count from the end where negative. JSON null is a
value, the text ``null``; SQL NULL is what a path that leads nowhere gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from ...clock import dt
from ...errors import DataError
from ...threads import SharedLock
from ...values import BOOLEAN, INTEGER, JSON, TEXT, as_text, load_json
from .base import AggregateFunction, Function
from .parts import Parts, Texts

MOST_CHARACTERS = 12_000_000
"""For how much text is remembered what it means."""

MOST_PATHS = 4
"""For how many paths is remembered where they lead."""

_PATIENCE = 4

LONGEST_DOCUMENT = 100_000
"""Longer documents are decoded each time."""

_MISSING = object()
_TYPES = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean"}

_encode_any = json.JSONEncoder(ensure_ascii=False).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_ENCODERS: dict[type, Callable[[Any], str]] = {
    str: json.encoder.encode_basestring,  # what the encoder takes an age to arrive at
    int: int.__repr__,
    bool: lambda value: "true" if value else "false",
    type(None): lambda value: "null",
}


def encode(value: Any) -> str:
    """The text of a document with that value."""
    return _ENCODERS.get(type(value), _encode_any)(value)


# --- decoding ------------------------------------------------------------------------------------------------------

_lock = SharedLock()


class Memory:
    """What has been found out about documents, by their texts, whose hashes stored texts keep.

    Once it is full it stays as it is for a while: a scan of more than fits must not push out what does.
    """

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = {} if values is None else values
        self._characters = self._refused = 0

    def keep(self, document: str, value: Any) -> None:
        """Remember the value, if there is room."""
        length = len(document)
        if length > LONGEST_DOCUMENT:
            return
        with _lock:
            if self._characters + length > MOST_CHARACTERS:
                self._refused += length
                if self._refused < _PATIENCE * MOST_CHARACTERS:
                    return
                self.values.clear()
                self._characters = self._refused = 0
            self._characters += length
            self.values[document] = value

    def clear(self) -> None:
        """Forget everything."""
        with _lock:
            self.values.clear()
            self._characters = self._refused = 0


_decoded = Memory()
_known = _decoded.values
_by_path: dict[tuple[str, ...], _Comparables] = {}


def decoded(document: str) -> Any:
    """The value of a document, which must not be changed, and is remembered; DataError if it is none."""
    value = _known.get(document, _MISSING)
    if value is _MISSING:
        value = load_json(document)
        _decoded.keep(document, value)
    return value


def _valid(text: str) -> bool:
    try:
        load_json(text)
    except DataError:
        return False
    return True


# --- paths ---------------------------------------------------------------------------------------------------------


def _found(document: str, path: tuple[str, ...]) -> Any:
    """What the path leads to, or ``_MISSING``."""
    return _at(decoded(document), path)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if type(value) is dict:
            value = value.get(step, _MISSING)
        elif type(value) is list:
            value = _item(value, step)
        else:
            return _MISSING
    return value


def _item(values: list[Any], position: str) -> Any:
    try:
        return values[int(position)]
    except (ValueError, IndexError):
        return _MISSING


def _extract_path(document: str, *path: str) -> str | None:
    value = _found(document, path)
    return None if value is _MISSING else encode(value)


def _extract_path_text(document: str, *path: str) -> str | None:
    value = _found(document, path)
    if value is _MISSING or value is None:
        return None
    return value if type(value) is str else encode(value)


_PATH = re.compile(r'\$(?:\.(?:"[^"]*"|[^."\[]+)|\[(?:\d+|\#-\d+)\])*')
_PATH_STEP = re.compile(r'\."([^"]*)"|\.([^."\[]+)|\[\#?(-?\d+)\]')


@lru_cache(maxsize=256)
def path_steps(path: str) -> tuple[str, ...]:
    """``$.a."b c"[0][#-1]`` → its keys and positions; DataError for what is no such path."""
    if _PATH.fullmatch(path) is None:
        raise DataError(f"{path!r} is no JSON path of keys and positions; write it as '$.key[0].\"other key\"'")
    return tuple(match[match.lastindex or 0] for match in _PATH_STEP.finditer(path))


def _extract(document: str, path: str) -> str | None:
    return _extract_path(document, *path_steps(path))


# --- equality and order --------------------------------------------------------------------------------------------


def _comparable(document: str, *path: str) -> tuple[Any, ...] | None:
    """What stands for the value where values are compared: equal and ordered as jsonb is, and fit for sets."""
    value = _found(document, path)
    return None if value is _MISSING else _key(value)


class _Comparables(dict[str, Any]):
    """``_comparable`` of one path by the texts of documents: what it leads to is small, and no container of others.

    What is not there is computed, and remembered while this is one of the few paths of which anything is.
    """

    __slots__ = ("memory", "path")

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__()
        self.path = path
        self.memory = Memory(self)

    def __missing__(self, document: str) -> tuple[Any, ...] | None:
        remembered = _remembered(self)
        if remembered is not self:
            return remembered[document]  # type: ignore[no-any-return]
        value = _known.get(document, _MISSING)
        value = _at(load_json(document) if value is _MISSING else value, self.path)
        found = None if value is _MISSING else _key(value)
        self.memory.keep(document, found)
        return found


def _remembered(values: _Comparables) -> _Comparables:
    """What is remembered of that path: ``values`` from now on, if nothing was; another path may be forgotten for it."""
    known = _by_path.get(values.path)
    if known is None:
        if len(_by_path) >= MOST_PATHS:
            _by_path.pop(next(iter(_by_path))).memory.clear()
        known = _by_path[values.path] = values
    return known


def _comparable_at(*path: str) -> Callable[[str], object]:
    """``_comparable`` for one path, by C code where it is remembered."""
    return _remembered(_Comparables(path)).__getitem__


def _key(value: Any) -> tuple[Any, ...]:
    """Kinds, lengths and scalars of the value and of all that is in it, one after another.

    Kinds and lengths say where each part ends, so that tuples compare as the values do. They do not nest: one document
    that is hundreds of levels deep must not exhaust the stack of a query over all documents.
    """
    rank = _RANKS[type(value)]
    if rank < _ARRAY:
        return (rank, value)
    tokens: list[Any] = []
    rest = [value]
    while rest:
        value = rest.pop()
        rank = _RANKS[type(value)]
        if rank < _ARRAY:
            tokens += rank, value
        elif rank == _ARRAY:
            tokens += rank, len(value)
            rest.extend(reversed(value))
        elif rank == _OBJECT:
            tokens += rank, len(value)
            for name in sorted(value, reverse=True):
                rest += value[name], (name,)
        else:
            tokens += value
    return tuple(tokens)


# Objects come after arrays, these after booleans, numbers, strings and null; of two, the one with more members.
_ARRAY, _OBJECT, _NAME = 4, 5, 6
_RANKS: dict[type, int] = {
    type(None): 0,
    str: 1,
    int: 2,
    float: 2,
    bool: 3,
    list: _ARRAY,
    dict: _OBJECT,
    tuple: _NAME,  # of a member, whose value follows
}


def _canonical(document: str, *path: str) -> str | None:
    """What the path leads to with its keys sorted: one text for what DISTINCT, GROUP BY and UNION take for one value.

    They keep 1 and 1.0 apart, so that no value becomes another; the operator ``=`` does not.
    """
    value = _found(document, path)
    return None if value is _MISSING else _ENCODERS.get(type(value), _encode_sorted)(value)


def _greatest(*documents: str | None) -> str | None:
    return max((each for each in documents if each is not None), key=_comparable, default=None)  # type: ignore[arg-type]


def _least(*documents: str | None) -> str | None:
    return min((each for each in documents if each is not None), key=_comparable, default=None)  # type: ignore[arg-type]


# --- containment ---------------------------------------------------------------------------------------------------


def _contains(document: str, part: str) -> bool:
    """Whether ``document @> part``; an array contains a scalar that is one of its items."""
    whole, value = decoded(document), decoded(part)
    if type(whole) is list and type(value) not in (list, dict):
        value = [value]
    return _holds(whole, value)


def _holds(whole: Any, part: Any) -> bool:
    if type(part) is dict:
        return type(whole) is dict and all(name in whole and _holds(whole[name], part[name]) for name in part)
    if type(part) is list:
        return type(whole) is list and all(any(_holds(item, wanted) for item in whole) for wanted in part)
    return type(whole) not in (list, dict) and _key(whole) == _key(part)


def _has_key(document: str, key: str) -> bool:
    """Whether ``document ? key``: a key of the object, a string in the array, or that string itself."""
    return _has(decoded(document), key)


def _has_any_key(document: str, *keys: str) -> bool:
    value = decoded(document)
    return any(_has(value, key) for key in keys)


def _has_all_keys(document: str, *keys: str) -> bool:
    value = decoded(document)
    return all(_has(value, key) for key in keys)


def _has(value: Any, key: str) -> bool:
    return key in value if type(value) in (dict, list) else type(value) is str and value == key


# --- making documents ----------------------------------------------------------------------------------------------


def _concat(*documents: str) -> str:
    """``a || b``: objects are merged, the later value of a key counting; anything else is joined to one array."""
    return encode(reduce(_joined, map(decoded, documents)))


def _joined(left: Any, right: Any) -> Any:
    if type(left) is type(right) is dict:
        return left | right
    return [part for side in (left, right) for part in (side if type(side) is list else [side])]


def _to_json(value: Any) -> str:
    """An SQL value as a document: a number, a truth value, or else a string."""
    match value:
        case bool() | int() | str():
            return encode(value)
        case float() if value - value == 0:  # finite
            return encode(value)
        case Decimal():
            return str(value)
        case dt.datetime():
            return encode(value.isoformat())
    return encode(as_text(value))


def _array(*documents: str | None) -> str:
    return f"[{', '.join(document or 'null' for document in documents)}]"


def _object(*members: str | None) -> str:
    """Keys and documents in turn. DataError for a key that is NULL."""
    return _object_of(list(zip(members[::2], members[1::2], strict=True)))


def _object_of(members: Sequence[Any]) -> str:
    """The object of (key, document) pairs; of one key, the last counts."""
    if any(name is None for name, _ in members):
        raise DataError("JSON_OBJECT: a key must not be NULL")
    shown = [f"{encode(name)}: {document or 'null'}" for name, document in dict(members).items()]
    return f"{{{', '.join(shown)}}}"


def _object_agg(members: Sequence[Any]) -> str | None:
    return _object_of(members) if members else None


def _array_agg(documents: Sequence[Any]) -> str | None:
    return _array(*documents) if documents else None


def _type_of(document: str) -> str:
    return _TYPES.get(type(decoded(document)), "null")


def _array_length(document: str) -> int:
    value = decoded(document)
    if type(value) is not list:
        raise DataError("JSON_ARRAY_LENGTH: the document is no array")
    return len(value)


_ARRAY_LENGTH = Function(_array_length, INTEGER, (JSON,))
_TYPE_OF = Function(_type_of, TEXT, (JSON,))

FUNCTIONS: dict[str, Function] = {
    "JSON_ARRAY": Function(_array, JSON, (None,), 0, None, strict=False),
    "JSON_ARRAY_LENGTH": _ARRAY_LENGTH,
    "JSON_CANONICAL": Function(_canonical, JSON, (JSON, TEXT), 1, None, nullable=True),
    "JSON_COMPARABLE": Function(_comparable, JSON, (JSON, TEXT), 1, None, nullable=True, made=(0, _comparable_at)),
    "JSON_CONCAT": Function(_concat, JSON, (JSON,), 1, None),
    "JSON_CONTAINS": Function(_contains, BOOLEAN, (JSON,), 2, 2),
    "JSON_EXTRACT": Function(_extract, JSON, (JSON, TEXT), 2, 2, nullable=True),
    "JSON_EXTRACT_PATH": Function(_extract_path, JSON, (JSON, TEXT), 1, None, nullable=True),
    "JSON_EXTRACT_PATH_TEXT": Function(_extract_path_text, TEXT, (JSON, TEXT), 1, None, nullable=True),
    "JSON_GREATEST": Function(_greatest, JSON, (JSON,), 1, None, strict=False, nullable=True),
    "JSON_HAS_ALL_KEYS": Function(_has_all_keys, BOOLEAN, (JSON, TEXT), 1, None),
    "JSON_HAS_ANY_KEY": Function(_has_any_key, BOOLEAN, (JSON, TEXT), 1, None),
    "JSON_HAS_KEY": Function(_has_key, BOOLEAN, (JSON, TEXT), 2, 2),
    "JSON_LEAST": Function(_least, JSON, (JSON,), 1, None, strict=False, nullable=True),
    "JSON_OBJECT": Function(_object, JSON, (None,), 0, None, strict=False),
    "JSON_TYPE": _TYPE_OF,
    "JSON_TYPEOF": _TYPE_OF,
    "JSON_VALID": Function(_valid, BOOLEAN, (TEXT,)),
    "JSONB_ARRAY_LENGTH": _ARRAY_LENGTH,
    "JSONB_TYPEOF": _TYPE_OF,
    "TO_JSON": Function(_to_json, JSON),
    "TO_JSONB": Function(_to_json, JSON),
}


def _maximum(documents: Sequence[Any]) -> str | None:
    return _greatest(*documents)


def _minimum(documents: Sequence[Any]) -> str | None:
    return _least(*documents)


def _array_parts(documents: Sequence[Any]) -> Parts:
    texts = [document or "null" for document in documents]
    return Texts([", "] * len(texts), texts, lambda text: f"[{text}]")


def _object_parts(members: Sequence[Any]) -> Parts:
    return Parts([dict((member,)) for member in members], or_, lambda object_, _: _object_of(list(object_.items())))


AGGREGATES: dict[str, AggregateFunction] = {
    "JSON_AGG": AggregateFunction(_array_agg, _array_parts, JSON, (JSON,), skip_nulls=False),
    "JSON_MAX": AggregateFunction(_maximum, lambda documents: Parts(documents, _greatest), JSON, (JSON,)),
    "JSON_MIN": AggregateFunction(_minimum, lambda documents: Parts(documents, _least), JSON, (JSON,)),
    "JSON_OBJECT_AGG": AggregateFunction(_object_agg, _object_parts, JSON, (TEXT, JSON), 2, 2, skip_nulls=False),
}
"""Of documents: the binder makes one of each argument that is another value."""
