"""Where a database is (name, host, port → Location) and how its storage is opened, with one clear error each.

Nothing here modifies or recreates a file that it cannot read: a data file is created only where there is none.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import zodburi
from zc.lockfile import LockError
from ZConfig import ConfigurationError
from ZEO.Exceptions import ClientStorageError
from ZODB.DemoStorage import DemoStorage
from ZODB.POSException import POSError

from ..errors import OperationalError
from .classes import refuse_resolution
from .client import CarefulClientStorage
from .datafile import MAGIC, DataFile, create_file
from .memory import MemoryStorage
from .options import Options

MEMORY = ":memory:"
DEFAULT_PORT = 49275
ZODBURI_PORT = 9991  # what zodburi takes for "zeo://host"

# A scheme has two letters at least: "C:\\Data.fs" is a path.
_URI = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(//|\()")
_DEMO = re.compile(r"demo:\((?P<base>.*)\)/\((?P<changes>.*)\)$")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a database is. ``name`` is its identity: a real path, an address, a URI, or the name of a memory."""

    kind: Literal["memory", "file", "server", "uri"]
    name: str
    address: str | tuple[str, int] | None = None

    @property
    def exclusive(self) -> bool:
        """True where this process's sessions are the only writers."""
        return self.kind in ("memory", "file")

    def __str__(self) -> str:
        return self.name


def locate(name: str | os.PathLike[str] | None, host: str | None = None, port: int | str | None = None) -> Location:
    """The location that settings mean: ``:memory:…``, a URI, a path; with ``host`` or ``port`` a ZEO server."""
    if host or port:
        return _server_location(host or "127.0.0.1", port or DEFAULT_PORT)
    text = os.fspath(name) if name is not None else ""
    if not isinstance(text, str) or not text:
        raise OperationalError("the database has no name: NAME is a file path, ':memory:' or a URI such as 'zeo://…'")
    if text.startswith(MEMORY):
        return Location("memory", text)
    if text.startswith("memory://"):
        return Location("memory", MEMORY + text.removeprefix("memory://"))
    if text.startswith("file://"):
        return Location("file", os.path.realpath(unquote(_plain_uri_path(text))))
    if text.startswith("zeo://") and "?" not in text:
        parts = urlsplit(text)
        return _server_location(parts.hostname or parts.path or "127.0.0.1", parts.port or ZODBURI_PORT)
    if _URI.match(text):
        return Location("uri", text)
    return Location("file", os.path.realpath(text))


def _server_location(host: str, port: int | str) -> Location:
    if host.startswith("/"):
        return Location("server", f"ZEO server {host}", host)
    try:
        number = int(port)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise OperationalError(f"PORT must be a number from 1 to 65535, got {port!r}")
    return Location("server", f"ZEO server {host}:{number}", (host, number))


def _plain_uri_path(uri: str) -> str:
    path, _, query = uri.removeprefix("file://").partition("?")
    if query:
        raise OperationalError(f"{uri!r}: options of a file are given as OPTIONS, not in its URI: {query!r}")
    return path


def open_storage(location: Location, options: Options) -> Any:
    """The storage there, new or existing; OperationalError, saying what to do, where it cannot be opened."""
    match location.kind:
        case "memory":
            return MemoryStorage(location.name)
        case "file":
            return _open_file(location.name, options)
        case "server":
            assert location.address is not None
            return _open_server(location.address, options)
        case "uri":
            storage = _open_uri(location.name, options)
            _forbid_resolution(storage)
            return storage


# --- files ---------------------------------------------------------------------------------------------------------


def _open_file(path: str, options: Options) -> DataFile:
    with _explained(path):
        if not Path(path).exists():
            _create(path, options)
        _check_file(path, options)
        try:
            return DataFile(path, read_only=options.read_only, blob_dir=options.blob_dir)
        except LockError as error:
            raise OperationalError(
                f"{path} is in use by another process{_lock_holder(path)}. Stop that process, or let both be clients "
                f"of one server: `manage.py runzeo`, then set HOST and PORT"
            ) from error


def _create(path: str, options: Options) -> None:
    folder = Path(path).parent
    if not folder.is_dir():
        raise OperationalError(f"cannot create {path}: there is no folder {folder}. Create it, or correct NAME")
    if options.read_only or not options.create:
        raise OperationalError(f"there is no file {path}. Correct NAME, or create the database by `manage.py migrate`")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OperationalError(f"cannot create {path}: the folder {folder} is not writable for this user")
    create_file(path)


