"""SQL text → something to run: parse, bind, optimize, compile, and the cache in front of it all.

The cache belongs to a database and is shared by its connections: a dict from text to ``Entry``. An entry holds as long
as the tables that its statement named have the schema tokens they had (a look at ``catalog.token``, mostly), and keeps
one program for each combination of parameter classes that the binder asked for. A hit takes no lock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, Protocol

from ..errors import DatabaseError, ProgrammingError
from ..storage.protocol import Catalog, Row, RowFunction
from ..storage.schema import TableSchema
from ..threads import SharedLock
from ..values import TEXT
from .bind import Bound, bind, bind_parsed_expression
from .coerce import Misfit, are_same, condition
from .compile import compile_counted, compile_plan, compile_repeated, compile_row_function
from .ddl import bind_definition
from .expr import Expr
from .in_lists import Many, Padded, padded
from .key_read import key_read
from .optimize import optimize
from .optimize.estimates import estimated_rows
from .optimize.statistics import Statistics
from .parse import Explain, Parsed, parse, parse_expression, parse_short
from .patterns import like_class
from .plan import Delete, Insert, Node, OutputColumn, Update, walk
from .program import Program
from .scope import nullable
from .search import with_search
from .show import explain

Params = Sequence[object] | Mapping[str, object]

MOST_STATEMENTS = 1000
"""How many texts a cache keeps; the least recently used go first, more or less."""

LONGEST_TEXT = 20_000
"""Longer texts (bulk inserts mostly) are not kept: each is likely to be another one."""

MOST_VARIANTS = 16
"""How many programs an entry keeps for different classes of parameters."""


class Runnable(Protocol):
    """What ``prepare`` gives: a ``Program``, or something that runs like one."""

    @property
    def columns(self) -> Sequence[OutputColumn]:
        """What its rows hold."""
        ...

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        ...

    def run(self, catalog: Catalog, params: Any = ()) -> tuple[Sequence[Row] | None, int, int | None]:
        """Execute: rows or None, the number of rows, the rowid inserted last or None."""
        ...

    def stream(self, catalog: Catalog, params: Any = ()) -> Iterator[Row]:
        """The rows one by one."""
        ...


class Entry:
    """A cached statement."""

    __slots__ = (
        "asked",
        "classes",
        "compared",
        "count",
        "names",
        "program",
        "programs",
        "shaped",
        "tables",
        "token",
        "used",
    )

    def __init__(self, count: int, names: tuple[str, ...] | None) -> None:
        self.count = count
        self.names = names
        self.token = ""
        self.tables: tuple[tuple[str, str | None], ...] = ()
        self.used = False  # until it is found again
        self.asked: frozenset[int] = frozenset()
        self.compared: frozenset[tuple[int, int]] = frozenset()
        self.shaped: frozenset[tuple[int, bool]] = frozenset()
        self.classes: Callable[[Sequence[object]], Any] | None = None
        self.program: Runnable | None = None
        self.programs: dict[Any, Runnable] = {}

    def holds(self, catalog: Catalog) -> bool:
        """Whether the tables are as they were; remembers the catalog's token if so."""
        token = catalog.token
        for name, known in self.tables:
            found = catalog.schema(name) or catalog.view(name)
            if (None if found is None else found.token) != known:
                return False
        self.token = token
        return True

    def add(self, bound: Bound, params: Sequence[object], program: Runnable, token: str) -> Entry:
        """An entry that has the program of ``bound``, too. What was kept for other tables, or with less asked, goes.

        It is this one, or another, so that whoever reads this one meanwhile finds what belongs together.
        """
        asked, compared = self.asked.union(bound.asked), self.compared.union(bound.compared)
        shaped = self.shaped.union(bound.shaped)
        known = (asked, compared, shaped, bound.tables) == (self.asked, self.compared, self.shaped, self.tables)
        entry = self if known and len(self.programs) < MOST_VARIANTS else Entry(self.count, self.names)
        entry.asked, entry.compared, entry.shaped = asked, compared, shaped
        entry.tables, entry.token = bound.tables, token
        if entry is not self:
            entry.classes = _classes_of(sorted(asked), sorted(compared), sorted(shaped))
        if entry.classes is None:
            entry.program = program
        else:
            entry.programs[entry.classes(params)] = program
        return entry


Cache = dict[Any, Any]
"""Text → ``Entry``. A text without parameters that holds "%" has a NUL before it, since it means something else; one in
which a parameter is a whole list has two."""

_writing = SharedLock()


