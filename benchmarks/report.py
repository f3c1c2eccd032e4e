"""Figures as a table, as JSON, and as a chart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from html import escape
from typing import Any

from .measure import Figures

Groups = Sequence[tuple[str, float, Sequence[str]]]
"""Name, target and workloads of each group."""

BASE, FLOOR = "sqlite3", "floor"


def table(figures: Figures, groups: Groups, names: Sequence[str], rows: int) -> str:
    """Milliseconds on each database, the ratio of the first to sqlite3, and whether each group keeps its target.

    A workload that does not has a star; or a plus, where the ORM alone, if it was measured, takes longer than that.
    """
    lines = [f"{'':34}" + "".join(f"{name + ' ms':>13}" for name in names) + f"{'ratio':>8}   {rows} rows, medians"]
    all_ratios: list[float] = []
    for group, target, workloads in groups:
        found = [name for name in workloads if name in figures]
        ratios = {name: ratio(figures[name], names[0]) for name in found}
        for name in found:
            times = "".join(f"{figures[name][database] * 1e3:13.3f}" for database in names)
            verdict = "" if math.isnan(ratios[name]) else f"{ratios[name]:8.2f}"
            missed = "" if not ratios[name] > target else "  +" if ratio(figures[name], FLOOR) > target else "  *"
            lines.append(f"  {name:32}{times}{verdict}{missed}")
        known = [each for each in ratios.values() if not math.isnan(each)]
        all_ratios += known
        if known:
            missed_count = sum(each > target for each in known)
            holds = f"missed by {missed_count} of {len(known)}" if missed_count else "holds"
            mean = statistics.geometric_mean(known)
            lines.append(f"{group:34}{'':{13 * len(names)}}{mean:8.2f}   target {target:g}: {holds}")
    if all_ratios:
        lines.append(f"{'geometric mean':34}{'':{13 * len(names)}}{statistics.geometric_mean(all_ratios):8.2f}")
    return "\n".join(lines)


def ratio(times: dict[str, float], name: str) -> float:
    """The time of a database over sqlite3's; NaN if either was not measured."""
    return times[name] / times[BASE] if name in times and BASE in times else math.nan


def as_data(figures: Figures, groups: Groups, rows: int, more: dict[str, Any]) -> dict[str, Any]:
    """All figures, to be written as JSON."""
    members = {name: (group, target) for group, target, workloads in groups for name in workloads}
    workloads = {
        name: {"group": members[name][0], "target": members[name][1], "seconds": times}
        for name, times in figures.items()
    }
    return {"rows": rows, "workloads": workloads, **more}


# --- the chart -----------------------------------------------------------------------------------------------------

_LINE, _LEFT, _WIDTH, _TOP = 16, 230, 560, 54
_LOW, _HIGH = 1 / 16, 16


def chart(figures: Figures, groups: Groups, name: str, title: str) -> str:
    """An SVG: a bar for each workload, to the left where it is faster than sqlite3, on a logarithmic scale."""
    parts: list[str] = []
    y = _TOP
    for group, target, workloads in groups:
        found = [each for each in workloads if not math.isnan(ratio(figures.get(each, {}), name))]
        if not found:
            continue
        parts.append(f'<text x="8" y="{y + 12}" font-weight="bold">{escape(group)}</text>')
        y += _LINE + 2
        for each in found:
            parts += _bar(each, ratio(figures[each], name), target, y)
            y += _LINE
        y += 8
    height = y + 10
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 70}" height="{height}" '
            f'font-family="sans-serif" font-size="11">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            f'<text x="8" y="18" font-size="14">{escape(title)}</text>',
            *_scale(height - 14),
            *parts,
            "</svg>\n",
        ]
    )


def _x(value: float) -> float:
    at = math.log(min(max(value, _LOW), _HIGH) / _LOW) / math.log(_HIGH / _LOW)
    return round(_LEFT + _WIDTH * at, 1)


def _scale(bottom: int) -> list[str]:
    lines = []
    for power in range(-4, 5):
        value = 2.0**power
        label = f"{value:g} x" if value >= 1 else f"1/{2**-power}"
        colour = "#444" if power == 0 else "#ddd"
        lines.append(f'<line x1="{_x(value)}" y1="{_TOP - 10}" x2="{_x(value)}" y2="{bottom}" stroke="{colour}"/>')
        lines.append(f'<text x="{_x(value)}" y="{_TOP - 16}" text-anchor="middle" fill="#666">{label}</text>')
    return lines


def _bar(name: str, value: float, target: float, y: int) -> list[str]:
    start, end = sorted((_x(1), _x(value)))
    colour = "#2a9d5c" if value <= target else "#d1495b"
    return [
        f'<text x="{_LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{start}" y="{y + 2}" width="{max(end - start, 1):.1f}" height="{_LINE - 5}" fill="{colour}"/>',
        f'<text x="{_LEFT + _WIDTH + 8}" y="{y + 11}">{value:.2f}</text>',
    ]
