"""A value that is saved without asking Django about it is what Django would have saved."""

from __future__ import annotations

import datetime as dt
import uuid
import zoneinfo
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models import F, Value
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from django_project.models import Author, Book, Everything, Node

from django_zodb.compiler.saved_values import is_saved_as_it_is

OTHERS = (
    models.EmailField,
    models.URLField,
    models.SlugField,
    models.BigAutoField,
    models.SmallAutoField,
    models.GenericIPAddressField,
    models.FileField,
)
FIELDS: list[Any] = [
    *(field for model in (Everything, Author, Book, Node) for field in model._meta.concrete_fields),
    *OTHERS,
]
VALUES: list[Any] = [
    None,
    "",
    "text",
    "12",
    SafeString("safe"),
    gettext_lazy("lazy"),
    0,
    7,
    True,
    1.5,
    float("nan"),
    Decimal("1.50"),
    Decimal("NaN"),
    Decimal("-Infinity"),
    dt.date(2000, 1, 1),
    dt.datetime(2000, 1, 1),
    dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2000, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
    dt.time(1),
    dt.timedelta(1),
    uuid.UUID(int=7),
    b"bytes",
    {"a": 1},
    F("pages"),
    Value(1),
]
USUAL = {
    "small": 7,
    "big": 7,
    "positive": None,
    "boolean": True,
    "nullable_boolean": None,
    "char": "text",
    "text": "",
    "decimal": Decimal("1.50"),
    "number": 1.5,
    "date": dt.date(2000, 1, 1),
    "timestamp": dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
    "uuid": uuid.UUID(int=7),
    "author": 7,
}


class Upper(models.CharField):  # type: ignore[type-arg]
    """Saves something else."""

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value).upper()


class Counted(models.IntegerField):  # type: ignore[type-arg]
    """Reads something else, which Django calls before it saves, too, for some fields."""

    def to_python(self, value: Any) -> Any:
        return value + 1


class Named(models.Model):
    """A row that others refer to by what is saved otherwise."""

    name = Upper(max_length=10, primary_key=True)

    class Meta:
        app_label = "saved_values"
        managed = False


class Referring(models.Model):
    """A reference to it, and to rows that are known by numbers."""

    named = models.ForeignKey(Named, models.CASCADE)
    kind = models.OneToOneField(ContentType, models.CASCADE)

    class Meta:
        app_label = "saved_values"
        managed = False


def made(field: Any) -> models.Field[Any, Any]:
    return field if isinstance(field, models.Field) else field()


@pytest.mark.filterwarnings("ignore:DateTimeField:RuntimeWarning")
@pytest.mark.parametrize("zones", [True, False])
@pytest.mark.parametrize("field", [*FIELDS, Upper, Counted, *Referring._meta.concrete_fields])
def test_what_is_saved_as_it_is(settings: Any, field: Any, zones: bool) -> None:
    settings.USE_TZ = zones
    field = made(field)
    for value in VALUES:
        if is_saved_as_it_is(field, value):
            assert field.get_db_prep_save(value, connection) is value, value


@pytest.mark.parametrize(("name", "value"), USUAL.items())
def test_the_usual_values_are(name: str, value: Any) -> None:
    assert is_saved_as_it_is(Everything._meta.get_field(name), value)


def test_values_of_a_field_with_methods_of_its_own_are_left_to_it() -> None:
    assert not is_saved_as_it_is(Upper(), "text")
    assert not is_saved_as_it_is(Counted(), 7)
    assert not is_saved_as_it_is(Referring._meta.get_field("named"), "text")
    assert is_saved_as_it_is(Referring._meta.get_field("kind"), 7)
