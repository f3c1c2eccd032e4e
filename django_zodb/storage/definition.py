"""Changes of definitions: CREATE, ALTER, DROP, TRUNCATE, each transactional and undone with the rest.

Trees that others may be reading are never changed in place: a new tree is built and put where the old one was, so
undoing restores a reference. (TRUNCATE alone empties trees, which is undone by restoring their state.) Every statement
writes the record of each table that it concerns, and the catalog's token: that is what a writer of rows relies on. What
it derives from all rows of a table (an index, a verified constraint, converted rows) relies on each of its leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import IntegrityError, ProgrammingError
from ..record import replace
from .constraints import Reference
from .index import StoredIndex
from .keys import Key, Row
from .layout import new_token
from .persistent import CatalogIndex, Counter, IndexTree, NameTree, RowTree, TableRecord
from .persistent import Sequence as SequenceRecord
from .plan import TablePlan, all_indexes, foreign_key_label, primary_key_name
from .progress import Report, reported
from .rebuild import Rebuild
from .schema import ForeignKey, IndexKey, IndexSchema, TableSchema, ViewSchema, to_data, values_getter
from .trees import leaf_oids

if TYPE_CHECKING:
    from .catalog import StoredCatalog
    from .table import StoredTable

_MISSING = object()


class Definition:
    """The definition statements of one catalog."""

    def __init__(self, catalog: StoredCatalog) -> None:
        self._catalog = catalog
        self._root = catalog.root
        self._journal = catalog.journal

    # --- statements ------------------------------------------------------------------------------------------------

    def create_table(self, schema: TableSchema) -> None:
        """Create an empty table."""
        self._check_free(schema.name)
        schema = _renewed(schema)
        plan = self._validated(schema)
        mark = self._journal.mark()
        try:
            self._touch_targets(schema.name, schema.foreign_keys)
            self._put("schema", schema.name, TableRecord(to_data(schema)))
            self._put("tables", schema.name, RowTree())
            self._put("counts", schema.name, Counter())
            self._put("sequences", schema.name, SequenceRecord())
            for index, _ in plan.indexes:
                self._add_index(index, IndexTree())
            self._journal.settle([schema.name])
            self._changed()
        except BaseException:
            self._journal.undo_to(mark)
            raise

    def drop_table(self, name: str, cascade: bool) -> None:
        """Drop a table, with the foreign keys that point at it if ``cascade``."""
        table = self._existing(name)
        children = [each for each in self._catalog.references_to(name) if each.child != name]
        if children and not cascade:
            raise IntegrityError(
                f"cannot drop table {name}: {foreign_key_label(children[0].child, children[0].fk)} refers to it; "
                f"drop that first, or say CASCADE"
            )
        self._drop_views_of([name], cascade)
        for child in dict.fromkeys(each.child for each in children):
            schema = self._existing(child).schema
            kept = tuple(fk for fk in schema.foreign_keys if fk.table != name)
            self._redefine(child, replace(schema, foreign_keys=kept))
        for index in table.indexes():
            self._put("catalog", index.schema.name, _MISSING)
        self._write_record(table.record, None)
        for part in ("schema", "tables", "counts", "sequences"):
            self._put(part, name, _MISSING)
        self._move_delta(name, None)
        self._journal.settle([name])
        self._changed()

    def create_view(self, view: ViewSchema) -> None:
        """Create a view, or replace it. The tree of views begins to exist with the first of them."""
        if self._catalog.schema(view.name) is not None:
            raise ProgrammingError(f'"{view.name}" is a table')
        if "views" not in self._root:
            self._journal.did(lambda: _assign(self._root, "views", _MISSING))
            self._root["views"] = NameTree()
        self._put("views", view.name, TableRecord(to_data(replace(view, token=new_token()))))
        self._changed()

    def drop_views(self, names: Sequence[str], cascade: bool) -> None:
        """Drop views, and all that use them if ``cascade``."""
        self._drop_views_of(names, cascade)
        for name in names:
            self._put("views", name, _MISSING)
        self._changed()

    def _drop_views_of(self, names: Sequence[str], cascade: bool) -> None:
        """Drop views, others than ``names``, that use these; IntegrityError if there are any, unless ``cascade``."""
        dropped = list(names)
        views = [view for name in self._catalog.view_names() if (view := self._catalog.view(name)) is not None]
        for used in dropped:  # grows
            found = [view.name for view in views if used in view.uses and view.name not in dropped]
            if found and not cascade:
                raise IntegrityError(f"cannot drop {used}: view {found[0]} uses it; drop that first, or say CASCADE")
            dropped += found
        for name in dropped[len(names) :]:
            self._put("views", name, _MISSING)

    def _check_free(self, name: str, renamed: str | None = None) -> None:
        """Raise ProgrammingError if a table or view has that name in any case, other than the one being renamed."""
        folded = name.casefold()
        for kind, names in (("table", self._catalog.table_names()), ("view", self._catalog.view_names())):
            for found in names:
                if found.casefold() == folded and found != renamed:
                    raise ProgrammingError(f'{kind} "{found}" already exists')

    def truncate(self, names: Sequence[str], restart: bool) -> None:
        """Empty the tables, and give them new sequences if ``restart``."""
        tables = [self._existing(name) for name in dict.fromkeys(names)]
        for table in tables:
            for reference in self._catalog.references_to(table.schema.name):
                if reference.child not in names:
                    self._refuse_referring_rows(reference)
        for table in tables:
            name = table.schema.name
            self._rely_on_rows(table)
            self._empty(table.tree)
            for index in table.indexes():
                self._empty(index.tree)
            self._shift_count(name, -table.count())
            self._write_record(table.record, table.record.data)
            if restart:
                self._put("sequences", name, SequenceRecord())
            self._journal.settle([name])

    def make_indexes(self, name: str, names: Collection[str], report: Report) -> None:
        """Make indexes again from the rows, duplicates and all, and the count; the sequence if it is behind."""
        table = self._existing(name)
        self._rely_on_rows(table)
        wanted = [index for index in table.plan.writer.indexes if index.schema.name in names]
        rowids: list[int] = []
        columns: list[list[Key]] = [[] for _ in wanted]
        for rowid, row in reported(table.items(), report, f"{name}: rows", table.count()):
            rowids.append(rowid)
            for index, keys in zip(wanted, columns, strict=True):
                keys.append(index.key_of(row))
        for index, keys in zip(wanted, columns, strict=True):
            made = StoredIndex(name, index.schema, index.encoding, lambda _: IndexTree(), lambda: 0)
            made.lenient = True
            made.add_many(keys, rowids)
            self._put("catalog", index.schema.name, _MISSING)
            self._add_index(index.schema, made.tree)
        self._shift_count(name, len(rowids) - table.count())
        last = rowids[-1] if rowids else 0
        if last > self._root["sequences"][name].value:
            self.restart_sequence(name, last + 1)
        self._redefine(name, table.schema)
        self._changed()

    def restart_sequence(self, name: str, value: int) -> None:
        """Let the table's ids go on with ``value``."""
        self._put("sequences", self._existing(name).schema.name, SequenceRecord(value - 1))

    def alter_table(self, name: str, schema: TableSchema, convert: Callable[[Row], Row] | None) -> None:
        """Give a table a new definition and, with ``convert``, new rows."""
        table = self._existing(name)
        if schema.name != name:
            self._check_free(schema.name, name)
        schema = _renewed(_pointing_at_itself(schema, name))
        plan = self._validated(schema, table.schema)
        mark = self._journal.mark()
        try:
            self._settle_now({name, *(each.child for each in self._catalog.references_to(name))})
            self._alter(table, plan, convert)
        except BaseException:
            self._journal.undo_to(mark)
            raise

    def rename_column(self, table: str, old: str, new: str) -> None:
        """Rename a column in all definitions that name it; rows and indexes stay as they are."""
        schema = self._existing(table).schema
        if old not in schema.positions:
            raise ProgrammingError(f'table "{table}" has no column "{old}"; it has: {", ".join(schema.positions)}')
        if new in schema.positions:
            raise ProgrammingError(f'table "{table}" already has a column "{new}"')
        children = dict.fromkeys(each.child for each in self._catalog.references_to(table))
        self._settle_now({table, *children})
        for child in children:
            if child != table:
                self._redefine(child, _with_references_renamed(self._existing(child).schema, table, old, new))
        self._redefine(table, _with_column_renamed(_with_references_renamed(schema, table, old, new), old, new))
        self._changed()

    # --- ALTER -----------------------------------------------------------------------------------------------------

    def _alter(self, table: StoredTable, plan: TablePlan, convert: Callable[[Row], Row] | None) -> None:
        old, new = table.schema, plan.schema
        references = list(self._catalog.references_to(old.name))
        rebuild = Rebuild(table, plan, references, convert, self._spill, self._catalog.report)
        self._touch_targets(old.name, [fk for fk in new.foreign_keys if fk not in old.foreign_keys])
        if rebuild.reads_rows:
            self._rely_on_rows(table)
            rebuild.run()
        if rebuild.rows is not table.tree or new.name != old.name:
            self._put("tables", old.name, _MISSING)
            self._put("tables", new.name, rebuild.rows)
        self._replace_indexes(old, new, rebuild)
        if new.name != old.name:
            self._rename(old.name, new.name)
        if rebuild.moved:
            self._catalog.sequences.observe(new.name, rebuild.rows.maxKey())
        self._write_record(table.record, to_data(new))
        self._journal.settle([old.name, new.name])
        self._changed()
        renamed = self._catalog.table(new.name)
        for fk in rebuild.foreign_keys_to_check():
            values_of = values_getter(new, fk.columns)
            wanted = set(map(values_of, renamed.rows()))
            self._catalog.constraints.check_parents(new.name, fk, (each for each in wanted if None not in each))
        for child in rebuild.children_to_check():
            self._rely_on_rows(self._existing(child))
            self._catalog.constraints.check_table(self._existing(child))

    def _replace_indexes(self, old: TableSchema, new: TableSchema, rebuild: Rebuild) -> None:
        trees = rebuild.index_trees()
        for index in all_indexes(old):
            if trees.get(index.name) is not self._root["catalog"][index.name].tree:
                self._put("catalog", index.name, _MISSING)
        for index in all_indexes(new):
            if index.name not in self._root["catalog"]:
                self._add_index(index, trees[index.name])

    def _rename(self, old: str, new: str) -> None:
        for part in ("schema", "counts", "sequences"):
            moved = self._root[part][old]
            self._put(part, old, _MISSING)
            self._put(part, new, moved)
        self._move_delta(old, new)
        for child in dict.fromkeys(each.child for each in self._catalog.references_to(old)):
            if child != old:
                schema = self._existing(child).schema
                keys = tuple(replace(fk, table=new) if fk.table == old else fk for fk in schema.foreign_keys)
                self._redefine(child, replace(schema, foreign_keys=keys))

    def _redefine(self, name: str, schema: TableSchema) -> None:
        """Give a table a definition that concerns neither its rows nor its indexes."""
        table = self._existing(name)
        self._settle_now({name})
        self._write_record(table.record, to_data(_renewed(schema)))

    def _touch_targets(self, name: str, foreign_keys: Iterable[ForeignKey]) -> None:
        """Write the records of the tables that new foreign keys point at: whoever deletes rows there has to notice."""
        for target in dict.fromkeys(fk.table for fk in foreign_keys):
            if target == name or self._catalog.schema(target) is None:
                continue  # the table itself, perhaps under its new name
            record = self._existing(target).record
            self._write_record(record, record.data)

    # --- checks ----------------------------------------------------------------------------------------------------

    def _existing(self, name: str) -> StoredTable:
        try:
            return self._catalog.table(name)
        except KeyError:
            raise ProgrammingError(f'table "{name}" does not exist') from None

    def _validated(self, schema: TableSchema, before: TableSchema | None = None) -> TablePlan:
        """The plan of a definition whose expressions compile, whose names are free, whose foreign keys point right."""
        own = () if before is None else {index.name for index in all_indexes(before)}
        seen: set[str] = set()
        for index in all_indexes(schema):
            if index.name in seen or (index.name not in own and index.name in self._root["catalog"]):
                raise ProgrammingError(f'index "{index.name}" already exists')
            seen.add(index.name)
        for fk in schema.foreign_keys:
            _check_target(schema, fk, schema if fk.table == schema.name else self._catalog.schema(fk.table))
        if before is not None:
            self._check_references(before.name, schema)
        plan = self._catalog.plan(schema)
        _ = plan.writer  # compiles every expression
        return plan

    def _check_references(self, name: str, schema: TableSchema) -> None:
        """Other tables' foreign keys to the table must point right under its new definition, too."""
        for reference in self._catalog.references_to(name):
            if reference.child != name:
                _check_target(self._existing(reference.child).schema, reference.fk, schema)

    def _refuse_referring_rows(self, reference: Reference) -> None:
        child, fk = self._existing(reference.child), reference.fk
        self._rely_on_rows(child)
        values_of = values_getter(child.schema, fk.columns)
        if any(None not in values_of(row) for row in child.rows()):
            raise IntegrityError(
                f"cannot truncate {fk.table}: rows of {reference.child} refer to it by "
                f"{foreign_key_label(reference.child, fk)}; truncate both together"
            )

    def _rely_on_rows(self, table: StoredTable) -> None:
        table.rely_on(*leaf_oids(table.tree))

    def _spill(self, tree: RowTree) -> None:
        """Move a tree that is being built, and all else that has changed, out of memory."""
        root: Any = self._root
        connection = root._p_jar
        if tree._p_jar is None:
            connection.add(tree)
        connection.transaction_manager.get().savepoint(optimistic=True)
        connection.cacheGC()

    # --- changes that know how to be undone ------------------------------------------------------------------------

    def _put(self, part: str, name: str, value: Any) -> None:
        """Set or (_MISSING) delete an entry of one of root's mappings."""
        mapping = self._root[part]
        before = mapping.get(name, _MISSING)
        self._journal.did(lambda: _assign(mapping, name, before))
        _assign(mapping, name, value)

    def _add_index(self, index: IndexSchema, tree: IndexTree) -> None:
        self._put("catalog", index.name, CatalogIndex(tree))

    def _write_record(self, record: TableRecord, data: dict[str, Any] | None) -> None:
        before = record.data

        def undo() -> None:
            record.data = before
            self._catalog.forget()

        self._journal.did(undo)
        record.data = data
        self._catalog.forget()

    def _empty(self, tree: RowTree | IndexTree) -> None:
        state: Any = tree.shape()

        def undo() -> None:
            tree._p_activate()  # a ghost would forget it
            tree.__setstate__(state)
            tree._p_changed = True

        self._journal.did(undo)
        tree.clear()

    def _shift_count(self, name: str, delta: int) -> None:
        deltas = self._journal.deltas
        deltas[name] += delta

        def undo() -> None:
            deltas[name] -= delta

        self._journal.did(undo)

    def _move_delta(self, old: str, new: str | None) -> None:
        deltas = self._journal.deltas
        delta = deltas.pop(old, 0)
        if new is not None:
            deltas[new] = delta

        def undo() -> None:
            if new is not None:
                del deltas[new]
            deltas[old] = delta

        self._journal.did(undo)

    def _settle_now(self, names: Collection[str]) -> None:
        """Check what is deferred about the tables' changes, whose rows are about to get another shape or name."""
        self._catalog.constraints.check_deferred(tables=names)
        self._journal.settle([*names])

    def _changed(self) -> None:
        """Give the catalog a new token."""
        root, catalog = self._root, self._catalog
        before = root["token"]

        def undo() -> None:
            root["token"] = before
            catalog.forget()

        self._journal.did(undo)
        root["token"] = new_token()
        catalog.forget()


