"""A little database in memory for tests of the compiler: the storage protocol over dicts, and short names for plans."""

from __future__ import annotations

from itertools import groupby

from sieving import places_of, sieved

from django_zodb.sql import expr as x
from django_zodb.sql import plan as p
from django_zodb.storage.schema import ColumnSchema, IndexKey, IndexSchema, TableSchema
from django_zodb.values import BIGINT, BOOLEAN, DOUBLE, INTEGER, TEXT


class FakeIndex:
    def __init__(self, table, schema):
        self.table, self.schema = table, schema
        self.at = [table.schema.positions[key.column] for key in schema.keys]

    def key(self, row):
        return tuple((row[at] is not None, row[at]) for at in self.at)

    def lookup(self, *values):
        wanted = tuple((value is not None, value) for value in values)
        return [rowid for rowid, row in sorted(self.table.data.items()) if self.key(row) == wanted]

    def postings(self, *arguments, **options):
        rowids = self.range((), *arguments, **options)
        return (sorted(run) for _, run in groupby(rowids, lambda rowid: self.key(self.table.data[rowid])))

    def size(self, *arguments, **options):
        return len(list(self.range(*arguments, **options)))

    def sizes(self, keys):
        return [len(self.lookup(key)) for key in keys]

    def range(
        self,
        prefix=(),
        low=None,
        high=None,
        *,
        low_open=False,
        high_open=False,
        nulls=False,
        reverse=False,
        ties_reversed=False,
    ):
        found = []
        for rowid, row in sorted(self.table.data.items()):
            key = [row[at] for at in self.at]
            if key[: len(prefix)] != list(prefix):
                continue
            if len(key) > len(prefix):
                value = key[len(prefix)]
                if value is None and not nulls:
                    continue
                if low is not None and (value is None or value < low or (low_open and value == low)):
                    continue
                if high is not None and (value is None or value > high or (high_open and value == high)):
                    continue
            found.append((self.key(row), rowid))
        found.sort(key=lambda item: item[1], reverse=reverse is not ties_reversed)
        return iter([rowid for _, rowid in sorted(found, key=lambda item: item[0], reverse=reverse)])


class FakeTable:
    def __init__(self, schema, rows=()):
        self.schema = schema
        self.data = {}
        self.next = 0
        self.locked = []
        self.get = self.data.get
        for row in rows:
            self.insert(row)

    def rows(self, low=None, high=None, reverse=False, columns=None, sieve=None):
        return [row for _, row in self.items(low, high, reverse, columns, sieve)]

    def is_settled(self):
        return False

    def fetch(self, rowids, columns=None, sure=True):
        return filter(None, map(self.get, rowids))

    def looked_up(self, pairs, columns=None):
        return [(other, self.get(rowid)) for rowid, other in pairs]

    def exceed_cache(self):
        return False

    def sought(self, passing, rowids, columns=None, wanted=0, order=None):
        return [self.get(rowid) for rowid in self.sought_rowids(passing, rowids, wanted)]

    def sought_by_key(self, passing, low=None, high=None, reverse=False, columns=None, wanted=0):
        rowids = [rowid for rowid, _ in self.items(low, high, reverse, columns)]
        return self.sought(passing, rowids, columns, wanted)

    def sought_rowids(self, passing, rowids, wanted=0, order=None):
        found = set(passing() if callable(passing) else self.passing(passing))
        return [rowid for rowid in rowids if rowid in found]

    def passing(self, sieve):
        return [rowid for rowid, _ in sieved(list(self.items()), sieve)]

    def count_passing(self, passing, sieve, columns=None):
        items = self.items(columns=columns)
        found = passing([row for _, row in items])
        places = places_of(items, sieve, exact=True)
        assert places is None or len(places) == found
        return found

    def present(self, columns):
        for rows in (self.rows()[::2], self.rows()[1::2], []):
            yield [[row[at] for row in rows if row[at] is not None] for at in columns]

    def page(self, offset, limit, low=None, high=None):
        return self.rows(low, high)[offset : offset + limit]

    def items(self, low=None, high=None, reverse=False, columns=None, sieve=None):
        found = [
            (rowid, row if columns is None else tuple(v if at in columns else None for at, v in enumerate(row)))
            for rowid, row in sorted(self.data.items(), reverse=reverse)
            if (low is None or rowid >= low) and (high is None or rowid <= high)
        ]
        return found if sieve is None else sieved(found, sieve)

    def count(self):
        return len(self.data)

    def index(self, name):
        return FakeIndex(self, self.schema.index(name))

    def insert(self, row, rowid=None):
        assert len(row) == len(self.schema.columns)
        at = self.schema.rowid_column
        rowid = row[at] if at is not None else None
        if rowid is None:
            self.next += 1
            rowid = self.next
        if at is not None:
            row = (*row[:at], rowid, *row[at + 1 :])
        self.next = max(self.next, rowid)
        assert rowid not in self.data
        self.data[rowid] = row
        return row

    def insert_unless(self, row, index, otherwise):
        assert not self.conflicts(row, index)
        assert otherwise in ("nothing", "update")
        return self.insert(row)

    def update(self, rowid, old, new):
        assert self.data[rowid] == old
        self.data[rowid] = new
        return new

    def delete(self, rowid, old):
        assert self.data.pop(rowid) == old

    def insert_many(self, rows):
        return [self.insert(row) for row in rows]

    def update_many(self, rowids, olds, news, assigned):
        return list(map(self.update, rowids, olds, news))

    def delete_many(self, rowids):
        for rowid in rowids:
            del self.data[rowid]
        return frozenset()

    def insert_all(self, rows):
        inserted = self.insert_many(list(rows))
        return len(inserted), inserted[-1] if inserted else None

    def update_all(self, changes, assigned, given=tuple):
        changes = list(changes)
        fixed = given() if changes else ()
        for rowid, *varying in changes:
            values = [*varying, *fixed]
            row = list(self.data[rowid])
            for at, value in zip(assigned, values, strict=True):
                row[at] = value
            self.data[rowid] = tuple(row)
        return len(changes)

    def delete_all(self, rowids):
        rowids = list(rowids)
        self.delete_many(rowids)
        return len(rowids)

    def conflicts(self, row, index=None):
        found = set()
        if self.schema.rowid_column is not None and index in (None, f"{self.schema.name}_pkey"):
            rowid = row[self.schema.rowid_column]
            if rowid in self.data:
                found.add(rowid)
        for schema in self.schema.indexes:
            if schema.unique and index in (None, schema.name):
                live = self.index(schema.name)
                keys = [row[at] for at in live.at]
                if None not in keys:
                    found.update(live.lookup(*keys))
        return sorted(found)

    def begin_locking(self):
        self.locking = True

    def lock(self, rowid, row):
        assert self.data[rowid] == row
        self.locked.append(rowid)


