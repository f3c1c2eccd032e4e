"""Random QuerySets over fixed models and random rows: the same results as on Django's sqlite3 backend.

``make test`` runs a short, repeatable part; ``make fuzz`` as many as FUZZ_EXAMPLES says (times 20 QuerySets) anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from fuzzing import compare, orm
from fuzzing.querysets import LOOKUPS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
QUERYSETS = 20


@pytest.fixture(scope="module", autouse=True)
def both_engines(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        orm.connect()
        yield
        orm.disconnect()


@settings(
    max_examples=EXAMPLES or 10,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # a smaller seed is no smaller case
)
@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_querysets_agree_with_sqlite(seed: int) -> None:
    compare.play(Random(seed), QUERYSETS)


@pytest.mark.skipif(EXAMPLES < 300, reason="the short run does not get everywhere")
def test_every_lookup_was_met() -> None:
    print(f"\n{compare.TALLY}")
    missed = {name for names in LOOKUPS.values() for name in names} - set(compare.TALLY.used)
    assert not missed, sorted(missed)
    assert compare.TALLY.with_rows >= 0.7 * compare.TALLY.queries
