"""Opening databases: what cannot be opened is named and left as it is; nothing that a file names is ever run."""

from __future__ import annotations

import gc
import os
import pickle
import random
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import ZODB
from forking import in_child
from ZEO.asyncio import marshal
from ZODB.FileStorage import FileStorage
from ZODB.fsIndex import fsBucket, fsIndex
from ZODB.serialize import ObjectWriter
from ZODB.utils import p64, z64
from zodbpickle.pickle import UnpicklingError

from django_zodb import errors
from django_zodb.storage import client, indexparts
from django_zodb.storage.check import check
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.datafile import MAGIC
from django_zodb.storage.files import Handle
from django_zodb.storage.network import network_type
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import Options
from django_zodb.storage.progress import silent
from django_zodb.storage.savedindex import _read as read_index
from django_zodb.storage.savedindex import enter, load_index, position_of, save_index
from django_zodb.storage.schema import ColumnSchema, TableSchema
from django_zodb.storage.server import Server
from django_zodb.storage.session import Session
from django_zodb.values import BIGINT, TEXT

BOOK = TableSchema("book", (ColumnSchema("id", BIGINT, False, identity=True), ColumnSchema("title", TEXT)), ("id",))
ROOT = Path(__file__).parent.parent


def no_expressions(schema: TableSchema, expression: str, boolean: bool = False) -> Any:
    raise AssertionError("these tables have no expressions")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "Data.fs")


def new_session(name: str, **options: Any) -> Session:
    return Database.open(name, **options).session(no_expressions)


def create_books(session: Session, *titles: str) -> None:
    if session.catalog.schema("book") is None:
        session.catalog.create_table(BOOK.with_token("first"))
    for title in titles:
        session.catalog.table("book").insert((None, title))
    session.commit()


def titles(session: Session) -> list[object]:
    session.rollback()
    return [row[1] for row in session.catalog.table("book").rows()]


def refused(*names: Any, **options: Any) -> str:
    """The message with which opening fails."""
    with pytest.raises(errors.OperationalError) as caught:
        Database.open(*names, **options)
    return str(caught.value)


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\nfrom test_open import *\n" + textwrap.dedent(
        code
    )
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_new_file_is_a_database_for_its_owner_only(path: str) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    assert {file.name for file in Path(path).parent.iterdir()} == {"Data.fs", "Data.fs.lock", "Data.fs.index"}
    for suffix in ("", ".lock", ".index"):
        assert stat.S_IMODE(Path(path + suffix).stat().st_mode) == 0o600
    assert titles(new_session(path)) == ["Emma"]


def test_packing_keeps_the_mode(path: str) -> None:
    database = Database.open(path)
    create_books(database.session(no_expressions), "Emma")
    Path(path).chmod(0o640)
    assert database._zodb is not None
    database._zodb.pack()
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o640
    assert titles(database.session(no_expressions)) == ["Emma"]


def test_missing_folder(tmp_path: Path) -> None:
    message = refused(tmp_path / "nowhere" / "Data.fs")
    assert "no folder" in message
    assert str(tmp_path / "nowhere") in message
    assert not (tmp_path / "nowhere").exists()


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)


def test_a_missing_file_that_must_exist(path: str) -> None:
    assert "there is no file" in refused(path, create=False)
    assert "there is no file" in refused(path, read_only=True)
    assert not Path(path).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(path: str) -> None:
    Path(path).write_bytes(MAGIC)
    Path(path).chmod(0)
    assert "not readable" in refused(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "truncated"),
        (b"FS", "truncated"),
        (b"SQLite format 3\0" + b"\0" * 100, "SQLite"),
        (b"hello, world", "no ZODB file"),
        (b"FS30" + b"\xff" * 100, "truncated or damaged"),
    ],
)
def test_alien_files_are_left_alone(path: str, content: bytes, said: str) -> None:
    Path(path).write_bytes(content)
    assert said in refused(path)
    assert Path(path).read_bytes() == content


@pytest.mark.parametrize("missing", [1, 9, 60, 200])
@pytest.mark.parametrize("index", [True, False])
def test_a_truncated_file_is_left_alone(path: str, missing: int, index: bool) -> None:
    create_books(new_session(path), "Emma", "Persuasion")
    close_all()
    if not index:
        Path(path + ".index").unlink()
    content = Path(path).read_bytes()[:-missing]
    Path(path).write_bytes(content)
    for _ in range(2):  # a failed attempt leaves no lock behind either
        assert "truncated or damaged" in refused(path)
    assert Path(path).read_bytes() == content