class FakeCatalog:
    def __init__(self, *tables):
        self.tables = {table.schema.name: table for table in tables}

    def table(self, name):
        return self.tables[name]


def table_schema(name, columns, key=("id",), indexes=()):
    return TableSchema(
        name,
        tuple(ColumnSchema(column, type_, nullable) for column, (type_, nullable) in columns.items()),
        key,
        indexes=tuple(
            IndexSchema(index, tuple(IndexKey(column) for column in names), unique) for index, names, unique in indexes
        ),
        token=f"token of {name}",
    )


AUTHOR = table_schema(
    "author", {"id": (INTEGER, False), "name": (TEXT, False)}, indexes=[("author_name", ("name",), True)]
)
BOOK = table_schema(
    "book",
    {
        "id": (INTEGER, False),
        "title": (TEXT, False),
        "year": (INTEGER, True),
        "author_id": (INTEGER, True),
        "price": (DOUBLE, True),
    },
    indexes=[("book_author", ("author_id",), False), ("book_year_title", ("year", "title"), False)],
)
TAG = table_schema("tag", {"word": (TEXT, False), "book_id": (INTEGER, True), "main": (BOOLEAN, True)}, key=())
NAN = float("nan")

AUTHORS = [(1, "Ada"), (2, "Bob"), (3, "Cyd")]
BOOKS = [
    (1, "A", 1999, 1, 5.0),
    (2, "B", 2001, 1, None),
    (3, "C", None, 2, 7.5),
    (4, "D", 2001, None, NAN),
    (5, "E", 2010, 9, 5.0),
    (6, "A", None, None, NAN),
]
TAGS = [("x", 1, True), ("y", 1, None), ("x", 2, False), ("z", None, True), ("x", 7, None)]


def catalog():
    return FakeCatalog(FakeTable(AUTHOR, AUTHORS), FakeTable(BOOK, BOOKS), FakeTable(TAG, TAGS))


def scan(schema, alias=None):
    return p.Scan(schema, alias or schema.name)


def col(schema, name, alias=None):
    column = schema.column(name)
    return x.Column(alias or schema.name, name, column.type, column.nullable)


def const(value, type_=None):
    types = {bool: BOOLEAN, int: INTEGER, float: DOUBLE, str: TEXT}
    return x.Constant(value, type_ or types.get(type(value), BIGINT))


def param(index, type_=INTEGER):
    return x.Param(index, type_)


def eq(left, right):
    return x.Compare("=", left, right)


def project(source, *outputs, alias="result"):
    named = []
    for at, output in enumerate(outputs):
        if not isinstance(output, p.Output):
            output = p.Output(output.name if isinstance(output, x.Column) else f"c{at}", output)
        named.append(output)
    return p.Project(source, alias, tuple(named))


def everything(schema, alias=None):
    return [col(schema, column.name, alias) for column in schema.columns]
