"""The classes of ``datetime`` and the clock of deadlines, out of reach of tests that freeze time.

freezegun replaces ``datetime.date``, ``datetime.datetime`` and ``time.monotonic`` in every module that has them: by
subclasses that are no SQL values, and by a clock that stands still, so that no deadline ever comes. It looks at the
attributes of modules. So the package takes these names from the classes below and from nowhere else; ``current_time``
alone tells the time that such a test wants.
"""

from __future__ import annotations

import datetime as _datetime
import time as _time
from typing import TypeAlias


class dt:
    """``datetime``, as far as it is used here."""

    UTC = _datetime.UTC
    date: TypeAlias = _datetime.date
    datetime: TypeAlias = _datetime.datetime
    time: TypeAlias = _datetime.time
    timedelta: TypeAlias = _datetime.timedelta
    timezone: TypeAlias = _datetime.timezone
    tzinfo: TypeAlias = _datetime.tzinfo


class clock:
    """``time``, as far as deadlines are compared with it."""

    monotonic = staticmethod(_time.monotonic)


def current_time() -> dt.datetime:
    """The current time in UTC, or what a test says that it is."""
    now = _datetime.datetime.now(_datetime.UTC)
    return dt.datetime.combine(now, now.timetz())
