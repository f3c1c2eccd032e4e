"""The expressions that a definition keeps as SQL text: which columns they use, rewriting names, evaluating them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from ..errors import DataError, ProgrammingError
from ..storage.protocol import Catalog, Row, RowFunction
from ..storage.schema import ColumnSchema, TableSchema
from ..values import converter
from .expr import Call, walk
from .functions import FUNCTIONS
from .literals import identifier
from .parse import parse_expression


def columns_used(expression: str, schema: TableSchema) -> tuple[str, ...]:
    """The columns of ``schema`` that ``expression`` mentions, in the order of their first mention."""
    found: dict[str, None] = {}
    for node in _column_nodes(expression):
        name = _meant(node.this, schema)
        if name is not None:
            found[name] = None
    return tuple(found)


def with_renamed_column(expression: str, schema: TableSchema, old: str, new: str) -> str:
    """``expression`` over ``schema`` with its column ``old`` called ``new``; all else stays as written."""
    mentions = [node.this for node in _column_nodes(expression) if _meant(node.this, schema) == old]
    return _spliced(expression, mentions, new)


def with_renamed_table(expression: str, old: str, new: str) -> str:
    """``expression`` with the table name that qualifies its columns changed from ``old`` to ``new``."""
    qualifiers = [node.args["table"] for node in _column_nodes(expression) if node.args.get("table")]
    return _spliced(expression, [each for each in qualifiers if each.name.casefold() == old.casefold()], new)


def row_function(schema: TableSchema, expression: str, boolean: bool = False) -> RowFunction:
    """``expression`` over the columns of ``schema`` as a function of a row; see ``storage.protocol.Compile``."""
    from . import prepare  # prepare imports the DDL modules

    return prepare.row_function(schema, expression, boolean)


CLOCKS = frozenset(
    ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "NOW", "STATEMENT_TIMESTAMP")
)
"""Functions whose result stays for a statement, but no longer."""


def check_immutable(schema: TableSchema, expression: str, what: str) -> None:
    """ProgrammingError if ``expression``, which is kept by ``what``, could give another value for the same row."""
    from . import prepare

    for part in walk(prepare.bind_row_expression(schema, expression, schema.name)):
        if isinstance(part, Call) and (part.function in CLOCKS or not FUNCTIONS[part.function].stable):
            raise ProgrammingError(f"{what} cannot use {part.function}, which changes by itself: {expression!r}")


def only_value(query: str, catalog: Catalog) -> object:
    """The first column of the first row of a query; None if it finds none."""
    from . import prepare

    rows, _, _ = prepare.prepare(query, None, catalog, {}).run(catalog)
    return rows[0][0] if rows else None


def converted(schema: TableSchema, column: ColumnSchema, function: RowFunction) -> RowFunction:
    """``function`` with its result converted to the type of ``column``; DataError names table and column."""
    convert: Callable[[object], object] = converter(column.type)

    def value(row: Row) -> object:
        result = function(row)
        if result is None:
            return None
        try:
            return convert(result)
        except DataError as error:
            raise DataError(f"{schema.name}.{column.name}: {error}") from error

    return value


def default_function(schema: TableSchema, column: ColumnSchema) -> RowFunction:
    """The column's default as a function that ignores its argument. ProgrammingError if it uses columns."""
    if column.default is None:
        return _null
    function = converted(schema, column, row_function(TableSchema(schema.name, ()), column.default))
    return lambda _: function(())


def _null(_: Row) -> None:
    return None


def _column_nodes(expression: str) -> Iterator[exp.Column]:
    tree = parse_expression(expression).tree
    assert tree is not None
    return tree.find_all(exp.Column)


def _meant(node: exp.Expression, schema: TableSchema) -> str | None:
    name = node.name
    if name in schema.positions:
        return name
    if isinstance(node, exp.Identifier) and not node.quoted:
        alike = [column.name for column in schema.columns if column.name.casefold() == name.casefold()]
        if len(alike) == 1:
            return alike[0]
    return None


def _spliced(text: str, identifiers: list[exp.Expression], new: str) -> str:
    """``text`` with the identifiers, wherever the parser met them, replaced by ``new``."""
    shift = parse_expression(text).text.index(text)
    for node in sorted(identifiers, key=lambda node: -int(node.meta["start"])):
        start, end = node.meta["start"] - shift, node.meta["end"] - shift + 1
        text = text[:start] + identifier(new) + text[end:]
    return text
