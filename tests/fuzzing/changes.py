"""Random changes through the ORM: update, delete, save, bulk methods, get_or_create and relations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Case, CheckConstraint, F, Value, When
from django.db.models import functions as f

from .kinds import FIELDS, VALUES, kind_of
from .models import Model
from .querysets import QuerySets


@dataclass(frozen=True)
class Change:
    """``run(alias)`` changes a database and says what came back; ``text`` is for a report."""

    run: Callable[[str], Any]
    text: str
    in_two_steps: Callable[[str], Any] | None = None
    """The same, of an update: by the keys of rows found before. sqlite3 may let its subqueries see changed rows."""


class Changes:
    """Makes changes to the rows that ``querysets`` asks for."""

    def __init__(self, querysets: QuerySets) -> None:
        self.querysets = querysets
        self.data = querysets.data
        self.random = querysets.random
        self.often = querysets.often

    def change(self) -> Change:
        """One change."""
        model = self.random.choice(self.data.models)
        self.querysets.conditions.start(model)
        forms = {
            **{"update": 8, "delete": 5, "save": 4, "bulk update": 3, "bulk create": 3, "upsert": 3},
            **{"get or create": 2, "update or create": 2, "relate": 3, "nested": 2},
        }
        form = self.random.choices(list(forms), list(forms.values()))[0]
        self.querysets.used[form] += 1
        made: Change = getattr(self, f"_{form.replace(' ', '_')}")(model)
        return made

    # --- of many rows at once --------------------------------------------------------------------------------------

    def _update(self, model: Model) -> Change:
        queryset = self.querysets.filtered(model)
        values = self._assignments(model)
        if not values:
            return self._delete(model)
        if self.often(0.1):
            queryset = queryset.order_by("pk")

        def run(alias: str) -> int:
            return queryset.using(alias).update(**values)

        def in_two_steps(alias: str) -> int:
            keys = list(queryset.using(alias).values_list("pk", flat=True))
            return model._base_manager.using(alias).filter(pk__in=keys).update(**values)

        return Change(run, f"{queryset.query}\nupdate {values}", in_two_steps)

    def _delete(self, model: Model) -> Change:
        queryset = self.querysets.filtered(model)

        def run(alias: str) -> Any:
            total, each = queryset.using(alias).delete()
            return total, sorted((name, count) for name, count in each.items() if count)

        return Change(run, f"{queryset.query}\ndelete")

    def _assignments(self, model: Model) -> dict[str, Any]:
        """What an update may set. No subqueries: sqlite3 lets them see rows that the update has changed."""
        fields = [field for field in model._meta.local_concrete_fields if not _is_unique(model, field)]
        found: dict[str, Any] = {}
        for field in self.random.sample(fields, min(len(fields), self.random.choice((1, 1, 2, 3)))):
            found[field.name] = self._assigned(model, field, fields)
        return found

    def _assigned(self, model: Model, field: Any, fields: list[Any]) -> Any:
        kind = kind_of(field)
        if field.is_relation:
            row = self.data.any_row(field.related_model)
            empty = field.null and self.often(0.3)
            return None if row is None or empty else row[field.target_field.attname]
        if kind in ("json", "bytes", "uuid", "time") or self.often(0.3):
            return self.data.value(field)
        local = [other.name for other in fields if type(other) is type(field) and (field.null or not other.null)]
        value: Any = F(self.random.choice(local))
        if self.often(0.4) and not model._meta.parents:
            condition = self.querysets.conditions.lookup(model, depth=0)
            value = Case(
                When(condition, then=Value(self.random.choice(VALUES[kind]), FIELDS[kind]())),
                default=value,
                output_field=FIELDS[kind](),
            )
        match kind:
            case "int":
                return value % 1000 + 1 if self.often(0.5) else value
            case "float":
                return value * 0.5 if self.often(0.5) else value
            case "text":
                return f.Substr(f.Concat(value, Value("a")), 1, 20) if self.often(0.5) else value
        return value

    # --- of objects ------------------------------------------------------------------------------------------------

    def _instance(self, model: Model) -> tuple[Any, dict[str, Any]]:
        """The key of a row that is there, and new values for some of its fields."""
        row = self.data.any_row(model)
        fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        chosen = self.random.sample(fields, min(len(fields), 2))
        return row and row["pk"], {
            field.attname: self.data._reference(model, field) if field.is_relation else self.data.value(field)
            for field in chosen
            if not (field.is_relation and field.remote_field.parent_link)
        }

    def _save(self, model: Model) -> Change:
        key, values = self._instance(model)
        if key is None or self.often(0.4):
            row = self.data.new_row(model)
            return Change(lambda alias: model(**row).save(using=alias), f"save new {model.__name__} {row}")

        def run(alias: str) -> None:
            found = model._base_manager.using(alias).get(pk=key)
            for name, value in values.items():
                setattr(found, name, value)
            found.save()

        return Change(run, f"save {model.__name__} {key!r} {values}")

    def _bulk_update(self, model: Model) -> Change:
        changes = [self._instance(model) for _ in range(self.random.choice((1, 5, 12)))]
        fields = {name for _, values in changes for name in values}
        names = [field.name for field in model._meta.concrete_fields if field.attname in fields]
        changed = {key: values for key, values in changes if key is not None}
        if not names or not changed:
            return self._update(model)

        def run(alias: str) -> int:
            found = list(model._base_manager.using(alias).filter(pk__in=list(changed)).order_by("pk"))
            for instance in found:
                for name, value in changed[instance.pk].items():
                    setattr(instance, name, value)
            return model._base_manager.using(alias).bulk_update(found, names, batch_size=self.batch)

        self.batch = self.random.choice((None, 1, 2))
        return Change(run, f"bulk_update {model.__name__} {changed}")

    def _bulk_create(self, model: Model) -> Change:
        if model._meta.parents:
            return self._save(model)
        rows = [self.data.new_row(model) for _ in range(self.random.choice((1, 2, 5)))]
        # sqlite3's OR IGNORE overlooks NOT NULL and CHECK, too
        whole = all(row[f.attname] is not None for row in rows for f in model._meta.concrete_fields if not f.null)
        ignore = whole and self.often(0.5) and not any(isinstance(c, CheckConstraint) for c in model._meta.constraints)

        def run(alias: str) -> None:
            model._base_manager.using(alias).bulk_create([model(**row) for row in rows], ignore_conflicts=ignore)

        return Change(run, f"bulk_create {model.__name__} ignore_conflicts={ignore} {rows}")

    def _upsert(self, model: Model) -> Change:
        row = self.data.any_row(model)
        if model._meta.parents or row is None:
            return self._save(model)
        unique = [field for field in model._meta.local_concrete_fields if field.unique]
        target = self.random.choice(unique)
        rows = [self.data.new_row(model) for _ in range(self.random.choice((1, 2)))]
        rows[0][target.attname] = row[target.attname]
        fields = [field for field in model._meta.local_concrete_fields if not _is_unique(model, field)]
        names = [field.name for field in self.random.sample(fields, min(2, len(fields)))]
        if not names:
            return self._save(model)

        def run(alias: str) -> None:
            model._base_manager.using(alias).bulk_create(
                [model(**each) for each in rows],
                update_conflicts=True,
                update_fields=names,
                unique_fields=[target.name],
            )

        return Change(run, f"upsert {model.__name__} by {target.name} setting {names}: {rows}")

    def _get_or_create(self, model: Model) -> Change:
        row, known = self.data.new_row(model), self.data.any_row(model)
        key = known["pk"] if known and self.often(0.5) else row[_pk(model)]
        defaults = {name: value for name, value in row.items() if name != _pk(model)}

        def run(alias: str) -> Any:
            found, made = model._base_manager.using(alias).get_or_create(pk=key, defaults=defaults)
            return found.pk, made

        return Change(run, f"get_or_create {model.__name__} {key!r} {defaults}")

    def _update_or_create(self, model: Model) -> Change:
        key, values = self._instance(model)
        if key is None or not values:
            return self._get_or_create(model)

        def run(alias: str) -> Any:
            found, made = model._base_manager.using(alias).update_or_create(pk=key, defaults=values)
            return found.pk, made

        return Change(run, f"update_or_create {model.__name__} {key!r} {values}")

    # --- of relations, and several together ------------------------------------------------------------------------

    def _relate(self, model: Model) -> Change:
        choices = [(made, field) for made in self.data.models for field in made._meta.local_many_to_many]
        if not choices:
            return self._update(model)
        model, field = self.random.choice(choices)
        row = self.data.any_row(model)
        if row is None:
            return self._save(model)
        keys = list(self.data.rows[field.related_model])
        chosen = self.random.sample(keys, min(len(keys), 3))
        method = self.random.choice(("add", "remove", "set", "clear"))

        def run(alias: str) -> Any:
            manager = getattr(model._base_manager.using(alias).get(pk=row["pk"]), field.name)
            others = list(field.related_model._base_manager.using(alias).filter(pk__in=chosen))
            if method == "set":
                manager.set(others)
            elif method == "clear":
                manager.clear()
            else:
                getattr(manager, method)(*others)
            return sorted(map(repr, manager.values_list("pk", flat=True)))

        return Change(run, f"{model.__name__} {row['pk']!r} {field.name}.{method} {chosen}")

    def _nested(self, model: Model) -> Change:
        """Some changes in savepoints, each kept or undone."""
        changes = [(self.change(), self.often(0.5)) for _ in range(2)]

        def run(alias: str, in_two_steps: bool = False) -> Any:
            found = []
            for change, kept in changes:
                work = (in_two_steps and change.in_two_steps) or change.run
                try:
                    with transaction.atomic(using=alias):
                        found.append(work(alias))
                        if not kept:
                            raise Undone
                except (Undone, IntegrityError, models.ProtectedError) as error:
                    found.append(type(error).__name__)
            return found

        text = "\n".join(f"{change.text} {'kept' if kept else 'undone'}" for change, kept in changes)
        return Change(run, text, partial(run, in_two_steps=True))


class Undone(Exception):
    """A savepoint is not to be kept."""


def _pk(model: Model) -> str:
    return model._meta.pk.attname


def _is_unique(model: Model, field: models.Field[Any, Any]) -> bool:
    """Whether no statement may assign the same to the field twice."""
    constraints = [c for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
    return field.unique or field.primary_key or any(field.name in c.fields for c in constraints)
