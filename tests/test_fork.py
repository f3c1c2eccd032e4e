"""A child of a fork leaves its parent's transactions and locks alone, and opens the file anew."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from forking import alone, fork_untold, in_child
from test_open import create_books, new_session, titles
from ZODB.utils import p64

from django_zodb.storage import database
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.datafile import DataFile
from django_zodb.storage.rowlocks import Locker


@pytest.fixture(params=[os.fork, fork_untold])
def fork(request: pytest.FixtureRequest) -> Callable[[], int]:
    """Each way to fork."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "Data.fs")


@alone
def test_memory_is_copied_by_a_fork(fork: Callable[[], int]) -> None:
    session = new_session(":memory:")
    create_books(session, "Emma")

    def work() -> object:
        signal.alarm(20)
        create_books(session, "Sanditon")
        return titles(new_session(":memory:"))

    assert in_child(work, fork) == "['Emma', 'Sanditon']"
    assert (
        in_child(lambda: in_child(work, fork), fork) == "['Emma', 'Sanditon']"
    )  # where the one between has not used it
    assert titles(session) == ["Emma"]


@alone
def test_a_child_opens_its_parents_file_anew(path: str, fork: Callable[[], int]) -> None:
    session = new_session(path)
    create_books(session, "Emma")
    session.catalog.table("book").insert((None, "Persuasion"))

    def work() -> object:
        mine = new_session(path)
        create_books(mine, "Sanditon")
        return titles(mine)

    assert in_child(work, fork) == "['Emma', 'Sanditon']"
    session.commit()
    assert sorted(map(str, titles(session))) == ["Emma", "Persuasion", "Sanditon"]


def test_a_child_takes_over_when_its_parent_has_closed(path: str) -> None:
    session = new_session(path)
    create_books(session, "Emma")
    ready, go = os.pipe()

    def work() -> object:
        os.read(ready, 1)
        create_books(session, "Sanditon")
        close_all()
        return "done"

    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(in_child(work)))
    thread.start()
    time.sleep(0.2)
    close_all()
    os.write(go, b"x")
    thread.join()
    assert answers == ["done"]
    assert titles(new_session(path)) == ["Emma", "Sanditon"]


@alone
def test_a_transaction_does_not_survive_the_fork(path: str, fork: Callable[[], int]) -> None:
    session = new_session(path)
    create_books(session, "Emma")
    session.catalog.table("book").insert((None, "Persuasion"))
    ids = session.database.sequences
    for use in (lambda: session.catalog, session.commit, session.hold, lambda: create_books(session, *"ABCDEFGHIJKL")):
        assert "OperationalError: the process was forked" in in_child(use, fork)
    session.commit()
    assert titles(session) == ["Emma", "Persuasion"]
    assert session.database.sequences is ids


@alone
def test_a_child_leaves_its_parents_lock_alone(path: str, fork: Callable[[], int]) -> None:
    session = new_session(path, timeout=0.1)
    create_books(session, "Emma")
    session.hold()
    held = [session]
    del session
    for end in (held[0].rollback, held[0].close, held.clear, close_all):
        in_child(end, fork)
        assert "LockTimeoutError" in in_child(lambda: create_books(new_session(path), "Sanditon"), fork)
    assert "LockTimeoutError" in in_child(held[0].database.serialise, fork)
    held[0].rollback()
    assert titles(held[0]) == ["Emma"]


@alone
def test_a_child_leaves_its_parents_locked_rows_alone(path: str, fork: Callable[[], int]) -> None:
    session = new_session(path, timeout=0.1)
    create_books(session, "Emma")
    locks, key = session.database.row_locks, (p64(1), 1)
    lockers = [Locker()]
    assert lockers[0].take(locks, key, "nowait")
    in_child(lockers.clear, fork)

    def work() -> bool:
        assert titles(session) == ["Emma"]
        return Locker().take(session.database.row_locks, key, "skip")

    assert in_child(work, fork) == "False"


@alone
def test_an_interrupted_renewal_is_done_again(path: str, fork: Callable[[], int]) -> None:
    session = new_session(path, timeout=0.1)
    create_books(session, "Emma")
    session.hold()

    def work() -> None:
        with suppress(KeyboardInterrupt):
            new_session(path)
        with patch.object(DataFile, "abandon", abandon):
            create_books(new_session(path), "Sanditon")

    abandon = DataFile.abandon
    with patch.object(DataFile, "abandon", side_effect=KeyboardInterrupt):  # as a signal handler may raise it
        assert "LockTimeoutError" in in_child(work, fork)


# That Python forks while a thread has the registry's lock cannot be: its fork waits for it.
@pytest.mark.parametrize(
    ("fork", "what"), [(os.fork, "_lock"), (fork_untold, "_lock"), (fork_untold, "_registry_lock")], indirect=["fork"]
)
@alone
def test_a_child_does_not_wait_for_threads_of_its_parent(path: str, fork: Callable[[], int], what: str) -> None:
    session = new_session(path)
    create_books(session, "Emma")
    data = session.database.serialise()
    began, end = threading.Event(), threading.Event()

    def hold() -> None:
        with session.database._zodb._lock if what == "_lock" else database._registry_lock:  # type: ignore[union-attr]
            began.set()
            end.wait()

    def work() -> int:
        signal.alarm(20)
        session.close()
        Database.restore(":memory:copy", data)
        return session.database.stats()["connections"]  # type: ignore[no-any-return]

    thread = threading.Thread(target=hold)
    thread.start()
    began.wait()
    time.sleep(0.05)  # until the thread waits for `end`, not for the interpreter's lock
    try:
        assert in_child(work, fork) == "0"
    finally:
        end.set()
        thread.join()


@alone
def test_children_commit_beside_each_other(path: str, fork: Callable[[], int]) -> None:
    session = new_session(path)
    create_books(session, "Emma")
    children = []
    for name in "ABC":
        child = fork()
        if child == 0:
            try:
                for number in range(100):
                    create_books(session, f"{name} {number}")
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert len(titles(session)) == 301


@alone
def test_what_an_unused_child_inherited_is_not_closed(path: str, fork: Callable[[], int]) -> None:
    session = new_session(path)
    create_books(session, "Emma")
    in_child(close_all, fork)
    create_books(session, "Sanditon")
    assert titles(new_session(path)) == ["Emma", "Sanditon"]
