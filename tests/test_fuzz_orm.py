"""Random models, rows, QuerySets and changes: the same results as on Django's sqlite3 backend.

``make test`` runs a short, repeatable part; ``make fuzz`` as many as FUZZ_EXAMPLES says (times 40 QuerySets) anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from fuzzing import compare, lookups_met, orm
from fuzzing.conditions import KEY_LOOKUPS, LOOKUPS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sieving import as_if_large  # noqa: F401  a fixture

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
STEPS = 40
"""QuerySets per set of models; each fifth step is a change, with two more after it."""

BEYOND_THE_ORM = {
    *("Join inner", "Join left", "Join full", "HashJoin full"),  # an outer cross join, a full one
    *("Recursive", "WorkTable", "Shared"),  # WITH
    *("LockRows", "Listing"),  # FOR UPDATE, which Django refuses on sqlite3; information_schema
}


pytestmark = pytest.mark.usefixtures("as_if_large")


@pytest.fixture(scope="module", autouse=True)
def both_engines(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        orm.connect()
        yield
        orm.disconnect()


@settings(
    max_examples=EXAMPLES or 12,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # a smaller seed is no smaller case
)
@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_querysets_agree_with_sqlite(seed: int) -> None:
    compare.play(Random(seed), STEPS)


@pytest.mark.skipif(EXAMPLES < 300, reason="the short run does not get everywhere")
def test_everything_was_met() -> None:
    tally = compare.TALLY
    print(f"\n{tally}\n{tally.met}\n{', '.join(f'{name} {count}' for name, count in sorted(tally.used.items()))}")
    lookups = {name for names in (*LOOKUPS.values(), *KEY_LOOKUPS.values()) for name in names}
    assert not {*lookups, "two up"} - set(tally.used)
    assert not lookups_met.missed(tally.lookups)
    assert not set(tally.met.missed()) - BEYOND_THE_ORM
    assert tally.with_rows >= 0.8 * tally.queries
