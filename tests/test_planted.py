"""The planted faults fit the package as it is, so that ``make mutants`` can plant them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from planted.faults import FAULTS, Fault

import django_zodb

ROOT = Path(django_zodb.__file__).parent


def test_there_are_enough_and_each_has_a_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 30


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_the_fault_can_be_planted(fault: Fault) -> None:
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.old) == 1, f"the piece that the fault replaces is no longer in {fault.file}: write it anew"
    ast.parse(text.replace(fault.old, fault.new))
