"""The project template: a site that works at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sites import Site, environment, make_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("template") / "site")


def test_nothing_is_left_to_render(site: Site) -> None:
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.name.endswith("-tpl")]
    assert not [path for path in files if path.suffix == ".py" and "{{" in path.read_text(encoding="utf-8")]
    assert (site.folder / ".gitignore").is_file()


def test_each_site_has_its_own_secret(site: Site, tmp_path: Path) -> None:
    other = make_site(tmp_path / "other")
    texts = {(each.folder / "mysite" / "settings.py").read_text(encoding="utf-8") for each in (site, other)}
    assert len(texts) == 2


def test_the_site_migrates_loads_and_keeps(site: Site) -> None:
    assert site.manage("check") == "System check identified no issues (0 silenced).\n"
    assert "No changes detected" in site.manage("makemigrations", "--check", "--dry-run")
    site.manage("migrate", "--verbosity", "0")
    assert "Loaded 18 books" in site.manage("load_sample", "--superuser", "admin", "--password", "secret")
    assert "18 books already" in site.manage("load_sample", "--superuser", "admin", "--password", "other")
    assert "[X] 0001_initial" in site.manage("showmigrations", "library")


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
def test_servers_have_everything_loaded_and_nothing_opened(site: Site, entry: str) -> None:
    question = (
        f"import gc, sys, mysite.{entry} as entry; from django.db import connections; "
        "print(callable(entry.application), gc.get_freeze_count() > 10_000, 'django_zodb.base' in sys.modules, "
        "[each.connection for each in connections.all()])"
    )
    done = subprocess.run(
        [sys.executable, "-c", question], cwd=site.folder, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True True [None]\n"


def test_its_own_tests_pass(site: Site) -> None:
    done = site.run("test")
    assert done.returncode == 0, done.stderr
    assert "Ran 14 tests" in done.stderr
    assert "OK" in done.stderr


def test_its_own_tests_pass_in_parallel(site: Site) -> None:
    done = site.run("test", "--parallel", "2")
    assert done.returncode == 0, done.stderr
    assert "Ran 14 tests" in done.stderr


def test_a_zip_of_the_template_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "django_zodb", "template"]
    printed = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout.strip()
    archive = shutil.make_archive(str(tmp_path / "template"), "zip", Path(printed).parent, Path(printed).name)
    command = [sys.executable, "-m", "django", "startproject", "zipped", f"--template={archive}"]
    subprocess.run(command, cwd=tmp_path, env=environment(), check=True)
    assert (tmp_path / "zipped" / "zipped" / "settings.py").is_file()
    assert (tmp_path / "zipped" / "library" / "models.py").is_file()


def test_pages_need_nothing_from_elsewhere(site: Site) -> None:
    pages = [*site.folder.glob("templates/**/*.html"), *site.folder.glob("static/**/*.css")]
    assert len(pages) >= 4
    assert not [page for page in pages if "//" in page.read_text(encoding="utf-8").replace("<!--", "")]