def test_damage_in_the_middle_does_not_cost_what_follows(path: str) -> None:
    session = new_session(path)
    for title in ("Emma", "Persuasion", "Sanditon"):
        create_books(session, title)
    close_all()
    Path(path + ".index").unlink()
    content = bytearray(Path(path).read_bytes())
    content[4 + 8 : 4 + 16] = (1 << 40).to_bytes(8, "big")  # the length of the first transaction
    Path(path).write_bytes(content)
    assert "truncated or damaged" in refused(path)
    assert Path(path).read_bytes() == content


def test_an_interrupted_commit_is_cut_off(path: str) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    whole = Path(path).read_bytes()
    torn = b"\x7f" * 8 + (500).to_bytes(8, "big") + b"c" + b"\0" * 6 + b"half a record"
    Path(path).write_bytes(whole + torn)
    assert titles(new_session(path)) == ["Emma"]


def test_a_lost_or_wrong_index_file_is_rebuilt(path: str) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    for junk in (b"", b"junk", pickle.dumps("text", 2), pickle.dumps(5, 2) + pickle.dumps((b"x", b"y"), 2)):
        Path(path + ".index").write_bytes(junk)
        assert titles(new_session(path)) == ["Emma"]
        close_all()


def test_a_damaged_index_file_does_no_harm(path: str) -> None:
    create_books(new_session(path), *(f"Book {number}" for number in range(300)))
    close_all()
    expected = titles(new_session(path))
    close_all()
    whole = Path(path + ".index").read_bytes()
    assert len(whole) < 1_000
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        Path(path + ".index").write_bytes(damaged)
        session = new_session(path)
        assert titles(session) == expected
        assert not check(session, silent).problems
        close_all()


def test_an_index_file_without_checksums(path: str) -> None:
    """As FileStorage saves it, and reads it."""
    create_books(new_session(path), "Emma")
    close_all()
    storage = FileStorage(path)
    storage._save_index()
    storage.close()
    without = Path(path + ".index").read_bytes()
    assert titles(new_session(path)) == ["Emma"]
    create_books(new_session(path), "Persuasion")
    close_all()
    assert len(Path(path + ".index").read_bytes()) > len(without) + 20
    saved = fsIndex.load(path + ".index")
    assert saved["pos"] == Path(path).stat().st_size
    assert len(saved["index"]) > 5


def test_who_reads_what_the_index_file_lacks_saves_it_for_others(path: str) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    stale = Path(path + ".index").read_bytes()
    create_books(new_session(path), "Persuasion")
    close_all()
    Path(path + ".index").write_bytes(stale)
    session = new_session(path)
    found = load_index(path + ".index", Handle(path, os.O_RDONLY))
    assert found is not None
    assert found[1] == Path(path).stat().st_size
    assert titles(session) == ["Emma", "Persuasion"]


def test_a_newer_format(path: str) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    change_root(path, lambda root: root.__setitem__("format", 999))
    content = Path(path).read_bytes()
    message = refused(path)
    assert "999" in message
    assert Path(path).read_bytes() == content


def test_a_zodb_file_of_another_program(path: str) -> None:
    change_root(path, lambda root: root.__setitem__("application", {"title": "Plone"}))
    content = Path(path).read_bytes()
    refused(path)
    assert Path(path).read_bytes() == content


def change_root(path: str, change: Any) -> None:
    zodb = ZODB.DB(FileStorage(path))
    with zodb.transaction() as connection:
        change(connection.root())
    zodb.close()


def test_in_use_by_a_program_that_does_not_share(path: str) -> None:
    create_books(new_session(path), "Emma")
    code = "from ZODB.FileStorage import FileStorage; FileStorage(sys.argv[1])"
    assert "LockError" in run_python(code, path).stderr, "others are kept away while somebody shares"
    close_all()
    plain = FileStorage(path)
    run = run_python("print(refused(sys.argv[1]))", path)
    assert f"in use by another process (process {os.getpid()})" in run.stdout, run.stderr
    plain.close()
    assert titles(new_session(path)) == ["Emma"]


