"""README.md tells the truth: its Python runs, and it names every command and option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from django_zodb.storage.options import OPTION_TYPES, Options

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("source", BLOCKS, ids=lambda source: source.splitlines()[0])
def test_python_blocks_run(source: str, tmp_path: Path) -> None:
    exec(compile(source, "README.md", "exec"), {"BASE_DIR": tmp_path})


def test_every_command_is_named() -> None:
    commands = (ROOT / "django_zodb" / "management" / "commands").glob("[a-z]*.py")
    assert not [command.stem for command in commands if f"`{command.stem}`" not in README]


def test_every_option_is_named_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", README, re.MULTILINE))
    assert rows == {name: repr(getattr(Options(), name)) for name in OPTION_TYPES}


def test_targets_of_the_makefile_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert not [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)]
