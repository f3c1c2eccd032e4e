"""``manage.py dumpzodb``: print what the database holds, object by object and row by row."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from django_zodb.errors import Error
from django_zodb.printing import told
from django_zodb.serving import location_of
from django_zodb.storage.dump import as_json, as_tree, opened, walk

FORMATS = {"tree": as_tree, "jsonl": as_json}


class Command(BaseCommand):
    """Dumps an alias's object tree, read-only; a site may have the file open meanwhile."""

    help = "Prints the object tree of the database, one row per line. Reads only; works while the site runs."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """What to print and how."""
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--table", help="only the rows of this table")
        parser.add_argument("--limit", type=int, metavar="N", help="at most N rows per table and N keys per index")
        parser.add_argument("--format", choices=tuple(FORMATS), default="tree", help="for people, or JSON Lines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print; an empty database prints nothing."""
        if options["limit"] is not None and options["limit"] < 0:
            raise CommandError(f"--limit must not be negative, got {options['limit']}")
        render = FORMATS[options["format"]]
        try:
            with opened(*location_of(connections[options["database"]].settings_dict)) as root:
                if root is not None:
                    told(self.stdout, map(render, walk(root, options["table"], options["limit"])))
        except Error as error:
            raise CommandError(str(error)) from error
