"""Window functions: the rows sorted, cut into partitions, and looped over beside the lists of what they amount to."""

from __future__ import annotations

from ...errors import InternalError
from .. import expr as x
from .. import plan as p
from ..expr import SortKey, WindowCall, is_nullable
from ..functions import AGGREGATES
from ..functions.window import (
    ABSENT,
    WINDOW_FUNCTIONS,
    Peers,
    distance,
    frame_by_groups,
    frame_by_range,
    frame_by_rows,
    over,
    partitions,
)
from ..show import expressions
from .frame import Frame, Needed, needed_by, tuple_of
from .order import sort_text, write_sort

_FRAMES = {"rows": frame_by_rows, "groups": frame_by_groups, "range": frame_by_range}


def open_window(frame: Frame, node: p.Window, needed: Needed) -> None:
    """Loop over the rows of each partition, with a variable for each call that is used."""
    calls = tuple((name, call) for name, call in node.calls if (node.alias, name) in needed)
    if not calls:
        frame.open(node.source, needed)
        frame.bind(node.alias, (), None)
        return
    node = p.Window(node.source, node.alias, node.partition, node.order, calls)
    early, frame.early = frame.early, False
    frame.open(node.source, needed | needed_by(expressions(node)))
    frame.early = early
    names = frame.carried(frame.bound(node.source), needed)
    _Window(frame, node).write(names)


class _Window:
    """One node while it is written."""

    def __init__(self, frame: Frame, node: p.Window) -> None:
        self.frame = frame
        self.node = node
        self.texts: list[str] = []
        self.lines: list[str] = []
        self.known: dict[str, str] = {}
        self.part = ""

    def write(self, names: list[str]) -> None:
        """Print the sorting, and open the loops over partitions and rows."""
        frame, node = self.frame, self.node
        keys = [*(SortKey(each) for each in node.partition), *node.order]
        self.texts = [sort_text(frame, key) for key in keys]
        columns = [self._columns(call) for _, call in node.calls]
        rows = frame.collect(_row([*self.texts, *names]), "found")
        frame.write_note(node)
        if keys:
            write_sort(frame, rows, [(at, key.descending) for at, key in enumerate(keys)])
        self.part = frame.source.name("part") if node.partition else rows
        results = {name: self._result(name, call, at) for (name, call), at in zip(node.calls, columns, strict=True)}
        if node.partition:
            cut = frame.source.share("partitions", partitions)
            frame.each(self.part, f"{cut}({rows}, {len(node.partition)})")
            frame.do(*self.lines)
        else:
            frame.write(*self.lines)
        self._loop(names, results)

    def _loop(self, names: list[str], results: dict[str, str]) -> None:
        frame, row = self.frame, self.frame.unit.row_name(self.node.alias)
        variables = {name: frame.source.name(f"{row}_{name}") for name in results}
        unpacked = _row([*["_"] * len(self.texts), *names]) if names else "_"
        target = ", ".join([unpacked, *variables.values()])
        frame.each(target, f"zip({', '.join([self.part, *results.values()])})")
        frame.bind(self.node.alias, variables, None).columns = variables

    # --- calls -----------------------------------------------------------------------------------------------------

    def _columns(self, call: WindowCall) -> list[int]:
        """Where in the collected rows the values for the call are."""
        if call.function in WINDOW_FUNCTIONS:
            return [self._column(self.frame.value(arg)) for arg in call.args]
        return [self._column(self._aggregated(call))]

    def _column(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def _aggregated(self, call: WindowCall) -> str:
        """What an aggregate takes of the current row: its argument, or that it is absent."""
        frame = self.frame
        function = AGGREGATES.get(call.function)
        if function is None:
            raise InternalError(f"aggregate {call.function} is bound but not registered")
        tests = [frame.is_true(call.filter)] if call.filter is not None else []
        texts = [frame.value(arg) for arg in call.args]
        if call.args and function.skip_nulls and is_nullable(call.args[0]):
            texts[0] = frame.atom(call.args[0], "value")
            tests.append(f"({texts[0]} is not None)")
        value = tuple_of(texts) if texts else "True"
        absent = frame.source.share("ABSENT", ABSENT)
        return f"({value} if {' and '.join(tests)} else {absent})" if tests else value

    def _result(self, name: str, call: WindowCall, columns: list[int]) -> str:
        """Print what computes the call for a partition; the variable of the list of its values."""
        share = self.frame.source.share
        lists = [self._let(f"column_{at}", f"[row[{at}] for row in {self.part}]") for at in columns]
        own = WINDOW_FUNCTIONS.get(call.function)
        function = share(f"{call.function.lower()}_over", over(call.function) if own is None else own.call)
        seen = self._peers() if call.frame is None else self._frames(call.frame)
        return self._let(name, f"{function}({', '.join([seen, *lists])})")

    def _let(self, wanted: str, text: str) -> str:
        """The variable for what ``text`` computes for a partition."""
        variable = self.known.get(text)
        if variable is None:
            variable = self.known[text] = self.frame.source.name(wanted)
            self.lines.append(f"{variable} = {text}")
        return variable

    def _peers(self) -> str:
        first = len(self.node.partition)
        positions = [str(at) for at in range(first, first + len(self.node.order))]
        return self._let("peers", f"{self.frame.source.share('Peers', Peers)}({', '.join([self.part, *positions])})")

    # --- frames ----------------------------------------------------------------------------------------------------

    def _frames(self, frame: x.WindowFrame) -> str:
        """Print what finds the frames of a partition's rows; the variable."""
        unit = frame.unit
        if unit == "range" and frame.start.distance is None and frame.end.distance is None:
            unit = "groups"  # then both mean peers
        start, end = self._bound(frame.start), self._bound(frame.end)
        options = []
        if frame.exclude:
            options.append(f"exclude={frame.exclude!r}")
        if unit == "range":
            start, end = self._zero(frame.start, frame.end, start), self._zero(frame.end, frame.start, end)
            if self.node.order[0].descending:
                options.append("descending=True")
        function = self.frame.source.share(f"frame_by_{unit}", _FRAMES[unit])
        return self._let("frames", f"{function}({', '.join([self._peers(), start, end, *options])})")

    def _bound(self, bound: x.FrameBound) -> str:
        if bound.direction == 0:
            return "0"
        if bound.distance is None:
            return "None"
        frame = self.frame
        of = frame.source.share("distance", distance)
        return frame.once("offset", f"{of}({frame.value(bound.distance)}, {bound.direction})")

    def _zero(self, bound: x.FrameBound, other: x.FrameBound, text: str) -> str:
        """The distance of the current row among intervals: one of nothing."""
        if bound.direction != 0:
            return text
        there = self._bound(other)
        return f"({there} - {there})"


def _row(items: list[str]) -> str:
    """A tuple, also of one item or none."""
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
