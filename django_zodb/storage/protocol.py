"""Catalog, Table, Index: all that ``sql/`` knows of storage, and all that another kind of table has to offer.

A live object of these belongs to one connection and is valid until its transaction ends; programs ask the
catalog again each time they run. SQL values are immutable builtins (see ``values``); NULL is None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, TypeVar

from .rowlocks import Wait
from .schema import IndexSchema, TableSchema, ViewSchema
from .sieves import Sieve

T = TypeVar("T")
Row = tuple[object, ...]
Otherwise = Literal["nothing", "update"]
"""What ON CONFLICT says is to be done instead of an insertion."""
RowFunction = Callable[[Row], object]
Passing = Callable[[], Iterable[int] | None]
"""What gives the rowids of the rows that may pass, in any order; None if they are many, or nobody can tell."""
Whole = Callable[[], tuple[int, Sieve, Callable[[Iterable[Row]], Iterable[Row]]]]
"""What tells of some rows about how many they are, a sieve that lets them pass, and what leaves out all others."""


class Compile(Protocol):
    """Given to storage by the layer above: SQL text of an expression over a table's columns → function of its row.

    ``boolean`` asks for the truth of a condition: True, False or None (unknown).
    """

    def __call__(self, schema: TableSchema, expression: str, boolean: bool = False) -> RowFunction:
        """The function; ProgrammingError if the text is no such expression."""
        ...


class Index(Protocol):
    """Rowids by key. Values are passed as SQL values, one per key of the index; encoding is the index's business."""

    @property
    def schema(self) -> IndexSchema:
        """Its definition."""
        ...

    def lookup(self, *values: object) -> Sequence[int]:
        """Rowids of the rows whose keys equal ``values`` (all keys given; None matches NULL), ascending."""
        ...

    def range(
        self,
        prefix: tuple[object, ...] = (),
        low: object = None,
        high: object = None,
        *,
        low_open: bool = False,
        high_open: bool = False,
        nulls: bool = False,
        reverse: bool = False,
        ties_reversed: bool = False,
    ) -> Iterator[int]:
        """Rowids in key order, whose first keys equal ``prefix`` and whose next key lies between low and high.

        None as a bound means unbounded. ``nulls`` tells if rows whose next key is NULL belong to the answer: a range
        condition excludes them, an ordered walk of the whole index includes them. NULL comes first in key order, a
        descending key turns its own order round; rowids of equal keys ascend. ``reverse`` walks backwards (equal keys
        descend); ``ties_reversed`` turns only the rowids of equal keys round. Lazy; not to be used across a write to
        the table.
        """
        ...

    def size(
        self,
        prefix: tuple[object, ...] = (),
        low: object = None,
        high: object = None,
        *,
        low_open: bool = False,
        high_open: bool = False,
        nulls: bool = False,
    ) -> int:
        """How many rowids ``range`` gives."""
        ...

    def postings(
        self,
        low: object = None,
        high: object = None,
        *,
        low_open: bool = False,
        high_open: bool = False,
        nulls: bool = False,
        reverse: bool = False,
    ) -> Iterator[Collection[int]]:
        """The rowids of ``range``, those of one key at a time, ascending; of an index with one key."""
        ...

    def counts(self) -> Iterable[tuple[Any, int]]:
        """Each distinct key with the number of its rows, in key order; of an index with one key, ascending and plain.

        Plain are integers, texts, booleans, dates, times, timestamps, intervals, bytes and decimals, by code point.
        """
        ...

    def keys(self) -> Iterable[Any]:
        """The distinct keys of such an index."""
        ...

    def sizes(self, keys: Iterable[Any]) -> Iterable[int]:
        """The length of what ``lookup`` gives for each of ``keys``, of an index with one key. Lazy."""
        ...

    def count(self, prefix: tuple[object, ...] = (), low: object = None, high: object = None) -> int:
        """An estimate of how many rowids ``range`` would give, also for NULL in the prefix; cheap, for the planner."""
        ...

    def key_count(self) -> int:
        """An estimate of the number of distinct keys."""
        ...


