"""Random QuerySets over the models of ``orm``."""

from __future__ import annotations

from random import Random
from typing import Any

from django.db import models
from django.db.models import Avg, Case, Count, Exists, F, Max, Min, OuterRef, Q, StdDev, Subquery, Sum, Value, When
from django.db.models import functions as f

from .orm import MODELS, VALUES, kind_of

Path = tuple[str, str]
"""Where a field is found, and its kind."""

ORDERED = ("exact", "exact", "gt", "gte", "lt", "lte", "in", "range", "isnull")
LOOKUPS: dict[str, tuple[str, ...]] = {
    "text": (
        *("exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"),
        *("in", "isnull", "gt", "lte", "regex", "iregex", "length"),
    ),
    "int": (*ORDERED, "contains"),
    "float": ORDERED,
    "dec": ORDERED,
    "bool": ("exact", "isnull", "in"),
    "date": (*ORDERED, "year", "year__gt", "month", "day__lt", "week_day", "iso_week_day", "quarter", "week"),
    "datetime": (*ORDERED, "date", "date__lte", "year", "year__in", "month", "day", "hour__gte", "minute", "second"),
    "time": (*ORDERED, "hour", "minute__gte", "second"),
    "uuid": ("exact", "in", "isnull"),
    "duration": ORDERED,
}
FIELDS: dict[str, type[models.Field[Any, Any]]] = {
    "text": models.TextField,
    "int": models.IntegerField,
    "float": models.FloatField,
    "bool": models.BooleanField,
    "date": models.DateField,
    "datetime": models.DateTimeField,
}


