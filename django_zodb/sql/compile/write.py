"""INSERT, UPDATE and DELETE: all rows are found before the first one is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...errors import DataError, ProgrammingError
from ...record import replace
from ...storage.schema import ColumnSchema, TableSchema
from ...values import Kind
from .. import expr as x
from .. import plan as p
from ..expr import Expr
from ..plan import Node, Output
from ..runtime import column_converter
from .access import hidden_rowid
from .frame import WHOLE, Frame, needed_by, target_of, tuple_of
from .nodes import open_row, row_text
from .pipeline import For, blocks, clean_statement, indented

_SHORT = 40


def write_insert(frame: Frame, node: p.Insert) -> None:
    """The body of an INSERT's function."""
    texts = _open_source(frame, node)
    at = node.table.rowid_column
    if node.conflict is None and isinstance(node.source, p.Values) and _is_one_row(node.source):
        row = _insert_row(frame, node, _proposed(frame, node, texts))
        expressions = [output.expr for output in node.returning]
        returned = f"[{row_text(frame, expressions)}]" if expressions else "None"
        frame.finish(clean_statement(f"return {returned}, 1, {'None' if at is None else f'{row}[{at}]'}"))
        return
    proposed = _proposed(frame, node, texts)
    if node.conflict is None:
        if node.returning or isinstance(node.source, p.Values):
            _insert_many(frame, node, frame.collect(proposed, "proposed"))
        else:
            _insert_all(frame, node, frame.lazily(proposed, "proposed"))
        return
    count, last = frame.source.name("count"), frame.source.name("last")
    returned = _returned(frame, node.returning)
    row = _insert_row(frame, node, proposed)
    sink = [f"{count} += 1"]
    if at is not None:
        sink.append(f"{last} = {row}[{at}]")
    sink += _returning(frame, node.returning, returned)
    frame.lines.append(f"{count}, {last} = 0, None")
    frame.finish(*sink)
    frame.write(f"return {returned}, {count}, {last}")


def _insert_all(frame: Frame, node: p.Insert, proposed: str) -> None:
    """Store any number of rows, piece by piece."""
    at = node.table.rowid_column
    count, last = frame.source.name("count"), frame.source.name("last")
    frame.write(
        f"{count}, {last} = {frame.unit.table(node.table)}.insert_all({proposed})",
        f"return None, {count}, {'None' if at is None else f'{last} and {last}[{at}]'}",
    )


def _insert_many(frame: Frame, node: p.Insert, proposed: str) -> None:
    """Store all rows at once."""
    at = node.table.rowid_column
    if _returns_hidden_rowid(node):
        inserted = _insert_numbered(frame, node, proposed)
    else:
        inserted = frame.source.name("inserted")
        frame.write(f"{inserted} = {frame.unit.table(node.table)}.insert_many({proposed})")
        if node.returning:
            frame.each(frame.bind_table(node), inserted, listed=True)
    returned = "None"
    if node.returning:
        returned = frame.collect(row_text(frame, [output.expr for output in node.returning]), "returned")
    last = "None" if at is None else f"{inserted}[-1][{at}] if {inserted} else None"
    frame.write(f"return {returned}, len({inserted}), {last}")


def _insert_numbered(frame: Frame, node: p.Insert, proposed: str) -> str:
    """Store the rows one by one and open a loop over them and their identifiers; returns the variable of their list."""
    given = frame.source.name("given")
    frame.each(given, proposed)
    row = _insert_row(frame, node, given)
    pair = f"{frame.rowid(node.alias)}, {row}"
    inserted = frame.collect(f"({pair})", "inserted")
    frame.each(pair, inserted)
    return inserted


def _returns_hidden_rowid(node: p.Insert | p.Update) -> bool:
    """Whether RETURNING uses the identifiers of the rows, which are in no column."""
    used = needed_by(output.expr for output in node.returning)
    return node.table.rowid_column is None and (node.alias, x.ROWID_COLUMN) in used


def _returned(frame: Frame, outputs: Sequence[Output]) -> str:
    """Begin the list of rows to return; None if there are none."""
    if not outputs:
        return "None"
    name = frame.source.name("returned")
    frame.lines.append(f"{name} = []")
    return name


def _returning(frame: Frame, outputs: Sequence[Output], returned: str) -> list[str]:
    if not outputs:
        return []
    return [clean_statement(f"{returned}.append({row_text(frame, [output.expr for output in outputs])})")]


