"""What ``runzeo`` does: from the settings and the command line to a running ZEO server.

``location_of`` is what the commands have in common: where an alias's database is.
"""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError

from .errors import Error, OperationalError
from .printing import Output, told
from .storage.open import DEFAULT_PORT, Location, locate, open_storage
from .storage.options import Options, check_options
from .storage.server import Address, Server, is_local, show
from .storage.tls import server_context


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen and for whom: the options of the command, as given."""

    host: str | None = None
    port: int | None = None
    socket: str | None = None
    certificate: str | None = None
    key: str | None = None
    ca: str | None = None
    insecure: bool = False


def serve(settings: dict[str, Any], endpoint: Endpoint, output: Output) -> None:
    """Serve the storage that NAME means until SIGINT or SIGTERM; CommandError, saying what to do, if that cannot be."""
    try:
        address = _address(settings, endpoint)
        tls = _tls(address, endpoint)
        location, options = location_of(settings, follow_host=False)
        server = Server(open_storage(location, options), address, options.storage, tls)
    except Error as error:
        raise CommandError(str(error)) from error
    previous = {number: signal.signal(number, lambda *_: server.stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        started = f"Starting ZEO server on {show(server.address)}..."
        try:
            told(output, [started, "ZEO server is running... Press Ctrl+C to stop."])
        except BaseException:
            server.stop()  # which its run then finds, and closes everything
            raise
        finally:
            server.run()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    told(output, ["ZEO server stopped."])


def location_of(settings: dict[str, Any], *, follow_host: bool = True) -> tuple[Location, Options]:
    """Where an alias's database is; without ``follow_host`` what NAME alone means, whatever HOST and PORT say.

    OperationalError for a database in memory, which no other process can see, and for settings that make no sense.
    """
    host, port = (settings.get("HOST"), settings.get("PORT")) if follow_host else (None, None)
    location = locate(settings["NAME"], host, port)
    if location.kind == "memory":
        raise no_other_process(location)
    return location, check_options(settings.get("OPTIONS", {}))


def no_other_process(location: Location) -> OperationalError:
    """The error for a database in memory, of which a command, in a process of its own, sees nothing."""
    return OperationalError(f"{location} lives in the memory of one process: set NAME to a file or a URI")


def _address(settings: dict[str, Any], endpoint: Endpoint) -> Address:
    if endpoint.socket:
        if endpoint.host or endpoint.port is not None:
            raise CommandError("--socket does not go with --host and --port: listen on one or the other")
        return endpoint.socket
    if endpoint.port is not None and not 0 <= endpoint.port < 65536:
        raise CommandError(f"--port must be a number from 0 to 65535 (0: any free one), got {endpoint.port}")
    known = locate("", settings.get("HOST") or "127.0.0.1", settings.get("PORT")).addresses
    hosts, ports = _which(known, endpoint)
    if len(hosts) > 1 or len(ports) > 1:
        shown = ", ".join(map(show, known))
        raise CommandError(f"HOST and PORT name several servers ({shown}): say by --host and --port which one this is")
    host, port = hosts.pop(), ports.pop()
    return host if host.startswith("/") else (host, port)


def _which(known: Iterable[Address], endpoint: Endpoint) -> tuple[set[str], set[int]]:
    """The hosts and ports of those of the known servers that this may be; what the command line says goes before."""
    pairs = [(address, DEFAULT_PORT) if isinstance(address, str) else address for address in known]
    pairs = [pair for pair in pairs if pair[0] == endpoint.host] or pairs
    pairs = [pair for pair in pairs if pair[1] == endpoint.port] or pairs
    hosts = {endpoint.host} if endpoint.host else {host for host, _ in pairs}
    ports = {endpoint.port} if endpoint.port is not None else {port for _, port in pairs}
    return hosts, ports


def _tls(address: Address, endpoint: Endpoint) -> ssl.SSLContext | None:
    if endpoint.certificate is None and (endpoint.key or endpoint.ca):
        raise CommandError("--key and --ca need --certificate as well")
    if not is_local(address) and not endpoint.insecure and not (endpoint.certificate and endpoint.ca):
        raise CommandError(
            f"whoever reaches {show(address)} could read and change everything: give --certificate, --key and --ca, "
            f"so that only clients with a certificate come in; or say --insecure if something else guards the network"
        )
    if endpoint.certificate is None:
        return None
    return server_context(endpoint.certificate, endpoint.key, endpoint.ca)
