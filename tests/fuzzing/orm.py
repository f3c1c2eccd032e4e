"""A connection to each engine for the QuerySets, and plans made for tables of all sizes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteWrapper
from django.db.models import Model

from django_zodb.base import DatabaseWrapper
from django_zodb.sql import plan as p
from django_zodb.sql import prepare
from django_zodb.sql.optimize import optimize
from django_zodb.sql.runtime import like

from .engines import Imagined
from .plans_met import Met

OURS, THEIRS = "fuzz_zodb", "fuzz_sqlite"


class FoldingSqlite(SqliteWrapper):
    """sqlite3 with the case rules of this engine: exact lookups are exact, others fold case over all of Unicode.

    LIKE is made exact by a pragma; its folding counterpart is spelt MATCH, which sqlite3 leaves to be defined.
    """

    operators = SqliteWrapper.operators | dict.fromkeys(("iexact", "icontains", "istartswith", "iendswith"), "MATCH %s")
    pattern_ops = SqliteWrapper.pattern_ops | {
        "icontains": "MATCH '%%' || {} || '%%'",
        "istartswith": "MATCH {} || '%%'",
        "iendswith": "MATCH '%%' || {}",
    }

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA case_sensitive_like = ON")
        for name, function in (("UPPER", str.upper), ("LOWER", str.lower)):
            connection.create_function(name, 1, _strict(function), deterministic=True)
        connection.create_function("match", 2, _matches, deterministic=True)
        return connection


def _strict(function: Any) -> Any:
    return lambda text: None if text is None else function(str(text))


def _matches(pattern: str | None, text: object) -> bool | None:
    if pattern is None or text is None:
        return None
    return like(pattern, "\\", True)(str(text))


def connect() -> None:
    """Open both connections."""
    settings = {
        **connections["default"].settings_dict,
        "OPTIONS": {},
        "USER": "",
        "PASSWORD": "",
        "HOST": "",
        "PORT": "",
    }
    connections[OURS] = DatabaseWrapper({**settings, "NAME": f":memory:fuzz-{uuid.uuid4()}"}, OURS)
    connections[THEIRS] = FoldingSqlite({**settings, "NAME": ":memory:"}, THEIRS)
    for alias in (OURS, THEIRS):
        connections.settings.setdefault(alias, connections[alias].settings_dict)
        connections[alias].ensure_connection()


def disconnect() -> None:
    """Close both."""
    database = connections[OURS].connection.session.database
    connections[OURS].close()
    database.close()
    connections[THEIRS].connection.close()  # Django does not close a database in memory
    for alias in (OURS, THEIRS):
        del connections[alias]
        connections.settings.pop(alias, None)


@contextmanager
def tables_of(models: Sequence[type[Model]]) -> Iterator[None]:
    """An empty table for each model, on both sides, as long as the block lasts."""
    for alias in (OURS, THEIRS):
        with connections[alias].schema_editor() as editor:
            for model in models:
                editor.create_model(model)
    try:
        yield
    finally:
        for alias in (OURS, THEIRS):
            with connections[alias].schema_editor() as editor:
                for model in reversed(models):
                    editor.delete_model(model)


@contextmanager
def planned_for_any_size(random: Random, met: Met) -> Iterator[None]:
    """Plans for tables as they are, or imagined to hold any number of rows, are counted in ``met``."""

    def plan(node: p.Node, catalog: Any) -> p.Node:
        chosen = optimize(node, Imagined(catalog, random) if random.random() < 0.6 else catalog)  # type: ignore[arg-type]
        met.note(chosen)
        return chosen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "optimize", plan)
        yield
