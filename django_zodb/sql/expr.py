"""Bound expressions: what the parser's scalar expressions become. Frozen, typed, free of names to resolve.

Every expression has ``type`` and ``nullable`` (False only if it is never NULL). Columns name their source by an
*alias that is unique in the whole statement*, so a correlated reference is a plain ``Column`` whose alias belongs
to an outer plan. Implicit conversions have been made explicit (``Cast``); both sides of a ``Compare`` have one type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from ..record import FieldsWith, record
from ..values import BIGINT, BOOLEAN, Kind, SqlType

if TYPE_CHECKING:
    from .plan import Node

ROWID = "rowid"
"""The name under which a base table offers its hidden row identifier (a user column of that name hides it)."""


LikeShape = OneOf["equal", "start", "end", "inside"]


@record
class Expr:
    """Base of all; the class is the operator, the fields its operands."""


@record
class Column(Expr):
    """A column of the source ``alias``. ``name`` is ROWID_COLUMN for the row identifier of a base table."""

    alias: str
    name: str
    type: SqlType
    nullable: bool = True


ROWID_COLUMN = "\0rowid"
"""``Column.name`` of a base table's row identifier: no user column can have it."""


def rowid(alias: str) -> Column:
    """The row identifier of the base table ``alias``."""
    return Column(alias, ROWID_COLUMN, BIGINT, nullable=False)


@record
class Param(Expr):
    """The caller's parameter number ``index``, converted once per execution to ``type``.

    With ``many``, it is all values of a long list (see ``in_lists``), of which so many are expected.
    """

    index: int
    type: SqlType
    nullable: bool = True
    many: int = 0


def number_of(items: Sequence[Expr]) -> int:
    """How many values an IN list has, or is expected to have."""
    return sum(item.many or 1 if isinstance(item, Param) else 1 for item in items)


@record
class Constant(Expr):
    """A literal. ``value`` is an SQL value of ``type``, or None for NULL."""

    value: object
    type: SqlType

    @property
    def nullable(self) -> bool:
        """Only NULL itself."""
        return self.value is None


