"""A parsed statement and the tables it names → a plan: every name resolved, every type known, nothing of sqlglot left.

``bind(parse("SELECT title FROM book WHERE id = %s", True), catalog, [7])`` gives, as ``show.explain`` prints it::

    Project: title = book.title
      Filter: book.id = p0
        Scan: book

The work is done in ``bind_select`` (with ``bind_from``), ``bind_write``, ``bind_expr`` (with ``bind_operators`` and
``bind_functions``); ``scope`` knows the names, ``coerce`` the types, ``bind_args`` that nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import OperationalError
from ..record import record
from ..storage.protocol import Catalog
from ..storage.schema import TableSchema
from .bind_context import Context, Statement
from .bind_expr import bind_value
from .bind_from import scan_of
from .bind_select import bind_query
from .bind_write import bind_write
from .coerce import Params
from .expr import Expr
from .parse import WRITES, Parsed
from .plan import Node, Scan
from .scope import Scope


@record
class Bound:
    """A plan, and what it rests on.

    ``tables`` pairs each table that was named with its schema token; None for a name that no table must have. ``asked``
    are the indexes of the parameters whose classes decided types, ``compared`` the pairs whose equality mattered,
    ``shaped`` those of LIKE patterns.
    """

    plan: Node
    tables: tuple[tuple[str, str | None], ...]
    asked: tuple[int, ...]
    compared: tuple[tuple[int, int], ...]
    shaped: tuple[tuple[int, bool], ...]


def bind(parsed: Parsed, catalog: Catalog, params: Sequence[object]) -> Bound:
    """The plan of a query or a statement that writes. Raises ProgrammingError, NotSupportedError, DataError."""
    tree = parsed.tree
    assert tree is not None, "definitions are bound by ddl.bind_definition"
    statement = Statement(parsed.text, catalog, Params(params))
    here = Context(statement, Scope())
    try:
        plan = bind_write(tree, here) if isinstance(tree, WRITES) else bind_query(tree, here, "result").titled()
    except RecursionError as error:
        raise OperationalError("the statement is nested too deeply: split it, or nest it less deeply") from error
    known = statement.params
    asked, compared, shaped = tuple(sorted(known.asked)), tuple(sorted(known.compared)), tuple(sorted(known.shaped))
    return Bound(plan, tuple(statement.tables.items()), asked, compared, shaped)


def bind_parsed_expression(parsed: Parsed, schema: TableSchema, alias: str) -> Expr:
    """An expression over the columns of one table, which the plan calls ``alias``."""
    tree = parsed.tree
    assert tree is not None
    _, source = scan_of(schema.name, Scan(schema, alias))
    statement = Statement(parsed.text, None, Params(()))
    return bind_value(tree, Context(statement, Scope(sources=[source], clause="an expression over one row")))
