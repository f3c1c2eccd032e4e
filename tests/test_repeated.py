"""Leaves that are stored again and again hold what they would hold if they were packed anew each time."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from django_zodb import dbapi
from django_zodb.storage import repeated as repeated_module
from django_zodb.storage.compact import first_column, pack, unpack
from django_zodb.storage.repeated import MOST_BYTES, MOST_LEAVES, Repeated

Row = tuple[Any, ...]

_DECIMAL = st.decimals(allow_nan=False, places=2, min_value=-(10**6), max_value=10**6)
_ROWS: list[st.SearchStrategy[Row]] = [
    st.tuples(st.integers(), st.text(max_size=5), _DECIMAL, st.dates(), st.floats(allow_nan=False), st.uuids()),
    st.tuples(
        st.booleans(),
        st.none() | _DECIMAL,
        st.none() | st.integers(),
        st.datetimes(timezones=st.just(dt.UTC)),
        st.none() | st.binary(max_size=300),
    ),
    st.tuples(st.integers(), st.none() | st.text(max_size=3)),
    st.tuples(st.integers(), st.text(max_size=5) | _DECIMAL | st.integers()),
]


def shown(packed: bytes) -> str:
    return repr([list(column) for column in unpack(packed)])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_ROWS), st.data())
def test_what_is_packed_again_is_the_same(row: st.SearchStrategy[Row], data: st.DataObject) -> None:
    repeated = Repeated()
    rows = dict(enumerate(data.draw(st.lists(row, min_size=1, max_size=6))))
    for change in data.draw(st.lists(st.sampled_from("ruucad"), max_size=12)):
        at = data.draw(st.sampled_from(sorted(rows)))
        if change == "u":  # one value
            column = data.draw(st.integers(0, len(rows[at]) - 1))
            rows[at] = (*rows[at][:column], data.draw(row)[column], *rows[at][column + 1 :])
        elif change == "c":  # equal, but not the same
            rows[at] = (*rows[at],)
        elif change == "a":
            rows[max(rows) + data.draw(st.integers(1, 1 << 40))] = data.draw(row)
        elif change == "d" and len(rows) > 1:
            del rows[at]
        keys, values = tuple(sorted(rows)), tuple(rows[key] for key in sorted(rows))
        assert shown(repeated.pack(b"leaf", keys, values)) == shown(pack(keys, values))


def test_only_columns_that_differ_are_packed() -> None:
    repeated, keys = Repeated(), tuple(range(20))
    rows = [(key, f"row {key}", Decimal(key), UUID(int=key)) for key in keys]
    repeated.pack(b"leaf", keys, rows)
    repeated.pack(b"leaf", keys, rows)
    rows = [*rows[:7], (*rows[7][:2], Decimal("1.5"), rows[7][3]), *rows[8:]]
    with patch.object(repeated_module, "first_column", wraps=first_column) as packed:
        assert shown(repeated.pack(b"leaf", keys, rows)) == shown(pack(keys, rows))
    assert repeated.pack(b"leaf", keys, rows) == pack(keys, rows)
    assert [call.args for call in packed.call_args_list] == [([row[2] for row in rows],)]
    wider = [(*row, None) for row in rows[:2]] + rows[2:]  # as rows are while a column is added to them
    assert shown(repeated.pack(b"leaf", keys, wider)) == shown(pack(keys, wider))


def test_few_leaves_are_kept_and_small_ones() -> None:
    repeated, rows = Repeated(), [(1, Decimal(1))]
    for leaf in range(3 * MOST_LEAVES):
        for _ in range(3):
            repeated.pack(b"%d" % leaf, (1,), rows)
    assert list(repeated._leaves) == [b"%d" % leaf for leaf in range(2 * MOST_LEAVES, 3 * MOST_LEAVES)]
    large = [("x" * MOST_BYTES, Decimal(1))]
    for _ in range(3):
        assert shown(repeated.pack(b"large", (1,), large)) == shown(pack((1,), large))
        kept = repeated._leaves.get(b"large")
        assert kept is None or not kept.rows


def test_rows_that_are_changed_one_by_one_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = str(tmp_path / "Data.fs")
    writer, reader = dbapi.connect(path, autocommit=True), dbapi.connect(path, autocommit=True)
    writer.execute("CREATE TABLE item (id bigint PRIMARY KEY, name varchar(9000), price decimal(8, 2), made date)")
    insert = "INSERT INTO item (id, name, price, made) VALUES (%s, 'x', 1, '2020-01-01')"
    writer.cursor().executemany(insert, [(number,) for number in range(1, 101)])
    expected = {number: ["x", Decimal("1.00"), dt.date(2020, 1, 1)] for number in range(1, 101)}
    for step in range(200):
        number, at = 1 + step * 7 % 100, step % 3
        name = f"name {step}" * (900 if step % 50 == 0 else 1)
        value: Any = (name, Decimal(step), dt.date(2021, 1, 1 + step % 28))[at]
        writer.execute(f"UPDATE item SET {('name', 'price', 'made')[at]} = %s WHERE id = %s", [value, number])
        expected[number][at] = value
        if step % 20 == 0:
            writer.execute("ALTER TABLE item ADD COLUMN more integer")
            writer.execute("ALTER TABLE item DROP COLUMN more")
        row = reader.execute("SELECT name, price, made FROM item WHERE id = %s", [number]).fetchall()
        assert row == [tuple(expected[number])]
    found = reader.execute("SELECT id, name, price, made FROM item ORDER BY id").fetchall()
    assert found == [(number, *values) for number, values in expected.items()]
    reader.close()
    writer.close()
