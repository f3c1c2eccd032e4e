"""CREATE INDEX, DROP INDEX, ALTER INDEX, COMMENT ON."""

from __future__ import annotations

from ..errors import NotSupportedError, ProgrammingError
from ..record import replace
from ..storage.protocol import Catalog
from ..storage.schema import IndexKey, IndexSchema
from .ddl_builder import TableBuilder
from .ddl_column import read_collation, read_nulls_distinct
from .ddl_parse import Name, Reader
from .ddl_table import existing, table_named

_HARMLESS_CLASSES = ("text_ops", "text_pattern_ops", "varchar_ops", "varchar_pattern_ops", "bpchar_pattern_ops")
"""PostgreSQL's operator classes that ask for the order which every index here has."""

_METHODS = ("btree", "hash")
_AFTER_COLUMN = (",", ")", "COLLATE", "ASC", "DESC", "NULLS")


def create_index(reader: Reader, catalog: Catalog, unique: bool) -> None:
    """Carry out what follows CREATE [UNIQUE] INDEX."""
    reader.accept("CONCURRENTLY")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    name = None if reader.token.word == "ON" else reader.identifier("an index")
    reader.expect("ON")
    reader.accept("ONLY")
    table_name = reader.relation("a table")
    _read_method(reader)
    keys = _read_keys(reader)
    include = reader.identifiers() if reader.accept("INCLUDE") else []
    nulls_distinct = read_nulls_distinct(reader)
    _skip_parameters(reader)
    if reader.token.word == "TABLESPACE":
        reader.refuse("there are no tablespaces")
    where = reader.expression() if reader.accept("WHERE") else None
    reader.finish()
    if name is not None and if_not_exists and catalog.owner_of_index(name.text) is not None:
        return
    old = existing(catalog, table_named(catalog, table_name))
    table = TableBuilder(catalog, old)
    index = IndexSchema(
        name.text if name else "",
        tuple(_resolved(table, key) for key in keys),
        unique=unique,
        where=where,
        include=table.column_names(include),
        nulls_distinct=nulls_distinct,
    )
    table.add_index(index, name.where if name else "")
    catalog.alter_table(old.name, table.schema)


def _read_method(reader: Reader) -> None:
    if reader.accept("USING"):
        token = reader.token
        if reader.identifier("an index method").text.lower() not in _METHODS:
            reader.refuse(f"there are no indexes but {' and '.join(_METHODS)}", token)


def _skip_parameters(reader: Reader) -> None:
    """WITH (fillfactor = 70, …): how PostgreSQL stores an index. None of it changes what is found by one."""
    if reader.accept("WITH"):
        reader.expect("(")
        while True:
            reader.identifier("a storage parameter")
            if reader.accept("="):
                reader.advance()
            if not reader.accept(","):
                break
        reader.expect(")")


_Key = tuple[Name | None, IndexKey]
"""A key as written: its column's name, or None for an expression; and all else."""


def _read_keys(reader: Reader) -> list[_Key]:
    reader.expect("(")
    keys = [_read_key(reader)]
    while reader.accept(","):
        keys.append(_read_key(reader))
    reader.expect(")")
    return keys


def _read_key(reader: Reader) -> _Key:
    name: Name | None = None
    expression: str | None = None
    if reader.token.word == "(":
        expression = reader.parenthesised()
    elif reader.peek().word == "(":
        expression = reader.expression(*_AFTER_COLUMN)
    else:
        name = reader.identifier("a column")
    collation = read_collation(reader) if reader.accept("COLLATE") else None
    _read_operator_class(reader)
    descending = reader.accept_any("ASC", "DESC") == "DESC"
    if reader.accept("NULLS"):  # an index is walked either way: where its NULLs stand is the plan's concern
        reader.expect_any("FIRST", "LAST")
    return name, IndexKey(None, expression, descending=descending, collation=collation)


def _read_operator_class(reader: Reader) -> None:
    token = reader.token
    if (
        token.kind in ("word", "quoted")
        and token.word not in _AFTER_COLUMN
        and reader.identifier("an operator class").text.lower() not in _HARMLESS_CLASSES
    ):
        reader.refuse("operator classes are not supported, but for the text ones", token)


def _resolved(table: TableBuilder, key: _Key) -> IndexKey:
    name, rest = key
    return rest if name is None else replace(rest, column=table.column(name).name)


