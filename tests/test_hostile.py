"""Hostile SQL: names and values that try to break out of where they stand, and statements that are far too large.

Whatever stands in a name, a literal, a parameter or an option is data: the answer is right or a PEP 249 error says why
not, and nothing of it is ever executed. What is large gives an answer or a clear error, in bounded time and memory.
"""

from __future__ import annotations

import builtins
import json
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F, Value
from django_project.models import Author, Book, Everything

from django_zodb import dbapi
from django_zodb.sql.parse import parse
from django_zodb.sql.regexes import TIME_LIMIT_S

HOSTILE = (
    "'",
    '"',
    "''; DROP TABLE t; --",
    '"; DROP TABLE t; --',
    '") FROM t; DROP TABLE t; --',
    "a\nimport os\nos.abort()",
    "x\n    boom()\n#",
    "\r\nboom()",
    "\u2028boom()",
    "{boom()}",
    "{0}{1}{params}",
    "{{}}",
    "%s",
    "%(boom)s",
    "100%",
    "\\",
    "\\'",
    '\\"',
    "\\N{DIGIT ONE}",
    "'''",
    '"""',
    '""" + boom() + """',
    "']; boom(); ['",
    "#",
    "__import__('os').abort()",
    "boom()",
    "lambda",
    "None",
    "True",
    "params",
    "catalog",
    "row_limit",
    "__builtins__",
    "__class__",
    "select",
    "class",
    "p0",
    "k0",
    "it",
    "found",
    "\u0430",  # Cyrillic, looks like "a"
    "\uff41",  # full width: Python's identifiers fold it to "a"
    "ªº",  # to "ao"
    "ﬁ",  # to "fi"
    "ℝ²",
    "e\u0301",  # combining accent: Python folds it to one letter
    "\u202eevil",
    "\U0001f40d",
    " ",
    "a b",
    "1",
    "-",
    "é" * 300,
    "x" * 5000,
)
NAMES = tuple(text for text in HOSTILE if text.strip())


def fail(*args: object, **kwargs: object) -> None:
    raise AssertionError("text of the caller was executed")


@pytest.fixture(autouse=True)
def alarmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "boom", fail, raising=False)
    monkeypatch.setattr("os.abort", fail)


@pytest.fixture
def db() -> Iterator[dbapi.Connection]:
    connection = dbapi.connect(f":memory:hostile-{uuid4()}", autocommit=True)
    database = connection.session.database
    yield connection
    connection.close()
    database.close()


