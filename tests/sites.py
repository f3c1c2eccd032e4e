"""A site made from the project template in a folder of its own, and its processes, for tests of the real thing."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django_zodb.__main__ import template_path

TIMEOUT_S = 120


def environment() -> dict[str, str]:
    """The environment of a site's processes: nothing of the test run's own Django."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, slots=True)
class Site:
    """A project folder with its ``manage.py``."""

    folder: Path

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / "Data.fs"

    def command(self, *arguments: str) -> list[str]:
        """The command line of ``manage.py`` with these arguments."""
        return [sys.executable, "manage.py", *arguments]

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` to its end, whatever its status."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=environment() | variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def manage(self, *arguments: str, stdin: str = "", **variables: str) -> str:
        """The output of ``manage.py``, which must succeed."""
        done = self.run(*arguments, stdin=stdin, **variables)
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``manage.py``; its output is a pipe for ``read_until``."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that ``stop`` reaches the reloader's child, too
        )

    def add_settings(self, text: str) -> None:
        """Append lines to the settings."""
        with (self.folder / "mysite" / "settings.py").open("a", encoding="utf-8") as settings:
            settings.write(f"\n{text}\n")

    @contextmanager
    def served(self, port: int | None = None, *, reloader: bool = False) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """``runserver`` on a free port: its URL and its process, which is ended unless that has been done already."""
        port = port or free_port()
        arguments = () if reloader else ("--noreload",)
        process = self.start("runserver", *arguments, f"127.0.0.1:{port}")
        try:
            wait_for_port(port, process)
            yield f"http://127.0.0.1:{port}", process
        finally:
            stop(process)


def make_site(folder: Path) -> Site:
    """A new site in ``folder``, which must not exist."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "django", "startproject", "mysite", str(folder), f"--template={template_path()}"]
    subprocess.run(command, env=environment(), check=True, timeout=TIMEOUT_S)
    return Site(folder)


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    """Return when the process listens there; AssertionError with its output if it ended instead."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"ended with {process.returncode}: {process.stdout and process.stdout.read()}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody listens on port {port} after {TIMEOUT_S} s")


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """What the process has printed, as soon as ``pattern`` is in it."""
    assert process.stdout is not None
    # Past Python's own buffer, which would hide from select what it holds.
    pipe, text, deadline = process.stdout.fileno(), "", time.monotonic() + TIMEOUT_S
    while not re.search(pattern, text):
        ready, _, _ = select.select([pipe], [], [], max(0, deadline - time.monotonic()))
        piece = os.read(pipe, 65536) if ready else b""
        assert piece, f"{pattern!r} was not printed, but: {text}"
        text += piece.decode()
    return text


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    """End the process and return the rest of its output."""
    if process.poll() is None:
        os.killpg(process.pid, number)
    try:
        rest, _ = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        rest, _ = process.communicate()
    return rest or ""
