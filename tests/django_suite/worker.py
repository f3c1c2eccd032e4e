"""Runs labels of Django's suite in this process and writes a line of JSON for all that happens.

``worker.py RECORD_FILE DONE_FILE SETTINGS LABEL…``, in the folder of Django's ``runtests.py``, which does the work;
only its test runner is exchanged. Lines: ``{"plan": [ids]}``, ``{"start": id}``, ``{"test": id, "outcome": …}``.
Tests whose ids stand in DONE_FILE are left out. Imports nothing of this package, so that nothing of it is on the path.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import sys
import time
import traceback
import unittest
from pathlib import Path
from typing import Any

import django.test.utils
from django.test.runner import DiscoverRunner
from django.test.utils import iter_test_cases  # type: ignore[attr-defined]  # missing in the stubs

MEMORY_BYTES = 6 << 30
ERROR_CHARS = 6000


class Journal:
    """Appends a line at a time, unbuffered, so that a crash loses nothing; only in the process that opened it."""

    def __init__(self, path: Path, done: frozenset[str]) -> None:
        self.done = done
        self._pid = os.getpid()
        self._file = path.open("ab", buffering=0)

    def write(self, **line: Any) -> None:
        """Append ``line``."""
        if os.getpid() == self._pid:
            self._file.write(json.dumps(line).encode() + b"\n")


class RecordingResult(unittest.TextTestResult):
    """Notes the outcome of each test; that of a failing subtest counts for its test."""

    journal: Journal  # set by main, as that of the runner is

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._found: tuple[str, str] = ("passed", "")
        self._started_s = time.perf_counter()
        self.journal.write(start=test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        if hasattr(self, "_found"):  # Python 3.12.1 stops a skipped test that it has not started
            outcome, reason = self._found
            seconds = round(time.perf_counter() - self._started_s, 3)
            self.journal.write(test=test.id(), outcome=outcome, reason=reason, seconds=seconds)
            del self._found
        super().stopTest(test)

    def _note(self, test: unittest.TestCase, outcome: str, reason: str) -> None:
        """Keep ``outcome`` for stopTest; what befalls a class or module before or after its tests has no stopTest."""
        if not hasattr(self, "_found"):
            self.journal.write(fixture=test.id(), outcome=outcome, reason=reason)
        elif self._found[0] in ("passed", "skipped"):
            self._found = (outcome, reason)

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self._note(test, "error", shown(err))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test, "failed", shown(err))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failed" if issubclass(err[0], test.failureException) else "error", shown(err))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, "skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self._note(test, "expected failure", "")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._note(test, "failed", "Unexpected success")


def shown(err: Any) -> str:
    """The end of the traceback."""
    return "".join(traceback.format_exception(*err))[-ERROR_CHARS:]


class RecordingRunner(DiscoverRunner):
    """Django's runner with a result that records."""

    journal: Journal

    def build_suite(self, *args: Any, **kwargs: Any) -> unittest.TestSuite:
        suite = super().build_suite(*args, **kwargs)
        tests = [test for test in iter_test_cases(suite) if test.id() not in self.journal.done]
        self.journal.write(plan=[test.id() for test in tests])
        return self.test_suite(tests)

    def get_resultclass(self) -> type[RecordingResult]:
        return RecordingResult


def main(record_file: str, done_file: str, settings_module: str, *labels: str) -> None:
    done = frozenset(Path(done_file).read_text(encoding="utf-8").split("\n"))
    RecordingRunner.journal = RecordingResult.journal = Journal(Path(record_file), done)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    original = django.test.utils.get_runner

    def get_runner(settings: Any, test_runner_class: str | None = None) -> type[DiscoverRunner]:
        """For runtests.py, which calls it once; what tests ask for is not touched."""
        django.test.utils.get_runner = original
        return RecordingRunner

    django.test.utils.get_runner = get_runner
    sys.path[0] = str(Path.cwd())
    sys.argv = ["runtests.py", f"--settings={settings_module}", "--noinput", "--parallel=1", *labels]
    runpy.run_path("runtests.py", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
