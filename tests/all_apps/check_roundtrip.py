"""Migrate every app forward, back to zero and forward again; print what introspection saw each time, as JSON.

One data migration of django-sql-explorer has no way back of its own; it is given one that does nothing, so that the
schema operations around it can be undone, and the app's own first rows are removed: older versions of its tables
want values where those have NULL, and text where they have encrypted bytes.
"""

import json
import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "all_apps.settings"
django.setup()

from django.apps import apps  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.migrations import RunPython  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402


def picture() -> dict[str, object]:
    """Tables with their columns, keys and constraints; the constraints without their generated names."""
    found: dict[str, object] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            columns = connection.introspection.get_table_description(cursor, table)
            constraints = connection.introspection.get_constraints(cursor, table)
            found[table] = {
                "columns": [list(map(str, info)) for info in columns],
                "relations": connection.introspection.get_relations(cursor, table),
                "constraints": {name: str(sorted(value.items())) for name, value in constraints.items()},
            }
    return found


def allow_the_way_back() -> None:
    """Let migrations that only move data be undone."""
    for migration in MigrationLoader(connection).disk_migrations.values():
        for operation in migration.operations:
            if isinstance(operation, RunPython) and operation.reverse_code is None:
                operation.reverse_code = RunPython.noop


def main() -> None:
    """Forward, backward, forward."""
    allow_the_way_back()
    call_command("migrate", verbosity=0)
    first = picture()
    for model in apps.get_app_config("explorer").get_models():
        model._default_manager.all().delete()
    for app in ("explorer", *sorted(MigrationLoader(connection).migrated_apps)):
        call_command("migrate", app, "zero", verbosity=0)
    nothing = sorted(picture())
    call_command("migrate", verbosity=0)
    print("\n" + json.dumps({"first": first, "nothing": nothing, "again": picture()}, default=repr))


if __name__ == "__main__":
    main()