@record
class Compare(Expr):
    """``left op right``, both of one type."""

    op: OneOf["=", "<>", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    type: SqlType = BOOLEAN

    @property
    def nullable(self) -> bool:
        """If a side is."""
        return is_nullable(self.left) or is_nullable(self.right)


@record
class IsDistinct(Expr):
    """``left IS [NOT] DISTINCT FROM right``: NULL equals NULL. ``negated`` is NOT DISTINCT."""

    left: Expr
    right: Expr
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False


@record
class And(Expr):
    """Two terms or more; Kleene logic."""

    terms: tuple[Expr, ...]
    type: SqlType = BOOLEAN

    @property
    def nullable(self) -> bool:
        """If a term is."""
        return any(is_nullable(term) for term in self.terms)


@record
class Or(Expr):
    """Two terms or more; Kleene logic."""

    terms: tuple[Expr, ...]
    type: SqlType = BOOLEAN

    @property
    def nullable(self) -> bool:
        """If a term is."""
        return any(is_nullable(term) for term in self.terms)


@record
class Not(Expr):
    """Negation; NULL stays NULL."""

    term: Expr
    type: SqlType = BOOLEAN

    @property
    def nullable(self) -> bool:
        """If the term is."""
        return is_nullable(self.term)


@record
class IsNull(Expr):
    """``term IS [NOT] NULL``."""

    term: Expr
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False


@record
class IsTruth(Expr):
    """``term IS [NOT] TRUE/FALSE/UNKNOWN``; ``truth`` None is UNKNOWN."""

    term: Expr
    truth: bool | None
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False


@record
class In(Expr):
    """``term [NOT] IN (items)``, items of the term's type and free of columns or not."""

    term: Expr
    items: tuple[Expr, ...]
    negated: bool = False
    type: SqlType = BOOLEAN

    @property
    def nullable(self) -> bool:
        """If the term or an item is."""
        return is_nullable(self.term) or any(is_nullable(item) for item in self.items)


@record
class Like(Expr):
    """``term [NOT] [I]LIKE pattern [ESCAPE escape]``: % and _; ``fold`` ignores case over all of Unicode.

    ``shape`` tells what the pattern, a parameter that is not NULL, is known to ask for: that the term equals its text,
    begins or ends with it, or has it inside; None if anything.
    """

    term: Expr
    pattern: Expr
    escape: str | None = "\\"
    fold: bool = False
    negated: bool = False
    shape: LikeShape | None = None
    type: SqlType = BOOLEAN

    @property
    def nullable(self) -> bool:
        """If an operand is."""
        return is_nullable(self.term) or is_nullable(self.pattern)


@record
class Regex(Expr):
    """``term ~ pattern`` (``fold``: ``~*``): the pattern is found anywhere in the term."""

    term: Expr
    pattern: Expr
    fold: bool = False
    negated: bool = False
    type: SqlType = BOOLEAN

    @property
    def nullable(self) -> bool:
        """If an operand is."""
        return is_nullable(self.term) or is_nullable(self.pattern)


@record
class Arithmetic(Expr):
    """``left op right``. ``type`` is the result's; the operands may be of two types (timestamp - interval)."""

    op: OneOf["+", "-", "*", "/", "%", "^", "&", "|", "#", "<<", ">>"]
    left: Expr
    right: Expr
    type: SqlType

    @property
    def nullable(self) -> bool:
        """If an operand is; a loop down the left ones, since a chain of a thousand terms nests as deeply."""
        left: Expr = self
        while isinstance(left, Arithmetic):
            if is_nullable(left.right):
                return True
            left = left.left
        return is_nullable(left)


@record
class Negate(Expr):
    """``-term`` of a number or an interval; ``op`` "~" is the bitwise complement of an integer."""

    term: Expr
    type: SqlType
    op: OneOf["-", "~"] = "-"

    @property
    def nullable(self) -> bool:
        """If the term is."""
        return is_nullable(self.term)


@record
class Concat(Expr):
    """``a || b || …`` of texts (or of byte strings): NULL if a part is."""

    parts: tuple[Expr, ...]
    type: SqlType

    @property
    def nullable(self) -> bool:
        """If a part is."""
        return any(is_nullable(part) for part in self.parts)


@record
class Case(Expr):
    """``CASE WHEN condition THEN value … ELSE otherwise END``; the simple form has been rewritten into this one."""

    whens: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr | None
    type: SqlType

    @property
    def nullable(self) -> bool:
        """If a result is, or if there is no ELSE."""
        if self.otherwise is None or is_nullable(self.otherwise):
            return True
        return any(is_nullable(value) for _, value in self.whens)


def is_lookup(condition: Expr, value: Expr) -> bool:
    """Whether a WHEN is made of whole lists (see ``in_lists``): a column equals one of the keys, whose value is it."""
    if not isinstance(condition, Compare) or condition.op != "=" or type_of(condition.left).kind is Kind.DOUBLE:
        return False
    lists = (condition.right, value)
    return isinstance(condition.left, Column) and all(isinstance(each, Param) and each.many for each in lists)


@record
class Cast(Expr):
    """``CAST(term AS type)``: converts the value; DataError if it can't."""

    term: Expr
    type: SqlType

    @property
    def nullable(self) -> bool:
        """If the term is."""
        return is_nullable(self.term)


@record
class Call(Expr):
    """A scalar function of ``sql.functions``, by its registered name."""

    function: str
    args: tuple[Expr, ...]
    type: SqlType
    nullable: bool = True


@record
class Subquery(Expr):
    """A subquery as one value: the only column of its first row, or NULL. More than one row is an error
    unless ``first`` (a LIMIT 1 says so).
    """

    plan: Node
    type: SqlType
    nullable: bool = True


@record
class Exists(Expr):
    """``[NOT] EXISTS (plan)``; true for the same rows as ``keys``, an InPlan, which is asked after ``most`` of them."""

    plan: Node
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = False
    keys: Expr | None = None
    most: int = 0


@record
class InPlan(Expr):
    """``(terms) [NOT] IN (plan)``: as many terms as the plan has columns, types equal."""

    terms: tuple[Expr, ...]
    plan: Node
    negated: bool = False
    type: SqlType = BOOLEAN
    nullable: bool = True


@record
class AggregateCall:
    """One aggregate of an Aggregate node: registered ``function`` over ``args`` (empty: ``COUNT(*)``)."""

    function: str
    args: tuple[Expr, ...]
    type: SqlType
    distinct: bool = False
    filter: Expr | None = None
    order_by: tuple[SortKey, ...] = ()
    nullable: bool = True


@record
class SortKey:
    """``expr [DESC] [NULLS FIRST|LAST]``. Where nothing is said, NULL is the smallest value (as in SQLite)."""

    expr: Expr
    descending: bool = False
    nulls_first: bool = True


@record
class FrameBound:
    """An end of a window's frame: the current row, moved back (-1) or on (1) by ``distance``; None is without bound."""

    direction: OneOf[-1, 0, 1]
    distance: Expr | None = None


@record
class WindowFrame:
    """The rows of its partition that a window function sees from a row; without some, as ``exclude`` says."""

    unit: OneOf["rows", "range", "groups"] = "range"
    start: FrameBound = FrameBound(-1)
    end: FrameBound = FrameBound(0)
    exclude: OneOf["", "current row", "group", "ties"] = ""


@record
class WindowCall:
    """One call of a Window node: a window function, or an aggregate, over the rows of ``frame`` (None: it has none).

    Of an aggregate, rows for which ``filter`` is not true are left out.
    """

    function: str
    args: tuple[Expr, ...]
    type: SqlType
    frame: WindowFrame | None
    filter: Expr | None = None
    nullable: bool = True


def type_of(expr: Expr) -> SqlType:
    """The type of any expression."""
    type_: SqlType = expr.type  # type: ignore[attr-defined]
    return type_


def is_nullable(expr: Expr) -> bool:
    """Whether the expression can be NULL."""
    nullable: bool = expr.nullable  # type: ignore[attr-defined]
    return nullable


_EXPRESSIONS = FieldsWith("Expr")


def children(expr: Expr) -> list[Expr]:
    """The direct operands, in order; does not enter the plans of subqueries."""
    found: list[Expr] = []
    for name in _EXPRESSIONS[type(expr)]:
        _gather(getattr(expr, name), found)
    return found


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all below it, parents first; does not enter the plans of subqueries."""
    stack = [expr]
    while stack:
        here = stack.pop()
        yield here
        if _EXPRESSIONS[type(here)]:
            stack.extend(reversed(children(here)))


def _gather(value: object, found: list[Expr]) -> None:
    if isinstance(value, Expr):
        found.append(value)
    elif isinstance(value, tuple):
        for item in value:
            _gather(item, found)
