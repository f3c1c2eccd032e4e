"""Leaves whose entries are stored as bytes: every value comes back, and nothing that ZODB has to see is swallowed."""

from __future__ import annotations

import datetime as dt
import math
import pickle
import time
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import ZODB
from BTrees.LOBTree import LOBTree
from hypothesis import given
from hypothesis import strategies as st
from persistent.list import PersistentList
from ZODB._compat import Unpickler
from ZODB.FileStorage import FileStorage
from ZODB.serialize import ObjectWriter, referencesf

from django_zodb.errors import OperationalError
from django_zodb.storage.bounded import BoundedDB
from django_zodb.storage.compact import Unpackable, count_keys, pack, unpack, unpack_keys, unpack_rows
from django_zodb.storage.persistent import Counter, IndexBucket, IndexTree, Postings, RowTree, Sequence, TableRecord
from django_zodb.storage.seal import is_broken

_VALUES: list[st.SearchStrategy[Any]] = [
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),
    st.binary(),
    st.decimals(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.timedeltas(),
    st.uuids(),
]
_COLUMNS = st.one_of(
    *(st.lists(st.none() | each, max_size=8) for each in _VALUES),
    st.lists(st.one_of(_VALUES), max_size=8),
    st.lists(st.integers() | st.lists(st.integers(), min_size=2).map(tuple), max_size=8),
    st.lists(st.one_of(st.tuples(*_VALUES), st.tuples(st.booleans(), st.one_of(_VALUES))), max_size=8),
)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same classes all the way down, NaN and signs of zero included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, dt.datetime):
        return bool(one == other) and one.tzinfo is other.tzinfo
    return bool(one == other)


@given(_COLUMNS, _COLUMNS)
def test_columns_come_back(first: list[Any], second: list[Any]) -> None:
    found = unpack(pack(first, second))
    assert same([list(column) for column in found], [first, second])


@given(st.lists(st.integers(-300, 70_000) | st.integers(-(1 << 33), 1 << 33), max_size=40))
def test_keys_are_counted(keys: list[int]) -> None:
    keys.sort()
    for packed in (pack(keys, keys), pack(keys, [("K", b"t", key) for key in keys])):
        assert count_keys(packed) == len(unpack_keys(packed)) == len(keys)


@given(st.lists(st.tuples(*_VALUES), min_size=1, max_size=5), st.sets(st.integers(0, len(_VALUES) - 1)))
def test_rows_have_what_is_asked_for(rows: list[Any], places: set[int]) -> None:
    keys, found = unpack_rows(pack(range(len(rows)), rows), places)
    assert list(keys) == list(range(len(rows)))
    for place in places:
        assert same([row[place] for row in found], [row[place] for row in rows])


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        TableRecord({}),
        Postings((1, 2)),
        Text("a"),
        {Text("a")},
        dt.datetime(2020, 1, 1),
        dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        dt.time(1, tzinfo=dt.UTC),
        object,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_value_is_refused(value: Any) -> None:
    for column in (
        [value],
        [1, value],
        [1, [value]],
        [(1, value)],
        [(1, (2, value))],
        [(1, 2), (value,)],
        [None, (Decimal(1), value)],
    ):
        with pytest.raises(Unpackable):
            pack(column)


def test_what_was_refused_leaves_nothing_behind() -> None:
    rows = [(1, "a"), (2, "b")]
    packed = pack(rows)
    with pytest.raises(Unpackable):
        pack(rows, [1, object()])
    assert pack(rows) == packed


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"nonsense",
        pickle.dumps(1),
        pickle.dumps([("v",)]),
        pickle.dumps([("x", (1,))]),
        pickle.dumps([("D", ("no number",))]),
        pickle.dumps([("u", (1 << 200,))]),
        pickle.dumps([("d", (0,))]),
        pickle.dumps([("s", (b"too short",))]),
        pickle.dumps([("m", (b"\1", [("v", (1,))]))]),
        pickle.dumps([("v", (dt.date(2020, 1, 1),))]),
        pickle.dumps([("v", (eval,))]),
    ],
)
def test_bytes_that_are_not_our_own_are_named(packed: bytes) -> None:
    with pytest.raises(OperationalError, match="damaged or tampered with"):
        unpack(packed)


# --- in the file ---------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ZODB.DB]:
    database = ZODB.DB(FileStorage(str(tmp_path / "data.fs")))
    yield database
    database.close()


ROW = ("Emma", Decimal("12.30"), dt.date(1815, 12, 23), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), UUID(int=7), None, True)


