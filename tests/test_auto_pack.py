"""A file with the option ``auto_pack``: when it is packed by itself, and that nobody else is bothered by it."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ZODB.fsIndex import fsIndex

from django_zodb import dbapi
from django_zodb.errors import OperationalError
from django_zodb.storage import autopack, datafile
from django_zodb.storage.autopack import AutoPack, check_room, current_size, exact_size
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.datafile import DataFile
from django_zodb.storage.files import Handle
from django_zodb.storage.indexparts import Parts
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import AUTO_PACK, Options

ROWS = 300


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "Data.fs")


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Look at the file whenever it has grown by 64 kB."""
    monkeypatch.setattr(datafile, "_SAVE_STEP", 1 << 16)
    caplog.set_level(logging.INFO, "django_zodb")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sizes at which packing would have begun; nothing is packed."""
    sizes: list[int] = []
    monkeypatch.setattr(AutoPack, "_start", lambda self, size: sizes.append(size) or self._packing.release())
    yield sizes


def connect(path: str, **options: Any) -> dbapi.Connection:
    connection = dbapi.connect(path, autocommit=True, **options)
    connection.execute("CREATE TABLE IF NOT EXISTS item (id bigint PRIMARY KEY, name varchar(100))")
    return connection


def fill(connection: dbapi.Connection) -> None:
    insert = "INSERT INTO item (id, name) VALUES (%s, %s)"
    connection.cursor().executemany(insert, [(number, f"item {number}" * 8) for number in range(ROWS)])


def change(connection: dbapi.Connection, rounds: int, until: Callable[[], bool] = lambda: False) -> None:
    """Rounds of as many commits as there are rows."""
    for step in range(rounds * ROWS):
        connection.execute("UPDATE item SET name = %s WHERE id = %s", [f"round {step}" * 8, step % ROWS])
        if until():
            return


def storage_of(connection: dbapi.Connection) -> DataFile:
    storage: DataFile = connection.session.database._opened_storage()
    return storage


def pack_of(connection: dbapi.Connection) -> AutoPack:
    grown = storage_of(connection).grown
    assert isinstance(grown, AutoPack)
    return grown


def wait_for_looks(connection: dbapi.Connection) -> None:
    """Wait for the thread that looks at the file, if there is one."""
    with pack_of(connection)._packing:
        pass


def test_it_is_packed_while_others_go_on(path: str, caplog: pytest.LogCaptureFixture) -> None:
    writer, reader = connect(path, auto_pack=3), connect(path, auto_pack=3)
    fill(writer)
    reader.autocommit = False
    before = reader.execute("SELECT name FROM item ORDER BY id").fetchall()
    identity, deadline = Handle(path, os.O_RDONLY).identity, time.monotonic() + 60
    change(writer, 40, lambda: packed(caplog) or late(deadline))
    while not packed(caplog):
        assert not late(deadline), caplog.text
        time.sleep(0.05)
    change(writer, 1)
    assert Handle(path, os.O_RDONLY).identity != identity
    assert Path(path).stat().st_size < 2_000_000
    assert reader.execute("SELECT name FROM item ORDER BY id").fetchall() == before
    reader.commit()
    expected = [(f"round {step}" * 8,) for step in range(ROWS)]
    assert reader.execute("SELECT name FROM item ORDER BY id").fetchall() == expected
    assert not Path(f"{path}.pack").exists()
    writer.close()
    reader.close()


def late(deadline: float) -> bool:
    return time.monotonic() > deadline


def packed(caplog: pytest.LogCaptureFixture) -> bool:
    return "was packed" in caplog.text


def test_what_is_mostly_current_is_left_as_it_is(path: str, started: list[int]) -> None:
    connection = connect(path, auto_pack=3)
    insert = "INSERT INTO item (id, name) VALUES (%s, %s)"
    for start in range(0, 10_000, 1000):
        rows = [(number, f"item {number}" * 8) for number in range(start, start + 1000)]
        connection.cursor().executemany(insert, rows)
        wait_for_looks(connection)
    assert Path(path).stat().st_size > 4 << 16
    assert not started
    connection.execute("UPDATE item SET name = %s", ["x" * 90])
    for _ in range(3):
        wait_for_looks(connection)
        connection.execute("UPDATE item SET name = name || 'x'")
    wait_for_looks(connection)
    assert started and started[0] > 3 * current_size(*storage_of(connection)._view)
    connection.close()


def test_a_file_is_packed_unless_the_option_is_0(path: str, started: list[int]) -> None:
    connection = connect(path, auto_pack=0)
    fill(connection)
    change(connection, 4)
    assert storage_of(connection).grown is None
    connection.session.database.close()
    connection = connect(path)
    change(connection, 1)
    wait_for_looks(connection)
    assert started and started[0] > AUTO_PACK * current_size(*storage_of(connection)._view)
    connection.close()


def test_what_others_see_to_is_left_to_them(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a demo storage has in its files, one cannot do without the other; a server's clients are not known here."""
    connect(path).close()
    close_all()
    for storage in (open_storage(locate(path), Options()), open_storage(locate(path), Options(auto_pack=0))):
        assert storage.grown is None  # as runzeo opens it
        storage.close()
    demo = open_storage(locate(f"demo:(file://{path})/(file://{path}.changes)"), Options(), auto_pack=AUTO_PACK)
    assert [getattr(each, "grown", None) for each in (demo.base, demo.changes)] == [None, None]
    demo.close()
    monkeypatch.setattr("django_zodb.storage.open.network_type", lambda path: "nfs4")
    connection = connect(path)
    assert storage_of(connection).grown is None
    connection.close()