def _open_source(frame: Frame, node: p.Insert) -> dict[int, str]:
    """Loop over the rows to insert; the texts of the columns that they give, by position, converted."""
    source = node.source
    columns = [node.table.columns[at] for at in node.positions]
    frame.note(node)
    if isinstance(source, p.Values):
        texts = _open_values(frame, node, source, columns)
    else:
        if isinstance(source, p.Project):
            outputs = zip(source.outputs, columns, strict=True)
            source = replace(source, outputs=tuple(Output(o.name, _uncut(o.expr, column)) for o, column in outputs))
        with frame.aside(before=True):
            row = open_row(frame, source)
            streams = node.conflict is None and not node.returning
            rows = (frame.lazily if streams else frame.collect)(row, "rows")
        row = frame.source.name("given")
        frame.each(row, rows)
        types = [column.type for column in p.output_columns(source)]
        texts = [
            f"{row}[{at}]" if type_ == column.type else f"{_convert(frame, node.table, column)}({row}[{at}])"
            for at, (column, type_) in enumerate(zip(columns, types, strict=True))
        ]
    return dict(zip(node.positions, texts, strict=True))


def _open_values(frame: Frame, node: p.Insert, source: p.Values, columns: list[ColumnSchema]) -> list[str]:
    if _is_one_row(source):
        (values,) = source.rows
        return [_converted(frame, node.table, column, value) for column, value in zip(columns, values, strict=True)]
    if source.rows and (batch := _batch(source)) is not None:
        first, stride = batch
        names = [frame.source.name(f"p{at}") for at in range(stride)]
        given = "params" if source.repeated else f"params[{first}:{first + stride * len(source.rows)}]"
        frame.each(target_of(names) if stride > 1 else f"({names[0]},)", f"batches({given}, {stride})")
        return [
            f"{_convert(frame, node.table, column)}({names[value.index - first]})"
            if isinstance(value, x.Param)
            else _converted(frame, node.table, column, value)
            for column, value in zip(columns, source.rows[0], strict=True)
        ]
    row = frame.source.name("given")
    rows = [
        ", ".join(_converted(frame, node.table, column, value) for column, value in zip(columns, values, strict=True))
        for values in source.rows
    ]
    frame.each(row, f"({''.join(f'({texts},), ' if texts else '(), ' for texts in rows)})")
    return [f"{row}[{at}]" for at in range(len(columns))]


def _is_one_row(source: p.Values) -> bool:
    return len(source.rows) == 1 and not source.repeated


def repeated(node: Node) -> p.Insert | None:
    """An INSERT of one row of parameters → one of any number of such rows; None if it is something else."""
    if not isinstance(node, p.Insert) or not isinstance(node.source, p.Values):
        return None
    batch = _batch(node.source) if _is_one_row(node.source) else None
    return replace(node, source=replace(node.source, repeated=True)) if batch is not None and batch[0] == 0 else None


def _batch(source: p.Values) -> tuple[int, int] | None:
    """The first parameter and the number of parameters per row, where all rows are made alike of consecutive ones."""
    first_row = source.rows[0]
    indexes = sorted(value.index for value in first_row if isinstance(value, x.Param))
    stride = len(indexes)
    if not indexes or indexes != list(range(indexes[0], indexes[0] + stride)):
        return None
    for number, row in enumerate(source.rows):
        for value, first in zip(row, first_row, strict=True):
            if isinstance(first, x.Param):
                if not isinstance(value, x.Param) or value.index != first.index + number * stride:
                    return None
            elif not isinstance(first, x.Constant) or value != first:
                return None
    return indexes[0], stride


def _proposed(frame: Frame, node: p.Insert, texts: dict[int, str]) -> str:
    for at, default in node.defaults:
        texts[at] = _converted(frame, node.table, node.table.columns[at], default)
    return f"({', '.join(texts.get(at, 'None') for at in range(len(node.table.columns)))},)"


def _converted(frame: Frame, table: TableSchema, column: ColumnSchema, value: Expr) -> str:
    """The text of a value as it fits the column; converted when the plan is, if it can be."""
    value = _uncut(value, column)
    if isinstance(value, x.Param):
        return f"{_convert(frame, table, column)}({frame.unit.raw_param(value.index)})"
    if isinstance(value, x.Constant):
        try:
            return frame.source.constant(_converter(table, column)(value.value))
        except DataError:
            pass  # to be raised when the statement runs
    text = frame.value(value)
    if x.type_of(value) == column.type and column.type.kind is not Kind.TEXT:
        return text  # a text that is made, of a document for instance, may be one that no encoding can write
    return f"{_convert(frame, table, column)}({text})"


def _uncut(value: Expr, column: ColumnSchema) -> Expr:
    """The value without a cast to the column's own sized type: a cast cuts, or fails without naming the column."""
    while isinstance(value, x.Cast) and value.type == column.type and column.type.size is not None:
        value = value.term
    return value


