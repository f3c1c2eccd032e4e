"""``manage.py zodbpack``: free the space of what has been changed and deleted."""

from __future__ import annotations

import math
from typing import Any

from django.core.management.base import CommandError, CommandParser

from django_zodb.upkeep import Bar, UpkeepCommand, connected, size


class Command(UpkeepCommand):
    """Packs an alias's database. Others may read and write meanwhile."""

    help = "Frees the space of old revisions and deleted rows. Undo and time travel reach back to the pack's time."

    def add_arguments(self, parser: CommandParser) -> None:
        """How much of the history stays."""
        super().add_arguments(parser)
        parser.add_argument("--days", type=float, default=0, help="keep the history of so many days (default: none)")

    def work(self, alias: str, options: dict[str, Any], bar: Bar) -> None:
        """Pack, and tell what it has freed."""
        if not 0 <= options["days"] < math.inf:
            raise CommandError(f"--days must not be negative, and a number, got {options['days']:g}", returncode=2)
        with connected(alias, read_only=False) as connection:
            database = connection.session.database
            before, after = database.pack(max(database.time() - options["days"] * 86400, 0), bar)
        result = {"bytes_before": before, "bytes_after": after}
        self.answer(options, result, f"{size(before)} before, {size(after)} after: {size(before - after)} freed")
