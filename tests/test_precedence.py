"""A server lets those clients commit first that have lost again and again, and those that change definitions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ZEO

from django_zodb import dbapi
from django_zodb.storage import precedence
from django_zodb.storage.database import close_all
from django_zodb.storage.locking import Hold
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import Options
from django_zodb.storage.precedence import Precedence
from django_zodb.storage.server import Server
from django_zodb.storage.session import _PATIENCE, Session

SOON_S = 0.2
LATE_S = 10.0

# --- whose turn it is ------------------------------------------------------------------------------------------------


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    time = SimpleNamespace(s=100.0)
    monkeypatch.setattr(precedence, "clock", SimpleNamespace(monotonic=lambda: time.s))
    return time


def clients(number: int, heard: float = 100.0) -> list[SimpleNamespace]:
    return [SimpleNamespace(connected=True, heard=heard) for _ in range(number)]


def test_nobody_votes_but_the_first(now: SimpleNamespace) -> None:
    turns, (one, two) = Precedence(30.0), clients(2)
    assert turns.admits(one) and turns.admits(two)
    assert turns.take(one, busy=False)
    assert turns.admits(one) and not turns.admits(two)
    turns.end(two)
    assert not turns.admits(two)
    turns.end(one)
    assert turns.admits(two)


def test_they_come_in_the_order_in_which_they_asked(now: SimpleNamespace) -> None:
    turns, (one, two, three, other) = Precedence(30.0), clients(4)
    assert not turns.take(one, busy=True)
    assert turns.admits(one) and not turns.admits(other)  # nobody begins a commit any more
    assert not turns.take(two, busy=False)
    assert not turns.take(three, busy=False)
    assert turns.take(one, busy=False)
    assert not turns.take(two, busy=False)
    turns.end(one)
    turns.end(two)  # it has given up
    assert turns.take(three, busy=False)


def test_who_is_gone_or_silent_has_lost_it(now: SimpleNamespace) -> None:
    turns, (one, two, three) = Precedence(30.0), clients(3)
    assert turns.take(one, busy=False) and not turns.take(two, busy=False)
    one.connected = False
    assert turns.take(two, busy=False)
    assert not turns.take(one, busy=False)
    now.s = 129.0
    assert not turns.admits(three)
    now.s = 131.0
    assert turns.admits(three)


# --- through a server ------------------------------------------------------------------------------------------------

Connect = Callable[..., dbapi.Connection]


@pytest.fixture
def longest_commit_s() -> int:
    return 30


@pytest.fixture
def connect(tmp_path: Path, longest_commit_s: int) -> Iterator[Connect]:
    """What connects to a server; by another name of the host as another client."""
    storage = open_storage(locate(tmp_path / "Data.fs"), Options())
    server = Server(storage, ("127.0.0.1", 0), longest_commit_s=longest_commit_s)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    made: list[dbapi.Connection] = []

    def connection(host: str, **options: Any) -> dbapi.Connection:
        made.append(dbapi.connect(None, host=host, port=server.address[1], **options))
        return made[-1]

    setup = connection("127.0.0.1")
    setup.execute("CREATE TABLE job (id bigint PRIMARY KEY, title text)")
    setup.execute("INSERT INTO job VALUES (1, 'a'), (2, 'b')")
    setup.commit()
    yield connection
    for each in made:
        each.close()
    close_all()
    server.stop()
    thread.join(10)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def retitle(connection: dbapi.Connection, rowid: int, title: str) -> None:
    connection.execute("UPDATE job SET title = %s WHERE id = %s", [title, rowid])
    connection.commit()


def titles(connection: dbapi.Connection) -> list[str]:
    connection.rollback()
    return [title for (title,) in connection.execute("SELECT title FROM job ORDER BY id").fetchall()]


def held(connection: dbapi.Connection) -> Hold:
    hold = connection.session.database.hold()
    assert hold is not None and hold.precedence
    return hold


def test_others_wait_and_read_meanwhile(connect: Connect, thread: ThreadPoolExecutor) -> None:
    one, other = connect("127.0.0.1"), connect("localhost")
    hold = held(one)
    commit = thread.submit(retitle, other, 2, "other")
    with pytest.raises(NotYet):
        commit.result(SOON_S)
    assert titles(connect("localhost")) == ["a", "b"]
    hold.release()
    commit.result(LATE_S)
    assert titles(one) == ["a", "other"]


def test_of_two_that_ask_the_second_waits(connect: Connect, thread: ThreadPoolExecutor) -> None:
    one, other = connect("127.0.0.1"), connect("localhost")
    hold = held(one)
    second = thread.submit(held, other)
    with pytest.raises(NotYet):
        second.result(SOON_S)
    hold.release()
    second.result(LATE_S).release()


def test_who_disconnects_holds_nobody_up(connect: Connect, thread: ThreadPoolExecutor) -> None:
    one, other = connect("127.0.0.1"), connect("localhost")
    hold = held(one)
    commit = thread.submit(retitle, other, 2, "other")
    with pytest.raises(NotYet):
        commit.result(SOON_S)
    one.session.database.close()
    commit.result(LATE_S)
    hold.release()


@pytest.mark.parametrize("longest_commit_s", [1])
def test_who_says_nothing_any_more_holds_nobody_up(connect: Connect) -> None:
    hold = held(connect("127.0.0.1"))
    retitle(connect("localhost"), 2, "other")
    hold.release()


def test_who_only_reads_holds_nobody_up(connect: Connect) -> None:
    reader = connect("localhost", read_only=True)
    assert titles(reader) == ["a", "b"]
    with pytest.raises(dbapi.OperationalError, match="read-only"):
        reader.session.hold()
    retitle(connect("127.0.0.1"), 2, "other")


def test_who_loses_again_and_again_comes_first(
    connect: Connect, thread: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = connect("127.0.0.1"), connect("localhost")
    write, rounds = Session._write, []
    commits: list[Any] = []

    def after_another(session: Session) -> None:
        if session is one.session:
            commits.append(thread.submit(retitle, other, 2, f"other {len(rounds)}"))
            rounds.append(len(rounds))
            if len(rounds) <= _PATIENCE:
                commits[-1].result(LATE_S)
        write(session)

    monkeypatch.setattr(Session, "_write", after_another)
    retitle(one, 1, "one")
    assert len(rounds) == _PATIENCE + 1
    commits[-1].result(LATE_S)
    assert titles(one) == ["one", f"other {_PATIENCE}"]


def test_who_changes_definitions_comes_first(connect: Connect, thread: ThreadPoolExecutor) -> None:
    one, other = connect("127.0.0.1"), connect("localhost")
    one.execute("ALTER TABLE job ADD COLUMN number integer DEFAULT 7 NOT NULL")
    commit = thread.submit(retitle, other, 2, "other")
    with pytest.raises(NotYet):
        commit.result(SOON_S)
    one.commit()
    with pytest.raises(dbapi.OperationalError) as caught:  # of another shape than its transaction had seen
        commit.result(LATE_S)
    assert caught.value.retryable
    retitle(other, 2, "other")
    assert one.execute("SELECT * FROM job ORDER BY id").fetchall() == [(1, "a", 7), (2, "other", 7)]


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_what_is_read_after_it_was_given_is_the_newest(connect: Connect, isolation: str) -> None:
    one, other = connect("127.0.0.1"), connect("localhost")
    one.session.serializable = isolation == "serializable"
    one.session.begin()
    retitle(other, 2, "other")
    one.session.hold()
    assert one.execute("SELECT title FROM job WHERE id = 2").fetchall() == [("other",)]
    retitle(one, 1, "one")
    assert titles(other) == ["one", "other"]


def test_other_servers_give_no_precedence() -> None:
    address, stop = ZEO.server(port=("127.0.0.1", 0), threaded=True)
    connection = dbapi.connect(None, host="127.0.0.1", port=address[1])
    connection.execute("CREATE TABLE job (id bigint PRIMARY KEY)")
    connection.commit()
    assert connection.session.database.hold() is None
    connection.close()
    close_all()
    stop()
