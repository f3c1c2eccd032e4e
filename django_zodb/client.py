"""``dbshell``, also without ``django_zodb`` in INSTALLED_APPS."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.backends.base.client import BaseDatabaseClient


class DatabaseClient(BaseDatabaseClient):
    """Runs the Python shell in this process: there is no program to start."""

    executable_name = "python"

    def runshell(self, parameters: Iterable[str] | None) -> None:
        """Run the shell; ``parameters`` are its command line: ``-c CODE`` or nothing."""
        from .shell import run  # it imports the models, which the engine must not need

        run(self.connection, list(parameters or ()))
