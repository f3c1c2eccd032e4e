"""Constraints that look at other rows: foreign keys, deferrable unique constraints, ON DELETE and ON UPDATE actions.

What has to be checked follows from a transaction's net changes: a row that is new, or refers elsewhere than before,
needs its parent; a key that is gone must not be referred to. Every check enters the records that it read among those
that the journal relies on, so that a commit can tell whether another transaction may have changed the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import IntegrityError, ProgrammingError
from ..record import record
from .changes import Moves
from .finders import Values, changed_values
from .journal import Journal
from .keys import ABSENT, Row
from .plan import foreign_key_label
from .schema import ForeignKey, IndexSchema, TableSchema, values_getter

if TYPE_CHECKING:
    from .table import StoredTable

_AS_DECLARED: Mapping[str | None, bool] = MappingProxyType({})

Constraint = ForeignKey | IndexSchema
Applies = Callable[[Constraint], bool]


@record
class Reference:
    """The foreign key ``fk`` of the table ``child``, seen from the table it points at."""

    child: str
    fk: ForeignKey


class Tables(Protocol):
    """What constraints ask of the catalog."""

    def table(self, name: str) -> StoredTable:
        """The live table, or KeyError."""
        ...

    def schema(self, name: str) -> TableSchema | None:
        """The definition, or None."""
        ...

    def references_to(self, name: str) -> Sequence[Reference]:
        """The foreign keys that point at the table."""
        ...


def every(constraint: Constraint) -> bool:
    """The condition that lets every constraint apply."""
    return True


class Constraints:
    """The checks of one connection, and what SET CONSTRAINTS said in its transaction."""

    def __init__(self, tables: Tables, journal: Journal) -> None:
        self._tables = tables
        self._journal = journal
        self.modes: Mapping[str | None, bool] = _AS_DECLARED
        """What SET CONSTRAINTS said: whether those of a name, or (None) all others, are deferred. Never changed."""

    # --- when ------------------------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """Forget what SET CONSTRAINTS said; whether it had said anything."""
        if not self.modes:
            return False
        self.modes = _AS_DECLARED
        return True

    def set_mode(self, names: Sequence[str] | None, deferred: bool) -> None:
        """Defer the constraints of these names (None: all) to the commit, or check them with each statement."""
        if names is None:
            self.modes = {None: deferred}
        else:
            self.modes = {**self.modes, **dict.fromkeys(names, deferred)}

    def is_deferred(self, constraint: Constraint) -> bool:
        """Whether the constraint is checked at the commit only."""
        if not constraint.deferrable:
            return False
        modes = self.modes
        return modes.get(constraint.name, modes.get(None, constraint.initially_deferred))

    def is_immediate(self, constraint: Constraint) -> bool:
        """Whether the constraint is checked at the end of each statement."""
        return not self.is_deferred(constraint)

    def watches(self, schema: TableSchema) -> bool:
        """Whether the end of a statement has to check anything about changed rows of that table."""
        return (
            any(map(self.is_immediate, schema.foreign_keys))
            or any(index.unique and index.deferrable and self.is_immediate(index) for index in schema.indexes)
            or any(self.is_immediate(reference.fk) for reference in self._tables.references_to(schema.name))
        )

    def references_to(self, table: str) -> Sequence[Reference]:
        """The foreign keys that point at the table."""
        return self._tables.references_to(table)

    # --- checks ----------------------------------------------------------------------------------------------------

    def end_statement(self) -> None:
        """Check what the statement changed against the immediate constraints."""
        if self._journal.pending:
            for name, moves in self._journal.take_pending(self._is_watched, partial(self._places, self.is_immediate)):
                self.check(self._tables.table(name), moves, self.is_immediate)

    def _is_watched(self, name: str) -> bool:
        return self._tables.table(name).watched

    def _places(self, applies: Applies, name: str) -> Collection[int] | None:
        """The columns of the table that constraints which apply look at; None: any."""
        schema = self._tables.table(name).schema
        columns: list[tuple[str | None, ...]] = [fk.columns for fk in schema.foreign_keys if applies(fk)]
        columns += (index.columns for index in schema.indexes if index.unique and index.deferrable and applies(index))
        columns += (each.fk.references for each in self._tables.references_to(name) if applies(each.fk))
        names = {*chain.from_iterable(columns)}
        return None if None in names else [schema.positions[each or ""] for each in names]

    def check_deferred(self, applies: Applies | None = None, tables: Collection[str] | None = None) -> None:
        """Check all changes of the transaction so far (or of these tables) that have not been settled."""
        self.end_statement()
        written = self._journal.deltas if tables is None else self._journal.deltas.keys() & set(tables)
        there = [name for name in written if self._tables.schema(name) is not None]
        concerned = {name for name in there if self._tables.table(name).defers}
        if not concerned:
            return
        chosen = self.is_deferred if applies is None else lambda each: self.is_deferred(each) and applies(each)
        for name, moves in self._journal.unsettled(concerned, partial(self._places, chosen)):
            self.check(self._tables.table(name), moves, chosen)

    def defers(self, schema: TableSchema) -> bool:
        """Whether changes of the table's rows may leave something to be checked at the commit."""
        constraints: list[Constraint] = [*schema.foreign_keys, *schema.indexes]
        constraints += (each.fk for each in self._tables.references_to(schema.name))
        return any(map(self.is_deferred, constraints))

    def check(self, table: StoredTable, moves: Moves, applies: Applies) -> None:
        """Check the net changes of a table; IntegrityError on the first violation."""
        if table.plan.writer.checked_late:
            self._check_unique(table, moves, applies)
        schema, anywhere = table.schema, moves.assigned is None
        position = schema.positions.__getitem__
        for fk in schema.foreign_keys:
            if applies(fk) and (anywhere or moves.may_concern(map(position, fk.columns))):
                new = _new_values(schema, fk.columns, moves.olds, moves.news)
                if new:
                    self.check_parents(schema.name, fk, new)
        for reference in self._tables.references_to(schema.name):
            if applies(reference.fk) and (anywhere or moves.may_concern(map(position, reference.fk.references))):
                self._check_children(table, reference, moves)

    def _check_unique(self, table: StoredTable, moves: Moves, applies: Applies) -> None:
        for index in table.plan.writer.checked_late:
            if applies(index.schema):
                live = table.index(index.schema.name)
                for new in moves.news:
                    if new is not None and (key := index.key_of(new)) is not ABSENT:
                        live.check_single(key)

    def check_parents(self, child: str, fk: ForeignKey, wanted: Iterable[Values]) -> None:
        """Every one of these values must be found in the table that ``fk`` points at."""
        present = list(wanted)
        if not present:
            return
        try:
            parent = self._tables.table(fk.table)
        except KeyError:
            raise IntegrityError(
                f"FOREIGN KEY constraint failed: {foreign_key_label(child, fk)}: there is no table {fk.table}"
            ) from None
        finder = parent.finder(fk.references)
        for values in present:
            if not finder.found(values):
                raise IntegrityError(
                    f"FOREIGN KEY constraint failed: {foreign_key_label(child, fk)}: "
                    f"no row of {fk.table} has {_pairs(fk.references, values)}"
                )
        parent.rely_on(*finder.oids(present))

    def _check_children(self, parent: StoredTable, reference: Reference, moves: Moves) -> None:
        columns = reference.fk.references
        gone = _new_values(parent.schema, columns, moves.news, moves.olds)
        if gone:
            found = parent.finder(columns).found
            self.check_children(reference, [values for values in gone if not found(values)])

    def check_children(self, reference: Reference, gone: Sequence[Values]) -> None:
        """None of these values may be referred to."""
        if not gone:
            return
        child, fk = self._tables.table(reference.child), reference.fk
        finder = child.finder(fk.columns)
        for values in gone:
            if finder.found(values):
                raise still_referenced(reference, values)
        child.rely_on(*finder.oids(gone))

    def asked(self, name: str, old: Row | None, new: Row | None) -> Iterator[tuple[str, tuple[str, ...], Values]]:
        """Where the immediate checks of a changed row have looked: tables, columns, and values in these."""
        schema = self._tables.table(name).schema
        for fk in filter(self.is_immediate, schema.foreign_keys):
            for values in _new_values(schema, fk.columns, [old], [new]):
                yield fk.table, fk.references, values
        for reference in self._tables.references_to(name):
            if self.is_immediate(reference.fk):
                for values in _new_values(schema, reference.fk.references, [new], [old]):
                    yield reference.child, reference.fk.columns, values

    def check_table(self, table: StoredTable) -> None:
        """Check every foreign key of the table over all of its rows."""
        for fk in table.schema.foreign_keys:
            values_of = values_getter(table.schema, fk.columns)
            wanted = set(map(values_of, table.rows()))
            self.check_parents(table.schema.name, fk, (values for values in wanted if None not in values))

    # --- actions ---------------------------------------------------------------------------------------------------

    def after_delete(self, table: StoredTable, old: Row) -> None:
        """Carry out the ON DELETE actions of the references to a row that was removed, and of those they remove."""
        removed = [(table, old)]
        while removed:
            parent, row = removed.pop()
            for reference, values in self._broken(parent, row, None, "on_delete"):
                child, fk = self._tables.table(reference.child), reference.fk
                for rowid in self._referring(child, reference, values, fk.on_delete):
                    current = child.get(rowid)
                    if current is None:
                        continue
                    if fk.on_delete == "CASCADE":
                        child.remove(rowid, current)
                        removed.append((child, current))
                    else:
                        child.update(rowid, current, _with_action(child, fk, fk.on_delete, current))

    def after_update(self, table: StoredTable, old: Row, new: Row) -> None:
        """Carry out the ON UPDATE actions of the references to a row that was changed."""
        for reference, values in self._broken(table, old, new, "on_update"):
            child, fk = self._tables.table(reference.child), reference.fk
            for rowid in self._referring(child, reference, values, fk.on_update):
                current = child.get(rowid)
                if current is None:
                    continue
                if fk.on_update == "CASCADE":
                    target = values_getter(table.schema, fk.references)(new)
                    child.update(rowid, current, _assigned(child, fk, current, target))
                else:
                    child.update(rowid, current, _with_action(child, fk, fk.on_update, current))

    def _broken(self, parent: StoredTable, old: Row, new: Row | None, event: str) -> Iterator[tuple[Reference, Values]]:
        """References with an action, and the values that are no longer there for them."""
        for reference in self._tables.references_to(parent.schema.name):
            if getattr(reference.fk, event) != "NO ACTION":
                values = changed_values(values_getter(parent.schema, reference.fk.references), old, new)[0]
                if values is not None:
                    yield reference, values

    def _referring(self, child: StoredTable, reference: Reference, values: Values, action: str) -> list[int]:
        """The rows that refer to ``values``, which is an error under RESTRICT; relies on there being no others."""
        finder = child.finder(reference.fk.columns)
        rowids = finder.rowids(values)
        child.rely_on(*finder.oids([values]))
        if rowids and action == "RESTRICT":
            raise still_referenced(reference, values)
        return rowids


