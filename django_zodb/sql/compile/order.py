"""What needs all rows before it gives the first: sorting, DISTINCT, set operations; and LIMIT, which needs few."""

from __future__ import annotations

import ast

from ...errors import NotSupportedError
from ...values import Kind, SqlType
from .. import expr as x
from .. import plan as p
from ..expr import Expr, SortKey, is_nullable
from ..plan import Node
from .access import index_page, page
from .frame import Frame, Needed, needed_by, target_of, tuple_of
from .given_order import sorting_keys
from .pipeline import For, Note
from .searching import note_search
from .sieves import sieve_of_top
from .syntax import is_expression_of


def open_sort(frame: Frame, node: p.Sort, needed: Needed) -> None:
    """Rows in a list, sorted, looped over."""
    by, backwards = sorting_keys(node.source, node.keys)
    rows, target, keys = _collected(frame, node, by, needed)
    frame.write_note(node)
    if backwards:
        frame.write(f"{rows}.reverse()")
    if node.first is not None:
        frame.each(target, f"sorted_lazily({', '.join([rows, str(node.first), *map(str, keys)])})")
        return
    frame.write(*sort_lines(rows, keys))
    frame.each(target, rows, listed=True)


def open_sort_runs(frame: Frame, node: p.SortRuns, needed: Needed) -> None:
    """Runs of equal rows, as they come, each sorted."""
    rows, target, keys = _collected(frame, node, node.keys, needed)
    frame.write_note(node)
    same = ", ".join(str(at) for at, _ in keys[: node.sorted])
    sorts = "".join(f"({getter}, {descending}), " for getter, descending in _sorts(keys[node.sorted :]))
    frame.each(target, f"sorted_runs({rows}, itemgetter({same}), ({sorts}))")


def open_top(frame: Frame, node: p.TopN, needed: Needed) -> None:
    """The first rows, of which no more are kept at a time than a few times as many as are asked for."""
    limit, offset = _limits(frame, node.limit, node.offset)
    by, backwards = sorting_keys(node.source, node.keys)
    if limit == "1" and backwards:
        by, backwards = node.keys, False
    if isinstance(node.source, p.Scan):
        stop = f"{offset} + {limit}" if offset else limit
        frame.unit.sieves.append((node.source, sieve_of_top(frame, node.source, node.keys, stop), False))
    rows, target, keys = _collected(frame, node, by, needed)
    if limit == "1" and not offset and len({descending for _, descending in keys}) == 1:
        frame.note(node)
        getter, descending = f"itemgetter({', '.join(str(at) for at, _ in keys)})", keys[0][1]
        first = target if target.isidentifier() else frame.source.name("first")
        frame.set(first, f"{'max' if descending else 'min'}({rows}, key={getter}, default=None)")
        frame.where(f"({first} is not None)")
        if first != target:
            frame.set(target, first)
        return
    frame.write_note(node)
    first = frame.source.name("first")
    stop = f"{offset} + {limit}" if offset else limit
    arguments = [rows, stop, *map(str, keys), *(["backwards=True"] if backwards else [])]
    frame.write(f"{first} = first_sorted({', '.join(arguments)})")
    frame.each(target, f"{first}[{offset}:]" if offset else first, listed=True)


Keys = list[tuple[int, bool]]
"""The position of each sort key in the collected tuples, and whether it is descending."""


def _collected(
    frame: Frame, node: p.Sort | p.TopN | p.SortRuns, keys: tuple[SortKey, ...], needed: Needed
) -> tuple[str, str, Keys]:
    """The rows of the source, collected together with their sort keys.

    Returns the list (or iterable), what a row is unpacked into, and where the keys are.
    """
    early, frame.early = frame.early, isinstance(node, p.SortRuns)
    frame.open(node.source, needed | needed_by(key.expr for key in keys))
    frame.early = early
    names = frame.carried(frame.bound(node.source), needed)
    plain = plain_positions(frame, keys, names)
    if plain is not None:
        value, target, places = names[0], names[0], plain
    else:
        texts = [sort_text(frame, key) for key in keys]
        frame.narrow(frame.bound(node.source), needed)
        names = frame.carried(frame.bound(node.source), needed)
        extra = [text for text in dict.fromkeys(texts) if text not in names]
        items = [*extra, *names]
        value = tuple_of(items) if len(items) > 1 else f"({items[0]},)"
        target = target_of(["_"] * len(extra) + names) + ("," if items == names[:1] else "") if names else "_"
        places = [items.index(text) for text in texts]
    match node:
        case p.Sort():
            rows = frame.collect(value, "found")
        case p.TopN():
            rows = frame.iterable(value, "found")
        case p.SortRuns():
            rows = frame.lazily(value, "found")
    return rows, target, [(at, key.descending) for at, key in zip(places, keys, strict=True)]