def prepare(text: str, params: Params | None, catalog: Catalog, cache: Cache) -> Runnable:
    """What ``text`` does with ``params`` on ``catalog``. Without parameters (None), % is no more than %.

    Raises ProgrammingError for bad SQL, unknown names and a wrong number of parameters, NotSupportedError for SQL that
    is not spoken, DataError for a literal that does not convert.
    """
    key = text if params is not None or "%" not in text else f"\0{text}"
    return _find(key, params, catalog, cache) or _prepare(key, text, params, catalog, cache)


def _find(key: str, params: Params | None, catalog: Catalog, cache: Cache) -> Runnable | None:
    entry: Entry | None = cache.get(key)
    if entry is not None and (entry.token == catalog.token or entry.holds(catalog)):
        entry.used = True
        count, names = entry.count, entry.names
        values = params if type(params) is tuple and names is None else _sequence(params, names, count)
        if len(values) == count:
            classes = entry.classes
            return entry.program if classes is None else entry.programs.get(classes(values))
    return None


def _prepare(key: str, text: str, params: Params | None, catalog: Catalog, cache: Cache) -> Runnable:
    if params is not None:
        _check_params(params)
    bulk = _BULK_INSERT.fullmatch(text) if params is not None and not isinstance(params, Mapping) else None
    if bulk is not None:
        return _prepare_bulk(bulk, params or (), catalog, cache)  # type: ignore[arg-type]
    if params and not isinstance(params, Mapping):
        known = _prepare_key_read(text, params, catalog, cache) or _prepare_padded(text, params, catalog, cache)
        if known is not None:
            return known
    return _make(key, text, params, catalog, cache)


def _make(key: str, text: str, params: Params | None, catalog: Catalog, cache: Cache) -> Runnable:
    short = len(text) <= LONGEST_TEXT
    parsed = (parse_short if short else parse)(text, params is not None)
    if parsed.tree is None:
        return bind_definition(text, params is not None)
    values = arranged(parsed, params)
    token = catalog.token
    bound = bind(parsed, catalog, values)
    program: Runnable = compile_plan(optimize(with_search(bound.plan), catalog), text)
    if parsed.explain is not None:
        return _Explanation(program, parsed.explain)  # type: ignore[arg-type]
    if parsed.names is not None:
        program = _Named(program, parsed.names)
    if short:
        entry = Entry(parsed.param_count, parsed.names)
        _keep(cache, key, entry.add(bound, values, program, token), bound, values, program)
    return program


_BULK_INSERT = re.compile(
    r"(?P<head>\s*INSERT\s+INTO\s[^'$/;%()-]*\([^'$/;%()-]*\)\s*VALUES\s*)"
    r"(?P<row>\((?:[^'()%]|%s)*%s[^'()%]*\))(?P<more>(?:,\s?(?P=row))+)(?P<tail>(?:\s+(?:RETURNING|ON\s+CONFLICT)\b[^%]*)?)",
    re.IGNORECASE,
)


def _prepare_bulk(match: re.Match[str], params: Sequence[object], catalog: Catalog, cache: Cache) -> Runnable:
    """An INSERT of many rows of the same text: that of one row, repeated, so that any number is one program."""
    row = match["row"]
    width, rows = row.count("%s"), 1 + match["more"].count(row)
    if len(params) != width * rows:
        raise ProgrammingError(f"the statement takes {width * rows} parameters, {len(params)} are given")
    single = match["head"] + row + match["tail"]
    program = prepare(single, params[:width], catalog, cache)
    assert isinstance(program, Program)
    if program.repeated is None:
        program.repeated = compile_repeated(program)
    return program.repeated or _Bulk(program, width)


def _prepare_key_read(text: str, params: Sequence[object], catalog: Catalog, cache: Cache) -> Runnable | None:
    """The program of a statement whose plan its text tells; None if it takes the parser to tell."""
    token = catalog.token
    found = key_read(text, params, catalog) if len(text) <= LONGEST_TEXT else None
    if found is None:
        return None
    bound, program = found
    _keep(cache, text, Entry(1, None).add(bound, params, program, token), bound, params, program)
    return program


def _prepare_padded(text: str, params: Sequence[object], catalog: Catalog, cache: Cache) -> Runnable | None:
    """The program of ``text`` with padded IN lists; None if it has none, or if there is an error to tell about."""
    longer = padded(text)
    if longer is None or len(longer.text) > LONGEST_TEXT or len(params) != longer.count:
        return None
    given = longer.params(params)
    if given is None:
        return None
    key = f"\0\0{longer.text}" if any(isinstance(value, Many) for value in given) else longer.text
    try:
        program = _find(key, given, catalog, cache) or _make(key, longer.text, given, catalog, cache)
        return _Padded(program, longer)
    except DatabaseError:
        return None  # which will be met again, in the text as given


