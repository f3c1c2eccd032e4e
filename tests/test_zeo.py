"""Clients and servers that are killed, stopped, cut off and stormed: no hang, nothing lost, nothing twice."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sites import free_port
from test_sessions import PARENT, insert, new_session
from ZEO.cache import ClientCache
from ZEO.Exceptions import ClientDisconnected

from django_zodb import errors
from django_zodb.storage.database import Database, close_all
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import Options
from django_zodb.storage.server import Server
from django_zodb.storage.session import Session

ROOT = Path(__file__).parent.parent
torture = pytest.mark.torture
SERVER = """
import signal, sys
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import Options
from django_zodb.storage.server import Server
path, port, read_only, longest = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True", int(sys.argv[4])
storage = open_storage(locate(path), Options(read_only=read_only))
server = Server(storage, ("127.0.0.1", port), longest_commit_s=longest)
signal.signal(signal.SIGTERM, lambda *_: server.stop())
print("serving", flush=True)
server.run()
"""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


class Served:
    """A server process for a file, which can be ended and started again at the same port."""

    def __init__(self, path: str, port: int = 0, read_only: bool = False, longest: int = 30) -> None:
        self.port = port or free_port()
        self._arguments = [path, str(self.port), str(read_only), str(longest)]
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-W", "ignore", "-c", SERVER, *self._arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "serving\n"

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def session(self, **options: Any) -> Session:
        return client(self.port, **options)


def client(port: int, timeout: float = 1.0, **options: Any) -> Session:
    return new_session(Database.open(None, "127.0.0.1", port, timeout=timeout, **options))


@pytest.fixture
def path(tmp_path: Path) -> str:
    name = str(tmp_path / "Data.fs")
    session = new_session(Database.open(name))
    session.catalog.create_table(PARENT)
    insert(session, "parent", "first")
    session.commit()
    close_all()
    return name


@pytest.fixture
def served(path: str) -> Iterator[Served]:
    server = Served(path)
    yield server
    close_all()
    server.kill()


def names(session: Session) -> list[str]:
    session.rollback()
    return [row[1] for row in session.catalog.table("parent").rows()]


def add(session: Session, name: str) -> None:
    insert(session, "parent", name)
    session.commit()


def eventually(work: Callable[[], Any], limit_s: float = 20.0) -> Any:
    """What the work returns as soon as it raises no OperationalError any more."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            return work()
        except errors.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class Proxy:
    """A relay to a port that can be cut, or told to cut when a message has passed but not its answer."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut_after = b""
        self._pairs: list[socket.socket] = []
        self._muted = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._muted = False
                self._pairs += [peer, server]
                threading.Thread(target=self._relay, args=(peer, server, True), daemon=True).start()
                threading.Thread(target=self._relay, args=(server, peer, False), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, to_server: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if to_server and self.cut_after and self.cut_after in data:
                    self._muted = True
                    target.sendall(data)
                    time.sleep(0.3)  # let the server do it
                    self.cut_after = b""
                    self.cut()
                    return
                if to_server or not self._muted:
                    target.sendall(data)
        self._end(source, target)  # no other: a client that has waited for too long has made a new one meanwhile

    def cut(self) -> None:
        """End all connections at once, in the middle of whatever passes."""
        pairs, self._pairs = self._pairs, []
        self._end(*pairs)

    @staticmethod
    def _end(*connections: socket.socket) -> None:
        for each in connections:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@pytest.fixture
def proxy(served: Served) -> Iterator[Proxy]:
    relay = Proxy(served.port)
    yield relay
    close_all()
    relay.close()


def test_what_the_cache_on_disk_had(served: Served) -> None:
    session = served.session()
    names(session)
    before = session.database.stats()
    assert before["client_cache_misses"] > 0
    session.rollback()
    session.zodb_connection.cacheMinimize()
    names(session)
    after = session.database.stats()
    assert after["client_cache_hits"] > before["client_cache_hits"]
    assert after["client_cache_misses"] == before["client_cache_misses"]


# --- servers that go and come -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=torture)])
def test_work_goes_on_after_a_restart(served: Served, number: signal.Signals) -> None:
    session = served.session()
    add(session, "second")
    served.kill(number)
    started = time.monotonic()
    with pytest.raises(errors.OperationalError, match="server"):
        add(session, "lost")
    assert time.monotonic() - started < 4
    served.start()
    eventually(lambda: add(session, "third"))
    assert names(session) == ["first", "second", "third"]
    assert names(new_session(session.database)) == ["first", "second", "third"]


def test_a_server_that_is_stopped_is_given_up(served: Served) -> None:
    session = served.session()
    add(session, "second")
    served.process.send_signal(signal.SIGSTOP)
    for work in (lambda: add(session, "lost"), lambda: names(session), lambda: add(session, "lost")):
        started = time.monotonic()
        with pytest.raises(errors.OperationalError, match="server"):
            work()
        assert time.monotonic() - started < 4, "the time-out is 1 s for a connection and 1 s for an answer"
    served.process.send_signal(signal.SIGCONT)
    eventually(lambda: add(session, "third"))
    assert names(session) == ["first", "second", "third"]


@torture
def test_a_stopped_server_cannot_be_opened(served: Served) -> None:
    served.process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(errors.OperationalError, match="says nothing within"):
        served.session()
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=torture)])
def test_a_server_that_goes_between_vote_and_finish(
    served: Served, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = served.session()
    add(session, "second")
    storage = type(session.database._storage)
    original = storage.tpc_finish

    def finish(self: Any, *arguments: Any) -> Any:
        served.process.send_signal(number)
        if number == signal.SIGKILL:
            served.process.wait()
        return original(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(storage, "tpc_finish", finish)
        started = time.monotonic()
        with pytest.raises(errors.OutcomeUnknownError, match="not known whether"):
            add(session, "unknown")
        assert time.monotonic() - started < 4
    served.kill()
    served.start()
    eventually(lambda: add(session, "third"))
    found = names(session)
    assert found in (["first", "second", "third"], ["first", "second", "unknown", "third"])
    assert number != signal.SIGKILL or "unknown" not in found, "nobody had told the server to finish"


# --- connections that are cut -----------------------------------------------------------------------------------------


def test_a_commit_whose_answer_is_lost(proxy: Proxy) -> None:
    session = client(proxy.port)
    add(session, "second")
    proxy.cut_after = b"tpc_finish"
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        add(session, "unknown")
    assert caught.value.retryable is False
    eventually(lambda: add(session, "third"))
    assert names(session) == ["first", "second", "unknown", "third"], "it was committed, once"


def test_a_connection_that_is_lost_while_it_is_written_to(served: Served) -> None:
    """asyncio's transports of some versions of Python then call what is None, or drop what is written."""
    session = served.session()
    assert names(session) == ["first"]
    server = session.database._storage._server
    transport = server.client.protocol.sm_protocol.transport

    def seems_lost(yes: bool) -> None:
        transport._conn_lost, transport._write_ready = yes, None
        done.set()

    done = threading.Event()
    server.loop.call_soon_threadsafe(seems_lost, True)
    assert done.wait(10)
    with pytest.raises(errors.OperationalError) as caught:
        names(session)
    assert isinstance(caught.value.__cause__, ClientDisconnected)
    server.loop.call_soon_threadsafe(seems_lost, False)
    server.loop.call_soon_threadsafe(transport.abort)
    assert eventually(lambda: names(session)) == ["first"]


