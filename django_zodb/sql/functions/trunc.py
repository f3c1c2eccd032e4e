"""Truncation of dates and times: DATE_TRUNC and the functions that Django's Trunc asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...clock import dt
from ...errors import DataError
from ...values import DATE, TEXT, TIME, TIMESTAMP, UTC, SqlType
from .base import Function, guarded
from .datetime import local

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


_MOST_KNOWN = 10_000
_DAY = dt.timedelta(days=1)


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
    """``_truncated_timestamp`` for one part and zone; each day, month… is made once, for all that begin with it.

    For most days, in UTC, the day tells: where the days before and after it are in the same month, so are all its
    times, in every zone.
    """
    truncated = guarded("DJANGO_DATETIME_TRUNC", lambda value: _truncated_timestamp(part, value, zone_name))
    cut = _DATES.get(part.lower())
    if cut is None:
        return truncated
    by_day: dict[int, dt.datetime | None] = {}
    known: dict[dt.date, dt.datetime] = {}
    datetime = dt.datetime  # a local variable is found faster

    def truncate(value: Any) -> dt.datetime | None:
        if type(value) is datetime and (found := by_day.get(value.toordinal())) is not None:
            return found
        return slowly(value)

    def slowly(value: Any) -> dt.datetime | None:
        if type(value) is not datetime:
            return truncated(value)  # type: ignore[no-any-return]
        try:
            begun = cut(local(value, zone_name).date())
        except OverflowError:
            return truncated(value)  # type: ignore[no-any-return]  # which says what is wrong
        found = known.get(begun)
        if found is None:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            found = known[begun] = truncated(value)
        day = value.toordinal()
        if day not in by_day:
            if len(by_day) >= _MOST_KNOWN:
                by_day.clear()
            by_day[day] = found if zone_name is None or _alike(cut, value.date()) else None
        return found

    return slowly if zone_name is not None and cut is _DATES["day"] else truncate


def _alike(cut: Callable[[Any], Any], day: dt.date) -> bool:
    """Whether all times of a day, in UTC, are cut to the same in every zone: none is a day away from UTC."""
    try:
        return bool(cut(day - _DAY) == cut(day + _DAY))
    except OverflowError:
        return False


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
