"""The golden SQL files: how they are read, run, compared and rewritten.

A file starts with a comment that says what it pins down, then ``use: NAME`` lines (scripts of golden/setup to run
first), then blocks::

    [plan]> SELECT title FROM book WHERE id = %s {1}
    ---
    Project: b.title
      KeyLookup: book (b.id = p0)
    ('Emma',)

Tags, separated by commas: ``plan`` and ``code`` add the EXPLAIN text and the generated source before the rows;
``differs: reason`` says why sqlite3 gives something else. Parameters are Python literals in braces at the end. SQL may
go over several lines, up to ``---``; what follows, up to an empty line, is the expected text. An error is printed as
``ProgrammingError: message``; a statement without rows as its row count.

Each block also runs on the standard library's sqlite3, and rows must agree.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

from django_zodb import dbapi

GOLDEN = Path(__file__).parent / "golden"
TAGS = {"plan", "code", "differs"}
_BLOCK = re.compile(r"^\[(?P<tags>[^\]]*)\]> |^> ")


@dataclass
class Block:
    """One statement with its expected text; ``line`` is where it starts."""

    line: int
    tags: dict[str, str]
    sql: str
    params: tuple[object, ...] | None
    expected: str
    head: str = field(repr=False, default="")


@dataclass
class GoldenFile:
    """A parsed file: its comment, the setup scripts it uses, its blocks."""

    path: Path
    comment: list[str]
    uses: list[str]
    blocks: list[Block]

    def text(self) -> str:
        """The file's text, with each block's ``expected`` as it stands now."""
        parts = ["\n".join(self.comment + [f"use: {name}" for name in self.uses])]
        parts += [f"{block.head}\n---\n{block.expected}".rstrip("\n") for block in self.blocks]
        return "\n\n".join(parts) + "\n"


def read(path: Path) -> GoldenFile:
    """Parse a golden file; ValueError on a malformed block or an unknown tag."""
    lines = path.read_text().splitlines()
    at, comment, uses = 0, [], []
    while at < len(lines) and not _BLOCK.match(lines[at]):
        if lines[at].startswith("use:"):
            uses.append(lines[at][4:].strip())
        elif lines[at].strip():
            comment.append(lines[at])
        at += 1
    if not comment:
        raise ValueError(f"{path}: the file does not say what it pins down")
    return GoldenFile(path, comment, uses, list(_blocks(path, lines, at)))


def _blocks(path: Path, lines: list[str], at: int) -> Iterator[Block]:
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        start = at
        match = _BLOCK.match(lines[at])
        if match is None:
            raise ValueError(f"{path}:{at + 1}: expected a block, found {lines[at]!r}")
        while at < len(lines) and lines[at] != "---":
            at += 1
        if at == len(lines):
            raise ValueError(f"{path}:{start + 1}: the block has no line '---'")
        head = "\n".join(lines[start:at])
        at += 1
        expected = []
        while at < len(lines) and lines[at].strip():
            expected.append(lines[at])
            at += 1
        sql, params = _params(head[match.end() :])
        yield Block(start + 1, _tags(path, match.group("tags") or ""), sql, params, "\n".join(expected), head)


def _tags(path: Path, text: str) -> dict[str, str]:
    tags = {}
    names, _, reason = text.partition("differs:")
    if reason:
        tags["differs"] = reason.strip()
    for name in filter(None, (item.strip() for item in names.split(","))):
        if name not in TAGS:
            raise ValueError(f"{path}: unknown tag {name!r}; known are {sorted(TAGS)}")
        tags[name] = ""
    return tags


def _params(text: str) -> tuple[str, tuple[object, ...] | None]:
    match = re.search(r"\s\{(.*)\}\s*$", text, re.S)
    if match is None:
        return text, None
    values = f"[{match.group(1)}]"
    return text[: match.start()], tuple(eval(values, {"Decimal": Decimal, "dt": dt, "UUID": UUID}))


class Engines:
    """A fresh in-memory database of ours and one of sqlite3, side by side."""

    def __init__(self, uses: list[str]) -> None:
        self.ours = dbapi.connect(f":memory:golden-{uuid4()}", autocommit=True)
        self.sqlite = sqlite3.connect(":memory:", isolation_level=None)
        self.sqlite.execute("PRAGMA foreign_keys = ON")
        self.sqlite.execute("PRAGMA case_sensitive_like = ON")
        self.sqlite.create_function("regexp", 2, lambda pattern, text: re.search(pattern, text) is not None)
        for name in uses:
            for statement in (GOLDEN / "setup" / f"{name}.sql").read_text().split(";\n"):
                if statement.strip():
                    self.ours.cursor().execute(statement)
                    self.sqlite.execute(statement)

    def close(self) -> None:
        """Close both."""
        self.ours.close()
        self.sqlite.close()

    def run(self, block: Block) -> str:
        """What our engine answers, as the file would hold it. Where sqlite3 disagrees, a line says so."""
        cursor = self.ours.cursor()
        text = []
        rows: list[tuple[object, ...]] | None = None
        try:
            for tag, statement in (("plan", "EXPLAIN (COSTS OFF) "), ("code", "EXPLAIN (FORMAT PYTHON) ")):
                if tag in block.tags:
                    cursor.execute(statement + block.sql, block.params)
                    text += [str(row[0]) for row in cursor.fetchall()]
            cursor.execute(block.sql, block.params)
            if cursor.description is not None:
                rows = cursor.fetchall()
                text += [repr(row) for row in rows] or ["no rows"]
            else:
                text.append(f"{cursor.rowcount} rows" if cursor.rowcount >= 0 else "ok")
        except dbapi.Error as error:
            text.append(f"{type(error).__name__}: {error}")
            rows = None
        if "differs" not in block.tags:
            text += self._disagreement(block, rows, text[-1])
        return "\n".join(text)

    def _disagreement(self, block: Block, rows: list[tuple[object, ...]] | None, answer: str) -> list[str]:
        failed = re.match(r"\w+Error: ", answer) is not None
        try:
            params = tuple(_for_sqlite(value) for value in block.params or ())
            sql = block.sql if block.params is None else block.sql.replace("%s", "?").replace("%%", "%")
            cursor = self.sqlite.execute(sql, params)
            theirs = cursor.fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            return [] if failed else [f"DIFFERS: sqlite3 raises {error}"]
        if failed:
            return [f"DIFFERS: sqlite3 answers {theirs}"]
        if rows is None:
            same = cursor.rowcount in (-1, int(answer.split()[0])) if answer.endswith("rows") else True
            return [] if same else [f"DIFFERS: sqlite3 counts {cursor.rowcount} rows"]
        ours, theirs = [_comparable(row) for row in rows], [_comparable(row) for row in theirs]
        if not re.search(r"\border\s+by\b", block.sql, re.I):
            ours, theirs = sorted(ours, key=repr), sorted(theirs, key=repr)
        return [] if ours == theirs else [f"DIFFERS: sqlite3 answers {theirs}"]


def _for_sqlite(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value) if isinstance(value, dt.date | dt.time | UUID) else value


def _comparable(row: tuple[object, ...]) -> tuple[object, ...]:
    """The row in the types that sqlite3 has: numbers as floats, dates as text."""
    found: list[object] = []
    for value in row:
        if isinstance(value, bool | int | float | Decimal):
            found.append(round(float(value), 9))
        elif isinstance(value, dt.datetime):
            found.append(value.strftime("%Y-%m-%d %H:%M:%S"))
        elif isinstance(value, dt.date | dt.time | UUID):
            found.append(str(value))
        else:
            found.append(value)
    return tuple(found)
