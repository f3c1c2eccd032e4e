"""Opening what is not a file of our own or a memory: ZEO servers, and whatever zodburi knows.

A module of its own, imported when there is such a database, since ZEO and zodburi take long to import.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import ssl
from pathlib import Path
from typing import Any

import zodburi
from zc.lockfile import LockError, LockFile
from ZConfig import ConfigurationError
from ZEO.Exceptions import ClientStorageError
from ZODB.DemoStorage import DemoStorage
from ZODB.POSException import POSError

from ..errors import OperationalError
from .classes import refuse_resolution
from .client import CarefulClientStorage
from .clientcache import ClientCacheFile, begin_cache
from .open import Location, explained, locate, make_private, open_storage
from .options import Options
from .tls import client_context

logger = logging.getLogger("django_zodb")

_DEMO = re.compile(r"demo:\((?P<base>.*)\)/\((?P<changes>.*)\)$")


def open_server(location: Location, options: Options) -> CarefulClientStorage:
    """The storage of a ZEO server, connected."""
    tls = _tls_context(options)
    _probe(location, options.timeout, tls is not None)
    make_private(options.blob_dir)
    cache = _cache_file(options)
    try:
        return CarefulClientStorage(
            location.addresses,
            options.timeout,
            storage=options.storage,
            read_only=options.read_only,
            read_only_fallback=options.read_only_fallback and not options.read_only,
            blob_dir=options.blob_dir,
            server_sync=options.server_sync,
            cache=ClientCacheFile(cache, options.client_cache_bytes),
            ssl=tls,
        )
    except (ClientStorageError, POSError) as error:
        reason = f"no storage named {options.storage!r} in {options.timeout:g} s ({error or type(error).__name__})"
        raise _no_server(location.name, reason) from error


def _cache_file(options: Options) -> str | None:
    """The file of the persistent cache, private; None if there is to be none, or if another process uses it.

    ZEO keeps its lock as long as the cache is open, so that the first process has it; the others do with a temporary
    one. A cache that makes no sense is begun anew by ZEO.
    """
    if options.client_cache is None:
        return None
    path = Path(f"{options.client_cache}-{options.storage}.zec")
    with explained(str(path)):
        make_private(str(path.parent))
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            lock = LockFile(f"{path}.lock")
            begin_cache(descriptor)
            lock.close()
        except LockError:
            logger.info("%s is used by another process; this one has a temporary cache", path)
            return None
        finally:
            os.close(descriptor)
    return str(path)


def _probe(location: Location, timeout: float, tls: bool) -> None:
    """Fail at once where nobody listens or somebody else does: ClientStorage would try until its time is up.

    Of several addresses one that answers is enough.
    """
    failures = []
    for address in location.addresses:
        try:
            return _probe_address(address, timeout, tls)
        except OperationalError as error:
            failures.append(error)
    raise failures[0] if len(failures) == 1 else OperationalError("; ".join(map(str, failures))) from failures[0]


def _probe_address(address: str | tuple[str, int], timeout: float, tls: bool) -> None:
    shown = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
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
    return client_context(options.tls_certificate, options.tls_key, options.tls_ca)


def open_uri(uri: str, options: Options) -> Any:
    """Any storage that zodburi knows; a file in it is opened by our own, careful means where we can."""
    storage = _open_uri(uri, options)
    _forbid_resolution(storage)
    return storage


def _open_uri(uri: str, options: Options) -> Any:
    demo = _DEMO.match(uri)
    if demo:
        base = open_storage(locate(demo["base"]), options)
        return DemoStorage(base=base, changes=open_storage(locate(demo["changes"]), options))
    if "connection_" in uri.partition("?")[2]:
        raise OperationalError(f"{uri!r}: the sizes of caches and pools belong into OPTIONS, not into the URI")
    with explained(uri):
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