def plain_positions(frame: Frame, keys: tuple[SortKey, ...], names: list[str]) -> list[int] | None:
    """Positions of the keys in the only row that is carried, where they can be compared as they are."""
    places = []
    for key in keys:
        column = key.expr
        if not isinstance(column, x.Column) or column.nullable or column.type.kind is Kind.DOUBLE:
            return None
        binding = frame.scope[column.alias]
        if binding.row is None or names != [binding.row] or column.name not in binding.positions:
            return None
        places.append(binding.positions[column.name])
    return places or None


def sort_text(frame: Frame, key: SortKey) -> str:
    """The text of a value that sorts as the key says, among its like."""
    exact = x.type_of(key.expr).kind is not Kind.DOUBLE
    if not is_nullable(key.expr):
        text = frame.value(key.expr)
        return text if exact else f"float_key({text})"
    name = frame.atom(key.expr, "key")
    extreme = "LEAST" if key.nulls_first is not key.descending else "GREATEST"
    return f"({extreme} if {name} is None else {name if exact else f'float_key({name})'})"


def sort_lines(rows: str, keys: Keys) -> list[str]:
    """Statements that sort a list: by one key after the other, the last one first, since sorting is stable.

    Single values compare in a third of the time that tuples of them take.
    """
    return [f"{rows}.sort(key={getter}{', reverse=True' if descending else ''})" for getter, descending in _sorts(keys)]


def _sorts(keys: Keys) -> list[tuple[str, bool]]:
    """The sorts that follow each other, and whether they descend."""
    return [(f"itemgetter({at})", descending) for at, descending in reversed(keys)]


# --- LIMIT ---------------------------------------------------------------------------------------------------------


def open_limit(frame: Frame, node: p.Limit, needed: Needed) -> None:
    """A slice of a list, or the first rows of what computes no more of them than asked for."""
    limit, offset = _limits(frame, node.limit, node.offset)
    note_search(frame, node)
    early, frame.early = frame.early, True
    frame.open(node.source, needed)
    frame.early = early
    stop = f"{offset} + {limit}" if offset and limit else limit
    match [step for step in frame.steps if not isinstance(step, Note)]:
        case [For(target=target)] if offset and limit and isinstance(node.source, p.Scan | p.KeyRange):
            frame.steps = [step for step in frame.steps if isinstance(step, Note)]
            frame.note(node)
            frame.each(target, page(frame, node.source, offset, limit), listed=True)
        case [For(target=target)] if offset and _walks_rows(frame, node.source, target):
            assert isinstance(node.source, p.IndexRange)
            frame.steps = [step for step in frame.steps if isinstance(step, Note)]
            frame.note(node)
            frame.each(target, index_page(frame, node.source, offset, stop or "None"))
        case [For(target=target, iterable=rows, listed=True)] if rows.isidentifier():
            frame.steps = [step for step in frame.steps if isinstance(step, Note)]
            frame.note(node)
            frame.each(target, f"{rows}[{offset}:{stop}]", listed=True)
        case _:
            names = frame.carried(frame.bound(node.source), needed)
            rows = frame.lazily(tuple_of(names), "rows")
            frame.note(node)
            first = f"{offset}, " if offset else ""
            frame.each(target_of(names), f"islice({rows}, {first}{stop or None})")


def _walks_rows(frame: Frame, node: Node, target: str) -> bool:
    """Whether a loop over ``target`` takes the rows of an index range, not only their rowids."""
    return isinstance(node, p.IndexRange) and frame.scope[node.alias].row == target


def _limits(frame: Frame, limit: Expr | None, offset: Expr | None) -> tuple[str, str]:
    """Texts of the numbers, checked before the first row is read; empty where there is none."""
    return _limit(frame, limit, "LIMIT"), _limit(frame, offset, "OFFSET")


