"""The object tree of a database as lines, one per object or row: for people, and for tools that read JSON Lines.

Reads only, and in bounded memory: what has been shown is forgotten again. A file is opened without its lock, so it can
be dumped while a site has it open; what is shown is its state at that moment. Objects that are reached a second time
are named and not followed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import transaction
from persistent import Persistent
from ZODB.POSException import POSError
from ZODB.utils import u64, z64

from ..clock import dt
from ..errors import OperationalError
from ..record import record, replace
from ..values import as_text
from .bounded import BoundedDB
from .classes import class_factory
from .failures import translated
from .open import Location, open_storage
from .options import Options

ROOT = "/data"
MAX_SHOWN = 200
"""The most characters or bytes of a value, and rowids of a set, that a line of the tree shows."""

_LINES_PER_SWEEP = 2_000
_CACHE_OBJECTS = 2_000
_CACHE_BYTES = 16 * 1024 * 1024


@record
class Node:
    """One line. ``value`` is what a leaf holds; ``note`` says why an object that is no leaf is not followed."""

    path: str
    type: str
    oid: int | None
    value: Any = None
    leaf: bool = False
    note: str | None = None


@contextmanager
def opened(location: Location, options: Options) -> Iterator[Any]:
    """The root of the database there, or None if it is empty; read-only, OperationalError if it cannot be read."""
    storage = open_storage(location, replace(options, read_only=True, create=False))
    try:
        if storage.lastTransaction() in (None, z64):
            yield None
            return
        database = BoundedDB(
            storage, cache_size=_CACHE_OBJECTS, cache_size_bytes=_CACHE_BYTES, class_factory=class_factory
        )
        connection = database.open(transaction.TransactionManager(explicit=True))
        connection.transaction_manager.begin()
        try:
            yield connection.root()
        finally:
            connection.transaction_manager.abort()
            connection.close()
    except POSError as error:
        raise translated(error) from error
    finally:
        storage.close()


def walk(root: Any, table: str | None = None, limit: int | None = None) -> Iterator[Node]:
    """Every object below ``root`` in the order of its keys, or only the rows of ``table``.

    ``limit`` is the most children of one object that are shown; the layout itself (tables, indexes) is never cut.
    """
    start, thing = ROOT, root
    if table is not None:
        start, thing = f"{ROOT}/tables/{_segment(table)}", _table(root, table)
    connection = root._p_jar
    for number, node in enumerate(_walk(start, thing, limit), 1):
        yield node
        if number % _LINES_PER_SWEEP == 0:
            connection.cacheGC()


def _table(root: Any, name: str) -> Any:
    tables = root.get("tables", {})
    if name not in tables:
        known = ", ".join(tables) or "none"
        raise OperationalError(f"there is no table {name!r}; the tables are: {known}")
    return tables[name]


def _walk(path: str, thing: Any, limit: int | None) -> Iterator[Node]:
    # An explicit stack: a hostile file may nest objects deeper than Python nests calls.
    seen: set[bytes] = set()
    stack: list[Iterator[tuple[str, Any]]] = [iter([(path, thing)])]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        path, thing = step
        oid = getattr(thing, "_p_oid", None)
        node = Node(path, type(thing).__name__, u64(oid) if oid else None)
        if oid in seen:
            yield replace(node, note="shown above")
            continue
        children = _children(thing)
        if children is None:
            yield replace(node, value=thing, leaf=True)
            continue
        if oid:
            seen.add(oid)
        yield node
        stack.append(_below(path, children, limit if path.count("/") > 2 else None))


def _below(path: str, children: Iterable[tuple[Any, Any]], limit: int | None) -> Iterator[tuple[str, Any]]:
    for key, child in islice(children, limit):
        yield f"{path}/{_segment(key)}", child


def _children(thing: Any) -> Iterable[tuple[Any, Any]] | None:
    """``(key, child)`` pairs of a mapping or of a persistent object's state; None for rows, values and sets."""
    if isinstance(thing, dict):
        return sorted(thing.items(), key=lambda item: str(item[0]))
    if not isinstance(thing, Persistent):
        return None
    if hasattr(thing, "items"):
        return thing.items()  # type: ignore[no-any-return]
    if hasattr(thing, "keys"):  # a tree set
        return None
    state = thing.__getstate__()
    return sorted(state.items()) if isinstance(state, dict) else None


def _segment(key: object) -> str:
    if isinstance(key, int | str):
        text = str(key)
        if text and text.isprintable() and "/" not in text:
            return text
    return repr(key).replace("/", "\\x2f")


def as_tree(node: Node) -> str:
    """A line for people: ``/data/tables/book/1: (1, 'Emma')``; long values are cut, and say so."""
    if node.leaf and node.oid is None:
        return f"{node.path}: {_shown(node.value)}"
    about = f"{node.path}: {node.type}" + (f" oid {node.oid:#x}" if node.oid is not None else "")
    if node.leaf:
        about += f" {_shown(node.value)}"
    return f"{about} ({node.note})" if node.note else about


def as_json(node: Node) -> str:
    """A JSON object: path, type, oid, and for leaves the whole value."""
    document: dict[str, Any] = {"path": node.path, "type": node.type, "oid": node.oid}
    if node.leaf:
        document["value"] = _plain(node.value)
    if node.note:
        document["note"] = node.note
    return json.dumps(document, ensure_ascii=False)


def _shown(value: Any) -> str:
    match value:
        case str() | bytes() if len(value) > MAX_SHOWN:
            unit = "characters" if isinstance(value, str) else "bytes"
            return f"{value[:MAX_SHOWN]!r}… ({len(value):,} {unit})"
        case tuple():
            inner = ", ".join(map(_shown, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case dt.datetime() | dt.date() | dt.time() | dt.timedelta() | Decimal() | UUID():
            return str(value)
        case Persistent() if hasattr(value, "keys"):
            first = list(islice(value.keys(), MAX_SHOWN + 1))
            return f"{{{', '.join(map(repr, first[:MAX_SHOWN]))}{', …' if len(first) > MAX_SHOWN else ''}}}"
        case Persistent():
            return f"<{type(value).__name__} oid {u64(value._p_oid or z64):#x}>"
    return repr(value)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else repr(value)  # JSON has no NaN and no infinities
        case tuple() | list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case bytes():
            return f"\\x{value.hex()}"
        case Persistent() if hasattr(value, "keys"):
            return list(value.keys())
        case Persistent():
            return {"type": type(value).__name__, "oid": u64(value._p_oid or z64)}
    return as_text(value)
