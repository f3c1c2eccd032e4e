"""Text of the sieve that a walk over a whole table is given: what a filter, or a limit, says of single columns.

``book.year BETWEEN p0 AND p1 AND book.title LIKE p2`` becomes
``all_of(holding(1, 'inside', needle, False), within(3, p0, p1, False, False))``. Of terms that must all be true, those
that cannot be said so are left out. Storage may hand out rows that the sieve does not let pass, so the filter stays.

What is made of one column, as in ``LOWER(book.title) = p0``, is said of a place that is ``derived``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from ...storage import sieves as s
from ...values import Kind
from .. import expr as x
from .. import plan as p
from ..expr import Expr, SortKey
from ..functions import FUNCTIONS
from ..patterns import like_shape, like_text
from .access import key_set
from .derived import Walk, column_place, is_settled, place_of
from .frame import Frame, needed_inside

_MOST_TERMS = 4
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

_Range = tuple[str, str, bool, bool]
"""Texts of the low and the high bound, and whether these are open."""


def may_sieve(node: p.Node, early: bool) -> TypeGuard[Walk]:
    """Whether the rows of a node are all of a table, or come in an order and, if ``early``, few of them may do."""
    match node:
        case p.Scan() | p.IndexRange():
            return True
        case p.KeyRange():
            return early and node.low is node.high is None
    return False


def sieve_of_filter(frame: Frame, scan: Walk, condition: Expr) -> tuple[str, bool]:
    """Text of the sieve, empty if the condition says nothing of the kind; and whether it says all of the condition."""
    sieves = _Sieves(frame, scan)
    text = sieves.of_condition(condition)
    return text, bool(text) and sieves.exact


def exact_sieve_of_filter(frame: Frame, scan: p.Scan, condition: Expr) -> str:
    """Text of a sieve that lets exactly those rows pass for which the condition is true; empty if there is none."""
    sieves = _Sieves(frame, scan)
    if frame.unit.nullable:
        return ""
    text = sieves.of_condition(condition)
    return text if sieves.exact else ""


def sieve_of_top(frame: Frame, scan: p.Scan, keys: Sequence[SortKey], stop: str) -> str:
    """Text of the sieve for the rows before position ``stop`` in the order of ``keys``; empty if there is none."""
    at = place_of(frame, scan, keys[0].expr)
    return _call(frame, "first_of", s.First, at, stop, keys[0].descending) if at else ""


class _Sieves:
    """What is said of one table; ``exact`` is false once something was left out."""

    def __init__(self, frame: Frame, scan: Walk) -> None:
        self._frame = frame
        self._scan = scan
        self.exact = True

    def of_condition(self, condition: Expr) -> str:
        """Text of the sieve for a condition; empty if there is none."""
        return self._of_terms(condition.terms if isinstance(condition, x.And) else (condition,))

    def _of_terms(self, terms: Sequence[Expr]) -> str:
        """Of terms that must all be true. What bounds one column is said at once."""
        ranges: dict[str, _Range] = {}
        texts: list[str] = []
        for term in terms:
            found = self._range(term)
            if found is not None:
                at, bounds = found
                ranges[at] = self._both(ranges[at], bounds) if at in ranges else bounds
            elif text := self._of_term(term):
                texts.append(text)
            else:
                self.exact = False
        texts += [_call(self._frame, "within", s.Within, at, *bounds) for at, bounds in ranges.items()]
        self.exact &= len(texts) <= _MOST_TERMS
        return self._combined("all_of", s.AllOf, texts[:_MOST_TERMS])

    def _of_term(self, term: Expr) -> str:
        match term:
            case x.And(terms=terms):
                return self._of_terms(terms)
            case x.Or(terms=terms) if len(terms) <= _MOST_TERMS:
                texts = [self._of_terms((each,)) for each in terms]
                return self._combined("any_of", s.AnyOf, texts) if all(texts) else ""
            case x.In(term=column, items=items, negated=False) if all(map(_is_known, items)):
                at = self._place(column)
                return _call(self._frame, "among", s.Among, at, key_set(self._frame, items)) if at else ""
            case x.InPlan(terms=(column,), negated=False, plan=plan) if self._is_found_once(plan):
                at = self._place(column)
                self.exact &= x.type_of(column).kind is not Kind.DOUBLE  # NaN equals itself here, but not in a set
                return _call(self._frame, "among", s.Among, at, self._named(term)) if at else ""
            case x.IsNull(term=column, negated=False):
                at = self._place(column)
                return _call(self._frame, "null", s.Null, at) if at else ""
            case x.Like(negated=False):
                return self._of_pattern(term)
        return ""

    def _of_pattern(self, like: x.Like) -> str:
        at, pattern, fold = column_place(self._scan, like.term), like.pattern, like.fold
        if not at or like.escape != "\\":
            return ""
        shape = like_shape(pattern.value) if isinstance(pattern, x.Constant) else like.shape
        if shape is None:
            return ""
        if isinstance(pattern, x.Constant):
            needle = self._frame.source.constant(like_text(str(pattern.value), fold))
        else:
            needle = self._frame.once("needle", f"like_text({self._frame.value(pattern)}{', True' if fold else ''})")
        return _call(self._frame, "holding", s.Holding, at, repr(shape), needle, fold)

    def _place(self, expr: Expr) -> str:
        return place_of(self._frame, self._scan, expr)

    def _range(self, term: Expr) -> tuple[str, _Range] | None:
        """The place of the one column that the term bounds, and how."""
        match term:
            case x.Compare(op=op, left=left, right=right) if op in _FLIPPED:
                for column, value, operator in ((left, right, op), (right, left, _FLIPPED[op])):
                    if not _is_known(value) or x.type_of(value).kind is not x.type_of(column).kind:
                        continue
                    if at := self._place(column):
                        self.exact &= not _can_be_null(value)
                        return at, _bounds(operator, self._frame.value(value))
            case x.Column() | x.Not(term=x.Column()):
                at = self._place(term.term if isinstance(term, x.Not) else term)
                return (at, _bounds("=", str(not isinstance(term, x.Not)))) if at else None
        return None

    def _both(self, one: _Range, other: _Range) -> _Range:
        """What is within both ranges, or more: of two bounds on one side only the first is taken."""
        low, high, low_open, high_open = one
        self.exact &= not (low and other[0]) and not (high and other[1])
        if not low:
            low, low_open = other[0], other[2]
        if not high:
            high, high_open = other[1], other[3]
        return low, high, low_open, high_open

    def _is_found_once(self, plan: p.Node) -> bool:
        """Whether the plan has the same rows for each of the table's."""
        aliases = {alias for alias, _ in needed_inside(plan)}
        return self._scan.alias not in aliases and aliases.isdisjoint(self._frame.scope)

    def _named(self, subquery: x.InPlan) -> str:
        """The variable of a subquery's values, which the filter will look into."""
        known = next((name for expr, name in self._frame.named if expr is subquery), "")
        if known:
            return known
        name = self._frame.let("members", self._frame.subquery(subquery))
        self._frame.named.append((subquery, name))
        return name

    def _combined(self, name: str, sieve: type, texts: Sequence[str]) -> str:
        if len(texts) < 2:
            return texts[0] if texts else ""
        return _call(self._frame, name, sieve, *texts)


def _bounds(op: str, value: str) -> _Range:
    low, high = value if op in ("=", ">", ">=") else "", value if op in ("=", "<", "<=") else ""
    return low, high, op == ">", op == "<"


def _is_known(value: Expr) -> bool:
    """Whether it is known before the first row."""
    match value:
        case x.Param():
            return True
        case x.Constant():
            return value.value is not None
        case x.Call(args=args):
            return is_settled(value) and all(map(_is_known, args))
    return False


def _can_be_null(value: Expr) -> bool:
    """Whether a value that is known can be NULL, though no parameter is."""
    if not isinstance(value, x.Call) or not value.nullable:
        return False
    whole_document = value.function == "JSON_COMPARABLE" and len(value.args) == 1
    return (FUNCTIONS[value.function].nullable and not whole_document) or any(map(_can_be_null, value.args))


def _call(frame: Frame, name: str, sieve: type, *arguments: object) -> str:
    return f"{frame.source.share(name, sieve)}({', '.join(str(each) or 'None' for each in arguments)})"
