"""The driver: cursors, transactions, savepoints, autocommit, streaming, errors."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.dbapi.failures import explained
from django_zodb.values import Kind

_serial = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f":memory:test_dbapi_{next(_serial)}"


@pytest.fixture
def connection(name: str) -> Iterator[dbapi.Connection]:
    connection = dbapi.connect(name)
    connection.execute(
        "CREATE TABLE book (id integer PRIMARY KEY, title varchar(20) NOT NULL UNIQUE, price numeric(6, 2))"
    )
    connection.execute("INSERT INTO book VALUES (1, 'Emma', 9.5), (2, 'Persuasion', NULL), (3, 'Sanditon', 3)")
    connection.commit()
    yield connection
    connection.close()


@pytest.fixture
def auto(connection: dbapi.Connection) -> dbapi.Connection:
    connection.autocommit = True
    return connection


def titles(connection: dbapi.Connection) -> list[object]:
    return [title for (title,) in connection.execute("SELECT title FROM book ORDER BY id")]


# --- cursors -------------------------------------------------------------------------------------------------------


def test_fetching(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.execute("SELECT id FROM book ORDER BY id") is cursor
    assert cursor.rowcount == 3
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany() == [(2,)]
    assert cursor.fetchmany(5) == [(3,)]
    assert (cursor.fetchone(), cursor.fetchmany(2), cursor.fetchall()) == (None, [], [])
    assert cursor.execute("SELECT id FROM book ORDER BY id").fetchall() == [(1,), (2,), (3,)]
    assert cursor.fetchall() == []
    assert list(cursor.execute("SELECT id FROM book WHERE id > %s ORDER BY id", [1])) == [(2,), (3,)]
    assert next(cursor.execute("SELECT id FROM book ORDER BY id")) == (1,)
    assert [next(cursor), *cursor, next(cursor, None)] == [(2,), (3,), None]


def test_description(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.description is None
    cursor.execute("SELECT id, title, price AS cost, id = 1 AS first FROM book")
    assert cursor.description == [
        ("id", Kind.INTEGER, None, None, None, None, False),
        ("title", Kind.TEXT, None, 20, None, None, False),
        ("cost", Kind.DECIMAL, None, None, 6, 2, True),
        ("first", Kind.BOOLEAN, None, None, None, None, False),
    ]
    cursor.execute("SELECT number, b.name, b.* FROM book AS b (number, name) WHERE number = 1")
    assert [column[0] for column in cursor.description] == ["number", "name", "number", "name", "price"]
    cursor.execute("SELECT n FROM (SELECT n FROM book AS b (n) GROUP BY n) AS grouped ORDER BY n")
    assert cursor.fetchall() == [(1,), (2,), (3,)]
    cursor.execute("SELECT id, title FROM book")
    assert cursor.description[0][1] == dbapi.NUMBER
    assert cursor.description[1][1] == dbapi.STRING != dbapi.NUMBER
    cursor.execute("UPDATE book SET price = 1")
    assert cursor.description is None
    with pytest.raises(dbapi.ProgrammingError, match="no rows to fetch"):
        cursor.fetchone()


def test_rowcount_and_lastrowid(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("INSERT INTO book (title) VALUES ('Lady Susan')")
    assert (cursor.rowcount, cursor.lastrowid) == (1, 4)
    assert cursor.execute("UPDATE book SET price = 1 WHERE id < 3").rowcount == 2
    assert cursor.execute("DELETE FROM book WHERE id = 99").rowcount == 0
    assert cursor.execute("CREATE TABLE other (id integer)").rowcount == -1
    cursor.execute("INSERT INTO book (title) VALUES ('A'), ('B') RETURNING id, title")
    assert cursor.fetchall() == [(5, "A"), (6, "B")]


def test_parameters(connection: dbapi.Connection) -> None:
    query = "SELECT title FROM book WHERE id = %(id)s OR title = %(title)s OR id = %(id)s ORDER BY id"
    assert connection.execute(query, {"title": "Sanditon", "id": 1}).fetchall() == [("Emma",), ("Sanditon",)]
    assert connection.execute("SELECT '100%', 7 % 4").fetchall() == [("100%", 3)]
    assert connection.execute("SELECT '100%%', 7 %% 4", []).fetchall() == [("100%", 3)]
    assert connection.execute("SELECT '%s'", ()).fetchall() == [("%s",)]


@pytest.mark.parametrize(
    ("params", "message"),
    [([], "2.*0"), ([1], "2.*1"), ([1, 2, 3], "2.*3"), (None, "2|placeholder|%")],
)
def test_wrong_number_of_parameters(connection: dbapi.Connection, params: Any, message: str) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=message):
        connection.execute("SELECT id FROM book WHERE id = %s OR id = %s", params)


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("params", ["E", b"E", 5, {"Emma"}, {"Emma": 1}.values(), iter(["Emma"])])
@pytest.mark.parametrize("text", ["SELECT id FROM book WHERE title = %s", "INSERT INTO book (title) VALUES (%s), (%s)"])
def test_parameters_that_are_none(connection: dbapi.Connection, text: str, params: Any, warm: bool) -> None:
    if warm:
        connection.execute(text, ["A", "B"][: text.count("%s")])
        connection.rollback()
    with pytest.raises(dbapi.ProgrammingError, match=rf"class {type(params).__name__}; .* write \[value\]"):
        connection.execute(text, params)
    with pytest.raises(dbapi.ProgrammingError, match=r"write \[value\]|statement that writes"):
        connection.cursor().executemany(text, [params])
    assert titles(connection) == ["Emma", "Persuasion", "Sanditon"]


def test_placeholders_of_other_drivers_are_told_of(connection: dbapi.Connection) -> None:
    for text in ("SELECT id FROM book WHERE id = ?", "SELECT id FROM book WHERE title = '%s'"):
        with pytest.raises(dbapi.ProgrammingError, match=r"takes 0 parameters, 1 are given; placeholders are %s"):
            connection.execute(text, [1])
    for text, params in (("SELECT :pk", {"pk": 1}), ("SELECT %(p0)s, :p1", {"p0": 1}), ("SELECT :p0", None)):
        with pytest.raises(dbapi.ProgrammingError, match=r"^:p\w is no placeholder; it is %s or %\(name\)s$"):
            connection.execute(text, params)
    with pytest.raises(dbapi.NotSupportedError, match=r"^\? as a placeholder \(write %s or"):
        connection.execute("SELECT %s, ?", [1])


def test_a_mapping_may_hold_more_than_is_named(connection: dbapi.Connection) -> None:
    for _ in range(2):
        assert connection.execute("SELECT COUNT(*), '%%' FROM book", {"id": 1}).fetchall() == [(3, "%")]
        assert connection.execute("UPDATE book SET price = 1", {}).rowcount == 3
        assert connection.execute("DELETE FROM book WHERE id = %(id)s", {"id": 9, "title": ""}).rowcount == 0
    connection.execute("CREATE TABLE tag (id integer)", {})
    with pytest.raises(dbapi.ProgrammingError, match="give a sequence, not a mapping"):
        connection.execute("SELECT id FROM book WHERE id = %s", {"id": 1})


@pytest.mark.parametrize("text", [b"SELECT 1", None, 5])
def test_a_statement_is_text(connection: dbapi.Connection, text: Any) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=f"str, and not of class {type(text).__name__}"):
        connection.execute(text)


def test_missing_named_parameter(connection: dbapi.Connection) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="title"):
        connection.execute("SELECT id FROM book WHERE title = %(title)s", {"id": 1})


def test_executemany(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO book (title, price) VALUES (%s, %s)", ((f"T{n}", n) for n in range(10)))
    assert cursor.rowcount == 10
    assert cursor.lastrowid == 13
    cursor.executemany("UPDATE book SET price = %(p)s WHERE title = %(t)s", [{"p": 1, "t": "Emma"}, {"p": 2, "t": "?"}])
    assert cursor.rowcount == 1
    assert cursor.executemany("DELETE FROM book WHERE id = %s", []).rowcount == 0
    with pytest.raises(dbapi.ProgrammingError, match="statement that writes"):
        cursor.executemany("SELECT id FROM book WHERE id = %s", [(1,)])
    with pytest.raises(dbapi.ProgrammingError, match="statement that writes"):
        cursor.executemany("COMMIT", [()])


@pytest.mark.parametrize("autocommit", [True, False])
def test_executemany_is_atomic(connection: dbapi.Connection, autocommit: bool) -> None:
    connection.autocommit = autocommit
    with pytest.raises(dbapi.IntegrityError):
        connection.cursor().executemany("INSERT INTO book (title) VALUES (%s)", [("New",), ("Emma",)])
    assert titles(connection) == ["Emma", "Persuasion", "Sanditon"]


def test_closed(connection: dbapi.Connection) -> None:
    cursor = connection.execute("SELECT 1")
    with cursor:
        pass
    cursor.close()
    with pytest.raises(dbapi.InterfaceError, match="cursor is closed"):
        cursor.fetchone()
    with pytest.raises(dbapi.InterfaceError, match="cursor is closed"):
        cursor.execute("SELECT 1")
    other = connection.execute("SELECT 1")
    connection.close()
    connection.close()
    for attempt in (
        other.fetchone,
        connection.commit,
        connection.rollback,
        connection.cursor,
        lambda: connection.catalog,
    ):
        with pytest.raises(dbapi.InterfaceError, match="connection is closed"):
            attempt()
    assert not connection.usable()


def test_no_procedures(connection: dbapi.Connection) -> None:
    with pytest.raises(dbapi.NotSupportedError, match="lower"):
        connection.cursor().callproc("lower", ["A"])


def test_module() -> None:
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 1, "pyformat")
    assert dbapi.Date(2026, 1, 2) == dt.date(2026, 1, 2)
    assert dbapi.Timestamp(2026, 1, 2, 3, 4, 5) == dt.datetime(2026, 1, 2, 3, 4, 5)
    assert dbapi.TimestampFromTicks(0) == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert dbapi.DateFromTicks(86400 * 400).year == 1971
    assert dbapi.TimeFromTicks(0).second == 0
    assert dbapi.Binary(bytearray(b"x")) == b"x"
    assert Kind.TIMESTAMP == dbapi.DATETIME
    assert Kind.BYTES == dbapi.BINARY
    assert dbapi.Connection.IntegrityError is dbapi.IntegrityError
    assert hash(dbapi.STRING) != hash(dbapi.NUMBER)
    assert all(kind != dbapi.ROWID for kind in Kind)


def test_values_come_back_as_they_were(connection: dbapi.Connection) -> None:
    connection.execute(
        "CREATE TABLE v (b boolean, i bigint, f double precision, n numeric(6, 2), t text, x bytea, "
        "d date, h time, s timestamp, l interval, j json)"
    )
    row = (
        True,
        -(2**63),
        1.5,
        Decimal("12.30"),
        "ä'%s",
        b"\0x",
        dt.date(2026, 1, 2),
        dt.time(1, 2, 3, 4),
        dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
        dt.timedelta(days=-1, microseconds=3),
        '{"a": 1}',
    )
    connection.execute("INSERT INTO v VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", row)
    (found,) = connection.execute("SELECT * FROM v").fetchall()
    assert found == row
    assert list(map(type, found)) == list(map(type, row))


class Lazy:
    """Tells the class of another value as its own, and shows as it does."""

    def __init__(self, value: object) -> None:
        self.value = value

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self.value)

    def __str__(self) -> str:
        return str(self.value)


def test_values_that_only_say_they_are_of_a_class(connection: dbapi.Connection) -> None:
    assert connection.execute("SELECT id FROM book WHERE title = %s", (Lazy("Emma"),)).fetchall() == [(1,)]
    connection.execute("UPDATE book SET title = %s WHERE id = 1", (Lazy("Lady Susan"),))
    (title,) = connection.execute("SELECT title FROM book WHERE id = 1").fetchall()[0]
    assert (title, type(title)) == ("Lady Susan", str)
    for column, value in itertools.product(("id", "price", "CAST(1 AS double precision)"), (7, 1.5, Decimal(1))):
        with pytest.raises(dbapi.DataError, match="is no value of type"):
            connection.execute(f"SELECT id FROM book WHERE {column} = %s", (Lazy(value),))


# --- transactions --------------------------------------------------------------------------------------------------


def test_transactions_begin_by_themselves(connection: dbapi.Connection, name: str) -> None:
    other = dbapi.connect(name)
    assert not connection.in_transaction
    connection.execute("DELETE FROM book WHERE id = 1")
    assert connection.in_transaction
    assert len(titles(other)) == 3
    connection.commit()
    assert not connection.in_transaction
    assert len(titles(other)) == 3  # its snapshot
    other.rollback()
    assert len(titles(other)) == 2
    connection.execute("DELETE FROM book")
    connection.rollback()
    assert len(titles(connection)) == 2
    other.close()


def test_context_manager(connection: dbapi.Connection) -> None:
    with connection:
        connection.execute("DELETE FROM book WHERE id = 1")
    with pytest.raises(ZeroDivisionError), connection:
        connection.execute("DELETE FROM book")
        raise ZeroDivisionError
    assert titles(connection) == ["Persuasion", "Sanditon"]


def test_autocommit(auto: dbapi.Connection, name: str) -> None:
    auto.execute("DELETE FROM book WHERE id = 1")
    assert not auto.in_transaction
    other = dbapi.connect(name)
    assert titles(other) == ["Persuasion", "Sanditon"]
    other.close()
    auto.autocommit = False
    auto.execute("DELETE FROM book WHERE id = 2")
    auto.autocommit = True
    auto.rollback()
    assert titles(auto) == ["Sanditon"]


def test_begin_in_autocommit(auto: dbapi.Connection) -> None:
    auto.execute("BEGIN")
    assert auto.in_transaction
    auto.execute("DELETE FROM book")
    with pytest.raises(dbapi.ProgrammingError, match="SAVEPOINT"):
        auto.execute("BEGIN")
    auto.execute("ROLLBACK")
    assert not auto.in_transaction
    assert len(titles(auto)) == 3
    auto.execute("START TRANSACTION")
    auto.execute("DELETE FROM book WHERE id = 1")
    auto.execute("COMMIT")
    auto.rollback()
    assert len(titles(auto)) == 2


def test_savepoints(connection: dbapi.Connection) -> None:
    execute = connection.execute
    execute("DELETE FROM book WHERE id = 1")
    execute("SAVEPOINT a")
    execute("DELETE FROM book WHERE id = 2")
    execute("SAVEPOINT a")
    execute("DELETE FROM book WHERE id = 3")
    assert titles(connection) == []
    execute("ROLLBACK TO SAVEPOINT a")
    execute("ROLLBACK TO SAVEPOINT a")  # it is still there
    assert titles(connection) == ["Sanditon"]
    execute("RELEASE SAVEPOINT a")  # the inner one; the outer one is seen again
    execute("ROLLBACK TO a")
    assert titles(connection) == ["Persuasion", "Sanditon"]
    execute("RELEASE a")
    with pytest.raises(dbapi.ProgrammingError, match='savepoint "a" does not exist; there are: none'):
        execute("ROLLBACK TO a")
    connection.commit()
    assert titles(connection) == ["Persuasion", "Sanditon"]


def test_releasing_takes_inner_savepoints_along(connection: dbapi.Connection) -> None:
    for statement in ("SAVEPOINT a", "SAVEPOINT b", "RELEASE a"):
        connection.execute(statement)
    with pytest.raises(dbapi.ProgrammingError, match="does not exist"):
        connection.execute("ROLLBACK TO b")
    connection.execute("SAVEPOINT c")
    connection.rollback()
    with pytest.raises(dbapi.ProgrammingError, match="does not exist"):
        connection.execute("ROLLBACK TO c")


def test_savepoints_need_a_transaction(auto: dbapi.Connection) -> None:
    for statement in ("SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"):
        with pytest.raises(dbapi.ProgrammingError, match="BEGIN first"):
            auto.execute(statement)


def test_definitions_are_transactional(connection: dbapi.Connection) -> None:
    connection.execute("SAVEPOINT a")
    connection.execute("ALTER TABLE book ADD COLUMN year integer DEFAULT 1815")
    assert connection.execute("SELECT year FROM book WHERE id = 1").fetchone() == (1815,)
    connection.execute("ROLLBACK TO a")
    with pytest.raises(dbapi.ProgrammingError, match="year"):
        connection.execute("SELECT year FROM book")
    connection.execute("DROP TABLE book")
    connection.rollback()
    assert len(titles(connection)) == 3


def test_a_failing_statement_leaves_nothing_and_the_transaction_usable(connection: dbapi.Connection) -> None:
    connection.execute("DELETE FROM book WHERE id = 3")
    with pytest.raises(dbapi.IntegrityError, match=r"book\.title"):
        connection.execute("INSERT INTO book (title) VALUES ('New'), ('Newer'), ('Emma')")
    with pytest.raises(dbapi.DataError):
        connection.execute("UPDATE book SET price = 10 / (id - 2)")
    with pytest.raises(dbapi.ProgrammingError):
        connection.execute("SELEC 1")
    connection.commit()
    assert connection.execute("SELECT title, price FROM book ORDER BY id").fetchall() == [
        ("Emma", Decimal("9.50")),
        ("Persuasion", None),
    ]


def test_an_interrupted_statement_leaves_nothing(connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    table = type(connection.catalog.table("book"))
    change_indexes = table._change_indexes

    def interrupted(*args: Any) -> None:
        change_indexes(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "_change_indexes", interrupted)
    for autocommit in (False, True):
        connection.autocommit = autocommit
        with pytest.raises(KeyboardInterrupt):
            connection.execute("INSERT INTO book (title) VALUES ('A'), ('B'), ('C'), ('D')")
        assert len(titles(connection)) == 3


def test_deferred_constraints(connection: dbapi.Connection) -> None:
    connection.execute(
        "CREATE TABLE copy (id integer PRIMARY KEY, book integer CONSTRAINT copy_book "
        "REFERENCES book DEFERRABLE INITIALLY DEFERRED)"
    )
    connection.commit()
    connection.execute("INSERT INTO copy VALUES (1, 99)")
    with pytest.raises(dbapi.IntegrityError, match="copy_book"):
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.execute("INSERT INTO book VALUES (99, 'Late', 1)")
    connection.execute("SET CONSTRAINTS copy_book IMMEDIATE")
    with pytest.raises(dbapi.IntegrityError, match="copy_book"):
        connection.execute("INSERT INTO copy VALUES (2, 98)")
    connection.execute("SET CONSTRAINTS ALL DEFERRED")
    connection.execute("INSERT INTO copy VALUES (2, 98)")
    with pytest.raises(dbapi.IntegrityError, match="copy_book"):
        connection.commit()
    assert not connection.in_transaction
    assert connection.execute("SELECT count(*) FROM copy").fetchone() == (0,)


def test_constraints_are_what_they_were_in_the_next_transaction(connection: dbapi.Connection) -> None:
    connection.execute(
        "CREATE TABLE copy (id integer PRIMARY KEY, book integer CONSTRAINT copy_book "
        "REFERENCES book DEFERRABLE INITIALLY IMMEDIATE)"
    )
    connection.commit()
    connection.execute("SET CONSTRAINTS ALL DEFERRED")
    connection.execute("INSERT INTO copy VALUES (1, 99)")
    connection.rollback()
    with pytest.raises(dbapi.IntegrityError, match="copy_book"):
        connection.execute("INSERT INTO copy VALUES (1, 99)")


def test_autocommit_runs_a_statement_again_when_another_was_faster(auto: dbapi.Connection, name: str) -> None:
    failures: list[BaseException] = []

    def add() -> None:
        connection = dbapi.connect(name, autocommit=True)
        for _ in range(50):
            try:
                connection.execute("UPDATE book SET price = price + 1 WHERE id = 1")
            except dbapi.Error as error:
                failures.append(error)
        connection.close()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert auto.execute("SELECT price FROM book WHERE id = 1").fetchone() == (Decimal("209.50"),)


def test_conflicts_in_a_transaction_are_retryable(connection: dbapi.Connection, name: str) -> None:
    connection.execute("UPDATE book SET price = 1 WHERE id = 1")
    with dbapi.connect(name) as other:
        other.execute("UPDATE book SET price = 2 WHERE id = 1")
    with pytest.raises(dbapi.OperationalError) as info:
        connection.commit()
    assert info.value.retryable
    connection.execute("UPDATE book SET price = 3 WHERE id = 1")
    connection.commit()
    assert connection.execute("SELECT price FROM book WHERE id = 1").fetchone() == (Decimal(3),)
    other.close()


def test_data_survive(tmp_path: Path) -> None:
    path = tmp_path / "Data.fs"
    with dbapi.connect(path) as connection:
        connection.note("jane", "a test")
        connection.execute("CREATE TABLE t (id integer PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES (7)")
    connection.close()
    with dbapi.connect(path) as connection:
        assert connection.execute("SELECT * FROM t").fetchall() == [(7,)]
    connection.close()


# --- streaming -----------------------------------------------------------------------------------------------------


def test_streaming_sees_one_snapshot(auto: dbapi.Connection) -> None:
    cursor = auto.cursor(stream=True)
    cursor.execute("SELECT id, title FROM book ORDER BY id")
    seen = []
    for id_, title in cursor:
        seen.append(title)
        auto.execute("UPDATE book SET title = 'new ' || title WHERE id = %s", [id_])
        auto.execute("INSERT INTO book (title) VALUES (%s)", [f"more {id_}"])
    assert seen == ["Emma", "Persuasion", "Sanditon"]
    assert len(titles(auto)) == 6
    assert cursor.fetchmany(3) == []
    assert cursor.fetchone() is None


def test_streaming_in_parts(auto: dbapi.Connection) -> None:
    cursor = auto.cursor(stream=True)
    cursor.execute("SELECT id FROM book ORDER BY id")
    assert cursor.rowcount == -1
    assert cursor.description is not None
    assert cursor.description[0][0] == "id"
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany(1) == [(2,)]
    assert cursor.fetchall() == [(3,)]
    assert cursor.fetchall() == []
    cursor.execute("SELECT id FROM book ORDER BY id")
    cursor.close()
    with pytest.raises(dbapi.InterfaceError):
        cursor.fetchone()


def test_streaming_in_a_transaction_sees_it(connection: dbapi.Connection) -> None:
    connection.execute("DELETE FROM book WHERE id = 1")
    cursor = connection.cursor(stream=True)
    cursor.execute("SELECT id FROM book ORDER BY id")
    assert cursor.fetchone() == (2,)
    connection.execute("DELETE FROM book")
    assert cursor.fetchmany(5) == [(3,)]


def test_streaming_cursors_also_write(auto: dbapi.Connection) -> None:
    cursor = auto.cursor(stream=True)
    cursor.execute("INSERT INTO book (title) VALUES ('X') RETURNING id")
    assert cursor.fetchall() == [(4,)]
    assert auto.execute("SELECT count(*) FROM book").fetchone() == (4,)


def test_closing_a_connection_ends_its_streams(auto: dbapi.Connection) -> None:
    cursor = auto.cursor(stream=True)
    cursor.execute("SELECT id FROM book")
    auto.close()
    with pytest.raises(dbapi.InterfaceError, match="connection is closed"):
        cursor.fetchone()


def test_errors_while_streaming(auto: dbapi.Connection) -> None:
    cursor = auto.cursor(stream=True)
    cursor.execute("SELECT 1 / (id - 2) FROM book ORDER BY id")
    with pytest.raises(dbapi.DataError, match="division by zero"):
        cursor.fetchall()
    assert cursor.execute("SELECT 1").fetchall() == [(1,)]


# --- errors --------------------------------------------------------------------------------------------------------


def test_division_by_zero(connection: dbapi.Connection) -> None:
    for divided in ("1 / (id - 1)", "1 % (id - 1)", "1.5 / (id - 1)", "price / (id - 1)"):
        with pytest.raises(dbapi.DataError, match="division by zero"):
            connection.execute(f"SELECT {divided} FROM book")


def test_unforeseen_errors_carry_the_sql() -> None:
    failure = explained(KeyError("x"), "SELECT 1")
    assert isinstance(failure, dbapi.InternalError)
    assert str(failure) == "KeyError: 'x', while running SELECT 1"
    assert isinstance(explained(OverflowError("too large"), "SELECT 1"), dbapi.DataError)
    nested = explained(RecursionError(), "SELECT " + "(" * 2000)
    assert isinstance(nested, dbapi.OperationalError)
    assert "nested too deeply" in str(nested)
    assert len(str(nested)) < 1200
    assert explained(KeyboardInterrupt(), "SELECT 1") is None
    assert explained(dbapi.DataError(), "SELECT 1") is None
    assert isinstance(explained(OSError(28, "full"), "SELECT 1"), dbapi.OperationalError)


def test_unknown_option() -> None:
    with pytest.raises(dbapi.OperationalError, match="colour"):
        dbapi.connect(":memory:", colour="red")
