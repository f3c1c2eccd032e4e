"""Ways into one table: for a scan and the terms that hold for its rows, every access path that serves them.

``Scan book``, ``b.year > p0`` → ``IndexRange book using book_year (b.year > p0)``, and the scan itself. A path says
which terms it leaves to be tested, how many rows it gives, what it costs, and in what order the rows come.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod

from ...record import record, replace
from ...storage.schema import IndexKey, IndexSchema
from ...values import BIGINT, NOCASE
from ..collations import folded
from ..expr import (
    Cast,
    Column,
    Compare,
    Constant,
    Expr,
    IsNull,
    Like,
    Or,
    Param,
    Regex,
    number_of,
    rowid,
    type_of,
)
from ..plan import (
    IndexIn,
    IndexLookup,
    IndexRange,
    KeyIn,
    KeyLookup,
    KeyRange,
    Node,
    RowidIntersection,
    RowidUnion,
    Scan,
)
from .constraints import Among, Bound, Constraint, Equal, canonical, constraints
from .simplify import simplified
from .statistics import (
    BETWEEN,
    DESCENT,
    FAR,
    FETCH_ROW,
    HALF_OPEN,
    MERGE,
    MERGE_ROW,
    SCAN_ROW,
    TEST_TERM,
    Statistics,
    selectivity_of,
)
from .terms import FALSE, UNKNOWN_TRUTH, conjuncts

Terms = tuple[Expr, ...]
_LEAST, _GREATEST = -(1 << 63), (1 << 63) - 1


@record
class Ordered:
    """One key of an order: ascending, NULLs first, or the reverse of that; ``nullable`` if NULLs are met at all."""

    target: Expr
    descending: bool
    nullable: bool


@record
class Path:
    """``node`` yields ``rows`` rows at the cost of ``access``; ``residual`` remains to be tested on them.

    ``order`` is a total order, its last key the rowid, empty for at most one row (``single``); ``fixed`` are the
    operands that have the same value in every row. ``eager``: all is found before the first row is given. ``passing``:
    the share of the rows that pass the residual, where an index has counted some of that; it is guessed otherwise.
    """

    node: Node
    residual: Terms
    rows: float
    access: float
    order: tuple[Ordered, ...] = ()
    fixed: frozenset[Expr] = frozenset()
    single: bool = False
    eager: bool = False
    passing: float | None = None

    @property
    def cost(self) -> float:
        """The cost of all that the path gives, tested."""
        return self.access + self.rows * len(self.residual) * TEST_TERM

    @property
    def result_rows(self) -> float:
        """The rows after the residual terms."""
        return self.rows * (selectivity_of(self.residual) if self.passing is None else self.passing)


def best_path(scan: Scan, terms: Terms, statistics: Statistics, limit: int | None = None) -> Path:
    """The cheapest of ``paths``; where no more than ``limit`` rows will be asked for, another index than an eager one
    may be."""
    best = min(paths(scan, terms, statistics), key=lambda path: path.cost)
    if not best.eager or limit is None or best.result_rows <= limit:
        return best
    share = limit / best.result_rows
    others = [path for path in paths(scan, terms, statistics) if not path.eager and not isinstance(path.node, Scan)]
    other = min(others, key=lambda path: path.cost)
    return other if other.cost * share < best.cost else best


def paths(scan: Scan, terms: Terms, statistics: Statistics) -> list[Path]:
    """Every sensible way into the table, the plain scan last."""
    return statistics.once(("paths", scan.alias, terms), lambda: _paths(scan, terms, statistics))


def _paths(scan: Scan, terms: Terms, statistics: Statistics) -> list[Path]:
    if FALSE in terms or UNKNOWN_TRUTH in terms:
        return [_nothing(scan)]
    known = constraints(scan, terms)
    found = list(_by_rowid(scan, terms, known, statistics))
    if any(path.single for path in found):
        return found  # nothing finds one row faster, so nothing need be asked of the table or its indexes
    for index in indexes(scan):
        keys = usable_keys(scan, index, terms, statistics)
        if keys is not None:
            found.extend(_by_index(scan, index, keys, terms, known, statistics))
    found.extend(_by_intersection(scan, terms, found, statistics))
    found.extend(_by_union(scan, terms, statistics))
    rows = statistics.rows(scan)
    found.append(Path(scan, terms, rows, rows * SCAN_ROW, by_rowid(scan), _fixed(known)))
    counted = {term: share for term in terms if (share := _counted_nulls(scan, term, statistics)) is not None}
    return [_passing(path, counted) for path in found] if counted else found


def _passing(path: Path, counted: dict[Expr, float]) -> Path:
    """The path, which knows the share of rows that pass what has been counted."""
    if counted.keys().isdisjoint(path.residual):
        return path
    guessed = selectivity_of(tuple(term for term in path.residual if term not in counted))
    return replace(path, passing=guessed * prod(counted[term] for term in path.residual if term in counted))


def _counted_nulls(scan: Scan, term: Expr, statistics: Statistics) -> float | None:
    """The share of rows for which IS NULL or IS NOT NULL is true, if an index of the operand alone tells it.

    Most rows may have NULL there, as of what is marked as deleted, or next to none.
    """
    if not isinstance(term, IsNull):
        return None
    operand = canonical(term.term, scan)
    for index in indexes(scan):
        if len(index.keys) == 1 and usable_keys(scan, index, (), statistics) == (operand,):
            nulls = statistics.nulls(scan, index)
            return None if nulls is None else 1.0 - nulls if term.negated else nulls
    return None


def indexes(scan: Scan) -> Iterator[IndexSchema]:
    """The table's indexes, the one of a primary key that is not the rowid first."""
    table = scan.table
    if table.rowid_column is None and table.primary_key:
        name = table.primary_key_name or f"{table.name}_pkey"
        yield IndexSchema(name, tuple(IndexKey(column) for column in table.primary_key), unique=True)
    yield from table.indexes


