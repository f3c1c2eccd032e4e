"""Preparing: the cache in front of the stages, bulk inserts, names, EXPLAIN, expressions over one row."""

from __future__ import annotations

import gc
import itertools
import re
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.errors import DataError, ProgrammingError
from django_zodb.sql import prepare as module
from django_zodb.sql.patterns import caseless
from django_zodb.sql.prepare import bind_row_expression, prepare, row_function
from django_zodb.storage.protocol import Catalog
from django_zodb.storage.schema import ColumnSchema, TableSchema
from django_zodb.storage.walks import Walks
from django_zodb.values import BIGINT, INTEGER, TEXT

_serial = itertools.count()


@pytest.fixture
def connection() -> Iterator[dbapi.Connection]:
    with dbapi.connect(f":memory:test_prepare_{next(_serial)}", autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE book (id bigint PRIMARY KEY, title text UNIQUE, year integer)")
        cursor.execute("INSERT INTO book (id, title, year) VALUES (1, 'a', 1990), (2, 'b', 2000)")
        yield connection


@pytest.fixture
def catalog(connection: dbapi.Connection) -> Catalog:
    return connection.catalog


def rows(text: str, params: Any, catalog: Catalog, cache: dict[Any, Any]) -> list[Any]:
    found = prepare(text, params, catalog, cache).run(catalog, params if params is not None else ())[0]
    assert found is not None
    return list(found)


def test_the_second_time_is_the_same_program(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT title FROM book WHERE title = %s"
    assert prepare(text, ("a",), catalog, cache) is prepare(text, ("b",), catalog, cache)


def test_a_program_holds_for_the_classes_it_asked_for(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT title FROM book WHERE id = %s"
    assert rows(text, (1,), catalog, cache) == [("a",)]
    assert rows(text, (1.5,), catalog, cache) == []
    assert rows(text, (Decimal("2.0"),), catalog, cache) == [("b",)]
    assert rows(text, (None,), catalog, cache) == []
    assert rows(text, (1,), catalog, cache) == [("a",)]
    assert prepare(text, (1,), catalog, cache) is prepare(text, (2,), catalog, cache)
    assert len(cache) == 1


def test_a_program_holds_for_the_equalities_it_asked_for(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT COALESCE(year, %s), COUNT(*) FROM book GROUP BY COALESCE(year, %s) ORDER BY 1"
    assert rows(text, (1, 1), catalog, cache) == [(1990, 1), (2000, 1)]
    with pytest.raises(ProgrammingError, match="must appear in the GROUP BY"):
        prepare(text, (1, 2), catalog, cache)
    assert rows(text, (3, 3), catalog, cache) == [(1990, 1), (2000, 1)]


def test_a_program_holds_for_the_shapes_of_patterns_it_asked_for(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT title FROM book WHERE title LIKE %s ORDER BY title"
    for pattern, found in [("a%", "a"), ("%", "ab"), ("b", "b"), ("%b%", "b"), ("%a", "a"), ("_", "ab"), ("\\b%", "b")]:
        assert rows(text, (pattern,), catalog, cache) == [(title,) for title in found]
    assert rows(text, (None,), catalog, cache) == []
    assert prepare(text, ("a%",), catalog, cache) is prepare(text, ("c%",), catalog, cache)
    assert prepare(text, ("a%",), catalog, cache) is not prepare(text, ("%a",), catalog, cache)
    with pytest.raises(DataError, match="escape"):
        rows(text, ("a\\",), catalog, cache)


def test_a_pattern_without_letters_is_sought_without_folding(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT title FROM book WHERE title ILIKE %s OR CAST(year AS text) ILIKE %s ORDER BY title"
    for pattern, found in [("%00%", "b"), ("A%", "a"), ("%B", "b"), ("19%", "a"), ("%K%", ""), ("_", "ab")]:
        assert rows(text, (pattern, pattern), catalog, cache) == [(title,) for title in found]
    plain, folded = (prepare(text, (pattern, pattern), catalog, cache) for pattern in ("%7%", "%x%"))
    assert "casefold" not in plain.source  # type: ignore[attr-defined]
    assert folded.source.count("casefold") == 2  # type: ignore[attr-defined]
    assert plain is prepare(text, ("%8 9%", "%7%"), catalog, cache)
    text = "SELECT title FROM book WHERE title LIKE %s"
    assert prepare(text, ("%7%",), catalog, cache) is prepare(text, ("%x%",), catalog, cache)


def test_no_other_character_folds_to_a_caseless_one() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        if not caseless(character):
            assert not any(map(caseless, character.casefold())), ascii(character)
        else:
            assert character.casefold() == character


def test_percent_without_parameters_is_another_statement(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT title FROM book WHERE title LIKE '%%'"
    assert len(rows(text, None, catalog, cache)) == 2
    assert len(rows(text, (), catalog, cache)) == 2
    assert len(cache) == 2


def test_a_changed_table_is_bound_again(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.execute("SELECT * FROM book WHERE id = 1").fetchall() == [(1, "a", 1990)]
    cursor.execute("ALTER TABLE book ADD COLUMN pages integer DEFAULT 7")
    assert cursor.execute("SELECT * FROM book WHERE id = 1").fetchall() == [(1, "a", 1990, 7)]


def test_another_tables_change_keeps_the_program(connection: dbapi.Connection) -> None:
    cache: dict[Any, Any] = {}
    before = prepare("SELECT * FROM book", (), connection.catalog, cache)
    connection.cursor().execute("CREATE TABLE other (id bigint PRIMARY KEY)")
    assert prepare("SELECT * FROM book", (), connection.catalog, cache) is before


def test_a_table_that_comes_to_have_the_very_name_is_meant_from_then_on(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.execute("SELECT COUNT(*) FROM BOOK").fetchone() == (2,)
    cursor.execute('ALTER TABLE book RENAME TO "Book"')
    assert cursor.execute("SELECT COUNT(*) FROM BOOK").fetchone() == (2,)
    cursor.execute("ALTER TABLE book RENAME TO other")
    cursor.execute('CREATE TABLE "BOOK" (id bigint PRIMARY KEY)')
    assert cursor.execute("SELECT COUNT(*) FROM BOOK").fetchone() == (0,)


def test_names(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT title FROM book WHERE id = %(id)s OR title = %(title)s OR year = %(id)s"
    assert rows(text, {"id": 1, "title": "b"}, catalog, cache) == [("a",), ("b",)]
    assert rows(text, {"id": 2, "title": "x", "more": 3}, catalog, cache) == [("b",)]
    assert len(cache) == 1
    with pytest.raises(ProgrammingError, match="no value is given for the parameter 'title'"):
        prepare(text, {"id": 1}, catalog, cache)
    with pytest.raises(ProgrammingError, match="by name: give a mapping"):
        prepare(text, (1, 2), catalog, cache)


@pytest.mark.parametrize("params", [(), (1, 2), {"a": 1}, None])
def test_the_number_of_parameters(catalog: Catalog, params: Any) -> None:
    cache: dict[Any, Any] = {}
    text = "SELECT title FROM book WHERE id = %s"
    if params is None:
        with pytest.raises(ProgrammingError):
            prepare(text, params, catalog, cache)
        return
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="parameters"):
            prepare(text, params, catalog, cache)
        prepare(text, (1,), catalog, cache)


def test_the_cache_is_bounded_and_keeps_what_is_used(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STATEMENTS", 20)
    cache: dict[Any, Any] = {}
    kept = prepare("SELECT 1", (), catalog, cache)
    for number in range(100):
        prepare(f"SELECT {number} AS n", (), catalog, cache)
        assert prepare("SELECT 1", (), catalog, cache) is kept
        assert len(cache) <= 20


def test_long_texts_are_not_kept(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    prepare(f"SELECT '{'x' * module.LONGEST_TEXT}'", (), catalog, cache)
    assert not cache


def test_threads_share_a_cache(catalog: Catalog) -> None:
    cache: dict[Any, Any] = {}
    found: list[object] = []

    def work() -> None:
        for number in range(30):
            text = f"SELECT id FROM book WHERE id = %s AND {number % 5} < 9"
            value = 1 if number % 2 else 1.0
            found.append(prepare(text, (value,), catalog, cache).columns[0].name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["id"] * 120
    assert len(cache) == 5


# --- bulk inserts --------------------------------------------------------------------------------------------------


def test_any_number_of_rows_is_one_program(connection: dbapi.Connection) -> None:
    cache: dict[Any, Any] = {}
    for count in (2, 3, 50):
        text = 'INSERT INTO "book" ("id", "title") VALUES ' + ", ".join(["(%s, %s)"] * count)
        prepare(text, (1, "a") * count, connection.catalog, cache)
    assert len(cache) == 1


def test_bulk_insert(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "INSERT INTO book (id, title) VALUES (%s, %s), (%s, %s), (%s, %s) RETURNING id, title",
        (11, "x", 12, "y", 13, "z"),
    )
    assert cursor.fetchall() == [(11, "x"), (12, "y"), (13, "z")]
    assert cursor.rowcount == 3
    cursor.execute("INSERT INTO book (title, id) VALUES (%s, %s), (%s, %s) ON CONFLICT DO NOTHING", ("x", 1, "new", 9))
    assert cursor.rowcount == 1
    with pytest.raises(dbapi.IntegrityError):
        cursor.execute("INSERT INTO book (id, title) VALUES (%s, %s), (%s, %s)", (21, "p", 22, "x"))
    assert cursor.execute("SELECT COUNT(*) FROM book WHERE id > 20").fetchone() == (0,)
    with pytest.raises(ProgrammingError, match="takes 4 parameters, 3 are given"):
        cursor.execute("INSERT INTO book (id, title) VALUES (%s, %s), (%s, %s)", (21, "p", 22))


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO book (id, title) VALUES (%s, %s), (%s, %s), (5, 'x')",
        "INSERT INTO book (id, title) VALUES (%s, %s), (%s, 'x')",
        "INSERT INTO book (id, title) VALUES (%s, '%%s'), (%s, '%%s')",
        "INSERT INTO book (id) SELECT '(%s), (%s)'",
    ],
)
def test_other_rows_are_no_bulk(text: str) -> None:
    assert module._BULK_INSERT.fullmatch(text) is None


# --- EXPLAIN, expressions over one row -----------------------------------------------------------------------------


def test_explain(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("EXPLAIN SELECT title FROM book WHERE id = %s", (1,))
    lines = [str(line) for (line,) in cursor.fetchall()]
    assert lines[0].startswith("Project: book.title (")
    assert "KeyLookup: book" in lines[1]
    assert cursor.description is not None
    assert cursor.description[0][0] == "QUERY PLAN"
    python = cursor.execute("EXPLAIN (FORMAT PYTHON) SELECT title FROM book").fetchall()
    assert any("def select" in str(line) for (line,) in python)


def test_explain_says_what_is_expected(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    text = "SELECT title FROM book WHERE id = 1"
    assert [line for (line,) in cursor.execute(f"EXPLAIN {text}").fetchall()] == [
        "Project: book.title (1 rows expected)",
        "  KeyLookup: book (book.id = 1) (1 rows expected)",
    ]
    assert "expected" not in str(cursor.execute(f"EXPLAIN (COSTS OFF) {text}").fetchall())
    assert "expected" not in str(cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {text}").fetchall())
    written = cursor.execute("EXPLAIN UPDATE book SET year = 1 WHERE year > 1995").fetchall()
    assert [re.sub(r"\d+ rows", "n rows", str(line)) for (line,) in written] == [
        "Update: book set year = 1",
        "  Filter: book.year > 1995 (n rows expected)",
        "    Scan: book (n rows expected)",
    ]


def test_explain_analyze_runs_the_statement(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    lines = cursor.execute("EXPLAIN ANALYZE DELETE FROM book WHERE id = 1").fetchall()
    assert str(lines[-1][0]).startswith("1 rows in ")
    assert cursor.execute("SELECT COUNT(*) FROM book").fetchone() == (1,)
    cursor.execute("EXPLAIN DELETE FROM book")
    assert cursor.execute("SELECT COUNT(*) FROM book").fetchone() == (1,)


def test_explain_analyze_counts_the_rows_of_each_node(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    text = "EXPLAIN ANALYZE SELECT a.title FROM book a, book b WHERE a.year < b.year AND b.title <> %s ORDER BY a.title"
    lines = [str(line) for (line,) in cursor.execute(text, ("x",)).fetchall()]
    shown = [re.sub(r" in \d+\.\d{3} ms, \d+ expected", "", line.strip()) for line in lines[:-1]]
    assert shown[1:] == [
        "Sort: a.title (1 rows)",
        "NestedLoop: inner on a.year < b.year (1 rows)",
        "Scan: book a (2 rows)",
        "Filter: b.title <> p0 (2 rows)",
        "Scan: book b (2 rows)",
    ]
    assert all("expected" in line for line in lines[1:-1])
    assert lines[-1].startswith("1 rows in ")


SCHEMA = TableSchema("t", (ColumnSchema("id", BIGINT), ColumnSchema("Name", TEXT), ColumnSchema("n", INTEGER)))


def test_row_functions() -> None:
    assert row_function(SCHEMA, "n + 1")((1, "a", 4)) == 5
    assert row_function(SCHEMA, 'UPPER("Name") || t.n')((1, "a", 4)) == "A4"
    check = row_function(SCHEMA, "n > 3 -- at least", boolean=True)
    assert [check((1, "a", n)) for n in (4, 2, None)] == [True, False, None]


def test_row_expressions_know_one_table() -> None:
    assert bind_row_expression(SCHEMA, "n", "q") == bind_row_expression(SCHEMA, "t.n", "q")
    for text in ("nope", "COUNT(*)", "(SELECT 1 FROM t)", "%s", "n, id"):
        with pytest.raises(ProgrammingError):
            bind_row_expression(SCHEMA, text, "q")
    with pytest.raises(ProgrammingError, match="must be of type boolean"):
        row_function(SCHEMA, '"Name"', boolean=True)
    with pytest.raises(DataError):
        bind_row_expression(SCHEMA, "n = 'x'", "q")


COLD = [
    "SELECT b.title, c.id FROM book b LEFT JOIN book c ON c.id > b.id WHERE b.year > %s ORDER BY c.title LIMIT 3",
    "SELECT year, count(*), max(title) FROM book WHERE id < %s GROUP BY year HAVING count(*) > 0 ORDER BY 2",
    "SELECT title, rank() OVER (PARTITION BY year ORDER BY id) FROM book WHERE id < %s",
    "SELECT title FROM book b WHERE EXISTS (SELECT 1 FROM book c WHERE c.year = b.year AND c.id <> %s)",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < %s) SELECT i FROM n UNION SELECT 7",
    "INSERT INTO book (id, title) VALUES (%s, 'c')",
    "UPDATE book SET year = year + 1, title = upper(title) WHERE id = %s",
    "DELETE FROM book WHERE id = %s",
]


@pytest.mark.parametrize("text", COLD)
def test_what_is_compiled_leaves_nothing_for_the_garbage_collector(connection: dbapi.Connection, text: str) -> None:
    """The plans of statements come and go all the time in a process that is asked for many."""
    gc.collect()
    gc.freeze()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        connection.execute(text, [3])
        gc.collect()
        left = [each for each in gc.garbage if type(each).__module__.startswith(("django_zodb", "sqlglot"))]
    finally:
        gc.set_debug(0)
        gc.unfreeze()
        gc.garbage.clear()
    assert left == []


def test_the_garbage_collector_waits_while_a_table_is_read(
    connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, seen = Walks.rows, []

    def noted(self: Walks, *arguments: Any, **named: Any) -> Any:
        for row in rows(self, *arguments, **named):
            seen.append(gc.isenabled())
            yield row

    monkeypatch.setattr(Walks, "rows", noted)
    connection.execute("CREATE TABLE page (id bigint PRIMARY KEY, title text)")
    connection.execute("INSERT INTO page VALUES (1, 'a')")
    assert connection.execute("SELECT title FROM page").fetchall() == [("a",)]
    with pytest.raises(DataError):
        connection.execute("SELECT CAST(title AS integer) FROM page")
    assert seen and not any(seen)
    assert gc.isenabled()
