"""What a Django backend owes, one test each: settings, transactions, connections, time zones, errors, threads."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import random
import threading
import zoneinfo
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
import pytest
from django.apps.registry import Apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.color import no_style
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    models,
    transaction,
)
from django.db.backends.base.features import BaseDatabaseFeatures
from django.db.backends.signals import connection_created
from django.db.migrations import Migration, operations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from django.db.transaction import TransactionManagementError
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django_project.models import Author, Book, Node

from django_zodb.base import DatabaseWrapper
from django_zodb.errors import ConflictError

pytestmark = pytest.mark.django_db
in_commits = pytest.mark.django_db(transaction=True)


def make_wrapper(name: object = ":memory:", alias: str = "default", **settings: Any) -> DatabaseWrapper:
    """A connection of its own."""
    return DatabaseWrapper({**connection.settings_dict, "NAME": name, **settings}, alias)


@pytest.fixture
def file_connection(tmp_path: Path) -> Iterator[DatabaseWrapper]:
    wrapper = make_wrapper(tmp_path / "Data.fs")
    yield wrapper
    wrapper.close()


@pytest.fixture
def second() -> Iterator[DatabaseWrapper]:
    """A second connection to the test database."""
    wrapper = connection.copy()
    yield wrapper
    wrapper.close()


def names(wrapper: Any = connection) -> list[str]:
    with wrapper.cursor() as cursor:
        cursor.execute('SELECT "name" FROM "django_project_author" ORDER BY "name"')
        return [name for (name,) in cursor.fetchall()]


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"NAME": ""}, "the database has no name"),
        ({"NAME": None}, "the database has no name"),
        ({"OPTIONS": {"cache_sise": 5}}, "unknown option 'cache_sise'; known options: .*cache_size"),
        ({"OPTIONS": {"cache_size": "5"}}, "option cache_size must be a number of objects, got '5'"),
        ({"OPTIONS": {"isolation": "dirty"}}, "option isolation is one of snapshot, serializable"),
        ({"HOST": "localhost", "PORT": "ten"}, "PORT must be a number"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"settings.DATABASES\['default'\]: {message}"):
        make_wrapper(**{"name": settings.pop("NAME", ":memory:"), **settings}).get_connection_params()


def test_a_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    wrapper = make_wrapper(tmp_path / "nowhere" / "Data.fs")
    with pytest.raises(OperationalError, match="there is no folder"):
        wrapper.ensure_connection()
    assert not (tmp_path / "nowhere").exists()


def test_time_zone_needs_use_tz() -> None:
    with override_settings(USE_TZ=False), pytest.raises(ImproperlyConfigured):
        make_wrapper(TIME_ZONE="Europe/Berlin").connect()


# --- transactions -----------------------------------------------------------------------------------------------------


@in_commits
def test_autocommit_is_seen_by_others(second: DatabaseWrapper) -> None:
    Author.objects.create(name="Ada")
    assert names(second) == ["Ada"]


@in_commits
def test_atomic_is_seen_at_its_end_only(second: DatabaseWrapper) -> None:
    with transaction.atomic():
        Author.objects.create(name="Ada")
        assert names(second) == []
    assert names(second) == ["Ada"]


@in_commits
def test_atomic_rolls_back_rows_and_indexes() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        Author.objects.create(name="Ada")
        raise RuntimeError
    assert names() == []
    Author.objects.create(name="Ada")  # the unique index has nothing of it left


@in_commits
def test_nested_atomic_blocks_are_savepoints() -> None:
    with transaction.atomic():
        Author.objects.create(name="Ada")
        with pytest.raises(IntegrityError), transaction.atomic():
            Author.objects.create(name="Bob")
            Author.objects.create(name="Ada")
        with transaction.atomic():
            Author.objects.create(name="Cyd")
    assert names() == ["Ada", "Cyd"]


def test_a_failed_statement_leaves_nothing_of_itself() -> None:
    Author.objects.create(name="Ada")
    with pytest.raises(IntegrityError, match=r"django_project_author\.name"), transaction.atomic():
        Author.objects.bulk_create([Author(name="Bob"), Author(name="Ada")])
    assert names() == ["Ada"]


@in_commits
def test_durable_refuses_to_be_nested() -> None:
    with transaction.atomic(durable=True):
        Author.objects.create(name="Ada")
        with pytest.raises(RuntimeError, match="durable"), transaction.atomic(durable=True):
            pass


@in_commits
def test_on_commit_runs_after_the_commit_or_not_at_all(second: DatabaseWrapper) -> None:
    seen: list[list[str]] = []
    with transaction.atomic():
        Author.objects.create(name="Ada")
        transaction.on_commit(lambda: seen.append(names(second)))
        with pytest.raises(RuntimeError), transaction.atomic():
            transaction.on_commit(lambda: seen.append(["never"]))
            raise RuntimeError
        assert seen == []
    assert seen == [["Ada"]]


@in_commits
def test_manual_transactions(second: DatabaseWrapper) -> None:
    transaction.set_autocommit(False)
    try:
        Author.objects.create(name="Ada")
        assert names(second) == []
        transaction.rollback()
        Author.objects.create(name="Bob")
        sid = connection.savepoint()
        Author.objects.create(name="Cyd")
        connection.savepoint_rollback(sid)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert names(second) == ["Bob"]


@in_commits
def test_atomic_requests() -> None:
    client = Client(raise_request_exception=False)
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert client.get("/add/Ada").status_code == 200
        logging.disable(logging.CRITICAL)
        assert client.get("/fail/Bob").status_code == 500
    finally:
        logging.disable(logging.NOTSET)
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert names() == ["Ada"]


@in_commits
def test_a_broken_transaction_runs_no_more_queries() -> None:
    with pytest.raises(TransactionManagementError, match="You can't execute queries"), transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic(savepoint=False):
            Author.objects.create(name="Ada")
            Author.objects.create(name="Ada")
        Author.objects.count()
    assert names() == []


@in_commits
def test_ddl_is_rolled_back() -> None:
    class Gone(models.Model):
        class Meta:
            app_label = "django_project"
            apps = Apps()

    with pytest.raises(RuntimeError), connection.schema_editor() as editor:
        editor.create_model(Gone)
        assert "django_project_gone" in connection.introspection.table_names()
        raise RuntimeError
    assert "django_project_gone" not in connection.introspection.table_names()


@in_commits
def test_readers_keep_their_snapshot(second: DatabaseWrapper) -> None:
    Author.objects.create(name="Ada")
    with transaction.atomic():
        assert Author.objects.count() == 1
        with second.cursor() as cursor:
            cursor.execute('INSERT INTO "django_project_author" ("name") VALUES (%s)', ["Bob"])
        assert Author.objects.count() == 1
    assert Author.objects.count() == 2


@in_commits
def test_supports_transactions_is_what_detection_finds() -> None:
    detect = BaseDatabaseFeatures.__dict__["supports_transactions"].func
    assert detect(connection.features) is True
    assert connection.features.supports_transactions is True
    assert "ROLLBACK_TEST" not in [name.upper() for name in connection.introspection.table_names()]


# --- conflicts --------------------------------------------------------------------------------------------------------


@in_commits
def test_a_conflict_is_retryable_at_commit(second: DatabaseWrapper) -> None:
    author = Author.objects.create(name="Ada")
    with pytest.raises(OperationalError) as caught, transaction.atomic():
        Author.objects.filter(pk=author.pk).update(name="Bob")
        with second.cursor() as cursor:
            cursor.execute('UPDATE "django_project_author" SET "name" = %s WHERE "id" = %s', ["Cyd", author.pk])
    assert caught.value.retryable is True  # type: ignore[attr-defined]
    assert isinstance(caught.value.__cause__, ConflictError)
    assert names() == ["Cyd"]


def test_other_errors_are_not_retryable() -> None:
    with pytest.raises(DataError) as caught, transaction.atomic():
        Author.objects.create(name="x" * 101)
    assert caught.value.retryable is False  # type: ignore[attr-defined]
    assert "django_project_author.name" in str(caught.value)


@in_commits
def test_a_key_taken_meanwhile_is_an_integrity_error(second: DatabaseWrapper) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Author.objects.create(name="Ada")
        with second.cursor() as cursor:
            cursor.execute('INSERT INTO "django_project_author" ("name") VALUES (%s)', ["Ada"])


# --- constraints ------------------------------------------------------------------------------------------------------


@in_commits
def test_foreign_keys_are_checked_at_commit() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Node.objects.create(name="child", parent_id=4711)
    assert Node.objects.count() == 0
    with transaction.atomic():
        child = Node.objects.create(name="child", parent_id=4711)
        Node.objects.create(pk=4711, name="parent")
    assert Node.objects.get(pk=child.pk).parent == Node.objects.get(pk=4711)


def test_check_constraints_looks_at_what_is_pending() -> None:
    with transaction.atomic():
        Node.objects.create(name="child", parent_id=4711)
        with pytest.raises(IntegrityError, match="parent_id"):
            connection.check_constraints([Node._meta.db_table])
        transaction.set_rollback(True)
    with transaction.atomic():
        Node.objects.create(name="root")
        connection.check_constraints()


@pytest.mark.parametrize(
    "values",
    [{"price": Decimal("-1")}, {"pages": -1}],
)
def test_check_constraints_of_fields_and_models(values: dict[str, Any]) -> None:
    author = Author.objects.create(name="Ada")
    with pytest.raises(IntegrityError, match="django_project_book"), transaction.atomic():
        Book.objects.create(title="x", author=author, **values)


def test_ids_given_explicitly_move_the_sequence() -> None:
    Author.objects.create(pk=100, name="Ada")
    assert Author.objects.create(name="Bob").pk > 100
    assert connection.ops.sequence_reset_sql(no_style(), [Author, Book]) == []


@in_commits
def test_sequences_can_be_set_back() -> None:
    Author.objects.create(name="Ada")
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, reset_sequences=True))
    assert Author.objects.create(name="Ada").pk == 1
    Author.objects.all().delete()
    with connection.cursor() as cursor:
        sequences = connection.introspection.get_sequences(cursor, "django_project_author")
        for statement in connection.ops.sequence_reset_by_name_sql(no_style(), sequences):
            cursor.execute(statement)
    assert Author.objects.create(name="Ada").pk == 1


# --- migrations -------------------------------------------------------------------------------------------------------


class _Steps(Migration):
    """Creates a table and then fails."""

    initial = True
    operations = [
        operations.CreateModel("Half", [("id", models.AutoField(primary_key=True))]),
        operations.RunSQL("INSERT INTO nowhere VALUES (1)"),
    ]


def _apply(migration: Migration) -> None:
    executor = MigrationExecutor(connection)
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(executor.loader.project_state(), editor)


@in_commits
@pytest.mark.parametrize(
    ("script", "ids"),
    [
        ("UPDATE {t} SET id = id # 8 WHERE id = 1; UPDATE {t} SET id = id # 16 WHERE id = 2", [3, 9, 18]),
        ("UPDATE {t} SET id = 7 WHERE id = 1 AND 'C:\\' > ''; DELETE FROM {t} WHERE id = 2 AND 'a' > ''", [3, 7]),
        ("-- it's nothing; nothing at all", [1, 2, 3]),
        ("INSERT INTO {t} (id) VALUES " + ", ".join(f"({i})" for i in range(4, 6_000)) + ";", list(range(1, 6_000))),
    ],
    ids=["operator", "backslash", "comment", "large"],
)
def test_a_migrations_script_is_read_as_the_engine_reads_it(script: str, ids: list[int]) -> None:
    table = "scripted"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY)")
        try:
            cursor.execute(f"INSERT INTO {table} (id) VALUES (1), (2), (3)")
            with connection.schema_editor() as editor:
                operations.RunSQL(script.format(t=table)).database_forwards("", editor, ProjectState(), ProjectState())
            cursor.execute(f"SELECT id FROM {table} ORDER BY id")
            assert [row[0] for row in cursor.fetchall()] == ids
        finally:
            cursor.execute(f"DROP TABLE {table}")


@in_commits
@pytest.mark.parametrize("atomic", [True, False])
def test_a_failing_migration(atomic: bool) -> None:
    steps = _Steps("0001_steps", "django_project")
    steps.atomic = atomic
    with pytest.raises(ProgrammingError, match="nowhere"):
        _apply(steps)
    existing = connection.introspection.table_names()
    assert ("django_project_half" in existing) is not atomic  # what a non-atomic one did before stays
    if not atomic:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE django_project_half")


# --- connections ------------------------------------------------------------------------------------------------------


def test_connection_created_is_sent(file_connection: DatabaseWrapper) -> None:
    seen: list[object] = []

    def receiver(connection: object, **_: object) -> None:
        seen.append(connection)

    connection_created.connect(receiver)
    try:
        file_connection.ensure_connection()
    finally:
        connection_created.disconnect(receiver)
    assert seen == [file_connection]
    assert file_connection.get_database_version() >= (0,)


def test_the_data_file_stays_open_between_connections(file_connection: DatabaseWrapper) -> None:
    with file_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id integer PRIMARY KEY)")
        cursor.execute("INSERT INTO t VALUES (1)")
    database = file_connection.connection.session.database
    file_connection.close()
    assert file_connection.connection is None
    with file_connection.cursor() as cursor:
        cursor.execute("SELECT id FROM t")
        assert cursor.fetchall() == [(1,)]
    assert file_connection.connection.session.database is database


def test_connections_end_with_their_age_and_after_errors(file_connection: DatabaseWrapper) -> None:
    file_connection.ensure_connection()
    assert file_connection.is_usable()
    file_connection.errors_occurred = True
    file_connection.close_if_unusable_or_obsolete()
    assert file_connection.connection is None  # CONN_MAX_AGE is 0
    file_connection.settings_dict["CONN_MAX_AGE"] = None
    file_connection.ensure_connection()
    file_connection.close_if_unusable_or_obsolete()
    assert file_connection.connection is not None
    file_connection.connection.close()
    assert not file_connection.is_usable()
    file_connection.errors_occurred = True
    file_connection.close_if_unusable_or_obsolete()
    assert file_connection.connection is None


def test_health_checks_replace_a_dead_connection(file_connection: DatabaseWrapper) -> None:
    file_connection.settings_dict.update(CONN_HEALTH_CHECKS=True, CONN_MAX_AGE=None)
    file_connection.ensure_connection()
    file_connection.close_if_unusable_or_obsolete()  # as at the start of a request
    file_connection.connection.close()
    with file_connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_closed_cursor_says_so() -> None:
    with connection.cursor() as cursor:
        pass
    with pytest.raises(InterfaceError):
        cursor.execute("SELECT 1")


@in_commits
def test_threads_have_connections_of_their_own_to_the_database_in_memory() -> None:
    Author.objects.create(name="Ada")
    seen: list[object] = []

    def work() -> None:
        Author.objects.create(name="Bob")
        seen.extend([names(), connections["default"].connection])
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen[0] == ["Ada", "Bob"]
    assert seen[1] is not connection.connection
    assert names() == ["Ada", "Bob"]


@in_commits
def test_a_forked_child_has_its_own_copy_of_a_database_in_memory() -> None:
    Author.objects.create(name="Ada")
    child = os.fork()
    if not child:
        try:
            Author.objects.create(name="Bob")
            os._exit(0 if names() == ["Ada", "Bob"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names() == ["Ada"]


@in_commits
def test_the_asynchronous_orm() -> None:
    async def work() -> list[str]:
        await Author.objects.acreate(name="Ada")
        author = await Author.objects.aget(name="Ada")
        await Book.objects.acreate(title="Notes", author=author)
        return [book.title async for book in Book.objects.filter(author=author)]

    assert asyncio.run(work()) == ["Notes"]


# --- reading while writing --------------------------------------------------------------------------------------------


@in_commits
def test_iterating_while_saving_sees_each_row_once() -> None:
    Node.objects.bulk_create(Node(name=f"n{i:04}") for i in range(1001))
    seen = 0
    for node in Node.objects.order_by("pk").iterator(chunk_size=20):
        node.name += "x"
        node.save()
        Node.objects.create(name="new")
        seen += 1
    assert seen == 1001
    assert Node.objects.filter(name__endswith="x").count() == 1001


@in_commits
def test_iterating_while_deleting_deletes_all() -> None:
    Node.objects.bulk_create(Node(name=f"n{i:04}") for i in range(500))
    for node in Node.objects.iterator(chunk_size=20):
        node.delete()
    assert Node.objects.count() == 0


def test_iterating_within_a_transaction_sees_its_own_rows() -> None:
    with transaction.atomic():
        Node.objects.create(name="mine")
        assert [node.name for node in Node.objects.iterator()] == ["mine"]


# --- time zones -------------------------------------------------------------------------------------------------------

NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def test_timestamps_are_aware_in_utc() -> None:
    author = Author.objects.create(name="Ada")
    Book.objects.create(title="x", author=author, published=NOON.astimezone(BERLIN))
    published = Book.objects.get().published
    assert published == NOON
    assert published is not None and published.tzinfo is dt.UTC


@in_commits
def test_the_time_zone_of_a_connection() -> None:
    author = Author.objects.create(name="Ada")
    Book.objects.create(title="x", author=author, published=NOON)
    wrapper = make_wrapper(connection.settings_dict["NAME"], TIME_ZONE="Europe/Berlin")
    try:
        assert wrapper.timezone == BERLIN
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT published, title FROM django_project_book")
            ((published, title),) = list(cursor)
    finally:
        wrapper.close()
    assert (published, published.tzinfo, title) == (NOON, BERLIN, "x")


def test_without_use_tz_timestamps_are_naive() -> None:
    with override_settings(USE_TZ=False):
        author = Author.objects.create(name="Ada")
        noon = NOON.replace(tzinfo=None)
        Book.objects.create(title="x", author=author, published=noon)
        assert Book.objects.get(published=noon, published__hour=12).published == noon
        assert list(Book.objects.datetimes("published", "day")) == [dt.datetime(2026, 7, 1)]


def test_truncation_gives_local_time() -> None:
    author = Author.objects.create(name="Ada")
    Book.objects.create(title="x", author=author, published=dt.datetime(2026, 6, 30, 23, tzinfo=dt.UTC))
    (day,) = Book.objects.datetimes("published", "day", tzinfo=BERLIN)
    assert (day, day.tzinfo) == (dt.datetime(2026, 7, 1, tzinfo=BERLIN), BERLIN)
    assert Book.objects.filter(published__date=dt.date(2026, 6, 30)).count() == 1


def test_a_date_and_a_duration_are_what_the_output_field_says() -> None:
    book = Book.objects.create(title="x", author=Author.objects.create(name="Ada"), published=dt.datetime.now(dt.UTC))
    day, later = models.functions.TruncDate("published"), dt.timedelta(days=1, hours=3)
    found = Book.objects.annotate(
        date=models.ExpressionWrapper(day + later, models.DateField()),
        moment=models.ExpressionWrapper(day + later, models.DateTimeField()),
    ).get()
    expected = book.published.date() + dt.timedelta(days=1)
    assert (found.date, found.moment) == (expected, dt.datetime.combine(expected, dt.time(3), dt.UTC))
    assert Book.objects.aggregate(last=models.Max(day + later, output_field=models.DateField())) == {"last": expected}


def test_injection_by_a_date_part() -> None:
    from django.db.models.functions import Extract

    with pytest.raises(OperationalError, match="Invalid lookup type"):
        list(Book.objects.annotate(x=Extract("published", "day', 1) OR 1=1 --")))


# --- what is logged ---------------------------------------------------------------------------------------------------


def test_last_executed_query() -> None:
    author = Author.objects.create(name="Ada")
    with CaptureQueriesContext(connection) as context:
        list(Author.objects.filter(name="O'Hara", born=dt.date(2026, 1, 2), pk=author.pk))
    sql = context.captured_queries[0]["sql"]
    assert "\"name\" = 'O''Hara'" in sql
    assert "DATE '2026-01-02'" in sql
    with connection.cursor() as cursor:
        assert connection.ops.last_executed_query(cursor, "SELECT '%'", None) == "SELECT '%'"
        assert connection.ops.last_executed_query(cursor, "SELECT %(a)s", {"a": 1}) == "SELECT 1"
        assert "PARAMS" in connection.ops.last_executed_query(cursor, "SELECT %s", [1, 2])


def test_sql_goes_to_the_logger_and_nothing_to_stdout(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(DEBUG=True), caplog.at_level(logging.DEBUG, "django.db.backends"):
        Author.objects.create(name="Ada")
    assert any("INSERT INTO" in record.getMessage() for record in caplog.records)
    assert capfd.readouterr().out == ""


# --- queries ----------------------------------------------------------------------------------------------------------


def test_explain() -> None:
    author = Author.objects.create(name="Ada")
    plan = Author.objects.filter(pk=author.pk).explain()
    assert "django_project_author" in plan
    assert "def " in Author.objects.filter(pk=author.pk).explain(format="python")
    with pytest.raises(ValueError, match="not a recognized format"):
        Author.objects.explain(format="yaml")
    with pytest.raises(ValueError, match="Unknown options: verbose"):
        Author.objects.explain(verbose=True)


@pytest.mark.parametrize(
    ("lookup", "found"),
    [
        ({"name__contains": "%"}, ["100%_\\"]),
        ({"name__startswith": "100%_\\"}, ["100%_\\"]),
        ({"name__iexact": "ÄRGER"}, ["Ärger"]),
        ({"name__icontains": "rGE"}, ["Ärger"]),
        ({"name__contains": "rGE"}, []),
        ({"name__regex": "^1.0"}, ["100%_\\"]),
        ({"name__iregex": "^äR"}, ["Ärger"]),
        ({"pk__contains": "0"}, ["100%_\\"]),
        ({"name__contains": models.F("name")}, ["100%_\\", "Ärger"]),
        ({"name__istartswith": models.F("name")}, ["100%_\\", "Ärger"]),
    ],
)
def test_text_lookups(lookup: dict[str, Any], found: list[str]) -> None:
    Author.objects.create(pk=10, name="100%_\\")
    Author.objects.create(pk=11, name="Ärger")
    assert list(Author.objects.filter(**lookup).order_by("name").values_list("name", flat=True)) == found


def test_bulk_create_returns_keys_and_resolves_conflicts() -> None:
    created = Author.objects.bulk_create([Author(name=f"a{i}") for i in range(300)])
    assert len({author.pk for author in created}) == 300
    Author.objects.bulk_create([Author(name="a1"), Author(name="new")], ignore_conflicts=True)
    Author.objects.bulk_create(
        [Author(name="a1", born=dt.date(2000, 1, 1))],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["born"],
    )
    assert Author.objects.count() == 301
    assert Author.objects.get(name="a1").born == dt.date(2000, 1, 1)


def test_a_batch_holds_so_many_values() -> None:
    title, year = Book._meta.fields[1:3]
    key = models.CompositePrimaryKey("title", "year")
    key.fields = [title, year]
    objs = range(5000)
    sizes = [connection.ops.bulk_batch_size(each, objs) for each in ([], [title], [title, year], [key], [key, year])]
    assert sizes == [5000, 1000, 500, 500, 333]
    assert connection.ops.bulk_batch_size([title] * 1001, objs) == 1


def test_row_locks_of_files_need_locks_of_ranges(
    file_connection: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_zodb.features.HAS_RANGE_LOCKS", False)
    assert not file_connection.features.has_select_for_update
    assert connection.features.__class__(connection).has_select_for_update, "in memory, threads need none"


def test_ids_go_back_with_a_savepoint() -> None:
    """As on SQLite: each test of a TestCase finds the ids that it would find alone."""
    first = Author.objects.create(name="first").pk
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            made = Author.objects.bulk_create([Author(name="second"), Author(pk=first + 100, name="third")])
            assert (made[0].pk, Author.objects.create(name="fourth").pk) == (first + 101, first + 102)
            raise ZeroDivisionError
    assert Author.objects.create(name="second").pk == first + 1


def test_a_median_as_projects_write_it_for_postgresql() -> None:
    class Median(models.Aggregate):
        function = "PERCENTILE_CONT"
        template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
        if django.VERSION >= (6, 0):  # before, what is filtered follows in any case
            template += "%(filter)s"
        output_field = models.FloatField()

    for name, pages in (("Austen", (100, 400, 200)), ("Borges", (90, 100)), ("Homer", ())):
        author = Author.objects.create(name=name)
        for each in pages:
            Book.objects.create(title=f"{name} {each}", author=author, pages=each)
    long = Median("books__pages", filter=models.Q(books__pages__gt=100))
    found = Author.objects.annotate(median=Median("books__pages"), long=long)
    assert list(found.order_by("name").values_list("median", "long")) == [(200, 300), (95, None), (None, None)]
    assert list(found.filter(median__gt=95).values_list("name", flat=True)) == ["Austen"]
    assert Book.objects.aggregate(median=Median("pages")) == {"median": 100}


def test_the_common_random_numbers_are_left_alone(file_connection: DatabaseWrapper) -> None:
    random.seed(1)
    state = random.getstate()
    with file_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id integer PRIMARY KEY, n integer)")
        cursor.executemany("INSERT INTO t (id, n) VALUES (%s, %s)", [(n, n % 7) for n in range(500)])
        cursor.execute("SELECT n, COUNT(*) FROM t WHERE id > 9 GROUP BY n ORDER BY RANDOM()")
        assert len(cursor.fetchall()) == 7
        for _ in range(100):
            cursor.execute("SELECT n FROM t WHERE n = 3")
    assert random.getstate() == state
