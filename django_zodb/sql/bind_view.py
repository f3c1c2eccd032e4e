"""Views: their queries, bound wherever one is named, as if written there in parentheses.

A view knows no parameters and nothing of the statement around it. What the statement rests on includes the view and
all that its query names, so that a program made with it is dropped when any of these changes.
"""

from __future__ import annotations

from ..errors import DatabaseError, OperationalError, ProgrammingError
from ..record import record
from ..storage.protocol import Catalog
from ..storage.schema import ColumnSchema, TableSchema, ViewSchema
from .bind_context import Context, Statement
from .bind_order import Query
from .coerce import Params
from .parse import QUERIES, parse_short, quote
from .plan import Node, OutputColumn
from .scope import Scope, Source, SourceColumn


def bind_view(view: ViewSchema, name: str, alias: str, here: Context) -> tuple[Node, Source]:
    """The plan of the view's query, which binds ``alias``, and the source ``name`` that it is in a FROM."""
    outer = here.statement
    statement = Statement(view.query, outer.catalog, Params(()), outer.tables, outer.aliases)
    try:
        query = _bind(view, statement, alias)
    except DatabaseError as error:
        raise type(error)(f'view "{view.name}": {error}') from error
    columns = zip(_titles(view, query), query.source_columns(), strict=True)
    return query.plan, Source(name, query.alias, tuple(SourceColumn(title, old.expr) for title, old in columns))


def _bind(view: ViewSchema, statement: Statement, alias: str) -> Query:
    from .bind_select import bind_query  # queries hold FROM, which holds views

    tree = parse_short(view.query, False).tree
    if not isinstance(tree, QUERIES):
        raise ProgrammingError(f"a view is made of a query, not of this: {quote(view.query, 0)}")
    return bind_query(tree, Context(statement, Scope()), alias, exact=True)


def _titles(view: ViewSchema, query: Query) -> tuple[str, ...]:
    """The names of the columns: those that CREATE VIEW gave, then the query's own."""
    if len(view.columns) > len(query.titles):
        raise ProgrammingError(
            f'view "{view.name}" has {len(view.columns)} column names, and its query {len(query.titles)} columns'
        )
    return (*view.columns, *query.titles[len(view.columns) :])


@record
class Description:
    """What the columns of a view are, and the names of the tables and views that its query names itself.

    ``rests_on`` has also those that are named by these.
    """

    columns: tuple[OutputColumn, ...]
    uses: tuple[str, ...]
    rests_on: frozenset[str]


def describe_view(view: ViewSchema, catalog: Catalog) -> Description:
    """Bind the query of a view, one that may not exist yet; DatabaseError if it means nothing here."""
    statement = Statement(view.query, catalog, Params(()), described=True)
    try:
        query = _bind(view, statement, statement.new_alias(view.name))
    except RecursionError as error:
        raise OperationalError(f'the query of view "{view.name}" is nested too deeply') from error
    titles = _titles(view, query)
    for at, title in enumerate(titles):
        if title in titles[:at]:
            raise ProgrammingError(f'column "{title}" of view "{view.name}" specified more than once; name its columns')
    columns = (
        OutputColumn(title, column.type, column.nullable) for title, column in zip(titles, query.columns, strict=True)
    )
    return Description(tuple(columns), tuple(sorted(statement.named)), frozenset(statement.tables))


def view_as_table(view: ViewSchema, catalog: Catalog) -> TableSchema:
    """A table of the view's columns, without keys or constraints: for introspection."""
    columns = describe_view(view, catalog).columns
    return TableSchema(
        view.name, tuple(ColumnSchema(column.name, column.type, nullable=column.nullable) for column in columns)
    )
