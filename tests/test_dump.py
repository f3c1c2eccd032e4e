"""The dump of an object tree: cycles, depth, classes that are not ours, values of every kind."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import transaction
import ZODB
from BTrees.Length import Length
from persistent.mapping import PersistentMapping

from django_zodb.errors import OperationalError
from django_zodb.storage.dump import as_json, as_tree, opened, walk
from django_zodb.storage.open import Location, locate
from django_zodb.storage.options import Options
from django_zodb.storage.persistent import NameTree, Postings, RowTree


def stored(folder: Path, **objects: Any) -> Location:
    """A database whose root holds these objects."""
    path = folder / "Data.fs"
    database = ZODB.DB(str(path))
    manager = transaction.TransactionManager()
    connection = database.open(manager)
    connection.root().update(objects)
    manager.commit()
    connection.close()
    database.close()
    return locate(path)


def lines(location: Location, render: Any = as_tree, **arguments: Any) -> list[str]:
    with opened(location, Options()) as root:
        return [render(node) for node in walk(root, **arguments)]


def test_cycles_end(tmp_path: Path) -> None:
    ring = PersistentMapping()
    ring["self"] = ring
    assert lines(stored(tmp_path, ring=ring)) == [
        "/data: PersistentMapping oid 0x0",
        "/data/ring: PersistentMapping oid 0x1",
        "/data/ring/self: PersistentMapping oid 0x1 (shown above)",
    ]


def test_depth_is_no_limit(tmp_path: Path) -> None:
    top = thing = PersistentMapping()
    for _ in range(3_000):
        thing["a"] = PersistentMapping()
        thing = thing["a"]
    database = ZODB.DB(str(tmp_path / "Data.fs"))
    manager = transaction.TransactionManager()
    connection = database.open(manager)
    connection.root()["top"] = top
    manager.commit()
    connection.close()
    database.close()
    assert len(lines(locate(tmp_path / "Data.fs"))) == 3_002


def test_rows_of_every_kind(tmp_path: Path) -> None:
    row = (
        1,
        None,
        True,
        "a\n" + "x" * 300,
        Decimal("9.50"),
        float("nan"),
        dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
        dt.date(2024, 2, 29),
        dt.timedelta(days=1),
        UUID(int=1),
        b"\xff",
    )
    location = stored(tmp_path, tables=NameTree({"t/1": RowTree({1: row, 2: (2,), 3: (3,)})}))
    tree = lines(location)
    assert tree[2] == "/data/tables/'t\\x2f1': RowTree oid 0x2"
    assert tree[3].startswith("/data/tables/'t\\x2f1'/1: (1, None, True, 'a\\nxxx")
    assert tree[3].endswith(
        "… (302 characters), 9.50, nan, 2024-02-29 12:00:00+00:00, 2024-02-29, 1 day, 0:00:00, "
        "00000000-0000-0000-0000-000000000001, b'\\xff')"
    )
    assert tree[4].endswith("/2: (2,)")
    document = json.loads(lines(location, as_json)[3])
    assert document["value"][3] == "a\n" + "x" * 300
    assert document["value"][4:6] == ["9.50", "nan"]
    assert lines(location, table="t/1", limit=1) == [*tree[2:4]]


def test_sets_are_one_line(tmp_path: Path) -> None:
    location = stored(tmp_path, few=Postings([1, 2]), many=Postings(range(1_000)), count=Length(3))
    found = {line.split(":")[0]: line for line in lines(location)}
    assert found["/data/few"].endswith(" {1, 2}")
    assert found["/data/many"].endswith(", 199, …}")


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="no table 'b'; the tables are: a"):
        lines(stored(tmp_path, tables=NameTree({"a": RowTree()})), table="b")


def test_no_class_of_others_is_loaded(tmp_path: Path) -> None:
    location = stored(tmp_path, alien=_Alien())
    with pytest.raises(OperationalError, match=r"_Alien, which django_zodb never loads"):
        lines(location)


class _Alien(PersistentMapping):  # type: ignore[misc]
    pass
