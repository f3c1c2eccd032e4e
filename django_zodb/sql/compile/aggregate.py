"""Aggregates: the values of each group in lists, counters where a count is all that is asked.

Without keys, each call has a cell that is fed row by row. With keys, what the calls need of a row goes into the
list of its group, so that a row costs one look at the dict; the values of a call are taken out of a whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...record import record, replace
from ...values import Kind
from .. import expr as x
from .. import plan as p
from ..expr import AggregateCall, Expr, is_nullable
from ..functions import AggregateFunction, average_of
from ..show import expressions
from .access import postings
from .cells import Cell, amount_of, cell_of, counts_all, fed, function_of, tested_value
from .counts import count_rows
from .frame import Binding, Frame, Needed, needed_by, tuple_of
from .order import closed, same_text, sort_text
from .pieces import feed_by_pieces
from .pipeline import For, Note, clean
from .syntax import is_variable
from .vertical import feed_by_columns


def open_aggregate(frame: Frame, node: p.Aggregate, needed: Needed) -> None:
    """Bind the alias to one row per group."""
    node = _only_looked_at(node, needed)
    counted = count_rows(frame, node)
    if counted is not None:
        _bind(frame, node, counted)
        return
    cells = [] if node.keys else [cell_of(frame, name, call) for name, call in node.calls]
    if not node.keys and feed_by_columns(frame, node, cells):
        frame.note(node)
        _bind(frame, node, _results(frame, node, cells))
        return
    early, frame.early = frame.early, node.ordered
    frame.open(node.source, needed_by(expressions(node)))
    frame.early = early
    if node.keys:
        _grouped(frame, node)
    else:
        _ungrouped(frame, node, cells)


def _only_looked_at(node: p.Aggregate, needed: Needed) -> p.Aggregate:
    """Without calls that nobody uses, and arguments that are counted and never NULL."""
    calls = tuple(
        (name, replace(call, args=()) if counts_all(call) else call)
        for name, call in node.calls
        if (node.alias, name) in needed
    )
    return replace(node, calls=calls)


# --- one group -----------------------------------------------------------------------------------------------------


def _ungrouped(frame: Frame, node: p.Aggregate, cells: list[Cell]) -> None:
    if len(cells) != 1:
        feed_by_pieces(frame, node, cells)
    elif not (_counted_simply(frame, cells[0]) or _collected_simply(frame, cells[0])):
        sink = _feeding(frame, cells[0])
        frame.lines.append(f"{cells[0].name} = {cells[0].first}")
        frame.finish(*sink)
    frame.note(node)
    _bind(frame, node, _results(frame, node, cells))


def _counted_simply(frame: Frame, cell: Cell) -> bool:
    """Whether the only call's rows could be counted by a comprehension."""
    if cell.kind != "count":
        return False
    steps = list(frame.steps)
    tests = [frame.is_true(cell.call.filter)] if cell.call.filter is not None else []
    tests += [f"({frame.value(arg)} is not None)" for arg in cell.call.args if is_nullable(arg)]
    for test in tests:
        frame.where(test)
    last = frame.steps[-1] if frame.steps else None
    if isinstance(last, For) and (last.number or last.sized or last.listed):
        frame.steps.pop()
        size = last.number or f"len({last.iterable})"
        if all(isinstance(step, Note) for step in frame.steps):
            frame.finish(f"{cell.name} = {clean(size)}")
            return True
        if last.found is not None and frame.comprehension(last.found[1]) is not None:
            index, key = last.found
            frame.write(f"{cell.name} = sum({index}.sizes({frame.collect(key, 'keys')}))")
            return True
        if frame.comprehension(size) is not None:
            frame.write(f"{cell.name} = sum({frame.collect(size, 'sizes')})")
            return True
        frame.steps.append(last)
    simple = frame.comprehension("None")
    if simple is None:
        frame.steps = steps
        frame.forget()
        return False
    if simple.clauses:
        frame.write(f"{cell.name} = len({frame.collect('None', 'rows')})")
    else:
        frame.finish_notes()
        frame.write(f"{cell.name} = sum(map(len, pieces{closed(simple.iterable)}))")
    return True