def drop_index(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows DROP INDEX."""
    reader.accept("CONCURRENTLY")
    if_exists = reader.accept("IF", "EXISTS")
    names = [reader.index()]
    while reader.accept(","):
        names.append(reader.index())
    reader.accept_any("CASCADE", "RESTRICT")
    reader.finish()
    for name in names:
        found = _find_index(catalog, name)
        if found is None:
            if not if_exists:
                raise ProgrammingError(f'index "{name.text}" does not exist{name.where}')
            continue
        table, index = found
        if index is None or index.constraint:
            raise ProgrammingError(
                f'"{name.text}" is a constraint of table "{table}"{name.where}; write ALTER TABLE … DROP CONSTRAINT'
            )
        schema = existing(catalog, table)
        kept = tuple(each for each in schema.indexes if each.name != index.name)
        catalog.alter_table(table, replace(schema, indexes=kept))


def alter_index(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows ALTER INDEX: RENAME TO is the only action."""
    if_exists = reader.accept("IF", "EXISTS")
    name = reader.index()
    if not reader.accept("RENAME"):
        reader.refuse("ALTER INDEX can only RENAME TO")
    reader.expect("TO")
    new = reader.identifier("an index")
    reader.finish()
    found = _find_index(catalog, name)
    if found is None:
        if if_exists:
            return
        raise ProgrammingError(f'index "{name.text}" does not exist{name.where}')
    table, index = found
    rename_index(catalog, table, index.name if index else None, new)


def rename_index(catalog: Catalog, table: str, old: str | None, new: Name) -> None:
    """Give an index of ``table`` (None: its primary key) the name ``new``, which must be free."""
    schema = existing(catalog, table)
    chosen = TableBuilder(catalog, schema).chosen_name(new.text, "", new.where)
    if old is None:
        catalog.alter_table(table, replace(schema, primary_key_name=chosen))
        return
    indexes = tuple(replace(each, name=chosen) if each.name == old else each for each in schema.indexes)
    catalog.alter_table(table, replace(schema, indexes=indexes))


def _find_index(catalog: Catalog, name: Name) -> tuple[str, IndexSchema | None] | None:
    """The table and index that ``name`` means; the index is None if it is the table's primary key."""
    owner, exact = catalog.owner_of_index(name.text), name.text
    if owner is None:
        owners: dict[str, str] = {}
        for table in catalog.table_names():
            schema = existing(catalog, table)
            owners |= dict.fromkeys((index.name for index in schema.indexes), table)
            if schema.primary_key_name is not None:
                owners[schema.primary_key_name] = table
        found = name.among(owners)
        if found is None:
            return None
        owner, exact = owners[found], found
    return owner, existing(catalog, owner).index(exact)


def comment_on(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows COMMENT ON: a TABLE, COLUMN or INDEX, ``IS 'text'`` or ``IS NULL``."""
    what = reader.expect_any("TABLE", "COLUMN", "INDEX")
    if what == "COLUMN":
        table, column = _column_path(reader)
    elif what == "TABLE":
        table, column = reader.relation("a table"), None
    else:
        table, column = reader.index(), None
    reader.expect("IS")
    comment = None if reader.accept("NULL") else reader.string() or None  # an empty one is none, as in PostgreSQL
    reader.finish()
    if what == "INDEX":
        _comment_on_index(catalog, table, comment)
        return
    schema = existing(catalog, table_named(catalog, table))
    if column is None:
        schema = replace(schema, comment=comment)
    else:
        builder = TableBuilder(catalog, schema)
        builder.replace_column(replace(builder.column(column), comment=comment))
        schema = builder.schema
    catalog.alter_table(schema.name, schema)


def _column_path(reader: Reader) -> tuple[Name, Name]:
    """Read ``table.column``."""
    table = reader.relation("a table", qualifies=True)
    reader.expect(".")
    return table, reader.identifier("a column")


def _comment_on_index(catalog: Catalog, name: Name, comment: str | None) -> None:
    found = _find_index(catalog, name)
    if found is None:
        raise ProgrammingError(f'index "{name.text}" does not exist{name.where}')
    table, index = found
    if index is None:
        raise NotSupportedError(f"a primary key has no comment{name.where}")
    schema = existing(catalog, table)
    indexes = tuple(replace(each, comment=comment) if each is index else each for each in schema.indexes)
    catalog.alter_table(table, replace(schema, indexes=indexes))


def alter_sequence(reader: Reader, catalog: Catalog) -> None:
    """Carry out what follows ALTER SEQUENCE: ``{table}_{column}_seq RESTART [WITH n]`` of an identity column."""
    name = reader.identifier("a sequence")
    if not reader.accept("RESTART"):
        reader.refuse("ALTER SEQUENCE can only RESTART [WITH number]")
    reader.accept("WITH")
    value = 1 if reader.token.kind == "end" or reader.token.word == ";" else reader.integer()
    reader.finish()
    owners = {
        f"{table}_{column.name}_seq": table
        for table in catalog.table_names()
        for column in existing(catalog, table).columns
        if column.identity
    }
    found = name.among(owners)
    if found is None:
        raise ProgrammingError(f'sequence "{name.text}" does not exist{name.where}')
    catalog.set_sequence(owners[found], value)
