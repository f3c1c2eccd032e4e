"""The tables of one connection: ``protocol.Catalog`` over the object tree, and what a commit asks of it.

Changes of definitions are in ``definition``; this module finds tables, keeps live ones, and applies a write set again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import ConflictError, IntegrityError, ProgrammingError
from ..record import record
from ..threads import cached_property
from .changes import Moves
from .constraints import Constraint, Constraints, Reference, every
from .journal import Journal, LockedRow, Net, Rows, Unless, nets_by_window
from .keys import Row
from .layout import Root
from .persistent import IndexTree, TableRecord
from .plan import TablePlan
from .progress import Report, silent
from .protocol import Compile
from .runs import Slot
from .schema import TableSchema, ViewSchema, foreign_keys_of, from_data, view_from_data
from .sequences import SequenceSource
from .table import StoredTable

if TYPE_CHECKING:
    from .definition import Definition

_MAX_PLANS = 4000

_KEPT: tuple[None, Row] = (None, ())


@record
class WriteSet:
    """A transaction's work, independent of its snapshot: what ``StoredCatalog.replay`` does again."""

    net: Net
    """What it amounts to, unless that is in ``entries``."""
    entries: list[Slot]
    """The changes, if they are so many that they were moved out of memory."""
    locked: tuple[LockedRow, ...]
    gone: frozenset[tuple[str, int]]
    """Of the rows deleted, those that may be gone already."""
    unless: dict[tuple[str, int], Unless]
    """Of the rows inserted, those that ON CONFLICT let in."""
    tokens: dict[str, str]
    """Schema tokens of the tables that were written or locked."""
    definitions: bool
    """Whether definitions were changed: then it cannot be done again."""


