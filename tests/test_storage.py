"""Storage: tables, indexes, constraints, definitions and their undoing, on a ZODB in memory."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from decimal import Decimal
from itertools import chain
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
import transaction
import ZODB
from hypothesis import given, settings
from hypothesis import strategies as st
from ZODB.MappingStorage import MappingStorage

from django_zodb.errors import ConflictError, DataError, IntegrityError, OperationalError, ProgrammingError
from django_zodb.record import replace
from django_zodb.storage import index as index_module
from django_zodb.storage import rebuild
from django_zodb.storage.bounded import BoundedDB
from django_zodb.storage.catalog import StoredCatalog
from django_zodb.storage.journal import Journal
from django_zodb.storage.keys import ABSENT, Component, KeyEncoding, float_key
from django_zodb.storage.layout import FORMAT, check_format, create_layout
from django_zodb.storage.persistent import IndexTree, Postings, RowTree, rowids
from django_zodb.storage.reads import ReadIndex
from django_zodb.storage.schema import Check, ColumnSchema, ForeignKey, IndexKey, IndexSchema, TableSchema
from django_zodb.storage.trees import (
    Bounds,
    bucket_oid,
    delete_key,
    delete_keys,
    estimated_len,
    items_backwards,
    key_oids,
    keys_backwards,
    leaf_oids,
    leaves_below,
    lowest_nodes,
    page_of,
    siblings_within,
)
from django_zodb.values import BIGINT, DECIMAL, DOUBLE, INTEGER, SMALLINT, TEXT, UUID_TYPE, Kind, SqlType

Row = tuple[Any, ...]


def compile_python(schema: TableSchema, expression: str, boolean: bool = False) -> Callable[[Row], Any]:
    """The expressions of these tests are Python over the columns' names."""
    try:
        code = compile(expression, "<test>", "eval")
    except SyntaxError as error:
        raise ProgrammingError(str(error)) from error
    names = tuple(schema.positions)

    def function(row: Row) -> Any:
        try:
            return eval(code, {"__builtins__": {}}, dict(zip(names, row, strict=True)))
        except (AttributeError, TypeError):  # an operand is None
            return None

    return function


class CountingSequences:
    """Ids from 1, table by table."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def next(self, table: str, /) -> int:
        self.last[table] = self.last.get(table, 0) + 1
        return self.last[table]

    def next_many(self, table: str, count: int, /) -> list[int]:
        return [self.next(table) for _ in range(count)]

    def observe(self, table: str, rowid: int, /) -> None:
        self.last[table] = max(self.last.get(table, 0), rowid)


class Store:
    """A database in memory with one connection and its catalog."""

    def __init__(self) -> None:
        self.db = ZODB.DB(None)
        self.manager = transaction.TransactionManager(explicit=True)
        self.connection = self.db.open(self.manager)
        self.manager.begin()
        create_layout(self.connection.root())
        self.manager.commit()
        self.journal = Journal()
        self.catalog = StoredCatalog(self.connection.root(), self.journal, compile_python, CountingSequences())
        self.begin()

    def begin(self) -> None:
        self.manager.begin()
        self.catalog.begin()

    def commit(self) -> None:
        self.catalog.check_deferred()
        self.catalog.flush_counts()
        self.manager.commit()
        self.begin()

    def abort(self) -> None:
        self.manager.abort()
        self.begin()

    def close(self) -> None:
        self.db.close()  # which aborts


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.close()


def column(name: str, type_: SqlType = TEXT, **options: Any) -> ColumnSchema:
    return ColumnSchema(name, type_, **options)


def unique(name: str, *columns: str, **options: Any) -> IndexSchema:
    return IndexSchema(name, tuple(map(IndexKey, columns)), unique=True, **options)


def index(name: str, *columns: str, **options: Any) -> IndexSchema:
    return IndexSchema(name, tuple(map(IndexKey, columns)), **options)


AUTHOR = TableSchema(
    "author",
    (column("id", BIGINT, nullable=False, identity=True), column("name", nullable=False), column("born", INTEGER)),
    primary_key=("id",),
    primary_key_name="author_pkey",
    indexes=(unique("author_name_key", "name", constraint=True), index("author_born", "born")),
    checks=(Check("author_born_check", "born > 0"),),
)
TO_AUTHOR = ForeignKey("book_author_fkey", ("author_id",), "author", ("id",))
DEFERRED = replace(TO_AUTHOR, deferrable=True, initially_deferred=True)
BOOK = TableSchema(
    "book",
    (column("id", BIGINT, nullable=False), column("title"), column("author_id", BIGINT)),
    primary_key=("id",),
    indexes=(index("book_author", "author_id"),),
    foreign_keys=(DEFERRED,),
)


def state(catalog: StoredCatalog) -> dict[str, Any]:
    """Everything that a catalog holds, as plain data."""
    root = catalog.root
    return {
        "names": catalog.table_names(),
        "definitions": {name: catalog.schema(name) for name in catalog.table_names()},
        "rows": {name: list(tree.items()) for name, tree in root["tables"].items()},
        "counts": {name: catalog.table(name).count() for name in catalog.table_names()},
        "indexes": {
            name: [(key, list(posting) if not isinstance(posting, int) else [posting]) for key, posting in each]
            for name, each in ((name, each.tree.items()) for name, each in root["catalog"].items())
        },
        "token": catalog.token,
    }


def assert_consistent(catalog: StoredCatalog) -> None:
    """Each index holds exactly the keys of the table's rows, each count is right."""
    for name in catalog.table_names():
        table = catalog.table(name)
        rows = list(table.items())
        assert table.count() == len(rows)
        for plan in table.plan.writer.indexes:
            expected: dict[Any, list[int]] = {}
            for rowid, row in rows:
                if (key := plan.key_of(row)) is not ABSENT:
                    expected.setdefault(key, []).append(rowid)
            tree = table.index(plan.schema.name).tree
            found = {key: [p] if isinstance(p, int) else list(p) for key, p in tree.items()}
            assert found == expected, (name, plan.schema.name)


# --- rows and reading ----------------------------------------------------------------------------------------------


def test_insert_draws_ids_and_get_finds_rows(store: Store) -> None:
    store.catalog.create_table(AUTHOR)
    table = store.catalog.table("author")
    assert table.insert((None, "Ada", 1815)) == (1, "Ada", 1815)
    assert table.insert((7, "Bob", None)) == (7, "Bob", None)
    assert table.insert((None, "Cyd", None)) == (8, "Cyd", None)
    assert table.get(7) == (7, "Bob", None)
    assert table.get(6) is None
    assert table.count() == 3
    assert [row[1] for row in table.rows()] == ["Ada", "Bob", "Cyd"]
    assert [row[1] for row in table.rows(reverse=True)] == ["Cyd", "Bob", "Ada"]
    assert [rowid for rowid, _ in table.items(2, 7)] == [7]
    store.commit()
    assert store.catalog.table("author").count() == 3
    assert_consistent(store.catalog)


def test_get_is_the_method_of_the_tree(store: Store) -> None:
    store.catalog.create_table(AUTHOR)
    table = store.catalog.table("author")
    assert table.get.__self__ is table.tree  # type: ignore[attr-defined]


def test_unknown_tables_are_a_key_error(store: Store) -> None:
    with pytest.raises(KeyError):
        store.catalog.table("nothing")
    assert store.catalog.schema("nothing") is None


def test_a_page_is_a_slice_of_the_rows(store: Store) -> None:
    store.catalog.create_table(AUTHOR)
    table = store.catalog.table("author")
    assert table.page(0, 10) == table.page(3, 1) == []
    for number in range(100):
        table.insert((None, f"author {number}", 1900 + number))
    rows = list(table.rows())
    for offset, limit in ((0, 5), (3, 40), (98, 10), (99, 1), (100, 1), (5, 0), (0, 1 << 60)):
        assert table.page(offset, limit) == rows[offset : offset + limit]
        assert table.page(offset, limit, reverse=True) == rows[::-1][offset : offset + limit]
        within = list(table.rows(11, 30))
        assert table.page(offset, limit, 11, 30) == within[offset : offset + limit]
        assert table.page(offset, limit, 11, 30, True) == within[::-1][offset : offset + limit]


