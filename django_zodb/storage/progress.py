"""How long work tells how far it is: one function, called now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

#: (what is being done, how much of it is done, how much there is in all: None if that is not known)
Report = Callable[[str, int, int | None], object]

#: Called with what somebody should know of, though the work goes on.
Warn = Callable[[str], object]

_STEP = 500
_PAUSE_S = 0.2

_T = TypeVar("_T")


def silent(what: str, done: int, total: int | None) -> None:
    """Tell nobody."""


def reported(things: Iterable[_T], report: Report, what: str, total: int | None = None) -> Iterator[_T]:
    """The things, and a report after every so many of them."""
    done = 0
    for done, thing in enumerate(things, 1):
        yield thing
        if done % _STEP == 0:
            report(what, done, total)
    report(what, done, done)


@contextmanager
def watched(path: Path | None, total: int, report: Report, what: str) -> Iterator[None]:
    """Report the size of a file while something that tells nothing by itself writes it."""
    if path is None or report is silent:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_PAUSE_S):
            if path.exists():
                report(what, path.stat().st_size, total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
