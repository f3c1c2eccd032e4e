"""ALTER TABLE: any number of actions at once, folded into one new definition and at most one rewrite of the rows."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ProgrammingError
from ..storage.protocol import Catalog
from .ddl_change import Alteration
from .ddl_column import (
    CONSTRAINT_WORDS,
    read_collation,
    read_column,
    read_default,
    read_identity,
    read_table_constraint,
    read_type,
)
from .ddl_expression import only_value
from .ddl_parse import Name, Reader
from .ddl_rename import rename
from .ddl_table import existing, find_table

Action = Callable[[Alteration], None]


def alter_table(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows ALTER TABLE."""
    if_exists = reader.accept("IF", "EXISTS")
    reader.accept("ONLY")
    name = reader.relation("a table")
    table = find_table(catalog, name, if_exists)
    if reader.token.word == "RENAME":
        rename(reader, catalog, table)
        return
    actions = [_read_action(reader)]
    while reader.accept(","):
        actions.append(_read_action(reader))
    reader.finish()
    if table is None:
        return
    alteration = Alteration(catalog, existing(catalog, table))
    for action in actions:
        action(alteration)
    alteration.carry_out()


def _read_action(reader: Reader) -> Action:
    match reader.token.word:
        case "ADD":
            return _read_add(reader)
        case "DROP":
            return _read_drop(reader)
        case "RENAME":
            reader.refuse("RENAME stands alone in its ALTER TABLE")
    if not reader.accept("ALTER"):
        reader.refuse("ALTER TABLE can only ADD, DROP, ALTER and RENAME")
    reader.accept("COLUMN")
    return _read_alter_column(reader, reader.identifier("a column"))


def _read_add(reader: Reader) -> Action:
    reader.expect("ADD")
    if reader.token.word in CONSTRAINT_WORDS:
        constraint = read_table_constraint(reader)
        return constraint.add
    reader.accept("COLUMN")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    definition = read_column(reader)

    def add(table: Alteration) -> None:
        if not (if_not_exists and definition.name.among(table.schema.positions)):
            table.add(definition)

    return add


def _read_drop(reader: Reader) -> Action:
    reader.expect("DROP")
    constraint = reader.accept("CONSTRAINT")
    if not constraint:
        reader.accept("COLUMN")
    if_exists = reader.accept("IF", "EXISTS")
    name = reader.identifier("a constraint" if constraint else "a column")
    cascade = reader.accept_any("CASCADE", "RESTRICT") == "CASCADE"
    if constraint:
        return lambda table: table.drop_constraint(name, if_exists, cascade)

    def drop(table: Alteration) -> None:
        if not (if_exists and name.among(table.schema.positions) is None):
            table.drop_column(name, cascade)

    return drop


def _read_alter_column(reader: Reader, name: Name) -> Action:
    match reader.expect_any("SET", "DROP", "TYPE", "ADD", "RESTART"):
        case "TYPE":
            return _read_type_change(reader, name)
        case "ADD":
            reader.expect("GENERATED")
            read_identity(reader)
            return lambda table: _add_identity(table, name)
        case "RESTART":
            return _read_restart(reader, name)
        case "SET":
            return _read_set(reader, name)
        case _:
            return _read_drop_from(reader, name)


def _read_set(reader: Reader, name: Name) -> Action:
    if reader.token.word in ("STATISTICS", "STORAGE", "GENERATED", "COMPRESSION"):
        reader.refuse("ALTER COLUMN can only SET DEFAULT, NOT NULL, EXPRESSION and DATA TYPE")
    match reader.expect_any("NOT", "DEFAULT", "DATA", "EXPRESSION"):
        case "NOT":
            reader.expect("NULL")
            return lambda table: table.alter_column(name, nullable=False)
        case "DATA":
            reader.expect("TYPE")
            return _read_type_change(reader, name)
        case "DEFAULT":
            default = read_default(reader)
            return lambda table: _set_default(table, name, default)
        case _:
            reader.expect("AS")
            expression = reader.parenthesised()
            return lambda table: _set_expression(table, name, expression)


def _read_drop_from(reader: Reader, name: Name) -> Action:
    match reader.expect_any("NOT", "DEFAULT", "IDENTITY", "EXPRESSION"):
        case "NOT":
            reader.expect("NULL")
            return lambda table: _drop_not_null(table, name)
        case "DEFAULT":
            return lambda table: table.alter_column(name, default=None)
        case "IDENTITY":
            if_exists = reader.accept("IF", "EXISTS")
            return lambda table: _drop_identity(table, name, if_exists)
        case _:
            if_exists = reader.accept("IF", "EXISTS")
            return lambda table: _drop_expression(table, name, if_exists)


def _read_type_change(reader: Reader, name: Name) -> Action:
    token = reader.token
    type_, serial = read_type(reader)
    if serial:
        reader.refuse("a serial type stands in CREATE TABLE or ADD COLUMN only", token)
    collation = read_collation(reader) if reader.accept("COLLATE") else None
    using = reader.expression() if reader.accept("USING") else None
    return lambda table: table.change_type(name, type_, collation, using)


def _read_restart(reader: Reader, name: Name) -> Action:
    """``RESTART [WITH number]``, or with a subquery that computes it: ``RESTART WITH (SELECT max(id) + 1 FROM t)``."""
    query: str | None = None
    value = 1
    if reader.accept("WITH") or reader.token.kind == "number":
        if reader.token.word == "(":
            query = reader.parenthesised()
        else:
            value = reader.integer()

    def restart(table: Alteration) -> None:
        if not table.column(name).type.is_integer:
            raise ProgrammingError(f"{table.name}.{name.text} draws from no sequence{name.where}")
        found = value if query is None else only_value(query, table.catalog)
        if type(found) is not int:
            raise ProgrammingError(f"a sequence restarts with a number, not with {found!r}{name.where}")
        table.catalog.set_sequence(table.old.name, found)

    return restart


def _set_default(table: Alteration, name: Name, default: str) -> None:
    column = table.column(name)
    if column.generated is not None or column.identity:
        raise ProgrammingError(f"{table.name}.{column.name} is generated and takes no default{name.where}")
    table.alter_column(name, default=default)


def _set_expression(table: Alteration, name: Name, expression: str) -> None:
    if table.column(name).generated is None:
        raise ProgrammingError(f"{table.name}.{name.text} is no generated column{name.where}")
    table.alter_column(name, generated=expression)


def _drop_expression(table: Alteration, name: Name, if_exists: bool) -> None:
    if table.column(name).generated is None and not if_exists:
        raise ProgrammingError(f"{table.name}.{name.text} is no generated column{name.where}")
    table.alter_column(name, generated=None, stored=True)


def _drop_not_null(table: Alteration, name: Name) -> None:
    column = table.column(name)
    if column.name in table.schema.primary_key or column.identity:
        raise ProgrammingError(f"{table.name}.{column.name} is a key and cannot be NULL{name.where}")
    table.alter_column(name, nullable=True)


def _add_identity(table: Alteration, name: Name) -> None:
    column = table.column(name)
    if column.nullable or column.default is not None or column.identity:
        raise ProgrammingError(
            f"{table.name}.{column.name} must be NOT NULL, without default or identity, to become one{name.where}"
        )
    table.alter_column(name, identity=True)


def _drop_identity(table: Alteration, name: Name, if_exists: bool) -> None:
    if not table.column(name).identity and not if_exists:
        raise ProgrammingError(f"{table.name}.{name.text} is no identity column{name.where}")
    table.alter_column(name, identity=False)
