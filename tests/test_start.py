"""What a fresh process pays for: the modules that reading a row by its key brings in, and the records that it loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from django_zodb import dbapi
from django_zodb.storage.database import close_all

ROOT = Path(__file__).parent.parent

# What only some processes need, and costs each that imports it: servers and their clients, packing, backups and
# checks, definitions, large frameworks, and what is nobody's business at run time.
UNNEEDED = (
    "ZConfig",
    "ZEO.ClientStorage",
    "ZEO.asyncio",
    "ZODB.FileStorage.iterator",
    "ZODB.scripts",
    "django_zodb.shell",
    "django_zodb.sql.ddl_parse",
    "django_zodb.sql.ddl_statements",
    "django_zodb.storage.backup",
    "django_zodb.storage.chains",
    "django_zodb.storage.check",
    "django_zodb.storage.client",
    "django_zodb.storage.definition",
    "django_zodb.storage.dump",
    "django_zodb.storage.rebuild",
    "django_zodb.storage.remote",
    "django_zodb.storage.restore",
    "django_zodb.storage.server",
    "django_zodb.upkeep",
    "pytz",
    "regex",
    "sqlglot.executor",
    "sqlglot.planner",
    "tqdm",
    "zodburi",
    "zope.catalog",
    "zope.component",
    "zope.container",
    "zope.schema",
    "zope.security",
)

LOOK_UP = """
import sys
from django_zodb import dbapi

connection = dbapi.connect(sys.argv[1], autocommit=True)
assert connection.execute("SELECT id FROM auth_permission WHERE name = 'Can read'").fetchall() == [(1,)]
plan = connection.execute("EXPLAIN SELECT id FROM auth_permission WHERE name = 'Can read'").fetchall()
assert "using permission_name" in str(plan), plan
assert "zope.catalog" not in sys.modules

found = connection.catalog.root["catalog"]
"""

OPEN_WITH_ZODB = """
import sys
import ZODB

found = ZODB.DB(sys.argv[1]).open().root()["catalog"]
"""

SPEAK_ZOPE = """
from zope.catalog.catalog import Catalog
from zope.catalog.interfaces import ICatalog, ICatalogIndex
from zope.index.interfaces import IStatistics
from zope.location.interfaces import IContained

name = "permission_name"
assert isinstance(found, Catalog) and ICatalog.providedBy(found), type(found).__mro__
assert name in found and len(found) == len(list(found.items())) == 2
index = found[name]
assert all(each.providedBy(index) for each in (ICatalogIndex, IStatistics, IContained)), type(index).__mro__
assert index.__parent__ is found and index.__name__ == name
assert list(found.apply({name: ("Can read", "Can read")})) == [1]
assert list(found.apply({name: ("Can write", None)})) == []
assert index.documentCount() == 1
"""

GET = """
import json, sys
import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django_zodb", "NAME": sys.argv[1]}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
)
django.setup()

from django.contrib.auth.models import Permission
from django_zodb.storage.bounded import BoundedConnection

loaded = []
setstate = BoundedConnection.setstate


def noting(connection, obj):
    setstate(connection, obj)
    loaded.append(type(obj).__name__)


BoundedConnection.setstate = noting
assert Permission.objects.get(pk=1).name == "Can read"
print(json.dumps({"modules": sorted(sys.modules), "records": loaded}))
"""

COLUMNS = "name varchar(255), content_type_id integer REFERENCES subject, codename varchar(100)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    connection = dbapi.connect(str(path), autocommit=True)
    connection.execute("CREATE TABLE subject (id integer PRIMARY KEY)")
    connection.execute(f"CREATE TABLE auth_permission (id integer PRIMARY KEY, {COLUMNS}, UNIQUE (name, codename))")
    connection.execute("CREATE INDEX permission_name ON auth_permission (name)")
    for number in range(50):
        connection.execute(
            f"CREATE TABLE other_{number} (id integer PRIMARY KEY, permission integer REFERENCES auth_permission)"
        )
    connection.execute("INSERT INTO subject VALUES (1)")
    connection.execute("INSERT INTO auth_permission VALUES (1, 'Can read', 1, 'read')")
    close_all()
    return path


def run(code: str, file: Path) -> str:
    """What a fresh process prints that runs the code on the file."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def first_get(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(GET, file))
    return found


def test_a_get_imports_nothing_that_it_does_not_need(first_get: dict[str, Any]) -> None:
    loaded = first_get["modules"]
    unneeded = [name for name in loaded for each in UNNEEDED if name == each or name.startswith(f"{each}.")]
    assert not unneeded, f"a process that reads one row by its key imports {', '.join(unneeded)}"


def test_a_get_loads_nothing_of_other_tables_and_of_indexes(first_get: dict[str, Any]) -> None:
    records = first_get["records"]
    assert records.count("TableRecord") == 1
    assert "CatalogIndex" not in records
    assert "IndexTree" not in records
    assert len(records) <= 8, records


@pytest.mark.parametrize("opened", [LOOK_UP, OPEN_WITH_ZODB], ids=["by the engine", "by ZODB alone"])
def test_the_catalog_is_one_of_zope_for_whoever_looks_at_it(file: Path, opened: str) -> None:
    run(opened + SPEAK_ZOPE, file)
