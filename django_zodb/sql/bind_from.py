"""FROM: tables, joins, derived tables → a plan that binds their aliases, and the names they put in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal as OneOf

from sqlglot import exp

from ..storage.schema import ViewSchema
from . import information
from .bind_context import INFORMATION, Context, name_of
from .bind_expr import bind_condition, bind_expr
from .bind_view import bind_view
from .coerce import compare, settle, unify
from .collations import with_collation
from .expr import And, Column, Compare, Expr
from .plan import Join, Listing, Node, OutputColumn, Scan, Values
from .scope import Name, Scope, Source, SourceColumn

Side = OneOf["inner", "left", "right", "full"]

_SIDES: dict[str, Side] = {"": "inner", "LEFT": "left", "RIGHT": "right", "FULL": "full"}


def bind_from(first: exp.Expression, joins: Sequence[exp.Expression], here: Context) -> Node:
    """The plan of ``FROM first joins``; its sources are added to the scope of ``here``.

    A comma binds less than any JOIN: ``a, b RIGHT JOIN c`` is ``a`` times ``b RIGHT JOIN c``.
    """
    plan: Node | None = None
    groups: list[list[exp.Expression]] = [[]]
    firsts = [first]
    for join in joins:
        here.consume(join)
        if _is_comma(join):
            firsts.append(join.this)
            groups.append([])
        else:
            groups[-1].append(join)
    for start, group in zip(firsts, groups, strict=True):
        scope = Scope(here.scope.parent, ctes=here.scope.ctes, clause="JOIN")
        right, lateral = _bind_source(start, here.inside(scope), here.scope)
        for join in group:
            right = _join(right, join, here.inside(scope), here.scope)
        here.scope.absorb(scope)
        plan = right if plan is None else Join(plan, right, "inner", lateral=lateral)
    assert plan is not None
    _check_names(here, first)
    return plan


def bind_values(node: exp.Expression, here: Context, alias: str) -> Values:
    """``VALUES (…), (…)``: columns are called column1, column2…, each of the type that all its values have."""
    rows = []
    for each in node.expressions:
        here.consume(each)
        cells = each.expressions if isinstance(each, exp.Tuple) else [each]
        rows.append([settle(bind_expr(cell, here), here.params) for cell in cells])
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise here.wrong(node, "VALUES lists must all be of the same length")
    columns = []
    with here.placed(node):
        for at in range(width):
            bound, type_ = unify([row[at] for row in rows], here.params, "VALUES")
            columns.append(OutputColumn(f"column{at + 1}", type_))
            for row, cell in zip(rows, bound, strict=True):
                row[at] = cell
    return Values(alias, tuple(columns), tuple(map(tuple, rows)))


def _is_comma(join: exp.Expression) -> bool:
    return not any(join.args.get(name) for name in ("kind", "side", "method", "on", "using"))


def _check_names(here: Context, node: exp.Expression) -> None:
    names: set[str] = set()
    for source in here.scope.sources:
        if source.name in names:
            raise here.wrong(node, f'table name "{source.name}" specified more than once; give one an alias')
        names.add(source.name)


# --- sources -------------------------------------------------------------------------------------------------------


def _bind_source(node: exp.Expression, here: Context, before: Scope) -> tuple[Node, bool]:
    """The plan of one item of FROM, its sources added to the scope; and whether it is LATERAL."""
    here.consume(node)
    match node:
        case exp.Table():
            return _bind_table(node, here, before), False
        case exp.Lateral():
            sight = Scope(here.scope.parent, [*before.sources, *here.scope.sources], ctes=here.scope.ctes)
            plan, source = _bind_derived(node.this, node, here.inside(sight))
            here.scope.sources.append(source)
            return plan, True
        case exp.Subquery(this=exp.Table() | exp.Subquery(this=exp.Table())):
            return _bind_parenthesised(node, here, before), False
        case exp.Subquery() | exp.Values():
            sight = Scope(here.scope.parent, ctes=here.scope.ctes)
            plan, source = _bind_derived(node, node, here.inside(sight))
            here.scope.sources.append(source)
            return plan, False
    raise here.unsupported(node, "this kind of source is not supported in FROM")


def _bind_table(node: exp.Expression, here: Context, before: Scope) -> Node:
    name = name_of(node.this) if isinstance(node.this, exp.Identifier) else None
    if isinstance(node.this, exp.Placeholder):
        raise here.wrong(node, "a parameter is a value, and cannot be a table")
    if name is None:
        raise here.unsupported(node, "a function in FROM is not supported")
    alias_node = node.args.get("alias")
    shown, columns = _alias(alias_node, here)
    if here.in_information(node):
        plan, source = _listing(node, name, shown, here)
    else:
        plan, source = (node.args.get("db") is None and _cte(name, shown, here)) or _scan(node, name, shown, here)
    here.scope.sources.append(_renamed(source, columns, node, here))
    for join in node.args.get("joins") or ():
        here.consume(join)
        plan = _join(plan, join, here, before)
    return plan


def _scan(node: exp.Expression, name: Name, shown: Name | None, here: Context) -> tuple[Node, Source]:
    schema = here.relation(node, name)
    if isinstance(schema, ViewSchema):
        return bind_view(schema, schema.name if shown is None else shown.text, here.alias((shown or name).text), here)
    return scan_of(schema.name if shown is None else shown.text, Scan(schema, here.alias((shown or name).text)))


def _listing(node: exp.Expression, name: Name, shown: Name | None, here: Context) -> tuple[Node, Source]:
    """A view of information_schema. The statement rests on the definitions of all tables, whatever they are."""
    statement, chosen = here.statement, name.choose(information.names())
    if chosen is None or statement.catalog is None:
        raise here.wrong(node, f"there is no {INFORMATION}.{name.text}, but {', '.join(information.names())}")
    statement.rest_on_all()
    columns = information.columns_of(chosen)
    rows = () if statement.described else information.rows_of(chosen, statement.catalog)
    plan = Listing(here.alias((shown or name).text), f"{INFORMATION}.{chosen}", columns, rows)
    offered = tuple(SourceColumn(each.name, Column(plan.alias, each.name, each.type)) for each in columns)
    return plan, Source(name.text if shown is None else shown.text, plan.alias, offered)


def scan_of(name: str, scan: Scan) -> tuple[Node, Source]:
    """A table's scan and the source it is."""
    columns = tuple(
        SourceColumn(each.name, Column(scan.alias, each.name, with_collation(each.type, each.collation), each.nullable))
        for each in scan.table.columns
    )
    return scan, Source(name, scan.alias, columns, scan.table)


