"""TLS between a ZEO server and its clients: both sides' contexts, from files in PEM."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import OperationalError


def server_context(certificate: str, key: str | None, ca: str | None) -> ssl.SSLContext:
    """The server's side; with ``ca``, clients must show a certificate that it has signed. OperationalError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with _reading(certificate, key):
        context.load_cert_chain(certificate, key)
    if ca is not None:
        with _reading(ca):
            context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(certificate: str | None, key: str | None, ca: str | None) -> ssl.SSLContext:
    """The client's side; without ``ca`` the server's certificate is one that the system trusts. OperationalError."""
    with _reading(ca):
        context = ssl.create_default_context(cafile=ca)
    if certificate:
        with _reading(certificate, key):
            context.load_cert_chain(certificate, key)
    return context


@contextmanager
def _reading(*paths: str | None) -> Iterator[None]:
    """Say which of these files cannot be read, or do not make sense: OpenSSL does not."""
    named = [path for path in paths if path]
    for path in named:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError as error:
            raise OperationalError(f"cannot read the TLS file {path}: {error.strerror}") from error
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        raise OperationalError(f"cannot use the TLS files ({' and '.join(named)}): {error}") from error
