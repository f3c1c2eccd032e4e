"""Run the golden SQL files; ``pytest tests/test_golden.py --rewrite`` writes the answers into them: review the diff."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_files import GOLDEN, Engines, read

FILES = sorted(path for path in GOLDEN.rglob("*.sql") if path.parent.name != "setup")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GOLDEN).with_suffix("")))
def test_golden(path: Path, request: pytest.FixtureRequest) -> None:
    golden = read(path)
    engines = Engines(golden.uses)
    try:
        answers = [engines.run(block) for block in golden.blocks]
    finally:
        engines.close()
    differences = []
    for block, answer in zip(golden.blocks, answers, strict=True):
        if answer != block.expected:
            differences.append(f"{path}:{block.line}\n{block.sql}\n--- expected\n{block.expected}\n--- found\n{answer}")
            block.expected = answer
    if differences and request.config.getoption("--rewrite"):
        path.write_text(golden.text())
    elif differences:
        pytest.fail("\n\n".join(differences), pytrace=False)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GOLDEN).with_suffix("")))
def test_every_difference_from_sqlite_is_explained(path: Path) -> None:
    for block in read(path).blocks:
        assert "DIFFERS" not in block.expected, f"{path}:{block.line}: tag it [differs: reason] or mend it"


def test_unknown_tags_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.sql"
    file.write_text("# comment\n\n[plam]> SELECT 1\n---\n(1,)\n")
    with pytest.raises(ValueError, match="unknown tag 'plam'"):
        read(file)