def _cte(name: Name, shown: Name | None, here: Context) -> tuple[Node, Source] | None:
    for scope in here.scope.chain():
        found = name.choose(scope.ctes)
        if found is not None:
            plan, source = scope.ctes[found](here.alias((shown or name).text))
            return plan, Source(found if shown is None else shown.text, source.alias, source.columns)
    return None


def _bind_derived(query: exp.Expression, node: exp.Expression, here: Context) -> tuple[Node, Source]:
    from .bind_select import bind_query  # queries hold FROM, which holds queries

    shown, columns = _alias(node.args.get("alias"), here)
    bound = bind_query(query, here, here.alias("derived" if shown is None else shown.text), exact=True)
    source = Source(bound.alias if shown is None else shown.text, bound.alias, bound.source_columns())
    return bound.plan, _renamed(source, columns, node, here)


def _bind_parenthesised(node: exp.Expression, here: Context, before: Scope) -> Node:
    """``(a JOIN b ON …)``: its sources stay visible by their own names."""
    if node.args.get("alias"):
        raise here.unsupported(node, "an alias of a parenthesised join is not supported")
    return _bind_source(node.this, here, before)[0]


def _alias(node: exp.Expression | None, here: Context) -> tuple[Name | None, list[str]]:
    if node is None:
        return None, []
    here.consume(node)
    name = None if node.this is None else name_of(node.this)
    return name, [name_of(each).text for each in node.args.get("columns") or ()]


