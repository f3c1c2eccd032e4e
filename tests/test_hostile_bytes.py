"""Files, servers and clients that want to run code here: everything is refused, and nothing of it runs.

Each payload would make a file of proof. It is put wherever bytes are read that somebody else may have written, and
then everything that reads them is done.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from persistent.mapping import PersistentMapping
from test_sessions import CHILD, EVENT, PARENT, insert, new_session, rows
from ZEO.ClientStorage import ClientStorage
from ZEO.Exceptions import ClientDisconnected
from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ConflictError
from ZODB.serialize import referencesf
from ZODB.utils import p64, z64
from zodbpickle.pickle import UnpicklingError

from django_zodb import dbapi, errors
from django_zodb.storage import hardening
from django_zodb.storage.backup import back_up
from django_zodb.storage.check import check
from django_zodb.storage.classes import ALLOWED, class_factory
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.dump import as_tree, opened, walk
from django_zodb.storage.failures import STORAGE_ERRORS, translated
from django_zodb.storage.measure import measure
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import Options
from django_zodb.storage.persistent import Postings, RowBucket, RowTree
from django_zodb.storage.progress import silent
from django_zodb.storage.restore import restore
from django_zodb.storage.seal import sealed
from django_zodb.storage.server import Server

Attack = Callable[[Path], bytes]


class Call:
    """Pickled, it calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def by_system(proof: Path) -> bytes:
    return pickle.dumps(Call(os.system, f"touch {proof}"), 3)


def by_eval(proof: Path) -> bytes:
    return pickle.dumps(Call(eval, f"open({str(proof)!r}, 'w').close()"), 3)


def by_getattr(proof: Path) -> bytes:
    """getattr(Path(proof), "touch")(), in opcodes: pickle.dumps would not make it of an instance."""
    return b"cbuiltins\ngetattr\n(cpathlib\nPath\n(" + f"V{proof}\n".encode() + b"tRVtouch\ntR(tR."


def by_dotted_name(proof: Path) -> bytes:
    """A name with dots, by which protocol 4 walks from an allowed class to what its module has imported."""
    return (
        b"\x80\x04\x8c\x1fdjango_zodb.storage.persistent\x8c\x0fRowTree.__init__\x93".replace(
            b"\x8c\x1f", b"\x8c" + bytes([len(b"django_zodb.storage.persistent")])
        ).replace(b"\x8c\x0f", b"\x8c" + bytes([len(b"RowTree.__init__")]))
        + pickle.dumps((str(proof),), 4)[2:-1]
        + b"R."
    )


ATTACKS = [by_system, by_eval, by_getattr, by_dotted_name]
torture = pytest.mark.torture
SOME = [pytest.param(each, marks=() if each is by_system else torture, id=each.__name__) for each in ATTACKS]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    hardening.harden()
    yield
    close_all()


