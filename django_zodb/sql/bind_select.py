"""Queries: SELECT, VALUES, UNION and their like → plans that bind one alias each.

A SELECT becomes Scan/Join → Filter → Aggregate → Filter → Sort → [DistinctOn] → Limit → [LockRows] → Project, or, with
DISTINCT or where a sort key is dear to compute, Project → [Distinct] → Sort → Limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sqlglot import exp

from ..record import replace
from ..values import Kind
from .bind_context import Context, name_of
from .bind_expr import bind_condition, bind_expr, bind_value, plain_column
from .bind_from import bind_from, bind_values
from .bind_functions import CALLS, is_stable
from .bind_order import Item, Query, item_at, limited, ordered, sort_key_of, sorted_by
from .bind_window import WINDOW_CALLS, Layer, layers, name_windows, uses_window
from .bind_with import with_ctes
from .coerce import Params, settle, unify
from .collations import collated_like
from .documents import canonical, comparable
from .expr import Column, Constant, Exists, Expr, InPlan, Param, SortKey, Subquery, is_nullable, type_of
from .expr import walk as parts_of
from .plan import (
    Aggregate,
    Distinct,
    DistinctOn,
    Filter,
    LockRows,
    Node,
    Output,
    OutputColumn,
    Project,
    SetOperation,
    Values,
    output_columns,
)
from .rewrite import rewrite
from .scope import Grouping, Name, NameProblem, Scope, Source, Windowing, unique_name


def bind_query(node: exp.Expression, here: Context, alias: str, exact: bool = False) -> Query:
    """The plan of a query, inside ``here``, whose names it may use; it binds an alias like ``alias``.

    ``exact``: that alias has been reserved and is to be used as it is.
    """
    here.consume(node)
    here = with_ctes(node, here)
    alias = alias if exact else here.alias(alias)
    match node:
        case exp.Select():
            return _Select(node, here, alias).bind()
        case exp.SetOperation():
            return ordered(_bind_set_operation(node, here, alias), node, here)
        case exp.Values():
            values = bind_values(node, here, alias)
            titles = tuple(column.name for column in values.columns)
            return ordered(Query(values, alias, values.columns, titles), node, here)
        case exp.Subquery():
            return ordered(bind_query(node.this, here, alias, exact=True), node, here)
    raise here.unsupported(node, "this statement is not supported as a query")


# --- set operations ------------------------------------------------------------------------------------------------


def _bind_set_operation(node: exp.Expression, here: Context, alias: str) -> Query:
    left, right = bind_query(node.this, here, "left"), bind_query(node.expression, here, "right")
    if len(left.columns) != len(right.columns):
        counts = f"{len(left.columns)} and {len(right.columns)}"
        raise here.wrong(node.expression, f"{_kind(node).upper()} of queries with {counts} columns")
    pairs = []
    with here.placed(node.expression):
        for at in range(len(left.columns)):
            pair, type_ = unify([left.column(at), right.column(at)], here.params, _kind(node).upper())
            if _kind(node) != "union" or node.args.get("distinct"):
                pair = [canonical(each) for each in pair]
            pairs.append((pair, type_))
    columns = tuple(
        OutputColumn(column.name, type_, is_nullable(one) or is_nullable(other))
        for column, ((one, other), type_) in zip(left.columns, pairs, strict=True)
    )
    plan = SetOperation(
        _kind(node),  # type: ignore[arg-type]
        not node.args.get("distinct"),
        converted(left, [pair[0] for pair, _ in pairs], here),
        converted(right, [pair[1] for pair, _ in pairs], here),
        alias,
        columns,
    )
    return Query(plan, alias, columns, left.titles)


def _kind(node: exp.Expression) -> str:
    return type(node).__name__.lower()


def converted(query: Query, exprs: list[Expr], here: Context) -> Node:
    """The query with ``exprs`` over its columns in their place."""
    if all(expr == query.column(at) for at, expr in enumerate(exprs)):
        return query.plan
    outputs = tuple(Output(column.name, expr) for column, expr in zip(query.columns, exprs, strict=True))
    return Project(query.plan, here.alias("converted"), outputs)


# --- SELECT --------------------------------------------------------------------------------------------------------


class _Select:
    """One SELECT being bound."""

    def __init__(self, node: exp.Expression, outer: Context, alias: str) -> None:
        self.node = node
        self.alias = alias
        self.scope = Scope(outer.scope)
        self.here = outer.inside(self.scope)
        self.grouping = Grouping("")
        self.windowing = self.scope.windowing = Windowing(partial(outer.alias, "windowed"))
        self.items: list[Item] = []
        self.keys: dict[Expr, Column] = {}
        self.layers: list[Layer] = []

    def bind(self) -> Query:
        """The query."""
        plan = self._from_and_where()
        self._bind_items()
        group = self.node.args.get("group")
        group_keys = [] if group is None else self._group_keys(group)
        having = self.node.args.get("having")
        condition = None
        if having is not None:
            self.here.consume(having)
            with self.here.clause("HAVING", self.grouping):
                condition = bind_condition(having.this, self.here, "HAVING")
            self._refuse_window(condition, having, "HAVING")
        sort_keys, positions = self._sort_keys()
        on = self._distinct_on()
        self.layers = layers(self.windowing)
        if group is not None or having is not None or self.grouping.calls:
            if self.node.args.get("locks"):
                raise self.here.unsupported(
                    self.node.args["locks"][0], "FOR UPDATE is not allowed with GROUP BY or aggregates"
                )
            plan, condition, sort_keys, on = self._aggregated(plan, group_keys, condition, sort_keys, on)
        if condition is not None:
            plan = Filter(plan, condition)
        for layer in self.layers:
            plan = layer.over(plan)
        if self.layers and self.node.args.get("locks"):
            raise self.here.unsupported(self.node.args["locks"][0], "FOR UPDATE is not allowed with window functions")
        return self._finished(plan, sort_keys, positions, on)

    def _from_and_where(self) -> Node:
        from_ = self.node.args.get("from_")
        if from_ is None:
            plan: Node = Values(self.here.alias("nothing"), (), ((),))
        else:
            self.here.consume(from_)
            plan = bind_from(from_.this, self.node.args.get("joins") or (), self.here)
        self.grouping.alias = self.here.alias("grouped")
        where = self.node.args.get("where")
        if where is not None:
            self.here.consume(where)
            with self.here.clause("WHERE"):
                plan = Filter(plan, bind_condition(where.this, self.here, "WHERE"))
        return plan

    def _bind_items(self) -> None:
        name_windows(self.node.args.get("windows") or [], self.here, self.grouping, bind_expr)
        with self.here.clause("SELECT", self.grouping):
            for node in self.node.expressions:
                self.items.extend(_bind_item(node, self.here))
        for item in self.items:
            self.scope.outputs.setdefault(item.title, item.expr)

    def _group_keys(self, group: exp.Expression) -> list[Output]:
        self.here.consume(group)
        keys = []
        with self.here.clause("GROUP BY"):
            for node in group.expressions:
                title, expr = self._group_key(node)
                if any(isinstance(each, Column) and each.alias == self.grouping.alias for each in parts_of(expr)):
                    raise self.here.wrong(node, "aggregate functions are not allowed in GROUP BY")
                self._refuse_window(expr, node, "GROUP BY")
                keys.append(Output(title, expr))
        return keys

    def _refuse_window(self, expr: Expr, node: exp.Expression, clause: str) -> None:
        """An output may be the value of a window function, which is not known yet."""
        if uses_window(self.windowing, expr):
            raise self.here.wrong(node, f"window functions are not allowed in {clause}")

    def _group_key(self, node: exp.Expression) -> tuple[str, Expr]:
        if isinstance(node, exp.Literal) and not node.is_string:
            at = item_at(node, self.items, self.here, "GROUP BY")
            assert at is not None
            return self.items[at].title, self.items[at].expr
        expr = bind_value(node, self.here)
        same = next((item.title for item in self.items if item.expr == expr), None)
        return same or (expr.name if isinstance(expr, Column) else "key"), expr

    def _sort_keys(self) -> tuple[list[SortKey], list[int | None]]:
        order = self.node.args.get("order")
        if order is None:
            return [], []
        self.here.consume(order)
        keys: list[SortKey] = []
        positions: list[int | None] = []
        with self.here.clause("ORDER BY", self.grouping):
            for node in order.expressions:
                key, at = sort_key_of(node, self.items, self.here)
                if not isinstance(key.expr, Constant):
                    keys.append(key)
                    positions.append(at)
        return keys, positions

    def _distinct_on(self) -> tuple[Expr, ...]:
        distinct = self.node.args.get("distinct")
        if distinct is None:
            return ()
        self.here.consume(distinct)
        on = distinct.args.get("on")
        if on is None:
            return ()
        keys = []
        self.here.consume(on)
        with self.here.clause("DISTINCT ON", self.grouping):
            for node in on.expressions if isinstance(on, exp.Tuple) else [on]:
                at = item_at(node, self.items, self.here, "DISTINCT ON")
                keys.append(self.items[at].expr if at is not None else bind_value(node, self.here))
        return tuple(keys)

    # --- grouping

    def _aggregated(
        self, plan: Node, keys: list[Output], having: Expr | None, sort_keys: list[SortKey], on: tuple[Expr, ...]
    ) -> tuple[Node, Expr | None, list[SortKey], tuple[Expr, ...]]:
        """Everything above the grouping, in terms of the groups: keys, what depends on them, and aggregates."""
        outputs: list[Output] = []
        for key in keys:
            if key.expr not in self.keys:
                self._add_key(key.expr, key.name, outputs)
        regroup = _Regrouping(self, outputs)
        nodes = self.node.expressions
        if len(nodes) != len(self.items):  # a * among them
            nodes = [self.node] * len(self.items)
        self.items = [Item(item.title, regroup(item.expr, node)) for item, node in zip(self.items, nodes, strict=True)]
        having = None if having is None else regroup(having, self.node.args.get("having") or self.node)
        order = self.node.args.get("order") or self.node
        sort_keys = [replace(key, expr=regroup(key.expr, order)) for key in sort_keys]
        on = tuple(regroup(key, self.node) for key in on)
        with self.here.placed(self.node):
            self.layers = [layer.regrouped(regroup.replacement) for layer in self.layers]
        calls = tuple((column.name, call) for call, column in self.grouping.calls.items())
        return Aggregate(plan, self.grouping.alias, tuple(outputs), calls), having, sort_keys, on

    def _add_key(self, expr: Expr, name: str, outputs: list[Output]) -> Column:
        name = self.grouping.new_name(name)
        column = self.keys[expr] = Column(self.grouping.alias, name, type_of(expr), is_nullable(expr))
        outputs.append(Output(name, canonical(expr)))
        return column

    def depends_on_keys(self, column: Column) -> bool:
        """Whether the column's table has its whole primary key among the keys, so that a group has one value of it."""
        source = next(source for source in self.scope.sources if source.alias == column.alias)
        if source.table is None or not source.table.primary_key:
            return False
        keyed = {key.name for key in self.keys if isinstance(key, Column) and key.alias == column.alias}
        return keyed.issuperset(source.table.primary_key)

    # --- the rest of the plan

    def _finished(
        self, plan: Node, sort_keys: list[SortKey], positions: list[int | None], on: tuple[Expr, ...]
    ) -> Query:
        outputs = self._outputs()
        if self.node.args.get("distinct") is not None and not on:
            return self._distinct(plan, outputs, sort_keys)
        if on:
            self._check_on(on, sort_keys)
        elif not self.node.args.get("locks") and any(at is not None and _is_dear(outputs[at].expr) for at in positions):
            return self._sorted_by_outputs(plan, outputs, sort_keys, positions)
        if sort_keys:
            plan = sorted_by(plan, sort_keys)
        if on:
            plan = DistinctOn(plan, tuple(map(comparable, on)))
        if any(lock.args.get("wait") is False for lock in self.node.args.get("locks") or ()):
            plan = limited(self._locked(plan), self.node, self.here)  # what is skipped does not count
        else:
            plan = self._locked(limited(plan, self.node, self.here))
        return self._query(Project(plan, self.alias, outputs))

    def _outputs(self) -> tuple[Output, ...]:
        names: set[str] = set()
        outputs = []
        for item in self.items:
            name = unique_name(item.title, names)
            names.add(name)
            outputs.append(Output(name, item.expr))
        return tuple(outputs)

    def _query(self, plan: Node) -> Query:
        return Query(plan, self.alias, output_columns(plan), tuple(item.title for item in self.items))

    def _distinct(self, plan: Node, outputs: tuple[Output, ...], sort_keys: list[SortKey]) -> Query:
        if self.node.args.get("locks"):
            raise self.here.unsupported(self.node.args["locks"][0], "FOR UPDATE is not allowed with DISTINCT")
        distinct = tuple(replace(output, expr=canonical(output.expr)) for output in outputs)
        query = self._query(Distinct(Project(plan, self.alias, distinct)))
        by_expr = {output.expr: at for at, output in reversed(list(enumerate(outputs)))}
        shapes = _by_shape(by_expr)
        keys = []
        for key in sort_keys:
            expr = key.expr if key.expr in by_expr else _same_but_for_params(key.expr, shapes, self.here.params)
            if expr is None:
                raise self.here.wrong(
                    self.node.args["order"], "for SELECT DISTINCT, ORDER BY expressions must appear in the select list"
                )
            keys.append(replace(key, expr=collated_like(query.column(by_expr[expr]), key.expr)))
        sorted_ = sorted_by(query.plan, keys) if keys else query.plan
        return replace(query, plan=limited(sorted_, self.node, self.here))

    def _sorted_by_outputs(
        self, plan: Node, outputs: tuple[Output, ...], sort_keys: list[SortKey], positions: list[int | None]
    ) -> Query:
        """Compute the outputs first, and sort by what was computed: a subquery runs once per row, random() is one."""
        names = {output.name for output in outputs}
        hidden: list[Output] = []
        keys = []
        wide = self.here.alias(f"{self.alias}_sorted")
        for key, at in zip(sort_keys, positions, strict=True):
            if at is None:
                name = unique_name("sort_key", names)
                names.add(name)
                output = Output(name, key.expr)
                hidden.append(output)
            else:
                output = outputs[at]
            keys.append(replace(key, expr=_column_of(output, wide)))
        plan = sorted_by(Project(plan, wide, (*outputs, *hidden)), keys)
        plan = limited(plan, self.node, self.here)
        shown = tuple(Output(output.name, _column_of(output, wide)) for output in outputs)
        return self._query(Project(plan, self.alias, shown))

    def _check_on(self, on: tuple[Expr, ...], sort_keys: list[SortKey]) -> None:
        leading = {key.expr for key in sort_keys[: len(on)]}
        if sort_keys and not (leading <= set(on) if len(sort_keys) < len(on) else leading == set(on)):
            raise self.here.wrong(
                self.node.args["distinct"], "DISTINCT ON expressions must match the first ORDER BY expressions"
            )

    def _locked(self, plan: Node) -> Node:
        locks = self.node.args.get("locks") or []
        for lock in locks:
            self.here.consume(lock)
            if not lock.args.get("update"):
                raise self.here.unsupported(lock, "FOR SHARE is not supported; use FOR UPDATE")
            wait = lock.args.get("wait")
            sources = self._locked_sources(lock)
            if sources:
                aliases = tuple(source.alias for source in sources)
                plan = LockRows(plan, aliases, nowait=wait is True, skip_locked=wait is False)
        return plan

    def _locked_sources(self, lock: exp.Expression) -> list[Source]:
        named = lock.args.get("expressions") or []
        sources = [source for source in self.scope.sources if source.table is not None]
        if named:
            sources = []
            for node in named:
                self.here.consume(node)
                source = self.scope.source(name_of(node.this))
                if source is None or source.table is None:
                    raise self.here.wrong(node, f'FOR UPDATE OF "{node.name}": no table of this FROM')
                sources.append(source)
        if any(source.nullable for source in sources):
            raise self.here.unsupported(
                lock, "FOR UPDATE of the optional side of an outer join is not supported; name others in OF"
            )
        return sources


