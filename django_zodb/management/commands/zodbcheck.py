"""``manage.py zodbcheck``: is everything there and right?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from django_zodb.model_check import differences
from django_zodb.storage.check import Found, check, repair
from django_zodb.upkeep import Bar, UpkeepCommand, connected, unsound


class Command(UpkeepCommand):
    """Checks an alias's database at one moment; exit code 1 if something is wrong. Others may read and write."""

    help = (
        "Checks that every record loads, that rows, indexes and counts agree, that constraints hold, and that the "
        "tables are those of the models. Exit code: 0 sound, 1 not, 2 it could not be checked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to mend."""
        super().add_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="make broken indexes, counts and sequences again")
        parser.add_argument("--no-models", action="store_true", help="do not compare the tables with the models")

    def work(self, alias: str, options: dict[str, Any], bar: Bar) -> None:
        """Check; with --repair mend and check again."""
        done: list[str] = []
        with connected(alias, read_only=not options["repair"]) as connection:
            found = check(connection.session, bar)
            if options["repair"] and any(problem.repairable for problem in found.problems):
                done = repair(connection.session, found, bar)
                found = check(connection.session, bar)
            if not options["no_models"]:
                for problem in differences(alias, connection.session.catalog):
                    found.add(problem)
        bar.close()
        self.answer(options, _as_json(found, done), *done, *_as_lines(found))
        if found.total:
            raise unsound(f"{found.total} problems")


def _as_json(found: Found, done: list[str]) -> dict[str, Any]:
    sums = {"tables": found.tables, "rows": found.rows, "records": found.records}
    problems = [
        asdict(problem) | {"count": found.counts[problem.kind, problem.table, problem.name]}
        for problem in found.problems
    ]
    return {"sound": not found.total, **sums, "repaired": done, "problem_count": found.total, "problems": problems}


def _as_lines(found: Found) -> list[str]:
    lines = [f"{problem.kind}: {problem.message}" for problem in found.problems]
    if found.total > len(lines):
        lines.append(f"… and {found.total - len(lines)} more like these")
    return lines or [f"Sound: {found.tables} tables, {found.rows} rows, {found.records} records"]
