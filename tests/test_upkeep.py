"""The commands for upkeep, also under load, killed, and on a full disk."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import importlib
import io
import json
import os
import random
import resource
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from data_files import used_bytes, used_length
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections, models
from django_project.models import Author
from test_sessions import CHILD, EVENT, PARENT, delete, insert, new_session, rows, update
from ZODB.scripts import repozo

from django_zodb import errors, upkeep
from django_zodb.storage import backup, packing
from django_zodb.storage.backup import back_up
from django_zodb.storage.chains import chains
from django_zodb.storage.check import check, repair
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.measure import measure
from django_zodb.storage.packing import Packer
from django_zodb.storage.progress import silent
from django_zodb.storage.restore import restore


@pytest.fixture(autouse=True)
def closed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "transactional_db" not in request.fixturenames and "db" not in request.fixturenames:
        close_all()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "Data.fs")


@pytest.fixture
def database(path: str) -> Database:
    return filled(path)


def filled(path: str) -> Database:
    """Three tables, three transactions."""
    found = Database.open(path)
    session = new_session(found)
    for schema in (PARENT, CHILD, EVENT):
        session.catalog.create_table(schema)
    session.commit()
    for number in range(1, 101):
        insert(session, "parent", f"parent {number}")
        insert(session, "child", number)
        insert(session, "event", number % 7, number, f"code {number}")
    session.commit()
    for number in range(1, 101):
        update(session, "event", number, number=number + 1000)
    session.commit()
    session.close()
    return found


def problems(database: Database) -> list[str]:
    session = new_session(database)
    try:
        return [f"{problem.kind}: {problem.message}" for problem in check(session, silent).problems]
    finally:
        session.close()


def forked(work: Callable[[], object]) -> int:
    """Start the work in a forked child; every database must have been closed. The child's number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)  # unless the work has left by itself
    return child


def killed(work: Callable[[], object], after: float) -> None:
    """Start the work in a child, and kill it after so many seconds."""
    child = forked(work)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the work goes on until it is killed"


def with_small_files(limit: int, work: Callable[[], object]) -> str:
    """What the work raises where no file may be larger; without that it must work again at once."""

    def limited() -> None:
        os.close(reading)
        said = ""
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            work()
        except (errors.OperationalError, OSError) as error:
            said = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        os.write(writing, said.encode())
        work()
        os._exit(0)

    reading, writing = os.pipe()
    child = forked(limited)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return said


# --- pack -----------------------------------------------------------------------------------------------------------


def test_packing_frees_what_is_not_current(database: Database, path: str) -> None:
    before = rows(database, "event")
    size = used_length(path)
    assert database.pack(time.time()) == (size, used_length(path))
    assert used_length(path) < size * 0.8
    assert rows(database, "event") == before
    assert problems(database) == []
    assert not Path(path + ".old").exists()
    assert not Path(path + ".pack").exists()
    close_all()
    assert rows(Database.open(path), "event") == before


def test_packing_keeps_the_history_of_some_days(database: Database, path: str) -> None:
    size = used_length(path)
    assert database.pack(time.time() - 86400) == (size, size)


def test_packing_while_others_write(database: Database) -> None:
    ended = threading.Event()
    written: list[int] = []

    def write() -> None:
        session = new_session(database)
        while not ended.is_set():
            written.append(insert(session, "event", 0, len(written), f"new {len(written)}"))
            session.commit()
        session.close()

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(5):
        database.pack(time.time())
        time.sleep(0.02)
    ended.set()
    thread.join()
    assert len(written) > 5
    assert {row[0] for row in rows(database, "event")} >= set(written)
    assert problems(database) == []


