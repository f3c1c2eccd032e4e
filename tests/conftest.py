"""Options of the test run, and a site's database for the tests of management commands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django_suite import alike

from django_zodb.base import DatabaseWrapper
from django_zodb.storage.database import Database


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the answers into the golden SQL files")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium with chromedriver")
    alike.watch()
    config.addinivalue_line("markers", "torture: takes long; run by `make torture`, which sets TORTURE")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to `make torture`."""
    if not os.environ.get("TORTURE"):
        long = [item for item in items if item.get_closest_marker("torture")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was skipped for want of a browser."""
    missed = [report for report in terminalreporter.stats.get("skipped", []) if "NOT RUN" in str(report.longrepr)]
    if missed:
        terminalreporter.section("NOT RUN", sep="!", red=True, bold=True)
        for report in missed:
            terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2]}")
        terminalreporter.write_line("Debian, Ubuntu: apt-get install chromium chromium-driver")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Path:
    """A file with the tables of the models, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "Data.fs"
    before = connections["other"]
    connections["other"] = DatabaseWrapper({**before.settings_dict, "NAME": str(path)}, "other")
    with django_db_blocker.unblock():
        call_command("migrate", database="other", verbosity=0)
    connections["other"].close()
    connections["other"] = before
    Database.open(path).close()
    return path


@pytest.fixture
def alias(tmp_path: Path, migrated: Path, db: None) -> Iterator[str]:
    """An alias whose database is a file with the tables of the models."""
    from django_project.models import Author  # not before the apps are loaded

    before = connections["other"]
    path = tmp_path / "site" / "Data.fs"
    path.parent.mkdir()
    shutil.copy(migrated, path)
    wrapper = DatabaseWrapper({**before.settings_dict, "NAME": str(path)}, "other")
    connections["other"] = wrapper
    Author.objects.using("other").create(name="Ada")
    yield "other"
    wrapper.close()
    Database.open(path).close()
    connections["other"] = before
