"""Plan nodes: what a statement does, as a tree of frozen dataclasses. Rows flow from the leaves to the root.

A node *binds aliases*: for every row that it lets through, each bound alias stands for one tuple. A scan binds its
table's alias to a stored row (columns in schema order); Filter, Sort, Limit pass the bindings of their source on;
a Join binds those of both sides; Project, Aggregate, SetOperation and Values bind only their own new alias, to a
tuple in the order of ``columns``. Expressions inside a node may use the aliases that its sources bind, and, in a
subquery, those of the enclosing plan. The root of a query binds one alias: its tuples are the result.

The binder makes the logical nodes (first part); ``optimize`` replaces Scans and Joins by the access paths and join
strategies of the second part; ``compile`` prints one block of Python per node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal as OneOf
from typing import Protocol

from ..record import FieldsWith, record
from ..storage.protocol import Row, Table
from ..storage.schema import TableSchema
from ..values import SqlType
from .expr import AggregateCall, Column, Constant, Expr, SortKey, WindowCall

JoinKind = OneOf["inner", "left", "full", "semi", "anti"]


@record
class Output:
    """A column that a node computes: its name, how, and so its type."""

    name: str
    expr: Expr


@record
class OutputColumn:
    """A column that a node offers under its alias."""

    name: str
    type: SqlType
    nullable: bool = True


@record
class Node:
    """Base of all plan nodes."""


# --- logical nodes -------------------------------------------------------------------------------------------------


@record
class Scan(Node):
    """Every row of a table, in rowid order. Binds ``alias``."""

    table: TableSchema
    alias: str


@record
class Values(Node):
    """Rows of expressions, which use no alias but those of an enclosing plan. One empty row is a FROM-less SELECT.

    ``repeated``: the one row, of all parameters there are and constants, stands for a row per so many parameters given.
    """

    alias: str
    columns: tuple[OutputColumn, ...]
    rows: tuple[tuple[Expr, ...], ...]
    repeated: bool = False


@record
class Listing(Node):
    """Rows that are there already: those of the view ``name`` of the schema information_schema."""

    alias: str
    name: str
    columns: tuple[OutputColumn, ...]
    rows: tuple[Row, ...]


@record
class Filter(Node):
    """The rows for which ``condition`` is true (not false, not NULL)."""

    source: Node
    condition: Expr


@record
class Join(Node):
    """Pairs of rows for which ``condition`` (None: always) is true.

    left: also left rows without a pair, right aliases bound to rows of NULLs; full: right ones too. semi (anti): left
    rows with (without) a pair, binding the left aliases only. A RIGHT JOIN is bound as a left one with sides
    exchanged. ``right`` may use the aliases of ``left`` only if ``lateral``.
    """

    left: Node
    right: Node
    kind: JoinKind
    condition: Expr | None = None
    lateral: bool = False


@record
class Project(Node):
    """One tuple of ``outputs`` per row, bound to ``alias``."""

    source: Node
    alias: str
    outputs: tuple[Output, ...]


@record
class Aggregate(Node):
    """One tuple per group: the ``keys``, then the ``calls``, bound to ``alias`` under their names.

    Without keys there is exactly one group, even over no rows. Keys are equal as in IS NOT DISTINCT FROM. If
    ``ordered``, the source gives the rows of a group one after another: groups come in that order, each when complete.
    """

    source: Node
    alias: str
    keys: tuple[Output, ...]
    calls: tuple[tuple[str, AggregateCall], ...]
    ordered: bool = False


@record
class Window(Node):
    """The rows of the source, sorted by ``partition``, then ``order``, each with the values of ``calls``.

    Binds the aliases of the source, and ``alias`` to the values under their names. Of each partition only the ``first``
    rows are asked for, if that is given; no more than these need be there.
    """

    source: Node
    alias: str
    partition: tuple[Expr, ...]
    order: tuple[SortKey, ...]
    calls: tuple[tuple[str, WindowCall], ...]
    first: Expr | None = None


@record
class Distinct(Node):
    """The first of equal rows of its source's only alias; the order of rows is kept."""

    source: Node


@record
class DistinctOn(Node):
    """The first row (in the order of the source) for each value of ``keys``; in that order, if it is ``ordered``."""

    source: Node
    keys: tuple[Expr, ...]
    ordered: bool = True


