"""Types meet: which conversions a comparison, a CASE, an assignment or a CAST makes, and what they refuse.

An expression is *open* while nothing has said its type: a parameter, NULL, or a CASE of these. Its partner decides
(``compare``, ``unify``, ``assign``); where there is none, the class of the parameter's value does (``settle``), and
``Params`` remembers that the program depends on it. A text literal takes its partner's type and is converted once,
here. Types of one kind count as equal: ``varchar(3)`` compares with ``text``, ``smallint`` with ``bigint``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ..errors import DatabaseError, DataError, ProgrammingError
from ..record import replace
from ..values import BIGINT, BOOLEAN, INTEGER, JSON, TEXT, TIMESTAMP, UNKNOWN, Kind, SqlType, common_type, converter
from ..values import type_of as type_of_value
from .collations import alike
from .documents import as_number, comparable, embedded, is_document, unquoted
from .expr import Call, Case, Cast, Compare, Constant, Expr, LikeShape, Param, type_of
from .in_lists import Many
from .patterns import like_class


class Misfit(Exception):
    """Types that do not go together. The binder adds the place and raises it as ``error``."""

    def __init__(self, message: str, error: type[DatabaseError] = ProgrammingError) -> None:
        super().__init__(message)
        self.error = error


class Params:
    """The caller's parameters, as far as binding looks at them: the types of their classes.

    ``asked`` holds the indexes that were looked at, ``compared`` the pairs whose equality was: a program is right only
    for parameters of the same classes and equalities there, and for patterns of the same ``like_class`` in ``shaped``.
    """

    def __init__(self, values: Sequence[object]) -> None:
        self._values = values
        self.asked: set[int] = set()
        self.compared: set[tuple[int, int]] = set()
        self.shaped: set[tuple[int, bool]] = set()

    def ask(self, index: int) -> SqlType:
        """The type of the value's class; UNKNOWN for None."""
        self.asked.add(index)
        value = self._values[index]
        return type_of_value(value.example if isinstance(value, Many) else value)

    def many(self, index: int) -> int:
        """How many values are expected, if the parameter is a whole list; else 0."""
        value = self._values[index]
        return value.expected if isinstance(value, Many) else 0

    def shape(self, index: int, fold: bool) -> tuple[LikeShape | None, bool]:
        """The shape of a LIKE pattern; of one of ILIKE (``fold``), whether it is caseless."""
        self.shaped.add((index, fold))
        return like_class(self._values[index], fold)

    def same(self, one: int, other: int) -> bool:
        """Whether two parameters have the same value: an expression written twice holds each of them twice."""
        self.compared.add((one, other))
        return are_same(self._values[one], self._values[other])


def are_same(one: object, other: object) -> bool:
    """Equal, and of one class."""
    return type(one) is type(other) and one == other


def is_open(expr: Expr) -> bool:
    """Whether the type is still to be decided."""
    return type_of(expr).kind is Kind.UNKNOWN


def unsized(type_: SqlType) -> SqlType:
    """The type without length, precision or bits: what comparison and choice work with."""
    return SqlType(type_.kind)


def settle(expr: Expr, params: Params) -> Expr:
    """``expr`` with a type, if need be by the class of the caller's value; NULL alone stays open."""
    match expr:
        case Param() if is_open(expr):
            return replace(expr, type=params.ask(expr.index))
        case Case() if is_open(expr):
            results, type_ = unify([settle(result, params) for result in _results(expr)], params, "CASE")
            return _with_results(expr, results, type_)
    return expr


def compare(left: Expr, right: Expr, op: str, params: Params) -> tuple[Expr, Expr]:
    """Both sides as the comparison ``op`` needs them, with one kind of type; Misfit if they have none in common."""
    left, right = matched(left, right, op, params)
    left, right = alike((left, right))
    return comparable(left), comparable(right)


def matched(left: Expr, right: Expr, op: str, params: Params) -> tuple[Expr, Expr]:
    """Both sides with one kind of type; ``compare`` goes on to replace documents by what stands for them."""
    if is_open(left) and is_open(right):
        left, right = settle(left, params), settle(right, params)
    if is_open(left):
        left = _against(left, type_of(right), params)
    elif is_open(right):
        right = _against(right, type_of(left), params)
    left, right = _beside(left, type_of(right)), _beside(right, type_of(left))
    if is_document(left) or is_document(right):
        return _as_document(left), _as_document(right)
    common = _common(type_of(left), type_of(right))
    if common is None and op in _EQUALITIES and Kind.TEXT in (type_of(left).kind, type_of(right).kind):
        common = TEXT  # a key kept as text meets the key, as it may in SQLite
    if common is None:
        raise Misfit(f"operator does not exist: {type_of(left)} {op} {type_of(right)}; a CAST may help")
    return convert(left, common), convert(right, common)


_EQUALITIES = ("=", "<>", "IS DISTINCT FROM")


