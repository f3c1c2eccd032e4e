"""Tests in forked children: what they answer, with a limit to the time, and without the threads of other tests."""

from __future__ import annotations

import ctypes
import functools
import os
import select
import signal
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from django_zodb import errors

PATIENCE = 60
"""Seconds after which a child that has not answered is killed."""


def fork_untold() -> int:
    """As ``os.fork``, but Python is told nothing: so does uWSGI fork its workers."""
    return int(ctypes.PyDLL(None).fork())


def in_child(work: Any, fork: Callable[[], int] = os.fork) -> str:
    """What ``work()`` returns, or raises, in a forked child."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        answer = "the child failed"
        try:
            answer = str(work())
        except errors.Error as error:
            answer = f"{type(error).__name__}: {error}"
        except BaseException:
            answer = traceback.format_exc()
        finally:
            os.write(writing, answer.encode()[:60_000])  # less than a pipe takes at once
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        if not select.select([file], [], [], PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
        answer = file.read()
    os.waitpid(child, 0)
    return answer or f"no answer within {PATIENCE} seconds"


def alone(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a child of its own, in which no thread of other tests is left.

    A thread that waits for the interpreter's lock while Python is forked untold is waited for by the child, in which
    there is no such thread.
    """

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        def work() -> str:
            test(**fixtures)
            return "passed"

        answer = in_child(work)
        if answer != "passed":
            pytest.fail(answer, pytrace=False)

    return run