def rows(db: dbapi.Connection, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    return list(db.execute(sql, params).fetchall())


def quoted(name: str, params: bool = False) -> str:
    text = '"' + name.replace('"', '""') + '"'
    return text.replace("%", "%%") if params else text


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def within(seconds: float, megabytes: int) -> Iterator[None]:
    """Generous bounds: these machines are shared, but nothing here may grow without end."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < megabytes


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_names_of_tables_columns_and_indexes(db: dbapi.Connection, name: str) -> None:
    table = column = quoted(name)
    db.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, {column} text, other integer)")
    db.execute(f"CREATE INDEX {quoted(name + '_index')} ON {table} ({column}, other)")
    db.execute(f"INSERT INTO {table} VALUES (1, 'one', 10), (2, 'two', 20), (3, NULL, 30)")
    assert rows(db, f"SELECT {column} FROM {table} WHERE {column} = 'two'") == [("two",)]
    assert rows(db, f"SELECT {table}.{column} FROM {table} ORDER BY {column} DESC") == [("two",), ("one",), (None,)]
    db.execute(f"UPDATE {table} SET {column} = 'three' WHERE other > 25")
    assert rows(db, f"SELECT MAX({column}), COUNT(*) FROM {table} GROUP BY other > 15 ORDER BY 2") == [
        ("one", 1),
        ("two", 2),
    ]
    db.execute(f"DELETE FROM {table} WHERE {column} LIKE 't%'")
    assert rows(db, f"SELECT * FROM {table}") == [(1, "one", 10)]
    for option in ("", "(FORMAT PYTHON) ", "ANALYZE "):
        assert rows(db, f"EXPLAIN {option}SELECT {column} FROM {table} WHERE {column} = 'one'")
    db.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO plain")
    db.execute(f"DROP TABLE {table}")


@pytest.mark.parametrize("name", NAMES)
def test_names_of_aliases(db: dbapi.Connection, name: str) -> None:
    alias = quoted(name)
    db.execute("CREATE TABLE t (id integer PRIMARY KEY, x integer)")
    db.execute("INSERT INTO t VALUES (1, 5), (2, NULL)")
    cursor = db.execute(f"SELECT {alias}.x AS {alias} FROM t AS {alias} WHERE {alias}.id = 1")
    assert cursor.fetchall() == [(5,)]
    assert cursor.description is not None and cursor.description[0][0] == name
    joined = f"SELECT {alias}.{alias} FROM (SELECT x AS {alias}, id FROM t) AS {alias} LEFT JOIN t ON t.id > {alias}.id"
    assert rows(db, f"{joined} ORDER BY 1") == [(None,), (5,)]
    assert rows(db, f"WITH {alias} AS (SELECT x FROM t) SELECT SUM(x) FROM {alias}") == [(5,)]
    found = rows(db, f"SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t AS {alias} WHERE {alias}.x = t.x)")
    assert found == [(1,)]


def test_names_that_python_takes_for_one_are_two(db: dbapi.Connection) -> None:
    names = ("a", "\uff41", "\u00aa", "fi", "\ufb01", "\u00e9", "e\u0301")
    db.execute(f"CREATE TABLE t ({', '.join(f'{quoted(name)} integer' for name in names)})")
    db.execute("INSERT INTO t VALUES (1, 2, 3, 4, 5, 6, 7)")
    query = f"SELECT {', '.join(map(quoted, reversed(names)))} FROM t WHERE "
    tests = [f"{quoted(one)} < {quoted(other)}" for one, other in pairwise(names)]
    assert rows(db, query + " AND ".join(tests)) == [(7, 6, 5, 4, 3, 2, 1)]


def test_a_nul_ends_no_name_and_no_literal(db: dbapi.Connection) -> None:
    assert rows(db, "SELECT %s", ["a\0b"]) == [("a\0b",)]
    for statement in ("SELECT 'a\0b'", 'SELECT 1 AS "a\0b"', 'CREATE TABLE "a\0b" (x integer)', "SELECT \0 1"):
        try:
            found = db.execute(statement)
        except dbapi.Error:
            continue
        assert found.description is None or found.fetchall() in ([("a\0b",)], [(1,)])


@pytest.mark.parametrize("name", NAMES)
def test_names_that_do_not_exist_are_named_in_the_error(db: dbapi.Connection, name: str) -> None:
    db.execute("CREATE TABLE t (x1y2 integer)")
    for statement in (
        f"SELECT {quoted(name)} FROM t",
        f"SELECT * FROM {quoted(name)}",
        f"SELECT {quoted(name)}.x1y2 FROM t",
        f"DROP TABLE {quoted(name)}",
        f"DROP INDEX {quoted(name)}",
        f"ROLLBACK TO SAVEPOINT {quoted(name)}",
    ):
        with pytest.raises(dbapi.DatabaseError) as caught:
            db.execute(statement)
        assert not isinstance(caught.value, dbapi.InternalError)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", (*HOSTILE, ""))
def test_values_are_values(db: dbapi.Connection, value: str) -> None:
    db.execute("CREATE TABLE t (id integer PRIMARY KEY, x text)")
    db.execute("CREATE INDEX t_x ON t (x)")
    db.execute(f"INSERT INTO t VALUES (1, {literal(value)})")
    db.execute("INSERT INTO t VALUES (2, %s), (3, 'else')", [value])
    assert rows(db, f"SELECT {literal(value)}, x FROM t WHERE x = {literal(value)}") == [(value, value)] * 2
    assert rows(db, "SELECT %s, x FROM t WHERE x = %s AND x IN (%s, %s)", [value] * 4) == [(value, value)] * 2
    assert rows(db, "SELECT x FROM t WHERE x = %(v)s OR %(v)s IS NULL", {"v": value}) == [(value,)] * 2
    assert rows(db, f"SELECT COALESCE(NULL, {literal(value)}) || {literal(value)}") == [(value + value,)]
    assert rows(db, f"SELECT CASE x WHEN {literal(value)} THEN 1 ELSE 0 END FROM t ORDER BY id") == [(1,), (1,), (0,)]
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    assert rows(db, f"SELECT COUNT(*) FROM t WHERE x LIKE {literal(escaped)}") == [(2,)]
    assert rows(db, "SELECT COUNT(*) FROM t WHERE x LIKE %s || '%%'", [escaped]) in ([(2,)], [(3,)])
    for comment in (f"-- {value.splitlines()[0] if value else ''}\n", f"/* {value.replace('*/', '')} */"):
        assert rows(db, f"SELECT 1 {comment}") == [(1,)]
    try:
        rows(db, "SELECT x FROM t WHERE x ~ %s", [value])
    except dbapi.DataError as error:
        assert "regular expression" in str(error)


@pytest.mark.parametrize("key", HOSTILE)
def test_keys_of_documents(db: dbapi.Connection, key: str) -> None:
    db.execute("CREATE TABLE t (id integer PRIMARY KEY, data json)")
    db.execute("INSERT INTO t VALUES (1, %s), (2, '{}')", [json.dumps({key: 7})])
    found = rows(db, "SELECT id FROM t WHERE JSON_HAS_KEY(data, %s)", [key])
    assert found == [(1,)]
    assert rows(db, f"SELECT id FROM t WHERE data ? {literal(key)}") == [(1,)]


@pytest.mark.parametrize("text", HOSTILE)
def test_options_of_explain(db: dbapi.Connection, text: str) -> None:
    for statement in (
        f"EXPLAIN ({text}) SELECT 1",
        f"EXPLAIN (FORMAT {text}) SELECT 1",
        f"EXPLAIN {quoted(text)} SELECT 1",
    ):
        try:
            found = rows(db, statement)
        except dbapi.DatabaseError as error:
            assert not isinstance(error, dbapi.InternalError)
        else:
            assert all(isinstance(line, str) for (line,) in found)


@pytest.mark.parametrize("text", HOSTILE)
def test_statements_of_nothing_but_this(db: dbapi.Connection, text: str) -> None:
    db.execute("CREATE TABLE t (x integer)")
    for statement in (text, f"SELECT {text}", f"SELECT * FROM t ORDER BY {text}", f"SELECT x FROM t LIMIT {text}"):
        try:
            db.execute(statement)
        except dbapi.Error as error:
            assert not isinstance(error, dbapi.InternalError)
    assert rows(db, "SELECT COUNT(*) FROM t") == [(0,)]


# --- through Django ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 50])
def test_django_passes_nothing_on(text: str) -> None:
    author = Author.objects.create(name=text)
    Everything.objects.all().delete()
    assert Author.objects.get(name=text) == author
    for lookup in ("iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"):
        assert list(Author.objects.filter(**{f"name__{lookup}": text})) == [author]
        assert list(Author.objects.filter(**{f"name__{lookup}": F("name")})) == [author]
    assert Author.objects.values_list(Value(text), flat=True)[0] == text
    for attempt in (
        lambda: list(Author.objects.annotate(**{text: F("id")}).values(text)),
        lambda: Author.objects.aggregate(**{text: Value(1)}),
        lambda: list(Author.objects.order_by(text)),
        lambda: Author.objects.all().explain(format=text),
        lambda: Author.objects.all().explain(**{text: True}),
        lambda: list(Author.objects.extra(order_by=[text])),
        lambda: list(Book.objects.dates("published", text)),
    ):
        with pytest.MonkeyPatch.context():
            try:
                attempt()
            except Exception as error:
                assert not isinstance(error, AssertionError), error
    assert Author.objects.count() == 1


# --- what is too large ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 60 + "b"),
        ("(a|aa)+$", "a" * 200 + "b"),
        ("(x+x+)+y", "x" * 5000),
        ("(.*)*(.*)*(.*)*[^ab]", "ab" * 2000),
        ("a*b", "a" * 300_000),
        ("((a{1000}){1000}){1000}", "a"),
        ("(" * 5000 + "a" + ")" * 5000, "a"),
        ("a{1,65000}" * 50, "a" * 100_000),
    ],
)
def test_catastrophic_regular_expressions(db: dbapi.Connection, pattern: str, text: str) -> None:
    with within(10 * TIME_LIMIT_S, 300):
        for statement in (
            "SELECT CAST(%s AS text) ~ %s",
            "SELECT CAST(%s AS text) ~* %s",
            "SELECT REGEXP_REPLACE(%s, %s, 'x')",
        ):
            try:
                rows(db, statement, [text, pattern])
            except (dbapi.DataError, dbapi.OperationalError) as error:
                assert "regular expression" in str(error)


def test_like_never_tries_twice(db: dbapi.Connection) -> None:
    with within(5, 100):
        pattern = "%a" * 200 + "%b"
        assert rows(db, "SELECT CAST(%s AS text) LIKE %s, %s ILIKE %s", ["a" * 100_000, pattern] * 2) == [
            (False, False)
        ]


@pytest.mark.parametrize("text", ["1 " * 1_000_000, "1" * 5000 + ":00:00", "9" * 1_200_000])
def test_long_intervals(db: dbapi.Connection, text: str) -> None:
    with within(5, 100), pytest.raises(dbapi.DataError, match=r"an interval has 1000 characters at most, not \d+"):
        db.execute("SELECT %s::interval", [text])


def test_huge_lists(db: dbapi.Connection) -> None:
    db.execute("CREATE TABLE t (id integer PRIMARY KEY, x integer)")
    db.execute("INSERT INTO t VALUES (1, 5), (99999, 7)")
    marks, numbers = ", ".join(["%s"] * 100_000), list(range(100_000))
    with within(60, 800):
        for column, found in (("id", [(1,), (99999,)]), ("x", [(1,), (99999,)])):
            assert rows(db, f"SELECT id FROM t WHERE {column} IN ({marks}) ORDER BY id", numbers) == found
        written = ", ".join(map(str, numbers))
        assert rows(db, f"SELECT id FROM t WHERE x NOT IN ({written})") == []


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 500 + "1" + ")" * 500,
        " + ".join(["x"] * 500),
        " - ".join(["1"] * 500),
        " || ".join(["CAST(x AS text)"] * 500),
        " AND ".join(["x = 1"] * 500),
        " OR ".join([f"x = {at}" for at in range(500)]),
        " OR ".join([f"(x = {at} AND x <> {at + 1})" for at in range(500)]),
        "NOT " * 500 + "x = 1",
        "- " * 500 + "x",
        "(x + " * 500 + "x" + ")" * 500,
        "CASE WHEN x = 1 THEN " * 500 + "1" + " END" * 500,
        "CASE WHEN x = 9 THEN 0 ELSE " * 500 + "1" + " END" * 500,
        "COALESCE(NULL, " * 500 + "x" + ")" * 500,
        "ABS(" * 500 + "x" + ")" * 500,
        "(SELECT " * 30 + "x" + ")" * 30,
        "(SELECT " * 500 + "1" + ")" * 500,
        "CAST(" * 500 + "x" + " AS bigint)" * 500,
        "x IN (" * 300 + "1" + ")" * 300,
        "EXISTS (SELECT 1 WHERE " * 200 + "x = 1" + ")" * 200,
    ],
    ids=lambda text: text[:24],
)
def test_deep_expressions(db: dbapi.Connection, expression: str) -> None:
    db.execute("CREATE TABLE t (id integer PRIMARY KEY, x integer)")
    db.execute("INSERT INTO t VALUES (1, 1), (2, NULL)")
    with within(30, 600):
        for statement in (f"SELECT {expression} FROM t", f"SELECT id FROM t WHERE ({expression}) IS NOT NULL"):
            try:
                assert len(rows(db, statement)) <= 2
            except dbapi.DatabaseError as error:
                assert not isinstance(error, dbapi.InternalError)
                assert len(str(error)) < 2000


@pytest.mark.parametrize(
    "opening", ["(", "CAST(", "EXISTS (SELECT 1 WHERE ", "CASE WHEN ", "ARRAY[", "NOT (", "INTERVAL "]
)
@pytest.mark.parametrize("levels", [240, 3000])
def test_deep_expressions_in_a_small_stack(db: dbapi.Connection, opening: str, levels: int) -> None:
    """Threads of a server have less stack than the main one: 1 MB is the least that Python's builds give."""
    outcome: list[object] = []

    def run() -> None:
        try:
            parse(f"SELECT {opening * levels}1{CLOSINGS[opening] * levels}", False)
        except dbapi.DatabaseError as error:
            outcome.append(error)
        else:
            outcome.append("parsed")

    old = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(old)
    assert len(outcome) == 1
    assert levels == 240 or isinstance(outcome[0], dbapi.OperationalError)


CLOSINGS = {"CAST(": " AS text)", "CASE WHEN ": " THEN 1 END", "ARRAY[": "]", "INTERVAL ": ""} | dict.fromkeys(
    ("(", "EXISTS (SELECT 1 WHERE ", "NOT ("), ")"
)


def test_nested_brackets_are_refused_before_the_parser_tries_them_all(db: dbapi.Connection) -> None:
    with pytest.raises(dbapi.OperationalError, match="nested too deeply"), within(5, 100):
        rows(db, f"SELECT {'ARRAY[' * 62}1{']' * 62}")


def test_a_literal_of_ten_megabytes(db: dbapi.Connection) -> None:
    text = "it''s " * 2_000_000
    with within(60, 600):
        assert rows(db, f"SELECT LENGTH('{text}')") == [(10_000_000,)]
        assert rows(db, "SELECT LENGTH(%s)", ["x" * 10_000_000]) == [(10_000_000,)]
        assert rows(db, f"SELECT 1 /* {'x' * 10_000_000} */") == [(1,)]


@pytest.mark.parametrize("kind", ["JOIN", "LEFT JOIN", "CROSS JOIN"])
def test_a_hundred_joins(db: dbapi.Connection, kind: str) -> None:
    db.execute("CREATE TABLE t (id integer PRIMARY KEY, x integer)")
    db.execute("INSERT INTO t VALUES (1, 1)")
    on = "" if kind == "CROSS JOIN" else " ON t{at}.id = t{before}.x"
    joins = "".join(f" {kind} t AS t{at}{on.format(at=at, before=at - 1)}" for at in range(1, 101))
    with within(60, 600):
        assert rows(db, f"SELECT t0.id, t100.id FROM t AS t0{joins}") == [(1, 1)]


def test_a_thousand_columns(db: dbapi.Connection) -> None:
    columns = [f"c{at}" for at in range(1000)]
    with within(60, 600):
        db.execute(f"CREATE TABLE t ({', '.join(f'{name} integer' for name in columns)})")
        db.execute(f"INSERT INTO t VALUES ({', '.join(['%s'] * 1000)})", list(range(1000)))
        assert rows(db, "SELECT * FROM t") == [tuple(range(1000))]
        found = rows(db, f"SELECT {' + '.join(columns[:300])}, {', '.join(reversed(columns))} FROM t")
        assert found == [(sum(range(300)), *reversed(range(1000)))]
        assert rows(db, f"SELECT COUNT(*) FROM t GROUP BY {', '.join(columns)} ORDER BY {', '.join(columns)}") == [(1,)]


@pytest.mark.parametrize(
    "expression",
    [
        "REPEAT('x', 2000000000)",
        "LPAD('x', 2000000000)",
        "1 << 4000000000",
        "CAST('9' AS integer) ^ 4000000",
        "99999999999 ^ 99999999999",
    ],
)
def test_results_that_would_be_huge(db: dbapi.Connection, expression: str) -> None:
    with within(10, 100):
        try:
            found = rows(db, f"SELECT {expression}")
        except dbapi.DataError:
            return
    assert len(str(found)) < 10_000


@pytest.mark.django_db
@pytest.mark.parametrize("count", [100, 200])
def test_chained_arithmetic_through_django(count: int) -> None:
    Author.objects.create(name="a")
    total: Any = F("id")
    for _ in range(count):
        total = total + 1
    author = Author.objects.annotate(total=total).get()
    assert author.total == author.pk + count