def usable_keys(scan: Scan, index: IndexSchema, terms: Terms, statistics: Statistics) -> tuple[Expr, ...] | None:
    """The index's keys as operands of ``scan``; None if it is partial and may lack rows for which the terms hold."""
    if index.where is not None:
        where = statistics.once(("where", scan.alias, index.name), lambda: _condition(scan, index))
        if not _implied(scan, where, terms):
            return None
    return statistics.once(("keys", scan.alias, index.name), lambda: _keys(scan, index)) or None


def _keys(scan: Scan, index: IndexSchema) -> tuple[Expr, ...]:
    keys: list[Expr] = []
    for key in index.keys:
        collation = key.collation
        if key.column is not None:
            column = scan.table.column(key.column)
            expr: Expr = Column(scan.alias, column.name, column.type, column.nullable)
            collation = collation or column.collation
        else:
            assert key.expression is not None
            expr = _bound(scan, key.expression)
        keys.append(canonical(folded(expr) if collation == NOCASE else expr, scan))
    return tuple(keys)


def _condition(scan: Scan, index: IndexSchema) -> Terms:
    assert index.where is not None
    return conjuncts(canonical(_bound(scan, index.where), scan))


def _bound(scan: Scan, text: str) -> Expr:
    # The binder stands above this module: it is what calls ``optimize``.
    from ..prepare import bind_row_expression

    return simplified(bind_row_expression(scan.table, text, scan.alias))


def _implied(scan: Scan, where: Terms, terms: Terms) -> bool:
    """Whether the terms hold every term of a partial index's condition, or what makes ``IS NOT NULL`` true."""
    given = {canonical(term, scan) for term in terms}
    for needed in where:
        if needed in given:
            continue
        if isinstance(needed, IsNull) and needed.negated and _never_null(needed.term, given):
            continue
        return False
    return True


def _never_null(operand: Expr, given: set[Expr]) -> bool:
    return any(
        (isinstance(term, Compare) and operand in (term.left, term.right))
        or (isinstance(term, Like | Regex) and operand == term.term)
        for term in given
    )


def by_rowid(scan: Scan, descending: bool = False) -> tuple[Ordered, ...]:
    """The order of the rowid alone."""
    return (Ordered(rowid(scan.alias), descending, nullable=False),)


def _fixed(known: tuple[Constraint, ...]) -> frozenset[Expr]:
    return frozenset(each.target for each in known if isinstance(each, Equal))


def _nothing(scan: Scan) -> Path:
    return Path(KeyLookup(scan.table, scan.alias, Constant(None, BIGINT)), (), 0.0, 1.0, single=True)


def _without(terms: Terms, *used: Expr) -> Terms:
    return tuple(term for term in terms if term not in used)


# --- by rowid ------------------------------------------------------------------------------------------------------


