"""Exceptions from outside (Ctrl-C, time limits) in the middle of commits and snapshots: nothing half done goes on."""

from __future__ import annotations

import errno
import fcntl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from test_sessions import PARENT, insert, new_session
from test_zeo import Served, add, names, path, served  # noqa: F401  fixtures
from ZODB import MappingStorage
from ZODB.Connection import Connection
from ZODB.mvccadapter import MVCCAdapterInstance
from ZODB.POSException import ConflictError as RecordConflict
from ZODB.POSException import StorageError

from django_zodb import dbapi, errors
from django_zodb.storage import datafile
from django_zodb.storage.bounded import BoundedConnection
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.datafile import DataFile
from django_zodb.storage.lockfile import LockFile
from django_zodb.storage.session import Session


class TimeIsUp(Exception):
    """As a task queue raises in a signal handler, whatever is going on."""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture(params=[KeyboardInterrupt, TimeIsUp])
def raised(request: pytest.FixtureRequest) -> type[BaseException]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with a table of one row."""
    session = new_session(Database.open(tmp_path / "Data.fs"))
    session.catalog.create_table(PARENT)
    insert(session, "parent", "first")
    session.commit()
    close_all()
    return tmp_path / "Data.fs"


def interrupt(
    patch: pytest.MonkeyPatch, owner: Any, name: str, raised: type[BaseException] | BaseException, after: bool
) -> None:
    """Have the function raise the next time, before or after it has done its work."""
    original = getattr(owner, name)
    ready = [True]

    def interrupted(*arguments: Any, **options: Any) -> Any:
        found = original(*arguments, **options) if after or not ready else None
        if ready:
            ready.clear()
            raise raised
        return found

    patch.setattr(owner, name, interrupted)


def rename(session: Session, name: str) -> None:
    table = session.catalog.table("parent")
    table.update(1, table.get(1), (1, name))
    session.catalog.end_statement()
    session.commit()


def rows_of_another_process(file: Path) -> list[str]:
    """What one that opens the file now reads; it also finds the commit lock free."""
    with file.open("r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    storage = Database.open(file, read_only=True)
    try:
        return names(new_session(storage))
    finally:
        storage.close()


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (datafile, "take", True),
        (DataFile, "tpc_begin", True),
        (DataFile, "tpc_vote", False),
        (DataFile, "tpc_vote", True),
        (DataFile, "_make_durable", True),
        (datafile, "enter", False),
        (DataFile, "_clear_temp", False),
        (datafile, "free", False),
        (MVCCAdapterInstance, "poll_invalidations", True),
    ],
)
def test_an_interrupted_commit_is_done_or_not(
    file: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], owner: Any, name: str, after: bool
) -> None:
    session, other = (new_session(Database.open(file)) for _ in range(2))
    assert names(other) == ["first"]
    table = session.catalog.table("parent")
    table.update(1, table.get(1), (1, "second"))
    session.catalog.end_statement()
    with monkeypatch.context() as patched:
        interrupt(patched, owner, name, raised, after)
        with pytest.raises(raised):
            session.commit()
    assert not session.in_transaction
    found = rows_of_another_process(file)
    assert found in (["first"], ["second"])
    assert names(session) == names(other) == found
    rename(other, "third")
    assert names(session) == rows_of_another_process(file) == ["third"]


def test_a_snapshot_that_was_interrupted_lacks_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    """What others changed is told to a connection once."""
    session, other = (new_session(Database.open(file)) for _ in range(2))
    assert names(session) == ["first"]
    session.rollback()
    rename(other, "second")
    with monkeypatch.context() as patched:
        interrupt(patched, MVCCAdapterInstance, "poll_invalidations", raised, after=True)
        with pytest.raises(raised):
            session.begin()
    assert names(session) == ["second"]


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupted_commit_to_memory_is_done_or_not(
    monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], after: bool
) -> None:
    """Some of its records were there, and others were not."""
    session, other = (new_session(Database.open(":memory:interrupted")) for _ in range(2))
    session.catalog.create_table(PARENT)
    session.commit()
    assert names(other) == []
    insert(session, "parent", "lost")
    with monkeypatch.context() as patched:
        interrupt(patched, MappingStorage, "TransactionRecord", raised, after)
        with pytest.raises(raised):
            session.commit()
    assert names(session) == names(other) == []
    add(other, "second")
    assert names(session) == names(other) == ["second"]


class StorageIsBusy(StorageError):  # type: ignore[misc]
    """As a storage of another package raises, such as RelStorage."""


class RecordIsLocked(RecordConflict):  # type: ignore[misc]
    """The same, where others were faster."""


@pytest.mark.parametrize(
    ("failure", "expected"), [(StorageIsBusy, errors.OperationalError), (RecordIsLocked, errors.ConflictError)]
)
def test_an_error_of_a_storage_of_others_is_no_interruption(
    file: Path, monkeypatch: pytest.MonkeyPatch, failure: type[Exception], expected: type[Exception]
) -> None:
    session, other = (new_session(Database.open(file)) for _ in range(2))
    insert(other, "parent", "second")
    with monkeypatch.context() as patched:
        interrupt(patched, Session, "_commit_changes", failure, after=False)
        with pytest.raises(expected):
            rename(session, "lost")
    other.commit()
    assert names(session) == ["first", "second"]


@pytest.mark.parametrize("exhausted", [MemoryError, RecursionError])
def test_a_snapshot_for_which_memory_or_stack_did_not_suffice_lacks_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, exhausted: type[BaseException]
) -> None:
    test_a_snapshot_that_was_interrupted_lacks_nothing(file, monkeypatch, exhausted)
    session = new_session(Database.open(file))
    assert names(session) == ["second"]
    session.rollback()
    with monkeypatch.context() as patched:  # nor do they suffice for what follows
        interrupt(patched, MVCCAdapterInstance, "poll_invalidations", exhausted, after=True)
        interrupt(patched, Database, "recover", exhausted, after=False)
        patched.setattr(session._connection, "_seen", None)
        with pytest.raises(exhausted):
            session.begin()
    other = new_session(Database.open(file))
    rename(other, "third")
    assert names(session) == ["third"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), TimeIsUp(), OSError(errno.EIO, "Input/output error")])
def test_ids_can_be_reserved_after_that_has_failed(
    file: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    session = new_session(Database.open(file))
    with monkeypatch.context() as patched:
        interrupt(patched, datafile, "sync_data", failure, after=False)
        with pytest.raises(errors.OperationalError if isinstance(failure, OSError) else type(failure)):
            insert(session, "parent", "lost")
    with pytest.raises(errors.OperationalError, match="lost"):
        insert(session, "parent", "lost, too")
    session.rollback()
    insert(session, "parent", "second")
    session.commit()
    assert names(session) == rows_of_another_process(file) == ["first", "second"]


def test_a_definition_that_is_interrupted_frees_the_lock(
    file: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    session = new_session(Database.open(file))
    session.begin()
    with monkeypatch.context() as patched:
        interrupt(patched, MVCCAdapterInstance, "poll_invalidations", raised, after=True)
        with pytest.raises(raised):
            session.hold()
    assert rows_of_another_process(file) == ["first"]
    session.undo_to(0)
    with pytest.raises(errors.OperationalError, match="lost"):
        session.catalog.table("parent")
    assert names(session) == ["first"]


def test_rows_are_free_after_their_freeing_was_interrupted(
    file: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    connection, other = (dbapi.connect(file) for _ in range(2))
    connection.execute("INSERT INTO parent (name) VALUES ('second'), ('third')")
    connection.commit()
    assert len(connection.execute("SELECT * FROM parent FOR UPDATE").fetchall()) == 3
    with monkeypatch.context() as patched:
        interrupt(patched, LockFile, "claim_row", raised, after=True)
        with pytest.raises(raised):
            connection.rollback()
    assert len(other.execute("SELECT * FROM parent FOR UPDATE NOWAIT").fetchall()) == 3
    other.rollback()
    assert not LockFile(f"{file}.lock").has_claimed_rows()


@pytest.mark.parametrize("autocommit", [False, True])
def test_a_change_that_was_interrupted_within_c_code_is_not_gone_on_with(
    file: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], autocommit: bool
) -> None:
    """A leaf has been split, say, and its tree is not known to have changed."""
    connection = dbapi.connect(file, autocommit=autocommit)
    with monkeypatch.context() as patched:
        interrupt(patched, Connection, "register", raised, after=False)
        with pytest.raises(raised):
            connection.execute("INSERT INTO parent (id, name) VALUES (2, 'lost')")
    if not autocommit:
        with pytest.raises(errors.OperationalError, match="lost"):
            connection.execute("SELECT * FROM parent")
        connection.rollback()
    connection.execute("INSERT INTO parent (id, name) VALUES (2, 'second')")
    connection.commit()
    assert connection.execute("SELECT name FROM parent").fetchall() == [("first",), ("second",)]
    assert rows_of_another_process(file) == ["first", "second"]


def test_a_rollback_that_is_interrupted_after_a_conflict_is_not_hidden_by_it(
    file: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    """Nor does anybody go on with what it has left: half of the changes."""
    session = new_session(Database.open(file))
    with monkeypatch.context() as patched:
        interrupt(patched, Session, "_commit_changes", errors.ConflictError("lost"), after=False)
        interrupt(patched, BoundedConnection, "abort", raised, after=False)
        with pytest.raises(raised):
            rename(session, "lost")
    assert names(session) == ["first"]
    add(session, "second")
    assert names(session) == rows_of_another_process(file) == ["first", "second"]


def stop_at(patch: pytest.MonkeyPatch, owner: Any, name: str, reached: threading.Event) -> None:
    """Have the function, called by another thread than this one, say so, and take a while before it goes on."""
    original, this = getattr(owner, name), threading.get_ident()

    def stopping(*arguments: Any, **options: Any) -> Any:
        found = original(*arguments, **options)
        if threading.get_ident() != this and not reached.is_set():
            reached.set()
            time.sleep(0.2)
        return found

    patch.setattr(owner, name, stopping)


@pytest.mark.parametrize(
    ("owner", "name", "done"),
    [
        (LockFile, "has_claimed_rows", False),
        (Session, "_catch_up", False),
        (DataFile, "tpc_begin", True),
        (DataFile, "tpc_vote", True),
        (datafile, "sync_data", True),
    ],
)
@pytest.mark.parametrize("close", [False, True])
def test_a_commit_of_another_thread_is_done_or_said_to_have_failed(
    file: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, done: bool, close: bool
) -> None:
    """It was said to be done, and was not, or wrote to a descriptor that was another file's by then."""
    session, other = (new_session(Database.open(file)) for _ in range(2))
    assert names(session) == names(other) == ["first"]
    session.rollback()
    reached = threading.Event()
    with monkeypatch.context() as patched, ThreadPoolExecutor() as pool:
        stop_at(patched, owner, name, reached)
        outcome = pool.submit(rename, other, "second")
        assert reached.wait(10)
        if close:
            session.database.close()
        else:
            interrupt(patched, BoundedConnection, "newTransaction", KeyboardInterrupt, after=True)
            with pytest.raises(KeyboardInterrupt):
                session.begin()
        failure = outcome.exception(10)
    assert failure is None if done else isinstance(failure, errors.OperationalError)
    assert rows_of_another_process(file) == ["second" if done else "first"]
    assert names(session) == names(other) == ["second" if done else "first"]
    session.database.close()  # again


