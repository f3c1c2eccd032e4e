"""What became of each test: lines of JSON that a worker wrote → one Record per test that was planned."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

PASSED = frozenset({"passed", "expected failure"})
GOOD_ORDER = ("passed", "expected failure", "skipped", "failed", "error", "crashed", "hung", "missing")
"""Outcomes, the better first: of two for one name the worse counts."""

FIXTURE = re.compile(r"(?P<name>\w+) \((?P<owner>[\w.]+)\)")
"""How unittest names what happened outside any test: ``setUpClass (module.Class)``."""


@dataclass(frozen=True, slots=True)
class Record:
    """One test, or one class or module fixture, and what became of it. ``reason``: of a skip; else the traceback."""

    name: str
    outcome: str
    reason: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether it ran and did what its author wants."""
        return self.outcome in PASSED

    @property
    def skipped(self) -> bool:
        """Whether it did not run."""
        return self.outcome == "skipped"

    @property
    def failed(self) -> bool:
        """Whether it was to run and did not do what its author wants."""
        return not self.passed and not self.skipped


@dataclass(slots=True)
class AppRun:
    """All records of one app, in the order of the tests, and the time that its process took."""

    app: str
    whole: bool  # all of it was to run, not only some labels
    records: dict[str, Record] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, record: Record) -> None:
        """Keep ``record``, unless a worse one of that name is there."""
        known = self.records.get(record.name)
        if known is None or GOOD_ORDER.index(known.outcome) < GOOD_ORDER.index(record.outcome):
            self.records[record.name] = record


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a record file; the last one is left out if its writer died within it."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n") if line]


@dataclass(slots=True)
class Attempt:
    """What one worker process wrote."""

    planned: list[str] | None = None  # None: it died before it knew
    records: list[Record] = field(default_factory=list)
    running: str | None = None  # started, not ended


def read_attempt(path: Path) -> Attempt:
    """The state in which the worker that writes ``path`` is, or was when it died."""
    attempt = Attempt()
    for line in read_lines(path):
        match line:
            case {"plan": plan}:
                attempt.planned = plan
            case {"start": name}:
                attempt.running = name
            case {"test": name, "outcome": outcome, "reason": reason, "seconds": seconds}:
                attempt.running = None
                attempt.records.append(Record(name, outcome, reason, seconds))
            case {"fixture": name, "outcome": outcome, "reason": reason}:
                attempt.records.append(Record(name, outcome, reason))
    return attempt


def spread_fixtures(attempt: Attempt) -> Iterator[Record]:
    """The records of ``attempt``; that of a class or module set up in vain becomes one for each test it stopped."""
    seen = {record.name for record in attempt.records}
    for record in attempt.records:
        fixture = FIXTURE.fullmatch(record.name)
        if fixture is None:
            yield record
            continue
        kept = [n for n in attempt.planned or () if n not in seen and n.startswith(fixture["owner"] + ".")]
        yield from (replace(record, name=name) for name in kept)
        if not kept:
            yield record


def unfinished(attempt: Attempt, records: Iterable[Record]) -> list[str]:
    """The names that were planned and of which nothing is known, in order."""
    known = {record.name for record in records}
    return [name for name in attempt.planned or () if name not in known]