class Table(Protocol):
    """Rows by rowid: tuples in the order of ``schema.columns``."""

    @property
    def schema(self) -> TableSchema:
        """Its definition."""
        ...

    def get(self, rowid: int, /) -> Row | None:
        """The row, or None. ``rowid`` must be an int of 64 bits; anything else raises TypeError or OverflowError."""
        ...

    def rows(
        self,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        sieve: Sieve | None = None,
    ) -> Iterable[Row]:
        """Rows in rowid order, bounds included. Lazy; not to be used across a write to the table.

        ``columns``: the positions that will be looked at. Rows are as wide as ever, but may hold None at any other.
        ``sieve``, for all rows in ascending order: of those that it does not let pass, any may be missing.
        """
        ...

    def page(
        self, offset: int, limit: int, low: int | None = None, high: int | None = None, reverse: bool = False
    ) -> list[Row]:
        """``limit`` of those rows after the first ``offset``, which cost less than if they were looked at."""
        ...

    def items(
        self,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        sieve: Sieve | None = None,
    ) -> Iterable[tuple[int, Row]]:
        """``(rowid, row)`` pairs, otherwise as ``rows``."""
        ...

    def fetch(
        self,
        rowids: Iterable[int],
        columns: Collection[int] | None = None,
        sure: bool = True,
        whole: Whole | None = None,
    ) -> Iterable[Row]:
        """The rows of these rowids, in that order. Lazy, but some may be read ahead.

        ``columns`` as for ``rows``. ``sure``: all of them are there; otherwise those that are not are left out.
        ``whole``, where they may come in any order: it is called if they are more than a few, and if they are a good
        part of the table, all of it is walked over.
        """
        ...

    def looked_up(
        self, pairs: Iterable[tuple[int | None, T]], columns: Collection[int] | None = None
    ) -> Iterable[tuple[T, Row | None]]:
        """For each ``(rowid, something)`` that and the row, None if there is none; otherwise as ``fetch``."""
        ...

    def exceed_cache(self) -> bool:
        """Whether there are more rows than the cache holds, so that each one that is looked up takes a leaf's load."""
        ...

    def sought(
        self,
        passing: Passing | Sieve,
        rowids: Iterable[int],
        columns: Collection[int] | None = None,
        wanted: int = 0,
        order: tuple[str, bool, bool] | None = None,
        whole: Whole | None = None,
    ) -> Iterable[Row]:
        """The rows of these rowids, which are there, none of them twice; for who looks for a few of them.

        Of those that are not ``passing``, any may be missing: it is called, once at most, if the walk turns out to be
        long for somebody who wants about ``wanted`` rows, and gives the rowids of those that may pass, in any order,
        or None. Or it is a sieve, see the method of that name. ``order``: they come as the index of that name lists
        them, its keys descending or not, and rowids of equal keys. Otherwise as ``fetch``; ``whole`` is
        of all the rowids.
        """
        ...

    def sought_by_key(
        self,
        passing: Passing | Sieve,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        wanted: int = 0,
    ) -> Iterable[Row]:
        """The same of what ``rows`` gives."""
        ...

    def sought_rowids(
        self,
        passing: Passing | Sieve,
        rowids: Iterable[int],
        wanted: int = 0,
        order: tuple[str, bool, bool] | None = None,
    ) -> Iterable[int]:
        """The rowids of what ``sought`` gives, of which no row is read."""
        ...

    def passing(self, sieve: Sieve) -> Iterable[int] | None:
        """The rowids of the rows that ``sieve`` lets pass, and perhaps more; None if these are many, or it can't tell.

        All rows are looked at for it.
        """
        ...

    def present(self, columns: Sequence[int]) -> Iterable[Sequence[Sequence[Any]]]:
        """The values that are not NULL of each of these columns, in pieces: those of some rows that follow another.

        Where all decimals of a column in a piece have the same exponent, they may come as ``values.Scaled``.
        """
        ...

    def count_passing(
        self, passing: Callable[[Iterable[Row]], int], sieve: Sieve, columns: Collection[int] | None = None
    ) -> int:
        """How many rows pass a test: ``passing`` tells how many of some do.

        ``sieve`` lets those pass, if it is ``exact``, and no other ones; ``columns`` are what the test looks at.
        """
        ...

    def is_settled(self) -> bool:
        """Whether the transaction has changed nothing so far, so that foreign keys hold that are checked at its end."""
        ...

    def count(self) -> int:
        """How many rows this transaction sees; O(1)."""
        ...

    def index(self, name: str) -> Index:
        """The live index; KeyError if there is none. The hidden-rowid primary key is one, under its name."""
        ...

    def new_rowid(self) -> int:
        """The next id of the table's sequence: rising, and unique for ever; memory takes back what is undone."""
        ...

    def insert(self, row: Row, rowid: int | None = None) -> Row:
        """Store ``row`` and return it as stored (generated columns filled in).

        All checks happen here: NOT NULL, CHECK, unique, immediate foreign keys; deferred ones at commit. Where the
        primary key is the rowid and its value is None, one is drawn from the sequence. Where no column is the rowid,
        the row's is ``rowid``, which ``new_rowid`` gave, or (None) drawn here. Raises IntegrityError.
        """
        ...

    def insert_unless(self, row: Row, index: str | None, otherwise: Otherwise, rowid: int | None = None) -> Row | None:
        """``insert``, after ``conflicts(row, index)`` found nothing: what is to be done if another transaction was
        faster, which the commit finds out. With "nothing" the row is left out, with "update" it is a ConflictError.

        Where keys are locked (``begin_locking``) that may be known here: then it returns None, or raises.
        """
        ...

    def insert_many(self, rows: Iterable[Row]) -> Sequence[Row]:
        """``insert`` of each row, all or none of them; returns the rows as stored."""
        ...

    def insert_all(self, rows: Iterable[Row]) -> tuple[int, Row | None]:
        """``insert_many`` of any number of rows, all of which are taken before the first one is written; only one part
        of them is in memory at a time. Returns how many they were, and the last one as stored.
        """
        ...

    def update(self, rowid: int, old: Row, new: Row) -> Row:
        """Replace ``old`` by ``new``; returns the row as stored. A changed rowid column moves the row."""
        ...

    def update_many(
        self, rowids: list[int], olds: list[Row], news: list[Row], assigned: Collection[int]
    ) -> Sequence[Row]:
        """``update`` of each row, all of them different: lists side by side. Returns the rows as stored.

        ``assigned`` are the positions of the columns in which a row may differ from the old one.
        """
        ...

    def update_all(
        self,
        changes: Iterable[tuple[Any, ...]],
        assigned: Sequence[int],
        given: Callable[[], Sequence[Any]] | None = None,
    ) -> int:
        """``update`` of any number of rows, all different: ``changes`` has the rowid of each, and the new values of its
        ``assigned`` columns, but for the last ones that ``given`` has the same values of for all; it is called if there
        is a row. All is taken before the first row is written; only a part of it and of the rows is in memory at a
        time. Returns the number of rows.
        """
        ...

    def delete(self, rowid: int, old: Row) -> None:
        """Remove the row; ON DELETE actions of the schema are carried out, immediate foreign keys checked."""
        ...

    def delete_many(self, rowids: list[int]) -> frozenset[int]:
        """``delete`` of each row; returns the rowids of those that another transaction had deleted."""
        ...

    def delete_all(self, rowids: Iterable[int]) -> int:
        """``delete_many`` of any number of rows, all of which are taken before the first one is removed; only some of
        them are in memory at a time. Returns how many they were, without those that another transaction had deleted.
        """
        ...

    def admits(self, row: Row) -> bool:
        """Whether neither NOT NULL nor a CHECK would refuse to insert ``row``."""
        ...

    def conflicts(self, row: Row, index: str | None = None) -> Sequence[int]:
        """Rowids that inserting ``row`` would collide with in that unique index, or in any unique index or key."""
        ...

    def begin_locking(self) -> None:
        """Rows are about to be looked for, to be locked. What is not found and inserted then is locked by its keys:
        from now on, this transaction does so with the unique keys of every row that it inserts.
        """
        ...

    def lock(self, rowid: int, row: Row, wait: Wait = "wait") -> bool:
        """Lock the row until the transaction ends; False if another one has it and it is to be skipped.

        Waits for another one's lock, or raises OperationalError. Where no lock reaches everybody who writes, this
        transaction fails, retryably, if another one changes the row before it commits.
        """
        ...


