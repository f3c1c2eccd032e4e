"""What storage derives from a table's definition once, however many connections and transactions use it.

A ``TablePlan`` belongs to a schema token and holds no data. Expressions are compiled at the first write.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import Any

from ..errors import DataError, IntegrityError
from ..record import record
from ..threads import cached_property
from ..values import NOCASE, Kind, converter
from .keys import ABSENT, Component, Key, KeyEncoding, Row
from .protocol import Compile
from .schema import ForeignKey, IndexKey, IndexSchema, TableSchema, values_getter

RowFunction = Callable[[Row], Any]

_SMALL, _LONG = 40, 100
_SIZES = {
    Kind.BOOLEAN: 1,
    Kind.INTEGER: 5,
    Kind.DOUBLE: 9,
    Kind.DECIMAL: 9,
    Kind.DATE: 5,
    Kind.TIME: 12,
    Kind.TIMESTAMP: 12,
    Kind.INTERVAL: 9,
    Kind.UUID: 18,
}
"""About how many bytes a value takes in a leaf; a text has as many as its type lets it have."""


def primary_key_index(schema: TableSchema) -> IndexSchema | None:
    """The unique index from the primary key to the hidden rowid; None where the key is the rowid, or there is none."""
    if not schema.primary_key or schema.rowid_column is not None:
        return None
    return IndexSchema(
        name=primary_key_name(schema),
        keys=tuple(IndexKey(column) for column in schema.primary_key),
        unique=True,
        constraint=True,
    )


def primary_key_name(schema: TableSchema) -> str:
    """The name of the primary key's constraint."""
    return schema.primary_key_name or f"{schema.name}_pkey"


def all_indexes(schema: TableSchema) -> tuple[IndexSchema, ...]:
    """The indexes that storage keeps: of the primary key, if it needs one, then those of the definition."""
    primary = primary_key_index(schema)
    return schema.indexes if primary is None else (primary, *schema.indexes)


def key_text(schema: TableSchema, rowid: int, row: Row) -> str:
    """``id = 1``, for messages: the row's primary key."""
    if not schema.primary_key:
        return str(rowid)
    return ", ".join(f"{name} = {row[schema.positions[name]]!r}" for name in schema.primary_key)


def is_nullable(schema: TableSchema, column: str) -> bool:
    """Whether rows may hold NULL there."""
    return schema.column(column).nullable and column not in schema.primary_key


def encoding_of(schema: TableSchema, index: IndexSchema) -> KeyEncoding:
    """How the index encodes its keys."""
    return KeyEncoding(tuple(_component(schema, key) for key in index.keys))


def _component(schema: TableSchema, key: IndexKey) -> Component:
    nocase = collation_of(schema, key) == NOCASE
    if key.column is None:
        return Component(None, True, key.descending, nocase)
    return Component(schema.column(key.column).type.kind, is_nullable(schema, key.column), key.descending, nocase)


def collation_of(schema: TableSchema, key: IndexKey) -> str | None:
    """The collation that orders the key: its own, else its column's."""
    return key.collation or (schema.column(key.column).collation if key.column is not None else None)


@record
class IndexPlan:
    """An index, and the key that a row has in it: ABSENT if a partial index does not hold the row."""

    schema: IndexSchema
    encoding: KeyEncoding
    key_of: Callable[[Any], Key]
    depends_on: Callable[[Any], Any] | None
    """The values that decide on the key: rows that are equal in them have the same. None if that is not known."""

    def keeps_keys(self, changed: Collection[str]) -> bool:
        """Whether rows that differ in these columns only are known to have the same key."""
        return self.depends_on is not None and not any(name in changed for name in self.schema.columns)


@record
class Generated:
    """A generated column: where it is, and the function of the row that gives its value."""

    position: int
    value_of: RowFunction


