"""Test databases: in memory, migrated once, and copied for each process of ``test --parallel``.

Under ``fork`` the workers have the memory of their parent, and with it a copy of the database. Under ``spawn`` the
parent writes the migrated database to a temporary file, which every worker loads.

Tests never work with what the site works with: not with its file, whatever its name, nor with its server.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import NotSupportedError, connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX, BaseDatabaseCreation

from .storage.database import Database
from .storage.open import MEMORY, locate

DATA_SUFFIXES = ("", ".index", ".lock", ".tmp", ".old")
"""A data file and what lies beside it."""

SNAPSHOT = "SNAPSHOT"
"""In the TEST settings of a database: the file from which spawned workers load it."""


def is_in_memory(name: Any) -> bool:
    """Whether NAME means a database in memory."""
    return isinstance(name, str) and name.startswith((MEMORY, "memory://"))


class DatabaseCreation(BaseDatabaseCreation):
    """Makes, copies and drops test databases."""

    _server: dict[str, Any] | None = None
    """The site's HOST and PORT, while there is a test database."""

    def _get_test_db_name(self) -> str:
        settings = self.connection.settings_dict
        name = os.fspath(settings["TEST"]["NAME"] or MEMORY)
        in_memory = f"{MEMORY}test_{self.connection.alias}"
        # Where none is given, pytest-django gives one to each of xdist's workers: it puts NAME, which may be a path,
        # between a prefix and the worker's name. Only for sqlite3 it knows that there is nothing to name.
        made = f"{TEST_DATABASE_PREFIX}{settings['NAME']}_"
        if name.startswith(made):
            return f"{in_memory}_{name.removeprefix(made)}"
        return in_memory if name == MEMORY else name

    def _create_test_db(self, verbosity: int, autoclobber: bool, keepdb: bool = False) -> str:
        name = self._get_test_db_name()
        self._refuse_sites(name)
        self._leave_server()
        if not keepdb and not is_in_memory(name):
            self._clobber(name, verbosity, autoclobber)
        elif not keepdb:
            self._destroy_test_db(name, verbosity)
        return name

    def _refuse_sites(self, name: str) -> None:
        """ImproperlyConfigured for a name that means what the site, or another alias, works with."""
        wanted = locate(name)
        for each in () if wanted.kind == "memory" else (self.connection, *connections.all()):
            name_and_server = [each.settings_dict[setting] for setting in ("NAME", "HOST", "PORT")]
            if each.vendor != self.connection.vendor or not any(name_and_server):
                continue
            site = locate(*name_and_server)
            if wanted == site or not set(wanted.addresses).isdisjoint(site.addresses):
                raise ImproperlyConfigured(
                    f"settings.DATABASES[{self.connection.alias!r}]: TEST NAME {name!r} is the database of the alias "
                    f"{each.alias!r} itself: tests would delete it. Name another file, or none, for one in memory"
                )

    def _leave_server(self) -> None:
        """Take the server out of the settings, which would have the tests work with the site's data."""
        settings = self.connection.settings_dict
        self._server = {"HOST": settings["HOST"], "PORT": settings["PORT"]}
        settings.update(HOST="", PORT="")

    def set_as_test_mirror(self, primary_settings_dict: dict[str, Any]) -> None:
        """As Django; a mirror is where the other one is, too."""
        super().set_as_test_mirror(primary_settings_dict)
        self.connection.settings_dict.update({name: primary_settings_dict[name] for name in ("HOST", "PORT")})

    def destroy_test_db(self, old_database_name: str | None = None, *args: Any, **kwargs: Any) -> None:
        """As Django; where the site's NAME comes back, its server does, too."""
        super().destroy_test_db(old_database_name, *args, **kwargs)
        if old_database_name is not None:
            self.connection.settings_dict.update(self._server or {})

    def _clobber(self, name: str, verbosity: int, autoclobber: bool) -> None:
        """Remove the data file of an earlier run, having asked the user unless ``autoclobber``."""
        if not Path(name).exists():
            return
        if verbosity >= 1:
            shown = self._get_database_display_str(verbosity, name)  # type: ignore[attr-defined]
            self.log(f"Destroying old test database for alias {shown}...")
        if not autoclobber:
            answer = input(
                f"Type 'yes' if you would like to try deleting the test database '{name}', or 'no' to cancel: "
            )
            if answer != "yes":
                self.log("Tests cancelled.")
                sys.exit(1)
        self._destroy_test_db(name, verbosity)

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        if is_in_memory(test_database_name):
            Database.open(test_database_name).close()
            self._forget_snapshot()
            return
        if Path(test_database_name).exists():
            self._opened(test_database_name).close()
        for suffix in DATA_SUFFIXES:
            Path(test_database_name + suffix).unlink(missing_ok=True)

    def _opened(self, name: str) -> Database:
        return Database.open(name, **self.connection.settings_dict["OPTIONS"])

    # --- copies for parallel tests -------------------------------------------------------------------------------

    def get_test_db_clone_settings(self, suffix: str) -> dict[str, Any]:
        """The settings of the copy for one worker."""
        settings = self.connection.settings_dict
        name = settings["NAME"]
        if not is_in_memory(name):
            path = Path(name)
            return {**settings, "NAME": str(path.with_name(f"{path.stem}_{suffix}{path.suffix}"))}
        match multiprocessing.get_start_method():
            case "fork":
                return settings
            case "spawn" | "forkserver":
                return {**settings, "NAME": f"{name}_{suffix}"}
            case method:
                raise NotSupportedError(f"Cloning with start method {method!r} is not supported.")

    def _clone_test_db(self, suffix: str, verbosity: int, keepdb: bool = False) -> None:
        name = self.connection.settings_dict["NAME"]
        target = self.get_test_db_clone_settings(suffix)["NAME"]
        if not is_in_memory(name):
            self._copy_file(name, target, keepdb)
        elif target != name and SNAPSHOT not in self.connection.settings_dict["TEST"]:
            self._write_snapshot(name)

    def _copy_file(self, name: str, target: str, keepdb: bool) -> None:
        if keepdb and Path(target).exists():
            return
        self.connection.close()
        self._opened(name).close()
        for suffix in DATA_SUFFIXES:
            Path(target + suffix).unlink(missing_ok=True)
        shutil.copyfile(name, target)

    def _write_snapshot(self, name: str) -> None:
        """One file serves all workers, who learn of it by the settings that they are given."""
        descriptor, path = tempfile.mkstemp(prefix="django_zodb_test_", suffix=".snapshot")
        with os.fdopen(descriptor, "wb") as file:
            file.write(Database.open(name).serialise())
        self.connection.settings_dict["TEST"][SNAPSHOT] = path

    def _forget_snapshot(self) -> None:
        path = self.connection.settings_dict["TEST"].pop(SNAPSHOT, None)
        if path is not None:
            Path(path).unlink(missing_ok=True)

    def setup_worker_connection(self, _worker_id: int) -> None:
        """In a worker: connect to its own copy."""
        settings = self.connection.settings_dict
        settings.update(self.get_test_db_clone_settings(str(_worker_id)))  # in place: new threads look there
        self.connection.close()
        path = settings["TEST"].get(SNAPSHOT)
        if path is not None and is_in_memory(settings["NAME"]):
            Database.restore(settings["NAME"], Path(path).read_bytes(), **settings["OPTIONS"])
            if os.environ.get("RUNNING_DJANGOS_TEST_SUITE") == "true":
                self.mark_expected_failures_and_skips()

    def test_db_signature(self) -> tuple[Any, ...]:
        """Equal for aliases that mean one database; of those in memory each alias has its own."""
        settings = self.connection.settings_dict
        return (
            settings["HOST"],
            settings["PORT"],
            settings["ENGINE"],
            str(settings["NAME"]),
            self._get_test_db_name(),
        )
