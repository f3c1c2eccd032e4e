"""``python -m django_suite [LABEL…]``: run Django's suite, all of it or labels, and compare with sqlite3."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import django

from .baseline import Baseline, baseline_file, read_baseline, write_baseline
from .causes import grouped
from .jobs import HERE, Job, Place, jobs_for, run_jobs
from .ratchet import compare, listed_in
from .records import AppRun, Record
from .report import counts, cut, verdict
from .source import find_tests

CACHE = HERE.parent.parent / ".cache" / "django_suite"
RATCHET = HERE / f"not_passing_{django.VERSION[0]}.{django.VERSION[1]}.txt"
"""There is one for each version of Django that has a baseline."""
AGAIN = 50
"""With more new failures than these, something is broken: they are not run again."""


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m django_suite", description=__doc__)
    parser.add_argument("labels", nargs="*", metavar="LABEL", help="an app, module, class or test; without: all")
    parser.add_argument("--source", type=Path, help="Django's source, instead of the sdist of the installed version")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at a time (default: one per core)")
    parser.add_argument("--test-limit", type=float, default=120, metavar="S", help="seconds for a test (%(default)s)")
    parser.add_argument("--app-limit", type=float, default=1500, metavar="S", help="seconds for an app (%(default)s)")
    parser.add_argument("--record-baseline", action="store_true", help="run on sqlite3 and record that to compare with")
    parser.add_argument("--causes", type=Path, metavar="FILE", help="write the failures, grouped by cause")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return the exit status: 0 if nothing changed for the worse and the list is exact."""
    options = options_of(arguments)
    if options.record_baseline and options.labels:
        print("The baseline is recorded for the whole suite: no labels, please")
        return 2
    try:
        tests = find_tests(options.source, CACHE)
        jobs = jobs_for(options.labels, tests)
    except (FileNotFoundError, ValueError) as error:
        print(error)
        return 2
    path = baseline_file(HERE, django.VERSION[:2])
    if options.record_baseline:
        record_baseline(path, jobs, tests, options)
        return 0
    if options.labels and not path.exists():  # a version that is tried, not supported yet: both engines run
        path = baseline_file(CACHE, django.VERSION[:2])
        record_baseline(path, jobs, tests, options)
    return run_and_compare(jobs, place_for("zodb", tests, options), options, read_baseline(path))


def place_for(engine: str, tests: Path, options: argparse.Namespace) -> Place:
    """Where the jobs of one engine run."""
    results = CACHE / f"{engine}-{django.get_version()}"
    return Place(tests, results, f"settings_{engine}", options.test_limit, options.app_limit)


def record_baseline(path: Path, jobs: list[Job], tests: Path, options: argparse.Namespace) -> None:
    """Run the jobs on sqlite3, and write down what becomes of them."""
    print(f"sqlite3, to be recorded in {path}:")
    runs = run_all(jobs, place_for("sqlite3", tests, options), options.processes, {})
    write_baseline(path, django.get_version(), runs)


def run_all(jobs: list[Job], place: Place, processes: int, expected_s: dict[str, float]) -> list[AppRun]:
    """Run the jobs, a line for each that ends."""
    runs = []
    for run in run_jobs(jobs, place, processes, expected_s):
        runs.append(run)
        failed = sum(record.failed for record in run.records.values())
        what = f"{len(run.records)} tests" + (f", {failed} failed" if failed else "")
        print(f"[{len(runs):3}/{len(jobs)}] {run.app}: {what}, {run.seconds} s", flush=True)
    return runs


def run_again(failed: Iterable[Record], runs: list[AppRun], place: Place, processes: int) -> list[str]:
    """Run what is new once more, with little else going on; names those that now pass, as they then do in ``runs``.

    Some of Django's tests measure time or race with their own threads, and fail under load on any backend.
    """
    by_app = {run.app: run for run in runs}
    names = [record.name for record in failed if record.failed and record.name.partition(".")[0] in by_app]
    if not names or len(names) > AGAIN:
        return []
    place = replace(place, results=place.results / "again")
    mended = []
    for again in run_jobs(jobs_for(names, place.tests), place, processes, {}):
        passed = [record for record in again.records.values() if record.passed and record.name in names]
        by_app[again.app].records.update((record.name, record) for record in passed)
        mended += [f"  {record.name}" for record in passed]
    return mended


def run_and_compare(jobs: list[Job], place: Place, options: argparse.Namespace, baseline: Baseline) -> int:
    """The usual run."""
    started = time.monotonic()
    runs = run_all(jobs, place, options.processes, baseline.seconds)
    listed = listed_in(RATCHET)
    comparison = compare(runs, baseline, listed)
    mended = run_again(comparison.new, runs, place, options.processes)
    if mended:
        comparison = compare(runs, baseline, listed)
    print()
    print("\n".join([*counts(runs, baseline), "", *verdict(comparison, RATCHET.name)]))
    if mended:
        print("\n".join([f"{len(mended)} tests failed, but passed when they ran again, alone:", *cut(mended)]))
    print(f"Took {time.monotonic() - started:.0f} s with {options.processes} processes; logs are in {place.results}")
    if options.causes:
        options.causes.write_text("\n".join(grouped([*comparison.new, *comparison.listed])) + "\n", encoding="utf-8")
    return 0 if comparison.ok else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started this in the background
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Interrupted")
