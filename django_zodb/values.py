"""SQL types and their Python values: conversion, comparison, order, NULL.

A value is an immutable builtin, exactly of its type's class, and NULL is None:

=========== ======================= ==========================================================================
kind        class                   remarks
=========== ======================= ==========================================================================
BOOLEAN     bool
INTEGER     int                     ``size`` 16, 32 or 64 bits, checked
DOUBLE      float                   NaN equals itself and sorts last; -0.0 is stored as 0.0
DECIMAL     decimal.Decimal         rounded half up to ``scale``; NaN and infinities are a DataError
TEXT        str                     ``size`` characters at most; ordered by code point
BYTES       bytes
DATE        datetime.date           never a datetime
TIME        datetime.time           naive
TIMESTAMP   datetime.datetime       aware, always ``datetime.timezone.utc``; a naive value is taken as UTC
INTERVAL    datetime.timedelta
UUID        uuid.UUID
JSON        str                     the document's text, checked: RFC 8259, so without NaN
UNKNOWN     any of these            an untyped NULL, or a parameter whose context gives no type
=========== ======================= ==========================================================================
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from .clock import dt
from .errors import DataError
from .intervals import parse_interval
from .record import record

UTC = dt.UTC


class Kind(enum.StrEnum):
    """The families of SQL types."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DOUBLE = "double precision"
    DECIMAL = "numeric"
    TEXT = "text"
    BYTES = "bytea"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    UNKNOWN = "unknown"


NOCASE = "nocase"
"""The collation under which texts are equal that differ in case alone: what ``str.casefold`` makes equal."""

CODE_POINT_COLLATIONS = ("C", "POSIX", "ucs_basic", "default", "binary")
"""Names of the collation that all other texts have."""


@record
class SqlType:
    """An SQL type. ``size``: bits of an INTEGER, precision of a DECIMAL, characters of a TEXT; None is no limit.

    ``collation``, of an expression that has one. Types that differ in it alone are equal, and a stored type has none:
    there it is the column's.
    """

    kind: Kind
    size: int | None = None
    scale: int | None = None
    collation: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.kind, Kind):  # as read back from a file
            object.__setattr__(self, "kind", Kind(self.kind))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SqlType):
            return NotImplemented
        return self is other or (self.kind, self.size, self.scale) == (other.kind, other.size, other.scale)

    def __hash__(self) -> int:
        return hash((self.kind._value_, self.size, self.scale))

    @property
    def is_integer(self) -> bool:
        """True for every size of INTEGER."""
        return self.kind is Kind.INTEGER

    @property
    def is_numeric(self) -> bool:
        """True where arithmetic on numbers applies."""
        return self.kind in NUMERIC_KINDS

    def __str__(self) -> str:
        """The type as it is written in SQL."""
        match self.kind:
            case Kind.INTEGER:
                return {16: "smallint", 32: "integer"}.get(self.size or 64, "bigint")
            case Kind.TEXT if self.size is not None:
                return f"varchar({self.size})"
            case Kind.DECIMAL if self.size is not None:
                return f"numeric({self.size}, {self.scale or 0})"
            case kind:
                return kind.value


BOOLEAN = SqlType(Kind.BOOLEAN)
SMALLINT = SqlType(Kind.INTEGER, 16)
INTEGER = SqlType(Kind.INTEGER, 32)
BIGINT = SqlType(Kind.INTEGER, 64)
DOUBLE = SqlType(Kind.DOUBLE)
DECIMAL = SqlType(Kind.DECIMAL)
TEXT = SqlType(Kind.TEXT)
BYTES = SqlType(Kind.BYTES)
DATE = SqlType(Kind.DATE)
TIME = SqlType(Kind.TIME)
TIMESTAMP = SqlType(Kind.TIMESTAMP)
INTERVAL = SqlType(Kind.INTERVAL)
UUID_TYPE = SqlType(Kind.UUID)
JSON = SqlType(Kind.JSON)
UNKNOWN = SqlType(Kind.UNKNOWN)

NUMERIC_KINDS = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE)  # in the order of promotion


def type_of(value: object) -> SqlType:
    """The SQL type of a Python value by its class or the first base that has one; UNKNOWN for None and all others."""
    known = _TYPE_OF_CLASS.get(type(value))
    if known is not None:
        return known
    return next((_TYPE_OF_CLASS[base] for base in type(value).__mro__ if base in _TYPE_OF_CLASS), UNKNOWN)


