"""IN lists are padded: few texts for lists of any length, the same answers."""

from __future__ import annotations

import datetime as dt
import sqlite3
import uuid
from contextlib import closing
from decimal import Decimal

import pytest

from django_zodb import dbapi
from django_zodb.sql.in_lists import Many, padded


def test_doubled_percent_signs_are_none():
    found = padded("SELECT 5 %%s, x LIKE '%%s' AND y IN (%s, %s)")
    assert found is not None
    assert (found.count, found.lists) == (2, ((0, 2, 2),))


def test_lists_are_padded_to_powers_of_four():
    found = padded("SELECT * FROM a WHERE x = %s AND y IN (%s, %s, %s) AND z NOT IN (%s,%s, %s, %s, %s) LIMIT %s")
    assert found is not None
    more = ", %s" * 11
    assert found.text == (
        f"SELECT * FROM a WHERE x = %s AND y IN (%s, %s, %s, %s) AND z NOT IN (%s,%s, %s, %s, %s{more}) LIMIT %s"
    )
    assert found.count == 10
    assert found.params(list(range(10))) == (0, 1, 2, 3, 3, 4, 5, 6, 7, 8, *[8] * 11, 9)


def test_long_lists_are_one_parameter():
    marks = ", ".join(["%s"] * 70)
    found = padded(f"SELECT * FROM a WHERE x = %s AND y IN ({marks}) AND z IN (%s, %s) LIMIT %s")
    assert found is not None
    assert found.text == "SELECT * FROM a WHERE x = %s AND y IN (%s) AND z IN (%s, %s, %s, %s) LIMIT %s"
    given = found.params([*range(72), "a", 7])
    assert given == (0, tuple(range(1, 71)), 71, "a", "a", "a", 7)
    assert isinstance(given[1], Many)
    assert given[1].expected == 128
    assert found.params([*range(70), None, *range(3)]) is None, "a NULL among them"
    assert found.params([*range(70), "a", *range(3)]) is None, "several classes"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 WHERE 1 IN (%s)",
        "SELECT 1 WHERE 1 IN (%s, %s, %s, %s)",
        "SELECT 1 WHERE 1 IN (%s, 2)",
        "SELECT 'IN (%s, %s)'",
        'SELECT "IN (%s, %s)"',
        "SELECT $$IN (%s, %s)$$",
        "SELECT 1 -- IN (%s, %s)",
        "SELECT 1 WHERE 1 IN (%(a)s, %(b)s)",
        "EXPLAIN SELECT 1 WHERE 1 IN (%s, %s)",
        "SELECT JOIN(%s, %s)",
        "SELECT 5 % 2 IN (%s, %s)",
    ],
)
def test_what_is_no_list_stays(text):
    assert padded(text) is None


@pytest.fixture
def connection():
    connection = dbapi.connect(f":memory:{uuid.uuid4()}", autocommit=True)
    connection.execute("CREATE TABLE a (id integer PRIMARY KEY, b integer, c text)")
    connection.execute("CREATE INDEX a_b ON a (b)")
    for n in range(100):
        connection.execute("INSERT INTO a VALUES (%s, %s, %s)", (n, n % 10, f"it's {n % 7}"))
    yield connection
    connection.close()


@pytest.mark.parametrize("column", ["id", "b", "id + 0"])
def test_lists_of_any_length_find_what_they_name(connection, column):
    known = len(connection._programs)
    for length in range(2, 60):
        keys = [n * 3 % 100 for n in range(length)]
        found = connection.execute(
            f"SELECT id FROM a WHERE {column} IN ({', '.join(['%s'] * length)}) AND c <> 'it''s 3%%' ORDER BY id", keys
        ).fetchall()
        assert found == [(n,) for n in range(100) if (n % 10 if column == "b" else n) in keys]
    assert len(connection._programs) == known + 3


