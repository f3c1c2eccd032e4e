"""What a serializable transaction has read, and whether others have changed it since.

Programs of such a transaction take their tables from a ``ReadCatalog``. These pass everything on, and note what they
were asked: rows by rowid; walks and look-ups as questions, with how far their answers were followed. Before the commit
the same questions are put to the transaction's snapshot and to the newest one, both without anything of its own, and
the answers must be equal. So what conflicts is rows, and keys that came or went within what was looked at; not
records, nor whole tables.

Of rows, only those are compared whose leaf is among the records that others have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, compress, count, islice
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..errors import Error, IntegrityError
from .keys import Bounds
from .large_writes import insert_all
from .protocol import Index, Otherwise, Passing, Row, Table, Whole
from .sieves import Sieve
from .trees import Tree, bucket_oid, changed_parts, key_oids, keys_backwards

if TYPE_CHECKING:
    from .catalog import StoredCatalog
    from .table import StoredTable

_MOST = 200_000
"""So many questions take some 50 MB. Who asks more depends on everything that others do."""
_OFTEN = 50
"""Each time that so many tables were taken, the questions are counted."""
_FAR = 1000
"""A walk over rows that went farther counts as one to the end: to find where it stopped costs as much as the walk."""

T = TypeVar("T")
_Change = TypeVar("_Change", bound=Callable[..., Any])
_Counter = Iterator[int]
_Question = Callable[[Any], Any]
"""A call of a table or an index."""


def _noting(walks: list[Any], what: Any, answer: Iterable[Any]) -> Iterator[Any]:
    """``answer``, of which ``walks`` gets to know how much is handed out: the counter's next number, less one."""
    handed_out = count(1)
    walks.append((what, handed_out))
    return compress(answer, handed_out)


def _answer(question: _Question, table: StoredTable) -> Any:
    """What the table answers; a refusal (of a row that no constraint admits, say) is an answer, too."""
    try:
        return question(table)
    except Error as error:
        return type(error), str(error)


def _is_found(columns: tuple[str, ...], values: tuple[Any, ...], table: StoredTable) -> bool:
    return table.finder(columns).found(values)


def _or(refused: Callable[[], None], change: _Change) -> _Change:
    """``change``, which calls ``refused`` before it raises an IntegrityError."""

    def changed(*arguments: Any) -> Any:
        try:
            return change(*arguments)
        except IntegrityError:
            refused()
            raise

    return cast(_Change, changed)


class ReadIndex:
    """``protocol.Index``, which notes what it is asked."""

    def __init__(self, index: Index) -> None:
        self.schema = index.schema
        self.count = index.count
        self.key_count = index.key_count
        self.lookup = self._noting_lookup(index.lookup)
        self._index = index
        self._walks: list[tuple[_Question, _Counter]] = []

    def _noting_lookup(self, lookup: Callable[..., Sequence[int]]) -> Callable[..., Sequence[int]]:
        self._lookups: set[tuple[object, ...]] = set()
        note = self._lookups.add

        def noted(*values: object) -> Sequence[int]:
            note(values)
            return lookup(*values)

        return noted

    def range(self, *arguments: Any, **options: Any) -> Iterator[int]:
        """See ``protocol.Index.range``."""
        return self._walk(methodcaller("range", *arguments, **options))

    def size(self, *arguments: Any, **options: Any) -> int:
        """See ``protocol.Index.size``."""
        return sum(1 for _ in self.range(*arguments, **options))

    def postings(self, *arguments: Any, **options: Any) -> Iterator[Collection[int]]:
        """See ``protocol.Index.postings``."""
        return self._walk(lambda index: map(tuple, index.postings(*arguments, **options)))

    def counts(self) -> Iterator[tuple[Any, int]]:
        """See ``protocol.Index.counts``."""
        return self._walk(methodcaller("counts"))

    def keys(self) -> Iterator[Any]:
        """See ``protocol.Index.keys``."""
        return self._walk(methodcaller("keys"))

    def sizes(self, keys: Iterable[Any]) -> Iterator[int]:
        """See ``protocol.Index.sizes``."""
        return map(len, map(self.lookup, keys))

    def _walk(self, question: _Question) -> Iterator[Any]:
        return _noting(self._walks, question, question(self._index))

    def __len__(self) -> int:
        """How many questions were noted."""
        return len(self._lookups) + len(self._walks)

    def clear(self) -> None:
        """Forget them."""
        self._lookups.clear()
        self._walks.clear()

    def changed(self, old: Index, new: Index, own: int) -> bool:
        """Whether two snapshots answer differently; ``own`` is how many rows the transaction changed meanwhile."""
        if any(list(old.lookup(*values)) != list(new.lookup(*values)) for values in self._lookups):
            return True
        for question, handed_out in self._walks:
            reach = next(handed_out) + own
            if list(islice(question(old), reach)) != list(islice(question(new), reach)):
                return True
        return False


