"""Options of the test run."""

from __future__ import annotations

import os

import pytest
from django_suite import alike


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
