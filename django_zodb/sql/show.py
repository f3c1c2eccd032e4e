"""Plans and expressions as people read them: the lines of EXPLAIN, which are also the comments of generated code.

``explain`` prints one line per node, the root first, sources indented below; the plan of a subquery follows the node
whose expression holds it. Literal values are shown, parameters are ``p0``, ``p1``, …, in the order of the SQL text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from ..record import FieldsWith
from ..storage.schema import TableSchema
from ..values import Kind, as_text
from . import expr as x
from . import plan as p
from .plan import Node


def explain(node: Node, note: Callable[[Node], str] = lambda node: "") -> list[str]:
    """The plan as indented lines, the root first, with the plans of subqueries inside expressions.

    ``note`` says what is to stand behind the line of a node.
    """
    return list(_tree(node, 0, "", _Counter(), note))


def subplans(node: Node) -> Iterator[tuple[str, Node]]:
    """``(kind, plan)`` of each subquery in the node's own expressions (not in those of its sources)."""
    for expression in expressions(node):
        if _HELD[type(expression)]:  # most are columns and parameters
            for part in x.walk(expression):
                if isinstance(part, _SUBQUERIES):
                    yield _KINDS[type(part)], part.plan


_HELD = FieldsWith("Node", "Expr", "SortKey", "AggregateCall", "WindowCall")
_SUBQUERIES = (x.Subquery, x.Exists, x.InPlan)
_KINDS = dict(zip(_SUBQUERIES, ("scalar", "exists", "in"), strict=True))


def expressions(node: Node) -> Iterator[x.Expr]:
    """Every expression that the node itself holds, in the order of its fields."""
    for name in _HOLDERS[type(node)]:
        yield from _expressions(getattr(node, name))


_HOLDERS = FieldsWith("Expr", "Output", "SortKey", "AggregateCall", "WindowCall", "OnConflict")


def _expressions(value: object) -> Iterator[x.Expr]:
    match value:
        case x.Expr():
            yield value
        case p.Output(expr=expr) | x.SortKey(expr=expr):
            yield expr
        case x.AggregateCall():
            yield from value.args
            if value.filter is not None:
                yield value.filter
            yield from _expressions(value.order_by)
        case x.WindowCall(args=args, frame=frame, filter=condition):
            yield from args
            yield from _expressions((frame, condition))
        case x.WindowFrame(start=start, end=end):
            yield from _expressions((start, end))
        case x.FrameBound(distance=distance):
            yield from _expressions(distance)
        case p.OnConflict():
            yield from _expressions(value.assignments)
            yield from _expressions(value.condition)
        case tuple():
            for item in value:
                if type(item) is p.Output:
                    yield item.expr
                else:
                    yield from _expressions(item)
        case _:
            pass


class _Counter:
    """Numbers the subqueries of a statement in the order of printing, and knows which shared plans were printed."""

    def __init__(self) -> None:
        self.seen = 0
        self.shared: set[str] = set()

    def next(self) -> int:
        self.seen += 1
        return self.seen


def _tree(node: Node, depth: int, prefix: str, counter: _Counter, note: Callable[[Node], str]) -> Iterator[str]:
    yield "  " * depth + prefix + label(node) + note(node)
    for kind, plan in subplans(node):
        yield from _tree(plan, depth + 2, f"{kind} subquery {counter.next()}: ", counter, note)
    if isinstance(node, p.Shared):
        if node.name in counter.shared:
            return
        counter.shared.add(node.name)
    for source in p.sources(node):
        yield from _tree(source, depth + 1, "", counter, note)


