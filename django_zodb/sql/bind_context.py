"""What every binder carries: the statement as a whole, and the scope of the place it is at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlglot import exp

from ..errors import NotSupportedError, ProgrammingError
from ..record import record, replace
from ..storage.protocol import Catalog
from ..storage.schema import TableSchema, ViewSchema
from . import parse
from .bind_args import consume
from .coerce import Misfit, Params
from .instead import for_table
from .scope import PUBLIC, Grouping, Name, NameProblem, Scope

INFORMATION = "information_schema"
_DEFINITIONS = "\0definitions"


@dataclass(slots=True)
class Statement:
    """What one statement has met so far.

    ``tables`` are the tables it named, with their schema tokens; None for a name that no table had, where another
    spelling was found: the program is right as long as all of these are so. ``aliases`` are those taken in the plan.
    Views count as tables there; ``named`` are the tables and views that the text itself names.
    Of a statement that is only ``described``, nothing but the columns is asked: no rows are looked for.
    """

    text: str
    catalog: Catalog | None
    params: Params
    tables: dict[str, str | None] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    described: bool = False

    def rest_on_all(self) -> None:
        """The statement holds as long as no definition changes: no table has this name, so its token is never found."""
        assert self.catalog is not None
        self.tables[_DEFINITIONS] = self.catalog.token

    def new_alias(self, wanted: str) -> str:
        """A plan alias like ``wanted`` that no other node of the statement has."""
        alias, number = wanted, 2
        while alias in self.aliases:
            alias, number = f"{wanted}_{number}", number + 1
        self.aliases.add(alias)
        return alias


@record
class Context:
    """One place in a statement: what can be named there (``scope``), and how errors about it are raised."""

    statement: Statement
    scope: Scope

    @property
    def params(self) -> Params:
        """The caller's parameters."""
        return self.statement.params

    def inside(self, scope: Scope) -> Context:
        """The same statement in another scope."""
        return replace(self, scope=scope)

    def alias(self, wanted: str) -> str:
        """A plan alias like ``wanted`` that no other node of the statement has."""
        return self.statement.new_alias(wanted)

    def consume(self, node: exp.Expression) -> None:
        """Refuse the node if it holds anything that the binder does not read."""
        consume(self.statement.text, node)

    def unsupported(self, node: exp.Expression, what: str) -> NotSupportedError:
        """The NotSupportedError to raise about ``node``."""
        return parse.unsupported(self.statement.text, node, what)

    def wrong(self, node: exp.Expression, what: str) -> ProgrammingError:
        """The ProgrammingError to raise about ``node``."""
        return parse.wrong(self.statement.text, node, what)

    @contextmanager
    def placed(self, node: exp.Expression) -> Iterator[None]:
        """Misfits and unknown names inside become errors that quote and locate ``node``."""
        try:
            yield
        except (Misfit, NameProblem) as problem:
            raise self.located(problem, node) from problem

    def located(self, problem: Misfit | NameProblem, node: exp.Expression) -> Exception:
        """The error for ``problem``, with the place of ``node``."""
        error = problem.error if isinstance(problem, Misfit) else ProgrammingError
        return error(f"{problem}: {parse.locate(self.statement.text, node)}")

    @contextmanager
    def clause(self, name: str, grouping: Grouping | None = None) -> Iterator[None]:
        """Bind in the clause of that name, where aggregates go to ``grouping``, or are not allowed."""
        scope = self.scope
        before = scope.clause, scope.grouping
        scope.clause, scope.grouping = name, grouping
        try:
            yield
        finally:
            scope.clause, scope.grouping = before

    def schema(self, node: exp.Expression, name: Name) -> TableSchema:
        """The table of that name; ProgrammingError if there is none."""
        found = self.relation(node, name)
        if isinstance(found, ViewSchema):
            raise self.wrong(node, f'"{found.name}" is a view: it cannot be written to')
        return found

    def relation(self, node: exp.Expression, name: Name) -> TableSchema | ViewSchema:
        """The table or view of that name; ProgrammingError if there is none."""
        statement = self.statement
        found = self._find(name.text)
        if found is None and statement.catalog is not None:
            statement.tables[name.text] = None
            with self.placed(node):
                chosen = name.in_any_case([*statement.catalog.table_names(), *statement.catalog.view_names()])
            found = None if chosen is None else self._find(chosen)
        if found is None:
            raise self.wrong(node, f'table "{name.text}" does not exist{for_table(name.text)}')
        statement.tables[found.name] = found.token
        statement.named.add(found.name)
        return found

    def in_information(self, node: exp.Expression) -> bool:
        """Whether a table's name has ``information_schema`` before it: else ``public`` or nothing."""
        schema = node.args.get("db")
        if schema is None:
            return False
        chosen = name_of(schema).choose((INFORMATION, PUBLIC))
        if chosen is None:
            raise self.wrong(schema, f'schema "{schema.name}" does not exist, but {PUBLIC} and {INFORMATION}')
        return chosen == INFORMATION

    def _find(self, name: str) -> TableSchema | ViewSchema | None:
        catalog = self.statement.catalog
        return None if catalog is None else catalog.schema(name) or catalog.view(name)


def name_of(node: exp.Expression) -> Name:
    """The identifier as written; ProgrammingError for anything else that the parser has let stand there."""
    if not isinstance(node, exp.Identifier):
        raise ProgrammingError(f"a name is expected, and not {node.sql()}")
    return Name(node.this, bool(node.args.get("quoted")))
