"""dbshell at a terminal: prompt, completion by Tab, and a history that the next shell has, too."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sites import TIMEOUT_S, Site, environment, make_site

pytest.importorskip("readline", reason="this Python has no readline: dbshell has neither completion nor history")

UP = "\x1b[A"


class Terminal:
    """A ``manage.py dbshell`` at the other end of a pseudo-terminal."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor, self._process = descriptor, process

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._descriptor, keys.encode())

    def until(self, pattern: str) -> str:
        """What the terminal shows, as soon as ``pattern`` is in it; escape sequences are left out."""
        text, deadline = "", time.monotonic() + TIMEOUT_S
        while not re.search(pattern, text):
            ready, _, _ = select.select([self._descriptor], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{pattern!r} was not shown, but: {text}"
            text += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", os.read(self._descriptor, 65536).decode())
        return text

    def leave(self) -> None:
        """Press Ctrl+D, and wait for the end."""
        self.type("\x04")
        assert self._process.wait(TIMEOUT_S) == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("shell") / "site")
    site.manage("migrate", "--verbosity", "0")
    return site


@contextmanager
def terminal(site: Site, home: Path) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        site.command("dbshell"),
        cwd=site.folder,
        env=environment() | {"HOME": str(home), "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_completion_and_history(site: Site, tmp_path: Path) -> None:
    with terminal(site, tmp_path) as shell:
        banner = shell.until(">>> ")
        assert "root, tables, catalog, sql('SELECT …'), and " in banner
        shell.type("tab\t")
        shell.until("tables")
        shell.type(".library_gen\t")
        shell.until(r"library_genre")
        shell.type("\n")
        assert "RowTree" in shell.until(r"\n>>> ")
        shell.type("print(6 * 7)\n")
        shell.until(r"42\r\n>>> ")
        shell.leave()
    assert "print(6 * 7)" in (tmp_path / ".django_zodb_history").read_text()
    with terminal(site, tmp_path) as shell:
        shell.until(">>> ")
        shell.type(f"{UP}\n")
        shell.until(r"42\r\n>>> ")
        shell.leave()


def test_an_error_leaves_the_prompt(site: Site, tmp_path: Path) -> None:
    with terminal(site, tmp_path) as shell:
        shell.until(">>> ")
        shell.type("sql('SELECT nothing FROM library_genre')\n")
        assert "nothing" in shell.until(r"ProgrammingError: .*\n>>> ")
        shell.type("sql('SELECT count(*) FROM library_genre')\n")
        shell.until(r"\(1 row\)\r\n>>> ")
        shell.leave()