class QuerySets:
    """Makes QuerySets, bound to no database yet."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.used: list[str] = []

    def _often(self, share: float) -> bool:
        return self.random.random() < share

    def _one(self, *choices: Any) -> Any:
        choice = self.random.choice(choices)
        if isinstance(choice, str):
            self.used.append(choice)
        return choice

    # --- paths -----------------------------------------------------------------------------------------------------

    def path(self, model: type[models.Model], depth: int = 2, kind: str | None = None, single: bool = False) -> Path:
        """A field of the model, or of one that it is related to; of the kind, if there is one near."""
        for _ in range(20):
            found = self._path(model, depth, single)
            if kind is None or found[1] == kind:
                return found
        return "pk", "int"

    def _path(self, model: type[models.Model], depth: int, single: bool) -> Path:
        steps, here = [], model
        while depth and self._often(0.4):
            relations = [
                field
                for field in here._meta.get_fields()
                if field.is_relation
                and field.related_model
                and not (single and (field.one_to_many or field.many_to_many))
            ]
            if not relations:
                break
            field = self.random.choice(relations)
            steps.append(field.name if not field.auto_created else field.related_query_name())  # type: ignore[union-attr]
            here = field.related_model  # type: ignore[assignment]
            depth -= 1
        fields = [
            (field.name, kind_of(field) or "int") for field in here._meta.concrete_fields if not field.is_relation
        ]
        name, kind = self.random.choice(fields)
        return "__".join([*steps, name]), kind

    def value(self, kind: str) -> Any:
        """A constant."""
        return self.random.choice(VALUES[kind])

    # --- conditions ------------------------------------------------------------------------------------------------

    def condition(self, model: type[models.Model], depth: int = 2, single: bool = False) -> Q:
        """A tree of conditions."""
        choice = self.random.random()
        if depth and choice < 0.4:
            left, right = self.condition(model, depth - 1, single), self.condition(model, depth - 1, single)
            match self._one("and", "or", "or", "or", "xor"):
                case "and":
                    return left & right
                case "or":
                    return left | right
                case _:
                    return left ^ right
        if depth and choice < 0.48:
            return ~self.condition(model, depth - 1, single)
        if choice < 0.52:
            return Q(self.exists(model))
        if choice < 0.55:
            other = self.random.choice(MODELS)
            return Q(pk__in=other._base_manager.filter(self.lookup(other)).values(self._id_like(other)))
        if choice < 0.62:
            path, kind = self.path(model, single=single)
            if kind in ("int", "text", "float", "date"):
                other, _ = self.path(model, 1, kind, single=True)
                if self._kind_at(model, other) == kind:
                    return Q(**{f"{path}__{self._one('exact', 'gt', 'lte')}": F(other)})
        return self.lookup(model, single)

    def _id_like(self, model: type[models.Model]) -> str:
        return self.random.choice([f.attname for f in model._meta.concrete_fields if f.is_relation] or ["pk"])

    def _kind_at(self, model: type[models.Model], path: str) -> str | None:
        here: Any = model
        for name in path.split("__"):
            field = here._meta.pk if name == "pk" else here._meta.get_field(name)
            if field.is_relation:
                here = field.related_model
        return kind_of(field) or "int"

    def lookup(self, model: type[models.Model], single: bool = False, depth: int = 2) -> Q:
        """One lookup on a field, near or far."""
        path, kind = self.path(model, depth, single=single)
        name = self._one(*LOOKUPS[kind])
        match name.rpartition("__")[2]:
            case "isnull":
                value: Any = self._often(0.4)
            case "in":
                value = (
                    [self.value(kind) for _ in range(self.random.randint(1, 4))] if "__" not in name else [2020, 1999]
                )
            case "range":
                value = sorted([self.value(kind), self.value(kind)])
            case "regex" | "iregex":
                value = self._one("^a", "b$", "[A-Z]", "a.b", "^$", "\\d", "É")
            case "date" | "lte" if name.startswith("date"):
                value = self.value("date")
            case "length":
                name, value = "exact", self.value(kind)
            case _ if "__" in name or name in ("year", "month", "day", "hour", "minute", "second", "quarter", "week"):
                value = self._one(2020, 1999, 1, 12, 30, 5, 2, 4)
            case "week_day" | "iso_week_day":
                value = self.random.randint(1, 7)
            case "contains" if kind == "int":
                value = self._one(1, 7, 0)
            case _:
                value = self.value(kind)
        return Q(**{f"{path}__{name}": value})

    def exists(self, model: type[models.Model]) -> Exists:
        """EXISTS of rows that share a value with the outer one."""
        inner, outer, _ = self._link(model)
        queryset = inner[0]._base_manager.filter(**{inner[1]: OuterRef(outer)})
        if self._often(0.5):
            queryset = queryset.filter(self.lookup(inner[0]))
        return Exists(queryset)

    def _link(self, model: type[models.Model]) -> tuple[tuple[type[models.Model], str], str, str]:
        for field in model._meta.get_fields():
            if field.one_to_many and self._often(0.5):
                return (field.related_model, field.field.name), "pk", "int"  # type: ignore[return-value, union-attr]
        other = self.random.choice(MODELS)
        path, kind = self.path(other, 0)
        mine, my_kind = self.path(model, 0, kind)
        return ((other, path), mine, kind) if kind == my_kind else ((other, "pk"), "pk", "int")

    # --- annotations -----------------------------------------------------------------------------------------------

    def expression(self, model: type[models.Model], kind: str, depth: int = 2) -> Any:
        """An expression of the kind, over single-valued paths."""
        path, found = self.path(model, 1, kind, single=True)
        plain: Any = F(path) if found == kind and self._often(0.85) else self._constant(kind)
        if not depth or self._often(0.35):
            return plain
        more = self.expression(model, kind, depth - 1)
        choice = self.random.random()
        if choice < 0.15:
            return f.Coalesce(plain, more)
        if choice < 0.3:
            whens = [When(self.condition(model, 1, single=True), then=more)]
            return Case(*whens, default=plain if self._often(0.7) else None, output_field=FIELDS[kind]())
        if choice < 0.4:
            return f.NullIf(plain, self._constant(kind))
        if choice < 0.55 and kind in ("int", "text", "float"):
            return self.subquery(model, kind)
        return self._function(model, kind, plain, more)

    def _constant(self, kind: str) -> Value:
        return Value(self.value(kind), output_field=FIELDS[kind]())

    def _function(self, model: type[models.Model], kind: str, one: Any, other: Any) -> Any:
        text, _ = self.path(model, 1, "text", single=True)
        date, date_kind = self.path(model, 1, self._one("date", "datetime"), single=True)
        dated = date_kind in ("date", "datetime")
        match kind:
            case "int":
                forms = [one + other, one - other, one * Value(3), one / Value(2), one % Value(3), f.Abs(one)]
                forms += [f.Length(text)] if text != "pk" else []
                forms += [f.StrIndex(text, Value("a"))] if text != "pk" else []
                forms += (
                    [self._one(f.ExtractYear, f.ExtractMonth, f.ExtractDay, f.ExtractQuarter)(date)] if dated else []
                )
                return self.random.choice(forms)
            case "float":
                return self.random.choice(
                    (one + other, one * Value(0.5), one / Value(2.0), f.Abs(one), f.Floor(one), -one)
                )
            case "text":
                forms = [f.Upper(one), f.Lower(one), f.Concat(one, other), f.Trim(one), f.Left(one, 1), f.Right(one, 2)]
                forms += [f.Substr(one, 2), f.Replace(one, Value("a"), Value("xy")), f.Reverse(one), f.Repeat(one, 2)]
                return self.random.choice(forms)
            case "date" | "datetime":
                return self._one(f.TruncMonth, f.TruncYear, f.TruncDay, f.TruncQuarter, f.TruncWeek)(
                    one, output_field=FIELDS[kind]()
                )
            case _:
                return one

    def subquery(self, model: type[models.Model], kind: str) -> Any:
        """A value of the first related row, or an aggregate of all of them."""
        (inner, field), outer, _ = self._link(model)
        path, found = self.path(inner, 1, kind, single=True)
        queryset = inner._base_manager.filter(**{field: OuterRef(outer)})
        if kind == "int" and (found != kind or self._often(0.4)):
            queryset = queryset.order_by().values(field).annotate(n=Count("pk")).values("n")
        elif found != kind:
            return self._constant(kind)
        else:
            queryset = queryset.order_by(self._one("", "-") + path, "pk").values(path)[:1]
        return Subquery(queryset, output_field=FIELDS[kind]())

    def aggregate(self, model: type[models.Model]) -> Any:
        """An aggregate over a path, to many rows or one."""
        options: dict[str, Any] = {}
        if self._often(0.25):
            options["filter"] = self.condition(model, 1)
        match self._one("count", "count", "sum", "avg", "min", "max", "deviation"):
            case "count":
                return Count(self.path(model)[0], distinct=self._often(0.4), **options)
            case "sum" | "avg" | "deviation" as name:
                path, kind = self.path(model, 2, self._one("int", "float", "dec"))
                function = {"sum": Sum, "avg": Avg, "deviation": StdDev}[name]
                return function(path if kind in ("int", "float", "dec") else "pk", **options)
            case name:
                path, kind = self.path(model)
                return (Min if name == "min" else Max)(path if kind != "bool" else "pk", **options)

    # --- whole QuerySets -------------------------------------------------------------------------------------------

    def queryset(self) -> tuple[models.QuerySet[Any, Any], bool]:
        """A QuerySet that gives tuples; whether their order is certain."""
        self.used = []
        model = self.random.choice(MODELS)
        match self._one("rows", "rows", "rows", "groups", "combined"):
            case "rows":
                return self._rows(model)
            case "groups":
                return self._groups(model)
            case _:
                return self._combined(model)

    def filtered(self, model: type[models.Model]) -> models.QuerySet[Any, Any]:
        """Some filters and exclusions."""
        queryset = model._base_manager.all()
        for _ in range(self.random.choice((0, 0, 1, 1, 1, 2))):
            condition = self.condition(model, self.random.choice((0, 1, 2)))
            queryset = queryset.exclude(condition) if self._often(0.3) else queryset.filter(condition)
        return queryset

    def _rows(self, model: type[models.Model]) -> tuple[models.QuerySet[Any, Any], bool]:
        queryset = self.filtered(model)
        names = ["pk", *(self.path(model, 1)[0] for _ in range(self.random.choice((0, 1, 2))))]
        for at in range(self.random.choice((0, 0, 1, 2))):
            kind = self.random.choice(list(FIELDS))
            expression = self.aggregate(model) if self._often(0.3) else self.expression(model, kind)
            queryset = queryset.annotate(**{f"extra{at}": expression})
            names.append(f"extra{at}")
            if self._often(0.25):
                queryset = queryset.filter(**{f"extra{at}__isnull": self._often(0.3)})
        rows = queryset.values_list(*dict.fromkeys(names))
        if self._often(0.15):
            rows = rows.distinct()
        if self._often(0.5):
            return rows, False
        order = [self._ordering(name) for name in dict.fromkeys(self.random.sample(names, len(names)))]
        rows = rows.order_by(*order)
        if self._often(0.6):
            start = self.random.choice((0, 0, 0, 1, 3))
            rows = rows[start : start + self.random.choice((1, 3, 10))]
        return rows, True

    def _ordering(self, name: str) -> Any:
        return self.random.choice((name, f"-{name}", F(name).asc(nulls_last=True), F(name).desc(nulls_first=True)))

    def _groups(self, model: type[models.Model]) -> tuple[models.QuerySet[Any, Any], bool]:
        queryset = self.filtered(model)
        if self._often(0.3):
            queryset = queryset.annotate(key=self.expression(model, self._one("int", "text"), 1))
            names = ["key"]
        else:
            names = list(
                dict.fromkeys(self.path(model, 1, single=True)[0] for _ in range(self.random.choice((1, 1, 2))))
            )
        rows: Any = queryset.order_by().values(*names).annotate(total=self.aggregate(model))
        if self._often(0.3):
            rows = rows.filter(total__isnull=False)
        if self._often(0.3):
            rows = rows.annotate(second=self.aggregate(model))
        rows = rows.values_list(*names, "total")
        if self._often(0.5):
            return rows, False
        return rows.order_by(*map(self._ordering, [*names, "total"]))[: self.random.choice((2, 5, 50))], True

    def _combined(self, model: type[models.Model]) -> tuple[models.QuerySet[Any, Any], bool]:
        names = list(dict.fromkeys(["pk", self.path(model, 1, single=True)[0]]))
        sides = [self.filtered(model).order_by().values_list(*names) for _ in range(2)]
        match self._one("union", "union all", "intersection", "difference"):
            case "union":
                rows = sides[0].union(sides[1])
            case "union all":
                rows = sides[0].union(sides[1], all=True)
            case "intersection":
                rows = sides[0].intersection(sides[1])
            case _:
                rows = sides[0].difference(sides[1])
        if self._often(0.5):
            return rows, False
        return rows.order_by(*names)[: self.random.choice((1, 5, 50))], True

    def assignments(self, model: type[models.Model]) -> dict[str, Any]:
        """What an update may set. No subqueries: sqlite3 lets them see rows that the update has changed."""
        fields = [
            field
            for field in model._meta.concrete_fields
            if kind_of(field) in ("int", "text", "float", "bool", "date") and not field.unique
        ]
        found: dict[str, Any] = {}
        for field in self.random.sample(fields, min(len(fields), self.random.choice((1, 2)))):
            kind = kind_of(field) or ""
            local = [other.name for other in fields if kind_of(other) == kind and (field.null or not other.null)]
            choice = self.random.random()
            if choice < 0.4:
                found[field.name] = self.value(kind)
            elif choice < 0.7:
                value = F(self.random.choice(local))
                found[field.name] = value + 1 if kind == "int" else value
            else:
                then = When(self.lookup(model, depth=0) | ~self.lookup(model, depth=0), then=self._constant(kind))
                found[field.name] = Case(then, default=F(field.name), output_field=FIELDS[kind]())
        return found
