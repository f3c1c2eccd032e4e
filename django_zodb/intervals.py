"""Intervals as text: ``'1 day 02:03:04.5'``, ``'-3 hours'``, ``'P1DT2H'`` → timedelta."""

from __future__ import annotations

import re
from decimal import Context, Decimal, localcontext

from .clock import dt
from .errors import DataError

_EXACT = Context(prec=1000)
_LONGEST = 1000
"""So many characters an interval may have: more than any sensible one, few enough for all that is done with them."""

_MICROSECONDS = {
    "microsecond": 1,
    "us": 1,
    "usec": 1,
    "millisecond": 1_000,
    "ms": 1_000,
    "msec": 1_000,
    "second": 1_000_000,
    "s": 1_000_000,
    "sec": 1_000_000,
    "minute": 60_000_000,
    "m": 60_000_000,
    "min": 60_000_000,
    "hour": 3_600_000_000,
    "h": 3_600_000_000,
    "hr": 3_600_000_000,
    "day": 86_400_000_000,
    "d": 86_400_000_000,
    "week": 604_800_000_000,
    "w": 604_800_000_000,
}
_MONTHS = {
    **{"month": 1, "mon": 1, "quarter": 3, "year": 12, "y": 12, "yr": 12},
    **{"decade": 120, "century": 1200, "centurie": 1200, "millennium": 12000},
}

_ITEM = re.compile(
    r"\s*(?:(?P<sign>[+-])?(?P<hours>\d+):(?P<minutes>\d\d)(?::(?P<seconds>\d\d(?:\.\d+)?))?"
    r"|(?P<number>[+-]?\d+(?:\.\d*)?|[+-]?\.\d+)\s*(?P<unit>[A-Za-z]+)?)\s*,?"
)
_MONTHS_ITEM = re.compile(rf"(?P<number>[+-]?\d+(?:\.\d+)?)\s*(?P<unit>{'|'.join(_MONTHS)})s?\b,?", re.IGNORECASE)
_ISO = re.compile(
    r"(?P<sign>-)?P(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?",
    re.IGNORECASE,
)


def months_and_rest(text: str) -> tuple[int, str]:
    """How many months the years and months in ``text`` are, and what else it says; DataError for part of a month."""
    total = Decimal(0)

    def taken(match: re.Match[str]) -> str:
        nonlocal total
        total += Decimal(match["number"]) * _MONTHS[match["unit"].lower()]
        return " "

    _check_length(text)
    with localcontext(_EXACT):
        rest = _MONTHS_ITEM.sub(taken, text).strip()
    if int(total) != total:
        raise DataError(f"interval {text!r}: a month can only be whole")
    return int(total), rest


def parse_interval(text: str, unit: str | None = None) -> dt.timedelta:
    """The duration that ``text`` says; ``unit`` is that of a number without one (seconds, if None).

    DataError for what is none, and for months and years: they have no fixed length.
    """
    _check_length(text)
    with localcontext(_EXACT):
        microseconds = _iso(text) if text[:1] in "Pp" or text[:2] in ("-P", "-p") else _items(text, unit or "second")
        whole = int(microseconds.to_integral_value())
    try:
        return dt.timedelta(microseconds=whole)
    except OverflowError as error:
        raise DataError(f"interval {text!r} is out of range") from error


def _check_length(text: str) -> None:
    if len(text) > _LONGEST:
        raise DataError(f"an interval has {_LONGEST} characters at most, not {len(text)}")


def _items(text: str, default: str) -> Decimal:
    total, at = Decimal(0), 0
    if not text.strip():
        raise _refused(text)
    while at < len(text.rstrip()):
        match = _ITEM.match(text, at)
        if match is None:
            raise _refused(text)
        total += _clock(match) if match["hours"] else Decimal(match["number"]) * _unit(match["unit"] or default, text)
        at = match.end()
    return total


def _clock(match: re.Match[str]) -> Decimal:
    seconds = int(match["hours"]) * 3600 + int(match["minutes"]) * 60 + Decimal(match["seconds"] or 0)
    return Decimal(-seconds if match["sign"] == "-" else seconds) * 1_000_000


def _unit(word: str, text: str) -> int:
    singular = word.lower()
    for name in (singular, singular.removesuffix("s")):
        if name in _MICROSECONDS:
            return _MICROSECONDS[name]
        if name in _MONTHS:
            raise DataError(
                f"interval {text!r}: a {name} has no fixed length. It can be added to a date or a timestamp, or "
                f"subtracted, as a literal on the right side; elsewhere use weeks, days, hours, minutes, seconds"
            )
    raise _refused(text)


def _iso(text: str) -> Decimal:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise _refused(text)
    total = sum((Decimal(match[unit] or 0) * _MICROSECONDS[unit] for unit in "wdhms"), Decimal(0))
    return -total if match["sign"] else total


def _refused(text: str) -> DataError:
    return DataError(f"{text!r} is no interval; write it as '1 day 02:03:04.5' or 'P1DT2H3M4.5S'")
