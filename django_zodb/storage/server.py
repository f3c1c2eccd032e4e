"""A ZEO server for one database: the same careful storage as the engine opens, behind a stricter door.

ZEO's own server would unpickle any builtin that a client names, and so run what a hostile client wants; here messages
hold plain values only. The storage neither resolves conflicts nor loads any class that a record names.

A file that is served may be used by other processes too: the server is one more process that has it open. What they
commit is looked for when a client begins a transaction, and some times a second for the others.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from ZEO.asyncio.server import Acceptor, Delay, Result, ServerProtocol
from ZEO.StorageServer import StorageServer, ZEOStorage
from ZODB.POSException import POSError, ReadOnlyError, StorageError
from zodbpickle import binary
from zodbpickle.pickle import Unpickler, UnpicklingError

from ..clock import clock
from ..errors import Error, LockTimeoutError, OperationalError
from .identity import identity_at
from .locking import CommitLock
from .precedence import FEATURE, Precedence

logger = logging.getLogger("django_zodb.server")

_LOOK_S = 0.05
_RETRY_S = 0.002

Address = str | tuple[str, int]
"""The path of a Unix socket, or host and port."""


class _MessageUnpickler(Unpickler):  # type: ignore[misc]
    """Loads what ZEO's clients send: builtin values and zodbpickle's bytes."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("zodbpickle", "binary"):
            return binary
        raise UnpicklingError(f"a ZEO message holds no {module}.{name}")


class _Protocol(ServerProtocol):  # type: ignore[misc]
    """ZEO's protocol, reading messages with ``_MessageUnpickler``."""

    def finish_connection(self, protocol_version: bytes) -> None:
        super().finish_connection(protocol_version)
        if protocol_version[:1] == b"Z":
            self.decode = lambda message: _MessageUnpickler(BytesIO(message)).load()

    def close(self) -> None:
        """As ZEO, which forgets the transaction of a client that it sends away: others would wait for ever."""
        client = None if self.closed else self.zeo_storage
        super().close()
        if client is not None:
            client.notify_disconnected()

    def message_received(self, message: bytes) -> None:
        self.zeo_storage.heard = clock.monotonic()
        super().message_received(message)

    def connection_lost(self, exc: Exception | None) -> None:
        # A client that was killed is none of the server's errors, and would be logged as one.
        super().connection_lost(None if isinstance(exc, ConnectionError) else exc)


class _Acceptor(Acceptor):  # type: ignore[misc]
    """ZEO's acceptor with our protocol."""

    event_loop: Any = None

    def __init__(self, *arguments: Any) -> None:
        try:
            super().__init__(*arguments)
        except BaseException:
            if self.event_loop is not None:
                self.event_loop.close()  # or Python does when it ends, when what that takes may be gone
            raise

    def factory(self) -> _Protocol:
        handler = self.storage_server.create_client_handler()
        return _Protocol(self.event_loop, self.addr, handler, self.msgpack)


class _Client(ZEOStorage):  # type: ignore[misc]
    """What the server does for one client, on a storage that others write too."""

    heard = 0.0

    def setup_delegation(self) -> None:
        """As ZEO; clients of this package may ask for precedence, too."""
        super().setup_delegation()
        self.connection.methods = self.connection.methods | {"take_precedence", "end_precedence"}

    def get_info(self) -> dict[str, Any]:
        """As ZEO, and that there is precedence."""
        return {**super().get_info(), FEATURE: True}

    @property
    def _precedence(self) -> Precedence:
        return self.server.precedence[self.storage_id]  # type: ignore[no-any-return]

    def take_precedence(self, wait_s: float) -> Delay:
        """Let nobody else vote, as soon as nobody is about to finish; the answer is False if that takes too long."""
        if self.read_only:
            raise ReadOnlyError
        answer = Delay()
        self._try_to_precede(answer, clock.monotonic() + float(wait_s))
        return answer

    def _try_to_precede(self, answer: Delay, deadline: float) -> None:
        if not self.connected:
            return
        busy = self.lock_manager.locked is not None or bool(self.lock_manager.waiting)
        granted = self._precedence.take(self, busy)
        if granted or clock.monotonic() >= deadline:
            if not granted:
                self._precedence.end(self)
            self.call_soon_threadsafe(answer.reply, granted)
        else:
            self._later(self._try_to_precede, answer, deadline)

    def end_precedence(self) -> None:
        """Let others vote again."""
        self._precedence.end(self)

    def _later(self, call: Callable[..., None], *arguments: Any) -> None:
        self.server.acceptor.event_loop.call_later(_RETRY_S, call, *arguments)

    def register(self, storage_id: str, read_only: bool) -> Any:
        """As ZEO, with the newest state."""
        follow(self.server.storages.get(storage_id))
        return super().register(storage_id, read_only)

    def ping(self) -> Delay:
        """A client begins a transaction: it hears what was committed, and then gets the answer."""
        follow(self.storage)
        answer = Delay()
        self.call_soon_threadsafe(answer.reply, None)  # behind what ``follow`` has sent off
        return answer

    def vote(self, tid: int) -> Any:
        """As ZEO; while it has to wait, for precedence or another process's commit lock, other clients are served."""
        lock = self.server.commit_locks[self.storage_id]
        answer = Delay()
        self._try_to_vote(tid, lock, answer, clock.monotonic() + lock.timeout_s)
        return answer

    def _try_to_vote(self, tid: int, lock: CommitLock, answer: Delay, deadline: float) -> None:
        """Vote if nobody comes first and the lock is free now, else later."""
        if not self.connected or self.transaction is None:
            return
        if not (self._precedence.admits(self) and _is_free(lock)):
            if clock.monotonic() < deadline:
                self._later(self._try_to_vote, tid, lock, answer, deadline)
            else:
                self._clear_transaction()
                self._refuse(answer, StorageError(str(lock.timed_out("process"))))
            return
        try:
            result = super().vote(tid)
        except Exception as error:
            self._refuse(answer, error)
        else:
            if isinstance(result, Delay):  # another client of this server comes first
                self.call_soon_threadsafe(lambda: result.set_sender(answer.msgid, answer.protocol))
            else:
                self.call_soon_threadsafe(answer.reply, result)
        finally:
            lock.release()  # who votes has taken it once more

    def _refuse(self, answer: Delay, error: Exception) -> None:
        self.call_soon_threadsafe(answer.error, (type(error), error, error.__traceback__))

    def _vote(self, delay: Any = None) -> Any:
        try:
            return super()._vote(delay)
        except Error as error:  # a class that clients do not know
            raise StorageError(str(error)) from error

    def tpc_finish(self, id: int) -> Result | None:
        """As ZEO, whose answer would be the newest transaction id: that may be another process's already."""
        if not self._check_tid(id):
            return None
        self.stats.commits += 1
        tid = self.storage.tpc_finish(self.transaction, self._invalidate)
        self.async_("info", self.get_size_info())
        return Result(tid, self._clear_transaction)


