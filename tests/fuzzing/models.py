"""Random models: fields of every kind, keys of several sorts, relations, inheritance, indexes and constraints."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

from django.apps.registry import Apps
from django.db import models
from django.db.models import functions as f

from .kinds import FIELDS

NAMES = ("name", "title", "size", "on", "order", "group", "value", "note", "größe", "class_1", "select", "p0", "total")
KEYS = ("auto", "auto", "auto", "auto", "int", "text", "uuid")
INDEXED = ("text", "int", "int", "text", "date", "datetime", "float", "dec", "big", "bool", "uuid", "duration", "time")
WEIGHTS = {"text": 5, "int": 6, "float": 2, "bool": 2, "date": 3, "datetime": 3, "dec": 2, "json": 3}

Model = type[models.Model]
_serial = itertools.count(1)


class Fuzzed(models.Model):
    """Base of all: an app that there is not, a registry of their own that no other test sees."""

    class Meta:
        abstract = True


def make_models(random: Random) -> list[Model]:
    """Three to five models, the later ones related to earlier ones."""
    registry = Apps(["fuzzing"])
    made: list[Model] = []
    for at in range(random.choice((3, 3, 4, 4, 5))):
        made.append(_make_model(random, f"M{at}", made, registry))
    return made


def _make_model(random: Random, name: str, others: list[Model], registry: Apps) -> Model:
    fields = _plain_fields(random)
    parents = [other for other in others if len(other._meta.parents) == 0]
    base = random.choice(parents) if parents and random.random() < 0.12 else Fuzzed
    if base is Fuzzed:
        fields = {**_key(random), **fields}
    else:
        fields = {f"{name.lower()}_{key}": field for key, field in fields.items()}
    fields.update(_relations(random, name, others))
    meta: dict[str, Any] = {
        "app_label": "fuzzing",
        "apps": registry,
        "db_table": f"fuzz {name}" if random.random() < 0.2 else f"fuzz_{name.lower()}",
        "indexes": _indexes(random, fields),
        "constraints": _constraints(random, fields),
    }
    if random.random() < 0.2:
        sortable = [key for key, field in fields.items() if not isinstance(field, models.JSONField)]
        meta["ordering"] = [random.choice(("", "-")) + random.choice(sortable), "pk"]
    return type(name, (base,), {"__module__": __name__, "Meta": type("Meta", (), meta), **fields})


def _key(random: Random) -> dict[str, models.Field[Any, Any]]:
    match random.choice(KEYS):
        case "int":
            return {"number": models.IntegerField(primary_key=True)}
        case "text":
            return {"code": models.CharField(max_length=40, primary_key=True)}
        case "uuid":
            return {"uid": models.UUIDField(primary_key=True)}
    return {}


def _plain_fields(random: Random) -> dict[str, models.Field[Any, Any]]:
    found: dict[str, models.Field[Any, Any]] = {}
    kinds = random.choices(list(FIELDS), [WEIGHTS.get(kind, 1) for kind in FIELDS], k=random.randint(2, 5))
    for name, kind in zip(random.sample(NAMES, len(kinds) + 2), ["int", "text", *kinds], strict=True):
        options: dict[str, Any] = {"null": random.random() < 0.55}
        if kind in INDEXED:
            options["db_index"] = random.random() < 0.35
            options["unique"] = kind in ("text", "int", "uuid") and random.random() < 0.1
        if kind == "text" and random.random() < 0.6:
            found[name] = models.CharField(max_length=40, **options)
        else:
            found[name] = FIELDS[kind](**options)
    return found


def _relations(random: Random, name: str, others: list[Model]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at in range(random.choice((0, 1, 1, 2)) if others else 0):
        target = random.choice(others)
        null = random.random() < 0.6
        options: dict[str, Any] = {"null": null, "related_name": f"{name.lower()}s{at}"}
        action = random.choice([models.CASCADE, models.CASCADE, models.PROTECT] + [models.SET_NULL] * 3 * null)
        unique = [field.name for field in target._meta.local_fields if field.unique and not field.null]
        if random.random() < 0.2 and unique:
            options["to_field"] = random.choice(unique)
        kind = models.OneToOneField if random.random() < 0.15 else models.ForeignKey
        found[f"link{name[1:]}{at}"] = kind(target, action, **options)
    if random.random() < 0.25:
        found[f"parent{name[1:]}"] = models.ForeignKey(
            "self", models.SET_NULL, null=True, related_name=f"{name.lower()}_children"
        )
    if others and random.random() < 0.5:
        found[f"many{name[1:]}"] = models.ManyToManyField(random.choice(others), related_name=f"{name.lower()}s_of")
    return found


def _indexes(random: Random, fields: dict[str, Any]) -> list[models.Index]:
    names = [name for name, field in fields.items() if _indexable(field)]
    texts = [name for name in names if isinstance(fields[name], models.CharField | models.TextField)]
    found: list[models.Index] = []
    for _ in range(random.choice((0, 1, 1, 2))):
        options: dict[str, Any] = {"name": f"fuzz_{next(_serial)}"}
        columns = [random.choice(("", "", "-")) + name for name in random.sample(names, min(len(names), 3))]
        columns = columns[: random.choice((1, 2, 2, 3))]
        nullable = [name for name in names if fields[name].null]
        if nullable and random.random() < 0.2:
            options["condition"] = models.Q(**{f"{random.choice(nullable)}__isnull": random.random() < 0.2})
        elif random.random() < 0.3:
            options["include"] = random.sample(names, min(len(names), 2))
        if texts and random.random() < 0.15:
            options.pop("include", None)
            found.append(models.Index(random.choice((f.Lower, f.Upper))(random.choice(texts)), **options))
        else:
            found.append(models.Index(fields=columns, **options))
    return found


def _constraints(random: Random, fields: dict[str, Any]) -> list[models.BaseConstraint]:
    names = [name for name, field in fields.items() if _indexable(field) and not field.primary_key]
    found: list[models.BaseConstraint] = []
    if len(names) > 1 and random.random() < 0.3:
        options: dict[str, Any] = {"name": f"fuzz_unique_{next(_serial)}"}
        numbers = [name for name, field in fields.items() if isinstance(field, models.IntegerField)]
        if numbers and random.random() < 0.4:
            options["condition"] = models.Q(**{f"{random.choice(numbers)}__gt": random.choice((0, 2))})
        found.append(models.UniqueConstraint(fields=random.sample(names, 2), **options))
    numbers = [name for name, field in fields.items() if type(field) is models.IntegerField]
    if numbers and random.random() < 0.25:
        check = models.Q(**{f"{random.choice(numbers)}__gt": -5})
        found.append(models.CheckConstraint(condition=check, name=f"fuzz_check_{next(_serial)}"))
    return found


def _indexable(field: Any) -> bool:
    return not isinstance(field, models.ManyToManyField | models.JSONField | models.BinaryField)
