"""Dates and times: the clock, parts, time zones, constructors.

A timestamp is an instant, aware in UTC. Where a function works on the *local* time of a zone, ``local`` converts it;
without a zone (NULL) the fields of UTC are taken as they are, which is how USE_TZ = False stores local times.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ...clock import current_time, dt
from ...errors import DataError
from ...values import BIGINT, DATE, DECIMAL, DOUBLE, INTEGER, INTERVAL, TEXT, TIME, TIMESTAMP, UTC, converter
from ..decimals import over
from .base import Function, guarded

_OFFSET = re.compile(r"(?P<name>.*?)(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?")


@lru_cache(maxsize=256)
def zone(name: str) -> dt.tzinfo:
    """The time zone of that name: ``Europe/Berlin``, an offset east of UTC as ``+05:30``, or both as ``UTC+05:30``.

    DataError if there is none.
    """
    if name in ("UTC", "utc", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        match = _OFFSET.fullmatch(name)
        if match is None or match["name"] not in ("", "UTC", "GMT"):
            raise DataError(f"unknown time zone {name!r}") from error
    offset = dt.timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    return dt.timezone(offset if match["sign"] == "+" else -offset)


def local(value: Any, zone_name: str | None) -> Any:
    """A timestamp in the zone; a date or a time, or any value where no zone is given, as it is."""
    if zone_name is None or type(value) is not dt.datetime:
        return value
    return value.astimezone(zone(zone_name))


_DATE_PARTS: dict[str, Callable[[Any], int]] = {
    "year": lambda value: value.year,
    "quarter": lambda value: (value.month + 2) // 3,
    "month": lambda value: value.month,
    "week": lambda value: value.isocalendar().week,
    "day": lambda value: value.day,
    "iso_year": lambda value: value.isocalendar().year,
    "week_day": lambda value: value.isoweekday() % 7 + 1,
    "iso_week_day": lambda value: value.isoweekday(),
    "decade": lambda value: value.year // 10,
    "century": lambda value: (value.year + 99) // 100,
    "isoyear": lambda value: value.isocalendar().year,
    "isodow": lambda value: value.isoweekday(),
    "dow": lambda value: value.isoweekday() % 7,
    "doy": lambda value: value.timetuple().tm_yday,
}
_TIME_PARTS: dict[str, Callable[[Any], int]] = {
    "hour": lambda value: value.hour,
    "minute": lambda value: value.minute,
    "second": lambda value: value.second,
    "microsecond": lambda value: value.microsecond,
}


def part_of(part: str, value: Any) -> int:
    """``part`` (in Django's or PostgreSQL's words) of a date, time, datetime or timedelta, as a whole number."""
    name = part.lower()
    if type(value) is dt.timedelta:
        return int(_interval_part(name, value))
    if type(value) is not dt.time and name in _DATE_PARTS:
        return _DATE_PARTS[name](value)
    if isinstance(value, dt.time | dt.datetime) and name in _TIME_PARTS:
        return _TIME_PARTS[name](value)
    raise DataError(f"a {type(value).__name__} has no part {part!r}")


def _django_extract(part: str, value: Any, zone_name: str | None = None) -> int | None:
    return None if value is None else part_of(part, local(value, zone_name))


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_MILLION = Decimal(1_000_000)


def _extract(part: str, value: Any) -> Decimal:
    """EXTRACT of PostgreSQL: seconds carry their fraction, and an interval has parts too."""
    name = part.lower()
    if type(value) is dt.timedelta:
        return _interval_part(name, value)
    match name:
        case "epoch":
            return over(Decimal((_instant(value) - _EPOCH) // _MICROSECOND), _MILLION)
        case "second" | "millisecond" | "milliseconds" | "microsecond" | "microseconds" if hasattr(value, "second"):
            return _scaled(name, value.second * 1_000_000 + value.microsecond)
    return Decimal(part_of(name, value))


def _scaled(name: str, microseconds: int) -> Decimal:
    if name.startswith("micro"):
        return Decimal(microseconds)
    return over(Decimal(microseconds), Decimal(1000) if name.startswith("milli") else _MILLION)


def _instant(value: Any) -> dt.datetime:
    if type(value) is dt.date:
        return dt.datetime(value.year, value.month, value.day, tzinfo=UTC)
    if type(value) is dt.time:
        return dt.datetime.combine(_EPOCH.date(), value, UTC)
    instant: dt.datetime = value
    return instant


def _interval_part(name: str, value: dt.timedelta) -> Decimal:
    """A part of the interval as it is kept: days, which may be negative, and a time of day, which is not."""
    match name:
        case "epoch":
            return over(Decimal(value // _MICROSECOND), _MILLION)
        case "day":
            return Decimal(value.days)
        case "hour":
            return Decimal(value.seconds // 3600)
        case "minute":
            return Decimal(value.seconds // 60 % 60)
        case "second" | "millisecond" | "milliseconds" | "microsecond" | "microseconds":
            return _scaled(name, value.seconds % 60 * 1_000_000 + value.microseconds)
    raise DataError(f"an interval has no part {name!r}")


def _in_zone(zone_name: str, value: dt.datetime) -> dt.datetime:
    """``value AT TIME ZONE zone``: the local time of that zone, as the fields of a timestamp."""
    return value.astimezone(zone(zone_name)).replace(tzinfo=UTC, fold=0)


def _make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second: float) -> dt.datetime:
    start = dt.datetime(year, month, day, hour, minute, tzinfo=UTC)
    return start + dt.timedelta(seconds=second)


def _make_time(hour: int, minute: int, second: float) -> dt.time:
    whole = int(second)
    return dt.time(hour, minute, whole, min(round((second - whole) * 1_000_000), 999_999))


def _cast_date(value: Any, zone_name: str | None) -> dt.date | None:
    if type(value) is dt.datetime:
        return dt.datetime.date(local(value, zone_name))
    return value  # type: ignore[no-any-return]


def _cast_time(value: Any, zone_name: str | None) -> dt.time | None:
    if type(value) is dt.datetime:
        return dt.datetime.time(local(value, zone_name)).replace(fold=0)
    return value  # type: ignore[no-any-return]


def _lazily_null(name: str, compute: Callable[..., Any], result: Any, *params: Any, least: int) -> Function:
    """An entry for Django's own functions, whose last argument, the zone, may be NULL."""
    call = guarded(name, compute)
    return Function(call, result, params, least, len(params), strict=False, nullable=True)