def test_a_page_reads_the_leaves_before_it_once() -> None:
    connection = ZODB.DB(None).open()
    tree = connection.root()["tree"] = RowTree({number: (number,) for number in range(3000)})
    transaction.commit()
    leaves = len(list(leaf_oids(tree)))
    connection.cacheMinimize()
    connection.getTransferCounts(True)
    assert page_of(tree, 1500, 10) == [(number,) for number in range(1500, 1510)]
    loads, _ = connection.getTransferCounts(True)
    assert leaves / 2 < loads < leaves * 0.8, "and at most those of one more node"
    connection.close()


@pytest.mark.parametrize("leaf_count", [1, 10, 1000])
def test_backwards_is_forwards_reversed(store: Store, leaf_count: int) -> None:
    tree = RowTree({key * 2: (key,) for key in range(leaf_count * 20)})
    top = leaf_count * 40
    assert list(keys_backwards(tree)) == list(tree.keys())[::-1]
    for low, high in (
        (None, 7),
        (7, None),
        (5, 31),
        (6, 30),
        (top // 2, top // 2 + 3),
        (9, 5),
        (top, None),
        (None, -1),
    ):
        for opened in (False, True):
            bounds = Bounds(low, high, opened and low is not None, opened and high is not None)
            assert list(items_backwards(tree, bounds)) == list(tree.items(*bounds))[::-1], bounds
    for key in range(0, top // 2, 2):  # leaves that have lost all keys, and separators that no key equals
        del tree[key]
    assert list(keys_backwards(tree, Bounds(None, top - 2))) == list(tree.keys())[::-1]


def test_nodes_above_leaves_are_not_read_if_they_are_known() -> None:
    for size in (0, 1, 20, 3000):
        tree = RowTree({number: (number,) for number in range(size)})
        nodes = list(lowest_nodes(tree, lambda oid: False))
        assert [row for node in nodes for leaf in leaves_below(node) for row in leaf.values()] == list(tree.values())
        assert nodes == [node for node, _ in siblings_within(tree)]
        if size == 3000:
            assert len(nodes) > 1 and list(lowest_nodes(tree, lambda oid: True)) == list(tree.shape()[0][::2])


def test_null_is_the_first_key_backwards_too() -> None:
    tree = IndexTree({None: 0, **{f"{key:04}": key for key in range(200)}})
    assert list(keys_backwards(tree, Bounds(None, "0100")))[-2:] == ["0000", None]
    assert list(keys_backwards(tree, Bounds("0003", "0005"))) == ["0005", "0004", "0003"]


def test_trees_do_not_merge() -> None:
    for cls in (RowTree, IndexTree, Postings):
        for each in (cls(), cls._bucket_type()):
            assert not hasattr(each, "_p_resolveConflict")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.sets(st.integers(0, 399)), st.booleans(), st.data())
def test_keys_are_deleted_leaf_by_leaf(size: int, gone: set[int], stored: bool, data: st.DataObject) -> None:
    keys = [(key // 7, key % 7) for key in range(size)]
    gone = {key for key in gone if key < size} | set(range(*sorted(data.draw(st.tuples(*[st.integers(0, size)] * 2)))))
    tree, rows = IndexTree(dict.fromkeys(keys, 0)), RowTree(dict.fromkeys(range(size), ()))
    if stored:
        manager = transaction.TransactionManager()
        BoundedDB(MappingStorage()).open(manager).root()["trees"] = [tree, rows]
        manager.commit()
    delete_keys(tree, [keys[at] for at in sorted(gone)])
    for at in data.draw(st.permutations(sorted(gone))):
        delete_key(rows, at)
    for each, left in (tree, keys), (rows, list(range(size))):
        each._check()
        assert list(each) == [key for at, key in enumerate(left) if at not in gone]
    for delete in (lambda key: delete_keys(rows, [key]), lambda key: delete_key(rows, key)):
        with pytest.raises(KeyError):
            delete(size)


def test_the_first_row_of_a_leaf_goes_like_any_other(store: Store) -> None:
    """The node above keeps the key that has gone: it separates as well, and others may be changing it."""
    root, manager = store.connection.root(), store.manager
    root["t"] = tree = RowTree(dict.fromkeys(range(500), ()))
    manager.commit()
    manager.begin()
    for key in range(100, 110):
        delete_key(tree, key)
    changed = {type(each).__name__ for each in store.connection._registered_objects}
    assert changed == {"RowBucket"}


# --- oids ----------------------------------------------------------------------------------------------------------


def test_bucket_oid_names_the_record_that_a_change_writes(store: Store) -> None:
    root, manager = store.connection.root(), store.manager
    for size in (0, 3, 500):
        root["t"] = tree = RowTree({key * 10: () for key in range(size)})
        manager.commit()
        for key in (5, 21, 2500, 99999):
            manager.begin()
            oid = bucket_oid(tree, key)
            tree[key] = (1,)
            assert oid in {each._p_oid for each in store.connection._registered_objects}
            manager.abort()
        manager.begin()
        assert set(leaf_oids(tree)) == {bucket_oid(tree, key) for key in range(0, size * 10 + 10, 10)}
        keys = [5, 21, 2500, 2501, 99999]
        assert set(key_oids(tree, keys)) == {bucket_oid(tree, key) for key in keys}


def test_a_leaf_that_goes_away_is_written(store: Store) -> None:
    """Whoever relies on a leaf for a missing key must notice when the leaf that holds its place changes."""
    root, manager = store.connection.root(), store.manager
    root["t"] = tree = RowTree(dict.fromkeys(range(0, 500, 2), ()))
    manager.commit()
    manager.begin()
    oid = bucket_oid(tree, 101)
    for key in range(80, 140, 2):
        del tree[key]
    assert oid != bucket_oid(tree, 101)
    assert oid in {each._p_oid for each in store.connection._registered_objects}
    manager.abort()
    manager.begin()


def test_estimates_are_near() -> None:
    tree = RowTree(dict.fromkeys(range(50_000), ()))
    assert 0.7 < estimated_len(tree) / 50_000 < 1.4


# --- keys ----------------------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(timezones=st.just(dt.UTC))
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.BOOLEAN: st.booleans(),
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.DOUBLE: st.floats(),
    Kind.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False),
    Kind.TEXT: st.text(max_size=4) | st.text("\0\1a\uffff\U00010000", max_size=4),
    Kind.BYTES: st.binary(max_size=4) | st.lists(st.sampled_from([0, 1, 255]), max_size=4).map(bytes),
    Kind.DATE: st.dates(),
    Kind.TIME: st.times(),
    Kind.TIMESTAMP: MOMENTS,
    Kind.INTERVAL: st.timedeltas(),
    Kind.UUID: st.uuids(),
}


def sql_order(value: Any) -> tuple[Any, ...]:
    """A key for ``sorted`` in SQL's ascending order, by another way than the encoding."""
    if value is None:
        return (0,)
    if isinstance(value, float):
        return (2,) if math.isnan(value) else (1, value)
    return (1, value.int) if isinstance(value, UUID) else (1, value)


@st.composite
def indexed_rows(draw: st.DrawFn) -> tuple[KeyEncoding, list[Row]]:
    components = tuple(
        Component(draw(st.sampled_from(list(VALUES))), draw(st.booleans()), draw(st.booleans()))
        for _ in range(draw(st.integers(1, 3)))
    )
    parts = [VALUES[each.kind] | st.none() if each.nullable else VALUES[each.kind] for each in components if each.kind]
    return KeyEncoding(components), draw(st.lists(st.tuples(*parts), max_size=12))


def in_index_order(encoding: KeyEncoding, rows: list[Row]) -> list[Row]:
    for at in reversed(range(len(encoding.components))):
        rows = sorted(rows, key=lambda row: sql_order(row[at]), reverse=encoding.components[at].descending)
    return rows


@settings(max_examples=300, deadline=None)
@given(indexed_rows())
def test_keys_order_as_values(case: tuple[KeyEncoding, list[Row]]) -> None:
    encoding, rows = case
    tree = IndexTree()
    for row in rows:
        tree[encoding.key(row)] = row
    assert [encoding.key(row) for row in in_index_order(encoding, list(tree.values()))] == list(tree.keys())
    for row in rows:
        assert encoding.has_null(encoding.key(row)) == (None in row)
        assert encoding.row_key(range(len(row)))(row) == encoding.key(row)


@settings(max_examples=300, deadline=None)
@given(indexed_rows(), st.data())
def test_bounds_select_what_they_say(case: tuple[KeyEncoding, list[Row]], data: st.DataObject) -> None:
    encoding, rows = case
    at = data.draw(st.integers(0, len(encoding.components) - 1))
    kind = encoding.components[at].kind
    assert kind is not None
    pool = [row[at] for row in rows if row[at] is not None]
    bound = st.none() | VALUES[kind] | (st.sampled_from(pool) if pool else st.nothing())
    low, high = data.draw(bound), data.draw(bound)
    low_open, high_open, nulls = data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.booleans())
    prefix = rows[0][:at] if rows else tuple(data.draw(VALUES[each.kind]) for each in encoding.components[:at])  # type: ignore[index]
    tree = IndexTree({encoding.key(row): row for row in rows})

    def selected(row: Row) -> bool:
        if list(map(sql_order, row[:at])) != list(map(sql_order, prefix)):
            return False
        if row[at] is None:
            return nulls and low is None
        place = sql_order(row[at])
        above = low is None or (place > sql_order(low) if low_open else place >= sql_order(low))
        below = high is None or (place < sql_order(high) if high_open else place <= sql_order(high))
        return above and below

    found = list(tree.values(*encoding.bounds(prefix, low, high, low_open, high_open, nulls)))
    expected = [row for row in in_index_order(encoding, list(tree.values())) if selected(row)]
    assert list(map(encoding.key, found)) == list(map(encoding.key, expected))