def unify(exprs: Sequence[Expr], params: Params, what: str) -> tuple[list[Expr], SqlType]:
    """The expressions with one kind of type, and that type; UNKNOWN, and nothing changed, where all are open.

    A document and a text are texts; a document and anything else are documents.
    """
    known = [type_of(expr) for expr in exprs if not is_open(expr) and not _is_text_literal(expr)]
    if not known:
        if all(is_open(expr) for expr in exprs):
            return list(exprs), UNKNOWN
        known = [TEXT]
    target = reduce(lambda one, other: _choice(one, other, what), known)
    result = [_against(expr, target, params) if is_open(expr) else _beside(expr, target) for expr in exprs]
    target = reduce(lambda one, other: _choice(one, other, what), map(type_of, result), target)
    if target.kind is Kind.JSON:
        return [_as_document(expr) for expr in result], target
    if target.kind is Kind.TEXT:
        result = [unquoted(expr) for expr in result]
    return [convert(expr, target) for expr in result], target


def same_kind(exprs: Sequence[Expr], params: Params, what: str) -> list[Expr]:
    """The expressions as ``=`` compares them with one another."""
    if any(map(is_document, exprs)):
        exprs = [_against(expr, JSON, params) if is_open(expr) else _as_document(expr) for expr in exprs]
    return [comparable(expr) for expr in alike(unify(exprs, params, what)[0])]


def _as_document(expr: Expr) -> Expr:
    """A text literal is a document's text, any other text a string in a document."""
    if is_open(expr) or _is_text_literal(expr):
        return convert(expr, JSON)
    return embedded(expr)


def convert(expr: Expr, type_: SqlType) -> Expr:
    """``expr`` as a value of the kind of ``type_``; the implicit conversion, Misfit if there is none."""
    match expr:
        case Param() if expr.type.kind is not type_.kind:
            return replace(expr, type=type_)
        case Constant(value=None):
            return Constant(None, type_)
        case Constant() if expr.type.kind is not type_.kind:
            return literal(expr.value, type_)
        case Case() if expr.type.kind is not type_.kind:
            return _with_results(expr, [convert(result, type_) for result in _results(expr)], type_)
    if type_of(expr).kind in (type_.kind, Kind.UNKNOWN):
        return expr
    return _cast(expr, unsized(type_))


def assign(expr: Expr, type_: SqlType) -> Expr:
    """``expr`` as a value to store in a column of exactly ``type_``."""
    match expr:
        case Param():
            return replace(expr, type=type_)
        case Constant(value=None):
            return Constant(None, type_)
        case Constant():
            return literal(expr.value, type_)
        case Case() if expr.type != type_ and _must_be_fitted(expr, type_):
            return _cast(convert(expr, unsized(type_)), type_)
        case Case() if expr.type != type_:
            return _with_results(expr, [assign(result, type_) for result in _results(expr)], type_)
    return expr if type_of(expr) == type_ else _cast(expr, type_)


def _must_be_fitted(expr: Case, type_: SqlType) -> bool:
    """Whether what is chosen may be a parameter: these come whole. A cast would cut a text; its column refuses it."""
    if type_.size is None or type_.kind is Kind.TEXT:
        return False
    return any(
        isinstance(result, Param) or (isinstance(result, Case) and _must_be_fitted(result, type_))
        for result in _results(expr)
    )


def cast(expr: Expr, type_: SqlType) -> Expr:
    """``CAST(expr AS type_)``. A text longer than the type's size is cut, as SQL has it for an explicit cast.

    As a number an interval is its microseconds, and the other way round: so Django keeps it in SQLite and MySQL.
    """
    match expr:
        case Param() if is_open(expr):
            given = TEXT if type_.kind is Kind.TEXT else type_
            result: Expr = Cast(Param(expr.index, unsized(given)), given)  # else a comparison would undo the rounding
        case Constant(value=None):
            return Constant(None, type_)
        case _ if type_.kind is Kind.BOOLEAN and type_of(expr).is_integer:
            return condition(expr, "CAST")
        case _ if type_.is_numeric and type_of(expr).kind is Kind.INTERVAL:
            number = Call("MICROSECONDS", (expr,), BIGINT)
            return number if type_.is_integer else assign(number, type_)  # of 32 bits it would be for half an hour
        case _ if type_.kind is Kind.INTERVAL and type_of(expr).is_numeric:
            return Call("FROM_MICROSECONDS", (convert(expr, BIGINT),), type_)
        case Constant():
            result = literal(expr.value, TEXT if type_.kind is Kind.TEXT else type_)
        case Param() if type_.kind is not Kind.TEXT and type_.size is not None:
            result = _cast(expr, type_)
        case _:
            result = convert(expr, TEXT) if type_.kind is Kind.TEXT else assign(expr, type_)
    if type_.kind is Kind.TEXT and type_.size is not None and type_of(expr) != type_:
        if isinstance(result, Constant):
            return Constant(str(result.value)[: type_.size], type_)
        return Call("LEFT", (result, Constant(type_.size, INTEGER)), type_)
    return result


