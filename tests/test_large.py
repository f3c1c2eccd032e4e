"""Large values out of line: rows show no trace of it, and a value is written once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from data_files import used_length

from django_zodb import dbapi
from django_zodb.errors import OperationalError
from django_zodb.storage import persistent
from django_zodb.storage.database import close_all
from django_zodb.storage.large import LARGE
from django_zodb.storage.persistent import LargeValue, RowBucket

TEXT = "é" * (LARGE + 1)
BYTES = b"\0" * (LARGE + 1)
SMALL = LARGE // 2


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "Data.fs"
    close_all()


def opened(path: Path) -> dbapi.Connection:
    return dbapi.connect(str(path), autocommit=True)


def reopened(path: Path) -> dbapi.Connection:
    close_all()
    return opened(path)


def made(path: Path, rows: int) -> dbapi.Connection:
    connection = opened(path)
    connection.execute("CREATE TABLE page (id bigint PRIMARY KEY, title varchar(50), body text, data bytea, n integer)")
    connection.execute("CREATE INDEX page_n ON page (n)")
    for i in range(1, rows + 1):
        connection.execute("INSERT INTO page VALUES (%s, %s, %s, %s, %s)", (i, f"Page {i}", f"{i}{TEXT}", BYTES, i))
    return connection


def fetch(connection: dbapi.Connection, sql: str, *params: object) -> list[Any]:
    return list(connection.execute(sql, params).fetchall())


def tree(connection: dbapi.Connection) -> Any:
    return connection.session.catalog.table("page").tree


@pytest.mark.parametrize("rows", [3, 200])
def test_values_come_back(path: Path, rows: int) -> None:
    made(path, rows)
    connection = reopened(path)
    assert fetch(connection, "SELECT id, body, data FROM page") == [
        (i, f"{i}{TEXT}", BYTES) for i in range(1, rows + 1)
    ]
    assert fetch(connection, "SELECT id FROM page WHERE body LIKE %s", "2é%") == [(2,)]
    assert fetch(connection, "SELECT length(body), octet_length(data) FROM page WHERE id = 2") == [
        (LARGE + 2, LARGE + 1)
    ]
    assert type(fetch(connection, "SELECT body FROM page WHERE id = 1")[0][0]) is str


@pytest.mark.parametrize("rows", [3, 200])
def test_a_value_is_written_once(path: Path, rows: int) -> None:
    connection = made(path, rows)
    for again in (0, 1):
        connection = reopened(path) if again else connection
        size = used_length(path)
        connection.execute("UPDATE page SET title = 'new' WHERE id = 1")
        connection.execute("UPDATE page SET n = n + 1000 WHERE id = 2")
        connection.execute("UPDATE page SET title = 'n', body = %s WHERE id = 3", (f"3{TEXT}",))
        connection.execute("DELETE FROM page WHERE id = %s", (rows,))
        connection.execute("INSERT INTO page VALUES (%s, 'small', 'small')", (rows,))
        assert used_length(path) - size < 5 * (SMALL + 3000), "neither neighbours nor what stays as it is travel"
        size = used_length(path)
        connection.execute("UPDATE page SET body = %s WHERE id = 1", ("xy"[again] * LARGE * 10,))
        assert used_length(path) - size > LARGE * 10


def test_appending_rows_writes_few_values_again(path: Path) -> None:
    made(path, 200)
    assert used_length(path) < 200 * (len(TEXT.encode()) + len(BYTES)) * 1.3


def test_what_is_undone_and_done_again(path: Path) -> None:
    connection = made(path, 40)
    connection.execute("BEGIN")
    connection.execute("UPDATE page SET body = %s WHERE id = 1", ("y" * LARGE * 2,))
    connection.execute("SAVEPOINT s")
    connection.execute("UPDATE page SET body = %s, data = NULL WHERE id < 10", ("z" * LARGE * 2,))
    connection.execute("ROLLBACK TO SAVEPOINT s")
    other = opened(path)
    other.execute("UPDATE page SET title = 'other' WHERE id = 2")  # the same leaf: the transaction is done again
    connection.execute("COMMIT")
    connection = reopened(path)
    assert fetch(connection, "SELECT body FROM page WHERE id = 1") == [("y" * LARGE * 2,)]
    assert fetch(connection, "SELECT title, body, data FROM page WHERE id = 2") == [("other", f"2{TEXT}", BYTES)]
    connection.execute("BEGIN")
    connection.execute("UPDATE page SET body = 'none'")
    connection.execute("ROLLBACK")
    connection.execute("UPDATE page SET title = 'again'")
    assert fetch(reopened(path), "SELECT body FROM page WHERE id = 40") == [(f"40{TEXT}",)]


@pytest.mark.parametrize("rows", [3, 40])
def test_pack_frees_what_is_deleted_and_keeps_the_rest(path: Path, rows: int) -> None:
    connection = made(path, rows)
    kept = fetch(connection, "SELECT body FROM page WHERE id = 1")[0][0]
    connection.execute("UPDATE page SET body = 'gone' WHERE id = 1")
    connection.execute("DELETE FROM page WHERE id > 2")
    connection.session.database._zodb.pack()  # type: ignore[union-attr]
    assert used_length(path) < 6 * len(TEXT.encode()) + 20_000
    connection.execute("UPDATE page SET body = %s WHERE id = 1", (kept,))  # its old record is no more
    connection.session.database._zodb.pack()  # type: ignore[union-attr]
    connection = reopened(path)
    assert fetch(connection, "SELECT body FROM page ORDER BY id") == [(kept,), (f"2{TEXT}",)]


def test_a_ghost_keeps_no_values(path: Path) -> None:
    connection = reopened((made(path, 200), path)[1])
    leaf = tree(connection)._firstbucket
    known = RowBucket.__dict__["_v_large"].__get__  # asking the leaf itself would load it
    for forget in (leaf._p_jar.cacheMinimize, leaf._p_invalidate):
        assert list(leaf.values())
        assert known(leaf)
        forget()
        assert leaf._p_changed is None
        with pytest.raises(AttributeError):
            known(leaf)


def test_a_file_with_values_in_line_is_read_and_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(persistent, "LARGE", 1 << 40)
        made(path, 60)
    connection = reopened(path)
    assert fetch(connection, "SELECT body FROM page WHERE id = 7") == [(f"7{TEXT}",)]
    connection.execute("UPDATE page SET n = n + 1")
    connection = reopened(path)
    assert fetch(connection, "SELECT body, n FROM page WHERE id = 7") == [(f"7{TEXT}", 8)]
    assert tree(connection)._firstbucket.__getstate__()[2]


def test_a_record_that_is_no_value_is_refused(path: Path) -> None:
    connection = made(path, 60)
    record = next(iter(tree(connection)._firstbucket.__getstate__()[2].values()))
    assert type(record) is LargeValue
    record._p_activate()
    record.value = 7
    connection.session._manager.get().commit()  # type: ignore[attr-defined]
    with pytest.raises(OperationalError, match="no text or bytes, but a int"):
        fetch(reopened(path), "SELECT body FROM page")