@pytest.mark.parametrize("writes", [0, 3])
def test_the_packed_file_is_durable_before_others_have_to_wait(
    path: str, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """To make it so takes seconds if it is large, and others go on writing: no lock is held, and little is left."""
    filled(path)
    close_all()
    database = Database.open(path)
    lock, session = database.commit_lock, new_session(database)
    steps: list[tuple[str, bool, int]] = []
    copy_until, make_durable, names = Packer._copy_until, packing.sync_data, count()

    def synced(descriptor: int) -> None:
        make_durable(descriptor)
        steps.append(("sync", lock.mine, os.fstat(descriptor).st_size))
        if len(steps) <= writes:
            for _ in range(3):
                insert(session, "parent", f"{next(names)} " + "x" * 200_000)
            session.commit()

    def copied(packer: Packer, start: int, end: int) -> int:
        steps.append(("copy", lock.mine, end - start))
        return copy_until(packer, start, end)

    monkeypatch.setattr(packing, "sync_data", synced)
    monkeypatch.setattr(Packer, "_copy_until", copied)
    _, after = database.pack(time.time())
    before_lock = [size for what, locked, size in steps if what == "sync" and not locked]
    assert before_lock and after - before_lock[-1] < 300_000
    assert all(size < 300_000 for what, locked, size in steps if what == "copy" and locked)
    assert problems(database) == []


def pack_for_ever(path: str) -> None:
    database = Database.open(path)
    session = new_session(database)
    while True:
        update(session, "event", 1, number=random.randrange(10_000))
        session.commit()
        database.pack(time.time())


def test_a_pack_that_is_killed_loses_nothing(database: Database, path: str) -> None:
    for _ in range(12):
        close_all()
        killed(lambda: pack_for_ever(path), random.uniform(0.03, 0.15))
        assert Path(path).exists(), "there is a whole file at every moment"
        database = Database.open(path)
        assert problems(database) == []
        assert len(rows(database, "event")) == 100


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_pack_that_fails_changes_nothing(
    database: Database, path: str, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(f"django_zodb.storage.datafile.os.{at}", fail)
        with pytest.raises(errors.OperationalError, match=f"disk is full .*, {path}.: free some space, then try again"):
            database.pack(time.time())
    assert not Path(path + ".pack").exists()
    session = new_session(database)
    insert(session, "event", 1, 1, "goes on")
    session.commit()
    session.close()
    database.pack(time.time())
    assert len(rows(database, "event")) == 101


@pytest.mark.parametrize("limit", [100, 5_000, 9_000])
def test_a_pack_on_a_full_disk_changes_nothing(database: Database, path: str, limit: int) -> None:
    before = rows(database, "event")
    close_all()
    content = Path(path).read_bytes()

    def pack() -> None:
        try:
            Database.open(path).pack(time.time())
        except errors.OperationalError:
            assert Path(path).read_bytes() == content
            assert not Path(path + ".pack").exists()
            raise

    assert with_small_files(limit, pack) == f"the storage cannot be read or written: File too large, {path}"
    assert Path(path).stat().st_size < len(content)
    assert rows(Database.open(path), "event") == before


def test_one_pack_at_a_time(database: Database, path: str) -> None:
    with Path(path + ".pack").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(errors.OperationalError, match="being packed already"):
            database.pack(time.time())
    database.pack(time.time())


# --- check and repair -----------------------------------------------------------------------------------------------


def harm(database: Database, work: Callable[[Any], None]) -> None:
    """Change the object tree behind the engine's back."""
    assert database._zodb is not None
    with database._zodb.transaction() as connection:
        work(connection.root())


def lose_entry(root: Any) -> None:
    root["catalog"]["event_thread"].tree.discard(3, 10)


def stray_entry(root: Any) -> None:
    root["catalog"]["event_thread"].tree.grow(3, 5000)


def wrong_entry(root: Any) -> None:
    root["catalog"]["event_number"].tree.discard(1010, 10)
    root["catalog"]["event_number"].tree[77777] = 10


def wrong_count(root: Any) -> None:
    root["counts"]["event"].value += 3


def low_sequence(root: Any) -> None:
    root["sequences"]["event"].value = 7


def same_code(root: Any) -> None:
    root["tables"]["event"][10] = (10, 3, 1010, "code 11")
    tree = root["catalog"]["event_code"].tree
    del tree["code 10"]
    tree["code 11"] = (10, 11)


def no_parent(root: Any) -> None:
    del root["tables"]["parent"][5]
    root["counts"]["parent"].value -= 1


def wrong_type(root: Any) -> None:
    root["tables"]["event"][10] = (10, 3, "1010", "code 10")


def null_key(root: Any) -> None:
    root["tables"]["event"][10] = (11, 3, 1010, "code 10")


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lose_entry, "index: event row 10 is not in the index event_thread"),
        (stray_entry, "index: event index event_thread has row 5000, which does not exist"),
        (wrong_entry, "index: event row 10 is not in the index event_number"),
        (wrong_count, "count: event has 100 rows, and a count of 103"),
        (low_sequence, "sequence: event has the id 100, and a sequence that is only at 7"),
    ],
)
def test_what_follows_from_the_rows_is_repaired(database: Database, work: Any, said: str) -> None:
    assert problems(database) == []
    harm(database, work)
    assert said in problems(database)
    session = new_session(database)
    done = repair(session, check(session, silent), silent)
    assert len(done) == 1
    assert done[0].startswith("event: made again")
    assert problems(database) == []
    assert len(rows(database, "event")) == 100
    insert(session, "event", 1, 1, "new")
    session.commit()
    assert problems(database) == []


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (same_code, "unique: event rows 10, 11 have the same key 'code 11' in event_code"),
        (no_parent, "constraint: child row 5: child.parent_id (child_parent_fk): no row of parent has id = (5,)"),
        (wrong_type, "row: event row 10: number: '1010' is no integer"),
        (null_key, "row: event row 10 says that it is row 11"),
    ],
)
def test_what_does_not_is_told(database: Database, work: Any, said: str) -> None:
    harm(database, work)
    assert said in problems(database)


