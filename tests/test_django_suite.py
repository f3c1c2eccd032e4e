"""The runner of Django's suite, on a small suite that crashes, hangs and fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django_suite.baseline import Baseline, read_baseline, write_baseline
from django_suite.causes import cause, grouped
from django_suite.jobs import Job, Place, jobs_for, run_job, run_jobs
from django_suite.lists import Names, read_names, write_names
from django_suite.ratchet import compare, listed_in
from django_suite.records import AppRun, Record
from django_suite.report import counts, verdict
from django_suite.source import find_tests

RUNTESTS = """
import sys
from django.conf import settings
settings.configure(DATABASES={})
import django
django.setup()
from django.test.utils import get_runner
labels = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
sys.exit(bool(get_runner(settings)(interactive=False, parallel=1).run_tests(labels)))
"""

TROUBLED = """
import os, time, unittest

class Plain(unittest.TestCase):
    def test_fails(self): self.assertEqual(1, 2)
    def test_parts(self):
        with self.subTest(n=1): pass
        with self.subTest(n=2): self.fail("part two")
    def test_passes(self): pass
    @unittest.expectedFailure
    def test_is_expected_to_fail(self): self.fail()
    def test_raises(self): raise KeyError("it")
    @unittest.skip("SQLite tests")
    def test_skipped(self): pass

class Trouble(unittest.TestCase):
    def test_a_crashes(self): os._exit(7)
    def test_b_passes(self): pass
    def test_c_hangs(self): time.sleep(1000)
    def test_d_passes(self): pass

