"""Aggregates of whole columns: each is fed with all values of its column at once, and no row is looked at.

That is for what has one group, all rows of a table, and calls of columns as they are. Storage hands out the values that
are not NULL, in pieces, and has them at hand where this is asked again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...values import Kind
from .. import expr as x
from .. import plan as p
from .cells import Cell, amount_of, counts_all
from .frame import Frame
from .pieces import parts_of
from .pipeline import indented

_DECIMAL = ("SUM", "AVG", "MIN", "MAX", "COUNT")
"""What is made of decimals that are multiples of a power of ten."""


def feed_by_columns(frame: Frame, node: p.Aggregate, cells: Sequence[Cell]) -> bool:
    """Feed the cells, if all of them want one column of a table's rows, and no more."""
    source = node.source
    if not isinstance(source, p.Scan) or frame.unit.counted is not None:
        return False
    if not all(_is_vertical(cell, source.alias) for cell in cells):
        return False
    frame.note(source)
    frame.finish_notes()
    table = frame.unit.table(source.table)
    columns: dict[str, list[Cell]] = {}
    for cell in cells:
        if counts_all(cell.call):
            frame.write(f"{cell.name} = {table}.count()")
            continue
        for part in parts_of(frame, cell):
            columns.setdefault(_column(part).name, []).append(part)
    _write_loop(frame, table, source.table.positions, columns)
    return True


def _write_loop(frame: Frame, table: str, positions: Mapping[str, int], columns: dict[str, list[Cell]]) -> None:
    names = [frame.source.name(column) for column in columns]
    lines = [line for name, cells in zip(names, columns.values(), strict=True) for line in _fed(frame, cells, name)]
    if lines:
        comma = "," if len(names) == 1 else ""
        places = ", ".join(str(positions[column]) for column in columns) + comma
        first = {cell.name: cell.first for cells in columns.values() for cell in cells}
        frame.write(
            *(f"{name} = {value}" for name, value in first.items()),
            f"for {', '.join(names)}{comma} in {table}.present(({places})):",
            *indented(lines),
        )


def _column(cell: Cell) -> x.Column:
    (arg,) = cell.call.args
    assert isinstance(arg, x.Column)
    return arg


def _is_vertical(cell: Cell, alias: str) -> bool:
    call = cell.call
    if counts_all(call):
        return True
    if call.filter is not None or call.order_by or call.distinct or len(call.args) != 1:
        return False
    (arg,) = call.args
    if not isinstance(arg, x.Column) or arg.alias != alias or arg.name == x.ROWID_COLUMN:
        return False
    if not cell.function.skip_nulls:
        return False
    return arg.type.kind is not Kind.DECIMAL or call.function in _DECIMAL


def _fed(frame: Frame, cells: list[Cell], values: str) -> list[str]:
    """The statements that feed the cells of one column with its values."""
    parts: list[str] = []
    lines: list[str] = []
    made: dict[str, Cell] = {}
    for cell in cells:
        known = made.setdefault(f"{cell.kind} {cell.call.function if cell.kind == 'parts' else ''}", cell)
        if known is not cell:
            cell.name = known.name
        elif cell.kind == "count":
            lines.append(f"{cell.name} += len({values})")
        elif cell.kind == "values":
            lines.append(f"{cell.name} += {values}")
        else:
            parts.append(f"{cell.name}.append({_amount(frame, cell, values)})")
    return [*lines, f"if {values}:", *indented(parts)] if parts else lines


def _amount(frame: Frame, cell: Cell, values: str) -> str:
    in_line = _column(cell).type.kind is not Kind.DECIMAL
    return amount_of(frame, cell.call, cell.function, values, filled=in_line)
