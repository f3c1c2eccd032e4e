"""Whether a database is sound: every record loads, rows, indexes and counts agree, constraints hold.

Reads one snapshot, in bounded memory. What is found is a ``Problem``; nothing is changed. ``repair`` makes again what
follows from the rows: indexes, counts, sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from BTrees.LLBTree import LLTreeSet
from ZODB.utils import z64

from ..errors import DataError, Error, IntegrityError
from ..values import converter
from .catalog import StoredCatalog
from .failures import STORAGE_ERRORS, translated
from .finders import Values
from .index import StoredIndex
from .keys import ABSENT, Row
from .persistent import rowids
from .plan import IndexPlan, foreign_key_label
from .progress import Report, reported
from .records import label, walk
from .schema import values_getter
from .session import Session
from .table import StoredTable
from .trees import check_links

EXAMPLES = 3
"""How many problems of one kind and place are told in full."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it has to be.

    ``kind`` is record, row, index, count, sequence, unique, constraint or schema.
    """

    kind: str
    table: str
    name: str
    """The index or constraint, if it is about one."""
    message: str
    repairable: bool = False


@dataclass(slots=True)
class Found:
    """What a check has found: the first problems of each kind and place, and how many there were of each."""

    problems: list[Problem]
    counts: dict[tuple[str, str, str], int]
    records: int = 0
    rows: int = 0
    tables: int = 0

    def add(self, problem: Problem) -> None:
        """Take note of a problem."""
        place = (problem.kind, problem.table, problem.name)
        self.counts[place] = self.counts.get(place, 0) + 1
        if self.counts[place] <= EXAMPLES:
            self.problems.append(problem)

    @property
    def total(self) -> int:
        """How many problems there were."""
        return sum(self.counts.values())


def check(session: Session, report: Report) -> Found:
    """Check everything that the session's transaction sees."""
    found = Found([], {})
    for problem in _check_records(session, found, report):
        found.add(problem)
    for name in session.catalog.table_names():
        found.tables += 1
        for problem in check_table(session.catalog, name, found, report):
            found.add(problem)
    return found


# --- records -------------------------------------------------------------------------------------------------------


def _check_records(session: Session, found: Found, report: Report) -> Iterator[Problem]:
    """Load every record that can be reached, as a session would."""
    connection: Any = session.zodb_connection
    records = walk(lambda oid: connection._storage.load(oid)[0], z64, LLTreeSet())
    for record in reported(records, report, "records"):
        found.records += 1
        if record.data is None:
            message = f"record {label(record.oid)} is missing; record {label(record.parent)} refers to it"
            yield Problem("record", "", label(record.oid), message)
            continue
        try:
            obj = connection.get(record.oid)
            obj._p_activate()
            obj._p_deactivate()
        except Error as error:
            yield _unreadable(record.oid, error)
        except STORAGE_ERRORS as error:
            yield _unreadable(record.oid, translated(error))


def _unreadable(oid: bytes, error: Error) -> Problem:
    return Problem("record", "", label(oid), f"record {label(oid)} cannot be read: {error}")


# --- tables --------------------------------------------------------------------------------------------------------


def check_table(catalog: StoredCatalog, name: str, found: Found, report: Report) -> Iterator[Problem]:
    """Check a table's rows, indexes, count, sequence and constraints."""
    try:
        table = catalog.table(name)
        yield from _TableCheck(catalog, table, found, report).run()
    except Error as error:
        yield Problem("record", name, "", f"{name} cannot be checked: {error}")
    except STORAGE_ERRORS as error:
        yield Problem("record", name, "", f"{name} cannot be checked: {translated(error)}")
    except AssertionError as error:  # what BTrees raise for a tree whose nodes do not fit together
        yield Problem("record", name, "", f"{name} cannot be checked, its tree is broken: {error}")


