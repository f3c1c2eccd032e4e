"""WITH: named queries, bound where they are used.

A query that is used once is bound in its place, like a derived table; one that is used more often becomes a ``Shared``
node wherever it is, computed once. ``WITH RECURSIVE t AS (first UNION ALL step)`` becomes ``Recursive(first, step)``,
and ``t`` within ``step`` a ``WorkTable``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from sqlglot import exp

from ..values import SqlType
from .bind_context import Context, name_of
from .bind_order import Query, limited
from .coerce import unify
from .expr import Column, Expr
from .plan import Aggregate, Join, Node, OutputColumn, Recursive, Shared, WorkTable, sources
from .scope import Scope, Source, SourceColumn, unique_name

BindCte = Callable[[str], tuple[Node, Source]]
"""Plan alias → the plan of a named query that binds it, and the source that this is in a FROM."""


def with_ctes(node: exp.Expression, here: Context) -> Context:
    """A context in which the names of the node's WITH are known."""
    with_ = node.args.get("with_")
    if with_ is None:
        return here
    here.consume(with_)
    scope = Scope(here.scope)
    inner = here.inside(scope)
    uses = _names_used(node)
    for cte in with_.expressions:
        here.consume(cte)
        here.consume(cte.args["alias"])
        name = cte.alias
        if name in scope.ctes:
            raise here.wrong(cte.args["alias"], f'WITH query name "{name}" specified more than once')
        own = _names_used(cte.this)[name.casefold()]
        query = _Cte(cte, here.inside(Scope(here.scope, ctes=scope.ctes)))
        bind = query.bind_recursive if with_.args.get("recursive") and own else query.bind
        materialized = cte.args.get("materialized")
        again = materialized or (uses[name.casefold()] - own > 1 and materialized is None)
        scope.ctes = {**scope.ctes, name: _Sharing(query, bind, inner) if again else bind}
    return inner


def _names_used(node: exp.Expression) -> Counter[str]:
    """How often each name stands for a table, in any case of its letters."""
    return Counter(table.name.casefold() for table in node.find_all(exp.Table))


class _Sharing:
    """Binds a query at its first use, and gives all uses that plan."""

    def __init__(self, query: _Cte, bind: BindCte, here: Context) -> None:
        self._query = query
        self._bind = bind
        self._here = here
        self._name = here.alias(query.name)
        self._bound: tuple[Node, Source] | None = None

    def __call__(self, alias: str) -> tuple[Node, Source]:
        """The query under one more alias."""
        if self._bound is None:
            self._bound = self._bind(self._here.alias(f"{self._name}_row"))
        plan, source = self._bound
        columns = tuple(_output(column.expr) for column in source.columns)
        titles = [column.name for column in source.columns]
        return Shared(plan, self._name, alias, columns), _source(self._query.name, alias, columns, titles)


def _output(expr: Expr) -> OutputColumn:
    assert isinstance(expr, Column)
    return OutputColumn(expr.name, expr.type, expr.nullable)


def _source(name: str, alias: str, columns: tuple[OutputColumn, ...], titles: list[str]) -> Source:
    return Source(
        name,
        alias,
        tuple(
            SourceColumn(title, Column(alias, column.name, column.type, column.nullable))
            for title, column in zip(titles, columns, strict=True)
        ),
    )


