"""INSERT, UPDATE, DELETE → plans that write."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from ..record import record, replace
from ..storage.schema import ColumnSchema, TableSchema
from .bind_context import INFORMATION, Context, name_of
from .bind_expr import bind_condition, bind_expr, row_values
from .bind_from import bind_from, scan_of
from .bind_order import Query
from .bind_select import bind_items, bind_query
from .bind_with import with_ctes
from .coerce import Misfit, assign
from .expr import Constant, Expr
from .parse import parse_expression
from .plan import Delete, Filter, Insert, Join, Node, OnConflict, Output, OutputColumn, Project, Scan, Update, Values
from .scope import Name, NameProblem, Scope


def bind_write(node: exp.Expression, here: Context) -> Node:
    """The plan of a statement that writes; its RETURNING columns are the plan's ``returning``."""
    here.consume(node)
    here = with_ctes(node, here)
    match node:
        case exp.Insert():
            return _Insert(node, here).bind()
        case exp.Update():
            return _bind_update(node, here)
        case exp.Delete():
            return _bind_delete(node, here)
    raise here.unsupported(node, "this statement is not supported")


def bind_default(schema: TableSchema, column: ColumnSchema) -> Expr:
    """The column's default as an expression of its type; NULL if it has none. It uses no column."""
    if column.default is None:
        return Constant(None, column.type)
    from .bind import bind_parsed_expression

    expr = bind_parsed_expression(parse_expression(column.default), TableSchema(schema.name, ()), schema.name)
    return _assigned(expr, schema, column)


def _assigned(expr: Expr, schema: TableSchema, column: ColumnSchema) -> Expr:
    """``expr`` as a value of the column; errors name table and column."""
    try:
        return assign(expr, column.type)
    except Misfit as misfit:
        raise Misfit(f"{schema.name}.{column.name}: {misfit}", misfit.error) from misfit


def _target(node: exp.Expression, here: Context) -> tuple[Scan, str]:
    """The table that is written to, and its name in the statement."""
    here.consume(node)
    if not isinstance(node, exp.Table) or node.args.get("joins") or not isinstance(node.this, exp.Identifier):
        raise here.unsupported(node, "writing to anything but one table is not supported")
    if here.in_information(node):
        raise here.unsupported(node, f"writing to a view of {INFORMATION} is not supported")
    name = name_of(node.this)
    schema = here.schema(node.this, name)
    alias = node.args.get("alias")
    if alias is None:
        return Scan(schema, here.alias(schema.name)), schema.name
    here.consume(alias)
    if alias.args.get("columns"):
        raise here.unsupported(alias, "column names after the alias are not supported here")
    return Scan(schema, here.alias(alias.name)), alias.name


def _position(node: exp.Expression, schema: TableSchema, here: Context) -> int:
    """Which column an INSERT's list or a SET names."""
    identifier = node.this if isinstance(node, exp.Column) else node
    if not isinstance(identifier, exp.Identifier) or (isinstance(node, exp.Column) and node.args.get("table")):
        raise here.wrong(node, "a column name is expected")
    with here.placed(node):
        found = name_of(identifier).choose(schema.positions)
        if found is None:
            raise NameProblem(f'column "{schema.name}.{identifier.name}" does not exist')
    return schema.positions[found]


def _is_default(node: exp.Expression) -> bool:
    if isinstance(node, exp.Column) and node.args.get("table") is None and isinstance(node.this, exp.Identifier):
        return node.name.upper() == "DEFAULT" and not node.this.args.get("quoted")
    return isinstance(node, exp.Var) and node.name.upper() == "DEFAULT"


def _returning(node: exp.Expression, here: Context) -> tuple[Output, ...]:
    """What RETURNING lists; ``here`` knows the row that is written, and those that FROM or USING found beside it."""
    returning = node.args.get("returning")
    if returning is None:
        return ()
    here.consume(returning)
    with here.clause("RETURNING"):
        return tuple(Output(title, expr) for title, expr in bind_items(returning.expressions, here))


# --- INSERT --------------------------------------------------------------------------------------------------------


