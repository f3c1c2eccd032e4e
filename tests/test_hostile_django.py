"""Names and values of an application that reach SQL through Django: migrations, annotations, paths in documents, extra.

Whatever they hold, they name or are what they should, or Django or the engine refuses them; nothing is executed.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps.registry import Apps
from django.core.exceptions import FieldError
from django.db import DatabaseError, DataError, connection, models, transaction
from django.db.models import F, OuterRef, Subquery, Value, Window
from django.db.models import functions as f
from django.db.models.fields.json import KT
from django.db.models.functions import Collate
from django_project.models import Author
from test_hostile import NAMES, fail

SHORT = tuple(name for name in NAMES if len(name) <= 50)
BY_SQL = tuple(name for name in SHORT if "%" not in name)
"""Names without the sign that Django itself cannot write in the name of a column."""

pytestmark = [
    pytest.mark.django_db,
    # Deprecated since Django 6.1, and safe as long as it is there.
    pytest.mark.filterwarnings("ignore:Using percent signs in a column alias"),
]


@pytest.fixture(autouse=True)
def alarmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "boom", fail, raising=False)
    monkeypatch.setattr("os.abort", fail)


@pytest.fixture
def documents() -> Iterator[type[models.Model]]:
    """A model with a JSON field, in a table of its own."""

    class Document(models.Model):
        data = models.JSONField(null=True)
        name = models.TextField(default="")

        class Meta:
            app_label = "hostile"
            apps = Apps()
            db_table = f"document_{uuid4().hex}"

    with connection.schema_editor() as editor:
        editor.create_model(Document)
    yield Document
    with connection.schema_editor() as editor:
        editor.delete_model(Document)


@pytest.mark.parametrize("name", BY_SQL)
def test_names_in_migrations(name: str) -> None:
    """Table, columns, index, constraints and comment of a model; each is made, used, renamed and dropped."""

    class Named(models.Model):
        text = models.TextField(db_column=f"{name}c", db_comment=name, default=name, db_default=name)
        number = models.IntegerField(db_column=f"{name}n", null=True)
        parent = models.ForeignKey("self", models.CASCADE, null=True, db_column=f"{name}p")

        class Meta:
            app_label = "hostile"
            apps = Apps()
            db_table = f"{name}t"
            db_table_comment = name
            indexes = [models.Index(fields=["number"], name="plain", condition=models.Q(text=name))]
            constraints = [
                models.UniqueConstraint(fields=["text", "number"], name=f"{name}u"),
                models.CheckConstraint(condition=~models.Q(text=name + "!"), name=f"{name}k"),
            ]

    with connection.schema_editor() as editor:
        editor.create_model(Named)
    try:
        first = Named.objects.create(text=name, number=1)
        Named.objects.create(text=name, number=2, parent=first)
        assert Named.objects.get(parent__text=name).number == 2
        assert list(
            Named.objects.filter(text=name, number__gt=0).order_by("-number").values_list("number", flat=True)
        ) == [
            2,
            1,
        ]
        assert Named.objects.update(number=F("number") + 10) == 2
        for number, text in ((11, name), (3, name + "!")):
            with pytest.raises(DatabaseError), transaction.atomic():
                Named.objects.create(text=text, number=number)
        with connection.cursor() as cursor:
            assert f"{name}t" in connection.introspection.table_names(cursor)
            found = connection.introspection.get_constraints(cursor, f"{name}t")
            assert {f"{name}u", f"{name}k", "plain"} <= set(found)
        with connection.schema_editor() as editor:
            editor.alter_db_table(Named, f"{name}t", f"{name}renamed")
            Named._meta.db_table = f"{name}renamed"
        assert Named.objects.count() == 2
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Named)


@pytest.mark.parametrize("key", SHORT)
def test_paths_in_documents(documents: Any, key: str) -> None:
    documents.objects.create(data={key: {key: 7}}, name="there")
    documents.objects.create(data={"other": 1})
    documents.objects.create(data=None)
    assert documents.objects.filter(data__has_key=key).count() == 1
    assert documents.objects.filter(data__has_keys=[key, key]).count() == 1
    assert documents.objects.filter(data__has_any_keys=[key, "nothing"]).count() == 1
    assert documents.objects.filter(data__contains={key: {key: 7}}).count() == 1
    if "__" not in key:
        assert documents.objects.get(**{f"data__{key}__{key}": 7}).name == "there"
        assert documents.objects.filter(**{f"data__{key}__isnull": False}).count() == 1
        assert documents.objects.order_by(F(f"data__{key}").desc(nulls_last=True)).first().name == "there"
        assert documents.objects.annotate(found=KT(f"data__{key}__{key}")).get(found="7").name == "there"
        try:
            assert documents.objects.values_list(f"data__{key}__{key}", flat=True).get(name="there") == 7
        except ValueError as error:  # newer versions of Django refuse most signs in a name of a result
            assert "aliases" in str(error)


@pytest.mark.parametrize("name", SHORT)
def test_names_of_annotations(name: str) -> None:
    author = Author.objects.create(name="a")
    attempts: list[Any] = [
        lambda: Author.objects.annotate(**{name: F("id")}).filter(**{name: author.pk}).values_list(name, flat=True)[0],
        lambda: Author.objects.alias(**{name: F("id")}).order_by(name).values_list("id", flat=True)[0],
        lambda: Author.objects.annotate(**{name: Window(models.Max("id"))}).values_list(name, flat=True)[0],
        lambda: Author.objects.values(**{name: F("id")}).distinct()[0][name],
        lambda: Author.objects.values("name").annotate(**{name: models.Max("id")}).values_list(name, flat=True)[0],
        lambda: Author.objects.annotate(
            **{name: Subquery(Author.objects.filter(pk=OuterRef("pk")).values("pk")[:1])}
        ).values_list(name, flat=True)[0],
    ]
    for attempt in attempts:
        try:
            assert attempt() == author.pk
        except (FieldError, ValueError) as error:  # Django's own word on the name
            assert str(error)


@pytest.mark.parametrize("text", SHORT)
def test_extra_and_raw_sql_end_in_an_answer_or_an_error(text: str) -> None:
    """What Django passes on unchecked is SQL of the application's own; it is no more than that here."""
    Author.objects.create(name="a")
    attempts: list[Any] = [
        lambda: list(Author.objects.extra(select={"x": "%s"}, select_params=[text]).values_list("x", flat=True)),
        lambda: list(Author.objects.extra(where=["name = %s"], params=[text])),
        lambda: list(Author.objects.extra(select={"x": text})),
        lambda: list(Author.objects.extra(where=[text])),
        lambda: list(Author.objects.extra(tables=[text])),
        lambda: list(Author.objects.extra(order_by=[text])),
        lambda: list(Author.objects.raw(f"SELECT id, name FROM django_project_author WHERE {text}")),
        lambda: list(Author.objects.order_by(Collate("name", text))),
        lambda: list(Author.objects.filter(name=Collate(Value("a"), text))),
        lambda: list(Author.objects.annotate(x=f.Trunc(Value(None, models.DateTimeField()), text))),
        lambda: list(Author.objects.annotate(x=f.Extract(Value(None, models.DateTimeField()), text))),
    ]
    for attempt in attempts:
        try:
            with transaction.atomic():
                attempt()
        except Exception as error:
            assert not isinstance(error, AssertionError), error
            assert type(error).__name__ != "InternalError", error
    assert Author.objects.count() == 1


