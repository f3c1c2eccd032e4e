"""After a race: ``python -m races.check WORKLOADS_AND_WHAT_THEY_DID``, JSON; it prints a list of what is wrong."""

from __future__ import annotations

import json
import sys
from collections import Counter as Tally

import django
from django.db import connection

from django_zodb.storage.check import check as check_storage
from django_zodb.storage.progress import silent


def main(workloads: list[str], done: dict[str, int]) -> list[str]:
    """What is not as it must be: of the workloads' rows, and of tables, indexes and constraints as stored."""
    from .workloads import ALL

    found = []
    for name in workloads:
        own = Tally({what.partition(".")[2]: times for what, times in done.items() if what.startswith(f"{name}.")})
        found += [f"{name}: {problem}" for problem in ALL[name].check(own)]
    connection.ensure_connection()
    found += [f"stored: {problem}" for problem in check_storage(connection.connection.session, silent).problems]
    return found


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(*json.loads(sys.argv[1]))))