def _renamed(source: Source, names: list[str], node: exp.Expression, here: Context) -> Source:
    """The source with its first columns called ``names``."""
    if len(names) > len(source.columns):
        raise here.wrong(node, f'"{source.name}" has {len(source.columns)} columns, not {len(names)}')
    renamed = tuple(SourceColumn(name, old.expr) for name, old in zip(names, source.columns, strict=False))
    columns = (*renamed, *source.columns[len(names) :])
    return Source(source.name, source.alias, columns, source.table)


# --- joins ---------------------------------------------------------------------------------------------------------


def _join(left: Node, join: exp.Expression, here: Context, before: Scope) -> Node:
    side = _side(join, here)
    scope = here.scope
    others = scope.aliases()
    beside = Scope(scope.parent, ctes=scope.ctes, clause="JOIN")
    sight = Scope(before.parent, [*before.sources, *scope.sources])
    right, lateral = _bind_source(join.this, here.inside(beside), sight)
    shared = _shared_columns(join, scope, beside, here)
    condition = _merge(shared, side, scope, beside, join, here)
    scope.absorb(beside)
    on = join.args.get("on")
    if on is not None:
        condition = bind_condition(on, here, "JOIN/ON")
    if side in ("left", "full"):
        scope.make_nullable(beside.aliases())
    if side in ("right", "full"):
        scope.make_nullable(others)
    if side == "right":
        if lateral:
            raise here.unsupported(join, "RIGHT JOIN LATERAL is not supported")
        return Join(right, left, "left", condition)
    return Join(left, right, side, condition, lateral)


def _side(join: exp.Expression, here: Context) -> Side:
    kind, method = str(join.args.get("kind") or ""), str(join.args.get("method") or "")
    if kind not in ("", "INNER", "OUTER", "CROSS") or method not in ("", "NATURAL"):
        raise here.unsupported(join, f"{method or kind} JOIN is not supported")
    side = _SIDES.get(str(join.args.get("side") or ""))
    if side is None:
        raise here.unsupported(join, f"{join.args['side']} JOIN is not supported")
    said = [word for word, key in (("NATURAL", "method"), ("ON", "on"), ("USING", "using")) if join.args.get(key)]
    if len(said) > 1:
        raise here.wrong(join, f"a join has one of NATURAL, ON and USING, not {' and '.join(said)}")
    if side != "inner" and not (join.args.get("on") or join.args.get("using") or method):
        raise here.wrong(join, f"{side.upper()} JOIN needs ON or USING")
    return side


def _shared_columns(join: exp.Expression, left: Scope, right: Scope, here: Context) -> list[tuple[str, Expr, Expr]]:
    """(name, left column, right column) for each column of USING, or all that NATURAL finds."""
    using = join.args.get("using")
    if using:
        names = [name_of(each.this if isinstance(each, exp.Column) else each) for each in using]
    elif join.args.get("method"):
        rights = {column.name for column in right.star()}
        names = [Name(column.name, True) for column in left.star() if column.name in rights]
    else:
        return []
    alone = Scope(sources=left.sources, merged=left.merged, hidden=left.hidden)
    with here.placed(join):
        pairs = [(alone.resolve(None, name), right.resolve(None, name)) for name in names]
    return [(_shown(name, left), one, other) for name, (one, other) in zip(names, pairs, strict=True)]


def _shown(name: Name, scope: Scope) -> str:
    return name.choose(column.name for column in scope.star()) or name.text


def _merge(
    shared: list[tuple[str, Expr, Expr]], side: Side, left: Scope, right: Scope, join: exp.Expression, here: Context
) -> Expr | None:
    """The condition that equates the shared columns, which become one each."""
    terms: list[Expr] = []
    for name, one, other in shared:
        with here.placed(join):
            terms.append(Compare("=", *compare(one, other, "=", here.params)))
            if side == "full":  # one column of either: of the type of both
                (one, other), _ = unify([one, other], here.params, "FULL JOIN … USING")
        left.merge(name, one, other, side)
        right.hide(name)
    if not terms:
        return None
    return terms[0] if len(terms) == 1 else And(tuple(terms))
