"""The function tables: sound entries, and values as sqlite3, Django on SQLite, or PostgreSQL have them."""

import datetime as dt
import math
import random
import sqlite3
from decimal import Decimal
from uuid import UUID

import pytest
from django.db.backends.sqlite3 import _functions as sqlite_functions
from django.db.backends.sqlite3._functions import register as register_django_functions

from django_zodb.errors import DataError
from django_zodb.sql.functions import AGGREGATES, FUNCTIONS
from django_zodb.values import BIGINT, BYTES, DECIMAL, DOUBLE, INTEGER, INTERVAL, TEXT, SqlType, scaled

NAN = float("nan")
T = dt.datetime(2024, 2, 29, 23, 45, 59, 123456, tzinfo=dt.UTC)


def call(name, *args):
    return FUNCTIONS[name].call(*args)


def result_type(name, *types) -> SqlType:
    rule = {**FUNCTIONS, **AGGREGATES}[name].result
    return rule(types) if callable(rule) else rule


@pytest.fixture(scope="module")
def sqlite():
    connection = sqlite3.connect(":memory:")
    register_django_functions(connection)
    yield connection
    connection.close()


def test_names_are_upper_case_and_arities_are_sound():
    for name, entry in {**FUNCTIONS, **AGGREGATES}.items():
        assert name == name.upper()
        assert entry.most is None or entry.least <= entry.most, name
        assert entry.params or entry.most == 0, name


def test_templates_use_each_argument_once():
    for name, entry in FUNCTIONS.items():
        if entry.template:
            for at in range(entry.most or 1):
                assert entry.template.count(f"{{{at}}}") == 1, name


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("COALESCE", (None, None, 3, 4), 3),
        ("COALESCE", (None, None), None),
        ("NULLIF", (1, 1), None),
        ("NULLIF", (1, None), 1),
        ("GREATEST", (1, None, 3, 2), 3),
        ("LEAST", (None, None), None),
        ("GREATEST", (1.0, NAN), NAN),
        ("LEAST", (NAN, 1.0), 1.0),
        ("ABS", (-3,), 3),
        ("CEILING", (Decimal("1.2"),), Decimal(2)),
        ("CEIL", (1.2,), 2.0),
        ("FLOOR", (-1.5,), -2.0),
        ("FLOOR", (7,), 7),
        ("ROUND", (2.5,), 3.0),
        ("ROUND", (Decimal("-2.5"),), Decimal(-3)),
        ("ROUND", (365, -1), 370),
        ("ROUND", (Decimal("5.755"), 2), Decimal("5.76")),
        ("ROUND", (1.005, 2), 1.01),
        ("TRUNC", (-2.7,), -2.0),
        ("TRUNC", (Decimal("2.789"), 2), Decimal("2.78")),
        ("MOD", (-7, 3), -1),
        ("MOD", (Decimal("5.4"), Decimal("-2.3")), Decimal("0.8")),
        ("POWER", (2, 10), 1024.0),
        ("POWER", (Decimal("1.5"), 2), Decimal("2.25")),
        ("LOG", (100,), 2.0),
        ("LOG", (2.0, 8.0), 3.0),
        ("SIGN", (-5,), -1),
        ("SIGN", (Decimal("2.5"),), Decimal(1)),
        ("SQRT", (Decimal(9),), Decimal(3)),
        ("ATAN2", (0, 1), 0.0),
    ],
)
def test_comparison_and_math(name, args, expected):
    result = call(name, *args)
    assert result is expected or result == expected or (expected != expected and result != result)
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("SQRT", (-1.0,)),
        ("LN", (0,)),
        ("LN", (Decimal(-1),)),
        ("ACOS", (2.0,)),
        ("EXP", (1e4,)),
        ("MOD", (1, 0)),
        ("POWER", (0.0, -1.0)),
        ("COT", (0.0,)),
        ("CHR", (0x110000,)),
        ("ABS", ("text",)),
        ("MAKE_DATE", (2023, 2, 29)),
        ("DATE_TRUNC", ("fortnight", T)),
        ("DJANGO_DATETIME_EXTRACT", ("hour", T, "Mars/Olympus")),
        ("REPEAT", ("x" * 1000, 2**30)),
        ("REGEXP_REPLACE", ("a", "(", "b")),
        ("JSON_TYPEOF", ("{",)),
    ],
)
def test_domain_errors_are_data_errors(name, args):
    with pytest.raises(DataError):
        call(name, *args)


