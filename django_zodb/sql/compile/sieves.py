"""Text of the sieve that a walk over a whole table is given: what a filter, or a limit, says of single columns.

``book.year BETWEEN p0 AND p1 AND book.title LIKE p2`` becomes
``all_of(holding(1, 'inside', needle, False), within(3, p0, p1, False, False))``. Of terms that must all be true, those
that cannot be said so are left out. Storage may hand out rows that the sieve does not let pass, so the filter stays.

What is made of one column, as in ``LOWER(book.title) = p0``, is said of a place that is ``derived``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from ...record import record
from ...storage import sieves as s
from ...values import Kind
from .. import expr as x
from .. import plan as p
from ..expr import Expr, SortKey
from ..functions import FUNCTIONS
from ..patterns import like_shape, like_text
from .derived import Walk, is_settled, place_of
from .frame import Frame, needed_inside
from .key_sets import key_set

_MOST_TERMS = 4
_EQUAL, _OTHER, _DERIVED = range(3)
"""Which terms are said, if not all can be: those that find few rows, and those of columns."""
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


@record
class _Term:
    """Text of a sieve, of how many keys it is, and what kind."""

    text: str
    keys: int
    rank: int


class _Sieves:
    """What is said of one table; ``exact`` is false once something was left out."""

    def __init__(self, frame: Frame, scan: Walk) -> None:
        self._frame = frame
        self._scan = scan
        self.exact = True

    def of_condition(self, condition: Expr) -> str:
        """Text of the sieve for a condition; empty if there is none."""
        found = self._of_terms(condition.terms if isinstance(condition, x.And) else (condition,))
        return "" if found is None else found.text

    def _of_terms(self, terms: Sequence[Expr]) -> _Term | None:
        """Of terms that must all be true. What bounds one column is said at once."""
        ranges: dict[str, _Range] = {}
        found: list[_Term] = []
        for term in terms:
            bounded = self._range(term)
            if bounded is not None:
                at, bounds = bounded
                ranges[at] = self._both(ranges[at], bounds) if at in ranges else bounds
            elif (said := self._of_term(term)) is not None:
                found.append(said)
            else:
                self.exact = False
        for at, bounds in ranges.items():
            found.append(self._said("within", s.Within, at, bounds[0] == bounds[1], *bounds))
        return self._combined("all_of", s.AllOf, self._first(found)) if found else None

    def _first(self, terms: list[_Term]) -> list[_Term]:
        """As many terms as anything is kept for."""
        chosen: list[_Term] = []
        for term in sorted(terms, key=lambda term: term.rank):
            if len(chosen) < _MOST_TERMS and sum(each.keys for each in (*chosen, term)) <= s.MOST_KEYS:
                chosen.append(term)
            else:
                self.exact = False
        return chosen

    def _of_term(self, term: Expr) -> _Term | None:
        match term:
            case x.And(terms=terms):
                return self._of_terms(terms)
            case x.Or(terms=terms) if len(terms) <= _MOST_TERMS:
                found = [said for each in terms if (said := self._of_terms((each,))) is not None]
                return self._combined("any_of", s.AnyOf, found) if len(found) == len(terms) else None
            case x.In(term=column, items=items, negated=False) if all(map(_is_known, items)):
                if at := self._place(column):
                    return self._said("among", s.Among, at, True, key_set(self._frame, items))
            case x.InPlan(terms=(column,), negated=False, plan=plan) if self._is_found_once(plan):
                self.exact &= x.type_of(column).kind is not Kind.DOUBLE  # NaN equals itself here, but not in a set
                if at := self._place(column):
                    return self._said("among", s.Among, at, True, self._named(term))
            case x.IsNull(term=column, negated=False):
                if at := self._place(column):
                    return self._said("null", s.Null, at, False)
            case x.Like(negated=False):
                return self._of_pattern(term)
        return None

    def _said(self, name: str, sieve: type, at: str, finds_few: bool, *arguments: object) -> _Term:
        rank = _DERIVED if not at.isdecimal() else _EQUAL if finds_few else _OTHER
        return _Term(_call(self._frame, name, sieve, at, *arguments), 1, rank)

    def _of_pattern(self, like: x.Like) -> _Term | None:
        pattern, fold = like.pattern, like.fold
        shape = like_shape(pattern.value) if isinstance(pattern, x.Constant) else like.shape
        if shape is None or like.escape != "\\" or not (at := self._place(like.term)):
            return None
        if isinstance(pattern, x.Constant):
            needle = self._frame.source.constant(like_text(str(pattern.value), fold))
        else:
            needle = self._frame.once("needle", f"like_text({self._frame.value(pattern)}{', True' if fold else ''})")
        return self._said("holding", s.Holding, at, shape == "equal", repr(shape), needle, fold)

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
            case x.Column() | x.Not(term=x.Column()) | x.Call() | x.Not(term=x.Call()):
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
        known = next((name for expr, name, _ in self._frame.named if expr is subquery), "")
        if known:
            return known
        call = self._frame.subquery(subquery)
        name = self._frame.let("members", call)
        self._frame.named.append((subquery, name, call))
        return name

    def _combined(self, name: str, sieve: type, terms: Sequence[_Term]) -> _Term | None:
        if len(terms) < 2:
            return terms[0] if terms else None
        text = _call(self._frame, name, sieve, *(term.text for term in terms))
        return _Term(text, sum(term.keys for term in terms), max(_OTHER, *(term.rank for term in terms)))


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
