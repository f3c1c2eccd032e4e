"""A PostgreSQL cluster for the time of a run: made in a folder, on loopback, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def find_binaries() -> Path | None:
    """The folder of initdb and pg_ctl: on PATH, else Debian's newest; None if there are none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return candidates[-1].parent if candidates else None


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start a cluster with default durability under ``folder``; gives HOST, PORT and USER, and stops it at the end.

    PostgreSQL refuses to run as root: then it runs as ``postgres`` or ``nobody``, in a folder of its own under /tmp,
    since that user may not see ``folder``.
    """
    binaries = find_binaries()
    assert binaries is not None
    user = _other_user() if os.geteuid() == 0 else None
    data = Path(tempfile.mkdtemp(prefix="postgres-", dir=None if user else _made(folder)))
    if user:
        shutil.chown(data, user)
    port = _free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, "-D", data, *arguments], check=True, user=user, cwd=data, capture_output=True
        )

    run("initdb", "--username=bench", "--auth=trust", "--encoding=UTF8", "--locale=C")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories=''"
    subprocess.run(
        [binaries / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start"],
        check=True,
        user=user,
        cwd=data,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield {"HOST": "127.0.0.1", "PORT": str(port), "USER": "bench"}
    finally:
        run("pg_ctl", "-w", "-m", "fast", "stop")
        shutil.rmtree(data)


def _other_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