def test_not_a_number_is_one_last_key() -> None:
    assert float_key(-math.nan) == float_key(math.nan) > float_key(math.inf)
    assert float_key(-0.0) == float_key(0.0)


# --- indexes -------------------------------------------------------------------------------------------------------

THINGS = TableSchema(
    "thing",
    (
        column("id", BIGINT, nullable=False),
        column("kind", TEXT),
        column("size", INTEGER),
        column("code", UUID_TYPE),
        column("weight", DOUBLE),
    ),
    primary_key=("id",),
    indexes=(
        index("thing_kind", "kind"),
        IndexSchema("thing_kind_size", (IndexKey("kind"), IndexKey("size", descending=True))),
        IndexSchema("thing_size_desc", (IndexKey("size", descending=True),)),
        unique("thing_code", "code"),
        index("thing_weight", "weight"),
        IndexSchema("thing_big", (IndexKey("kind"),), where="size > 10"),
        IndexSchema("thing_upper", (IndexKey(expression="kind.upper()"),)),
    ),
)


@pytest.fixture
def things(store: Store) -> StoredCatalog:
    store.catalog.create_table(THINGS)
    table = store.catalog.table("thing")
    for rowid in range(1, 101):
        kind = None if rowid % 10 == 0 else "abc"[rowid % 3]
        code = None if rowid % 4 else UUID(int=rowid)
        table.insert((rowid, kind, None if rowid == 50 else rowid % 20, code, float(rowid % 7)))
    return store.catalog


def test_lookups(things: StoredCatalog) -> None:
    table = things.table("thing")
    rows = list(table.rows())
    assert list(table.index("thing_kind").lookup("a")) == [row[0] for row in rows if row[1] == "a"]
    assert list(table.index("thing_kind").lookup(None)) == [row[0] for row in rows if row[1] is None]
    assert list(table.index("thing_kind").lookup("zzz")) == []
    assert list(table.index("thing_code").lookup(UUID(int=8))) == [8]
    assert list(table.index("thing_kind_size").lookup("b", 4)) == [
        row[0] for row in rows if row[1] == "b" and row[2] == 4
    ]
    assert list(table.index("thing_weight").lookup(3.0)) == [row[0] for row in rows if row[4] == 3.0]
    assert list(table.index("thing_upper").lookup("C")) == [row[0] for row in rows if row[1] == "c"]
    assert list(table.index("thing_big").lookup("a")) == [
        row[0] for row in rows if row[1] == "a" and row[2] is not None and row[2] > 10
    ]


@pytest.mark.parametrize("many", [False, True])
def test_sizes_are_the_lengths_of_lookups(things: StoredCatalog, many: bool) -> None:
    table = things.table("thing")
    for rowid in range(101, 1001) if many else ():  # then there are sets of rowids
        table.insert((rowid, "a", rowid, None, 3.0))
    asked: dict[str, list[Any]] = {
        "thing_kind": ["a", "b", None, "zzz", "a"],
        "thing_code": [UUID(int=8), UUID(int=9), None],
        "thing_weight": [3.0, 9.0],
        "thing_upper": ["A", "B", "a"],
        "thing_size_desc": [7, None, 1000, -1],
    }
    for name, keys in asked.items():
        index = table.index(name)
        assert list(index.sizes(iter(keys))) == [len(index.lookup(key)) for key in keys]
        assert dict(index.counts()) == {key: len(list(index.with_key(key))) for key, _ in index.tree.items()}


