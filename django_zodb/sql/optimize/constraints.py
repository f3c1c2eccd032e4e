"""What a condition says about one operand of a table: equal to a value, among values, between bounds.

A value may use parameters and other aliases, never the table's own: whoever asks passes only terms whose other aliases
are known by the time the table is entered (an outer row, or the left side of a join).
"""

from __future__ import annotations

from collections.abc import Iterator

from ...record import record, replace
from ...values import BOOLEAN, TEXT, Kind, SqlType
from ..expr import (
    ROWID_COLUMN,
    Call,
    Cast,
    Column,
    Compare,
    Constant,
    Expr,
    In,
    IsDistinct,
    IsNull,
    IsTruth,
    Like,
    Not,
    is_nullable,
    rowid,
    type_of,
)
from ..patterns import prefix_end
from ..plan import Scan
from ..rewrite import transform
from .terms import is_stable, used_aliases


@record
class Equal:
    """``target = value``; with ``null`` ``target IS NULL``."""

    target: Expr
    value: Expr
    term: Expr
    null: bool = False


@record
class Among:
    """``target IN (values)``."""

    target: Expr
    values: tuple[Expr, ...]
    term: Expr


@record
class Bound:
    """``target >= value``, or with ``upper`` ``<=``; ``open`` excludes equality; ``exact`` if the term says no more."""

    target: Expr
    value: Expr
    upper: bool
    open: bool
    term: Expr
    exact: bool = True


Constraint = Equal | Among | Bound

_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def constraints(scan: Scan, terms: tuple[Expr, ...]) -> tuple[Constraint, ...]:
    """Everything that the terms say about operands of ``scan``, in the order of the terms."""
    return tuple(found for term in terms for found in _constraints(scan, term))


def canonical(expr: Expr, scan: Scan) -> Expr:
    """One form for equal operands of ``scan``: without casts that lose nothing, its integer key as the rowid."""

    def change(part: Expr) -> Expr:
        if isinstance(part, Column):
            return _canonical_column(part, scan)
        return replace(part, nullable=True) if isinstance(part, Call) and not part.nullable else part

    return transform(_uncast(expr), change)


def _canonical_column(column: Column, scan: Scan) -> Column:
    at = scan.table.rowid_column
    if column.alias == scan.alias and at is not None and column.name == scan.table.columns[at].name:
        return rowid(scan.alias)
    if column.name == ROWID_COLUMN:
        return rowid(column.alias)
    return column if column.nullable else replace(column, nullable=True)


def _uncast(expr: Expr) -> Expr:
    while isinstance(expr, Cast) and _lossless(type_of(expr.term), expr.type):
        expr = expr.term
    return expr


def _lossless(old: SqlType, new: SqlType) -> bool:
    """Whether values keep their Python class and value, so that they compare as before."""
    if old.kind is not new.kind:
        return False
    if new.kind is Kind.DECIMAL:
        return new.size is None or (old.size == new.size and old.scale == new.scale)
    return new.size is None or (old.size is not None and old.size <= new.size)


def _constraints(scan: Scan, term: Expr) -> Iterator[Constraint]:
    match term:
        case Compare(op=op) if op != "<>":
            for side, other, operator in ((term.left, term.right, op), (term.right, term.left, _FLIPPED[op])):
                if _is_target(side, scan) and _is_value(other, scan):
                    yield _comparison(canonical(side, scan), operator, other, term)
        case In(negated=False, items=items) if _is_target(term.term, scan) and all(_is_value(i, scan) for i in items):
            yield Among(canonical(term.term, scan), items, term)
        case IsNull(negated=False) if _is_target(term.term, scan) and not _is_required(term.term, scan):
            yield Equal(canonical(term.term, scan), Constant(None, type_of(term.term)), term, null=True)
        case IsDistinct(negated=True, left=left, right=right):
            for side, other in ((left, right), (right, left)):
                if _is_target(side, scan) and _is_value(other, scan) and not is_nullable(other):
                    yield Equal(canonical(side, scan), other, term)
        case Column(alias=alias) if alias == scan.alias:
            yield Equal(canonical(term, scan), Constant(True, BOOLEAN), term)
        case Not(term=Column(alias=alias) as column) if alias == scan.alias:
            yield Equal(canonical(column, scan), Constant(False, BOOLEAN), term)
        case IsTruth(term=Column(alias=alias) as column, truth=bool() as truth, negated=False) if alias == scan.alias:
            yield Equal(canonical(column, scan), Constant(truth, BOOLEAN), term)
        case Like(negated=False, fold=False, pattern=Constant(value=str() as pattern)) if _is_target(term.term, scan):
            prefix, exact = like_prefix(pattern, term.escape)
            yield from _prefixed(canonical(term.term, scan), prefix, exact, term)
        case Like(negated=False, fold=False, shape="equal" | "start") if _is_target(term.term, scan):
            yield from _shaped(canonical(term.term, scan), term)
        case Call(function="STARTS_WITH", args=(operand, Constant(value=str() as prefix))) if _is_target(operand, scan):
            yield from _prefixed(canonical(operand, scan), prefix, False, term)


def _is_target(expr: Expr, scan: Scan) -> bool:
    return used_aliases(expr) == {scan.alias} and is_stable(expr)


def _is_value(expr: Expr, scan: Scan) -> bool:
    return scan.alias not in used_aliases(expr) and is_stable(expr)


def _is_required(operand: Expr, scan: Scan) -> bool:
    """Whether it is a column that rejects NULL: an index of such columns has no place where NULL would be."""
    if not isinstance(operand, Column) or operand.name == ROWID_COLUMN:
        return False
    return not scan.table.column(operand.name).nullable or operand.name in scan.table.primary_key


def _comparison(target: Expr, op: str, value: Expr, term: Expr) -> Constraint:
    if op == "=":
        return Equal(target, value, term)
    return Bound(target, value, upper=op in ("<", "<="), open=op in ("<", ">"), term=term)


def _shaped(target: Expr, term: Like) -> Iterator[Constraint]:
    """What a pattern says that is a parameter; a text that every text begins with has no end, which is unbounded."""
    text = Call("LIKE_TEXT", (term.pattern,), TEXT, nullable=False)
    if term.shape == "equal":
        yield Equal(target, text, term)
        return
    yield Bound(target, text, upper=False, open=False, term=term)
    yield Bound(target, Call("PREFIX_END", (text,), TEXT, nullable=False), upper=True, open=True, term=term)


def _prefixed(target: Expr, prefix: str, exact: bool, term: Expr) -> Iterator[Constraint]:
    if exact:
        yield Equal(target, Constant(prefix, TEXT), term)
        return
    end = prefix_end(prefix)
    if prefix:
        yield Bound(target, Constant(prefix, TEXT), upper=False, open=False, term=term, exact=False)
    if end is not None:
        yield Bound(target, Constant(end, TEXT), upper=True, open=True, term=term, exact=False)


def like_prefix(pattern: str, escape: str | None) -> tuple[str, bool]:
    """The text before the first wildcard of a LIKE pattern, and whether the pattern holds none."""
    prefix: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            character = next(characters, "")
            if not character:
                return "".join(prefix), False  # a dangling escape is for LIKE itself to judge
        elif character in "%_":
            return "".join(prefix), False
        prefix.append(character)
    return "".join(prefix), True
