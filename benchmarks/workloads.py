"""All that is measured, in groups with a target (a ratio to sqlite3) each, and how answers are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.db import models

from .changelist import CHANGELIST
from .reads import READS
from .writes import WRITES, Write

Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Group:
    """Workloads that have a target in common: at most that many times sqlite3's time (file, default)."""

    name: str
    target: float
    runs: tuple[Run | Write, ...]


GROUPS = (
    *(Group(name, target, runs) for name, (target, runs) in READS.items()),
    Group("admin", 0.4, CHANGELIST),
    *(Group(name, target, runs) for name, (target, runs) in WRITES.items()),
)

WORKLOADS: dict[str, Run | Write] = {run.__name__: run for group in GROUPS for run in group.runs}


def comparable(answer: object) -> object:
    """The answer as JSON can hold it."""
    if isinstance(answer, models.QuerySet | list | tuple):
        return [comparable(item) for item in answer]
    if isinstance(answer, models.Model):
        return answer.pk
    if isinstance(answer, float | Decimal):
        return round(float(answer), 6)
    return answer if answer is None or isinstance(answer, int | str | dict) else str(answer)