def _limit(frame: Frame, expr: Expr | None, clause: str) -> str:
    if expr is None:
        return ""
    if isinstance(expr, x.Constant) and isinstance(expr.value, int) and 0 <= expr.value < 1 << 31:
        return str(expr.value)
    option = "" if clause == "LIMIT" else ", 'OFFSET'"
    text = f"row_limit({frame.value(expr)}{option})"
    return beforehand(frame, expr, clause.lower(), text)


def beforehand(frame: Frame, expr: Expr, wanted: str, text: str) -> str:
    """The variable of what is computed of an expression before the first row is read; NotSupportedError of a column."""
    parts = list(x.walk(expr))
    if any(isinstance(part, x.Column) for part in parts):
        raise NotSupportedError(
            f"{wanted.upper()} by a column of an outer query is not supported; a subquery may use it"
        )
    if not any(isinstance(part, x.Subquery | x.Exists | x.InPlan) for part in parts):
        return frame.once(wanted, text)
    name = frame.source.name(wanted)
    frame.lines.append(f"{name} = {text}")
    return name


# --- DISTINCT ------------------------------------------------------------------------------------------------------


def open_distinct(frame: Frame, node: p.Distinct, needed: Needed) -> None:
    """Rows as keys of a dict, which keeps their order; row by row against those seen, where few may be asked for."""
    from .nodes import open_row

    (alias,) = p.bound_aliases(node)
    columns = p.output_columns(node.source)
    if isinstance(node.source, p.Project) and len(columns) == 1 and not frame.early:
        _open_distinct_values(frame, node, node.source)
        return
    value = open_row(frame, node.source)
    inexact = any(column.type.kind is Kind.DOUBLE for column in columns)
    row = frame.unit.row_name(alias)
    if frame.early:
        frame.note(node)
        seen = frame.source.name("seen")
        key = "same_row({0})" if inexact else "{0}"
        frame.lines.append(f"{seen} = set()")
        if value != row:
            frame.set(row, value)
        frame.where(f"({key.format(row)} not in {seen})")
        frame.do(f"{seen}.add({key.format(row)})")
    else:
        found = _distinct_rows(frame, value, inexact)
        frame.note(node)
        frame.each(row, found)
    frame.bind(alias, [column.name for column in columns], row)


def _open_distinct_values(frame: Frame, node: p.Distinct, project: p.Project) -> None:
    """Values of the only column, which need no tuples to be compared."""
    (output,) = project.outputs
    frame.open(project.source, needed_by((output.expr,)))
    frame.note(project)
    value = same_text(x.type_of(output.expr), frame.value(output.expr))
    if frame.comprehension(value) is not None:
        found = f"dict.fromkeys{closed(frame.iterable(value, 'found'))}"
    else:
        found = frame.source.name("found")
        frame.lines.append(f"{found} = {{}}")
        frame.finish(f"{found}[{value}] = None")
    frame.note(node)
    name = frame.source.name(f"{frame.unit.row_name(project.alias)}_{output.name}")
    frame.each(name, found)
    frame.bind(project.alias, [output.name], None).columns = {output.name: name}


def _distinct_rows(frame: Frame, value: str, inexact: bool) -> str:
    if not inexact:
        simple = frame.comprehension(value)
        if simple is not None:
            return f"dict.fromkeys{closed(frame.iterable(value, 'found'))}"
    name = frame.source.name("found")
    frame.lines.append(f"{name} = {{}}")
    if inexact:
        frame.finish(f"{name}.setdefault(same_row({value}), {value})")
        return f"{name}.values()"
    frame.finish(f"{name}[{value}] = None")
    return name


def closed(text: str) -> str:
    """The text of one argument in the parentheses of a call, which those of a generator are."""
    is_generator = text.startswith("(") and is_expression_of(text, ast.GeneratorExp)
    return text if is_generator else f"({text})"


