"""The planted faults fit the package as it is, so that ``make mutants`` can plant them."""

from __future__ import annotations

import pytest
from planted.__main__ import ROOT, plants
from planted.faults import FAULTS, Fault

LEAST = 40
"""How many must fit. A change of the engine may leave some behind, which are to be written anew when there is time."""


def test_there_are_enough_and_each_has_a_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    left_behind = [f"{fault.file}: {fault.name}" for fault in FAULTS if plants(fault) is None]
    assert len(FAULTS) - len(left_behind) >= LEAST, left_behind


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_still_python(fault: Fault) -> None:
    text = plants(fault)
    if text is not None:
        compile(text, fault.file, "exec", dont_inherit=True)  # ast.parse minds other threads on Python 3.11
    assert (ROOT / "django_zodb" / fault.file).is_file()