def _converter(table: TableSchema, column: ColumnSchema) -> Callable[[Any], Any]:
    return column_converter(column.type, f"{table.name}.{column.name}")


def _convert(frame: Frame, table: TableSchema, column: ColumnSchema) -> str:
    """The name of the function that makes a value fit the column."""
    key = f"to_{table.name}_{column.name}"
    name = frame.unit.converters.get(key)
    if name is None:
        name = frame.unit.converters[key] = frame.source.share(key, _converter(table, column))
    return name


# --- one row -------------------------------------------------------------------------------------------------------


def _insert_row(frame: Frame, node: p.Insert, proposed: str) -> str:
    """Store the row, or do what ON CONFLICT says; returns the variable of the row as stored."""
    row, rowid = frame.unit.row_name(node.alias), hidden_rowid(frame, node)
    if node.conflict is None:
        _draw(frame, node, rowid)
        frame.set(row, f"{frame.unit.table(node.table)}.insert({_listed(proposed, rowid)})")
    else:
        _insert_unless(frame, node, node.conflict, proposed, rowid)
    frame.bind_table(node)
    frame.scope[node.alias].rowid = rowid
    return row


def _draw(frame: Frame, node: p.Insert, rowid: str | None) -> None:
    """Bind the variable of a new row's hidden identifier, if there is one."""
    if rowid is not None:
        frame.set(rowid, f"{frame.unit.table(node.table)}.new_rowid()")


def _listed(*arguments: str | None) -> str:
    return ", ".join(filter(None, arguments))


def _insert_unless(frame: Frame, node: p.Insert, conflict: p.OnConflict, proposed: str, rowid: str | None) -> None:
    table, name = frame.unit.table(node.table), frame.source.name("proposed")
    frame.set(name, proposed)
    if conflict.admitted:
        frame.where(f"{table}.admits({name})")
    which = frame.source.constant(_conflict_index(node.table, conflict))
    otherwise = "'nothing'" if conflict.assignments is None else "'update'"
    insert = f"{table}.insert_unless({_listed(name, which, otherwise, rowid)})"
    clashes = f"{table}.conflicts({name}, {which})"
    if conflict.assignments is None:
        frame.where(f"(not {clashes})")
        _draw(frame, node, rowid)
        row = frame.unit.row_name(node.alias)
        frame.set(row, insert)
        frame.where(f"({row} is not None)")
        return
    clashes = frame.let("clashes", clashes)
    if rowid is not None:
        frame.set(rowid, f"{clashes}[0] if {clashes} else {table}.new_rowid()")
    _upsert(frame, node, conflict, name, clashes, insert, rowid)


def _upsert(
    frame: Frame, node: p.Insert, conflict: p.OnConflict, proposed: str, clashes: str, insert: str, rowid: str | None
) -> None:
    table, row = frame.unit.table(node.table), frame.unit.row_name(node.alias)
    existing = frame.source.name("existing")
    assert conflict.assignments is not None
    names = [column.name for column in node.table.columns]
    with frame.aside() as steps:
        frame.bind(node.alias, names, existing, node.table).rowid = rowid
        frame.bind(conflict.excluded, names, proposed, node.table)
        if conflict.condition is not None:
            frame.where(frame.is_true(conflict.condition))
        changed = _changed_row(frame, node.table, existing, conflict.assignments)
        update = clean_statement(f"{row} = {table}.update({clashes}[0], {existing}, {changed})")
    frame.do(
        f"if {clashes}:",
        f"    {existing} = {table}.get({clashes}[0])",
        f"    {row} = None",
        *indented(blocks(steps, [update])),
        "else:",
        f"    {row} = {insert}",
    )
    if conflict.condition is not None:
        frame.where(f"({row} is not None)")


def _conflict_index(table: TableSchema, conflict: p.OnConflict) -> str | None:
    """The unique index that ON CONFLICT names, or that has the columns it names."""
    if conflict.index is not None or not conflict.target:
        return conflict.index
    target = set(conflict.target)
    if table.primary_key and target == {*table.primary_key}:
        return table.primary_key_name or f"{table.name}_pkey"
    for index in table.indexes:
        if index.unique and target == {*index.columns}:
            return index.name
    shown = ", ".join(conflict.target)
    raise ProgrammingError(f"ON CONFLICT ({shown}): {table.name} has no unique constraint of these columns")


