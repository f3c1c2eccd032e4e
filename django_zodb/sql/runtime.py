"""Everything that generated code may call besides Python's own: named for SQL, taking and returning SQL values."""

from __future__ import annotations

import math
import re
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache as once
from functools import lru_cache, partial
from heapq import merge
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any
from uuid import UUID

from ..clock import dt
from ..errors import DataError, OperationalError, ProgrammingError
from ..storage.protocol import Index, Row
from ..values import UTC, Kind, SqlType, converter, is_encodable
from .decimals import add, minus, modulo, multiply, over, subtract
from .decimals import power as decimal_power
from .patterns import Predicate, like, like_text, prefix_end
from .regexes import compiled

NAN = float("nan")
NO_LIMIT = sys.maxsize // 2
_PIECE, _PIECE_OF_MANY, _LARGEST_PIECE = 64, 2_000, 16_000
_RUN = 100_000
_SAMPLE = 16

MOST_RECURSIVE_ROWS = 3_000_000
"""What a recursive query may find."""


def until_many(ask: Callable[..., bool], keys: Callable[[], Collection[Any]], most: int) -> Callable[..., bool]:
    """A test that asks for each row, with ``values``, and for more than ``most`` looks into the keys, made once."""
    rest = most

    def test(key: Any, *values: Any) -> bool:
        nonlocal rest
        if rest:
            rest -= 1
            return ask(*values)
        return key in keys()

    return test


# --- order and equality --------------------------------------------------------------------------------------------


class Extreme:
    """A sort key below (rank < 0) or above every value; two of them are in the order of their ranks."""

    __slots__ = ("rank",)

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def __lt__(self, other: object) -> bool:
        return self.rank < (other.rank if isinstance(other, Extreme) else 0)

    def __gt__(self, other: object) -> bool:
        return self.rank > (other.rank if isinstance(other, Extreme) else 0)


SKIPPED = object()
"""What stands for the value of a row that an aggregate does not see."""

LEAST = Extreme(-1)
NAN_KEY = Extreme(1)
GREATEST = Extreme(2)


def float_key(value: float) -> object:
    """A sort key: NaN comes after every number."""
    return value if value == value else NAN_KEY


class _NanBound:
    """NaN to compare numbers with: greater than all others, and equal to NaN."""

    def __eq__(self, other: object) -> bool:
        return bool(other != other)

    def __gt__(self, other: object) -> bool:
        return bool(other == other)

    def __ge__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


_NAN_BOUND = _NanBound()


def float_bound(value: Any) -> Any:
    """What ``x < value``, ``<=``, ``==`` and ``!=`` are right with for every float x, NaN being the greatest."""
    return value if value == value else _NAN_BOUND


def same(value: Any) -> Any:
    """``value``, where every NaN is the one that equals itself in sets and dicts."""
    return value if value == value else NAN


def same_row(row: Row) -> Row:
    """``row`` with ``same`` applied to its values."""
    return tuple([value if value == value else NAN for value in row])


# --- patterns ------------------------------------------------------------------------------------------------------


def end_of(prefix: str) -> Any:
    """What is greater than every text that begins with ``prefix``, and not greater than any other that is greater."""
    end = prefix_end(prefix)
    return GREATEST if end is None else end


@lru_cache(maxsize=512)
def regex(pattern: str, fold: bool = False) -> Predicate:
    """The predicate of ``… ~ pattern`` (``fold``: ``~*``), in Python's syntax. DataError if it is no expression."""
    search = compiled(pattern, re.IGNORECASE if fold else 0).search
    return lambda text: search(text) is not None


# --- arithmetic ----------------------------------------------------------------------------------------------------


def _by_zero() -> DataError:
    return DataError("division by zero")


def quotient(left: int, right: int) -> int:
    """Integer division, truncating toward zero."""
    if right == 0:
        raise _by_zero()
    return left // right if (left < 0) == (right < 0) else -(-left // right)


def divide(left: Any, right: Any) -> Any:
    """Division of decimals, floats, or an interval by a number."""
    if right == 0:
        raise _by_zero()
    try:
        return over(left, right) if isinstance(left, Decimal) else left / right
    except (ArithmeticError, ValueError) as error:
        raise DataError(f"{left} / {right} is out of range") from error


def remainder(left: Any, right: Any) -> Any:
    """Modulo with the sign of ``left``."""
    if right == 0:
        raise _by_zero()
    if isinstance(left, float):
        return math.fmod(left, right) if math.isfinite(left) else NAN
    try:
        return modulo(left, right) if isinstance(left, Decimal) else left - right * quotient(left, right)
    except InvalidOperation as error:
        raise DataError(f"{left} % {right} is out of range") from error