_TYPE_OF_CLASS: dict[type, SqlType] = {
    bool: BOOLEAN,
    int: BIGINT,
    float: DOUBLE,
    Decimal: DECIMAL,
    str: TEXT,
    bytes: BYTES,
    bytearray: BYTES,
    memoryview: BYTES,
    dt.date: DATE,
    dt.time: TIME,
    dt.datetime: TIMESTAMP,
    dt.timedelta: INTERVAL,
    UUID: UUID_TYPE,
}


def common_type(left: SqlType, right: SqlType) -> SqlType | None:
    """The type to which both convert without loss of meaning for comparison, UNION, CASE…; None if there is none.

    UNKNOWN yields to the other; numbers promote INTEGER → DECIMAL → DOUBLE; DATE promotes to TIMESTAMP; JSON to TEXT.
    """
    if left == right or right.kind is Kind.UNKNOWN:
        return left
    if left.kind is Kind.UNKNOWN:
        return right
    if left.kind is right.kind:
        if left.size is None or right.size is None:
            return SqlType(left.kind)
        if left.kind is Kind.DECIMAL:
            scale = max(left.scale or 0, right.scale or 0)
            whole = max(left.size - (left.scale or 0), right.size - (right.scale or 0))
            return SqlType(Kind.DECIMAL, whole + scale, scale)
        return SqlType(left.kind, max(left.size, right.size))
    if left.is_numeric and right.is_numeric:
        return SqlType(max(left.kind, right.kind, key=NUMERIC_KINDS.index))
    return _PROMOTIONS.get(frozenset((left.kind, right.kind)))


_PROMOTIONS = {
    frozenset((Kind.DATE, Kind.TIMESTAMP)): TIMESTAMP,
    frozenset((Kind.JSON, Kind.TEXT)): TEXT,
}

Converter = Callable[[Any], Any]


def converter(type_: SqlType) -> Converter:
    """A function that turns a value (never None) into one of ``type_``, as SQL's assignment does.

    It raises DataError for what does not convert or does not fit, naming value and type; the caller adds the column.
    A value that is already right is returned as it is.
    """
    match type_.kind:
        case Kind.INTEGER:
            return _integer_converter(type_)
        case Kind.DECIMAL:
            return _decimal_converter(type_)
        case Kind.TEXT if type_.size is not None:
            return _varchar_converter(type_)
        case kind:
            return _CONVERTERS[kind]


def _refuse(value: object, type_: object) -> DataError:
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return DataError(f"{shown} is no value of type {type_}")


def _integer_converter(type_: SqlType) -> Converter:
    limit = 1 << ((type_.size or 64) - 1)
    low, high = -limit, limit - 1

    def to_integer(value: Any) -> int:
        if type(value) is not int:
            value = _whole_number(value, type_)
        if low <= value <= high:
            return value  # type: ignore[no-any-return]
        raise DataError(f"{value} is out of range for type {type_} ({low} to {high})")

    return to_integer


def _whole_number(value: Any, type_: SqlType) -> int:
    try:
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float | Decimal):
            whole = int(value)
            if whole == value:
                return whole
            return int(Decimal(value).to_integral_value(ROUND_HALF_UP))
        if isinstance(value, str):
            return int(value.strip())
    except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
        raise _refuse(value, type_) from error
    raise _refuse(value, type_)


# Wide enough for every column that Django allows; traps stay those of the default context.
_MOST_DIGITS = 131_072  # as PostgreSQL
_DECIMAL_CONTEXT = Context(prec=2000, rounding=ROUND_HALF_UP)


def _decimal_converter(type_: SqlType) -> Converter:
    if type_.size is None:
        return _to_decimal
    size, scale = type_.size, type_.scale or 0
    quantum = Decimal(1).scaleb(-scale)
    limit = Decimal(10) ** (size - scale)

    def to_scaled(value: Any) -> Decimal:
        number = _to_decimal(value)
        if number.as_tuple().exponent != -scale:
            number = without_sign_of_zero(number.quantize(quantum, context=_DECIMAL_CONTEXT))
        if -limit < number < limit:
            return number
        raise DataError(f"{value} is out of range for type {type_}")

    return to_scaled


