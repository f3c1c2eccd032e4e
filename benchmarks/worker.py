"""One database's process: makes the tables, then runs the workloads it is told on standard input."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings


def configure(database: dict[str, Any]) -> None:
    """Set Django up for one database."""
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "benchmarks"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


def resident_mb() -> float:
    """The memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """``worker.py SETTINGS ROWS``: fill the database, say what there is to run, then a JSON line per name read."""
    configure(json.loads(sys.argv[1]))
    from django.db import connection

    from . import data, workloads

    start = time.perf_counter()
    data.load(int(sys.argv[2]))
    print(json.dumps({"names": list(workloads.WORKLOADS), "load": time.perf_counter() - start}), flush=True)
    recorded: set[str] = set()
    for line in sys.stdin:
        name = line.strip()
        connection.recording = name not in recorded  # for the engine ``benchmarks.floor``
        recorded.add(name)
        print(json.dumps(_round(workloads.WORKLOADS[name], workloads)), flush=True)


def _round(workload: Any, workloads: Any) -> dict[str, object]:
    """One round: how long it took, and its answer."""
    timed = workload.run if isinstance(workload, workloads.Write) else workload
    if timed is not workload:
        workload.before()
    start, cpu = time.perf_counter(), time.process_time()
    answer = timed()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if timed is not workload:
        workload.after()
    return {"seconds": seconds, "cpu": cpu, "answer": workloads.comparable(answer)}


if __name__ == "__main__":
    main()