def test_on_a_network_file_system_for_one_process(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_zodb.storage.open.network_type", lambda path: "nfs4")
    create_books(new_session(path), "Emma")
    with pytest.raises(errors.OperationalError, match=rf"process {os.getpid()}.*nfs4.*runzeo"):
        open_storage(locate(path), Options())


def test_which_file_systems_are_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/root rw\n"
        "23 22 0:40 / /srv/with\\040space rw shared:7 - nfs4 server:/export rw\n"
        "24 23 0:41 / /srv/with\\040space/here rw - tmpfs tmpfs rw\n"
        "25 22 0:42 / /cover rw - ext4 /dev/x rw\n"
        "26 22 0:43 / /cover rw - cifs //server/share rw\n"
    )
    monkeypatch.setattr("django_zodb.storage.network._MOUNTS", str(mounts))
    assert network_type("/srv/Data.fs") is None
    assert network_type("/srv/with space/Data.fs") == "nfs4"
    assert network_type("/srv/with space/here/Data.fs") is None
    assert network_type("/cover/Data.fs") == "cifs"
    monkeypatch.setattr("django_zodb.storage.network._MOUNTS", str(tmp_path / "none"))
    assert network_type("/cover/Data.fs") is None


def test_a_disk_of_this_machine_is_known_without_the_mounts(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(path).touch()
    device = Path(path).stat().st_dev
    disks = Path(path).parent / "disks"
    disks.mkdir()
    mounts = Path(path).parent / "mounts"
    mounts.write_text("22 1 0:40 / / rw - nfs4 server:/export rw\n")
    monkeypatch.setattr("django_zodb.storage.network._MOUNTS", str(mounts))
    monkeypatch.setattr("django_zodb.storage.network._DISKS", str(disks))
    assert network_type(path) == "nfs4"
    (disks / f"{os.major(device)}:{os.minor(device)}").touch()
    assert network_type(path) is None
    assert network_type(f"{path}.nothing") == "nfs4"


def test_read_only_beside_a_writer(path: str) -> None:
    create_books(new_session(path), "Emma")
    run = run_python("print(titles(new_session(sys.argv[1], read_only=True)))", path)
    assert run.stdout == "['Emma']\n", run.stderr
    reader = new_session(path, read_only=True)
    reader.catalog.table("book").insert((None, "Persuasion"))
    with pytest.raises(errors.OperationalError, match="read-only"):
        reader.commit()
    assert titles(reader) == ["Emma"]


def test_names_and_options(path: str) -> None:
    assert "no name" in refused("")
    assert "no name" in refused(None)
    message = refused(path, chache_size=5)
    assert "'chache_size'" in message
    assert "cache_size_bytes" in message
    assert "cache_size must be a number" in refused(path, cache_size="many")
    assert "cache_size must be a number" in refused(path, cache_size=True)
    assert "snapshot, serializable" in refused(path, isolation="chaos")
    assert "PORT must be" in refused("x", port="http")
    assert "URI" in refused("nosuchscheme://x")
    assert not Path(path).exists()


def test_one_database_per_file(path: str) -> None:
    first = Database.open(path, cache_size=500)
    folder = Path(path).parent
    assert Database.open(folder / ".." / folder.name / "Data.fs") is first
    assert Database.open("file://" + path) is first
    assert "open with cache_size=500" in refused(path, cache_size=600)
    session = first.session(no_expressions)
    session.begin()
    session.close()
    assert Database.open(path) is first, "the file stays open when its last session closes"


# --- hostile files -------------------------------------------------------------------------------------------------


class Bomb:
    """Pickled, it makes the folder ``mark`` when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_a_hostile_record_is_refused_and_not_run(path: str, tmp_path: Path) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    change_root(path, lambda root: root.__setitem__("bomb", Bomb(tmp_path / "mark")))
    if (tmp_path / "mark").exists():  # ZODB itself has loaded it, when it closed
        (tmp_path / "mark").rmdir()
    message = refused(path)
    assert "posix.mkdir" in message
    assert "never loads" in message
    assert not (tmp_path / "mark").exists()


def open_below(folder: Path) -> set[str]:
    """The names of this process's open files in a folder."""
    names = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            names.add(str(descriptor.readlink()))
    return {Path(name).name for name in names if name.startswith(f"{folder}/")}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="NOT RUN: the system does not tell which files are open")
