"""Runs apps of the suite, each in a process of its own: one that crashes, hangs or eats all memory costs one test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from .records import AppRun, Attempt, Record, read_attempt, spread_fixtures, unfinished

HERE = Path(__file__).parent
ATTEMPTS = 20
"""How often an app is taken up again, after tests that crash or hang, before the rest of it is given up."""

POLL_S = 0.25
LAST_WORDS_S = 3.0
LOG_TAIL_CHARS = 3000
C_STACK = "\nCurrent thread's C stack trace"
"""What Python 3.14 writes after the places where Python code stood: nothing of use here, and long."""


@dataclass(frozen=True, slots=True)
class Job:
    """One app and the labels of it that are to run."""

    app: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how jobs run: the folder of Django's tests, that of the results, and the limits."""

    tests: Path
    results: Path
    settings: str
    test_limit_s: float
    app_limit_s: float
    stopped: threading.Event = field(default_factory=threading.Event)  # set: processes are to be ended


def jobs_for(labels: Iterable[str], tests: Path) -> list[Job]:
    """A job per app that ``labels`` name; without any, one for each app. ValueError for an app there is not."""
    by_app: dict[str, list[str]] = {}
    for label in labels:
        app = label.strip("/").split(".")[0]
        if not (tests / app / "__init__.py").exists():
            raise ValueError(f"Django's suite has no app {app!r}: see the folders in {tests}")
        by_app.setdefault(app, []).append(label.strip("/"))
    return [Job(app, tuple(labels)) for app, labels in by_app.items()] or [Job(app, (app,)) for app in all_apps(tests)]


def all_apps(tests: Path) -> list[str]:
    """The apps that Django's ``runtests.py`` would run on a backend without GIS."""
    left_out = {"gis_tests", "import_error_package", "test_runner_apps"}
    return sorted(path.parent.name for path in tests.glob("*/__init__.py") if path.parent.name not in left_out)


def run_jobs(jobs: Iterable[Job], place: Place, processes: int, expected_s: Mapping[str, float]) -> Iterator[AppRun]:
    """Run all jobs, at most ``processes`` at a time, the longest first; yields each as it ends."""
    place.results.mkdir(parents=True, exist_ok=True)
    order = sorted(jobs, key=lambda job: (-expected_s.get(job.app, 0.0), job.app))
    with ThreadPoolExecutor(processes) as pool:
        running = [pool.submit(run_job, job, place) for job in order]
        try:
            for future in as_completed(running):
                yield future.result()
        except BaseException:
            place.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def run_job(job: Job, place: Place) -> AppRun:
    """Run one app to its end, in as many processes as it takes. Every test that was planned gets a record."""
    run = AppRun(job.app, whole=job.labels == (job.app,))
    for old in place.results.glob(f"{job.app}.*"):
        old.unlink()
    started = time.monotonic()
    for number in range(ATTEMPTS):
        attempt, why, tail = run_attempt(job, place, run, number)
        records = list(spread_fixtures(attempt))
        left = unfinished(attempt, records)
        for record in records:
            run.add(record)
        if attempt.planned is not None and not left:
            break
        culprit = attempt.running
        if (
            culprit is None
            or place.stopped.is_set()
            or time.monotonic() - started > place.app_limit_s
            or number == ATTEMPTS - 1
        ):
            for name in left or [f"{job.app} (did not start)"]:
                run.add(Record(name, why, tail))
            break
        run.add(Record(culprit, why, tail))
    run.seconds = round(time.monotonic() - started, 1)
    return run


def run_attempt(job: Job, place: Place, run: AppRun, number: int) -> tuple[Attempt, str, str]:
    """One process for all tests that ``run`` has no record of; what it wrote, how and with what words it ended."""
    record_file = place.results / f"{job.app}.{number}.jsonl"
    done_file = place.results / f"{job.app}.done"
    log_file = place.results / f"{job.app}.{number}.log"
    done_file.write_text("\n".join(run.records), encoding="utf-8")
    command = [sys.executable, "-X", "faulthandler", str(HERE / "worker.py")]
    command += [str(record_file), str(done_file), place.settings, *job.labels]
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=place.tests,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            why = "crashed" if watch(process, record_file, place) else "hung"
        finally:
            end(process)
    words = log_file.read_text(encoding="utf-8", errors="replace").rsplit(C_STACK, 1)[0]
    return read_attempt(record_file), why, words[-LOG_TAIL_CHARS:]


def watch(process: subprocess.Popen[bytes], record_file: Path, place: Place) -> bool:
    """Wait for the process; False if it is to be ended: wrote nothing for too long, or took too long in all."""
    started = moved = time.monotonic()
    size = 0
    while process.poll() is None:
        time.sleep(POLL_S)
        now = time.monotonic()
        now_size = record_file.stat().st_size if record_file.exists() else 0
        if now_size != size:
            size, moved = now_size, now
        if place.stopped.is_set() or now - moved > place.test_limit_s or now - started > place.app_limit_s:
            return False
    return True


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it started, having let it write where it stood."""
    if process.poll() is None:
        process.send_signal(signal.SIGABRT)
        try:
            process.wait(LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
