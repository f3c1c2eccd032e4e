"""Run random QuerySets on both connections of ``orm`` and compare what they give."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from django.core.exceptions import FieldError
from django.db import DatabaseError, DataError, IntegrityError, NotSupportedError, OperationalError, models, transaction

from .orm import MODELS, OURS, THEIRS, fill
from .querysets import QuerySets

Rows = list[tuple[Any, ...]]


@dataclass
class Tally:
    """What was run so far; ``refused`` counts what sqlite3 does not do."""

    queries: int = 0
    with_rows: int = 0
    errors: int = 0
    refused: int = 0
    writes: int = 0
    used: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """One line for a report."""
        share = 100 * self.with_rows / max(self.queries, 1)
        return (
            f"{self.queries} QuerySets ({share:.0f} % with rows, {self.errors} errors on both sides, "
            f"{self.refused} beyond sqlite3), {self.writes} updates and deletes"
        )


TALLY = Tally()


def play(random: Random, count: int) -> None:
    """New rows, then so many QuerySets over them, and some updates and deletes, each rolled back."""
    fill(random)
    maker = QuerySets(random)
    for _ in range(count):
        try:
            queryset, ordered = maker.queryset()
        except (FieldError, ValueError, TypeError):  # Django itself sees no sense in it
            continue
        check(queryset, ordered)
        TALLY.used.update(maker.used)
    for _ in range(count // 5):
        model = random.choice(MODELS)
        try:
            queryset = maker.filtered(model)
            values = maker.assignments(model) if random.random() < 0.6 else {}
        except (FieldError, ValueError, TypeError):
            continue
        check_write(queryset, values)


def check(queryset: models.QuerySet[Any, Any], ordered: bool) -> None:
    """Both sides give the same rows, in the same order if that is certain; or both fail."""
    ours, mine = _run(lambda: _rows(queryset, OURS))
    theirs, other = _run(lambda: _rows(queryset, THEIRS))
    if isinstance(mine, FieldError | ValueError | TypeError) and type(other) is type(mine):
        return
    TALLY.queries += 1
    if theirs is None and isinstance(other, NotSupportedError | OperationalError):
        TALLY.refused += 1
        return
    if ours is None or theirs is None:
        TALLY.errors += 1
        if isinstance(mine, DataError | IntegrityError | NotSupportedError) and isinstance(other, DatabaseError):
            return
    elif (ours == theirs) if ordered else (Counter(ours) == Counter(theirs)):
        TALLY.with_rows += bool(ours)
        return
    raise AssertionError(_report(queryset, mine if ours is None else ours, other if theirs is None else theirs))


def check_write(queryset: models.QuerySet[Any, Any], values: dict[str, Any]) -> None:
    """An update with ``values``, or a delete if there are none: the same count, the same rows left."""
    TALLY.writes += 1

    def write(alias: str) -> Rows:
        with transaction.atomic(using=alias):
            bound = queryset.using(alias)
            count = bound.update(**values) if values else bound.delete()[0]
            left = [
                row for model in MODELS for row in sorted(_rows(model._base_manager.values_list(), alias), key=repr)
            ]
            transaction.set_rollback(True, using=alias)
        return [(count,), *left]

    ours, mine = _run(lambda: write(OURS))
    theirs, other = _run(lambda: write(THEIRS))
    if isinstance(mine, FieldError | ValueError | TypeError) and type(other) is type(mine):
        return
    if theirs is None and isinstance(other, NotSupportedError | OperationalError):
        TALLY.refused += 1
    elif ours != theirs or ours is None:
        if ours is None and theirs is None and isinstance(mine, DataError | IntegrityError):
            return
        what = [mine if ours is None else ours, other if theirs is None else theirs]
        if ours is not None and theirs is not None:
            what = [[row for row in ours if row not in theirs], [row for row in theirs if row not in ours]]
        raise AssertionError(f"{values}\n{_report(queryset, *what)}")


def _run(work: Callable[[], Rows]) -> tuple[Rows | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # judged by the caller
        return None, error


def _rows(queryset: models.QuerySet[Any, Any], alias: str) -> Rows:
    return [tuple(map(_comparable, row)) for row in queryset.using(alias)]


def _comparable(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            return str(value)
        return float(f"{float(value):.9g}") + 0.0
    return value


def _report(queryset: models.QuerySet[Any, Any], ours: object, theirs: object) -> str:
    texts = []
    for alias in (OURS, THEIRS):
        try:
            texts.append(str(queryset.using(alias).query.get_compiler(alias).as_sql()))
        except Exception as error:  # the report must not hide the failure
            texts.append(repr(error))
    return f"{texts[0]}\n\n{texts[1]}\n\nours:   {ours!r}\nsqlite: {theirs!r}"