def _changed_row(frame: Frame, table: TableSchema, row: str, assignments: Sequence[tuple[int, Expr]]) -> str:
    """``row`` with values exchanged: slices of it, added to the new values."""
    texts = {}
    for at, value in assignments:
        text = _converted(frame, table, table.columns[at], value)
        texts[at] = text if len(text) <= _SHORT else frame.let(f"new_{table.columns[at].name}", text)
    return f"({' + '.join(_pieces(row, texts, len(table.columns)))})"


def _pieces(row: str, texts: dict[int, str], width: int) -> Iterator[str]:
    at = 0
    while at < width:
        end = at
        while end < width and (end in texts) is (at in texts):
            end += 1
        if at in texts:
            yield f"({', '.join(texts[place] for place in range(at, end))},)"
        else:
            yield f"{row}[{at or ''}:{end if end < width else ''}]"
        at = end


# --- UPDATE and DELETE ---------------------------------------------------------------------------------------------


def write_update(frame: Frame, node: p.Update) -> None:
    """The body of an UPDATE's function."""
    extra = needed_by(output.expr for output in node.returning)
    used = needed_by(value for _, value in node.assignments)
    row, others = _open_target(frame, node, used | extra)
    if _loops_once(frame, node):
        _update_all(frame, node)
        return
    assert row is not None
    kept = frame.carried(others, extra)
    assigned = "{" + ", ".join(str(at) for at in sorted(at for at, _ in node.assignments)) + "}"
    found = ""
    if p.bound_aliases(node.source) == {node.alias}:
        rowids, olds = _collect_rows(frame, node, row)
        given = _given_values(frame, node, rowids)
        frame.note(node)
        news = _collect_changed(frame, node, rowids, olds, given)
    else:
        frame.note(node)
        changed = _changed_row(frame, node.table, row, node.assignments)
        found = _collect_once(frame, node, [row, changed, *kept])
        rowids, olds, news = _taken(frame, found, ["olds", "changed"])
    update = f"{frame.unit.table(node.table)}.update_many({rowids}, {olds}, {news}, {assigned})"
    if not node.returning:
        frame.write(update, f"return None, len({rowids}), None")
        return
    beside = {f"({target_of(['_', '_', *kept])})": f"{found}.values()"} if kept else {}
    if _returns_hidden_rowid(node):
        frame.scope[node.alias].rowid = rowid = frame.source.name("rowid")
        beside[rowid] = rowids
    frame.each(", ".join([row, *beside]), f"zip({', '.join([update, *beside.values()])})" if beside else update)
    returned = frame.collect(row_text(frame, [output.expr for output in node.returning]), "returned")
    frame.write(f"return {returned}, len({rowids}), None")


def _loops_once(frame: Frame, node: p.Update | p.Delete) -> bool:
    """Whether the open pipeline may find very many rows, each once, none of which is asked for afterwards."""
    return _finds_each_once(node) and any(isinstance(step, For) for step in frame.steps)


def _finds_each_once(node: p.Update | p.Delete) -> bool:
    return not node.returning and p.bound_aliases(node.source) == {node.alias}


def _update_all(frame: Frame, node: p.Update) -> None:
    """Change any number of rows, piece by piece: columns whose values differ, and those of one value for all rows."""
    frame.note(node)
    columns = node.table.columns
    fixed = [each for each in node.assignments if isinstance(_uncut(each[1], columns[each[0]]), x.Param | x.Constant)]
    varying = [each for each in node.assignments if each not in fixed]
    texts = [_converted(frame, node.table, columns[at], value) for at, value in varying]
    changes = frame.lazily(f"({', '.join([frame.rowid(node.alias), *texts])},)", "changes")
    assigned = tuple(at for at, _ in varying + fixed)
    given = "".join(f", {_converted(frame, node.table, columns[at], value)}" for at, value in fixed)
    values = f", lambda: ({given[2:]},)" if fixed else ""
    update = f"{frame.unit.table(node.table)}.update_all({changes}, {assigned}{values})"
    frame.write(f"return None, {update}, None")


def write_delete(frame: Frame, node: p.Delete) -> None:
    """The body of a DELETE's function."""
    extra = needed_by(output.expr for output in node.returning)
    row, others = _open_target(frame, node, extra)
    frame.note(node)
    table = frame.unit.table(node.table)
    if _loops_once(frame, node):
        rowids = frame.lazily(frame.rowid(node.alias), "rowids")
        frame.write(f"return None, {table}.delete_all({rowids}), None")
        return
    assert row is not None
    kept = frame.carried(others, extra)
    if p.bound_aliases(node.source) == {node.alias}:
        rowids, olds = _collect_rows(frame, node, row)
        found, values = f"zip({rowids}, {olds})", row
    else:
        rows = _collect_once(frame, node, [row, *kept])
        rowids, _ = _taken(frame, rows, ["olds"])
        found, values = f"{rows}.items()", f"({', '.join([row, *kept])},)"
    gone = frame.source.name("gone")
    frame.write(f"{gone} = {table}.delete_many({rowids})")
    returned = "None"
    if node.returning:
        frame.scope[node.alias].rowid = deleted = frame.source.name("rowid")
        frame.each(f"{deleted}, {values}", found)
        frame.where(f"{deleted} not in {gone}")
        returned = frame.collect(row_text(frame, [output.expr for output in node.returning]), "returned")
    frame.write(f"return {returned}, len({rowids}) - len({gone}), None")


