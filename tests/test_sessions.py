"""Transactions: isolation, the commit protocol, generated ids, failures of the storage."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from ZODB.FileStorage import FileIterator
from ZODB.mvccadapter import MVCCAdapterInstance

from django_zodb import dbapi, errors
from django_zodb.storage import datafile
from django_zodb.storage.catalog import StoredCatalog
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.schema import ColumnSchema, ForeignKey, IndexKey, IndexSchema, TableSchema
from django_zodb.storage.sequences import MAX_ID, Sequences
from django_zodb.storage.session import Session
from django_zodb.values import BIGINT, INTEGER, TEXT

ROOT = Path(__file__).parent.parent


def column(name: str, type_: Any = INTEGER) -> ColumnSchema:
    return ColumnSchema(name, type_)


ID = ColumnSchema("id", BIGINT, nullable=False, identity=True)
PARENT = TableSchema("parent", (ID, column("name", TEXT)), ("id",), "parent_pkey", token="parent-1")
CHILD = TableSchema(
    "child",
    (ID, column("parent_id", BIGINT)),
    ("id",),
    "child_pkey",
    indexes=(IndexSchema("child_parent", (IndexKey("parent_id"),)),),
    foreign_keys=(
        ForeignKey("child_parent_fk", ("parent_id",), "parent", ("id",), deferrable=True, initially_deferred=True),
    ),
    token="child-1",
)
NODE = TableSchema(
    "node",
    (ID, column("parent_id", BIGINT)),
    ("id",),
    "node_pkey",
    foreign_keys=(
        ForeignKey("node_parent_fk", ("parent_id",), "node", ("id",), deferrable=True, initially_deferred=True),
    ),
    token="node-1",
)
EVENT = TableSchema(
    "event",
    (ID, column("thread"), column("number"), column("code", TEXT)),
    ("id",),
    "event_pkey",
    indexes=(
        IndexSchema("event_thread", (IndexKey("thread"),)),
        IndexSchema("event_number", (IndexKey("number"),)),
        IndexSchema("event_code", (IndexKey("code"),), unique=True),
    ),
    token="event-1",
)


def no_expressions(schema: TableSchema, expression: str, boolean: bool = False) -> Any:
    raise AssertionError("these tables have no expressions")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture(params=["memory", "file"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    found = Database.open(":memory:" if request.param == "memory" else tmp_path / "Data.fs")
    session = new_session(found)
    for schema in (PARENT, CHILD, NODE, EVENT):
        session.catalog.create_table(schema)
    session.commit()
    return found


def new_session(database: Database, isolation: str | None = None) -> Session:
    return database.session(no_expressions, isolation)


def insert(session: Session, table: str, *values: object, rowid: int | None = None) -> Any:
    row = session.catalog.table(table).insert((rowid, *values))
    session.catalog.end_statement()
    return row[0]


def delete(session: Session, table: str, rowid: int) -> None:
    found = session.catalog.table(table).get(rowid)
    assert found is not None
    session.catalog.table(table).delete(rowid, found)
    session.catalog.end_statement()


def update(session: Session, table: str, rowid: int, **values: object) -> None:
    live = session.catalog.table(table)
    old = live.get(rowid)
    assert old is not None
    new = list(old)
    for name, value in values.items():
        new[live.schema.positions[name]] = value
    live.update(rowid, old, tuple(new))
    session.catalog.end_statement()


def rows(database: Database, table: str) -> list[Any]:
    session = new_session(database)
    try:
        return list(session.catalog.table(table).rows())
    finally:
        session.close()


def in_threads(*work: Callable[[], None]) -> list[BaseException]:
    failures: list[BaseException] = []

    def guarded(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


# --- isolation -----------------------------------------------------------------------------------------------------


def test_the_snapshot_is_that_of_the_first_statement(database: Database) -> None:
    reader, writer = new_session(database), new_session(database)
    assert not reader.in_transaction
    insert(writer, "parent", "before")
    writer.commit()
    assert reader.catalog.table("parent").count() == 1
    assert reader.in_transaction
    insert(writer, "parent", "after")
    writer.commit()
    assert [row[1] for row in reader.catalog.table("parent").rows()] == ["before"]
    reader.commit()
    assert [row[1] for row in reader.catalog.table("parent").rows()] == ["before", "after"]
    assert reader.catalog.table("parent").count() == 2


def test_a_second_session_streams_while_the_first_writes(database: Database) -> None:
    session = new_session(database)
    for number in range(200):
        insert(session, "event", 0, number, str(number))
    session.commit()
    stream = session.snapshot()
    seen = 0
    for row in stream.catalog.table("event").rows():
        update(session, "event", row[0], number=row[2] + 1000)
        if row[0] % 2:
            delete(session, "event", row[0])
        session.commit()
        seen += 1
    stream.close()
    assert seen == 200
    assert database_count(database, "event") == 100


def database_count(database: Database, table: str) -> int:
    counted = new_session(database).catalog.table(table).count()
    assert counted == len(rows(database, table))
    return counted


def test_rollback_leaves_nothing(database: Database) -> None:
    session = new_session(database)
    insert(session, "event", 1, 1, "kept")
    session.commit()
    before = rows(database, "event")
    insert(session, "event", 1, 2, "lost")
    update(session, "event", 1, code="changed")
    session.catalog.create_table(TableSchema("extra", (ID,), ("id",), token="extra-1"))
    session.rollback()
    assert not session.in_transaction
    assert rows(database, "event") == before
    assert session.catalog.schema("extra") is None
    table = session.catalog.table("event")
    assert list(table.index("event_code").range()) == [1]
    assert table.count() == 1


def in_memory(database: Database) -> bool:
    return database.location.kind == "memory"


def test_marks(database: Database) -> None:
    session = new_session(database)
    insert(session, "event", 1, 1, "first")
    mark = session.mark()
    insert(session, "event", 1, 2, "second")
    update(session, "event", 1, number=7)
    session.undo_to(mark)
    third = insert(session, "event", 1, 3, "third")
    session.commit()
    assert rows(database, "event") == [(1, 1, 1, "first"), (third, 1, 3, "third")]
    assert third == (2 if in_memory(database) else 3), "only in memory is an id given back"


def test_a_large_transaction_spills(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_zodb.storage.session._SPILL_AT", 10)
    session, other = new_session(database), new_session(database)
    for number in range(500):
        mark = session.mark()
        insert(session, "event", 0, number, str(number))
    session.undo_to(mark)
    insert(other, "event", 1, 1, "other")
    other.commit()
    session.commit()
    assert database_count(database, "event") == 500
    for number in range(500):
        session.mark()
        insert(session, "event", 2, number, f"lost {number}")
    session.rollback()
    assert database_count(database, "event") == 500


def test_notes_are_recorded(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "Data.fs")
    session = new_session(database)
    session.note("ann", "POST /books/")
    session.catalog.create_table(PARENT)
    session.commit()
    insert(session, "parent", "x")
    session.commit()
    close_all()
    transactions = list(FileIterator(str(tmp_path / "Data.fs")))[-4:]
    assert (transactions[0].user, transactions[0].description) == (b"ann", b"POST /books/")
    assert transactions[1].description == b"django_zodb: reserve ids"
    assert (transactions[2].user, transactions[2].description) == (b"", b"")
    assert transactions[3].description == b"django_zodb: settle the sequences"


# --- the commit protocol -------------------------------------------------------------------------------------------


def test_unrelated_inserts_never_fail(database: Database) -> None:
    def work(thread: int) -> None:
        session = new_session(database)
        for number in range(200):
            session.begin()
            session.catalog.table("event").count()
            insert(session, "event", thread, number, f"{thread}-{number}")
            time.sleep(0.002)
            session.commit()
        session.close()

    assert in_threads(*(lambda thread=thread: work(thread) for thread in range(4))) == []
    assert database_count(database, "event") == 800
    table = new_session(database).catalog.table("event")
    assert len({row[0] for row in table.rows()}) == 800
    for name in ("event_thread", "event_number", "event_code"):
        assert sorted(table.index(name).range()) == sorted(row[0] for row in table.rows())


def test_two_writers_of_one_row(database: Database) -> None:
    first, second = new_session(database), new_session(database)
    insert(first, "event", 0, 0, "row")
    insert(first, "event", 0, 0, "neighbour")
    first.commit()
    second.begin()
    update(first, "event", 1, number=1)
    first.commit()
    update(second, "event", 2, number=2)
    second.commit()  # the same bucket, another row

    second.begin()
    update(first, "event", 1, number=3)
    first.commit()
    update(second, "event", 1, number=4)
    with pytest.raises(errors.ConflictError) as caught:
        second.commit()
    assert caught.value.retryable
    assert "event" in str(caught.value)
    assert not second.in_transaction
    update(second, "event", 1, number=5)
    second.commit()
    assert rows(database, "event") == [(1, 0, 5, "row"), (2, 0, 2, "neighbour")]


def test_counters_lose_nothing(database: Database) -> None:
    session = new_session(database)
    insert(session, "event", 0, 0, "counter")
    session.commit()
    lost = []

    def work() -> None:
        session = new_session(database)
        done = 0
        while done < 50:
            row = session.catalog.table("event").get(1)
            assert row is not None
            update(session, "event", 1, number=row[2] + 1)
            try:
                session.commit()
                done += 1
            except errors.ConflictError:
                lost.append(1)
        session.close()

    assert in_threads(work, work, work) == []
    assert rows(database, "event") == [(1, 0, 150, "counter")]


def test_a_duplicate_key_found_at_the_commit(database: Database) -> None:
    first, second = new_session(database), new_session(database)
    first.begin()
    second.begin()
    insert(first, "event", 1, 1, "same")
    insert(second, "event", 2, 2, "same")
    first.commit()
    with pytest.raises(errors.IntegrityError, match=r"event\.code"):
        second.commit()
    assert database_count(database, "event") == 1

    first.begin()
    second.begin()
    insert(first, "event", 1, 1, "a", rowid=50)
    insert(second, "event", 1, 1, "b", rowid=50)
    first.commit()
    with pytest.raises(errors.IntegrityError, match=r"event\.id"):
        second.commit()


def test_keys_that_change_hands_are_replayed(database: Database) -> None:
    first, second = new_session(database), new_session(database)
    insert(first, "event", 1, 1, "a")
    insert(first, "event", 1, 2, "b")
    first.commit()
    first.begin()
    second.begin()
    update(first, "event", 1, code="c")
    update(first, "event", 2, code="a")
    update(first, "event", 1, code="b")
    insert(second, "event", 1, 3, "d")
    second.commit()
    first.commit()
    assert [row[3] for row in rows(database, "event")] == ["b", "a", "d"]


def test_deletes_and_reinserts_are_replayed(database: Database) -> None:
    first, second = new_session(database), new_session(database)
    insert(first, "event", 1, 1, "a")
    first.commit()
    first.begin()
    second.begin()
    delete(first, "event", 1)
    insert(first, "event", 2, 2, "a", rowid=1)
    insert(second, "event", 1, 3, "d")
    second.commit()
    first.commit()
    assert rows(database, "event") == [(1, 2, 2, "a"), (2, 1, 3, "d")]
    assert database_count(database, "event") == 2


@pytest.mark.parametrize("size", [1, 500])
@pytest.mark.parametrize(("parents", "children"), [("parent", "child"), ("node", "node")])
@pytest.mark.parametrize("child_first", [True, False])
def test_no_orphans(database: Database, parents: str, children: str, child_first: bool, size: int) -> None:
    setup = new_session(database)
    for _ in range(size):
        insert(setup, parents, None)
    setup.commit()
    adding, removing = new_session(database), new_session(database)
    adding.begin()
    removing.begin()
    insert(adding, children, 1)
    delete(removing, parents, 1)
    first, second = (adding, removing) if child_first else (removing, adding)
    first.commit()
    with pytest.raises((errors.IntegrityError, errors.ConflictError)):
        second.commit()
    orphans(database)


def orphans(database: Database) -> None:
    new_session(database).catalog.check_constraints()


def test_no_orphans_in_a_race(database: Database) -> None:
    def run(parents: str, children: str) -> None:
        setup = new_session(database)
        for _ in range(40):
            parent = insert(setup, parents, None)
            setup.commit()
            start = threading.Barrier(2)

            def race(work: Callable[[Session], None], start: threading.Barrier = start) -> None:
                session = new_session(database)
                start.wait()
                work(session)
                with contextlib.suppress(errors.IntegrityError, errors.ConflictError):
                    session.commit()
                session.close()

            failures = in_threads(
                lambda parent=parent: race(lambda session: insert(session, children, parent)),  # type: ignore[misc]
                lambda parent=parent: race(lambda session: delete(session, parents, parent)),  # type: ignore[misc]
            )
            assert failures == []
            orphans(database)
            setup.rollback()

    run("parent", "child")
    run("node", "node")


def test_a_locked_row_must_stay(database: Database) -> None:
    first, second = new_session(database), new_session(database)
    insert(first, "event", 0, 0, "account")
    insert(first, "event", 0, 0, "neighbour")
    first.commit()
    row = second.catalog.table("event").get(1)
    assert row is not None
    second.catalog.table("event").lock(1, row)
    insert(second, "parent", "depends on it")
    update(first, "event", 2, number=9)
    first.commit()
    second.commit()  # the neighbour does not matter

    row = second.catalog.table("event").get(1)
    assert row is not None
    second.catalog.table("event").lock(1, row)
    insert(second, "parent", "depends on it, too")
    update(first, "event", 1, number=9)
    database.row_locks._timeout_s = 0.1
    with pytest.raises(errors.LockTimeoutError, match="a row of"):
        first.commit()
    second.commit()
    update(first, "event", 1, number=9)
    first.commit()


def test_serializable_refuses_write_skew(database: Database) -> None:
    setup = new_session(database)
    insert(setup, "event", 0, 1, "a")
    insert(setup, "parent", "b")
    setup.commit()
    first, second = new_session(database, "serializable"), new_session(database, "serializable")
    for session in (first, second):
        assert session.noting_catalog.table("event").get(1) and session.noting_catalog.table("parent").get(1)
    update(first, "event", 1, number=0)
    update(second, "parent", 1, name="x")
    first.commit()
    with pytest.raises(errors.ConflictError, match="serializable"):
        second.commit()


# --- definitions against rows --------------------------------------------------------------------------------------

WIDER = TableSchema(
    "event",
    (*EVENT.columns, column("extra", TEXT)),
    ("id",),
    "event_pkey",
    indexes=EVENT.indexes,
    token="event-2",
)


def widen(session: Session) -> None:
    session.catalog.alter_table("event", WIDER, lambda row: (*row, None))


def test_insert_against_add_column(database: Database) -> None:
    setup = new_session(database)
    insert(setup, "event", 0, 0, "old")
    setup.commit()
    writer, migration = new_session(database), new_session(database)
    writer.begin()
    migration.begin()
    insert(writer, "event", 0, 1, "new")
    widen(migration)
    migration.commit()
    with pytest.raises(errors.ConflictError, match="event"):
        writer.commit()
    assert {len(row) for row in rows(database, "event")} == {5}
    writer.catalog.table("event").insert((None, 0, 1, "new", "x"))
    writer.commit()
    assert {len(row) for row in rows(database, "event")} == {5}


@pytest.mark.parametrize("change", ["insert", "update", "delete"])
def test_add_column_against_a_change(database: Database, change: str) -> None:
    setup = new_session(database)
    for number in range(300):
        insert(setup, "event", 0, number, str(number))
    setup.commit()
    writer, migration = new_session(database), new_session(database)
    migration.begin()
    widen(migration)
    if change == "insert":
        insert(writer, "event", 0, 1, "new")
    elif change == "update":
        update(writer, "event", 150, number=-1)
    else:
        delete(writer, "event", 150)
    writer.commit()
    with pytest.raises(errors.ConflictError):
        migration.commit()
    widen(migration)
    migration.commit()
    assert {len(row) for row in rows(database, "event")} == {5}
    database_count(database, "event")


def test_a_definition_and_another_table_do_not_conflict(database: Database) -> None:
    writer, migration = new_session(database), new_session(database)
    writer.begin()
    migration.begin()
    insert(writer, "parent", "x")
    widen(migration)
    migration.commit()
    writer.commit()
    assert rows(database, "parent") == [(1, "x")]
    assert new_session(database).catalog.schema("event") == WIDER.with_token(
        new_session(database).catalog.table("event").schema.token
    )


def test_delete_against_a_new_reference(database: Database) -> None:
    setup = new_session(database)
    insert(setup, "parent", "x")
    setup.catalog.drop_table("child")
    setup.commit()
    writer, migration = new_session(database), new_session(database)
    writer.begin()
    migration.begin()
    delete(writer, "parent", 1)
    migration.catalog.create_table(CHILD.with_token("child-2"))
    insert(migration, "child", 1)
    migration.commit()
    with pytest.raises((errors.ConflictError, errors.IntegrityError)):
        writer.commit()
    orphans(database)


def test_add_column_in_a_race(database: Database) -> None:
    stop = threading.Event()

    def write() -> None:
        session = new_session(database)
        number = 0
        while not stop.is_set():
            number += 1
            try:
                table = session.catalog.table("event")
                row = (
                    None,
                    0,
                    number,
                    f"{threading.get_ident()}-{number}",
                    *([None] * (len(table.schema.columns) - 4)),
                )
                table.insert(row)
                session.commit()
            except errors.ConflictError:
                session.rollback()
            time.sleep(0.002)  # a definition begins anew when a row comes between: leave it a moment

    def migrate() -> None:
        session = new_session(database)
        try:
            for extra in range(8):
                time.sleep(0.02)
                for attempt in range(100):
                    try:
                        if attempt % 2:  # as a statement alone does: without, those who write may be faster for ever
                            session.hold()
                        old = session.catalog.table("event").schema
                        new = TableSchema(
                            "event",
                            (*old.columns, column(f"extra_{extra}")),
                            ("id",),
                            "event_pkey",
                            indexes=old.indexes,
                            token=f"event-{time.monotonic_ns()}",
                        )
                        session.catalog.alter_table("event", new, lambda row: (*row, None))
                        session.commit()
                        break
                    except errors.ConflictError:
                        session.rollback()
                else:
                    raise AssertionError("no migration came through")
        finally:
            stop.set()

    assert in_threads(write, write, migrate) == []
    assert {len(row) for row in rows(database, "event")} == {12}
    database_count(database, "event")


# --- generated ids -------------------------------------------------------------------------------------------------


def test_ids_are_unique_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "Data.fs"

    def open_again() -> Session:
        close_all()
        return new_session(Database.open(path))

    session = open_again()
    session.catalog.create_table(PARENT)
    session.commit()
    assert [insert(session, "parent", "x") for _ in range(3)] == [1, 2, 3]
    session.commit()
    assert insert(session, "parent", "lost") == 4
    session.rollback()
    assert insert(session, "parent", "y") == 5
    delete(session, "parent", 5)
    session.commit()
    session = open_again()
    assert insert(session, "parent", "z") == 6, "a clean close leaves no gap"
    assert insert(session, "parent", "explicit", rowid=100) == 100
    assert insert(session, "parent", "after") == 101
    session.commit()
    session.catalog.rename_table("parent", "person") if hasattr(session.catalog, "rename_table") else None
    assert insert(session, "parent", "w") == 102


def test_ids_of_what_is_undone_are_given_back_in_memory() -> None:
    database = Database.open(":memory:")
    one, other = new_session(database), new_session(database)
    one.catalog.create_table(PARENT)
    one.commit()
    assert insert(one, "parent", "x") == 1
    mark = one.mark()
    assert [insert(one, "parent", "undone") for _ in range(3)] == [2, 3, 4]
    insert(one, "parent", "undone", rowid=50)
    assert insert(one, "parent", "undone") == 51
    one.undo_to(mark)
    assert insert(one, "parent", "y") == 2
    one.commit()
    assert [insert(session, "parent", "lost") for session in (other, one, one)] == [3, 4, 5]
    other.rollback()
    assert insert(other, "parent", "kept") == 6, "others have drawn some since"
    other.commit()
    one.rollback()
    assert [insert(one, "parent", "lost") for _ in range(2)] == [7, 8]
    one.rollback()
    assert insert(one, "parent", "lost") == 7
    insert(other, "parent", "z", rowid=20)
    other.commit()
    one.rollback()
    assert insert(one, "parent", "last") == 21, "it may not meet what was given explicitly"
    one.commit()


def test_explicit_ids_count_when_they_are_committed(database: Database) -> None:
    session = new_session(database)
    insert(session, "parent", "x", rowid=2**63 - 1)
    session.rollback()
    assert insert(session, "parent", "y") == 1
    insert(session, "parent", "x", rowid=2**63 - 1)
    session.commit()
    with pytest.raises(errors.DataError, match="end"):
        insert(session, "parent", "y")


@pytest.mark.parametrize("alone", [True, False])
def test_many_ids_are_those_that_come_one_by_one(alone: bool) -> None:
    def counters() -> Sequences:
        taken = 10

        def reserve(oid: bytes, lowest: int, count: int) -> int:
            nonlocal taken
            first = max(taken, lowest) + 5  # others take some, too
            taken = first + count
            return first

        return Sequences(None if alone else reserve)

    many, one = counters(), counters()
    for count, lowest in ((0, 1), (3, 1), (20, 1), (1, 50), (4, 1), (100, 200), (7, 1)):
        found = many.next_many(b"oid", 10, count, lowest)
        assert found == [one.next(b"oid", 10, lowest) for _ in range(count)]
    many.observe(b"oid", 10, MAX_ID - 2)
    if alone:
        assert many.next_many(b"oid", 10, 2) == [MAX_ID - 1, MAX_ID]
        with pytest.raises(errors.DataError, match="has reached its end"):
            many.next_many(b"oid", 10, 1)


def test_sequences_are_set_back_with_their_transaction(database: Database) -> None:
    session, other = new_session(database), new_session(database)
    for _ in range(5):
        insert(session, "parent", "x")
    session.commit()
    session.catalog.truncate(["child", "parent"], restart=True)
    session.rollback()
    assert insert(session, "parent", "x") == 6
    session.rollback()
    session.catalog.truncate(["child", "parent"], restart=True)
    assert insert(session, "parent", "x") == 1
    session.commit()
    assert insert(other, "parent", "x") == 2
    other.commit()
    session.catalog.set_sequence("parent", 40)
    session.commit()
    assert insert(other, "parent", "x") == 40


def test_a_recreated_table_begins_anew(database: Database) -> None:
    session = new_session(database)
    extra = TableSchema("extra", (ID,), ("id",), token="extra-1")
    for token in ("extra-1", "extra-2"):
        session.catalog.create_table(extra.with_token(token))
        assert insert(session, "extra") == 1
        session.commit()
        assert insert(session, "extra") == 2
        session.commit()
        session.catalog.drop_table("extra")
        session.commit()


CRASH = """
    database = Database.open(sys.argv[1])
    session = new_session(database)
    session.catalog.create_table(PARENT)
    session.commit()
    for number in range(40):
        insert(session, "parent", str(number))
        session.commit()
    delete(session, "parent", 40)
    session.commit()
    insert(session, "parent", "not committed")
    print(len(rows(database, "parent")), flush=True)
    os.kill(os.getpid(), 9)