class _Regrouping:
    """Rewrites expressions over the rows into expressions over the groups."""

    def __init__(self, select: _Select, outputs: list[Output]) -> None:
        self.select = select
        self.outputs = outputs
        self.local = select.scope.aliases()
        self.shapes = _by_shape(select.keys)

    def __call__(self, expr: Expr, node: exp.Expression) -> Expr:
        """``expr`` of ``node``; ProgrammingError for a column that a group may have several values of."""
        with self.select.here.placed(node):
            return rewrite(expr, self.replacement)

    def replacement(self, part: Expr) -> Expr | None:
        """What stands for a part of an expression over the rows; None leaves it."""
        same = part if part in self.select.keys else _same_but_for_params(part, self.shapes, self.select.here.params)
        if same is not None:
            return collated_like(self.select.keys[same], part)
        if not isinstance(part, Column) or part.alias not in self.local:
            return None
        if self.select.depends_on_keys(part):
            return self.select._add_key(part, part.name, self.outputs)
        raise NameProblem(
            f'column "{part.alias}.{part.name}" must appear in the GROUP BY clause or be used in an aggregate function'
        )


def _by_shape(exprs: Iterable[Expr]) -> dict[Expr, list[Expr]]:
    """Those that hold parameters, by what they are but for these."""
    found: dict[Expr, list[Expr]] = {}
    for expr in exprs:
        if _params_of(expr):
            found.setdefault(_shape(expr), []).append(expr)
    return found