@pytest.mark.parametrize("cached", [False, True])
def test_a_session_whose_first_snapshot_fails_goes_on(served: Served, cached: bool) -> None:
    """Also one that had a connection of what was there before."""
    database = served.session().database
    session = served.session()
    if cached:
        assert names(session) == ["first"]
        session.rollback()
        database._drop()
        served.session().begin()
    served.kill()
    for _ in range(3):
        with pytest.raises(errors.OperationalError, match="connection to the ZEO server is lost"):
            names(session)
    assert database.stats()["connections"] <= 2, "it was given back"
    served.start()
    assert eventually(lambda: names(session)) == ["first"]
    add(session, "second")
    assert names(session) == ["first", "second"]


@pytest.mark.parametrize(
    "message", [b"vote", *(pytest.param(each, marks=torture) for each in (b"tpc_begin", b"storea"))]
)
def test_a_commit_that_is_cut_before(proxy: Proxy, message: bytes) -> None:
    session = client(proxy.port)
    add(session, "second")
    proxy.cut_after = message
    with pytest.raises(errors.OperationalError) as caught:
        add(session, "lost")
    assert not isinstance(caught.value, errors.OutcomeUnknownError)
    eventually(lambda: add(session, "third"))
    assert names(session) == ["first", "second", "third"]


