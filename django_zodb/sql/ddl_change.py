"""The change of one table: its new definition, and how its rows become the new ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import ProgrammingError
from ..record import replace
from ..storage.protocol import Catalog, Row, RowFunction
from ..storage.schema import ColumnSchema, IndexSchema, TableSchema
from ..values import Kind, SqlType
from .ddl_builder import TableBuilder, constraint_names, is_unique_key
from .ddl_column import ColumnDefinition
from .ddl_expression import columns_used, converted, default_function, row_function
from .ddl_parse import Name
from .ddl_table import existing


class Alteration(TableBuilder):
    """A table on its way from ``old`` to ``schema``, and what each new column is made of.

    A source is the position of a column in the old rows, or a function of the old row.
    """

    def __init__(self, catalog: Catalog, old: TableSchema) -> None:
        super().__init__(catalog, old)
        self.old = old
        self.sources: list[int | RowFunction] = list(range(len(old.columns)))
        self.others: dict[str, TableSchema] = {}
        """Tables whose foreign keys to this one go with what they referred to."""

    def add(self, definition: ColumnDefinition) -> None:
        """ADD COLUMN: existing rows get the default."""
        column = definition.schema()
        self.add_column(column, definition.name)
        self.sources.append(self._filling(column))
        for constraint in sorted(definition.constraints, key=lambda each: each.rank):
            constraint.add(self)

    def _filling(self, column: ColumnSchema) -> RowFunction:
        if column.identity:
            table = self.catalog.table(self.old.name)
            return lambda _: table.new_rowid()
        return default_function(self.schema, column)

    def drop_column(self, name: Name, cascade: bool) -> None:
        """DROP COLUMN, and with it the indexes and constraints that it is part of."""
        dropped = self.column(name).name
        for column in self.schema.columns:
            if column.generated is not None and dropped in columns_used(column.generated, self.schema):
                if not cascade:
                    raise ProgrammingError(
                        f"{self.name}.{column.name} is generated from {dropped}{name.where}; write … CASCADE"
                    )
                self._remove_column(column.name, cascade, name.where)
        self._remove_column(dropped, cascade, name.where)

    def _remove_column(self, dropped: str, cascade: bool, where: str) -> None:
        schema = self.schema
        for index in schema.indexes:
            if self._index_uses(index, dropped):
                self._drop_key(tuple(filter(None, index.columns)), cascade, where, index)
        if dropped in self.schema.primary_key:
            self._drop_key(schema.primary_key, cascade, where)
        schema = self.schema
        at = schema.positions[dropped]
        del self.sources[at]
        self.schema = replace(
            schema,
            columns=schema.columns[:at] + schema.columns[at + 1 :],
            foreign_keys=tuple(
                fk
                for fk in schema.foreign_keys
                if dropped not in fk.columns and not (fk.table == schema.name and dropped in fk.references)
            ),
            checks=tuple(c for c in schema.checks if dropped not in columns_used(c.expression, schema)),
        )

    def _index_uses(self, index: IndexSchema, column: str) -> bool:
        if column in index.columns or column in index.include:
            return True
        texts = [key.expression for key in index.keys if key.expression is not None]
        return any(column in columns_used(text, self.schema) for text in (*texts, *filter(None, [index.where])))

    def _drop_key(self, columns: Sequence[str], cascade: bool, where: str, index: IndexSchema | None = None) -> None:
        """Drop an index or (None) the primary key; foreign keys that need it are refused, or go with ``cascade``."""
        old = self.schema
        if index is not None:
            self.schema = replace(old, indexes=tuple(each for each in old.indexes if each.name != index.name))
        else:
            self.schema = replace(old, primary_key=(), primary_key_name=None)
        if not is_unique_key(old, columns) or is_unique_key(self.schema, columns):
            return
        for name in [self.name, *(n for n in self.catalog.table_names() if n != self.old.name)]:
            other = self.schema if name == self.name else self.others.get(name) or existing(self.catalog, name)
            needing = [
                fk for fk in other.foreign_keys if fk.table == self.old.name and set(fk.references) == set(columns)
            ]
            if not needing:
                continue
            if not cascade:
                raise ProgrammingError(
                    f"foreign key {needing[0].name} of table {name} needs the key "
                    f"{self.name} ({', '.join(columns)}){where}; write … CASCADE"
                )
            other = replace(other, foreign_keys=tuple(fk for fk in other.foreign_keys if fk not in needing))
            if name == self.name:
                self.schema = other
            else:
                self.others[name] = other

    def drop_constraint(self, name: Name, if_exists: bool, cascade: bool) -> None:
        """DROP CONSTRAINT of any kind."""
        found = name.among(constraint_names(self.schema))
        schema = self.schema
        if found is None:
            if not if_exists:
                known = ", ".join(constraint_names(schema)) or "none"
                raise ProgrammingError(
                    f'constraint "{name.text}" of table "{self.name}" does not exist{name.where}; there are: {known}'
                )
        elif found == schema.primary_key_name:
            self._drop_key(schema.primary_key, cascade, name.where)
        elif (index := schema.index(found)) is not None:
            self._drop_key(tuple(filter(None, index.columns)), cascade, name.where, index)
        else:
            self.schema = replace(
                schema,
                foreign_keys=tuple(fk for fk in schema.foreign_keys if fk.name != found),
                checks=tuple(check for check in schema.checks if check.name != found),
            )

    def change_type(self, name: Name, type_: SqlType, collation: str | None, using: str | None) -> None:
        """ALTER COLUMN TYPE: values are converted by ``using``, else as an assignment would convert them."""
        before = self.column(name)
        after = replace(before, type=type_, collation=collation)
        self.replace_column(after)
        at = self.schema.positions[before.name]
        source = self.sources[at]
        if using is not None:
            self.sources[at] = converted(self.schema, after, row_function(self.old, using))
        elif not _holds(before.type, type_):
            self.sources[at] = converted(self.schema, after, _taking(source))

    def alter_column(self, name: Name, **changes: object) -> None:
        """Change fields of a column whose rows stay as they are."""
        self.replace_column(replace(self.column(name), **changes))

    def carry_out(self) -> None:
        """Check the new definition and give it to the catalog."""
        self.check_columns(self.old)
        for name, schema in self.others.items():
            self.catalog.alter_table(name, schema)
        convert = self._convert()
        if self.schema != self.old or convert is not None:  # USING may change values of a type that stays
            self.catalog.alter_table(self.old.name, self.schema, convert)

    def _convert(self) -> Callable[[Row], Row] | None:
        """Old row → new row; None if rows stay as they are."""
        if self.sources == list(range(len(self.old.columns))):
            known = {column.name: column.generated for column in self.old.columns}
            if all(known[column.name] == column.generated or not column.generated for column in self.schema.columns):
                return None
        parts = [_taking(source) for source in self.sources]
        generated = [
            (at, converted(self.schema, column, row_function(self.schema, column.generated)))
            for at, column in enumerate(self.schema.columns)
            if column.generated is not None
        ]
        if not generated:
            return lambda row: tuple([part(row) for part in parts])

        def convert(row: Row) -> Row:
            new = [part(row) for part in parts]
            plain = tuple(new)
            for at, value in generated:
                new[at] = value(plain)
            return tuple(new)

        return convert


def _taking(source: int | RowFunction) -> RowFunction:
    if callable(source):
        return source
    at = source
    return lambda row: row[at]


def _holds(old: SqlType, new: SqlType) -> bool:
    """Whether every value of ``old`` is one of ``new`` as it is."""
    if old == new:
        return True
    if old.kind is not new.kind or old.kind not in (Kind.TEXT, Kind.INTEGER):
        return False
    return new.size is None or (old.size is not None and old.size <= new.size)
