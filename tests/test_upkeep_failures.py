"""The commands for upkeep where something else is wrong than the database: settings, arguments, disks, readers."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connections
from django_project.models import Author
from test_upkeep import command, run, two_databases

from django_zodb import dbapi
from django_zodb.errors import OperationalError
from django_zodb.storage.check import check
from django_zodb.storage.database import Database
from django_zodb.storage.dump import opened, walk
from django_zodb.storage.open import locate
from django_zodb.storage.options import Options
from django_zodb.storage.progress import silent


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


# --- damage ---------------------------------------------------------------------------------------------------------


def damaged(path: Path, text: bytes) -> None:
    """Change one bit of the last place where the file holds the text."""
    content = bytearray(path.read_bytes())
    content[content.rindex(text)] ^= 1
    path.write_bytes(content)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A file with a table of many short texts and a long one."""
    path = tmp_path / "Data.fs"
    connection = dbapi.connect(path)
    connection.execute("CREATE TABLE note (id bigint PRIMARY KEY, text text)")
    connection.execute("INSERT INTO note VALUES (0, %s)", ["long " * 3000])
    for number in range(1, 301):
        connection.execute("INSERT INTO note VALUES (%s, %s)", [number, f"short {number}"])
    connection.commit()
    connection.session.database.close()
    return path


@pytest.mark.parametrize("text", [b"long long", b"short 150"])
def test_damage_is_told_once(
    texts: Path, text: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged(texts, text)
    connection = dbapi.connect(texts)
    found = check(connection.session, silent)
    assert any("its checksum is wrong" in problem.message for problem in found.problems)
    for query in ("SELECT * FROM note", "SELECT max(length(text)) FROM note", "SELECT * FROM note LIMIT 1 OFFSET 290"):
        with pytest.raises(OperationalError, match="its checksum is wrong") as caught:
            connection.execute(query).fetchall()
        assert not any(isinstance(error, SystemError) for error in causes(caught.value))
    connection.session.database.close()
    with pytest.raises(OperationalError, match="its checksum is wrong"), opened(locate(texts), Options()) as root:
        list(walk(root))
    assert not caplog.records
    assert capfd.readouterr().err == ""


def causes(error: BaseException | None) -> list[BaseException]:
    """The error and all that it came from or after; none of them from itself."""
    found: list[BaseException] = []
    while error is not None:
        assert error not in found
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def test_what_a_closed_connection_is_asked_is_not_logged(texts: Path, caplog: pytest.LogCaptureFixture) -> None:
    connection = dbapi.connect(texts, read_only=True)
    leaf = connection.session.catalog.root["tables"]["note"]
    leaf._p_deactivate()
    connection.close()
    with pytest.raises(OperationalError, match="its connection is closed"):
        len(leaf.keys())
    assert not caplog.records


# --- settings and arguments -------------------------------------------------------------------------------------------

COMMANDS = [("zodbcheck",), ("zodbstats",), ("zodbpack",), ("zodbbackup", "backups"), ("zodbrestore", "backups")]


@two_databases
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"OPTIONS": {"nonsense": 1}}, "unknown option 'nonsense'"),
        ({"OPTIONS": {"pool_size": 0}}, "pool_size must be 1 at least, got 0"),
        ({"OPTIONS": ["read_only"]}, "OPTIONS must be a dictionary"),
        ({"NAME": "zeo://127.0.0.1:abc"}, "NAME is not understood"),
        ({"NAME": ":memory:never"}, ":memory:never lives in the memory of one process"),
    ],
)
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_settings_that_make_no_sense(
    alias: str, settings: dict[str, Any], said: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    reopened(alias, monkeypatch, **settings)
    assert said in failed(*arguments, database=alias)


@two_databases
def test_a_port_that_makes_no_sense(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reopened(alias, monkeypatch, PORT="abc")
    for name in ("zodbcheck", "zodbstats", "zodbpack"):
        said = failed(name, database=alias)
        assert said == "settings.DATABASES['other']: PORT must be a number from 1 to 65535, got 'abc'"


@two_databases
def test_days(alias: str) -> None:
    for wrong in ("-1", "nan", "inf"):
        assert "--days must not be negative, and a number, got " in failed("zodbpack", "--days", wrong, database=alias)
    assert " 0 B freed" in command("zodbpack", "--days", "1000000", database=alias)


# --- clocks ---------------------------------------------------------------------------------------------------------


@two_databases
def test_packing_after_a_clock_was_ahead(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed after that is of a time to come, too."""

    def packed(days: int) -> int:
        return int(json.loads(command("zodbpack", database=alias, days=days, json=True))["bytes_after"])

    now = time.time
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now() + 3650 * 86400)
        Author.objects.using(alias).get().save()
    for number in range(20):
        Author.objects.using(alias).update(name=f"{number:02}" * 50)
    recent, none = packed(days=30), packed(days=0)
    assert none < recent - 20 * 100, "the updates are of the last 30 days, after none of which there is no history"
    assert packed(days=0) == none
