"""Sorting of less than everything gives what sorting everything would."""

from __future__ import annotations

import random
from itertools import product
from operator import itemgetter

import pytest

from django_zodb.sql.runtime import first_sorted, sorted_lazily, sorted_runs

ROWS = [(n % 7, random.Random(n).randrange(5), n) for n in range(100)]


def everything(rows, sorts):
    rows = list(rows)
    for key, descending in sorts:
        rows.sort(key=key, reverse=descending)
    return rows


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("count", [0, 1, 5, 20, 24, 25, 99, 100, 1000])
def test_the_first_rows_of_a_mixed_order(count, descending):
    sorts = ((itemgetter(1, 2), not descending), (itemgetter(0), descending))
    wanted = everything(ROWS, sorts)[:count]
    keys = (0, descending), (1, not descending), (2, not descending)
    assert first_sorted(iter(ROWS), count, *keys) == wanted


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("rows", [3, 63, 64, 65, 500, 2000, 60_000])
def test_the_first_of_many_rows_are_found_piece_by_piece(rows, descending):
    rows = [(random.Random(n).randrange(50), n) for n in range(rows)]
    for count in (1, 20):
        by = ((itemgetter(0), descending),)
        assert first_sorted(rows, count, (0, descending)) == everything(rows, by)[:count]
        backwards = first_sorted(rows, count, (0, descending), backwards=True)
        assert backwards == everything(reversed(rows), by)[:count]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("made", ["in order", "in reverse", "mixed"])
@pytest.mark.parametrize("count", [0, 1, 5, 17, 1000])
def test_all_rows_follow_the_first_ones(descending, made, count):
    rows = sorted((n % 50, n) for n in range(count))
    if made == "mixed":
        random.Random(0).shuffle(rows)
    rows = rows[::-1] if made == "in reverse" else rows
    for asked in (0, 1, 20):
        wanted = everything(rows, ((itemgetter(0), descending),))
        assert list(sorted_lazily(list(rows), asked, (0, descending))) == wanted


class Compared(int):
    """A number that counts how often such numbers are compared."""

    times = 0

    def __lt__(self, other):
        Compared.times += 1
        return int(self) < int(other)


@pytest.mark.parametrize("descending", [True, False])
def test_rows_that_are_in_order_are_sorted_at_once(descending):
    rows = sorted(((Compared(n * 7 % 1000), n) for n in range(1000)), reverse=descending)
    Compared.times = 0
    found = sorted_lazily(rows, 100, (0, descending))
    assert next(found)[0] == (999 if descending else 0)
    assert Compared.times < 1100
    before = Compared.times
    assert len(list(found)) == 999 and Compared.times == before


@pytest.mark.parametrize(("first", "second"), list(product([True, False], repeat=2)))
def test_runs_are_sorted_one_by_one(first, second):
    rows = everything(ROWS, ((itemgetter(0), first),))
    sorts = ((itemgetter(2), second), (itemgetter(1), first))
    assert list(sorted_runs(rows, itemgetter(0), sorts)) == everything(rows, (*sorts, (itemgetter(0), first)))


def test_a_run_is_sorted_when_it_is_complete():
    def rows():
        yield from [(1, "b"), (1, "a"), (2, "c")]
        raise AssertionError("read too far")

    found = sorted_runs(rows(), itemgetter(0), ((itemgetter(1), False),))
    assert [next(found), next(found)] == [(1, "a"), (1, "b")]
