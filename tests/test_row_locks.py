"""FOR UPDATE: rows locked against other transactions, of this process and of others, until the end or the death."""

from __future__ import annotations

import errno
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_processes import Child, closed, retried, values  # noqa: F401  closed is a fixture

from django_zodb import dbapi, errors
from django_zodb.storage import deadlocks, lockfile, session
from django_zodb.storage.database import close_all
from django_zodb.storage.deadlocks import circle_of
from django_zodb.storage.lockfile import NOTHING, LockFile, Waiter

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


# --- deadlocks of several processes ---------------------------------------------------------------------------------


class Starter:
    """Lets processes that were forked after it, and threads, go on at the same time."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def wait(self) -> None:
        os.read(self._reading, 1)

    def start(self, number: int) -> None:
        os.write(self._writing, b"x" * number)


def lock_both(path: str, first: int, second: int, say: Callable[[object], None], starter: Starter) -> None:
    """Lock one row and, when told to, the other one; say what came of it."""
    connection = dbapi.connect(path)
    amount(connection, first)
    say("ready")
    starter.wait()
    try:
        amount(connection, second)
        say("locked")
    except errors.ConflictError as error:
        assert "deadlock" in str(error)
        assert error.retryable
        say("gave up")
    connection.close()


def in_processes(path: str, starter: Starter, *rows: tuple[int, int]) -> list[Child]:
    """A process for each pair of rows, which has locked the first one."""
    children = [Child(lambda say, pair=pair: lock_both(path, *pair, say, starter)) for pair in rows]  # type: ignore[misc]
    for child in children:
        assert child.line() == "ready"
    return children


@pytest.mark.parametrize("size", [2, 3, 4])
def test_one_of_the_processes_in_a_circle_gives_up(path: str, size: int) -> None:
    starter = Starter()
    children = in_processes(path, starter, *((at + 1, (at + 1) % size + 1) for at in range(size)))
    started = time.monotonic()
    starter.start(size)
    said = sorted(line for child in children for line in child.succeeded())
    assert said == ["gave up"] + ["locked"] * (size - 1)
    assert time.monotonic() - started < 5


def test_a_circle_through_threads_and_processes(path: str) -> None:
    """The first thread waits for the second one, that for a process, and the process for the first thread."""
    starter, said = Starter(), Said()
    child, *_ = in_processes(path, starter, (3, 1))
    threads = [threading.Thread(target=lock_both, args=(path, *rows, said, starter)) for rows in ((1, 2), (2, 3))]
    for thread in threads:
        thread.start()
    said.wait_for("ready", "ready")
    starter.start(3)
    for thread in threads:
        thread.join()
    assert sorted([*child.succeeded(), *said.lines]) == ["gave up", "locked", "locked", "ready", "ready"]


class Said:
    """Hears what threads say."""

    def __init__(self) -> None:
        self.lines: list[object] = []

    def __call__(self, what: object) -> None:
        self.lines.append(what)

    def wait_for(self, *lines: object) -> None:
        while sorted(self.lines, key=str) != sorted(lines, key=str):
            time.sleep(0.01)


def test_a_commit_in_a_circle(path: str) -> None:
    """It waits for a row that another process has locked, and that one for a row that the transaction has locked."""
    starter = Starter()
    (child,) = in_processes(path, starter, (2, 1))
    connection = dbapi.connect(path)
    amount(connection, 1)
    connection.execute("UPDATE account SET amount = 7 WHERE id = 2")
    starter.start(1)
    try:
        connection.commit()
        said = "locked"
    except errors.ConflictError as error:
        assert "deadlock" in str(error)
        said = "gave up"
    assert sorted([said, *child.succeeded()]) == ["gave up", "locked"]
    assert values(path, "SELECT amount FROM account WHERE id = 2") == [7 if said == "locked" else 100]


def test_who_cannot_give_up_is_not_waited_for(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlocks, "_PATIENCE_S", 0.5)
    connection, starter = dbapi.connect(path), Starter()
    (child,) = in_processes(path, starter, (2, 1))
    amount(connection, 1)
    thread, outcome = in_thread(lambda: amount(connection, 2))
    time.sleep(0.1)
    starter.start(1)  # so the child is the last to wait
    time.sleep(0.3)
    child.signal(signal.SIGSTOP)
    thread.join()
    (error,) = outcome
    if error != 100:  # it gave up before it was stopped
        assert isinstance(error, errors.ConflictError)
        assert "deadlock" in str(error)
    connection.rollback()
    child.signal(signal.SIGCONT)
    assert child.succeeded() == ["locked" if error != 100 else "gave up"]


def test_waits_end_with_their_process(path: str) -> None:
    connection, starter = dbapi.connect(path), Starter()
    (child,) = in_processes(path, starter, (2, 1))
    amount(connection, 1)
    starter.start(1)
    time.sleep(0.5)
    child.kill()
    assert amount(connection, 2) == 100


@pytest.mark.parametrize("ordered", [True, False])
def test_many_lockers(path: str, monkeypatch: pytest.MonkeyPatch, ordered: bool) -> None:
    """Where all lock in the same order there is no deadlock, nor is one found; else nobody waits until time is up."""
    monkeypatch.setattr(deadlocks, "_LOOK_AFTER_S", 0.0)
    monkeypatch.setattr(deadlocks, "LOOK_EVERY_S", 0.002)

    def transfer(connection: dbapi.Connection, chance: random.Random) -> int:
        """How often it was given up."""
        rows = chance.sample(range(1, 5), 2)
        for failures in range(1000):
            try:
                for row in sorted(rows) if ordered else rows:
                    amount(connection, row)
                    time.sleep(chance.uniform(0, 0.005))
                for row, change in zip(rows, (1, -1), strict=True):
                    connection.execute("UPDATE account SET amount = amount + %s WHERE id = %s", [change, row])
                connection.commit()
            except errors.ConflictError as error:
                assert "deadlock" in str(error)
                connection.rollback()
            else:
                return failures
        raise AssertionError("a thousand deadlocks")

    def work(say: Callable[[object], None]) -> None:
        def run(seed: int) -> None:
            connection, chance = dbapi.connect(path), random.Random(seed)
            say(sum(transfer(connection, chance) for _ in range(20)))

        threads = [threading.Thread(target=run, args=(os.getpid() + n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    found = [int(line) for child in [Child(work) for _ in range(3)] for line in child.succeeded()]
    assert len(found) == 6
    assert (sum(found) == 0) == ordered
    assert values(path, "SELECT sum(amount) FROM account") == [400]


# --- turns ----------------------------------------------------------------------------------------------------------


def lock_again_and_again(name: str, stop: Callable[[], bool]) -> None:
    """The row is locked nearly all the time."""
    connection = dbapi.connect(name)
    while not stop():
        amount(connection)
        time.sleep(0.02)
        connection.rollback()


def longest_wait(name: str) -> float:
    connection, longest = dbapi.connect(name), 0.0
    for _ in range(5):
        started = time.monotonic()
        amount(connection)
        longest = max(longest, time.monotonic() - started)
        connection.rollback()
    return longest


def test_a_thread_that_has_waited_for_long_is_next(name: str) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=lock_again_and_again, args=(name, stop.is_set)) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert longest_wait(name) < 2
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_process_that_has_waited_for_long_is_next(path: str) -> None:
    children = [Child(lambda say: lock_again_and_again(path, bool)) for _ in range(2)]
    assert longest_wait(path) < 2
    for child in children:
        child.kill()


# --- the lock file --------------------------------------------------------------------------------------------------

WAITS = [Waiter(1.5, 1, 10, 11), Waiter(2.5, 2, 11, NOTHING)]


@pytest.fixture
def lock_files(tmp_path: Path) -> Iterator[list[LockFile]]:
    """As three processes have it open."""
    files = [LockFile(str(tmp_path / "Data.fs.lock")) for _ in range(3)]
    yield files
    for file in files:
        file.close()


def test_processes_tell_who_waits(lock_files: list[LockFile]) -> None:
    one, two, three = lock_files
    assert one.other_waiters() == []
    one.tell_waiters(WAITS)
    two.tell_waiters(WAITS[:1])
    assert [len(file.other_waiters()) for file in lock_files] == [1, 2, 3]
    assert two.other_waiters() == WAITS
    one.tell_waiters([])
    assert three.other_waiters() == WAITS[:1]
    assert not three.has_claimed_rows(), "nobody has locked a row"


def test_what_a_process_leaves_is_not_believed(lock_files: list[LockFile]) -> None:
    one, two, three = lock_files
    one.tell_waiters(WAITS)
    one.close()
    assert two.other_waiters() == []
    three.tell_waiters([])  # has a slot, and nothing to tell
    assert two.other_waiters() == []


def test_what_is_being_written_is_passed_over(lock_files: list[LockFile]) -> None:
    one, two, _ = lock_files
    one.tell_waiters(WAITS)
    os.pwrite(one.descriptor, b"\xff", 4096 + 20)
    assert two.other_waiters() == []


def test_very_many_waits(lock_files: list[LockFile]) -> None:
    one, two, _ = lock_files
    one.tell_waiters([Waiter(1.5, number, number, NOTHING) for number in range(10_000)])
    assert 1000 < len(two.other_waiters()) < 10_000


def test_a_full_disk(lock_files: list[LockFile], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = lock_files

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lockfile, "write_all", full)
    one.tell_waiters(WAITS)
    assert two.other_waiters() == []


def test_who_is_alone_says_who_it_is(tmp_path: Path) -> None:
    name = str(tmp_path / "Data.fs")
    make(name)
    close_all()
    shared = LockFile(name + ".lock")
    shared.tell_waiters(WAITS)
    shared.close()
    alone = LockFile(name + ".lock", alone=True)
    with pytest.raises(errors.OperationalError, match=rf"process {os.getpid()}\)"):
        dbapi.connect(name).execute("SELECT 1 FROM account")
    alone.close()


def test_circles() -> None:
    me, other, third = Waiter(1.0, 1, 20, 10), Waiter(2.0, 1, 30, 20), Waiter(3.0, 7, 10, 30)
    assert circle_of(me, [me, other, third]) == (other, third, me)
    assert circle_of(me, [me, other]) == ()
    assert circle_of(me, [me, other, Waiter(3.0, 7, 20, 30)]) == (), "the other two have one of their own"