def _is_free(lock: CommitLock) -> bool:
    """Take the lock if that needs no waiting."""
    try:
        return lock.acquire(0.0)
    except LockTimeoutError:
        return False


class _StorageServer(StorageServer):  # type: ignore[misc]
    """ZEO's server with such clients."""

    def __init__(self, address: Address, storages: dict[str, Any], longest_commit_s: int, **options: Any) -> None:
        self.precedence = {name: Precedence(longest_commit_s) for name in storages}
        self.commit_locks = {name: _commit_lock(storage, longest_commit_s) for name, storage in storages.items()}
        super().__init__(address, storages, transaction_timeout=longest_commit_s, **options)

    def create_client_handler(self) -> _Client:
        """As ZEO; called for each connection."""
        return _Client(self, self.read_only)


def _commit_lock(storage: Any, longest_commit_s: int) -> CommitLock:
    """What other processes lock a file by while they commit; a lock of its own for any other storage."""
    lock = getattr(storage, "_commit_lock", None)
    return lock if isinstance(lock, CommitLock) else CommitLock(storage.getName(), longest_commit_s)


def follow(storage: Any) -> None:
    """Have the storage look for what others committed, if it can."""
    sync = getattr(storage, "sync", None)
    if sync is not None:
        sync()


class Server:
    """Serves ``storage`` at ``address`` from the moment it is made; ``run`` does the work, ``stop`` ends it.

    A client that votes for a commit and then says nothing for ``longest_commit_s`` is sent away: others wait for it.
    Owns the storage: it is closed, and the index of a file saved, when ``run`` returns.
    """

    def __init__(
        self,
        storage: Any,
        address: Address,
        name: str = "1",
        tls: ssl.SSLContext | None = None,
        longest_commit_s: int = 30,
    ) -> None:
        self._storage = storage
        try:
            _refuse_taken(address)
            self._server = _StorageServer(address, {name: storage}, longest_commit_s, ssl=tls, Acceptor=_Acceptor)
        except (OSError, OperationalError) as error:
            storage.close()
            if isinstance(error, OperationalError):
                raise
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else error.strerror or str(error)  # names' have numbers below 0
            raise OperationalError(f"cannot listen on {show(address)}: {reason}") from error
        self._acceptor = self._server.acceptor
        self.address: Address = address if isinstance(address, str) else self._acceptor.addr
        if isinstance(address, str):
            Path(address).chmod(0o600)
            self._socket = identity_at(address)

    def run(self) -> None:
        """Serve until ``stop`` is called, then close the storage."""
        self._look()
        try:
            self._acceptor.loop()
        finally:
            self._storage.close()
            if isinstance(self.address, str):
                self._remove_socket(self.address)

    def _remove_socket(self, path: str) -> None:
        """Remove the socket, unless another server has put its own there meanwhile."""
        with suppress(FileNotFoundError):
            if identity_at(path) == self._socket:
                Path(path).unlink()

    def _look(self) -> None:
        """Look for what others committed, now and again."""
        if self._acceptor.closed:
            return
        try:
            follow(self._storage)
        except (Error, POSError, OSError) as error:
            logger.warning("%s: %s", self._storage.getName(), error)
        self._acceptor.event_loop.call_later(_LOOK_S, self._look)

    def stop(self) -> None:
        """Make ``run`` return; from any thread or signal handler, more than once if need be."""
        if not self._acceptor.closed:
            self._acceptor.event_loop.call_soon_threadsafe(self._server.close)


def _refuse_taken(address: Address) -> None:
    """OperationalError if a server listens on the Unix socket: it would go on, and nobody could reach it.

    What a server has left that was killed is free to take.
    """
    if not isinstance(address, str):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(address)
        except BlockingIOError:  # it answers nobody just now
            pass
        except OSError:
            return
    raise OperationalError(f"cannot listen on {address}: another server does. Stop that, or name another socket")


def show(address: Address) -> str:
    """The address as messages write it."""
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


def is_local(address: Address) -> bool:
    """Whether only this machine can reach the address: a Unix socket or a loopback host."""
    if isinstance(address, str) or address[0] == "localhost":
        return True
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return False
