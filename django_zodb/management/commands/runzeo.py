"""``manage.py runzeo``: serve the database of the settings to other processes and hosts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from django_zodb.serving import Endpoint, serve


class Command(BaseCommand):
    """Serves an alias's own storage by ZEO until it is interrupted."""

    help = "Serves the database by ZEO; set HOST and PORT for the processes that use it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen and for whom."""
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--host", help="address to listen on (default: HOST of the settings, or 127.0.0.1)")
        parser.add_argument("--port", type=int, help="port to listen on (default: PORT of the settings, or 49275)")
        parser.add_argument("--socket", metavar="PATH", help="listen on a Unix socket instead")
        tls = parser.add_argument_group("TLS")
        tls.add_argument("--certificate", metavar="FILE", help="the server's certificate chain, PEM")
        tls.add_argument("--key", metavar="FILE", help="its private key, if that is not in the same file")
        tls.add_argument("--ca", metavar="FILE", help="clients must show a certificate signed by one of these")
        tls.add_argument(
            "--insecure", action="store_true", help="listen beyond this machine although anybody could come in"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the server; returns after SIGINT or SIGTERM, with the storage closed."""
        endpoint = Endpoint(**{name: options[name] for name in Endpoint.__dataclass_fields__})
        serve(connections[options["database"]].settings_dict, endpoint, self.stdout)
