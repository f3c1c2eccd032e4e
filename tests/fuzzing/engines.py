"""Both engines side by side: run a statement on each, compare, and check every plan of ours against the others."""

from __future__ import annotations

import datetime as dt
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from random import Random
from uuid import UUID, uuid4

from django_zodb import dbapi
from django_zodb.sql import plan as p
from django_zodb.sql.bind import bind
from django_zodb.sql.compile import compile_plan
from django_zodb.sql.optimize import optimize
from django_zodb.sql.parse import parse
from django_zodb.sql.show import explain

from .plans_met import Met
from .queries import Queries, Query
from .tables import Table, quoted

Answer = list[tuple[object, ...]]
Outcome = tuple[int, Answer]

EXPECTED = (dbapi.DataError, dbapi.IntegrityError, dbapi.ProgrammingError, dbapi.NotSupportedError)
"""What a statement may end in; others would be bugs of ours."""

SIZES = (0, 10, 2000, 100_000, 1_000_000)


THEIR_DEFINITIONS = (
    "SELECT d.name AS table_name, c.name AS column_name, c.cid + 1 AS ordinal_position"
    " FROM sqlite_master AS d, pragma_table_info(d.name) AS c WHERE d.type IN ('table', 'view')"
)
"""The columns of all tables and views, kept in a table: sqlite3 3.40 may find none of them among many joins."""

LONGEST_S = 20
"""Processor time that a plan may take: on a busy machine the clock tells nothing."""
LONGEST_FOR_SQLITE_S = 2
"""What takes sqlite3 longer is a product of everything, which no engine answers well: nothing to compare."""


class TooLongError(Exception):
    """A query was not answered within its time."""


@contextmanager
def bounded() -> Iterator[None]:
    """TooLongError in the main thread when the time is over."""

    def over(number: int, frame: object) -> None:
        raise TooLongError(f"not finished after {LONGEST_S} s")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@dataclass
class Tally:
    """What was run so far."""

    queries: int = 0
    with_rows: int = 0
    errors: int = 0
    sqlite_wrong: int = 0
    writes: int = 0
    too_long: int = 0
    too_long_for_sqlite: int = 0
    met: Met = field(default_factory=Met)

    def __str__(self) -> str:
        """One line for a report."""
        share = 100 * self.with_rows / max(self.queries, 1)
        return (
            f"{self.queries} queries ({share:.0f} % with rows, {self.errors} errors, "
            f"{self.sqlite_wrong} that sqlite3 answers otherwise without indexes and views), {self.writes} writes; "
            f"{self.too_long} bad plans given up after {LONGEST_S} s, {self.too_long_for_sqlite} queries by sqlite3 "
            f"after {LONGEST_FOR_SQLITE_S}"
        )


TALLY = Tally()


class Imagined:
    """A catalog whose tables report sizes that they do not have, so that every strategy is chosen."""

    def __init__(self, catalog: object, random: Random) -> None:
        self.catalog, self.random = catalog, random

    def table(self, name: str) -> ImaginedTable:
        """The table of that name."""
        return ImaginedTable(self.catalog.table(name).schema, self.random)


class ImaginedTable:
    """A table, or an index, of a size that changes each time."""

    def __init__(self, schema: object, random: Random) -> None:
        self.schema, self.random = schema, random

    def count(self, *range_: object) -> int:
        """Any number of rows."""
        return self.random.choice(SIZES)

    def index(self, name: str) -> ImaginedTable:
        """Its index."""
        return self

    def exceed_cache(self) -> bool:
        """Either."""
        return self.random.choice((False, True))

    def key_count(self) -> int:
        """Any number of keys."""
        return self.random.choice((1, 2, 50, 5000, 100_000))

    def get(self, rowid: int) -> tuple[object, ...] | None:
        """A row of that rowid, if there is one."""
        columns = self.schema.columns  # type: ignore[attr-defined]
        return self.random.choice((None, (0,) * len(columns)))


