"""Models for random QuerySets, their rows, and a connection to each engine that holds the same."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from random import Random
from typing import Any

from django.apps.registry import Apps
from django.db import connections, models
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteWrapper

from django_zodb.base import DatabaseWrapper
from django_zodb.sql.runtime import like

OURS, THEIRS = "fuzz_zodb", "fuzz_sqlite"
registry = Apps(["fuzzing"])
"""A registry of its own: no other test sees these models."""


class Fuzzed(models.Model):
    """Base: the app that there is not."""

    class Meta:
        abstract = True
        app_label = "fuzzing"
        apps = registry


class Publisher(Fuzzed):
    name = models.CharField(max_length=40)
    city = models.CharField(max_length=40, null=True)
    founded = models.DateField(null=True, db_index=True)
    employees = models.IntegerField(null=True)


class Author(Fuzzed):
    name = models.CharField(max_length=40, db_index=True)
    born = models.DateField(null=True)
    rating = models.FloatField(null=True)
    active = models.BooleanField(null=True)
    mentor = models.ForeignKey("self", models.SET_NULL, null=True, related_name="pupils")


class Profile(Fuzzed):
    author = models.OneToOneField(Author, models.CASCADE)
    site = models.TextField(null=True)
    visits = models.BigIntegerField(default=0)


class Tag(Fuzzed):
    word = models.CharField(max_length=20, unique=True)
    weight = models.SmallIntegerField(null=True)


class Book(Fuzzed):
    title = models.CharField(max_length=80, db_index=True)
    notes = models.TextField(default="")
    author = models.ForeignKey(Author, models.CASCADE, null=True, related_name="books")
    publisher = models.ForeignKey(Publisher, models.SET_NULL, null=True, related_name="books")
    tags = models.ManyToManyField(Tag, related_name="books")
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    pages = models.IntegerField(null=True, db_index=True)
    published = models.DateTimeField(null=True)
    uid = models.UUIDField(null=True, unique=True)
    in_print = models.BooleanField(default=True)
    lent_for = models.DurationField(null=True)

    class Meta(Fuzzed.Meta):
        indexes = [models.Index(fields=["author", "pages"], name="fuzz_author_pages")]


class Review(Fuzzed):
    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    stars = models.IntegerField(null=True)
    text = models.TextField(null=True)
    created = models.DateTimeField()
    at = models.TimeField(null=True)


MODELS: tuple[type[Fuzzed], ...] = (Publisher, Author, Profile, Tag, Book, Review)

TEXTS = (
    "",
    "a",
    "b",
    "A",
    "ab",
    "Ab",
    "a b",
    "É",
    "é",
    "ß",
    "SS",
    "日本",
    "50%",
    "a_b",
    "\\",
    "'",
    '"',
    "x\ny",
    "\U0001f40d",
    "zz",
)
UTC = dt.UTC
VALUES: dict[str, tuple[Any, ...]] = {
    "text": TEXTS,
    "int": (0, 1, 2, 3, 5, 10, -1, -7, 100, 4711),
    "float": (0.0, 0.5, 1.0, 2.25, -1.5, 4.75),
    "dec": (Decimal("0.00"), Decimal("1.00"), Decimal("2.50"), Decimal("9.75"), Decimal("-1.25")),
    "bool": (True, False),
    "date": (
        dt.date(2020, 2, 29),
        dt.date(1999, 12, 31),
        dt.date(2000, 1, 1),
        dt.date(2020, 3, 1),
        dt.date(1900, 6, 15),
    ),
    "datetime": (
        dt.datetime(2020, 2, 29, 23, 59, 59, 999999, UTC),
        dt.datetime(2020, 3, 1, tzinfo=UTC),
        dt.datetime(1999, 12, 31, 12, 30, tzinfo=UTC),
        dt.datetime(2021, 7, 4, 5, 6, 7, tzinfo=UTC),
    ),
    "time": (dt.time(0, 0), dt.time(12, 30), dt.time(23, 59, 59), dt.time(5, 6, 7, 8)),
    "uuid": tuple(uuid.UUID(int=number * 0x0123_4567_89AB_CDEF_0123) for number in range(1, 12)),
    "duration": (dt.timedelta(0), dt.timedelta(days=1), dt.timedelta(seconds=1.5), dt.timedelta(days=-2, hours=3)),
}
KINDS: dict[type[models.Field[Any, Any]], str] = {
    models.CharField: "text",
    models.TextField: "text",
    models.IntegerField: "int",
    models.BigIntegerField: "int",
    models.SmallIntegerField: "int",
    models.FloatField: "float",
    models.DecimalField: "dec",
    models.BooleanField: "bool",
    models.DateField: "date",
    models.DateTimeField: "datetime",
    models.TimeField: "time",
    models.UUIDField: "uuid",
    models.DurationField: "duration",
}


def kind_of(field: models.Field[Any, Any]) -> str | None:
    """The kind of value that a field holds; None for keys and relations."""
    return KINDS.get(type(field))


class FoldingSqlite(SqliteWrapper):
    """sqlite3 with the case rules of this engine: exact lookups are exact, others fold case over all of Unicode.

    LIKE is made exact by a pragma; its folding counterpart is spelt MATCH, which sqlite3 leaves to be defined.
    """

    operators = SqliteWrapper.operators | dict.fromkeys(("iexact", "icontains", "istartswith", "iendswith"), "MATCH %s")
    pattern_ops = SqliteWrapper.pattern_ops | {
        "icontains": "MATCH '%%' || {} || '%%'",
        "istartswith": "MATCH {} || '%%'",
        "iendswith": "MATCH '%%' || {}",
    }

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA case_sensitive_like = ON")
        for name, function in (("UPPER", str.upper), ("LOWER", str.lower)):
            connection.create_function(name, 1, _strict(function), deterministic=True)
        connection.create_function("match", 2, _matches, deterministic=True)
        return connection


def _strict(function: Any) -> Any:
    return lambda text: None if text is None else function(str(text))


def _matches(pattern: str | None, text: object) -> bool | None:
    if pattern is None or text is None:
        return None
    return like(pattern, "\\", True)(str(text))


def connect() -> None:
    """Open both connections, with an empty table for each model."""
    settings = {
        **connections["default"].settings_dict,
        "OPTIONS": {},
        "USER": "",
        "PASSWORD": "",
        "HOST": "",
        "PORT": "",
    }
    connections[OURS] = DatabaseWrapper({**settings, "NAME": f":memory:fuzz-{uuid.uuid4()}"}, OURS)
    connections[THEIRS] = FoldingSqlite({**settings, "NAME": ":memory:"}, THEIRS)
    for alias in (OURS, THEIRS):
        connections.settings.setdefault(alias, connections[alias].settings_dict)
        with connections[alias].schema_editor() as editor:
            for model in MODELS:
                editor.create_model(model)


def disconnect() -> None:
    """Close both."""
    database = connections[OURS].connection.session.database
    connections[OURS].close()
    database.close()
    for alias in (OURS, THEIRS):
        connections[alias].close()
        del connections[alias]
        connections.settings.pop(alias, None)


def fill(random: Random) -> None:
    """New rows in every table, the same on both sides."""
    for alias in (OURS, THEIRS):
        for model in reversed(MODELS):
            model._base_manager.using(alias).all().delete()
    keys: dict[type[models.Model], list[int]] = {}
    for model in MODELS:
        rows = [_row(random, model, key, keys) for key in range(1, random.choice((4, 8, 12)))]
        rows = [row for at, row in enumerate(rows) if not any(_clash(row, other) for other in rows[:at])]
        keys[model] = [row["pk"] for row in rows]
        for alias in (OURS, THEIRS):
            model._base_manager.using(alias).bulk_create([model(**row) for row in rows])
    pairs = (
        {(random.choice(keys[Book]), random.choice(keys[Tag])) for _ in range(12)}
        if keys[Book] and keys[Tag]
        else set()
    )
    for alias in (OURS, THEIRS):
        through = Book.tags.through
        through._base_manager.using(alias).bulk_create(
            [through(pk=at, book_id=book, tag_id=tag) for at, (book, tag) in enumerate(sorted(pairs), 1)]
        )


def _row(
    random: Random, model: type[models.Model], key: int, keys: dict[type[models.Model], list[int]]
) -> dict[str, Any]:
    row: dict[str, Any] = {"pk": key}
    for field in model._meta.concrete_fields:
        kind = kind_of(field)
        if field.null and random.random() < 0.25:
            row[field.attname] = None
        elif kind is not None:
            row[field.attname] = random.choice(VALUES[kind])
        elif field.is_relation:
            target = field.related_model
            pool = list(range(1, key)) if target is model else keys[target]
            if not pool and not field.null:
                raise AssertionError(f"nothing for {field} to point to")
            row[field.attname] = random.choice(pool) if pool else None
    return row


def _clash(row: dict[str, Any], other: dict[str, Any]) -> bool:
    return any(name in row and row[name] is not None and row[name] == other[name] for name in ("uid", "word")) or (
        "site" in row and row["author_id"] == other["author_id"]
    )
