"""Holds a run against sqlite3's and against the list of tests known not to pass, which may only grow shorter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .baseline import Baseline
from .lists import read_names
from .records import AppRun, Record

EXCUSED = (
    (re.compile(r"sqlite|defensive test only works on databases that don't validate", re.I), "for sqlite3 alone"),
    (re.compile(r"^This test is only supported on the built-in database backends"), "for Django's own backends alone"),
    (re.compile(r"^Database has feature\(s\)"), "skipped because a feature is present"),
)
"""Reasons of skips that do not count, and in short why: nothing is missing where these tests do not run."""


SOMETIMES = "Sometimes: "
"""How the reason of a test starts that may pass as well: one that measures time, on any backend."""


def listed_in(path: Path) -> dict[str, str]:
    """The tests known not to pass, with the reason; none for a version of Django that is tried, and has no list yet."""
    return read_names(path).by_name() if path.exists() else {}


@dataclass(slots=True)
class Comparison:
    """The verdict on a run."""

    new: list[Record] = field(default_factory=list)  # not passing, and not listed
    listed: list[Record] = field(default_factory=list)  # not passing, as listed
    obsolete: dict[str, str] = field(default_factory=dict)  # listed, but why it must leave the list
    gained: list[Record] = field(default_factory=list)  # passing, and skipped on sqlite3
    excused: dict[str, list[Record]] = field(default_factory=dict)  # not running, which is as it should be

    @property
    def ok(self) -> bool:
        """Whether the list says exactly what is so."""
        return not self.new and not self.obsolete


def excuse(record: Record) -> str | None:
    """Why a skipped test does not count, or None."""
    if not record.skipped:
        return None
    return next((why for pattern, why in EXCUSED if pattern.search(record.reason)), None)


def compare(runs: Iterable[AppRun], baseline: Baseline, listed: Mapping[str, str]) -> Comparison:
    """Judge all records of ``runs``. Names in ``listed`` of apps that did not run are left alone."""
    found = Comparison()
    for run in runs:
        for record in run.records.values():
            judge(record, baseline, listed, found)
        if run.whole:
            expected = baseline.tests.get(run.app, 0)
            if (lost := expected - len(run.records)) > 0:
                found.new.append(Record(f"{run.app} ({lost} tests of {expected})", "missing"))
            gone = (name for name in listed if name.split(".")[0] == run.app and name not in run.records)
            found.obsolete.update(dict.fromkeys(gone, "there is no such test"))
    return found


def judge(record: Record, baseline: Baseline, listed: Mapping[str, str], found: Comparison) -> None:
    """Put ``record`` where it belongs in ``found``."""
    if record.passed:
        if record.name in listed and not listed[record.name].startswith(SOMETIMES):
            found.obsolete[record.name] = "it passes"
        if baseline.skips(record.name):
            found.gained.append(record)
    elif baseline.fails(record.name) or (record.skipped and baseline.skips(record.name)):
        if record.name in listed:
            found.obsolete[record.name] = "it does not pass on sqlite3 either"
    elif (why := excuse(record)) is not None:
        found.excused.setdefault(why, []).append(record)
        if record.name in listed:
            found.obsolete[record.name] = f"it does not count: {why}"
    elif record.name in listed:
        found.listed.append(record)
    else:
        found.new.append(record)
