"""What the commands for upkeep have in common: their options, progress bars, errors, sessions and output as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from . import dbapi
from .clock import dt
from .errors import Error
from .printing import told
from .serving import location_of, no_other_process
from .storage.database import is_open
from .storage.failures import STORAGE_ERRORS, translated
from .storage.open import locate

_UNSOUND = 1
_FAILED = 2


class Bar:
    """A progress bar on a terminal, and nothing elsewhere; a ``storage.progress.Report``."""

    def __init__(self, stream: Any, shown: bool) -> None:
        self._stream = stream
        self._shown = shown
        self._bar: Any = None
        self._what = ""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show how far the work is."""
        if not self._shown:
            return
        if self._bar is None or what != self._what:
            from tqdm import tqdm  # only where somebody watches

            self.close()
            self._what = what
            scaled = "bytes" in what
            self._bar = tqdm(
                desc=what, total=total, file=self._stream, unit="B" if scaled else "", unit_scale=scaled, leave=False
            )
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class UpkeepCommand(BaseCommand):
    """Runs ``work``; what cannot be done is a CommandError with exit code 2, what is found to be wrong one with 1."""

    requires_system_checks = ()
    has_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        """The options that all have."""
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        if self.has_json:
            parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the work, with a progress bar where somebody sees it."""
        quiet = options["verbosity"] == 0 or options.get("json", False)
        bar = Bar(self.stderr, shown=not quiet and self.stderr.isatty())
        alias = options["database"]
        try:
            if connections[alias].vendor != "zodb":
                raise CommandError(f"the database {alias!r} is not one of django_zodb", returncode=_FAILED)
            self.work(alias, options, bar)
        except (Error, ImproperlyConfigured) as error:
            raise CommandError(str(error), returncode=_FAILED) from error
        except STORAGE_ERRORS as error:
            raise CommandError(str(translated(error)), returncode=_FAILED) from error
        finally:
            bar.close()

    def work(self, alias: str, options: dict[str, Any], bar: Bar) -> None:
        """What the command does."""
        raise NotImplementedError

    def answer(self, options: dict[str, Any], result: dict[str, Any], *lines: str) -> None:
        """Print the result: as JSON, or these lines."""
        if options.get("json"):
            told(self.stdout, [json.dumps(result, default=str)])
        elif options["verbosity"] > 0:
            told(self.stdout, lines)


def unsound(message: str) -> CommandError:
    """The error of a command that has found something wrong."""
    return CommandError(message, returncode=_UNSOUND)


@contextmanager
def connected(alias: str, read_only: bool = True) -> Iterator[dbapi.Connection]:
    """A connection of its own to an alias's database; read-only it works beside whoever else has a file open.

    One in memory is that of this process, of its tests for instance, or there is none.
    """
    params = connections[alias].get_connection_params()
    if params.get("read_only") and not read_only:
        raise CommandError(
            f"the database {alias!r} has the option read_only: take that away for what this is to write",
            returncode=_FAILED,
        )
    location = locate(params["database"], params["host"], params["port"])
    in_memory = location.kind == "memory"
    if in_memory and not is_open(location):
        raise no_other_process(location)
    if location.kind == "file":
        data_file(alias)
    own = read_only and not in_memory and not params.get("read_only")
    connection = dbapi.connect(**params | ({"read_only": True} if own else {}))
    database = connection.session.database
    try:
        yield connection
    finally:
        connection.close()
        if own:
            database.close()


def data_file(alias: str) -> str:
    """The path of an alias's data file; CommandError if NAME is none, or not on this machine."""
    location, _ = location_of(connections[alias].settings_dict, follow_host=False)
    if location.kind != "file":
        raise CommandError(f"{location} is no data file, and only those are backed up", returncode=_FAILED)
    if not Path(location.name).exists():
        hint = ": run this on the host of the server" if connections[alias].settings_dict["HOST"] else ""
        raise CommandError(f"there is no file {location.name}{hint}", returncode=_FAILED)
    return location.name


def moment(text: str) -> dt.datetime:
    """A point in time, in the current time zone unless it says otherwise; CommandError."""
    try:
        found = parse_datetime(text)
        day = parse_date(text) if found is None else None
    except ValueError as error:
        raise CommandError(f"{text!r} is no time: {error}", returncode=_FAILED) from error
    if day is not None:
        found = dt.datetime.combine(day, dt.time())
    if found is None:
        raise CommandError(f"{text!r} is no time; write for example '2030-12-31 18:00'", returncode=_FAILED)
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def size(number: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
