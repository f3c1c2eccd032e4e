"""IN lists are padded: few texts for lists of any length, the same answers."""

from __future__ import annotations

import uuid

import pytest

from django_zodb import dbapi
from django_zodb.sql.in_lists import padded


def test_doubled_percent_signs_are_none():
    found = padded("SELECT 5 %%s, x LIKE '%%s' AND y IN (%s, %s)")
    assert found is not None
    assert (found.count, found.lists) == (2, ((2, 2),))


def test_lists_are_padded_to_powers_of_four():
    found = padded("SELECT * FROM a WHERE x = %s AND y IN (%s, %s, %s) AND z NOT IN (%s,%s, %s, %s, %s) LIMIT %s")
    assert found is not None
    more = ", %s" * 11
    assert found.text == (
        f"SELECT * FROM a WHERE x = %s AND y IN (%s, %s, %s, %s) AND z NOT IN (%s,%s, %s, %s, %s{more}) LIMIT %s"
    )
    assert found.count == 10
    assert found.params(list(range(10))) == (0, 1, 2, 3, 3, 4, 5, 6, 7, 8, *[8] * 11, 9)


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