class TablePlan:
    """A table's definition, ready to be used."""

    def __init__(self, schema: TableSchema, compile: Compile) -> None:
        self.schema = schema
        self.compile = compile
        self._defaults: dict[int, RowFunction] = {}

    @cached_property
    def indexes(self) -> tuple[tuple[IndexSchema, KeyEncoding], ...]:
        """The indexes that storage keeps, and how each makes its keys."""
        return tuple((index, encoding_of(self.schema, index)) for index in all_indexes(self.schema))

    @cached_property
    def has_small_rows(self) -> bool:
        """Whether a full leaf of rows is small, too, as of a table of links: no text in it is long."""
        types = [column.type for column in self.schema.columns]
        return sum(_SIZES.get(type_.kind, type_.size or _LONG) for type_ in types) <= _SMALL

    @cached_property
    def writer(self) -> Writer:
        """What writing rows takes. Raises ProgrammingError if an expression of the definition does not compile."""
        return Writer(self)

    @cached_property
    def assigners(self) -> tuple[Callable[[Any], Any], ...]:
        """For each column, a function that makes of any value one to store there; DataError if there is none."""
        return tuple(_assigner(self.schema, at) for at in range(len(self.schema.columns)))

    def default_of(self, position: int, row: Row) -> Any:
        """The value of the column's DEFAULT, or None."""
        column = self.schema.columns[position]
        if column.default is None:
            return None
        if position not in self._defaults:
            function = self.compile(self.schema, column.default)
            self._defaults[position] = _converted(self.schema, position, function)
        return self._defaults[position](row)


class Writer:
    """Fills and checks the rows of a table before they are stored, and computes their index keys."""

    def __init__(self, plan: TablePlan) -> None:
        schema, compile = plan.schema, plan.compile
        self.schema = schema
        self.indexes = tuple(
            IndexPlan(index, encoding, _key_function(schema, index, encoding, compile), _key_values(schema, index))
            for index, encoding in plan.indexes
        )
        self.key_functions = tuple(index.key_of for index in self.indexes)
        self.checked_late = tuple(index for index in self.indexes if index.schema.unique and index.schema.deferrable)
        self._indexed = self._indexed_values()
        self.identities = tuple(
            at for at, column in enumerate(schema.columns) if column.identity and at != schema.rowid_column
        )
        self._checks = tuple((check.name, compile(schema, check.expression, boolean=True)) for check in schema.checks)
        self._generated = tuple(
            Generated(at, _converted(schema, at, compile(schema, column.generated)))
            for at, column in enumerate(schema.columns)
            if column.generated is not None
        )
        self._required_at = [
            at
            for at, column in enumerate(schema.columns)
            if at != schema.rowid_column and not is_nullable(schema, column.name)
        ]
        names = [schema.columns[at].name for at in self._required_at]
        self._required = values_getter(schema, names) if names else None

    def _indexed_values(self) -> Callable[[Row], Any] | None:
        """All that indexes depend on; None if that is not known of one of them."""
        if not all(index.depends_on for index in self.indexes):
            return None
        at = sorted({self.schema.positions[name or ""] for index in self.indexes for name in index.schema.columns})
        return itemgetter(*at) if at else lambda row: None

    def admit(self, row: Row) -> Row:
        """The row with its generated columns computed; IntegrityError if NOT NULL or a CHECK refuses it."""
        if self._generated:
            row = self.complete(row)
        if self._required is not None and None in self._required(row):
            raise self._null_violation(row)
        for name, holds in self._checks:
            if holds(row) is False:
                raise IntegrityError(f"CHECK constraint failed: {name} (table {self.schema.name})")
        return row

    def admit_all(self, rows: list[Row], assigned: Collection[int] | None = None) -> list[Row]:
        """``admit`` of each row. ``assigned``: where it may differ from one that has been admitted; None: anywhere."""
        required = [at for at in self._required_at if assigned is None or at in assigned]
        if self._generated or self._checks or any(_has_null(rows, at) for at in required):
            return list(map(self.admit, rows))
        return rows

    def may_differ(self, assigned: Collection[int]) -> frozenset[int]:
        """Where a row may differ from the one it replaces if these columns are assigned: in generated ones, too."""
        return frozenset(assigned).union(each.position for each in self._generated)

    def indexes_to_change(
        self, olds: Sequence[Row], news: Sequence[Row], assigned: Collection[int]
    ) -> list[tuple[int, IndexPlan]]:
        """The indexes, with their places, in which a row may have another key than its fellow.

        They differ in the ``assigned`` columns at most, and in generated ones. Column by column and by C code, so that
        no object is made for a row.
        """
        changed = set()
        for name in {name for index in self.indexes for name in index.schema.columns if name is not None}:
            at = self.schema.positions[name]
            if at in assigned or self._generated:
                value_of = itemgetter(at)
                if list(map(value_of, olds)) != list(map(value_of, news)):
                    changed.add(name)
        return [(at, index) for at, index in enumerate(self.indexes) if not index.keeps_keys(changed)]

    def complete(self, row: Row) -> Row:
        """The row with its generated columns computed, in the order of columns."""
        for each in self._generated:
            row = (*row[: each.position], each.value_of(row), *row[each.position + 1 :])
        return row

    def keys(self, row: Row) -> list[Key]:
        """The row's key in each index."""
        return [key_of(row) for key_of in self.key_functions]

    def moved(self, old: Row, new: Row) -> Sequence[tuple[int, Key, Key]]:
        """Each index, by its place, in which the rows have different keys, and these."""
        indexed = self._indexed
        if indexed is not None and indexed(old) == indexed(new):
            return ()
        found = []
        for at, index in enumerate(self.indexes):
            values = index.depends_on
            if values is None or values(old) != values(new):
                before, after = index.key_of(old), index.key_of(new)
                if before != after:
                    found.append((at, before, after))
        return found

    def _null_violation(self, row: Row) -> IntegrityError:
        name = next(self.schema.columns[at].name for at in self._required_at if row[at] is None)
        return IntegrityError(f"NOT NULL constraint failed: {self.schema.name}.{name}")


