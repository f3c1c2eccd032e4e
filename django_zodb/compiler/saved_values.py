"""Which values a field saves as they are.

Django asks several methods about each value that is saved, and most values come back as they were. Which ones do is
known from the classes of the field and of the value, and from little of the value itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models

from ..clock import dt

Test = Callable[[Any, Any], bool]


def is_saved_as_it_is(field: Any, value: Any) -> bool:
    """Whether ``field.get_db_prep_save(value)`` would return ``value``; False also where that is not known."""
    # A lazy value tells the class of another as its own.
    test = _test(field.__class__, type(value))  # type: ignore[arg-type]
    return test is _always or (test is not None and test(field, value))


def are_saved_as_they_are(field: Any, classes: Iterable[type]) -> bool:
    """Whether it saves every value of these classes as it is."""
    return all(_test(field.__class__, each) is _always for each in classes)


def has_own_placeholder(field: Any) -> bool:
    """Whether the field says what stands for its values, or there is none, and its values are SQL."""
    return field is None or hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")


def _always(field: Any, value: Any) -> bool:
    return True


def _is_finite(field: Any, value: Decimal) -> bool:
    return value.is_finite()


def _has_zone_if_wanted(field: Any, value: dt.datetime) -> bool:
    return (value.utcoffset() is not None) is settings.USE_TZ


def _target_does(field: Any, value: Any) -> bool:
    return is_saved_as_it_is(field.target_field, value)


_METHODS = ("get_db_prep_save", "get_db_prep_value", "get_prep_value", "to_python")
_TESTS: tuple[tuple[type, type, Test], ...] = (
    (models.CharField, str, _always),
    (models.TextField, str, _always),
    (models.IntegerField, int, _always),
    (models.AutoField, int, _always),
    (models.BooleanField, bool, _always),
    (models.FloatField, float, _always),
    (models.UUIDField, UUID, _always),
    (models.DateField, dt.date, _always),
    (models.DateTimeField, dt.datetime, _has_zone_if_wanted),
    (models.DecimalField, Decimal, _is_finite),
)


@lru_cache(1000)
def _test(field: type, value: type) -> Test | None:
    """What to ask a value of a class, for a field of a class that prepares values by nothing but Django's methods."""
    if _is_like(field, models.ForeignKey, _METHODS[:2]):
        return _target_does if value is not str else None
    for like, class_, test in _TESTS:
        if issubclass(field, like) and _is_like(field, like, _METHODS):
            return _always if value is type(None) else test if value is class_ else None
    return None


def _is_like(field: type, like: type, methods: tuple[str, ...]) -> bool:
    return all(getattr(field, method) is getattr(like, method, None) for method in methods)