@pytest.mark.parametrize("name", ["thing_kind", "thing_size_desc", "thing_weight"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("nulls", [False, True])
def test_postings_are_the_parts_of_a_range(things: StoredCatalog, name: str, reverse: bool, nulls: bool) -> None:
    index = things.table("thing").index(name)
    runs = list(map(list, index.postings(nulls=nulls, reverse=reverse)))
    assert list(chain.from_iterable(runs)) == list(index.range(nulls=nulls, reverse=reverse, ties_reversed=reverse))
    assert runs == [list(index.lookup(*_values(things, name, run[0]))) for run in runs]


def _values(things: StoredCatalog, name: str, rowid: int) -> list[Any]:
    table = things.table("thing")
    row = table.get(rowid)
    assert row is not None
    return [row[table.schema.positions[key.column]] for key in table.index(name).schema.keys if key.column]


def test_ranges(things: StoredCatalog) -> None:
    table = things.table("thing")
    rows = list(table.rows())
    by_size = table.index("thing_size_desc")
    ordered = sorted(rows, key=lambda row: (row[2] is None, -(row[2] or 0), row[0]))
    assert list(by_size.range(nulls=True)) == [row[0] for row in ordered]
    assert list(by_size.range(nulls=True, reverse=True)) == [row[0] for row in reversed(ordered)]
    assert list(by_size.range()) == [row[0] for row in ordered if row[2] is not None]
    assert list(by_size.range(low=3, high=5, high_open=True)) == [row[0] for row in ordered if row[2] in (3, 4)]
    of_kind = [row for row in ordered if row[1] == "b"]
    assert list(table.index("thing_kind_size").range(("b",), nulls=True)) == [row[0] for row in of_kind]
    assert list(table.index("thing_kind_size").range(("b",), low=7)) == [
        row[0] for row in of_kind if row[2] is not None and row[2] >= 7
    ]
    assert list(table.index("thing_kind").range(low="b", reverse=True)) == [
        row[0] for row in sorted(rows, key=lambda row: (row[1] or "", row[0]), reverse=True) if row[1] in ("b", "c")
    ]
    assert list(table.index("thing_code").range(reverse=True)) == list(range(100, 0, -4))
    assert list(table.index("thing_kind_size").range(("b", 5), reverse=True)) == [
        row[0] for row in reversed(rows) if row[1:3] == ("b", 5)
    ]


@pytest.mark.parametrize("many", [False, True])
def test_the_size_of_a_range(things: StoredCatalog, many: bool) -> None:
    table = things.table("thing")
    for rowid in range(101, 1001) if many else ():  # then there are sets of rowids
        table.insert((rowid, "a", rowid % 9, None, 3.0))
    asked: list[tuple[str, tuple[Any, ...], list[Any]]] = [
        ("thing_kind", (), ["a", "b"]),
        ("thing_code", (), [UUID(int=8), UUID(int=60)]),
        ("thing_weight", (), [2.0, 3.0]),
        ("thing_size_desc", (), [3, 5]),
        ("thing_kind_size", ("a",), [3, 7]),
        ("thing_kind_size", ("a", 3), []),
    ]
    for name, prefix, bounds in asked:
        index = table.index(name)
        low, high = bounds or (None, None)
        for ends in ({}, {"low": low}, {"high": high}, {"low": low, "high": high}):
            for flags in ({}, {"low_open": True}, {"high_open": True}, {"nulls": True}):
                expected = len(list(index.range(prefix, **ends, **flags)))
                assert index.size(prefix, **ends, **flags) == expected
                assert ReadIndex(index).size(prefix, **ends, **flags) == expected


def test_of_null_nothing_is_counted_where_there_is_no_place_for_it(store: Store) -> None:
    last = IndexSchema("last", (IndexKey("size", descending=True),))
    columns = (column("id", BIGINT, nullable=False), column("size", BIGINT, nullable=False))
    store.catalog.create_table(TableSchema("log", columns, ("id",), indexes=(last,)))
    store.catalog.table("log").insert((1, 5))
    assert store.catalog.table("log").index("last").count((None,)) == 0


def test_estimates_of_ranges(things: StoredCatalog) -> None:
    table = things.table("thing")
    kind = table.index("thing_kind")
    assert kind.count(("a",)) == len(kind.lookup("a"))
    assert kind.count(("nothing",)) == 0
    assert kind.count((None,)) == 10
    assert table.index("thing_size_desc").count((None,)) == 1
    assert table.index("thing_kind_size").count((None,)) == 10
    assert kind.key_count() == 4
    assert table.index("thing_weight").count((), 2.0, 3.0) == len(list(table.index("thing_weight").range((), 2.0, 3.0)))
    assert table.index("thing_kind_size").count() == 100


def test_postings_change_their_form(store: Store) -> None:
    tree = IndexTree()
    for rowid in reversed(range(40)):
        if not tree.insert("k", rowid):
            tree.grow("k", rowid)
        tree.grow("k", rowid)
        kind = {1: int}.get(40 - rowid, tuple if 40 - rowid <= 30 else Postings)
        assert type(tree["k"]) is kind
    for rowid in range(40):
        tree.discard("k", rowid)
        tree.discard("k", rowid)
        left = 39 - rowid
        if left:
            assert type(tree["k"]) is {1: int}.get(left, tuple if left <= 15 else Postings)
    assert "k" not in tree


def test_the_catalog_speaks_zope(things: StoredCatalog) -> None:
    catalog = things.root["catalog"]
    assert list(catalog["thing_code"].apply((UUID(int=8), UUID(int=16)))) == [8, 12, 16]
    assert list(catalog["thing_weight"].apply((6.0, None)))[:2] == [6, 13]
    assert len(catalog["thing_kind"].apply((None, None))) == 100
    assert catalog["thing_kind"].documentCount() == 100
    assert catalog["thing_kind"].wordCount() == 4
    assert len(catalog.apply({"thing_kind": ("a", "a"), "thing_weight": (1.0, 1.0)})) == len(
        [row for row in things.table("thing").rows() if row[1] == "a" and row[4] == 1.0]
    )
    before = list(catalog["thing_kind"].tree.items())
    catalog["thing_kind"].index_doc(500, "a")
    assert 500 in catalog["thing_kind"].apply(("a", "a"))
    catalog["thing_kind"].unindex_doc(500)
    assert len(before) == len(catalog["thing_kind"].tree)
    assert catalog["thing_kind"].__parent__ is catalog


def test_a_primary_key_that_is_no_integer_is_an_index(store: Store) -> None:
    schema = TableSchema("session", (column("key"), column("data")), primary_key=("key",), primary_key_name="pk")
    store.catalog.create_table(schema)
    table = store.catalog.table("session")
    table.insert(("a", "1"))
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: session.key \(pk\)"):
        table.insert(("a", "2"))
    with pytest.raises(IntegrityError, match=r"NOT NULL constraint failed: session\.key"):
        table.insert((None, "2"))
    (rowid,) = table.index("pk").lookup("a")
    assert table.get(rowid) == ("a", "1")
    assert table.conflicts(("a", "9")) == [rowid]
    assert store.catalog.owner_of_index("pk") == "session"
    assert table.count() == 1


# --- constraints of one row ----------------------------------------------------------------------------------------


def test_refused_rows_leave_nothing(store: Store) -> None:
    store.catalog.create_table(AUTHOR)
    table = store.catalog.table("author")
    table.insert((1, "Ada", 1815))
    before = state(store.catalog)
    for row, message in (
        ((2, None, 1), "NOT NULL constraint failed: author.name"),
        ((2, "Bob", -1), r"CHECK constraint failed: author_born_check \(table author\)"),
        ((2, "Ada", 1), r"UNIQUE constraint failed: author.name \(author_name_key\)"),
        ((1, "Bob", 1), r"UNIQUE constraint failed: author.id \(author_pkey\)"),
    ):
        with pytest.raises(IntegrityError, match=message):
            table.insert(row)
        assert state(store.catalog) == before
    table.insert((2, "Bob", 5))
    before = state(store.catalog)
    for new in ((2, "Ada", 5), (1, "Bob", 5), (2, None, 5), (2, "Bob", 0), (None, "Bob", 5)):
        with pytest.raises(IntegrityError):
            table.update(2, (2, "Bob", 5), new)
        assert state(store.catalog) == before


def test_unique_and_null(store: Store) -> None:
    columns = (column("a", INTEGER), column("b", INTEGER))
    strict = unique("t_strict", "b", nulls_distinct=False)
    store.catalog.create_table(TableSchema("t", columns, indexes=(unique("t_ab", "a", "b"), strict)))
    table = store.catalog.table("t")
    table.insert((1, None))
    with pytest.raises(IntegrityError, match="t_strict"):
        table.insert((1, None))
    table.insert((1, 2))
    table.insert((None, 3))
    table.insert((None, 4))
    with pytest.raises(IntegrityError, match=r"t.a, t.b \(t_ab\)"):
        table.insert((1, 2))
    assert table.conflicts((1, 2)) == [3]
    assert table.conflicts((1, None)) == [1]
    assert table.conflicts((1, None), "t_ab") == []


def test_partial_and_expression_uniqueness(store: Store) -> None:
    columns = (column("name"), column("alive", INTEGER))
    schema = TableSchema(
        "t",
        columns,
        indexes=(
            IndexSchema("t_alive", (IndexKey("name"),), unique=True, where="alive == 1"),
            IndexSchema("t_lower", (IndexKey(expression="name.lower()"), IndexKey("alive")), unique=True),
        ),
    )
    store.catalog.create_table(schema)
    table = store.catalog.table("t")
    table.insert(("a", 0))
    table.insert(("a", 1))
    with pytest.raises(IntegrityError, match=r"t.name \(t_alive\)"):
        table.insert(("a", 1))
    with pytest.raises(IntegrityError, match="index t_lower of t"):
        table.insert(("A", 0))
    table.update(1, ("a", 0), ("b", 1))
    assert_consistent(store.catalog)
    assert table.conflicts(("b", 1)) == [1]
    assert table.conflicts(("b", 2)) == []


def test_generated_columns(store: Store) -> None:
    columns = (column("a", INTEGER), column("double", SMALLINT, generated="a * 2"))
    store.catalog.create_table(TableSchema("t", columns, indexes=(index("t_double", "double"),)))
    table = store.catalog.table("t")
    assert table.insert((3, None)) == (3, 6)
    assert table.update(1, (3, 6), (4, 6)) == (4, 8)
    assert list(table.index("t_double").lookup(8)) == [1]
    with pytest.raises(DataError, match=r"t\.double: .* out of range"):
        table.insert((30_000, None))
    assert_consistent(store.catalog)


def test_identity_beside_another_key_and_its_range(store: Store) -> None:
    columns = (column("key"), column("number", SMALLINT, identity=True))
    store.catalog.create_table(TableSchema("t", columns, primary_key=("key",)))
    table = store.catalog.table("t")
    first = table.insert(("a", None))
    assert isinstance(first[1], int)
    table.insert(("b", 32_767))
    with pytest.raises(DataError, match=r"t\.number has left the range of type smallint"):
        table.insert(("c", None))
    assert table.count() == 2


# --- foreign keys --------------------------------------------------------------------------------------------------


@pytest.fixture
def library(store: Store) -> StoredCatalog:
    store.catalog.create_table(AUTHOR)
    store.catalog.create_table(BOOK)
    store.catalog.table("author").insert((1, "Ada", None))
    store.commit()
    return store.catalog


def with_key(catalog: StoredCatalog, **options: Any) -> None:
    """Change what book's foreign key does."""
    book = catalog.schema("book")
    assert book is not None
    catalog.alter_table("book", replace(book, foreign_keys=(replace(book.foreign_keys[0], **options),)))


def test_deferred_keys_are_checked_at_the_commit(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 2))
    library.end_statement()
    with pytest.raises(IntegrityError, match=r"book.author_id \(book_author_fkey\): no row of author has id = 2"):
        library.check_deferred()
    library.table("author").insert((2, "Bob", None))
    library.check_deferred()
    library.table("author").delete(2, (2, "Bob", None))
    with pytest.raises(IntegrityError, match="no row of author has id = 2"):
        library.check_deferred()


def assign(table: Any, at: int, value: object) -> None:
    """One statement that assigns a column of all rows."""
    olds = list(table.rows())
    news = [(*row[:at], value, *row[at + 1 :]) for row in olds]
    table.update_many([row[0] for row in olds], olds, news, {at})


def test_keys_are_checked_whichever_statement_assigned_them(store: Store, library: StoredCatalog) -> None:
    """The checks pass by what was not assigned; a key may be, before or after other columns of the same rows."""
    book, author = library.table("book"), library.table("author")
    book.insert_many([(at, "Notes", 1) for at in range(5)])
    store.commit()
    for places in ((1, 2), (2, 1)):
        for at in places:
            assign(book, at, 7 if at == 2 else "Other")
        with pytest.raises(IntegrityError, match="no row of author has id = 7"):
            library.check_deferred()
        store.abort()
    assign(author, 2, 1815)
    assign(author, 0, 3)
    with pytest.raises(IntegrityError, match="id = 1 of author is still referenced"):
        library.check_deferred()
    store.abort()
    assign(book, 1, "Other")
    author.delete(1, (1, "Ada", None))
    with pytest.raises(IntegrityError, match="id = 1 of author is still referenced"):
        library.check_deferred()


def test_a_generated_key_is_checked_when_what_it_is_made_of_is_assigned(store: Store, library: StoredCatalog) -> None:
    columns = (column("id", BIGINT, nullable=False), column("a", BIGINT), column("b", BIGINT, generated="a + 1"))
    key = replace(DEFERRED, name="made_b_fkey", columns=("b",))
    library.create_table(TableSchema("made", columns, ("id",), foreign_keys=(key,)))
    made = library.table("made")
    made.insert_many([(1, 0, None), (2, 0, None)])
    library.check_deferred()
    store.commit()
    assign(made, 1, 5)
    with pytest.raises(IntegrityError, match="no row of author has id = 6"):
        library.check_deferred()


def test_rows_inserted_together_fill_leaves_if_they_are_small(store: Store) -> None:
    """Rows of links and keys that come in order; a leaf of larger rows is written with each change, and is not full."""
    small = (column("id", BIGINT, nullable=False), column("a", BIGINT))
    indexes = {"links": (unique("links_a", "a"), index("links_id", "id")), "texts": ()}
    for name, columns, rows_in_leaf in (("links", small, 25), ("texts", (*small, column("text")), 15)):
        store.catalog.create_table(TableSchema(name, columns, ("id",), indexes=indexes[name]))
        table = store.catalog.table(name)
        for start in (0, 1000, 2000):
            table.insert_many([(at, at, "x")[: len(columns)] for at in range(start, start + 1000)])
        store.commit()
        assert list(table.tree) == list(range(3000))
        for tree in (table.tree, *(each.tree for each in table.indexes())):
            tree._check()
            assert 3000 // len(list(leaf_oids(tree))) >= rows_in_leaf
            assert tree is not table.tree or name == "links" or 3000 // len(list(leaf_oids(tree))) <= rows_in_leaf + 1


def test_a_key_that_is_referred_to_stays(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 1))
    store.commit()
    author = library.table("author")
    author.delete(1, (1, "Ada", None))
    with pytest.raises(IntegrityError, match=r"id = 1 of author is still referenced from book.author_id"):
        library.check_deferred()
    author.insert((1, "Another", None))
    library.check_deferred()
    author.update(1, (1, "Another", None), (9, "Another", None))
    with pytest.raises(IntegrityError, match="still referenced"):
        library.check_deferred()
    library.table("book").update(1, (1, "Notes", 1), (1, "Notes", None))
    library.check_deferred()