class _Cte:
    """One query of a WITH; ``here`` knows the names before it."""

    def __init__(self, node: exp.Expression, here: Context) -> None:
        self.node = node.this
        self.alias = node.args["alias"]
        self.name: str = node.alias
        self.names = [name_of(each).text for each in self.alias.args.get("columns") or ()]
        self.here = here

    def bind(self, alias: str) -> tuple[Node, Source]:
        """The query, like a derived table."""
        from .bind_select import bind_query  # queries have a WITH, which has queries

        bound = bind_query(self.node, self.here, alias, exact=True)
        return bound.plan, _source(self.name, alias, bound.columns, self._titles(bound))

    def _titles(self, query: Query) -> list[str]:
        """The names of the columns: those after the name of the query, then its own."""
        if len(self.names) > len(query.columns):
            raise self.here.wrong(self.alias, f"the query has {len(query.columns)} columns, not {len(self.names)}")
        return [*self.names, *query.titles[len(self.names) :]]

    # --- WITH RECURSIVE

    def bind_recursive(self, alias: str) -> tuple[Node, Source]:
        """The query, a UNION of what it begins with and of what follows from the rows found so far."""
        from .bind_select import bind_query

        node = self.node
        if not isinstance(node, exp.Union) or self._refers(node.this):
            form = "a query without that name, UNION [ALL], then one with it"
            raise self.here.unsupported(node, f'recursive query "{self.name}" must be {form}')
        self.here.consume(node)
        if node.args.get("order"):
            raise self.here.unsupported(node.args["order"], "ORDER BY in a recursive query is not supported")
        here = with_ctes(node, self.here)
        first = bind_query(node.this, here, f"{alias}_first")
        titles = self._titles(first)
        work = here.alias(f"{alias}_rows")
        plans, columns = self._united(first, titles, work, here)
        plan = Recursive(*plans, work, not node.args.get("distinct"), alias, columns)
        return limited(plan, node, here), _source(self.name, alias, columns, titles)

    def _refers(self, node: exp.Expression) -> bool:
        return self.name.casefold() in _names_used(node)

    def _united(
        self, first: Query, titles: list[str], work: str, here: Context
    ) -> tuple[tuple[Node, Node], tuple[OutputColumn, ...]]:
        """Both queries with columns of the same types; these may be wider than those of the first alone."""
        from .bind_select import converted

        types = [column.type for column in first.columns]
        names: list[str] = []
        for title in titles:
            names.append(unique_name(title, names))
        while True:
            columns = tuple(OutputColumn(name, type_) for name, type_ in zip(names, types, strict=True))
            step = self._step(columns, titles, work, here)
            pairs, united = self._unified(first, step, here)
            if [type_.kind for type_ in united] == [type_.kind for type_ in types]:
                break
            types = united
        firsts, steps = [one for one, _ in pairs], [other for _, other in pairs]
        return (converted(first, firsts, here), converted(step, steps, here)), columns

    def _unified(self, first: Query, step: Query, here: Context) -> tuple[list[tuple[Expr, Expr]], list[SqlType]]:
        if len(first.columns) != len(step.columns):
            raise here.wrong(
                self.node.expression, f"UNION of queries with {len(first.columns)} and {len(step.columns)} columns"
            )
        pairs, types = [], []
        with here.placed(self.node.expression):
            for at in range(len(first.columns)):
                (one, other), type_ = unify([first.column(at), step.column(at)], here.params, "UNION")
                pairs.append((one, other))
                types.append(type_)
        return pairs, types

    def _step(self, columns: tuple[OutputColumn, ...], titles: list[str], work: str, here: Context) -> Query:
        """The query that follows, over rows of these columns."""
        from .bind_select import bind_query

        uses = 0

        def work_table(alias: str) -> tuple[Node, Source]:
            nonlocal uses
            uses += 1
            return WorkTable(work, alias, columns), _source(self.name, alias, columns, titles)

        scope = Scope(here.scope, ctes={self.name: work_table})
        step = bind_query(self.node.expression, here.inside(scope), "step")
        problem = _problem(step.plan, uses)
        if problem:
            raise here.unsupported(
                self.node.expression, f'recursive query "{self.name}" must not refer to itself {problem}'
            )
        return step


def _problem(plan: Node, uses: int) -> str:
    """What is wrong with the place of the work table in a recursive query; empty if nothing is."""
    if uses > 1:
        return "more than once"
    path = next(_paths(plan), None)
    if path is None:
        return "within a subquery" if uses else ""
    for node, below in pairwise(path):
        if isinstance(node, Aggregate):
            return "below an aggregate"
        if isinstance(node, Join) and (node.kind == "full" or (node.kind != "inner" and below is node.right)):
            return "on the optional side of an outer join"
    return ""


def _paths(node: Node) -> Iterator[list[Node]]:
    """From the node down to each work table."""
    if isinstance(node, WorkTable):
        yield [node]
    for source in sources(node):
        for path in _paths(source):
            yield [node, *path]