class ReadTable:
    """``protocol.Table``, which notes what it is asked; a change is no question, unless a constraint refuses it."""

    def __init__(self, table: StoredTable, refused: Callable[[], None]) -> None:
        self.stored = table
        self.schema = table.schema
        self.get = self._noting_get(table.get)
        self.new_rowid = table.new_rowid
        self.update, self.update_many = _or(refused, table.update), _or(refused, table.update_many)
        self.delete, self.delete_many = _or(refused, table.delete), _or(refused, table.delete_many)
        self.update_all, self.delete_all = _or(refused, table.update_all), _or(refused, table.delete_all)
        self.lock, self.admits, self.is_settled = table.lock, table.admits, table.is_settled
        self.exceed_cache = table.exceed_cache
        self.begin_locking, self.make_room = table.begin_locking, table.make_room
        self._refused = refused
        self._calls: list[_Question] = []
        self._walks: list[tuple[tuple[Bounds, bool], _Counter]] = []
        self._indexes: dict[str, ReadIndex] = {}

    def _noting_get(self, get: Callable[[int], Row | None]) -> Callable[[int], Row | None]:
        self._rowids: set[int] = set()
        note = self._rowids.add

        def noted(rowid: int, /) -> Row | None:
            note(rowid)
            return get(rowid)

        return noted

    def insert(self, row: Row, rowid: int | None = None) -> Row:
        """See ``protocol.Table.insert``."""
        try:
            return self.stored.insert(row, rowid)
        except IntegrityError:
            self._note_refused((row,))
            raise

    def insert_unless(self, row: Row, index: str | None, otherwise: Otherwise, rowid: int | None = None) -> Row | None:
        """See ``protocol.Table.insert_unless``."""
        try:
            return self.stored.insert_unless(row, index, otherwise, rowid)
        except IntegrityError:
            self._note_refused((row,))
            raise

    def insert_many(self, rows: Iterable[Row]) -> Sequence[Row]:
        """See ``protocol.Table.insert_many``."""
        rows = list(rows)
        try:
            return self.stored.insert_many(rows)
        except IntegrityError:
            self._note_refused(rows)
            raise

    def insert_all(self, rows: Iterable[Row]) -> tuple[int, Row | None]:
        """See ``protocol.Table.insert_all``."""
        return insert_all(self, rows)

    def _note_refused(self, rows: Sequence[Row]) -> None:
        """A key was there already: that is what was read. If it was something else, it may be anything."""
        with suppress(IntegrityError):  # what is wrong with the row itself
            if any(map(self.conflicts, rows)):
                return
        self._refused()

    def index(self, name: str) -> Index:
        """See ``protocol.Table.index``."""
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = ReadIndex(self.stored.index(name))
        return index

    def rows(
        self,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        sieve: Sieve | None = None,
    ) -> Iterable[Row]:
        """See ``protocol.Table.rows``."""
        if sieve is not None:
            self._note_all()
            return self.stored.rows(columns=columns, sieve=sieve)
        return _noting(self._walks, (Bounds(low, high), reverse), self.stored.rows(low, high, reverse, columns))

    def items(
        self,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        sieve: Sieve | None = None,
    ) -> Iterable[tuple[int, Row]]:
        """See ``protocol.Table.items``."""
        if sieve is not None:
            self._note_all()
            return self.stored.items(columns=columns, sieve=sieve)
        return _noting(self._walks, (Bounds(low, high), reverse), self.stored.items(low, high, reverse, columns))

    def fetch(
        self,
        rowids: Iterable[int],
        columns: Collection[int] | None = None,
        sure: bool = True,
        whole: Whole | None = None,
    ) -> Iterable[Row]:
        """See ``protocol.Table.fetch``. The whole is not walked over: the transaction would depend on all rows."""
        return filter(None, map(self.get, rowids))

    def looked_up(
        self, pairs: Iterable[tuple[int | None, T]], columns: Collection[int] | None = None
    ) -> Iterable[tuple[T, Row | None]]:
        """See ``protocol.Table.looked_up``."""
        return ((other, None if rowid is None else self.get(rowid)) for rowid, other in pairs)

    def sought(
        self,
        passing: Passing | Sieve,
        rowids: Iterable[int],
        columns: Collection[int] | None = None,
        wanted: int = 0,
        order: tuple[str, bool, bool] | None = None,
        whole: Whole | None = None,
    ) -> Iterable[Row]:
        """See ``protocol.Table.sought``. What is passing is not asked for: the transaction would depend on all rows."""
        return self.fetch(rowids)

    def sought_by_key(
        self,
        passing: Passing | Sieve,
        low: int | None = None,
        high: int | None = None,
        reverse: bool = False,
        columns: Collection[int] | None = None,
        wanted: int = 0,
    ) -> Iterable[Row]:
        """See ``protocol.Table.sought_by_key``, and above."""
        return self.rows(low, high, reverse, columns)

    def sought_rowids(
        self,
        passing: Passing | Sieve,
        rowids: Iterable[int],
        wanted: int = 0,
        order: tuple[str, bool, bool] | None = None,
    ) -> Iterable[int]:
        """See ``protocol.Table.sought_rowids``, and above."""
        return rowids

    def passing(self, sieve: Sieve) -> Iterable[int] | None:
        """See ``protocol.Table.passing``."""
        self._note_all()
        return self.stored.passing(sieve)

    def present(self, columns: Sequence[int]) -> Iterable[Sequence[Sequence[Any]]]:
        """See ``protocol.Table.present``."""
        self._note_all()
        return self.stored.present(columns)

    def count_passing(
        self, passing: Callable[[Iterable[Row]], int], sieve: Sieve, columns: Collection[int] | None = None
    ) -> int:
        """See ``protocol.Table.count_passing``."""
        self._note_all()
        return self.stored.count_passing(passing, sieve, columns)

    def _note_all(self) -> None:
        """Every row was looked at, also those that are not handed out."""
        self._walks.append(((Bounds(None, None), False), count(_FAR + 1)))

    def page(
        self, offset: int, limit: int, low: int | None = None, high: int | None = None, reverse: bool = False
    ) -> list[Row]:
        """See ``protocol.Table.page``."""
        self._walks.append(((Bounds(low, high), reverse), count(offset + limit + 1)))
        return self.stored.page(offset, limit, low, high, reverse)

    def conflicts(self, row: Row, index: str | None = None) -> Sequence[int]:
        """See ``protocol.Table.conflicts``."""
        return self._call(methodcaller("conflicts", row, index))  # type: ignore[no-any-return]

    def count(self) -> int:
        """See ``protocol.Table.count``."""
        return self._call(methodcaller("count"))  # type: ignore[no-any-return]

    def note(self, question: _Question) -> None:
        """Note what was asked otherwise."""
        self._calls.append(question)

    def _call(self, question: _Question) -> Any:
        self.note(question)
        return question(self.stored)

    def __len__(self) -> int:
        """How many questions were noted."""
        return len(self._rowids) + len(self._calls) + len(self._walks) + sum(map(len, self._indexes.values()))

    def clear(self) -> None:
        """Forget them."""
        self._rowids.clear()
        self._calls.clear()
        self._walks.clear()
        for index in self._indexes.values():
            index.clear()

    def changed(self, old: StoredTable, new: StoredTable, others: Collection[bytes], own: int) -> bool:
        """Whether two snapshots answer differently, ``others`` being the records that were changed in between."""
        return (
            self._rows_changed(old, new, others)
            or any(_answer(question, old) != _answer(question, new) for question in self._calls)
            or any(self._walk_changed(old.tree, new.tree, others, own, *walk) for walk in self._walks)
            or self._indexes_changed(old, new, own)
        )

    def _rows_changed(self, old: StoredTable, new: StoredTable, others: Collection[bytes]) -> bool:
        rowids = sorted(self._rowids)
        if not any(oid in others for oid in key_oids(old.tree, rowids)):
            return False
        return any(old.get(rowid) != new.get(rowid) for rowid in rowids if bucket_oid(old.tree, rowid) in others)

    def _indexes_changed(self, old: StoredTable, new: StoredTable, own: int) -> bool:
        asked = {name: index for name, index in self._indexes.items() if len(index)}
        if not asked.keys() <= {index.schema.name for index in old.indexes()}:
            return True  # the transaction has made an index and asked it: there is nothing to compare with
        return any(index.changed(old.index(name), new.index(name), own) for name, index in asked.items())

    def _walk_changed(
        self,
        old: Tree,
        new: Tree,
        others: Collection[bytes],
        own: int,
        way: tuple[Bounds, bool],
        handed_out: _Counter,
    ) -> bool:
        bounds = _followed(old, *way, next(handed_out) + own)
        return any(list(old.items(*part)) != list(new.items(*part)) for part in changed_parts(old, others, bounds))