def test_immediate_keys_are_checked_after_the_statement(store: Store, library: StoredCatalog) -> None:
    with_key(library, deferrable=False, initially_deferred=False)
    book = library.table("book")
    mark = store.journal.mark()
    book.insert((1, "Notes", 2))
    with pytest.raises(IntegrityError, match="no row of author"):
        library.end_statement()
    store.journal.undo_to(mark)
    library.end_statement()
    book.insert((1, "Notes", 1))
    library.end_statement()
    library.table("author").delete(1, (1, "Ada", None))
    with pytest.raises(IntegrityError, match="still referenced"):
        library.end_statement()


def test_set_constraints(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 2))
    with pytest.raises(IntegrityError):
        library.set_constraints(["book_author_fkey"], deferred=False)
    library.table("author").insert((2, "Bob", None))
    library.set_constraints(None, deferred=False)
    library.table("book").insert((2, "More", 3))
    with pytest.raises(IntegrityError):
        library.end_statement()
    store.abort()
    library.table("book").insert((2, "More", 3))
    library.end_statement()
    with pytest.raises(ProgrammingError, match="does not exist"):
        library.set_constraints(["nothing"], deferred=True)
    with pytest.raises(ProgrammingError, match="not deferrable"):
        library.set_constraints(["author_name_key"], deferred=True)


def test_cascade_reaches_all(store: Store, library: StoredCatalog) -> None:
    with_key(library, on_delete="CASCADE")
    node = TableSchema(
        "node",
        (column("id", BIGINT, nullable=False), column("parent", BIGINT), column("book", BIGINT)),
        primary_key=("id",),
        indexes=(index("node_parent", "parent"),),
        foreign_keys=(
            ForeignKey("node_parent_fkey", ("parent",), "node", ("id",), on_delete="CASCADE"),
            ForeignKey("node_book_fkey", ("book",), "book", ("id",), on_delete="CASCADE"),
        ),
    )
    library.create_table(node)
    library.table("book").insert((1, "Notes", 1))
    library.table("book").insert((2, "Other", None))
    for rowid in range(1, 3001):
        library.table("node").insert((rowid, rowid - 1 or None, 1 if rowid == 1 else None))
    before = state(library)
    mark = store.journal.mark()
    library.table("author").delete(1, (1, "Ada", None))
    library.end_statement()
    library.check_deferred()
    assert library.table("node").count() == 0
    assert [row[1] for row in library.table("book").rows()] == ["Other"]
    library.table("node").delete(5, (5, 4, None))  # already gone: no error
    assert_consistent(library)
    store.journal.undo_to(mark)
    assert state(library) == before


@pytest.mark.parametrize(("action", "left"), [("SET NULL", None), ("SET DEFAULT", 7)])
def test_setting_actions(store: Store, library: StoredCatalog, action: str, left: int | None) -> None:
    book = library.schema("book")
    assert book is not None
    columns = (*book.columns[:2], replace(book.columns[2], default="7"))
    library.alter_table("book", replace(book, columns=columns))
    with_key(library, on_delete=action, on_update=action)
    library.table("author").insert((7, "Default", None))
    library.table("book").insert((1, "Notes", 1))
    library.table("author").update(1, (1, "Ada", None), (2, "Ada", None))
    assert library.table("book").get(1) == (1, "Notes", left)
    library.table("book").update(1, (1, "Notes", left), (1, "Notes", 2))
    library.table("author").delete(2, (2, "Ada", None))
    assert library.table("book").get(1) == (1, "Notes", left)
    store.commit()
    assert_consistent(library)


def test_restrict_and_update_cascade(store: Store, library: StoredCatalog) -> None:
    with_key(library, on_delete="RESTRICT", on_update="CASCADE")
    library.table("book").insert((1, "Notes", 1))
    with pytest.raises(IntegrityError, match="still referenced"):
        library.table("author").delete(1, (1, "Ada", None))
    assert library.table("author").get(1) is not None
    library.table("author").update(1, (1, "Ada", None), (5, "Ada", None))
    assert library.table("book").get(1) == (1, "Notes", 5)
    store.commit()


def test_keys_of_many_columns_and_without_index(store: Store) -> None:
    parent = TableSchema(
        "parent", (column("a", INTEGER), column("b"), column("c", INTEGER)), primary_key=("a", "b"), indexes=()
    )
    fk = ForeignKey("child_fkey", ("y", "x"), "parent", ("b", "a"))
    child = TableSchema("child", (column("x", INTEGER), column("y")), foreign_keys=(fk,))
    store.catalog.create_table(parent)
    store.catalog.create_table(child)
    parent_table, child_table = store.catalog.table("parent"), store.catalog.table("child")
    parent_table.insert((1, "k", None))
    child_table.insert((1, "k"))
    child_table.insert((None, "z"))
    store.catalog.end_statement()
    child_table.insert((2, "k"))
    with pytest.raises(IntegrityError, match=r"no row of parent has b = 'k', a = 2"):
        store.catalog.end_statement()
    store.abort()