def test_a_closed_database_has_no_file_open(path: str) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    session = new_session(path)  # kept: what is open must not hang on it
    assert titles(session) == ["Emma"]
    folder = Path(path).parent
    assert open_below(folder) >= {"Data.fs", "Data.fs.index"}
    child = os.fork()
    if not child:
        os._exit(len(open_below(folder)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    close_all()
    assert open_below(folder) == set()


def test_a_hostile_index_file_is_not_run(path: str, tmp_path: Path) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    Path(path + ".index").write_bytes(pickle.dumps(Bomb(tmp_path / "mark"), 2))
    assert titles(new_session(path)) == ["Emma"]
    assert not (tmp_path / "mark").exists()


def test_conflict_resolution_loads_nothing(path: str) -> None:
    for name in (path, ":memory:x"):
        storage = Database.open(name)._storage
        resolve = getattr(storage, "tryToResolveConflict", None)
        if resolve is not None:
            with pytest.raises(ZODB.POSException.ConflictError):
                resolve(z64, z64, z64, pickle.dumps(os.getcwd), b"")


# --- memory --------------------------------------------------------------------------------------------------------


def test_memory_is_found_by_name_from_every_thread() -> None:
    create_books(new_session(":memory:shared"), "Emma")
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.extend(titles(new_session(":memory:shared"))))
    thread.start()
    thread.join()
    assert seen == ["Emma"]
    assert new_session(":memory:other").catalog.schema("book") is None


def test_closing_a_database_in_memory_forgets_it() -> None:
    create_books(new_session(":memory:"), "Emma")
    Database.open(":memory:").close()
    assert new_session(":memory:").catalog.schema("book") is None


def test_a_commit_leaves_nothing_to_the_garbage_collector() -> None:
    session = new_session(":memory:")
    create_books(session, "Emma")
    gc.collect()
    gc.disable()
    try:
        session.catalog.table("book").insert((None, "Persuasion"))
        session.commit()
        assert not [left for left in gc.get_objects() if isinstance(left, ObjectWriter)]
    finally:
        gc.enable()


def test_a_closed_database_is_gone_after_one_collection() -> None:
    session = new_session(":memory:")
    create_books(session, "Emma")
    connection = weakref.ref(session.zodb_connection)
    session.close()
    del session
    Database.open(":memory:").close()
    gc.collect()
    assert connection() is None


@pytest.mark.parametrize("name", [":memory:", "file"])
def test_clones_are_independent(name: str, path: str) -> None:
    source = Database.open(path if name == "file" else name)
    create_books(source.session(no_expressions), "Emma")
    clone = source.clone(":memory:clone")
    create_books(source.session(no_expressions), "Persuasion")
    create_books(clone.session(no_expressions), "Sanditon")
    assert titles(clone.session(no_expressions)) == ["Emma", "Sanditon"]
    assert titles(source.session(no_expressions)) == ["Emma", "Persuasion"]
    assert list(clone.session(no_expressions).catalog.table("book").rows())[1] == (2, "Sanditon")
    assert source.clone(":memory:clone") is not clone


def test_a_clone_for_another_process() -> None:
    source = Database.open(":memory:")
    create_books(source.session(no_expressions), "Emma")
    data = source.serialise()
    source.close()
    copy = Database.restore(":memory:", data)
    assert titles(copy.session(no_expressions)) == ["Emma"]
    create_books(copy.session(no_expressions), "Persuasion")
    assert titles(new_session(":memory:")) == ["Emma", "Persuasion"]
    with pytest.raises(errors.OperationalError, match="no serialised database"):
        Database.restore(":memory:", b"junk")


# --- transactions of any size -----------------------------------------------------------------------------------------


def test_a_transaction_that_does_not_fit_into_memory_goes_through_a_temporary_file(path: str) -> None:
    """So do those that follow go through memory again, and plain ZODB reads them all."""
    session = new_session(path)
    session.catalog.create_table(BOOK)
    session.commit()
    with patch("django_zodb.storage.pending._KEPT_IN_MEMORY", 50_000):
        for size in (3, 2_000, 3):
            session.catalog.table("book").insert_many([(None, "x" * 100)] * size)
            session.commit()
    close_all()
    plain = ZODB.DB(FileStorage(path, read_only=True))
    connection = plain.open()
    assert len(connection.root()["tables"]["book"]) == 2_006
    plain.close()


def test_positions_are_entered_into_an_index_as_it_enters_them_itself() -> None:
    oids = [p64(number) for number in (1, 2, 65_535, 65_536, 1 << 40, 3, 65_537)]
    positions = {oid: 4 + at for at, oid in enumerate(oids)}
    expected = fsIndex({oids[1]: 99})
    entered = fsIndex({oids[1]: 99})
    expected.update(positions)
    enter(entered, positions)
    assert dict(entered.items()) == dict(expected.items()) == positions


@pytest.mark.parametrize("position", [9, 300, 70_000, 1 << 30, 1 << 31, 1 << 39, 1 << 46])
def test_an_index_file_is_read_part_by_part(tmp_path: Path, position: int) -> None:
    path = str(tmp_path / "index")
    numbers = [*range(70), *range(65_536, 65_540), *range(3 << 16, (3 << 16) + 9_000), (1 << 63) + 5]
    expected = fsIndex({p64(number): 4 + 10 * at for at, number in enumerate(numbers)})
    expected.save(position, path)

    def saved() -> fsIndex:
        found = read_index(path, lambda: expected)
        assert found is not None
        assert found[1] == position
        return found[0]

    assert list(saved().items()) == list(expected.items())
    assert list(saved()) == list(expected)
    assert list(saved().values()) == list(expected.values())
    assert len(saved()) == len(expected)
    assert (saved().minKey(), saved().maxKey(p64((1 << 62) - 1))) == (p64(0), p64((3 << 16) + 8_999))
    index = saved()
    assert (index.get(p64(69)), index.get(p64(70)), index.get(p64(2 << 16))) == (694, None, None)
    with pytest.raises(KeyError):
        index[p64(2 << 16)]
    for changed in (index, expected):
        enter(changed, {p64(3 << 16): 7, p64(2 << 16): 8})
        changed.update({p64(1): 6, p64(5 << 16): 5})
        del changed[p64((1 << 63) + 5)]
    save_index(path, index, position, path)
    assert list(saved().items()) == list(index.items()) == list(expected.items())
    index = saved()
    os.truncate(path, 1_000)
    assert list(index.items()) == list(expected.items())
    assert read_index(path, fsIndex) is None


def test_positions_are_entered_into_a_bucket_that_is_not_read(tmp_path: Path) -> None:
    path = str(tmp_path / "index")
    Path(path).touch()
    expected = fsIndex({p64(number): 4 + 10 * number for number in range(0, 9_000, 2)})
    save_index(path, expected, 300, path)
    saved = fsIndex(dict(expected.items()))

    def read() -> fsIndex:
        found = read_index(path, lambda: fsIndex(dict(saved.items())))
        assert found is not None
        return found[0]

    prefix = p64(0)[:6]
    index, damaged = read(), read()
    news = {p64(4): 5_000, p64(5): 6_000, p64(8_998): 7_000, p64(3 << 16): 8_000}
    for changed in (index, damaged, expected):
        enter(changed, news)
    assert type(index._data._tree[prefix]) is indexparts.Unread
    assert [position_of(index, oid) for oid in news] == list(news.values())
    assert (position_of(index, p64(6)), position_of(index, p64(7))) == (64, 0)
    assert type(index._data._tree[prefix]) is indexparts.Unread
    unread = index._data.to_enter(prefix)
    assert list(index.items()) == list(expected.items())
    unread[p64(9)[6:]] = p64(9_000)[2:]  # by who has had it since before it was read
    assert (index.get(p64(9)), position_of(index, p64(9))) == (9_000, 9_000)
    os.truncate(path, 100)
    assert list(damaged.items()) == list(expected.items())


def test_many_positions_are_entered_into_the_bucket(tmp_path: Path) -> None:
    path = str(tmp_path / "index")
    Path(path).touch()
    expected = fsIndex({p64(number): 4 + 10 * number for number in range(200)})
    save_index(path, expected, 300, path)
    found = read_index(path, fsIndex)
    assert found is not None
    for index in (found[0], expected):
        for number in range(100, 300):
            enter(index, {p64(number): number})
    assert type(found[0]._data._tree[p64(0)[:6]]) is fsBucket
    assert list(found[0].items()) == list(expected.items())


def test_what_was_entered_at_once_is_counted(tmp_path: Path) -> None:
    """Or a file seems to hold little but history, and a process starts to pack it."""
    path = str(tmp_path / "index")
    Path(path).touch()
    saved = fsIndex({p64(number): 4 for number in (*range(200), *range(1 << 16, (1 << 16) + 200))})
    save_index(path, saved, 300, path)
    found = read_index(path, fsIndex)
    assert found is not None
    enter(found[0], {p64(number): 5 for number in range(100, 20_000)})
    assert found[0]._data.size() == 20_200
    assert type(found[0]._data._tree[p64(1 << 16)[:6]]) is indexparts.Unread


@pytest.mark.parametrize("looks", [10, 1 << 20], ids=["then read", "page by page"])
def test_where_one_object_is(path: str, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """A page or two of a saved index tell it, however many numbers of objects are in use."""
    monkeypatch.setattr(indexparts, "_MOST_LOOKS", looks)
    chosen = random.Random(5)
    expected = fsIndex()
    for prefix, count in enumerate((1 << 16, 65_500, 30_000, 700, 1)):
        suffixes = chosen.sample(range(1 << 16), count)
        enter(expected, {p64(prefix << 16 | suffix): chosen.randrange(1 << 40) for suffix in suffixes})
    Path(path).touch()
    save_index(path, expected, 5, path)
    saved = read_index(path, fsIndex)
    assert saved is not None
    asked = [chosen.randrange(6 << 16) for _ in range(3_000)]
    edges = [prefix << 16 | suffix for prefix in range(6) for suffix in (0, 1, 65_534, 65_535)]
    for number in (*edges, *asked):
        assert position_of(saved[0], p64(number)) == expected.get(p64(number), 0), number


def test_a_page_of_the_index_that_is_damaged(path: str) -> None:
    index = fsIndex()
    enter(index, {p64(number): number + 9 for number in range(100_000)})
    Path(path).touch()
    save_index(path, index, 5, path)
    whole = Path(path).read_bytes()
    for at in (30, 140_000, 300_000, 600_000):
        damaged = bytearray(whole)
        damaged[at] ^= 4
        Path(path).write_bytes(damaged)
        rebuilt: list[int] = []
        saved = read_index(path, lambda rebuilt=rebuilt: rebuilt.append(1) or index)  # type: ignore[misc]
        assert saved is not None
        found = [position_of(saved[0], p64(number)) for number in range(0, 100_000, 1_000)]
        assert found == [*range(9, 100_009, 1_000)]
        assert rebuilt == [1]
    os.truncate(path, 200_000)
    assert read_index(path, fsIndex) is None


# --- servers -------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(path: str) -> Iterator[Server]:
    running = serve(path)
    yield running
    running.stop()


def serve(path: str, port: int = 0) -> Server:
    running = Server(open_storage(locate(path), Options()), ("127.0.0.1", port))
    threading.Thread(target=running.run, daemon=True).start()
    return running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_wrong_port_fails_fast() -> None:
    started = time.monotonic()
    message = refused("", host="127.0.0.1", port=free_port())
    assert "no ZEO server answers" in message
    assert "runzeo" in message
    assert time.monotonic() - started < 2


def test_a_port_that_is_no_zeo_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        message = refused("", port=listener.getsockname()[1], timeout=0.5)
    assert "does not answer as a ZEO server" in message


def test_another_protocol_is_no_zeo_server() -> None:
    def greet(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,))
        thread.start()
        assert "b'SSH-2.0-OpenSSH_'" in refused("", port=listener.getsockname()[1])
        thread.join()


def test_a_storage_that_the_server_has_not(server: Server) -> None:
    assert "no storage named 'other'" in refused(None, *server.address, storage="other", timeout=0.5)


def test_round_trip_through_a_server(server: Server) -> None:
    port = server.address[1]
    database = Database.open("ignored", *server.address)
    create_books(database.session(no_expressions), "Emma")
    assert not database.ordered
    run = run_python(
        """
        session = Database.open(None, "127.0.0.1", int(sys.argv[1])).session(no_expressions)
        create_books(session, "Persuasion")
        print(list(session.catalog.table("book").rows()))
        """,
        str(port),
    )
    assert "(1, 'Emma')" in run.stdout, run.stderr
    assert "'Persuasion')" in run.stdout, run.stderr
    assert titles(database.session(no_expressions)) == ["Emma", "Persuasion"]
    ids = [row[0] for row in database.session(no_expressions).catalog.table("book").rows()]
    assert len(set(ids)) == 2
    assert Database.open(f"zeo://127.0.0.1:{port}") is database


def test_a_lost_server_is_an_operational_error(path: str) -> None:
    running = serve(path)
    session = Database.open(None, *running.address, timeout=0.5).session(no_expressions)
    create_books(session, "Emma")
    assert session.usable()
    running.stop()
    deadline = time.monotonic() + 5
    while session.usable() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not session.usable()
    with pytest.raises(errors.OperationalError, match="server"):
        create_books(session, "Persuasion")
    assert not session.in_transaction


WRITER = """
    port, me = map(int, sys.argv[1:])
    session = Database.open(None, "127.0.0.1", port).session(no_expressions)
    for number in range(25):
        create_books(session, f"{me}-{number}")
    print("done")
"""


def test_several_processes_write_through_a_server(server: Server) -> None:
    port = server.address[1]
    session = Database.open(None, "127.0.0.1", port).session(no_expressions)
    create_books(session)
    answers: list[str] = []

    def run(me: int) -> None:
        done = run_python(WRITER, str(port), str(me))
        answers.append(done.stdout + done.stderr)

    threads = [threading.Thread(target=run, args=(me,)) for me in range(3)]
    for thread in threads:
        thread.start()
    for number in range(25):
        create_books(session, f"here-{number}")
    for thread in threads:
        thread.join()
    assert answers == ["done\n"] * 3
    found = titles(session)
    assert len(found) == len(set(found)) == 100
    assert session.catalog.table("book").count() == 100


def test_a_forked_client_has_a_connection_of_its_own(server: Server) -> None:
    session = Database.open(None, *server.address).session(no_expressions)
    create_books(session, "Emma")

    def work() -> object:
        create_books(session, "Sanditon")
        return titles(session)

    assert in_child(work) == "['Emma', 'Sanditon']"
    create_books(session, "Persuasion")
    assert titles(session) == ["Emma", "Sanditon", "Persuasion"]


def test_a_hostile_server_cannot_name_classes() -> None:
    for harmful in (os.getcwd, subprocess.Popen, pytest.fail):
        with pytest.raises(UnpicklingError, match="may not name"):
            marshal.pickle_decode(pickle.dumps((1, 0, ".reply", harmful), 3))
    error = ZODB.POSException.ConflictError("x")
    decoded = marshal.pickle_decode(pickle.dumps((1, 0, ".reply", (type(error), error)), 3))
    assert isinstance(decoded[3][1], ZODB.POSException.ConflictError)


def test_the_client_uses_the_careful_decoder(server: Server) -> None:
    database = Database.open(None, *server.address)
    assert database._storage._server.client.protocol.decode is marshal.pickle_decode
    assert marshal.find_global is client.find_class


def test_two_processes_lay_out_one_server(server: Server) -> None:
    answers: list[str] = []

    def run() -> None:
        done = run_python("Database.open(None, '127.0.0.1', int(sys.argv[1])); print('open')", str(server.address[1]))
        answers.append(done.stdout + done.stderr)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["open\n"] * 3


def test_work_goes_on_when_the_server_is_back(path: str) -> None:
    running = serve(path)
    session = Database.open(None, *running.address, timeout=5).session(no_expressions)
    create_books(session, "Emma")
    running.stop()
    while Path(path + ".lock").exists() and not running._acceptor.closed:
        time.sleep(0.01)
    time.sleep(0.1)
    serve(path, int(running.address[1])) if isinstance(running.address, tuple) else None
    create_books(session, "Persuasion")
    assert titles(session) == ["Emma", "Persuasion"]


# --- URIs ----------------------------------------------------------------------------------------------------------


def test_changes_over_a_base_that_stays(path: str, tmp_path: Path) -> None:
    create_books(new_session(path), "Emma")
    close_all()
    content = Path(path).read_bytes()
    session = new_session(f"demo:(file://{path})/(memory://changes)")
    create_books(session, "Persuasion")
    assert titles(session) == ["Emma", "Persuasion"]
    close_all()
    assert Path(path).read_bytes() == content


def test_a_zconfig_file(path: str, tmp_path: Path) -> None:
    configuration = tmp_path / "zodb.conf"
    configuration.write_text(f"<filestorage>\npath {path}\n</filestorage>\n")
    create_books(new_session(f"zconfig://{configuration}"), "Emma")
    close_all()
    assert titles(new_session(path)) == ["Emma"]


def test_uris_that_are_wrong(tmp_path: Path) -> None:
    assert "cannot open" in refused(f"zconfig://{tmp_path / 'missing.conf'}")
    assert "OPTIONS" in refused(f"file://{tmp_path}/Data.fs?create=1")
    assert "OPTIONS" in refused(f"zconfig://{tmp_path}/x.conf?connection_cache_size=5")
    assert list(tmp_path.iterdir()) == []
