"""FOR UPDATE: rows locked against other transactions, of this process and of others, until the end or the death."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_processes import Child, closed, retried, values  # noqa: F401  closed is a fixture

from django_zodb import dbapi, errors
from django_zodb.storage import session
from django_zodb.storage.database import close_all

LOCK = "SELECT amount FROM account WHERE id = %s FOR UPDATE"


@pytest.fixture(params=["memory", "file"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    name = ":memory:" if request.param == "memory" else str(tmp_path / "Data.fs")
    make(name)
    yield name
    close_all()


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "Data.fs")
    make(path)
    close_all()
    return path


def make(name: str) -> None:
    with dbapi.connect(name) as connection:
        connection.execute("CREATE TABLE account (id bigint PRIMARY KEY, amount integer NOT NULL)")
        connection.execute("CREATE TABLE job (id bigint PRIMARY KEY, done boolean NOT NULL)")
        for number in range(1, 5):
            connection.execute("INSERT INTO account VALUES (%s, 100)", [number])
            connection.execute("INSERT INTO job VALUES (%s, false)", [number])


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """A running thread, and what ``work`` returns or raises, once it has."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work())
        except errors.Error as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def amount(connection: dbapi.Connection, number: int = 1) -> int:
    """The amount, locked."""
    row = connection.execute(LOCK, [number]).fetchone()
    assert row is not None
    return int(row[0])


def test_one_waits_for_the_other_and_sees_what_it_did(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name)
    other.execute("SELECT count(*) FROM job")  # has its snapshot already
    assert amount(one) == 100

    def add() -> int:
        found = amount(other)
        other.execute("UPDATE account SET amount = %s WHERE id = 1", [found + 1])
        other.commit()
        return found

    thread, outcome = in_thread(add)
    time.sleep(0.1)
    assert outcome == []
    one.execute("UPDATE account SET amount = 500 WHERE id = 1")
    one.commit()
    thread.join()
    assert outcome == [500]
    assert values(name, "SELECT amount FROM account WHERE id = 1") == [501]


def test_nowait_and_skip_locked(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name)
    assert amount(one, 2) == 100
    with pytest.raises(errors.OperationalError, match="NOWAIT") as caught:
        other.execute("SELECT * FROM account WHERE id = 2 FOR UPDATE NOWAIT")
    assert caught.value.retryable
    found = other.execute("SELECT id FROM account ORDER BY id FOR UPDATE SKIP LOCKED").fetchall()
    assert found == [(1,), (3,), (4,)]
    other.rollback()
    found = other.execute("SELECT id FROM account WHERE id > 1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED").fetchall()
    assert found == [(3,)]
    assert one.execute("SELECT id FROM account WHERE id = 4 FOR UPDATE NOWAIT").fetchall() == [(4,)], "not the fourth"
    one.rollback()
    assert amount(other, 2) == 100