def test_deferrable_unique(store: Store) -> None:
    for initially_deferred in (False, True):
        name = f"t_{initially_deferred}".lower()
        constraint = unique(f"{name}_key", "a", deferrable=True, initially_deferred=initially_deferred)
        store.catalog.create_table(TableSchema(name, (column("a", INTEGER),), indexes=(constraint,)))
        table = store.catalog.table(name)
        table.insert((1,))
        table.insert((2,))
        store.catalog.end_statement()
        table.update(1, (1,), (2,))
        if initially_deferred:
            store.catalog.end_statement()
        with pytest.raises(IntegrityError, match=f"UNIQUE constraint failed: {name}.a"):
            store.catalog.check_deferred()
        table.update(2, (2,), (1,))
        store.catalog.check_deferred()
        assert_consistent(store.catalog)


def test_checks_enter_what_they_read(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 1))
    library.check_deferred()
    author = library.table("author")
    assert {bucket_oid(author.tree, 1), author.record._p_oid} <= store.journal.relied
    assert library.table("book").record._p_oid in library.relied()
    store.commit()
    assert not store.journal.relied
    author.delete(1, (1, "Ada", None))
    with pytest.raises(IntegrityError):
        library.check_deferred()


def test_check_constraints(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 9))
    library.check_constraints(["author"])
    with pytest.raises(IntegrityError, match="id = 9"):
        library.check_constraints()


# --- definitions ---------------------------------------------------------------------------------------------------


def test_definitions_are_undone(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 1))
    store.commit()
    before, root = state(library), store.journal.mark()
    library.table("author").insert((5, "Eve", None))
    library.create_table(TableSchema("extra", (column("a"),), indexes=(index("extra_a", "a"),)))
    library.table("extra").insert(("x",))
    middle, mark = state(library), store.journal.mark()
    library.alter_table("author", replace(library.schema("author") or AUTHOR, name="writer"))
    library.table("writer").insert((6, "Fay", 3))
    assert (library.schema("book") or BOOK).foreign_keys[0].table == "writer"
    library.rename_column("writer", "id", "number")
    assert (library.schema("book") or BOOK).foreign_keys[0].references == ("number",)
    library.truncate(["writer", "book"], restart=True)
    assert library.table("writer").count() == 0
    library.table("writer").insert((9, "Gus", 3))
    library.drop_table("writer", cascade=True)
    assert (library.schema("book") or BOOK).foreign_keys == ()
    library.create_table(AUTHOR)
    assert library.table("author").count() == 0
    library.table("author").insert((3, "New", 1))
    library.drop_table("extra")
    assert_consistent(library)
    store.journal.undo_to(mark)
    assert state(library) == middle
    assert_consistent(library)
    store.journal.undo_to(root)
    assert state(library) == before
    assert not store.journal.dirty
    assert not store.journal.ddl
    assert not any(store.journal.deltas.values())
    store.commit()
    assert state(library) == before


def test_definitions_survive(store: Store, library: StoredCatalog) -> None:
    library.truncate(["author", "book"])
    library.table("author").insert((3, "New", 1))
    library.alter_table("author", replace(library.schema("author") or AUTHOR, name="writer"))
    store.commit()
    other = StoredCatalog(store.db.open().root(), Journal(), compile_python, CountingSequences())
    other.begin()
    assert state(other) == state(library)
    assert list(other.table("writer").rows()) == [(3, "New", 1)]


def test_other_connections_notice(store: Store, library: StoredCatalog) -> None:
    manager = transaction.TransactionManager(explicit=True)
    connection = store.db.open(manager)
    manager.begin()
    other = StoredCatalog(connection.root(), Journal(), compile_python, CountingSequences())
    other.begin()
    assert other.table("author").count() == 1
    library.truncate(["author", "book"])
    library.drop_table("book")
    store.commit()
    assert other.table_names() == ["author", "book"]
    manager.abort()
    manager.begin()
    other.begin()
    assert other.table_names() == ["author"]
    assert other.references_to("author") == ()
    assert list(other.table("author").rows()) == []
    manager.abort()
    connection.close()


def test_adding_a_column_keeps_indexes(store: Store, library: StoredCatalog) -> None:
    schema = library.schema("author")
    assert schema is not None
    tree = library.table("author").index("author_name_key").tree
    columns = (*schema.columns, column("score", INTEGER, nullable=False))
    library.alter_table("author", replace(schema, columns=columns), lambda row: (*row, 5))
    author = library.table("author")
    assert list(author.rows()) == [(1, "Ada", None, 5)]
    assert author.index("author_name_key").tree is tree
    assert author.schema.token != schema.token
    with pytest.raises(IntegrityError, match=r"NOT NULL constraint failed: author\.more"):
        wider = (*columns, column("more", nullable=False))
        library.alter_table("author", replace(author.schema, columns=wider), lambda row: (*row, None))
    assert list(library.table("author").rows()) == [(1, "Ada", None, 5)]


def test_long_rewrites_leave_the_memory(store: Store, library: StoredCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "SPILL_ROWS", 100)
    for number in range(2, 1001):
        library.table("author").insert((number, f"n{number}", None))
    store.commit()
    schema, before, mark = library.schema("author") or AUTHOR, state(library), store.journal.mark()
    wider = replace(schema, columns=(*schema.columns, column("extra")))
    library.alter_table("author", wider, lambda row: (*row, "x"))
    assert len(store.connection._savepoint_storage.index) > 10
    store.journal.undo_to(mark)
    assert state(library) == before
    library.alter_table("author", wider, lambda row: (*row, "x"))
    store.commit()
    assert [row[3] for row in library.table("author").rows()] == ["x"] * 1000
    assert_consistent(library)


def test_changed_values_rebuild_indexes(store: Store) -> None:
    columns = (column("a", INTEGER), column("b", INTEGER))
    store.catalog.create_table(TableSchema("t", columns, indexes=(index("t_a", "a"), unique("t_b", "b"))))
    for at in range(100):
        store.catalog.table("t").insert((at, at))
    schema = store.catalog.schema("t")
    assert schema is not None
    kept, rebuilt = (store.catalog.table("t").index(name).tree for name in ("t_a", "t_b"))
    store.catalog.alter_table("t", schema, lambda row: (row[0], -row[1]))
    table = store.catalog.table("t")
    assert table.index("t_a").tree is kept
    assert table.index("t_b").tree is not rebuilt
    assert list(table.index("t_b").range((), -3)) == [4, 3, 2, 1]
    with pytest.raises(IntegrityError, match=r"t.b \(t_b\)"):
        store.catalog.alter_table("t", table.schema, lambda row: (row[0], 0))
    assert_consistent(store.catalog)


def test_adding_what_rows_violate_is_refused(store: Store, library: StoredCatalog) -> None:
    author = library.table("author")
    author.insert((2, "Bob", 3))
    author.insert((3, "Cyd", 3))
    library.table("book").insert((1, "Notes", 1))
    before = state(library)
    schema = author.schema
    born_required = (*schema.columns[:2], replace(schema.columns[2], nullable=False))
    for changed, message in (
        (replace(schema, indexes=(*schema.indexes, unique("u", "born"))), r"author.born \(u\)"),
        (replace(schema, checks=(*schema.checks, Check("c", "id < 3"))), "CHECK constraint failed: c"),
        (replace(schema, columns=born_required), "NOT NULL constraint failed: author.born"),
        (
            replace(schema, foreign_keys=(ForeignKey("f", ("id",), "book", ("id",)),)),
            r"author.id \(f\): no row of book has id",
        ),
    ):
        with pytest.raises(IntegrityError, match=message):
            library.alter_table("author", changed)
        assert state(library) == before
    nothing_else = replace(schema, indexes=tuple(replace(each, unique=True) for each in schema.indexes))
    with pytest.raises(IntegrityError, match="author_born"):
        library.alter_table("author", nothing_else)
    assert state(library) == before