@pytest.fixture
def proof(tmp_path: Path) -> Iterator[Path]:
    """The file that must not be there at the end."""
    path = tmp_path / "proof"
    yield path
    assert not path.exists(), "code was run"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The file of a sound database."""
    name = str(tmp_path / "Data.fs")
    session = new_session(Database.open(name))
    for schema in (PARENT, CHILD, EVENT):
        session.catalog.create_table(schema)
    for number in range(1, 101):
        insert(session, "event", number % 7, number, f"code {number}")
    session.commit()
    close_all()
    return name


def test_the_attacks_work_where_nobody_watches(tmp_path: Path) -> None:
    for attack in (by_system, by_eval, by_getattr):
        proof = tmp_path / attack.__name__
        pickle.loads(attack(proof))
        assert proof.exists(), f"{attack.__name__} proves nothing"


# --- records --------------------------------------------------------------------------------------------------------


def record(cls: bytes, state: bytes) -> bytes:
    return cls + state


def class_of(kind: type) -> bytes:
    return pickle.dumps(kind, 3)


def in_state(kind: type) -> Callable[[bytes], bytes]:
    return lambda payload: record(class_of(kind), payload)


def in_packed_rows(payload: bytes) -> bytes:
    return record(class_of(RowBucket), pickle.dumps((payload,), 3))


def as_class(payload: bytes) -> bytes:
    return record(payload, pickle.dumps({}, 3))


def as_arguments(payload: bytes) -> bytes:
    """The class with arguments for ``__new__``, as old records have it."""
    body = payload[2:-1] if payload[:1] == b"\x80" else payload[:-1]
    return record(b"\x80\x04(cpersistent.mapping\nPersistentMapping\n" + body + b"t.", pickle.dumps({}, 3))


def as_reference(payload: bytes) -> bytes:
    """A reference to another record whose class is the payload."""
    body = payload[2:-1] if payload[:1] == b"\x80" else payload[:-1]
    state = b"\x80\x04}(Vx\n(C\x08" + z64 + body + b"tQu."
    return record(class_of(PersistentMapping), state)


PLACES = [
    in_state(PersistentMapping),
    in_state(RowTree),
    in_state(RowBucket),
    in_state(Postings),
    in_packed_rows,
    as_class,
    as_arguments,
    as_reference,
]


def put(path: str, oid: bytes, data: bytes, extension: bytes = b"") -> None:
    """Write a record as it is, as somebody would who makes a file by other means."""
    storage = FileStorage(path)
    serial = storage.load(oid)[1]
    metadata = TransactionMetaData("eve", "a change", extension)
    storage.tpc_begin(metadata)
    storage.store(oid, serial, sealed(oid, data), "", metadata)  # whoever makes a record can seal it
    storage.tpc_vote(metadata)
    storage.tpc_finish(metadata)
    storage.close()
    Path(path + ".index").unlink()


def attempted(work: Callable[[], object]) -> str:
    """What the work raised: an error of ours, or nothing."""
    try:
        work()
    except errors.Error as error:
        return str(error)
    return ""


def everything(path: str, folder: Path) -> list[str]:
    """Do to the file all that reads it; what was said."""

    def open_and_read() -> None:
        with dbapi.connect(path) as connection:
            for query in ("SELECT * FROM event", "SELECT * FROM event WHERE number > 5 ORDER BY number"):
                connection.execute(query).fetchall()

    def dump() -> None:
        with opened(locate(path), Options()) as root:
            for node in walk(root):
                as_tree(node)

    def inspect(work: Callable[[Any], object]) -> Callable[[], None]:
        def run() -> None:
            connection = dbapi.connect(path)
            try:
                work(connection.session)
            except STORAGE_ERRORS as error:
                raise translated(error) from error
            finally:
                connection.close()

        return run

    said = [
        attempted(open_and_read),
        attempted(dump),
        attempted(inspect(lambda session: check(session, silent))),
        attempted(inspect(lambda session: measure(session, silent))),
        attempted(lambda: Database.open(path).clone(":memory:copy")),
        attempted(lambda: Database.open(path).pack(0.0)),
    ]
    close_all()
    shutil.rmtree(folder, ignore_errors=True)
    back_up(path, folder, silent)
    restore(folder, folder / "restored.fs", silent)
    said.append(attempted(lambda: Database.open(folder / "restored.fs")))
    close_all()
    return said


@pytest.mark.parametrize("attack", SOME)
@pytest.mark.parametrize("place", range(len(PLACES)))
@pytest.mark.parametrize("oid", ["root", "leaf"])
def test_hostile_records(path: str, tmp_path: Path, proof: Path, attack: Attack, place: int, oid: str) -> None:
    session = new_session(Database.open(path))
    tree: Any = session.catalog.table("event").tree
    oids = {"root": z64, "leaf": tree.__getstate__()[1]._p_oid}
    session.close()
    close_all()
    put(path, oids[oid], PLACES[place](attack(proof)))
    said = everything(path, tmp_path / "backups")
    assert any(said), "somebody noticed"


@pytest.mark.parametrize("scheme", ["zconfig", "demo"])
@pytest.mark.parametrize("attack", SOME)
def test_hostile_records_in_other_storages(path: str, tmp_path: Path, proof: Path, attack: Attack, scheme: str) -> None:
    put(path, z64, in_state(PersistentMapping)(attack(proof)), attack(proof))
    Path(path + ".index").write_bytes(attack(proof))
    (tmp_path / "zodb.conf").write_text(f"<filestorage>\npath {path}\n</filestorage>\n")
    uri = f"zconfig://{tmp_path / 'zodb.conf'}" if scheme == "zconfig" else f"demo:(file://{path})/(memory://changes)"
    assert attempted(lambda: Database.open(uri))


def test_no_allowed_class_can_be_changed_or_made_to_call(proof: Path) -> None:
    """BUILD and REDUCE on every class of the list, as a hostile record may order."""
    before = {cls: dict(vars(cls)) for cls in ALLOWED.values()}
    reader = Reader()
    for module, name in ALLOWED:
        cls = f"c{module}\n{name}\n".encode()
        for state in (
            b"}Vget\nNsb",
            b"(N}Vget\nNstb",
            b"(NNtR",
            b"(tR",
            b"(Vx\ntR",
            b"(I1\ntR}Vx\nI1\nsb",
            b")\x81}Vx\nNsb",
        ):
            reader.attempt(b"\x80\x02" + cls + state + b".")
    after = {cls: dict(vars(cls)) for cls in ALLOWED.values()}
    for cls, attributes in before.items():
        caches = {"__slotnames__", "__implemented__", "__provides__", "__providedBy__"}
        assert {key: value for key, value in after[cls].items() if key not in caches} == {
            key: value for key, value in attributes.items() if key not in caches
        }, cls


HARMLESS = (
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    LookupError,
    SystemError,
    UnpicklingError,
    errors.Error,
)


class Reader:
    """Loads pickles as ZODB's reader of records does."""

    def attempt(self, pickled: bytes) -> None:
        from ZODB._compat import PersistentUnpickler

        def find(module: str, name: str) -> Any:
            return class_factory(None, module, name)

        unpickler = PersistentUnpickler(find, lambda reference: None, io.BytesIO(pickled))
        with suppress(*HARMLESS):
            unpickler.load()


