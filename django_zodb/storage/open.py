"""Where a database is (name, host, port → Location) and how its storage is opened, with one clear error each.

Nothing here modifies or recreates a file that it cannot read: a data file is created only where there is none.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from ZODB.FileStorage.format import CorruptedError
from ZODB.POSException import POSError

from ..errors import OperationalError
from ..record import record
from .autopack import AutoPack
from .datafile import MAGIC, DataFile, create_file
from .hardening import harden
from .memory import MemoryStorage
from .network import network_type
from .options import Options

logger = logging.getLogger("django_zodb")

MEMORY = ":memory:"
DEFAULT_PORT = 49275
ZODBURI_PORT = 9991  # what zodburi takes for "zeo://host"

# A scheme has two letters at least: "C:\\Data.fs" is a path.
_URI = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(//|\()")


@record
class Location:
    """Where a database is. ``name`` is its identity: a real path, an address, a URI, or the name of a memory."""

    kind: Literal["memory", "file", "server", "uri"]
    name: str
    addresses: tuple[str | tuple[str, int], ...] = ()

    @property
    def ordered(self) -> bool:
        """True where one commit lock orders the commits of everybody, so that nothing comes between."""
        return self.kind in ("memory", "file")

    def __str__(self) -> str:
        return self.name


def locate(name: str | os.PathLike[str] | None, host: str | None = None, port: int | str | None = None) -> Location:
    """The location that settings mean: ``:memory:…``, a URI, a path; with ``host`` or ``port`` a ZEO server.

    OperationalError for what makes no sense.
    """
    if host or port:
        return _server_location(host or "127.0.0.1", port or DEFAULT_PORT)
    text = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(text, str) or not text:
        raise OperationalError(
            f"the database has no name: NAME is a file path, ':memory:' or a URI such as 'zeo://…', and not {name!r}"
        )
    try:
        return _named_location(text)
    except ValueError as error:
        raise OperationalError(f"NAME is not understood: {error}, in {text!r}") from error


def _named_location(text: str) -> Location:
    """The location that NAME means; ValueError of Python's own for a URL, or a path, that it does not take."""
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
    """Hosts and ports may each be several, separated by commas; one port may be that of all hosts."""
    if not isinstance(host, str):
        raise OperationalError(f"HOST must be a text, of several hosts separated by commas, got {host!r}")
    hosts = [each.strip() for each in host.split(",")]
    ports = [each.strip() for each in str(port).split(",")]
    if len(ports) not in (1, len(hosts)):
        raise OperationalError(
            f"HOST names {len(hosts)} servers, and PORT {len(ports)}: give one port each, or one for all"
        )
    numbers = [_port(each) for each in ports] * (len(hosts) if len(ports) == 1 else 1)
    addresses = tuple(
        each if each.startswith("/") else (each, number) for each, number in zip(hosts, numbers, strict=True)
    )
    shown = ", ".join(each if isinstance(each, str) else f"{each[0]}:{each[1]}" for each in addresses)
    return Location("server", f"ZEO server {shown}", addresses)