def _collected_simply(frame: Frame, cell: Cell) -> bool:
    """Whether the only call's values could be collected by a comprehension."""
    call = cell.call
    if cell.kind != "values" or call.filter is not None or call.order_by or len(call.args) != 1:
        return False
    steps = list(frame.steps)
    (arg,) = call.args
    if cell.function.skip_nulls and is_nullable(arg):
        frame.where(f"({frame.atom(arg, 'value')} is not None)")
    value = frame.value(arg)
    if frame.comprehension(value) is None:
        frame.steps = steps
        frame.forget()
        return False
    cell.name = frame.collect(value, cell.name)
    return True


# --- many groups ---------------------------------------------------------------------------------------------------


@record
class Gathered:
    """What is kept of every row for a call, until its group is complete: a value, or ``skipped`` for none."""

    call: AggregateCall
    function: AggregateFunction
    name: str
    value: str | None  # None: that there is a row is all that counts
    skipped: str = ""


def _grouped(frame: Frame, node: p.Aggregate) -> None:
    """Values by group in lists, then loop over the groups; numbers of rows alone are counted."""
    if node.ordered and (columns := _open_runs_of_rows(frame, node)) is not None:
        _bind(frame, node, columns)
        return
    key = tuple_of([same_text(x.type_of(key.expr), frame.value(key.expr)) for key in node.keys])
    gathered = [_gathered(frame, name, call) for name, call in node.calls]
    values = list(dict.fromkeys(each.value for each in gathered if each.value is not None))
    row = frame.unit.row_name(node.alias)
    names = [frame.source.name(f"{row}_{key.name}") for key in node.keys]
    target = names[0] if len(names) == 1 else f"({', '.join(names)})"
    if node.ordered:
        columns = _open_runs(frame, node, key, values, target, gathered)
    else:
        columns = _open_groups(frame, node, key, values, target, gathered)
    _bind(frame, node, dict(zip((key.name for key in node.keys), names, strict=True)) | columns)


def _gathered(frame: Frame, name: str, call: AggregateCall) -> Gathered:
    function = function_of(call)
    if counts_all(call):
        return Gathered(call, function, name, None)
    tests = [frame.is_true(call.filter)] if call.filter is not None else []
    texts = [frame.value(arg) for arg in call.args] or ["True"]
    nullable = bool(call.args) and is_nullable(call.args[0]) and function.skip_nulls
    if nullable and (tests or call.order_by or len(texts) > 1):
        if not texts[0].isidentifier():
            texts[0] = frame.let("value", texts[0])
        tests.append(f"{texts[0]} is not None")
    value = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    if call.order_by:
        value = f"({', '.join((*(sort_text(frame, key) for key in call.order_by), value))})"
    if tests:
        return Gathered(call, function, name, f"({value} if {' and '.join(tests)} else SKIPPED)", "SKIPPED")
    return Gathered(call, function, name, value, "None" if nullable else "")


def _open_groups(
    frame: Frame, node: p.Aggregate, key: str, values: list[str], target: str, gathered: list[Gathered]
) -> dict[str, str]:
    """Open the loop over a dict of the groups; returns the variables of the calls.

    The values that calls take of a row follow one another in the list of its group: a tuple for each row would take
    half as long again, and Python's garbage collector would look at it.
    """
    groups, rows = frame.source.name("groups"), frame.source.name("rows")
    distinct = _only_distinct(gathered)
    if not gathered:
        _write_keys(frame, groups, key)
        frame.note(node)
        frame.each(target.removeprefix("(").removesuffix(")"), groups)
        return {}
    if distinct is not None:
        frame.lines.append(f"{groups} = defaultdict(set)")
        frame.finish(f"{groups}[{key}].add({same_text(x.type_of(distinct.call.args[0]), values[0])})")
    elif values:
        frame.lines.append(f"{groups} = defaultdict(list)")
        added = f"append({values[0]})" if len(values) == 1 else f"extend(({', '.join(values)}))"
        frame.finish(f"{groups}[{key}].{added}")
    else:
        _write_counts(frame, groups, key)
    frame.note(node)
    frame.each(f"{target}, {rows}", f"{groups}.items()")
    if distinct is not None:
        count = f"len({rows}) - ({distinct.skipped} in {rows})" if distinct.skipped else f"len({rows})"
        return {each.name: frame.let(f"{frame.unit.row_name(node.alias)}_{each.name}", count) for each in gathered}
    width = len(values)
    every = f"len({rows}) // {width}" if width > 1 else f"len({rows})" if values else rows
    return _called(frame, node, gathered, every, lambda of, but: _of_group(rows, values.index(of), width, but))


