"""A table under definition: columns and constraints added one by one, each checked and named, then a ``TableSchema``.

CREATE TABLE starts from nothing, ALTER TABLE from the table as it is. Automatic names are PostgreSQL's:
``book_pkey``, ``book_title_key``, ``book_author_id_fkey``, ``book_price_check``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ProgrammingError
from ..record import replace
from ..storage.protocol import Catalog
from ..storage.schema import Check, ColumnSchema, ForeignKey, IndexKey, IndexSchema, TableSchema
from ..values import common_type
from .ddl_expression import check_immutable, columns_used, default_function
from .ddl_parse import Name

MAX_NAME_LENGTH = 63
"""Of automatic names only, as in PostgreSQL; a given name may be longer."""


class TableBuilder:
    """The definition so far. Every method raises ProgrammingError for what does not fit the rest."""

    def __init__(self, catalog: Catalog, schema: TableSchema) -> None:
        self.catalog = catalog
        self.schema = schema

    @property
    def name(self) -> str:
        """The table's name."""
        return self.schema.name

    def column(self, name: Name) -> ColumnSchema:
        """The column that ``name`` means."""
        found = name.among(self.schema.positions)
        if found is None:
            known = ", ".join(self.schema.positions)
            raise ProgrammingError(
                f'column "{name.text}" of table "{self.name}" does not exist{name.where}; it has: {known}'
            )
        return self.schema.column(found)

    def column_names(self, names: Sequence[Name]) -> tuple[str, ...]:
        """The columns that ``names`` mean, each once."""
        found = tuple(self.column(name).name for name in names)
        for at, name in enumerate(names):
            if found[at] in found[:at]:
                raise ProgrammingError(f'column "{name.text}" appears twice{name.where}')
        return found

    def add_column(self, column: ColumnSchema, name: Name) -> None:
        """Append it; its default and generating expression are checked by ``check_columns``."""
        if name.among(self.schema.positions) is not None:
            raise ProgrammingError(f'column "{name.text}" of table "{self.name}" already exists{name.where}')
        self.schema = replace(self.schema, columns=(*self.schema.columns, column))

    def replace_column(self, column: ColumnSchema) -> None:
        """Put ``column`` in the place of the one of its name."""
        columns = tuple(column if each.name == column.name else each for each in self.schema.columns)
        self.schema = replace(self.schema, columns=columns)

    def add_primary_key(self, columns: tuple[str, ...], name: str | None, where: str = "") -> None:
        """Make ``columns`` the primary key, and not nullable."""
        if self.schema.primary_key:
            raise ProgrammingError(f'table "{self.name}" already has a primary key{where}')
        for column in columns:
            self.replace_column(replace(self.schema.column(column), nullable=False))
        chosen = self.chosen_name(name, f"{self.name}_pkey", where)
        self.schema = replace(self.schema, primary_key=columns, primary_key_name=chosen)

    def add_index(self, index: IndexSchema, where: str = "") -> None:
        """Add an index or unique constraint; with an empty name it gets an automatic one."""
        for expression in (*(key.expression for key in index.keys), index.where):
            if expression is not None:
                check_immutable(self.schema, expression, "an index")
        suffix = "key" if index.constraint else "idx"
        parts = [key.column or "expr" for key in index.keys]
        name = self.chosen_name(index.name or None, "_".join((self.name, *parts, suffix)), where)
        self.schema = replace(self.schema, indexes=(*self.schema.indexes, replace(index, name=name)))

    def add_unique(self, columns: tuple[str, ...], constraint: IndexSchema, where: str = "") -> None:
        """Add the unique constraint that ``constraint`` describes, over ``columns``."""
        keys = tuple(IndexKey(column) for column in columns)
        self.add_index(replace(constraint, keys=keys, unique=True, constraint=True), where)

    def add_check(self, expression: str, name: str | None, where: str = "") -> None:
        """Add a CHECK constraint; an automatic name tells the column if there is just one."""
        used = columns_used(expression, self.schema)
        stem = "_".join((self.name, *used)) if len(used) == 1 else self.name
        chosen = self.chosen_name(name, f"{stem}_check", where)
        self.schema = replace(self.schema, checks=(*self.schema.checks, Check(chosen, expression)))

    def add_foreign_key(self, fk: ForeignKey, to: Name, referenced: Sequence[Name], where: str = "") -> None:
        """Add ``fk`` to the table that ``to`` means and its columns ``referenced``; none: its primary key.

        The table must exist, or be this one, with a unique key over those columns and types that compare.
        """
        found = to.among({self.name, *self.catalog.table_names()})
        target = self.schema if found == self.name else self.catalog.schema(found) if found else None
        if target is None:
            raise ProgrammingError(f'table "{to.text}" does not exist{to.where}')
        references = TableBuilder(self.catalog, target).column_names(referenced) or target.primary_key
        if not references:
            raise ProgrammingError(f'table "{target.name}" has no primary key to refer to{where}')
        self._check_referable(fk, target, references, where)
        name = self.chosen_name(fk.name or None, "_".join((self.name, *fk.columns, "fkey")), where)
        fk = replace(fk, name=name, table=target.name, references=references)
        self.schema = replace(self.schema, foreign_keys=(*self.schema.foreign_keys, fk))

    def _check_referable(self, fk: ForeignKey, target: TableSchema, references: tuple[str, ...], where: str) -> None:
        if len(references) != len(fk.columns):
            raise ProgrammingError(
                f"{len(fk.columns)} column(s) refer to {len(references)}: "
                f"({', '.join(fk.columns)}) → {target.name} ({', '.join(references)}){where}"
            )
        if not is_unique_key(target, references):
            raise ProgrammingError(
                f'table "{target.name}" has no primary key or unique constraint over ({", ".join(references)}){where}'
            )
        for ours, theirs in zip(fk.columns, references, strict=True):
            left, right = self.schema.column(ours).type, target.column(theirs).type
            if common_type(left, right) is None:
                raise ProgrammingError(
                    f"{self.name}.{ours} of type {left} cannot refer to {target.name}.{theirs} of type {right}{where}"
                )

    def chosen_name(self, given: str | None, automatic: str, where: str = "") -> str:
        """``given``, which must be free, or the first free one of ``automatic``, ``automatic1``, …"""
        if given is not None:
            if self._is_taken(given):
                raise ProgrammingError(f'"{given}" already exists{where}')
            return given
        name, serial = automatic[:MAX_NAME_LENGTH], 0
        while self._is_taken(name):
            serial += 1
            name = f"{automatic[: MAX_NAME_LENGTH - len(str(serial))]}{serial}"
        return name

    def _is_taken(self, name: str) -> bool:
        if name in constraint_names(self.schema) or self.schema.index(name) is not None:
            return True
        if self.catalog.owner_of_index(name) not in (None, self.name):
            return True
        others = (self.catalog.schema(table) for table in self.catalog.table_names() if table != self.name)
        return any(other is not None and other.primary_key_name == name for other in others)

    def check_columns(self, since: TableSchema | None = None) -> None:
        """Try the default and look at the expression of every column that was not so in ``since``.

        Storage compiles whatever works on rows as it takes the definition; defaults it never sees.
        """
        known = set(since.columns) if since else set()
        for column in self.schema.columns:
            if column.identity and not column.type.is_integer:
                raise ProgrammingError(f"identity column {self.name}.{column.name} must be an integer")
            if column not in known and column.default is not None:
                default_function(self.schema, column)(())
            if column not in known and column.generated is not None:
                self._check_generated(column)

    def _check_generated(self, column: ColumnSchema) -> None:
        assert column.generated is not None
        check_immutable(self.schema, column.generated, f"{self.name}.{column.name}")
        for used in columns_used(column.generated, self.schema):
            if self.schema.column(used).generated is not None:
                raise ProgrammingError(
                    f"{self.name}.{column.name} cannot be generated from {used}, which is generated itself"
                )


def is_unique_key(schema: TableSchema, columns: Sequence[str]) -> bool:
    """Whether the primary key or a full unique index is over just these columns, in any order."""
    wanted = sorted(columns)
    if sorted(schema.primary_key) == wanted:
        return True
    return any(
        index.unique and index.where is None and None not in index.columns and sorted(map(str, index.columns)) == wanted
        for index in schema.indexes
    )


def constraint_names(schema: TableSchema) -> list[str]:
    """Names of the table's constraints: primary key, unique, foreign key, check."""
    names = [schema.primary_key_name] if schema.primary_key_name else []
    names += [index.name for index in schema.indexes if index.constraint]
    names += [fk.name for fk in schema.foreign_keys]
    return names + [check.name for check in schema.checks]