def test_a_writer_waits_for_one_row_after_the_other(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many: it once gave up in silence, and nothing was written, after as many as lost rounds are allowed."""
    monkeypatch.setattr(session, "_ROUNDS", 2)
    holders = [dbapi.connect(name) for _ in range(4)]
    for number, holder in enumerate(holders, 1):
        assert amount(holder, number) == 100
    writer = dbapi.connect(name, autocommit=False)
    writer.execute("UPDATE account SET amount = 7")
    thread, outcome = in_thread(writer.commit)
    for holder in holders:
        time.sleep(0.1)
        assert outcome == []
        holder.rollback()
    thread.join()
    assert outcome == [None]
    assert values(name, "SELECT amount FROM account") == [7, 7, 7, 7]


def test_a_writer_waits_for_the_row(name: str) -> None:
    one, writer = dbapi.connect(name), dbapi.connect(name, autocommit=True)
    assert amount(one) == 100
    thread, outcome = in_thread(lambda: writer.execute("UPDATE account SET amount = amount + 1 WHERE id = 1").rowcount)
    writer_of_another = dbapi.connect(name, autocommit=True)
    writer_of_another.execute("UPDATE account SET amount = 7 WHERE id = 2")
    time.sleep(0.1)
    assert outcome == []
    one.execute("UPDATE account SET amount = 10 WHERE id = 1")
    one.commit()
    thread.join()
    assert outcome == [1]
    assert values(name, "SELECT amount FROM account WHERE id < 3 ORDER BY id") == [11, 7]


def test_waiting_ends(tmp_path: Path) -> None:
    name = str(tmp_path / "Data.fs")
    one, other = dbapi.connect(name, timeout=0.2), dbapi.connect(name)
    make(name)
    amount(one)
    for work in (lambda: amount(other), lambda: other.execute("DELETE FROM account WHERE id = 1") and other.commit()):
        thread, outcome = in_thread(work)
        thread.join()
        (error,) = outcome
        assert isinstance(error, errors.LockTimeoutError)
        assert "locked for 0.2 s" in str(error)
        other.rollback()
    one.close()
    assert amount(other) == 100


def test_a_deadlock_is_found(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name)
    amount(one, 1)
    amount(other, 2)
    started = time.monotonic()
    thread, outcome = in_thread(lambda: amount(other, 1))
    time.sleep(0.1)
    with pytest.raises(errors.ConflictError, match="deadlock"):
        amount(one, 2)
    one.rollback()
    thread.join()
    assert outcome == [100]
    assert time.monotonic() - started < 5


def test_after_a_change_of_ones_own(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name, autocommit=True)
    one.execute("UPDATE account SET amount = 1 WHERE id = 1")
    other.execute("UPDATE account SET amount = 2 WHERE id = 2")
    with pytest.raises(errors.ConflictError, match="before this one locked it"):
        amount(one, 2)
    one.rollback()
    assert amount(one, 2) == 2


def test_a_neighbour_that_was_changed_is_no_conflict(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name, autocommit=True)
    one.execute("UPDATE account SET amount = 1 WHERE id = 1")
    other.execute("UPDATE account SET amount = 3 WHERE id = 3")
    assert amount(one, 2) == 100
    one.execute("UPDATE account SET amount = 2 WHERE id = 2")
    one.commit()
    assert values(name, "SELECT amount FROM account ORDER BY id") == [1, 2, 3, 100]


def test_who_has_waited_sees_what_was_done_under_the_lock(name: str) -> None:
    """A row may be locked for the sake of others."""
    one, other = dbapi.connect(name), dbapi.connect(name)
    assert amount(one) == 100

    def waiting() -> int:
        other.execute("SELECT count(*) FROM job")
        amount(other)
        row = other.execute("SELECT amount FROM account WHERE id = 2").fetchone()
        other.execute("UPDATE account SET amount = amount + 1 WHERE id = 2")
        other.commit()
        return int(row[0]) if row else 0

    thread, outcome = in_thread(waiting)
    time.sleep(0.1)
    one.execute("UPDATE account SET amount = 500 WHERE id = 2")
    one.commit()
    thread.join()
    assert outcome == [500]
    assert values(name, "SELECT amount FROM account WHERE id = 2") == [501]


def put(connection: dbapi.Connection, number: int, value: int) -> str:
    """What Django's ``update_or_create`` does."""
    if not connection.execute(LOCK, [number]).fetchall():
        connection.execute("SAVEPOINT s")
        try:
            connection.execute("INSERT INTO account VALUES (%s, %s)", [number, value])
        except errors.IntegrityError:
            connection.execute("ROLLBACK TO SAVEPOINT s")
            assert connection.execute(LOCK, [number]).fetchall()
        else:
            return "inserted"
    connection.execute("UPDATE account SET amount = %s WHERE id = %s", [value, number])
    return "updated"


def test_who_found_nothing_to_lock_locks_the_key_that_it_inserts(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name)
    assert put(one, 9, 1) == "inserted"

    def waiting() -> str:
        done = put(other, 9, 2)
        other.commit()
        return done

    thread, outcome = in_thread(waiting)
    time.sleep(0.1)
    assert outcome == []
    one.commit()
    thread.join()
    assert outcome == ["updated"]
    assert values(name, "SELECT amount FROM account WHERE id = 9") == [2]


def test_a_key_that_was_inserted_meanwhile_is_a_conflict_if_serializable(name: str) -> None:
    one, other = dbapi.connect(name, isolation="serializable"), dbapi.connect(name, autocommit=True)
    assert one.execute(LOCK, [9]).fetchall() == []
    other.execute("INSERT INTO account VALUES (9, 2)")
    with pytest.raises(errors.ConflictError, match="same key into account"):
        one.execute("INSERT INTO account VALUES (9, 1)")
    one.rollback()
    assert put(one, 9, 1) == "updated"


def test_a_plain_insert_waits_for_the_key(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name, autocommit=True)
    assert put(one, 9, 1) == "inserted"

    def insert() -> None:
        other.execute("INSERT INTO account VALUES (9, 2)")

    thread, outcome = in_thread(insert)
    time.sleep(0.1)
    assert outcome == []
    one.commit()
    thread.join()
    assert isinstance(outcome[0], errors.IntegrityError)
    one.execute("DELETE FROM account WHERE id = 9")
    one.commit()
    insert()
    assert values(name, "SELECT amount FROM account WHERE id = 9") == [2]


def test_a_key_that_was_freed_by_the_transaction_itself(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name, autocommit=True)
    amount(one, 2)
    one.execute("DELETE FROM account WHERE id = 2")
    other.execute("UPDATE account SET amount = 3 WHERE id = 3")
    one.execute("INSERT INTO account VALUES (2, 2)")
    one.commit()
    assert values(name, "SELECT amount FROM account ORDER BY id") == [100, 2, 3, 100]


def test_a_key_is_free_after_a_rollback(name: str) -> None:
    one, other = dbapi.connect(name), dbapi.connect(name)
    put(one, 9, 1)
    one.rollback()
    assert put(other, 9, 2) == "inserted"
    other.commit()


def test_locked_counters_never_conflict(name: str) -> None:
    def count() -> str:
        connection = dbapi.connect(name)
        for _ in range(40):
            found = amount(connection)
            connection.execute("UPDATE account SET amount = %s WHERE id = 1", [found + 1])
            connection.commit()
        return "done"

    running = [in_thread(count) for _ in range(3)]
    for thread, outcome in running:
        thread.join()
        assert outcome == ["done"]
    assert values(name, "SELECT amount FROM account WHERE id = 1") == [220]


# --- several processes ----------------------------------------------------------------------------------------------


def test_locked_counters_of_processes_never_conflict(path: str) -> None:
    def count(say: Callable[[object], None]) -> None:
        connection = dbapi.connect(path)
        for _ in range(40):
            found = amount(connection)
            connection.execute("UPDATE account SET amount = %s WHERE id = 1", [found + 1])
            connection.commit()

    for child in [Child(count) for _ in range(3)]:
        child.succeeded()
    assert values(path, "SELECT amount FROM account WHERE id = 1") == [220]


def test_a_queue(path: str) -> None:
    with dbapi.connect(path) as connection:
        for number in range(5, 61):
            connection.execute("INSERT INTO job VALUES (%s, false)", [number])
    close_all()

    def work(say: Callable[[object], None]) -> None:
        connection = dbapi.connect(path)
        query = "SELECT id FROM job WHERE NOT done ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
        while row := connection.execute(query).fetchone():
            connection.execute("UPDATE job SET done = true WHERE id = %s", row)
            connection.commit()
            say(row[0])
        connection.rollback()

    done = [int(line) for child in [Child(work) for _ in range(3)] for line in child.succeeded()]
    assert sorted(done) == list(range(1, 61)), "each job was taken once"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGCONT])