def _followed(tree: Tree, bounds: Bounds, reverse: bool, reach: int) -> Bounds:
    """The part of ``bounds`` that a walk has seen that handed out fewer than ``reach`` rows."""
    if reach > _FAR:
        return bounds
    keys = keys_backwards(tree, bounds) if reverse else tree.keys(*bounds)
    last = next(islice(keys, reach - 1, None), None)
    if last is None:
        return bounds
    return bounds._replace(low=last) if reverse else bounds._replace(high=last)


class ReadCatalog:
    """A serializable session's ``protocol.Catalog``, whose tables note what they are asked."""

    def __init__(self, catalog: StoredCatalog) -> None:
        self._catalog = catalog
        self._tables: dict[str, ReadTable] = {}
        self._replaced: list[ReadTable] = []
        self._own = 0
        self._checked: set[tuple[str, int, int, int]] = set()
        self.asked = 0
        """How often a statement has taken a table."""
        self.everything = False
        """Whether it depends on all that others do."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def table(self, name: str) -> Table:
        """See ``protocol.Catalog.table``."""
        stored = self._catalog.table(name)
        table = self._tables.get(name)
        if table is None or table.stored is not stored:
            if table is not None:
                self._replaced.append(table)  # the transaction has changed its definition
            table = self._tables[name] = ReadTable(stored, self._depend_on_everything)
        self.asked += 1
        if not self.asked % _OFTEN and sum(map(len, self._noted())) > _MOST:
            self.clear()
            self.asked, self.everything = 1, True
        return table

    def note_own(self) -> None:
        """Before the commit applies the changes again, which leaves only what they amount to.

        That is how many there were, since a walk may have been longer or shorter by as many rows, and what was checked
        for those of which nothing is left.
        """
        journal = self._catalog.journal
        self._own = max(self._own, journal.size())
        if journal.ddl:
            return  # never applied again: what was checked must be unchanged. And rows may have the columns of before
        for name, rowid, old, new in journal.passing():
            change = name, rowid, id(old), id(new)
            if change not in self._checked and self._catalog.schema(name) is not None:
                self._checked.add(change)
                self._note_checks(name, old, new)

    def _note_checks(self, name: str, old: Row | None, new: Row | None) -> None:
        """Note what the constraints of a changed row have asked."""
        if new is not None:
            self.note(name, methodcaller("conflicts", new))
        constraints = self._catalog.constraints
        for table, columns, values in constraints.asked(name, old, new):
            self.note(table, partial(_is_found, columns, values))

    def note(self, name: str, question: _Question) -> None:
        """Note a question to a table that somebody else has put."""
        table = self.table(name)
        assert isinstance(table, ReadTable)
        table.note(question)

    def _depend_on_everything(self) -> None:
        self.everything = True

    def end_statement(self) -> None:
        """See ``protocol.Catalog.end_statement``."""
        _or(self._depend_on_everything, self._catalog.end_statement)()

    def clear(self) -> None:
        """Forget what was noted."""
        self.asked = 0
        self.everything = False
        self._own = 0
        self._checked.clear()
        self._replaced.clear()
        for table in self._tables.values():
            table.clear()

    def _noted(self) -> Iterator[ReadTable]:
        return chain(self._tables.values(), self._replaced)

    def changed(self, old: StoredCatalog, new: StoredCatalog, others: Collection[bytes]) -> str | None:
        """The name of a table where the snapshots answer differently, if there is one.

        ``others`` are the records that other transactions have changed between the two.
        """
        for table in self._noted():
            name = table.schema.name
            before, after = old.schema(name), new.schema(name)
            if not len(table) or before is after is None:  # the transaction itself has made it
                continue
            if before is None or after is None or before.token != after.token:
                return name
            if table.changed(old.table(name), new.table(name), others, self._own):
                return name
        return None
