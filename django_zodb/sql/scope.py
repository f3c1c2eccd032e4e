"""Which names mean what at one point of a statement: the sources of a FROM, and the scopes around it.

An unquoted name is looked up as written first, then regardless of case, where that leaves no doubt; a quoted one
exactly. Names of tables and views go by letters alone, even quoted, as in SQLite: no two differ in case only. Errors
are ``NameProblem``: the binder knows the place and raises them as ProgrammingError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..record import record, replace
from ..storage.schema import TableSchema
from .expr import ROWID, AggregateCall, Case, Column, Expr, IsNull, SortKey, WindowCall, WindowFrame, rowid, type_of
from .plan import Node
from .rewrite import rewrite

PUBLIC = "public"
"""The schema that all tables and views are in."""


class NameProblem(Exception):
    """A name that means nothing here, or too much."""


@record
class Name:
    """An identifier as it was written."""

    text: str
    quoted: bool

    def choose(self, candidates: Iterable[str]) -> str | None:
        """The candidate it means, or None; NameProblem if several differ from it in case alone."""
        names = list(candidates)
        if self.text in names:
            return self.text
        folded = self.text.casefold()
        alike = set() if self.quoted else {name for name in names if name.casefold() == folded}
        if len(alike) > 1:
            raise NameProblem(f'"{self.text}" may be {" or ".join(sorted(alike))}: quote it')
        return alike.pop() if alike else None

    def in_any_case(self, candidates: Iterable[str]) -> str | None:
        """The candidate it means regardless of case, quoted or not, as tables and views are named."""
        return replace(self, quoted=False).choose(candidates)


@record
class SourceColumn:
    """A column that a source offers under ``name``."""

    name: str
    expr: Expr


@record
class Source:
    """One item of a FROM: ``name`` in the statement, ``alias`` in the plan; ``table`` if it is a base table.

    ``nullable`` is True where an outer join may put NULLs in the place of its row. ``exactly``: what it offers by name,
    if each has a name of its own.
    """

    name: str
    alias: str
    columns: tuple[SourceColumn, ...]
    table: TableSchema | None = None
    nullable: bool = False

    __slots__ = ("exactly",)

    def __post_init__(self) -> None:
        exactly: dict[str, Expr] = {column.name: column.expr for column in self.columns}
        self.exactly = exactly if len(exactly) == len(self.columns) else {}

    def find(self, name: Name) -> list[Expr]:
        """What ``name`` may mean in this source."""
        if name.text in self.exactly:
            return [self.exactly[name.text]]
        exactly = [column.expr for column in self.columns if column.name == name.text]
        if exactly:
            return exactly
        found = name.choose(column.name for column in self.columns)
        if found is not None:
            return [column.expr for column in self.columns if column.name == found]
        if self.table is not None and name.text.casefold() == ROWID:
            return [replace(rowid(self.alias), nullable=self.nullable)]
        return []

    def as_nullable(self) -> Source:
        """The same source on the optional side of an outer join."""
        columns = tuple(SourceColumn(column.name, nullable(column.expr)) for column in self.columns)
        return replace(self, columns=columns, nullable=True)


def nullable(expr: Expr) -> Expr:
    """``expr`` whose columns may all be NULL."""
    return rewrite(expr, lambda part: replace(part, nullable=True) if isinstance(part, Column) else None)


@dataclass(slots=True)
class Grouping:
    """The aggregates of one SELECT: they become columns of the Aggregate node ``alias``."""

    alias: str
    calls: dict[AggregateCall, Column] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def column(self, call: AggregateCall) -> Column:
        """The column that holds the value of ``call``, one for equal calls."""
        column = self.calls.get(call)
        if column is None:
            name = self.new_name(call.function.lower())
            column = self.calls[call] = Column(self.alias, name, call.type, call.nullable)
        return column

    def new_name(self, wanted: str) -> str:
        """``wanted``, or that with a number, if it is taken."""
        name = unique_name(wanted, self.names)
        self.names.add(name)
        return name


@record
class WindowDefinition:
    """What OVER says, or WINDOW before it: ``frame`` None where it says nothing of a frame."""

    partition: tuple[Expr, ...] = ()
    order: tuple[SortKey, ...] = ()
    frame: WindowFrame | None = None


Partitioning = tuple[tuple[Expr, ...], tuple[SortKey, ...]]
"""The PARTITION BY and ORDER BY of a window."""


@dataclass(slots=True)
class Windowing:
    """The window functions of one SELECT, which become columns of Window nodes, one for each way to sort the rows.

    ``named`` are the definitions of its WINDOW clause; ``aliases`` of the nodes come from ``new_alias``.
    """

    new_alias: Callable[[], str]
    named: dict[str, WindowDefinition] = field(default_factory=dict)
    aliases: dict[Partitioning, str] = field(default_factory=dict)
    calls: dict[tuple[Partitioning, WindowCall], Column] = field(default_factory=dict)

    def column(self, partitioning: Partitioning, call: WindowCall) -> Column:
        """The column that holds the value of ``call``, one for equal calls."""
        column = self.calls.get((partitioning, call))
        if column is None:
            alias = self.aliases.get(partitioning)
            if alias is None:
                alias = self.aliases[partitioning] = self.new_alias()
            name = unique_name(call.function.lower(), (each.name for each in self.calls.values()))
            column = self.calls[partitioning, call] = Column(alias, name, call.type, call.nullable)
        return column


def unique_name(wanted: str, taken: Iterable[str]) -> str:
    """``wanted``, or that with the first number that makes it differ from all that are taken."""
    names = set(taken)
    name, number = wanted, 2
    while name in names:
        name, number = f"{wanted}_{number}", number + 1
    return name


@dataclass(slots=True)
class Scope:
    """The names in force in one SELECT (or UPDATE…), inside those of ``parent``.

    ``merged`` are the columns that USING and NATURAL made one of two; ``hidden`` (alias, name) pairs are the originals,
    which only their qualified names reach. ``outputs`` are the SELECT's own column names, the last resort of GROUP BY,
    HAVING and ORDER BY. ``grouping`` is there where aggregates are allowed, ``windowing`` in a SELECT; ``clause`` says
    where we are. ``ctes`` are the queries that WITH named, to be bound wherever one is used.
    """

    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Expr] = field(default_factory=dict)
    hidden: set[tuple[str, str]] = field(default_factory=set)
    outputs: dict[str, Expr] = field(default_factory=dict)
    grouping: Grouping | None = None
    windowing: Windowing | None = None
    clause: str = ""
    ctes: dict[str, Callable[[str], tuple[Node, Source]]] = field(default_factory=dict)

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def aliases(self) -> frozenset[str]:
        """The plan's aliases of this scope's own sources."""
        return frozenset(source.alias for source in self.sources)

    def source(self, name: Name) -> Source | None:
        """This scope's source of that name, or None."""
        for source in self.sources:
            if source.name == name.text:
                return source
        found = name.choose(source.name for source in self.sources)
        return next((source for source in self.sources if source.name == found), None)

    def column(self, table: str, column: str) -> Column | None:
        """The column that is named exactly so here; None if ``resolve`` has to tell what is meant."""
        for source in self.sources:
            if source.name == table:
                found = source.exactly.get(column)
                return found if type(found) is Column else None
        return None

    def resolve(self, table: Name | None, column: Name) -> Expr:
        """The expression that a column reference means; NameProblem if there is none, or more than one."""
        found = self._lookup(table, column)
        if found is None and table is not None and table.quoted:  # only now, lest an outer table be taken for an inner
            found = self._lookup(replace(table, quoted=False), column)
        if found is not None:
            return found
        if table is None:
            hint = "; each table has its own" if column.text.casefold() == ROWID else ""
            raise NameProblem(f'column "{column.text}" does not exist{hint}')
        if any(scope.source(table) for scope in self.chain()):
            raise NameProblem(f'column "{table.text}.{column.text}" does not exist')
        raise NameProblem(f'"{table.text}" is no table of this FROM')

    def has(self, column: Name) -> bool:
        """Whether a column reference means anything; NameProblem if it means more than one."""
        return self._lookup(None, column) is not None

    def _lookup(self, table: Name | None, column: Name) -> Expr | None:
        scope: Scope | None = self
        while scope is not None:  # as ``chain``, for each name in a statement
            found = scope._unqualified(column) if table is None else scope._qualified(table, column)
            if len(found) > 1:
                raise NameProblem(f'column "{column.text}" is ambiguous')
            if found:
                return found[0]
            scope = scope.parent
        return None

    def _qualified(self, table: Name, column: Name) -> list[Expr]:
        source = self.source(table)
        return [] if source is None else source.find(column)

    def _unqualified(self, column: Name) -> list[Expr]:
        names = dict.fromkeys(self.merged)
        for source in self.sources:
            names.update((each.name, None) for each in source.columns if (source.alias, each.name) not in self.hidden)
        chosen = column.choose(names)
        if chosen is None:
            if column.text.casefold() == ROWID and len(self.sources) == 1:
                return self.sources[0].find(column)
            output = column.choose(self.outputs)
            return [] if output is None else [self.outputs[output]]
        if chosen in self.merged:
            return [self.merged[chosen]]
        return [
            each.expr
            for source in self.sources
            for each in source.columns
            if each.name == chosen and (source.alias, each.name) not in self.hidden
        ]

    def shown(self, column: Column) -> str | None:
        """The name under which a FROM offers the column; None for a row identifier."""
        for scope in self.chain():
            for source in scope.sources:
                if source.alias == column.alias:
                    if source.table is None:
                        return next((each.name for each in source.columns if each.expr == column), None)
                    at = source.table.positions.get(column.name)
                    return None if at is None else source.columns[at].name
        return None if column.name.startswith("\0") else column.name

    def star(self) -> list[SourceColumn]:
        """What ``*`` stands for: merged columns first, then those of each source."""
        columns = [SourceColumn(name, expr) for name, expr in self.merged.items()]
        for source in self.sources:
            columns.extend(each for each in source.columns if (source.alias, each.name) not in self.hidden)
        return columns

    def merge(self, name: str, left: Expr, right: Expr, kind: str) -> None:
        """Make one column of two of that name: the left one, the right one for a RIGHT JOIN, either for a FULL one."""
        self.hide(name)
        match kind:
            case "right":
                self.merged[name] = right
            case "full":
                either = Case(((IsNull(left, negated=True), left),), right, type_of(left))
                self.merged[name] = either
            case _:
                self.merged[name] = left

    def hide(self, name: str) -> None:
        """Only qualified names reach the sources' columns of that name from now on."""
        folded = name.casefold()
        for source in self.sources:
            self.hidden.update((source.alias, each.name) for each in source.columns if each.name.casefold() == folded)

    def make_nullable(self, aliases: frozenset[str]) -> None:
        """The sources of these aliases stand on the optional side of an outer join."""
        self.sources = [source.as_nullable() if source.alias in aliases else source for source in self.sources]
        for name, expr in self.merged.items():
            self.merged[name] = rewrite(
                expr,
                lambda part: (
                    replace(part, nullable=True) if isinstance(part, Column) and part.alias in aliases else None
                ),
            )

    def absorb(self, other: Scope) -> None:
        """Take over the sources of a scope that was bound beside this one."""
        self.sources.extend(other.sources)
        self.merged.update(other.merged)
        self.hidden.update(other.hidden)
