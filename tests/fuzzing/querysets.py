"""Random QuerySets: rows, groups, set operations, windows, objects, and the shapes that the planner knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from random import Random
from typing import Any

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, Subquery, Window
from django.db.models import functions as f

from .annotations import COMPARED, COMPUTED, SORTED, Annotations
from .conditions import Conditions
from .kinds import FIELDS, kind_of
from .models import Model
from .rows import Data

Rows = list[tuple[Any, ...]]
AnyQuerySet = models.QuerySet[Any, Any]


@dataclass(frozen=True)
class Probe:
    """What to ask a database: ``run`` gives its rows, whose order is certain if ``ordered``; bound to none yet."""

    queryset: AnyQuerySet
    run: Callable[[AnyQuerySet], Any]
    ordered: bool


def rows_of(queryset: AnyQuerySet) -> Rows:
    """The rows of a QuerySet that gives tuples."""
    return list(queryset)


class QuerySets:
    """Makes probes over the models of ``data``."""

    def __init__(self, random: Random, data: Data, used: Any) -> None:
        self.random = random
        self.data = data
        self.used = used
        self.conditions = Conditions(random, data, used)
        self.annotations = Annotations(self.conditions)
        self.often = self.conditions.often
        self.one = self.conditions.one
        self.path = self.conditions.path

    def probe(self) -> Probe:
        """Any of the forms below."""
        models_with_rows = [model for model in self.data.models if self.data.rows[model]]
        model = self.random.choice(models_with_rows or self.data.models)
        self.conditions.start(model)
        forms: dict[str, int] = {
            **{"rows": 22, "groups": 12, "combined": 7, "windowed": 9, "objects": 8, "single value": 6},
            **{
                "covered": 12,
                "top of index": 6,
                "counted rows": 12,
                "first of groups": 8,
                "semi joined": 9,
                "dates": 2,
                "either": 4,
            },
        }
        form = self.random.choices(list(forms), list(forms.values()))[0]
        self.used[form] += 1
        made: Probe = getattr(self, f"_{form.replace(' ', '_')}")(model)
        return made

    def filtered(self, model: Model) -> AnyQuerySet:
        """Some filters and exclusions."""
        queryset = model._base_manager.all()
        for _ in range(self.random.choice((0, 0, 1, 1, 1, 1, 2))):
            depth = self.random.choice((0, 1, 1, 2))
            if self.often(0.2):
                queryset = queryset.exclude(self.conditions.condition(model, depth, true=False))
            else:
                queryset = queryset.filter(self.conditions.condition(model, depth))
        return queryset

    def _sliced(self, queryset: AnyQuerySet) -> AnyQuerySet:
        start = self.random.choice((0, 0, 0, 0, 1, 3))
        return queryset[start : start + self.random.choice((1, 2, 3, 10))]

    def _ordering(self, name: str) -> Any:
        return self.random.choice((name, f"-{name}", F(name).asc(nulls_last=True), F(name).desc(nulls_first=True)))

    def _finished(self, rows: AnyQuerySet, names: list[str]) -> Probe:
        """With or without an order, by columns that have one on both sides, and a slice if the order is total."""
        if self.often(0.45):
            return Probe(rows.order_by() if self.often(0.5) else rows, rows_of, False)
        rows = rows.order_by(*map(self._ordering, self.random.sample(names, len(names))))
        return Probe(self._sliced(rows) if self.often(0.6) else rows, rows_of, True)

    # --- rows ------------------------------------------------------------------------------------------------------

    def _rows(self, model: Model) -> Probe:
        queryset = self.filtered(model)
        paths = [self.path(model, 1) for _ in range(self.random.choice((0, 1, 2)))]
        names = ["pk", *(path.name for path in paths)]
        sortable = ["pk", *(path.name for path in paths if path.kind in SORTED)]
        for at in range(self.random.choice((0, 0, 1, 1, 2))):
            name = f"extra{at}"
            queryset, is_sortable = self._annotated(queryset, model, name)
            names.append(name)
            if is_sortable:
                sortable.append(name)
        rows = queryset.values_list(*dict.fromkeys(names))
        if self.often(0.15):
            rows = rows.distinct()
        probe = self._finished(rows, list(dict.fromkeys(sortable)))
        if probe.ordered and len(set(names)) > len(set(sortable)):
            # an order by some columns is total only if the rest follow from them
            return Probe(rows.order_by(), rows_of, False)
        return probe

    def _annotated(self, queryset: AnyQuerySet, model: Model, name: str) -> tuple[AnyQuerySet, bool]:
        if self.often(0.25):
            return queryset.annotate(**{name: self.annotations.aggregate(model)}), True
        if self.often(0.15):
            key = self.annotations.key_of_document(model)
            if key is not None:
                return queryset.annotate(**{name: key}), False
        kind = self.one(*COMPUTED)
        expression = self.annotations.expression(model, kind)
        if self.often(0.1):
            return queryset.alias(hidden=expression).filter(hidden__isnull=self.often(0.3)).annotate(
                **{name: F("hidden")}
            ), True
        queryset = queryset.annotate(**{name: expression})
        if self.often(0.15):
            queryset = queryset.filter(**{f"{name}__isnull": self.often(0.3)})
        return queryset, True

    def _objects(self, model: Model) -> Probe:
        """Whole objects, with what is related to them."""
        queryset = self.filtered(model)
        forward = [
            field
            for field in model._meta.get_fields()
            if field.is_relation and field.concrete and not field.many_to_many
        ]
        many = [field for field in model._meta.get_fields() if field.one_to_many or field.many_to_many]
        followed = self.random.sample(forward, min(len(forward), self.random.choice((0, 1, 2))))
        names = [f"{field.name}" for field in followed]
        if names:
            self.used["select_related"] += 1
            queryset = queryset.select_related(*names)
        fetched = [field for field in self.random.sample(many, min(len(many), 1)) if self.often(0.6)]
        accessors = [field.get_accessor_name() if field.auto_created else field.name for field in fetched]
        for field, accessor in zip(fetched, accessors, strict=True):
            self.used["prefetch_related"] += 1
            inner = field.related_model._base_manager.order_by("pk")
            queryset = queryset.prefetch_related(Prefetch(accessor, queryset=inner))
        if not names and self.often(0.3):
            own = [field.attname for field in model._meta.local_concrete_fields]
            queryset = (
                queryset.only(*self.random.sample(own, min(2, len(own))))
                if self.often(0.5)
                else queryset.defer(own[-1])
            )
        queryset = queryset.order_by("pk") if self.often(0.7) else queryset.order_by(*self._key_order(model))
        if self.often(0.4):
            queryset = self._sliced(queryset)

        def run(bound: AnyQuerySet) -> Rows:
            return [_attributes(instance, names, accessors) for instance in bound]

        return Probe(queryset, run, True)

    def _key_order(self, model: Model) -> list[Any]:
        path = self.path(model, 0, self.one(*COMPARED))
        return [self._ordering(path.name), "pk"]

    def _single_value(self, model: Model) -> Probe:
        """count, exists, aggregate, first, last, in_bulk, get …"""
        queryset = self.filtered(model)
        form = self.one(
            "count", "exists", "aggregate", "first", "last", "in_bulk", "latest", "distinct count", "contains"
        )
        match form:
            case "count" if self.often(0.4):
                queryset = self._sliced(queryset.order_by("pk"))
                return Probe(queryset, lambda bound: [(bound.count(),)], True)
            case "count":
                return Probe(queryset, lambda bound: [(bound.count(),)], True)
            case "distinct count":
                name = self.path(model, 1).name
                return Probe(queryset.values(name).distinct(), lambda bound: [(bound.count(),)], True)
            case "exists":
                return Probe(queryset, lambda bound: [(bound.exists(),)], True)
            case "aggregate":
                sliced = self.often(0.2)  # Django joins first: of the many that belong to a row, any could be cut off
                calls = {
                    f"a{at}": self.annotations.aggregate(model, single=sliced)
                    for at in range(self.random.choice((1, 1, 2)))
                }
                if sliced:
                    queryset = self._sliced(queryset.order_by("pk"))
                return Probe(queryset, lambda bound: [tuple(bound.aggregate(**calls).values())], True)
            case "latest":
                field = self._key_order(model)[0]
                return Probe(queryset.order_by(field, "pk"), lambda bound: [_attributes(bound.first(), [], [])], True)
            case "in_bulk":
                keys = [*self.data.rows[model]][:4]
                return Probe(
                    model._base_manager.all(),
                    lambda bound: [
                        _attributes(found, [], []) for _, found in sorted(bound.in_bulk(keys).items(), key=repr)
                    ],
                    True,
                )
            case "contains":
                return Probe(
                    queryset, lambda bound: [(bound.contains(model(pk=next(iter(self.data.rows[model]), None))),)], True
                )
        pick = {"first": lambda bound: bound.first(), "last": lambda bound: bound.last()}[form]
        return Probe(queryset.order_by("pk"), lambda bound: [_attributes(pick(bound), [], [])], True)

    def _dates(self, model: Model) -> Probe:
        """dates() and datetimes()."""
        for kind in self.random.sample(["date", "datetime"], 2):
            path = self.path(model, 0, kind)
            if path.kind == kind:
                part = self.one("year", "month", "day", "week")
                queryset = self.filtered(model)
                found: Any = queryset.dates(path.name, part) if kind == "date" else queryset.datetimes(path.name, part)
                return Probe(found, lambda bound: [(value,) for value in bound], True)
        return self._rows(model)

    # --- groups ----------------------------------------------------------------------------------------------------

    def _groups(self, model: Model) -> Probe:
        queryset = self.filtered(model)
        if self.often(0.35):
            kind = self.one("int", "text", "date", "datetime")
            queryset = queryset.annotate(key=self.annotations.expression(model, kind, 1))
            names, sortable = ["key"], True
        else:
            paths = [self.path(model, 1, single=True) for _ in range(self.random.choice((1, 1, 2)))]
            names = list(dict.fromkeys(path.name for path in paths))
            sortable = all(path.kind in COMPARED for path in paths)
            if any(path.kind == "json" for path in paths):
                return self._counted_rows(model)
        rows: Any = queryset.order_by().values(*names).annotate(total=self.annotations.aggregate(model))
        if self.often(0.2):
            rows = rows.filter(total__isnull=False)
        if self.often(0.3):
            rows = rows.annotate(second=self.annotations.aggregate(model))
        rows = rows.values_list(*names, "total")
        if not sortable or self.often(0.4):
            return Probe(rows, rows_of, False)
        return self._finished(rows, [*names, "total"])

    def _counted_rows(self, model: Model) -> Probe:
        """Rows with an aggregate of what is related to them: grouped by their key."""
        queryset = self.filtered(model) if self.often(0.4) else model._base_manager.all()
        many = _many(model)
        if not many:
            return self._groups(model) if self.often(0.5) else self._rows(model)
        more = [f"more{at}" for at in range(self.random.choice((0, 1, 1, 2)))]
        fields = self.random.sample(many, len(many)) * 3
        queryset = queryset.annotate(
            **{name: self._of_many(model, *field) for name, field in zip(("n", *more), fields, strict=False)}
        )
        if self.often(0.25):
            queryset = queryset.filter(n__gte=self.random.choice((0, 1, 2)))
        names = ["pk", "n", *more]
        if self.often(0.4):
            path = self.path(model, self.random.choice((0, 1)), self.one(*COMPARED), single=True)
            names.append(path.name)
        rows = queryset.values_list(*dict.fromkeys(names))
        if self.often(0.5):
            return Probe(self._sliced(rows.order_by(self._ordering("n"), "pk")), rows_of, True)
        return Probe(rows.order_by("pk") if self.often(0.5) else rows.order_by(), rows_of, False)

    def _of_many(self, model: Model, name: str, related: Model) -> Any:
        """An aggregate of the rows that are related to a row, or of what these refer to."""
        target = self.path(related, self.random.choice((0, 0, 1)), self.one("int", "int", "float"), single=True)
        self.conditions.start(model)
        call: Any = self.annotations.call(Count, Count, models.Sum, models.Max, models.Min, models.Avg)
        options: dict[str, Any] = {}
        if self.often(0.2):
            inside = self.conditions.lookup(related, depth=0)
            options["filter"] = (
                Q(*((f"{name}__{key}", value) for key, value in inside.children)) if inside.children else None
            )
        if call is not Count and target.kind in ("int", "float"):
            return call(f"{name}__{target.name}", **options)
        options["distinct"] = self.often(0.2)
        return Count(name if self.often(0.6) else f"{name}__{target.name}", **options)

    # --- windows and tops of groups --------------------------------------------------------------------------------

    def _windowed(self, model: Model) -> Probe:
        queryset = self.filtered(model)
        names = ["pk"]
        for at in range(self.random.choice((1, 1, 2))):
            queryset = queryset.annotate(**{f"w{at}": self.annotations.window(model)})
            names.append(f"w{at}")
        if self.often(0.3):
            queryset = queryset.filter(w0__lte=self.random.choice((1, 2, 5)))
        if self.often(0.3):
            names.append(self.path(model, 1, self.one(*COMPARED), single=True).name)
        return self._finished(queryset.values_list(*dict.fromkeys(names)), list(dict.fromkeys(names)))

    def _first_of_groups(self, model: Model) -> Probe:
        """The first rows of each group: by a filtered row number, by a correlated slice, or by a key among such."""
        group = self.path(model, 0, single=True)
        first = self.path(model, 0, self.one(*COMPARED), single=True)
        if group.kind in ("json", "bytes", "float"):
            group = self.path(model, 0, "int", single=True)
        order = [self.random.choice((F(first.name).asc(), F(first.name).desc())), "pk"]
        if self.often(0.3):
            order = order[1:]
        most = self.random.choice((1, 1, 2, 3))
        names = list(dict.fromkeys(["pk", group.name, first.name]))
        match self.one("row number", "row number", "slice", "key in slice"):
            case "row number":
                function: Any = self.annotations.call(f.RowNumber, f.RowNumber, f.Rank, f.DenseRank)
                window = Window(function(), partition_by=[F(group.name)], order_by=order)
                queryset = self.filtered(model).annotate(nth=window)
                test = self.one("nth__lte", "nth__exact", "nth__lt")
                rows = queryset.filter(**{test: most}).values_list(*names, "nth")
                return self._finished(rows, [*names, "nth"]) if self.often(0.5) else Probe(rows, rows_of, False)
            case "slice":
                inner, name, outer = self.conditions.link(model)
                inside = self.path(inner, 0, self.one(*COMPARED), single=True)
                queryset = inner._base_manager.filter(**{name: OuterRef(outer)})
                found = queryset.order_by(self.random.choice(("", "-")) + inside.name, "pk").values(inside.name)[:1]
                nth = Subquery(found, output_field=FIELDS[inside.kind]())
                rows = self.filtered(model).annotate(nth=nth).values_list("pk", "nth")
                return Probe(rows.order_by("pk"), rows_of, True)
            case _:
                inner = model._base_manager.filter(**{group.name: OuterRef(group.name)}).order_by(*order)
                rows = self.filtered(model).filter(pk__in=inner.values("pk")[:most]).values_list(*names)
                return self._finished(rows, names)

    # --- shapes that the planner knows -----------------------------------------------------------------------------

    def _covered(self, model: Model) -> Probe:
        """Columns of one index alone: filtered by its first ones, in its order."""
        columns = self._index_columns(model)
        if not columns:
            return self._top_of_index(model)
        names = [column.lstrip("-") for column in columns]
        queryset = model._base_manager.all()
        row = self.data.any_row(model)
        for at, name in enumerate(names[: self.random.choice((0, 1, 1, 2))]):
            field = model._meta.get_field(name)
            held = row and row[field.attname]
            if held is None:
                queryset = queryset.filter(**{f"{name}__isnull": True}) if self.often(0.5) else queryset
                continue
            lookup = self.one("exact", "exact", "in", "range", *(("gt", "gte", "lt", "lte") if at else ("gt", "lt")))
            if kind_of(field) in ("bool", "uuid"):
                lookup = "exact"
            value = self.conditions.argument(kind_of(field), lookup, held)
            if lookup in ("gt", "gte", "lt", "lte"):  # bounds that rows meet
                value = (self.data.any_row(model) or {}).get(field.attname) or held
            queryset = queryset.filter(**{f"{name}__{lookup}": value})
            if field.is_relation and lookup not in ("exact", "in"):
                break
        if self.often(0.2):
            queryset = queryset.filter(**{f"{names[-1]}__isnull": self.often(0.2)})
        shown = self.random.sample(names, self.random.randint(1, len(names))) + ["pk"] * self.often(0.5)
        match self.one("rows", "rows", "distinct", "count", "groups", "extremes"):
            case "rows":
                rows = queryset.values_list(*shown)
                signs = [column.startswith("-") for column in columns]
                if self.often(0.3):
                    signs = [not sign for sign in signs]
                order = [("-" if sign else "") + name for sign, name in zip(signs, names, strict=True)]
                if self.often(0.4):
                    return Probe(rows, rows_of, False)
                return Probe(
                    self._sliced(rows.order_by(*order, "pk")) if self.often(0.6) else rows.order_by(*order, "pk"),
                    rows_of,
                    True,
                )
            case "distinct":
                return Probe(queryset.order_by().values_list(names[0]).distinct(), rows_of, False)
            case "groups":
                counted = queryset.order_by().values_list(names[0]).annotate(n=Count("pk"))
                return Probe(counted.order_by(names[0])[:3] if self.often(0.5) else counted, rows_of, False)
            case "count":
                return Probe(queryset, lambda bound: [(bound.count(),)], True)
            case _:
                kind = kind_of(model._meta.get_field(names[-1]))
                if kind not in COMPARED:
                    return Probe(queryset, lambda bound: [(bound.exists(),)], True)
                return Probe(
                    queryset,
                    lambda bound: [tuple(bound.aggregate(a=models.Min(names[-1]), b=models.Max(names[-1])).values())],
                    True,
                )

    def _index_columns(self, model: Model) -> list[str]:
        choices = [list(index.fields) for index in model._meta.indexes if index.fields]
        local = model._meta.local_concrete_fields
        choices += [[field.name] for field in local if (field.db_index or field.unique) and kind_of(field) != "json"]
        choices += [list(c.fields) for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
        return self.random.choice(choices) if choices else []

    def _either(self, model: Model) -> Probe:
        """One indexed column or another: a union of what two indexes find."""
        tests = []
        for _ in range(self.random.choice((2, 2, 3))):
            name = (self._index_columns(model) or ["pk"])[0].lstrip("-")
            held = (self.data.any_row(model) or {}).get(model._meta.get_field(name).attname if name != "pk" else "pk")
            tests.append(Q(**{name: held}) if held is not None and self.often(0.7) else Q(**{f"{name}__isnull": True}))
            if self.often(0.3):
                tests[-1] &= self.conditions.lookup(model, depth=0)
        queryset = model._base_manager.filter(reduce(or_, tests))
        if self.often(0.3):
            queryset = queryset.filter(self.conditions.condition(model, 1))
        names = list(dict.fromkeys(["pk", self.path(model, 1, self.one(*COMPARED), single=True).name]))
        return self._finished(queryset.values_list(*names), names)

    def _top_of_index(self, model: Model) -> Probe:
        """The first rows in the order of some columns, joined or filtered on the way."""
        columns = self._index_columns(model) or ["pk"]
        queryset = self.filtered(model)
        order = [column if self.often(0.7) else column.lstrip("-") for column in columns]
        extra = self.path(model, 1, single=True)
        rows = queryset.values_list(*dict.fromkeys(["pk", *(name.lstrip("-") for name in order), extra.name]))
        if self.often(0.3):
            order.append(self.path(model, 1, self.one(*COMPARED), single=True).name)
        if self.often(0.2):
            rows = rows.distinct()
        return Probe(self._sliced(rows.order_by(*dict.fromkeys([*order, "pk"]))), rows_of, True)

    def _semi_joined(self, model: Model) -> Probe:
        """EXISTS, NOT EXISTS, IN, NOT IN of related rows, with conditions of their own, alone or two together."""
        queryset = model._base_manager.all()
        for _ in range(self.random.choice((1, 1, 2))):
            inner, name, outer = self.conditions.link(model)
            related = inner._base_manager.all()
            if self.often(0.4):
                related = related.filter(self.conditions.inside(inner))
            negated = self.often(0.25)
            if self.often(0.6):
                related = related.filter(**{name: OuterRef(outer)})
                if self.often(0.4):
                    deeper, deep_name, deep_outer = self.conditions.link(inner)
                    deepest = deeper._base_manager.filter(**{deep_name: OuterRef(deep_outer)})
                    nested = Exists(self._compared_with_two_up(deepest, deeper, model))
                    related = related.filter(nested if self.often(0.6) else ~nested)
                test = Q(Exists(related))
            else:
                test = Q(**{f"{outer}__in": related.order_by().values(name)})
            queryset = queryset.exclude(test) if negated else queryset.filter(test)
        names = list(dict.fromkeys(["pk", self.path(model, 1, self.one(*COMPARED), single=True).name]))
        if self.often(0.25):
            return Probe(queryset, lambda bound: [(bound.count(),)], True)
        return self._finished(queryset.values_list(*names), names)

    def _compared_with_two_up(self, queryset: AnyQuerySet, inner: Model, outermost: Model) -> AnyQuerySet:
        """Perhaps filtered by a value of the row two levels up."""
        theirs = self.path(outermost, 1, self.one("int", "text", "date"), single=True)
        mine = self.path(inner, 0, theirs.kind)
        if theirs.kind != mine.kind or mine.kind not in ("int", "text", "date") or self.often(0.3):
            return queryset
        self.conditions.used["two up"] += 1
        return queryset.filter(**{f"{mine.name}__{self.one('exact', 'gte', 'lt')}": OuterRef(OuterRef(theirs.name))})

    # --- set operations --------------------------------------------------------------------------------------------

    def _combined(self, model: Model) -> Probe:
        paths = [self.path(model, 1, self.one(*COMPARED), single=True)]
        names = list(dict.fromkeys([*["pk"] * self.often(0.6), *(path.name for path in paths)]))
        sides = [self.filtered(model).order_by().values_list(*names) for _ in range(self.random.choice((2, 2, 3)))]
        rows = sides[0]
        for side in sides[1:]:
            match self.one("union", "union all", "intersection", "difference"):
                case "union":
                    rows = rows.union(side)
                case "union all":
                    rows = rows.union(side, all=True)
                case "intersection":
                    rows = rows.intersection(side)
                case _:
                    rows = rows.difference(side)
            if len(sides) == 3:  # sqlite3 knows no parentheses here: more than one of a kind only
                break
        if self.often(0.15):
            return Probe(rows, lambda bound: [(bound.count(),)], True)
        if self.often(0.4):
            return Probe(rows, rows_of, False)
        return Probe(self._sliced(rows.order_by(*names)), rows_of, True)


def _many(model: Model, steps: int = 1) -> list[tuple[str, Model]]:
    """What relates a row, or a row that it refers to, to any number of rows: the name, and the model of these."""
    found: list[tuple[str, Model]] = []
    for field in model._meta.get_fields():
        if field.one_to_many or field.many_to_many:
            found.append((field.name, field.related_model))
        elif field.is_relation and steps:
            found += [(f"{field.name}__{inner}", other) for inner, other in _many(field.related_model, steps - 1)]
    return found


def _attributes(instance: Any, followed: list[str], accessors: list[str]) -> tuple[Any, ...]:
    if instance is None:
        return (None,)
    values = [getattr(instance, field.attname) for field in instance._meta.concrete_fields]
    for name in followed:
        other = getattr(instance, name)
        values += [None] if other is None else [getattr(other, field.attname) for field in other._meta.concrete_fields]
    for accessor in accessors:
        values.append([other.pk for other in getattr(instance, accessor).all()])
    return tuple(values)