def test_records_that_are_missing_or_alien_are_told(database: Database, tmp_path: Path) -> None:
    def harmful(root: Any) -> None:
        root["tables"]["event"][10] = (10, 3, 1010, Alien())

    harm(database, harmful)
    close_all()
    database = Database.open(tmp_path / "Data.fs")
    told = problems(database)
    assert any("Alien, which django_zodb never loads" in problem for problem in told)
    assert any(problem.startswith("record: event cannot be checked") for problem in told)


class Alien:
    """A class that is on no list."""


def test_many_problems_are_counted(database: Database) -> None:
    harm(database, lambda root: root["catalog"]["event_thread"].tree.clear())
    session = new_session(database)
    found = check(session, silent)
    assert found.counts["index", "event", "event_thread"] == 100
    assert len(found.problems) == 3
    session.close()


def test_a_check_sees_one_moment(database: Database) -> None:
    session = new_session(database)
    session.begin()
    other = new_session(database)
    delete(other, "child", 1)
    insert(other, "event", 1, 2, "later")
    other.commit()
    found = check(session, silent)
    assert found.total == 0
    assert found.rows == 300
    session.close()


# --- measure --------------------------------------------------------------------------------------------------------


def test_sizes_add_up(database: Database, path: str) -> None:
    session = new_session(database)
    measured = measure(session, silent)
    sizes = {table.name: table for table in measured.tables}
    assert {name: table.rows for name, table in sizes.items()} == {"parent": 100, "child": 100, "event": 100}
    assert set(sizes["event"].indexes) == {"event_thread", "event_number", "event_code"}
    assert sizes["event"].bytes > sizes["child"].bytes > 0
    assert measured.storage_bytes == used_length(path)
    assert 0 < measured.live_bytes < measured.storage_bytes
    session.close()
    database.pack(time.time())
    session = new_session(database)
    packed = measure(session, silent)
    assert packed.live_bytes == measured.live_bytes
    assert packed.storage_bytes < measured.storage_bytes


# --- backups --------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def quick_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of backups have seconds; let each backup have another one without waiting for it."""
    clock = iter(range(10_000))
    start = time.time() - 20_000
    monkeypatch.setattr(backup, "_now", lambda: time.gmtime(start + next(clock)))


def add_event(database: Database, code: str) -> None:
    session = new_session(database)
    insert(session, "event", 1, 1, code)
    session.commit()
    session.close()


