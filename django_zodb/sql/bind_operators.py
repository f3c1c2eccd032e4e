"""Arithmetic, concatenation and negation: which types go together, and what type comes out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp

from ..clock import dt
from ..intervals import months_and_rest
from ..record import replace
from ..values import BIGINT, BYTES, DATE, DECIMAL, DOUBLE, INTERVAL, JSON, TEXT, TIME, TIMESTAMP, Kind, SqlType
from .coerce import Misfit, Params, convert, is_open, literal, settle, unsized
from .decimals import minus
from .documents import as_number, is_document
from .expr import (
    Arithmetic,
    Call,
    Cast,
    Concat,
    Constant,
    Exists,
    Expr,
    In,
    InPlan,
    IsDistinct,
    IsNull,
    IsTruth,
    Like,
    Negate,
    Not,
    Param,
    Regex,
    is_nullable,
    type_of,
)

OPERATORS: dict[type[exp.Expression], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.BitwiseXor: "#",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
}
_ON_BITS = ("&", "|", "#", "<<", ">>")

# operator, kind on the left, kind on the right → the types that the operands convert to, and the result's
_TEMPORAL: dict[tuple[str, Kind, Kind], tuple[SqlType | None, SqlType | None, SqlType]] = {
    ("-", Kind.TIMESTAMP, Kind.TIMESTAMP): (None, None, INTERVAL),
    ("-", Kind.TIMESTAMP, Kind.DATE): (None, TIMESTAMP, INTERVAL),
    ("-", Kind.DATE, Kind.TIMESTAMP): (TIMESTAMP, None, INTERVAL),
    ("-", Kind.DATE, Kind.DATE): (None, None, INTERVAL),
    ("-", Kind.TIME, Kind.TIME): (None, None, INTERVAL),
    ("+", Kind.TIMESTAMP, Kind.INTERVAL): (None, None, TIMESTAMP),
    ("-", Kind.TIMESTAMP, Kind.INTERVAL): (None, None, TIMESTAMP),
    ("+", Kind.INTERVAL, Kind.TIMESTAMP): (None, None, TIMESTAMP),
    ("+", Kind.DATE, Kind.INTERVAL): (TIMESTAMP, None, TIMESTAMP),
    ("-", Kind.DATE, Kind.INTERVAL): (TIMESTAMP, None, TIMESTAMP),
    ("+", Kind.INTERVAL, Kind.DATE): (None, TIMESTAMP, TIMESTAMP),
    ("+", Kind.TIME, Kind.INTERVAL): (None, None, TIME),
    ("-", Kind.TIME, Kind.INTERVAL): (None, None, TIME),
    ("+", Kind.INTERVAL, Kind.TIME): (None, None, TIME),
    ("+", Kind.DATE, Kind.TIME): (None, None, TIMESTAMP),
    ("+", Kind.DATE, Kind.INTEGER): (None, None, DATE),
    ("-", Kind.DATE, Kind.INTEGER): (None, None, DATE),
    ("+", Kind.INTEGER, Kind.DATE): (None, None, DATE),
    ("+", Kind.INTERVAL, Kind.INTERVAL): (None, None, INTERVAL),
    ("-", Kind.INTERVAL, Kind.INTERVAL): (None, None, INTERVAL),
    **{
        key: (None, None, INTERVAL)
        for number in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE)
        for key in (
            ("*", Kind.INTERVAL, number),
            ("*", number, Kind.INTERVAL),
            ("/", Kind.INTERVAL, number),
        )
    },
}


def arithmetic(node: exp.Expression, left: Expr, right: Expr, params: Params) -> Expr:
    """``left op right``; Misfit where the operator does not exist for their types."""
    op = OPERATORS[type(node)]
    left, right = as_number(settle(left, params)), as_number(settle(right, params))
    left, right = _beside(left, type_of(right), op, first=True), _beside(right, type_of(left), op)
    one, other = type_of(left), type_of(right)
    temporal = _TEMPORAL.get((op, one.kind, other.kind))
    if temporal is not None:
        left_type, right_type, result = temporal
        left = left if left_type is None else convert(left, left_type)
        right = right if right_type is None else convert(right, right_type)
        return Arithmetic(op, left, right, result)  # type: ignore[arg-type]
    if one.is_numeric and other.is_numeric:
        return _numeric(op, left, right)
    raise Misfit(f"operator does not exist: {one} {op} {other}; a CAST may help")


def calendar(node: exp.Expression, left: Expr, params: Params) -> Expr | None:
    """``left ± INTERVAL '1 month'``: the same day of another month, or its last one; None for what has no months."""
    text = _interval_text(node.expression) if isinstance(node, exp.Add | exp.Sub) else None
    if text is None:
        return None
    months, rest = months_and_rest(text)
    if not months:
        return None
    sign = -1 if isinstance(node, exp.Sub) else 1
    moment = convert(settle(left, params), TIMESTAMP)
    moved = Call("ADD_MONTHS", (moment, Constant(sign * months, BIGINT)), TIMESTAMP, is_nullable(moment))
    return arithmetic(node, moved, literal(rest, INTERVAL), params) if rest else moved


def _interval_text(node: exp.Expression) -> str | None:
    """What a literal interval says."""
    this = node.this
    if not isinstance(this, exp.Literal) or not this.is_string:
        return None
    if isinstance(node, exp.Cast) and node.to.is_type(exp.DataType.Type.INTERVAL):
        return str(this.this)
    if isinstance(node, exp.Interval):
        return f"{this.this} {node.args['unit'].name}" if node.args.get("unit") else str(this.this)
    return None


def _numeric(op: str, left: Expr, right: Expr) -> Expr:
    kinds = {type_of(left).kind, type_of(right).kind}
    if kinds == {Kind.INTEGER}:
        result = BIGINT
    elif op in _ON_BITS:
        raise Misfit(f"operator does not exist: {type_of(left)} {op} {type_of(right)}; bits are those of integers")
    elif Kind.DOUBLE in kinds:
        result = DOUBLE
        if Kind.DECIMAL in kinds:
            left, right = convert(left, DOUBLE), convert(right, DOUBLE)
    else:
        result = DECIMAL
    return Arithmetic(op, left, right, result)  # type: ignore[arg-type]


def _beside(expr: Expr, other: SqlType, op: str, first: bool = False) -> Expr:
    """NULL, a text literal or a text parameter beside an operand of another type takes a type that fits it."""
    target = INTERVAL if other.kind in (Kind.DATE, Kind.TIME, Kind.TIMESTAMP) else unsized(other)
    if is_open(expr):
        if op == "-" and first:  # there is no interval from which a date could be taken
            target = unsized(other)
        return _null(expr, BIGINT if other.kind is Kind.UNKNOWN else target)
    if type_of(expr).kind is not Kind.TEXT or other.kind is Kind.TEXT:
        return expr
    match expr:
        case Constant():
            try:
                return literal(expr.value, target)
            except Misfit:
                if op == "-" and target is INTERVAL:
                    return literal(expr.value, unsized(other))
                raise
        case Param():
            return replace(expr, type=target)
    return expr


def _null(expr: Expr, type_: SqlType) -> Expr:
    """An expression that is open, and so NULL, with a type: that of a function of NULL, or of a subquery, too."""
    expr = convert(expr, type_)
    return Cast(expr, type_) if is_open(expr) else expr


def concat(parts: Sequence[Expr], params: Params) -> Expr:
    """``a || b || …``: of byte strings if one is, else of texts, to which anything converts."""
    bound = [settle(part, params) for part in parts]
    if all(map(is_document, bound)):
        return Call("JSON_CONCAT", tuple(bound), JSON)
    type_ = BYTES if any(type_of(part).kind is Kind.BYTES for part in bound) else TEXT
    flat: list[Expr] = []
    for part in bound:
        part = convert(part, type_)
        flat.extend(part.parts if isinstance(part, Concat) else (part,))
    return Concat(tuple(flat), type_)


def negative(term: Expr, op: str) -> Expr:
    """``-term`` or ``~term``; that of a literal is a literal."""
    if is_open(term):
        term = _null(term, BIGINT)
    type_ = type_of(term)
    if (op == "~" and not type_.is_integer) or not (type_.is_numeric or type_.kind is Kind.INTERVAL):
        raise Misfit(f"operator does not exist: {op} {type_}")
    if op == "-" and isinstance(term, Constant) and isinstance(term.value, int | float | Decimal | dt.timedelta):
        value = minus(term.value) if isinstance(term.value, Decimal) else -term.value
        return Constant(value, type_)
    return Negate(term, unsized(type_), op)  # type: ignore[arg-type]


def negate(term: Expr) -> Expr:
    """NOT ``term``, inside the terms that have a negated form of their own."""
    match term:
        case Not():
            return term.term
        case In() | InPlan() | Like() | Regex() | IsNull() | IsTruth() | IsDistinct() | Exists():
            return replace(term, negated=not term.negated)
        case Constant(value=bool()):
            return replace(term, value=not term.value)
    return Not(term)
