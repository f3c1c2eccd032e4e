"""ALTER TABLE's work on rows: read each once, convert it, check it, and find out which indexes stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import IntegrityError
from ..record import replace
from .index import StoredIndex
from .keys import Key, Row
from .persistent import IndexTree, RowTree
from .plan import IndexPlan, TablePlan, primary_key_name, same_key_sources
from .progress import Report, reported, silent
from .schema import ForeignKey, IndexSchema, values_getter

if TYPE_CHECKING:
    from .constraints import Reference
    from .table import StoredTable

REPORTED_ROWS = 20_000
"""A table of fewer rows is done before anybody wonders."""

SPILL_ROWS = 20_000
"""So many converted rows are written to a temporary file together, and leave the memory."""

ValuesOf = Callable[[Row], Any]


class Rebuild:
    """From the table as it is to the rows and index trees that the definition of ``plan`` needs.

    ``convert`` turns an old row into a new one; without it the rows stay. After ``run``, ``rows`` is the tree to use;
    ``run`` is needed only if ``reads_rows``. Nothing of the old table is changed. An index stays if every row has the
    same key in it as before, under the same rowid. ``spill`` is given the new rows now and then, to write them out, and
    ``report`` is told how far the rows of a large table have come.
    """

    def __init__(
        self,
        table: StoredTable,
        plan: TablePlan,
        references: Sequence[Reference],
        convert: Callable[[Row], Row] | None,
        spill: Callable[[RowTree], None],
        report: Report = silent,
    ) -> None:
        self._table = table
        self._old = table.schema
        self._new = plan.schema
        self._plan = plan
        self._convert = convert
        self._spill = spill
        self._report = report if table.count() >= REPORTED_ROWS else silent
        self.rows: RowTree = table.tree
        self.moved = False
        """Whether a row has got another rowid."""
        self._kept = self._indexes_that_may_stay()
        self._keys: dict[str, list[Key]] = {}
        self._rowids: list[int] = []
        self._references = references
        self._watched = self._values_that_foreign_keys_use()
        self._changed_values: set[str] = set()

    @property
    def reads_rows(self) -> bool:
        """Whether the new definition cannot be had without looking at the rows."""
        if self._convert is not None or self._rekeys or len(self._kept) < len(self._plan.indexes):
            return True
        required = {column.name for column in self._old.columns if not column.nullable}
        return (
            any(not column.nullable and column.name not in required for column in self._new.columns)
            or any(check.expression not in self._old_checks for check in self._new.checks)
            or bool(self._new_foreign_keys())
        )

    @property
    def _rekeys(self) -> bool:
        """Whether another column, or none, becomes the rowid."""
        if self._new.rowid_column is None:
            return False
        return self._convert is not None or self._new.rowid_column != self._old.rowid_column

    @property
    def _old_checks(self) -> set[str]:
        return {check.expression for check in self._old.checks}

    # --- what may stay ---------------------------------------------------------------------------------------------

    def _indexes_that_may_stay(self) -> dict[str, StoredIndex]:
        """New index name → old index whose tree may serve: of that name if it can, else one with the same keys."""
        found: dict[str, StoredIndex] = {}
        free = {index.schema.name: index for index in self._table.indexes()}
        for schema, encoding in self._plan.indexes:
            candidates = [free[schema.name]] if schema.name in free else list(free.values())
            for old in candidates:
                if old.encoding == encoding and self._may_serve(old.schema, schema):
                    found[schema.name] = free.pop(old.schema.name)
                    break
        return found

    def _may_serve(self, old: IndexSchema, new: IndexSchema) -> bool:
        if self._convert is not None:
            return True  # the keys of all rows will be compared
        return same_key_sources(self._old, old, self._new, new)

    def _values_that_foreign_keys_use(self) -> dict[str, tuple[ValuesOf, ValuesOf]]:
        """Label → functions of the old and of the new row; for keys that both definitions have."""
        if self._convert is None:
            return {}
        watched = {}
        for fk in self._new.foreign_keys:
            before = self._old_foreign_key(fk)
            if before is not None:
                watched[f"from {fk.name}"] = (
                    values_getter(self._old, before.columns),
                    values_getter(self._new, fk.columns),
                )
        for reference in self._references:
            columns = reference.fk.references
            if reference.child != self._old.name or all(name in self._new.positions for name in columns):
                watched[f"to {reference.child} {reference.fk.name}"] = (
                    values_getter(self._old, columns),
                    values_getter(self._new, columns),
                )
        return watched

    def _old_foreign_key(self, fk: ForeignKey) -> ForeignKey | None:
        """The key in the old definition that demands the same of the same column."""
        table = self._old.name if fk.table == self._new.name else fk.table
        for old in self._old.foreign_keys:
            if (old.table, old.references) == (table, fk.references) and self._same_columns(old.columns, fk.columns):
                return old
        return None

    def _same_columns(self, old: Sequence[str], new: Sequence[str]) -> bool:
        if self._convert is not None:
            return len(old) == len(new)  # their values will be compared
        return [self._old.positions[name] for name in old] == [self._new.positions[name] for name in new]

    def _new_foreign_keys(self) -> list[ForeignKey]:
        return [fk for fk in self._new.foreign_keys if self._old_foreign_key(fk) is None]

    # --- the pass over the rows ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Read every row once. Raises IntegrityError if the new definition refuses one."""
        writer = self._plan.writer
        rebuilds_rows = self._convert is not None or self._rekeys
        rows = RowTree() if rebuilds_rows else self._table.tree
        at = self._new.rowid_column
        comparisons = self._comparisons()
        for index in writer.indexes:
            if index.schema.name not in self._kept or self._rekeys:
                self._keys[index.schema.name] = []
        building = [(index.key_of, self._keys[index.schema.name]) for index in writer.indexes if self._builds(index)]
        told = reported(self._table.items(), self._report, f"{self._new.name}: rows", self._table.count())
        for count, (rowid, old) in enumerate(told, 1):
            row = writer.admit(old if self._convert is None else self._convert(old))
            target = rowid if at is None else row[at]
            if rebuilds_rows:
                self.moved = self.moved or target != rowid
                if target is None or not rows.insert(target, row):
                    raise self._bad_key(target)
                if count % SPILL_ROWS == 0:
                    self._spill(rows)
            if building:
                self._rowids.append(target)
            for key_of, keys in building:
                keys.append(key_of(row))
            if comparisons:
                self._compare(comparisons, old, row)
        self.rows = rows
        if self.moved:
            self._kept.clear()
        self._count_changes(comparisons)

    def _builds(self, index: IndexPlan) -> bool:
        return index.schema.name in self._keys

    def _comparisons(self) -> dict[str, tuple[ValuesOf, ValuesOf]]:
        """What must come out equal of the old and the new row, for an index to stay or a foreign key to hold."""
        if self._convert is None:
            return {}
        comparisons = dict(self._watched)
        old_keys = {index.schema.name: index.key_of for index in self._table.plan.writer.indexes}
        for index in self._plan.writer.indexes:
            kept = self._kept.get(index.schema.name)
            if kept is not None:
                comparisons[f"index {index.schema.name}"] = (old_keys[kept.schema.name], index.key_of)
        return comparisons

    @staticmethod
    def _compare(comparisons: dict[str, tuple[ValuesOf, ValuesOf]], old: Row, new: Row) -> None:
        different = [label for label, (before, after) in comparisons.items() if before(old) != after(new)]
        for label in different:
            del comparisons[label]

    def _count_changes(self, comparisons: dict[str, tuple[ValuesOf, ValuesOf]]) -> None:
        self._changed_values = set(self._watched) - set(comparisons)
        if self._convert is not None:
            self._kept = {name: old for name, old in self._kept.items() if f"index {name}" in comparisons}

    def _bad_key(self, target: int | None) -> IntegrityError:
        assert self._new.rowid_column is not None
        column = f"{self._new.name}.{self._new.columns[self._new.rowid_column].name}"
        if target is None:
            return IntegrityError(f"NOT NULL constraint failed: {column}")
        return IntegrityError(f"UNIQUE constraint failed: {column} ({primary_key_name(self._new)})")

    # --- the result ------------------------------------------------------------------------------------------------

    def index_trees(self) -> dict[str, IndexTree]:
        """Every index of the new definition by name; IntegrityError if a unique one finds equal keys."""
        return {index.schema.name: self._index_tree(index) for index in self._plan.writer.indexes}

    def _index_tree(self, plan: IndexPlan) -> IndexTree:
        kept = self._kept.get(plan.schema.name)
        tree = kept.tree if kept is not None else IndexTree()
        index = StoredIndex(
            self._new.name, replace(plan.schema, deferrable=False), plan.encoding, lambda _: tree, lambda: 0
        )
        if kept is None:
            index.add_many(*self._entries(plan))
        elif plan.schema.unique and not _as_strict(kept.schema, plan.schema):
            index.check_all_single()
        return tree

    def _entries(self, plan: IndexPlan) -> tuple[list[Key], list[int]]:
        """The index's keys and their rowids."""
        keys = self._keys.get(plan.schema.name)
        if keys is not None:
            return keys, self._rowids
        at = self._new.rowid_column
        rowids = list(self.rows.keys()) if at is None else [row[at] for row in self.rows.values()]
        return list(map(plan.key_of, self.rows.values())), rowids

    def foreign_keys_to_check(self) -> list[ForeignKey]:
        """The table's foreign keys that its rows may not satisfy."""
        added, changed = self._new_foreign_keys(), self._changed_values
        return [
            fk
            for fk in self._new.foreign_keys
            if fk in added or not changed.isdisjoint((f"from {fk.name}", f"to {self._old.name} {fk.name}"))
        ]

    def children_to_check(self) -> list[str]:
        """Other tables with foreign keys to columns of this one whose values have changed."""
        changed = [each.child for each in self._references if f"to {each.child} {each.fk.name}" in self._changed_values]
        return [child for child in dict.fromkeys(changed) if child != self._old.name]


def _as_strict(old: IndexSchema, new: IndexSchema) -> bool:
    """Whether the old index lets nothing in that the new one refuses."""
    return old.unique and not old.deferrable and (new.nulls_distinct or not old.nulls_distinct)
