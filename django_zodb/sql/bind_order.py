"""What every query has: a result of columns, and the ORDER BY, LIMIT and OFFSET that may follow it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from ..record import record, replace
from ..values import BIGINT
from .bind_context import Context, name_of
from .bind_expr import bind_expr, bind_value, collated_as
from .coerce import convert, literal
from .documents import sortable
from .expr import Column, Constant, Expr, SortKey
from .plan import Limit, Node, Output, OutputColumn, Project, Sort
from .scope import Scope, Source, SourceColumn


@record
class Query:
    """A bound query. Its plan binds ``alias`` to tuples of ``columns``, whose names differ; ``titles`` may not."""

    plan: Node
    alias: str
    columns: tuple[OutputColumn, ...]
    titles: tuple[str, ...]

    def column(self, at: int) -> Column:
        """The column number ``at`` as an expression."""
        column = self.columns[at]
        return Column(self.alias, column.name, column.type, column.nullable)

    def source_columns(self) -> tuple[SourceColumn, ...]:
        """The columns by their titles, as a FROM offers them."""
        return tuple(SourceColumn(title, self.column(at)) for at, title in enumerate(self.titles))

    def titled(self) -> Node:
        """The plan with the titles as column names: for the root, whose names nothing refers to."""
        if all(column.name == title for column, title in zip(self.columns, self.titles, strict=True)):
            return self.plan
        if isinstance(self.plan, Project):
            outputs = self.plan.outputs
            named = tuple(Output(title, output.expr) for title, output in zip(self.titles, outputs, strict=True))
            return replace(self.plan, outputs=named)
        return Project(
            self.plan, f"{self.alias}_titled", tuple(Output(t, self.column(at)) for at, t in enumerate(self.titles))
        )


def ordered(query: Query, node: exp.Expression, here: Context) -> Query:
    """The query with the ORDER BY, LIMIT and OFFSET that follow it; these know its columns alone."""
    plan = query.plan
    order = node.args.get("order")
    if order is not None:
        here.consume(order)
        scope = Scope(here.scope, [Source(query.alias, query.alias, query.source_columns())], clause="ORDER BY")
        items = [Item(title, query.column(at)) for at, title in enumerate(query.titles)]
        keys = [sort_key_of(each, items, here.inside(scope))[0] for each in order.expressions]
        plan = sorted_by(plan, keys)
    return replace(query, plan=limited(plan, node, here))


def sorted_by(plan: Node, keys: Iterable[SortKey]) -> Node:
    """The plan under a Sort by keys of any type."""
    return Sort(plan, tuple(map(sortable, keys)))


@record
class Item:
    """A column of the SELECT list."""

    title: str
    expr: Expr


def sort_key_of(node: exp.Expression, items: list[Item], here: Context) -> tuple[SortKey, int | None]:
    """A sort key, and the number of the item that it is, if it is one: by position, by name."""
    here.consume(node)
    by = node.this
    collate = by if isinstance(by, exp.Collate) and isinstance(by.this, exp.Literal) and not by.this.is_string else None
    at = item_at(by if collate is None else by.this, items, here, "ORDER BY")
    expr = items[at].expr if at is not None else bind_value(by, here)
    if collate is not None:  # a position, as SQLite has it: the collation of a number would order nothing
        here.consume(collate)
        with here.placed(collate):
            expr, at = collated_as(collate, expr, here), None
    return SortKey(expr, bool(node.args.get("desc")), bool(node.args.get("nulls_first"))), at


def item_at(node: exp.Expression, items: list[Item], here: Context, clause: str) -> int | None:
    """Which item a position or an output name means."""
    if isinstance(node, exp.Literal) and not node.is_string:
        if not node.this.isdigit() or not 1 <= int(node.this) <= len(items):
            raise here.wrong(node, f"{clause} position {node.this} is not in the select list")
        return int(node.this) - 1
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier) and not node.args.get("table"):
        here.consume(node)
        with here.placed(node):
            title = name_of(node.this).choose(item.title for item in items)
        found = [at for at, item in enumerate(items) if item.title == title]
        if len({items[at].expr for at in found}) > 1:
            raise here.wrong(node, f'{clause} "{title}" is ambiguous')
        return found[0] if found else None
    return None


def limited(plan: Node, node: exp.Expression, here: Context) -> Node:
    """The plan under the LIMIT and OFFSET of ``node``, if it has any."""
    limit, offset = _limit_of(node.args.get("limit"), here), _offset_of(node.args.get("offset"), here)
    return plan if limit is None and offset is None else Limit(plan, limit, offset)


def _limit_of(node: exp.Expression | None, here: Context) -> Expr | None:
    if node is None:
        return None
    here.consume(node)
    if isinstance(node, exp.Fetch):
        options = node.args.get("limit_options")
        if options is not None:
            here.consume(options)
        count = node.args.get("count")
        return Constant(1, BIGINT) if count is None else _row_count(count, here)
    if isinstance(node.expression, exp.Var) and node.expression.name.upper() == "ALL":
        return None
    return _row_count(node.expression, here)


def _offset_of(node: exp.Expression | None, here: Context) -> Expr | None:
    if node is None:
        return None
    here.consume(node)
    return _row_count(node.expression, here)


def _row_count(node: exp.Expression, here: Context) -> Expr | None:
    with here.placed(node):
        count = convert(bind_expr(node, here.inside(Scope(here.scope.parent, clause="LIMIT"))), BIGINT)
        if isinstance(count, Constant) and count.value is not None:
            count = literal(count.value, BIGINT)
    return None if isinstance(count, Constant) and count.value is None else count
