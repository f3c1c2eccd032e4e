"""Truncation of dates and times: DATE_TRUNC and the functions that Django's Trunc asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...clock import dt
from ...errors import DataError
from ...values import DATE, TEXT, TIME, TIMESTAMP, UTC, SqlType
from .base import Function, guarded
from .datetime import local, zone

_DATES: dict[str, Callable[[Any], Any]] = {
    "millennium": lambda day: day.replace(year=(day.year - 1) // 1000 * 1000 + 1, month=1, day=1),
    "century": lambda day: day.replace(year=(day.year - 1) // 100 * 100 + 1, month=1, day=1),
    "decade": lambda day: day.replace(year=max(day.year // 10 * 10, 1), month=1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "month": lambda day: day.replace(day=1),
    "week": lambda day: day - dt.timedelta(days=day.weekday()),
    "day": lambda day: day,
}
_TIMES: dict[str, Callable[[Any], Any]] = {
    "hour": lambda time: time.replace(minute=0, second=0, microsecond=0),
    "minute": lambda time: time.replace(second=0, microsecond=0),
    "second": lambda time: time.replace(microsecond=0),
    "milliseconds": lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000),
    "microseconds": lambda time: time,
}


_KEYS: dict[str, Callable[[Any], tuple[int, ...]]] = {
    "year": lambda time: (time.year,),
    "quarter": lambda time: (time.year, (time.month - 1) // 3),
    "month": lambda time: (time.year, time.month),
    "day": lambda time: (time.year, time.month, time.day),
}
"""What tells the parts of a local time's date that are truncated to the same."""
_MOST_KNOWN = 10_000


def _truncated_date(part: str, value: Any, zone_name: str | None = None) -> dt.date | None:
    """The local date of ``value``, cut to ``part``."""
    if value is None:
        return None
    here = local(value, zone_name)
    day = here.date() if type(here) is dt.datetime else here
    result: dt.date = _cut(_DATES, part, day)
    return result


def _truncated_timestamp(part: str, value: Any, zone_name: str | None = None) -> dt.datetime | None:
    """The instant at which the local time of ``value``, cut to ``part``, is on the clock.

    Of a local time that is on the clock twice, days and longer parts take the first, shorter ones that of ``value``.
    """
    if value is None:
        return None
    if type(value) is not dt.datetime:
        value = dt.datetime(value.year, value.month, value.day, tzinfo=UTC)
    here = local(value, zone_name)
    if part.lower() in _TIMES:
        result: dt.datetime = _cut(_TIMES, part, here)
    else:
        day = _cut(_DATES, part, here.date())
        result = dt.datetime(day.year, day.month, day.day, tzinfo=here.tzinfo)
    return result.astimezone(UTC)


def _truncating(part: str, zone_name: str | None = None) -> Callable[[Any], dt.datetime | None]:
    """``_truncated_timestamp`` for one part and zone; each day, month… is made once, for all that begin with it."""
    truncated = guarded("DJANGO_DATETIME_TRUNC", lambda value: _truncated_timestamp(part, value, zone_name))
    key = _KEYS.get(part.lower())
    if key is None:
        return truncated
    known: dict[tuple[int, ...], dt.datetime] = {}

    def truncate(value: Any) -> dt.datetime | None:
        if type(value) is not dt.datetime:
            return truncated(value)  # type: ignore[no-any-return]
        try:
            begun = key(value if zone_name is None else value.astimezone(zone(zone_name)))
        except OverflowError:
            return truncated(value)  # type: ignore[no-any-return]  # which says what is wrong
        found = known.get(begun)
        if found is None:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            found = known[begun] = truncated(value)
        return found

    return truncate


def _truncated_time(part: str, value: Any, zone_name: str | None = None) -> dt.time | None:
    """The local time of ``value``, cut to ``part``."""
    if value is None:
        return None
    here = local(value, zone_name)
    time = here.time() if type(here) is dt.datetime else here
    result: dt.time = _cut(_TIMES, part, time)
    return result.replace(fold=0)


def _cut(table: dict[str, Callable[[Any], Any]], part: str, value: Any) -> Any:
    try:
        cut = table[part.lower()]
    except KeyError:
        raise DataError(f"a {type(value).__name__} cannot be truncated to {part!r}") from None
    return cut(value)


def _entry(
    name: str,
    compute: Callable[..., Any],
    result: SqlType,
    made: tuple[int, Callable[..., Callable[[Any], object]]] | None = None,
) -> Function:
    return Function(guarded(name, compute), result, (TEXT, None, TEXT), 2, 3, strict=False, nullable=True, made=made)


FUNCTIONS: dict[str, Function] = {
    "DATE_TRUNC": Function(guarded("DATE_TRUNC", _truncated_timestamp), TIMESTAMP, (TEXT, None, TEXT), 2, 3),
    "DJANGO_DATE_TRUNC": _entry("DJANGO_DATE_TRUNC", _truncated_date, DATE),
    "DJANGO_DATETIME_TRUNC": _entry("DJANGO_DATETIME_TRUNC", _truncated_timestamp, TIMESTAMP, (1, _truncating)),
    "DJANGO_TIME_TRUNC": _entry("DJANGO_TIME_TRUNC", _truncated_time, TIME),
}