class Scaled(list[int]):
    """Decimals as whole multiples of ``10 ** exponent``, which C code adds and compares in a tenth of the time."""

    def __init__(self, multiples: Iterable[int], exponent: int) -> None:
        super().__init__(multiples)
        self.exponent = exponent

    def decimal(self, multiple: int) -> Decimal:
        """The number that a multiple stands for."""
        return Decimal(f"{multiple}E{self.exponent}")


def scaled(numbers: Sequence[Decimal]) -> Scaled | None:
    """The numbers, one at least, as multiples; None if they have not all the same exponent."""
    exponent = numbers[0].as_tuple().exponent
    if not isinstance(exponent, int) or exponent > 0:
        return None
    text = ",".join(map(str, numbers))
    number = rf"-?\d+\.\d{{{-exponent}}}" if exponent else r"-?\d+"
    if not re.fullmatch(f"{number}(?:,{number})*+", text):
        return None
    return Scaled(map(int, text.replace(".", "").split(",")), exponent)


def without_sign_of_zero(number: Decimal) -> Decimal:
    """The number, which has just been rounded; zero for what was rounded to minus zero, which SQL does not know."""
    return number if number else number.copy_abs()


def _to_decimal(value: Any) -> Decimal:
    if type(value) is not Decimal:
        try:
            if isinstance(value, float):
                value = Decimal(repr(value))
            elif isinstance(value, int | str | Decimal):
                value = Decimal(value)
            else:
                raise _refuse(value, DECIMAL)
        except (TypeError, InvalidOperation) as error:
            raise _refuse(value, DECIMAL) from error
    if not value.is_finite():
        raise _refuse(value, DECIMAL)
    return value  # type: ignore[no-any-return]


def _varchar_converter(type_: SqlType) -> Converter:
    size = type_.size
    assert size is not None

    def to_varchar(value: Any) -> str:
        value = _to_text(value)
        if len(value) > size:
            # As in PostgreSQL: spaces beyond the limit are cut, anything else is refused.
            if value[size:].strip(" "):
                raise DataError(f"value too long for type {type_}: {len(value)} characters")
            value = value[:size]
        return value  # type: ignore[no-any-return]

    return to_varchar


def _to_text(value: Any) -> str:
    if type(value) is not str:
        value = as_text(value)
    if not value.isascii():
        in_utf8(value)  # what could be stored, but never be written to a page, a dump or a file
    return value  # type: ignore[no-any-return]


def is_encodable(text: str) -> bool:
    """Whether the text holds no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def in_utf8(text: str) -> bytes:
    """The text as bytes; DataError where it holds half of a surrogate pair, which no encoding can write."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{text!r:.80} is no text: at position {error.start} it has half of a surrogate pair, which no encoding "
            "can write; text.encode('utf-8', 'replace').decode() has ? there"
        ) from error


def _digits(number: Decimal) -> str:
    """All digits, never 0E-8: a search for a part of the text looks for them. Zero has no sign."""
    if abs(number.adjusted()) > _MOST_DIGITS:  # a few characters could ask for a GB of zeros
        raise DataError(f"{number:.3e} has too many digits to be written as a text")
    return format(number or number.copy_abs(), "f")