class _Insert:
    """One INSERT being bound."""

    def __init__(self, node: exp.Expression, here: Context) -> None:
        self.node = node
        self.here = here
        target = node.this
        self.names: Sequence[exp.Expression] | None = None
        if isinstance(target, exp.Schema):
            here.consume(target)
            self.names, target = target.expressions, target.this
        scan, self.name = _target(target, here)
        self.schema, self.alias = scan.table, scan.alias

    def bind(self) -> Insert:
        """The plan."""
        positions = self._positions()
        if self.node.args.get("default"):
            source: Node = Values(self.here.alias("values"), (), ((),))
            positions = ()
        elif self.node.expression is None:
            raise self.here.wrong(self.node, "INSERT needs VALUES, a query or DEFAULT VALUES")
        elif isinstance(self.node.expression, exp.Values):
            source, positions = self._values(self.node.expression, positions)
        else:
            source, positions = self._query(self.node.expression, positions)
        _, stored = scan_of(self.name, Scan(self.schema, self.alias))
        return Insert(
            self.schema,
            self.alias,
            source,
            positions,
            self._defaults(positions),
            self._conflict(),
            _returning(self.node, self.here.inside(Scope(self.here.scope, [stored]))),
        )

    def _positions(self) -> tuple[int, ...]:
        if self.names is None:
            return tuple(at for at, column in enumerate(self.schema.columns) if column.generated is None)
        positions = tuple(_position(name, self.schema, self.here) for name in self.names)
        for at, position in enumerate(positions):
            if position in positions[:at]:
                column = self.schema.columns[position].name
                raise self.here.wrong(self.names[at], f'column "{column}" specified more than once')
        return positions

    def _values(self, node: exp.Expression, positions: tuple[int, ...]) -> tuple[Node, tuple[int, ...]]:
        self.here.consume(node)
        rows = []
        for each in node.expressions:
            self.here.consume(each)
            rows.append(list(each.expressions) if isinstance(each, exp.Tuple) else [each])
        if node.args.get("order") or node.args.get("limit") or node.args.get("offset"):
            raise self.here.unsupported(node, "ORDER BY and LIMIT after VALUES are not supported in INSERT")
        positions = self._of_width(len(rows[0]), positions, node)
        if any(len(row) != len(positions) for row in rows):
            raise self.here.wrong(node, "VALUES lists must all be of the same length")
        kept = [at for at in range(len(positions)) if not all(_is_default(row[at]) for row in rows)]
        columns = [self.schema.columns[positions[at]] for at in kept]
        for at, column in zip(kept, columns, strict=True):
            self._check_assignable(column, next(row[at] for row in rows if not _is_default(row[at])))
        binders = [_Cell(self.schema, column, self.here) for column in columns]
        cells = tuple(tuple(bind(row[at]) for at, bind in zip(kept, binders, strict=True)) for row in rows)
        offered = tuple(OutputColumn(column.name, column.type) for column in columns)
        return Values(self.here.alias("values"), offered, cells), tuple(positions[at] for at in kept)

    def _query(self, node: exp.Expression, positions: tuple[int, ...]) -> tuple[Node, tuple[int, ...]]:
        query = bind_query(node, self.here, "source")
        positions = self._of_width(len(query.columns), positions, node)
        columns = [self.schema.columns[position] for position in positions]
        for column in columns:
            self._check_assignable(column, node)
        with self.here.placed(node):
            values = [_assigned(query.column(at), self.schema, column) for at, column in enumerate(columns)]
        return self._converted(query, values, columns), positions

    def _converted(self, query: Query, values: list[Expr], columns: list[ColumnSchema]) -> Node:
        if all(value == query.column(at) for at, value in enumerate(values)):
            return query.plan
        outputs = tuple(Output(column.name, value) for column, value in zip(columns, values, strict=True))
        return Project(query.plan, self.here.alias("converted"), outputs)

    def _of_width(self, width: int, positions: tuple[int, ...], node: exp.Expression) -> tuple[int, ...]:
        if self.names is None and width < len(positions):
            return positions[:width]
        if width != len(positions):
            more = "expressions" if width > len(positions) else "columns"
            raise self.here.wrong(
                node, f"INSERT has {width} values for {len(positions)} columns: more {more} than that"
            )
        return positions

    def _check_assignable(self, column: ColumnSchema, node: exp.Expression) -> None:
        if column.generated is not None:
            raise self.here.wrong(node, f'column "{column.name}" is generated: it can only be set to DEFAULT')

    def _defaults(self, positions: tuple[int, ...]) -> tuple[tuple[int, Expr], ...]:
        return tuple(
            (at, _placed_default(self.schema, column))
            for at, column in enumerate(self.schema.columns)
            if column.default is not None and at not in positions
        )

    # --- ON CONFLICT

    def _conflict(self) -> OnConflict | None:
        node = self.node.args.get("conflict")
        alternative = self.node.args.get("alternative")
        if alternative == "IGNORE" and node is None:
            return OnConflict(admitted=True)
        if alternative:
            raise self.here.unsupported(self.node, f"INSERT OR {alternative} is not supported; write ON CONFLICT")
        if node is None:
            return None
        self.here.consume(node)
        target, index = self._conflict_target(node)
        action = node.args.get("action")
        if action is None or (action.name.upper() != "DO NOTHING" and not node.expressions):
            raise self.here.wrong(self.node, "ON CONFLICT goes on with DO NOTHING or DO UPDATE SET …")
        if action.name.upper() == "DO NOTHING":
            return OnConflict(target, index)
        if not target and index is None:
            raise self.here.wrong(node, "ON CONFLICT DO UPDATE needs a target: the columns of a unique key")
        excluded = self.here.alias("excluded")
        offered = scan_of("excluded", Scan(self.schema, excluded))[1]
        if self.schema.rowid_column is None:  # the row has no identifier before it is stored
            offered = replace(offered, table=None)
        sources = [scan_of(self.name, Scan(self.schema, self.alias))[1], offered]
        proposed = {(excluded, column.name) for column in self.schema.columns}  # an unqualified name is the row there
        inner = self.here.inside(Scope(self.here.scope, sources, hidden=proposed, clause="ON CONFLICT"))
        assignments = _assignments(node.expressions, self.schema, inner)
        where = node.args.get("where")
        condition = None
        if where is not None:
            self.here.consume(where)
            condition = bind_condition(where.this, inner, "ON CONFLICT WHERE")
        return OnConflict(target, index, excluded, assignments, condition)

    def _conflict_target(self, node: exp.Expression) -> tuple[tuple[str, ...], str | None]:
        constraint = node.args.get("constraint")
        if constraint is not None:
            with self.here.placed(node):
                index = _unique_index(name_of(constraint), self.schema)
            if index is None:
                raise self.here.wrong(node, f'"{self.schema.name}" has no unique constraint "{constraint.name}"')
            return ((), index) if index != "" else (self.schema.primary_key, None)
        columns = []
        for key in node.args.get("conflict_keys") or ():
            self.here.consume(key)
            if not isinstance(key.this, exp.Column):
                raise self.here.unsupported(key, "an expression as the target of ON CONFLICT is not supported")
            columns.append(self.schema.columns[_position(key.this, self.schema, self.here)].name)
        if columns and not _is_unique_key(set(columns), self.schema):
            raise self.here.wrong(node, f'no unique key of "{self.schema.name}" is on ({", ".join(columns)})')
        return tuple(columns), None


