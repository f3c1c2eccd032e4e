"""Backups whose clock, files, folder or database is not what it was, and times of which they cannot tell."""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_sessions import rows
from test_upkeep import add_event, filled, moment, restored
from ZODB.scripts import repozo

from django_zodb import dbapi, errors
from django_zodb.storage import backup
from django_zodb.storage import restore as restoring
from django_zodb.storage.backup import back_up
from django_zodb.storage.chains import chains
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.progress import silent
from django_zodb.storage.restore import restore


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "Data.fs")


@pytest.fixture
def database(path: str) -> Database:
    return filled(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


class Clock:
    """The clock that names backups: it may be set, and it ticks a second each time somebody looks at it."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> time.struct_time:
        self.now += 1
        return time.gmtime(self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(backup, "_now", clock)
    return clock


def codes(found: list[Any]) -> list[str]:
    """What the tests have added."""
    return [row[3] for row in found if not row[3].startswith("code ")]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- a clock that goes back -----------------------------------------------------------------------------------------


def test_the_newest_is_restored_after_the_clock_went_back(
    database: Database, path: str, folder: Path, clock: Clock, tmp_path: Path
) -> None:
    back_up(path, folder, silent)
    add_event(database, "second")
    database.pack(time.time())
    clock.now -= 3600
    assert back_up(path, folder, silent) is not None
    assert back_up(path, folder, silent) is None, "there is nothing new in it"
    assert codes(restored(folder)) == ["second"]
    add_event(database, "third")
    piece = back_up(path, folder, silent)
    assert piece is not None
    assert piece.start > 0
    assert codes(restored(folder)) == ["second", "third"]
    target = tmp_path / "by-repozo.fs"
    repozo.main(["--recover", "--with-verify", "-r", str(folder), "-o", str(target), "-D", "2999-01-01"])
    assert codes(rows(Database.open(target), "event")) == ["second", "third"]


def test_an_older_state_that_goes_on_is_the_newest(database: Database, path: str, folder: Path, clock: Clock) -> None:
    close_all()
    old = shutil.copy(path, path + "-old.fs")
    add_event(Database.open(path), "lost")
    back_up(path, folder, silent)
    close_all()
    Path(old).replace(path)
    Path(path + ".index").unlink()
    clock.now -= 7200
    assert back_up(path, folder, silent) is not None
    assert codes(restored(folder)) == []
    add_event(Database.open(path), "other")
    assert back_up(path, folder, silent) is not None
    assert codes(restored(folder)) == ["other"]


# --- times of which backups cannot tell -----------------------------------------------------------------------------


@pytest.mark.parametrize("second", ["any", "its own"])
def test_a_time_between_a_backup_and_a_pack_is_refused(
    database: Database, path: str, folder: Path, tmp_path: Path, second: str
) -> None:
    add_event(database, "first")
    first = back_up(path, folder, silent)
    if second == "its own":  # so that the next backup, which is named by it, seems to be made before ``at``
        time.sleep(1.01 - time.time() % 1)
    add_event(database, "second")
    at = moment()
    add_event(database, "third")
    after = moment()
    database.pack(time.time())
    add_event(database, "fourth")
    back_up(path, folder, silent)
    assert first is not None
    with pytest.raises(errors.OperationalError, match="cannot tell what was there at") as caught:
        restore(folder, tmp_path / "never.fs", silent, at)
    until, since = map(dt.datetime.fromisoformat, re.findall(r"\S+T\S+00:00", str(caught.value))[-2:])
    assert until == first.made_at
    assert at < since < after
    assert codes(restored(folder, since)) == ["first", "second", "third"]
    assert codes(restored(folder, after)) == ["first", "second", "third"]
    assert not (tmp_path / "never.fs").exists()
    assert not (tmp_path / "never.fs.part").exists()


def test_a_time_when_an_older_state_took_the_place_is_refused(
    database: Database, path: str, folder: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.fs"
    close_all()
    shutil.copy(path, old)
    add_event(Database.open(path), "lost")
    back_up(path, folder, silent)
    time.sleep(1.1)
    at = moment()
    close_all()
    old.replace(path)
    Path(path + ".index").unlink()
    add_event(Database.open(path), "other")
    later = moment()
    back_up(path, folder, silent)
    with pytest.raises(errors.OperationalError, match="cannot tell what was there at"):
        restore(folder, tmp_path / "never.fs", silent, at)
    assert codes(restored(folder, later)) == ["other"]


def test_a_time_after_the_last_backup_is_told(database: Database, path: str, folder: Path, tmp_path: Path) -> None:
    back_up(path, folder, silent)
    time.sleep(1.1)
    add_event(database, "never backed up")
    told: list[str] = []
    restore(folder, tmp_path / "restored.fs", silent, moment(), told.append)
    assert len(told) == 1
    assert "the last backup is of" in told[0]


def test_a_time_before_the_first_transaction(database: Database, path: str, folder: Path, tmp_path: Path) -> None:
    back_up(path, folder, silent)
    at = dt.datetime(1999, 1, 1, tzinfo=dt.UTC)
    with pytest.raises(errors.OperationalError, match=r"do not reach back to 1999-01-01.*nothing was committed before"):
        restore(folder, tmp_path / "never.fs", silent, at)
    database.pack(time.time())
    shutil.rmtree(folder)
    back_up(path, folder, silent)
    with pytest.raises(errors.OperationalError, match=r"do not reach back to 1999-01-01.*was packed away"):
        restore(folder, tmp_path / "never.fs", silent, at)


# --- files that appear ----------------------------------------------------------------------------------------------


def test_a_file_that_appears_meanwhile_is_not_replaced(
    database: Database, path: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(path, folder, silent)
    target = tmp_path / "target.fs"

    def appear(what: str, done: int, total: int | None) -> None:
        target.write_bytes(b"somebody's")

    with pytest.raises(errors.OperationalError, match=r"appeared meanwhile.*nothing was overwritten"):
        restore(folder, target, appear)
    assert target.read_bytes() == b"somebody's"
    assert not target.with_name("target.fs.part").exists()


def test_where_no_file_can_have_two_names(
    database: Database, path: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), source)

    back_up(path, folder, silent)
    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(errors.OperationalError, match=r"target\.fs cannot be made here .*hard links"):
        restore(folder, tmp_path / "target.fs", silent)


def test_one_restore_to_a_file_at_a_time(database: Database, path: str, folder: Path, tmp_path: Path) -> None:
    back_up(path, folder, silent)
    target = tmp_path / "target.fs"
    said: list[str] = []

    def other(what: str, done: int, total: int | None) -> None:
        try:
            restore(folder, target, silent)
        except errors.OperationalError as error:
            said.append(str(error))

    restore(folder, target, other)
    assert said
    assert all("another restore" in message for message in said)
    assert rows(Database.open(target), "event") == rows(database, "event")


# --- lists that are lost --------------------------------------------------------------------------------------------


def test_backups_whose_list_is_lost_are_left_alone(
    database: Database, path: str, folder: Path, clock: Clock, tmp_path: Path
) -> None:
    back_up(path, folder, silent)
    add_event(database, "second")
    back_up(path, folder, silent)
    before = names(folder)
    for lost in folder.glob("*.dat"):
        lost.unlink()
        before.remove(lost.name)
    told: list[str] = []
    piece = back_up(path, folder, silent, warn=told.append)
    assert piece is not None
    assert piece.start == 0
    assert names(folder) >= before
    assert len(told) == 1
    assert "no list" in told[0]
    assert codes(restored(folder)) == ["second"]
    add_event(database, "third")
    piece = back_up(path, folder, silent, warn=told.append)
    assert piece is not None
    assert piece.start > 0
    assert len(told) == 2, "each time"
    target = tmp_path / "by-repozo.fs"
    repozo.main(["--recover", "--with-verify", "-r", str(folder), "-o", str(target), "-D", "2999-01-01"])
    assert codes(rows(Database.open(target), "event")) == ["second", "third"]


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("last", [1, 2, 3, 4])
def test_a_backup_that_is_killed_between_two_names(
    database: Database, path: str, folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, full: bool, last: int
) -> None:
    """The next one leaves neither a file without a list nor a list without its file."""
    if not full:
        back_up(path, folder, silent)
        add_event(database, "second")
    calls = iter(range(1, 100))
    real = os.fsync

    def die(descriptor: int) -> None:
        if next(calls) == last:
            raise KeyboardInterrupt
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", die)
        with pytest.raises(KeyboardInterrupt):
            back_up(path, folder, silent)
    told: list[str] = []
    back_up(path, folder, silent, warn=told.append)
    assert told == []
    assert not list(folder.glob("*.tmp"))
    assert {piece.path for chain in chains(folder) for piece in chain} == set(folder.glob("*fsz"))
    assert restored(folder) == rows(database, "event")


# --- files of a chain that are lost ----------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("harm", ["missing", "shorter", "longer", "empty"])
def test_a_chain_with_a_lost_file_does_not_go_on(
    database: Database, path: str, folder: Path, clock: Clock, compress: bool, which: int, harm: str
) -> None:
    back_up(path, folder, silent, compress=compress)
    add_event(database, "second")
    back_up(path, folder, silent, compress=compress)
    lost = chains(folder)[0][which].path
    content = lost.read_bytes()
    if harm == "missing":
        lost.unlink()
    else:
        lost.write_bytes({"shorter": content[:-5], "longer": content + b"more", "empty": b""}[harm])
    told: list[str] = []
    piece = back_up(path, folder, silent, warn=told.append)
    assert piece is not None
    assert piece.start == 0
    assert len(told) == 1
    assert lost.name in told[0]
    assert codes(restored(folder)) == ["second"]
    assert back_up(path, folder, silent, warn=told.append) is None
    assert len(told) == 1


# --- folders of another database ------------------------------------------------------------------------------------


def test_two_databases_do_not_share_a_folder(database: Database, path: str, folder: Path, clock: Clock) -> None:
    other = path + "-other.fs"
    filled(other)
    back_up(path, folder, silent)
    before = names(folder)
    for full in (False, True):
        with pytest.raises(errors.OperationalError, match="of another database"):
            back_up(other, folder, silent, full=full)
    assert names(folder) == before
    add_event(database, "second")
    assert back_up(path, folder, silent) is not None


def test_a_packed_or_restored_database_keeps_its_folder(
    database: Database, path: str, folder: Path, clock: Clock
) -> None:
    told: list[str] = []
    back_up(path, folder, silent)
    for number in range(3):
        add_event(database, f"code of {number}")
        database.pack(time.time())
        piece = back_up(path, folder, silent, warn=told.append)
        assert piece is not None
        assert piece.start == 0
    assert told == []


def test_a_database_that_is_rewritten_and_packed_keeps_its_folder(tmp_path: Path, folder: Path, clock: Clock) -> None:
    path = str(tmp_path / "Small.fs")
    connection = dbapi.connect(path)
    connection.execute("CREATE TABLE t (id bigint PRIMARY KEY, v integer)")
    connection.execute("INSERT INTO t VALUES (1, 0)")
    connection.commit()
    back_up(path, folder, silent)
    connection.execute("ALTER TABLE t ADD COLUMN w integer")
    connection.execute("CREATE INDEX t_w ON t (w)")
    connection.execute("CREATE TABLE u (id bigint PRIMARY KEY)")
    connection.execute("UPDATE t SET v = 1, w = 1")
    connection.commit()
    connection.session.database.pack(time.time())
    connection.close()
    assert back_up(path, folder, silent) is not None


def test_an_unreadable_backup_is_of_no_database(database: Database, path: str, folder: Path, clock: Clock) -> None:
    piece = back_up(path, folder, silent)
    assert piece is not None
    content = piece.path.read_bytes()
    piece.path.write_bytes(content[:12] + b"nonsense" + content[20:])
    told: list[str] = []
    assert back_up(path, folder, silent, full=True, warn=told.append) is not None
    assert len(told) == 1
    assert str(piece.path) in told[0]


# --- what is said ---------------------------------------------------------------------------------------------------


def test_a_list_that_is_no_text(database: Database, path: str, folder: Path) -> None:
    piece = back_up(path, folder, silent)
    assert piece is not None
    piece.path.with_suffix(".dat").write_bytes(b"\xff\xfe\n")
    with pytest.raises(errors.OperationalError, match=r"\.dat is damaged"):
        back_up(path, folder, silent)


def test_a_folder_whose_name_is_no_utf8(database: Database, path: str, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"backups-\xff")
    back_up(path, folder, silent)
    assert restored(folder) == rows(database, "event")


def test_a_file_where_a_folder_is_expected(database: Database, path: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.OperationalError, match=r"/file is no folder: name one"):
        back_up(path, tmp_path / "file", silent)
    with pytest.raises(errors.OperationalError, match=r"/file/more.*Not a directory"):
        back_up(path, tmp_path / "file" / "more", silent)


def test_a_folder_that_is_missing(database: Database, path: str, folder: Path, tmp_path: Path) -> None:
    back_up(path, folder, silent)
    with pytest.raises(errors.OperationalError, match=r"there is no folder .*/nodir: make it first"):
        restore(folder, tmp_path / "nodir" / "x.fs", silent)


@pytest.mark.parametrize("work", ["backup", "restore"])
def test_a_full_disk_is_named(
    database: Database, path: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    back_up(path, folder, silent)
    add_event(database, "second")
    module, place = (backup, folder) if work == "backup" else (restoring, tmp_path / "x.fs")
    monkeypatch.setattr(f"{module.__name__}.os.fsync", fail)
    with pytest.raises(errors.OperationalError, match=rf"no room for {place}.*free some space, then run the command"):
        back_up(path, folder, silent) if work == "backup" else restore(folder, place, silent)


def test_folders_of_earlier_versions_go_on(database: Database, path: str, folder: Path, clock: Clock) -> None:
    """Whose lists name their files wherever the folder was then."""
    piece = back_up(path, folder, silent)
    assert piece is not None
    listed = piece.path.with_suffix(".dat")
    listed.write_text(listed.read_text().replace(str(folder), "/somewhere/else"))
    add_event(database, "second")
    piece = back_up(path, folder, silent)
    assert piece is not None
    assert piece.start > 0
    assert codes(restored(folder)) == ["second"]