def restored(folder: Path, at: dt.datetime | None = None) -> list[Any]:
    """The events of what a backup holds; it must be sound."""
    target = folder / f"restored-{random.random()}.fs"
    found = restore(folder, target, silent, at)
    assert found.bytes == target.stat().st_size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    database = Database.open(target)
    try:
        assert problems(database) == []
        return rows(database, "event")
    finally:
        database.close()
        for left in folder.glob(target.name + "*"):
            left.unlink()


@pytest.mark.parametrize("compress", [True, False])
def test_increments_follow_a_full_backup(database: Database, path: str, tmp_path: Path, compress: bool) -> None:
    folder = tmp_path / "backups"
    first = back_up(path, folder, silent, compress=compress)
    assert first is not None
    assert (first.start, first.end) == (0, used_length(path))
    assert back_up(path, folder, silent, compress=compress) is None
    add_event(database, "later")
    second = back_up(path, folder, silent, compress=compress)
    assert second is not None
    assert (second.start, second.end) == (first.end, used_length(path))
    assert [len(chain) for chain in chains(folder)] == [2]
    assert restored(folder) == rows(database, "event")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


def test_a_pack_makes_the_next_backup_a_full_one(database: Database, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    back_up(path, folder, silent)
    database.pack(time.time())
    add_event(database, "after the pack")
    piece = back_up(path, folder, silent)
    assert piece is not None
    assert piece.start == 0
    assert [len(chain) for chain in chains(folder)] == [1, 1]
    assert restored(folder) == rows(database, "event")


def test_repozo_reads_it(database: Database, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    back_up(path, folder, silent)
    add_event(database, "later")
    back_up(path, folder, silent)
    repozo.main(["--verify", "-r", str(folder)])
    target = tmp_path / "by-repozo.fs"
    repozo.main(["--recover", "--with-verify", "-r", str(folder), "-o", str(target)])
    assert target.read_bytes() == used_bytes(path)


def moment() -> dt.datetime:
    """A time between two transactions."""
    time.sleep(0.02)
    now = dt.datetime.now(dt.UTC)
    time.sleep(0.02)
    return now


def test_to_a_point_in_time(database: Database, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_now", time.gmtime)
    folder = tmp_path / "backups"
    before_all = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    first = moment()
    add_event(database, "second")
    back_up(path, folder, silent)
    second = moment()
    add_event(database, "third")
    add_event(database, "fourth")
    time.sleep(1.1)
    back_up(path, folder, silent)
    assert len(restored(folder, first)) == 100
    assert len(restored(folder, second)) == 101
    assert len(restored(folder)) == 103
    assert len(restored(folder, dt.datetime.now(dt.UTC))) == 103
    with pytest.raises(errors.OperationalError, match="do not reach back to 2001-01-01"):
        restore(folder, tmp_path / "never.fs", silent, before_all)
    assert not (tmp_path / "never.fs").exists()
    time.sleep(1.1)
    database.pack(time.time())
    add_event(database, "fifth")
    back_up(path, folder, silent)
    assert len(chains(folder)) == 2
    assert len(restored(folder, second)) == 101, "the chain from before the pack still knows"
    assert len(restored(folder)) == 104


def test_a_backup_is_never_restored_over_a_file(database: Database, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    back_up(path, folder, silent)
    with pytest.raises(errors.OperationalError, match="exists: move it away first"):
        restore(folder, Path(path), silent)
    with pytest.raises(errors.OperationalError, match="no backup"):
        restore(tmp_path, tmp_path / "x.fs", silent)


@pytest.mark.parametrize("harmed", ["changed", "shorter", "longer", "missing", "list"])
def test_a_damaged_backup_is_not_restored(database: Database, path: str, tmp_path: Path, harmed: str) -> None:
    folder, target = tmp_path / "backups", tmp_path / "target.fs"
    piece = back_up(path, folder, silent, compress=harmed != "changed")
    assert piece is not None
    content = bytearray(piece.path.read_bytes())
    if harmed == "changed":
        content[len(content) // 2] ^= 1
    elif harmed == "shorter":
        del content[-10:]
    elif harmed == "longer":
        content += b"more"
    piece.path.write_bytes(content)
    if harmed == "missing":
        piece.path.unlink()
    if harmed == "list":
        piece.path.with_suffix(".dat").write_text("nonsense\n")
    with pytest.raises(errors.OperationalError, match=r"damaged|cannot be read"):
        restore(folder, target, silent)
    assert not target.exists()
    assert not target.with_name("target.fs.part").exists()


def test_backups_while_others_write_and_pack(database: Database, path: str, tmp_path: Path) -> None:
    ended = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            number = 0
            while not ended.is_set():
                number += 1
                add_event(database, f"new {number}")
                if number % 50 == 0:
                    database.pack(time.time())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    folder = tmp_path / "backups"
    for taken in range(200):
        known = {row[3] for row in rows(database, "event")}
        back_up(path, folder, silent, compress=False)
        assert known <= {row[3] for row in restored(folder)}
        if taken >= 12 and len(chains(folder)) > 1:  # on a busy machine, little may have been packed until then
            break
    ended.set()
    thread.join()
    assert failures == []
    assert len(chains(folder)) > 1


def back_up_for_ever(path: str, folder: Path) -> None:
    while True:
        back_up(path, folder, silent, full=True, compress=False)


def test_a_backup_that_is_killed_leaves_nothing_wrong(database: Database, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    back_up(path, folder, silent)
    for _ in range(8):
        close_all()
        killed(lambda: back_up_for_ever(path, folder), random.uniform(0.005, 0.05))
        database = Database.open(path)
        add_event(database, f"code {random.random()}")
        back_up(path, folder, silent)
        assert restored(folder) == rows(database, "event")
        assert not list(folder.glob("*.tmp"))


def test_a_backup_on_a_full_disk_leaves_the_last_one(database: Database, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    back_up(path, folder, silent)
    close_all()
    said = with_small_files(3000, lambda: back_up(path, folder, silent, full=True))
    assert said == f"{folder} cannot be read or written: File too large"
    database = Database.open(path)
    assert restored(folder) == rows(database, "event")
    add_event(database, "goes on")
    back_up(path, folder, silent)
    assert restored(folder) == rows(database, "event")


def test_leftovers_are_removed(database: Database, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    back_up(path, folder, silent)
    for name in ("part.tmp", "list.tmp"):
        (folder / name).write_bytes(b"half")
    (folder / "README").write_bytes(b"mine")
    add_event(database, "later")
    back_up(path, folder, silent)
    assert restored(folder) == rows(database, "event")
    assert sorted(each.suffix for each in folder.iterdir()) == ["", "", ".dat", ".deltafsz", ".fsz"]


# --- beside a process that writes -------------------------------------------------------------------------------------


class Site:
    """Another process that writes to the file without end, and tells what it has committed."""

    def __init__(self, path: str) -> None:
        close_all()
        reading, writing = os.pipe()
        self._child = forked(lambda: self._write(path, writing))
        os.close(writing)
        self._told = os.fdopen(reading)
        assert self._told.readline() == "0\n", "it has begun"

    @staticmethod
    def _write(path: str, writing: int) -> None:
        database = Database.open(path)
        number = 0
        while True:
            session = new_session(database)
            insert(session, "event", number % 7, number, f"site {number}")
            session.commit()
            session.close()
            os.write(writing, f"{number}\n".encode())
            number += 1

    def stop(self) -> set[str]:
        """Kill it; the codes of what it has committed for sure."""
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        with self._told:
            return {"site 0", *(f"site {line.strip()}" for line in self._told if line.endswith("\n"))}


@pytest.fixture
def site(database: Database, path: str) -> Iterator[Site]:
    running = Site(path)
    yield running
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        running.stop()


def codes(path: str) -> set[str]:
    return {row[3] for row in rows(Database.open(path), "event")}


def test_packing_beside_a_site(site: Site, path: str) -> None:
    database = Database.open(path)
    for _ in range(5):
        database.pack(time.time())
        assert problems(database) == []
        time.sleep(0.05)
    written = site.stop()
    assert len(written) > 5
    assert codes(path) >= written
    assert problems(database) == []


def test_packs_that_are_killed_beside_a_site(site: Site, path: str) -> None:
    for _ in range(10):
        killed(lambda: pack_for_ever(path), random.uniform(0.03, 0.15))
        assert Path(path).exists()
    written = site.stop()
    assert codes(path) >= written
    assert problems(Database.open(path)) == []


def stop_into(site: Site, done: list[set[str]]) -> None:
    done.append(site.stop())


def test_a_site_that_is_killed_while_it_is_packed(database: Database, path: str) -> None:
    for _ in range(4):
        site = Site(path)
        packing = Database.open(path)
        done: list[set[str]] = []
        killer = threading.Timer(random.uniform(0, 0.1), stop_into, (site, done))
        killer.start()
        packing.pack(time.time())
        killer.join()
        assert codes(path) >= done[0]
        assert problems(packing) == []
        session = new_session(packing)
        for row in rows(packing, "event"):
            if row[3].startswith("site"):
                delete(session, "event", row[0])
        session.commit()
        session.close()


def test_backups_and_checks_beside_a_site(site: Site, path: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    for number in range(6):
        known = codes(path)
        back_up(path, folder, silent, compress=False)
        assert known <= {row[3] for row in restored(folder)}
        assert problems(Database.open(path)) == []
        if number == 2:
            Database.open(path).pack(time.time())
    written = site.stop()
    back_up(path, folder, silent)
    assert {row[3] for row in restored(folder)} >= written


def test_a_repair_beside_a_site(database: Database, path: str) -> None:
    harm(database, lambda root: root["catalog"]["child_parent"].tree.clear())
    site = Site(path)
    database = Database.open(path)
    session = new_session(database)
    found = check(session, silent)
    assert {problem.name for problem in found.problems} == {"child_parent"}
    repair(session, found, silent)
    assert problems(database) == []
    written = site.stop()
    assert codes(path) >= written


# --- the commands ---------------------------------------------------------------------------------------------------


two_databases = pytest.mark.django_db(transaction=True, databases=["default", "other"])


def command(name: str, *arguments: str, **options: Any) -> str:
    out = io.StringIO()
    run(name, *arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def run(name: str, *arguments: str, **options: Any) -> None:
    """Run a command; the package is not among the project's apps."""
    call_command(importlib.import_module(f"django_zodb.management.commands.{name}").Command(), *arguments, **options)


@two_databases
def test_zodbcheck(alias: str) -> None:
    assert command("zodbcheck", database=alias).startswith("Sound: ")
    report = json.loads(command("zodbcheck", database=alias, json=True))
    assert report["sound"] is True
    assert report["problems"] == []
    assert report["rows"] > 10
    harm(connections[alias].connection.session.database, break_authors)
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        run("zodbcheck", database=alias, json=True, stdout=out)
    assert caught.value.returncode == 1
    report = json.loads(out.getvalue())
    assert report["sound"] is False
    assert {problem["kind"] for problem in report["problems"]} == {"count", "index"}
    assert "made again" in command("zodbcheck", "--repair", database=alias)
    assert command("zodbcheck", database=alias).startswith("Sound: ")


def break_authors(root: Any) -> None:
    root["counts"]["django_project_author"].value = 9
    root["catalog"]["django_project_author_name_key"].tree.clear()


@two_databases
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE django_project_author DROP COLUMN born", "column born date is missing"),
        ("ALTER TABLE django_project_author ADD COLUMN more integer", "column more is in no model"),
        (
            "ALTER TABLE django_project_author ALTER COLUMN name TYPE text",
            "column name is text NOT NULL; the model says",
        ),
        ("CREATE INDEX stray ON django_project_author (born)", "index of no model: (born)"),
        ("DROP TABLE django_project_author CASCADE", "the table of django_project.Author, does not exist"),
    ],
)
def test_zodbcheck_compares_with_the_models(alias: str, statement: str, said: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
    out = io.StringIO()
    with pytest.raises(CommandError, match="problems"):
        run("zodbcheck", database=alias, stdout=out)
    assert said in out.getvalue()
    assert command("zodbcheck", "--no-models", database=alias).startswith("Sound: ")


@two_databases
def test_zodbcheck_asks_for_no_index_that_migrations_do_not_know(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app may add one when the class is there already, as mptt does; makemigrations does not see it."""
    late = models.Index(fields=["born"], name="author_born")
    monkeypatch.setattr(Author._meta, "indexes", [*Author._meta.indexes, late])
    assert command("zodbcheck", database=alias).startswith("Sound: ")


@two_databases
def test_zodbpack_and_zodbstats(alias: str) -> None:
    for number in range(50):
        Author.objects.using(alias).filter(name__startswith="Ada").update(name=f"Ada {number}")
    report = json.loads(command("zodbstats", database=alias, json=True))
    sizes = {table["table"]: table for table in report["tables"]}
    assert sizes["django_project_author"]["rows"] == 1
    assert "django_project_author_name_key" in sizes["django_project_author"]["indexes"]
    assert "history and unused" in command("zodbstats", database=alias)
    packed = json.loads(command("zodbpack", database=alias, json=True))
    assert packed["bytes_before"] == report["storage_bytes"] > packed["bytes_after"]
    assert "freed" in command("zodbpack", "--days", "3", database=alias)
    assert Author.objects.using(alias).get().name == "Ada 49"
    with pytest.raises(CommandError, match="must not be negative"):
        command("zodbpack", "--days", "-1", database=alias)


@two_databases
def test_zodbbackup_and_zodbrestore(alias: str, tmp_path: Path) -> None:
    folder, target = str(tmp_path / "backups"), tmp_path / "restored.fs"
    assert "full backup" in command("zodbbackup", folder, database=alias)
    assert "Nothing new" in command("zodbbackup", folder, database=alias)
    Author.objects.using(alias).create(name="Eve")
    assert json.loads(command("zodbbackup", folder, database=alias, json=True))["kind"] == "increment"
    assert "2 files" in command("zodbbackup", folder, "--verify", database=alias)
    with pytest.raises(CommandError, match="exists") as caught:
        command("zodbrestore", folder, database=alias)
    assert caught.value.returncode == 2
    assert "transactions" in command("zodbrestore", folder, "--output", str(target), database=alias)
    connections[alias].close()
    assert target.read_bytes() == used_bytes(connections[alias].settings_dict["NAME"])
    with pytest.raises(CommandError, match="is no time"):
        command("zodbrestore", folder, "--output", str(tmp_path / "x"), "--at", "yesterday", database=alias)
    with pytest.raises(CommandError, match="there is no backup"):
        command("zodbbackup", str(tmp_path), "--verify", database=alias)


@two_databases
def test_what_is_in_memory_is_not_backed_up(alias: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections[alias].settings_dict, "NAME", ":memory:backup")
    with pytest.raises(CommandError, match="lives in the memory"):
        command("zodbbackup", str(tmp_path / "backups"), database=alias)


def test_in_memory_too(transactional_db: None) -> None:
    Author.objects.create(name="Ada")
    assert command("zodbcheck").startswith("Sound: ")
    assert "freed" in command("zodbpack")
    assert "django_project_author" in command("zodbstats")


def test_times(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert upkeep.moment("2030-07-01 12:00").astimezone(dt.UTC).hour == 10
    assert upkeep.moment("2030-07-01T12:00Z").astimezone(dt.UTC).hour == 12
    assert upkeep.moment("2030-07-01").isoformat() == "2030-07-01T00:00:00+02:00"


def test_bars_are_for_terminals() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown, hidden = Terminal(), Terminal()
    for stream, is_shown in ((shown, True), (hidden, False)):
        bar = upkeep.Bar(stream, shown=is_shown)
        bar("bytes copied", 500, 1000)
        bar("records", 5, None)
        bar.close()
    assert "bytes copied: " in shown.getvalue()
    assert "records: " in shown.getvalue()
    assert hidden.getvalue() == ""