def _port(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise OperationalError(f"PORT must be a number from 1 to 65535, got {text!r}")
    return number


def _plain_uri_path(uri: str) -> str:
    path, _, query = uri.removeprefix("file://").partition("?")
    if query:
        raise OperationalError(f"{uri!r}: options of a file are given as OPTIONS, not in its URI: {query!r}")
    return path


def open_storage(location: Location, options: Options, *, auto_pack: float = 0) -> Any:
    """The storage there, new or existing; OperationalError, saying what to do, where it cannot be opened.

    ``auto_pack`` holds for a file on a disk of this host, where the option says nothing.
    """
    harden()
    match location.kind:
        case "memory":
            return MemoryStorage(location.name)
        case "file":
            return _open_file(location.name, options, auto_pack)
        case "server" | "uri":
            from .remote import open_server, open_uri  # with ZEO and zodburi, which a file or a memory needs not

            if location.addresses:
                return open_server(location, options)
            if options.auto_pack:
                raise OperationalError(f"{location} is not packed by itself: leave out the option auto_pack")
            return open_uri(location.name, options)


# --- files ---------------------------------------------------------------------------------------------------------


def _open_file(path: str, options: Options, auto_pack: float) -> DataFile:
    with explained(path):
        file = Path(path)
        if not file.exists():
            _create(file, options)
        _check_file(file, options)
        make_private(options.blob_dir)
        network = network_type(path)
        try:
            storage = DataFile(
                path,
                read_only=options.read_only,
                blob_dir=options.blob_dir,
                timeout_s=options.timeout,
                alone=network is not None,
            )
        except BlockingIOError as error:
            raise OperationalError(_in_use(path, network)) from error
    factor = auto_pack if options.auto_pack is None else options.auto_pack
    if factor and network is None:
        storage.grown = AutoPack(path, factor, storage.blob_dir)
    elif options.auto_pack:
        logger.warning("%s is not packed by itself on a network file system (%s)", path, network)
    return storage


def _in_use(path: str, network: str | None) -> str:
    if network is not None:
        return (
            f"{path} is in use by another process{_lock_holder(path)}, and it is on a network file system ({network}), "
            f"where several processes cannot see each other's locks and writes in time. Move it to a local disk, or "
            f"let all be clients of one server: `manage.py runzeo`, then set HOST and PORT"
        )
    return (
        f"{path} is in use by another process{_lock_holder(path)} that wants it for itself: ZODB's own FileStorage, "
        f"or an older django_zodb. Stop that process"
    )


def make_private(folder: str | None) -> None:
    """Create the folder, if one is wanted and missing, for its owner only; ZODB would let everybody in.

    OperationalError if that cannot be.
    """
    if folder is not None and not Path(folder).is_dir():
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OperationalError(f"cannot create the folder {folder}: {error.strerror}") from error


def _create(path: Path, options: Options) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise OperationalError(f"cannot create {path}: there is no folder {folder}. Create it, or correct NAME")
    if options.read_only or not options.create:
        raise OperationalError(f"there is no file {path}. Correct NAME, or create the database by `manage.py migrate`")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OperationalError(f"cannot create {path}: the folder {folder} is not writable for this user")
    create_file(str(path))


def _check_file(path: Path, options: Options) -> None:
    """Look before opening: FileStorage would say less, and takes an empty file for a new database."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise OperationalError(f"{path} is a folder. NAME must be a file, for example {path / 'Data.fs'}")
    if not stat.S_ISREG(mode):
        raise OperationalError(f"{path} is no regular file. Correct NAME")
    if not os.access(path, os.R_OK):
        raise OperationalError(f"{path} is not readable for this user. Change its mode or owner, or correct NAME")
    if not options.read_only and not os.access(path, os.W_OK):
        raise OperationalError(
            f"{path} is not writable for this user. Change its mode or owner, or set the option read_only"
        )
    if not options.read_only and not os.access(path.parent, os.W_OK | os.X_OK):
        raise OperationalError(
            f"the folder of {path} is not writable for this user, and some files are kept beside the database. Change "
            f"its mode or owner, or set the option read_only"
        )
    with path.open("rb") as file:
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
        with Path(path + ".lock").open("rb") as lock:  # more may follow, see lockfile.py
            words = lock.readline(32).split()
    except OSError:
        return ""
    return f" (process {words[0].decode()})" if words and words[0].isdigit() else ""


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the operating system or ZODB raises while ``name`` is opened into an OperationalError."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        other = f" ({error.filename})" if error.filename and error.filename != name else ""
        hint = " Free some space, then try again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise OperationalError(f"cannot open {name}: {reason}{other}.{hint}") from error
    except (POSError, CorruptedError, ValueError, struct.error) as error:
        raise OperationalError(
            f"cannot open {name}: {error}. The file is damaged: restore it from a backup, or save what is readable "
            f"with `python -m ZODB.fsrecover`"
        ) from error
