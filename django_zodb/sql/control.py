"""Transaction control: BEGIN, COMMIT, ROLLBACK, SAVEPOINT…, SET CONSTRAINTS, recognised before any parsing.

The parser proper would take ``SAVEPOINT x`` for a column with an alias. ``transaction_statement`` costs an ordinary
statement one failing regular expression, about 0.2 µs::

    transaction_statement('ROLLBACK TO SAVEPOINT "s1"') == RollbackTo("s1")
    transaction_statement("SELECT 1") is None
"""

from __future__ import annotations

import re

from ..errors import NotSupportedError, ProgrammingError
from ..record import record


@record
class Begin:
    """BEGIN, START TRANSACTION."""


@record
class Commit:
    """COMMIT, END."""


@record
class Rollback:
    """ROLLBACK, ABORT."""


@record
class Savepoint:
    """SAVEPOINT name."""

    name: str


@record
class Release:
    """RELEASE [SAVEPOINT] name."""

    name: str


@record
class RollbackTo:
    """ROLLBACK [TRANSACTION] TO [SAVEPOINT] name."""

    name: str


@record
class SetConstraints:
    """SET CONSTRAINTS {ALL | names} {DEFERRED | IMMEDIATE}; ``names`` None is ALL."""

    names: tuple[str, ...] | None
    deferred: bool


TransactionStatement = Begin | Commit | Rollback | Savepoint | Release | RollbackTo | SetConstraints

_FIRST_WORD = re.compile(
    r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*+"
    r"(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|SET|PREPARE)\b",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN_SAVEPOINT = re.compile(r'(RELEASE )?SAVEPOINT "([^"]+)"')
_TOKEN = re.compile(r'\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/|("(?:[^"]|"")+"|[^\W\d][\w$]*|\S)', re.DOTALL)


def transaction_statement(text: str) -> TransactionStatement | None:
    """The transaction control statement that ``text`` is, or None if it is any other statement.

    ProgrammingError if it begins like one and goes on wrongly; NotSupportedError for SET and PREPARE of other things,
    and for transaction modes that would change what the transaction does.
    """
    if not isinstance(text, str):
        raise ProgrammingError(f"a statement is a str, and not of class {type(text).__name__}")
    if _FIRST_WORD.match(text) is None:
        return None
    plain = _PLAIN_SAVEPOINT.fullmatch(text)
    if plain is not None:  # as Django writes them around most of what it does in a transaction
        return (Release if plain[1] else Savepoint)(plain[2])
    return _read(text, _tokens(text))


def _tokens(text: str) -> list[str]:
    """Words, quoted names as they are, and single characters of all else; without the statement's final semicolon."""
    tokens = [match[1] for match in _TOKEN.finditer(text) if match[1]]
    while tokens and tokens[-1] == ";":
        tokens.pop()
    return tokens


def _read(text: str, tokens: list[str]) -> TransactionStatement:
    match [token if token.startswith('"') else token.upper() for token in tokens]:
        case ["BEGIN"] | ["BEGIN", "TRANSACTION" | "WORK"] | ["START", "TRANSACTION"]:
            return Begin()
        case ["BEGIN", "DEFERRED" | "IMMEDIATE" | "EXCLUSIVE"] | [
            "BEGIN",
            "DEFERRED" | "IMMEDIATE" | "EXCLUSIVE",
            "TRANSACTION",
        ]:
            return Begin()
        case ["COMMIT" | "END"] | ["COMMIT" | "END", "TRANSACTION" | "WORK"]:
            return Commit()
        case ["ROLLBACK" | "ABORT"] | ["ROLLBACK" | "ABORT", "TRANSACTION" | "WORK"]:
            return Rollback()
        case ["SAVEPOINT", _]:
            return Savepoint(_name(tokens[1], text))
        case ["RELEASE", "SAVEPOINT", _] | ["RELEASE", _]:
            return Release(_name(tokens[-1], text))
        case ["ROLLBACK", "TO", "SAVEPOINT", _] | ["ROLLBACK", "TO", _]:
            return RollbackTo(_name(tokens[-1], text))
        case ["ROLLBACK", "TRANSACTION" | "WORK", "TO", _] | ["ROLLBACK", "TRANSACTION" | "WORK", "TO", "SAVEPOINT", _]:
            return RollbackTo(_name(tokens[-1], text))
        case ["SET", "CONSTRAINTS", "ALL", "DEFERRED" | "IMMEDIATE" as mode]:
            return SetConstraints(None, mode == "DEFERRED")
        case ["SET", "CONSTRAINTS", *_, "DEFERRED" | "IMMEDIATE" as mode] if len(tokens) > 3:
            return SetConstraints(_names(tokens[2:-1], text), mode == "DEFERRED")
        case ["SET", "CONSTRAINTS", *_]:
            raise ProgrammingError(f"write SET CONSTRAINTS {{ALL | names}} {{DEFERRED | IMMEDIATE}}: {text.strip()!r}")
        case ["SET" | "PREPARE", *_]:
            raise NotSupportedError(f"{' '.join(tokens[:2])} is not supported: {text.strip()!r}")
        case ["BEGIN" | "START", *_]:
            raise NotSupportedError(f"transaction modes are not supported: {text.strip()!r}; write BEGIN")
        case _:
            raise ProgrammingError(f"this is no complete transaction statement: {text.strip()!r}")


def _names(tokens: list[str], text: str) -> tuple[str, ...]:
    if len(tokens) % 2 == 0 or any(token != "," for token in tokens[1::2]):
        raise ProgrammingError(f"constraint names are separated by commas: {text.strip()!r}")
    return tuple(_name(token, text) for token in tokens[::2])


def _name(token: str, text: str) -> str:
    """An identifier's name: quoted as written, unquoted in lower case."""
    if token.startswith('"'):
        return token[1:-1].replace('""', '"')
    if not token[0].isalpha() and token[0] != "_":
        raise ProgrammingError(f"{token!r} stands where a name is expected: {text.strip()!r}")
    return token.lower()
