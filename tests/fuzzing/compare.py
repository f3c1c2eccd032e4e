"""Ask both connections of ``orm`` the same, change both alike, and compare."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import FieldError
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    connections,
    models,
    transaction,
)
from django.utils import timezone

from .changes import Change, Changes
from .lookups_met import counted
from .models import make_models
from .orm import OURS, THEIRS, planned_for_any_size, tables_of
from .plans_met import Met
from .querysets import Probe, QuerySets
from .rows import Data

Rows = list[tuple[Any, ...]]
ZONES = ("UTC", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
SENSELESS = (FieldError, ValueError)
"""What Django says before any database is asked."""


@dataclass
class Tally:
    """What was run so far; ``refused`` counts what sqlite3 does not do."""

    queries: int = 0
    with_rows: int = 0
    errors: int = 0
    refused: int = 0
    sqlite_wrong: int = 0
    changes: int = 0
    changes_refused: int = 0
    used: Counter[str] = field(default_factory=Counter)
    lookups: Counter[type] = field(default_factory=Counter)
    met: Met = field(default_factory=Met)

    def __str__(self) -> str:
        """A report."""
        share = 100 * self.with_rows / max(self.queries, 1)
        return (
            f"{self.queries} QuerySets ({share:.1f} % with rows, {self.errors} errors on both sides, "
            f"{self.refused} beyond sqlite3, {self.sqlite_wrong} that sqlite3 answers otherwise without its indexes), "
            f"{self.changes} changes ({self.changes_refused} refused by both)"
        )


TALLY = Tally()


def play(random: Random, count: int) -> None:
    """New models and rows, so many questions about them, and changes, kept or rolled back."""
    made = make_models(random)
    with (
        planned_for_any_size(random, TALLY.met),
        counted(TALLY.lookups),
        tables_of(made),
        timezone.override(ZoneInfo(random.choice(ZONES))),
    ):
        data = Data(random, made)
        data.fill()
        querysets = QuerySets(random, data, TALLY.used)
        changes = Changes(querysets)
        for at in range(count):
            if at % 5 == 4:
                change(data, querysets, changes)
            else:
                ask(querysets)


def ask(querysets: QuerySets) -> None:
    """One question, if Django sees any sense in it."""
    for _ in range(20):
        try:
            probe = querysets.probe()
        except SENSELESS:
            continue
        if check(probe, skipped=querysets.often(0.5)):
            return


def check(probe: Probe, skipped: bool = False) -> bool:
    """Both sides give the same rows, in the same order if that is certain; or both fail.

    False if Django refuses, or if there are no rows and that is to be ``skipped``: another should be asked then.
    """
    ours, mine = _answer(lambda: _rows(probe, OURS))  # first: for sqlite3, Django changes the lookups of UUIDs for good
    theirs, other = _answer(lambda: _rows(probe, THEIRS))
    if ours == theirs == [] and skipped:
        return False
    if _is_djangos(mine) and _is_djangos(other):
        return False  # Django's own affair
    if theirs is None and isinstance(other, NotSupportedError | OperationalError):
        TALLY.refused += 1
        return False
    TALLY.queries += 1
    if ours is None or theirs is None:
        TALLY.errors += 1
        if isinstance(mine, DataError | IntegrityError | NotSupportedError) and isinstance(other, DatabaseError):
            return True
    elif _agree(ours, theirs, probe) or _agree(ours, _without_indexes(probe), probe):
        TALLY.with_rows += bool(ours)
        TALLY.sqlite_wrong += not _agree(ours, theirs, probe)
        return True
    raise AssertionError(_report(probe.queryset, mine if ours is None else ours, other if theirs is None else theirs))


def _is_djangos(error: Exception | None) -> bool:
    """Whether Django has refused it, before any database was asked."""
    return error is not None and not (isinstance(error, DatabaseError) and error.__cause__)


def _agree(ours: Rows, theirs: Rows | None, probe: Probe) -> bool:
    return (ours == theirs) if probe.ordered else theirs is not None and Counter(ours) == Counter(theirs)


def _without_indexes(probe: Probe) -> Rows | None:
    """What sqlite3 answers without its indexes: if that is another answer, one of the two is wrong.

    Met so far: its NOT IN (subquery with a NULL), beside an EXISTS, is true when the subquery's column has an index.
    """
    connection = connections[THEIRS]
    with transaction.atomic(using=THEIRS):
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        rows, _ = _answer(lambda: _rows(probe, THEIRS))
        transaction.set_rollback(True, using=THEIRS)
    return rows


def change(data: Data, querysets: QuerySets, changes: Changes) -> None:
    """One change: both sides say the same and have the same rows afterwards, and answer alike; mostly rolled back."""
    try:
        made = changes.change()
    except SENSELESS:
        return
    kept = data.random.random() < 0.25
    TALLY.changes += 1
    with _both(kept):
        connections[THEIRS].cursor().execute("SAVEPOINT before_change")
        (ours, mine), (theirs, other) = (
            _answer(lambda alias=alias: _changed(made.run, data, alias)) for alias in (OURS, THEIRS)
        )
        if ours != theirs and made.in_two_steps is not None and None not in (ours, theirs):
            theirs, other = _second_opinion(made, data)
        if mine is not None or other is not None:
            _check_refused(made, mine, other, ours, theirs)
            return
        if ours != theirs:
            assert ours is not None and theirs is not None
            only = [[row for row in ours if row not in theirs], [row for row in theirs if row not in ours]]
            raise AssertionError(f"{made.text}\n\nours only:   {only[0]!r}\nsqlite only: {only[1]!r}")
        for _ in range(2):
            try:
                ask(querysets)
            except AssertionError as error:
                error.add_note(f"after {made.text}")
                raise
    if kept:
        data.load()


def _check_refused(made: Change, mine: Any, other: Any, ours: Any, theirs: Any) -> None:
    if _is_djangos(mine) and _is_djangos(other):
        return
    if mine is None and isinstance(other, NotSupportedError | OperationalError):
        TALLY.changes_refused += 1
        return
    same = isinstance(mine, IntegrityError) and isinstance(other, IntegrityError)  # ProtectedError is one, too
    if same or (isinstance(mine, DataError | NotSupportedError) and isinstance(other, DatabaseError)):
        TALLY.changes_refused += 1
        return
    raise AssertionError(
        f"{made.text}\n\nours:   {mine if ours is None else 'done'!r}\nsqlite: {other if theirs is None else 'done'!r}"
    )


@contextmanager
def _both(kept: bool) -> Iterator[None]:
    with transaction.atomic(using=OURS), transaction.atomic(using=THEIRS):
        yield
        if not kept:
            transaction.set_rollback(True, using=OURS)
            transaction.set_rollback(True, using=THEIRS)


def _second_opinion(made: Change, data: Data) -> tuple[Rows | None, Exception | None]:
    """What sqlite3 has after the change that was made at once is undone, and made in two steps."""
    connections[THEIRS].cursor().execute("ROLLBACK TO before_change")
    TALLY.sqlite_wrong += 1
    assert made.in_two_steps is not None
    in_two_steps = made.in_two_steps
    return _answer(lambda: _changed(in_two_steps, data, THEIRS))


def _changed(run: Callable[[str], Any], data: Data, alias: str) -> Rows:
    with transaction.atomic(using=alias):
        outcome = run(alias)
        transaction.get_connection(alias).check_constraints()
    left: Rows = [("outcome", repr(outcome))]
    for model in data.models:
        rows = (
            model._base_manager.using(alias).order_by().values_list(*(f.attname for f in model._meta.concrete_fields))
        )
        left += sorted((tuple(map(comparable, (model.__name__, *row))) for row in rows), key=repr)
        for relation in model._meta.local_many_to_many:
            names = [f.attname for f in relation.remote_field.through._meta.concrete_fields if not f.primary_key]
            pairs = relation.remote_field.through._base_manager.using(alias).values_list(*names)
            left += sorted(((relation.name, *pair) for pair in pairs), key=repr)
    return left


def _answer(work: Callable[[], Rows]) -> tuple[Rows | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # judged by the caller
        return None, error


def _rows(probe: Probe, alias: str) -> Rows:
    return [tuple(map(comparable, row)) for row in probe.run(probe.queryset.using(alias))]


def comparable(value: Any) -> Any:
    """A value that equals its counterpart: numbers rounded, documents as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float | Decimal):
        if not math.isfinite(value):
            return str(value)
        return float(f"{float(value):.9g}") + 0.0
    if isinstance(value, memoryview):
        return bytes(value)
    return json.dumps(value, sort_keys=True, default=repr) if isinstance(value, dict | list) else value


def _report(queryset: models.QuerySet[Any, Any], ours: object, theirs: object) -> str:
    texts = []
    for alias in (OURS, THEIRS):
        try:
            texts.append(str(queryset.using(alias).query.get_compiler(alias).as_sql()))
        except Exception as error:  # the report must not hide the failure
            texts.append(repr(error))
    return f"{texts[0]}\n\n{texts[1]}\n\nours:   {ours!r}\nsqlite: {theirs!r}"
