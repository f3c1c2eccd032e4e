"""What is for large tables, for small ones: sieves taken at their word, sides of joins filtered, rows read ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from random import Random
from typing import Any

import pytest

from django_zodb.sql.optimize.statistics import Statistics
from django_zodb.storage import fetch as fetch_module
from django_zodb.storage import walks as walks_module
from django_zodb.storage.aids import aid_of
from django_zodb.storage.derived import values_of
from django_zodb.storage.persistent import IndexTree, RowTree
from django_zodb.storage.sieves import Places, Sieve
from django_zodb.storage.walks import Walks


def sieved(items: list[Any], sieve: Sieve) -> list[Any]:
    """Those of the ``(rowid, row)`` pairs that pass, in their order; all, if the sieve cannot tell."""
    places = places_of(items, sieve)
    passing = sieve.passing([*zip(*(row for _, row in items), strict=True)]) if items else None
    if places is None or passing is None:
        places = passing if places is None else places
    else:
        assert {*passing} <= {*places}, "rows pass by their values that the aids leave out"
        places = passing
    return items if places is None else [items[at] for at in sorted(places)]


def places_of(items: list[Any], sieve: Sieve, exact: bool = False) -> Places | None:
    """Where the pairs are that pass; None, if the sieve cannot tell."""
    rows = [row for _, row in items]
    aids = {key: aid_of(key, values_of(rows, key[1])) for key in sieve.keys}
    places = sieve.places(aids, len(items), exact)
    assert places is None or len(set(places)) == len(places)
    return places


def sieve_strictly(monkeypatch: pytest.MonkeyPatch, share: float = 1.0) -> list[tuple[int, int]]:
    """Let all tables do so, or in a ``share`` of cases; the list gets of how many rows how many have passed."""
    walk, walk_rows, count = Walks.items, Walks.rows, Walks.count_passing
    random = Random(1)
    passed: list[tuple[int, int]] = []

    def items(self: Walks, *arguments: Any, sieve: Sieve | None = None, **options: Any) -> Iterable[Any]:
        if random.random() > share:
            return walk(self, *arguments, sieve=sieve, **options)
        found = walk(self, *arguments, **options)
        if sieve is None:
            return found
        found = list(found)
        passing = sieved(found, sieve)
        passed.append((len(found), len(passing)))
        return passing

    def rows(self: Walks, *arguments: Any, **options: Any) -> Iterable[Any]:
        if random.random() > share:
            return walk_rows(self, *arguments, **options)
        return (row for _, row in items(self, *arguments, **options))

    def count_passing(self: Walks, passing: Any, sieve: Sieve, columns: Any = None) -> int:
        if random.random() > share:
            return count(self, passing, sieve, columns)
        found = list(walk(self, columns=columns))
        expected: int = passing([row for _, row in found])
        connection = self._tree._p_jar
        if connection is None or connection.is_changing:  # foreign keys may not hold yet
            return expected
        places = places_of(found, sieve, exact=True)
        assert places is None or len(places) == expected
        passed.append((len(found), len(found) if places is None else len(places)))
        return expected

    real_sought, real_by_key, real_rowids = Walks.sought, Walks.sought_by_key, Walks.sought_rowids

    def passing(self: Walks, sieve: Sieve) -> Iterable[int]:
        return [rowid for rowid, _ in sieved(list(walk(self)), sieve)]

    def few(self: Walks, ask: Any, rowids: Iterable[int]) -> list[int]:
        found, passing = list(rowids), ask() if callable(ask) else self.passing(ask)
        wanted = found if passing is None else set(passing)
        left = [rowid for rowid in found if rowid in wanted]
        passed.append((len(found), len(left)))
        return left

    def sought(self: Walks, ask: Any, rowids: Any, columns: Any = None, **options: Any) -> Any:
        if random.random() > share:
            return real_sought(self, ask, rowids, columns, **options)
        return map(self._tree.__getitem__, few(self, ask, rowids))

    def sought_by_key(
        self: Walks,
        ask: Any,
        low: Any = None,
        high: Any = None,
        reverse: bool = False,
        columns: Any = None,
        wanted: int = 0,
    ) -> Any:
        if random.random() > share:
            return real_by_key(self, ask, low, high, reverse, columns, wanted)
        rowids = [rowid for rowid, _ in walk(self, low, high, reverse=reverse)]
        return map(self._tree.__getitem__, few(self, ask, rowids))

    def sought_rowids(self: Walks, ask: Any, rowids: Any, **options: Any) -> Any:
        return real_rowids(self, ask, rowids, **options) if random.random() > share else few(self, ask, rowids)

    monkeypatch.setattr(walks_module, "_PATIENCE", 2)
    monkeypatch.setattr(walks_module, "_LEAST_BY_SIEVE", 2)
    monkeypatch.setattr(walks_module, "_OF_ROWS", 1000)
    monkeypatch.setattr(walks_module, "_OF_WANTED", 0)
    monkeypatch.setattr(Walks, "sought", sought)
    monkeypatch.setattr(Walks, "sought_by_key", sought_by_key)
    monkeypatch.setattr(Walks, "sought_rowids", sought_rowids)
    monkeypatch.setattr(Walks, "passing", passing)
    monkeypatch.setattr(Walks, "rows", rows)
    monkeypatch.setattr(Walks, "count_passing", count_passing)
    monkeypatch.setattr(Walks, "items", items)
    return passed


def filter_sides_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a side be filtered before a join if it is as small as the other one, and whatever is expected to pass."""
    module = import_module("django_zodb.sql.optimize.filter_sides")  # the package has a function of that name
    monkeypatch.setattr(module, "_TIMES", 1)
    monkeypatch.setattr(module, "_MOST", 9)