def label(node: Node) -> str:
    """One line that says what the node does."""
    match node:
        case p.Scan():
            return f"Scan: {_table(node)}"
        case p.Values(rows=rows):
            return f"Values: {len(rows)} row{'' if len(rows) == 1 else 's'}"
        case p.Listing(name=name):
            return f"Listing: {name}"
        case p.Filter(condition=condition):
            return f"Filter: {text(condition)}"
        case p.Join(kind=kind, condition=condition):
            return f"Join: {kind}{_on(condition)}"
        case p.Project(outputs=outputs):
            return f"Project: {_outputs(outputs)}"
        case p.Aggregate():
            return f"Aggregate: {_aggregate(node)}"
        case p.Window():
            return f"Window: {_window(node)}"
        case p.Distinct():
            return "Distinct"
        case p.DistinctOn(keys=keys):
            return f"DistinctOn: {_list(keys)}"
        case p.Sort(keys=keys, first=first):
            return f"Sort: {_sort_keys(keys)}" + ("" if first is None else f" ({first} at first)")
        case p.Limit(limit=limit, offset=offset):
            return f"Limit: {_limit(limit, offset)}"
        case p.SetOperation(kind=kind, all=all_):
            return f"SetOperation: {kind}{' all' if all_ else ''}"
        case p.Shared(name=name):
            return f"Shared: {name}"
        case p.Recursive(alias=alias, all=all_):
            return f"Recursive: {alias}, union{' all' if all_ else ''}"
        case p.WorkTable(work=work):
            return f"WorkTable: {work}"
        case p.LockRows(aliases=aliases):
            how = ", skip locked" if node.skip_locked else ", nowait" if node.nowait else ""
            return f"LockRows: {', '.join(aliases)}{how}"
        case p.TopN(keys=keys, limit=limit, offset=offset):
            return f"TopN: {_limit(limit, offset)} by {_sort_keys(keys)}"
        case p.SortRuns(keys=keys, sorted=sorted_):
            return f"SortRuns: {_sort_keys(keys)} (sorted by {_sort_keys(keys[:sorted_])})"
        case p.NestedLoop(kind=kind, condition=condition, ahead=ahead):
            return f"NestedLoop: {kind}{_on(condition)}{' (looked up ahead)' if ahead else ''}"
        case p.HashJoin():
            pairs = " and ".join(
                f"{text(left)} = {text(right)}" for left, right in zip(node.left_keys, node.right_keys, strict=True)
            )
            return f"HashJoin: {node.kind} on {pairs}" + (f" and {text(node.condition)}" if node.condition else "")
        case p.Insert() | p.Update() | p.Delete():
            return _write(node)
        case _:
            return _access(node)


def _access(node: Node) -> str:
    match node:
        case p.KeyLookup(key=key):
            return f"KeyLookup: {_table(node)} ({_rowid(node)} = {text(key)})"
        case p.KeyRange():
            order = ", backwards" if node.reverse else ""
            return f"KeyRange: {_table(node)} ({_bounds(_rowid(node), node) or 'all'}){order}"
        case p.KeyIn(keys=keys):
            return f"KeyIn: {_table(node)} ({_rowid(node)} in {_list(keys)})"
        case p.IndexLookup(keys=keys):
            pairs = zip(_index_keys(node.table, node.index, node.alias), keys, strict=False)
            condition = " and ".join(f"{name} = {text(key)}" for name, key in pairs)
            return f"IndexLookup: {_table(node)} using {node.index} ({condition}){_or_scan(node)}"
        case p.IndexRange():
            order = ", backwards" if node.reverse else ""
            order += ", rowids against it" if node.ties_reversed else ""
            order += ", by rowid" if node.by_rowid else ""
            return f"IndexRange: {_table(node)} using {node.index}{_index_condition(node)}{order}{_or_scan(node)}"
        case p.IndexIn(keys=keys):
            name = next(iter(_index_keys(node.table, node.index, node.alias)), "key")
            return f"IndexIn: {_table(node)} using {node.index} ({name} in {_list(keys)}){_or_scan(node)}"
        case p.RowidUnion() | p.RowidIntersection():
            return f"{type(node).__name__}: {_table(node)}"
        case p.IndexGroups(table=table, index=index, columns=(key, *counts)):
            return f"IndexGroups: {table.name} using {index} ({key.name}{', count' if counts else ''})"
        case _:
            return type(node).__name__


def _or_scan(node: p.IndexAccess) -> str:
    return ", or a Scan if many" if node.loose else ""


def _table(node: p.BaseAccess) -> str:
    return node.table.name if node.alias == node.table.name else f"{node.table.name} {node.alias}"


def _rowid(node: p.BaseAccess) -> str:
    at = node.table.rowid_column
    return f"{node.alias}.{x.ROWID if at is None else node.table.columns[at].name}"


def _index_keys(table: TableSchema, index: str, alias: str) -> list[str]:
    schema = table.index(index)
    if schema is None:  # the hidden-rowid primary key
        return [f"{alias}.{name}" for name in table.primary_key]
    return [f"{alias}.{key.column}" if key.column else f"({key.expression})" for key in schema.keys]


def _index_condition(node: p.IndexRange) -> str:
    names = _index_keys(node.table, node.index, node.alias)
    terms = [f"{name} = {text(value)}" for name, value in zip(names, node.prefix, strict=False)]
    if len(names) > len(node.prefix):
        terms += filter(None, [_bounds(names[len(node.prefix)], node)])
    return f" ({' and '.join(terms)})" if terms else ""


def _bounds(name: str, node: p.IndexRange | p.KeyRange) -> str:
    terms = []
    if node.low is not None:
        terms.append(f"{name} {'>' if node.low_open else '>='} {text(node.low)}")
    if node.high is not None:
        terms.append(f"{name} {'<' if node.high_open else '<='} {text(node.high)}")
    return " and ".join(terms)