def _has_null(rows: Sequence[Row], at: int) -> bool:
    # By class: comparing with None would call Python code for some values.
    return type(None) in set(map(type, map(itemgetter(at), rows)))


def _assigner(schema: TableSchema, position: int) -> Callable[[Any], Any]:
    """A function that converts a value, which may be NULL, to the column's type; DataError names table and column."""
    column = schema.columns[position]
    convert = converter(column.type)

    def assigned(value: Any) -> Any:
        if value is None:
            return None
        try:
            return convert(value)
        except DataError as error:
            raise DataError(f"{schema.name}.{column.name}: {error}") from error

    return assigned


def _converted(schema: TableSchema, position: int, function: Callable[[Any], Any]) -> RowFunction:
    """``function``, its values converted to the column's type."""
    assigned = _assigner(schema, position)
    return lambda row: assigned(function(row))


def _key_function(
    schema: TableSchema, index: IndexSchema, encoding: KeyEncoding, compile: Compile
) -> Callable[[Row], Key]:
    sources: list[int | RowFunction] = [
        schema.positions[key.column] if key.column is not None else compile(schema, key.expression or "")
        for key in index.keys
    ]
    key_of = encoding.row_key(sources)
    if index.where is None:
        return key_of
    holds = compile(schema, index.where, boolean=True)
    return lambda row: key_of(row) if holds(row) is True else ABSENT


def _key_values(schema: TableSchema, index: IndexSchema) -> Callable[[Row], Any] | None:
    if index.where is not None or any(key.column is None for key in index.keys):
        return None
    return itemgetter(*(schema.positions[key.column or ""] for key in index.keys))


def same_key_sources(old: TableSchema, old_index: IndexSchema, new: TableSchema, new_index: IndexSchema) -> bool:
    """Whether both indexes hold the same keys, given that the rows are the same."""
    if old_index.where != new_index.where or len(old_index.keys) != len(new_index.keys):
        return False
    return all(
        before.expression == after.expression
        and (before.column is None) == (after.column is None)
        and (before.column is None or old.positions[before.column] == new.positions[after.column or ""])
        for before, after in zip(old_index.keys, new_index.keys, strict=True)
    )


def foreign_key_label(child: str, fk: ForeignKey) -> str:
    """``book.author_id (book_author_id_fkey)``, for messages."""
    return f"{', '.join(f'{child}.{column}' for column in fk.columns)} ({fk.name})"