@torture
def test_connections_cut_at_any_time_lose_nothing(proxy: Proxy) -> None:
    session = client(proxy.port)
    ended = threading.Event()

    def cut() -> None:
        while not ended.wait(0.05):
            proxy.cut()

    thread = threading.Thread(target=cut)
    thread.start()
    sure, unknown = [], []
    for number in range(25):
        try:
            add(session, f"row {number}")
            sure.append(f"row {number}")
        except errors.OutcomeUnknownError:
            unknown.append(f"row {number}")
        except (errors.OperationalError, ClientDisconnected):  # what a read raises is made ours by the driver
            with suppress(errors.OperationalError):
                session.rollback()
    ended.set()
    thread.join()
    found = eventually(lambda: names(session))
    assert len(found) == len(set(found)), "nothing twice"
    assert set(sure) <= set(found), "nothing lost"
    assert set(found) <= {"first", *sure, *unknown}, "nothing that was told as failed"


def test_a_client_that_stops_in_its_commit_is_sent_away(path: str) -> None:
    served = Served(path, longest=1)
    try:
        session, stuck = served.session(timeout=5), served.session(timeout=5)
        ready, go = threading.Event(), threading.Event()
        original = stuck.database._storage.tpc_finish

        def finish(*arguments: Any) -> Any:
            if not ready.is_set():
                ready.set()
                go.wait(20)
            return original(*arguments)

        stuck.database._storage.tpc_finish = finish
        failures: list[BaseException] = []

        def commit() -> None:
            try:
                add(stuck, "stuck")
            except errors.OperationalError as error:
                failures.append(error)

        thread = threading.Thread(target=commit)
        thread.start()
        ready.wait(20)
        other = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", OTHER, str(served.port)], cwd=ROOT, capture_output=True, text=True
        )
        assert other.stdout == "committed\n", other.stderr
        go.set()
        thread.join()
        assert [type(error) for error in failures] == [errors.OutcomeUnknownError]
        found = eventually(lambda: names(session))
        assert found == ["first", "other"]
    finally:
        close_all()
        served.kill()


OTHER = """
import sys
from django_zodb import dbapi
connection = dbapi.connect(None, "127.0.0.1", sys.argv[1], timeout=10.0, autocommit=True)
connection.execute("INSERT INTO parent (name) VALUES ('other')")
print("committed")
"""


@torture
def test_storms_of_connections(served: Served) -> None:
    session = served.session()
    for number in range(150):
        peer = socket.create_connection(("127.0.0.1", served.port), timeout=5)
        if number % 3 == 1:
            peer.sendall(b"\0\0\0\2Z5" + b"\0\0\0\5half")
        elif number % 3 == 2:
            peer.sendall(os.urandom(64))
        peer.close()
    add(session, "second")
    assert names(session) == ["first", "second"]
    assert served.process.poll() is None


# --- several servers --------------------------------------------------------------------------------------------------


def test_addresses() -> None:
    assert locate("", "a,b", "1,2").addresses == (("a", 1), ("b", 2))
    assert locate("", "a, b", 7).addresses == (("a", 7), ("b", 7))
    assert locate("", "/run/zeo", None).addresses == ("/run/zeo",)
    assert str(locate("", "a,b", 7)) == "ZEO server a:7, b:7"
    with pytest.raises(errors.OperationalError, match="3 servers, and PORT 2"):
        locate("", "a,b,c", "1,2")


