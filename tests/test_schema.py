"""Migrations, introspection and the commands that print or run SQL."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.apps.registry import Apps
from django.core.cache import cache
from django.core.management import call_command
from django.db import DataError, IntegrityError, ProgrammingError, connection, models
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import (
    AddField,
    AlterField,
    AlterModelTableComment,
    AlterUniqueTogether,
    CreateModel,
    DeleteModel,
    RemoveIndex,
    RenameModel,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Deferrable, F, Q
from django.db.models.functions import Lower
from django_project.models import Author, Book, Everything

pytestmark = pytest.mark.django_db(transaction=True)

LATE = Deferrable.DEFERRED


def output(*command: str, **options: Any) -> str:
    stream = io.StringIO()
    call_command(*command, stdout=stream, no_color=True, **options)
    return stream.getvalue()


class Thing(models.Model):
    """Altered by the tests; its table is made and dropped by the fixture."""

    name = models.CharField(max_length=20)
    number = models.IntegerField(null=True)

    class Meta:
        app_label = "django_project"
        apps = Apps()


@pytest.fixture
def thing() -> Iterator[type[Thing]]:
    with connection.schema_editor() as editor:
        editor.create_model(Thing)
    yield Thing
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{Thing._meta.db_table}" CASCADE')


def alter(old: str, field: models.Field[Any, Any]) -> None:
    field.set_attributes_from_name(field.name or old)
    field.model = Thing
    with connection.schema_editor() as editor:
        editor.alter_field(Thing, Thing._meta.get_field(old), field, strict=True)


def constraints(table: str = "django_project_thing") -> dict[str, dict[str, Any]]:
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, table)


def columns(table: str = "django_project_thing") -> dict[str, Any]:
    with connection.cursor() as cursor:
        return {column.name: column for column in connection.introspection.get_table_description(cursor, table)}


def rows(table: str = "django_project_thing") -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')
        return cursor.fetchall()


# --- altering ---------------------------------------------------------------------------------------------------------


def test_a_type_is_changed_with_the_values(thing: type[Thing]) -> None:
    thing.objects.create(name="12", number=3)
    field = models.IntegerField(name="name")
    alter("name", field)
    alter("number", models.CharField(max_length=5, null=True, name="number"))
    assert rows() == [(1, 12, "3")]


def test_a_column_is_renamed_with_its_constraints(thing: type[Thing]) -> None:
    alter("number", models.PositiveIntegerField(null=True, unique=True, name="amount"))
    assert set(columns()) == {"id", "name", "amount"}
    assert {tuple(info["columns"]) for info in constraints().values()} == {("id",), ("amount",)}
    assert columns()["amount"].is_positive


def test_null_is_forbidden_with_a_default(thing: type[Thing]) -> None:
    thing.objects.create(name="a")
    alter("number", models.IntegerField(default=5, name="number"))
    assert rows() == [(1, "a", 5)]
    assert columns()["number"].default is None
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match=r"django_project_thing\.number"):
        cursor.execute("INSERT INTO django_project_thing (name) VALUES ('b')")


def test_values_that_do_not_fit_leave_the_table_as_it_was(thing: type[Thing]) -> None:
    thing.objects.create(name="no number")
    with pytest.raises(Exception, match="no number"):
        alter("name", models.IntegerField(name="name"))
    assert rows() == [(1, "no number", None)]


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        (models.IntegerField, 123456, "123456"),
        (models.TextField, "twelve", "twelve"),
        (models.DateField, dt.date(2024, 1, 31), "2024-01-31"),
        (models.TimeField, dt.time(12, 30, 15), "12:30:15"),
        (models.UUIDField, UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_no_value_is_cut_to_fit_a_shorter_column(
    thing: type[Thing], field: type[models.Field[Any, Any]], value: Any, kept: str
) -> None:
    old, new = field(name="name"), models.CharField(max_length=5, name="name")
    alter("name", old)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_project_thing (name) VALUES (%s)", [value])
    new.set_attributes_from_name("name")
    new.model = Thing
    message = rf"django_project_thing\.name: value too long for type varchar\(5\): {len(kept)} characters"
    with pytest.raises(DataError, match=message), connection.schema_editor() as editor:
        editor.alter_field(Thing, old, new, strict=True)
    assert rows() == [(1, value, None)]
    new.max_length = len(kept)
    with connection.schema_editor() as editor:
        editor.alter_field(Thing, old, new, strict=True)
    assert rows() == [(1, kept, None)]


def test_a_key_is_made_automatic_and_back(thing: type[Thing]) -> None:
    thing.objects.create(pk=7, name="a")
    with connection.schema_editor() as editor:
        old, new = Thing._meta.get_field("id"), models.IntegerField(primary_key=True, name="id")
        new.set_attributes_from_name("id")
        new.model = Thing
        editor.alter_field(Thing, old, new)
        assert not columns()["id"].is_autofield
        editor.alter_field(Thing, new, old)
    assert columns()["id"].is_autofield
    assert thing.objects.create(name="b").pk > 7


def test_ids_go_on_above_the_keys_that_become_automatic() -> None:
    state = migrated(ProjectState(), CreateModel("code", [("id", models.CharField(max_length=9, primary_key=True))]))
    try:
        code = state.apps.get_model("trees.code")
        code.objects.bulk_create([code(id="3"), code(id="70"), code(id="5")])
        state = migrated(state, AlterField("code", "id", models.BigAutoField(primary_key=True)))
        code = state.apps.get_model("trees.code")
        code.objects.get(pk=70).delete()
        assert code.objects.create().pk > 70
    finally:
        migrated(state, DeleteModel("code"))


def migrated(state: ProjectState, *operations: Operation) -> ProjectState:
    """The state after these operations, which are carried out."""
    for operation in operations:
        before, state = state, state.clone()
        operation.state_forwards("trees", state)
        with connection.schema_editor(atomic=True) as editor:
            operation.database_forwards("trees", editor, before, state)
    return state


def test_a_key_that_others_refer_to_changes_its_type() -> None:
    own = models.ForeignKey("trees.node", models.CASCADE, null=True)
    state = migrated(
        ProjectState(),
        CreateModel("node", [("id", models.AutoField(primary_key=True)), ("up", own)]),
        CreateModel("leaf", [("node", models.ForeignKey("trees.node", models.CASCADE))]),
    )
    try:
        node = state.apps.get_model("trees.node")
        node.objects.create(pk=2, up=node.objects.create(pk=1))
        state.apps.get_model("trees.leaf").objects.create(node_id=2)
        for key, value in (
            (models.BigAutoField(primary_key=True), 2),
            (models.CharField(primary_key=True, max_length=20), "2"),
            (models.SmallIntegerField(primary_key=True), 2),
            (models.AutoField(primary_key=True), 2),
        ):
            state = migrated(state, AlterField("node", "id", key))
            assert state.apps.get_model("trees.leaf").objects.get(node__up__pk="1").node_id == value
            for table in ("trees_node", "trees_leaf"):
                assert "trees_node" in {(info["foreign_key"] or [""])[0] for info in constraints(table).values()}
    finally:
        migrated(state, DeleteModel("leaf"), DeleteModel("node"))


@pytest.mark.parametrize(
    ("constraint", "first", "second", "refused"),
    [
        (models.UniqueConstraint(fields=["number"], name="c"), ("a", 1), ("b", 1), True),
        (models.UniqueConstraint(fields=["number"], name="c"), ("a", None), ("b", None), False),
        (models.UniqueConstraint(fields=["number"], name="c", nulls_distinct=False), ("a", None), ("b", None), True),
        (models.UniqueConstraint(fields=["number"], name="c", condition=Q(name="a")), ("a", 1), ("b", 1), False),
        (models.UniqueConstraint(fields=["number"], name="c", condition=Q(name="a")), ("a", 1), ("a", 1), True),
        (models.UniqueConstraint(Lower("name"), name="c"), ("a", 1), ("A", 2), True),
        (models.UniqueConstraint(fields=["number"], name="c", include=["name"]), ("a", 1), ("b", 1), True),
        (
            models.UniqueConstraint(fields=["number"], name="c", deferrable=Deferrable.DEFERRED),
            ("a", 1),
            ("b", 1),
            True,
        ),
        (models.CheckConstraint(condition=Q(number__gt=0) & ~Q(name="x%"), name="c"), ("a", 1), ("b", 0), True),
        (models.CheckConstraint(condition=Q(number__gt=0) & ~Q(name="x%"), name="c"), ("a", 1), ("x%", 1), True),
        (models.CheckConstraint(condition=Q(number__gt=0), name="c"), ("a", 1), ("b", None), False),
    ],
)
def test_constraints_are_added_enforced_and_removed(
    thing: type[Thing], constraint: Any, first: tuple[Any, Any], second: tuple[Any, Any], refused: bool
) -> None:
    with connection.schema_editor() as editor:
        editor.add_constraint(thing, constraint)
    assert "c" in constraints()
    thing.objects.create(name=first[0], number=first[1])
    if refused:
        with pytest.raises(IntegrityError):
            thing.objects.create(name=second[0], number=second[1])
    with connection.schema_editor() as editor:
        editor.remove_constraint(thing, constraint)
    assert "c" not in constraints()
    thing.objects.create(name=second[0], number=second[1])


def test_indexes_are_described(thing: type[Thing]) -> None:
    indexes = [
        models.Index(fields=["name", "-number"], name="ordered"),
        models.Index(Lower("name"), name="by_expression"),
        models.Index(fields=["number"], name="partial", condition=Q(number__gt=5)),
        models.Index(fields=["number"], name="covering", include=["name"]),
    ]
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(thing, index)
    found = constraints()
    assert (found["ordered"]["columns"], found["ordered"]["orders"]) == (["name", "number"], ["ASC", "DESC"])
    assert found["by_expression"]["columns"] == []
    assert found["by_expression"]["definition"].startswith('CREATE INDEX "by_expression" ON "django_project_thing"')
    assert all(found[index.name]["index"] and found[index.name]["type"] == "idx" for index in indexes)
    with connection.schema_editor() as editor:
        editor.rename_index(thing, indexes[0], models.Index(fields=["name", "-number"], name="renamed"))
        for index in indexes[1:]:
            editor.remove_index(thing, index)
    assert set(constraints()) == {"renamed", "django_project_thing_pkey"}


def test_columns_are_added_with_defaults_comments_and_expressions(thing: type[Thing]) -> None:
    thing.objects.create(name="Ada", number=1)
    fields = {
        "flag": models.BooleanField(default=True),
        "level": models.IntegerField(db_default=3, db_comment="it's a level"),
        "lowered": models.GeneratedField(expression=Lower("name"), output_field=models.TextField(), db_persist=True),
        "double": models.GeneratedField(
            expression=F("number") * 2, output_field=models.IntegerField(), db_persist=False
        ),
        "author": models.ForeignKey(Author, models.CASCADE, null=True),
    }
    with connection.schema_editor() as editor:
        for name, field in fields.items():
            field.contribute_to_class(Thing, name)
            editor.add_field(Thing, field)
    try:
        assert rows() == [(1, "Ada", 1, True, 3, "ada", 2, None)]
        assert columns()["flag"].default is None
        assert columns()["level"].comment == "it's a level"
        foreign = [info for info in constraints().values() if info["foreign_key"]]
        assert [info["foreign_key"] for info in foreign] == [("django_project_author", "id")]
        with connection.schema_editor() as editor:
            for field in fields.values():
                editor.remove_field(Thing, field)
        assert set(columns()) == {"id", "name", "number"}
    finally:
        for field in fields.values():
            Thing._meta.local_fields.remove(field)
        Thing._meta._expire_cache()


def migrated_at_once(*operations: Operation) -> ProjectState:
    """The state after a single migration of these operations."""
    migration = Migration("0001", "trees")
    migration.operations = list(operations)
    with connection.schema_editor(atomic=True) as editor:
        return migration.apply(ProjectState(), editor)


def test_a_key_that_the_same_migration_makes_is_replaced() -> None:
    state = migrated_at_once(
        CreateModel("tree", [("id", models.BigAutoField(primary_key=True)), ("also", models.ManyToManyField("self"))]),
        CreateModel("bush", [("id", models.BigAutoField(primary_key=True))]),
        CreateModel(
            "leaf",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("on", models.ForeignKey("trees.tree", models.CASCADE)),
                ("free", models.ForeignKey("trees.tree", models.CASCADE, related_name="+")),
                ("size", models.IntegerField()),
            ],
            {"unique_together": {("on", "size")}, "indexes": [models.Index(fields=["size"], name="by_size")]},
        ),
        AlterField("leaf", "on", models.ForeignKey("trees.bush", models.CASCADE)),
        AlterField("leaf", "free", models.ForeignKey("trees.tree", models.CASCADE, "+", db_constraint=False)),
        AlterField("tree", "id", models.AutoField(primary_key=True)),
        AlterUniqueTogether("leaf", set()),
        RemoveIndex("leaf", "by_size"),
        RenameModel("tree", "oak"),
    )
    try:
        apps = state.apps
        bush, oak = apps.get_model("trees.bush").objects.create(), apps.get_model("trees.oak").objects.create(pk=5)
        apps.get_model("trees.leaf").objects.create(on=bush, free_id=9, size=1)
        apps.get_model("trees.leaf").objects.create(on=bush, free_id=9, size=1)
        oak.also.add(apps.get_model("trees.oak").objects.create())
        with pytest.raises(IntegrityError, match="no row of trees_bush"):
            apps.get_model("trees.leaf").objects.create(on_id=5, free_id=9, size=1)
        kept = [info["columns"] for info in constraints("trees_leaf").values() if info["foreign_key"]]
        assert kept == [["on_id"]]
        keys = [info["columns"][0] for info in constraints("trees_oak_also").values() if info["foreign_key"]]
        assert sorted(keys) == ["from_oak_id", "to_oak_id"]
    finally:
        migrated(state, DeleteModel("leaf"), DeleteModel("bush"), DeleteModel("oak"))


def test_a_type_without_conversion_is_taken_while_nothing_is_stored() -> None:
    up = models.ForeignKey("trees.oak", models.CASCADE, null=True)
    fields = [("id", models.AutoField(primary_key=True)), ("up", up)]
    age = ("age", models.DurationField(null=True))
    links = ("near", models.ManyToManyField("trees.oak"))
    state = migrated(ProjectState(), CreateModel("oak", [*fields, age, links]))
    try:
        state.apps.get_model("trees.oak").objects.create()
        to_uuid = AlterField("oak", "id", models.UUIDField(primary_key=True))
        with pytest.raises(DataError, match=r"oak\.id: 1 is no value of type uuid"):
            migrated(state, to_uuid)
        state = migrated(state, AlterField("oak", "age", models.BigIntegerField(null=True)))  # None stays None
        state.apps.get_model("trees.oak").objects.all().delete()
        state = migrated(state, to_uuid)
        oak = state.apps.get_model("trees.oak")
        first = oak.objects.create(id=UUID(int=1))
        first.near.add(oak.objects.create(id=UUID(int=2), up=first, age=4))
        assert list(oak.objects.filter(up=first, oak=first).values_list("id", "age")) == [(UUID(int=2), 4)]
        with pytest.raises(DataError, match="is no value of type integer"):
            migrated(state, AlterField("oak", "id", models.AutoField(primary_key=True)))
    finally:
        migrated(state, DeleteModel("oak"))


def test_percent_signs_in_comments_and_expressions() -> None:
    number = models.IntegerField
    remainder = models.GeneratedField(expression=F("a") % F("b"), output_field=number(), db_persist=False)
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("a", number(db_comment="5% of %s")),
        ("b", number(db_default=4)),
        ("text", models.TextField(db_default="%s 5%")),
        ("rest", remainder),
    ]
    checks = [models.CheckConstraint(condition=~Q(text="100%"), name="not_all")]
    options = {"db_table_comment": "%d", "constraints": checks}
    state = migrated(
        ProjectState(),
        CreateModel("share", fields, options),
        AddField("share", "again", remainder.clone()),
        AddField("share", "more", number(null=True, db_comment="100%")),
        AlterField("share", "b", number(db_default=4, db_comment="%%")),
    )
    try:
        share = state.apps.get_model("trees.share").objects.create(a=7)
        assert (share.text, share.rest, share.again) == ("%s 5%", 3, 3)
        with pytest.raises(IntegrityError, match="not_all"):
            share._meta.model.objects.create(a=1, text="100%")
        comments = {name: column.comment for name, column in columns("trees_share").items() if column.comment}
        assert comments == {"a": "5% of %s", "b": "%%", "more": "100%"}
        assert {table.name: table.comment for table in _tables()}["trees_share"] == "%d"
        state = migrated(state, AlterModelTableComment("share", "half: 50%"), AlterField("share", "a", number()))
        assert {table.name: table.comment for table in _tables()}["trees_share"] == "half: 50%"
        migrated(state, AlterModelTableComment("share", None))
        assert {table.name: table.comment for table in _tables()}["trees_share"] is None
        assert columns("trees_share")["a"].comment is None
    finally:
        migrated(state, DeleteModel("share"))


class Terminal(io.StringIO):
    """Somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_long_change_shows_its_progress_on_a_terminal(
    thing: type[Thing], stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_zodb.storage.rebuild.REPORTED_ROWS", 3)
    told = stream()
    thing.objects.create(name="Ada", number=1)
    with monkeypatch.context() as patched:
        patched.setattr("sys.stderr", told)
        alter("number", models.BigIntegerField(null=True, name="number"))
        assert told.getvalue() == ""
        thing.objects.bulk_create([Thing(name="Ada", number=n) for n in range(1100)])
        alter("number", models.CharField(max_length=9, null=True, name="number"))
    assert ("django_project_thing: rows" in told.getvalue()) is (stream is Terminal)
    assert len(rows()) == 1101


def test_tables_are_renamed(thing: type[Thing]) -> None:
    thing.objects.create(name="a")
    with connection.schema_editor() as editor:
        editor.alter_db_table(thing, "django_project_thing", "renamed")
        editor.alter_db_table_comment(type("Renamed", (), {"_meta": _Named("renamed")}), None, "new")
    assert rows("renamed") == [(1, "a", None)]
    assert {table.name: table.comment for table in _tables()}["renamed"] == "new"
    with connection.schema_editor() as editor:
        editor.alter_db_table(thing, "renamed", "django_project_thing")


_to_come = Apps()


class Parent(models.Model):
    """Made after what refers to it."""

    class Meta:
        app_label = "django_project"
        apps = _to_come


class Child(models.Model):
    """Made before its parent, as an app without migrations is."""

    parent = models.ForeignKey(Parent, models.CASCADE)

    class Meta:
        app_label = "django_project"
        apps = _to_come


@pytest.fixture
def child() -> Iterator[type[Child]]:
    with connection.schema_editor() as editor:
        editor.create_model(Child)
    yield Child
    with connection.cursor() as cursor:
        cursor.execute('DROP TABLE IF EXISTS "django_project_child", "django_project_parent" CASCADE')
    connection.foreign_keys_to_come = []


def foreign_keys_of_child() -> list[tuple[str, str]]:
    described = constraints("django_project_child").values()
    return [each["foreign_key"] for each in described if each["foreign_key"]]


def test_a_table_may_refer_to_one_that_a_later_migration_makes(child: type[Child]) -> None:
    assert foreign_keys_of_child() == []
    child(parent_id=1).save()
    with pytest.raises(IntegrityError, match="parent"), connection.schema_editor(atomic=False) as editor:
        editor.create_model(Parent)
        assert connection.foreign_keys_to_come
    child.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.delete_model(Parent)
        editor.delete_model(child)
        editor.create_model(child)
    with connection.schema_editor() as editor:
        editor.create_model(Parent)
    assert foreign_keys_of_child() == [("django_project_parent", "id")]
    with pytest.raises(IntegrityError):
        child(parent_id=1).save()
    with connection.schema_editor() as editor:
        editor.alter_db_table(child, child._meta.db_table, "django_project_child_2")
        editor.alter_db_table(child, "django_project_child_2", child._meta.db_table)
    assert foreign_keys_of_child() == [("django_project_parent", "id")]


def test_a_foreign_key_to_come_follows_its_table(child: type[Child]) -> None:
    with connection.schema_editor() as editor:
        editor.delete_model(child)
    with connection.schema_editor() as editor:
        editor.create_model(child)
        editor.alter_db_table(child, child._meta.db_table, "django_project_child_2")
    with connection.schema_editor() as editor:
        editor.create_model(Parent)
        editor.alter_db_table(child, "django_project_child_2", child._meta.db_table)
    assert foreign_keys_of_child() == [("django_project_parent", "id")]


def test_what_never_came_is_told(child: type[Child]) -> None:
    with pytest.warns(RuntimeWarning, match="django_project_child to django_project_parent"):
        connection.close()


class _Named:
    def __init__(self, db_table: str) -> None:
        self.db_table = db_table


def _tables() -> list[Any]:
    with connection.cursor() as cursor:
        return connection.introspection.get_table_list(cursor)


# --- introspection ----------------------------------------------------------------------------------------------------


def test_every_field_is_recognised() -> None:
    described = columns("django_project_everything")
    found = {
        name: connection.introspection.get_field_type(column.type_code, column) for name, column in described.items()
    }
    expected = {
        field.column: field.output_field.get_internal_type()
        if field.generated
        else {"OneToOneField": "BigIntegerField"}.get(field.get_internal_type(), field.get_internal_type())
        for field in Everything._meta.local_fields
    }
    assert found == expected
    assert (described["char"].display_size, described["decimal"].precision, described["decimal"].scale) == (17, 12, 3)
    assert {name for name, column in described.items() if column.null_ok} == {
        "nullable_boolean",
        "lowered",
        "author_id",
    }


def test_inspectdb_gives_the_models_back() -> None:
    text = output("inspectdb", "django_project_everything", "django_project_book", "django_project_author")
    for line in (
        "id = models.BigAutoField(primary_key=True)",
        "positive_small = models.PositiveSmallIntegerField()",
        "positive_big = models.PositiveBigIntegerField()",
        "nullable_boolean = models.BooleanField(blank=True, null=True)",
        "char = models.CharField(max_length=17)",
        "decimal = models.DecimalField(max_digits=12, decimal_places=3)",
        "duration = models.DurationField()",
        "uuid = models.UUIDField(unique=True)",
        "json = models.JSONField()",
        "author = models.OneToOneField('DjangoProjectAuthor', models.DO_NOTHING, blank=True, null=True)",
        "unique_together = (('small', 'big'),)",
        "author = models.ForeignKey('DjangoProjectAuthor', models.DO_NOTHING)",
        "name = models.CharField(unique=True, max_length=100)",
        "unique_together = (('author', 'title'),)",
    ):
        assert line in text
    assert "# Unable" not in text


def test_a_table_that_is_not_there() -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match='table "nowhere" does not exist'):
        connection.introspection.get_table_description(cursor, "nowhere")