def _on(condition: x.Expr | None) -> str:
    return "" if condition is None else f" on {text(condition)}"


def _outputs(outputs: tuple[p.Output, ...]) -> str:
    return ", ".join(_output(output) for output in outputs) or "nothing"


def _output(output: p.Output) -> str:
    shown = text(output.expr)
    plain = isinstance(output.expr, x.Column) and output.expr.name == output.name
    return shown if plain else f"{shown} as {output.name}"


def _aggregate(node: p.Aggregate) -> str:
    calls = ", ".join(_call(call) for _, call in node.calls)
    keys = ", ".join(text(key.expr) for key in node.keys)
    shown = f"{calls} by {keys}" if calls and keys else calls or f"by {keys}"
    return f"{shown} (in order)" if node.ordered else shown


def _call(call: x.AggregateCall) -> str:
    args = ", ".join(map(text, call.args)) if call.args else "*"
    order = f" order by {_sort_keys(call.order_by)}" if call.order_by else ""
    where = f" filter (where {text(call.filter)})" if call.filter is not None else ""
    return f"{call.function.lower()}({'distinct ' if call.distinct else ''}{args}{order}){where}"


def _window(node: p.Window) -> str:
    calls = ", ".join(f"{_window_call(call)}{_frame(call.frame)}" for _, call in node.calls)
    order = f"order by {_sort_keys(node.order)}" if node.order else ""
    partition = f"partition by {', '.join(map(text, node.partition))}" if node.partition else ""
    first = "" if node.first is None else f", the first {text(node.first)} rows"
    return f"{calls} over ({' '.join(filter(None, (partition, order)))}){first}"


def _window_call(call: x.WindowCall) -> str:
    shown = ", ".join(map(text, call.args)) if call.args or call.function != "COUNT" else "*"
    where = f" filter (where {text(call.filter)})" if call.filter is not None else ""
    return f"{call.function.lower()}({shown}){where}"


def _frame(frame: x.WindowFrame | None) -> str:
    if frame is None or frame == x.WindowFrame():
        return ""
    exclude = f" exclude {frame.exclude}" if frame.exclude else ""
    return f" {frame.unit} {_bound(frame.start)} to {_bound(frame.end)}{exclude}"


def _bound(bound: x.FrameBound) -> str:
    if bound.direction == 0:
        return "current row"
    distance = "unbounded" if bound.distance is None else _part(bound.distance)
    return f"{distance} {'preceding' if bound.direction < 0 else 'following'}"


def _sort_keys(keys: tuple[x.SortKey, ...]) -> str:
    return ", ".join(_sort_key(key) for key in keys)


def _sort_key(key: x.SortKey) -> str:
    shown = text(key.expr) + (" desc" if key.descending else "")
    if x.is_nullable(key.expr) and key.nulls_first is key.descending:
        shown += " nulls first" if key.nulls_first else " nulls last"
    return shown


def _limit(limit: x.Expr | None, offset: x.Expr | None) -> str:
    shown = "all" if limit is None else text(limit)
    return shown if offset is None else f"{shown} after {text(offset)}"


def _write(node: p.Insert | p.Update | p.Delete) -> str:
    columns = node.table.columns
    match node:
        case p.Insert():
            names = ", ".join(columns[at].name for at in node.positions)
            shown = f"Insert: {node.table.name} ({names})" if names else f"Insert: {node.table.name} defaults"
            return shown + (_conflict(node) if node.conflict else "")
        case p.Update():
            return f"Update: {_table_of(node)} set {_assignments(node.table, node.assignments)}"
        case p.Delete():
            return f"Delete: {_table_of(node)}"
        case _ as never:
            assert_never(never)


def _table_of(node: p.Update | p.Delete) -> str:
    return node.table.name if node.alias == node.table.name else f"{node.table.name} {node.alias}"


def _assignments(table: TableSchema, assignments: tuple[tuple[int, x.Expr], ...]) -> str:
    return ", ".join(f"{table.columns[at].name} = {text(value)}" for at, value in assignments)


def _conflict(node: p.Insert) -> str:
    conflict = node.conflict
    assert conflict is not None
    target = f" ({', '.join(conflict.target)})" if conflict.target else f" {conflict.index or ''}".rstrip()
    if conflict.assignments is None:
        return f" on conflict{target} do nothing"
    where = f" where {text(conflict.condition)}" if conflict.condition is not None else ""
    return f" on conflict{target} do update set {_assignments(node.table, conflict.assignments)}{where}"


# --- expressions ---------------------------------------------------------------------------------------------------