def test_the_first_server_that_answers(served: Served) -> None:
    dead = free_port()
    database = Database.open(None, "127.0.0.1,127.0.0.1", f"{dead},{served.port}", timeout=2.0)
    session = new_session(database)
    add(session, "second")
    assert names(session) == ["first", "second"]
    with pytest.raises(errors.OperationalError, match=rf"{dead}: Connection refused.*; no ZEO server answers"):
        Database.open(None, "127.0.0.1,127.0.0.1", f"{dead},{free_port()}", timeout=2.0)


@torture
def test_a_server_that_only_reads_is_a_fallback(served: Served, path: str) -> None:
    ports = f"{served.port},{free_port()}"
    database = Database.open(None, "127.0.0.1,127.0.0.1", ports, timeout=2.0, read_only_fallback=True)
    session = new_session(database)
    add(session, "second")
    reader = Served(path, int(ports.partition(",")[2]), read_only=True)
    try:
        served.kill(signal.SIGTERM)
        assert eventually(lambda: names(session)) == ["first", "second"]
        with pytest.raises(errors.OperationalError, match="read-only"):
            add(session, "lost")
        served.start()
        eventually(lambda: add(session, "third"), limit_s=40)
        assert names(session) == ["first", "second", "third"]
    finally:
        close_all()
        reader.kill()


# --- the cache on disk ------------------------------------------------------------------------------------------------


def test_a_cache_outlives_the_process(served: Served, tmp_path: Path) -> None:
    prefix = str(tmp_path / "caches" / "site")
    session = served.session(client_cache=prefix)
    add(session, "second")
    session.close()
    close_all()
    file = Path(f"{prefix}-1.zec")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert b"second" in file.read_bytes()
    other = served.session()
    add(other, "third")
    other.close()
    close_all()
    session = served.session(client_cache=prefix)
    assert names(session) == ["first", "second", "third"], "what others have changed is not taken from the cache"
    assert session.database._storage._cache.path == str(file)


@torture
def test_one_process_has_the_cache_on_disk(served: Served, tmp_path: Path) -> None:
    prefix = str(tmp_path / "site")
    session = served.session(client_cache=prefix)
    code = f"""
import sys
from django_zodb import dbapi
connection = dbapi.connect(None, "127.0.0.1", {served.port}, client_cache={prefix!r})
print(connection.execute("SELECT name FROM parent").fetchall())
"""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == "[('first',)]\n", run.stderr
    assert names(session) == ["first"]


@torture
def test_a_cache_that_makes_no_sense_is_begun_anew(served: Served, tmp_path: Path) -> None:
    prefix = str(tmp_path / "site")
    Path(f"{prefix}-1.zec").write_bytes(b"no cache at all" * 100)
    session = served.session(client_cache=prefix)
    assert names(session) == ["first"]


