"""``manage.py test`` on the engine: in memory, in parallel by fork and by spawn, on a file, kept, and with pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_in_forked_processes() -> None:
    assert count(run_tests("--parallel=2", EXPECTED_DATABASE="^:memory:test_default$")) == 11


def test_in_spawned_processes() -> None:
    output = run_tests("--parallel=2", settings="settings_spawn", EXPECTED_DATABASE="^:memory:test_default_[12]$")
    assert count(output) == 11


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