def test_a_disk_with_little_room_is_left_to_who_commits(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(path, auto_pack=0)
    fill(connection)
    storage = storage_of(connection)
    needed = exact_size(*storage._view)
    free = needed + needed // 8 + autopack._MARGIN
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    check_room(path, needed)
    with pytest.raises(OperationalError, match=r"it would take 5 MB and some more, and 64 MB are free"):
        check_room(path, 5 << 20)
    change(connection, 4)
    connection.close()
    close_all()
    monkeypatch.setattr(autopack, "_MARGIN", 1 << 62)
    monkeypatch.setattr(sys, "argv", ["autopack", path, "2", "{}"])
    monkeypatch.setattr(os, "nice", lambda by: None)
    identity = Handle(path, os.O_RDONLY).identity
    with pytest.raises(SystemExit, match="Make room: it is tried again"):
        autopack.main()
    assert Handle(path, os.O_RDONLY).identity == identity
    assert not Path(f"{path}.pack").exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_the_estimate_is_near_what_packing_leaves(path: str, fresh: bool) -> None:
    connection = connect(path)
    insert = "INSERT INTO item (id, name) VALUES (%s, %s)"
    connection.cursor().executemany(insert, [(number, "x" * (number % 99)) for number in range(20_000)])
    connection.execute("UPDATE item SET name = name || 'y' WHERE id < 5000")
    if fresh:
        database = connection.session.database
        connection.close()
        database.close()
        connection = connect(path)
    storage = storage_of(connection)
    assert (type(storage._view[1]._data) is Parts) is fresh
    estimate = current_size(*storage._view)
    _, after = connection.session.database.pack(time.time())
    assert 0.8 < estimate / after < 1.25
    connection.close()


def test_what_fails_is_tried_again(
    path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect(path, auto_pack=2)
    fill(connection)
    monkeypatch.setattr(autopack, "_interpreter", lambda: "/nowhere/python")
    change(connection, 4)
    assert caplog.text.count("cannot be packed by itself") > 1
    monkeypatch.undo()
    monkeypatch.setattr(datafile, "_SAVE_STEP", 1 << 16)
    storage = storage_of(connection)
    busy = storage._begin_pack()  # as another process that packs
    deadline = time.monotonic() + 60
    change(connection, 40, lambda: "is packed by another process" in caplog.text or late(deadline))
    assert "was not packed by itself" not in caplog.text  # nothing that anybody should look after
    storage._end_pack(busy)
    del busy
    change(connection, 40, lambda: packed(caplog) or late(deadline))
    assert packed(caplog)
    connection.close()


def test_a_few_large_values_are_not_packed_in_vain(
    path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are most of a file, and who looks at some hundred objects has not seen them."""
    connection = connect(path, auto_pack=2)
    fill(connection)
    monkeypatch.setattr(autopack, "current_size", lambda handle, index: 1000)
    identity, deadline = Handle(path, os.O_RDONLY).identity, time.monotonic() + 60
    connection.execute("CREATE TABLE large (id bigint PRIMARY KEY, content text)")
    connection.execute("INSERT INTO large VALUES (1, %s)", [os.urandom(500_000).hex()])
    while "most of it is current" not in caplog.text:
        assert not late(deadline), caplog.text
        time.sleep(0.05)
    assert Handle(path, os.O_RDONLY).identity == identity
    assert not Path(f"{path}.pack").exists()
    change(connection, 40, lambda: packed(caplog) or late(deadline))
    assert packed(caplog)
    connection.close()


def test_who_freed_little_waits_for_more(path: str, started: list[int]) -> None:
    connection = connect(path, auto_pack=2)
    fill(connection)
    pack_of(connection)._least = 1 << 40
    change(connection, 4)
    wait_for_looks(connection)
    assert not started
    connection.close()


def test_others_commit_while_one_looks_at_the_file(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That may take many reads of a slow disk."""
    other = connect(path, auto_pack=2)
    looks, end = threading.Event(), threading.Event()

    def slow(handle: Handle, index: fsIndex) -> int:
        looks.set()
        end.wait(60)
        return 1 << 40

    monkeypatch.setattr(autopack, "current_size", slow)
    writer = threading.Thread(target=fill_and_change, args=(path,))
    writer.start()
    try:
        assert looks.wait(60)
        other.execute("INSERT INTO item (id, name) VALUES (-1, 'x')")
    finally:
        end.set()
        writer.join()
    other.close()


def fill_and_change(path: str) -> None:
    connection = connect(path, auto_pack=2)
    fill(connection)
    change(connection, 1)
    connection.close()


def test_what_lies_in_the_working_directory_is_not_run(
    path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may have been started in a folder that anybody writes to."""
    connect(path).close()
    folder = tmp_path / "anybody's"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(autopack.sys, "path", [each for each in autopack.sys.path if each])
    pack = AutoPack(path, 2, None)
    assert pack._packing.acquire()
    pack._start(0)
    assert pack._packing.acquire(timeout=60)
    assert "most of it is current" in caplog.text, caplog.text


def test_the_interpreter_is_no_server_that_has_python_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.access(autopack._interpreter(), os.X_OK)
    monkeypatch.setattr(autopack.sys, "executable", "/usr/bin/uwsgi")
    assert Path(autopack._interpreter()).name == f"python{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setattr(autopack.sys, "exec_prefix", "/nowhere")
    with pytest.raises(FileNotFoundError, match="zodbpack"):
        autopack._interpreter()


def test_blobs_are_where_they_were_when_the_file_was_opened(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon goes elsewhere later."""
    monkeypatch.chdir(tmp_path)
    connection = connect(path, auto_pack=2, blob_dir="blobs")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    pack = pack_of(connection)
    assert pack._packing.acquire()
    pack._start(0)
    assert pack._packing.acquire(timeout=60)
    assert not [*elsewhere.iterdir()]
    connection.close()


def test_no_process_is_started_that_would_find_the_file_in_use(
    path: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_zodb.storage.open.network_type", lambda path: "nfs4")
    connection = connect(path, auto_pack=2)
    assert storage_of(connection).grown is None
    assert "is not packed by itself on a network file system (nfs4)" in caplog.text
    connection.close()


@pytest.mark.parametrize("wrong", [1, False, -3, float("nan"), float("inf"), "3", True])
def test_wrong_values(path: str, wrong: Any) -> None:
    with pytest.raises(OperationalError, match="option auto_pack must be"):
        Database.open(path, auto_pack=wrong)
    assert not Path(path).exists()


def test_it_belongs_to_files_and_who_serves_them(path: str, started: list[int]) -> None:
    storage = open_storage(locate(path), Options(auto_pack=3))  # as runzeo opens it
    assert isinstance(storage.grown, AutoPack)
    storage.close()
    memory = connect(":memory:auto_pack", auto_pack=2)  # as a test's settings have it
    fill(memory)
    change(memory, 2)
    memory.close()
    with pytest.raises(OperationalError, match="is not packed by itself"):
        Database.open(f"demo:(file://{path})/(memory://)", auto_pack=3)
    assert not started