def test_names_and_targets_are_checked(store: Store, library: StoredCatalog) -> None:
    before = state(library)
    fk = ForeignKey("f", ("a",), "author", ("id",))
    for schema, message in (
        (AUTHOR, 'table "author" already exists'),
        (TableSchema("t", (column("a"),), indexes=(index("book_author", "a"),)), 'index "book_author" already exists'),
        (TableSchema("t", (column("a"),), foreign_keys=(replace(fk, table="no"),)), 'table "no" does not exist'),
        (TableSchema("t", (column("a"),), foreign_keys=(replace(fk, references=("no",)),)), 'no column "no"'),
        (TableSchema("t", (column("a"),), foreign_keys=(fk,)), "text cannot refer to author.id"),
        (
            TableSchema("t", (column("a", INTEGER),), foreign_keys=(replace(fk, references=("born",)),)),
            r"no primary key or unique constraint on author \(born\)",
        ),
        (TableSchema("t", (column("a"),), checks=(Check("c", "a >"),)), "invalid syntax"),
    ):
        with pytest.raises(ProgrammingError, match=message):
            library.create_table(schema)
        assert state(library) == before
    with pytest.raises(IntegrityError, match=r"book.author_id \(book_author_fkey\) refers to it"):
        library.drop_table("author")
    with pytest.raises(ProgrammingError, match="does not exist"):
        library.drop_table("nothing")
    with pytest.raises(ProgrammingError, match="drop the foreign key"):
        author = library.schema("author") or AUTHOR
        id_as_text = (replace(author.columns[0], type=TEXT), *author.columns[1:])
        library.alter_table("author", replace(author, columns=id_as_text), lambda row: (str(row[0]), *row[1:]))


def test_truncate_asks_for_referring_tables(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", None))
    library.truncate(["author"])
    store.abort()
    library.table("book").insert((1, "Notes", 1))
    with pytest.raises(IntegrityError, match="truncate both together"):
        library.truncate(["author"])
    library.truncate(["author", "book"])
    library.check_deferred()
    store.commit()
    assert library.table("book").count() == 0


def test_a_primary_key_becomes_another(store: Store) -> None:
    columns = (column("id", BIGINT, nullable=False), column("code", nullable=False))
    store.catalog.create_table(TableSchema("t", columns, primary_key=("id",), indexes=(index("t_code", "code"),)))
    table = store.catalog.table("t")
    for at in (5, 3, 9):
        table.insert((at, f"c{at}"))
    schema = store.catalog.schema("t")
    assert schema is not None
    by_code = replace(schema, primary_key=("code",), primary_key_name="t_pk")
    store.catalog.alter_table("t", by_code)
    assert list(store.catalog.table("t").index("t_pk").range(nulls=True)) == [3, 5, 9]
    renumbered = (column("id", BIGINT, nullable=False), column("code", nullable=False))
    store.catalog.alter_table("t", replace(schema, columns=renumbered), lambda row: (row[0] * 10, row[1]))
    table = store.catalog.table("t")
    assert table.get(50) == (50, "c5")
    assert list(table.index("t_code").lookup("c9")) == [90]
    assert_consistent(store.catalog)
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: t.id"):
        store.catalog.alter_table("t", table.schema, lambda row: (1, row[1]))


def test_altering_keys_verifies_children(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 1))
    author = library.schema("author")
    assert author is not None
    with pytest.raises(IntegrityError, match="no row of author has id = 1"):
        library.alter_table("author", author, lambda row: (row[0] + 1, *row[1:]))
    library.alter_table("author", author, lambda row: (row[0], row[1].upper(), row[2]))
    assert list(library.table("author").rows()) == [(1, "ADA", None)]


def test_altering_settles_what_is_deferred(store: Store, library: StoredCatalog) -> None:
    """Rows of the old shape must not be met by checks of the new one."""
    library.table("book").insert((1, "Notes", 1))
    book = library.schema("book")
    assert book is not None
    shorter = replace(book, columns=(book.columns[0], book.columns[2]))
    library.alter_table("book", shorter, lambda row: (row[0], row[2]))
    library.table("book").insert((2, 1))
    store.commit()
    library.table("book").insert((3, 77))
    with pytest.raises(IntegrityError, match="id = 77"):
        library.alter_table("book", replace(library.schema("book") or book, name="tome"))


def test_definitions_rely_on_what_they_read(store: Store, library: StoredCatalog) -> None:
    library.create_table(TableSchema("prize", (column("author", BIGINT),)))
    store.commit()
    author = library.table("author")
    winner = ForeignKey("prize_fkey", ("author",), "author", ("id",))
    library.alter_table("prize", replace(library.schema("prize") or BOOK, foreign_keys=(winner,)))
    assert author.record._p_changed, "a delete there must notice"
    store.abort()
    leaves = set(leaf_oids(author.tree))
    library.alter_table("author", replace(author.schema, indexes=(*author.schema.indexes, index("extra", "born"))))
    assert leaves <= store.journal.relied
    assert author.record._p_changed
    store.abort()
    library.truncate(["author", "book"])
    assert leaves <= store.journal.relied
    assert author.record._p_changed


def test_formats(store: Store) -> None:
    root = store.connection.root()
    check_format(root)
    root["format"] = FORMAT + 1
    with pytest.raises(OperationalError, match=rf"format {FORMAT + 1}.*upgrade"):
        check_format(root)
    root["format"] = 0
    with pytest.raises(OperationalError, match=r"format 0; formats begin with 1"):
        check_format(root)
    del root["format"]
    with pytest.raises(OperationalError, match="something else"):
        check_format(root)


# --- doing it again ------------------------------------------------------------------------------------------------


def test_replay_applies_the_net(store: Store, library: StoredCatalog) -> None:
    author = library.table("author")
    author.insert((2, "Bob", 1))
    author.insert((3, "Cyd", 1))
    store.commit()
    author.update(2, (2, "Bob", 1), (2, "Cyd2", 1))
    author.update(3, (3, "Cyd", 1), (3, "Bob", 1))
    author.update(2, (2, "Cyd2", 1), (2, "Cyd", 1))  # two names have changed hands
    author.delete(1, (1, "Ada", None))
    author.insert((4, "Dan", 4))
    author.delete(4, (4, "Dan", 4))
    author.insert((5, "Eve", 5))
    expected = state(library)
    work = library.pending()
    assert work.net["author"].keys() == {1, 2, 3, 5}
    store.abort()
    library.replay(work)
    assert state(library) == expected
    assert_consistent(library)
    store.commit()


def other_transaction(store: Store, change: Callable[[StoredCatalog], None]) -> None:
    """Commit a change by another connection."""
    manager = transaction.TransactionManager(explicit=True)
    connection = store.db.open(manager)
    manager.begin()
    catalog = StoredCatalog(connection.root(), Journal(), compile_python, CountingSequences())
    catalog.begin()
    change(catalog)
    catalog.flush_counts()
    manager.commit()
    connection.close()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda c: c.table("author").delete(1, (1, "Ada", None)), ConflictError, "row id = 1 of author was deleted"),
        (
            lambda c: c.table("author").update(1, (1, "Ada", None), (1, "Ada", 5)),
            ConflictError,
            "row id = 1 of author was changed",
        ),
        (lambda c: c.table("author").insert((2, "Bob", None)), IntegrityError, r"author.id \(author_pkey\)"),
        (lambda c: c.table("author").insert((3, "Bob", None)), IntegrityError, r"author.name \(author_name_key\)"),
        (lambda c: c.truncate(["author", "book"]), ConflictError, "was deleted"),
        (
            lambda c: c.alter_table("author", replace(c.schema("author"), comment="x")),
            ConflictError,
            "the definition of table author",
        ),
        (lambda c: c.drop_table("author", cascade=True), ConflictError, "the definition of table author"),
    ],
)
def test_replay_meets_another_transaction(
    store: Store,
    library: StoredCatalog,
    change: Callable[[StoredCatalog], None],
    error: type[Exception],
    message: str,
) -> None:
    library.table("author").update(1, (1, "Ada", None), (1, "Ada L", None))
    library.table("author").insert((2, "Bob", None))
    work = library.pending()
    other_transaction(store, change)
    store.abort()
    with pytest.raises(error, match=message):
        library.replay(work)


def test_replay_checks_foreign_keys_and_locks(store: Store, library: StoredCatalog) -> None:
    library.table("book").insert((1, "Notes", 1))
    library.table("author").lock(1, (1, "Ada", None))
    work = library.pending()
    assert store.journal.relied
    other_transaction(store, lambda c: c.table("author").delete(1, (1, "Ada", None)))
    store.abort()
    with pytest.raises(IntegrityError, match="no row of author has id = 1"):
        library.replay(work)
    store.abort()
    with pytest.raises(ConflictError, match="locked here"):
        library.replay(replace(work, net={}))
    with pytest.raises(ConflictError, match="definitions"):
        library.replay(replace(work, definitions=True))


# --- random operations against a model -----------------------------------------------------------------------------

