"""Text of the sieve that a walk over a whole table is given: what a filter, or a limit, says of single columns.

``book.year BETWEEN p0 AND p1 AND book.title LIKE p2`` becomes
``all_of(within(3, p0, p1, False, False), holding(1, 'inside', needle, False))``. Of terms that must all be true, those
that cannot be said so are left out. Storage may hand out rows that the sieve does not let pass, so the filter stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...storage import sieves as s
from ...values import Kind
from .. import expr as x
from .. import plan as p
from ..expr import Expr, SortKey
from ..patterns import like_shape, like_text
from .access import key_set
from .frame import Frame, needed_inside

_MOST_TERMS = 4
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

_Range = tuple[str, str, bool, bool]
"""Texts of the low and the high bound, and whether these are open."""


def sieve_of_filter(frame: Frame, scan: p.Scan, condition: Expr) -> str:
    """Text of the sieve; empty if the condition says nothing of the kind."""
    return _of_terms(frame, scan, condition.terms if isinstance(condition, x.And) else (condition,))


def sieve_of_top(frame: Frame, scan: p.Scan, keys: Sequence[SortKey], stop: str) -> str:
    """Text of the sieve for the rows before position ``stop`` in the order of ``keys``; empty if there is none."""
    at = _place(scan, keys[0].expr)
    return "" if at is None else _call(frame, "first_of", s.First, at, stop, keys[0].descending)


def _of_terms(frame: Frame, scan: p.Scan, terms: Sequence[Expr]) -> str:
    """Of terms that must all be true. What bounds one column is said at once."""
    ranges: dict[int, _Range] = {}
    texts: list[str] = []
    for term in terms:
        found = _range(frame, scan, term)
        if found is not None:
            at, bounds = found
            ranges[at] = _both(ranges[at], bounds) if at in ranges else bounds
        elif text := _of_term(frame, scan, term):
            texts.append(text)
    texts += [_call(frame, "within", s.Within, at, *bounds) for at, bounds in ranges.items()]
    return _combined(frame, "all_of", s.AllOf, texts[:_MOST_TERMS])


def _of_term(frame: Frame, scan: p.Scan, term: Expr) -> str:
    match term:
        case x.And(terms=terms):
            return _of_terms(frame, scan, terms)
        case x.Or(terms=terms) if len(terms) <= _MOST_TERMS:
            texts = [_of_terms(frame, scan, (each,)) for each in terms]
            return _combined(frame, "any_of", s.AnyOf, texts) if all(texts) else ""
        case x.In(term=column, items=items, negated=False) if all(map(_is_known, items)):
            at = _place(scan, column)
            return "" if at is None else _call(frame, "among", s.Among, at, key_set(frame, items))
        case x.InPlan(terms=(column,), negated=False, plan=plan) if _is_found_once(frame, scan, plan):
            at = _place(scan, column)
            return "" if at is None else _call(frame, "among", s.Among, at, _named(frame, term))
        case x.IsNull(term=column, negated=False):
            at = _place(scan, column)
            return "" if at is None else _call(frame, "null", s.Null, at)
        case x.Like(negated=False):
            return _of_pattern(frame, scan, term)
    return ""


def _of_pattern(frame: Frame, scan: p.Scan, like: x.Like) -> str:
    at, pattern = _place(scan, like.term), like.pattern
    if at is None or like.escape != "\\":
        return ""
    if isinstance(pattern, x.Constant):
        shape = like_shape(pattern.value)
        needle = "" if shape is None else frame.source.constant(like_text(str(pattern.value), like.fold))
    else:
        shape = like.shape
        options = ", True" if like.fold else ""
        needle = "" if shape is None else frame.once("needle", f"like_text({frame.value(pattern)}{options})")
    return needle and _call(frame, "holding", s.Holding, at, repr(shape), needle, like.fold)


def _range(frame: Frame, scan: p.Scan, term: Expr) -> tuple[int, _Range] | None:
    """The place of the one column that the term bounds, and how."""
    match term:
        case x.Compare(op=op, left=left, right=right) if op in _FLIPPED:
            for column, value, operator in ((left, right, op), (right, left, _FLIPPED[op])):
                at = _place(scan, column)
                if at is not None and _is_known(value) and x.type_of(value).kind is x.type_of(column).kind:
                    return at, _bounds(operator, frame.value(value))
        case x.Column() | x.Not(term=x.Column()):
            at = _place(scan, term.term if isinstance(term, x.Not) else term)
            return None if at is None else (at, _bounds("=", str(not isinstance(term, x.Not))))
    return None


def _bounds(op: str, value: str) -> _Range:
    low, high = value if op in ("=", ">", ">=") else "", value if op in ("=", "<", "<=") else ""
    return low, high, op == ">", op == "<"


def _both(one: _Range, other: _Range) -> _Range:
    """What is within both ranges, or more: of two bounds on one side only the first is taken."""
    low, high, low_open, high_open = one
    if not low:
        low, low_open = other[0], other[2]
    if not high:
        high, high_open = other[1], other[3]
    return low, high, low_open, high_open


def _place(scan: p.Scan, expr: Expr) -> int | None:
    """The place of a column of the table whose values are in Python's order."""
    if not isinstance(expr, x.Column) or expr.alias != scan.alias or expr.type.kind in (Kind.JSON, Kind.UNKNOWN):
        return None
    return scan.table.positions.get(expr.name)


def _is_known(value: Expr) -> bool:
    """Whether it is known before the first row."""
    return isinstance(value, x.Param) or (isinstance(value, x.Constant) and value.value is not None)


def _is_found_once(frame: Frame, scan: p.Scan, plan: p.Node) -> bool:
    """Whether the plan has the same rows for each of the table's."""
    aliases = {alias for alias, _ in needed_inside(plan)}
    return scan.alias not in aliases and aliases.isdisjoint(frame.scope)


def _named(frame: Frame, subquery: x.InPlan) -> str:
    """The variable of a subquery's values, which the filter will look into."""
    name = frame.let("members", frame.subquery(subquery))
    frame.named.append((subquery, name))
    return name


def _combined(frame: Frame, name: str, sieve: type, texts: Sequence[str]) -> str:
    if len(texts) < 2:
        return texts[0] if texts else ""
    return _call(frame, name, sieve, *texts)


def _call(frame: Frame, name: str, sieve: type, *arguments: object) -> str:
    return f"{frame.source.share(name, sieve)}({', '.join(str(each) or 'None' for each in arguments)})"
