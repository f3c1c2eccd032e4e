"""Calls of functions and aggregates → ``Call``, ``AggregateCall``.

sqlglot makes classes of its own of the functions it knows, under the names that it likes: ``CALLS`` turns these back to
names of ``sql.functions``. What it does not know arrives as Anonymous and is looked up by the name that was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlglot import exp

from ..errors import DataError
from ..record import replace
from ..values import DATE, JSON, TEXT, TIMESTAMP, Kind, SqlType
from . import instead
from .bind_args import written_name
from .bind_context import Context, name_of
from .bind_json import JSON_AGGREGATES, JSON_BINDERS, JSON_BUILDERS, JSON_NAMES, documents_of
from .coerce import Misfit, Params, cast, condition, convert, is_open, matched, settle, unify
from .documents import as_number, canonical, comparable, embedded, is_document, sortable
from .expr import (
    AggregateCall,
    Call,
    Case,
    Cast,
    Column,
    Compare,
    Constant,
    Exists,
    Expr,
    InPlan,
    IsNull,
    Param,
    SortKey,
    Subquery,
    is_nullable,
    type_of,
)
from .expr import walk as parts_of
from .functions import AGGREGATES, FUNCTIONS, ORDERED_SETS
from .plan import walk
from .scope import Scope
from .show import expressions

Bind = Callable[[exp.Expression, Context], Expr]

CALLS: dict[type[exp.Expression], tuple[str, tuple[str, ...]]] = {
    # text
    exp.Ascii: ("ASCII", ("this",)),
    exp.BitLength: ("BIT_LENGTH", ("this",)),
    exp.Chr: ("CHR", ("expressions",)),
    exp.Concat: ("CONCAT", ("expressions",)),
    exp.ConcatWs: ("CONCAT_WS", ("expressions",)),
    exp.Decode: ("DECODE", ("this", "charset")),
    exp.Encode: ("ENCODE", ("this", "charset")),
    exp.Initcap: ("INITCAP", ("this",)),
    exp.Left: ("LEFT", ("this", "expression")),
    exp.Length: ("LENGTH", ("this",)),
    exp.Lower: ("LOWER", ("this",)),
    exp.MD5: ("MD5", ("this",)),
    exp.RegexpSubstr: ("REGEXP_SUBSTR", ("this", "expression")),
    exp.Repeat: ("REPEAT", ("this", "times")),
    exp.Replace: ("REPLACE", ("this", "expression", "replacement")),
    exp.Reverse: ("REVERSE", ("this",)),
    exp.Right: ("RIGHT", ("this", "expression")),
    exp.SHA: ("SHA1", ("this",)),
    exp.SplitPart: ("SPLIT_PART", ("this", "delimiter", "part_index")),
    exp.StartsWith: ("STARTS_WITH", ("this", "expression")),
    exp.StrPosition: ("STRPOS", ("this", "substr")),
    exp.Substring: ("SUBSTRING", ("this", "start", "length")),
    exp.Translate: ("TRANSLATE", ("this", "from_", "to")),
    exp.Unicode: ("ASCII", ("this",)),
    exp.Upper: ("UPPER", ("this",)),
    # numbers
    exp.Abs: ("ABS", ("this",)),
    exp.Acos: ("ACOS", ("this",)),
    exp.Asin: ("ASIN", ("this",)),
    exp.Atan: ("ATAN", ("this",)),
    exp.Atan2: ("ATAN2", ("this", "expression")),
    exp.Cbrt: ("CBRT", ("this",)),
    exp.Ceil: ("CEIL", ("this",)),
    exp.Cos: ("COS", ("this",)),
    exp.Cot: ("COT", ("this",)),
    exp.Degrees: ("DEGREES", ("this",)),
    exp.Exp: ("EXP", ("this",)),
    exp.Factorial: ("FACTORIAL", ("this",)),
    exp.Floor: ("FLOOR", ("this",)),
    exp.Ln: ("LN", ("this",)),
    exp.Log: ("LOG", ("this", "expression")),
    exp.Pi: ("PI", ()),
    exp.Pow: ("POWER", ("this", "expression")),
    exp.Radians: ("RADIANS", ("this",)),
    exp.Rand: ("RANDOM", ()),
    exp.Round: ("ROUND", ("this", "decimals")),
    exp.Sign: ("SIGN", ("this",)),
    exp.Sin: ("SIN", ("this",)),
    exp.Sqrt: ("SQRT", ("this",)),
    exp.Tan: ("TAN", ("this",)),
    exp.Trunc: ("TRUNC", ("this", "decimals")),
    # dates and times
    exp.CurrentDate: ("CURRENT_DATE", ()),
    exp.CurrentTime: ("CURRENT_TIME", ()),
    exp.CurrentTimestamp: ("CURRENT_TIMESTAMP", ()),
    exp.Localtimestamp: ("LOCALTIMESTAMP", ()),
    exp.TimeFromParts: ("MAKE_TIME", ("hour", "min", "sec")),
    exp.TimestampFromParts: ("MAKE_TIMESTAMP", ("year", "month", "day", "hour", "min", "sec")),
    exp.UnixToTime: ("TO_TIMESTAMP", ("this",)),
    # the rest
    exp.Uuid: ("GEN_RANDOM_UUID", ()),
    # aggregates
    exp.AnyValue: ("ANY_VALUE", ("this",)),
    exp.Avg: ("AVG", ("this",)),
    exp.BitwiseAndAgg: ("BIT_AND", ("this",)),
    exp.BitwiseOrAgg: ("BIT_OR", ("this",)),
    exp.BitwiseXorAgg: ("BIT_XOR", ("this",)),
    exp.Count: ("COUNT", ("this",)),
    exp.GroupConcat: ("STRING_AGG", ("this", "separator")),
    exp.JSONArrayAgg: ("JSON_AGG", ("this",)),
    exp.JSONBObjectAgg: ("JSON_OBJECT_AGG", ("this", "expression")),
    exp.JSONObjectAgg: ("JSON_OBJECT_AGG", ("expressions",)),
    exp.LogicalAnd: ("BOOL_AND", ("this",)),
    exp.LogicalOr: ("BOOL_OR", ("this",)),
    exp.Max: ("MAX", ("this",)),
    exp.Min: ("MIN", ("this",)),
    exp.Mode: ("MODE", ("this",)),
    exp.PercentileCont: ("PERCENTILE_CONT", ("this", "expression")),
    exp.PercentileDisc: ("PERCENTILE_DISC", ("this", "expression")),
    exp.Stddev: ("STDDEV_SAMP", ("this",)),
    exp.StddevPop: ("STDDEV_POP", ("this",)),
    exp.StddevSamp: ("STDDEV_SAMP", ("this",)),
    exp.Sum: ("SUM", ("this",)),
    exp.Variance: ("VAR_SAMP", ("this",)),
    exp.VariancePop: ("VAR_POP", ("this",)),
}
"""The parser's class of a function → its name in the tables of ``sql.functions``, and its arguments in their order."""