def _same_but_for_params(part: Expr, shapes: dict[Expr, list[Expr]], params: Params) -> Expr | None:
    """Which of them is this expression with the same values in other parameters: the text can't name one twice."""
    for expr in shapes.get(_shape(part), ()) if shapes else ():
        pairs = zip(_params_of(expr), _params_of(part), strict=True)
        if all(params.same(one, other) for one, other in pairs):
            return expr
    return None


def _shape(expr: Expr) -> Expr:
    return rewrite(expr, lambda part: replace(part, index=-1) if isinstance(part, Param) else None)


def _params_of(expr: Expr) -> list[int]:
    return [part.index for part in parts_of(expr) if isinstance(part, Param)]


def _column_of(output: Output, alias: str) -> Column:
    return Column(alias, output.name, type_of(output.expr), is_nullable(output.expr))


def _is_dear(expr: Expr) -> bool:
    """Whether computing it twice per row would cost, or change it."""
    return any(isinstance(part, Subquery | Exists | InPlan) for part in parts_of(expr)) or not is_stable(expr)


# --- the SELECT list -----------------------------------------------------------------------------------------------


def bind_items(nodes: list[exp.Expression], here: Context) -> list[tuple[str, Expr]]:
    """(title, expression) for each column of a list as SELECT and RETURNING have it."""
    return [(item.title, item.expr) for node in nodes for item in _bind_item(node, here)]


