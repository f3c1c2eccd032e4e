"""Random SQL over random tables: plain, optimized and oddly estimated plans give the rows that sqlite3 gives.

``make test`` runs a short, repeatable part; ``make fuzz`` runs as many as FUZZ_EXAMPLES says (times 15 queries) anew.
"""

from __future__ import annotations

import os
import sqlite3
from random import Random

import pytest
from fuzzing.engines import TALLY, Engines
from fuzzing.queries import Queries
from fuzzing.tables import make_tables
from fuzzing.writes import Writes
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sieving import as_if_large  # noqa: F401  a fixture

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
QUERIES = 15

pytestmark = [
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 39), reason="sqlite3 here has no FULL JOIN"),
    pytest.mark.usefixtures("as_if_large"),
]


fuzz = settings(
    max_examples=EXAMPLES or 16,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # a smaller seed is no smaller case
)

# A seed is drawn, rather than each choice: what is made does not depend on how hypothesis likes to choose.
seeds = st.integers(min_value=0, max_value=2**64 - 1)


@fuzz
@given(seeds)
@example(6_761_410_786)  # COUNT with a FILTER beside other aggregates, whose value could be named in line, but not None
def test_queries_agree_with_sqlite(seed: int) -> None:
    random = Random(seed)
    tables = make_tables(random)
    engines = Engines(tables, random)
    queries = Queries(random, tables)
    engines.add_views(queries)
    try:
        for _ in range(QUERIES):
            engines.check(queries.query())
    finally:
        engines.close()


@fuzz
@given(seeds)
def test_writes_agree_with_sqlite(seed: int) -> None:
    random = Random(seed)
    tables = make_tables(random)
    engines = Engines(tables, random)
    queries = Queries(random, tables)
    engines.add_views(queries)
    writes = Writes(random, tables, queries)
    try:
        for statement in writes.statements(10):
            engines.write(statement)
        for _ in range(3):
            engines.check(queries.query())
    finally:
        engines.close()


@pytest.mark.skipif(EXAMPLES < 300, reason="the short run does not get everywhere")
def test_every_node_was_met() -> None:
    print(f"\n{TALLY}\n{TALLY.met}")
    assert not TALLY.met.missed()
    assert TALLY.with_rows >= 0.8 * TALLY.queries