class StoredCatalog:
    """The tables as one transaction sees them; see ``protocol.Catalog``. Lives as long as its ZODB connection.

    ``plans`` may be shared by all catalogs of a database: schema token → plan, a bounded cache.
    """

    def __init__(
        self,
        root: Root,
        journal: Journal,
        compile: Compile,
        sequences: SequenceSource,
        plans: dict[str, TablePlan] | None = None,
    ) -> None:
        self._root = root
        self.journal = journal
        self.sequences = sequences
        self.constraints = Constraints(self, journal)
        self.report: Report = silent
        """Told how far a change of definitions has come with the rows of a large table."""
        self._compile = compile
        self._plans: dict[str, TablePlan] = {} if plans is None else plans
        self.token = ""
        """See ``protocol.Catalog.token``."""
        self._live: dict[str, StoredTable] = {}
        self._references: dict[str, list[Reference]] | None = None
        self._index_owners: dict[str, str] | None = None
        journal.attach(self.table)

    @property
    def root(self) -> Root:
        """The object tree, for people and definitions: its catalog is one of zope.catalog's."""
        from . import zope_catalog  # noqa: F401  who only finds tables and indexes does without

        return self._root

    @cached_property
    def _definition(self) -> Definition:
        from .definition import Definition  # few processes change definitions

        return Definition(self)

    # --- the transaction -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start with a new snapshot: an empty journal, and definitions read again if any has changed."""
        self.journal.clear()
        if self.constraints.begin():
            self._watch_again()
        if self._root["token"] != self.token:
            self.forget()

    def refresh(self) -> None:
        """Read definitions again if any has changed: the snapshot is a newer one."""
        if self._root["token"] != self.token:
            self.forget()

    def lock_again(self, locked: Sequence[LockedRow]) -> None:
        """On a newer snapshot: depend on these rows and nothing else; ConflictError if one of them is another one."""
        self.refresh()
        self.journal.locked.clear()
        self.journal.relied.clear()
        for name, rowid, row in locked:
            if self.schema(name) is None:
                raise ConflictError(f"table {name} was dropped by another transaction")
            self.table(name).check_unchanged(rowid, row)
            self.table(name).lock(rowid, row)

    def forget(self) -> None:
        """Drop what was derived from definitions: some have changed."""
        self._live.clear()
        self._references = None
        self._index_owners = None
        self.token = self._root["token"]

    def end_statement(self) -> None:
        """Check the immediate constraints that watch more than one row; IntegrityError. Cheap if there are none."""
        if self.journal.pending:
            self.constraints.end_statement()

    def check_deferred(self) -> None:
        """Check the deferred constraints of all that the transaction changed; raises IntegrityError."""
        self.constraints.check_deferred()

    def relied(self) -> set[bytes]:
        """The oids of records that must be unchanged for the commit to be right, besides those it writes."""
        relied = set(self.journal.relied)
        for name in self._touched():
            oid = self.table(name).record._p_oid
            if oid is not None:
                relied.add(oid)
        return relied

    def _touched(self) -> Iterator[str]:
        names = {*self.journal.deltas, *(name for name, _, _ in self.journal.locked)}
        return (name for name in names if self.schema(name) is not None)

    def pending(self) -> WriteSet:
        """What the transaction has done, to be done again by ``replay``."""
        journal = self.journal
        streams = journal.packed and not journal.gone and not journal.unless
        return WriteSet(
            net={} if streams else journal.net(),
            entries=journal.entries[:] if streams else [],
            locked=tuple(journal.locked),
            gone=frozenset(journal.gone),
            unless=dict(journal.unless),
            tokens={name: self.table(name).schema.token for name in self._touched()},
            definitions=journal.ddl,
        )

    def replay(self, work: WriteSet) -> None:
        """Do the same work on this, a newer snapshot, with all checks.

        Raises ConflictError if a row written or locked there is not as it was seen, or if a definition has changed;
        IntegrityError if a constraint does not hold here.
        """
        if work.definitions:
            raise ConflictError("another transaction changed tables whose definitions this one changed, or read for it")
        for name, token in work.tokens.items():
            schema = self.schema(name)
            if schema is None or schema.token != token:
                raise ConflictError(f"the definition of table {name} was changed by another transaction")
        for name, rowid in work.gone:
            if work.net.get(name, {}).get(rowid, _KEPT)[1] is None and self.table(name).get(rowid) is None:
                del work.net[name][rowid]
        self._give_way(work)
        written: set[tuple[str, int]] = set()
        locked = {(name, rowid) for name, rowid, _ in work.locked}

        def nets() -> Iterator[Net]:
            for net in nets_by_window(work.entries) if work.entries else (work.net,):
                if locked:
                    written.update((name, rowid) for name, rowid in locked if rowid in net.get(name, {}))
                yield net

        self._reapply(nets, {name for name in work.tokens if self.schema(name) is not None})
        for name, rowid, row in work.locked:
            if (name, rowid) not in written:
                self.table(name).check_unchanged(rowid, row)
                self.table(name).lock(rowid, row)

    def _give_way(self, work: WriteSet) -> None:
        """Leave out what ON CONFLICT DO NOTHING inserted, if another transaction was faster; or ConflictError."""
        # Not those that were inserted: others may have got the same rowid.
        own = {
            name: {rowid for rowid, (old, _) in work.net.get(name, {}).items() if old is not None}
            for name in {name for name, _ in work.unless}
        }
        for (name, rowid), unless in work.unless.items():
            net = work.net.get(name, {})
            _, row = net.get(rowid, _KEPT)
            if not row:
                continue
            if own[name] >= {*self.table(name).conflicts(row, unless.index)}:
                self.journal.unless[name, rowid] = unless
            elif unless.otherwise == "nothing" and row == unless.row:
                del net[rowid]
            else:
                raise ConflictError(f"another transaction has inserted the same key into {name}; this one would use it")

    def _reapply(self, nets: Callable[[], Iterable[Net]], names: Iterable[str]) -> None:
        """Make net changes of rows again: first what is deleted, then the rest; then check every constraint.

        ``nets`` gives them in parts, as often as it is called; ``names`` are those of the tables.
        """
        indexes = [index for name in names for index in self.table(name).indexes()]
        for index in indexes:
            index.lenient = True
        try:
            for table, moves in self._rows_of(nets):
                for rowid, (old, new) in moves.items():
                    if new is None:
                        table.reapply(rowid, old, None)
            for table, moves in self._rows_of(nets):
                for rowid, (old, new) in moves.items():
                    if new is not None:
                        table.reapply(rowid, old, new)
            for table, moves in self._rows_of(nets):
                table.check_unique(row for _, row in moves.values() if row is not None)
        finally:
            for index in indexes:
                index.lenient = False
        self.journal.pending.clear()
        for table, moves in self._rows_of(nets):
            olds, news = ([pair[at] for pair in moves.values()] for at in (0, 1))
            try:
                self.constraints.check(table, Moves(list(moves), olds, news), every)
            except IntegrityError as error:
                if table.acts_on_delete or table.acts_on_update:  # which would be carried out if it were run again
                    raise ConflictError(
                        f"another transaction has changed rows that refer to {table.schema.name}"
                    ) from error
                raise

    def _rows_of(self, nets: Callable[[], Iterable[Net]]) -> Iterator[tuple[StoredTable, Rows]]:
        """Tables with net changes of theirs; between the parts, what was done is moved out of memory."""
        for at, net in enumerate(nets()):
            if at:
                self.journal.make_room()
            for name, rows in net.items():
                yield self.table(name), rows

    def flush_counts(self) -> None:
        """Write the row counts of the tables that gained or lost rows; once, right before the commit."""
        counts = self._root["counts"]
        for name, delta in self.journal.deltas.items():
            if delta:
                counts[name].value += delta
                self.journal.deltas[name] = 0

    # --- finding ---------------------------------------------------------------------------------------------------

    def table(self, name: str) -> StoredTable:
        """The live table; KeyError if there is none."""
        try:
            return self._live[name]
        except KeyError:
            return self._open(name)

    def _open(self, name: str) -> StoredTable:
        root = self._root
        record = root["schema"][name]
        table = self._live[name] = StoredTable(
            self._plan_of(record),
            record,
            root["counts"],
            root["tables"][name],
            self._index_tree,
            self.journal,
            self.sequences,
            self.constraints,
        )
        return table

    def _index_tree(self, name: str) -> IndexTree:
        return self._root["catalog"][name].tree  # type: ignore[no-any-return]

    def _plan_of(self, record: TableRecord) -> TablePlan:
        assert record.data is not None
        return self._plans.get(record.data["token"]) or self.plan(from_data(record.data))

    def plan(self, schema: TableSchema) -> TablePlan:
        """The plan of a definition, made once for its token."""
        plan = self._plans.get(schema.token)
        if plan is None:
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
            plan = self._plans[schema.token] = TablePlan(schema, self._compile)
        return plan

    def schema(self, name: str) -> TableSchema | None:
        """The definition, or None if there is no such table."""
        live = self._live.get(name)
        if live is not None:
            return live.schema
        record = self._root["schema"].get(name)
        return None if record is None else self._plan_of(record).schema

    def table_names(self) -> list[str]:
        """All tables, sorted."""
        return list(self._root["schema"])

    def schemas(self) -> Iterator[TableSchema]:
        """The definitions of all tables, by name."""
        for name in self.table_names():
            schema = self.schema(name)
            assert schema is not None
            yield schema

    def view(self, name: str) -> ViewSchema | None:
        """The view of that name, or None."""
        record = self._root["views"].get(name) if "views" in self._root else None
        return None if record is None else view_from_data(record.data)

    def view_names(self) -> list[str]:
        """All views, sorted."""
        return list(self._root.get("views", ()))

    def owner_of_index(self, name: str) -> str | None:
        """The table to which the index of that name belongs, or None."""
        if self._index_owners is None:
            self._index_owners = {
                index.name: schema.name for schema in self.schemas() for index, _ in self.plan(schema).indexes
            }
        return self._index_owners.get(name)

    def references_to(self, name: str) -> Sequence[Reference]:
        """The foreign keys that point at the table, its own among them."""
        if self._references is None:
            self._references = {}
            for child, record in self._root["schema"].items():
                for fk in foreign_keys_of(record.data):
                    self._references.setdefault(fk.table, []).append(Reference(child, fk))
        return self._references.get(name, ())

    # --- definitions -----------------------------------------------------------------------------------------------

    def create_table(self, schema: TableSchema) -> None:
        """Create it, empty; ProgrammingError if a name is taken or a foreign key points nowhere."""
        self._definition.create_table(schema)

    def drop_table(self, name: str, cascade: bool = False) -> None:
        """Drop it; see ``protocol.Catalog.drop_table``."""
        self._definition.drop_table(name, cascade)

    def create_view(self, view: ViewSchema) -> None:
        """Create it, or replace the view of that name; ProgrammingError if a table has the name."""
        self._definition.create_view(view)

    def drop_views(self, names: Sequence[str], cascade: bool = False) -> None:
        """Drop them; see ``protocol.Catalog.drop_views``."""
        self._definition.drop_views(names, cascade)

    def truncate(self, names: Sequence[str], restart: bool = False) -> None:
        """Remove every row of the tables together; IntegrityError if rows of other tables refer to them."""
        self._definition.truncate(names, restart)

    def alter_table(self, name: str, schema: TableSchema, convert: Callable[[Row], Row] | None = None) -> None:
        """Give the table a new definition; see ``protocol.Catalog.alter_table``."""
        self._definition.alter_table(name, schema, convert)

    def rename_column(self, table: str, old: str, new: str) -> None:
        """Rename it wherever definitions name it; texts of expressions are the caller's to rewrite."""
        self._definition.rename_column(table, old, new)

    def make_indexes(self, table: str, names: Sequence[str], report: Report = silent) -> None:
        """Make these indexes again from the rows, and the table's count and sequence, whatever they hold now."""
        self._definition.make_indexes(table, names, report)

    def set_sequence(self, table: str, value: int) -> None:
        """The next generated id will be ``value``."""
        self._definition.restart_sequence(table, value)

    def check_constraints(self, tables: Sequence[str] | None = None) -> None:
        """Check every foreign key of these tables (or all) over all rows."""
        for name in self.table_names() if tables is None else tables:
            self.constraints.check_table(self.table(name))

    def set_constraints(self, names: Sequence[str] | None, deferred: bool) -> None:
        """SET CONSTRAINTS for the rest of the transaction; IMMEDIATE checks what is pending now."""
        if names is not None:
            self._require_deferrable(names)
        if not deferred:
            self.constraints.check_deferred(lambda each: names is None or each.name in names)
        self.constraints.set_mode(names, deferred)
        self._watch_again()

    @property
    def constraint_modes(self) -> Mapping[str | None, bool]:
        """What SET CONSTRAINTS has said in this transaction, as a savepoint has to remember it."""
        return self.constraints.modes

    def restore_constraint_modes(self, modes: Mapping[str | None, bool]) -> None:
        """Let constraints be checked when they were, as ``constraint_modes`` was ``modes``; checks nothing now."""
        if self.constraints.modes is not modes:
            self.constraints.modes = modes
            self._watch_again()

    def _watch_again(self) -> None:
        """Other constraints are checked with each statement than before: let tables find out anew."""
        for table in self._live.values():
            vars(table).pop("watched", None)
            vars(table).pop("defers", None)

    def _require_deferrable(self, names: Sequence[str]) -> None:
        known: dict[str, bool] = {}
        for schema in self.schemas():
            constraints: list[Constraint] = [*schema.foreign_keys, *schema.indexes]
            for constraint in constraints:
                known[constraint.name] = known.get(constraint.name, False) or constraint.deferrable
        for name in names:
            if name not in known:
                raise ProgrammingError(f'constraint "{name}" does not exist')
            if not known[name]:
                raise ProgrammingError(f'constraint "{name}" is not deferrable; declare it DEFERRABLE')