def _only_distinct(gathered: list[Gathered]) -> Gathered | None:
    """The call that counts distinct values, if nothing else is asked of a group: these need not be kept twice."""
    if len(gathered) != 1:
        return None
    call = gathered[0].call
    alone = call.function == "COUNT" and call.distinct and len(call.args) == 1 and not call.order_by
    return gathered[0] if alone else None


def _of_group(rows: str, at: int, width: int, skipped: str) -> str:
    """The values of one call in the list of a group."""
    values = rows if width == 1 else f"{rows}[{at or ''}::{width}]"
    return f"[value for value in {values} if value is not {skipped}]" if skipped else values


def _write_keys(frame: Frame, groups: str, key: str) -> None:
    simple = frame.comprehension(key)
    if simple is not None:
        frame.write(f"{groups} = dict.fromkeys{closed(frame.iterable(key, 'found'))}")
    else:
        frame.lines.append(f"{groups} = {{}}")
        frame.finish(f"{groups}[{key}] = None")


def _write_counts(frame: Frame, groups: str, key: str) -> None:
    simple = frame.comprehension(key)
    if simple is not None:
        # Distinct rows may be the keys of a dict, whose values Counter would take for counts.
        frame.write(f"{groups} = Counter(iter{closed(frame.iterable(key, 'found'))})")
    else:
        frame.lines.append(f"{groups} = defaultdict(int)")
        frame.finish(f"{groups}[{key}] += 1")


def _open_runs(
    frame: Frame, node: p.Aggregate, key: str, values: list[str], target: str, gathered: list[Gathered]
) -> dict[str, str]:
    """Open the loop over groups whose rows come one after another; returns the variables of the calls."""
    rows = frame.lazily(f"({', '.join([key, *values])},)", "found")
    group = frame.source.name("rows")
    frame.note(node)
    frame.each(f"{target}, {group}", f"groupby({rows}, itemgetter(0))")
    if gathered:
        frame.set(group, f"list({group})")
    return _called(frame, node, gathered, f"len({group})", lambda of, but: _of_run(group, values.index(of) + 1, but))


def _of_run(rows: str, at: int, skipped: str) -> str:
    """The values of one call in the tuples of a group."""
    return f"[row[{at}] for row in {rows}{f' if row[{at}] is not {skipped}' if skipped else ''}]"


def _open_runs_of_rows(frame: Frame, node: p.Aggregate) -> dict[str, str] | None:
    """As ``_open_runs``, of rows as they are: all that is asked for are columns of one table; None if it is more."""
    binding = _only_row(frame, node)
    if binding is None or binding.row is None:
        return None
    row, group = frame.unit.row_name(node.alias), frame.source.name("rows")
    names = {key.name: frame.source.name(f"{row}_{key.name}") for key in node.keys}
    places = [_place(frame, binding, key.expr) for key in node.keys]
    target = ", ".join(names.values())
    match [step for step in frame.steps if not isinstance(step, Note)], node.source:
        case [For()], p.IndexRange() as source if _has_runs(source, node.keys):
            frame.steps = [step for step in frame.steps if isinstance(step, Note)]
            frame.note(node)
            rowids = frame.source.name("rowids")
            frame.each(rowids, postings(frame, source))
            frame.set(group, f"list(map({frame.unit.table(source.table)}.get, {rowids}))")
            frame.set(target, f"{group}[0][{places[0]}]")
        case _:
            found = frame.lazily(binding.row, "found")
            frame.note(node)
            keys = f"itemgetter({', '.join(places)})"
            frame.each(f"{target if len(names) == 1 else f'({target})'}, {group}", f"groupby({found}, {keys})")
            if node.calls:
                frame.set(group, f"list({group})")
    for name, call in node.calls:
        names[name] = frame.let(f"{row}_{name}", _of_rows(frame, call, group, binding))
    return names


