"""Statements and QuerySets that are far too large: an answer or a clear error, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import Case, F, IntegerField, Q, Value, When
from django_project.models import Author
from test_hostile import db, rows, within

from django_zodb import dbapi

__all__ = ["db"]


def answer_or_error(run: Callable[[], Any], expected: Any) -> None:
    """What ``run`` gives, or an error that says that it is too much, and how to go about it."""
    try:
        assert run() == expected
    except (dbapi.OperationalError, OperationalError) as error:
        assert "too complex" in str(error) or "split" in str(error) or "less deeply" in str(error), error
        assert len(str(error)) < 2000


@pytest.mark.parametrize(
    ("word", "count"),
    [("UNION", 1), ("UNION ALL", 5000), ("INTERSECT", 1), ("EXCEPT", 0)],
    ids=lambda value: str(value),
)
def test_five_thousand_branches(db: dbapi.Connection, word: str, count: int) -> None:
    text = f" {word} ".join(["SELECT 1"] * 5000)
    with within(60, 800):
        answer_or_error(lambda: rows(db, f"SELECT COUNT(*) FROM ({text}) AS t"), [(count,)])


def test_a_hundred_branches_are_answered(db: dbapi.Connection) -> None:
    text = " UNION ALL ".join(f"SELECT {number}" for number in range(100))
    assert rows(db, f"SELECT COUNT(*), SUM(n) FROM ({text}) AS t (n)") == [(100, 4950)]


def test_a_wide_case(db: dbapi.Connection) -> None:
    db.execute("CREATE TABLE t (id integer PRIMARY KEY, x integer)")
    db.execute("INSERT INTO t VALUES (1, 4999), (2, 5000), (3, NULL)")
    keyed = " ".join(f"WHEN x = {at} THEN {at * 2}" for at in range(5000))
    ranged = " ".join(f"WHEN x < {at} THEN {at}" for at in range(5000))
    with within(60, 800):
        answer_or_error(
            lambda: rows(db, f"SELECT id, CASE {keyed} ELSE -1 END FROM t ORDER BY id"), [(1, 9998), (2, -1), (3, -1)]
        )
        answer_or_error(
            lambda: rows(db, f"SELECT id FROM t WHERE CASE {ranged} END IS NULL ORDER BY id"), [(1,), (2,), (3,)]
        )


@pytest.mark.parametrize(
    "body",
    [
        "SELECT 1 UNION ALL SELECT n + 1 FROM r",
        "SELECT 1 UNION SELECT n + 1 FROM r",
        "SELECT 1 UNION ALL SELECT r.n + 1 FROM r CROSS JOIN (VALUES (1), (2)) AS v (x)",
    ],
)
def test_a_recursion_without_end(db: dbapi.Connection, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_zodb.sql.runtime.MOST_RECURSIVE_ROWS", 200_000)
    assert len(rows(db, f"WITH RECURSIVE r (n) AS ({body}) SELECT n FROM r LIMIT 1000")) == 1000
    with (
        within(20, 400),
        pytest.raises(dbapi.OperationalError, match="recursive query has found more than 200000 rows"),
    ):
        rows(db, f"WITH RECURSIVE r (n) AS ({body}) SELECT COUNT(*), MAX(n) FROM r")


@pytest.mark.django_db
def test_hundreds_of_terms_through_django() -> None:
    # Django itself goes no deeper than some 250 levels; 500 of everything in SQL are in test_hostile.
    authors = [Author.objects.create(name=f"{at}") for at in range(3)]
    least = authors[0].pk
    everything = reduce(or_, (Q(pk=number) | Q(name=f"{number}") for number in range(500)))
    alternating = reduce(lambda tree, at: (tree | Q(pk=at)) & ~Q(name=f"x{at}"), range(70), Q(pk=least))
    total = reduce(lambda sum_, _: sum_ + F("id"), range(150), F("id"))
    deep = reduce(lambda case, at: Case(When(pk=-at, then=Value(at)), default=case), range(1, 50), Value(7))
    wide = Case(*(When(name=f"{at}", then=Value(at)) for at in range(500)), output_field=IntegerField())
    with within(120, 800):
        answer_or_error(lambda: Author.objects.filter(everything).count(), 3)
        answer_or_error(lambda: Author.objects.filter(alternating, pk=least).count(), 1)
        answer_or_error(lambda: Author.objects.annotate(total=total).get(pk=least).total, least * 151)
        answer_or_error(lambda: Author.objects.annotate(deep=deep).get(pk=least).deep, 7)
        answer_or_error(
            lambda: list(Author.objects.annotate(at=wide).order_by("pk").values_list("at", flat=True)), [0, 1, 2]
        )


@pytest.mark.django_db
def test_thousands_of_keys_through_django() -> None:
    author = Author.objects.create(name="a")
    keys = range(author.pk, author.pk + 20_000)
    with within(60, 800):
        assert list(Author.objects.filter(pk__in=keys)) == [author]
        assert list(Author.objects.filter(name__in=["a", *map(str, keys)])) == [author]
        assert Author.objects.in_bulk(list(keys)) == {author.pk: author}
