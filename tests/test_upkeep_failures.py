"""The commands for upkeep where something else is wrong than the database: settings, arguments, disks, readers."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connections
from test_upkeep import command, run, two_databases

from django_zodb.errors import OperationalError
from django_zodb.storage.database import Database


def failed(name: str, *arguments: str, code: int = 2, **options: Any) -> str:
    """What the command says that fails with this exit code."""
    with pytest.raises(CommandError) as caught:
        run(name, *arguments, stdout=io.StringIO(), stderr=io.StringIO(), **options)
    assert caught.value.returncode == code
    return str(caught.value)


def reopened(alias: str, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Give the alias other settings, as another process might have them."""
    connections[alias].close()
    for name, value in settings.items():
        monkeypatch.setitem(connections[alias].settings_dict, name, value)


# --- what is read-only ----------------------------------------------------------------------------------------------


@two_databases
def test_what_is_read_only_is_checked_and_not_repaired(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reopened(alias, monkeypatch, OPTIONS={"read_only": True})
    assert command("zodbcheck", database=alias).startswith("Sound: ")
    assert "django_project_author" in command("zodbstats", database=alias)
    for arguments in (("zodbcheck", "--repair"), ("zodbpack",)):
        said = failed(*arguments, database=alias)
        assert said == "the database 'other' has the option read_only: take that away for what this is to write"


def test_what_is_empty_and_read_only_is_called_so() -> None:
    with pytest.raises(OperationalError, match="is empty, and not to be written: make the tables first"):
        Database.open(":memory:nothing", read_only=True)
