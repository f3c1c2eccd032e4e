"""Generated text → Program: the statement as one compiled Python function that a person can read, step through, debug.

``Source`` hands out names and keeps constants while the text grows; ``load`` turns text into a function; ``Program`` is
what the cursor runs. The text is registered in ``linecache`` (tracebacks, pdb, ``inspect``) and offered by the
``__loader__`` of the function's globals, which is all that Django's debug page asks; both end with the function.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import linecache
import logging
import math
import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from types import FunctionType
from typing import Any

from ..collector import MANY_ROWS, uncollected
from ..errors import DatabaseError, InternalError, OperationalError
from ..record import record
from ..storage.protocol import Catalog, Row
from .plan import Delete, Insert, Node, OutputColumn, Scan, Update, output_columns, walk
from .show import explain

logger = logging.getLogger("django_zodb.sql")

Result = tuple[Sequence[Row] | None, int, int | None]
"""Rows or None, the number of rows found or written, the rowid inserted last or None."""

BUILTINS: dict[str, object] = {
    name: getattr(builtins, name)
    for name in (
        *("abs", "all", "any", "bool", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int", "iter"),
        *("len", "list", "map", "max", "min", "next", "pow", "range", "reversed", "round", "set", "sorted", "str"),
        *("sum", "tuple", "type", "zip"),
    )
}
"""All that generated code sees of Python's builtins."""

_NOT_FREE = frozenset((*BUILTINS, *keyword.kwlist, *keyword.softkwlist))

_AS_IT_IS = nullcontext()

_LONGEST_LITERAL = 80
_LONGEST_NAME = 40
_NOT_IN_NAMES = re.compile("[^A-Za-z0-9]")
# Strings and comments come first: what looks like a subscript inside them is none.
_SUBSCRIPT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|#[^\n]*|\[(?P<name>\w+)\]""")
_SQL_SHOWN = 1000


class Source:
    """The names and constants of one generated text.

    Nothing of the caller's enters the text but through ``name`` (identifiers, made of ASCII letters, digits and
    underscores, never one that is taken), ``constant`` (literals whose repr is safe; all else becomes a global of the
    function) and ``comment`` (printable characters on one line).
    """

    def __init__(self, reserved: Sequence[str] = ()) -> None:
        self.namespace: dict[str, object] = {}
        self._taken = {*_NOT_FREE, *reserved}
        self._shared: dict[tuple[object, ...], str] = {}
        self._constants = 0
        self._positions: dict[tuple[str, int], str] = {}

    def name(self, wanted: str) -> str:
        """An identifier that resembles ``wanted`` and is new in this text."""
        base = _NOT_IN_NAMES.sub("_", wanted[:_LONGEST_NAME]).strip("_") or "x"
        if base[0].isdigit():
            base = f"n{base}"
        name, number = base, 2
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        return name

    def constant(self, value: object) -> str:
        """Python text for an SQL value: a literal where that is safe and short, else a global ``k0``, ``k1``, …"""
        match value:
            case None | bool():
                return repr(value)
            case int() if type(value) is int and abs(value) < 1 << 64:
                return repr(value)
            case float() if type(value) is float and math.isfinite(value):
                return repr(value)
            case str() if type(value) is str and len(value) <= _LONGEST_LITERAL:
                return repr(value)
        name = self.name(f"k{self._constants}")
        self._constants += 1
        self.namespace[name] = value
        return name

    def share(self, wanted: str, value: object) -> str:
        """The name of a global that holds ``value``: the same object asked for again has the same name."""
        key = (wanted, id(value))
        name = self._shared.get(key)
        if name is None:
            name = self._shared[key] = self.name(wanted)
            self.namespace[name] = value
        return name

    def share_made(self, wanted: str, key: tuple[object, ...], make: Callable[[], object]) -> str:
        """The name of a global that holds what ``make`` makes, which is the same for the same ``key``."""
        name = self._shared.get(key)
        if name is None:
            name = self._shared[key] = self.name(wanted)
            self.namespace[name] = make()
        return name

    def position(self, column: str, variable: str, at: int) -> str:
        """The name of a global for the position ``at`` of a row's column: that of the column in capitals.

        Where tables differ in the position of a column of that name, the later ones take that of the ``variable``.
        """
        key = (column, at)
        name = self._positions.get(key)
        if name is None:
            others = any(other == column for other, _ in self._positions)
            name = self._positions[key] = self.name((variable if others else column).upper())
            self.namespace[name] = at
        return name

    def with_numbers(self, text: str) -> str:
        """``text`` for the compiler: a subscript by the name of a position has the number, which is a tenth faster.

        Nothing moves, so that tracebacks point at the same places of either text.
        """
        if not self._positions:
            return text
        numbers = {name: str(self.namespace[name]) for name in self._positions.values()}

        def numbered(match: re.Match[str]) -> str:
            name = match["name"]
            number = numbers.get(name, name) if name else ""
            return f"[{number:{len(name)}}]" if number and len(number) <= len(name) else match[0]

        return _SUBSCRIPT.sub(numbered, text)


def comment(text: str) -> str:
    """``text`` as a comment: one line of printable characters."""
    return "# " + (text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text))


@record
class Generated:
    """A loaded function and its text."""

    source: str
    function: Callable[..., Any]


