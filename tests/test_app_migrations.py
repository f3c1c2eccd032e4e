"""The migrations of many applications: forward, backward to nothing, forward again, with equal tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = """
import json, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

def tables():
    with connection.cursor() as cursor:
        read = connection.introspection
        return {
            name: [read.get_table_description(cursor, name), read.get_constraints(cursor, name)]
            for name in read.table_names(cursor)
        }

call_command("migrate", verbosity=0)
first = tables()
labels = sorted(MigrationLoader(connection).migrated_apps)
# SQL Explorer's own way back is open only without rows, and past its 0024, which has none.
with connection.cursor() as cursor:
    cursor.execute("DELETE FROM explorer_databaseconnection")
call_command("migrate", "explorer", "0024", verbosity=0)
call_command("migrate", "explorer", "0023", fake=True, verbosity=0)
for label in labels:
    call_command("migrate", label, "zero", verbosity=0)
nothing = tables()
call_command("migrate", verbosity=0)
again = tables()
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
json.dump({"labels": labels, "first": first, "nothing": nothing, "again": again}, sys.stdout)
"""


def migrate(data_file: Path) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "DJANGO_SETTINGS_MODULE": "django_accounts.settings",
            "DATA_FILE": str(data_file),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_forward_backward_forward(tmp_path: Path) -> None:
    found = migrate(tmp_path / "Data.fs")
    assert {"account", "admin", "auth", "authtoken", "explorer", "flatpages", "redirects", "sessions"} <= set(
        found["labels"]
    )
    assert len(found["first"]) > 25
    assert set(found["nothing"]) <= {"django_migrations"}
    assert found["again"] == found["first"]
