"""Which file is at a path: the same whether the system tells it with or without the file's times."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from django_zodb.storage import identity
from django_zodb.storage.files import Handle
from django_zodb.storage.identity import identity_at, identity_of


@pytest.fixture(params=["as it is", "unknown", "forbidden"], autouse=True)
def _statx(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems without the call, and containers that do not allow it, are asked otherwise."""
    if request.param != "as it is":
        monkeypatch.setattr(identity, "_statx", None if request.param == "unknown" else lambda *arguments: -1)


def test_it_is_that_of_stat(tmp_path: Path) -> None:
    file, link = tmp_path / "fíle", tmp_path / "link"
    file.write_bytes(b"1")
    link.symlink_to(file)
    for path in (tmp_path, file, link, Path("/dev/null")):
        assert identity_at(str(path)) == identity_of(path.stat())
    assert identity_at(str(link)) == identity_at(str(file)) != identity_at(str(tmp_path))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        identity_at(str(tmp_path / "missing"))


def test_another_file_at_the_same_path(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"1")
    handle = Handle(str(path), os.O_RDONLY)
    assert handle.is_at(str(path))
    other.write_bytes(b"1")
    other.replace(path)
    assert not handle.is_at(str(path))


def test_a_python_that_was_built_without_ctypes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    made_without: Any = runpy.run_path(str(identity.__file__))
    assert made_without["identity_at"](str(tmp_path)) == identity_of(tmp_path.stat())