def condition(expr: Expr, clause: str) -> Expr:
    """``expr`` as a truth value; an integer is true unless 0, as other databases have it."""
    match type_of(expr).kind:
        case Kind.BOOLEAN:
            return expr
        case Kind.UNKNOWN:
            return convert(expr, BOOLEAN)
        case Kind.INTEGER if isinstance(expr, Constant):
            return Constant(bool(expr.value), BOOLEAN)
        case Kind.INTEGER:
            return Compare("<>", expr, Constant(0, INTEGER))
        case Kind.TEXT if isinstance(expr, Constant):
            return literal(expr.value, BOOLEAN)
    raise Misfit(f"the condition of {clause} must be of type boolean, not {type_of(expr)}")


def literal(value: object, type_: SqlType) -> Constant:
    """The constant of ``type_`` that ``value`` (of any type) converts to; Misfit as DataError if it does not."""
    try:
        return Constant(converter(type_)(value), type_)
    except DataError as error:
        raise Misfit(str(error), DataError) from error


def castable(source: SqlType, target: SqlType) -> bool:
    """Whether values of ``source`` convert to ``target`` at all; a value may still be refused."""
    kinds = (source.kind, target.kind)
    return (
        source.kind is target.kind
        or Kind.UNKNOWN in kinds
        or target.kind in (Kind.TEXT, Kind.JSON)
        or source.kind in (Kind.TEXT, Kind.JSON)
        or (source.is_numeric and target.is_numeric)
        or kinds in _CASTS
    )


_CASTS = frozenset(
    (
        (Kind.BOOLEAN, Kind.INTEGER),
        (Kind.INTEGER, Kind.BOOLEAN),
        (Kind.DATE, Kind.TIMESTAMP),
        (Kind.TIMESTAMP, Kind.DATE),
        (Kind.TIMESTAMP, Kind.TIME),
    )
)


def _cast(expr: Expr, type_: SqlType) -> Expr:
    if is_document(expr) and type_.kind not in (Kind.TEXT, Kind.JSON):
        expr = as_number(expr) if type_.is_integer else unquoted(expr)  # 4.2 is no text of an integer
    if not castable(type_of(expr), type_):
        raise Misfit(f"a value of type {type_of(expr)} does not convert to {type_}")
    return Cast(expr, type_)


def _is_text_literal(expr: Expr) -> bool:
    return isinstance(expr, Constant) and expr.type.kind is Kind.TEXT


def _against(expr: Expr, type_: SqlType, params: Params) -> Expr:
    """An open expression beside one of ``type_``: a parameter's own class counts where conversion would lose."""
    match expr:
        case Param() if is_open(expr):
            return replace(expr, type=_param_type(expr.index, type_, params))
        case Constant():
            return Constant(None, type_)
        case Case():
            results = [_against(each, type_, params) if is_open(each) else each for each in _results(expr)]
            results, common = unify(results, params, "CASE")
            return _with_results(expr, results, common)
    return expr


def _param_type(index: int, type_: SqlType, params: Params) -> SqlType:
    match type_.kind:
        case Kind.INTEGER:  # 1.5 must not become 2
            given = params.ask(index)
            return given if given.kind in (Kind.DOUBLE, Kind.DECIMAL) else BIGINT
        case Kind.DATE:  # nor a timestamp a date
            return TIMESTAMP if params.ask(index).kind is Kind.TIMESTAMP else type_
    return unsized(type_)


def _beside(expr: Expr, type_: SqlType) -> Expr:
    """A literal beside an expression of ``type_``: texts take that type, 0 and 1 are truth values beside a boolean."""
    if isinstance(expr, Constant) and expr.value is not None:
        if expr.type.kind is Kind.TEXT and type_.kind not in (Kind.TEXT, Kind.UNKNOWN):
            return literal(expr.value, unsized(type_))
        if type_.kind is Kind.BOOLEAN and expr.type.is_integer and expr.value in (0, 1):
            return Constant(bool(expr.value), BOOLEAN)
    return expr


def _common(left: SqlType, right: SqlType) -> SqlType | None:
    kinds = {left.kind, right.kind}
    if kinds == {Kind.BOOLEAN, Kind.INTEGER}:
        return BIGINT
    if Kind.JSON in kinds and kinds != {Kind.JSON, Kind.TEXT}:
        return JSON
    common = common_type(left, right)
    return None if common is None else common if left == right else unsized(common)


def _choice(left: SqlType, right: SqlType, what: str) -> SqlType:
    common = _common(left, right)
    if common is None:
        raise Misfit(f"{what}: types {left} and {right} cannot be matched; a CAST may help")
    return common


def _results(expr: Case) -> list[Expr]:
    results = [value for _, value in expr.whens]
    return results if expr.otherwise is None else [*results, expr.otherwise]


def _with_results(expr: Case, results: Sequence[Expr], type_: SqlType) -> Case:
    whens = tuple((test, result) for (test, _), result in zip(expr.whens, results, strict=False))
    otherwise = None if expr.otherwise is None else results[-1]
    return replace(expr, whens=whens, otherwise=otherwise, type=type_)