def bind_call(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """A function or an aggregate that the parser knows by a class."""
    name, keys = CALLS[type(node)]
    nodes = list(_nodes(node.args.get(key) for key in keys))
    if name in AGGREGATES:
        return _aggregate(name, nodes, None, here, bind)
    return call(name, [bind(each, here) for each in nodes], here.params)


def arguments_of(
    node: exp.Expression, calls: dict[type[exp.Expression], tuple[str, tuple[str, ...]]]
) -> tuple[str, list[exp.Expression]]:
    """The name of the function that is called, and its arguments, unbound; ``calls`` adds to ``CALLS``.

    That of an aggregate with WITHIN GROUP is the node itself.
    """
    if isinstance(node, exp.WithinGroup):
        return CALLS.get(type(node.this), ("",))[0], [node]
    entry = calls.get(type(node)) or CALLS.get(type(node))
    if entry is None:
        return str(node.this).upper(), node.expressions
    name, keys = entry
    return name, list(_nodes(node.args.get(key) for key in keys))


def call(name: str, args: list[Expr], params: Params) -> Call:
    """The scalar function ``name`` of bound arguments, which convert to its parameters; Misfit if they do not."""
    function = FUNCTIONS[name]
    converted = checked(name, args, function.params, function.least, function.most, params)
    return Call(
        name,
        converted,
        result_of(function.result, converted),
        function.nullable or any(map(is_nullable, converted)),
    )


def is_stable(expr: Expr) -> bool:
    """Whether the expression gives the same value each time it is computed for a row."""
    return all(FUNCTIONS[part.function].stable for part in parts_of(expr) if isinstance(part, Call))


def checked(
    name: str,
    args: list[Expr],
    types: tuple[SqlType | None, ...],
    least: int,
    most: int | None,
    params: Params,
) -> tuple[Expr, ...]:
    """The arguments, converted to the types of the function's parameters; Misfit if they do not fit."""
    if len(args) < least or (most is not None and len(args) > most):
        wanted = str(least) if least == most else f"{least} to {most}" if most is not None else f"{least} or more"
        raise Misfit(f"{name} takes {wanted} argument(s), not {len(args)}")
    wanted_types = [types[min(at, len(types) - 1)] if types else None for at in range(len(args))]
    return tuple(
        settle(arg, params) if type_ is None else convert(arg, type_)
        for arg, type_ in zip(args, wanted_types, strict=True)
    )


def result_of(rule: SqlType | Callable[[tuple[SqlType, ...]], SqlType], args: tuple[Expr, ...]) -> SqlType:
    """The type of a function's result for these arguments; Misfit if it has none."""
    if isinstance(rule, SqlType):
        return rule
    try:
        return rule(tuple(type_of(arg) for arg in args))
    except DataError as error:
        raise Misfit(str(error)) from error


def _nodes(values: Iterable[object]) -> Iterable[exp.Expression]:
    for value in values:
        if isinstance(value, list):
            yield from value
        elif isinstance(value, exp.Expression):
            yield value


# --- functions that need a hand ------------------------------------------------------------------------------------


def _anonymous(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    name = str(node.this).upper()
    name = JSON_NAMES.get(name, name)
    if name in AGGREGATES:
        return _aggregate(name, node.expressions, None, here, bind)
    if name not in FUNCTIONS:
        raise here.wrong(node, f"function {name} does not exist{instead.for_function(name)}")
    args = [bind(each, here) for each in node.expressions]
    if name in JSON_BUILDERS:
        args = documents_of(name, [settle(arg, here.params) for arg in args])
    return call(name, args, here.params)


def _coalesce(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    args = [bind(each, here) for each in (node.this, *node.expressions)]
    bound, type_ = unify(args, here.params, "COALESCE")
    if len(bound) == 1:
        return bound[0]
    if all(map(_is_cheap, bound[:-1])):
        return Case(tuple((IsNull(arg, negated=True), arg) for arg in bound[:-1]), bound[-1], type_)
    bound, type_ = unify([settle(arg, here.params) for arg in bound], here.params, "COALESCE")
    return Call("COALESCE", tuple(bound), type_ if not is_open(bound[0]) else TEXT, all(map(is_nullable, bound)))


def _is_cheap(expr: Expr) -> bool:
    """Whether to compute it twice costs less than a call."""
    return all(isinstance(part, Column | Param | Constant | Cast) for part in parts_of(expr))


def _nullif(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    left, right = matched(bind(node.this, here), bind(node.expression, here), "=", here.params)
    if is_document(left):
        return Case(((Compare("=", comparable(left), comparable(right)), Constant(None, JSON)),), left, JSON)
    return Call("NULLIF", (left, right), type_of(left))


def _extreme(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    name = "GREATEST" if isinstance(node, exp.Greatest) else "LEAST"
    args = [settle(bind(each, here), here.params) for each in (node.this, *node.expressions)]
    bound, type_ = unify(args, here.params, name)
    if type_.kind is Kind.JSON:
        name = f"JSON_{name}"
    return Call(name, tuple(bound), type_, all(map(is_nullable, bound)))


def _trim(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position") or "").upper(), "TRIM")
    return call(name, _bound(node, ("this", "expression"), here, bind), here.params)


def _pad(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    name = "LPAD" if node.args.get("is_left") else "RPAD"
    return call(name, _bound(node, ("this", "expression", "fill_pattern"), here, bind), here.params)


def _sha2(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    length = node.args.get("length")
    name = f"SHA{length.name if length is not None else 256}"
    if name not in FUNCTIONS:
        raise here.wrong(node, f"function {name} does not exist")
    return call(name, [bind(node.this, here)], here.params)


def _hex(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """TO_HEX of a number. HEX, which the parser takes for the same, has more than one meaning."""
    if written_name(here.statement.text, node) == "HEX":
        raise here.unsupported(node, "HEX is not supported (write TO_HEX of a number, or UPPER(ENCODE(…, 'hex')))")
    return call("TO_HEX", [bind(node.this, here)], here.params)


def _regexp_replace(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    args = _bound(node, ("this", "expression", "replacement", "modifiers"), here, bind)
    return call("REGEXP_REPLACE", args, here.params)


def _date(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    if isinstance(node.this, exp.Literal) and node.this.name.lower() == "now":
        raise here.unsupported(node, "DATE of 'now' is not supported (write CURRENT_DATE)")
    return cast(bind(node.this, here), DATE)


def _extract(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    part = _part(node.this, here, bind)
    return call("EXTRACT", [part, _moment("EXTRACT", node.expression, here, bind, _HAVE_PARTS)], here.params)


def _truncate(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    part = _part(node.args["unit"], here, bind)
    moment = _moment("DATE_TRUNC", node.this, here, bind, (Kind.DATE, Kind.TIMESTAMP))
    return call("DATE_TRUNC", [part, moment, *_bound(node, ("zone",), here, bind)], here.params)


_HAVE_PARTS = (Kind.DATE, Kind.TIMESTAMP, Kind.TIME, Kind.INTERVAL)


def _moment(name: str, node: exp.Expression, here: Context, bind: Bind, kinds: tuple[Kind, ...]) -> Expr:
    """The argument of which a part is meant; a text says a timestamp, as it does beside one."""
    expr = settle(bind(node, here), here.params)
    match type_of(expr).kind:
        case Kind.TEXT | Kind.JSON:
            return cast(expr, TIMESTAMP)
        case kind if kind is Kind.UNKNOWN or kind in kinds:
            return expr
    raise Misfit(f"{name} takes {' or '.join(kinds)}, and no value of type {type_of(expr)}")


def _part(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``year`` of EXTRACT(year FROM …), written as a word, a literal or any expression."""
    return Constant(node.name.lower(), TEXT) if isinstance(node, exp.Var | exp.Literal) else bind(node, here)


def _at_time_zone(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    return call("TIMEZONE", [bind(node.args["zone"], here), bind(node.this, here)], here.params)


def _bound(node: exp.Expression, keys: tuple[str, ...], here: Context, bind: Bind) -> list[Expr]:
    return [bind(each, here) for each in _nodes(node.args.get(key) for key in keys)]


# --- aggregates ----------------------------------------------------------------------------------------------------


def _filtered(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``aggregate(…) FILTER (WHERE condition)``."""
    inner, where = node.this, node.expression
    here.consume(inner)
    here.consume(where)
    name, nodes = arguments_of(inner, CALLS)
    if name not in AGGREGATES:
        raise here.wrong(node, f"FILTER belongs to aggregates; {name} is none")
    return _aggregate(name, nodes, where.this, here, bind)


def _of_sorted(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``aggregate(…) WITHIN GROUP (ORDER BY key)``."""
    return _aggregate(*arguments_of(node, CALLS), None, here, bind)


def _aggregate(
    name: str, nodes: list[exp.Expression], filter_: exp.Expression | None, here: Context, bind: Bind
) -> Expr:
    grouping, clause = here.scope.grouping, here.scope.clause
    with here.clause("the arguments of an aggregate"):
        made = aggregate_call(name, nodes, filter_, here, bind)
    owner = _owner(made, here.scope)
    if owner is not here.scope:
        grouping, clause = owner.grouping, owner.clause
    if grouping is None:
        raise Misfit(f"aggregate functions are not allowed in {clause or 'this place'}")
    return grouping.column(made)


def aggregate_call(
    name: str, nodes: list[exp.Expression], filter_: exp.Expression | None, here: Context, bind: Bind
) -> AggregateCall:
    """The aggregate ``name`` of ``nodes``, with the condition of its FILTER."""
    args, distinct, order_by = _aggregated(name, nodes, here, bind)
    condition_ = None if filter_ is None else condition(bind(filter_, here), "FILTER")
    if args and (is_document(args[0]) or name in JSON_AGGREGATES):
        name, args = _of_documents(name, args, distinct)
    function = AGGREGATES[name]
    if args or name != "COUNT":
        least = 1 if name == "COUNT" else function.least
        bound = checked(name, args, function.params, least, function.most, here.params)
    else:
        bound = ()
    type_ = result_of(function.result, bound)
    call = AggregateCall(name, bound, type_, distinct, condition_, order_by, function.nullable)
    return call if condition_ is None else _filtered_first(call, condition_)


def _filtered_first(call: AggregateCall, where: Expr) -> AggregateCall:
    """The call with its filter around all that it computes, which may fail for the rows that are left out.

    An argument whose NULLs are skipped then needs no other filter.
    """

    def guarded(expr: Expr) -> Expr:
        if isinstance(expr, Column | Param | Constant):
            return expr
        return Case(((where, expr),), None, type_of(expr))

    args = tuple(map(guarded, call.args))
    order_by = tuple(replace(key, expr=guarded(key.expr)) for key in call.order_by)
    moved = args[:1] != call.args[:1] and AGGREGATES[call.function].skip_nulls
    return replace(call, args=args, order_by=order_by, filter=None if moved else where)


def _of_documents(name: str, args: list[Expr], distinct: bool) -> tuple[str, list[Expr]]:
    """The aggregate of that name over documents, or into one: its own name, and what it takes."""
    if name in JSON_AGGREGATES:
        args = [*args[:-1], embedded(args[-1])]
    elif name in ("MAX", "MIN"):
        name = f"JSON_{name}"
    elif AGGREGATES[name].params[0] is None and name not in _OF_ANY:
        args = [as_number(args[0]), *args[1:]]
    return name, [canonical(arg) for arg in args] if distinct or name == "MODE" else args


_OF_ANY = ("ANY_VALUE", "COUNT", "STRING_AGG", "MODE", "PERCENTILE_DISC")
"""Aggregates that take documents as they are."""


def _aggregated(
    name: str, nodes: list[exp.Expression], here: Context, bind: Bind
) -> tuple[list[Expr], bool, tuple[SortKey, ...]]:
    """The arguments, whether they are DISTINCT, and the ORDER BY inside the parentheses."""
    if nodes and isinstance(nodes[0], exp.WithinGroup):
        return _sorted_arguments(name, nodes[0], here, bind)
    if name in ORDERED_SETS:
        raise Misfit(f"{name} takes its values from WITHIN GROUP (ORDER BY …), which is missing")
    if not nodes:
        raise Misfit(f"{name} takes an argument")
    first, *others = nodes
    order_by: tuple[SortKey, ...] = ()
    ordered = next((each for each in nodes if isinstance(each, exp.Order)), None)
    if ordered is not None:  # sqlglot hangs it on the argument before it
        here.consume(ordered)
        order_by = tuple(sortable(_sort_key(each, here, bind)) for each in ordered.expressions)
        first, *others = [each.this if each is ordered else each for each in nodes]
    distinct = isinstance(first, exp.Distinct)
    if first is None or (distinct and not first.expressions):
        raise Misfit(f"{name} takes an argument")
    if distinct:
        here.consume(first)
        if first.args.get("on") is not None:
            raise here.unsupported(first, "DISTINCT ON inside an aggregate is not supported")
        first, *more = first.expressions
        others = [*more, *others]
    if isinstance(first, exp.Star):
        here.consume(first)
        if name != "COUNT" or others or distinct:
            raise Misfit(f"{name}(*) does not exist")
        return [], distinct, order_by
    if name == "STRING_AGG":
        others = [_separator(each, here) for each in others]
    return [bind(each, here) for each in (first, *others)], distinct, order_by


def _separator(node: exp.Expression, here: Context) -> exp.Expression:
    """The node; or, where no column is called so, the text that ``","`` is in SQLite and MySQL."""
    name = node.this
    if type(node) is not exp.Column or len(node.args) > 1 or not isinstance(name, exp.Identifier) or not name.quoted:
        return node
    return node if here.scope.has(name_of(name)) else exp.Literal.string(name.this)


def _sorted_arguments(
    name: str, node: exp.WithinGroup, here: Context, bind: Bind
) -> tuple[list[Expr], bool, tuple[SortKey, ...]]:
    """As ``_aggregated``: what WITHIN GROUP sorts by is the first argument, those in the parentheses come after it."""
    if name not in ORDERED_SETS:
        raise here.unsupported(node, f"WITHIN GROUP belongs to {', '.join(ORDERED_SETS)}, and to no other function")
    here.consume(node.this)
    here.consume(node.expression)
    if isinstance(node.this.this, exp.Distinct):
        raise here.unsupported(node, "DISTINCT is not supported beside WITHIN GROUP")
    direct, wanted = [bind(each, here) for each in arguments_of(node.this, CALLS)[1]], ORDERED_SETS[name].least - 1
    if len(direct) != wanted or len(node.expression.expressions) != 1:
        raise Misfit(f"{name} takes {wanted} argument(s), and WITHIN GROUP one expression")
    if any(True for each in direct for _ in _aliases(each)):
        raise Misfit(f"the argument of {name} is one for all rows: it cannot have columns")
    key = _sort_key(node.expression.expressions[0], here, bind)
    return [key.expr, *direct], False, (sortable(key),)


def _sort_key(node: exp.Expression, here: Context, bind: Bind) -> SortKey:
    here.consume(node)
    key = settle(bind(node.this, here), here.params)
    return SortKey(key, bool(node.args.get("desc")), bool(node.args.get("nulls_first")))


def _owner(made: AggregateCall, scope: Scope) -> Scope:
    """The scope whose rows are aggregated: the innermost that has one of the columns used, as SQL has it."""
    roots = [*made.args, *(key.expr for key in made.order_by), *([made.filter] if made.filter is not None else [])]
    used = {alias for root in roots for alias in _aliases(root)}
    for each in scope.chain():
        if used & each.aliases() or not used:
            return each
    return scope


def _aliases(expr: Expr) -> Iterator[str]:
    """The aliases of all columns in it, those in subqueries among them."""
    for part in parts_of(expr):
        if isinstance(part, Column):
            yield part.alias
        elif isinstance(part, Subquery | Exists | InPlan):
            for node in walk(part.plan):
                for each in expressions(node):
                    yield from _aliases(each)


FUNCTION_BINDERS: dict[type[exp.Expression], Callable[[exp.Expression, Context, Bind], Expr]] = {
    exp.Anonymous: _anonymous,
    exp.AtTimeZone: _at_time_zone,
    exp.Coalesce: _coalesce,
    exp.Date: _date,
    exp.Extract: _extract,
    exp.Filter: _filtered,
    exp.Greatest: _extreme,
    exp.Hex: _hex,
    exp.Least: _extreme,
    exp.Nullif: _nullif,
    exp.Pad: _pad,
    exp.RegexpReplace: _regexp_replace,
    exp.SHA2: _sha2,
    exp.SHA2Digest: _sha2,
    exp.TimestampTrunc: _truncate,
    exp.Trim: _trim,
    exp.WithinGroup: _of_sorted,
    **JSON_BINDERS,
}