def test_leaves_are_stored_packed(database: ZODB.DB) -> None:
    with database.transaction() as connection:
        root = connection.root()
        root["small"] = RowTree({1: ROW})
        root["large"] = RowTree({key: (key, *ROW) for key in range(1000)})
        root["old"] = LOBTree({1: ROW})
        root["index"] = IndexTree({dt.date.fromordinal(key + 1): (key, key + 1) for key in range(1000)})
    with database.transaction() as connection:
        root = connection.root()
        assert dict(root["small"]) == {1: ROW}
        read = RowTree()
        read.__setstate__(root["old"].__getstate__())  # what formats 1 and 2 have for a small table
        assert dict(read) == {1: ROW}
        assert dict(root["large"]) == {key: (key, *ROW) for key in range(1000)}
        assert list(root["index"].values()) == [(key, key + 1) for key in range(1000)]
        (((packed,),),) = root["small"].__getstate__()
        assert type(packed) is bytes
        assert root["small"].shape() == ((((1, ROW),),),)
        for leaf in (root["large"]._firstbucket, root["index"]._firstbucket):
            packed, following = leaf.__getstate__()
            assert type(packed) is bytes
            assert type(following) is type(leaf)
            record, _ = database.storage.load(leaf._p_oid)
            assert len(record) < len(packed) + 150


def test_zodb_sees_postings_and_the_next_leaf(database: ZODB.DB) -> None:
    with database.transaction() as connection:
        connection.root()["index"] = IndexTree(
            {key: Postings(range(100)) if key % 10 == 5 else key for key in range(100)}
        )
    with database.transaction() as connection:
        leaf = connection.root()["index"]._firstbucket
        expected = {each._p_oid for each in leaf.values() if not isinstance(each, int)}
        assert expected
        leaf_state = leaf.__getstate__()
        expected.add(leaf_state[1]._p_oid)
        record, _ = database.storage.load(leaf._p_oid)
        assert set(referencesf(record)) == expected


def test_the_last_leaf_may_hold_postings(database: ZODB.DB) -> None:
    with database.transaction() as connection:
        connection.root()["index"] = IndexTree({key: Postings((key, key + 1)) for key in range(100)})
    with database.transaction() as connection:
        found = connection.root()["index"]
        assert [list(each) for each in found.values()] == [[key, key + 1] for key in range(100)]


def test_pack_and_undo_lose_nothing(database: ZODB.DB) -> None:
    def postings() -> dict[int, list[int]]:
        with database.transaction() as connection:
            return {key: list(each) for key, each in connection.root()["index"].items()}

    with database.transaction() as connection:
        connection.root()["index"] = IndexTree({key: Postings((key, key + 1)) for key in range(200)})
    with database.transaction() as connection:
        for posting in connection.root()["index"].values():
            posting.insert(1000)
        connection.root()["index"][7] = Postings(range(500))
    after = postings()
    time.sleep(0.01)
    database.pack(time.time())
    database.cacheMinimize()
    assert postings() == after
    assert after[7] == list(range(500))
    with database.transaction() as connection:
        index = connection.root()["index"]
        index[7] = (1, 2)
        del index[8]
        index[9].remove(1000)
    assert postings() != after
    last = database.undoLog(0, 1)[0]
    with database.transaction() as connection:
        database.undo(last["id"], connection.transaction_manager.get())
    assert postings() == after
    database.pack(time.time() + 1)
    database.cacheMinimize()
    assert postings() == after


