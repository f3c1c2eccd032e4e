"""Which of Django's lookups were met: so that one that is new, or that no longer comes about, is noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.models import lookups
from django.db.models.fields.json import ContainedBy, DataContains, KeyTransform

from .kinds import FIELDS

BEYOND_SQLITE = {DataContains, ContainedBy}
"""What Django refuses on sqlite3."""


@contextmanager
def counted(met: Counter[type]) -> Iterator[None]:
    """Count the classes of all lookups and transforms that are made meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for base in (lookups.Lookup, lookups.Transform):
            patch.setattr(base, "__init__", _noting(base.__init__, met))
        yield


def _noting(original: Any, met: Counter[type]) -> Any:
    def note(self: Any, *args: Any, **options: Any) -> None:
        met[type(self)] += 1
        original(self, *args, **options)

    return note


def missed(met: Counter[type]) -> list[str]:
    """The names of those that fields of the kinds in use have, or their transforms, and that were not met."""
    return sorted(each.__qualname__ for each in every_lookup() - BEYOND_SQLITE - set(met))


def every_lookup() -> set[type]:
    """All lookups and transforms that are registered for fields, for their transforms, and for keys of documents."""
    found: set[type] = {KeyTransform, *KeyTransform.class_lookups.values()}
    left: list[Any] = [make() for make in FIELDS.values()]
    while left:
        for each in set(left.pop().get_lookups().values()) - found:
            found.add(each)
            if issubclass(each, lookups.Transform):
                left.append(each)
    return found