MODEL = TableSchema(
    "m",
    (column("id", BIGINT, nullable=False), column("u", INTEGER), column("v"), column("d", DECIMAL)),
    primary_key=("id",),
    indexes=(
        unique("m_u", "u"),
        index("m_v", "v"),
        IndexSchema("m_vd", (IndexKey("v", descending=True), IndexKey("d"))),
        IndexSchema("m_part", (IndexKey("d"),), where="u > 3"),
    ),
)
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "insert", "update", "delete", "mark", "undo", "truncate", "alter", "commit"]),
        st.integers(1, 12),
        st.none() | st.integers(0, 8),
        st.none() | st.sampled_from("ab"),
        st.none() | st.sampled_from([Decimal("1"), Decimal("1.5"), Decimal("-2")]),
    ),
    max_size=40,
)


class Model:
    """What the table should hold, and what the operations do to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: dict[int, Row] = {}
        self.marks: list[tuple[int, dict[int, Row], dict[str, Any]]] = []

    def run(self, operation: str, row: Row) -> None:
        table, rows = self.store.catalog.table("m"), self.rows
        taken = {each[1] for rowid, each in rows.items() if each[1] is not None and rowid != row[0]}
        match operation:
            case "insert" | "update":
                there = row[0] in rows
                if row[1] in taken or (operation == "insert" and there):
                    with pytest.raises(IntegrityError):
                        table.update(row[0], rows[row[0]], row) if operation == "update" and there else table.insert(
                            row
                        )
                elif operation == "insert":
                    rows[row[0]] = table.insert(row)
                elif there:
                    rows[row[0]] = table.update(row[0], rows[row[0]], row)
            case "delete" if row[0] in rows:
                table.delete(row[0], rows.pop(row[0]))
            case "mark":
                self.marks.append((self.store.journal.mark(), dict(rows), state(self.store.catalog)))
            case "undo" if self.marks:
                mark, self.rows, expected = self.marks.pop()
                self.store.journal.undo_to(mark)
                assert state(self.store.catalog) == expected
            case "truncate":
                self.store.catalog.truncate(["m"])
                self.rows = {}
            case "alter":
                self.store.catalog.alter_table("m", table.schema, lambda old: (*old[:2], "a", old[3]))
                self.rows = {rowid: (*old[:2], "a", old[3]) for rowid, old in rows.items()}
            case "commit":
                self.store.commit()
                self.marks.clear()


@settings(max_examples=150, deadline=None)
@given(OPERATIONS)
def test_operations_agree_with_a_model(operations: list[tuple[Any, ...]]) -> None:
    store = Store()
    try:
        store.catalog.create_table(MODEL)
        store.commit()
        model = Model(store)
        for operation, *row in operations:
            model.run(operation, tuple(row))
            assert dict(store.catalog.table("m").items()) == model.rows
            assert_consistent(store.catalog)
        store.commit()
        assert dict(store.catalog.table("m").items()) == model.rows
    finally:
        store.close()


def test_an_interrupted_change_is_undone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops a change between two indexes, undoing puts all of it right."""
    store.catalog.create_table(THINGS)
    table = store.catalog.table("thing")
    old = table.insert((1, "a", 5, uuid4(), 1.0))
    before, mark = state(store.catalog), store.journal.mark()
    for stop in range(len(THINGS.indexes)):
        entered = table._entered

        def interrupt(key: Any, rowid: int) -> int:
            raise KeyboardInterrupt

        broken = [*entered[:stop], (interrupt, entered[stop][1]), *entered[stop + 1 :]]
        monkeypatch.setitem(table.__dict__, "_entered", tuple(broken))
        with pytest.raises(KeyboardInterrupt):
            table.insert((2, "b", 50, uuid4(), 2.0))
        assert state(store.catalog) == before
        with pytest.raises(KeyboardInterrupt):
            table.update(1, old, (1, "b", 50, uuid4(), 2.0))
        assert state(store.catalog) == before
        monkeypatch.setitem(table.__dict__, "_entered", entered)
        table.update(1, old, (1, "b", 50, uuid4(), 2.0))
        store.journal.undo_to(mark)
        assert state(store.catalog) == before


# --- many rows at once ---------------------------------------------------------------------------------------------


def state_of(store: Store, name: str) -> Any:
    """All rows and index entries of a table, and its number of rows."""
    table = store.catalog.table(name)
    entries = {each.schema.name: [(k, list(rowids(v))) for k, v in each.tree.items()] for each in table.indexes()}
    return list(table.items()), entries, table.count()


MANY = TableSchema(
    "many",
    (column("id", BIGINT, nullable=False), column("code", INTEGER), column("tag", INTEGER), column("note")),
    primary_key=("id",),
    indexes=(
        unique("many_code", "code"),
        index("many_tag", "tag"),
        index("many_tag_note", "tag", "note"),
        IndexSchema("many_some", (IndexKey("note"),), where="tag > 1"),
        IndexSchema("many_less", (IndexKey(expression="tag - 1"),)),
    ),
)
_TAGS = st.none() | st.integers(0, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_TAGS, _TAGS, st.none() | st.sampled_from("ab")), max_size=90), st.booleans(), st.data())
def test_many_rows_are_written_as_one_by_one(values: list[tuple[Any, ...]], few: bool, data: st.DataObject) -> None:
    """``few``: what indexes do with hundreds of keys they do with a handful."""
    with patch.multiple(index_module, _MANY=2, _PIECE=7) if few else nullcontext():
        _check_many_rows(values, data)


def _check_many_rows(values: list[tuple[Any, ...]], data: st.DataObject) -> None:
    store, other = Store(), Store()
    for each in (store, other):
        each.catalog.create_table(MANY)
    many, one = store.catalog.table("many"), other.catalog.table("many")
    rows = [(None, None if code is None else at, tag, note) for at, (code, tag, note) in enumerate(values)]
    empty, created = state_of(store, "many"), store.journal.mark()
    assert many.insert_many(rows) == [one.insert(row) for row in rows]
    full = state_of(store, "many")
    assert full == state_of(other, "many")

    changed = data.draw(st.sets(st.sampled_from(full[0]))) if rows else set()
    tag, note = data.draw(_TAGS), data.draw(st.none() | st.sampled_from("ab"))
    mark = store.journal.mark()
    changes = [(rowid, old, (old[0], old[1] and old[1] + 1000, tag, note)) for rowid, old in sorted(changed, key=repr)]
    rowids, olds, news = ([change[at] for change in changes] for at in range(3))
    assert many.update_many(rowids, olds, news, {1, 2, 3}) == [one.update(*change) for change in changes]
    assert state_of(store, "many") == state_of(other, "many")
    store.journal.undo_to(mark)
    assert state_of(store, "many") == full

    gone = full[0][:: data.draw(st.integers(1, 3))]
    many.delete_many([each[0] for each in gone])
    for rowid, row in gone:
        one.delete(rowid, one.get(rowid) or row)
    assert [rowid for rowid, _ in state_of(store, "many")[0]] == [rowid for rowid, _ in state_of(other, "many")[0]]
    store.journal.undo_to(mark)
    assert state_of(store, "many") == full
    store.journal.undo_to(created)
    assert state_of(store, "many") == empty
    store.close()
    other.close()


@pytest.mark.parametrize(
    "rows",
    [
        [(None, 1, 1, ""), (None, 2, 1, ""), (None, 1, 1, "")],
        [(None, 2, 1, ""), (None, 7, 1, "")],
        [(None, 2, 1, ""), (5, 3, 1, "")],
        [(9, 2, 1, ""), (9, 3, 1, "")],
    ],
)
def test_of_many_rows_all_or_none_are_stored(store: Store, rows: list[Row]) -> None:
    store.catalog.create_table(MANY)
    table = store.catalog.table("many")
    table.insert((5, 7, 1, "old"))
    before = state_of(store, "many")
    with pytest.raises(IntegrityError, match="UNIQUE constraint failed: many"):
        table.insert_many(rows)
    assert state_of(store, "many") == before


def test_a_posting_that_shrinks_is_written_in_every_leaf(store: Store) -> None:
    tree = store.connection.root()["tree"] = IndexTree({1: Postings(range(300)), **dict.fromkeys(range(2, 90), 0)})
    store.commit()
    posting = tree[1]
    leaves = set(leaf_oids(posting))
    assert len(leaves) > 1
    tree.discard_many(1, set(range(5, 295)))
    assert tree[1] == (0, 1, 2, 3, 4, 295, 296, 297, 298, 299)
    assert leaves <= {each._p_oid for each in store.connection._registered_objects}
    tree.discard_many(1, set(range(300)))
    assert 1 not in tree
