"""One generated function: its finished lines, the pipeline that is open, and how expressions reach the rows."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ...errors import InternalError
from ...record import replace
from ...storage.schema import TableSchema
from ...values import BIGINT
from .. import expr as x
from .. import plan as p
from ..emit import Emitter, Subplan
from ..expr import Expr
from ..plan import Node
from ..program import comment
from ..show import label
from .pipeline import Comprehension, Do, For, If, Let, Note, Step, blocks, clean, comprehension, in_place, indented
from .syntax import is_variable
from .unit import Unit, all_expressions

Needed = frozenset[tuple[str, str]]
"""(alias, column) pairs that are used above a node; the column ``WHOLE`` asks for the row as one variable."""

WHOLE = "\0row"
NOTHING: Needed = frozenset()
_MOST_LOOPS = 16
_FEW = 3
_MOST_BLOCKS = 60


@dataclass(slots=True)
class Binding:
    """How the text reaches an alias: a variable for its row, or one for each column, or both.

    Without a row, the columns' variables have to survive where a pipeline ends; with one, they can be had again.
    ``rowid`` is the variable of a hidden row identifier.
    """

    alias: str
    positions: dict[str, int]
    row: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    rowid: str | None = None
    table: TableSchema | None = None

    @property
    def width(self) -> int:
        """How many columns the row has."""
        return len(self.positions)


class Frame:
    """A function while it is written. Nodes open blocks in its pipeline; a sink ends it and prints it to ``lines``.

    ``early`` asks nodes for their first rows before they have seen the last: whoever reads may stop. ``repeated``
    functions are called many times in one execution. ``named`` are subqueries whose values are in a variable,
    and the call that gives these.
    """

    def __init__(self, unit: Unit, repeated: bool = False) -> None:
        self.unit = unit
        self.source = unit.source
        self.repeated = repeated
        self.lines: list[str] = []
        self.steps: list[Step] = []
        self.scope: dict[str, Binding] = {}
        self.named: list[tuple[Subplan, str, str]] = []
        self.early = unit.stream
        self.given: Sequence[tuple[str, str]] = ()
        """The columns in the order in which they are given in the end, if no more is made of them."""
        self._emitter = Emitter(weakref.proxy(self))  # what is compiled leaves nothing for the garbage collector

    # --- expressions -----------------------------------------------------------------------------------------------

    def value(self, expr: Expr) -> str:
        """Text of the expression's value."""
        return self._emitter.value(expr)

    def is_true(self, expr: Expr) -> str:
        """Text that tells if the condition is true."""
        return self._emitter.is_true(expr)

    def atom(self, expr: Expr, wanted: str) -> str:
        """A variable that holds the expression's value: an existing one, or a new one."""
        text = self.value(expr)
        return text if is_variable(text) else self.let(wanted, text)

    def own(self, expr: Expr, wanted: str, aliases: Collection[str]) -> str:
        """A variable that later pipelines, and outer joins that find nothing, may bind anew.

        That of a column of ``aliases`` is one; a parameter, a constant or an outer row's column has others who read it.
        """
        text = self.value(expr)
        if isinstance(expr, x.Column) and expr.alias in aliases and is_variable(text):
            return text
        return self.let(wanted, text)

    def column(self, column: x.Column) -> str:
        """See ``emit.Context``."""
        binding = self.scope.get(column.alias)
        if binding is None:
            raise InternalError(f"column {column.name} of {column.alias} is used where {column.alias} is not bound")
        if column.name == x.ROWID_COLUMN:
            return self.rowid(column.alias)
        known = binding.columns.get(column.name)
        if known is not None:
            return known
        if binding.row is None:
            raise InternalError(f"column {column.name} of {column.alias} was not computed")
        at = binding.positions[column.name]
        name = self.source.name(f"{binding.row}_{column.name}")
        self.steps.append(Let(name, f"{binding.row}[{at}]", False, binding.row, at, column.name))
        binding.columns[column.name] = name
        return name

    def rowid(self, alias: str) -> str:
        """The variable that holds the row identifier of a base table's alias."""
        binding = self.scope[alias]
        if binding.table is not None and binding.table.rowid_column is not None:
            column = binding.table.columns[binding.table.rowid_column]
            return self.column(x.Column(alias, column.name, column.type))
        if binding.rowid is None:
            raise InternalError(f"the rowid of {alias} was not kept")
        return binding.rowid

    def param(self, param: x.Param) -> str:
        """See ``emit.Context``."""
        return self.unit.param(param)

    def param_run(self, params: Sequence[x.Param], nullable: bool = False) -> str | None:
        """See ``emit.Context``."""
        return self.unit.param_run(params, nullable)

    def once(self, wanted: str, text: str) -> str:
        """See ``emit.Context``."""
        return self.unit.once(wanted, text)

    def part(self, text: str) -> str:
        """See ``emit.Context``."""
        name = self.source.name("part")
        self.do(f"def {name}():", f"    return {text}")
        return f"{name}()"

    def subquery(self, subquery: Subplan) -> str:
        """See ``emit.Context``."""
        from .subquery import call_subquery  # which needs this module

        return next((name for expr, name, _ in self.named if expr is subquery), "") or call_subquery(self, subquery)

    def open(self, node: Node, needed: Needed) -> None:
        """Open the node's blocks in the pipeline; binds its aliases. ``needed`` is what is used of them later."""
        from .nodes import open_node  # which needs this module

        open_node(self, node, needed)
        counted = self.unit.counted
        if counted is not None:
            counted.add(id(node))
            self.do(f"{self.source.share('passed', counted.passed)}({id(node)})")

    # --- steps -----------------------------------------------------------------------------------------------------

    def note(self, node: Node) -> None:
        """The node's line of EXPLAIN as a comment."""
        self.steps.append(Note(comment(label(node))))

    def each(
        self,
        target: str,
        iterable: str,
        listed: bool = False,
        sized: bool = False,
        found: tuple[str, str] | None = None,
        number: str = "",
    ) -> None:
        """Open a loop; see ``pipeline.For``."""
        self.steps.append(For(target, iterable, listed, sized, found, number))

    def let(self, wanted: str, text: str) -> str:
        """Bind a new variable."""
        name = self.source.name(wanted)
        self.steps.append(Let(name, text))
        return name

    def set(self, name: str, text: str) -> None:
        """Bind a variable of that very name, such as that of a row."""
        self.steps.append(Let(name, text, kept=True))

    def where(self, condition: str) -> None:
        """Go on only where the condition holds."""
        if condition != "True":
            self.steps.append(If(condition))

    def do(self, *lines: str) -> None:
        """Statements in the pipeline."""
        self.steps.append(Do(lines))

    # --- bindings --------------------------------------------------------------------------------------------------

    def bind(self, alias: str, columns: Iterable[str], row: str | None, table: TableSchema | None = None) -> Binding:
        """Make an alias known."""
        binding = Binding(alias, {name: at for at, name in enumerate(columns)}, row, table=table)
        self.scope[alias] = binding
        return binding

    def bind_table(self, node: p.BaseAccess | p.Insert) -> str:
        """Make the alias of a base table known; returns the variable of its rows."""
        row = self.unit.row_name(node.alias)
        self.bind(node.alias, node.table.positions, row, node.table)
        return row

    def bound(self, node: Node) -> list[str]:
        """The aliases that the node binds, in the order in which they were bound."""
        aliases = p.bound_aliases(node)
        return [alias for alias in self.scope if alias in aliases]

    def carried(self, aliases: Iterable[str], needed: Needed) -> list[str]:
        """The variables in which the needed columns of the aliases live, for the end of a pipeline."""
        names: dict[str, None] = {}
        for alias in aliases:
            columns = sorted(name for other, name in needed if other == alias)
            if columns:
                binding = self.scope[alias]
                names.update(dict.fromkeys(_variables(binding, columns)))
        given = [self.scope[alias].columns.get(name) for alias, name in self.given if alias in self.scope]
        return list(dict.fromkeys(name for name in given if name in names) | names)

    def narrow(self, aliases: Iterable[str], needed: Needed) -> None:
        """Have the rows of which few columns are needed carried as these: tuples of plain values are not watched.

        Python's garbage collector looks again and again at tuples that hold what it watches, such as rows with UUIDs.
        """
        for alias in aliases:
            binding = self.scope[alias]
            columns = sorted(name for other, name in needed if other == alias)
            if binding.row is None or not 0 < len(columns) <= _FEW or not binding.positions.keys() >= {*columns}:
                continue
            kept = {name: self.column(x.Column(alias, name, BIGINT)) for name in columns}
            self.scope[alias] = Binding(alias, binding.positions, None, kept, binding.rowid, binding.table)

    def missing(self, aliases: Iterable[str], needed: Needed) -> dict[str, str]:
        """For each variable that ``carried`` returns, what it holds where an outer join finds nothing."""
        texts: dict[str, str] = {}
        for alias in aliases:
            binding = self.scope[alias]
            for name in self.carried((alias,), needed):
                texts[name] = self.unit.missing(alias, binding.width) if name == binding.row else "None"
        return texts

    def forget(self, aliases: Iterable[str] | None = None) -> None:
        """Drop variables of columns that come from rows: they are stale where the rows are bound anew."""
        for binding in self.scope.values():
            if binding.row is not None and (aliases is None or binding.alias in aliases):
                binding.columns = {}

    @contextmanager
    def aside(self, before: bool = False) -> Iterator[list[Step]]:
        """Steps made inside go to the list yielded; variables of columns bound inside are forgotten after it.

        ``before``: what is made will be printed before the open pipeline, whose variables are not there yet.
        """
        outer, self.steps = self.steps, []
        columns = {alias: dict(binding.columns) for alias, binding in self.scope.items()}
        if before:
            self.forget()
        try:
            yield self.steps
        finally:
            self.steps = outer
            for alias, binding in self.scope.items():
                if alias in columns:
                    binding.columns = columns[alias]
                elif binding.row is not None:
                    binding.columns = {}

    # --- the ends of pipelines -------------------------------------------------------------------------------------

    @property
    def crowded(self) -> bool:
        """Whether the pipeline is near the number of blocks that Python nests."""
        loops = sum(isinstance(step, For) for step in self.steps)
        return loops >= _MOST_LOOPS or loops + sum(isinstance(step, If) for step in self.steps) >= _MOST_BLOCKS

    def comprehension(self, value: str) -> Comprehension | None:
        """The open pipeline as a comprehension, if it is simple enough."""
        return comprehension(self.steps, value, self.source)

    def finish(self, *sink: str) -> None:
        """Print the pipeline around the statements of the sink; a new one begins."""
        self.lines += blocks(*in_place(self.steps, sink, self.source))
        self._reset()

    def drop(self) -> None:
        """Forget the pipeline: what it held has been printed otherwise."""
        self._reset()

    def _reset(self) -> None:
        self.steps = []
        self.forget()

    def write(self, *lines: str) -> None:
        """Statements between pipelines."""
        assert not self.steps
        self.lines += lines

    def write_note(self, node: Node) -> None:
        """The node's line of EXPLAIN between pipelines."""
        self.write(comment(label(node)))

    def collect(self, value: str, wanted: str) -> str:
        """End the pipeline in a new list of ``value``; returns its variable."""
        simple = self.comprehension(value)
        if simple is not None and simple.plain and simple.listed and simple.iterable.isidentifier():
            self._keep_notes()
            return simple.iterable
        name = self.source.name(wanted)
        if simple is not None:
            self._keep_notes()
            first, *rest = simple.listing()
            self.lines += [f"{name} = {first}", *rest]
        else:
            self.lines.append(f"{name} = []")
            self.finish(f"{name}.append({clean(value)})")
        return name

    def finish_notes(self) -> None:
        """End the pipeline in nothing: what it says has been taken from it."""
        self._keep_notes()

    def return_list(self, simple: Comprehension) -> None:
        """End the pipeline, and the function, with the list of it."""
        self._keep_notes()
        first, *rest = simple.listing()
        self.write(f"return {first}", *rest)

    def collect_braced(self, name: str, key: str, value: str | None) -> bool:
        """End the pipeline in a new set of keys, or dict of keys and values, if it is simple enough."""
        keys, values = self.comprehension(key), self.comprehension(value or key)
        if keys is None or values is None:
            return False
        pair = keys.value if value is None else f"{keys.value}: {values.value}"
        first, *rest = replace(keys, value=pair).bracketed("{", "}")
        if not keys.clauses and pair.replace(": ", ", ") == keys.target:
            first, rest = f"{'set' if value is None else 'dict'}({keys.iterable})", []
        self._keep_notes()
        self.lines += [f"{name} = {first}", *rest]
        return True

    def iterable(self, value: str, wanted: str) -> str:
        """End the pipeline in something to loop over once: lazily where it is simple, else a list."""
        simple = self.comprehension(value)
        if simple is None:
            return self.collect(value, wanted)
        return self._generator(simple, wanted)

    def lazily(self, value: str, wanted: str) -> str:
        """End the pipeline in an iterable that computes each ``value`` when it is asked for."""
        simple = self.comprehension(value)
        if simple is not None:
            return self._generator(simple, wanted)
        name = self.source.name(wanted)
        lines = blocks(self.steps, [f"yield {clean(value)}"])
        self._reset()
        self.lines += [f"def {name}():", *indented(lines)]
        return f"{name}()"

    def _generator(self, simple: Comprehension, wanted: str) -> str:
        self._keep_notes()
        if simple.short:
            return simple.generator
        name = self.source.name(wanted)
        first, *rest = simple.bracketed("(", ")")
        self.lines += [f"{name} = {first}", *rest]
        return name

    def _keep_notes(self) -> None:
        self.lines += [step.text for step in self.steps if isinstance(step, Note)]
        self._reset()

    def materialise(self, aliases: Iterable[str], needed: Needed) -> None:
        """End the pipeline in a list of what is needed, and begin the next with a loop over it."""
        aliases = list(aliases)
        self.narrow(aliases, needed)
        names = self.carried(aliases, needed)
        rows = self.collect(tuple_of(names), "found")
        self.each(target_of(names), rows, listed=True)