def test_references_are_found_without_loading(proof: Path) -> None:
    for attack in ATTACKS:
        for place in PLACES:
            data = place(attack(proof))
            with suppress(AssertionError, UnpicklingError, ValueError, TypeError, AttributeError, IndexError):
                referencesf(data)


# --- the index file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", SOME)
def test_hostile_index_files(path: str, tmp_path: Path, proof: Path, attack: Attack) -> None:
    size = Path(path).stat().st_size
    payload = attack(proof)
    for content in (
        payload,
        pickle.dumps(size, 3) + payload,
        pickle.dumps(size, 3) + pickle.dumps((b"\0" * 6, b""), 3),
    ):
        Path(path + ".index").write_bytes(content)
        assert len(rows(Database.open(path), "event")) == 100
        assert len(rows(Database.open(path, read_only=True), "event")) == 100
        close_all()
        Path(path + ".index").write_bytes(content)
        assert not any(everything(path, tmp_path / "backups"))


# --- the metadata of transactions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", SOME)
def test_hostile_metadata(
    path: str, tmp_path: Path, proof: Path, attack: Attack, caplog: pytest.LogCaptureFixture
) -> None:
    storage = FileStorage(path)
    root = storage.load(z64)[0]
    storage.close()
    put(path, z64, root, attack(proof))
    for make in (lambda: open_storage(locate(path), Options()), lambda: FileStorage(path)):
        storage = make()
        assert storage.history(z64)[0]["user_name"] == b"eve"
        assert storage.undoLog()[0]["description"] == b"a change"
        for each in storage.iterator():
            assert isinstance(each.extension, dict)
        storage.close()
    assert "was not loaded" in caplog.text
    assert not any(everything(path, tmp_path / "backups"))


