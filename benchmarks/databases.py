"""The databases that are compared: a name, what it is, and Django's settings for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .postgres import cluster, find_binaries

Settings = dict[str, Any]

SQLITE = "django.db.backends.sqlite3"
WAL = "PRAGMA journal_mode=wal; PRAGMA synchronous=normal"


@dataclass(frozen=True, slots=True)
class Database:
    """``settings`` is given a folder, and is in force while it is entered; ``missing`` says what it lacks here."""

    name: str
    meaning: str
    settings: Callable[[Path], AbstractContextManager[Settings]]
    missing: Callable[[], str] = lambda: ""


def _file(engine: str, **more: Any) -> Callable[[Path], AbstractContextManager[Settings]]:
    @contextmanager
    def settings(folder: Path) -> Iterator[Settings]:
        folder.mkdir(exist_ok=True)
        yield {"ENGINE": engine, "NAME": str(folder / "data"), **more}

    return settings


@contextmanager
def _memory(folder: Path) -> Iterator[Settings]:
    yield {"ENGINE": SQLITE, "NAME": ":memory:"}


@contextmanager
def _postgres(folder: Path) -> Iterator[Settings]:
    with cluster(folder) as place:
        yield {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", **place}


def _no_postgres() -> str:
    if find_binaries() is None:
        return "there are no PostgreSQL binaries (Debian: apt install postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed (pip install --group benchmarks)"
    return ""


DATABASES = {
    database.name: database
    for database in (
        Database("zodb", "django_zodb, a file", _file("django_zodb")),
        Database(
            "serializable",
            "django_zodb, a file, at the serializable level",
            _file("django_zodb", OPTIONS={"isolation": "serializable"}),
        ),
        Database("sqlite3", "sqlite3, a file, as Django opens it", _file(SQLITE)),
        Database("wal", "sqlite3, journal_mode=WAL, synchronous=NORMAL", _file(SQLITE, OPTIONS={"init_command": WAL})),
        Database("memory", "sqlite3, :memory:", _memory),
        Database("postgres", "PostgreSQL, a cluster of its own on 127.0.0.1", _postgres, _no_postgres),
        Database("floor", "the ORM alone: results replayed", _file("benchmarks.floor")),
    )
}