@pytest.mark.parametrize("name", NAMES)
def test_savepoints_types_and_collations_by_name(name: str) -> None:
    Author.objects.create(name="a")
    quoted = '"' + name.replace('"', '""') + '"'
    with connection.cursor() as cursor:
        cursor.execute(f"SAVEPOINT {quoted}")
        Author.objects.all().delete()
        cursor.execute(f"ROLLBACK TO SAVEPOINT {quoted}")
        cursor.execute(f"RELEASE SAVEPOINT {quoted}")
    assert Author.objects.count() == 1
    for statement in (
        f"SELECT CAST(1 AS {quoted})",
        f"SELECT 'a' COLLATE {quoted}",
        f"CREATE TABLE x (a {quoted})",
        f"CREATE TABLE x (a text COLLATE {quoted})",
        f"CREATE INDEX {quoted} ON django_project_author USING {quoted} (name)",
        f"SELECT {quoted}(1)",
        f"SET CONSTRAINTS {quoted} IMMEDIATE",
        f"INSERT INTO django_project_author (name) VALUES ('b') ON CONFLICT ON CONSTRAINT {quoted} DO NOTHING",
        f"SELECT name FROM django_project_author FOR UPDATE OF {quoted}",
        f"SELECT EXTRACT({quoted} FROM CURRENT_TIMESTAMP)",
        f"SELECT DATE_TRUNC('{name.replace(chr(39), chr(39) * 2)}', CURRENT_TIMESTAMP)",
        f"SELECT CURRENT_TIMESTAMP AT TIME ZONE '{name.replace(chr(39), chr(39) * 2)}'",
        f"SELECT INTERVAL '{name.replace(chr(39), chr(39) * 2)}'",
    ):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
                transaction.set_rollback(True)
        except DatabaseError as error:
            assert type(error).__name__ != "InternalError", (statement, error)
            assert len(str(error)) < 12_000
    assert Author.objects.count() == 1


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d\ude00 in halves", "\udcff" * 50])
def test_halves_of_surrogate_pairs(text: str) -> None:
    """No encoding can write them, so a page or a dump with them would fail: refused where they come in."""
    author = Author.objects.create(name="a")
    for write in (
        lambda: Author.objects.create(name=text),
        lambda: Author.objects.bulk_create([Author(name="b"), Author(name=text)]),
        lambda: Author.objects.update(name=text),
        lambda: Author.objects.update(name=Value(text)),
        lambda: Author.objects.update(name=f.Concat("name", Value(text))),
        lambda: Author.objects.filter(name=text).exists(),
        lambda: Author.objects.filter(name__in=[text, "a"]).exists(),
    ):
        with pytest.raises(DataError, match="half of a surrogate pair"), transaction.atomic():
            write()
    assert list(Author.objects.values_list("name")) == [("a",)]
    author.name = "\U0001f600 whole, \u00fc"
    author.save()
    author.refresh_from_db()
    assert author.name == "\U0001f600 whole, \u00fc"