LONG = [
    "id IN ({})",
    "id NOT IN ({})",
    "b IN ({})",
    "b NOT IN ({})",
    "b + 0 IN ({})",
    "b / 2.0 IN ({})",
    "b IN ({}) AND id < 50",
    "b IN ({}) OR id = 7 OR b = 3",
    "id IN ({}) OR id IN (%s, %s)",
    "id IN ({0}) AND b IN ({0})",
    "NOT (b IN ({})) OR c IS NULL",
    "id IN ({}) = (b > 3)",
    "(SELECT max(n.id) FROM a AS n WHERE n.b IN ({}) AND n.id < a.id) > 40",
    "EXISTS (SELECT 1 FROM a AS n WHERE n.id IN ({}) AND n.b = a.id)",
    "CASE WHEN b IN ({}) THEN id > 5 ELSE id > 10 END",
]


@pytest.mark.parametrize("given", [int, float, Decimal, str, bool])
@pytest.mark.parametrize("condition", LONG)
def test_long_lists_find_what_they_name(connection, condition, given):
    """As sqlite3 does, which is given integers."""
    with closing(sqlite3.connect(":memory:")) as lite:
        lite.execute("CREATE TABLE a (id integer PRIMARY KEY, b integer, c text)")
        lite.executemany("INSERT INTO a VALUES (?, ?, ?)", connection.execute("SELECT * FROM a").fetchall())
        compare_long_lists(connection, lite, condition, given)


def compare_long_lists(connection, lite, condition, given):
    for keys in (list(range(0, 200, 2)), [n % 3 for n in range(300)]):
        values = [given(key) for key in keys]
        text = f"SELECT id FROM a WHERE {condition.format(', '.join(['%s'] * len(values)))} ORDER BY id"
        params = (values * 2)[: text.count("%s")]
        expected = lite.execute(text.replace("%s", "?"), [int(value) for value in params]).fetchall()
        assert connection.execute(text, params).fetchall() == expected


def test_a_long_list_is_prepared_once(connection):
    for column, length in (("id", 70), ("id", 200), ("b", 80), ("b", 256), ("id", 20_000), ("id", 30_000)):
        marks = ", ".join(["%s"] * length)
        connection.execute(f"DELETE FROM a WHERE {column} IN ({marks}) AND c = %s", [*range(1000, 1000 + length), "x"])
    kept = [(key.count("%s"), len(entry.programs)) for key, entry in connection._programs.items() if "DELETE" in key]
    assert kept == [(2, 2), (2, 1)], "a program for each column and magnitude"


def test_long_lists_of_any_class(connection):
    """Lists of several classes, and those that are folded to compare, are given value by value."""
    marks = ", ".join(["%s"] * 70)
    execute = connection.execute
    assert execute(f"SELECT count(*) FROM a WHERE id IN ({marks})", [*range(69), None]).fetchall() == [(69,)]
    assert execute(f"SELECT count(*) FROM a WHERE id NOT IN ({marks})", [*range(69), None]).fetchall() == [(0,)]
    assert execute(f"SELECT count(*) FROM a WHERE id IN ({marks})", [*range(69), 69.5]).fetchall() == [(69,)]
    texts = [f"it's {n}" for n in range(70)]
    assert execute(f"SELECT count(*) FROM a WHERE c IN ({marks})", texts).fetchall() == [(100,)]
    execute('CREATE TABLE t (id integer PRIMARY KEY, x text COLLATE "NOCASE", j jsonb, d date, t timestamp)')
    execute("INSERT INTO t VALUES (1, 'Abc', '{\"a\": \"5\"}', '2020-01-06', '2020-01-06 00:00:00')")
    assert execute(f"SELECT id FROM t WHERE x IN ({marks})", ["aBC"] * 70).fetchall() == [(1,)]
    days = [dt.date(2020, 1, 1) + dt.timedelta(n) for n in range(70)]
    times = [dt.datetime(2020, 1, 1) + dt.timedelta(n) for n in range(70)]
    for column in ("d", "t"):
        for values in (days, times, list(map(str, days))):
            assert execute(f"SELECT id FROM t WHERE {column} IN ({marks})", values).fetchall() == [(1,)]