def _assign(mapping: MutableMapping[str, Any], name: str, value: Any) -> None:
    if name in mapping:  # zope.container refuses to replace an item
        del mapping[name]
    if value is not _MISSING:
        mapping[name] = value


def _renewed(schema: TableSchema) -> TableSchema:
    name = primary_key_name(schema) if schema.primary_key else None
    return replace(schema, token=new_token(), primary_key_name=name)


def _pointing_at_itself(schema: TableSchema, old: str) -> TableSchema:
    """A table's own foreign keys to itself follow its name."""
    keys = tuple(replace(fk, table=schema.name) if fk.table == old else fk for fk in schema.foreign_keys)
    return replace(schema, foreign_keys=keys)


def _check_target(schema: TableSchema, fk: ForeignKey, target: TableSchema | None) -> None:
    """ProgrammingError unless ``target`` has what the foreign key of ``schema`` points at: a key, of like types."""
    label = foreign_key_label(schema.name, fk)
    if target is None:
        raise ProgrammingError(f'foreign key {label}: table "{fk.table}" does not exist')
    for column, reference in zip(fk.columns, fk.references, strict=True):
        if reference not in target.positions:
            raise ProgrammingError(f'foreign key {label}: table "{fk.table}" has no column "{reference}"')
        ours, theirs = schema.column(column).type, target.column(reference).type
        if ours.kind is not theirs.kind:
            raise ProgrammingError(
                f"foreign key {label}: {ours} cannot refer to {fk.table}.{reference} of type {theirs}; "
                f"both need one type: to change it, drop the foreign key, change both columns, and add it again"
            )
    if not _is_key(target, set(fk.references)):
        raise ProgrammingError(
            f"foreign key {label}: there is no primary key or unique constraint on "
            f"{fk.table} ({', '.join(fk.references)})"
        )


def _is_key(schema: TableSchema, columns: set[str]) -> bool:
    if columns == set(schema.primary_key):
        return True
    return any(index.unique and index.where is None and set(index.columns) == columns for index in schema.indexes)


def _renamed(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def _with_references_renamed(schema: TableSchema, table: str, old: str, new: str) -> TableSchema:
    keys = tuple(
        replace(fk, references=_renamed(fk.references, old, new)) if fk.table == table else fk
        for fk in schema.foreign_keys
    )
    return replace(schema, foreign_keys=keys)


def _with_column_renamed(schema: TableSchema, old: str, new: str) -> TableSchema:
    def key(each: IndexKey) -> IndexKey:
        return replace(each, column=new) if each.column == old else each

    return replace(
        schema,
        columns=tuple(replace(each, name=new) if each.name == old else each for each in schema.columns),
        primary_key=_renamed(schema.primary_key, old, new),
        indexes=tuple(
            replace(each, keys=tuple(map(key, each.keys)), include=_renamed(each.include, old, new))
            for each in schema.indexes
        ),
        foreign_keys=tuple(replace(each, columns=_renamed(each.columns, old, new)) for each in schema.foreign_keys),
    )
