"""The live table of one connection: ``protocol.Table`` over a ``RowTree`` and its indexes.

Every change is one call of ``_change`` (rowid, old row, new row), entered in the journal before it is made; ``revert``
is its inverse. Rows come converted to the columns' types; everything else that a row must satisfy is checked here,
or, where a constraint is deferred or looks at other rows, by ``constraints``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter

from ..errors import ConflictError, DataError, IntegrityError
from ..threads import cached_property
from . import large_writes
from .changes import Batch
from .constraints import Constraints
from .finders import Finder, choose_finder
from .index import StoredIndex
from .journal import Journal, Unless
from .keylocks import lock_keys
from .keys import ABSENT, Key, Row
from .persistent import Counter, IndexTree, NameTree, RowTree, TableRecord
from .plan import TablePlan, Writer, key_text, primary_key_name
from .protocol import Otherwise
from .rowlocks import Wait
from .sequences import SequenceSource
from .trees import bucket_oid, delete_key, empty, every_second_first
from .walks import Walks


class StoredTable:
    """Rows by rowid; see ``protocol.Table``. Valid until the table's definition changes."""

    get: Callable[[int], Row | None]
    insert_all, update_all, delete_all = large_writes.insert_all, large_writes.update_all, large_writes.delete_all

    def __init__(
        self,
        plan: TablePlan,
        record: TableRecord,
        counts: NameTree,
        tree: RowTree,
        index_tree: Callable[[str], IndexTree],
        journal: Journal,
        sequences: SequenceSource,
        constraints: Constraints,
    ) -> None:
        self.schema = plan.schema
        self.plan = plan
        self.record = record
        self.tree = tree
        self.get = tree.get
        self._counts = counts
        self._journal = journal
        self._entries, self._deltas = journal.entries, journal.deltas
        self.make_room = journal.make_room
        self._sequences = sequences
        self._constraints = constraints
        self._name = plan.schema.name
        self._rowid_column = plan.schema.rowid_column
        at = plan.schema.rowid_column
        self._largest_id = (1 << ((at is not None and plan.schema.columns[at].type.size) or 64) - 1) - 1
        self._index_tree = index_tree
        self._finders: dict[tuple[str, ...], Finder] = {}
        self.walks = Walks(tree, plan.schema, self.count, self.finder, self._key_of)
        self.rows, self.items = self.walks.rows, self.walks.items
        self.page, self.present = self.walks.page, self.walks.present
        self.count_passing = self.walks.count_passing
        self.fetch, self.sought, self.passing = self.walks.fetch, self.walks.sought, self.walks.passing
        self.sought_by_key, self.sought_rowids = self.walks.sought_by_key, self.walks.sought_rowids
        self.looked_up = self.walks.looked_up
        self.exceed_cache = self.walks.exceed_cache

    # What follows takes records to find out, those of all tables some of it: not before it is asked for.

    @cached_property
    def _indexes(self) -> dict[str, StoredIndex]:
        return {
            index.name: StoredIndex(self._name, index, encoding, self._index_tree, self.count)
            for index, encoding in self.plan.indexes
        }

    @cached_property
    def _counter(self) -> Counter:
        return self._counts[self._name]  # type: ignore[no-any-return]

    @cached_property
    def watched(self) -> bool:
        """Whether the end of the statement has to check something about a changed row."""
        return self._constraints.watches(self.schema)

    @cached_property
    def defers(self) -> bool:
        """Whether the commit has to check something about a changed row."""
        return self._constraints.defers(self.schema)

    @cached_property
    def acts_on_delete(self) -> bool:
        """Whether removing a row may remove or change others."""
        references = self._constraints.references_to(self._name)
        return any(each.fk.on_delete != "NO ACTION" for each in references)

    @cached_property
    def acts_on_update(self) -> bool:
        """Whether changing a row may change others."""
        references = self._constraints.references_to(self._name)
        return any(each.fk.on_update != "NO ACTION" for each in references)

    # --- reading ---------------------------------------------------------------------------------------------------

    def count(self) -> int:
        """How many rows this transaction sees."""
        return self._counter.value + self._deltas.get(self._name, 0)

    def is_settled(self) -> bool:
        """See ``protocol.Table.is_settled``."""
        connection = self.tree._p_jar
        return connection is not None and not connection.is_changing

    def index(self, name: str) -> StoredIndex:
        """The live index of that name, or KeyError."""
        return self._indexes[name]

    def indexes(self) -> Iterator[StoredIndex]:
        """All of them, that of the primary key first."""
        return iter(self._indexes.values())

    def _key_of(self, index: str) -> Callable[[Row], Key]:
        """The key of a row in an index."""
        return next(each.key_of for each in self.plan.writer.indexes if each.schema.name == index)

    def finder(self, columns: tuple[str, ...]) -> Finder:
        """How to find rows by the values of these columns."""
        finder = self._finders.get(columns)
        if finder is None:
            finder = self._finders[columns] = choose_finder(self, columns)
        return finder

    # --- writing ---------------------------------------------------------------------------------------------------

    def new_rowid(self) -> int:
        """The next id of the table's sequence."""
        return self._sequences.next(self._name)

    def insert(self, row: Row, rowid: int | None = None) -> Row:
        """Store a new row; see ``protocol.Table.insert``."""
        target, row = self._placed(row, rowid)
        if self._journal.locks_keys and (taken := lock_keys(self, self._journal, target, row)) is not None:
            raise self._taken(taken)
        self._change(target, None, row)
        return row

    def insert_unless(self, row: Row, index: str | None, otherwise: Otherwise, rowid: int | None = None) -> Row | None:
        """Store a new row; see ``protocol.Table.insert_unless``."""
        target, row = self._placed(row, rowid)
        if self._journal.locks_keys and (taken := lock_keys(self, self._journal, target, row)) is not None:
            if index not in (None, taken):
                raise self._taken(taken)
            if otherwise == "update":
                raise ConflictError(f"another transaction inserted the same key into {self._name} meanwhile")
            return None
        self._change(target, None, row)
        self._journal.unless[self._name, target] = Unless(row, index, otherwise)
        return row

    def _taken(self, index: str) -> IntegrityError:
        return self._indexes[index].violation() if index in self._indexes else self._duplicate_rowid()

    def _placed(self, given: Row, rowid: int | None) -> tuple[int, Row]:
        """A row to be inserted as it is stored, and its rowid, which is free."""
        target, row = self._prepared(given, rowid)
        while self.get(target) is not None:
            if not self._draws(given, rowid):
                raise self._duplicate_rowid()
            target, row = self._prepared(given, rowid)
        return target, row

    def _draws(self, row: Row, rowid: int | None = None) -> bool:
        """Whether a new row gets a generated rowid: somebody may have chosen the same one, then the next will do."""
        return rowid is None if self._rowid_column is None else row[self._rowid_column] is None

    def insert_many(self, rows: Iterable[Row]) -> list[Row]:
        """Store new rows; see ``protocol.Table.insert_many``."""
        given = list(rows)
        rowids, stored = self._prepared_many(given)
        while len(set(rowids)) < len(rowids) or any(map(self.tree.has_key, rowids)):
            if not all(map(self._draws, given)):
                raise self._duplicate_rowid()
            rowids, stored = self._prepared_many(given)
        self._change_all(rowids, None, stored)
        return stored

    def _prepared_many(self, rows: list[Row]) -> tuple[list[int], list[Row]]:
        """``_prepared`` of each row: rowids and rows."""
        at = self._rowid_column
        if self._writer.identities or (at is not None and any(row[at] is not None for row in rows)):
            prepared = [self._prepared(row, None) for row in rows]
            return [rowid for rowid, _ in prepared], [row for _, row in prepared]
        rowids = list(self._sequences.next_many(self._name, len(rows)))
        if at is not None:
            if rowids and rowids[-1] > self._largest_id:
                raise self._exhausted(at)
            rows = [(*row[:at], rowid, *row[at + 1 :]) for rowid, row in zip(rowids, rows, strict=True)]
        return rowids, self._writer.admit_all(rows)

    def _prepared(self, row: Row, rowid: int | None) -> tuple[int, Row]:
        """A new row with its ids drawn and all that it has to be by itself, and its rowid."""
        at = self._rowid_column
        if at is not None:
            rowid = row[at]
            if rowid is None:
                rowid = self.new_rowid()
                row = (*row[:at], rowid, *row[at + 1 :])
                if rowid > self._largest_id:
                    raise self._exhausted(at)
            else:
                self._sequences.observe(self._name, rowid)
        elif rowid is None:
            rowid = self.new_rowid()
        else:
            self._sequences.observe(self._name, rowid)
        if self._writer.identities:
            row = self._with_identities(row)
        return rowid, self._writer.admit(row)

    def update(self, rowid: int, old: Row, new: Row) -> Row:
        """Replace a row; see ``protocol.Table.update``."""
        current, new = self._replacing(rowid, old, new)
        at = self._rowid_column
        mark = self._journal.mark()
        try:
            if at is not None and new[at] != rowid:
                self._move(rowid, current, new)
            else:
                self._change(rowid, current, new)
            if self.acts_on_update:
                self._constraints.after_update(self, current, new)
        except BaseException:
            self._journal.undo_to(mark)
            raise
        return new

    def update_many(
        self, rowids: list[int], olds: list[Row], news: list[Row], assigned: Collection[int]
    ) -> Sequence[Row]:
        """Replace rows; see ``protocol.Table.update_many``."""
        if list(map(self.get, rowids)) == olds:
            return self.replace_many(rowids, olds, news, assigned)
        if self._changes_singly(rowids, news, assigned):
            return list(map(self.update, rowids, olds, news))
        replaced = list(map(self._replacing, rowids, olds, news))
        olds, news = ([pair[side] for pair in replaced] for side in (0, 1))
        self._change_all(rowids, olds, news, assigned)
        return news

    def replace_many(
        self, rowids: list[int], olds: list[Row], news: list[Row], assigned: Collection[int]
    ) -> Sequence[Row]:
        """The same where ``olds`` are the rows that are there now."""
        if self._changes_singly(rowids, news, assigned):
            return list(map(self.update, rowids, olds, news))
        news = self._writer.admit_all(news, assigned)
        if rowids:
            self._change_all(rowids, olds, news, assigned)
        return news

    def _changes_singly(self, rowids: list[int], news: list[Row], assigned: Collection[int]) -> bool:
        """Whether an update changes other rows, too, or moves some to other rowids."""
        at = self._rowid_column
        return self.acts_on_update or (at in assigned and list(map(itemgetter(at), news)) != rowids)

    def _replacing(self, rowid: int, old: Row, new: Row) -> tuple[Row, Row]:
        """The row as it is, and the one to take its place."""
        current = self.get(rowid)
        if current is None:
            raise ConflictError(f"row {rowid} of {self._name} was deleted while it was being updated")
        if current is not old and current != old:
            # An ON UPDATE or ON DELETE action of this very statement changed it since: keep what only that assigned.
            new = tuple(now if after is before else after for now, before, after in zip(current, old, new, strict=True))
        return current, self._writer.admit(new)

    def _move(self, rowid: int, old: Row, new: Row) -> None:
        """Give a row another rowid."""
        at = self._rowid_column
        assert at is not None
        target = new[at]
        if target is None:
            raise IntegrityError(f"NOT NULL constraint failed: {self._name}.{self.schema.columns[at].name}")
        if self.get(target) is not None:
            raise self._duplicate_rowid()
        self._sequences.observe(self._name, target)
        self._change(rowid, old, None)
        self._change(target, None, new)

    def delete(self, rowid: int, old: Row) -> None:
        """Remove a row; see ``protocol.Table.delete``."""
        self._note_gone((rowid,))
        self._delete(rowid)

    def _note_gone(self, rowids: Sequence[int]) -> frozenset[int]:
        """Which of the rows, about to be deleted, another transaction has deleted: no conflict, then."""
        gone = self._journal.deleted_elsewhere(self, rowids)
        self._journal.gone.update((self._name, rowid) for rowid in gone)
        return gone

    def _delete(self, rowid: int) -> None:
        """Remove a row. One that an action of the statement has removed is no error."""
        current = self.get(rowid)
        if current is None:
            return
        if not self.acts_on_delete:
            self._change(rowid, current, None)
            return
        mark = self._journal.mark()
        try:
            self._change(rowid, current, None)
            self._constraints.after_delete(self, current)
        except BaseException:
            self._journal.undo_to(mark)
            raise

    def delete_many(self, rowids: list[int]) -> frozenset[int]:
        """Remove rows; see ``protocol.Table.delete_many``."""
        gone = self._note_gone(rowids)
        if self.acts_on_delete:
            for rowid in rowids:
                self._delete(rowid)
                if self._journal.crowded:
                    self.make_room()
            return gone
        rowids = sorted(rowids)
        olds = [row for row in map(self.get, rowids) if row is not None]
        rowids = rowids if len(olds) == len(rowids) else list(filter(self.tree.has_key, rowids))
        self._change_all(rowids, olds, None)
        return gone

    def remove(self, rowid: int, old: Row) -> None:
        """Remove a row without carrying out ON DELETE actions."""
        self._note_gone((rowid,))
        self._change(rowid, old, None)

    def admits(self, row: Row) -> bool:
        """See ``protocol.Table.admits``."""
        identities = self._writer.identities
        if identities:  # what is to be drawn is an id, whichever it will be
            row = tuple(1 if value is None and at in identities else value for at, value in enumerate(row))
        try:
            self._writer.admit(row)
        except IntegrityError:
            return False
        return True

    def conflicts(self, row: Row, index: str | None = None) -> Sequence[int]:
        """Rowids that ``row`` would collide with; see ``protocol.Table.conflicts``. Raises what ``insert`` would."""
        row = self._writer.admit(self._with_identities(row) if self._writer.identities else row)
        found: set[int] = set()
        at = self._rowid_column
        rowid = None if at is None else row[at]
        if rowid is not None and index in (None, primary_key_name(self.schema)) and self.get(rowid) is not None:
            found.add(rowid)
        made = None if at is None or rowid is not None else self.schema.columns[at].name  # a new id equals no other
        for plan in self._writer.indexes:
            if plan.schema.unique and index in (None, plan.schema.name):
                if made is not None and made in plan.schema.columns:
                    continue
                key = plan.key_of(row)
                live = self._indexes[plan.schema.name]
                if key is not ABSENT and not live.exempt(key):
                    found.update(live.with_key(key))
        return sorted(found)

    def begin_locking(self) -> None:
        """See ``protocol.Table.begin_locking``."""
        self._journal.locks_keys = True

    def lock(self, rowid: int, row: Row, wait: Wait = "wait") -> bool:
        """See ``protocol.Table.lock``."""
        if not self._journal.lock_row(self.record._p_oid, rowid, wait):
            return False
        self._journal.locked.append((self._name, rowid, row))
        self.rely_on(bucket_oid(self.tree, rowid))
        return True

    def rely_on(self, *oids: bytes | None) -> None:
        """Make this transaction depend on these records, and on the table's definition."""
        self._journal.relied.update(oid for oid in (*oids, self.record._p_oid) if oid is not None)

    # --- the primitive ---------------------------------------------------------------------------------------------

    @cached_property
    def _writer(self) -> Writer:
        return self.plan.writer

    @cached_property
    def _entered(self) -> tuple[tuple[Callable[[Key, int], int], Callable[[Key, int], None]], ...]:
        """For each index the C method that adds a new key, and what to call if the key is there."""
        return tuple((index.tree.insert, index.collide) for index in self._indexes.values())

    @cached_property
    def _trees(self) -> tuple[IndexTree, ...]:
        return tuple(index.tree for index in self._indexes.values())

    def _change(self, rowid: int, old: Row | None, new: Row | None) -> None:
        """Change one row and its index entries: all, or nothing and an exception."""
        writer = self._writer
        mark, gained = len(self._entries), self._deltas[self._name]
        try:
            self._deltas[self._name] = gained + (old is None) - (new is None)
            self._entries.append((self._name, rowid, old, new))
            if new is None:
                delete_key(self.tree, rowid)
            else:
                self.tree[rowid] = new
            if old is None:
                self._enter(rowid, writer.keys(new or ()))
            elif new is None:
                self._remove(rowid, writer.keys(old))
            else:
                self._reenter(rowid, writer.moved(old, new))
        except BaseException:
            self._take_back(mark, gained)
            raise
        if self.watched:
            self._journal.pending.append(mark)

    def _enter(self, rowid: int, keys: Sequence[Key]) -> None:
        for (insert, collide), key in zip(self._entered, keys, strict=True):
            if key is not ABSENT and not insert(key, rowid):
                collide(key, rowid)

    def _remove(self, rowid: int, keys: Sequence[Key]) -> None:
        for tree, key in zip(self._trees, keys, strict=True):
            if key is not ABSENT:
                tree.discard(key, rowid)

    def _reenter(self, rowid: int, moved: Iterable[tuple[int, Key, Key]]) -> None:
        for at, old, new in moved:
            if old is not ABSENT:
                self._trees[at].discard(old, rowid)
            insert, collide = self._entered[at]
            if new is not ABSENT and not insert(new, rowid):
                collide(new, rowid)

    def _change_all(
        self,
        rowids: Sequence[int],
        olds: Sequence[Row] | None,
        news: Sequence[Row] | None,
        assigned: Collection[int] = (),
    ) -> None:
        """Many times ``_change``, of different rows: all, or nothing and an exception.

        ``assigned`` says where an old row and its new one may differ, but for generated columns. The trees are written
        one after the other and in the order of their keys: each leaf is visited once.
        """
        if len(rowids) < 2:
            for rowid in rowids:
                self._change(rowid, olds[0] if olds else None, news[0] if news else None)
            return
        mark, gained = self._journal.mark(), self._deltas[self._name]
        is_all = news is None and len(rowids) == self.count() == len(self.tree)
        differ = None if olds is None or news is None else self._writer.may_differ(assigned)
        try:
            self._deltas[self._name] = gained + ((olds is None) - (news is None)) * len(rowids)
            self._journal.batched += len(rowids)
            self._entries.append(Batch(self._name, rowids, olds, news, differ))
            if is_all:
                self._empty()
            else:
                self._write_all(rowids, olds, news, assigned)
        except BaseException:
            self._take_back(mark, gained)
            raise
        if self.watched:
            self._journal.pending.append(mark)

    def _take_back(self, mark: int, gained: int) -> None:
        """Undo a change of this table alone, whatever interrupted it, perhaps before it was entered or counted."""
        self._journal.undo_to(mark)
        self._deltas[self._name] = gained

    def _write_all(
        self, rowids: Sequence[int], olds: Sequence[Row] | None, news: Sequence[Row] | None, assigned: Collection[int]
    ) -> None:
        if news is not None:
            self._put(rowids, news, olds is None)
        else:
            deque(map(self.tree.__delitem__, rowids), maxlen=0)
        if olds is not None and news is not None:
            self._move_in_indexes(rowids, olds, news, assigned)
        else:
            self._change_indexes(rowids, olds, news)

    def _empty(self) -> None:
        """Take out all rows, and what indexes have of them or is still to be taken out."""
        empty(self.tree)
        for index in self._indexes.values():
            empty(index.tree)
            if index.waiting is not None:
                index.waiting = [], []

    def _put(self, rowids: Sequence[int], rows: Sequence[Row], new: bool) -> None:
        """Put rows into the tree. Where rows are small, new ones fill its leaves; others should not be many in one."""
        fills = new and self.plan.has_small_rows
        parts = zip(*map(every_second_first, (rowids, rows)), strict=True) if fills else ((rowids, rows),)
        for some_rowids, some_rows in parts:
            self.tree.update(dict(zip(some_rowids, some_rows, strict=True)))

    def _change_indexes(self, rowids: Sequence[int], olds: Sequence[Row] | None, news: Sequence[Row] | None) -> None:
        """Enter rows that are all new, or take out those that are all gone."""
        for index, plan in zip(self._indexes.values(), self._writer.indexes, strict=True):
            if olds is None:
                index.add_many(list(map(plan.key_of, news or ())), rowids)
            else:
                index.remove_many(list(map(plan.key_of, olds)), rowids)

    def _move_in_indexes(
        self, rowids: Sequence[int], olds: Sequence[Row], news: Sequence[Row], assigned: Collection[int]
    ) -> None:
        """Bring every index from the old rows to the new ones, which differ in the assigned columns at most."""
        indexes = list(self._indexes.values())
        for at, plan in self._writer.indexes_to_change(olds, news, assigned):
            indexes[at].move_many(list(map(plan.key_of, olds)), list(map(plan.key_of, news)), rowids)

    def revert(self, rowid: int, old: Row | None, new: Row | None) -> None:
        """Take back ``_change(rowid, old, new)``, of which any part may have been made."""
        if new is not None:
            for tree, key in zip(self._trees, self._writer.keys(new), strict=True):
                if key is not ABSENT:
                    with suppress(TypeError):  # a key that does not compare with the others was never entered
                        tree.discard(key, rowid)
        if old is None:
            self.tree.pop(rowid, None)
            return
        self.tree[rowid] = old
        for tree, key in zip(self._trees, self._writer.keys(old), strict=True):
            if key is not ABSENT and not tree.insert(key, rowid):
                tree.grow(key, rowid)

    def reapply(self, rowid: int, old: Row | None, new: Row | None) -> None:
        """Make a change again at another snapshot. ConflictError if the row is no longer ``old``.

        The caller makes the unique indexes ``lenient``, so that keys may change hands, and checks them afterwards.
        """
        current = self.get(rowid)
        if current != old:
            if old is None:
                raise self._duplicate_rowid()
            done = "deleted" if current is None else "changed"
            raise ConflictError(
                f"row {key_text(self.schema, rowid, old)} of {self._name} was {done} by another transaction"
            )
        if old is not None or new is not None:
            self._change(rowid, old, new)

    def check_unique(self, rows: Iterable[Row]) -> None:
        """IntegrityError if one of these rows, which are stored, has a key that only one may have in common."""
        unique = [index for index in self._writer.indexes if index.schema.unique]
        for row in rows if unique else ():
            for index in unique:
                key = index.key_of(row)
                if key is not ABSENT:
                    self._indexes[index.schema.name].check_single(key)

    def check_unchanged(self, rowid: int, row: Row) -> None:
        """ConflictError if a row that was locked as ``row`` is another one now."""
        if self.get(rowid) != row:
            key = key_text(self.schema, rowid, row)
            raise ConflictError(f"row {key} of {self._name}, locked here, was changed by another transaction")

    def _with_identities(self, row: Row) -> Row:
        values = list(row)
        for at in self._writer.identities:
            if values[at] is None:
                values[at] = self.new_rowid()
                if values[at].bit_length() >= (self.schema.columns[at].type.size or 64):
                    raise self._exhausted(at)
            else:
                self._sequences.observe(self._name, values[at])
        return tuple(values)

    def _exhausted(self, at: int) -> DataError:
        column = self.schema.columns[at]
        return DataError(f"the sequence of {self._name}.{column.name} has left the range of type {column.type}")

    def _duplicate_rowid(self) -> IntegrityError:
        at = self._rowid_column
        column = "rowid" if at is None else self.schema.columns[at].name
        return IntegrityError(f"UNIQUE constraint failed: {self._name}.{column} ({primary_key_name(self.schema)})")
