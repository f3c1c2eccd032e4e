"""Decimals keep every digit that can be kept, whatever the context of the caller's thread says."""

from __future__ import annotations

import decimal
import itertools
from collections.abc import Iterator
from decimal import Decimal

import pytest

from django_zodb import dbapi
from django_zodb.errors import DataError
from django_zodb.sql.decimals import over, power, root

LONG = Decimal("12345678901234567890123456789012345678901234567890.1234567891")
_serial = itertools.count(1)


@pytest.fixture
def connection() -> Iterator[dbapi.Connection]:
    with dbapi.connect(f":memory:test_decimals_{next(_serial)}", autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id integer PRIMARY KEY, long numeric(60, 10), price numeric(12, 6))")
        connection.execute("INSERT INTO t VALUES (1, %s, 1234.567891), (2, 0.0000000001, -1.5)", (LONG,))
        yield connection


def rows(connection: dbapi.Connection, sql: str, *params: object) -> list[tuple[object, ...]]:
    return connection.execute(sql, params).fetchall()


def test_arithmetic_keeps_all_digits_of_long_numbers(connection):
    found = rows(
        connection, "SELECT long + 1, long * 3, -long, ABS(-long), MOD(long, 7), long %% 7 FROM t WHERE id = 1"
    )
    assert found == [
        (
            Decimal("12345678901234567890123456789012345678901234567891.1234567891"),
            Decimal("37037036703703703670370370367037037036703703703670.3703703673"),
            LONG.copy_negate(),
            LONG,
            Decimal("1.1234567891"),
            Decimal("1.1234567891"),
        )
    ]


def test_an_update_stores_what_it_computes(connection):
    connection.execute("UPDATE t SET long = long + 0.0000000001")
    assert rows(connection, "SELECT long FROM t ORDER BY id") == [
        (Decimal("12345678901234567890123456789012345678901234567890.1234567892"),),
        (Decimal("0.0000000002"),),
    ]


def test_what_cannot_be_exact_has_28_digits_and_at_least_20_places():
    assert over(Decimal(10), 3) == Decimal("3.333333333333333333333333333")
    assert over(Decimal(10).scaleb(30), 3) == Decimal("3" * 31 + "." + "3" * 21)
    assert root(Decimal(2)) == Decimal("1.414213562373095048801688724")
    assert root(Decimal(10) ** 40 + 1) == Decimal("1" + "0" * 20 + "." + "0" * 20)
    assert power(Decimal("1.5"), Decimal(2)) == Decimal("2.25")
    assert power(Decimal("0.001"), Decimal(-20)) == Decimal("1E+60")
    assert power(LONG, Decimal(1)) == LONG
    assert power(Decimal(0), Decimal(2)) == 0


def test_what_no_number_of_digits_can_hold_is_refused(connection):
    for expression in ("long / 0", "MOD(long, 0)", "POWER(-price, 0.5)", "SQRT(-price)", "POWER(10.0, 10000000)"):
        with pytest.raises(DataError):
            rows(connection, f"SELECT {expression} FROM t WHERE id = 1")


def test_the_context_of_the_caller_says_nothing(connection):
    sql = """
        SELECT price + 0.000001, price - 0.000001, price * 1.000001, price / 7, price %% 7, -price, ABS(price),
               ROUND(price, 2), POWER(price, 2), SQRT(ABS(price)), SUM(price) OVER (), AVG(price) OVER (),
               STDDEV(price) OVER (),
               EXTRACT(EPOCH FROM TIMESTAMP '2024-02-29 12:34:56.789012'), price * INTERVAL '1.234567 seconds'
        FROM t ORDER BY id
    """
    usual = rows(connection, sql)
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP)):
        assert rows(connection, sql) == usual


@pytest.mark.parametrize(
    "value",
    [
        "CASE WHEN id = 1 THEN %s END",
        "CASE WHEN id = 1 THEN %s ELSE price END",
        "CASE WHEN id = 1 THEN CASE WHEN id < 2 THEN %s END END",
        "CAST(CASE WHEN id = 1 THEN %s END AS numeric(12, 6))",
        "COALESCE(NULL, %s)",
    ],
)
def test_a_parameter_that_is_chosen_is_rounded_for_its_column(connection, value):
    connection.execute(f"UPDATE t SET price = {value} WHERE id = 1", (Decimal(3),))
    assert str(rows(connection, "SELECT price FROM t WHERE id = 1")[0][0]) == "3.000000"
    connection.execute(f"UPDATE t SET price = {value} WHERE id = 1", (Decimal("3.14159265"),))
    assert rows(connection, "SELECT price FROM t WHERE id = 1") == [(Decimal("3.141593"),)]
    with pytest.raises(DataError, match=r"t\.price.*numeric\(12, 6\)"):
        connection.execute(f"UPDATE t SET price = {value} WHERE id = 1", (Decimal(10_000_000),))


@pytest.mark.parametrize("value", ["%s", "CASE WHEN 1 = 1 THEN %s END", "COALESCE(NULL, %s)"])
def test_a_cast_rounds_a_parameter_that_is_chosen(connection, value):
    sql = f"SELECT CAST({value} AS numeric(4, 2)), CAST({value} AS smallint)"
    assert rows(connection, sql, Decimal("1.256"), 7) == [(Decimal("1.26"), 7)]
    with pytest.raises(DataError, match="smallint"):
        rows(connection, sql, Decimal("1.256"), 70_000)


def test_a_small_integer_that_is_chosen_is_in_range(connection):
    connection.execute("CREATE TABLE small (id integer PRIMARY KEY, n smallint, name varchar(3))")
    connection.execute("INSERT INTO small VALUES (1, 1, 'a')")
    with pytest.raises(DataError, match=r"small\.n"):
        connection.execute("UPDATE small SET n = CASE WHEN id = 1 THEN %s ELSE n END", (70_000,))
    with pytest.raises(DataError, match=r"small\.name"):
        connection.execute("UPDATE small SET name = CASE WHEN id = 1 THEN %s ELSE name END", ("long",))
