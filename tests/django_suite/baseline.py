"""What sqlite3 does with Django's suite: one file per Django version, naming all tests that do not pass there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .lists import Names, read_names, write_names
from .records import AppRun

COMMENT = """\
What the suite of Django {version} does on sqlite3: per app the number of tests and the seconds that its process took,
then all tests that do not pass, by what became of them. Made by `make django-suite-baseline`; not to be edited."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """``not_passing``: what became of each test that does not pass; ``tests``, ``seconds``: by app."""

    not_passing: dict[str, str]
    tests: dict[str, int]
    seconds: dict[str, float]

    def skips(self, name: str) -> bool:
        """Whether sqlite3 does not run the test."""
        return self.not_passing.get(name, "").startswith("skipped")

    def fails(self, name: str) -> bool:
        """Whether sqlite3 fails the test."""
        return name in self.not_passing and not self.skips(name)


def baseline_file(folder: Path, version: tuple[int, int]) -> Path:
    """The file for the Django of this feature version, as (5, 2)."""
    return folder / f"sqlite3_{version[0]}.{version[1]}.txt"


def read_baseline(path: Path) -> Baseline:
    """FileNotFoundError, with what to do, for a version of Django that has none yet."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `make django-suite-baseline` makes it, with this Django")
    names = read_names(path)
    return Baseline(
        names.by_name(),
        {app: int(tests) for app, tests, _ in names.figures},
        {app: float(seconds) for app, _, seconds in names.figures},
    )


def write_baseline(path: Path, version: str, runs: Iterable[AppRun]) -> None:
    """Record what ``runs``, of the whole suite on sqlite3, show."""
    names = Names()
    for run in runs:
        names.figures.append([run.app, str(len(run.records)), str(run.seconds)])
        for record in run.records.values():
            if not record.passed:
                words = record.reason.strip().splitlines()
                heading = f"{record.outcome}: {words[-1] if words else ''}"
                names.headings.setdefault(heading, []).append(record.name)
    write_names(path, COMMENT.format(version=version), names)
