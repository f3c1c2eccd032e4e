"""What a table is: frozen, plain definitions of tables, columns, indexes and constraints.

Definition classes end in ``Schema`` or are named for the constraint; live objects do not. Expressions
(defaults, checks, generated columns, index expressions and conditions) are kept as SQL text and
compiled by the layer above, so the file holds no code. ``to_data`` and ``from_data`` turn a
``TableSchema`` into builtins and back: that dict is what the file stores.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import Any

from ..record import items, record, replace
from ..values import SqlType


@record
class ColumnSchema:
    """One column. ``default`` and ``generated`` are SQL text; ``identity`` columns draw from the table's sequence."""

    name: str
    type: SqlType
    nullable: bool = True
    default: str | None = None
    generated: str | None = None
    stored: bool = True
    identity: bool = False
    collation: str | None = None
    comment: str | None = None


@record
class IndexKey:
    """One key of an index: a column, or an SQL expression over the table's columns. Exactly one of the two is set."""

    column: str | None = None
    expression: str | None = None
    descending: bool = False
    collation: str | None = None


@record
class IndexSchema:
    """An index, or a unique constraint (``constraint`` is then True: it is dropped by ALTER TABLE, not DROP INDEX).

    ``where`` is the SQL text of a partial index's condition; ``include`` names covered columns. A row with a NULL
    among its keys violates ``unique`` only if ``nulls_distinct`` is False.
    """

    name: str
    keys: tuple[IndexKey, ...]
    unique: bool = False
    where: str | None = None
    include: tuple[str, ...] = ()
    nulls_distinct: bool = True
    constraint: bool = False
    deferrable: bool = False
    initially_deferred: bool = False
    comment: str | None = None

    @property
    def columns(self) -> tuple[str | None, ...]:
        """The key columns in order, None where the key is an expression."""
        return tuple(key.column for key in self.keys)


@record
class ForeignKey:
    """``columns`` must be found in ``table``'s ``references``, in the same order; a NULL among them satisfies it.

    ``on_delete`` and ``on_update``: "NO ACTION", "RESTRICT", "CASCADE", "SET NULL" or "SET DEFAULT".
    """

    name: str
    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    deferrable: bool = False
    initially_deferred: bool = False


@record
class Check:
    """A row is refused where ``expression`` (SQL text) is false; NULL passes."""

    name: str
    expression: str


@record
class TableSchema:
    """A table. Rows are tuples in the order of ``columns``.

    ``primary_key`` names its columns. A single INTEGER primary key *is* the rowid (``rowid_column`` tells which);
    any other primary key is a unique index named ``primary_key_name`` to a hidden rowid. ``token`` is random, new
    with each DDL statement, never reused: what programs are cached under.
    """

    name: str
    columns: tuple[ColumnSchema, ...]
    primary_key: tuple[str, ...] = ()
    primary_key_name: str | None = None
    indexes: tuple[IndexSchema, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    comment: str | None = None
    token: str = ""

    __slots__ = ("positions", "rowid_column")

    def __post_init__(self) -> None:
        self.positions: dict[str, int] = {column.name: at for at, column in enumerate(self.columns)}
        self.rowid_column: int | None = None
        if len(self.primary_key) == 1:
            at = self.positions[self.primary_key[0]]
            if self.columns[at].type.is_integer:
                self.rowid_column = at

    def __hash__(self) -> int:
        return hash((self.name, self.token))

    def column(self, name: str) -> ColumnSchema:
        """The column of that name; KeyError if there is none."""
        return self.columns[self.positions[name]]

    def index(self, name: str) -> IndexSchema | None:
        """The index or unique constraint of that name, or None."""
        return next((index for index in self.indexes if index.name == name), None)

    def is_key(self, names: Collection[str | None]) -> bool:
        """Whether no two rows are equal in all these columns, those aside that have a NULL there."""
        if self.primary_key and {*self.primary_key} <= {*names}:
            return True
        return any(
            index.unique
            and index.where is None
            and not index.deferrable
            and None not in index.columns
            and {*index.columns} <= {*names}
            for index in self.indexes
        )

    def with_token(self, token: str) -> TableSchema:
        """The same table under another schema token."""
        return replace(self, token=token)


def values_getter(schema: TableSchema, columns: Sequence[str]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """A function from a row to the tuple of these columns' values."""
    positions = [schema.positions[name] for name in columns]
    if len(positions) == 1:
        (position,) = positions
        return lambda row: (row[position],)
    return itemgetter(*positions)


@record
class ViewSchema:
    """A query under a name: its text, names for its first columns, and the tables and views that it names.

    ``token`` is as a table's.
    """

    name: str
    query: str
    columns: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    token: str = ""


def to_data(schema: TableSchema | ViewSchema) -> dict[str, Any]:
    """``schema`` as builtins only (dicts, tuples, str, int, bool, None): the form that the file stores."""
    data: dict[str, Any] = _plain(schema)
    return data


def from_data(data: dict[str, Any]) -> TableSchema:
    """The inverse of ``to_data``. Fields unknown to this version are refused with TypeError."""
    columns = tuple(ColumnSchema(**{**column, "type": SqlType(**column["type"])}) for column in data["columns"])
    indexes = tuple(
        IndexSchema(**{**index, "keys": tuple(IndexKey(**key) for key in index["keys"])}) for index in data["indexes"]
    )
    return TableSchema(
        **{
            **data,
            "columns": columns,
            "indexes": indexes,
            "foreign_keys": foreign_keys_of(data),
            "checks": tuple(Check(**check) for check in data["checks"]),
        }
    )


def foreign_keys_of(data: dict[str, Any]) -> tuple[ForeignKey, ...]:
    """The foreign keys of a table's ``to_data``, without the rest: who refers to a table is asked of all others."""
    return tuple(ForeignKey(**fk) for fk in data["foreign_keys"])


def view_from_data(data: dict[str, Any]) -> ViewSchema:
    """The inverse of ``to_data`` for a view."""
    return ViewSchema(**data)


def _plain(value: Any) -> Any:
    if isinstance(value, SqlType):
        return {"kind": value.kind.value, "size": value.size, "scale": value.scale}
    if isinstance(value, _RECORDS):
        return {name: _plain(part) for name, part in items(value)}
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value


_RECORDS = (TableSchema, ViewSchema, ColumnSchema, IndexSchema, IndexKey, ForeignKey, Check)