def _by_rowid(scan: Scan, terms: Terms, known: tuple[Constraint, ...], statistics: Statistics) -> Iterator[Path]:
    own = [each for each in known if each.target == rowid(scan.alias)]
    fixed = _fixed(known)
    for each in own:
        match each:
            case Equal(value=value, null=False, term=term) if _is_rowid(value):
                if isinstance(value, Constant) and not _fits(value):
                    yield _nothing(scan)
                else:
                    node = KeyLookup(scan.table, scan.alias, _as_rowid(value))
                    yield Path(node, _without(terms, term), 1.0, FETCH_ROW, (), fixed, single=True)
            case Among(values=values, term=term) if all(_is_rowid(value) for value in values):
                keys = tuple(_as_rowid(v) for v in values if not isinstance(v, Constant) or _fits(v))
                if keys:
                    number = number_of(keys)
                    node_in = KeyIn(scan.table, scan.alias, keys)
                    fetch = FETCH_ROW * (FAR if statistics.exceeds_cache(scan.table.name) else 1)
                    yield Path(node_in, _without(terms, term), number, number * fetch, by_rowid(scan), fixed)
                else:
                    yield _nothing(scan)
    bounds = [each for each in own if isinstance(each, Bound) and _is_rowid(each.value)]
    low, high = _ends([each for each in bounds if not isinstance(each.value, Constant) or _fits(each.value)])
    if low is not None or high is not None:
        yield _key_range(scan, low, high, terms, fixed, statistics)


def _key_range(
    scan: Scan, low: Bound | None, high: Bound | None, terms: Terms, fixed: frozenset[Expr], statistics: Statistics
) -> Path:
    node = KeyRange(
        scan.table,
        scan.alias,
        _as_rowid(low.value) if low else None,
        _as_rowid(high.value) if high else None,
        bool(low and low.open),
        bool(high and high.open),
    )
    rows = statistics.rows(scan) * (BETWEEN if low and high else HALF_OPEN)
    rest = _without(terms, *(bound.term for bound in (low, high) if bound and bound.exact))
    return Path(node, rest, rows, rows * SCAN_ROW, by_rowid(scan), fixed)


def _is_rowid(value: Expr) -> bool:
    return type_of(value).is_integer


def _fits(value: Constant) -> bool:
    return isinstance(value.value, int) and _LEAST <= value.value <= _GREATEST


def _as_rowid(value: Expr) -> Expr:
    """A key that surely has 64 bits; what is computed is checked by a cast."""
    return value if isinstance(value, Constant | Param | Column | Cast) else Cast(value, BIGINT)


def _ends(bounds: list[Bound]) -> tuple[Bound | None, Bound | None]:
    """The first lower and the first upper bound."""
    low = next((bound for bound in bounds if not bound.upper), None)
    high = next((bound for bound in bounds if bound.upper), None)
    return low, high


# --- by index ------------------------------------------------------------------------------------------------------


def _by_index(
    scan: Scan,
    index: IndexSchema,
    keys: tuple[Expr, ...],
    terms: Terms,
    known: tuple[Constraint, ...],
    statistics: Statistics,
) -> Iterator[Path]:
    equals = _equal_prefix(keys, known)
    if len(equals) == len(index.keys):
        yield _index_lookup(scan, index, equals, terms, known, statistics)
        return
    prefix = equals[: next((at for at, each in enumerate(equals) if each.null), len(equals))]
    if len(prefix) < len(keys):
        target = keys[len(prefix)]
        if len(index.keys) == 1:
            yield from _index_in(scan, index, target, terms, known, statistics)
        low, high = _ends([each for each in known if isinstance(each, Bound) and each.target == target])
    else:
        low = high = None
    if prefix or low is not None or high is not None:
        yield _index_range(scan, index, keys, prefix, (low, high), terms, known, statistics)


def _equal_prefix(keys: tuple[Expr, ...], known: tuple[Constraint, ...]) -> tuple[Equal, ...]:
    found: list[Equal] = []
    for key in keys:
        candidates = [each for each in known if isinstance(each, Equal) and each.target == key]
        if not candidates:
            break
        found.append(min(candidates, key=lambda each: (each.null, not isinstance(each.value, Constant))))
    return tuple(found)


def _index_lookup(
    scan: Scan,
    index: IndexSchema,
    equals: tuple[Equal, ...],
    terms: Terms,
    known: tuple[Constraint, ...],
    statistics: Statistics,
) -> Path:
    nulls = any(each.null for each in equals)
    values = tuple(each.value for each in equals)
    # A deferred constraint may be violated until the transaction ends.
    unique = index.unique and not index.deferrable and not (nulls and index.nulls_distinct)
    node = IndexLookup(scan.table, scan.alias, index.name, values, unique, nulls)
    exact = [each.term for each in equals]
    rows = 1.0 if index.unique and not nulls else statistics.rows(scan) * statistics.equal(scan, index, values)
    cost = DESCENT + rows * FETCH_ROW
    order = () if unique else by_rowid(scan)
    return Path(node, _without(terms, *exact), rows, cost, order, _fixed(known), single=unique)


