"""A fresh process on a database that is there: how long until the first row, how long and how much memory for all rows.

``python -m benchmarks.space SETTINGS ROWS`` prints a JSON object; the program runs it several times and takes medians.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .databases import DATABASES
from .measure import ROOT, Worker, python
from .worker import configure, resident_mb

Numbers = dict[str, float]
IN_MEMORY = ("memory", "floor")


def main() -> None:
    """Measure, print."""
    configure(json.loads(sys.argv[1]))
    print(json.dumps(_measure(int(sys.argv[2]))))


def _measure(rows: int) -> Numbers:
    from .models import Book

    def scan() -> None:
        for _ in Book.objects.iterator():
            pass

    found: Numbers = {}
    found["first get, s"] = _timed(lambda: Book.objects.get(pk=rows // 2))
    before = resident_mb()
    found["cold iterator(), s"] = _timed(scan)
    found["cold iterator(), MB more"] = resident_mb() - before
    found["iterator() again, s"] = _timed(scan)
    before = resident_mb()
    other = threading.Thread(target=scan)
    other.start()
    other.join()
    found["a second connection, MB more"] = resident_mb() - before
    found["resident at the end, MB"] = resident_mb()
    return found


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_space(names: Sequence[str], folder: Path, rows: int, rounds: int) -> dict[str, Numbers]:
    """Database → figures, medians of fresh processes that take turns. What lives in memory only is left out."""
    names = [name for name in names if name not in IN_MEMORY]
    found: dict[str, Numbers] = {}
    for name in names:
        with DATABASES[name].settings(folder / name) as settings:
            worker = Worker(name, settings, rows)
            worker.close()
            size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
            series = [_fresh(json.dumps(settings), rows) for _ in range(rounds)]
        found[name] = {"load, s": worker.load_seconds}
        if size:
            found[name]["disk, bytes per row"] = size / rows
        found[name] |= {key: statistics.median(each[key] for each in series) for key in series[0]}
    return found


def _fresh(settings: str, rows: int) -> Numbers:
    done = subprocess.run(python("space", settings, str(rows)), stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True)
    numbers: Numbers = json.loads(done.stdout)
    return numbers


def space_table(found: dict[str, Numbers], rows: int) -> str:
    """A line for each figure, a column for each database. A row is a book with its indexes, links and document."""
    names = list(found)
    keys = dict.fromkeys(key for numbers in found.values() for key in numbers)
    lines = [f"{f'{rows} rows':34}" + "".join(f"{name:>13}" for name in names)]
    for key in keys:
        cells = (f"{found[name][key]:13.3f}" if key in found[name] else f"{'':13}" for name in names)
        lines.append(f"{key:34}" + "".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