@record
class _Cell:
    """Binds the cells of one column of VALUES."""

    schema: TableSchema
    column: ColumnSchema
    here: Context

    def __call__(self, node: exp.Expression) -> Expr:
        """The cell's value, of the column's type."""
        if _is_default(node):
            return _placed_default(self.schema, self.column)
        return self.assigned(bind_expr(node, self.here), node)

    def assigned(self, expr: Expr, node: exp.Expression) -> Expr:
        """What ``node`` was bound to, as of the column's type."""
        try:
            return _assigned(expr, self.schema, self.column)
        except Misfit as misfit:
            raise self.here.located(misfit, node) from misfit


def _placed_default(schema: TableSchema, column: ColumnSchema) -> Expr:
    try:
        return bind_default(schema, column)
    except Misfit as misfit:
        raise misfit.error(f"default of {misfit}") from misfit


def _unique_index(name: Name, schema: TableSchema) -> str | None:
    """The unique index of that name; "" is the primary key where that is the rowid."""
    names = [index.name for index in schema.indexes if index.unique]
    if schema.primary_key_name is not None:
        names.append(schema.primary_key_name)
    found = name.choose(names)
    return "" if found is not None and found == schema.primary_key_name and schema.rowid_column is not None else found


def _is_unique_key(columns: set[str], schema: TableSchema) -> bool:
    if columns == set(schema.primary_key):
        return True
    return any(index.unique and index.where is None and columns == set(index.columns) for index in schema.indexes)


