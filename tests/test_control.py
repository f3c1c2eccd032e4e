"""Transaction control statements are recognised by their words, and nothing else is."""

from __future__ import annotations

import timeit

import pytest

from django_zodb.errors import NotSupportedError, ProgrammingError
from django_zodb.sql.control import (
    Begin,
    Commit,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
    SetConstraints,
    TransactionStatement,
    transaction_statement,
)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("BEGIN", Begin()),
        ("begin transaction;", Begin()),
        ("START TRANSACTION", Begin()),
        ("BEGIN IMMEDIATE", Begin()),
        ("-- why\nCOMMIT", Commit()),
        ("/* why */ END WORK ;", Commit()),
        ("  rollback  ", Rollback()),
        ("ABORT TRANSACTION", Rollback()),
        ("SAVEPOINT s1_x2", Savepoint("s1_x2")),
        ('SAVEPOINT "s ""1"""', Savepoint('s "1"')),
        ("SAVEPOINT S1", Savepoint("s1")),
        ("RELEASE SAVEPOINT s", Release("s")),
        ("release s", Release("s")),
        ("ROLLBACK TO SAVEPOINT s", RollbackTo("s")),
        ("ROLLBACK TO s", RollbackTo("s")),
        ("ROLLBACK TRANSACTION TO SAVEPOINT s", RollbackTo("s")),
        ("ROLLBACK WORK TO s", RollbackTo("s")),
        ("SET CONSTRAINTS ALL IMMEDIATE", SetConstraints(None, deferred=False)),
        ("set constraints all deferred;", SetConstraints(None, deferred=True)),
        ('SET CONSTRAINTS a, "B c" DEFERRED', SetConstraints(("a", "B c"), deferred=True)),
    ],
)
def test_recognised(text: str, statement: TransactionStatement) -> None:
    assert transaction_statement(text) == statement


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "SELECT savepoint FROM t",
        "INSERT INTO begin VALUES (1)",
        "settle",
        "BEGINNING",
        "",
        "-- COMMIT\nSELECT 1",
        "/* ROLLBACK */ DELETE FROM t",
    ],
)
def test_other_statements(text: str) -> None:
    assert transaction_statement(text) is None


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("SAVEPOINT", ProgrammingError, "no complete transaction statement: 'SAVEPOINT'"),
        ("SAVEPOINT a b", ProgrammingError, "no complete"),
        ("COMMIT; SELECT 1", ProgrammingError, "no complete"),
        ("ROLLBACK TO %s", ProgrammingError, "no complete"),
        ("SAVEPOINT 1", ProgrammingError, "'1' stands where a name is expected"),
        ("SET CONSTRAINTS a b IMMEDIATE", ProgrammingError, "separated by commas"),
        ("SET CONSTRAINTS a", ProgrammingError, "write SET CONSTRAINTS"),
        ("SET search_path = x", NotSupportedError, "SET search_path is not supported"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", NotSupportedError, "SET TRANSACTION is not supported"),
        ("PREPARE TRANSACTION 'x'", NotSupportedError, "PREPARE TRANSACTION is not supported"),
        ("BEGIN READ ONLY", NotSupportedError, "transaction modes"),
    ],
)
def test_refused(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        transaction_statement(text)


def test_costs_ordinary_statements_next_to_nothing() -> None:
    text = 'SELECT "book"."id", "book"."title" FROM "book" WHERE "book"."id" = %s' * 50
    best = min(timeit.repeat(lambda: transaction_statement(text), number=1000, repeat=20)) / 1000
    assert best < 5e-6  # 0.2 µs on an idle machine
