"""What a transaction's changes amount to, where they are many, were taken back, or are of its own rows."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from connecting import Connect, connecting

from django_zodb import dbapi
from django_zodb.errors import ConflictError, IntegrityError
from django_zodb.storage.check import check
from django_zodb.storage.database import close_all
from django_zodb.storage.journal import PACKED_AT
from django_zodb.storage.progress import silent

TABLES = (
    "CREATE TABLE parent (id bigint PRIMARY KEY)",
    "CREATE TABLE item (id bigint PRIMARY KEY, value varchar(9000), parent bigint,"
    " FOREIGN KEY (parent) REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TABLE other (id bigint PRIMARY KEY)",
)


@pytest.fixture(params=["memory", "file"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connect]:
    with connecting(request.param, tmp_path, TABLES) as connection:
        first = connection()
        first.cursor().executemany("INSERT INTO item (id, value) VALUES (%s, 'old')", [(n,) for n in range(1, 201)])
        first.commit()
        yield connection


def values(connection: dbapi.Connection, *ids: int) -> dict[int, Any]:
    """What rows hold, of a database that is sound."""
    connection.rollback()
    assert not check(connection.session, silent).problems
    marks = ", ".join(["%s"] * len(ids))
    return dict(connection.execute(f"SELECT id, value FROM item WHERE id IN ({marks})", ids).fetchall())


def packed(connection: dbapi.Connection) -> None:
    """Write so much that what was written before is moved to a file."""
    many = connection.cursor().executemany
    many("INSERT INTO other VALUES (%s)", [(n,) for n in range(PACKED_AT + 1)])
    connection.execute("INSERT INTO other VALUES (-1)")
    assert connection.session.journal.packed


def test_packed_changes_are_replayed_in_their_order(connect: Connect) -> None:
    writer, other = connect(), connect()
    writer.execute("INSERT INTO item (id, value) VALUES (1000, 'a')")
    writer.execute("DELETE FROM item WHERE id = 5")
    writer.execute("INSERT INTO item (id, value) VALUES (5, 'new')")
    packed(writer)
    other.execute("UPDATE item SET value = 'b' WHERE id = 6")
    other.commit()
    writer.commit()
    assert values(other, 5, 6, 1000) == {5: "new", 6: "b", 1000: "a"}


def test_packed_changes_are_checked_in_their_order(connect: Connect) -> None:
    writer = connect()
    writer.execute("INSERT INTO item (id) VALUES (1000)")
    writer.execute("DELETE FROM item WHERE id = 5")
    writer.execute("INSERT INTO item (id, parent) VALUES (5, 999)")
    packed(writer)
    with pytest.raises(IntegrityError, match="no row of parent"):
        writer.commit()


TAKEN_BACK = ["DELETE FROM item", "DELETE FROM item WHERE id < 150", "UPDATE item SET value = 'x'"]


@pytest.mark.parametrize("statement", TAKEN_BACK)
@pytest.mark.parametrize("then", ["SELECT id FROM item WHERE id = 100 FOR UPDATE", "CREATE TABLE more (id integer)"])
def test_what_others_commit_after_changes_were_taken_back_stays(connect: Connect, statement: str, then: str) -> None:
    writer, other = connect(), connect()
    writer.execute("SAVEPOINT before")
    writer.execute(statement)
    writer.execute("ROLLBACK TO SAVEPOINT before")
    other.execute("UPDATE item SET value = 'new' WHERE id = 5")
    other.execute("INSERT INTO item (id, value) VALUES (500, 'more')")
    other.commit()
    try:
        writer.execute(then)
        writer.execute("UPDATE item SET value = 'mine' WHERE id = 100")
        writer.commit()
    except ConflictError:
        writer.rollback()
    found = values(other, 5, 100, 500)
    assert found.pop(100) in ("mine", "old")
    assert found == {5: "new", 500: "more"}


def test_ones_own_row_is_not_deleted_by_others(connect: Connect) -> None:
    writer, other = connect(), connect()
    writer.execute("INSERT INTO item (id, value) VALUES (201, 'mine')")
    other.execute("UPDATE item SET value = 'new' WHERE id = 200")
    other.execute("DELETE FROM item WHERE id = 199")
    other.commit()
    assert writer.execute("DELETE FROM item WHERE id = 201").rowcount == 1
    assert writer.execute("DELETE FROM item WHERE id = 199").rowcount == 0


def test_large_values_of_a_round_that_was_lost() -> None:
    """They moved between leaves that were in a temporary file."""
    writer, other = (dbapi.connect(":memory:moved", cache_size_bytes=100_000) for _ in range(2))
    writer.execute("CREATE TABLE item (id bigint PRIMARY KEY, value text)")
    writer.execute("CREATE TABLE other (id bigint PRIMARY KEY)")
    writer.execute("INSERT INTO item VALUES (1, 'one')")
    writer.commit()
    many, large = writer.cursor().executemany, [(n, str(n) * 3000) for n in range(1000, 1200)]
    for first in (0, 30_000):
        writer.execute("DELETE FROM item WHERE id >= 1000")
        many("INSERT INTO item VALUES (%s, %s)", large)
        many("INSERT INTO other VALUES (%s)", [(n,) for n in range(first, first + 30_000)])
        writer.execute("SAVEPOINT spilled")
    other.execute("UPDATE item SET value = 'two' WHERE id = 1")
    other.commit()
    writer.commit()
    assert len(values(other, *(n for n, _ in large))) == 200
    for each in (writer, other):
        each.close()


def test_a_transaction_that_has_nothing_to_spill() -> None:
    writer, other = (dbapi.connect(":memory:spilled") for _ in range(2))
    for name in ("one", "two"):
        writer.execute(f"CREATE TABLE {name} (id bigint PRIMARY KEY)")
        writer.execute(f"INSERT INTO {name} VALUES (1000000)")
        writer.execute(f"DELETE FROM {name}")
    writer.commit()
    for name in ("one", "two"):
        writer.cursor().executemany(f"INSERT INTO {name} VALUES (%s)", [(n,) for n in range(30_000)])
    for name in ("one", "two"):
        writer.execute(f"DELETE FROM {name}")
    writer.execute("SAVEPOINT after")
    other.execute("INSERT INTO one VALUES (5)")
    other.commit()
    writer.commit()
    assert writer.execute("SELECT id FROM one").fetchall() == [(5,)]
    for each in (writer, other):
        each.close()


def test_what_is_sound_is_so_in_a_small_cache(tmp_path: Path) -> None:
    path = str(tmp_path / "Data.fs")
    connection = dbapi.connect(path)
    connection.execute("CREATE TABLE item (id bigint PRIMARY KEY, value integer)")
    connection.execute("CREATE INDEX item_value ON item (value)")
    connection.cursor().executemany("INSERT INTO item VALUES (%s, %s)", [(n, n) for n in range(20_000)])
    connection.commit()
    connection.close()
    for size in (1_000_000, 50_000, 2000):
        close_all()
        connection = dbapi.connect(path, cache_size_bytes=size)
        assert not check(connection.session, silent).problems
        connection.close()


@pytest.mark.parametrize("target", ["", "(id)"])
def test_who_was_faster_with_the_same_primary_key(connect: Connect, target: str) -> None:
    writer, other = connect(), connect()
    writer.execute("SELECT 1 FROM item LIMIT 1").fetchall()
    writer.execute(f"INSERT INTO item (id, value) VALUES (900, 'a') ON CONFLICT {target} DO NOTHING")
    other.execute("INSERT INTO item (id, value) VALUES (900, 'b')")
    other.commit()
    writer.commit()
    assert values(other, 900) == {900: "b"}
    upsert = "INSERT INTO item (id, value) VALUES (901, 'a') ON CONFLICT (id) DO UPDATE SET value = excluded.value"
    writer.execute(upsert)
    other.rollback()
    other.execute("INSERT INTO item (id, value) VALUES (901, 'b')")
    other.commit()
    with pytest.raises(ConflictError):
        writer.commit()
    writer.execute(upsert)
    writer.commit()
    assert values(other, 901) == {901: "a"}


@pytest.mark.parametrize(("action", "left"), [("CASCADE", []), ("SET NULL", [(1, None)])])
def test_a_new_child_of_a_row_that_is_deleted_with_its_children(connect: Connect, action: str, left: Any) -> None:
    writer, other = connect(), connect()
    writer.execute(
        f"CREATE TABLE child (id bigint PRIMARY KEY, parent bigint REFERENCES parent (id) ON DELETE {action})"
    )
    writer.execute("INSERT INTO parent VALUES (1)")
    writer.commit()
    writer.execute("DELETE FROM parent WHERE id = 1")
    other.execute("INSERT INTO child VALUES (1, 1)")
    other.commit()
    with pytest.raises(ConflictError):
        writer.commit()
    writer.execute("DELETE FROM parent WHERE id = 1")
    writer.commit()
    assert writer.execute("SELECT id, parent FROM child").fetchall() == left


def in_a_process(work: Callable[[], None]) -> None:
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@contextmanager
def opened(path: str) -> Iterator[dbapi.Connection]:
    connection = dbapi.connect(path)
    yield connection
    connection.close()
    close_all()


def test_ids_that_another_process_chose_are_not_given_again(tmp_path: Path) -> None:
    path = str(tmp_path / "Data.fs")
    insert = "INSERT INTO item (value) VALUES (1)"

    def chooses() -> None:
        with opened(path) as other:
            other.execute("INSERT INTO item (id, value) VALUES (20, 2)")
            other.commit()

    with opened(path) as connection:
        connection.execute("CREATE TABLE item (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, value integer)")
        connection.commit()
    with opened(path) as connection:
        connection.execute(insert)
        connection.commit()
        in_a_process(chooses)
    with opened(path) as connection:
        assert not check(connection.session, silent).problems
        connection.execute("DELETE FROM item WHERE id = 20")
        given = [connection.execute(f"{insert} RETURNING id").fetchall()[0][0] for _ in range(25)]
    assert min(given) > 20


@pytest.mark.parametrize("statement", ["TRUNCATE gone", "DROP TABLE gone", "DROP INDEX gone_value"])
@pytest.mark.parametrize("writes_itself", [True, False])
def test_records_that_were_packed_away_are_no_other_ones(tmp_path: Path, statement: str, writes_itself: bool) -> None:
    path = str(tmp_path / "Data.fs")
    many = [(n, f"value {n}") for n in range(1500)]

    def drops() -> None:
        with opened(path) as other:
            other.execute(statement)
            other.commit()
            time.sleep(0.01)
            other.session.database.pack(time.time())

    def writes() -> None:
        with opened(path) as other:
            fill(other)

    def fill(connection: dbapi.Connection) -> None:
        connection.cursor().executemany("INSERT INTO item VALUES (%s, %s)", many)
        connection.commit()
        connection.execute("CREATE INDEX item_value ON item (value)")
        connection.commit()

    with opened(path) as connection:
        connection.execute("CREATE TABLE item (id bigint PRIMARY KEY, value varchar(20))")
        connection.execute("CREATE TABLE gone (id bigint PRIMARY KEY, value varchar(20))")
        connection.execute("CREATE INDEX gone_value ON gone (value)")
        connection.cursor().executemany("INSERT INTO gone VALUES (%s, %s)", many)
        connection.commit()
    with opened(path) as reader:
        assert len(reader.execute("SELECT * FROM gone").fetchall()) == len(many)
        assert len(reader.execute("SELECT id FROM gone WHERE value > 'a'").fetchall()) == len(many)
        reader.rollback()
        in_a_process(drops)
        if writes_itself:
            fill(reader)
        else:
            in_a_process(writes)
        assert reader.execute("SELECT * FROM item ORDER BY id").fetchall() == many
        assert len(reader.execute("SELECT id FROM item WHERE value > 'a'").fetchall()) == len(many)
        reader.rollback()
        assert not check(reader.session, silent).problems


@pytest.mark.parametrize("moment", [*range(1, 40), *range(40, 100, 7)])
def test_an_interrupted_deletion_of_all_rows(connect: Connect, moment: int) -> None:
    """A signal comes when so many lines have been run of what empties trees."""
    connection = connect()
    left = moment

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if event == "call":
            return trace if frame.f_code.co_name in ("_change_all", "_empty", "empty", "_siblings") else None
        left -= event == "line"
        if left == 0:
            left = -1
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        connection.execute("DELETE FROM item")
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    assert left < 0
    connection.execute("INSERT INTO other VALUES (1)")
    connection.commit()
    assert connection.execute("SELECT COUNT(*) FROM item").fetchall() == [(200,)]
    assert values(connection, 1, 200) == {1: "old", 200: "old"}


# --- definitions that are refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("undone", [False, True])
def test_a_definition_that_is_refused_leaves_the_transaction_as_it_was(connect: Connect, undone: bool) -> None:
    """It is committed as a whole, or not at all: here another one changed a row of the same leaf."""
    one, two = connect(), connect()
    one.execute("UPDATE item SET value = 'one' WHERE id = 1")
    one.execute("INSERT INTO item (id, value) VALUES (300, 'one')")
    two.execute("UPDATE item SET value = 'two' WHERE id = 2")
    two.commit()
    if undone:
        one.execute("SAVEPOINT s")
    for _ in range(2):
        with pytest.raises(ConflictError):
            one.execute("CREATE INDEX other_id ON other (id)")
    if undone:
        one.execute("ROLLBACK TO SAVEPOINT s")
    one.execute("INSERT INTO item (id, value) VALUES (301, 'one')")
    assert one.execute("SELECT value FROM item WHERE id IN (1, 2, 300, 301) ORDER BY id").fetchall() == [
        ("one",),
        ("old",),
        ("one",),
        ("one",),
    ]
    one.commit()
    assert values(two, 1, 2, 300, 301) == {1: "one", 2: "two", 300: "one", 301: "one"}


def test_what_was_taken_back_after_a_refused_definition_overwrites_nothing(connect: Connect) -> None:
    one, two = connect(), connect()
    one.execute("SAVEPOINT s")
    one.execute("DELETE FROM item WHERE id = 2")
    two.execute("UPDATE item SET value = 'two' WHERE id = 2")
    two.commit()
    with pytest.raises(ConflictError):
        one.execute("CREATE INDEX other_id ON other (id)")
    one.execute("ROLLBACK TO SAVEPOINT s")
    one.execute("INSERT INTO item (id, value) VALUES (300, 'one')")
    one.commit()
    assert values(two, 2, 300) == {2: "two", 300: "one"}
    two.execute("CREATE INDEX other_id ON other (id)")  # nobody holds the lock
    two.commit()


@pytest.mark.parametrize(
    "refused",
    ["INSERT INTO made (k, n) VALUES (1, 1) ON CONFLICT DO NOTHING", "INSERT OR IGNORE INTO made (k, n) VALUES (1, 1)"],
)
def test_an_id_still_to_be_made_equals_no_other_one(connect: Connect, refused: str) -> None:
    one = connect()
    one.execute(
        "CREATE TABLE made (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, k integer UNIQUE, n integer)"
    )
    one.execute("CREATE UNIQUE INDEX made_n_id ON made (n, id)")
    one.execute("INSERT INTO made (k, n) VALUES (1, 1), (2, 1)")
    assert one.execute(refused).rowcount == 0
    assert one.execute(refused.replace("(1, 1)", "(3, 1)")).rowcount == 1
    with pytest.raises(IntegrityError):
        one.execute("INSERT INTO made (k, n) VALUES (1, 1)")
    assert one.execute("SELECT k, n FROM made ORDER BY id").fetchall() == [(1, 1), (2, 1), (3, 1)]