def _check_file(path: str, options: Options) -> None:
    """Look before opening: FileStorage would say less, and takes an empty file for a new database."""
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        raise OperationalError(f"{path} is a folder. NAME must be a file, for example {Path(path) / 'Data.fs'}")
    if not stat.S_ISREG(mode):
        raise OperationalError(f"{path} is no regular file. Correct NAME")
    if not os.access(path, os.R_OK):
        raise OperationalError(f"{path} is not readable for this user. Change its mode or owner, or correct NAME")
    if not options.read_only and not os.access(path, os.W_OK):
        raise OperationalError(
            f"{path} is not writable for this user. Change its mode or owner, or set the option read_only"
        )
    with Path(path).open("rb") as file:
        start = file.read(16)
    if len(start) < len(MAGIC):
        raise OperationalError(
            f"{path} is truncated: it has {len(start)} bytes. Restore it from a backup, or delete it to start anew"
        )
    if not start.startswith(MAGIC):
        what = "a SQLite database" if start.startswith(b"SQLite format") else "no ZODB file"
        raise OperationalError(f"{path} is {what} (it starts with {start[:8]!r}). Correct NAME; it was not changed")


def _lock_holder(path: str) -> str:
    try:
        words = Path(path + ".lock").read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" (process {words[0]})" if words and words[0].isdigit() else ""


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what the operating system or ZODB raises while ``name`` is opened into an OperationalError."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = " Free some space, then try again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise OperationalError(f"cannot open {name}: {reason}.{hint}") from error
    except POSError as error:
        raise OperationalError(
            f"cannot open {name}: {error}. The file is damaged: restore it from a backup, or save what is readable "
            f"with `python -m ZODB.fsrecover`"
        ) from error


# --- servers and URIs ----------------------------------------------------------------------------------------------


def _open_server(address: str | tuple[str, int], options: Options) -> CarefulClientStorage:
    shown = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
    tls = _tls_context(options)
    _probe(address, shown, options.timeout, tls is not None)
    try:
        return CarefulClientStorage(
            address,
            storage=options.storage,
            wait_timeout=options.timeout,
            read_only=options.read_only,
            blob_dir=options.blob_dir,
            server_sync=options.server_sync,
            ssl=tls,
        )
    except (ClientStorageError, POSError) as error:
        reason = f"no storage named {options.storage!r} in {options.timeout:g} s ({error or type(error).__name__})"
        raise _no_server(shown, reason) from error


def _probe(address: str | tuple[str, int], shown: str, timeout: float, tls: bool) -> None:
    """Fail at once where nobody listens or somebody else does: ClientStorage would try until its time is up."""
    try:
        with _connected(address, timeout) as probe:
            # A ZEO server speaks first: the length of its greeting, then the encoding and the version of its protocol.
            greeting = b"" if tls else probe.recv(16)
    except TimeoutError as error:
        raise _no_server(shown, f"it says nothing within {timeout:g} s") from error
    except OSError as error:
        raise OperationalError(
            f"no ZEO server answers at {shown}: {error.strerror or error}. Start one with `manage.py runzeo`, or "
            f"correct HOST and PORT"
        ) from error
    if not tls and greeting[4:5] not in (b"Z", b"M"):
        raise _no_server(shown, f"it says {greeting!r}")


def _connected(address: str | tuple[str, int], timeout: float) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout=timeout)
    probe = socket.socket(socket.AF_UNIX)
    probe.settimeout(timeout)
    try:
        probe.connect(address)
    except OSError:
        probe.close()
        raise
    return probe


def _no_server(shown: str, reason: str) -> OperationalError:
    return OperationalError(
        f"what listens at {shown} does not answer as a ZEO server: {reason}. Check HOST, PORT and the TLS options"
    )


def _tls_context(options: Options) -> ssl.SSLContext | None:
    if not options.tls_ca and not options.tls_certificate:
        return None
    try:
        context = ssl.create_default_context(cafile=options.tls_ca)
        if options.tls_certificate:
            context.load_cert_chain(options.tls_certificate, options.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise OperationalError(f"cannot read the TLS files of the database options: {error}") from error
    return context


def _open_uri(uri: str, options: Options) -> Any:
    """Any storage that zodburi knows; a file in it is opened by our own, careful means where we can."""
    demo = _DEMO.match(uri)
    if demo:
        base = open_storage(locate(demo["base"]), options)
        return DemoStorage(base=base, changes=open_storage(locate(demo["changes"]), options))
    if "connection_" in uri.partition("?")[2]:
        raise OperationalError(f"{uri!r}: the sizes of caches and pools belong into OPTIONS, not into the URI")
    with _explained(uri):
        try:
            factory, _ = zodburi.resolve_uri(uri)
        except ConfigurationError as error:
            raise OperationalError(f"cannot open {uri}: {error}") from error
        except (KeyError, ValueError) as error:
            raise OperationalError(f"the database URI {uri!r} is not understood: {error}") from error
        try:
            return factory()
        except LockError as error:
            raise OperationalError(f"{uri} is in use by another process") from error
        except (ClientStorageError, TypeError, ValueError) as error:
            raise OperationalError(f"cannot open {uri}: {error or type(error).__name__}") from error


def _forbid_resolution(storage: Any) -> None:
    """No storage may import the classes that records name in order to merge them; see ``classes``."""
    for part in (storage, getattr(storage, "base", None), getattr(storage, "changes", None)):
        if part is not None and hasattr(part, "tryToResolveConflict"):
            part.tryToResolveConflict = refuse_resolution
