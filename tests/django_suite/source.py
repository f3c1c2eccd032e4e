"""Where Django's tests are: in the sdist of the installed version, downloaded once, or in a folder that is given."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import django


def find_tests(given: Path | None, cache: Path) -> Path:
    """The folder with ``runtests.py``. FileNotFoundError if ``given`` has none; CalledProcessError if pip fails."""
    if given is not None:
        for folder in (given, given / "tests"):
            if (folder / "runtests.py").exists():
                return folder.resolve()
        raise FileNotFoundError(f"{given} is no source of Django: there is no tests/runtests.py in it")
    version = django.get_version()
    tests = cache / f"django-{version}" / "tests"
    if not tests.exists():
        download(version, cache)
    return tests.resolve()


def download(version: str, cache: Path) -> None:
    """Unpack the sdist of Django ``version`` into ``cache``."""
    cache.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--no-binary=:all:", f"--dest={cache}", f"Django=={version}"], check=True)
    (archive,) = (path for path in cache.glob("[dD]jango-*.tar.gz") if path.name.lower() == f"django-{version}.tar.gz")
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(cache)
    unpacked = next(path for path in cache.glob("[dD]jango-*/") if path.name.lower() == f"django-{version}")
    unpacked.rename(cache / f"django-{version}")
    archive.unlink()