def test_a_domain_error_names_the_function_and_its_argument():
    with pytest.raises(DataError, match=r"SQRT\(-1\.0\)"):
        call("SQRT", -1.0)


@pytest.mark.parametrize(
    "name", ["ACOS", "ASIN", "ATAN", "COS", "COT", "DEGREES", "EXP", "LN", "RADIANS", "SIN", "TAN"]
)
@pytest.mark.parametrize("x", [0.3, 1, Decimal("0.25")])
def test_real_functions_agree_with_sqlite_and_keep_decimals_decimal(sqlite, name, x):
    (expected,) = sqlite.execute(f"SELECT {name}(?)", (float(x),)).fetchone()
    result = call(name, x)
    assert float(result) == pytest.approx(expected)
    assert type(result) is (Decimal if isinstance(x, Decimal) else float)
    assert result_type(name, DECIMAL) == DECIMAL
    assert result_type(name, INTEGER) == DOUBLE
    assert result_type(name, DOUBLE) == DOUBLE


@pytest.mark.parametrize(
    "expression",
    [
        "LENGTH('straße')",
        "SUBSTR('alphabet', 3)",
        "SUBSTR('alphabet', 3, 2)",
        "SUBSTR('alphabet', 3, 0)",
        "REPLACE('abcabc', 'b', 'xx')",
        "REPLACE('abc', '', 'xx')",
        "TRIM('  a ')",
        "LTRIM('xxa', 'x')",
        "RTRIM('ayx', 'xy')",
        "INSTR('abc', 'c')",
        "INSTR('abc', 'z')",
        "LPAD('ab', 5, 'xyz')",
        "RPAD('ab', 5, 'xyz')",
        "LPAD('abc', 2, 'x')",
        "REVERSE('abc')",
        "REPEAT('ab', 3)",
        "MD5('ä')",
        "SHA1('a')",
        "SHA224('a')",
        "SHA256('a')",
        "SHA384('a')",
        "SHA512('a')",
        "SIGN(-2)",
        "MOD(-7, 3)",
        "BITXOR(5, 3)",
    ],
)
def test_agrees_with_sqlite(sqlite, expression):
    (expected,) = sqlite.execute(f"SELECT {expression}").fetchone()
    name, _, args = expression.partition("(")
    assert call(name, *eval("(" + args.rstrip(")") + ",)")) == expected


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("LEFT", ("abcde", 2), "ab"),
        ("LEFT", ("abcde", -2), "abc"),
        ("RIGHT", ("abcde", 2), "de"),
        ("RIGHT", ("abcde", -2), "cde"),
        ("RIGHT", ("abcde", 0), ""),
        ("SUBSTRING", ("abcde", 0, 3), "ab"),
        ("SUBSTRING", (b"abcde", 2), b"bcde"),
        ("CONCAT", ("a", None, 1, True), "a1true"),
        ("CONCAT_WS", (", ", "a", None, "b"), "a, b"),
        ("CONCAT_WS", (None, "a"), None),
        ("ASCII", ("é",), 233),
        ("ASCII", ("",), 0),
        ("CHR", (233,), "é"),
        ("INITCAP", ("hi THOMAS-john",), "Hi Thomas-John"),
        ("TRANSLATE", ("12345", "143", "ax"), "a2x5"),
        ("SPLIT_PART", ("a,b,c", ",", -1), "c"),
        ("REGEXP_REPLACE", ("foobarbaz", "b(..)", r"X\1Y", "g"), "fooXarYXazY"),
        ("REGEXP_REPLACE", ("foobarbaz", "b..", "X"), "fooXbaz"),
        ("REGEXP_LIKE", ("Hello", "h", "i"), True),
        ("OCTET_LENGTH", ("é",), 2),
        ("ENCODE", (b"\x01", "hex"), "01"),
        ("TO_HEX", (-1,), "f" * 16),
        ("JSON_EXTRACT_PATH", ('{"a": [1, {"b": null}]}', "a", "1"), '{"b": null}'),
        ("JSON_EXTRACT_PATH", ('{"a": 1}', "b"), None),
        ("JSON_EXTRACT_PATH_TEXT", ('{"a": "x"}', "a"), "x"),
        ("JSON_TYPEOF", ("true",), "boolean"),
        ("JSON_VALID", ("{",), False),
        ("JSON_ARRAY_LENGTH", ("[1, 2]",), 2),
    ],
)
def test_text_and_json(name, args, expected):
    assert call(name, *args) == expected