def _open_target(
    frame: Frame, node: p.Update | p.Delete, needed: frozenset[tuple[str, str]]
) -> tuple[str | None, list[str]]:
    """Open the source; the variable of the target's row, and the other aliases."""
    wanted = {(node.alias, x.ROWID_COLUMN)}
    if node.table.rowid_column is not None:
        wanted.add((node.alias, node.table.columns[node.table.rowid_column].name))
    if not _finds_each_once(node):
        wanted.add((node.alias, WHOLE))
    frame.open(node.source, needed | wanted)
    return frame.scope[node.alias].row, [alias for alias in frame.bound(node.source) if alias != node.alias]


def _collect_rows(frame: Frame, node: p.Update | p.Delete, row: str) -> tuple[str, str]:
    """End the pipeline in a list of rowids and one of rows; returns their variables."""
    at = node.table.rowid_column
    if at is not None:
        olds = frame.collect(row, "olds")
        frame.each(row, olds)
        return frame.collect(f"{row}[{at}]", "rowids"), olds
    found = frame.collect(tuple_of([frame.rowid(node.alias), row]), "found")
    rowids, olds = frame.source.name("rowids"), frame.source.name("olds")
    frame.write(f"{rowids} = [each[0] for each in {found}]", f"{olds} = [each[1] for each in {found}]")
    return rowids, olds


def _collect_changed(frame: Frame, node: p.Update, rowids: str, olds: str, given: Mapping[int, str]) -> str:
    """A loop over what ``_collect_rows`` has found, which ends in a list of the changed rows; returns its variable.

    Unpacking a row and making one of its values takes half the time of adding slices of it.
    """
    outer = frame.scope[node.alias]
    binding = frame.bind(node.alias, node.table.positions, None, node.table)
    names = [frame.source.name(column.name) for column in node.table.columns]
    binding.columns = {column.name: name for column, name in zip(node.table.columns, names, strict=True)}
    target = ", ".join(names) if len(names) > 1 else f"{names[0]},"
    if node.table.rowid_column is not None:
        frame.each(target, olds)
    else:
        binding.rowid = frame.source.name("rowid")
        frame.each(f"{binding.rowid}, ({target})", f"zip({rowids}, {olds})")
    for at, value in node.assignments:
        names[at] = given.get(at) or _converted(frame, node.table, node.table.columns[at], value)
    changed = frame.collect(f"({', '.join(names)},)", "changed")
    frame.scope[node.alias] = outer
    return changed


def _given_values(frame: Frame, node: p.Update, rowids: str) -> dict[int, str]:
    """The variables of parameters that are assigned, by position: converted once, and only if there is any row."""
    columns = node.table.columns
    given = {at: value for at, value in node.assignments if isinstance(_uncut(value, columns[at]), x.Param)}
    if not given:
        return {}
    names = {at: frame.source.name(f"new_{columns[at].name}") for at in given}
    frame.write(f"if not {rowids}:", f"    return {'[]' if node.returning else 'None'}, 0, None")
    frame.write(*(f"{names[at]} = {_converted(frame, node.table, columns[at], value)}" for at, value in given.items()))
    return names


def _collect_once(frame: Frame, node: p.Update | p.Delete, values: Sequence[str]) -> str:
    """End the pipeline in a dict of tuples of the values by rowid, the first ones of each; returns its variable."""
    name = frame.source.name("found")
    frame.lines.append(f"{name} = {{}}")
    kept = clean_statement(f"({', '.join(values)},)")
    frame.finish(f"{name}.setdefault({frame.rowid(node.alias)}, {kept})")
    return name


def _taken(frame: Frame, found: str, wanted: Sequence[str]) -> list[str]:
    """The variables of lists of the rowids, and of the first values, that ``_collect_once`` has kept."""
    names = [frame.source.name(each) for each in ("rowids", *wanted)]
    frame.write(f"{names[0]} = list({found})")
    frame.write(*(f"{name} = [each[{at}] for each in {found}.values()]" for at, name in enumerate(names[1:])))
    return names
