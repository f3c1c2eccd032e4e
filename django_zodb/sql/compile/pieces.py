"""Several aggregates of all rows: fed some thousand rows at a time, by a comprehension for each value they look at.

What a sum, a minimum or the like makes of a piece stands for its values, which are looked at while they are near and
not kept: the sum of sums is the sum. Others, such as a sum of floats, which is rounded once, keep every value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...record import replace
from .. import expr as x
from .. import plan as p
from ..functions import AGGREGATES
from ..show import expressions
from .cells import Cell, amount_of, cell_of, fed, tested_value
from .frame import Frame, needed_by, target_of, tuple_of
from .order import closed
from .pipeline import Comprehension, blocks, indented


@dataclass(slots=True)
class _Feed:
    """The cells that look at the same values of a piece; ``rows`` are these without the values."""

    values: Comprehension
    rows: Comprehension
    cells: list[Cell] = field(default_factory=list)


def feed_by_pieces(frame: Frame, node: p.Aggregate, cells: list[Cell]) -> None:
    """End the pipeline in the cells."""
    cells = [part for cell in cells for part in parts_of(frame, cell)]
    names = frame.carried(frame.bound(node.source), needed_by(expressions(node)))
    piece = frame.source.name("piece")
    found, lines = _pieces(frame, tuple_of(names), piece)
    filled = not lines
    feeds: dict[str, _Feed] = {}
    for cell in cells:
        frame.each(target_of(names), piece)
        lines += _entered(frame, cell, feeds)
        frame.drop()
    for feed in feeds.values():
        lines += _fed(frame, feed, filled)
    frame.lines += [f"{name} = {first}" for name, first in {cell.name: cell.first for cell in cells}.items()]
    if lines:
        frame.lines += [f"for {piece} in pieces({found}):", *indented(lines)]


def _pieces(frame: Frame, value: str, piece: str) -> tuple[str, list[str]]:
    """End the pipeline in what gives pieces, and statements that make one of these a list of ``value``.

    A filter passes a whole piece in less time than row by row.
    """
    simple = frame.comprehension(value)
    if simple is None or not simple.clauses or not all(clause.startswith("if ") for clause in simple.clauses):
        return frame.iterable(value, "found"), []
    frame.finish_notes()
    first, *rest = replace(simple, iterable=piece).listing()
    return simple.iterable, [f"{piece} = {first}", *rest]


def parts_of(frame: Frame, cell: Cell) -> tuple[Cell, ...]:
    """The cells that are fed for one: it, or a sum and a count for an average; sums and the like are summed up."""
    call = cell.call
    if cell.kind != "values" or len(call.args) != 1 or call.order_by:
        return (cell,)
    summed = replace(call, function="SUM") if call.function == "AVG" else call
    repeats = call.distinct and call.function not in ("MIN", "MAX")
    if repeats or x.type_of(call.args[0]).kind not in AGGREGATES[summed.function].of_parts:
        return (cell,)
    if call.function == "AVG":
        count = cell_of(frame, "count", replace(call, function="COUNT"))
        cell.parts = (Cell("parts", cell.name, summed, AGGREGATES["SUM"]), count)
        return cell.parts
    cell.kind, cell.call = "parts", replace(call, distinct=False)
    return (cell,)


def _entered(frame: Frame, cell: Cell, feeds: dict[str, _Feed]) -> list[str]:
    """Enter the cell among those that look at the same values; statements that feed it, where that cannot be."""
    tests, value = tested_value(frame, cell.call, cell.function)
    for test in tests:
        frame.where(test)
    values = frame.comprehension(value or "None")
    if values is None:
        return blocks(frame.steps, [fed(cell, value)])
    rows = frame.comprehension("None") or values  # a value is named twice in the tests, but not beside them
    feeds.setdefault(" ".join(values.listing()), _Feed(values, rows)).cells.append(cell)
    return []


def _fed(frame: Frame, feed: _Feed, filled: bool) -> list[str]:
    """The statements that feed the cells with the values of a piece."""
    kinds = {
        kind: [cell for cell in feed.cells if cell.kind == kind] for kind in ("values", "count", "distinct", "parts")
    }
    for cells in (kinds["values"], kinds["count"]):
        for cell in cells[1:]:
            cell.name = cells[0].name
    first, *rest = feed.values.listing()
    if whole := kinds["values"]:
        for cell in kinds["count"]:
            cell.kind, cell.name = "values", whole[0].name  # as many as are in that list
        if len(whole) + len(kinds["count"]) == len(feed.cells):
            return [f"{whole[0].name} += {first}", *rest]
    elif len(kinds["count"]) == len(feed.cells):
        rows = feed.rows
        return [f"{feed.cells[0].name} += len({' '.join(rows.listing()) if rows.clauses else rows.iterable})"]
    if len(feed.cells) == len(kinds["distinct"]) == 1:
        return [f"{feed.cells[0].name}.update{closed(feed.values.generator)}"]
    values = frame.source.name("values")
    lines = [f"{values} = {first}", *rest]
    if whole:
        lines.append(f"{whole[0].name} += {values}")
    elif kinds["count"]:
        lines.append(f"{kinds['count'][0].name} += len({values})")
    lines += [f"{cell.name}.update({values})" for cell in kinds["distinct"]]
    return lines + _summed_up(frame, kinds["parts"], values, filled=filled and not feed.values.clauses)


def _summed_up(frame: Frame, cells: list[Cell], values: str, filled: bool) -> list[str]:
    """The statements that keep what the values of a piece amount to, if there are any."""
    names: dict[str, str] = {}
    lines: list[str] = []
    for cell in cells:
        known = names.setdefault(cell.call.function, cell.name)
        if known != cell.name:
            cell.name = known
        else:
            amount = amount_of(frame, cell.call, cell.function, values, filled=True)
            lines.append(f"{cell.name}.append({amount})")
    return [f"if {values}:", *indented(lines)] if lines and not filled else lines