def test_a_client_that_is_interrupted_while_its_commit_is_answered_goes_on(
    served: Served,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    raised: type[BaseException],
) -> None:
    """Nobody reads the answer then, which tells what in the client's cache is out of date."""
    session, other = served.session(), served.session()
    assert names(other) == ["first"]
    storage = session.database._storage
    answer = storage._server.io_call

    def interrupted(call: Any, wait: bool = True) -> Any:
        if call.__name__ != "tpc_finish_co":
            return answer(call, wait)
        answer(call, False)
        raise raised

    storage._server.io_call = interrupted
    with pytest.raises(raised):
        rename(session, "second")
    assert names(session) == names(other) == ["second"]
    rename(other, "third")
    add(session, "fourth")
    assert names(other) == ["third", "fourth"]


def test_other_transactions_of_the_process_can_be_run_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    """Nothing of them is left, and that is what they are told, whatever they do next."""
    connection, reading, writing = (dbapi.connect(file) for _ in range(3))
    assert reading.execute("SELECT name FROM parent").fetchall() == [("first",)]
    writing.execute("INSERT INTO parent (id, name) VALUES (2, 'second')")
    connection.execute("UPDATE parent SET name = 'third'")
    with monkeypatch.context() as patched:
        interrupt(patched, DataFile, "tpc_vote", raised, after=False)
        with pytest.raises(raised):
            connection.commit()
    for lost in (reading, writing):
        with pytest.raises(errors.TransactionLostError, match="reopened after a failure") as met:
            lost.execute("SELECT name FROM parent")
        assert met.value.retryable
        with pytest.raises(errors.TransactionLostError):
            lost.commit()
        lost.rollback()
    assert writing.execute("SELECT name FROM parent").fetchall() == [("first",)]
    writing.execute("INSERT INTO parent (id, name) VALUES (2, 'second')")
    writing.commit()
    assert rows_of_another_process(file) == ["first", "second"]


def test_the_lock_is_freed_although_the_file_is_closed_meanwhile(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another thread, between two steps of who frees it: its commit is done, and must not fail now."""
    storage, free = DataFile(str(file)), datafile.free

    def closed_first(descriptor: int) -> None:
        storage.give_up()
        free(descriptor)

    storage._commit_lock.acquire()
    monkeypatch.setattr(datafile, "free", closed_first)
    storage._commit_lock.release()
    assert storage.closed