def power(left: Any, right: Any) -> Any:
    """``left ^ right``; integers stay integers where the result is one of 64 bits."""
    try:
        if isinstance(left, int) and isinstance(right, int):
            if right < 0 or (abs(left) > 1 and right * left.bit_length() > 128):
                return int(float(left) ** right)
            return left**right
        result = decimal_power(left, Decimal(right)) if isinstance(left, Decimal) else left**right
    except ZeroDivisionError as error:
        raise _by_zero() from error
    except (ArithmeticError, ValueError) as error:
        raise DataError(f"{left} ^ {right} is out of range") from error
    if isinstance(result, complex):
        raise DataError(f"{left} ^ {right}: a negative number has no such power")
    return result


def shift_left(left: int, right: int) -> int:
    """``left << right`` in 64 bits; the count is taken modulo 64."""
    return ((left << (right & 63)) + (1 << 63)) % (1 << 64) - (1 << 63)


def shift_right(left: int, right: int) -> int:
    """``left >> right`` in 64 bits; the count is taken modulo 64."""
    return left >> (right & 63)


def midnight(date: dt.date) -> dt.datetime:
    """The timestamp at which ``date`` begins."""
    return dt.datetime(date.year, date.month, date.day, tzinfo=UTC)


def days(count: int) -> dt.timedelta:
    """An interval of so many days."""
    try:
        return dt.timedelta(count)
    except OverflowError as error:
        raise DataError(f"{count} days are out of range") from error


def date_and_time(date: dt.date, time: dt.time) -> dt.datetime:
    """date + time."""
    return dt.datetime.combine(date, time, UTC)


def add_to_time(time: dt.time, interval: dt.timedelta) -> dt.time:
    """time + interval, round the clock."""
    return (
        dt.datetime.combine(dt.date(2000, 1, 2), time) + dt.timedelta(seconds=interval.total_seconds() % 86400)
    ).time()


def time_difference(left: dt.time, right: dt.time) -> dt.timedelta:
    """time - time."""
    day = dt.date(2000, 1, 1)
    return dt.datetime.combine(day, left) - dt.datetime.combine(day, right)


def moved(value: Any, interval: dt.timedelta) -> Any:
    """date or timestamp + interval. DataError beyond the years 1 to 9999."""
    try:
        return value + interval
    except OverflowError as error:
        raise DataError(f"{value} + {interval} is out of range") from error


def scaled(interval: dt.timedelta, factor: float) -> dt.timedelta:
    """interval * number."""
    try:
        return interval * factor
    except (OverflowError, ValueError) as error:
        raise DataError(f"{interval} * {factor} is out of range") from error


# --- rows and subqueries -------------------------------------------------------------------------------------------


def single(values: Sequence[object]) -> object:
    """The value of a subquery that stands for one: NULL if it found nothing, an error if it found several rows."""
    if len(values) > 1:
        raise ProgrammingError("more than one row returned by a subquery used as an expression")
    return values[0] if values else None


def row_in(row: Row, rows: Collection[Row]) -> bool | None:
    """``row IN rows`` in three-valued logic, where values may be NULL."""
    unknown = False
    for other in rows:
        pairs = [(a, b) for a, b in zip(row, other, strict=True) if a is None or b is None or same(a) != same(b)]
        if not pairs:
            return True
        unknown = unknown or all(a is None or b is None for a, b in pairs)
    return None if unknown else False


def row_limit(value: int | None, clause: str = "LIMIT") -> int:
    """The number of a LIMIT or OFFSET clause; NULL is no limit. DataError if negative."""
    if value is None:
        return NO_LIMIT if clause == "LIMIT" else 0
    if value < 0:
        raise DataError(f"{clause} must not be negative: {value}")
    return min(value, NO_LIMIT)


def sorted_runs(
    rows: Iterable[Row], run_key: Callable[[Row], object], sorts: Sequence[tuple[Callable[[Row], Any], bool]]
) -> Iterator[Row]:
    """``rows``, each run of them with one ``run_key`` sorted by the (key, descending) pairs of ``sorts`` in turn."""
    for _, run in groupby(rows, run_key):
        found = list(run)
        if len(found) > 1:
            for key, descending in sorts:
                found.sort(key=key, reverse=descending)
        yield from found