# --- UPDATE and DELETE ---------------------------------------------------------------------------------------------


def _bind_update(node: exp.Expression, here: Context) -> Update:
    scan, name = _target(node.this, here)
    from_ = node.args.get("from_")
    extra: list[exp.Expression] = []
    if from_ is not None:
        here.consume(from_)
        extra = [from_.this]
    inner, source = _joined(scan, name, extra, here)
    with inner.clause("UPDATE"):
        assignments = _assignments(node.expressions, scan.table, inner)
    source = _filtered(node, source, inner)
    return Update(scan.table, scan.alias, source, assignments, _returning(node, inner))


def _bind_delete(node: exp.Expression, here: Context) -> Delete:
    scan, name = _target(node.this, here)
    inner, source = _joined(scan, name, node.args.get("using") or [], here)
    source = _filtered(node, source, inner)
    return Delete(scan.table, scan.alias, source, _returning(node, inner))


def _joined(scan: Scan, name: str, extra: list[exp.Expression], here: Context) -> tuple[Context, Node]:
    """The target beside what FROM or USING adds, and the context that knows them all."""
    plan, source = scan_of(name, scan)
    scope = Scope(here.scope, [source])
    for each in extra:
        beside = Scope(here.scope)
        plan = Join(plan, bind_from(each, (), here.inside(beside)), "inner")
        if any(one.name == other.name for one in beside.sources for other in scope.sources):
            raise here.wrong(each, "a table name is specified more than once; give one an alias")
        scope.absorb(beside)
    return here.inside(scope), plan


def _filtered(node: exp.Expression, source: Node, here: Context) -> Node:
    where = node.args.get("where")
    if where is None:
        return source
    here.consume(where)
    with here.clause("WHERE"):
        return Filter(source, bind_condition(where.this, here, "WHERE"))


def _assignments(nodes: list[exp.Expression], schema: TableSchema, here: Context) -> tuple[tuple[int, Expr], ...]:
    """(position, value) for each column of SET."""
    assignments: dict[int, Expr] = {}
    for node in nodes:
        if not isinstance(node, exp.EQ):
            raise here.wrong(node, "an assignment is expected")
        for target, value, bound in _pairs(node, here):
            at = _position(target, schema, here)
            column = schema.columns[at]
            if at in assignments:
                raise here.wrong(target, f'multiple assignments to column "{column.name}"')
            if column.generated is not None and not _is_default(value):
                raise here.wrong(target, f'column "{column.name}" is generated: it can only be set to DEFAULT')
            if column.generated is None:
                cell = _Cell(schema, column, here)
                assignments[at] = cell(value) if bound is None else cell.assigned(bound, value)
    return tuple(assignments.items())


def _pairs(node: exp.Expression, here: Context) -> list[tuple[exp.Expression, exp.Expression, Expr | None]]:
    """Targets with their values; those of a subquery are bound already."""
    here.consume(node)
    target, value = node.this, node.expression
    if isinstance(target, exp.Paren):
        return [(target.this, value.this if isinstance(value, exp.Paren) else value, None)]
    if not isinstance(target, exp.Tuple):
        return [(target, value, None)]
    targets = target.expressions
    if not isinstance(value, exp.Tuple) and not (isinstance(value, exp.Anonymous) and value.name.upper() == "ROW"):
        return [
            (each, value, bound) for each, bound in zip(targets, row_values(value, len(targets), here), strict=True)
        ]
    if len(targets) != len(value.expressions):
        raise here.wrong(node, f"{len(value.expressions)} values for {len(targets)} columns")
    return [(each, cell, None) for each, cell in zip(targets, value.expressions, strict=True)]
