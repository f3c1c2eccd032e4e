"""One engine's process: makes the tables, then runs the workloads it is told on standard input."""

from __future__ import annotations

import json
import sys
import time

import django
from django.conf import settings


def main() -> None:
    """``worker.py ENGINE PATH ROWS``: print the names of the workloads, then a JSON line per name read."""
    engine, path, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    settings.configure(
        DATABASES={"default": {"ENGINE": engine, "NAME": path}},
        INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "benchmarks"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from . import data, workloads

    data.load(rows)
    print(json.dumps(list(workloads.WORKLOADS)), flush=True)
    for line in sys.stdin:
        run = workloads.WORKLOADS[line.strip()]
        start = time.perf_counter()
        answer = run()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "answer": workloads.comparable(answer)}), flush=True)


if __name__ == "__main__":
    main()