def _bind_item(node: exp.Expression, here: Context) -> list[Item]:
    plain = plain_column(node, here) if type(node) is exp.Column else None
    if plain is not None:
        return [Item(node.this.this, plain)]
    if isinstance(node, exp.Star):
        here.consume(node)
        columns = here.scope.star()
        if not here.scope.sources:
            raise here.wrong(node, "SELECT * without FROM")
        return [Item(column.name, column.expr) for column in columns]
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return _bind_qualified_star(node, here)
    alias: exp.Expression | None = None
    if isinstance(node, exp.Alias):
        here.consume(node)
        alias, node = node.args["alias"], node.this
    elif isinstance(node, exp.Subquery) and node.args.get("alias") is not None:
        alias = node.args["alias"].this
    if alias is not None and not isinstance(alias, exp.Identifier):
        raise here.wrong(node, "syntax error, an operator is missing after this")
    expr = bind_value(node, here)
    if type_of(expr).kind is Kind.UNKNOWN:
        expr = settle(expr, here.params)
    return [Item(_title(node, expr, here.scope) if alias is None else alias.this, expr)]


def _bind_qualified_star(node: exp.Expression, here: Context) -> list[Item]:
    here.consume(node)
    here.consume(node.this)
    name: Name = name_of(node.args["table"])
    with here.placed(node):
        source = here.scope.source(name)
        if source is None:
            raise NameProblem(f'"{name.text}" is no table of this FROM')
    return [Item(column.name, column.expr) for column in source.columns]


_CALLED: dict[type[exp.Expression], str] = {exp.Hex: "to_hex", exp.TimestampTrunc: "date_trunc"}
"""Functions that the parser has another name for."""


def _title(node: exp.Expression, expr: Expr, scope: Scope) -> str:
    """The name of a column that was given none: that of the column or function it is."""
    while isinstance(node, (exp.Paren, exp.Cast, exp.Filter, exp.WithinGroup, exp.Collate, exp.Window)):
        node = node.this
    if isinstance(node, exp.Column):
        shown = scope.shown(expr) if isinstance(expr, Column) else None
        return str(node.name) if shown is None else shown
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if type(node) in _CALLED:
        return _CALLED[type(node)]
    if type(node) in CALLS:
        return CALLS[type(node)][0].lower()
    if type(node) in WINDOW_CALLS:
        return WINDOW_CALLS[type(node)][0].lower()
    if isinstance(node, exp.Func) and not isinstance(node, (exp.And, exp.Or, exp.Case)):
        return node.sql_name().lower()
    return "case" if isinstance(node, exp.Case) else "?column?"
