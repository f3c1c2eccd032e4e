"""Statements that are far too large, or made to take for ever: time, memory and outcome beside sqlite3.

``python -m benchmarks.hostile DATABASE NUMBER`` runs one of ``CASES`` and prints a JSON array; the program runs each
in a process of its own, which is killed after ``LIMIT_S``. Driver against driver: what Django takes to make such SQL
comes on top, on both sides.
"""

from __future__ import annotations

import json
import re
import resource
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django_zodb import dbapi

from .measure import ROOT, python

LIMIT_S = 30
ROWS = 1_000
_SHOWN = 60


@dataclass(frozen=True)
class Case:
    """A statement with ``%s`` for parameters; made when it is run, since it is large."""

    name: str
    make: Callable[[], tuple[str, Sequence[object]]]


@dataclass(frozen=True)
class Outcome:
    """What became of it: ``answer`` is the first value, or the error. No figures if it was killed."""

    answer: str
    seconds: float | None = None
    megabytes: float | None = None


def _count(where: str, params: Sequence[object] = ()) -> tuple[str, Sequence[object]]:
    return f"SELECT COUNT(*) FROM t WHERE {where}", params


def _joins(number: int) -> str:
    joined = " ".join(f"JOIN t AS t{at} ON t{at}.id = t{at - 1}.id" for at in range(1, number + 1))
    return f"SELECT COUNT(*) FROM t AS t0 {joined}"


def _whens(number: int) -> str:
    return " ".join(f"WHEN n < {-at} THEN {at}" for at in range(number))


NUMBERS = range(100_000)
CASES = (
    Case("IN of 100,000 parameters", lambda: _count(f"id IN ({', '.join(['%s'] * len(NUMBERS))})", NUMBERS)),
    Case("IN of 100,000 literals", lambda: _count(f"id IN ({', '.join(map(str, NUMBERS))})")),
    Case("OR of 10,000 terms, one column", lambda: _count(" OR ".join(f"n = {at}" for at in range(10_000)))),
    Case("OR of 10,000 terms, two columns", lambda: _count(" OR ".join(f"n + id = {at}" for at in range(10_000)))),
    Case("100 levels of parentheses", lambda: (f"SELECT {'(' * 100}1{')' * 100}", ())),
    Case("500 levels of parentheses", lambda: (f"SELECT {'(' * 500}1{')' * 500}", ())),
    Case("50,000 levels of parentheses", lambda: (f"SELECT {'(' * 50_000}1{')' * 50_000}", ())),
    Case("100 chained F()", lambda: (f"SELECT SUM({'(' * 100}n{' + 1)' * 100}) FROM t", ())),
    Case("500 chained F()", lambda: (f"SELECT SUM({'(' * 500}n{' + 1)' * 500}) FROM t", ())),
    Case("5,000 terms of a sum", lambda: (f"SELECT SUM(n{' + 1' * 5_000}) FROM t", ())),
    Case("CASE of 5,000 branches", lambda: (f"SELECT SUM(CASE {_whens(5_000)} ELSE 0 END) FROM t", ())),
    Case("a literal of 10 MB", lambda: (f"SELECT LENGTH('{'x' * 10_000_000}')", ())),
    Case("a parameter of 10 MB", lambda: ("SELECT LENGTH(%s)", ["x" * 10_000_000])),
    Case("60 joins", lambda: (_joins(60), ())),
    Case("1,000 joins", lambda: (_joins(1_000), ())),
    Case("UNION ALL of 5,000", lambda: (f"SELECT COUNT(*) FROM ({' UNION ALL '.join(['SELECT 1'] * 5_000)}) AS u", ())),
    Case("1,000 columns", lambda: (f"SELECT {', '.join(f'n + {at}' for at in range(1_000))} FROM t", ())),
    Case("the product of four tables", lambda: ("SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d", ())),
    Case("(a+)+$ against 40 letters", lambda: ("SELECT %s REGEXP '^(a+)+$'", ["a" * 40 + "b"])),
    Case("LIKE '%a%a…%b', 5,000 letters", lambda: (f"SELECT %s LIKE '{'%a' * 12}%b'", ["a" * 5_000])),
    Case(
        "a recursion without end",
        lambda: ("WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r", ()),
    ),
)


def main() -> None:
    """Run one case, print."""
    name, number = sys.argv[1:]
    text, params = CASES[int(number)].make()
    run = {"zodb": _zodb, "sqlite3": _sqlite}[name]()
    before, start = _peak_mb(), time.process_time()
    try:
        answer = str(run(text, params))
    except (dbapi.Error, sqlite3.Error, OverflowError) as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps([answer, time.process_time() - start, _peak_mb() - before]))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _zodb() -> Callable[[str, Sequence[object]], object]:
    connection = dbapi.connect(":memory:", autocommit=True)
    _fill(connection, "%s")
    return lambda text, params: connection.execute(text.replace("REGEXP", "~"), params or None).fetchone()[0]


def _sqlite() -> Callable[[str, Sequence[object]], object]:
    connection = sqlite3.connect(":memory:")
    connection.create_function("regexp", 2, lambda pattern, text: bool(re.search(pattern, text)), deterministic=True)
    _fill(connection, "?")
    return lambda text, params: connection.execute(text.replace("%s", "?") if params else text, params).fetchone()[0]


def _fill(connection: Any, mark: str) -> None:
    connection.execute("CREATE TABLE t (id integer PRIMARY KEY, n integer)")
    for at in range(ROWS):
        connection.execute(f"INSERT INTO t VALUES ({mark}, {mark})", (at, at % 7))
    connection.execute("SELECT n FROM t WHERE id = 0").fetchone()


def measure_hostile(only: str, rounds: int) -> dict[str, dict[str, Outcome]]:
    """Case → database → outcome, with the medians of fresh processes."""
    found: dict[str, dict[str, Outcome]] = {}
    for number, case in enumerate(CASES):
        if any(word in case.name for word in only.split(",")):
            found[case.name] = {name: _median([_fresh(name, number) for _ in range(rounds)]) for name in NAMES}
    return found


NAMES = ("zodb", "sqlite3")


def _fresh(name: str, number: int) -> Outcome:
    command = python("hostile", name, str(number))
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(f"killed after {LIMIT_S} s")
    return Outcome(*json.loads(done.stdout)) if done.returncode == 0 else Outcome(f"died ({done.returncode})")


def _median(outcomes: Sequence[Outcome]) -> Outcome:
    measured = [outcome for outcome in outcomes if outcome.seconds is not None]
    if len(measured) < len(outcomes):
        return next(outcome for outcome in outcomes if outcome.seconds is None)
    seconds, megabytes = zip(*((each.seconds, each.megabytes) for each in measured), strict=True)
    return Outcome(measured[0].answer, statistics.median(seconds), statistics.median(megabytes))


def hostile_table(found: dict[str, dict[str, Outcome]]) -> str:
    """A table in Markdown: processor time, memory more, outcome, for each database."""
    lines = [
        "| | " + " | ".join(f"{name}, s | MB more | outcome" for name in NAMES) + " |",
        "|---|" + "---|---|---|" * len(NAMES),
    ]
    for case, outcomes in found.items():
        cells = [_cells(outcomes[name]) for name in NAMES]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(outcome: Outcome) -> str:
    answer = outcome.answer.replace("\n", " ").replace("|", "\\|")
    shown = answer if len(answer) <= _SHOWN else f"{answer[:_SHOWN]}…"
    if outcome.seconds is None:
        return f" | | {shown}"
    return f"{outcome.seconds:.2f} | {outcome.megabytes:.0f} | {shown}"


if __name__ == "__main__":
    main()