def test_locks_end_with_their_process(path: str, end: signal.Signals) -> None:
    def work(say: Callable[[object], None]) -> None:
        connection = dbapi.connect(path)
        say(amount(connection))
        time.sleep(0.2)
        connection.execute("UPDATE account SET amount = 5 WHERE id = 1")
        connection.commit()

    child = Child(work)
    assert child.line() == "100"
    child.signal(signal.SIGSTOP)
    connection = dbapi.connect(path)
    with pytest.raises(errors.LockTimeoutError):
        connection.execute("SELECT id FROM account WHERE id = 1 FOR UPDATE NOWAIT")
    thread, outcome = in_thread(lambda: amount(connection))
    time.sleep(0.05)
    assert outcome == []
    child.signal(end)
    thread.join()
    assert outcome == [100 if end == signal.SIGKILL else 5]
    child.heard()


def test_a_writer_in_another_process_waits(path: str) -> None:
    connection = dbapi.connect(path)
    amount(connection)

    def work(say: Callable[[object], None]) -> None:
        other = dbapi.connect(path)
        say("ready")
        conflicts = retried(other, lambda: other.execute("UPDATE account SET amount = amount + 1 WHERE id = 1"))
        say(conflicts)

    child = Child(work)
    child.line()
    time.sleep(0.1)
    connection.execute("UPDATE account SET amount = 20 WHERE id = 1")
    connection.commit()
    assert int(child.succeeded()[0]) <= 1
    assert values(path, "SELECT amount FROM account WHERE id = 1") == [21]
