"""Whether the tables of a database are those of the models, whatever the migrations say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db import connections, models, router
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from .base import DatabaseWrapper
from .storage.catalog import StoredCatalog
from .storage.check import Problem
from .storage.plan import all_indexes
from .storage.schema import ColumnSchema, IndexSchema, TableSchema

SCRATCH = ":memory:model-check"


def differences(alias: str, catalog: StoredCatalog) -> Iterator[Problem]:
    """How tables differ from what ``migrate`` would make of the models in an empty database."""
    managed = [model for model in _models() if _is_kept(model, alias)]
    expected = _made_from(managed, alias)
    for model in managed:
        name = model._meta.db_table
        found = catalog.schema(name)
        if found is None:
            kind = "is a view, not a table" if catalog.view(name) is not None else "does not exist"
            yield Problem("schema", name, "", f"{name}, the table of {model._meta.label}, {kind}")
            continue
        for message in _compared(found, expected[name]):
            yield Problem("schema", name, "", f"{name}: {message}")


def _models() -> Iterator[type[models.Model]]:
    """All models; those of apps with migrations as these have them.

    What an app puts into a model's ``_meta`` once the class is there, as mptt does with an index, is in no migration.
    """
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    as_migrated = ProjectState.from_apps(apps).apps
    for each, wanted in ((as_migrated, True), (apps, False)):
        for model in each.get_models(include_auto_created=True):
            if (model._meta.app_label in loader.migrated_apps) is wanted:
                yield model


def _is_kept(model: type[models.Model], alias: str) -> bool:
    options = model._meta
    return bool(
        options.managed
        and not options.proxy
        and not options.swapped
        and router.allow_migrate_model(alias, model)
        and options.can_migrate(connections[alias])
    )


def _made_from(managed: Iterable[type[models.Model]], alias: str) -> dict[str, TableSchema]:
    """The tables of these models, made in a database in memory, whatever the options of theirs."""
    elsewhere = {"NAME": SCRATCH, "HOST": "", "PORT": "", "OPTIONS": {}}
    scratch = DatabaseWrapper({**connections[alias].settings_dict, **elsewhere}, alias)
    try:
        with scratch.schema_editor() as editor:
            for model in managed:
                if not model._meta.auto_created:  # those are made with the field that needs them
                    editor.create_model(model)
        catalog = scratch.connection.session.catalog
        return {schema.name: schema for schema in catalog.schemas()}
    finally:
        database = scratch.connection.session.database if scratch.connection is not None else None
        scratch.close()
        if database is not None:
            database.close()


def _compared(found: TableSchema, expected: TableSchema) -> Iterator[str]:
    for column in expected.columns:
        if column.name not in found.positions:
            yield f"column {column.name} {column.type} is missing"
        elif _shape(actual := found.column(column.name)) != _shape(column):
            yield f"column {column.name} is {_described(actual)}; the model says {_described(column)}"
    for column in found.columns:
        if column.name not in expected.positions:
            yield f"column {column.name} is in no model"
    if found.primary_key != expected.primary_key:
        yield f"the primary key is {found.primary_key}; the model says {expected.primary_key}"
    parts: list[tuple[str, Any]] = [("index", _indexes), ("foreign key", _foreign_keys), ("check", _checks)]
    for what, shapes_of in parts:
        actual_shapes, expected_shapes = shapes_of(found), shapes_of(expected)
        for shape in expected_shapes - actual_shapes:
            yield f"{what} missing: {shape}"
        for shape in actual_shapes - expected_shapes:
            yield f"{what} of no model: {shape}"


def _shape(column: ColumnSchema) -> tuple[Any, ...]:
    # Migrations and models take the size of the keys of tables between two models from different settings.
    type_ = "integer" if column.identity else str(column.type)
    return type_, column.nullable, column.identity, column.generated, column.collation


def _described(column: ColumnSchema) -> str:
    parts = [str(column.type), "NULL" if column.nullable else "NOT NULL"]
    parts += ["identity"] if column.identity else []
    parts += [f"generated as {column.generated}"] if column.generated else []
    return " ".join(parts)


def _indexes(schema: TableSchema) -> set[str]:
    return {_index(index) for index in all_indexes(schema)}


def _index(index: IndexSchema) -> str:
    keys = [f"{key.column or key.expression}{' DESC' if key.descending else ''}" for key in index.keys]
    where = f" WHERE {index.where}" if index.where else ""
    return f"{'unique ' if index.unique else ''}({', '.join(keys)}){where}"


def _foreign_keys(schema: TableSchema) -> set[str]:
    return {
        f"({', '.join(fk.columns)}) to {fk.table} ({', '.join(fk.references)}) ON DELETE {fk.on_delete}"
        for fk in schema.foreign_keys
    }


def _checks(schema: TableSchema) -> set[str]:
    return {check.expression for check in schema.checks}