def test_a_table_that_is_not_there_has_no_constraints() -> None:
    with connection.cursor() as cursor:
        assert connection.introspection.get_constraints(cursor, "nowhere") == {}
        assert connection.introspection.get_relations(cursor, "nowhere") == {}
        assert connection.introspection.get_sequences(cursor, "nowhere") == []
        assert connection.introspection.get_primary_key_columns(cursor, "nowhere") is None


# --- commands ---------------------------------------------------------------------------------------------------------


def schema_of_everything() -> dict[str, Any]:
    with connection.cursor() as cursor:
        return {
            name: (
                connection.introspection.get_table_description(cursor, name),
                connection.introspection.get_constraints(cursor, name),
            )
            for name in connection.introspection.table_names(cursor)
        }


def test_all_migrations_backward_and_forward_again() -> None:
    before = schema_of_everything()
    labels = sorted(MigrationExecutor(connection).loader.migrated_apps)
    try:
        for label in labels:
            call_command("migrate", label, "zero", verbosity=0)
        assert connection.introspection.table_names() == ["cache_entries", "django_migrations"]
    finally:
        call_command("migrate", verbosity=0)
    after = schema_of_everything()
    assert after == before


def test_sqlmigrate_prints_what_is_run() -> None:
    sql = output("sqlmigrate", "auth", "0001")
    assert sql.startswith("BEGIN;")
    assert '"username" varchar(30) NOT NULL UNIQUE' in sql
    assert 'REFERENCES "auth_permission" ("id") DEFERRABLE INITIALLY DEFERRED;' in sql
    assert "DROP TABLE" in output("sqlmigrate", "auth", "0001", backwards=True)


