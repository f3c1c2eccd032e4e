"""Random conditions on random models: lookups near and far, trees of them, subqueries; mostly true for some row."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from .kinds import VALUES, kind_of
from .models import Model
from .rows import Data, Row

ORDERED = ("exact", "exact", "gt", "gte", "lt", "lte", "in", "range", "isnull")
OF_DATES = (
    "year",
    "year__gt",
    "year__gte",
    "year__lt",
    "year__lte",
    "month",
    "day__lt",
    "week_day",
    "iso_week_day",
    "quarter",
    "week",
    "iso_year",
)
PARTS_OF_TEXT = ("iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")
LOOKUPS: dict[str, tuple[str, ...]] = {
    "text": ("exact", *PARTS_OF_TEXT, "in", "isnull", "gt", "lte", "regex", "iregex", "range"),
    "int": (*ORDERED, "contains"),
    "big": ORDERED,
    "float": ORDERED,
    "dec": ORDERED,
    "bool": ("exact", "isnull", "in"),
    "date": (*ORDERED, *OF_DATES),
    "datetime": (*ORDERED, *OF_DATES, "date", "date__lte", "year__in", "hour__gte", "minute", "second", "time__gt"),
    "time": (*ORDERED, "hour", "minute__gte", "second"),
    "uuid": ("exact", "exact", "in", "in", "isnull", *PARTS_OF_TEXT),
    "duration": ORDERED,
    "bytes": ("exact", "in", "isnull"),
    "json": ("has_key", "has_keys", "has_any_keys", "isnull", "exact", "key", "key", "key", "key", "icontains"),
}
KEY_LOOKUPS: dict[str, tuple[str, ...]] = {
    "n": ("exact", "gt", "gte", "lt", "lte", "in", "isnull", "has no key"),
    "s": ("exact", "in", "isnull", "regex", "iregex", *PARTS_OF_TEXT),
    "t": ("exact", "isnull"),
    "o__n": ("exact", "gt", "gte", "isnull"),
    "l__0": ("exact", "lt", "lte", "isnull"),
    "1__n": ("exact", "isnull"),
    "o": ("exact", "isnull", "has_key"),
    "a b": ("exact", "isnull"),
}


@dataclass(frozen=True)
class Path:
    """Where a field is found, its kind, and what the witness holds there."""

    name: str
    kind: str
    known: bool = False
    value: Any = None


class Conditions:
    """Makes conditions; ``used`` counts the lookups and forms. ``witness`` is the row they should be true for."""

    def __init__(self, random: Random, data: Data, used: Counter[str]) -> None:
        self.random = random
        self.data = data
        self.used = used
        self.witness: dict[Model, Row | None] = {}
        self.truth_is_shown = False  # sqlite3's has_key is false of NULL, that of this engine NULL

    def often(self, share: float) -> bool:
        """True with the given probability."""
        return self.random.random() < share

    def one(self, *choices: Any) -> Any:
        """One of the choices; words are counted."""
        choice = self.random.choice(choices)
        if isinstance(choice, str):
            self.used[choice] += 1
        return choice

    def start(self, model: Model) -> None:
        """Choose a new witness."""
        self.witness = {model: self.data.any_row(model)}

    # --- paths -----------------------------------------------------------------------------------------------------

    def path(self, model: Model, depth: int = 2, kind: str | None = None, single: bool = False) -> Path:
        """A field of the model, or of one that it is related to; of the kind, if there is one near, else "pk"."""
        for _ in range(30):
            found = self._path(model, depth, single)
            if kind is None or found.kind == kind:
                return found
        row = self.witness.get(model)
        return Path("pk", kind_of(model._meta.pk), row is not None, row and row["pk"])

    def _path(self, model: Model, depth: int, single: bool) -> Path:
        steps: list[str] = []
        here, row = model, self.witness.get(model)
        known = row is not None
        while depth and self.often(0.45):
            relations = [
                field
                for field in here._meta.get_fields()
                if field.is_relation and not (single and (field.one_to_many or field.many_to_many))
            ]
            if not relations:
                break
            field = self.random.choice(relations)
            steps.append(field.name)
            row = self.data.related(row, field) if row is not None else None
            here = field.related_model
            depth -= 1
        field = self.random.choice(here._meta.concrete_fields)
        name = field.attname if field.is_relation and self.often(0.3) and not steps else field.name
        return Path("__".join([*steps, name]), kind_of(field), known, row and row[field.attname])

    # --- conditions ------------------------------------------------------------------------------------------------

    def condition(self, model: Model, depth: int = 2, single: bool = False, true: bool = True) -> Q:
        """A tree of conditions, mostly true for the witness, or mostly not."""
        choice = self.random.random()
        if depth and choice < 0.4:
            word = self.one("and", "and", "or", "or", "xor") if true else self.one("and", "or")
            shown, self.truth_is_shown = self.truth_is_shown, self.truth_is_shown or word == "xor"
            sides = [
                self.condition(model, depth - 1, single, side)
                for side in {"and": (true, true), "or": (true, False), "xor": (True, False)}[word]
            ]
            self.truth_is_shown = shown
            found: Q = {"and": Q.__and__, "or": Q.__or__, "xor": Q.__xor__}[word](*sides)
            return found
        if depth and choice < 0.48:
            return ~self.condition(model, depth - 1, single, not true)
        if choice < 0.54:
            exists = self.exists(model)
            return Q(exists) if self.often(0.7) else Q(~exists)
        if choice < 0.6:
            return self.within(model)
        if choice < 0.66:
            other = self.compared(model, single)
            if other is not None:
                return other
        return self.lookup(model, single, true=true)

    def compared(self, model: Model, single: bool = False) -> Q | None:
        """A field against another."""
        path = self.path(model, single=single)
        if path.kind in ("json", "bytes"):
            return None
        other = self.path(model, 1, path.kind, single=True)
        if other.kind != path.kind:
            return None
        names = ("exact",) if path.kind in ("uuid", "bool") else ("exact", "gt", "lte")
        return Q(**{f"{path.name}__{self.one(*names)}": F(other.name)})

    def lookup(self, model: Model, single: bool = False, depth: int = 2, true: bool = True) -> Q:
        """One lookup on a field, near or far."""
        path = self.path(model, depth, single=single)
        if path.kind == "json" and not (path.known and true and path.value is None):
            return self.on_document(path, true)
        if path.known and true and path.value is None:
            self.used["isnull"] += 1
            return Q(**{f"{path.name}__isnull": True})
        name = self.one(*LOOKUPS[path.kind])
        held = path.value if path.known and true and self.often(0.85) else None
        return Q(**{f"{path.name}__{name}": self.argument(path.kind, name, held)})

    def on_document(self, path: Path, true: bool) -> Q:
        """A lookup in a JSON document: of keys, or below one."""
        held = path.value if true and self.often(0.85) else None
        keys = list(held) if isinstance(held, dict) and held else ["n", "s", "o", "l", "a b", "ключ", "x"]
        keys = [key for key in keys if key != 'q"q']  # sqlite3 finds no key with a quote in it
        name = self.one(*(("isnull", "exact", "key") if self.truth_is_shown or not keys else LOOKUPS["json"]))
        if name == "key":
            known = [key for key in KEY_LOOKUPS if _below(held, key) is not None]
            key = self.one(*(known or KEY_LOOKUPS))
            if "s" in known and self.often(0.4):  # it has the most lookups
                key = "s"
            return self._below_key(path.name, key, _below(held, key))
        match name:
            case "has_key":
                value: Any = self.random.choice(keys)
            case "has_keys" | "has_any_keys":
                value = self.random.sample(keys, min(len(keys), 2))
            case "isnull":
                value = held is None
            case "icontains":
                value = self.random.choice(("n", "S", '"a', "É", ": 1"))
            case _:
                value = held if held is not None else self.random.choice(VALUES["json"])
        return Q(**{f"{path.name}__{name}": value})

    def _below_key(self, name: str, key: str, held: Any) -> Q:
        # To sqlite3 a null in a document is NULL; here, as in PostgreSQL, it is less than any other document, and what
        # is not greater than another. Beside parts of texts, sqlite3 takes it for the text "null".
        apart = ("gt", "gte", "lt", "lte", "regex", "iregex", *PARTS_OF_TEXT) if self.data.json_nulls else ()
        lookup = self.one(*(each for each in KEY_LOOKUPS[key] if each not in apart))
        kind = {"s": "text", "t": "bool"}.get(key, "int")
        match lookup:
            case "has no key":
                return ~Q(**{f"{name}__has_key": key})
            case "isnull":
                return Q(**{f"{name}__{key}__isnull": held is None})
            case "has_key" if not self.truth_is_shown:
                return Q(**{f"{name}__{key}__has_key": "n"})
            case "exact" | "has_key" if key == "o":
                return Q(**{f"{name}__{key}": held if held is not None else {"n": 1}})
        held = held if isinstance(held, {"text": str, "bool": bool}.get(kind, int)) else None
        return Q(**{f"{name}__{key}__{lookup}": self.argument(kind, lookup, held)})

    # --- what a lookup is given ------------------------------------------------------------------------------------

    def argument(self, kind: str, name: str, held: Any) -> Any:
        """A value for the lookup: one for which it is true of ``held``, if that is given."""
        first, _, last = name.partition("__")
        if name == "isnull":
            return held is None
        if first in PARTS and kind in ("date", "datetime", "time"):
            return self._part(first, last or "exact", held)
        pool = VALUES[kind]
        value = self.random.choice(pool) if held is None else held
        if kind == "uuid" and name in PARTS_OF_TEXT:
            return self._part_of_uuid(name, value)
        match last or first:
            case "in":
                return [value, *(self.random.choice(pool) for _ in range(self.random.choice((0, 1, 3))))]
            case "range":
                return sorted([value, self.random.choice(pool)])
            case "gt" | "lt":
                fits = [other for other in pool if (other < value if name == "gt" else other > value)]
                return self.random.choice(fits) if fits else value
            case "regex" | "iregex":
                start = re.escape(value[:2])
                known = (f"^{start}", start) if held is not None else ("^a", "[A-Z]", "a.b", "^$", "\\d", "É")
                return self.random.choice(known)
            case "contains" | "icontains" if kind == "int":
                return str(value)[-1]
            case "contains" | "icontains":
                return self._folded(name, value[len(value) // 2 :])
            case "startswith" | "istartswith":
                return self._folded(name, value[:2])
            case "endswith" | "iendswith":
                return self._folded(name, value[-2:])
            case "iexact":
                return self._folded(name, value)
        return value

    def _part_of_uuid(self, name: str, value: uuid.UUID) -> str:
        """Of the digits alone, as sqlite3 has them, and found in the same values with and without hyphens."""
        match name:
            case "iexact":
                return self._folded(name, str(value))
            case "startswith" | "istartswith":
                return self._folded(name, value.hex[:5])
            case "endswith" | "iendswith":
                return self._folded(name, value.hex[-4:])
        pieces = (value.hex[at : at + 3] for at in range(18, 30))
        return self._folded(name, next(p for p in pieces if all((p in v.hex) == (p in str(v)) for v in VALUES["uuid"])))

    def _folded(self, name: str, text: str) -> str:
        return self.random.choice((text, text.upper(), text.lower())) if name.startswith("i") else text

    def _part(self, part: str, name: str, held: Any) -> Any:
        if held is None:
            number: Any = self.random.choice((2020, 1999) if "year" in part else (1, 12, 30, 5, 2, 4))
            number = {"date": VALUES["date"][0], "time": dt.time(12, 30)}.get(part, number)
        else:
            number = PARTS[part](timezone.localtime(held) if isinstance(held, dt.datetime) else held)
        match name:
            case "in":
                return [number, 1999]
            case "gt" | "lt" if isinstance(number, int):
                return number - 1 if name == "gt" else number + 1
        return number

    # --- subqueries ------------------------------------------------------------------------------------------------

    def exists(self, model: Model) -> Exists:
        """EXISTS of rows that share a value with the outer one."""
        inner, name, outer = self.link(model)
        queryset = inner._base_manager.filter(**{name: OuterRef(outer)})
        if self.often(0.4):
            queryset = queryset.filter(self.inside(inner))
        if self.often(0.15):
            path = self.path(model, 1, single=True)
            mine = self.path(inner, 0, path.kind)
            if mine.kind == path.kind and path.kind in ("int", "text", "date"):
                queryset = queryset.filter(**{f"{mine.name}__{self.one('gte', 'lt')}": OuterRef(path.name)})
        if self.often(0.1):
            queryset = queryset.order_by("pk")[: self.random.choice((1, 3))]
        return Exists(queryset)

    def within(self, model: Model) -> Q:
        """A key among those that a subquery finds."""
        path = self.path(model, 1, single=True)
        other = self.random.choice(self.data.models)
        known = self.witness
        self.witness = {other: self.data.any_row(other)}
        found = self.path(other, 1, path.kind, single=True)
        queryset = other._base_manager.filter(self.inside(other)) if self.often(0.6) else other._base_manager.all()
        self.witness = known
        if found.kind != path.kind or path.kind in ("json", "bytes"):
            return Q(pk__in=model._base_manager.filter(self.inside(model)).values("pk"))
        queryset = queryset.order_by().values(found.name)
        if self.often(0.15):
            queryset = queryset.filter(**{f"{found.name}__isnull": False})
        if self.often(0.15):
            queryset = queryset.order_by(found.name, "pk")[: self.random.choice((2, 5))]
        return Q(**{f"{path.name}__in": queryset}) if self.often(0.7) else ~Q(**{f"{path.name}__in": queryset})

    def inside(self, model: Model) -> Q:
        """A condition on the rows of a subquery."""
        known = self.witness
        self.witness = {model: self.data.any_row(model)}
        found = self.lookup(model, depth=1)
        self.witness = known
        return found

    def link(self, model: Model) -> tuple[Model, str, str]:
        """Another model, a field of it, and one of this model that may hold the same."""
        for field in self.random.sample(model._meta.get_fields(), len(model._meta.get_fields())):
            if field.one_to_many and self.often(0.7):
                return field.related_model, field.field.name, field.field.target_field.name
        other = self.random.choice(self.data.models)
        path = self.path(other, 0)
        mine = self.path(model, 0, path.kind, single=True)
        if path.kind != mine.kind or path.kind in ("json", "bytes"):
            return model, "pk", "pk"
        return other, path.name, mine.name


PARTS: dict[str, Any] = {
    "year": lambda value: value.year,
    "month": lambda value: value.month,
    "day": lambda value: value.day,
    "week_day": lambda value: value.isoweekday() % 7 + 1,
    "iso_week_day": lambda value: value.isoweekday(),
    "quarter": lambda value: (value.month + 2) // 3,
    "week": lambda value: value.isocalendar().week,
    "iso_year": lambda value: value.isocalendar().year,
    "hour": lambda value: value.hour,
    "minute": lambda value: value.minute,
    "second": lambda value: value.second,
    "date": lambda value: value.date(),
    "time": lambda value: value.time(),
}


def _below(document: Any, key: str) -> Any:
    for step in key.split("__"):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document
