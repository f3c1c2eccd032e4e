"""Worker processes, and interleaved rounds of workloads on them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .databases import DATABASES, Settings

ROOT = Path(__file__).parent.parent
Figures = dict[str, dict[str, float]]
"""Workload → database → median seconds."""

_SHORT_S, _LONG_S = 0.02, 2.0


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-m", f"benchmarks.{module}", *arguments]


class Worker:
    """A process that runs workloads on one database; speaks JSON lines."""

    def __init__(self, name: str, settings: Settings, rows: int) -> None:
        self.name = name
        self.settings = settings
        command = python("worker", json.dumps(settings), str(rows))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        ready = self._read()
        self.workloads: list[str] = ready["names"]
        self.load_seconds: float = ready["load"]

    def run(self, workload: str) -> dict[str, Any]:
        """One round: ``{"seconds": …, "answer": …}``."""
        assert self._process.stdin is not None
        self._process.stdin.write(workload + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"the worker of {self.name} died; its error is above")
        return json.loads(line)


@contextmanager
def workers(names: Sequence[str], folder: Path, rows: int) -> Iterator[list[Worker]]:
    """A loaded worker for each database."""
    with ExitStack() as stack:
        found = []
        for name in names:
            settings = stack.enter_context(DATABASES[name].settings(folder / name))
            worker = Worker(name, settings, rows)
            stack.callback(worker.close)
            found.append(worker)
        yield found


def measure(found: list[Worker], name: str, rounds: int, clock: str = "seconds") -> dict[str, float]:
    """Median seconds of the workload on each database, after one uncounted round whose answers must agree.

    ``clock`` is "seconds" or "cpu". A workload of less than 20 ms is run three times as often, and one of more than
    two seconds half as often.
    """
    first = [worker.run(name) for worker in found]
    for worker, result in zip(found[1:], first[1:], strict=True):
        if result["answer"] != first[0]["answer"]:
            sys.exit(
                f"{name}: {found[0].name} and {worker.name} disagree: "
                f"{first[0]['answer']!r:.300} and {result['answer']!r:.300}"
            )
    slowest = max(result["seconds"] for result in first)
    count = rounds * 3 if slowest < _SHORT_S else max(rounds // 2, 3) if slowest > _LONG_S else rounds
    times: list[list[float]] = [[] for _ in found]
    for _ in range(count):
        for worker, series in zip(found, times, strict=True):
            series.append(worker.run(name)[clock])
    return {worker.name: statistics.median(series) for worker, series in zip(found, times, strict=True)}


def named(workloads: Sequence[str], only: str) -> list[str]:
    """The workloads whose name contains one of the words of ``only`` (separated by commas)."""
    words = only.split(",")
    return [name for name in workloads if any(word in name for word in words)]


def measure_all(found: list[Worker], chosen: Sequence[str], rounds: int, clock: str = "seconds") -> Figures:
    """``measure`` of each of the workloads."""
    figures = {}
    for at, name in enumerate(chosen, 1):
        started = time.perf_counter()
        figures[name] = measure(found, name, rounds, clock)
        if sys.stderr.isatty():
            took = time.perf_counter() - started
            print(f"\r\033[K{at}/{len(chosen)} {name} ({took:.0f} s)", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return figures
