"""Many writers at once, in short; ``make races`` runs every workload by itself, from every place, for a minute."""

from __future__ import annotations

from pathlib import Path

import pytest
from races.guards import GUARDS
from races.run import Race, prepare, run

FREE_OF_ERRORS = ("Counters", "UniqueKeys", "Tagging", "Disjoint", "Admin")
RUN_AGAIN = ("Transfers", "LockedTransfers", "Families", "Trees", "Redefinition")
AT_LEVEL = {"snapshot": ("SharedTagging",), "serializable": ("OnCall",)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("races") / "Data.fs"
    prepare(path)
    return path


@pytest.mark.parametrize("place", ["threads", "processes", pytest.param("server", marks=pytest.mark.torture)])
@pytest.mark.parametrize("isolation", AT_LEVEL)
def test_everything_at_once(place: str, isolation: str, prepared: Path, tmp_path: Path) -> None:
    workloads = (*FREE_OF_ERRORS, *RUN_AGAIN, *AT_LEVEL[isolation])
    outcome = run(Race(workloads, place, isolation, seconds=2), prepared, tmp_path)
    assert outcome.errors == []
    assert outcome.problems == []
    assert outcome.steps > 20


@pytest.mark.parametrize("guard", GUARDS)
def test_without_a_guard_it_is_noticed(guard: str, prepared: Path, tmp_path: Path) -> None:
    workload = GUARDS[guard][1]
    level = "serializable" if workload == "OnCall" else "snapshot"
    assert any(_problems(Race([workload], "threads", level, 2, seed, guard), prepared, tmp_path) for seed in range(3))


def _problems(race: Race, prepared: Path, folder: Path) -> list[str]:
    place = folder / str(race.seed)
    place.mkdir()
    return run(race, prepared, place).problems