@record
class Sort(Node):
    """Rows in the order of ``keys``; stable. ``first``: so many will do as a rule, sort the rest if they do not."""

    source: Node
    keys: tuple[SortKey, ...]
    first: int | None = None


class Search(Protocol):
    """What finds the rows of a Limit's source in any order, see ``search``."""

    def tables(self, alias: str) -> list[TableSchema]:
        """The tables that it takes to find the rows of ``alias``; none if it can't."""
        ...

    def renamed(self, old: str, new: str) -> Search:
        """The same, where rows of the alias ``old`` are those of ``new``."""
        ...

    def of(self, alias: str) -> Callable[[Sequence[Table], Sequence[object]], Iterable[int] | None]:
        """``(tables, params)`` → rowids of the rows of ``alias``, in any order, some perhaps more than once; lazy.

        None if that is more than can be compiled.
        """
        ...


@record
class Limit(Node):
    """At most ``limit`` rows (None: all) after skipping ``offset``; integers, evaluated once; negative: DataError.

    ``search`` finds the same rows otherwise, should a walk in their order turn out to be long.
    """

    source: Node
    limit: Expr | None = None
    offset: Expr | None = None
    search: Search | None = None


@record
class SetOperation(Node):
    """UNION, INTERSECT or EXCEPT of two sources that bind one alias each, of equal width and types.

    Binds ``alias`` to tuples with the left side's column names. Rows are equal as in IS NOT DISTINCT FROM.
    """

    kind: OneOf["union", "intersect", "except"]
    all: bool
    left: Node
    right: Node
    alias: str
    columns: tuple[OutputColumn, ...]


@record
class Shared(Node):
    """The rows of ``source``, a query of one alias, computed once for all nodes of that ``name``. Binds ``alias``."""

    source: Node
    name: str
    alias: str
    columns: tuple[OutputColumn, ...]


@record
class Recursive(Node):
    """The rows of ``first``, then of ``step`` over those found last, until it finds none. Binds ``alias``.

    ``step`` has them as the WorkTable of the same ``work``. Unless ``all``, no row is found twice.
    """

    first: Node
    step: Node
    work: str
    all: bool
    alias: str
    columns: tuple[OutputColumn, ...]


@record
class WorkTable(Node):
    """The rows that the ``Recursive`` around it found last. Binds ``alias``."""

    work: str
    alias: str
    columns: tuple[OutputColumn, ...]


@record
class LockRows(Node):
    """FOR UPDATE: locks the rows of the base tables ``aliases`` that pass."""

    source: Node
    aliases: tuple[str, ...]
    nowait: bool = False
    skip_locked: bool = False


# --- statements that write -----------------------------------------------------------------------------------------


@record
class OnConflict:
    """ON CONFLICT: ``target`` names the columns of the unique key, or the ``index``; both empty: any.

    ``assignments`` None is DO NOTHING; else (position, value) pairs for DO UPDATE, which may use the insert's alias
    (the row that is there) and ``excluded`` (the row that was proposed), and apply where ``condition`` is true.
    ``admitted``: INSERT OR IGNORE, which also leaves out what NOT NULL or a CHECK refuses.
    """

    target: tuple[str, ...] = ()
    index: str | None = None
    excluded: str = "excluded"
    assignments: tuple[tuple[int, Expr], ...] | None = None
    condition: Expr | None = None
    admitted: bool = False


@record
class Insert(Node):
    """Insert each row of ``source`` (its only alias, the columns ``positions`` of the table in that order).

    ``defaults`` gives every other column's value: (position, expression); a column in neither is NULL, or drawn from
    the sequence. ``source`` is complete before the first write. ``returning`` may use ``alias``: the row as stored.
    """

    table: TableSchema
    alias: str
    source: Node
    positions: tuple[int, ...]
    defaults: tuple[tuple[int, Expr], ...] = ()
    conflict: OnConflict | None = None
    returning: tuple[Output, ...] = ()


@record
class Update(Node):
    """Assign to the rows of ``alias`` that ``source`` binds; each row once. All rows are found before the first write.

    Assigned expressions may use every alias of ``source`` (the old values), and so may ``returning``, for which
    ``alias`` is the new row.
    """

    table: TableSchema
    alias: str
    source: Node
    assignments: tuple[tuple[int, Expr], ...]
    returning: tuple[Output, ...] = ()


