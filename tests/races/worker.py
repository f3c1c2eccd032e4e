"""One process of a race: ``python -m races.worker CONFIGURATION``, a JSON object; it prints another one.

It says ``ready`` and begins when it reads a line. For each of its writers it runs the workloads, one picked at random
each time, until the time is over.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import traceback
from collections import Counter as Tally
from typing import Any

import django
from django.db import connection

_MOST_ERRORS = 5


def write(me: int, given: dict[str, Any], said: dict[str, Any], lock: threading.Lock) -> None:
    """One writer's work."""
    from .workloads import ALL

    chance = random.Random(f"{given['seed']}/{me}")
    works = [ALL[name](me, chance) for name in given["workloads"]]
    until = time.monotonic() + given["seconds"]
    steps, errors = 0, []
    while time.monotonic() < until and len(errors) < _MOST_ERRORS:
        work = chance.choice(works)
        try:
            work.step()
        except Exception:
            errors.append(f"{type(work).__name__}: {traceback.format_exc(limit=-6, chain=False)}")
        steps += 1
    connection.close()
    with lock:
        said["steps"] += steps
        said["errors"] += errors
        for work in works:
            said["done"].update({f"{type(work).__name__}.{what}": times for what, times in work.done.items()})


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Run the writers, each in a thread; what they did."""
    from .guards import GUARDS

    if given.get("without"):
        GUARDS[given["without"]][0]()
    said: dict[str, Any] = {"steps": 0, "errors": [], "done": Tally()}
    lock = threading.Lock()
    writers = [threading.Thread(target=write, args=(me, given, said, lock)) for me in given["writers"]]
    print("ready", flush=True)
    sys.stdin.readline()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return said


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(json.loads(sys.argv[1]))))
