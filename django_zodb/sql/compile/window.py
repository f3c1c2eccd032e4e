"""Window functions: the rows filed by partition, sorted, and looped over beside the lists of what they amount to.

Windows of one partitioning share the work where the order of one is enough for all: what an aggregate makes of a whole
partition is but one value.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import InternalError
from ...record import replace
from .. import expr as x
from .. import plan as p
from ..expr import SortKey, WindowCall, is_nullable
from ..functions import AGGREGATES, IN_LINE, AggregateFunction
from ..functions.frames import Peers, distance, frame_by_groups, frame_by_range, frame_by_rows
from ..functions.window import WINDOW_FUNCTIONS
from ..functions.windowed import ABSENT, Running, over, so_far
from ..show import expressions
from .frame import Frame, Needed, needed_by, tuple_of
from .given_order import sorting_keys
from .order import beforehand, plain_positions, sort_lines, sort_text
from .pipeline import clean

_FRAMES = {"rows": frame_by_rows, "groups": frame_by_groups, "range": frame_by_range}
_ORDERLESS = frozenset(("AVG", "BOOL_AND", "BOOL_OR", "COUNT", "EVERY", "MAX", "MIN", "SUM"))
"""Aggregates to which the order of their rows is nothing."""


def open_window(frame: Frame, node: p.Window, needed: Needed) -> None:
    """Loop over the rows of each partition, with a variable for each call that is used."""
    chain = _together(node, needed)
    source = chain[-1].source
    windows = [window for window in chain if window.calls]
    for window in chain:
        frame.bind(window.alias, (), None)
    if not windows:
        frame.open(source, needed)
        return
    early, frame.early = frame.early, False
    frame.open(source, needed.union(*(needed_by(expressions(window)) for window in windows)))
    frame.early = early
    columns = _Partitions(frame, windows, source, needed, node.first).write()
    for window in windows:
        frame.bind(window.alias, columns[window.alias], None).columns = columns[window.alias]


def _together(node: p.Window, needed: Needed) -> list[p.Window]:
    """The window, and those below it that can be computed with it; each with the calls that are used."""
    chain = [_with_used_calls(node, needed)]
    while isinstance(node.source, p.Window):
        below = _with_used_calls(node.source, needed)
        used = {alias for window in chain for alias, _ in needed_by(expressions(window))}
        ordered = [each for each in (*chain, below) if _is_ordered(each)]
        if below.alias in used or below.partition != node.partition or len(ordered) > 1:
            break
        chain.append(below)
        node = node.source
    return chain


def _with_used_calls(node: p.Window, needed: Needed) -> p.Window:
    return replace(node, calls=tuple((name, call) for name, call in node.calls if (node.alias, name) in needed))


def _is_ordered(node: p.Window) -> bool:
    """Whether the order of the rows matters to any call."""
    return not all(_is_whole(node, call) for _, call in node.calls)


def _is_whole(node: p.Window, call: WindowCall) -> bool:
    """Whether a call has one value for all rows of a partition, whatever their order."""
    frame = call.frame
    if frame is None or call.function not in _ORDERLESS or frame.exclude or frame.start != x.FrameBound(-1):
        return False
    if frame.end == x.FrameBound(1):
        return True
    return not node.order and frame.end.direction == 0 and frame.unit != "rows"


def _is_running(frame: x.WindowFrame) -> bool:
    """Whether a row sees the rows before it, itself, and those that are equal to it in the order or not."""
    return frame.start == x.FrameBound(-1) and frame.end == x.FrameBound(0) and not frame.exclude


def _are_distinct(source: p.Node, keys: list[x.Expr]) -> bool:
    """Whether no two rows are equal in the keys, NULLs being equal here; those of outer rows are the same for all."""
    aliases = p.bound_aliases(source)
    own = [key for key in keys if isinstance(key, x.Column) and key.alias in aliases and not is_nullable(key)]
    return p.has_key(source, own)


class _Partitions:
    """Windows of one partitioning while they are written; what they share is in the order of ``lead``, the only one
    to which an order matters, if there is such a one.

    Rows of one table that can be sorted as they are stay as they are (``places`` are those of the sort keys); else
    tuples are made of the sort keys, of what the calls take, and of what is needed above.
    """

    def __init__(
        self, frame: Frame, windows: list[p.Window], source: p.Node, needed: Needed, first: x.Expr | None
    ) -> None:
        self.frame = frame
        self.source, self.needed = source, needed
        self.windows = windows
        self.lead = next(filter(_is_ordered, windows), windows[0])
        self.first = first
        self.part = frame.source.name("part")
        self.names = frame.carried(frame.bound(source), needed)
        self.row = self._only_row(source)
        self.places: list[int] | None = None
        if self.row:
            places = plain_positions(frame, self.lead.order, [self.row]) if self.lead.order else []
            lists = [self._lists_of_rows(window, call) for window, _, call in self._calls()]
            if places is not None and None not in lists:
                self.places, self.names = places, [self.row]
        self.texts: list[str] = []
        self.lines: list[str] = []
        self.known: dict[str, str] = {}

    def _only_row(self, source: p.Node) -> str:
        """The variable of the only alias's rows; empty if there are more aliases, or no rows."""
        aliases = self.frame.bound(source)
        return (self.frame.scope[aliases[0]].row or "") if len(aliases) == 1 else ""

    def _calls(self) -> Iterator[tuple[p.Window, str, WindowCall]]:
        for window in self.windows:
            for name, call in window.calls:
                yield window, name, call

    def write(self) -> dict[str, dict[str, str]]:
        """Print the sorting, and open the loops over partitions and rows; the variables of the calls by alias."""
        lists = self._collect()
        columns: dict[str, dict[str, str]] = {window.alias: {} for window in self.windows}
        listed: dict[str, str] = {}
        for (window, name, call), values in zip(self._calls(), lists, strict=True):
            variable = self.frame.source.name(f"{self.frame.unit.row_name(window.alias)}_{name}")
            columns[window.alias][name] = variable
            if _is_whole(window, call):
                self.lines.append(f"{variable} = {self._amount(call, values)}")
            else:
                listed[variable] = self._result(window, name, call, values)
        if self.lead.partition:
            self.frame.do(*self.lines)
        else:
            self.frame.write(*self.lines)
        self._loop(listed)
        return columns

    def _collect(self) -> list[list[str]]:
        """End the pipeline, and begin a loop over partitions, if there are any; the lists that the calls take."""
        frame = self.frame
        order = [] if self.places is not None else [sort_text(frame, key) for key in self.lead.order]
        key = tuple_of([sort_text(frame, SortKey(each)) for each in self.lead.partition])
        if self.places is None:
            self.texts = list(order)
            lists = [self._lists_of_tuples(window, call) for window, _, call in self._calls()]
            frame.narrow(frame.bound(self.source), self.needed)
            self.names = frame.carried(frame.bound(self.source), self.needed)
        else:
            lists = [self._lists_of_rows(window, call) or [] for window, _, call in self._calls()]
        item = self.row if self.places is not None else _row([*self.texts, *self.names])
        if self.lead.partition:
            parts = frame.source.name("parts")
            frame.lines.append(f"{parts} = defaultdict(list)")
            frame.finish(f"{parts}[{clean(key)}].append({clean(item)})")
            for window in reversed(self.windows):
                frame.note(window)
            frame.each(self.part, f"map({parts}.get, sorted({parts}))")
        else:
            rows = frame.collect(item, self.part)
            for window in reversed(self.windows):
                frame.write_note(window)
            if rows != self.part:
                frame.write(f"{self.part} = {rows}")
        places = range(len(order)) if self.places is None else self.places
        by, backwards = sorting_keys(self.source, self.lead.order)
        keys = [(at, each.descending) for at, each in zip(places, by, strict=False)]
        self.lines += [f"{self.part}.reverse()"] if backwards else []
        self.lines += sort_lines(self.part, keys)
        return lists

    def _loop(self, listed: dict[str, str]) -> None:
        rows = self.part
        if self.first is not None:
            rows = f"{rows}[:{self._first(self.first)}]"
        target = self.row if self.places is not None else "_"
        if self.places is None and self.names:
            target = _row([*["_"] * len(self.texts), *self.names])
        if not listed:
            self.frame.each(target, rows)
            return
        self.frame.each(", ".join([target, *listed]), f"zip({', '.join([rows, *listed.values()])})")

    def _first(self, count: x.Expr) -> str:
        text = self.frame.value(count)
        return self.frame.once("first", f"max({text} or 0, 0)" if is_nullable(count) else f"max({text}, 0)")

    # --- what calls take -------------------------------------------------------------------------------------------

    def _taken(self, call: WindowCall) -> list[tuple[str, list[str]]]:
        """What the call takes of the current row, in lists of their own, and on which conditions."""
        frame = self.frame
        if call.function in WINDOW_FUNCTIONS:
            return [(frame.value(arg), []) for arg in call.args]
        tests = [frame.is_true(call.filter)] if call.filter is not None else []
        texts = [frame.value(arg) for arg in call.args]
        if call.args and _aggregate(call).skip_nulls and is_nullable(call.args[0]):
            texts[0] = frame.atom(call.args[0], "value")
            tests.append(f"({texts[0]} is not None)")
        return [(tuple_of(texts) if texts else "True", tests)]

    def _lists_of_rows(self, window: p.Window, call: WindowCall) -> list[str] | None:
        """Texts of the lists that the call takes, made of a partition's rows; None where that takes statements."""
        frame, found = self.frame, []
        for at in range(len(call.args) if call.function in WINDOW_FUNCTIONS else 1):
            with frame.aside(before=True):
                frame.each(self.row, self.part)
                value, tests = self._taken(call)[at]
                if _is_whole(window, call):
                    for test in tests:
                        frame.where(test)
                else:
                    value = self._or_absent(value, tests)
                simple = frame.comprehension(value)
            if simple is None:
                return None
            found.append(" ".join(simple.listing()))
        return found

    def _lists_of_tuples(self, window: p.Window, call: WindowCall) -> list[str]:
        """The same of tuples, into which goes what is taken."""
        found = []
        for value, tests in self._taken(call):
            text = self._or_absent(value, tests)
            if text not in self.texts:
                self.texts.append(text)
            item = f"row[{self.texts.index(text)}]"
            present = f" if {item} is not {self._absent()}" if tests and _is_whole(window, call) else ""
            found.append(f"[{item} for row in {self.part}{present}]")
        return found

    def _or_absent(self, value: str, tests: list[str]) -> str:
        return f"({value} if {' and '.join(tests)} else {self._absent()})" if tests else value

    def _absent(self) -> str:
        return self.frame.source.share("ABSENT", ABSENT)

    # --- what calls amount to --------------------------------------------------------------------------------------

    def _amount(self, call: WindowCall, lists: list[str]) -> str:
        """The value of a whole partition."""
        (values,) = lists
        if call.function == "COUNT":
            return f"len({values if call.args or call.filter is not None else self.part})"
        kind = x.type_of(call.args[0]).kind
        filled = bool(self.lead.partition) and call.filter is None and not is_nullable(call.args[0])
        in_line = IN_LINE.get((call.function, kind)) if filled else None
        if in_line is not None and in_line.count("{0}") == 1:
            return in_line.format(values)
        collect = _aggregate(call).collector(kind)
        return f"{self.frame.source.share(f'{call.function.lower()}_of', collect)}({values})"

    def _result(self, window: p.Window, name: str, call: WindowCall, lists: list[str]) -> str:
        """Print what computes the call for a partition; the text of an iterable of its values."""
        own = WINDOW_FUNCTIONS.get(call.function)
        if call.function == "ROW_NUMBER":
            return f"range(1, len({self.part}) + 1)"
        variables = [self._let("column", values) for values in lists]
        if call.frame is not None and (running := so_far(call.function)) and _is_running(call.frame):
            return self._let(name, self._so_far(window, call, running, variables[0]))
        function = self.frame.source.share(
            f"{call.function.lower()}_over", over(call.function) if own is None else own.call
        )
        seen = self._peers(window) if call.frame is None else self._frames(window, call.frame)
        return self._let(name, f"{function}({', '.join([seen, *variables])})")

    def _so_far(self, window: p.Window, call: WindowCall, running: Running, column: str) -> str:
        """The text of what an aggregate makes of the rows up to each one."""
        found = f"{self.frame.source.share(f'{call.function.lower()}_so_far', running)}({column})"
        assert call.frame is not None
        keys = [*window.partition, *(key.expr for key in window.order)]
        if call.frame.unit == "rows" or (window.order and _are_distinct(self.source, keys)):
            return found
        return f"{self._peers(window)}.of_last({found})"

    def _let(self, wanted: str, text: str) -> str:
        """The variable for what ``text`` computes for a partition."""
        variable = self.known.get(text)
        if variable is None:
            variable = self.known[text] = self.frame.source.name(wanted)
            self.lines.append(f"{variable} = {clean(text)}")
        return variable

    def _peers(self, window: p.Window) -> str:
        places = range(len(self.lead.order)) if self.places is None else self.places
        positions = [str(at) for at, _ in zip(places, window.order, strict=False)]
        return self._let("peers", f"{self.frame.source.share('Peers', Peers)}({', '.join([self.part, *positions])})")

    # --- frames ----------------------------------------------------------------------------------------------------

    def _frames(self, window: p.Window, frame: x.WindowFrame) -> str:
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
            if self.lead.order[0].descending:
                options.append("descending=True")
        function = self.frame.source.share(f"frame_by_{unit}", _FRAMES[unit])
        return self._let("frames", f"{function}({', '.join([self._peers(window), start, end, *options])})")

    def _bound(self, bound: x.FrameBound) -> str:
        if bound.direction == 0:
            return "0"
        if bound.distance is None:
            return "None"
        frame = self.frame
        of = frame.source.share("distance", distance)
        text = f"{of}({frame.value(bound.distance)}, {bound.direction})"
        return beforehand(frame, bound.distance, "offset", text)

    def _zero(self, bound: x.FrameBound, other: x.FrameBound, text: str) -> str:
        """The distance of the current row among intervals: one of nothing."""
        if bound.direction != 0:
            return text
        there = self._bound(other)
        return f"({there} - {there})"


def _aggregate(call: WindowCall) -> AggregateFunction:
    function = AGGREGATES.get(call.function)
    if function is None:
        raise InternalError(f"aggregate {call.function} is bound but not registered")
    return function


def _row(items: list[str]) -> str:
    """A tuple, also of one item or none."""
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