def first_sorted(rows: Iterable[Any], count: int, *keys: tuple[int, bool], backwards: bool = False) -> list[Any]:
    """The first ``count`` of ``rows`` in the order of ``keys``: positions, and whether the order there descends.

    Of equal rows those that come first are first; with ``backwards``, those that come last. The rows are taken in
    pieces: of each, only those are sorted that are not beyond the last one kept so far. Pieces double in size, so that
    each adds about as many of these as the one before, if the rows are in no order.
    """
    sorts = [(itemgetter(at), down) for at, down in reversed(keys)]
    lead, descending = keys[0]
    ties = backwards or len(keys) > 1
    rows = iter(rows)
    kept: list[Any] = []
    size = min(max(2 * count, _PIECE), NO_LIMIT)
    for first in rows if count else ():
        following = chain((first,), islice(rows, size - 1))
        if len(kept) == count:
            piece = _up_to(kept[-1][lead], following, lead, descending, ties)
        else:
            piece = list(following)
        kept = piece[::-1] + kept if backwards else kept + piece
        for key, down in sorts:
            kept.sort(key=key, reverse=down)
        del kept[count:]
        size = max(size, min(2 * size, _LARGEST_PIECE))
    return kept


def _up_to(edge: Any, rows: Iterable[Any], at: int, descending: bool, ties: bool) -> list[Any]:
    """The rows whose value is before ``edge``, or, with ``ties``, equal to it."""
    if ties:
        if descending:
            return [row for row in rows if not row[at] < edge]
        return [row for row in rows if not edge < row[at]]
    if descending:
        return [row for row in rows if edge < row[at]]
    return [row for row in rows if row[at] < edge]


def sorted_lazily(rows: list[Any], count: int, *keys: tuple[int, bool]) -> Iterator[Any]:
    """``rows`` in the order of ``keys``, as ``first_sorted`` has them; all are sorted only if more than ``count`` are
    asked for, or where that looks like comparing each with the next: links are mostly made in order."""
    if len(keys) == 1 and _look_sorted(rows, *keys[0]):
        count = 0
    yield from first_sorted(rows, count, *keys)
    if len(rows) > count:
        for at, descending in reversed(keys):
            rows.sort(key=itemgetter(at), reverse=descending)
        yield from islice(rows, count, None)


