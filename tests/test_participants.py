"""Who else takes part in a session's transaction: hooks, and data managers that join it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.storage.database import close_all


class Participant:
    """A data manager that notes what it is told, and may refuse."""

    transaction_manager = None

    def __init__(self, refuses: bool = False) -> None:
        self.told: list[str] = []
        self._refuses = refuses

    def sortKey(self) -> str:
        return "~"

    def tpc_vote(self, transaction: Any) -> None:
        self.told.append("tpc_vote")
        if self._refuses:
            raise RuntimeError("refused")

    def __getattr__(self, name: str) -> Any:
        if name not in ("abort", "tpc_begin", "commit", "tpc_finish", "tpc_abort"):
            raise AttributeError(name)
        return lambda transaction: self.told.append(name)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[dbapi.Connection]:
    found = dbapi.connect(tmp_path / "data")
    found.execute("CREATE TABLE book (id integer PRIMARY KEY)")
    found.commit()
    yield found
    found.close()
    close_all()


def begun(connection: dbapi.Connection) -> Any:
    """ZODB's transaction, in which a row is written."""
    connection.execute("INSERT INTO book VALUES (1)")
    return connection.session.zodb_connection.transaction_manager.get()


def books(connection: dbapi.Connection) -> list[Any]:
    return connection.execute("SELECT id FROM book").fetchall()


def test_another_one_goes_through_both_phases(connection: dbapi.Connection) -> None:
    participant = Participant()
    begun(connection).join(participant)
    connection.commit()
    assert participant.told == ["tpc_begin", "commit", "tpc_vote", "tpc_finish"]
    connection.rollback()
    assert books(connection) == [(1,)]


def test_another_one_may_refuse(connection: dbapi.Connection) -> None:
    participant = Participant(refuses=True)
    begun(connection).join(participant)
    with pytest.raises(RuntimeError, match="refused"):
        connection.commit()
    assert participant.told[:3] == ["tpc_begin", "commit", "tpc_vote"]
    assert "tpc_abort" in participant.told
    assert "tpc_finish" not in participant.told
    assert books(connection) == []
    begun(connection)
    connection.commit()
    assert books(connection) == [(1,)]


@pytest.mark.parametrize("fails", [False, True])
def test_hooks_are_called(connection: dbapi.Connection, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    transaction = begun(connection)
    transaction.addBeforeCommitHook(told.append, ("before",))
    transaction.addAfterCommitHook(told.append)
    if fails:
        monkeypatch.setattr(connection.session.database._storage, "_append", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            connection.commit()
    else:
        connection.commit()
    assert told == ["before", not fails]
    assert books(connection) == ([] if fails else [(1,)])


def test_a_doomed_transaction_is_not_committed(connection: dbapi.Connection) -> None:
    begun(connection).doom()
    with pytest.raises(Exception, match="doomed"):
        connection.commit()
    assert books(connection) == []