def test_substring_keeps_bytes_and_makes_text_of_the_rest():
    assert result_type("SUBSTR", BYTES, INTEGER) == BYTES
    assert result_type("SUBSTR", SqlType(TEXT.kind, 5), INTEGER) == TEXT
    assert call("SUBSTR", 12345, 2, 2) == "23"


MOMENTS = [
    T,
    dt.datetime(2021, 1, 3, 0, 30, tzinfo=dt.UTC),
    dt.datetime(2015, 12, 31, 14, 30, 50, 321, tzinfo=dt.UTC),
    dt.datetime(1901, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
]
ZONES = [None, "UTC", "Europe/Berlin", "Asia/Kathmandu", "UTC+05:30", "America/Sao_Paulo"]
PARTS = ["year", "iso_year", "quarter", "month", "week", "day", "week_day", "iso_week_day", "hour", "minute", "second"]


def sqlite_text(value):
    return value.replace(tzinfo=None).isoformat(" ")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_extract_as_django_does_on_sqlite(moment, zone):
    for part in PARTS:
        conn_zone = "UTC" if zone else None
        expected = sqlite_functions._sqlite_datetime_extract(part, sqlite_text(moment), zone, conn_zone)
        assert call("DJANGO_DATETIME_EXTRACT", part, moment, zone) == expected, part
        assert FUNCTIONS["DJANGO_DATETIME_EXTRACT"].call(part, None, zone) is None


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_trunc_as_django_does_on_sqlite(moment, zone):
    text, conn_zone = sqlite_text(moment), "UTC" if zone else None
    for part in ["year", "quarter", "month", "week", "day", "hour", "minute", "second"]:
        here = sqlite_functions._sqlite_datetime_trunc(part, text, zone, conn_zone)
        truncated = call("DJANGO_DATETIME_TRUNC", part, moment, zone)
        assert truncated.tzinfo is dt.UTC
        local = sqlite_text(call("TIMEZONE", zone, truncated) if zone else truncated)
        assert local == here, part
        if part in ("hour", "minute", "second"):
            expected = sqlite_functions._sqlite_time_trunc(part, text, zone, conn_zone)
            assert call("DJANGO_TIME_TRUNC", part, moment, zone).isoformat() == expected
        else:
            expected = sqlite_functions._sqlite_date_trunc(part, text, zone, conn_zone)
            assert call("DJANGO_DATE_TRUNC", part, moment, zone).isoformat() == expected
    assert call("DJANGO_DATETIME_CAST_DATE", moment, zone).isoformat() == sqlite_functions._sqlite_datetime_cast_date(
        text, zone, conn_zone
    )
    assert call("DJANGO_DATETIME_CAST_TIME", moment, zone).isoformat() == sqlite_functions._sqlite_datetime_cast_time(
        text, zone, conn_zone
    )


def test_dates_and_times_have_parts_too():
    assert call("DJANGO_DATE_EXTRACT", "week", dt.date(2021, 1, 3)) == 53
    assert call("DJANGO_TIME_EXTRACT", "minute", dt.time(1, 2, 3)) == 2
    assert call("DJANGO_DATE_TRUNC", "quarter", dt.date(2021, 8, 3), None) == dt.date(2021, 7, 1)
    assert call("DJANGO_TIME_TRUNC", "hour", dt.time(1, 2, 3), None) == dt.time(1)
    assert call("DJANGO_TIME_EXTRACT", "second", dt.timedelta(days=2, seconds=65.5)) == 5
    with pytest.raises(DataError, match="time has no part 'year'"):
        call("DJANGO_TIME_EXTRACT", "year", dt.time(1))
    with pytest.raises(DataError, match="date has no part 'hour'"):
        call("DJANGO_DATE_EXTRACT", "hour", dt.date(2021, 1, 3))


def test_the_second_of_two_equal_local_hours_is_kept():
    second_time = dt.datetime(2024, 10, 27, 1, 30, tzinfo=dt.UTC)  # 02:30 in Berlin, after the clock went back
    assert call("DJANGO_DATETIME_TRUNC", "hour", second_time, "Europe/Berlin") == second_time.replace(minute=0)


def test_extract_of_postgresql():
    assert call("EXTRACT", "second", T) == Decimal("59.123456")
    assert call("EXTRACT", "epoch", dt.date(1970, 1, 2)) == 86400
    assert call("EXTRACT", "dow", dt.date(2024, 2, 25)) == 0
    assert call("DATE_PART", "hour", dt.timedelta(days=1, hours=-30)) == 18.0  # it is kept as -1 day, 18:00
    assert call("MAKE_DATE", 2024, 2, 29) == dt.date(2024, 2, 29)
    assert call("MAKE_TIMESTAMP", 2024, 2, 29, 23, 45, 59.5) == T.replace(microsecond=500000)
    assert call("MAKE_TIME", 23, 59, 3.3) == dt.time(23, 59, 3, 300_000)
    assert call("MAKE_TIME", 23, 59, 59.9999999) == dt.time(23, 59, 59, 999_999)


def test_what_is_not_stable():
    assert {name for name, entry in FUNCTIONS.items() if not entry.stable} == {
        "RANDOM",
        "RAND",
        "GEN_RANDOM_UUID",
        "UUIDV4",
        "UUIDV7",
    }
    assert isinstance(call("GEN_RANDOM_UUID"), UUID)
    assert 0 <= call("RANDOM") < 1


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("COUNT", [], 0),
        ("COUNT", [1, 2], 2),
        ("SUM", [], None),
        ("SUM", [1, 2, 3], 6),
        ("SUM", [Decimal("1.10"), Decimal("2.20")], Decimal("3.30")),
        ("SUM", [dt.timedelta(hours=1)] * 3, dt.timedelta(hours=3)),
        ("AVG", [1, 2], 1.5),
        ("AVG", [Decimal(1), Decimal(2)], Decimal("1.5")),
        ("AVG", [dt.timedelta(hours=1), dt.timedelta(hours=2)], dt.timedelta(minutes=90)),
        ("MIN", [NAN, 2.0, 1.0], 1.0),
        ("MAX", ["a", "b"], "b"),
        ("MAX", [], None),
        ("VAR_SAMP", [1], None),
        ("VAR_POP", [1, 3], 1.0),
        ("VAR_SAMP", [1, 3], 2.0),
        ("VAR_POP", [Decimal(1), Decimal(3)], Decimal(1)),
        ("STDDEV_POP", [Decimal(1), Decimal(3)], Decimal(1)),
        ("STDDEV_SAMP", [1, 3], math.sqrt(2)),
        ("STRING_AGG", [("a", "-"), (None, "-"), ("b", "-")], "a-b"),
        ("GROUP_CONCAT", ["a", "b"], "a,b"),
        ("STRING_AGG", [(None, ",")], None),
        ("STRING_AGG", [("a", 1), ("b", 2), ("c", None)], "a2bc"),
        ("STRING_AGG", [(b"a", b"-"), (b"b", b"-"), (b"c", None)], b"a-bc"),
        ("STRING_AGG", [b"a", None, b"b"], b"a,b"),
        ("STRING_AGG", [(b"a", "-"), (b"b", "-")], b"a-b"),
        ("BOOL_AND", [True, False], False),
        ("BOOL_OR", [True, False], True),
        ("BOOL_OR", [], None),
        ("BIT_AND", [6, 3], 2),
        ("BIT_XOR", [6, 3], 5),
        ("ANY_VALUE", [7, 8], 7),
    ],
)
def test_aggregates(name, values, expected):
    result = AGGREGATES[name].collect(values)
    assert result == expected
    assert type(result) is type(expected)


