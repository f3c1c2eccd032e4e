"""The kinds of values that random models hold: their fields, and constants of each."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import models

TEXTS = (
    *("", "a", "b", "A", "ab", "Ab", "a b", "É", "é", "ß", "SS", "日本", "50%", "a_b", "\\", "'", '"', "x\ny"),
    *("\U0001f40d", "zz", "z" * 30, "\u0130", "i", "e\u0301", " a", "\t"),
)
UTC = dt.UTC
DOCUMENTS: tuple[Any, ...] = (
    {"n": 1, "s": "a"},
    {"n": 2, "s": "b", "t": True},
    {"n": 3, "o": {"n": 1, "s": "É"}},
    {"l": [1, 2, 3], "n": 5},
    {"l": [], "o": {}, "s": ""},
    {"a b": 1, 'q"q': 2, "ключ": "ß", "s": "50%"},
    {"": 1, "n": -7, "t": False},
    {},
    [],
    [1, {"n": 1}],
    "a",
    7,
    True,
)
WITH_NULLS = ({"n": None, "s": None}, {"o": {"n": None}, "s": "a"}, {"l": [None, 1], "n": 2})
VALUES: dict[str, tuple[Any, ...]] = {
    "text": TEXTS,
    "int": (0, 1, 2, 3, 5, 10, -1, -7, 100, 4711),
    "big": (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 5),
    "float": (0.0, 0.5, 1.0, 2.25, -1.5, 4.75),
    "dec": (Decimal("0.00"), Decimal("1.00"), Decimal("2.50"), Decimal("9.75"), Decimal("-1.25")),
    "bool": (True, False),
    "date": (
        *(dt.date(2020, 2, 29), dt.date(1999, 12, 31), dt.date(2000, 1, 1), dt.date(2020, 3, 1)),
        *(dt.date(1900, 6, 15), dt.date(2021, 1, 3), dt.date(2020, 12, 31)),
    ),
    "datetime": (
        dt.datetime(2020, 2, 29, 23, 59, 59, 999999, UTC),
        dt.datetime(2020, 3, 1, tzinfo=UTC),
        dt.datetime(1999, 12, 31, 12, 30, tzinfo=UTC),
        dt.datetime(2021, 7, 4, 5, 6, 7, tzinfo=UTC),
        dt.datetime(2021, 3, 28, 0, 59, 59, tzinfo=UTC),  # a second before Europe's summer time
        dt.datetime(2021, 3, 28, 1, 0, 0, tzinfo=UTC),
        dt.datetime(2021, 11, 7, 12, 0, 0, 1, tzinfo=UTC),
    ),
    "time": (dt.time(0, 0), dt.time(12, 30), dt.time(23, 59, 59), dt.time(5, 6, 7, 8)),
    "uuid": tuple(uuid.UUID(int=number * 0x0123_4567_89AB_CDEF_0123) for number in range(1, 12)),
    "duration": (dt.timedelta(0), dt.timedelta(days=1), dt.timedelta(seconds=1.5), dt.timedelta(days=-2, hours=3)),
    "bytes": (b"", b"a", b"\0", b"\xff\xfe", b"'\"\\", b"ab"),
    "json": DOCUMENTS,
}
FIELDS: dict[str, Callable[..., models.Field[Any, Any]]] = {
    "text": models.TextField,
    "int": models.IntegerField,
    "big": models.BigIntegerField,
    "float": models.FloatField,
    "dec": lambda **options: models.DecimalField(max_digits=8, decimal_places=2, **options),
    "bool": models.BooleanField,
    "date": models.DateField,
    "datetime": models.DateTimeField,
    "time": models.TimeField,
    "uuid": models.UUIDField,
    "duration": models.DurationField,
    "bytes": models.BinaryField,
    "json": models.JSONField,
}
KINDS: dict[type[models.Field[Any, Any]], str] = {
    models.CharField: "text",
    models.TextField: "text",
    models.AutoField: "int",
    models.BigAutoField: "int",
    models.IntegerField: "int",
    models.SmallIntegerField: "int",
    models.PositiveIntegerField: "int",
    models.BigIntegerField: "big",
    models.FloatField: "float",
    models.DecimalField: "dec",
    models.BooleanField: "bool",
    models.DateField: "date",
    models.DateTimeField: "datetime",
    models.TimeField: "time",
    models.UUIDField: "uuid",
    models.DurationField: "duration",
    models.BinaryField: "bytes",
    models.JSONField: "json",
}


def kind_of(field: models.Field[Any, Any]) -> str:
    """The kind of value that a field holds: a relation that of the field it points to."""
    while field.is_relation:
        field = field.target_field  # type: ignore[attr-defined]
    return KINDS[type(field)]