class Engines:
    """A database of ours and one of sqlite3 with the same tables."""

    def __init__(self, tables: Sequence[Table], random: Random) -> None:
        self.random = random
        self.tables = tables
        self.ours = dbapi.connect(f":memory:fuzz-{uuid4()}", autocommit=True)
        self.sqlite = sqlite3.connect(":memory:", isolation_level=None)
        self._end = inf
        self.sqlite.set_progress_handler(lambda: time.process_time() > self._end, 1_000_000)
        self.sqlite.execute("PRAGMA foreign_keys = ON")
        self.sqlite.execute("PRAGMA case_sensitive_like = ON")
        for name, function in (("upper", str.upper), ("lower", str.lower)):
            self.sqlite.create_function(name, 1, _strict(function), deterministic=True)
        self.error: Exception | None = None
        self.their_error: sqlite3.Error | None = None
        self.log: list[str] = []
        for table in tables:
            for definition in table.definitions:
                self._both(definition, definition)
            for row in table.rows:
                marks = ", ".join(["%s"] * len(row))
                insert = f"INSERT INTO {quoted(table.name)} VALUES ({marks})"
                self.log.append(f"{insert} {row!r}")
                self.ours.execute(insert, row)
                self.sqlite.execute(insert.replace("%s", "?"), tuple(map(for_sqlite, row)))

    def close(self) -> None:
        """Close both; a database in memory would stay."""
        database = self.ours.session.database
        self.ours.close()
        database.close()
        self.sqlite.close()

    def add_views(self, queries: Queries) -> None:
        """Some views, on both sides, that ``queries`` uses from now on; and a list of what is defined now."""
        for at in range(self.random.choice((0, 0, 1, 2))):
            definition, kinds = queries.view(f"view {at}")
            self._both(definition.ours, definition.theirs)
            queries.views.append((f"view {at}", kinds))
        self.sqlite.execute(f"CREATE TEMP TABLE definitions AS {THEIR_DEFINITIONS}")

    def _both(self, ours: str, theirs: str) -> None:
        self.log.append(ours)
        self.ours.execute(ours)
        self.sqlite.execute(theirs)

    # --- queries ---------------------------------------------------------------------------------------------------

    def check(self, query: Query) -> bool:
        """Compare the answers to a query; True if it has rows. AssertionError with all that is needed to repeat it."""
        try:
            theirs = self._their_rows(query)
        except TooLongError:
            TALLY.too_long_for_sqlite += 1
            return False
        if theirs == [] and self.random.random() < 0.6:
            return False  # most time for the queries that find something
        TALLY.queries += 1
        bound: p.Node | None = None
        for name in ("plain", "optimized", "imagined"):
            plan: p.Node | None = None
            ours: Answer | None = None
            try:
                if bound is None:
                    bound = bind(
                        parse(query.ours, query.params is not None), self.ours.catalog, query.params or ()
                    ).plan
                plan = self._plan(bound, name)
                ours = self._our_rows(query, plan)
                ok = agree(ours, theirs, query.order)
                if not ok and theirs is not None:
                    theirs, disagreed = self._second_opinion(query), theirs
                    ok = agree(ours, theirs, query.order)
                    TALLY.sqlite_wrong += ok
                    theirs = theirs if ok else disagreed
            except EXPECTED as error:
                self.error, ok = error, theirs is None
            except TooLongError as error:  # a plan that was made to be bad may be as bad as a product of everything
                self.error, ok = error, name != "optimized"
                TALLY.too_long += 1
            except Exception as error:  # a crash is never an answer
                self.error, ok = error, False
            if not ok:
                shown = "" if plan is None else "\n".join(explain(plan))
                raise AssertionError(self._report(query, f"{name} plan", ours, theirs, shown))
        if theirs is None:
            TALLY.errors += 1
        TALLY.with_rows += bool(theirs)
        return bool(theirs)

    # --- writes ----------------------------------------------------------------------------------------------------

    def write(self, statement: Query) -> None:
        """Run a statement that writes; both fail, or both return the same and leave the same in every table."""
        TALLY.writes += 1
        self.log.append(f"{statement.ours}  {statement.params or ''}")
        ours, theirs = self._outcome(self.ours, statement.ours, statement.params), self._their_outcome(statement)
        if ours is not None and statement.ours.startswith(("INSERT", "UPDATE", "DELETE")):
            parsed = parse(statement.ours, statement.params is not None)
            TALLY.met.note(bind(parsed, self.ours.catalog, statement.params or ()).plan)
        if theirs is None and statement.ours == "COMMIT":  # it stays open after a failed commit
            self.sqlite.execute("ROLLBACK")
        if (ours is None) != (theirs is None) or (ours is not None and not _same_outcome(ours, theirs)):
            raise AssertionError(self._report(statement, "outcome", ours, theirs, ""))
        for table in self.tables:
            everything = f"SELECT * FROM {quoted(table.name)}"
            mine = [comparable(row) for row in self.ours.execute(everything).fetchall()]
            other = [comparable(row) for row in self.sqlite.execute(everything)]
            if not agree(mine, other, ()):
                raise AssertionError(self._report(statement, f"left in {table.name}", mine, other, ""))

    def _outcome(self, connection: dbapi.Connection, text: str, params: tuple[object, ...] | None) -> Outcome | None:
        try:
            cursor = connection.execute(text, params)
            rows = [comparable(row) for row in cursor.fetchall()] if cursor.description else []
            return cursor.rowcount, rows
        except EXPECTED as error:
            self.error = error
            return None

    def _their_outcome(self, statement: Query) -> Outcome | None:
        try:
            cursor = self.sqlite.execute(statement.theirs, tuple(map(for_sqlite, statement.params or ())))
            rows = [comparable(row) for row in cursor.fetchall()]
            return cursor.rowcount, rows
        except sqlite3.Error as error:
            self.their_error = error
            return None

    # --- plans -----------------------------------------------------------------------------------------------------

    def _plan(self, bound: p.Node, name: str) -> p.Node:
        match name:
            case "optimized":
                bound = optimize(bound, self.ours.catalog)
            case "imagined":
                bound = optimize(bound, Imagined(self.ours.catalog, self.random))  # type: ignore[arg-type]
        TALLY.met.note(bound)
        return bound

    def _our_rows(self, query: Query, plan: p.Node) -> Answer:
        program = compile_plan(plan, query.ours)
        with bounded():
            rows, _, _ = program.run(self.ours.catalog, query.params or ())
        return [comparable(row) for row in rows or ()]

    def _their_rows(self, query: Query) -> Answer | None:
        """Their answer, None for an error; TooLongError if there is none in time: a product of everything."""
        self._end = time.process_time() + LONGEST_FOR_SQLITE_S
        try:
            rows = self.sqlite.execute(query.theirs, tuple(map(for_sqlite, query.params or ()))).fetchall()
            return [comparable(row) for row in rows]
        except sqlite3.Error as error:
            if time.process_time() > self._end:
                raise TooLongError(f"sqlite3 has not finished after {LONGEST_FOR_SQLITE_S} s") from error
            self.their_error = error
            return None
        finally:
            self._end = inf

    def _second_opinion(self, query: Query) -> Answer | None:
        """What sqlite3 answers without its indexes, and with tables for views; if it is another, one is wrong.

        Met so far: no row from ``SELECT … FROM (a view of one group) LEFT JOIN …``.
        """
        execute = self.sqlite.execute
        execute("SAVEPOINT opinion")
        try:
            for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
                execute(f"CREATE TABLE materialized AS SELECT * FROM {quoted(name)}")
                execute(f"DROP VIEW {quoted(name)}")
                execute(f"ALTER TABLE materialized RENAME TO {quoted(name)}")
            indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            for (name,) in execute(indexes).fetchall():
                execute(f"DROP INDEX {quoted(name)}")
            return self._their_rows(query)
        finally:
            execute("ROLLBACK TO opinion")
            execute("RELEASE opinion")

    def _report(self, query: Query, what: str, ours: object, theirs: object, plan: str) -> str:
        shown = [self.error if ours is None else ours, self.their_error if theirs is None else theirs]
        return (
            ";\n".join(self.log)
            + f";\n\n{query.ours}\n{query.params!r}\n\n{what}:\n{plan}\n\nours:   {shown[0]!r}\nsqlite: {shown[1]!r}"
        )


