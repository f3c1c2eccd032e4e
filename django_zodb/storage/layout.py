"""The object tree of a database: how an empty one is laid out, and whether one that is there can be used.

The package's docstring draws it.
"""

from __future__ import annotations

import uuid
from collections.abc import MutableMapping
from typing import Any

from persistent.mapping import PersistentMapping

from ..errors import OperationalError
from .persistent import UNFINISHED, NameTree

FORMAT = 4
SEALED_SINCE = 2
"""From this format on, every record has a seal; see ``seal``."""
_CATALOG = UNFINISHED["IndexCatalog"]

Root = MutableMapping[str, Any]


def new_token() -> str:
    """A schema token: random, never the same again."""
    return uuid.uuid4().hex


def create_layout(root: Root) -> None:
    """Make the object tree of an empty database; see the package's docstring."""
    from .persistent import IndexCatalog  # with zope.catalog

    root["format"] = FORMAT
    root["token"] = new_token()
    root["catalog"] = IndexCatalog()
    for name in ("tables", "schema", "sequences", "counts"):
        root[name] = NameTree()


def is_empty(root: Root) -> bool:
    """Whether a database has been laid out; OperationalError if its root is not a mapping at all."""
    if not isinstance(root, PersistentMapping) or type(root.data) is not dict:
        raise OperationalError("this ZODB storage holds no database; choose another file, or a new one")
    return not root.data


def check_format(root: Root) -> None:
    """Raise OperationalError unless the object tree is one that this version reads and writes."""
    if is_empty(root):
        raise OperationalError(
            "this ZODB storage is empty, and not to be written: make the tables first, by `manage.py migrate` without "
            "the option read_only"
        )
    found = root.get("format")
    if type(found) is not int or not _has_layout(root):
        raise OperationalError(
            "this ZODB storage holds something else than a django_zodb database; choose another file, or a new one"
        )
    if found > FORMAT:
        raise OperationalError(
            f"the database has format {found}, and this version of django_zodb knows formats up to {FORMAT}; "
            f"upgrade django_zodb"
        )
    if found < 1:
        raise OperationalError(f"the database says that it has format {found}; formats begin with 1")


def _has_layout(root: Root) -> bool:
    trees = ("tables", "schema", "sequences", "counts")
    return type(root.get("catalog")) is _CATALOG and all(type(root.get(name)) is NameTree for name in trees)