def look_ahead_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let joins look up many rows at a time, half of them in tables that are read as if they were large."""
    monkeypatch.setattr(import_module("django_zodb.sql.optimize.look_ahead"), "_MANY", 0)
    monkeypatch.setattr(Statistics, "exceeds_cache", lambda self, table: True)
    monkeypatch.setattr(fetch_module, "_FIRST", 2)
    monkeypatch.setattr(fetch_module, "_MANY", 3)
    real, random = Walks.looked_up, Random(2)

    def looked_up(self: Walks, pairs: Any, columns: Any = None) -> Any:
        if self._tree._p_jar is None or random.random() < 0.5:
            return real(self, pairs, columns)
        return self._fetch(columns).looked_up(pairs)

    monkeypatch.setattr(Walks, "looked_up", looked_up)


def keep_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small tables have many nodes, of which columns are kept, half of the time as if they were large."""
    for tree in (RowTree, IndexTree):
        monkeypatch.setattr(tree, "max_leaf_size", 3)
        monkeypatch.setattr(tree, "max_internal_size", 3)
    monkeypatch.setattr(walks_module, "_WORTH_A_SIEVE", 1)
    random = Random(3)
    monkeypatch.setattr(Walks, "exceed_cache", lambda self: self._tree._p_jar is not None and random.random() < 0.5)


def walk_for_many_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let half of what an index finds in any order be found by a walk, however little it is."""
    monkeypatch.setattr(walks_module, "_GLANCE", 0)
    monkeypatch.setattr(Walks, "_many", lambda *arguments: 0)
    real, random = Walks._of_many, Random(4)

    def of_many(self: Walks, rowids: Any, *arguments: Any) -> Any:
        return (rowids, None) if random.random() < 0.5 else real(self, rowids, *arguments)

    monkeypatch.setattr(Walks, "_of_many", of_many)


def all_as_if_large(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Half of the walks over tables too small for it are sieved; sides of joins are filtered, or looked up ahead.
    Half of what indexes find in any order is found by walks.

    The list gets of how many rows how many have passed.
    """
    filter_sides_always(monkeypatch)
    look_ahead_always(monkeypatch)
    keep_always(monkeypatch)
    walk_for_many_always(monkeypatch)
    return sieve_strictly(monkeypatch, 0.5)


@pytest.fixture(scope="module")
def as_if_large() -> Iterator[None]:
    """See ``all_as_if_large``."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        passed = all_as_if_large(monkeypatch)
        yield
    assert len(passed) > 10