def test_records_are_what_zodb_would_have_written(tmp_path: Path) -> None:
    """Those of leaves, nodes and counters are put together by hand: each says the same to whoever reads it."""

    def read(record: bytes) -> tuple[Any, Any, list[bytes]]:
        unpickler = Unpickler(BytesIO(record))
        unpickler.find_global = lambda module, name: (module, name)
        unpickler.persistent_load = lambda reference: ("record", *reference)
        return unpickler.load(), unpickler.load(), referencesf(record)

    database = BoundedDB(FileStorage(str(tmp_path / "data.fs")), cache_size=10**5)
    with database.transaction() as connection:
        root = connection.root()
        root["rows"] = RowTree({key: (key, *ROW) for key in range(100)})
        root["strange"] = RowTree({key: ([key],) for key in range(100)})
        root["large"] = RowTree({key: ("x" * 5000, key) for key in range(100)})
        root["short"] = RowTree({key: (key,) for key in range(16)})
        root["small"] = RowTree({key: (key, "x") for key in range(3)})
        root["small rows"] = RowTree(dict.fromkeys(range(3), ROW))
        root["small strange"] = RowTree({key: ([key],) for key in range(3)})
        root["small index"] = IndexTree({f"{key}\ud800": (key, key + 1) for key in range(3)})
        root["small set"], root["empty"] = Postings(range(3)), IndexTree()
        root["index"] = IndexTree({key: Postings(range(300)) if key == 55 else key for key in range(100)})
        root["record"] = TableRecord({"name": "book"})
        root["emptied"] = RowTree(dict.fromkeys(range(100), ROW))
        leaves = []
        for name in ("rows", "strange", "large", "index", "emptied"):
            leaf = root[name]._firstbucket
            while leaf is not None:
                leaves.append(leaf)
                leaf = leaf._next
        leaves += [root["index"][55]._firstbucket, root["short"], root["record"], root["empty"]]
        leaves += [root[f"small{which}"] for which in ("", " rows", " strange", " index", " set")]
        root["deep"] = RowTree({key << 24: (key,) for key in range(-5000, 5000)})
        root["names"] = IndexTree({f"\ud800 {key}": key for key in range(5000)})
        root["sets"] = Postings(range(10**5))
        root["counter"], root["sequence"] = Counter(5), Sequence(1 << 40)
        root["counted strangely"] = Counter([1])  # type: ignore[arg-type]
        numbers = [0, -1, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63), 1 << 63, True]
        root["counters"] = PersistentList(map(Counter, numbers))
        for name in ("deep", "names", "sets"):
            node = root[name]
            while type(node) is type(root[name]):
                leaves.append(node)
                node = node.shape()[0][-1]
        leaves += [root["counter"], root["sequence"], root["counted strangely"], *root["counters"]]
        first = root["emptied"]._firstbucket
        first.clear()
    seen = set()
    for obj in leaves:
        data, _ = database.storage.load(obj._p_oid)
        assert not is_broken(obj._p_oid, data)
        assert read(data) == read(ObjectWriter(obj).serialize(obj))
        seen.add((type(obj).__name__, len(obj.__getstate__() or ())))
    assert {("RowBucket", 1), ("RowBucket", 2), ("RowBucket", 3), ("IndexBucket", 3), ("PostingsBucket", 2)} <= seen
    assert {("RowTree", 2), ("IndexTree", 2), ("Postings", 2), ("Counter", 1)} <= seen
    with database.transaction() as connection:
        root = connection.root()
        assert list(root["deep"]) == [key << 24 for key in range(-5000, 5000)]
        assert dict(root["names"]) == {f"\ud800 {key}": key for key in range(5000)}
        assert list(root["sets"]) == list(range(10**5))
        assert (root["counter"].value, root["sequence"].value, root["counted strangely"].value) == (5, 1 << 40, [1])
        assert all(same(each.value, number) for each, number in zip(root["counters"], numbers, strict=True))
    database.close()


def test_rows_of_unknown_classes_are_left_to_zodb() -> None:
    tree = RowTree({key: ([key],) for key in range(100)})
    entries, _ = tree._firstbucket.__getstate__()
    assert entries[:4] == (0, ([0],), 1, ([1],))


def test_zodb_pickles_no_keys_of_an_index_that_are_no_plain_builtins(database: ZODB.DB) -> None:
    dates = [dt.date.fromordinal(key + 1) for key in range(3000)]
    few = {(date, None): Postings((1, 2)) for date in dates[:3]}
    with database.transaction() as connection:
        root = connection.root()
        root["small"] = IndexTree(few)
        root["large"] = IndexTree(dict.fromkeys(dates, 7))
        root["plain"] = IndexTree({"a": 1, None: 2})
    with database.transaction() as connection:
        root = connection.root()
        (((packed, following, outside),),) = root["small"].__getstate__()
        assert (type(packed), following, [type(each) for each in outside[1::2]]) == (bytes, None, [Postings] * 3)
        assert {key: list(each) for key, each in root["small"].items()} == {key: [1, 2] for key in few}
        (packed, *children), first = root["large"].__getstate__()
        assert (type(packed), {type(child) for child in children}) == (bytes, {IndexTree})
        assert type(first) is IndexBucket
        assert list(root["large"]) == dates
        assert root["plain"].__getstate__() == ((((None, 2, "a", 1),),),)
        record, _ = database.storage.load(root["large"]._p_oid)
        assert set(referencesf(record)) == {each._p_oid for each in (*children, first)}


def test_nodes_of_format_3_are_read(database: ZODB.DB) -> None:
    """They hold keys as BTrees do."""
    for size in (3, 3000):
        written = IndexTree({dt.date.fromordinal(key + 1): key for key in range(size)})
        read = IndexTree()
        read.__setstate__(written.shape())
        assert list(read.items()) == list(written.items())
