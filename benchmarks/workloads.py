"""All that is measured, by name, and how answers are compared."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from django.db import models

from .changelist import CHANGELIST
from .reads import READS
from .writes import WRITES

WORKLOADS: dict[str, Callable[[], object]] = {run.__name__: run for run in (*READS, *CHANGELIST, *WRITES)}


def comparable(answer: object) -> object:
    """The answer as JSON can hold it."""
    if isinstance(answer, models.QuerySet | list | tuple):
        return [comparable(item) for item in answer]
    if isinstance(answer, models.Model):
        return answer.pk
    if isinstance(answer, float | Decimal):
        return round(float(answer), 6)
    return answer if answer is None or isinstance(answer, int | str | dict) else str(answer)
