"""Window functions → columns of Window nodes, which stand between the groups of a SELECT and its result.

``rank() OVER (PARTITION BY a ORDER BY b)`` is the column ``rank`` of ``Window(…, partition=(a,), order=(b,))``. The
scope's ``Windowing`` collects the calls while the SELECT list and ORDER BY are bound; ``windowed`` makes the nodes.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from ..record import record, replace
from ..values import BIGINT, TIMESTAMP, Kind, SqlType
from .bind_context import Context, name_of
from .bind_functions import Bind, aggregate_call, arguments_of, checked, result_of
from .coerce import Misfit, convert, settle, unify
from .documents import comparable, sortable
from .expr import Column, Constant, Expr, FrameBound, SortKey, WindowCall, WindowFrame, type_of
from .expr import walk as parts_of
from .functions import AGGREGATES, ORDERED_SETS
from .functions.window import WINDOW_FUNCTIONS
from .plan import Node, Window
from .rewrite import Replacement, rewrite
from .scope import Grouping, WindowDefinition, Windowing

WINDOW_CALLS: dict[type[exp.Expression], tuple[str, tuple[str, ...]]] = {
    exp.CumeDist: ("CUME_DIST", ()),
    exp.DenseRank: ("DENSE_RANK", ()),
    exp.FirstValue: ("FIRST_VALUE", ("this",)),
    exp.Lag: ("LAG", ("this", "offset", "default")),
    exp.LastValue: ("LAST_VALUE", ("this",)),
    exp.Lead: ("LEAD", ("this", "offset", "default")),
    exp.NthValue: ("NTH_VALUE", ("this", "offset")),
    exp.Ntile: ("NTILE", ("this",)),
    exp.PercentRank: ("PERCENT_RANK", ()),
    exp.Rank: ("RANK", ()),
    exp.RowNumber: ("ROW_NUMBER", ()),
}
"""The parser's class of a window function → its name, and its arguments in their order."""

_CLAUSES = ("SELECT", "ORDER BY", "DISTINCT ON")
_EXCLUSIONS = {"no others": "", "current row": "current row", "group": "group", "ties": "ties"}
_OF_A_WINDOW = "a window"