def as_text(value: Any) -> str:
    """A value (never None) as SQL's CAST(… AS text) writes it. Bytes are read as UTF-8, as SQLite does."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():  # a subclass, such as SafeString, must not reach the file; nor what is no str and says it were
            return str.__str__(value) if issubclass(type(value), str) else str(value)
        case float():
            return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case bytes():
            return _decoded(value)
        case dt.datetime():
            return value.isoformat(" ")
        case dt.date() | dt.time():
            return value.isoformat()
        case Decimal():
            return _digits(value)
        case int() | UUID() | dt.timedelta():
            return str(value)
    raise _refuse(value, TEXT)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _refuse(value, "text (its bytes are not UTF-8)") from error


def _to_boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("true", "t", "yes", "y", "on", "1"):
            return True
        if word in ("false", "f", "no", "n", "off", "0"):
            return False
    raise _refuse(value, BOOLEAN)


def _to_double(value: Any) -> float:
    if type(value) is not float:
        try:
            if not isinstance(value, int | float | Decimal | str):
                raise _refuse(value, DOUBLE)
            value = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise _refuse(value, DOUBLE) from error
    return value + 0.0  # type: ignore[no-any-return]  # -0.0 + 0.0 is 0.0


def _to_bytes(value: Any) -> bytes:
    if type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        return in_utf8(value)
    raise _refuse(value, BYTES)


_SINGLE_DIGIT = re.compile(r"(?<![\d.])(\d)(?!\d)")


def _padded(text: str) -> str:
    """``text`` with its fields of one digit padded, as in "3:16:17": the standard library insists on two."""
    return _SINGLE_DIGIT.sub(r"0\1", text.strip())


def _to_date(value: Any) -> dt.date:
    if type(value) is dt.date:
        return value
    if isinstance(value, dt.datetime):
        return dt.datetime.date(value)
    if isinstance(value, dt.date):
        return dt.date(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(_padded(value)).date()
        except ValueError as error:
            raise _refuse(value, DATE) from error
    raise _refuse(value, DATE)


def _to_time(value: Any) -> dt.time:
    if type(value) is dt.time and value.tzinfo is None:
        return value
    if isinstance(value, dt.datetime):
        return value.time()
    if isinstance(value, str):
        try:
            value = dt.time.fromisoformat(_padded(value))
        except ValueError as error:
            raise _refuse(value, TIME) from error
    if isinstance(value, dt.time):
        return dt.time(value.hour, value.minute, value.second, value.microsecond)
    raise _refuse(value, TIME)


def _to_timestamp(value: Any) -> dt.datetime:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(_padded(value))
        except ValueError as error:
            raise _refuse(value, TIMESTAMP) from error
    if isinstance(value, dt.datetime):
        zone = value.tzinfo
        if zone is not UTC:
            value = value.replace(tzinfo=UTC) if zone is None else _in_utc(value)
        if type(value) is not dt.datetime or value.fold:
            value = dt.datetime.combine(value, value.time().replace(fold=0), UTC)
        return value  # type: ignore[no-any-return]
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise _refuse(value, TIMESTAMP)


def _in_utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise _refuse(value, TIMESTAMP) from error


def _to_interval(value: Any) -> dt.timedelta:
    if type(value) is dt.timedelta:
        return value
    if isinstance(value, dt.timedelta):
        return dt.timedelta(value.days, value.seconds, value.microseconds)
    if isinstance(value, str):
        return parse_interval(value)
    raise _refuse(value, INTERVAL)


def _to_uuid(value: Any) -> UUID:
    if type(value) is UUID:
        return value
    if isinstance(value, UUID):
        return UUID(int=value.int)
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError as error:
            raise _refuse(value, UUID_TYPE) from error
    raise _refuse(value, UUID_TYPE)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


_JSON_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def load_json(document: str) -> Any:
    """The value of a JSON document; DataError if the text is none."""
    try:
        value, end = _JSON_DECODER.raw_decode(document)
        if end == len(document):
            return value
    except (ValueError, RecursionError):
        pass  # there is white space before it, or something is wrong
    try:
        return _JSON_DECODER.decode(document)  # which looks for white space first: that takes half as long as the rest
    except (ValueError, RecursionError) as error:
        raise DataError(f"invalid JSON {document!r:.80}: {error}") from error


def _to_json(value: Any) -> str:
    """A document is checked; a number or a truth value is one."""
    if isinstance(value, bool | int) or (isinstance(value, float) and value - value == 0):
        return json.dumps(value)
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    text = _to_text(value)
    load_json(text)
    return text


def _to_any(value: Any) -> Any:
    """An untyped parameter: whatever is an SQL value, as the type of its own class has it."""
    type_ = type_of(value)
    if type_.kind is not Kind.UNKNOWN:
        return _CONVERTERS[type_.kind](value)
    raise DataError(f"a parameter of class {type(value).__qualname__} is no SQL value: {value!r:.80}")


_CONVERTERS: dict[Kind, Converter] = {
    Kind.BOOLEAN: _to_boolean,
    Kind.INTEGER: lambda value: value if type(value) is int else _whole_number(value, BIGINT),
    Kind.DOUBLE: _to_double,
    Kind.DECIMAL: _to_decimal,
    Kind.TEXT: _to_text,
    Kind.BYTES: _to_bytes,
    Kind.DATE: _to_date,
    Kind.TIME: _to_time,
    Kind.TIMESTAMP: _to_timestamp,
    Kind.INTERVAL: _to_interval,
    Kind.UUID: _to_uuid,
    Kind.JSON: _to_json,
    Kind.UNKNOWN: _to_any,
}