def _new_values(
    schema: TableSchema, columns: Sequence[str], olds: Sequence[Row | None], news: Sequence[Row | None]
) -> list[Values]:
    """The values of these columns, no NULL among them, in each of ``news`` whose fellow in ``olds`` has others.

    Each once, and quickly where many rows agree: all are new, all are gone, or no row has another value there.
    """
    if len(news) == 1:
        return _new_value(schema, columns, olds[0], news[0])
    values_of: Callable[[Row], Any] = itemgetter(*(schema.positions[name] for name in columns))
    found: set[Any]
    if not any(olds):
        found = set(map(values_of, filter(None, news)))
    elif not any(news) or (all(olds) and all(news) and list(map(values_of, olds)) == list(map(values_of, news))):  # type: ignore[arg-type]
        return []
    else:
        found = {
            values
            for old, new in zip(olds, news, strict=True)
            if new is not None and (values := values_of(new)) is not None and (old is None or values_of(old) != values)
        }
    if len(columns) > 1:
        return [values for values in found if None not in values]
    found.discard(None)
    return [(value,) for value in found]


def _new_value(schema: TableSchema, columns: Sequence[str], old: Row | None, new: Row | None) -> list[Values]:
    """``_new_values`` of one row."""
    if new is None:
        return []
    positions = schema.positions
    if len(columns) == 1:
        at = positions[columns[0]]
        value = new[at]
        unchanged = old is not None and (value is old[at] or value == old[at])
        return [] if value is None or unchanged else [(value,)]
    values = tuple([new[positions[name]] for name in columns])
    if None in values or (old is not None and values == tuple([old[positions[name]] for name in columns])):
        return []
    return [values]