"""


def test_ids_and_rows_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "Data.fs"
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\nfrom test_sessions import *\n" + textwrap.dedent(
        CRASH
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.stdout == "39\n", run.stderr
    assert run.returncode == -9
    database = Database.open(path)
    assert database_count(database, "parent") == 39
    assert 41 <= insert(new_session(database), "parent", "next") <= 80


def test_ids_from_many_threads(database: Database) -> None:
    found: list[int] = []

    def work() -> None:
        session = new_session(database)
        mine = []
        for number in range(300):
            rowid = insert(session, "parent", "x")
            undone = number % 3 > 0
            session.rollback() if undone else session.commit()
            if not (undone and in_memory(database)):
                mine.append(rowid)
        assert mine == sorted(mine)
        found.extend(mine)

    assert in_threads(work, work, work) == []
    assert len(set(found)) == len(found) == (300 if in_memory(database) else 900)


# --- failures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["tpc_begin", "store", "_append", "sync_data"])
def test_a_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    database = Database.open(tmp_path / "Data.fs")
    session, bystander = new_session(database), new_session(database)
    session.catalog.create_table(PARENT)
    insert(session, "parent", "kept")
    session.commit()
    bystander.begin()

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        where = datafile if place == "sync_data" else datafile.DataFile
        patched.setattr(where, place, fail)
        insert(session, "parent", "lost?")
        with pytest.raises(errors.OperationalError, match="disk is full"):
            session.commit()
    assert not session.in_transaction
    bystander.rollback()
    insert(bystander, "parent", "next")
    bystander.commit()
    names = [row[1] for row in rows(database, "parent")]
    assert names == ["kept", "next"]


class TimeIsUp(Exception):
    """As a task queue raises in a signal handler, whatever is going on."""


@pytest.mark.parametrize("raised", [TimeIsUp, TimeoutError, KeyboardInterrupt])
@pytest.mark.parametrize(
    "place", ["compact._values", "persistent.unpack", "bounded.check_seal", "bounded.class_factory"]
)
def test_what_a_signal_handler_raises_while_a_record_is_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], place: str
) -> None:
    database = Database.open(tmp_path / "Data.fs")
    session = new_session(database)
    session.catalog.create_table(PARENT)
    insert(session, "parent", "kept")
    session.commit()
    session.close()
    close_all()
    session = new_session(Database.open(tmp_path / "Data.fs"))
    session.begin()

    connection = dbapi.connect(tmp_path / "Data.fs")
    assert connection.execute("SELECT COUNT(*) FROM parent").fetchall() == [(1,)]
    connection.session.catalog.table("parent").tree._p_deactivate()

    def interrupted(*arguments: object) -> None:
        raise raised

    with monkeypatch.context() as patched:
        patched.setattr(f"django_zodb.storage.{place}", interrupted)
        with pytest.raises(raised):
            list(session.catalog.table("parent").rows())
        with pytest.raises(raised):
            connection.execute("SELECT * FROM parent")
    session.rollback()
    session.begin()
    assert [row[1] for row in session.catalog.table("parent").rows()] == ["kept"]


def test_an_interrupted_commit_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    session = new_session(database)
    insert(session, "parent", "x")

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(database._storage), "store", interrupt)
        with pytest.raises(KeyboardInterrupt):
            session.commit()
    assert not session.in_transaction
    assert rows(database, "parent") == []
    insert(session, "parent", "y")
    session.commit()
    assert [row[1] for row in rows(database, "parent")] == ["y"]


def test_a_scan_runs_in_bounded_memory(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "Data.fs", cache_size=50)
    session = new_session(database)
    session.catalog.create_table(PARENT)
    for number in range(40_000):
        insert(session, "parent", str(number))
    session.commit()
    session.close()
    session = new_session(database)
    cache = session.catalog.root["tables"]._p_jar._cache
    largest = seen = 0
    for row in session.catalog.table("parent").rows():
        assert row[1] == str(seen)
        seen += 1
        largest = max(largest, cache.cache_non_ghost_count)
    assert seen == 40_000
    assert largest < 250, "of some 2,700 leaves"


def test_memory_keeps_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_zodb.storage.memory._GRACE_S", -1.0)
    database = Database.open(":memory:")
    session, reader = new_session(database), new_session(database)
    session.catalog.create_table(PARENT)
    insert(session, "parent", "0")
    session.commit()
    assert [row[1] for row in reader.catalog.table("parent").rows()] == ["0"]
    reader._connection.cacheMinimize()
    for number in range(1, 100):
        update(session, "parent", 1, name=str(number))
        session.commit()
    assert [row[1] for row in reader.catalog.table("parent").rows()] == ["0"], "an open snapshot stays readable"
    assert max(len(revisions) for revisions in database._storage._data.values()) <= 4


@pytest.mark.parametrize("moment", ["1999-01-01", "2100-01-01"])
def test_memory_keeps_no_history_of_a_frozen_time(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Transactions that follow one of the next century are of that century, too."""
    monkeypatch.setattr("django_zodb.storage.memory._GRACE_S", -1.0)
    database = Database.open(":memory:")
    session = new_session(database)
    session.catalog.create_table(PARENT)
    insert(session, "parent", "0")
    with freeze_time(moment):
        session.commit()
    for number in range(1, 20):
        update(session, "parent", 1, name=str(number))
        session.commit()
    assert max(len(revisions) for revisions in database._storage._data.values()) <= 2