class Catalog(Protocol):
    """The tables of one connection's snapshot, and the DDL that changes them (transactional like rows)."""

    @property
    def token(self) -> str:
        """Changes with every DDL statement seen by this snapshot; equal tokens mean equal schemas."""
        ...

    def table(self, name: str) -> Table:
        """The live table; KeyError if there is none."""
        ...

    def schema(self, name: str) -> TableSchema | None:
        """The definition, or None if there is no such table."""
        ...

    def table_names(self) -> list[str]:
        """All tables, sorted."""
        ...

    def view(self, name: str) -> ViewSchema | None:
        """The view of that name, or None. No table has the name of a view."""
        ...

    def view_names(self) -> list[str]:
        """All views, sorted."""
        ...

    def owner_of_index(self, name: str) -> str | None:
        """The table to which the index of that name belongs, or None."""
        ...

    def create_table(self, schema: TableSchema) -> None:
        """Create it, empty. ProgrammingError if the name is taken."""
        ...

    def drop_table(self, name: str, cascade: bool = False) -> None:
        """Drop it; foreign keys of other tables to it and views of it are refused (IntegrityError), or dropped with
        ``cascade``."""
        ...

    def create_view(self, view: ViewSchema) -> None:
        """Create it, or replace the view of that name. ProgrammingError if a table has the name."""
        ...

    def drop_views(self, names: Sequence[str], cascade: bool = False) -> None:
        """Drop them; other views that use them are refused (IntegrityError), or dropped with ``cascade``."""
        ...

    def truncate(self, names: Sequence[str], restart: bool = False) -> None:
        """Remove every row of the tables together; ``restart`` sets their sequences back."""
        ...

    def alter_table(self, name: str, schema: TableSchema, convert: Callable[[Row], Row] | None = None) -> None:
        """Give the table a new definition, also a new name; ``convert`` turns every old row into a new one.

        New or changed constraints and indexes are checked and built over the rows. References from other tables
        follow renamed tables; renamed columns are the caller's to rewrite in ``schema``. Raises IntegrityError.
        """
        ...

    def rename_column(self, table: str, old: str, new: str) -> None:
        """Rename it in the table, its constraints, and the foreign keys that point at it."""
        ...

    def set_sequence(self, table: str, value: int) -> None:
        """The next generated id will be ``value``, also where that is less than before."""
        ...

    def end_statement(self) -> None:
        """Check what immediate constraints demand of the statement as a whole (foreign keys, deferrable uniqueness).

        Called after each statement that wrote; cheap if nothing is pending. What it raises undoes the statement.
        """
        ...

    def check_constraints(self, tables: Sequence[str] | None = None) -> None:
        """Check every foreign key of these tables (or all) over all rows; IntegrityError on the first violation."""
        ...

    def set_constraints(self, names: Sequence[str] | None, deferred: bool) -> None:
        """SET CONSTRAINTS for the rest of the transaction; None means ALL. IMMEDIATE checks what is pending now."""
        ...