class _TableCheck:
    def __init__(self, catalog: StoredCatalog, table: StoredTable, found: Found, report: Report) -> None:
        self._catalog = catalog
        self._table = table
        self._name = table.schema.name
        self._writer = table.plan.writer
        self._found = found
        self._report = report
        self._entries = dict.fromkeys((index.schema.name for index in self._writer.indexes), 0)
        self._incomplete: set[str] = set()

    def run(self) -> Iterator[Problem]:
        table = self._table
        check_links(table.tree)
        count = last = 0
        for rowid, row in reported(table.items(), self._report, f"{self._name}: rows", table.count()):
            count += 1
            last = max(last, rowid)
            yield from self._check_row(rowid, row)
            yield from self._check_entries(rowid, row)
        self._found.rows += count
        if count != table.count():
            yield self._problem("count", "", f"has {count} rows, and a count of {table.count()}", True)
        sequence = self._catalog.root["sequences"][self._name].value
        if last > sequence:
            yield self._problem("sequence", "", f"has the id {last}, and a sequence that is only at {sequence}", True)
        for plan in self._writer.indexes:
            yield from self._check_index(plan, table.index(plan.schema.name))
        yield from self._check_foreign_keys()

    def _problem(self, kind: str, name: str, message: str, repairable: bool = False) -> Problem:
        return Problem(kind, self._name, name, f"{self._name} {message}", repairable)

    # --- rows ------------------------------------------------------------------------------------------------------

    def _check_row(self, rowid: int, row: Row) -> Iterator[Problem]:
        schema = self._table.schema
        if type(row) is not tuple or len(row) != len(schema.columns):
            yield self._problem("row", "", f"row {rowid} has not the {len(schema.columns)} columns of its table")
            return
        if schema.rowid_column is not None and row[schema.rowid_column] != rowid:
            yield self._problem("row", "", f"row {rowid} says that it is row {row[schema.rowid_column]!r}")
        for column, value in zip(schema.columns, row, strict=True):
            message = None if value is None else _misfit(column.type, value)
            if message is not None:
                yield self._problem("row", column.name, f"row {rowid}: {column.name}: {message}")
        try:
            if self._writer.admit(row) != row:
                yield self._problem("row", "", f"row {rowid}: a generated column is not what its expression gives")
        except IntegrityError as error:
            yield self._problem("constraint", "", f"row {rowid}: {error}")

    def _check_entries(self, rowid: int, row: Row) -> Iterator[Problem]:
        """Whether each index has the row."""
        for plan in self._writer.indexes:
            key = plan.key_of(row)
            if key is ABSENT:
                continue
            name = plan.schema.name
            self._entries[name] += 1
            try:
                found = rowid in self._table.index(name).with_key(key)
            except TypeError:  # the key does not compare with others: its value is of another type
                found = False
            if not found:
                self._incomplete.add(name)
                yield self._problem("index", name, f"row {rowid} is not in the index {name}", True)

    # --- indexes ---------------------------------------------------------------------------------------------------

    def _check_index(self, plan: IndexPlan, index: StoredIndex) -> Iterator[Problem]:
        name = plan.schema.name
        try:
            check_links(index.tree)
        except AssertionError as error:
            yield self._problem("index", name, f"index {name}: its tree is broken: {error}", True)
            return
        entries = 0
        for key, posting in index.tree.items():
            held = rowids(posting)
            entries += len(held)
            if len(held) > 1:
                if list(held) != sorted(set(held)):
                    yield self._problem("index", name, f"index {name}: rows of key {key!r} are out of order", True)
                if plan.schema.unique and not index.exempt(key):
                    yield self._problem("unique", name, f"rows {_some(held)} have the same key {key!r} in {name}")
        if entries != self._entries[name] or name in self._incomplete:
            yield from self._strays(plan, index)

    def _strays(self, plan: IndexPlan, index: StoredIndex) -> Iterator[Problem]:
        """Entries for rows that are not there, or have another key."""
        name = plan.schema.name
        for key, posting in index.tree.items():
            for rowid in rowids(posting):
                row = self._table.get(rowid)
                if row is None:
                    yield self._problem("index", name, f"index {name} has row {rowid}, which does not exist", True)
                elif plan.key_of(row) != key:
                    yield self._problem("index", name, f"index {name} has row {rowid} under {key!r}, not its key", True)

    # --- foreign keys ----------------------------------------------------------------------------------------------

    def _check_foreign_keys(self) -> Iterator[Problem]:
        for fk in self._table.schema.foreign_keys:
            found = self._parent_finder(fk.table, fk.references)
            label = foreign_key_label(self._name, fk)
            if found is None:
                yield self._problem("constraint", fk.name, f"{label}: there is no table {fk.table}")
                continue
            values_of = values_getter(self._table.schema, fk.columns)
            for rowid, row in self._table.items():
                values = values_of(row)
                if None not in values and not found(values):
                    message = f"row {rowid}: {label}: no row of {fk.table} has {', '.join(fk.references)} = {values!r}"
                    yield self._problem("constraint", fk.name, message)

    def _parent_finder(self, table: str, references: tuple[str, ...]) -> Callable[[Values], bool] | None:
        if self._catalog.schema(table) is None:
            return None
        return self._catalog.table(table).finder(references).found


def _misfit(type_: Any, value: object) -> str | None:
    """What is wrong with a stored value of that type."""
    try:
        converted = converter(type_)(value)
    except DataError as error:
        return str(error)
    if type(converted) is not type(value) or (converted != value and value == value):
        return f"{value!r} is no {type_}"
    return None


def _some(numbers: Sequence[int]) -> str:
    first = list(numbers)[:4]
    return ", ".join(map(str, first)) + (", …" if len(numbers) > len(first) else "")


# --- repair --------------------------------------------------------------------------------------------------------


def repair(session: Session, found: Found, report: Report) -> list[str]:
    """Make the indexes, counts and sequences that problems were found with again from the rows; then commit.

    What was done, a line each. Raises ConflictError if others write to those tables meanwhile: run it again.
    """
    done = []
    for name in dict.fromkeys(problem.table for problem in found.problems if problem.repairable):
        indexes = [index for kind, table, index in found.counts if (kind, table) == ("index", name)]
        session.catalog.make_indexes(name, indexes, report)
        done.append(f"{name}: made again: {', '.join([*indexes, 'count', 'sequence'])}")
    session.note(description="django_zodb: repair")
    session.commit()
    return done
