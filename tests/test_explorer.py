"""django-sql-explorer: what a person types into its playground, and its view of the schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    file = str(tmp_path_factory.mktemp("explorer") / "Data.fs")
    environment = {"ALL_APPS_FILE": file, "PYTHONPATH": str(TESTS), "DJANGO_SETTINGS_MODULE": "all_apps.settings"}
    command = [sys.executable, "all_apps/check_explorer.py"]
    done = subprocess.run(command, cwd=TESTS, env=kept | environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_queries_of_every_kind_give_their_rows(found: dict[str, Any]) -> None:
    assert found["join"] == {"error": None, "headers": ["username", "notes", "avg"], "rows": [["ann", "3", "2.0"]]}
    assert found["with"]["rows"] == [["note 2", "1"]]
    assert found["percent"]["rows"] == [["note 2"]]
    assert found["tables"]["rows"] == [["all_apps_member"], ["all_apps_member_groups"]]


def test_an_error_is_shown_with_its_place(found: dict[str, Any]) -> None:
    assert found["wrong"]["error"] == 'column "nothing" does not exist: "nothing" at 1:8'


def test_the_schema_is_listed_and_a_saved_query_is_exported(found: dict[str, Any]) -> None:
    assert found["schema"] == [200, True]
    assert found["csv"] == ["text,stars", "note", "0,1", "note", "1,2", "note", "2,3"]
