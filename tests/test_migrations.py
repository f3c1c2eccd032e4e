"""Every contrib app, allauth, DRF's tokens, django-sql-explorer and a custom user: forward, back to zero, forward."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent


def _environment(file: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    return kept | {"ALL_APPS_FILE": file, "PYTHONPATH": str(TESTS), "DJANGO_SETTINGS_MODULE": "all_apps.settings"}


def _run(file: str, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=TESTS, env=_environment(file), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = str(tmp_path_factory.mktemp("all_apps") / "Data.fs")
    return json.loads(_run(file, "all_apps/check_roundtrip.py").splitlines()[-1])  # type: ignore[no-any-return]


def test_zero_leaves_nothing_but_the_record_of_migrations(pictures: dict[str, Any]) -> None:
    assert pictures["nothing"] == ["django_migrations"]


def test_the_second_way_forward_ends_where_the_first_did(pictures: dict[str, Any]) -> None:
    assert len(pictures["first"]) >= 29
    assert pictures["again"] == pictures["first"]


def test_the_pictures_hold_what_the_models_say(pictures: dict[str, Any]) -> None:
    note = pictures["first"]["all_apps_note"]
    assert set(note["relations"]) == {"owner_id"}
    assert {"one_text_each", "five_stars", "best_first"} <= set(note["constraints"])
    assert [column[0] for column in note["columns"]] == ["id", "text", "stars", "owner_id"]


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    file = str(tmp_path / "Data.fs")
    _run(file, "-m", "django", "migrate", "-v0")
    assert "No changes detected" in _run(file, "-m", "django", "makemigrations", "--check", "--dry-run", "all_apps")


def test_sqlmigrate_prints_sql(tmp_path: Path) -> None:
    text = _run(str(tmp_path / "Data.fs"), "-m", "django", "sqlmigrate", "all_apps", "0001")
    assert 'CREATE TABLE "all_apps_note"' in text
    assert 'CREATE INDEX "best_first" ON "all_apps_note" ("stars" DESC, "text")' in text
