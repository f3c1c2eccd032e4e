"""``python -m races``: every workload from every place at each isolation level, one after the other."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django

from .guards import GUARDS
from .run import PLACES, Outcome, Race, environment, prepare, run

LEVELS = ("snapshot", "serializable")


def chosen(arguments: argparse.Namespace) -> Iterator[Race]:
    """The races that are asked for."""
    from .workloads import ALL

    for place in arguments.places:
        for level in arguments.levels:
            for name in arguments.workloads or ALL:
                if level in ALL[name].levels:
                    yield Race([name], place, level, arguments.seconds, arguments.seed)
        for guard, (_, name) in GUARDS.items() if arguments.guards else ():
            yield Race([name], place, ALL[name].levels[0], arguments.seconds, arguments.seed, guard)


def say(race: Race, outcome: Outcome) -> None:
    """One line, and what was wrong."""
    without = f"  without: {race.without}" if race.without else ""
    wrong = f"{len(outcome.errors)} errors, {len(outcome.problems)} problems"
    what = f"{race.place:10} {race.isolation:13} {race.workloads[0]:16} {outcome.steps:7} steps"
    print(f"{what}  {wrong}{without}", flush=True)
    for text in [] if race.without else [*outcome.errors[:2], *outcome.problems[:5]]:
        print(text, flush=True)


def main() -> int:
    """The exit code: 1 if a race was not clean, or one without a guard was."""
    parser = argparse.ArgumentParser(prog="python -m races", description=__doc__)
    parser.add_argument("workloads", nargs="*", help="all, unless named")
    parser.add_argument("--places", nargs="+", choices=PLACES, default=PLACES)
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=LEVELS)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guards", action="store_true", help="also with each guard of the engine switched off")
    os.environ |= environment({"NAME": ":memory:"})
    django.setup()  # to know the workloads
    failed = False
    with tempfile.TemporaryDirectory() as prepared:
        prepare(Path(prepared) / "Data.fs")
        for race in chosen(parser.parse_args()):
            with tempfile.TemporaryDirectory() as folder:
                outcome = run(race, Path(prepared) / "Data.fs", Path(folder))
            say(race, outcome)
            failed |= outcome.clean is bool(race.without)
    return failed


if __name__ == "__main__":
    sys.exit(main())
