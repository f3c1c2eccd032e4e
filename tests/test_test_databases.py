"""``manage.py test`` on the engine: in memory, in parallel with each start method, on a file, kept, with pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from django_zodb.base import DatabaseWrapper
from django_zodb.storage.database import Database

TESTS = Path(__file__).parent


def run_tests(*arguments: str, settings: str = "settings", **environment: str) -> str:
    """Run the project's own tests in a process; its output. They must pass."""
    result = subprocess.run(
        [sys.executable, "-m", "django", "test", "django_project", f"--settings=django_project.{settings}", *arguments],
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "System check identified no issues" in result.stdout
    return result.stderr


def count(output: str) -> int:
    found = re.search(r"Ran (\d+) tests", output)
    assert found, output
    return int(found[1])


def test_in_one_process() -> None:
    assert count(run_tests(EXPECTED_DATABASE="^:memory:test_default$")) == 11


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("fork", "^:memory:test_default$"),
        ("spawn", "^:memory:test_default_[12]$"),
        pytest.param(
            "forkserver",  # what Python 3.14 does on Linux
            "^:memory:test_default_[12]$",
            marks=pytest.mark.skipif(django.VERSION < (6, 0), reason="this Django forks or spawns"),
        ),
    ],
)
def test_in_processes(method: str, expected: str) -> None:
    output = run_tests("--parallel=2", settings="settings_started", START_METHOD=method, EXPECTED_DATABASE=expected)
    assert count(output) == 11


@pytest.mark.parametrize("processes", ["1", "2"])
def test_beside_a_server(processes: str) -> None:
    """The server of the settings serves the site: tests never go there."""
    in_memory = "^:memory:test_default(_[12])?$"
    assert count(run_tests(f"--parallel={processes}", settings="settings_server", EXPECTED_DATABASE=in_memory)) == 11


@pytest.mark.parametrize("processes", ["1", "2"])
def test_on_a_data_file(tmp_path: Path, processes: str) -> None:
    run_tests(f"--parallel={processes}", settings="settings_file", DATA_FOLDER=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_kept_database_is_not_migrated_again(tmp_path: Path) -> None:
    first = run_tests("--keepdb", "-v2", settings="settings_file", DATA_FOLDER=str(tmp_path))
    assert "Preserving test database" in first
    modified = (tmp_path / "test_default.fs").stat().st_ino
    second = run_tests("-k", "InTransaction", "--keepdb", settings="settings_file", DATA_FOLDER=str(tmp_path))
    assert (count(first), count(second)) == (11, 4)
    assert (tmp_path / "test_default.fs").stat().st_ino == modified


@pytest.mark.parametrize("name", ["{folder}/Data.fs", ":memory:"])
def test_under_pytest_xdist(tmp_path: Path, name: str) -> None:
    """pytest-django names each worker's database after NAME; what is meant is one in memory, as for sqlite3."""
    (tmp_path / "settings.py").write_text(
        f"DATABASES = {{'default': {{'ENGINE': 'django_zodb', 'NAME': {name.format(folder=tmp_path)!r}}}}}\n"
        "INSTALLED_APPS = ['django.contrib.contenttypes']\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "from django.contrib.contenttypes.models import ContentType\n"
        "from django.db import connection\n"
        "@pytest.mark.django_db\n"
        "@pytest.mark.parametrize('number', range(4))\n"
        "def test_it(number):\n"
        "    ContentType.objects.create(app_label='app', model='model')\n"
        "    assert connection.settings_dict['NAME'].startswith(':memory:test_default_gw')\n"
    )
    before = sorted(path.name for path in tmp_path.iterdir())
    command = [sys.executable, "-m", "pytest", "-n2", "-q", "-p", "no:cacheprovider", "--ds=settings", "-c", os.devnull]
    result = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "test_it.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "4 passed" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == before


# --- what is the site's is not for tests ------------------------------------------------------------------------------


def wrapper(name: Any, test: Any, **settings: Any) -> DatabaseWrapper:
    """The connection of an alias with these names."""
    before = connections["default"].settings_dict
    return DatabaseWrapper({**before, "NAME": name, "TEST": {**before["TEST"], "NAME": test}, **settings}, "default")


@pytest.mark.parametrize("keepdb", [False, True])
@pytest.mark.parametrize("test", ["{}/Data.fs", "{}/link.fs", "{}/x/../Data.fs", "file://{}/Data.fs"])
def test_the_site_s_own_file_is_refused(tmp_path: Path, test: str, keepdb: bool) -> None:
    file = tmp_path / "Data.fs"
    Database.open(file).close()
    (tmp_path / "x").mkdir()
    (tmp_path / "link.fs").symlink_to(file)
    content = file.read_bytes()
    creation = wrapper(file, test.format(tmp_path)).creation
    with pytest.raises(ImproperlyConfigured, match="is the database of the alias 'default' itself: tests would delete"):
        creation.create_test_db(verbosity=0, autoclobber=True, keepdb=keepdb)
    assert file.read_bytes() == content


def test_an_alias_may_be_for_tests_alone(tmp_path: Path) -> None:
    name = str(tmp_path / "Test.fs")
    assert wrapper("", name).creation._create_test_db(verbosity=0, autoclobber=True) == name


def test_the_file_of_another_alias_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["other"].settings_dict, "NAME", str(tmp_path / "Other.fs"))
    creation = wrapper(tmp_path / "Data.fs", tmp_path / "Other.fs").creation
    with pytest.raises(ImproperlyConfigured, match="is the database of the alias 'other' itself"):
        creation.create_test_db(verbosity=0, autoclobber=True)


def test_the_site_s_own_server_is_refused() -> None:
    creation = wrapper("site", "zeo://db2:49275", HOST="db1, db2", PORT="49275").creation
    with pytest.raises(ImproperlyConfigured, match="is the database of the alias 'default' itself"):
        creation.create_test_db(verbosity=0, autoclobber=True)


def test_the_server_is_that_of_the_site_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = wrapper("site", None, HOST="db1", PORT="49275")
    settings = connection.settings_dict
    connection.creation._create_test_db(verbosity=0, autoclobber=True)
    assert (settings["HOST"], settings["PORT"]) == ("", "")
    mirror = wrapper("site", None, HOST="db1", PORT="49275")
    mirror.creation.set_as_test_mirror(settings)
    assert (mirror.settings_dict["HOST"], mirror.settings_dict["PORT"]) == ("", "")
    settings["NAME"] = ":memory:test_server"
    monkeypatch.setitem(django_settings.DATABASES["default"], "NAME", "")
    connection.creation.destroy_test_db("site", verbosity=0)
    assert (settings["NAME"], settings["HOST"], settings["PORT"]) == ("site", "db1", "49275")