class _Loader:
    """What Django's debug page asks for the text of a frame."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, fullname: str) -> str:
        """The text, whatever the name: one loader serves one function."""
        return self._text


_serial = itertools.count(1)


def load(text: str, function: str, kind: str, source: Source) -> Generated:
    """Compile ``text``, which defines ``function``, over the names of ``source``.

    Raises OperationalError where the text is more than the interpreter takes: too deep, too many nested blocks.
    """
    filename = f"<django_zodb {kind} {next(_serial)}>"
    namespace = source.namespace
    namespace["__builtins__"] = BUILTINS
    namespace["__name__"] = "django_zodb.generated"
    namespace["__loader__"] = _Loader(text)
    try:
        exec(compile(source.with_numbers(text), filename, "exec"), namespace)
    except (RecursionError, MemoryError, SyntaxError, OverflowError) as error:
        raise too_complex(error) from error
    loaded = namespace.pop(function)
    assert isinstance(loaded, FunctionType)
    entry = (len(text), None, text.splitlines(keepends=True), filename)
    linecache.cache[filename] = entry
    weakref.finalize(loaded, linecache.cache.pop, filename, None).atexit = False
    return Generated(text, loaded)


def too_complex(error: BaseException) -> DatabaseError:
    """The error for a statement that Python can't compile: ours, if it is not for having too many of something."""
    if isinstance(error, SyntaxError) and "too many" not in str(error):
        return InternalError(f"what was generated is no Python: {error}")
    reason = "nested too deeply" if isinstance(error, RecursionError | MemoryError) else str(error)
    return OperationalError(f"the statement is too complex to compile ({reason}): split it, or nest it less deeply")


class Program:
    """A compiled statement. ``run`` it as often as you like, on any catalog whose tables have the tokens of ``tables``.

    ``plan`` is what it does, ``source`` the Python that does it, ``columns`` what its rows hold, ``tables`` the
    ``(name, token)`` pairs it was compiled for, ``writes`` whether it changes rows. ``typed_params`` are the indexes
    of the parameters whose classes the plan depends on (set by ``prepare``).

    Two functions may exist of one statement, one for parameters without a NULL, which most executions have and which
    needs no tests for it, and one for any; and each once more as a generator, for ``stream``. They are made at need.
    Of an INSERT there is one for any: NULLs come and go there, and it has hardly a test for them.
    """

    typed_params: tuple[int, ...] = ()
    repeated: Program | None = None
    """For an INSERT of one row: the program for many rows of parameters, once there were many (set by ``prepare``)."""

    def __init__(
        self, sql: str, plan: Node, build: Callable[[bool, bool], Generated], tables: Sequence[tuple[str, str]]
    ):
        self.sql = sql
        self.plan = plan
        self.columns: tuple[OutputColumn, ...] = output_columns(plan)
        self.tables = tuple(tables)
        self.writes = isinstance(plan, Insert | Update | Delete)
        self._table_names = [name for name, _ in self.tables]
        self._build = build
        self._variants: dict[tuple[bool, bool], Generated] = {}
        self._any = isinstance(plan, Insert)
        self._walks = not self.writes and any(isinstance(node, Scan) for node in walk(plan))
        """Whether it reads a whole table, which may have to be loaded: nothing of that is garbage."""
        first = self._variant(False, stream=False)
        self.source = first.source
        self._function = first.function
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s\n%s\n%s", sql, "\n".join(self.explain()), self.source)

    def run(self, catalog: Catalog, params: Sequence[object] = ()) -> Result:
        """Execute with raw Python values for the placeholders, in their order."""
        function = self._function
        if None in params:
            function = self._variant(True, stream=False).function
        try:
            with uncollected(MANY_ROWS) if self._walks else _AS_IT_IS:
                result = function(*map(catalog.table, self._table_names), params)
        except BaseException as error:
            explain_in(error, self.sql, self.plan)
            raise
        if self.writes:
            return result  # type: ignore[no-any-return]
        return result, len(result), None

    def stream(self, catalog: Catalog, params: Sequence[object] = ()) -> Iterator[Row]:
        """The rows one by one, computed as they are asked for as far as the plan allows; see ``run``.

        Valid until the transaction ends; the tables must not be written meanwhile. A statement that writes does all
        its work at the first row.
        """
        if self.writes:
            yield from self.run(catalog, params)[0] or ()
            return
        function = self._variant(None in params, stream=True).function
        try:
            yield from function(*map(catalog.table, self._table_names), params)
        except GeneratorExit:
            raise
        except BaseException as error:
            explain_in(error, self.sql, self.plan)
            raise

    def explain(self) -> list[str]:
        """The plan, one line per node, the root first."""
        return explain(self.plan)

    def _variant(self, nullable: bool, stream: bool) -> Generated:
        key = (nullable or self._any, stream)
        generated = self._variants.get(key)
        if generated is None:
            generated = self._variants[key] = self._build(*key)
        return generated


def explain_in(error: BaseException, sql: str, plan: Node) -> None:
    """Note at the error which statement met it, and what that does."""
    shown = sql if len(sql) <= _SQL_SHOWN else sql[:_SQL_SHOWN] + " …"
    error.add_note("\n".join((f"while running: {shown}", *("  " + line for line in explain(plan)))))
