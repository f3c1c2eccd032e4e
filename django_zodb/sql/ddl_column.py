"""Columns and constraints as CREATE TABLE and ALTER TABLE write them: text → ``ColumnSchema`` and ``Constraint``.

A constraint may mention columns that come later, or the table's own primary key, so it is read into a function that
adds it to a ``TableBuilder`` once the columns stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ProgrammingError
from ..record import record, replace
from ..storage.schema import ColumnSchema, ForeignKey, IndexSchema
from ..values import CODE_POINT_COLLATIONS, NOCASE, SqlType
from .ddl_builder import TableBuilder
from .ddl_parse import Name, Reader
from .types import SERIAL_TYPES, sql_type

COLLATIONS = (*CODE_POINT_COLLATIONS, NOCASE)
"""Names of the two collations there are: by code point, and without regard to case."""

CONSTRAINT_WORDS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE")
"""What begins a table constraint rather than a column."""

_COLUMN_WORDS = ("CONSTRAINT", "NOT", "NULL", "CHECK", "DEFAULT", "GENERATED", "UNIQUE", "PRIMARY", "REFERENCES")
_AFTER_DEFAULT = (*_COLUMN_WORDS, "COLLATE", "AUTOINCREMENT", "DEFERRABLE", "INITIALLY")

PRIMARY_FIRST, OTHERS = 0, 1


@record
class Constraint:
    """What adds a constraint to a table; in the order of ``rank``, so that references find the keys."""

    add: Callable[[TableBuilder], None]
    rank: int = OTHERS


@dataclass(slots=True)
class ColumnDefinition:
    """A column as written: its schema, where it stands, and the constraints written with it."""

    name: Name
    type: SqlType
    identity: bool
    nullable: bool | None = None
    default: str | None = None
    generated: str | None = None
    stored: bool = True
    collation: str | None = None
    constraints: list[Constraint] = field(default_factory=list)

    def schema(self) -> ColumnSchema:
        """The column alone."""
        return ColumnSchema(
            self.name.text,
            self.type,
            nullable=self.nullable is not False and not self.identity,
            default=self.default,
            generated=self.generated,
            stored=self.stored,
            identity=self.identity,
            collation=self.collation,
        )


def read_column(reader: Reader) -> ColumnDefinition:
    """Read ``name type [constraint …]``."""
    name = reader.identifier("a column")
    type_, serial = read_type(reader)
    column = ColumnDefinition(name, type_, serial)
    while _read_column_constraint(reader, column):
        pass
    if column.generated is not None and (column.default is not None or column.identity):
        raise ProgrammingError(f'column "{name.text}" is generated and has a default or identity too{name.where}')
    if column.identity and column.default is not None:
        raise ProgrammingError(f'column "{name.text}" has an identity and a default{name.where}')
    return column


def read_type(reader: Reader) -> tuple[SqlType, bool]:
    """Read a type; the flag tells whether it was one of the serial types."""
    where = reader.where()
    if reader.token.kind != "word" or reader.token.word in _COLUMN_WORDS:
        reader.fail("a type is expected")
    words = [reader.advance().text.lower()]
    if reader.accept("VARYING"):
        words = ["varchar"]
    elif words == ["double"] and reader.accept("PRECISION"):
        words.append("precision")
    args: tuple[int, ...] = ()
    if reader.accept("("):
        args = (reader.integer(),)
        while reader.accept(","):
            args += (reader.integer(),)
        reader.expect(")")
    if zone := reader.accept_any("WITH", "WITHOUT"):
        reader.expect("TIME", "ZONE")
        words += [zone.lower(), "time", "zone"]
    if reader.token.word == "[":
        reader.refuse("arrays are not supported")
    if not args and words[0] in SERIAL_TYPES:
        return SERIAL_TYPES[words[0]], True
    return sql_type(" ".join(words), args, where), False


def read_collation(reader: Reader) -> str:
    """Read what follows COLLATE: the name of a collation that there is, in any case, as in an expression."""
    name = reader.identifier("a collation")
    found = next((each for each in COLLATIONS if each.lower() == name.text.lower()), None)
    if found is None:
        raise ProgrammingError(
            f'collation "{name.text}" does not exist{name.where}; there are: {", ".join(COLLATIONS)}; '
            f"all but {NOCASE} are by code point"
        )
    return found


def _read_column_constraint(reader: Reader, column: ColumnDefinition) -> bool:
    """Read one constraint or option of ``column``; False if none follows."""
    name = reader.identifier("a constraint").text if reader.accept("CONSTRAINT") else None
    where = reader.where()
    match reader.accept_any(*_AFTER_DEFAULT):
        case "NOT":
            reader.expect("NULL")
            _set_nullable(reader, column, False)
        case "NULL":
            _set_nullable(reader, column, True)
        case "DEFAULT":
            column.default = read_default(reader)
        case "GENERATED":
            _read_generated(reader, column)
        case "COLLATE":
            column.collation = read_collation(reader)
        case "CHECK":
            column.constraints.append(_check(reader, name, where))
        case "UNIQUE":
            index = _unique_options(reader, IndexSchema(name or "", ()))
            index = _with_deferral(reader, index)
            column.constraints.append(_unique(index, [column.name], where))
        case "PRIMARY":
            reader.expect("KEY")
            reader.accept_any("ASC")
            column.identity |= reader.accept("AUTOINCREMENT")
            _refuse_deferral(reader, "a primary key")
            column.constraints.append(_primary_key([column.name], name, where))
        case "REFERENCES":
            column.constraints.append(_references(reader, [column.name], name, where))
        case "AUTOINCREMENT":
            column.identity = True
        case None if name is None:
            return False
        case _:
            reader.fail("a constraint is expected")
    return True


def read_default(reader: Reader) -> str:
    """Read the expression after DEFAULT; it ends where the next column constraint begins."""
    return reader.expression(*_AFTER_DEFAULT)


def _set_nullable(reader: Reader, column: ColumnDefinition, nullable: bool) -> None:
    if column.nullable not in (None, nullable):
        reader.fail(f'column "{column.name.text}" is declared NULL and NOT NULL')
    column.nullable = nullable


def _read_generated(reader: Reader, column: ColumnDefinition) -> None:
    if reader.accept("ALWAYS", "AS") and reader.token.word == "(":
        column.generated = reader.parenthesised()
        column.stored = reader.accept_any("STORED", "VIRTUAL") == "STORED"
        return
    read_identity(reader)
    column.identity = True


def read_identity(reader: Reader) -> None:
    """Read what follows GENERATED: BY DEFAULT AS IDENTITY; ALWAYS and sequence options are refused."""
    if reader.token.word in ("ALWAYS", "IDENTITY"):
        reader.refuse("GENERATED ALWAYS AS IDENTITY is not supported; write GENERATED BY DEFAULT AS IDENTITY")
    reader.expect("BY", "DEFAULT", "AS", "IDENTITY")
    if reader.token.word == "(":
        reader.refuse("sequence options are not supported; use ALTER TABLE … ALTER COLUMN … RESTART WITH …")


def read_table_constraint(reader: Reader) -> Constraint:
    """Read ``[CONSTRAINT name] PRIMARY KEY (…) | UNIQUE (…) | CHECK (…) | FOREIGN KEY (…) REFERENCES …``."""
    name = reader.identifier("a constraint").text if reader.accept("CONSTRAINT") else None
    where = reader.where()
    if reader.token.word in ("EXCLUDE", "LIKE"):
        reader.refuse("only PRIMARY KEY, UNIQUE, CHECK and FOREIGN KEY constraints are supported")
    match reader.expect_any("PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
        case "PRIMARY":
            reader.expect("KEY")
            columns = reader.identifiers()
            _refuse_deferral(reader, "a primary key")
            return _primary_key(columns, name, where)
        case "UNIQUE":
            index = _unique_options(reader, IndexSchema(name or "", ()))
            columns = reader.identifiers()
            include = reader.identifiers() if reader.accept("INCLUDE") else []
            return _unique(_with_deferral(reader, index), columns, where, include)
        case "CHECK":
            return _check(reader, name, where)
        case _:
            reader.expect("KEY")
            columns = reader.identifiers()
            reader.expect("REFERENCES")
            return _references(reader, columns, name, where)


def read_nulls_distinct(reader: Reader) -> bool:
    """Read ``[NULLS [NOT] DISTINCT]``."""
    if reader.accept("NULLS", "NOT", "DISTINCT"):
        return False
    reader.accept("NULLS", "DISTINCT")
    return True


def _unique_options(reader: Reader, index: IndexSchema) -> IndexSchema:
    return replace(index, nulls_distinct=read_nulls_distinct(reader))


def _with_deferral(reader: Reader, index: IndexSchema) -> IndexSchema:
    deferrable, initially_deferred = _read_deferral(reader)
    return replace(index, deferrable=deferrable, initially_deferred=initially_deferred)


def _read_deferral(reader: Reader) -> tuple[bool, bool]:
    """``[NOT] DEFERRABLE``, ``INITIALLY DEFERRED | IMMEDIATE``: whether deferrable, and whether deferred at first."""
    deferrable: bool | None = None
    deferred = False
    while True:
        if reader.accept("NOT", "DEFERRABLE"):
            deferrable = False
        elif reader.accept("DEFERRABLE"):
            deferrable = True
        elif reader.accept("INITIALLY"):
            deferred = reader.expect_any("DEFERRED", "IMMEDIATE") == "DEFERRED"
        else:
            break
    if deferred and deferrable is False:
        reader.fail("INITIALLY DEFERRED needs DEFERRABLE")
    return deferred or bool(deferrable), deferred


def _refuse_deferral(reader: Reader, what: str) -> None:
    token = reader.token
    if _read_deferral(reader)[0]:
        reader.refuse(f"{what} cannot be deferrable", token)


def _primary_key(columns: list[Name], name: str | None, where: str) -> Constraint:
    return Constraint(
        lambda table: table.add_primary_key(table.column_names(columns), name, where),
        PRIMARY_FIRST,
    )


def _unique(index: IndexSchema, columns: list[Name], where: str, include: list[Name] | None = None) -> Constraint:
    def add(table: TableBuilder) -> None:
        covered = table.column_names(include or [])
        table.add_unique(table.column_names(columns), replace(index, include=covered), where)

    return Constraint(add, PRIMARY_FIRST)


def _check(reader: Reader, name: str | None, where: str) -> Constraint:
    expression = reader.parenthesised()
    reader.accept("NO", "INHERIT")
    if reader.token.word == "NOT" and reader.peek().word == "VALID":
        reader.refuse("NOT VALID is not supported")
    _refuse_deferral(reader, "a CHECK constraint")
    return Constraint(lambda table: table.add_check(expression, name, where))


def _references(reader: Reader, columns: list[Name], name: str | None, where: str) -> Constraint:
    """Read what follows REFERENCES."""
    target = reader.relation("a table")
    referenced = reader.identifiers() if reader.token.word == "(" else []
    actions = {"DELETE": "NO ACTION", "UPDATE": "NO ACTION"}
    while True:
        if reader.accept("ON"):
            event = reader.expect_any("DELETE", "UPDATE")
            actions[event] = _read_action(reader)
        elif reader.accept("MATCH"):
            if not reader.accept("SIMPLE"):
                reader.refuse("only MATCH SIMPLE is supported")
        else:
            break
    deferrable, deferred = _read_deferral(reader)
    if reader.token.word == "NOT" and reader.peek().word == "VALID":
        reader.refuse("NOT VALID is not supported")

    def add(table: TableBuilder) -> None:
        fk = ForeignKey(
            name or "",
            table.column_names(columns),
            target.text,
            (),
            on_delete=actions["DELETE"],
            on_update=actions["UPDATE"],
            deferrable=deferrable,
            initially_deferred=deferred,
        )
        table.add_foreign_key(fk, target, referenced, where)

    return Constraint(add)


def _read_action(reader: Reader) -> str:
    match reader.expect_any("NO", "RESTRICT", "CASCADE", "SET"):
        case "NO":
            reader.expect("ACTION")
            return "NO ACTION"
        case "SET":
            action = f"SET {reader.expect_any('NULL', 'DEFAULT')}"
            if reader.token.word == "(":
                reader.refuse("a column list of an ON DELETE action is not supported")
            return action
        case action:
            return action
