"""What is for large tables, for small ones: each sieve is taken at its word, and sides of joins are filtered."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from random import Random
from typing import Any

import pytest

from django_zodb.storage.aids import aid_of
from django_zodb.storage.sieves import Sieve
from django_zodb.storage.walks import Walks


def sieved(items: list[Any], sieve: Sieve) -> list[Any]:
    """Those of the ``(rowid, row)`` pairs that pass, in their order; all, if the sieve cannot tell."""
    aids = {key: aid_of(key, [row[key[1]] for _, row in items]) for key in sieve.keys}
    places = sieve.places(aids, len(items))
    if places is None:
        return items
    assert len(set(places)) == len(places)
    return [items[at] for at in sorted(places)]


def sieve_strictly(monkeypatch: pytest.MonkeyPatch, share: float = 1.0) -> list[tuple[int, int]]:
    """Let all tables do so, or in a ``share`` of cases; the list gets of how many rows how many have passed."""
    walk = Walks.items
    random = Random(1)
    passed: list[tuple[int, int]] = []

    def items(self: Walks, *arguments: Any, sieve: Sieve | None = None, **options: Any) -> Iterable[Any]:
        found = walk(self, *arguments, **options)
        if sieve is None or random.random() > share:
            return found
        found = list(found)
        passing = sieved(found, sieve)
        passed.append((len(found), len(passing)))
        return passing

    def rows(self: Walks, *arguments: Any, **options: Any) -> Iterable[Any]:
        return (row for _, row in items(self, *arguments, **options))

    monkeypatch.setattr(Walks, "rows", rows)
    monkeypatch.setattr(Walks, "items", items)
    return passed


def filter_sides_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a side be filtered before a join if it is as small as the other one, and whatever is expected to pass."""
    module = import_module("django_zodb.sql.optimize.filter_sides")  # the package has a function of that name
    monkeypatch.setattr(module, "_TIMES", 1)
    monkeypatch.setattr(module, "_MOST", 9)
