"""How the time of a workload grows with the table: the slope of log time over log rows, 0 for none and 1 for linear."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from math import log
from pathlib import Path

from .measure import Figures, measure_all, named, workers

POINTS = (
    *("get_pk", "get_unique", "exists", "filter_indexed", "ordered_slice", "deep_offset", "count_all"),
    *("create", "update_one", "aggregate", "iterator"),
)
"""What is measured if nothing is named."""


def measure_growth(
    names: Sequence[str], folder: Path | None, sizes: Sequence[int], only: str, rounds: int, clock: str = "seconds"
) -> dict[int, Figures]:
    """Rows → figures."""
    found = {}
    for rows in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as place, workers(names, Path(place), rows) as loaded:
            chosen = named(loaded[0].workloads, only) if only else POINTS
            found[rows] = measure_all(loaded, chosen, rounds, clock)
    return found


def growth_table(found: dict[int, Figures], names: Sequence[str]) -> str:
    """Milliseconds by size and database, and each database's slope."""
    sizes = list(found)
    header = "".join(f"{f'{name} {rows}':>18}" for name in names for rows in sizes)
    lines = [f"{'ms':26}{header}" + "".join(f"{f'slope {name}':>16}" for name in names)]
    for workload in found[sizes[0]]:
        times = {name: [found[rows][workload][name] for rows in sizes] for name in names}
        cells = "".join(f"{seconds * 1e3:18.3f}" for name in names for seconds in times[name])
        slopes = "".join(f"{slope(sizes, times[name]):16.2f}" for name in names)
        lines.append(f"{workload:26}{cells}{slopes}")
    return "\n".join(lines)


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of the line through the logarithms that fits best."""
    return statistics.linear_regression(list(map(log, sizes)), list(map(log, seconds))).slope
