"""Before races: ``python -m races.prepare`` makes the tables, and the rows that all work on."""

from __future__ import annotations

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)

    from races.workloads import prepare

    prepare()