def test_errors_about_long_lists(connection):
    marks = ", ".join(["%s"] * 70)
    with pytest.raises(dbapi.ProgrammingError, match="takes 70 parameters, 69 are given"):
        connection.execute(f"SELECT * FROM a WHERE id IN ({marks})", range(69))
    with pytest.raises(dbapi.DataError):
        connection.execute(f"SELECT * FROM a WHERE id IN ({marks})", ["x"] * 70)
    with pytest.raises(dbapi.ProgrammingError, match="at 1:"):
        connection.execute(f"SELECT * FROM a WHERE id IN ({marks}) AND d = 3", range(70))
    with pytest.raises(dbapi.ProgrammingError):
        connection.execute(f"SELECT * FROM a WHERE (id, b) IN ({marks})", range(70))


def test_nulls_and_classes(connection):
    execute = connection.execute
    assert execute("SELECT COUNT(*) FROM a WHERE id NOT IN (%s, %s)", (1, None)).fetchall() == [(0,)]
    assert execute("SELECT COUNT(*) FROM a WHERE id NOT IN (%s, %s)", (1, 2)).fetchall() == [(98,)]
    assert execute("SELECT id FROM a WHERE id IN (%s, %s, %s)", (1, 2.0, 2.5)).fetchall() == [(1,), (2,)]
    assert execute("DELETE FROM a WHERE id IN (%s, %s, %s)", (1, 2, 3)).rowcount == 3


def test_errors_are_about_the_text_as_given(connection):
    with pytest.raises(dbapi.ProgrammingError, match="takes 3 parameters, 2 are given"):
        connection.execute("SELECT * FROM a WHERE id IN (%s, %s, %s)", (1, 2))
    with pytest.raises(dbapi.ProgrammingError, match="at 1:46"):
        connection.execute("SELECT * FROM a WHERE id IN (%s, %s, %s) AND d = 3", (1, 2, 3))


def long_case(results: str, term: str = '"id"', end: str = "ELSE NULL END") -> str:
    """A CASE with one WHEN for each result, which are ``%s`` and ``NULL``, parted by spaces."""
    whens = " ".join(f"WHEN ({term} = %s) THEN {result}" for result in results.split())
    return f"CASE {whens} {end}"


def test_a_long_case_is_two_parameters():
    case = long_case("%s NULL %s %s", '"a"."id"')
    found = padded(f'UPDATE "a" SET "b" = {case}, "c" = %s WHERE "id" IN (%s, %s)')
    assert found is not None
    assert found.text == (
        'UPDATE "a" SET "b" = CASE WHEN ("a"."id" = %s) THEN %s ELSE NULL END, "c" = %s WHERE "id" IN (%s, %s, %s, %s)'
    )
    assert found.params([1, "x", 2, 3, "y", 4, "z", 5, 6, 7]) == ((1, 2, 3, 4), ("x", None, "y", "z"), 5, 6, 7, 7, 7)
    assert found.params([1, "x", 2.0, 3, "y", 4, "z", 5, 6, 7]) is None, "keys of several classes"
    assert found.params([1, "x", 2, 3, 1, 4, "z", 5, 6, 7]) is None, "results of several classes"
    assert found.params([1, "x", None, 3, "y", 4, "z", 5, 6, 7]) is None, "NULL equals nothing"


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT {long_case('%s %s %s %s')}",
        f"UPDATE a SET b = {long_case('%s %s %s')}",
        f"UPDATE a SET b = {long_case('%s %s %s %s', end='ELSE b END')}",
        f"UPDATE a SET b = {long_case('%s %s %s %s', end='ELSE %s END')}",
        f"UPDATE a SET b = '{long_case('%s %s %s %s')}'",
        f"UPDATE a SET b = {long_case('%s %s %s b')}",
        'UPDATE a SET b = CASE WHEN "b" = %s THEN %s WHEN "c" = %s THEN %s WHEN "b" = %s THEN %s END',
    ],
)
def test_what_is_no_lookup_stays(text):
    assert padded(text) is None


