"""Run the golden files and the fuzzers against the package as it is on the path.

Prints a line of JSON for each suite, as soon as it is done: the first thing that it noticed, or null.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from random import Random

import pytest
from sieving import all_as_if_large

SUITES = ("golden", "orm", "sql")
"""In the order of their cost."""
CPU_LIMIT_S = 180
MEMORY_LIMIT = 3 << 30


def golden(seeds: int) -> str | None:
    """The first block of a golden file whose answer is another one."""
    from golden_files import GOLDEN, Engines, read

    for path in sorted(path for path in GOLDEN.rglob("*.sql") if path.parent.name != "setup"):
        file = read(path)
        engines = Engines(file.uses)
        try:
            for block in file.blocks:
                if engines.run(block) != block.expected:
                    return f"{path.relative_to(GOLDEN)}:{block.line}"
        finally:
            engines.close()
    return None


def sql(seeds: int) -> str | None:
    """The first difference in random SQL: as many seeds as ``make test`` runs, times ``seeds``."""
    from fuzzing.engines import Engines
    from fuzzing.queries import Queries
    from fuzzing.tables import make_tables
    from fuzzing.writes import Writes

    for seed in range(32 * seeds):
        random = Random(seed)
        tables = make_tables(random)
        engines = Engines(tables, random)
        queries = Queries(random, tables)
        try:
            engines.add_views(queries)
            for statement in Writes(random, tables, queries).statements(10) if seed % 2 else ():
                engines.write(statement)
            for _ in range(3 if seed % 2 else 15):
                engines.check(queries.query())
        except Exception as error:
            return f"seed {seed}: {type(error).__name__}"
        finally:
            engines.close()
    return None


def orm(seeds: int) -> str | None:
    """The first difference in random QuerySets and changes: as many seeds as ``make test`` runs, times ``seeds``."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_project.settings"
    import django

    django.setup()
    from fuzzing import compare
    from fuzzing import orm as connections

    connections.connect()
    for seed in range(12 * seeds):
        try:
            compare.play(Random(seed), 40)
        except Exception as error:
            return f"seed {seed}: {type(error).__name__}"
    return None


def main() -> None:
    """Arguments: the suites, separated by commas; the factor for their seeds; "all", or "first" to end at a find."""
    run: dict[str, Callable[[int], str | None]] = {"golden": golden, "sql": sql, "orm": orm}
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    for name in sys.argv[1].split(","):
        try:
            with pytest.MonkeyPatch.context() as monkeypatch:
                if name != "golden":
                    all_as_if_large(monkeypatch)
                found = run[name](int(sys.argv[2]))
        except Exception as error:  # a fault may show anywhere, in what sets the stage, too
            found = f"{type(error).__name__}: {error}"[:80]
        print(json.dumps(found), flush=True)
        if found is not None and sys.argv[3] == "first":
            break


if __name__ == "__main__":
    main()