def _add_months(value: dt.datetime, months: int) -> dt.datetime:
    """The same time so many months later, on the same day or the last one of that month."""
    year, month = divmod(value.year * 12 + value.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise DataError(f"{value} and {months} months is out of range")
    return value.replace(year=year, month=month + 1, day=min(value.day, monthrange(year, month + 1)[1]))


def _formatted(pattern: str, value: dt.datetime) -> str:
    """``value`` by a pattern of strftime; DataError for a directive that there is not."""

    def directive(match: re.Match[str]) -> str:
        padded = _DIRECTIVES.get(match["letter"])
        if padded is None:
            raise DataError(f"{match.group()!r} is no directive of a time format; there are %{' %'.join(_DIRECTIVES)}")
        text = padded(value)
        return (text.lstrip("0") or "0") if match["bare"] else text

    return _DIRECTIVE.sub(directive, pattern)


# As in the C locale: what an index or a check has computed must not depend on where a process runs.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DIRECTIVE = re.compile(r"%(?P<bare>-)?(?P<letter>.)", re.DOTALL)
_DIRECTIVES: dict[str, Callable[[dt.datetime], str]] = {
    "Y": lambda value: f"{value.year:04}",
    "y": lambda value: f"{value.year % 100:02}",
    "m": lambda value: f"{value.month:02}",
    "d": lambda value: f"{value.day:02}",
    "H": lambda value: f"{value.hour:02}",
    "I": lambda value: f"{value.hour % 12 or 12:02}",
    "p": lambda value: "AM" if value.hour < 12 else "PM",
    "M": lambda value: f"{value.minute:02}",
    "S": lambda value: f"{value.second:02}",
    "f": lambda value: f"{value.microsecond:06}",
    "s": lambda value: str((value - _EPOCH) // dt.timedelta(seconds=1)),
    "j": lambda value: f"{value.timetuple().tm_yday:03}",
    "u": lambda value: str(value.isoweekday()),
    "w": lambda value: str(value.isoweekday() % 7),
    "G": lambda value: f"{value.isocalendar().year:04}",
    "V": lambda value: f"{value.isocalendar().week:02}",
    "B": lambda value: _MONTHS[value.month - 1],
    "b": lambda value: _MONTHS[value.month - 1][:3],
    "A": lambda value: _DAYS[value.weekday()],
    "a": lambda value: _DAYS[value.weekday()][:3],
    "%": lambda value: "%",
}

_MICROSECOND = dt.timedelta(microseconds=1)


_to_bigint = converter(BIGINT)


def _microseconds(interval: dt.timedelta) -> int:
    number: int = _to_bigint(interval // _MICROSECOND)  # 290,000 years would be too many
    return number


def _from_microseconds(number: int) -> dt.timedelta:
    return dt.timedelta(microseconds=number)  # of any bigint


_NOW = Function(current_time, TIMESTAMP, (), 0, 0)

FUNCTIONS: dict[str, Function] = {
    "ADD_MONTHS": Function(_add_months, TIMESTAMP, (TIMESTAMP, INTEGER), 2, 2),
    "CURRENT_DATE": Function(lambda: current_time().date(), DATE, (), 0, 0),
    "CURRENT_TIME": Function(lambda: current_time().time(), TIME, (), 0, 0),
    "CURRENT_TIMESTAMP": _NOW,
    "DATE_PART": Function(lambda part, value: float(_extract(part, value)), DOUBLE, (TEXT, None), 2, 2),
    "EXTRACT": Function(_extract, DECIMAL, (TEXT, None), 2, 2),
    "FROM_MICROSECONDS": Function(_from_microseconds, INTERVAL, (BIGINT,)),
    "LOCALTIMESTAMP": _NOW,
    "MAKE_DATE": Function(guarded("MAKE_DATE", dt.date), DATE, (INTEGER,), 3, 3),
    "MAKE_TIME": Function(guarded("MAKE_TIME", _make_time), TIME, (INTEGER, INTEGER, DOUBLE), 3, 3),
    "MAKE_TIMESTAMP": Function(
        guarded("MAKE_TIMESTAMP", _make_timestamp),
        TIMESTAMP,
        (INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, DOUBLE),
        6,
        6,
    ),
    "MICROSECONDS": Function(_microseconds, BIGINT, (INTERVAL,)),
    "NOW": _NOW,
    "STATEMENT_TIMESTAMP": _NOW,
    "STRFTIME": Function(_formatted, TEXT, (TEXT, TIMESTAMP), 2, 2),
    "TIMEZONE": Function(guarded("TIMEZONE", _in_zone), TIMESTAMP, (TEXT, TIMESTAMP), 2, 2),
    "TO_TIMESTAMP": Function(
        guarded("TO_TIMESTAMP", lambda seconds: _EPOCH + dt.timedelta(seconds=seconds)), TIMESTAMP, (DOUBLE,)
    ),
    "DJANGO_DATE_EXTRACT": _lazily_null("DJANGO_DATE_EXTRACT", _django_extract, INTEGER, TEXT, None, TEXT, least=2),
    "DJANGO_DATETIME_EXTRACT": _lazily_null(
        "DJANGO_DATETIME_EXTRACT", _django_extract, INTEGER, TEXT, None, TEXT, least=2
    ),
    "DJANGO_TIME_EXTRACT": _lazily_null("DJANGO_TIME_EXTRACT", _django_extract, INTEGER, TEXT, None, least=2),
    "DJANGO_DATETIME_CAST_DATE": _lazily_null("DJANGO_DATETIME_CAST_DATE", _cast_date, DATE, None, TEXT, least=2),
    "DJANGO_DATETIME_CAST_TIME": _lazily_null("DJANGO_DATETIME_CAST_TIME", _cast_time, TIME, None, TEXT, least=2),
}
