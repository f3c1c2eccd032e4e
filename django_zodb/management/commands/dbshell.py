"""``manage.py dbshell``: for ZODB a Python shell in the database, for other engines Django's own."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import dbshell


class Command(dbshell.Command):
    """Django's dbshell with ``-c``; the engine's client runs the shell (see ``django_zodb.shell``)."""

    help = "Runs a Python shell in a ZODB database, or the command-line client of any other."

    def add_arguments(self, parser: CommandParser) -> None:
        """Django's arguments and ``-c``."""
        super().add_arguments(parser)
        parser.add_argument("-c", "--command", metavar="CODE", help="run this code and end")

    def handle(self, **options: Any) -> None:
        """Run the client."""
        if options["command"] is not None:
            options["parameters"] = ["-c", options["command"], *options["parameters"]]
        super().handle(**options)
