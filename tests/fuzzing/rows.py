"""Random rows for random models, the same on both sides, and what is known of them.

``Data`` knows what every row holds and which rows are related, so that a condition can be made to be true for a row
that is there: a query that finds nothing proves little.
"""

from __future__ import annotations

from random import Random
from typing import Any

from django.db import IntegrityError, models, transaction

from .kinds import VALUES, WITH_NULLS, kind_of
from .models import Model
from .orm import OURS, THEIRS

Row = dict[str, Any]


class Data:
    """The rows of ``models``: by model, then by primary key, values by attribute name."""

    def __init__(self, random: Random, made: list[Model]) -> None:
        self.random = random
        self.models = made
        self.json_nulls = random.random() < 0.4
        self.rows: dict[Model, dict[Any, Row]] = {model: {} for model in made}
        self.pairs: dict[Any, list[tuple[Any, Any]]] = {}
        self._pools: dict[Any, list[Any]] = {}
        self._next = 0

    # --- what is there ---------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Learn the rows, as sqlite3 has them."""
        for model in self.models:
            self.rows[model] = {row["pk"]: row for row in self._values(model)}
            for field in model._meta.local_many_to_many:
                through = field.remote_field.through._base_manager.using(THEIRS)
                ends = (field.m2m_column_name(), field.m2m_reverse_name())
                names = [f.attname for end in ends for f in field.remote_field.through._meta.fields if f.column == end]
                self.pairs[field] = list(through.values_list(*names))

    def _values(self, model: Model) -> Any:
        names = [field.attname for field in model._meta.concrete_fields]
        return model._base_manager.using(THEIRS).order_by("pk").values("pk", *names)

    def any_row(self, model: Model) -> Row | None:
        """One of the rows, if there is one."""
        rows = self.rows[model]
        return rows[self.random.choice(list(rows))] if rows else None

    def related(self, row: Row, field: Any) -> Row | None:
        """A row that the relation leads to."""
        target: Model = field.related_model
        if field.many_to_many:
            forward = isinstance(field, models.ManyToManyField)
            pairs = self.pairs.get(field if forward else field.field, [])
            keys = [pair[forward] for pair in pairs if pair[not forward] == row["pk"]]
            found = [self.rows[target][key] for key in keys if key in self.rows[target]]
        elif field.concrete:
            wanted = row.get(field.attname)
            found = [other for other in self.rows[target].values() if other[field.target_field.attname] == wanted]
        else:
            wanted = row.get(field.field.target_field.attname)
            found = [other for other in self.rows[target].values() if other.get(field.field.attname) == wanted]
        return self.random.choice(found) if found and wanted_is_known(field, row) else None

    # --- making it -------------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """New rows in every table; a row that breaks a constraint breaks it on both sides."""
        for model in self.models:
            for _ in range(self.random.choices((0, 3, 6, 9, 14), (1, 3, 6, 6, 4))[0]):
                self.insert(model)
            self.rows[model] = {row["pk"]: row for row in self._values(model)}
        for model in self.models:
            for field in model._meta.local_many_to_many:
                self._relate(model, field)
        self.load()

    def insert(self, model: Model) -> None:
        """One row, if it may be there."""
        values = self.new_row(model)
        outcomes = []
        for alias in (OURS, THEIRS):
            try:
                with transaction.atomic(using=alias):
                    model(**values).save(using=alias, force_insert=True)
                outcomes.append("")
            except IntegrityError as error:
                outcomes.append(f"refused: {error}")
        if bool(outcomes[0]) != bool(outcomes[1]):
            raise AssertionError(f"{model.__name__}({values}): {outcomes}")

    def new_row(self, model: Model) -> Row:
        """Values for all fields; the primary key is new, mostly."""
        row: Row = {}
        for field in model._meta.concrete_fields:
            if field.primary_key and not field.is_relation:
                row[field.attname] = self._key(field)
            elif field.is_relation:
                row[field.attname] = self._reference(model, field)
                if field.remote_field.parent_link:  # type: ignore[union-attr]
                    row[field.attname] = row[model._meta.pk.target_field.attname]  # type: ignore[attr-defined]
            else:
                row[field.attname] = self.value(field)
        return row

    def value(self, field: models.Field[Any, Any]) -> Any:
        """What may stand in a field: mostly one of few values."""
        if field.null and self.random.random() < 0.22:
            return None
        if field not in self._pools:
            pool = VALUES[kind_of(field)]
            if kind_of(field) == "json" and self.json_nulls:
                pool += WITH_NULLS
            pool = tuple(value for value in pool if not isinstance(value, str) or len(value) <= 40)
            self._pools[field] = self.random.sample(pool, min(len(pool), self.random.choice((3, 6, 12))))
        if field.unique and self.random.random() < 0.7:
            return self._key(field)
        return self.random.choice(self._pools[field])

    def _key(self, field: models.Field[Any, Any]) -> Any:
        self._next += 1
        match kind_of(field):
            case "text":
                return f"{self.random.choice(VALUES['text'])[:20]}{self._next}"
            case "uuid":
                return VALUES["uuid"][-1].__class__(int=self._next << 90)
        return self._next

    def _reference(self, model: Model, field: Any) -> Any:
        rows = list(self.rows[field.related_model].values())
        if field.related_model is model:
            rows = list(self._values(model))
        if (field.null and self.random.random() < 0.25) or not rows:
            return None
        return self.random.choice(rows)[field.target_field.attname]

    def _relate(self, model: Model, field: Any) -> None:
        ends = list(self.rows[model]), list(self.rows[field.related_model])
        if not all(ends):
            return
        pairs = {tuple(map(self.random.choice, ends)) for _ in range(self.random.choice((3, 10, 20)))}
        through = field.remote_field.through
        source, target = (
            next(f.attname for f in through._meta.fields if f.column == column)
            for column in (field.m2m_column_name(), field.m2m_reverse_name())
        )
        for alias in (OURS, THEIRS):
            through._base_manager.using(alias).bulk_create(
                [
                    through(pk=at, **{source: one, target: other})
                    for at, (one, other) in enumerate(sorted(pairs, key=repr), 1)
                ]
            )


def wanted_is_known(field: Any, row: Row) -> bool:
    """Whether the relation leads anywhere from the row: a NULL does not."""
    return field.many_to_many or not field.concrete or row.get(field.attname) is not None
