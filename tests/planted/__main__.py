"""``python -m planted [WORD …]``: plant each fault whose name holds a word (all, without one), and see who finds it.

The golden files are asked first, then the fuzzers, until one finds it; if none does, the other fast tests, which are
counted apart. Prints a line per fault and the sums; fails if one is not found, or if fewer than nine in ten of those in
what SQL is made of are found by golden files and fuzzers. With --all, each of them is asked about each fault.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .faults import FAULTS, Fault
from .worker import SUITES

ROOT = Path(__file__).resolve().parents[2]
FAST = (
    *("emit", "compile", "optimize", "optimize_rows", "storage", "sessions", "ddl", "backend", "prepare", "functions"),
    *("search", "sought", "fetch", "look_ahead", "sieves", "columns", "loose", "scan", "large_writes"),
)


def main() -> int:
    """Plant, run, report."""
    parser = argparse.ArgumentParser(prog="planted", description=__doc__)
    parser.add_argument("words", nargs="*", help="words of the names of the faults to plant")
    parser.add_argument("--seeds", type=int, default=1, help="times as many fuzzing seeds as make test runs")
    parser.add_argument("--all", action="store_true", help="ask every suite about every fault")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if not options.words or any(word in fault.name for word in options.words)]
    for fault in chosen:
        if plants(fault) is None:
            print(f"    to be written anew: {fault.file} has changed: {fault.name}")
    chosen = [fault for fault in chosen if plants(fault) is not None]
    by: dict[str, list[str]] = {"golden": [], "sql": [], "orm": [], "fast tests": [], "nothing": []}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("django_zodb", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        _check_that_the_copy_is_used(copy)
        if unfounded := _found_by(copy, options.seeds, everything=True):
            raise SystemExit(f"{', '.join(unfounded)} find faults where none is planted: mend those first")
        for number, fault in enumerate(chosen, 1):
            start = time.monotonic()
            found = _plant(copy, fault, options.seeds, options.all)
            for suite in found or ["nothing"]:
                by[suite].append(fault.name)
            took = time.monotonic() - start
            print(f"{number:3} {', '.join(found) or 'NOT FOUND':24} {took:4.0f} s  {fault.name}", flush=True)
    counted = set().union(*(by[suite] for suite in SUITES))
    sums = ", ".join(f"{suite} {len(names)}" for suite, names in by.items())
    of_sql = [fault.name for fault in chosen if fault.file.startswith("sql/")]
    print(f"{len(counted)} of {len(chosen)} found by golden files and fuzzers ({sums})")
    print(f"{len(counted.intersection(of_sql))} of {len(of_sql)} in sql/")
    return int(bool(by["nothing"]) or 10 * len(counted.intersection(of_sql)) < 9 * len(of_sql))


def plants(fault: Fault) -> str | None:
    """The text of the file with the fault in it; None if it does not hold the piece to replace once any more."""
    text = (ROOT / "django_zodb" / fault.file).read_text(encoding="utf-8")
    return text.replace(fault.old, fault.new) if text.count(fault.old) == 1 else None


def _plant(copy: Path, fault: Fault, seeds: int, everything: bool) -> list[str]:
    """The suites that find the fault."""
    path = copy / "django_zodb" / fault.file
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace(fault.old, fault.new), encoding="utf-8")
    try:
        found = _found_by(copy, seeds, everything)
        return found or ["fast tests"] * (not _pass_fast_tests(copy))
    finally:
        path.write_text(original, encoding="utf-8")


def _environment(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(copy), str(copy / "tests")))}


def _found_by(copy: Path, seeds: int, everything: bool) -> list[str]:
    """The suites that notice anything, or the first of them. One that dies, or never ends, has noticed."""
    found: list[str] = []
    left = list(SUITES)
    while left and (everything or not found):
        mode = "all" if everything else "first"
        command = [sys.executable, "-m", "planted.worker", ",".join(left), str(seeds), mode]
        done = subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line == "null" or line.startswith('"')]
        found += [suite for suite, line in zip(left, lines, strict=False) if json.loads(line) is not None]
        left = left[len(lines) :]
        if done.returncode:
            found += left[:1]
            left = left[1:]
    return found


def _pass_fast_tests(copy: Path) -> bool:
    shutil.copy(ROOT / "pyproject.toml", copy)
    tests = [str(copy / "tests" / f"test_{name}.py") for name in FAST]
    options = ["-q", "-x", "-p", "no:cacheprovider", "--rootdir", str(copy)]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    done = subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, check=False)
    return done.returncode == 0


def _check_that_the_copy_is_used(copy: Path) -> None:
    command = [sys.executable, "-c", "import django_zodb; print(django_zodb.__file__)"]
    shown = subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, text=True, check=True).stdout
    if not Path(shown.strip()).is_relative_to(copy.resolve()):
        raise SystemExit(f"the copy is not what is imported, but {shown.strip()}")


if __name__ == "__main__":
    sys.exit(main())