def test_sqlmigrate_prints_what_alters_a_table_to_come() -> None:
    operations = (
        CreateModel("node", [("id", models.AutoField(primary_key=True)), ("name", models.TextField(unique=True))]),
        AlterField("node", "name", models.CharField(max_length=9)),
        AlterField("node", "id", models.BigAutoField(primary_key=True)),
    )
    migration = Migration("0001", "trees")
    migration.operations = list(operations)
    with connection.schema_editor(collect_sql=True) as editor:
        migration.apply(ProjectState(), editor, collect_sql=True)
    assert 'ALTER TABLE "trees_node" ALTER COLUMN "name" TYPE varchar(9) USING "name"::varchar;' in editor.collected_sql


def test_flush() -> None:
    Author.objects.create(name="Ada")
    assert "TRUNCATE" in output("sqlflush")
    call_command("flush", interactive=False, verbosity=0)
    assert not Author.objects.exists()


def test_sequences_need_no_reset() -> None:
    assert output("sqlsequencereset", "django_project").strip() in ("", "No sequences found.")


def test_fixtures_are_loaded_and_dumped() -> None:
    call_command("loaddata", "library", verbosity=0)
    assert Book.objects.get().author.name == "Jane"
    assert '"title": "Emma"' in output("dumpdata", "django_project")
    assert Author.objects.create(name="next").pk > 70


def test_the_cache_table() -> None:
    assert "CREATE TABLE" in output("createcachetable", dry_run=True) or "cache_entries" in str(_tables())
    call_command("createcachetable", verbosity=0)
    cache.set("key", {"value": 1})
    assert cache.get("key") == {"value": 1}
    assert cache.add("key", 2) is False
    cache.set_many({f"k{i}": i for i in range(400)})
    assert cache.get("k399") == 399
    cache.clear()
    assert cache.get("key") is None