@record
class Delete(Node):
    """Delete the rows of ``alias`` that ``source`` binds; each once. All are found before the first is removed.

    ``returning`` may use every alias of ``source``.
    """

    table: TableSchema
    alias: str
    source: Node
    returning: tuple[Output, ...] = ()


# --- access paths (made by optimize) -------------------------------------------------------------------------------


@record
class KeyLookup(Node):
    """The row of ``table`` whose rowid is ``key``: none or one. No row if the key is NULL."""

    table: TableSchema
    alias: str
    key: Expr


@record
class KeyRange(Node):
    """Rows in rowid order between the bounds (None: unbounded), backwards if ``reverse``."""

    table: TableSchema
    alias: str
    low: Expr | None = None
    high: Expr | None = None
    low_open: bool = False
    high_open: bool = False
    reverse: bool = False


@record
class KeyIn(Node):
    """The rows whose rowid is among ``keys``, each once, in rowid order."""

    table: TableSchema
    alias: str
    keys: tuple[Expr, ...]


@record
class IndexLookup(Node):
    """Rows whose index keys (all of them) equal ``keys``, in rowid order. ``loose`` as of IndexRange.

    ``nulls``: a constant NULL among ``keys`` finds the rows that have NULL there. Any other key that is NULL, no row.
    """

    table: TableSchema
    alias: str
    index: str
    keys: tuple[Expr, ...]
    unique: bool = False
    nulls: bool = False
    loose: tuple[str, ...] = ()


@record
class IndexRange(Node):
    """Rows in index order: first keys equal ``prefix``, the next one in the bounds; see ``protocol.Index.range``.

    ``loose``: the columns of these keys, where the rows may come in any order: if they are many, then by a walk over
    the whole table. Else empty. ``by_rowid``: they come in rowid order instead.
    """

    table: TableSchema
    alias: str
    index: str
    prefix: tuple[Expr, ...] = ()
    low: Expr | None = None
    high: Expr | None = None
    low_open: bool = False
    high_open: bool = False
    nulls: bool = False
    reverse: bool = False
    ties_reversed: bool = False
    loose: tuple[str, ...] = ()
    by_rowid: bool = False


@record
class IndexIn(Node):
    """Rows whose single index key is among ``keys``, each once, in rowid order. ``loose`` as of IndexRange."""

    table: TableSchema
    alias: str
    index: str
    keys: tuple[Expr, ...]
    loose: tuple[str, ...] = ()


@record
class IndexGroups(Node):
    """The distinct keys of an index of one column, in its order, each with the number of its rows; reads no row.

    Binds ``alias`` to tuples of the key and, under each further name of ``columns``, that number.
    """

    table: TableSchema
    alias: str
    index: str
    columns: tuple[OutputColumn, ...]


@record
class RowidUnion(Node):
    """Rows that one of several access paths to the same table and alias finds, each once, in rowid order."""

    table: TableSchema
    alias: str
    paths: tuple[Node, ...]


@record
class RowidIntersection(Node):
    """Rows that each of several index paths to the same table and alias finds, in rowid order."""

    table: TableSchema
    alias: str
    paths: tuple[Node, ...]


# --- join strategies (made by optimize) ----------------------------------------------------------------------------


@record
class NestedLoop(Node):
    """For each left row the right side again: an access path whose keys use the left aliases, or a stored list.

    Kinds inner, left, semi and anti as of ``Join``. ``condition`` is what remains to be tested on the pair. ``ahead``:
    many left rows are taken at a time, and what they look up is read together.
    """

    left: Node
    right: Node
    kind: JoinKind
    condition: Expr | None = None
    ahead: bool = False


@record
class HashJoin(Node):
    """The right side in a dict by its keys, probed with each left row; equal keys as in ``=``: NULL matches nothing.

    All kinds of ``Join``; ``condition`` is what remains to be tested on the pair.
    """

    left: Node
    right: Node
    kind: JoinKind
    left_keys: tuple[Expr, ...]
    right_keys: tuple[Expr, ...]
    condition: Expr | None = None


@record
class TopN(Node):
    """Sort and Limit in one: the first ``limit`` rows after ``offset`` in the order of ``keys``."""

    source: Node
    keys: tuple[SortKey, ...]
    limit: Expr
    offset: Expr | None = None


