"""What ``runzeo`` does: from the settings and the command line to a running ZEO server.

``location_of`` is what the commands have in common: where an alias's database is.
"""

from __future__ import annotations

import signal
import ssl
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.management.base import CommandError

from .errors import Error
from .storage.open import DEFAULT_PORT, Location, locate, open_storage
from .storage.options import Options, check_options
from .storage.server import Address, Server, is_local, show, tls_context


class Output(Protocol):
    """A command's stdout."""

    def write(self, message: str, /) -> object:
        """Print the message and end the line."""
        ...

    def flush(self) -> object:
        """Show what was printed."""
        ...


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
        output.write(f"Starting ZEO server on {show(server.address)}...")
        output.write("ZEO server is running... Press Ctrl+C to stop.")
        output.flush()
        server.run()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    output.write("ZEO server stopped.")


def location_of(settings: dict[str, Any], *, follow_host: bool = True) -> tuple[Location, Options]:
    """Where an alias's database is; without ``follow_host`` what NAME alone means, whatever HOST and PORT say.

    CommandError for a database in memory, which no other process can see; Error for settings that make no sense.
    """
    host, port = (settings.get("HOST"), settings.get("PORT")) if follow_host else (None, None)
    location = locate(settings["NAME"], host, port)
    if location.kind == "memory":
        raise CommandError(f"{location} lives in the memory of one process: set NAME to a file or a URI")
    return location, check_options(settings.get("OPTIONS") or {})


def _address(settings: dict[str, Any], endpoint: Endpoint) -> Address:
    if endpoint.socket:
        if endpoint.host or endpoint.port is not None:
            raise CommandError("--socket does not go with --host and --port: listen on one or the other")
        return endpoint.socket
    host = endpoint.host or settings.get("HOST") or "127.0.0.1"
    if host.startswith("/"):
        return str(host)
    port = endpoint.port if endpoint.port is not None else int(settings.get("PORT") or DEFAULT_PORT)
    if not 0 <= port < 65536:
        raise CommandError(f"--port must be a number from 0 to 65535 (0: any free one), got {port}")
    return host, port


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
    return tls_context(endpoint.certificate, endpoint.key, endpoint.ca)