def _look_sorted(rows: Sequence[Any], at: int, descending: bool) -> bool:
    """Whether some rows, from all over these, are in order."""
    some = [row[at] for row in rows[:: len(rows) // _SAMPLE + 1]]
    return some == sorted(some, reverse=descending)


def rowids_in(index: Index, keys: Iterable[object]) -> list[int]:
    """The rowids that a single-key index has for any of ``keys`` (a set), ascending."""
    return sorted([rowid for key in keys for rowid in index.lookup(key)])


def ascending(rowids: Iterable[int]) -> Iterable[int]:
    """The rowids in order; where they are many, in eight bytes each."""
    rowids, runs = iter(rowids), list[Sequence[int]]()
    while run := sorted(islice(rowids, _RUN)):
        runs.append(run if len(run) < _RUN else array("q", run))
    return merge(*runs) if len(runs) > 1 else runs[0] if runs else ()


def not_null(keys: Iterable[object]) -> set[Any]:
    """The distinct keys that are not NULL."""
    found = set(keys)
    found.discard(None)
    return found


def cases(keys: Iterable[object], values: Iterable[object]) -> dict[object, object]:
    """The results of CASE WHEN term = key by their keys: the first one counts, and NULL equals nothing."""
    found: dict[object, object] = {}
    for key, value in zip(keys, values, strict=True):
        if key is not None:
            found.setdefault(key, value)
    return found


def pieces(values: Iterable[Any]) -> Iterator[list[Any]]:
    """``values`` in lists of some thousand."""
    values = iter(values)
    while piece := list(islice(values, _PIECE_OF_MANY)):
        yield piece


def batches(values: Sequence[object], width: int) -> Iterator[tuple[object, ...]]:
    """``values`` in tuples of ``width``."""
    return zip(*[iter(values)] * width, strict=True)


def intersect_all(left: Iterable[Row], right: Iterable[Row]) -> Iterator[Row]:
    """INTERSECT ALL: each row as often as it is in both."""
    there = Counter(iter(right))
    for row in left:
        if there[row] > 0:
            there[row] -= 1
            yield row


def except_all(left: Iterable[Row], right: Iterable[Row]) -> Iterator[Row]:
    """EXCEPT ALL: each row as often as it is in ``left`` beyond ``right``."""
    there = Counter(iter(right))
    for row in left:
        if there[row] > 0:
            there[row] -= 1
        else:
            yield row


def rounds(rows: list[Row], first: Sequence[Row], step: Callable[[], Sequence[Row]], distinct: bool) -> Iterator[Row]:
    """The rows of a recursive query as they are found: ``first``, then what ``step`` makes of those in ``rows``.

    Raises OperationalError after ``MOST_RECURSIVE_ROWS``: a recursion that never ends would take all memory.
    """
    seen: set[Row] = set()
    count = 0
    while first:
        if distinct:
            first = [row for row in dict.fromkeys(map(same_row, first)) if row not in seen]
            seen.update(first)
            if not first:
                return
        count += len(first)
        if count > MOST_RECURSIVE_ROWS:
            raise OperationalError(
                f"a recursive query has found more than {MOST_RECURSIVE_ROWS} rows and no end: "
                "let a condition in its second part, or a LIMIT, end it"
            )
        yield from first
        rows[:] = first
        first = step()


# --- writing -------------------------------------------------------------------------------------------------------


def column_converter(type_: SqlType, column: str) -> Callable[[Any], Any]:
    """What makes a value (NULL stays NULL) fit for a column; a DataError names the column.

    The class test comes first: nearly every value is already right, and this runs once per value written.
    """
    convert = converter(type_)

    def slowly(value: Any) -> Any:
        if value is None:
            return None
        try:
            return convert(value)
        except DataError as error:
            raise DataError(f"{column}: {error}") from error

    match type_.kind:
        case Kind.INTEGER:
            limit = 1 << ((type_.size or 64) - 1)
            return lambda value: value if type(value) is int and -limit <= value < limit else slowly(value)
        case Kind.TEXT if type_.size is not None:
            size = type_.size
            return lambda value: (
                value
                if type(value) is str and (value.isascii() or is_encodable(value)) and len(value) <= size
                else slowly(value)
            )
        case Kind.TEXT:
            return lambda value: (
                value if type(value) is str and (value.isascii() or is_encodable(value)) else slowly(value)
            )
        case Kind.DECIMAL if type_.size is not None:
            digits, quantum = type_.size - (type_.scale or 0), Decimal(1).scaleb(-(type_.scale or 0))
            return lambda value: (
                value
                if type(value) is Decimal and value.same_quantum(quantum) and value.adjusted() < digits
                else slowly(value)
            )
        case Kind.TIMESTAMP:
            datetime = dt.datetime  # a local variable is found faster
            return lambda value: (
                value if type(value) is datetime and value.tzinfo is UTC and not value.fold else slowly(value)
            )
        case Kind.DOUBLE:
            return lambda value: value + 0.0 if type(value) is float else slowly(value)  # -0.0 + 0.0 is 0.0
        case kind if (class_ := _SIMPLE.get(kind)) is not None:
            return lambda value: value if type(value) is class_ else slowly(value)
        case _:
            return slowly


_SIMPLE = {Kind.BOOLEAN: bool, Kind.DATE: dt.date, Kind.BYTES: bytes, Kind.UUID: UUID}

NAMES: dict[str, object] = {
    "Counter": Counter,
    "DataError": DataError,
    "Decimal": Decimal,
    "GREATEST": GREATEST,
    "LEAST": LEAST,
    "SKIPPED": SKIPPED,
    "NAN": NAN,
    "add": add,
    "add_to_time": add_to_time,
    "date_and_time": date_and_time,
    "ascending": ascending,
    "batches": batches,
    "cases": cases,
    "chain": chain,
    "days": days,
    "defaultdict": defaultdict,
    "divide": divide,
    "end_of": end_of,
    "except_all": except_all,
    "first_sorted": first_sorted,
    "float_bound": float_bound,
    "float_key": float_key,
    "groupby": groupby,
    "intersect_all": intersect_all,
    "islice": islice,
    "itemgetter": itemgetter,
    "kept": lru_cache(maxsize=10_000),
    "like": like,
    "like_text": like_text,
    "midnight": midnight,
    "minus": minus,
    "moved": moved,
    "multiply": multiply,
    "not_null": not_null,
    "once": once,
    "partial": partial,
    "pieces": pieces,
    "power": power,
    "quotient": quotient,
    "regex": regex,
    "remainder": remainder,
    "rounds": rounds,
    "row_in": row_in,
    "row_limit": row_limit,
    "rowids_in": rowids_in,
    "same": same,
    "same_row": same_row,
    "scaled": scaled,
    "shift_left": shift_left,
    "shift_right": shift_right,
    "single": single,
    "sorted_lazily": sorted_lazily,
    "sorted_runs": sorted_runs,
    "subtract": subtract,
    "time_difference": time_difference,
    "until_many": until_many,
}
"""What generated code sees of this module. Every name is reserved: nothing generated may take it."""