def test_a_separator_that_no_encoding_can_write():
    with pytest.raises(DataError, match="half of a surrogate pair"):
        AGGREGATES["STRING_AGG"].collect([(b"a", "\ud83d"), (b"b", "\ud83d")])


def test_types_of_aggregates():
    assert result_type("SUM", INTEGER) == BIGINT
    assert result_type("SUM", SqlType(DECIMAL.kind, 10, 2)) == DECIMAL
    assert result_type("SUM", INTERVAL) == INTERVAL
    assert result_type("AVG", INTEGER) == DOUBLE
    assert result_type("AVG", SqlType(DECIMAL.kind, 10, 2)) == DECIMAL
    assert result_type("AVG", INTERVAL) == INTERVAL
    assert result_type("STDDEV_POP", INTEGER) == DOUBLE
    with pytest.raises(DataError, match="not values of type text"):
        result_type("SUM", TEXT)
    with pytest.raises(DataError, match="not values of type interval"):
        result_type("STDDEV", INTERVAL)


@pytest.mark.parametrize(
    "zone", [None, "UTC", "Europe/Berlin", "+05:30", "-23:59", "Pacific/Apia", "America/Sao_Paulo"]
)
@pytest.mark.parametrize("part", ["decade", "year", "Quarter", "month", "week", "day", "hour", "minute", "second"])
def test_truncation_made_for_one_part_is_that_of_any(part, zone):
    at, make = FUNCTIONS["DJANGO_DATETIME_TRUNC"].made
    assert at == 1
    truncate = make(part, zone)
    moments = [T + dt.timedelta(hours=7 * n, minutes=n) for n in range(-3000, 3000, 11)]
    for moment in [*moments, *moments[:50], dt.date(2021, 3, 28), None]:
        assert truncate(moment) == call("DJANGO_DATETIME_TRUNC", part, moment, zone)


