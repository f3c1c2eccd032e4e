"""The summary at the end of a run, beside sqlite3's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .baseline import Baseline
from .ratchet import Comparison
from .records import AppRun

SHOWN = 100


def counts(runs: Sequence[AppRun], baseline: Baseline) -> Iterator[str]:
    """How many tests ran, passed, were skipped and failed, here and there, and in what time."""
    records = [record for run in runs for record in run.records.values()]
    there = [(baseline.skips(record.name), baseline.fails(record.name)) for record in records]
    rows = [
        ("tests", len(records), len(records)),
        ("ran", sum(not r.skipped for r in records), sum(not skips for skips, _ in there)),
        ("passed", sum(r.passed for r in records), sum(not skips and not fails for skips, fails in there)),
        ("skipped", sum(r.skipped for r in records), sum(skips for skips, _ in there)),
        ("failed", sum(r.failed for r in records), sum(fails for _, fails in there)),
    ]
    yield f"{'':10}{'django_zodb':>14}{'sqlite3':>10}"
    yield from (f"{name:10}{here:14}{other:10}" for name, here, other in rows)
    whole = [run for run in runs if run.whole]
    seconds, other_s = sum(run.seconds for run in whole), sum(baseline.seconds.get(run.app, 0.0) for run in whole)
    ratio = f"  ({seconds / other_s:.2f} times; all processes added up)" if other_s else ""
    yield f"{'seconds':10}{seconds:14.0f}{other_s:10.0f}{ratio}"


def verdict(comparison: Comparison, ratchet_file: str) -> Iterator[str]:
    """What the comparison found, the bad news last."""
    yield f"{len(comparison.gained)} tests pass here that sqlite3 skips"
    for why, records in sorted(comparison.excused.items()):
        yield f"{len(records)} tests do not count: {why}"
    yield f"{len(comparison.listed)} tests do not pass, as listed in {ratchet_file}"
    if comparison.obsolete:
        yield f"{len(comparison.obsolete)} names must leave {ratchet_file}:"
        yield from cut([f"  {name}: {why}" for name, why in sorted(comparison.obsolete.items())])
    if comparison.new:
        yield f"{len(comparison.new)} tests that pass or are skipped on sqlite3 do not pass here, and are not listed:"
        yield from cut([f"  {record.name}: {record.outcome}" for record in comparison.new])


def cut(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are."""
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"  … and {len(lines) - SHOWN} more"]