def _has_runs(source: p.IndexRange, keys: Sequence[p.Output]) -> bool:
    """Whether the index has the rows of each group under one key, and they are wanted in the order of their rowids."""
    index = next((each for each in source.table.indexes if each.name == source.index), None)
    columns = tuple(key.expr.name for key in keys if isinstance(key.expr, x.Column))
    if index is None or index.columns != columns or len(columns) > 1 or source.prefix:
        return False
    if source.reverse is not source.ties_reversed:
        return False
    return not (index.keys[0].collation or source.table.column(columns[0]).collation)


def _place(frame: Frame, binding: Binding, column: Expr) -> str:
    """The name for the position of a column of the row."""
    assert isinstance(column, x.Column)
    return frame.source.position(column.name, column.name, binding.positions[column.name])


def _of_rows(frame: Frame, call: AggregateCall, rows: str, binding: Binding) -> str:
    """What a call amounts to over a list of rows, of which it wants one column."""
    if counts_all(call):
        return f"len({rows})"
    (arg,), function = call.args, function_of(call)
    value = f"row[{_place(frame, binding, arg)}]"
    skipped = function.skip_nulls and is_nullable(arg)
    values = f"[{value} for row in {rows} if {value} is not None]" if skipped else f"[{value} for row in {rows}]"
    return amount_of(frame, call, function, values, filled=not skipped)


def _only_row(frame: Frame, node: p.Aggregate) -> Binding | None:
    """That of the only alias of which the groups want columns, if they want nothing else."""
    wanted = [key.expr for key in node.keys]
    for _, call in node.calls:
        if call.filter is not None or call.order_by or len(call.args) > 1:
            return None
        wanted += [] if counts_all(call) else call.args
    columns = [each for each in wanted if isinstance(each, x.Column) and each.name != x.ROWID_COLUMN]
    aliases = {column.alias for column in columns}
    exact = all(x.type_of(key.expr).kind is not Kind.DOUBLE for key in node.keys)
    return frame.scope.get(aliases.pop()) if exact and len(columns) == len(wanted) and len(aliases) == 1 else None


def _called(
    frame: Frame, node: p.Aggregate, gathered: list[Gathered], every: str, values_of: Callable[[str, str], str]
) -> dict[str, str]:
    """Variables for what the calls of a group amount to.

    ``every`` is how many rows it has, ``values_of`` gives a list of what they hold of a value, but what is skipped.
    """
    columns: dict[str, str] = {}
    alias = frame.unit.row_name(node.alias)
    for each in gathered:
        text = every
        if each.value is not None:
            values = values_of(each.value, each.skipped)
            text = amount_of(frame, each.call, each.function, values, filled=not each.skipped)
        columns[each.name] = text if is_variable(text) else frame.let(f"{alias}_{each.name}", text)
    return columns


# --- every row, every group ----------------------------------------------------------------------------------------


def _feeding(frame: Frame, cell: Cell) -> list[str]:
    """The statements that add the current row to a cell."""
    tests, value = tested_value(frame, cell.call, cell.function)
    line = fed(cell, value)
    return [f"if {clean(' and '.join(tests))}:", f"    {line}"] if tests else [line]


def _results(frame: Frame, node: p.Aggregate, cells: list[Cell]) -> dict[str, str]:
    """Variables for what the calls of a group amount to."""
    columns = {}
    row = frame.unit.row_name(node.alias)
    for (name, _), cell in zip(node.calls, cells, strict=True):
        text = _result(frame, cell)
        columns[name] = text if is_variable(text) else frame.let(f"{row}_{name}", text)
    return columns


def _result(frame: Frame, cell: Cell) -> str:
    if cell.parts is not None:
        total, count = (_result(frame, part) for part in cell.parts)
        return f"({frame.source.share('average_of', average_of)}({total}, {count}) if {count} else None)"
    match cell.kind:
        case "count":
            return cell.name
        case "distinct":
            return f"len({cell.name})"
    return amount_of(frame, cell.call, cell.function, cell.name)


def _bind(frame: Frame, node: p.Aggregate, columns: dict[str, str]) -> None:
    names = [*(key.name for key in node.keys), *(name for name, _ in node.calls)]
    binding = frame.bind(node.alias, names, None)
    binding.columns = columns
