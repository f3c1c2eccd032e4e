"""What all functions generated for one statement share: names, tables, parameters, values computed once, subqueries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...errors import NotSupportedError
from ...storage.schema import TableSchema
from ...values import Kind, SqlType, converter
from .. import expr as x
from .. import plan as p
from .. import runtime
from ..plan import Node, Search
from ..program import Source
from ..show import expressions, subplans
from .counters import Counters
from .pipeline import clean

_NAMED_IN_LINE = 40
_MANY = 4


class Unit:
    """The head of a statement's function, growing while its body is written.

    ``nullable`` tells whether parameters may be NULL, ``stream`` whether the function is a generator.
    """

    def __init__(self, plan: Node, nullable: bool, stream: bool, counted: Counters | None = None) -> None:
        self.source = Source([*runtime.NAMES, "params", "catalog"])
        self.source.namespace.update(runtime.NAMES)
        self.nullable = nullable
        self.stream = stream
        self.counted = counted
        self.definitions: list[str] = []
        nodes = list(all_nodes(plan))
        self.only_reads = not any(isinstance(node, p.Insert | p.Update | p.Delete) for node in nodes)
        self.rowids = _aliases_whose_rowid_is_used(nodes)
        self._rows = {alias: self.source.name(alias) for alias in _aliases(nodes)}
        self.table_names: dict[str, str] = {}
        for table in _tables(nodes):
            taken = table.name in self._rows.values()
            self.table_names[table.name] = self.source.name(f"{table.name}_table" if taken else table.name)
        self.converters: dict[str, str] = {}
        self.shared: dict[str, str] = {}
        self.work_tables: dict[str, str] = {}
        self.sieves: list[tuple[Node, str, bool]] = []
        self.searches: list[tuple[Node, Search, int, bool]] = []
        self._params: dict[tuple[int, SqlType | None], str] = {}
        self._once: dict[str, str] = {}
        self._indexes: dict[str, str] = {}
        self._missing: dict[int, str] = {}

    def row_name(self, alias: str) -> str:
        """The variable for the rows of an alias."""
        name = self._rows.get(alias)
        if name is None:
            name = self._rows[alias] = self.source.name(alias)
        return name

    def table(self, table: TableSchema) -> str:
        """The variable that holds the live table."""
        return self.table_names[table.name]

    def index(self, table: TableSchema, index: str) -> str:
        """The variable that holds the live index."""
        text = f"{self.table(table)}.index({self.source.constant(index)})"
        name = self._indexes.get(text)
        if name is None:
            name = self._indexes[text] = self.source.name(index)
        return name

    def missing(self, alias: str, width: int) -> str:
        """A row of NULLs, for what an outer join does not find. Equally wide ones are one tuple."""
        name = self._missing.get(width)
        if name is None:
            name = self._missing[width] = self.source.name(f"NO_{alias}".upper())
            self.source.namespace[name] = (None,) * width
        return name

    def param(self, param: x.Param) -> str:
        """The variable of a converted parameter. Conversion keeps the value whole: sizes are for columns to check."""
        if param.many:
            raise NotSupportedError("a whole list of values is no value")  # so they are given one by one
        type_ = SqlType(param.type.kind)
        return self._param((param.index, type_), f"_{type_.kind.name.lower()}")

    def param_run(self, params: Sequence[x.Param], nullable: bool = False) -> str | None:
        """An iterable of converted parameters, where they are many in equal distances, or a whole list.

        ``nullable``: NULL may be among those of a whole list.
        """
        given = f"params[{params[0].index}]" if len(params) == 1 and params[0].many else _slice(params)
        if given is None:
            return None
        convert = self._converter(SqlType(params[0].type.kind))
        if self.nullable or nullable:
            return f"[None if value is None else {convert}(value) for value in {given}]"
        return f"map({convert}, {given})"

    def _converter(self, type_: SqlType) -> str:
        name = "to_value" if type_.kind is Kind.UNKNOWN else f"to_{type_.kind.name.lower()}"
        return self.source.share(name, _CONVERTERS[type_.kind])

    def raw_param(self, index: int) -> str:
        """The variable of a parameter as the caller gave it."""
        return self._param((index, None), "_given")

    def _param(self, key: tuple[int, SqlType | None], suffix: str) -> str:
        name = self._params.get(key)
        if name is None:
            known = any(index == key[0] for index, _ in self._params)
            name = self._params[key] = self.source.name(f"p{key[0]}{suffix if known else ''}")
        return name

    def sieve(self, scan: Node) -> str:
        """Text of what was noted last for that very node in ``sieves``; empty if nothing was.

        A node that is compiled twice has names of its own each time.
        """
        return self.sieve_and_reach(scan)[0]

    def sieve_and_reach(self, scan: Node) -> tuple[str, bool]:
        """The same, and whether it says all that is asked of the rows."""
        return next(((text, whole) for node, text, whole in reversed(self.sieves) if node is scan), ("", False))

    def once(self, wanted: str, text: str) -> str:
        """A variable for what is computed once per execution."""
        name = self._once.get(text)
        if name is None:
            name = self._once[text] = self.source.name(wanted)
        return name

    def head(self) -> list[str]:
        """The lines that come first in the function: parameters, indexes, values computed once, subqueries."""
        lines = list(self._param_lines())
        lines += [f"{name} = {text}" for text, name in self._indexes.items()]
        lines += [f"{name} = {clean(text)}" for text, name in self._once.items()]
        return lines + self.definitions

    def _param_lines(self) -> Iterator[str]:
        given = sorted((index, name) for (index, type_), name in self._params.items() if type_ is None)
        for run in _runs(given):
            names = ", ".join(name for _, name in run)
            first, last = run[0][0], run[-1][0]
            yield f"{names} = params[{first}]" if len(run) == 1 else f"{names} = params[{first}:{last + 1}]"
        for (index, type_), name in sorted(self._params.items(), key=lambda item: item[0][0]):
            if type_ is not None:
                text = f"{self._converter(type_)}(params[{index}])"
                yield f"{name} = None if params[{index}] is None else {text}" if self.nullable else f"{name} = {text}"


def _slice(params: Sequence[x.Param]) -> str | None:
    first, last, count = params[0].index, params[-1].index, len(params)
    step = (last - first) // (count - 1) if count >= _MANY else 0
    if step < 1 or any(param.many for param in params) or len({param.type.kind for param in params}) > 1:
        return None
    if [param.index for param in params] != [*range(first, last + 1, step)]:
        return None
    return f"params[{first}:{last + 1}{f':{step}' if step > 1 else ''}]"


def _runs(items: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    run: list[tuple[int, str]] = []
    for item in items:
        if run and (item[0] != run[-1][0] + 1 or len(run) == _NAMED_IN_LINE):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


_CONVERTERS = {kind: converter(SqlType(kind)) for kind in Kind}


def all_expressions(node: Node) -> Iterator[x.Expr]:
    """Every expression, with all operands, in the node, its sources, and the plans of subqueries."""
    for here in all_nodes(node):
        for expression in expressions(here):
            yield from x.walk(expression)


def all_nodes(node: Node) -> Iterator[Node]:
    """The node, its sources, and the plans of subqueries in all of them."""
    for here in p.walk(node):
        yield here
        for _, plan in subplans(here):
            yield from all_nodes(plan)


def _aliases(nodes: Sequence[Node]) -> Iterator[str]:
    seen = set()
    for node in nodes:
        alias = getattr(node, "alias", None)
        if alias is not None and alias not in seen:
            seen.add(alias)
            yield alias


def statement_tables(plan: Node) -> list[TableSchema]:
    """The tables that a statement uses, each once, in the order of the function's arguments."""
    return _tables(list(all_nodes(plan)))


def _tables(nodes: Sequence[Node]) -> list[TableSchema]:
    tables: dict[str, TableSchema] = {}
    for node in nodes:
        table = getattr(node, "table", None)
        if isinstance(table, TableSchema):
            tables.setdefault(table.name, table)
    return list(tables.values())


def _aliases_whose_rowid_is_used(nodes: Sequence[Node]) -> frozenset[str]:
    found = set()
    for node in nodes:
        match node:
            case p.Update(alias=alias) | p.Delete(alias=alias):
                found.add(alias)
            case p.LockRows(aliases=aliases):
                found.update(aliases)
            case _:
                pass
        for expression in expressions(node):
            for part in x.walk(expression):
                if isinstance(part, x.Column) and part.name == x.ROWID_COLUMN:
                    found.add(part.alias)
    return frozenset(found)