@pytest.mark.parametrize("length", [4, 5, 70, 3000])
def test_a_long_case_gives_what_each_when_says(connection, length):
    keys = [n % 130 for n in range(length)]
    results = [None if n % 7 == 3 else n for n in range(length)]
    expected = dict(reversed(list(zip(keys, results, strict=True))))
    case = long_case(" ".join("NULL" if result is None else "%s" for result in results))
    params = [each for key, result in zip(keys, results, strict=True) for each in (key, result) if each is not None]
    connection.execute(f"UPDATE a SET b = {case}, c = {case} WHERE id < 90", [*params, *map(str, params)])
    assert connection.execute("SELECT id, b, c FROM a WHERE id < 90 ORDER BY id").fetchall() == [
        (n, expected.get(n), None if expected.get(n) is None else str(expected[n])) for n in range(90)
    ]
    found = connection.execute(f"SELECT id FROM a ORDER BY {case}, id", params).fetchall()
    first = [n for n in range(100) if expected.get(n) is None]
    assert found == [(n,) for n in (*first, *sorted(set(range(100)).difference(first), key=expected.__getitem__))]


def test_long_cases_of_any_length_are_one_program(connection):
    known = len(connection._programs)
    for length in (*range(4, 40, 5), 300, 2000):
        marks = ", ".join(["%s"] * length)
        params = [each for n in range(length) for each in (n, n + 1)]
        connection.execute(
            f"UPDATE a SET b = {long_case(' '.join(['%s'] * length))} WHERE c IN ({marks})",
            [*params, *map(str, range(length))],
        )
    assert len(connection._programs) <= known + 5, "one for each magnitude of the IN list"


def test_long_cases_of_any_class(connection):
    execute = connection.execute
    execute(
        'CREATE TABLE t (id uuid PRIMARY KEY, x text COLLATE "NOCASE", p numeric(5, 2),'
        " f float, d date, b boolean, j jsonb)"
    )
    ids = [uuid.UUID(int=n) for n in range(5)]
    for n, key in enumerate(ids):
        execute("INSERT INTO t VALUES (%s, %s, 1, %s, NULL, NULL, NULL)", (key, f"Key{n}", n / 2))
    five = " ".join(["%s"] * 5)

    def update(column, results, keys=ids, term='"t"."id"'):
        params = [each for pair in zip(keys, results, strict=True) for each in pair]
        execute(f'UPDATE "t" SET {column} = {long_case(five, term)}', params)
        return [value for (value,) in execute(f"SELECT {column} FROM t ORDER BY id").fetchall()]

    assert list(map(str, update("p", [Decimal(n) for n in range(5)]))) == ["0.00", "1.00", "2.00", "3.00", "4.00"]
    assert update("p", [1, 2.5, Decimal("3.456"), "4", None]) == [1, Decimal("2.5"), Decimal("3.46"), 4, None]
    assert update("f", [1, 2, 3, 4, 5], term='"id"') == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert update("x", list("abcde"), ["KEY0", "key1", "Key2", "k", "l"], '"x"') == ["a", "b", "c", None, None]
    assert update("b", [True, False, None, True, False]) == [True, False, None, True, False]
    assert update("b", [None] * 5) == [None] * 5
    assert update("p", [7, 8, 9, 10, 11], [1.0, 2.0, 3.0, 4.0, 5.0], '"f"') == [7, 8, 9, 10, 11]
    assert update("d", [dt.date(2020, 1, n + 1) for n in range(5)])[4] == dt.date(2020, 1, 5)
    assert update("j", ['{"a": 1}', "[]", "1", "2", None])[:2] == ['{"a": 1}', "[]"]
    with pytest.raises(dbapi.DataError, match=r"t\.p"):
        update("p", [1000, 1, 2, 3, 4])
    with pytest.raises(dbapi.IntegrityError, match="NULL"):
        update("id", [None, *ids[1:]])


def test_a_long_case_that_is_asked_about(connection):
    params = [each for n in range(70) for each in (n, n % 2 == 0)]
    case = long_case(" ".join(["%s"] * 70))
    for condition in (case, f"NOT {case}", f"{case} IS NULL", f"COALESCE({case}, TRUE)", f"{case} = (b > 3)"):
        plain = condition.replace("ELSE NULL END", "ELSE (NULL) END")
        texts = [f"SELECT id FROM a WHERE {each} ORDER BY id" for each in (condition, plain)]
        assert connection.execute(texts[0], params).fetchall() == connection.execute(texts[1], params).fetchall()
