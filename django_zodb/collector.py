"""Python's garbage collector, which waits while very many objects are made among which it would find nothing.

It looks at what is new each time some more objects are there than before, and at all that the process holds whenever
that has grown by a quarter. Rows and instances come and go, but never in circles. Measured: of the time in which a
hundred thousand instances are made, two thirds.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

from .threads import in_forked_child

MANY_ROWS = 1000
"""From so many on it waits."""

_NOBODY = 0
_paused_by = _NOBODY


@contextmanager
def uncollected(rows: int) -> Iterator[None]:
    """Without passes of the garbage collector if there are many rows; one that is off stays off."""
    global _paused_by
    collects = rows >= MANY_ROWS and gc.isenabled()
    if collects:
        _paused_by = get_ident()
        gc.disable()
    try:
        yield
    finally:
        if collects:
            _paused_by = _NOBODY  # before the next thread may pause it
            gc.enable()


def _after_fork() -> None:
    """In a forked child: go on for a thread of the parent, which does not exist here."""
    global _paused_by
    if _paused_by not in (_NOBODY, get_ident()):
        gc.enable()
        _paused_by = _NOBODY


in_forked_child(_after_fork)
