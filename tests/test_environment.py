"""What surrounds a process: its user and the owners of files, its descriptors, memory and limits, forks."""

from __future__ import annotations

import errno
import gc
import os
import resource
import signal
import stat
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import pytest

from django_zodb import dbapi, errors
from django_zodb.collector import MANY_ROWS, uncollected
from django_zodb.sql import prepare
from django_zodb.sql.compile import syntax
from django_zodb.sql.functions import json
from django_zodb.storage import table
from django_zodb.storage.bounded import CheckedReader
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.failures import translated
from django_zodb.storage.spool import Spool
from django_zodb.threads import SharedLock

OWNER, GROUP = 65534, 65533
superuser = pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: only the superuser can be somebody else")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file with a table, that this process has closed again."""
    return made(str(tmp_path / "Data.fs"))


def made(path: str) -> str:
    with dbapi.connect(path) as connection:
        connection.execute("CREATE TABLE note (id bigint PRIMARY KEY, text text)")
    close_all()
    return path


def write(path: str, number: int) -> None:
    with dbapi.connect(path) as connection:
        connection.execute("INSERT INTO note VALUES (%s, 'x')", [number])


def numbers(path: str) -> list[int]:
    with dbapi.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM note ORDER BY id").fetchall()]


def in_child(work: Callable[[], object]) -> int:
    """The exit code of a forked process that does the work: 0, or 1 if it raised something."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# --- owners --------------------------------------------------------------------------------------------------------


@superuser
def test_what_the_superuser_makes_belongs_to_the_owner_of_the_file(path: str) -> None:
    """He migrates, or packs, and who serves the site goes on."""
    os.chown(path, OWNER, GROUP)
    for suffix in (".lock", ".index"):
        Path(path + suffix).unlink()

    write(path, 1)
    Database.open(path).pack(time.time())
    close_all()
    for suffix in ("", ".lock", ".index"):
        status = Path(path + suffix).stat()
        assert (status.st_uid, status.st_gid) == (OWNER, GROUP), suffix
        assert stat.S_IMODE(status.st_mode) == 0o600


@superuser
def test_an_owner_whom_the_system_does_not_know_is_no_obstacle(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is in a container whose user namespace does not have him."""
    os.chown(path, OWNER, GROUP)
    for suffix in (".lock", ".index"):
        Path(path + suffix).unlink()

    def unknown(descriptor: int, owner: int, group: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fchown", unknown)
    write(path, 1)
    Database.open(path).pack(time.time())
    close_all()
    assert numbers(path) == [1]


@superuser
def test_who_packs_the_file_of_another_keeps_its_group() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = made(f"{folder}/Data.fs")
        for suffix in ("", ".lock", ".index"):
            os.chown(path + suffix, OWNER, GROUP)
            Path(path + suffix).chmod(0o660)

        def work() -> None:
            os.setgroups([GROUP])
            os.setgid(1)
            os.setuid(1)
            Database.open(path).pack(time.time())
            close_all()

        assert in_child(work) == 0
        status = Path(path).stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1, GROUP, 0o660)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_what_a_link_leads_to_is_not_written_over(path: str, tmp_path: Path, link: Callable[[str, str], None]) -> None:
    other = tmp_path / "other"
    other.write_text("secret")
    write(path, 1)
    link(str(other), path + ".index_tmp")
    before, after = Database.open(path).pack(time.time())
    assert after < before
    link(str(other), path + ".pack")
    write(path, 2)
    with pytest.raises(errors.OperationalError, match=r"Data.fs.pack"):
        Database.open(path).pack(time.time())
    assert other.read_text() == "secret"
    Path(path + ".pack").unlink()
    Database.open(path).pack(time.time())
    assert numbers(path) == [1, 2]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_what_a_link_beside_the_file_leads_to_stays_as_it_is(
    path: str, tmp_path: Path, link: Callable[[str, str], None]
) -> None:
    """Whoever may write to the folder could make the superuser give another file away."""
    other = tmp_path / "shadow"
    other.write_text("secret")
    other.chmod(0o400)
    Path(path).chmod(0o666)
    if os.geteuid() == 0:
        os.chown(path, OWNER, GROUP)
    before = other.stat()
    Path(path + ".lock").unlink()
    link(str(other), path + ".lock")
    if os.geteuid() == 0 and link is os.link:
        write(path, 1)
    else:
        with pytest.raises(errors.OperationalError, match=r"cannot open .*Data.fs.lock"):
            write(path, 1)
    after = other.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert other.read_text() == "secret"


# --- descriptors ---------------------------------------------------------------------------------------------------


def test_what_is_printed_where_the_standard_streams_are_closed_does_not_reach_the_file(path: str) -> None:
    """A daemon has closed them, and the next files to be opened would have their numbers."""

    def work() -> None:
        os.closerange(0, 3)
        write(path, 1)
        for descriptor in (1, 2):
            os.write(descriptor, b"a warning of a library in C\n")
        write(path, 2)
        Database.open(path).pack(time.time())
        os.write(1, b"another one\n")
        write(path, 3)

    assert in_child(work) == 0
    assert numbers(path) == [1, 2, 3]