def test_reading_is_cheap(database: Database) -> None:
    session = new_session(database)
    session.begin()
    session.rollback()
    started = time.perf_counter()
    for _ in range(2000):
        session.begin()
        session.rollback()
    assert (time.perf_counter() - started) / 2000 < 100e-6  # measured: 5 µs; a loaded machine must not fail the test


def test_a_snapshot_is_taken_anew_only_where_there_is_another_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = []
    poll = MVCCAdapterInstance.poll_invalidations
    monkeypatch.setattr(MVCCAdapterInstance, "poll_invalidations", lambda self: polls.append(self) or poll(self))
    reader, writer = new_session(database), new_session(database)

    def parents() -> int:
        found: int = reader.catalog.table("parent").count()
        reader.rollback()
        return found

    insert(writer, "parent", "one")
    assert parents() == 0
    polls.clear()
    assert parents() == 0 and not polls
    writer.commit()
    assert parents() == 1 and polls
    polls.clear()
    assert parents() == 1 and not polls
    insert(reader, "parent", "two")
    reader.commit()
    assert parents() == 2
    delete(reader, "parent", 1)
    reader.rollback()
    assert parents() == 2 and reader.catalog.table("parent").get(1)


def test_what_only_read_leaves_nothing_to_forget(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    begin = StoredCatalog.begin
    monkeypatch.setattr(StoredCatalog, "begin", lambda self: begun.append(self) or begin(self))
    session = new_session(database)
    one = insert(session, "parent", "one")
    session.commit()

    def read(lock: bool = False) -> None:
        parents = session.catalog.table("parent")
        row = parents.get(one)
        assert row and not session.journal.locked and not session.journal.locks_keys
        if lock:
            parents.begin_locking()
            parents.lock(one, row)
        session.end_reading()

    read()
    begun.clear()
    read(lock=True)
    assert not begun
    read()
    assert begun
    begun.clear()
    read()
    assert not begun
    other = new_session(database)
    other.catalog.create_table(TableSchema("late", (ID,), ("id",), "late_pkey", token="late-1"))
    other.commit()
    begun.clear()
    read()
    assert begun and session.catalog.schema("late")


def test_a_closed_session_starts_over(database: Database) -> None:
    session = new_session(database)
    insert(session, "parent", "lost")
    session.close()
    session.close()
    assert session.usable()
    insert(session, "parent", "kept")
    session.commit()
    assert [row[1] for row in rows(database, "parent")] == ["kept"]
    database.close()
    assert not session.usable()


def test_the_environment_is_quiet(capfd: pytest.CaptureFixture[str], database: Database) -> None:
    session = new_session(database)
    insert(session, "parent", "x")
    session.commit()
    os.sync()
    assert capfd.readouterr().out == ""


def test_a_commit_of_more_than_the_cache_holds_ends_well_beside_new_tables(tmp_path: Path) -> None:
    """The counters of new tables leave the cache in the commit, before the process hears of them."""
    with dbapi.connect(tmp_path / "Data.fs", cache_size_bytes=15_000) as connection:
        many = connection.cursor().executemany
        connection.execute("CREATE TABLE first (id bigint PRIMARY KEY, n integer)")
        many("INSERT INTO first VALUES (%s, %s)", [(n, n) for n in range(1000)])
        connection.execute("CREATE TABLE second (id bigint PRIMARY KEY, n integer, name text)")
        connection.execute("CREATE INDEX second_n ON second (n)")
        many("INSERT INTO second VALUES (%s, %s, %s)", [(n, n, f"name {n}") for n in range(4000)])
        connection.commit()
        connection.execute("INSERT INTO first (n) VALUES (7)")
        assert connection.execute("SELECT max(id) FROM first").fetchone() == (1000,)
        assert connection.execute("SELECT count(*) FROM second").fetchone() == (4000,)
