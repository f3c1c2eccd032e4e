"""Which anomalies each isolation level prevents: the catalogue of Adya's thesis, as the Hermitage suite asks for it.

Every test interleaves transactions on two rows, (1, 10) and (2, 20), and ends with what a level owes. ``happens`` is
what the table in docs/transactions.md says of the anomaly at that level.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.errors import ConflictError, IntegrityError, OperationalError
from django_zodb.storage.database import close_all
from django_zodb.storage.open import locate, open_storage
from django_zodb.storage.options import Options
from django_zodb.storage.server import Server

LEVELS = ("snapshot", "serializable")
DOCS = Path(__file__).parent.parent / "docs" / "transactions.md"

Connect = Callable[[], dbapi.Connection]


@pytest.fixture(params=["memory", "file", pytest.param("server", marks=pytest.mark.torture)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The arguments of ``connect``."""
    if request.param == "memory":
        yield {"database": ":memory:isolation"}
    elif request.param == "file":
        yield {"database": tmp_path / "Data.fs"}
    else:
        server = Server(open_storage(locate(tmp_path / "Data.fs"), Options()), ("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield {"database": None, "host": "127.0.0.1", "port": server.address[1]}
        close_all()
        server.stop()
        thread.join(10)
    close_all()


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(place: dict[str, Any], level: str) -> Iterator[Connect]:
    made: list[dbapi.Connection] = []

    def connection() -> dbapi.Connection:
        made.append(dbapi.connect(**place, isolation=level))
        return made[-1]

    with dbapi.connect(**place, autocommit=True) as first:
        first.execute("CREATE TABLE test (id bigint PRIMARY KEY, value integer)")
        first.execute("INSERT INTO test VALUES (1, 10), (2, 20)")
    first.close()
    yield connection
    for each in made:
        each.close()


def rows(connection: dbapi.Connection, where: str = "id > 0") -> list[tuple[int, int]]:
    return connection.execute(f"SELECT id, value FROM test WHERE {where} ORDER BY id").fetchall()


def value(connection: dbapi.Connection, rowid: int) -> int:
    return int(connection.execute("SELECT value FROM test WHERE id = %s", [rowid]).fetchall()[0][0])


def update(connection: dbapi.Connection, text: str) -> int:
    return connection.execute(f"UPDATE test SET {text}").rowcount


def commits(connection: dbapi.Connection) -> bool:
    """Commit; False if it is refused, as a conflict that may be tried again."""
    try:
        connection.commit()
    except ConflictError as error:
        assert error.retryable
        return False
    return True


def final(connect: Connect) -> list[tuple[int, int]]:
    return rows(connect())


# --- what both prevent ------------------------------------------------------------------------------------------------


def test_dirty_write(connect: Connect) -> None:
    """G0: two transactions write the same rows, and the result is a mixture."""
    one, two = connect(), connect()
    update(one, "value = 11 WHERE id = 1")
    update(two, "value = 12 WHERE id = 1")
    update(one, "value = 21 WHERE id = 2")
    assert commits(one)
    assert rows(connect()) == [(1, 11), (2, 21)]
    update(two, "value = 22 WHERE id = 2")
    assert not commits(two)
    assert final(connect) == [(1, 11), (2, 21)]


def test_aborted_read(connect: Connect) -> None:
    """G1a: reading what is rolled back later."""
    one, two = connect(), connect()
    update(one, "value = 101 WHERE id = 1")
    assert value(two, 1) == 10
    one.rollback()
    assert value(two, 1) == 10
    assert commits(two)


def test_intermediate_read(connect: Connect) -> None:
    """G1b: reading what its own transaction has replaced before it was committed."""
    one, two = connect(), connect()
    update(one, "value = 101 WHERE id = 1")
    assert value(two, 1) == 10
    update(one, "value = 11 WHERE id = 1")
    assert commits(one)
    assert value(two, 1) == 10
    two.rollback()
    assert value(two, 1) == 11


def test_circular_information_flow(connect: Connect) -> None:
    """G1c: each of two reads what the other has written."""
    one, two = connect(), connect()
    update(one, "value = 11 WHERE id = 1")
    update(two, "value = 22 WHERE id = 2")
    assert value(one, 2) == 20
    assert value(two, 1) == 10
    commits(one)
    commits(two)


def test_observed_transaction_vanishes(connect: Connect) -> None:
    """OTV: of a transaction that was seen in part, the rest is seen undone."""
    one, two, three = connect(), connect(), connect()
    update(one, "value = 11 WHERE id = 1")
    update(one, "value = 19 WHERE id = 2")
    update(two, "value = 12 WHERE id = 1")
    assert commits(one)
    assert value(three, 1) == 11
    update(two, "value = 18 WHERE id = 2")
    assert value(three, 2) == 19
    assert not commits(two)
    assert (value(three, 1), value(three, 2)) == (11, 19)
    assert commits(three)


def test_predicate_many_preceders(connect: Connect) -> None:
    """PMP: a condition finds another row when it is asked again."""
    one, two = connect(), connect()
    assert rows(one, "value = 30") == []
    two.execute("INSERT INTO test VALUES (3, 30)")
    assert commits(two)
    assert rows(one, "value % 3 = 0") == []


def test_predicate_many_preceders_of_a_write(connect: Connect) -> None:
    """PMP: a write finds its rows by a condition that another transaction has made untrue, or true."""
    one, two = connect(), connect()
    update(one, "value = value + 10")
    assert rows(two, "value = 20") == [(2, 20)]
    assert two.execute("DELETE FROM test WHERE value = 20").rowcount == 1
    assert commits(one)
    assert not commits(two)
    assert final(connect) == [(1, 20), (2, 30)]


def test_lost_update(connect: Connect) -> None:
    """P4: both read, both write what follows from it, and the first write is lost."""
    one, two = connect(), connect()
    for connection in (one, two):
        assert value(connection, 1) == 10
        update(connection, "value = 11 WHERE id = 1")
    assert commits(one)
    assert not commits(two)
    assert final(connect) == [(1, 11), (2, 20)]


def test_read_skew(connect: Connect) -> None:
    """G-single: one row from before, another from after the same transaction."""
    one, two = connect(), connect()
    assert value(one, 1) == 10
    assert value(two, 1) == 10
    update(two, "value = 12 WHERE id = 1")
    update(two, "value = 18 WHERE id = 2")
    assert commits(two)
    assert value(one, 2) == 20


def test_read_skew_by_a_condition(connect: Connect) -> None:
    one, two = connect(), connect()
    assert rows(one, "value % 5 = 0") == [(1, 10), (2, 20)]
    update(two, "value = 12 WHERE value = 10")
    assert commits(two)
    assert rows(one, "value % 3 = 0") == []


def test_read_skew_of_a_write(connect: Connect) -> None:
    one, two = connect(), connect()
    assert value(one, 1) == 10
    update(two, "value = 12 WHERE id = 1")
    update(two, "value = 18 WHERE id = 2")
    assert commits(two)
    assert one.execute("DELETE FROM test WHERE value = 20").rowcount == 1
    assert not commits(one)
    assert final(connect) == [(1, 12), (2, 18)]


def test_phantom(connect: Connect) -> None:
    """A range has other rows when it is read again."""
    one, two = connect(), connect()
    assert len(rows(one, "id BETWEEN 1 AND 10")) == 2
    two.execute("INSERT INTO test VALUES (5, 50)")
    two.execute("DELETE FROM test WHERE id = 1")
    assert commits(two)
    assert [rowid for rowid, _ in rows(one, "id BETWEEN 1 AND 10")] == [1, 2]
    assert one.execute("SELECT count(*) FROM test").fetchall() == [(2,)]


# --- what only serializable prevents ----------------------------------------------------------------------------------


def test_write_skew(connect: Connect, level: str) -> None:
    """G2-item: each reads both rows and writes another one; together they break what each had checked."""
    one, two = connect(), connect()
    for connection in (one, two):
        assert rows(connection) == [(1, 10), (2, 20)]
    update(one, "value = 11 WHERE id = 1")
    update(two, "value = 21 WHERE id = 2")
    assert commits(one)
    assert commits(two) is (level == "snapshot")


def test_write_skew_by_a_condition(connect: Connect, level: str) -> None:
    """G2: each finds no row by a condition, and inserts one that meets it."""
    one, two = connect(), connect()
    for connection in (one, two):
        assert rows(connection, "value % 3 = 0") == []
    one.execute("INSERT INTO test VALUES (3, 30)")
    two.execute("INSERT INTO test VALUES (4, 42)")
    assert commits(one)
    assert commits(two) is (level == "snapshot")


def test_an_observer_of_a_write_skew(connect: Connect, level: str) -> None:
    """Fekete, O'Neil and O'Neil: a transaction that only reads sees what fits no order of the others."""
    withdraw, deposit, observer = connect(), connect(), connect()
    assert rows(withdraw) == [(1, 10), (2, 20)]
    update(deposit, "value = value + 20 WHERE id = 2")
    assert commits(deposit)
    assert rows(observer) == [(1, 10), (2, 40)]
    assert commits(observer)
    update(withdraw, "value = value - 31 WHERE id = 1")
    assert commits(withdraw) is (level == "snapshot")


def test_readers_are_never_refused(connect: Connect) -> None:
    reader, writer = connect(), connect()
    assert rows(reader) == [(1, 10), (2, 20)]
    update(writer, "value = 0")
    assert commits(writer)
    assert rows(reader) == [(1, 10), (2, 20)]
    assert commits(reader)


def test_what_was_refused_succeeds_when_it_is_run_again(connect: Connect) -> None:
    one, two = connect(), connect()
    for connection in (one, two):
        update(connection, "value = value + 1 WHERE id = 1")
    assert commits(one)
    assert not commits(two)
    update(two, "value = value + 1 WHERE id = 1")
    assert commits(two)
    assert final(connect) == [(1, 12), (2, 20)]


def test_reserving_ids_refuses_nobody(place: dict[str, Any]) -> None:
    """Ids may be reserved by a transaction of its own, which a serializable one must not take for another's."""
    with dbapi.connect(**place, isolation="serializable") as connection:
        connection.execute("CREATE TABLE log (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, text text)")
        connection.commit()
        for number in range(30):
            connection.execute("INSERT INTO log (text) VALUES (%s)", [str(number)])
            connection.commit()
        assert connection.execute("SELECT count(*) FROM log").fetchall() == [(30,)]
    connection.close()


def test_threads_that_read_everything_and_write(place: dict[str, Any]) -> None:
    """Write skew under load: the sum must stay what each has checked, whatever the storage."""
    with dbapi.connect(**place, autocommit=True) as setup:
        setup.execute("CREATE TABLE account (id bigint PRIMARY KEY, value integer)")
        setup.execute("INSERT INTO account VALUES (1, 50), (2, 50), (3, 50)")
    setup.close()
    refused: list[int] = []

    def withdraw(me: int) -> None:
        connection = dbapi.connect(**place, isolation="serializable")
        for _ in range(12):
            try:
                ((total,),) = connection.execute("SELECT sum(value) FROM account").fetchall()
                if total >= 10:
                    connection.execute("UPDATE account SET value = value - 10 WHERE id = %s", [me])
                connection.commit()
            except OperationalError as error:
                assert getattr(error, "retryable", False)
                refused.append(me)
                connection.rollback()
        connection.close()

    threads = [threading.Thread(target=withdraw, args=(me,)) for me in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with dbapi.connect(**place) as check:
        ((total,),) = check.execute("SELECT sum(value) FROM account").fetchall()
        assert total >= 0
    check.close()


# --- ON CONFLICT against others ---------------------------------------------------------------------------------------


at_snapshot = pytest.mark.parametrize("level", ["snapshot"])  # serializable, what was asked of a key has been read


@pytest.fixture
def keyed(connect: Connect) -> Iterator[tuple[dbapi.Connection, dbapi.Connection]]:
    """Two connections, and a table whose key is not its rowid."""
    one, two = connect(), connect()
    one.execute("CREATE TABLE tagged (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a integer, b integer)")
    one.execute("CREATE UNIQUE INDEX tagged_a ON tagged (a)")
    one.commit()
    yield one, two
    assert one.execute("SELECT count(*) FROM tagged").fetchall() == [
        (len(one.execute("SELECT id FROM tagged").fetchall()),)
    ]


Pair = tuple[dbapi.Connection, dbapi.Connection]


@at_snapshot
def test_do_nothing_leaves_out_what_another_was_faster_with(keyed: Pair) -> None:
    one, two = keyed
    text = "INSERT INTO tagged (a, b) VALUES (1, {0}), ({0}, {0}) ON CONFLICT DO NOTHING"
    for connection, number in ((one, 10), (two, 20)):
        connection.execute(text.format(number))
    assert commits(one)
    assert commits(two)
    assert one.execute("SELECT a, b FROM tagged ORDER BY a").fetchall() == [(1, 10), (10, 10), (20, 20)]


@at_snapshot
def test_do_nothing_gives_way_only_to_others(keyed: Pair) -> None:
    """A key that this transaction itself has freed is not another's."""
    one, two = keyed
    one.execute("INSERT INTO tagged (a, b) VALUES (1, 1)")
    one.commit()
    one.execute("DELETE FROM tagged WHERE a = 1")
    one.execute("INSERT INTO tagged (a, b) VALUES (1, 2) ON CONFLICT DO NOTHING")
    two.execute("INSERT INTO tagged (a, b) VALUES (2, 2)")
    assert commits(two)
    assert commits(one)
    assert one.execute("SELECT a, b FROM tagged ORDER BY a").fetchall() == [(1, 2), (2, 2)]


@at_snapshot
def test_do_nothing_for_one_key_is_an_error_for_another(keyed: Pair) -> None:
    one, two = keyed
    one.execute("INSERT INTO tagged (id, a) VALUES (7, 1) ON CONFLICT (id) DO NOTHING")
    two.execute("INSERT INTO tagged (id, a) VALUES (8, 1)")
    assert commits(two)
    with pytest.raises(IntegrityError, match="tagged_a"):
        one.commit()


@at_snapshot
def test_what_was_done_to_a_row_is_not_forgotten_with_it(keyed: Pair) -> None:
    one, two = keyed
    one.execute("INSERT INTO tagged (a, b) VALUES (1, 1) ON CONFLICT DO NOTHING")
    one.execute("UPDATE tagged SET b = b + 1 WHERE a = 1")
    two.execute("INSERT INTO tagged (a, b) VALUES (1, 5)")
    assert commits(two)
    assert not commits(one)


@at_snapshot
def test_a_row_that_was_rolled_back_is_inserted_like_any_other(keyed: Pair) -> None:
    one, two = keyed
    one.execute("SAVEPOINT s")
    one.execute("INSERT INTO tagged (id, a) VALUES (7, 1) ON CONFLICT DO NOTHING")
    one.execute("ROLLBACK TO SAVEPOINT s")
    one.execute("INSERT INTO tagged (id, a) VALUES (7, 1)")
    two.execute("INSERT INTO tagged (id, a) VALUES (8, 1)")
    assert commits(two)
    with pytest.raises(IntegrityError, match="tagged_a"):
        one.commit()


@at_snapshot
def test_do_update_is_run_again_where_another_was_faster(keyed: Pair) -> None:
    one, two = keyed
    text = "INSERT INTO tagged (a, b) VALUES (1, 1) ON CONFLICT (a) DO UPDATE SET b = tagged.b + 1"
    one.execute(text)
    two.execute(text)
    assert commits(one)
    assert not commits(two)
    two.execute(text)
    assert commits(two)
    assert one.execute("SELECT a, b FROM tagged").fetchall() == [(1, 2)]


# --- the table in the documentation -----------------------------------------------------------------------------------


def test_the_table_names_every_anomaly() -> None:
    table = re.findall(r"^\| (.+?) \| (yes|no) \| (yes|no) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    prevented = {name.partition(" (")[0]: (snapshot, serializable) for name, snapshot, serializable in table}
    assert prevented == {
        "dirty write": ("yes", "yes"),
        "aborted read": ("yes", "yes"),
        "intermediate read": ("yes", "yes"),
        "circular information flow": ("yes", "yes"),
        "observed transaction vanishes": ("yes", "yes"),
        "predicate-many-preceders": ("yes", "yes"),
        "lost update": ("yes", "yes"),
        "read skew": ("yes", "yes"),
        "phantom": ("yes", "yes"),
        "write skew": ("no", "yes"),
        "write skew by a condition": ("no", "yes"),
        "an observer of a write skew": ("no", "yes"),
    }