def still_referenced(reference: Reference, values: Values) -> IntegrityError:
    """The error of a key that is gone or changed although rows refer to it."""
    fk = reference.fk
    return IntegrityError(
        f"FOREIGN KEY constraint failed: {_pairs(fk.references, values)} of {fk.table} "
        f"is still referenced from {foreign_key_label(reference.child, fk)}"
    )


def _pairs(columns: Sequence[str], values: Values) -> str:
    return ", ".join(f"{column} = {value!r}" for column, value in zip(columns, values, strict=True))


def _assigned(child: StoredTable, fk: ForeignKey, row: Row, values: Sequence[object]) -> Row:
    """The child's row with these values in the columns of ``fk``, converted as an UPDATE of the child would do it."""
    changed = list(row)
    for column, value in zip(fk.columns, values, strict=True):
        at = child.schema.positions[column]
        changed[at] = child.plan.assigners[at](value)
    return tuple(changed)


def _with_action(child: StoredTable, fk: ForeignKey, action: str, row: Row) -> Row:
    """The child's row after SET NULL or SET DEFAULT."""
    if action == "SET NULL":
        return _assigned(child, fk, row, [None] * len(fk.columns))
    if action == "SET DEFAULT":
        defaults = [child.plan.default_of(child.schema.positions[column], row) for column in fk.columns]
        return _assigned(child, fk, row, defaults)
    raise ProgrammingError(f"{foreign_key_label(child.schema.name, fk)}: {action} is no action of a foreign key")
