"""Random expressions over random models: functions, CASE, subqueries, aggregates and windows."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    RowRange,
    StdDev,
    Subquery,
    Sum,
    Value,
    ValueRange,
    Variance,
    When,
    Window,
)
from django.db.models import functions as f
from django.db.models.fields.json import KT

from .conditions import Conditions, Path
from .kinds import FIELDS, VALUES
from .models import Model

COMPUTED = ("int", "int", "text", "text", "float", "bool", "date", "datetime", "duration")
"""Kinds of which there are expressions."""

COMPARED = ("text", "int", "big", "float", "dec", "date", "datetime", "time", "duration")
"""Kinds whose values have an order that is the same on both sides."""

SORTED = (*COMPARED, "bool", "uuid", "bytes")
"""Kinds that both sides sort alike."""

EXTRACTED = {
    "date": (f.ExtractYear, f.ExtractMonth, f.ExtractDay, f.ExtractQuarter, f.ExtractWeek, f.ExtractIsoYear),
    "datetime": (f.ExtractYear, f.ExtractMonth, f.ExtractHour, f.ExtractWeekDay, f.ExtractMinute, f.ExtractSecond),
    "time": (f.ExtractHour, f.ExtractMinute, f.ExtractSecond),
}
TRUNCATED = {
    "date": (f.TruncMonth, f.TruncYear, f.TruncQuarter, f.TruncWeek),
    "datetime": (f.TruncMonth, f.TruncYear, f.TruncDay, f.TruncQuarter, f.TruncWeek, f.TruncHour, f.TruncMinute),
    "time": (f.TruncHour, f.TruncMinute, f.TruncSecond),
}


class Annotations:
    """Makes expressions; conditions come from ``conditions``."""

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.random = conditions.random
        self.often = conditions.often
        self.one = conditions.one
        self.path = conditions.path

    def call(self, *functions: Any) -> Any:
        """One of the functions; it is counted."""
        function = self.random.choice(functions)
        self.conditions.used[function.__name__] += 1
        return function

    def constant(self, kind: str) -> Value:
        """A constant as an expression."""
        return Value(self.random.choice(VALUES[kind]), output_field=FIELDS[kind]())

    # --- values of a row -------------------------------------------------------------------------------------------

    def expression(self, model: Model, kind: str, depth: int = 2) -> Any:
        """An expression of the kind, over single-valued paths."""
        path = self.path(model, 1, kind, single=True)
        plain: Any = F(path.name) if path.kind == kind and self.often(0.9) else self.constant(kind)
        if not depth or self.often(0.25):
            return plain
        if kind == "datetime" and self.often(0.4):  # the outermost: inside, sqlite3 has local times beside UTC
            return (
                self.call(*TRUNCATED[kind])(F(path.name), output_field=FIELDS[kind]()) if path.kind == kind else plain
            )
        more = self.expression(model, kind, 0 if kind == "datetime" else depth - 1)
        choice = self.random.random()
        if choice < 0.13:
            return self.call(f.Coalesce)(plain, more)
        if choice < 0.28:
            return self._case(model, kind, plain, more)
        if choice < 0.34:
            return self.call(f.NullIf)(plain, self.constant(kind))
        if choice < 0.42 and kind in COMPARED:
            whole = [f.Coalesce(plain, self.constant(kind)), f.Coalesce(more, self.constant(kind))]
            return self.call(f.Greatest, f.Least)(*whole)
        if choice < 0.58 and kind in ("int", "text", "float", "date"):
            return self.subquery(model, kind)
        return self._function(model, kind, plain, more)

    def _case(self, model: Model, kind: str, plain: Any, more: Any) -> Any:
        whens = [
            When(self.conditions.condition(model, self.random.choice((0, 1)), single=True), then=value)
            for value in self.random.sample([more, plain, self.constant(kind)], self.random.choice((1, 2)))
        ]
        default = plain if self.often(0.7) else None
        return self.call(Case)(*whens, default=default, output_field=FIELDS[kind]())

    def _function(self, model: Model, kind: str, one: Any, other: Any) -> Any:
        match kind:
            case "int":
                return self._number(model, one, other)
            case "float":
                forms = [one + other, one * Value(0.5), one / Value(2.0), -one, f.Abs(one), f.Floor(one), f.Ceil(one)]
                forms += [f.Sign(one), f.Sqrt(f.Abs(one)), f.Mod(one, 3.0), f.Round(one, 1), f.Power(one, 2)]
                whole = self.path(model, 1, "int", single=True)
                forms += [f.Cast(F(whole.name), models.FloatField())] if whole.kind == "int" else []
                return self.random.choice(forms)
            case "text":
                forms = [f.Upper(one), f.Lower(one), f.Concat(one, other), f.Trim(one), f.Left(one, 1), f.Right(one, 2)]
                forms += [f.Substr(one, 2), f.Replace(one, Value("a"), Value("xy")), f.Reverse(one), f.Repeat(one, 2)]
                forms += [f.LTrim(one), f.RTrim(one), f.LPad(one, 3, Value("x")), f.RPad(one, 3), f.Substr(one, 1, 1)]
                forms += [f.MD5(one), f.Cast(self.expression(model, "int", 0), models.TextField())]
                return self.random.choice(forms)
            case "bool":
                return Exists(self.related(model)[0]) if self.often(0.3) else self._tested(model)
            case "date" | "time":
                if kind == "date" and self.often(0.2):
                    dated = self.path(model, 1, "datetime", single=True)
                    return f.TruncDate(dated.name) if dated.kind == "datetime" else one
                return self.call(*TRUNCATED[kind])(one, output_field=FIELDS[kind]())
            case "duration":
                dates = [self.path(model, 1, "datetime", single=True) for _ in range(2)]
                if all(date.kind == "datetime" for date in dates):
                    return models.ExpressionWrapper(
                        F(dates[0].name) - F(dates[1].name), output_field=models.DurationField()
                    )
        return one

    def _tested(self, model: Model) -> Any:
        self.conditions.truth_is_shown = True
        condition = self.conditions.condition(model, 1, single=True)
        self.conditions.truth_is_shown = False
        return models.ExpressionWrapper(condition, output_field=models.BooleanField())

    def _number(self, model: Model, one: Any, other: Any) -> Any:
        forms = [one + other, one - other, one * Value(3), one / Value(2), one % Value(3), -one, f.Abs(one)]
        forms += [one.bitand(5), one.bitor(8), f.Sign(one)]
        text = self.path(model, 1, "text", single=True)
        if text.kind == "text":
            forms += [f.Length(text.name), f.StrIndex(text.name, Value("a"))]
        kind = self.random.choice(list(EXTRACTED))
        dated = self.path(model, 1, kind, single=True)
        if dated.kind == kind:
            forms += [self.call(*EXTRACTED[kind])(dated.name)] * 3
        return self.random.choice(forms)

    def related(self, model: Model) -> tuple[models.QuerySet[Any, Any], str]:
        """Rows of another model that share a value with the outer row; the field that holds it."""
        inner, name, outer = self.conditions.link(model)
        queryset = inner._base_manager.filter(**{name: OuterRef(outer)})
        if self.often(0.3):
            queryset = queryset.filter(self.conditions.lookup(inner, depth=0, true=False))
        return queryset, name

    def subquery(self, model: Model, kind: str) -> Any:
        """A value of the first related row, or an aggregate of all of them."""
        self.conditions.used["Subquery"] += 1
        queryset, name = self.related(model)
        inner = queryset.model
        if kind == "int" and self.often(0.4):
            counted = queryset.order_by().values(name).annotate(n=self.call(Count)("pk")).values("n")
            return Subquery(counted, output_field=models.IntegerField())
        path = self.path(inner, 1, kind, single=True)
        if path.kind != kind:
            return self.constant(kind)
        if self.often(0.3):
            extreme = self.call(Min, Max)(path.name)
            return Subquery(
                queryset.order_by().values(name).annotate(n=extreme).values("n"), output_field=FIELDS[kind]()
            )
        first = self.path(inner, 0, self.one(*COMPARED), single=True)
        order = [self.random.choice(("", "-")) + first.name, "pk"]
        return Subquery(queryset.order_by(*order).values(path.name)[:1], output_field=FIELDS[kind]())

    def key_of_document(self, model: Model) -> Any:
        """What stands under a key of a JSON document; None if there is none near, or if a null of JSON may be met."""
        path = self.path(model, 1, "json", single=True)
        if path.kind != "json" or self.conditions.data.json_nulls:
            return None
        key = self.one("n", "s", "o__n", "l__0", "l", "o", "t")
        return KT(f"{path.name}__{key}") if key == "s" and self.often(0.6) else F(f"{path.name}__{key}")

    # --- aggregates ------------------------------------------------------------------------------------------------

    def aggregate(self, model: Model, single: bool = False) -> Any:
        """An aggregate over a path, to many rows or one; to one only if ``single``."""
        options: dict[str, Any] = {}
        if self.often(0.25):
            options["filter"] = self.conditions.condition(model, 1, single=single)
        function = self.call(Count, Count, Count, Sum, Sum, Avg, Min, Max, StdDev, Variance)
        if function is Count:
            return Count(self.path(model, single=single).name, distinct=self.often(0.35), **options)
        if function in (Min, Max):
            path = self._ordered_path(model, single)
            return function(path.name, **options)
        kind = self.random.choice(("int", "int", "float", "dec"))
        path = self.path(model, 2, kind, single)
        if path.kind not in ("int", "float", "dec"):
            return Count(path.name, **options)
        if function in (Sum, Avg):
            options["distinct"] = self.often(0.2)
        if self.often(0.12):
            options["default"] = 0
        if path.kind == "int" and self.often(0.2):
            return function(F(path.name) * Value(2) + Value(1), **options)
        return function(path.name, **options)

    def _ordered_path(self, model: Model, single: bool) -> Path:
        for _ in range(10):
            path = self.path(model, single=single)
            if path.kind in COMPARED:
                return path
        return self.path(model, 0, "int")

    # --- windows ---------------------------------------------------------------------------------------------------

    def window(self, model: Model) -> Any:
        """A window function. Where its value depends on the order of rows, the order is a total one."""
        number, total = self.path(model, 1, "int", single=True), True
        if number.kind != "int":
            number = Path("pk", "int")
        function: Any = self.call(
            *(f.RowNumber, f.RowNumber, f.Rank, f.Rank, f.DenseRank, f.Lag, f.Lead, f.FirstValue, f.LastValue),
            *(f.NthValue, f.Ntile, f.CumeDist, f.PercentRank, Sum, Count, Min, Max, Avg),
        )
        options: dict[str, Any] = {}
        if function in (f.Lag, f.Lead):
            call = function(number.name, self.random.choice((1, 2)))
        elif function is f.NthValue:
            call = function(number.name, 2)
        elif function is f.Ntile:
            call = function(self.random.choice((1, 2, 3)))
        elif function in (f.FirstValue, f.LastValue, Sum, Count, Min, Max, Avg):
            call = function(number.name)
            if function in (Sum, Avg) and number.name == "pk":  # of any kind
                call = Count("pk")
            options["frame"] = self._frame() if self.often(0.5) else None
        else:
            call, total = function(), function is f.RowNumber
        order = [self._window_order(model)] if self.often(0.8) else []
        options["order_by"] = [*order, "pk"] if total or not order else order
        if self.often(0.75):
            options["partition_by"] = [
                F(self.path(model, 1, single=True).name) for _ in range(self.random.choice((1, 1, 2)))
            ]
        return Window(call, **options)

    def _window_order(self, model: Model) -> Any:
        path = self._ordered_path_of_row(model)
        return self.random.choice((F(path.name).asc(), F(path.name).desc(), F(path.name).desc(nulls_last=True)))

    def _ordered_path_of_row(self, model: Model) -> Path:
        for _ in range(10):
            path = self.path(model, 1, single=True)
            if path.kind in COMPARED:
                return path
        return Path("pk", "int")

    def _frame(self) -> Any:
        if self.often(0.3):
            return self.call(ValueRange)(start=self.random.choice((None, 0)), end=self.random.choice((None, 0)))
        start = self.random.choice((None, -2, -1, 0, 1))
        ends = [end for end in (None, 0, 1, 2, -1) if end is None or start is None or end >= start]
        return self.call(RowRange)(start=start, end=self.random.choice(ends))