def _variables(binding: Binding, columns: Sequence[str]) -> Iterator[str]:
    if binding.row is not None:
        yield binding.row
    for name in columns:
        if name == x.ROWID_COLUMN:
            if binding.rowid is not None:
                yield binding.rowid
        elif binding.row is None and name != WHOLE:
            yield binding.columns[name]


def tuple_of(names: Sequence[str]) -> str:
    """One variable itself, several as a tuple, none as None."""
    if len(names) == 1:
        return names[0]
    return f"({', '.join(names)})" if names else "None"


def target_of(names: Sequence[str]) -> str:
    """What unpacks ``tuple_of`` in a loop."""
    return ", ".join(names) or "_"


def needed_by(expressions: Iterable[Expr]) -> Needed:
    """The columns that the expressions use, also in the plans of their subqueries."""
    found = set()
    for expression in expressions:
        for part in x.walk(expression):
            match part:
                case x.Column(alias=alias, name=name):
                    found.add((alias, name))
                case x.Subquery(plan=plan) | x.Exists(plan=plan) | x.InPlan(plan=plan):
                    found |= needed_inside(plan)
                case _:
                    pass
    return frozenset(found)


def needed_inside(node: Node) -> Needed:
    """The columns that a plan uses, its own and those of enclosing plans."""
    return frozenset((part.alias, part.name) for part in all_expressions(node) if isinstance(part, x.Column))


def whole(alias: str, columns: Iterable[str]) -> Needed:
    """Every column of an alias, and its row as one."""
    return frozenset({(alias, WHOLE), *((alias, name) for name in columns)})