class Unprepared(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ValueError("no set-up")
    def test_one(self): pass
    def test_two(self): pass

class Unwanted(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise unittest.SkipTest("not wanted")
    def test_one(self): pass
"""

BROKEN = "import os; os._exit(3)"

NOTHING = Baseline({}, {}, {})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    tests = tmp_path / "tests"
    for app, text in (("troubled", TROUBLED), ("broken", BROKEN)):
        (tests / app).mkdir(parents=True)
        (tests / app / "__init__.py").write_text("")
        (tests / app / "tests.py").write_text(text)
    (tests / "runtests.py").write_text(RUNTESTS)
    results = tmp_path / "results"
    results.mkdir()
    return Place(tests, results, "unused", test_limit_s=6, app_limit_s=60)


def test_a_crash_and_a_hang_cost_one_test_each(place: Place) -> None:
    run = run_job(Job("troubled", ("troubled",)), place)
    assert {name.removeprefix("troubled.tests."): record.outcome for name, record in run.records.items()} == {
        "Plain.test_fails": "failed",
        "Plain.test_parts": "failed",
        "Plain.test_passes": "passed",
        "Plain.test_is_expected_to_fail": "expected failure",
        "Plain.test_raises": "error",
        "Plain.test_skipped": "skipped",
        "Trouble.test_a_crashes": "crashed",
        "Trouble.test_b_passes": "passed",
        "Trouble.test_c_hangs": "hung",
        "Trouble.test_d_passes": "passed",
        "Unprepared.test_one": "error",
        "Unprepared.test_two": "error",
        "Unwanted.test_one": "skipped",
    }
    assert "part two" in run.records["troubled.tests.Plain.test_parts"].reason
    assert "no set-up" in run.records["troubled.tests.Unprepared.test_two"].reason
    assert "time.sleep" in run.records["troubled.tests.Trouble.test_c_hangs"].reason or "test_c_hangs" in (
        run.records["troubled.tests.Trouble.test_c_hangs"].reason
    )
    assert run.records["troubled.tests.Unwanted.test_one"].reason == "not wanted"


def test_labels_choose_and_an_app_that_cannot_start_is_said(place: Place) -> None:
    jobs = jobs_for(["troubled.tests.Plain.test_passes", "broken"], place.tests)
    runs = {run.app: run for run in run_jobs(jobs, place, 2, {})}
    assert list(runs["troubled"].records) == ["troubled.tests.Plain.test_passes"]
    assert [(r.name, r.outcome) for r in runs["broken"].records.values()] == [("broken (did not start)", "crashed")]
    assert [job.app for job in jobs_for([], place.tests)] == ["broken", "troubled"]
    with pytest.raises(ValueError, match="no app 'absent'"):
        jobs_for(["absent.tests"], place.tests)


def run_of(*records: Record, whole: bool = True) -> AppRun:
    run = AppRun("app", whole)
    for record in records:
        run.add(record)
    return run


def test_the_ratchet_knows_what_is_new_and_what_must_leave() -> None:
    baseline = Baseline(
        {"app.gained": "skipped: no feature", "app.both": "failed: Error", "app.opened": "skipped: no feature"},
        {"app": 10},
        {"app": 1.0},
    )
    run = run_of(
        Record("app.passes", "passed"),
        Record("app.gained", "passed"),
        Record("app.new", "failed", "E: 1"),
        Record("app.opened", "error", "E: 2"),
        Record("app.known", "failed", "E: 3"),
        Record("app.mended", "passed"),
        Record("app.both", "failed", "E: 4"),
        Record("app.sqlite", "skipped", "SQLite tests"),
        Record("app.present", "skipped", "Database has feature(s) has_x"),
        Record("app.lacking", "skipped", "Database doesn't support feature(s): has_x"),
    )
    listed = dict.fromkeys(["app.known", "app.mended", "app.gone", "app.sqlite", "elsewhere.test"], "why")
    found = compare([run], baseline, listed)
    assert [record.name for record in found.new] == ["app.new", "app.opened", "app.lacking"]
    assert [record.name for record in found.listed] == ["app.known"]
    assert [record.name for record in found.gained] == ["app.gained"]
    assert set(found.obsolete) == {"app.mended", "app.gone", "app.sqlite"}
    assert {why: [r.name for r in records] for why, records in found.excused.items()} == {
        "for sqlite3 alone": ["app.sqlite"],
        "skipped because a feature is present": ["app.present"],
    }
    assert not found.ok
    text = "\n".join([*counts([run], baseline), *verdict(found, "list.txt")])
    assert "app.mended: it passes" in text
    assert "tests                 10        10" in text


def test_a_part_of_an_app_says_nothing_of_the_rest() -> None:
    found = compare(
        [run_of(Record("app.one", "passed"), whole=False)], Baseline({}, {"app": 2}, {}), {"app.two": "why"}
    )
    assert found.ok


def test_what_fails_sometimes_may_pass() -> None:
    listed = {"app.slow": "Sometimes: it measures time"}
    for outcome in ("passed", "failed"):
        assert compare([run_of(Record("app.slow", outcome))], NOTHING, listed).ok


def test_an_app_with_fewer_tests_than_on_sqlite3_is_said() -> None:
    (new,) = compare([run_of(Record("app.one", "passed"))], Baseline({}, {"app": 3}, {}), {}).new
    assert (new.name, new.outcome) == ("app (2 tests of 3)", "missing")


def test_the_worse_of_two_outcomes_counts() -> None:
    run = run_of(Record("app.x", "passed"), Record("app.x", "failed"), Record("app.x", "skipped"))
    assert run.records["app.x"].outcome == "failed"


def test_lists_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    write_names(path, "two\nlines", Names({"b": ["y", "x"], "a": ["z"]}, [["app", "3", "1.5"]]))
    names = read_names(path)
    assert path.read_text().startswith("# two\n# lines\n= app 3 1.5\n\n== a\nz\n")
    assert names.by_name() == {"x": "b", "y": "b", "z": "a"}
    path.write_text("stray\n")
    with pytest.raises(ValueError, match=r"list\.txt:1: 'stray' stands under no heading"):
        read_names(path)
    with pytest.raises(ValueError, match="x is listed twice"):
        Names({"a": ["x"], "b": ["x"]}).by_name()


def test_the_baseline_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "baseline.txt"
    run = run_of(
        Record("app.s", "skipped", "why"), Record("app.f", "failed", "Trace\nE: last"), Record("app.p", "passed")
    )
    write_baseline(path, "5.2", [run])
    baseline = read_baseline(path)
    assert (baseline.tests, baseline.skips("app.s"), baseline.fails("app.f")) == ({"app": 3}, True, True)
    assert baseline.not_passing == {"app.s": "skipped: why", "app.f": "failed: E: last"}
    with pytest.raises(FileNotFoundError, match="make django-suite-baseline"):
        read_baseline(tmp_path / "absent.txt")


def test_a_version_that_is_tried_has_no_list(tmp_path: Path) -> None:
    path = tmp_path / "not_passing.txt"
    assert listed_in(path) == {}
    write_names(path, "why", Names({"it differs": ["app.s"]}))
    assert listed_in(path) == {"app.s": "it differs"}


def test_failures_are_grouped_by_cause() -> None:
    records = [
        Record("app.a", "error", 'Traceback\ndjango.db.utils.DataError: column "x" at 1:42\n'),
        Record("app.b", "error", 'Traceback\ndjango.db.utils.DataError: column "y" at 3:7\n'),
        Record("other.c", "hung", ""),
    ]
    assert [cause(record) for record in records] == [
        'DataError: column "…" at …',
        'DataError: column "…" at …',
        "hung: hung",
    ]
    assert next(grouped(records)).strip() == '2  DataError: column "…" at …'


def test_a_source_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "django" / "tests").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no source of Django"):
        find_tests(tmp_path / "django", tmp_path)
    (tmp_path / "django" / "tests" / "runtests.py").touch()
    assert find_tests(tmp_path / "django", tmp_path) == Path(os.path.realpath(tmp_path / "django" / "tests"))