@record
class SortRuns(Node):
    """Rows in the order of ``keys``, of a source that gives them in the order of the first ``sorted`` ones.

    Each run of rows that are equal in those is sorted by the rest, as soon as it is complete; stable.
    """

    source: Node
    keys: tuple[SortKey, ...]
    sorted: int


IndexAccess = IndexLookup | IndexRange | IndexIn
"""The access paths that may be ``loose``."""

BaseAccess = Scan | KeyLookup | KeyRange | KeyIn | IndexLookup | IndexRange | IndexIn | RowidUnion | RowidIntersection


def sources(node: Node) -> Iterator[Node]:
    """The nodes that feed this one, in order."""
    for name in _NODES[type(node)]:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif value is not None:
            yield from value


_NODES = FieldsWith("Node")


def walk(node: Node) -> Iterator[Node]:
    """The node and all that feed it, the root first; does not enter subqueries inside expressions."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend([*sources(here)][::-1])


def bound_aliases(node: Node) -> frozenset[str]:
    """The aliases that the node binds."""
    match node:
        case Join(kind="semi" | "anti") | NestedLoop(kind="semi" | "anti") | HashJoin(kind="semi" | "anti"):
            return bound_aliases(node.left)
        case Insert() | Update() | Delete():
            return frozenset()
        case Window(source=source, alias=alias):
            return bound_aliases(source) | {alias}
        case _:
            own: str | None = getattr(node, "alias", None)
            if own is not None:
                return frozenset((own,))
            return frozenset().union(*(bound_aliases(source) for source in sources(node)))


def gives_one(node: Node) -> bool:
    """Whether the node certainly gives one row at most."""
    match node:
        case Limit(limit=Constant(value=int(limit))) | TopN(limit=Constant(value=int(limit))):
            return limit <= 1
        case Aggregate(keys=()) | KeyLookup() | IndexLookup(unique=True, nulls=False):
            return True
        case Values(rows=rows):
            return len(rows) <= 1
        case NestedLoop(left=left, right=right, kind="inner" | "left"):
            return gives_one(left) and gives_one(right)
        case NestedLoop(left=source) | Project(source=source) | Filter(source=source) | Sort(source=source):
            return gives_one(source)
        case Distinct(source=source) | Limit(source=source) | LockRows(source=source):
            return gives_one(source)
        case _:
            return False


def has_key(node: Node, keys: Sequence[Expr]) -> bool:
    """Whether no two rows of a table, of groups, or of first rows, under Filters or not, have the same ``keys``."""
    while isinstance(node, Filter):
        node = node.source
    names = {key.name for key in keys if isinstance(key, Column)}
    if isinstance(node, Aggregate):
        return names >= {key.name for key in node.keys}
    if isinstance(node, IndexGroups):
        return node.columns[0].name in names
    if isinstance(node, DistinctOn):
        return {*keys} >= {*node.keys}
    return isinstance(node, BaseAccess) and node.table.is_key(names)


def output_columns(node: Node) -> tuple[OutputColumn, ...]:
    """The columns of the tuples that a node binding a single alias yields; of RETURNING for one that writes."""
    from .expr import is_nullable, type_of

    match node:
        case Project(outputs=outputs) | Insert(returning=outputs) | Update(returning=outputs):
            return tuple(OutputColumn(o.name, type_of(o.expr), is_nullable(o.expr)) for o in outputs)
        case Delete(returning=outputs):
            return tuple(OutputColumn(o.name, type_of(o.expr), is_nullable(o.expr)) for o in outputs)
        case Values(columns=columns) | Listing(columns=columns) | SetOperation(columns=columns):
            return columns
        case Shared(columns=columns) | Recursive(columns=columns) | WorkTable(columns=columns):
            return columns
        case IndexGroups(columns=columns):
            return columns
        case Aggregate(keys=keys, calls=calls):
            return tuple(OutputColumn(o.name, type_of(o.expr), is_nullable(o.expr)) for o in keys) + tuple(
                OutputColumn(name, call.type, call.nullable) for name, call in calls
            )
        case _ if hasattr(node, "table"):
            table: TableSchema = node.table
            return tuple(OutputColumn(c.name, c.type, c.nullable) for c in table.columns)
        case _:
            (source,) = sources(node)
            return output_columns(source)