@pytest.mark.parametrize(
    "function",
    [f.MD5, f.SHA256, f.Chr, lambda text: f.Cast(text, models.BinaryField())],
    ids=["MD5", "SHA256", "Chr", "Cast"],
)
def test_halves_of_surrogate_pairs_in_functions(function: Any) -> None:
    """Documents may hold them, as RFC 8259 says, and give them out."""
    text = Value(0xD83D) if function is f.Chr else KT("document__a")
    Author.objects.create(name="a")
    half = Value({"a": "\ud83d"}, models.JSONField())
    with pytest.raises(DataError, match="half of a surrogate pair"):
        list(Author.objects.annotate(document=half).annotate(made=function(text)).values_list("made"))


def test_halves_of_surrogate_pairs_of_documents_and_functions() -> None:
    """They are not stored, whatever they are made by."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE texts (id integer PRIMARY KEY, text text)")
        cursor.execute("INSERT INTO texts (id, text) VALUES (1, 'a')")
        for made in ("'{\"a\": \"\\ud83d\"}'::jsonb ->> 'a'", "SUBSTR('\ud83dx', 1, 1)"):
            for statement in (f"UPDATE texts SET text = {made}", f"INSERT INTO texts (id, text) VALUES (2, {made})"):
                with (
                    pytest.raises(DataError, match=r"^texts\.text: .* has half of a surrogate pair"),
                    transaction.atomic(),
                ):
                    cursor.execute(statement)
        cursor.execute("SELECT text FROM texts")
        assert cursor.fetchall() == [("a",)]