def open_distinct_on(frame: Frame, node: p.DistinctOn, needed: Needed) -> None:
    """The first rows by their keys, in a dict."""
    if not node.ordered and isinstance(node.source, p.Sort) and _open_best(frame, node, node.source, needed):
        return
    early = frame.early
    frame.early = early and node.ordered
    frame.open(node.source, needed | needed_by(node.keys))
    frame.early = early
    key = tuple_of([same_text(x.type_of(key), frame.value(key)) for key in node.keys])
    if early and node.ordered:
        _open_unseen(frame, node, key)
        return
    names = frame.carried(frame.bound(node.source), needed)
    found = frame.source.name("firsts")
    frame.lines.append(f"{found} = {{}}")
    frame.finish(f"{found}.setdefault({key}, {tuple_of(names)})")
    frame.note(node)
    frame.each(target_of(names), f"{found}.values()")


def _open_unseen(frame: Frame, node: p.DistinctOn, key: str) -> None:
    """Pass the rows whose key has not been seen yet."""
    frame.note(node)
    seen = frame.source.name("seen")
    frame.lines.append(f"{seen} = set()")
    key = key if key.isidentifier() else frame.let("key", key)
    frame.where(f"({key} not in {seen})")
    frame.do(f"{seen}.add({key})")


def _open_best(frame: Frame, node: p.DistinctOn, sort: p.Sort, needed: Needed) -> bool:
    """Open a loop over the first of each key's rows, found in one pass; False where it takes more than comparing."""
    if len({key.descending for key in sort.keys}) > 1 or frame.steps:
        return False
    frame.open(sort.source, needed | needed_by((*node.keys, *(key.expr for key in sort.keys))))
    aliases = frame.bound(sort.source)
    row = frame.scope[aliases[0]].row if len(aliases) == 1 else None
    places = plain_positions(frame, sort.keys, [row]) if row is not None else None
    if row is None or places is None:
        frame.drop()
        return False
    key = tuple_of([same_text(x.type_of(key), frame.value(key)) for key in node.keys])
    first, other = frame.source.name("first"), frame.source.name("other")
    frame.note(sort)
    of_row = key if key.isidentifier() else frame.let("key", key)
    frame.set(other, f"{first}.get({of_row})")
    operator = ">" if sort.keys[0].descending else "<"
    one, two = ([f"{each}[{at}]" for at in places] for each in (row, other))
    better = f"{tuple_of(one)} {operator} {tuple_of(two)}"
    if len(places) > 1:  # tuples are made only where the first key has not decided
        better = f"({one[0]} {operator}= {two[0]} and {better})"
    frame.where(f"({other} is None or {better})")
    frame.lines.append(f"{first} = {{}}")
    frame.finish(f"{first}[{of_row}] = {row}")
    frame.note(node)
    frame.each(row, f"{first}.values()")
    return True


def same_text(type_: SqlType, text: str) -> str:
    """The value as it may stand in a set or dict: every NaN the same."""
    return f"same({text})" if type_.kind is Kind.DOUBLE else text


# --- UNION, INTERSECT, EXCEPT --------------------------------------------------------------------------------------


def open_set_operation(frame: Frame, node: p.SetOperation, needed: Needed) -> None:
    """Both sides as rows, then combined; DISTINCT kinds keep the order in which rows are found."""
    left, right = _side(frame, node.left, "left"), _side(frame, node.right, "right")
    if any(column.type.kind is Kind.DOUBLE for column in node.columns) and not (node.all and node.kind == "union"):
        left, right = f"map(same_row, {left})", f"map(same_row, {right})"
    frame.note(node)
    row = frame.unit.row_name(node.alias)
    match node.kind, node.all:
        case "union", True:
            rows = f"chain({left}, {right})"
        case "union", False:
            rows = f"dict.fromkeys(chain({left}, {right}))"
        case kind, True:
            rows = f"{kind}_all({left}, {right})"
        case kind, False:
            there = frame.source.name("there")
            frame.lines.append(f"{there} = set({right})")
            test = "in" if kind == "intersect" else "not in"
            rows = f"dict.fromkeys([{row} for {row} in {left} if {row} {test} {there}])"
    frame.each(row, rows)
    frame.bind(node.alias, [column.name for column in node.columns], row)


def _side(frame: Frame, node: Node, wanted: str) -> str:
    from .nodes import open_row

    early, frame.early = frame.early, False
    with frame.aside(before=True):
        rows = frame.collect(open_row(frame, node), wanted)
    frame.early = early
    return rows