@pytest.mark.parametrize("zone", [None, "UTC", "Pacific/Apia", "America/Sao_Paulo", "+23:59", "-23:59"])
@pytest.mark.parametrize("part", ["year", "quarter", "month", "week", "day"])
def test_truncation_by_days_is_right_where_months_begin(part, zone):
    truncate = FUNCTIONS["DJANGO_DATETIME_TRUNC"].made[1](part, zone)
    begins = [dt.datetime(year, month, 1, tzinfo=dt.UTC) for year in (1999, 2000, 2011, 2018) for month in range(1, 13)]
    moments = [begin + dt.timedelta(hours=hours, microseconds=-1) for begin in begins for hours in range(-60, 61)]
    random.Random(1).shuffle(moments)
    for moment in moments:
        assert truncate(moment) == call("DJANGO_DATETIME_TRUNC", part, moment, zone)


def test_what_was_made_for_constants_fails_as_the_function_does():
    _, make = FUNCTIONS["DJANGO_DATETIME_TRUNC"].made
    for args in (("fortnight", None), ("day", "Atlantis")):
        with pytest.raises(DataError) as error:
            make(*args)(T)
        with pytest.raises(DataError, match=str(error.value)[:20]):
            call("DJANGO_DATETIME_TRUNC", args[0], T, args[1])
    with pytest.raises(DataError):
        make("day", "-12:00")(dt.datetime(1, 1, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize("path", [(), ("a",), ("0",), ("a", "b"), ("c",)])
def test_a_path_that_is_known_leads_where_any_does(path):
    _, make = FUNCTIONS["JSON_COMPARABLE"].made
    for document in (
        '{"a": {"b": 1}, "c": null}',
        '{"a": "x"}',
        "[1.5, 2]",
        '"a"',
        "null",
        "true",
        '{"a": [true]}',
        "{}",
    ):
        assert make(*path)(document) == call("JSON_COMPARABLE", document, *path)


@pytest.mark.parametrize(
    ("texts", "exponent"),
    [("1.50 -2.25 0.00", -2), ("7 -8 123456789012345678901234567890123456789", 0), ("0.000001 12.000000", -6)],
)
def test_decimals_of_one_exponent_are_multiples(texts: str, exponent: int) -> None:
    numbers = list(map(Decimal, texts.split()))
    multiples = scaled(numbers)
    assert multiples is not None and multiples.exponent == exponent
    assert list(map(str, map(multiples.decimal, multiples))) == list(map(str, numbers))


@pytest.mark.parametrize("texts", ["1.50 2.5", "1.50 2", "2 1.50", "1E+3 2", "0E-9 1.000000000", "1.50 1E-20"])
def test_decimals_of_several_exponents_are_not(texts: str) -> None:
    assert scaled(list(map(Decimal, texts.split()))) is None