_LOOSE = (
    *(x.And, x.Or, x.Not, x.Compare, x.IsDistinct, x.IsNull, x.IsTruth, x.In, x.InPlan, x.Like, x.Regex),
    *(x.Arithmetic, x.Negate, x.Concat),
)
_MANY = 8
_LONG_CHAIN = 40


def text(expr: x.Expr) -> str:
    """The expression as SQL-like text on one line; long lists are cut short."""
    match expr:
        case x.Column(alias=alias, name=name):
            return f"{alias}.{x.ROWID if name == x.ROWID_COLUMN else name}"
        case x.Param(index=index, many=many):
            return f"p{index}, …" if many else f"p{index}"
        case x.Constant():
            return _constant(expr)
        case x.Compare(op=op, left=left, right=right):
            return f"{_part(left)} {op} {_part(right)}"
        case x.Arithmetic():
            return _arithmetic(expr)
        case x.IsDistinct(left=left, right=right, negated=negated):
            return f"{_part(left)} is {'not ' if negated else ''}distinct from {_part(right)}"
        case x.And(terms=terms):
            return " and ".join(_part(term) for term in terms)
        case x.Or(terms=terms):
            return " or ".join(_part(term) for term in terms)
        case x.Not(term=term):
            return f"not {_part(term)}"
        case x.IsNull(term=term, negated=negated):
            return f"{_part(term)} is {'not ' if negated else ''}null"
        case x.IsTruth(term=term, truth=truth, negated=negated):
            word = {True: "true", False: "false", None: "unknown"}[truth]
            return f"{_part(term)} is {'not ' if negated else ''}{word}"
        case x.In(term=term, items=items, negated=negated):
            return f"{_part(term)} {'not ' if negated else ''}in {_list(items)}"
        case x.Like(term=term, pattern=pattern, fold=fold, negated=negated):
            return f"{_part(term)} {'not ' if negated else ''}{'ilike' if fold else 'like'} {_part(pattern)}"
        case x.Regex(term=term, pattern=pattern, fold=fold, negated=negated):
            return f"{_part(term)} {'!' if negated else ''}~{'*' if fold else ''} {_part(pattern)}"
        case x.Negate(term=term, op=op):
            return f"{op}{_part(term)}"
        case x.Concat(parts=parts):
            return " || ".join(_part(part) for part in parts)
        case x.Case():
            return _case(expr)
        case x.Cast(term=term, type=type_):
            return f"cast({text(term)} as {type_})"
        case x.Call(function=function, args=args):
            return f"{function.lower()}({', '.join(map(text, args))})"
        case x.Subquery():
            return "(subquery)"
        case x.Exists(negated=negated, keys=keys):
            shown = "not exists (subquery" if negated else "exists (subquery"
            return f"{shown})" if keys is None else f"{shown}, or {text(keys)} if many)"
        case x.InPlan(terms=terms, negated=negated):
            shown = _part(terms[0]) if len(terms) == 1 else _list(terms)
            return f"{shown} {'not ' if negated else ''}in (subquery)"
        case _:
            return type(expr).__name__


def _arithmetic(expr: x.Arithmetic) -> str:
    """An operator with its operands; of a long chain the end."""
    left: x.Expr = expr
    ends: list[str] = []
    while isinstance(left, x.Arithmetic) and len(ends) < _LONG_CHAIN:
        ends.append(f" {left.op} {_part(left.right)}")
        left = left.left
    shown = ("…" if isinstance(left, x.Arithmetic) else _part(left)) + ends.pop()
    for end in reversed(ends):
        shown = f"({shown}){end}"
    return shown


def _part(expr: x.Expr) -> str:
    return f"({text(expr)})" if isinstance(expr, _LOOSE) else text(expr)


def _list(items: tuple[x.Expr, ...]) -> str:
    shown = [text(item) for item in items[:_MANY]]
    if len(items) > _MANY:
        shown.append(f"… {len(items)} in all")
    return f"({', '.join(shown)})"


def _constant(expr: x.Constant) -> str:
    value = expr.value
    if value is None:
        return "null"
    shown = "\\x" + value.hex() if isinstance(value, bytes) else as_text(value)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    if expr.type.kind in (Kind.BOOLEAN, Kind.INTEGER, Kind.DOUBLE, Kind.DECIMAL):
        return shown
    return "'" + shown.replace("'", "''") + "'"


def _case(expr: x.Case) -> str:
    whens = " ".join(f"when {text(condition)} then {text(value)}" for condition, value in expr.whens)
    otherwise = f" else {text(expr.otherwise)}" if expr.otherwise is not None else ""
    return f"case {whens}{otherwise} end"