def open_all() -> list[int]:
    """Descriptors, as many as this process may have open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    opened = []
    with suppress(OSError):
        while True:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    return opened


def test_a_child_of_who_may_open_no_more_files_has_its_own(tmp_path: Path) -> None:
    """It would hold the parent's locks otherwise, and write where the parent does."""
    paths = [made(str(tmp_path / name)) for name in ("One.fs", "Other.fs")]

    def parent() -> None:
        holders = [dbapi.connect(path, timeout=0.2) for path in paths]
        for holder in holders:
            holder.execute("CREATE TABLE other (id bigint PRIMARY KEY)")
        opened = open_all()

        def child() -> None:
            for descriptor in opened:
                os.close(descriptor)
            for path in paths:
                with pytest.raises(errors.LockTimeoutError):
                    write(path, 1)

        assert in_child(child) == 0
        for holder in holders:
            holder.commit()

    assert in_child(parent) == 0
    for path in paths:
        write(path, 2)
        assert numbers(path) == [2]


# --- disks ---------------------------------------------------------------------------------------------------------


def test_a_disk_of_temporary_files_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's own has room, and its user looks there in vain."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = Spool()
    monkeypatch.setattr("django_zodb.storage.spool.os.pwrite", full)
    with pytest.raises(OSError, match="No space left") as caught:
        spool.keep([1, 2, 3])
    assert str(translated(caught.value)) == (
        "the disk is full (No space left on device): free some space there, or in "
        f"{tmp_path}, where large transactions keep a part, then try again"
    )


# --- memory --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("exhausted", "said"), [(MemoryError, "more memory"), (RecursionError, "too deeply")])
def test_a_record_for_which_memory_or_stack_do_not_suffice_is_not_called_damaged(
    path: str, monkeypatch: pytest.MonkeyPatch, exhausted: type[Exception], said: str
) -> None:
    """Who believes it restores a backup, and loses what was written since."""
    write(path, 1)
    close_all()

    def fail(*_: object) -> None:
        raise exhausted

    with dbapi.connect(path) as connection:
        connection.execute("SELECT 1")
        with monkeypatch.context() as patched:
            patched.setattr(CheckedReader, "setGhostState", fail)
            patched.setattr(CheckedReader, "getState", fail)
            with pytest.raises(errors.OperationalError, match=said) as caught:
                connection.execute("SELECT text FROM note WHERE id = 1")
        assert not isinstance(caught.value, errors.DamagedError)
    assert numbers(path) == [1]


# --- forks ---------------------------------------------------------------------------------------------------------


@contextmanager
def busy(work: Callable[[Callable[[], object]], object]) -> Iterator[None]:
    """Another thread is in the middle of the work, where that calls what it is given."""
    began, end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        end.wait()

    thread = threading.Thread(target=work, args=(wait,))
    thread.start()
    began.wait()
    try:
        yield
    finally:
        end.set()
        thread.join()


@pytest.mark.parametrize(("module", "name"), [(prepare, "_writing"), (json, "_lock"), (syntax, "_lock")])
def test_a_child_does_not_wait_for_the_threads_of_its_parent(module: ModuleType, name: str) -> None:
    def hold(wait: Callable[[], object]) -> None:
        with getattr(module, name):
            wait()

    def child() -> None:
        signal.alarm(20)
        with dbapi.connect(":memory:fork") as connection:
            connection.execute("CREATE TABLE document (id bigint PRIMARY KEY, content json)")
            connection.execute("INSERT INTO document VALUES (1, %s)", ['{"a": 1}'])
            found = connection.execute("SELECT id FROM document WHERE content -> 'a' = %s", ["1"]).fetchall()
            assert found == [(1,)]

    with busy(hold):
        assert in_child(child) == 0


def test_who_forks_with_a_lock_gives_it_back_in_the_child() -> None:
    """As a signal handler may: the child goes on with what it had interrupted."""
    held = SharedLock()

    def use_and_go_on() -> None:
        with held:
            pass
        held.__exit__()
        with held:
            pass

    with held:
        assert in_child(use_and_go_on) == 0


def test_a_child_does_not_wait_for_a_value_that_its_parent_was_computing() -> None:
    class Slow:
        def __init__(self, wait: Callable[[], object]) -> None:
            self.wait = wait

        @table.cached_property  # type: ignore[attr-defined]  # as the tables have it
        def value(self) -> int:
            self.wait()
            return 1

    def child() -> None:
        signal.alarm(20)
        assert Slow(lambda: None).value == 1

    with busy(lambda wait: Slow(wait).value):
        assert in_child(child) == 0


def test_a_child_gets_ids_while_its_parent_was_giving_some() -> None:
    with dbapi.connect(":memory:fork") as connection:
        connection.execute("CREATE TABLE note (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, text text)")
    sequences = Database.open(":memory:fork").sequences

    def hold(wait: Callable[[], object]) -> None:
        with sequences._lock:
            wait()

    def child() -> None:
        signal.alarm(20)
        with dbapi.connect(":memory:fork") as connection:
            connection.execute("INSERT INTO note (text) VALUES ('x')")

    with busy(hold):
        assert in_child(child) == 0


def test_a_child_collects_garbage_though_its_parent_was_making_many_rows() -> None:
    def hold(wait: Callable[[], object]) -> None:
        with uncollected(MANY_ROWS):
            wait()

    def child() -> None:
        assert gc.isenabled()

    with busy(hold):
        assert in_child(child) == 0
    assert gc.isenabled()
