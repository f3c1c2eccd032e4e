"""Random tables: columns of every kind, rows of odd values, indexes of every sort."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

KINDS = ("int", "big", "real", "dec", "text", "bool", "date")
TYPES = {
    "int": "integer",
    "big": "bigint",
    "real": "double precision",
    "dec": "numeric(12, 2)",
    "text": "text",
    "bool": "boolean",
    "date": "date",
    "json": "json",
}
DOCUMENTS = (
    '{"n":1,"s":"a","o":{"n":2}}',
    '{"n":2,"s":"b","l":[1,2]}',
    '{"n":null,"s":"","o":{}}',
    '{"s":null,"l":[]}',
    '{"n":-7,"o":{"n":null}}',
    "{}",
    '[3,{"n":1}]',
    "true",
)
"""The same key holds the same type wherever it is: sqlite3 knows one only where it meets it."""

VALUES: dict[str, tuple[object, ...]] = {
    "int": (0, 1, 2, 3, 3, 4, 5, 7, -1, -3, 10, 99, 2**31 - 1, -(2**31)),
    "big": (0, 1, 2, 5, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**32),
    "real": (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, -0.75, -2.5, 1000.25),
    "dec": (Decimal("0.00"), Decimal("1.00"), Decimal("1.25"), Decimal("-0.50"), Decimal("99.75"), Decimal("2.00")),
    "text": (
        "",
        "a",
        "b",
        "A",
        "ab",
        "a b",
        "aa",
        "é",
        "É",
        "ß",
        "日本",
        "\U0001f40d",
        "%",
        "_",
        "a_b",
        "50%",
        "'",
        '"',
        "x\ny",
    ),
    "bool": (True, False),
    "json": DOCUMENTS,
    "date": (dt.date(2020, 2, 29), dt.date(2020, 3, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1999, 12, 31)),
}
"""Reals and decimals are multiples of a quarter, so that sums do not depend on the order."""

NAMES = (
    "a",
    "b",
    "c",
    "n",
    "x",
    "y",
    "Zed",
    "class",
    "None",
    "p0",
    "row",
    "select",
    "größe",
    "a b",
    'q"q',
    "rows",
    "key",
)
TABLE_NAMES = ("t", "u", "v", "order", "Two words", "def")


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    nullable: bool = True


@dataclass
class Table:
    """``key`` names the columns of the primary key; ``unique`` those no statement may assign the same to twice."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: list[tuple[object, ...]] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)
    unique: set[str] = field(default_factory=set)
    definitions: list[str] = field(default_factory=list)
    indexed: list[tuple[str, ...]] = field(default_factory=list)
    """The columns of each index, and of the primary key."""

    def values_of(self, name: str) -> list[object]:
        """What a column holds, NULLs left out."""
        at = [column.name for column in self.columns].index(name)
        return [row[at] for row in self.rows if row[at] is not None]


def quoted(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def make_tables(random: Random) -> list[Table]:
    """One to four tables, of at most 40 rows each; a later one may refer to an earlier one."""
    names = list(TABLE_NAMES)
    tables: list[Table] = []
    for _ in range(random.choice((1, 2, 2, 3, 3, 4))):
        tables.append(_make_table(random, names.pop(random.randrange(len(names))), tables))
    return tables


def _make_table(random: Random, name: str, others: list[Table]) -> Table:
    key_kind = random.choice(("id", "id", "id", "text", "pair", "none"))
    columns = [Column("id", "int", nullable=False)] if key_kind == "id" else []
    names = list(NAMES)
    documents = ["json"] * (random.random() < 0.3)
    for kind in (*documents, *random.choices(KINDS, k=random.randint(1, 4)), "int", "text"):
        nullable = random.random() < 0.75
        columns.append(Column(names.pop(random.randrange(len(names))), kind, nullable))
    key: tuple[str, ...] = ("id",) if key_kind == "id" else ()
    if key_kind in ("text", "pair"):
        key = tuple(column.name for column in columns[-1 if key_kind == "text" else -2 :])
        columns = [Column(c.name, c.kind, c.nullable and c.name not in key) for c in columns]
    table = Table(name, tuple(columns), key, unique=set(key))
    _refer(random, table, others)
    _fill(random, table, {other.name: other for other in others})
    _define(random, table)
    return table


def _refer(random: Random, table: Table, others: list[Table]) -> None:
    parents = [other for other in others if other.key == ("id",)]
    candidates = [column.name for column in table.columns if column.kind == "int" and column.name not in table.key]
    if parents and candidates and random.random() < 0.5:
        table.references[random.choice(candidates)] = random.choice(parents).name


def _fill(random: Random, table: Table, others: dict[str, Table]) -> None:
    most = random.choice((0, 4, 8, 8, 15, 15, 15, 40))
    pools = {}
    for column in table.columns:
        pool = list(VALUES[column.kind])
        if column.name in table.references:
            pool = others[table.references[column.name]].values_of("id")
        pools[column.name] = random.sample(pool, min(len(pool), random.choice((2, 4, 20))))
    seen = set()
    for number in range(most):
        row = tuple(
            number + 1 if column.name == "id" else _value(random, column, pools[column.name])
            for column in table.columns
        )
        identity = tuple(row[at] for at, column in enumerate(table.columns) if column.name in table.key) or number
        if identity in seen or any(v is None and not c.nullable for v, c in zip(row, table.columns, strict=True)):
            continue
        seen.add(identity)
        table.rows.append(row)


def _value(random: Random, column: Column, pool: list[object]) -> object:
    if not pool or (column.nullable and random.random() < 0.2):
        return None
    return random.choice(pool)


def _define(random: Random, table: Table) -> None:
    parts = []
    for column in table.columns:
        part = f"{quoted(column.name)} {TYPES[column.kind]}" + ("" if column.nullable else " NOT NULL")
        if column.name in table.references:
            part += f" REFERENCES {quoted(table.references[column.name])} (id)"
            actions = ["", " ON DELETE CASCADE", " DEFERRABLE INITIALLY DEFERRED"]
            part += random.choice(actions + [" ON DELETE SET NULL"] * column.nullable)
        parts.append(part)
    if table.key:
        table.indexed.append(table.key)
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, table.key))})")
    table.definitions.append(f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)})")
    for number in range(random.choice((0, 1, 2, 3))):
        table.definitions.append(_make_index(random, table, f"{table.name} {number}"))


def _make_index(random: Random, table: Table, name: str) -> str:
    sortable = [column for column in table.columns if column.kind != "json"]
    columns = random.sample(sortable, min(len(sortable), random.choice((1, 1, 1, 2, 3))))
    names = [column.name for column in columns]
    positions = [table.columns.index(column) for column in columns]
    keys = [tuple(row[at] for at in positions) for row in table.rows]
    whole = [key for key in keys if None not in key]
    unique = len(set(whole)) == len(whole) and random.random() < 0.5
    if unique:
        table.unique.update(names)
    table.indexed.append(tuple(names))
    terms = [quoted(name) + random.choice(("", "", " DESC")) for name in names]
    if not unique and columns[0].kind == "text" and random.random() < 0.3:
        terms[0] = f"{random.choice(('lower', 'upper'))}({quoted(names[0])})"
    where = f" WHERE {quoted(random.choice(names))} IS NOT NULL" if not unique and random.random() < 0.2 else ""
    head = "CREATE UNIQUE INDEX" if unique else "CREATE INDEX"
    return f"{head} {quoted(name)} ON {quoted(table.name)} ({', '.join(terms)}){where}"