def test_harmless_metadata_is_loaded(path: str) -> None:
    storage = open_storage(locate(path), Options())
    metadata = TransactionMetaData("ada", "note", {"request": "/books/", "rows": 3})
    storage.tpc_begin(metadata)
    storage.tpc_vote(metadata)
    storage.tpc_finish(metadata)
    assert storage.undoLog()[0]["request"] == "/books/"
    assert next(reversed(list(storage.iterator()))).extension == {"request": "/books/", "rows": 3}
    storage.close()


# --- ZEO --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(path: str) -> Iterator[Server]:
    """What ``runzeo`` runs, in this process: so that code would run here, too."""
    running = Server(open_storage(locate(path), Options()), ("127.0.0.1", 0))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    yield running
    running.stop()
    thread.join(10)


@pytest.fixture
def eve(server: Server) -> Iterator[ClientStorage]:
    """A client that sends what it likes."""
    client = ClientStorage(server.address, wait_timeout=10, cache_size=1)
    yield client
    client.close()


def commit_as(client: ClientStorage, oid: bytes, serial: bytes, data: bytes, extension: bytes = b"") -> None:
    metadata = TransactionMetaData("eve", "a change", extension)
    client.tpc_begin(metadata)
    try:
        client.store(oid, serial, sealed(oid, data), "", metadata)
        client.tpc_vote(metadata)
        client.tpc_finish(metadata)
    except BaseException:
        client.tpc_abort(metadata)
        raise


@pytest.mark.parametrize("attack", SOME)
def test_a_hostile_client(path: str, server: Server, eve: ClientStorage, proof: Path, attack: Attack) -> None:
    payload = in_state(PersistentMapping)(attack(proof))
    data, serial = eve.load(z64)
    with pytest.raises(ConflictError):  # two states to be merged, by the method of the class that they name
        commit_as(eve, z64, p64(1), payload)
    with pytest.raises(ConflictError):
        commit_as(eve, z64, p64(1), as_class(attack(proof)))
    commit_as(eve, z64, serial, data, attack(proof))
    assert eve.history(z64)[0]["user_name"] in (b"eve", "eve")
    assert eve.undoLog(0, -10)
    eve.pack()
    database = Database.open(None, *server.address)
    assert len(rows(database, "event")) == 100
    commit_as(eve, z64, eve.load(z64)[1], payload, attack(proof))
    with dbapi.connect(None, *server.address) as connection:
        assert "tampered with" in attempted(lambda: connection.execute("SELECT * FROM event"))
    with pytest.raises(ClientDisconnected, match="Connection lost"):
        eve._call("history", z64, Call(eval, f"open({str(proof)!r}, 'w')"))


def test_a_hostile_server_names_no_class(proof: Path) -> None:
    from ZEO.asyncio import marshal

    from django_zodb.storage import client

    assert marshal.find_global is client.find_class
    for attack in ATTACKS:
        with pytest.raises((UnpicklingError, ValueError)):
            marshal.pickle_decode(attack(proof))


# --- what may be read by whom -----------------------------------------------------------------------------------------


def test_all_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    mask = os.umask(0o022)
    try:
        database = Database.open(str(folder / "Data.fs"), blob_dir=str(folder / "blobs"))
        session = new_session(database)
        session.catalog.create_table(EVENT)
        insert(session, "event", 1, 1, "x")
        session.commit()
        session.close()
        close_all()
        database = Database.open(str(folder / "Data.fs"), blob_dir=str(folder / "blobs"))
        database.pack(0.0)
        close_all()
    finally:
        os.umask(mask)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir() if each.is_file()}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE((folder / "blobs").stat().st_mode) == 0o700


def test_nothing_here_starts_a_process(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second net: whatever is read, no function is called that a payload would need."""

    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process was started")

    payload = by_system(tmp_path / "x")
    monkeypatch.setattr(os, "system", fail)
    monkeypatch.setattr(subprocess.Popen, "__init__", fail)
    put(path, z64, in_state(PersistentMapping)(payload), payload)
    assert any(everything(path, tmp_path / "backups"))
