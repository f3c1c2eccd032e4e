"""How to find the rows of a LIMIT otherwise, once the walk in the order that was asked for turns out to be long.

``SELECT … FROM b JOIN t … WHERE t.name = %s ORDER BY b.day DESC LIMIT 20`` is walked along the index of ``b.day`` where
twenty rows are expected soon. Nobody knows whether they are: there may be none. So the plan's ``Limit`` is given a
``Search``: the same FROM and WHERE without order and limit, of which the rowids of ``b`` are taken, whichever way that
is done best. It is planned when a walk asks for it; of the rest of the walk only these rows are read, see
``storage.sought``. That changes no result: a row of ``b`` that is not among them belongs to no row of the join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import cast

from ..errors import OperationalError
from ..storage.protocol import Catalog, Table
from ..storage.schema import TableSchema
from .compile import compile_plan
from .compile.unit import all_expressions, statement_tables
from .ddl_expression import CLOCKS
from .expr import Call, Constant, Exists, Expr, InPlan
from .expr import rowid as rowid_of
from .functions import FUNCTIONS
from .optimize import optimize
from .optimize.decorrelate import unordered
from .plan import (
    Aggregate,
    Distinct,
    DistinctOn,
    Filter,
    Join,
    Limit,
    Node,
    Output,
    Project,
    Scan,
    Sort,
    Values,
    Window,
    bound_aliases,
)
from .program import Program
from .rewrite import changed, classes_in, map_sources, rewrite

Find = Callable[[Sequence[Table], Sequence[object]], Iterable[int] | None]

_OVER_ROWS = (Project, Sort, Distinct, DistinctOn, Aggregate, Window)
"""What makes something of the rows of FROM and WHERE, all of which it is given."""
_CERTAIN = frozenset((Filter, Join, Scan, Project, Sort, Values))
"""What gives the same rows each time. Limits, sums of floats, one of several equal rows depend on which comes first."""


def with_search(plan: Node) -> Node:
    """The query with a ``Search`` in its outermost Limit, if it has one; what that finds is seen when it is asked."""
    if isinstance(plan, Limit):
        return changed(plan, search=Search(plan.source))
    return map_sources(plan, with_search) if isinstance(plan, _OVER_ROWS) else plan


def _rows_below(node: Node) -> Node | None:
    """What FROM and WHERE give; None if that is not the same each time, or nothing is left out of it."""
    while isinstance(node, _OVER_ROWS) or (isinstance(node, Filter) and isinstance(node.source, Aggregate)):
        node = node.source
    if not isinstance(node, Filter | Join):
        return None
    node = rewrite(node, _simpler)
    classes = classes_in(node)
    if any(issubclass(each, Node) and each not in _CERTAIN for each in classes):
        return None
    return None if Call in classes and any(map(_changes_by_itself, all_expressions(node))) else node


def _changes_by_itself(expr: Expr) -> bool:
    return isinstance(expr, Call) and (expr.function in CLOCKS or not FUNCTIONS[expr.function].stable)


def _simpler(expr: Expr) -> Expr | None:
    """EXISTS (… LIMIT 1) as EXISTS (…), IN (SELECT DISTINCT …) as IN (SELECT …): here nothing is left to chance."""
    match expr:
        case Exists(plan=Project(source=Limit() as limit) as plan) if _lets_one_pass(limit):
            return changed(expr, plan=changed(plan, source=limit.source))
        case Exists(plan=Limit() as limit) if _lets_one_pass(limit):
            return changed(expr, plan=limit.source)
        case InPlan(plan=plan) if (below := unordered(plan)) is not plan:
            return changed(expr, plan=below)
    return None


def _lets_one_pass(node: Limit) -> bool:
    return node.offset is None and isinstance(node.limit, Constant) and node.limit.value not in (0, None)


class Search:
    """What finds the rowids of one table that ``limited``, the source of a Limit, is about; ``names``: other names of
    aliases. Most plans need none, so it is thought about when it is asked for."""

    def __init__(self, limited: Node, names: Mapping[str, str] | None = None) -> None:
        self._limited = limited
        self._names = names or {}
        self._finders: dict[str, Find] = {}

    @cached_property
    def _rows(self) -> Node | None:
        return _rows_below(self._limited)

    def tables(self, alias: str) -> list[TableSchema]:
        """The tables that it takes to find the rows of ``alias``; none if it can't."""
        rows = self._rows
        if rows is None or self._names.get(alias, alias) not in bound_aliases(rows):
            return []
        return statement_tables(rows)

    def renamed(self, old: str, new: str) -> Search:
        """The same, where rows of ``old`` are those of ``new``."""
        return Search(self._limited, {**self._names, new: old})

    def of(self, alias: str) -> Find:
        """``(tables, params)`` → rowids of the rows of ``alias``, in any order, some perhaps more than once; lazy.

        None if that is more than can be compiled. For an alias it is always the same function, which keeps its program.
        """
        if alias not in self._finders:
            assert self._rows is not None, "there are no tables of it"
            rowid = Output("rowid", rowid_of(self._names.get(alias, alias)))
            self._finders[alias] = _finder(Project(self._rows, "found", (rowid,)), f"the rows of {alias} for a LIMIT")
        return self._finders[alias]


def _finder(plan: Node, text: str) -> Find:
    programs: list[Program] = []

    def found(tables: Sequence[Table], params: Sequence[object]) -> Iterable[int] | None:
        catalog = cast(Catalog, _Tables(tables))
        if not programs:
            try:
                programs.append(compile_plan(optimize(plan, catalog), text))
            except (OperationalError, RecursionError):
                return None
        return (cast(int, rowid) for (rowid,) in programs[0].stream(catalog, params))

    return found


class _Tables:
    """As much of a catalog as planning and running a query takes."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = {table.schema.name: table for table in tables}

    def table(self, name: str) -> Table:
        """The live table of that name, which is one of them."""
        return self._tables[name]
