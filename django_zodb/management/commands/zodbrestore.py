"""``manage.py zodbrestore``: make a data file from a backup, as it was at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from django_zodb.serving import location_of
from django_zodb.storage.restore import restore
from django_zodb.upkeep import Bar, UpkeepCommand, moment, size


class Command(UpkeepCommand):
    """Makes a new data file; never replaces one."""

    help = "Makes a data file from the backups in a folder, as it was at a point in time, and verifies it."

    def add_arguments(self, parser: CommandParser) -> None:
        """From where, where to, and of when."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, help="the folder of the backups")
        parser.add_argument("--output", type=Path, metavar="FILE", help="the file to make (default: NAME, if missing)")
        parser.add_argument("--at", metavar="TIME", help="the state at that time, such as '2030-12-31 18:00'")

    def work(self, alias: str, options: dict[str, Any], bar: Bar) -> None:
        """Restore, and tell what there is now."""
        output = options["output"]
        if output is None:
            location, _ = location_of(connections[alias].settings_dict, follow_host=False)
            if location.kind != "file":
                raise CommandError(f"{location} is no data file: give --output", returncode=2)
            output = Path(location.name)
        at = moment(options["at"]) if options["at"] else None
        found = restore(options["folder"], output, bar, at, self.stderr.write)
        result = {"file": found.path, "bytes": found.bytes, "transactions": found.transactions, "last": found.last}
        last = f", the last of {found.last:%Y-%m-%d %H:%M:%S} UTC" if found.last else ""
        self.answer(options, result, f"{output}: {size(found.bytes)}, {found.transactions} transactions{last}")