def test_a_new_cache_is_not_called_bad(served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    session = served.session(client_cache=str(tmp_path / "site"))
    assert names(session) == ["first"]
    session.close()
    close_all()
    assert sorted(each.name for each in tmp_path.glob("site*")) == ["site-1.zec", "site-1.zec.lock"]
    assert "bad cache" not in caplog.text


class FullFile:
    """A file on a disk that is full."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, _: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("kept", [True, False])
def test_a_cache_whose_disk_is_full_keeps_nobody_from_work(
    served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: bool
) -> None:
    """A commit that the server has finished is done, and what follows it is seen."""
    prefix = str(tmp_path / "site") if kept else None
    session, other = served.session(client_cache=prefix), served.session()
    add(session, "second")
    cache = session.database._storage._cache
    cache.f = FullFile(cache.f)
    add(session, "third")
    add(session, "fourth")
    session.zodb_connection.cacheMinimize()
    assert names(session) == names(other) == ["first", "second", "third", "fourth"]
    assert caplog.text.count("No space left on device): this process goes on without one") == 1
    session.close()
    close_all()
    assert not Path(f"{prefix}-1.zec").exists(), "it was half written"
    session = served.session(client_cache=prefix)
    assert names(session) == ["first", "second", "third", "fourth"]
    assert not session.database._storage._cache.failed


def test_a_cache_for_which_there_is_no_room_from_the_beginning(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ClientCache, "_initfile", full)
        session = served.session()
    add(session, "second")
    session.zodb_connection.cacheMinimize()
    assert names(session) == ["first", "second"]


def test_a_damaged_cache_gives_no_wrong_row(served: Served, tmp_path: Path) -> None:
    prefix = str(tmp_path / "site")
    session = served.session(client_cache=prefix)
    for number in range(5):
        add(session, f"row {number} " + "x" * 200)
    expected = names(session)
    session.close()
    close_all()
    file = Path(f"{prefix}-1.zec")
    whole = file.read_bytes()
    used = len(whole.rstrip(b"\0"))
    outcomes = set()
    for seed in range(150 if os.environ.get("TORTURE") else 10):
        chance = random.Random(seed)
        damaged = bytearray(whole)
        at = chance.randrange(4, used) if seed else whole.index(b"row 3 xxx")
        length = chance.choice((1, 4, 60))
        damaged[at : at + length] = chance.randbytes(length)
        file.write_bytes(damaged)
        try:
            session = served.session(client_cache=prefix)
            assert names(session) == expected
            session.close()
            outcomes.add("right rows")
        except errors.OperationalError:
            outcomes.add("refused")
        close_all()
    assert "right rows" in outcomes


@torture
def test_without_server_sync(served: Served) -> None:
    session = served.session(server_sync=False)
    add(session, "second")
    assert names(session) == ["first", "second"], "one always sees what one has committed"


def test_a_server_that_cannot_listen_leaves_nothing_open(tmp_path: Path) -> None:
    """What it had opened is closed at once: not by Python as it ends, which complains in any order."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(errors.OperationalError, match="cannot listen on /nowhere/zeo: No such file or directory"):
            Server(open_storage(locate(str(tmp_path / "Data.fs")), Options()), "/nowhere/zeo")
        gc.collect()
    assert [str(warning.message) for warning in warned] == []


def test_a_unix_socket_belongs_to_one_server(path: str, tmp_path: Path) -> None:
    """A second one would be reached instead of the first, and take the socket along when it ends."""
    address = str(tmp_path / "zeo")

    @contextmanager
    def serving() -> Iterator[None]:
        server = Server(open_storage(locate(path), Options()), address)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield
        finally:
            server.stop()
            thread.join()

    with ExitStack() as second:
        with serving():
            with pytest.raises(errors.OperationalError, match="zeo: another server does"):
                Server(open_storage(locate(path), Options()), address)
            assert Path(address).is_socket()
            Path(address).unlink()
            second.enter_context(serving())
        assert Path(address).is_socket(), "the first one has ended, and the second one has it now"
    assert not Path(address).exists()
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(address)
    with serving():
        assert Path(address).is_socket()


def test_a_host_that_is_unknown_is_called_so(path: str) -> None:
    with pytest.raises(errors.OperationalError, match=r"cannot listen on no.invalid:1: .*(known|resol|name|address)"):
        Server(open_storage(locate(path), Options()), ("no.invalid", 1))


def test_a_server_whose_disk_is_full_is_told_of_as_such(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    storage = open_storage(locate(path), Options())
    server = Server(storage, ("127.0.0.1", 0))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        session = client(server.address[1])  # type: ignore[arg-type]
        said = r"the disk is full \(No space left on device, on the server\): free some space, then try again"
        with monkeypatch.context() as patched:
            patched.setattr(storage, "_append", full)
            with pytest.raises(errors.OperationalError, match=said):
                add(session, "lost")
            patched.setattr(storage, "_begin_pack", full)
            with pytest.raises(errors.OperationalError, match=said):
                session.database.pack(time.time())
        add(session, "second")
        assert names(session) == ["first", "second"]
        close_all()
    finally:
        server.stop()
        thread.join()
