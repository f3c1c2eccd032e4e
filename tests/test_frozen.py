"""Projects' tests freeze time; freezegun's classes then stand in for those of ``datetime``, and are never stored.

What is asserted about rows holds on SQLite, too.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps.registry import Apps
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F, Max
from django.db.models.functions import Cast, ExtractHour, Now, Trunc, TruncDate, TruncMonth
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from django_zodb import dbapi

WHEN = "2012-01-14 12:30:01.000003"
INSTANT = dt.datetime(2012, 1, 14, 12, 30, 1, 3, dt.UTC)
TODAY = INSTANT.date()
HOUR = dt.timedelta(hours=1)
ALIAS = "frozen"

Freeze = Callable[[str], AbstractContextManager[Any]]
FREEZERS: dict[str, Freeze] = {"freezegun": freeze_time, "time-machine": lambda to: time_machine.travel(to, tick=False)}


class Event(models.Model):
    at = models.DateTimeField(db_index=True)
    added = models.DateTimeField(auto_now_add=True)
    day = models.DateField(auto_now=True, db_index=True)
    document = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        apps = Apps()
        app_label = "frozen"
        indexes = [models.Index(F("at").desc(), name="latest")]


@pytest.fixture(params=FREEZERS)
def freeze(request: pytest.FixtureRequest) -> Freeze:
    return FREEZERS[request.param]


def make_connection(engine: str, file: Path) -> BaseDatabaseWrapper:
    settings = {**connection.settings_dict, "ENGINE": engine, "NAME": file, "OPTIONS": {}}
    settings["TEST"] = {**settings["TEST"], "NAME": file}
    connections.settings[ALIAS] = settings
    return connections.create_connection(ALIAS)  # type: ignore[no-any-return]


@pytest.fixture(params=["django_zodb", "django.db.backends.sqlite3"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def events(engine: str, tmp_path: Path, django_db_blocker: Any) -> Iterator[Any]:
    """The manager of the events, on a file of its own."""
    with django_db_blocker.unblock():
        connections[ALIAS] = make_connection(engine, tmp_path / "data")
        with connections[ALIAS].schema_editor() as editor:
            editor.create_model(Event)
        yield Event.objects.using(ALIAS)
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]


def reopen() -> None:
    """The next query opens the file anew."""
    connections[ALIAS].close()


# --- rows ----------------------------------------------------------------------------------------------------------


def test_rows_are_written_and_found(freeze: Freeze, events: Any) -> None:
    with freeze(WHEN):
        now = timezone.now()
        assert now == INSTANT
        first = events.create(at=now)
        events.bulk_create(Event(at=now + HOUR * number) for number in (1, -1))
        assert events.get(at=now) == first
        assert events.get(at=timezone.now(), added=now, day=dt.date.today()).day == TODAY
        later = events.filter(at__gt=now - HOUR / 2).order_by("-at")
        assert list(later.values_list("at", flat=True)) == [INSTANT + HOUR, INSTANT]
        assert events.filter(at__range=(now - HOUR, now)).count() == 2
        assert events.filter(at__date=dt.date.today()).count() == 3
        assert events.aggregate(latest=Max("at")) == {"latest": INSTANT + HOUR}
        assert events.filter(day=dt.date.today()).update(at=F("at") + HOUR) == 3
        assert events.filter(pk=first.pk).update(at=timezone.now()) == 1
        first.refresh_from_db()
        assert first.at == first.added == INSTANT
        assert isinstance(first.at, dt.datetime)
        assert isinstance(first.day, dt.date)
        assert not isinstance(first.day, dt.datetime)
        assert timezone.now() - first.at == dt.timedelta(0)
        first.save(using=ALIAS)
        assert events.filter(at__lte=timezone.now()).delete()[0] == 2


def test_rows_are_plain_when_time_goes_on(freeze: Freeze, events: Any) -> None:
    """Many, so that inner nodes of the indexes hold times, and a few, whose index is a single leaf."""
    with freeze(WHEN):
        events.create(at=timezone.now())
        reopen()
        events.bulk_create(Event(at=timezone.now() + HOUR * number) for number in range(1, 5000))
        reopen()
        assert events.get(at=timezone.now() + 4000 * HOUR).day == TODAY
        assert events.filter(at__gte=timezone.now() + 4000 * HOUR).count() == 1000
    reopen()
    assert events.order_by("-at").first().at == INSTANT + 4999 * HOUR
    row = events.get(at=INSTANT + 4000 * HOUR)
    assert [type(value) for value in (row.at, row.added, row.day)] == [dt.datetime, dt.datetime, dt.date]
    assert (row.added, row.day) == (INSTANT, TODAY)
    assert events.filter(day=TODAY).count() == 5000
    assert events.filter(day__lt=TODAY).count() == 0


def test_what_is_written_before_is_found_and_changed(freeze: Freeze, events: Any) -> None:
    events.bulk_create(Event(at=INSTANT + HOUR * number) for number in range(100))
    with freeze(WHEN):
        assert events.get(at=timezone.now() + HOUR).at == INSTANT + HOUR
        reopen()
        with transaction.atomic(ALIAS):
            assert events.filter(at__gt=timezone.now() + 50 * HOUR).update(at=timezone.now(), day=dt.date.today()) == 49
            assert events.filter(at=timezone.now()).count() == 50
    assert events.filter(at=INSTANT).count() == 50
    assert events.filter(day=TODAY).count() == 49


@pytest.mark.parametrize("engine", ["django_zodb"], indirect=True)
@pytest.mark.parametrize("rows", [1, 40, 3000])
def test_nothing_in_the_file_names_what_stands_in(events: Any, tmp_path: Path, rows: int) -> None:
    with freeze_time(WHEN):
        for start in range(0, rows, 500):
            events.bulk_create(Event(at=timezone.now() + HOUR * n) for n in range(start, min(start + 500, rows)))
        copy = shutil.copy(tmp_path / "data", tmp_path / "copy")
        assert_all_found(copy, rows)
    assert b"freezegun" not in copy.read_bytes()
    copy = shutil.copy(copy, tmp_path / "another")  # opened after the freeze, so that nothing is known of it
    assert_all_found(copy, rows)


def assert_all_found(file: Path, rows: int) -> None:
    with dbapi.connect(file) as database, database.cursor() as cursor:
        search = "SELECT id, day FROM frozen_event WHERE at = %s"
        assert "IndexLookup" in str(cursor.execute(f"EXPLAIN {search}", (INSTANT,)).fetchall())
        for number in range(rows):
            row = (number + 1, TODAY)
            assert cursor.execute(search, (INSTANT + HOUR * number,)).fetchall() == [row]


def test_functions(freeze: Freeze, events: Any) -> None:
    with freeze(WHEN):
        events.create(at=timezone.now(), document={"day": dt.date.today(), "at": timezone.now()})
        found = events.annotate(
            hour=Trunc("at", "hour"),
            month=TruncMonth("at"),
            date=TruncDate("at"),
            number=ExtractHour("at"),
            text=Cast(Cast("day", models.DateField()), models.CharField(max_length=10)),
            value=models.Value(timezone.now(), models.DateTimeField()),
            day_value=models.Value(dt.date.today()),
        ).get(at__date=dt.date.today(), at__hour=12)
        assert (found.hour, found.number) == (INSTANT.replace(minute=0, second=0, microsecond=0), 12)
        assert found.month == dt.datetime(2012, 1, 1, tzinfo=dt.UTC)
        assert (found.date, found.text, found.value, found.day_value) == (TODAY, "2012-01-14", INSTANT, TODAY)
        assert found.document == {"day": "2012-01-14", "at": "2012-01-14T12:30:01.000Z"}
        assert list(events.datetimes("at", "minute")) == [INSTANT.replace(second=0, microsecond=0)]
        assert list(events.dates("day", "week")) == [dt.date(2012, 1, 9)]
        assert events.filter(at__lte=Now()).exists()


# --- the driver ----------------------------------------------------------------------------------------------------


def test_parameters_of_the_driver(freeze: Freeze, tmp_path: Path) -> None:
    with dbapi.connect(tmp_path / "data") as database, database.cursor() as cursor:
        cursor.execute("CREATE TABLE event (at timestamp PRIMARY KEY, day date UNIQUE)")
        with freeze(WHEN):
            values = (dt.datetime.now(dt.UTC), dt.date.today())
            cursor.execute("INSERT INTO event VALUES (%s, %s)", values)
            database.commit()
            assert cursor.execute("SELECT day FROM event WHERE at = %s AND day = %s", values).fetchall() == [(TODAY,)]
            answers = [
                cursor.execute(text, params).fetchone()
                for text, params in (
                    ("SELECT at, day FROM event", ()),
                    ("SELECT %s, %s", values),
                    ("SELECT COALESCE(NULL, %s), CAST(%s AS date)", values),
                    ("SELECT * FROM (VALUES (%s, %s)) AS t", values),
                    ("SELECT CAST(%s AS timestamp) + INTERVAL '0 days', %s", values),
                    ("SELECT NOW(), CURRENT_DATE", ()),
                )
            ]
        assert answers == [(INSTANT, TODAY)] * len(answers)
        assert [tuple(map(type, answer)) for answer in answers] == [(dt.datetime, dt.date)] * len(answers)


def test_deadlines_do_not_wait_for_a_frozen_clock() -> None:
    first, second = (dbapi.connect(":memory:deadlines", timeout=0.2) for _ in range(2))
    first.cursor().execute("CREATE TABLE book (id bigint PRIMARY KEY)").execute("INSERT INTO book VALUES (1)")
    first.commit()
    with freeze_time(WHEN):
        first.cursor().execute("SELECT id FROM book FOR UPDATE")
        with pytest.raises(dbapi.OperationalError, match="locked"):
            second.cursor().execute("SELECT id FROM book FOR UPDATE")
    first.close()
    second.close()


# --- Django's own apps ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_login_and_sessions(freeze: Freeze) -> None:
    user = User.objects.create_user("ada", password="x")
    with freeze(WHEN):
        client = Client()
        assert client.login(username="ada", password="x")
        user.refresh_from_db()
        assert user.last_login == INSTANT
        key = client.session.session_key
        assert SessionStore(key).load()["_auth_user_id"] == str(user.pk)
        store = SessionStore()
        store.set_expiry(60)
        store["seen"] = 1
        store.save()
    with freeze("2012-01-14 12:31:00"):
        assert SessionStore(store.session_key).load() == {"_session_expiry": 60, "seen": 1}
    with freeze("2012-01-14 12:31:02"):
        assert SessionStore(store.session_key).load() == {}
        assert SessionStore(key).exists(key)
        SessionStore.clear_expired()
        assert SessionStore(key).exists(key)
    SessionStore.clear_expired()
    assert not SessionStore(key).exists(key)
    connection.close()
    assert User.objects.get(last_login__lt=timezone.now()).last_login == INSTANT


@pytest.mark.django_db
def test_migrations_are_recorded(freeze: Freeze) -> None:
    with freeze(WHEN):
        recorder = MigrationRecorder(connection)
        recorder.record_applied("frozen", "0001_initial")
        assert recorder.migration_qs.get(app="frozen").applied == INSTANT