def arranged(parsed: Parsed, params: Params | None) -> Sequence[object]:
    """The values in the order of the placeholders; ProgrammingError if there are too few or too many."""
    values = _sequence(params, parsed.names, parsed.param_count)
    if len(values) != parsed.param_count:
        hint = "" if parsed.param_count else "; placeholders are %s or %(name)s, and stand outside of quotes"
        raise ProgrammingError(f"the statement takes {parsed.param_count} parameters, {len(values)} are given{hint}")
    return values


def _sequence(params: Params | None, names: tuple[str, ...] | None, count: int) -> Sequence[object]:
    """The values of ``count`` placeholders; a mapping may hold more than those that the statement names, if any."""
    if names is None:
        if params is None:
            return ()
        if isinstance(params, Mapping):
            if not count:
                return ()
            raise ProgrammingError("the statement takes its parameters by position: give a sequence, not a mapping")
        if type(params) is not list and type(params) is not tuple:
            _check_params(params)
        return params
    if not isinstance(params, Mapping):
        raise ProgrammingError("the statement takes its parameters by name: give a mapping")
    missing = [name for name in names if name not in params]
    if missing:
        raise ProgrammingError(f"no value is given for the parameter {missing[0]!r}")
    return [params[name] for name in names]


def _check_params(params: object) -> None:
    """ProgrammingError for what gives no values by position or name: a text would give its letters, a set any order."""
    if isinstance(params, str | bytes | bytearray) or not all(hasattr(params, f"__{x}__") for x in ("getitem", "len")):
        given = type(params).__name__
        raise ProgrammingError(f"parameters are a sequence or a mapping, not of class {given}; of one, write [value]")


def _keep(cache: Cache, key: str, entry: Entry, bound: Bound, params: Sequence[object], program: Runnable) -> None:
    """Remember the program: in the entry that is there, if that holds, or in ``entry``; makes room if need be."""
    with _writing:
        known = cache.get(key)
        if known is not None:
            entry = known.add(bound, params, program, entry.token)
        elif len(cache) >= MOST_STATEMENTS:
            _make_room(cache)
        cache[key] = entry


