"""A race from its beginning to its end: a database, the writers, the checks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent
PLACES = ("threads", "processes", "server")
WRITERS = 4


@dataclass(frozen=True)
class Race:
    """Which workloads, from where, for how long; ``without`` names a guard that is switched off."""

    workloads: Sequence[str]
    place: str
    isolation: str
    seconds: float
    seed: int = 0
    without: str = ""


@dataclass(frozen=True)
class Outcome:
    """How many steps were made, what reached a caller, and what was not as it must be afterwards."""

    steps: int
    errors: list[str]
    problems: list[str]

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.errors and not self.problems


def prepare(path: Path) -> None:
    """Make a file with the tables and the rows that all work on."""
    _python(environment({"NAME": str(path)}), "-m", "races.prepare")


def run(race: Race, prepared: Path, folder: Path) -> Outcome:
    """Run it in ``folder`` on a copy of a prepared file."""
    shutil.copy(prepared, folder / "Data.fs")
    with _place(race, folder) as place:
        each = [[me] for me in range(WRITERS)] if race.place != "threads" else [list(range(WRITERS))]
        said = _write(place, [{**_configuration(race), "writers": writers} for writers in each])
        done: Tally[str] = sum((Tally(one["done"]) for one in said), Tally())
        checked = _python(place, "-m", "races.check", json.dumps([race.workloads, done]))
    problems: list[str] = json.loads(checked)
    return Outcome(sum(one["steps"] for one in said), [text for one in said for text in one["errors"]], problems)


def _configuration(race: Race) -> dict[str, Any]:
    return {"workloads": race.workloads, "seconds": race.seconds, "seed": race.seed, "without": race.without}


@contextmanager
def _place(race: Race, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of processes that use the database there."""
    database: dict[str, Any] = {"NAME": str(folder / "Data.fs"), "OPTIONS": {"isolation": race.isolation}}
    if race.place != "server":
        yield environment(database)
        return
    from django_zodb.storage.open import locate, open_storage
    from django_zodb.storage.options import Options
    from django_zodb.storage.server import Server

    server = Server(open_storage(locate(database.pop("NAME")), Options()), ("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield environment({**database, "HOST": "127.0.0.1", "PORT": server.address[1]})
    finally:
        server.stop()
        thread.join(10)


def environment(database: dict[str, Any]) -> dict[str, str]:
    """That of a process whose default database is that one."""
    ours = {
        "DJANGO_SETTINGS_MODULE": "races.settings",
        "PYTHONPATH": str(TESTS),
        "RACES_DATABASE": json.dumps(database),
    }
    return {**os.environ, **ours}


def _python(place: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=place, cwd=TESTS, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
    return done.stdout


def start(place: dict[str, str], configurations: Sequence[dict[str, Any]]) -> list[subprocess.Popen[str]]:
    """A process for each, all of which begin at once."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "races.worker", json.dumps(configuration)],
            env=place,
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for configuration in configurations
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("begin\n")
        process.stdin.flush()
    return processes


def _write(place: dict[str, str], configurations: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Start the writers, and wait for what they say at their end."""
    said = []
    for process in start(place, configurations):
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"a writer ended with {process.returncode}")
        said.append(json.loads(output))
    return said
