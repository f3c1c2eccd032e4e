"""Run every workload on both engines, interleaved, and print medians and their ratio.

One process per engine holds its own database file; the rounds alternate between them, so that a machine whose speed
drifts slows both. Results are compared first: a workload whose answers differ is an error, not a figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ENGINES = ("django_zodb", "django.db.backends.sqlite3")


class Worker:
    """A process that runs workloads on one engine; speaks JSON lines."""

    def __init__(self, engine: str, folder: str, rows: int) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", engine, str(Path(folder) / engine), str(rows)]
        root = Path(__file__).parent.parent
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
        self.workloads: list[str] = self._read()

    def run(self, workload: str) -> dict[str, object]:
        """One round: ``{"seconds": …, "answer": …}``."""
        assert self._process.stdin is not None
        self._process.stdin.write(workload + "\n")
        self._process.stdin.flush()
        return self._read()  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _read(self):  # type: ignore[no-untyped-def]
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("a worker died; its error is above")
        return json.loads(line)


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="books in the table (default 10,000)")
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds of each workload (default 7)")
    parser.add_argument("--only", default="", help="run workloads whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(engine, folder, options.rows) for engine in ENGINES]
        names = [name for name in workers[0].workloads if options.only in name]
        figures = {name: measure(workers, name, options.rounds) for name in names}
        for worker in workers:
            worker.close()
    print(f"{'workload':32} {'zodb ms':>10} {'sqlite3 ms':>10} {'ratio':>7}   ({options.rows} rows, medians)")
    for name, (ours, theirs) in figures.items():
        print(f"{name:32} {ours * 1e3:10.3f} {theirs * 1e3:10.3f} {ours / theirs:7.2f}")
    ratios = [ours / theirs for ours, theirs in figures.values()]
    print(f"{'geometric mean':32} {'':21} {statistics.geometric_mean(ratios):7.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure(workers: list[Worker], name: str, rounds: int) -> tuple[float, float]:
    """Median seconds of the workload on each engine, after one uncounted round whose answers must agree."""
    answers = [worker.run(name)["answer"] for worker in workers]
    if answers[0] != answers[1]:
        sys.exit(f"{name}: the engines disagree: {answers[0]!r:.300} and {answers[1]!r:.300}")
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for worker, found in zip(workers, times, strict=True):
            found.append(float(worker.run(name)["seconds"]))  # type: ignore[arg-type]
    return statistics.median(times[0]), statistics.median(times[1])


if __name__ == "__main__":
    main()