def _make_room(cache: Cache) -> None:
    """Drop what was not used since the last time; a tenth of all, if everything was."""
    for key in list(cache):
        if cache[key].used:
            cache[key].used = False
        else:
            del cache[key]
    if len(cache) >= MOST_STATEMENTS:
        for key in list(islice(cache, MOST_STATEMENTS // 10)):
            del cache[key]


def _classes_of(
    asked: Sequence[int], compared: Sequence[tuple[int, int]] = (), shaped: Sequence[tuple[int, bool]] = ()
) -> Callable[[Sequence[object]], Any] | None:
    """Parameters → the classes, equalities and shapes that were asked for; None if none was."""
    if compared or shaped:
        classes = _classes_of(asked) or (lambda params: None)
        return lambda params: (
            classes(params),
            *(are_same(params[one], params[other]) for one, other in compared),
            *(like_class(params[index], fold) for index, fold in shaped),
        )
    if not asked:
        return None
    if len(asked) == 1:
        (index,) = asked
        return lambda params: type(params[index])
    pick = itemgetter(*asked)
    return lambda params: tuple(map(type, pick(params)))


# --- what runs like a program --------------------------------------------------------------------------------------


class _Named:
    """A program whose parameters come by name."""

    def __init__(self, program: Runnable, names: tuple[str, ...]) -> None:
        self._program = program
        self._names = names
        self.columns = program.columns
        self.writes = program.writes

    def run(self, catalog: Catalog, params: Params = ()) -> tuple[Sequence[Row] | None, int, int | None]:
        """As ``Program.run``."""
        return self._program.run(catalog, _sequence(params, self._names, len(self._names)))

    def stream(self, catalog: Catalog, params: Params = ()) -> Iterator[Row]:
        """As ``Program.stream``."""
        return self._program.stream(catalog, _sequence(params, self._names, len(self._names)))


class _Padded:
    """A program whose IN lists are longer than those that the parameters are for."""

    def __init__(self, program: Runnable, longer: Padded) -> None:
        self._program = program
        self._longer = longer
        self.columns = program.columns
        self.writes = program.writes

    def run(self, catalog: Catalog, params: Sequence[object] = ()) -> tuple[Sequence[Row] | None, int, int | None]:
        """As ``Program.run``."""
        return self._program.run(catalog, self._given(params))

    def stream(self, catalog: Catalog, params: Sequence[object] = ()) -> Iterator[Row]:
        """As ``Program.stream``."""
        return self._program.stream(catalog, self._given(params))

    def _given(self, params: Sequence[object]) -> tuple[object, ...]:
        given = self._longer.params(params)
        assert given is not None, "the program was prepared for parameters of these classes"
        return given


class _Bulk:
    """The program of one row, run for each row of parameters."""

    writes = True

    def __init__(self, program: Runnable, width: int) -> None:
        self._program = program
        self._width = width
        self.columns = program.columns

    def run(self, catalog: Catalog, params: Sequence[object] = ()) -> tuple[Sequence[Row] | None, int, int | None]:
        """As ``Program.run``, for all rows."""
        run, width = self._program.run, self._width
        found: list[Row] = []
        total, rowid, rows = 0, None, None
        for at in range(0, len(params), width):
            rows, count, last = run(catalog, params[at : at + width])
            total += count
            rowid = rowid if last is None else last
            if rows:
                found.extend(rows)
        return None if rows is None else found, total, rowid

    def stream(self, catalog: Catalog, params: Sequence[object] = ()) -> Iterator[Row]:
        """As ``Program.stream``: all is written at the first row."""
        yield from self.run(catalog, params)[0] or ()


class _Explanation:
    """EXPLAIN: rows of one text each.

    Each node has the number of rows that are expected of it, each time that it is asked. ANALYZE runs the statement,
    too, and says how many each node let through in all, how long they took (see ``Counters``), and how long all took.
    """

    columns = (OutputColumn("QUERY PLAN", TEXT, nullable=False),)

    def __init__(self, program: Program, explain: Explain) -> None:
        self._program = program
        self._explain = explain
        self.writes = explain.analyze and program.writes

    def run(self, catalog: Catalog, params: Params = ()) -> tuple[Sequence[Row] | None, int, int | None]:
        """The lines."""
        lines = self._analyzed(catalog, params) if self._explain.analyze else self._lines(catalog)
        rows = [(line,) for line in lines]
        return rows, len(rows), None

    def _analyzed(self, catalog: Catalog, params: Params) -> list[str]:
        program, counted = compile_counted(self._program)
        expected = self._expected(catalog)
        start = time.perf_counter()
        counted.start()
        _, count, _ = program.run(catalog, params)  # type: ignore[arg-type]
        total = f"{count} rows in {(time.perf_counter() - start) * 1000:.3f} ms"
        if self._explain.format != "text":
            return [*self._lines(catalog), total]

        def note(node: Node) -> str:
            at = id(node)
            if at not in counted.rows:
                return ""
            found = f"{counted.rows[at]} rows in {counted.seconds[at] * 1000:.3f} ms"
            return f" ({found}, {expected[at]:.0f} expected)" if at in expected else f" ({found})"

        return [*explain(program.plan, note), total]

    def _expected(self, catalog: Catalog) -> dict[int, float]:
        """The expected rows of the nodes that give any, by their ``id``; none if nobody wants to know."""
        if not self._explain.costs:
            return {}
        statistics = Statistics(catalog)
        nodes = [node for node in walk(self._program.plan) if not isinstance(node, Insert | Update | Delete)]
        return {id(node): estimated_rows(node, statistics) for node in nodes}

    def stream(self, catalog: Catalog, params: Params = ()) -> Iterator[Row]:
        """The lines, one by one."""
        return iter(self.run(catalog, params)[0] or ())

    def _lines(self, catalog: Catalog) -> list[str]:
        if self._explain.format == "text":
            expected = self._expected(catalog)
            return explain(
                self._program.plan,
                lambda node: f" ({expected[id(node)]:.0f} rows expected)" if id(node) in expected else "",
            )
        lines = self._program.source.splitlines()
        width = len(str(len(lines)))
        return [f"{number:{width}} {line}".rstrip() for number, line in enumerate(lines, 1)]


# --- expressions over one row --------------------------------------------------------------------------------------


def bind_row_expression(schema: TableSchema, text: str, alias: str) -> Expr:
    """An expression over the columns of a table, which the plan calls ``alias``: an index key, a check, a default."""
    return bind_parsed_expression(parse_expression(text), schema, alias)


def row_function(schema: TableSchema, expression: str, boolean: bool = False) -> RowFunction:
    """See ``storage.protocol.Compile``: ``expression`` as a function of a row."""
    expr = nullable(bind_row_expression(schema, expression, schema.name))  # it may meet rows not yet checked
    if boolean:
        try:
            expr = condition(expr, "a check")
        except Misfit as misfit:
            raise misfit.error(f"{misfit}: {expression!r}") from misfit
    return compile_row_function(expr, schema.name, schema, boolean)