def _index_in(
    scan: Scan,
    index: IndexSchema,
    target: Expr,
    terms: Terms,
    known: tuple[Constraint, ...],
    statistics: Statistics,
) -> Iterator[Path]:
    for each in known:
        if isinstance(each, Among) and each.target == target:
            number = number_of(each.values)
            share = sum(statistics.equal(scan, index, (value,)) * number_of((value,)) for value in each.values)
            rows = float(number) if index.unique else statistics.rows(scan) * min(share, 1.0)
            cost = number * DESCENT + rows * FETCH_ROW
            node = IndexIn(scan.table, scan.alias, index.name, each.values)
            yield Path(node, _without(terms, each.term), rows, cost, by_rowid(scan), _fixed(known))


def _index_range(
    scan: Scan,
    index: IndexSchema,
    keys: tuple[Expr, ...],
    prefix: tuple[Equal, ...],
    bounds: tuple[Bound | None, Bound | None],
    terms: Terms,
    known: tuple[Constraint, ...],
    statistics: Statistics,
) -> Path:
    low, high = bounds
    values = tuple(each.value for each in prefix)
    ends = (low.value if low else None, high.value if high else None)
    bounded = low is not None or high is not None
    node = IndexRange(
        scan.table,
        scan.alias,
        index.name,
        values,
        *ends,
        low_open=bool(low and low.open),
        high_open=bool(high and high.open),
        nulls=not bounded,
    )
    exact = [each.term for each in prefix] + [each.term for each in bounds if each and each.exact]
    rows = statistics.rows(scan) * statistics.between(scan, index, values, *ends)
    cost = DESCENT + rows * FETCH_ROW
    order = index_order(scan, index, keys, len(prefix), bounded)
    return Path(node, _without(terms, *exact), rows, cost, order, _fixed(known))


def index_order(
    scan: Scan, index: IndexSchema, keys: tuple[Expr, ...], skipped: int, bounded: bool
) -> tuple[Ordered, ...]:
    """The order in which a range of the index gives its rows, after the first ``skipped`` keys."""
    order: list[Ordered] = []
    for at in range(skipped, len(keys)):
        name = index.keys[at].column
        nullable = name is None or scan.table.column(name).nullable
        order.append(Ordered(keys[at], index.keys[at].descending, nullable and not (bounded and at == skipped)))
    if len(keys) == len(index.keys):
        order.extend(by_rowid(scan))
    return tuple(order)


# --- by several paths ----------------------------------------------------------------------------------------------


def _by_intersection(scan: Scan, terms: Terms, found: list[Path], statistics: Statistics) -> Iterator[Path]:
    """Two indexes that each know some of the terms: rowids that both find are looked up, where they are few."""
    several = [path for path in found if isinstance(path.node, IndexLookup | IndexRange | IndexIn) and not path.single]
    every = statistics.rows(scan)
    for one, other in combinations(sorted(several, key=lambda path: path.rows), 2):
        rest = tuple(term for term in one.residual if term in other.residual)
        if any(set(rest) >= set(path.residual) for path in found):
            continue  # one index knows as much
        rows = one.rows * other.rows / every
        walks = MERGE + sum(path.access - path.rows * (FETCH_ROW - MERGE_ROW) for path in (one, other))
        node = RowidIntersection(scan.table, scan.alias, (one.node, other.node))
        yield Path(node, rest, rows, walks + rows * FETCH_ROW, by_rowid(scan), one.fixed, eager=True)


def _by_union(scan: Scan, terms: Terms, statistics: Statistics) -> Iterator[Path]:
    """An OR of which every alternative has a path of its own; the OR is tested again, for what the paths leave."""
    for term in terms:
        if not isinstance(term, Or):
            continue
        found = [best_path(scan, conjuncts(alternative), statistics) for alternative in term.terms]
        if any(isinstance(path.node, Scan | RowidUnion) for path in found):
            continue
        rows = sum(path.rows for path in found)
        cost = sum(path.cost for path in found)
        exact = [term] if not any(path.residual for path in found) else []
        node = RowidUnion(scan.table, scan.alias, tuple(path.node for path in found))
        yield Path(node, _without(terms, *exact), rows, cost, by_rowid(scan), _fixed(constraints(scan, terms)))


def reversed_path(scan: Scan, path: Path) -> Path | None:
    """The same rows in the opposite order; None where there is no such walk."""
    order = tuple(replace(key, descending=not key.descending) for key in path.order)
    match path.node:
        case Scan(table=table, alias=alias):
            return replace(path, node=KeyRange(table, alias, reverse=True), order=order)
        case KeyRange() | IndexRange() as node:
            return replace(path, node=replace(node, reverse=not node.reverse), order=order)
        case IndexLookup(nulls=False) as node:
            walk = IndexRange(node.table, node.alias, node.index, node.keys, nulls=True, reverse=True)
            return replace(path, node=walk, order=order)
    return None