def bind_window(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``function(…) [FILTER (…)] OVER …``: the column that will hold its value."""
    scope = here.scope
    windowing = scope.windowing
    if windowing is None or scope.clause not in _CLAUSES:
        where = "inside another" if scope.clause == _OF_A_WINDOW else f"in {scope.clause or 'this place'}"
        raise Misfit(f"window functions are not allowed {where}")
    with here.clause(_OF_A_WINDOW, scope.grouping):
        definition = _definition(node, here, bind)
        call = _call(node.this, definition.frame or WindowFrame(), here, bind)
    partitioning = (definition.partition, definition.order)
    if _uses(windowing, (*call.args, *definition.partition, *(key.expr for key in definition.order))):
        raise Misfit("window functions are not allowed inside another")
    return windowing.column(partitioning, call)


def _uses(windowing: Windowing, exprs: tuple[Expr, ...]) -> bool:
    return any(uses_window(windowing, expr) for expr in exprs)


def uses_window(windowing: Windowing, expr: Expr) -> bool:
    """Whether the expression holds the value of a window function."""
    aliases = set(windowing.aliases.values())
    return any(isinstance(part, Column) and part.alias in aliases for part in parts_of(expr))


def needs_over(node: exp.Expression, here: Context) -> Expr:
    """A window function without OVER: there is no such thing."""
    raise Misfit(f"window function {WINDOW_CALLS[type(node)][0]} requires an OVER clause")


# --- the WINDOW clause ---------------------------------------------------------------------------------------------


def name_windows(nodes: list[exp.Expression], here: Context, grouping: Grouping, bind: Bind) -> None:
    """Make the definitions of a WINDOW clause known; aggregates in them are those of the SELECT."""
    windowing = here.scope.windowing
    assert windowing is not None
    with here.clause(_OF_A_WINDOW, grouping):
        for node in nodes:
            here.consume(node)
            name = name_of(node.this).text
            if name in windowing.named:
                raise here.wrong(node, f'window "{name}" is already defined')
            with here.placed(node):
                windowing.named[name] = _definition(node, here, bind)


def _definition(node: exp.Expression, here: Context, bind: Bind) -> WindowDefinition:
    partition = tuple(comparable(settle(bind(each, here), here.params)) for each in node.args.get("partition_by") or ())
    order = node.args.get("order")
    keys: tuple[SortKey, ...] = ()
    if order is not None:
        here.consume(order)
        keys = tuple(_sort_key(each, here, bind) for each in order.expressions)
    keys = tuple(key for key in keys if not isinstance(key.expr, Constant))
    definition = WindowDefinition(tuple(dict.fromkeys(partition)), keys)
    base = node.args.get("alias")
    spec = node.args.get("spec")
    if base is not None:
        definition = _extended(base, definition, here)
        if spec is not None and definition.frame is not None:
            raise Misfit(f'the frame of window "{base.name}" cannot be replaced')
    if spec is None:
        return definition
    here.consume(spec)
    return _framed(spec, definition, here, bind)


def _sort_key(node: exp.Expression, here: Context, bind: Bind) -> SortKey:
    here.consume(node)
    key = settle(bind(node.this, here), here.params)
    return sortable(SortKey(key, bool(node.args.get("desc")), bool(node.args.get("nulls_first"))))


def _extended(base: exp.Expression, definition: WindowDefinition, here: Context) -> WindowDefinition:
    """The named window with what is added to it: an order, where it has none."""
    assert here.scope.windowing is not None
    named = here.scope.windowing.named
    found = name_of(base).choose(named)
    if found is None:
        raise Misfit(f'window "{base.name}" does not exist')
    if definition.partition:
        raise Misfit(f'the PARTITION BY of window "{found}" cannot be replaced')
    if definition.order and named[found].order:
        raise Misfit(f'the ORDER BY of window "{found}" cannot be replaced')
    return replace(named[found], order=named[found].order or definition.order)


# --- frames --------------------------------------------------------------------------------------------------------


def _framed(spec: exp.Expression, definition: WindowDefinition, here: Context, bind: Bind) -> WindowDefinition:
    unit = str(spec.args.get("kind")).lower()
    exclude = spec.args.get("exclude")
    excluded = "" if exclude is None else _EXCLUSIONS[exclude.name.lower()]
    start = _bound(spec, "start", unit, here, bind)
    end = _bound(spec, "end", unit, here, bind) if spec.args.get("end") is not None else FrameBound(0)
    _check_bounds(start, end)
    if unit == "groups" and not definition.order:
        raise Misfit("a frame of GROUPS needs an ORDER BY in its window")
    if unit == "range" and (start.distance is not None or end.distance is not None):
        if len(definition.order) != 1:
            raise Misfit("a frame of RANGE with an offset needs an ORDER BY of one key in its window")
        key, (start, end) = _by_distance(definition.order[0], (start, end), here)
        definition = replace(definition, order=(key,))
    frame: Any = WindowFrame(unit, start, end, excluded)  # type: ignore[arg-type]
    return replace(definition, frame=frame)


def _bound(spec: exp.Expression, name: str, unit: str, here: Context, bind: Bind) -> FrameBound:
    value, side = spec.args.get(name), str(spec.args.get(f"{name}_side") or "").lower()
    if isinstance(value, str) and value.upper() == "CURRENT ROW":
        return FrameBound(0)
    direction: Any = -1 if side == "preceding" else 1
    if isinstance(value, str):
        return FrameBound(direction)
    assert isinstance(value, exp.Expression)
    with here.placed(value):
        distance = settle(bind(value, here), here.params)
        if unit != "range":
            if not type_of(distance).is_integer and type_of(distance).kind is not Kind.UNKNOWN:
                raise Misfit(f"the offset of {unit.upper()} must be an integer, not {type_of(distance)}")
            distance = convert(distance, BIGINT)
        if any(isinstance(part, Column) for part in parts_of(distance)):
            raise Misfit("the offset of a window frame must not contain columns")
    return FrameBound(direction, distance)


def _check_bounds(start: FrameBound, end: FrameBound) -> None:
    if start == FrameBound(1):
        raise Misfit("a frame cannot start with UNBOUNDED FOLLOWING")
    if end == FrameBound(-1):
        raise Misfit("a frame cannot end with UNBOUNDED PRECEDING")
    if start.direction > end.direction:
        words = {-1: "preceding rows", 0: "the current row", 1: "following rows"}
        raise Misfit(f"a frame starting from {words[start.direction]} cannot end with {words[end.direction]}")


def _by_distance(
    key: SortKey, bounds: tuple[FrameBound, FrameBound], here: Context
) -> tuple[SortKey, tuple[FrameBound, FrameBound]]:
    """The sort key and distances of types that can be added and compared."""
    type_ = type_of(key.expr)
    found = []
    for bound in bounds:
        distance = bound.distance
        if distance is not None:
            wanted = _distance_type(type_, type_of(distance))
            if wanted is None:
                raise Misfit(f"RANGE with an offset of type {type_of(distance)} is not supported for a key of {type_}")
            distance = convert(distance, wanted)
        found.append(replace(bound, distance=distance))
    if type_.kind is Kind.DATE:
        key = replace(key, expr=convert(key.expr, TIMESTAMP))
    return key, (found[0], found[1])


def _distance_type(key: SqlType, distance: SqlType) -> SqlType | None:
    """What a distance of that type becomes beside such a key; None if it cannot be added to it."""
    if key.is_numeric and distance.is_numeric:
        exact = key.is_integer or (key.kind is Kind.DECIMAL and distance.kind is not Kind.DOUBLE)
        return distance if exact else SqlType(key.kind)
    if key.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.INTERVAL) and distance.kind is Kind.INTERVAL:
        return distance
    return None


# --- calls ---------------------------------------------------------------------------------------------------------


def _call(node: exp.Expression, frame: WindowFrame, here: Context, bind: Bind) -> WindowCall:
    where: exp.Expression | None = None
    if isinstance(node, exp.Filter):
        here.consume(node)
        here.consume(node.expression)
        node, where = node.this, node.expression.this
    here.consume(node)
    name, nodes = arguments_of(node, WINDOW_CALLS)
    if name in WINDOW_FUNCTIONS:
        if where is not None:
            raise Misfit(f"FILTER belongs to aggregates; {name} is none")
        return _own_call(name, [bind(each, here) for each in nodes], frame, here)
    if name not in AGGREGATES:
        raise Misfit(f"OVER belongs to window functions and aggregates; {name} is neither")
    made = aggregate_call(name, nodes, where, here, bind)
    if made.distinct or made.order_by:
        sorted_by = "WITHIN GROUP" if name in ORDERED_SETS else "ORDER BY inside the parentheses"
        what = "DISTINCT" if made.distinct else sorted_by
        raise here.unsupported(node, f"{what} is not supported for window functions")
    return WindowCall(made.function, made.args, made.type, frame, made.filter, made.nullable)


def _own_call(name: str, args: list[Expr], frame: WindowFrame, here: Context) -> WindowCall:
    function = WINDOW_FUNCTIONS[name]
    bound = list(checked(name, args, function.params, function.least, function.most, here.params))
    if len(bound) == 3:  # LAG and LEAD with what stands for a row that is not there
        (bound[0], bound[2]), _ = unify([bound[0], bound[2]], here.params, name)
    type_ = result_of(function.result, tuple(bound))
    return WindowCall(name, tuple(bound), type_, frame if function.framed else None, None, function.nullable)


# --- nodes ---------------------------------------------------------------------------------------------------------


@record
class Layer:
    """A Window node to be, without its source."""

    alias: str
    partition: tuple[Expr, ...]
    order: tuple[SortKey, ...]
    calls: tuple[tuple[str, WindowCall], ...]

    def regrouped(self, replacement: Replacement) -> Layer:
        """The same over groups; ``replacement`` puts expressions over rows in their terms."""
        return Layer(
            self.alias,
            tuple(rewrite(each, replacement) for each in self.partition),
            tuple(rewrite(key, replacement) for key in self.order),
            tuple((name, rewrite(call, replacement)) for name, call in self.calls),
        )

    def over(self, plan: Node) -> Window:
        """The node."""
        return Window(plan, self.alias, self.partition, self.order, self.calls)


def layers(windowing: Windowing) -> list[Layer]:
    """A node for each way in which the windows sort the rows."""
    return [
        Layer(
            alias,
            partition,
            order,
            tuple((column.name, call) for (_, call), column in windowing.calls.items() if column.alias == alias),
        )
        for (partition, order), alias in windowing.aliases.items()
    ]