def _same_outcome(ours: Outcome, theirs: Outcome | None) -> bool:
    assert theirs is not None
    return agree(ours[1], theirs[1], ()) and (max(ours[0], 0) == max(theirs[0], 0) or bool(theirs[1]))


def _strict(function: object) -> object:
    return lambda text: None if text is None else function(text)  # type: ignore[operator]


def agree(ours: Answer | None, theirs: Answer | None, order: tuple[int, ...]) -> bool:
    """Whether the rows are the same, and sorted the same by the columns ``order``; or both failed."""
    if ours is None or theirs is None:
        return ours is theirs
    if Counter(ours) != Counter(theirs):
        return False
    return [[row[at] for at in order] for row in ours] == [[row[at] for at in order] for row in theirs]


def for_sqlite(value: object) -> object:
    """A parameter as sqlite3 takes it."""
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, dt.date | UUID) else value


def comparable(row: Iterable[object]) -> tuple[object, ...]:
    """A row in the types that sqlite3 has: numbers are numbers, dates are text."""
    found: list[object] = []
    for value in row:
        if isinstance(value, bool):
            found.append(int(value))
        elif isinstance(value, float | Decimal):
            found.append(int(value) if value == int(value) else round(float(value), 6))
        else:
            found.append(str(value) if isinstance(value, dt.date | UUID) else value)
    return tuple(found)
