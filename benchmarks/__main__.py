"""Run every workload on several databases, interleaved; print medians, and the ratio to sqlite3.

Public ORM calls only, one process for each database, which holds its own data; the rounds alternate between them, so
that a machine whose speed drifts slows all. Results are compared first: a workload whose answers differ is an error,
not a figure.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .databases import DATABASES
from .growth import growth_table, measure_growth
from .hostile import hostile_table, measure_hostile
from .measure import measure_all, named, workers
from .report import Groups, as_data, chart, table
from .sharing import measure_sharing, sharing_table
from .space import measure_space, space_table

_SHARING_S = 2.0


def main() -> None:
    """Parse the arguments, run, print."""
    options = _arguments()
    if options.hostile:
        print(hostile_table(measure_hostile(options.only, options.rounds)))
        return
    names = _available(["zodb", *options.against])
    clock = "cpu" if options.cpu else "seconds"
    if options.growth:
        grown = measure_growth(names, options.folder, options.growth, options.only, options.rounds, clock)
        print(growth_table(grown, names))
        _write(options, {"growth": grown})
        return
    if options.writers:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            shared = measure_sharing(Path(folder), options.writers, _SHARING_S, options.rounds)
        print(sharing_table(shared, options.writers))
        _write(options, {"writers": options.writers, "sharing": shared})
        return
    if options.space:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            space = measure_space(names, Path(folder), options.rows, options.rounds)
        print(space_table(space, options.rows))
        _write(options, {"rows": options.rows, "space": space})
        return
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        workers(names, Path(folder), options.rows) as found,
    ):
        figures = measure_all(found, named(found[0].workloads, options.only), options.rounds, clock)
    groups = _groups()
    print(table(figures, groups, names, options.rows))
    _write(options, as_data(figures, groups, options.rows, {}))
    if options.svg:
        title = f"Time beside sqlite3 (file, default), {options.rows:,} rows: left is faster"
        options.svg.write_text(chart(figures, groups, names[0], title), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="books in the table (default 10,000)")
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds of each workload (default 7)")
    parser.add_argument("--only", default="", help="run workloads whose name contains this (or one of a,b,c)")
    known = ", ".join(name for name in DATABASES if name != "zodb")
    parser.add_argument(
        "--against",
        type=lambda text: [name for name in DATABASES if name in text.split(",") or text == "all"],
        default=["sqlite3"],
        help=f"databases to compare with, or all: {known} (default sqlite3)",
    )
    parser.add_argument(
        "--cpu", action="store_true", help="compare processor time: steadier, but blind to disks and servers"
    )
    parser.add_argument(
        "--growth",
        type=lambda text: [int(size) for size in text.split(",")],
        help="instead: these numbers of rows, such as 1000,10000,100000, and how the time grows with them",
    )
    parser.add_argument("--writers", type=int, help="instead: so many commit to one file, beside sqlite3")
    parser.add_argument("--space", action="store_true", help="instead: disk, memory and cold starts, for --rows")
    parser.add_argument("--hostile", action="store_true", help="instead: statements that are far too large")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--svg", type=Path, help="also draw a chart here")
    parser.add_argument("--folder", type=Path, help="where the databases are made (default: the temporary folder)")
    return parser.parse_args()


def _available(names: list[str]) -> list[str]:
    found = []
    for name in dict.fromkeys(names):
        missing = DATABASES[name].missing()
        if missing:
            print(f"{name} is left out: {missing}", file=sys.stderr)
        else:
            found.append(name)
    return found


def _groups() -> Groups:
    """The groups of workloads; naming them needs models, and so a configured Django."""
    from .worker import configure

    configure({"ENGINE": "django.db.backends.dummy"})
    from .workloads import GROUPS

    return [(group.name, group.target, [run.__name__ for run in group.runs]) for group in GROUPS]


def _write(options: argparse.Namespace, data: dict[str, Any]) -> None:
    if options.json:
        options.json.write_text(json.dumps(data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
