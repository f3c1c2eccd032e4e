"""Conflicts: what is run again, how often, what is not, and how that can be seen."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, TestCase, override_settings
from django.urls import path
from django_project.models import Author

from django_zodb import errors, middleware
from django_zodb import transaction as retrying
from django_zodb.middleware import ReplayMiddleware, replayable
from django_zodb.storage.database import Database
from django_zodb.storage.open import Location
from django_zodb.transaction import ATTEMPTS, attempts, retry

in_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0)


@pytest.fixture
def author(transactional_db: None) -> Author:
    return Author.objects.create(name="Ada")


def elsewhere(work: Callable[[], Any]) -> None:
    """Do the work in another thread, with a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def rename(author: Author, rivals: Iterator[str]) -> str:
    """Append to the name; before that, whoever is left among the rivals does so, too."""
    name = Author.objects.get(pk=author.pk).name
    rival = next(rivals, None)
    if rival is not None:
        elsewhere(lambda: Author.objects.filter(pk=author.pk).update(name=name + rival))
    Author.objects.filter(pk=author.pk).update(name=name + "!")
    return name + "!"


def stored(author: Author) -> str:
    return Author.objects.get(pk=author.pk).name


# --- errors -----------------------------------------------------------------------------------------------------------


def test_a_conflict_at_the_commit_is_retryable(author: Author) -> None:
    with pytest.raises(OperationalError) as caught, transaction.atomic():
        rename(author, iter("?"))
    assert type(caught.value) is OperationalError
    assert caught.value.retryable is True  # type: ignore[attr-defined]
    assert caught.value.alias == "default"  # type: ignore[attr-defined]
    assert stored(author) == "Ada?"


def test_a_conflict_in_a_statement_is_retryable(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise errors.ConflictError("somebody was faster")

    with transaction.atomic():
        table = connection.connection.session.catalog.table(Author._meta.db_table)
        monkeypatch.setattr(table, "update_many", fail)
        with pytest.raises(OperationalError, match="somebody was faster") as caught:
            Author.objects.filter(pk=author.pk).update(name="x")
        monkeypatch.undo()
    assert caught.value.retryable is True  # type: ignore[attr-defined]


def test_other_errors_are_not_retryable(author: Author) -> None:
    with pytest.raises(IntegrityError) as caught:
        Author.objects.create(pk=author.pk, name="Eve")
    assert caught.value.retryable is False  # type: ignore[attr-defined]


def make_or_find(names: Iterator[str]) -> bool:
    """Whether ``get_or_create`` made the author; before that, whoever is left among the rivals does."""
    assert not Author.objects.filter(name="Eve").exists()  # now there is a snapshot
    rival = next(names, None)
    if rival is not None:
        elsewhere(lambda: Author.objects.create(name=rival))
    return Author.objects.get_or_create(name="Eve")[1]


def test_the_key_of_another_that_is_met_at_the_commit_is_retryable(author: Author) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make_or_find(iter(["Eve"]))
    assert caught.value.retryable is True  # type: ignore[attr-defined]
    assert Author.objects.filter(name="Eve").count() == 1


def test_retry_finds_what_another_has_made(author: Author) -> None:
    rivals = iter(["Eve"])

    @retry
    def find() -> bool:
        if Author.objects.filter(name="Eve").exists():
            return Author.objects.get_or_create(name="Eve")[1]
        return make_or_find(rivals)

    assert find() is False
    assert Author.objects.filter(name="Eve").count() == 1


# --- functions and blocks ---------------------------------------------------------------------------------------------


def test_retry_runs_a_function_again(author: Author, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "django_zodb")
    before = connection.stats()  # type: ignore[attr-defined]
    rivals = iter("12")
    assert retry(rename)(author, rivals) == "Ada12!"
    assert stored(author) == "Ada12!"
    after = connection.stats()  # type: ignore[attr-defined]
    assert after["retries"] - before["retries"] == 2
    assert after["conflicts"] - before["conflicts"] == 2
    assert after["commits"] - before["commits"] == 3
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert f"rename: attempt 1 of {ATTEMPTS} met a conflict, run again" in caplog.text


def test_a_block_is_run_again(author: Author) -> None:
    rivals = iter("12")
    numbers = []
    for attempt in attempts():
        with attempt:
            numbers.append(attempt.number)
            rename(author, rivals)
    assert numbers == [1, 2, 3]
    assert stored(author) == "Ada12!"


def test_attempts_are_bounded(author: Author, caplog: pytest.LogCaptureFixture) -> None:
    rivals = iter("1234567890")
    with pytest.raises(OperationalError, match="another transaction"):
        retry(limit=3)(rename)(author, rivals)
    assert "".join(rivals) == "4567890"
    assert stored(author) == "Ada123"
    assert "given up after 3 attempts" in caplog.text
    with pytest.raises(ValueError, match="at least one"):
        retry(limit=0)(rename)


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("django_zodb.chance.CHANCE.uniform", lambda low, high: (low, high)[1])
    for attempt in range(1, 12):
        retrying.pause(attempt)
    assert slept[:3] == [0.005, 0.01, 0.02]
    assert max(slept) == 0.5


def test_other_errors_end_it_at_once(author: Author) -> None:
    calls = []

    @retry
    def fail() -> None:
        calls.append(1)
        Author.objects.filter(pk=author.pk).update(name="lost")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fail()
    assert len(calls) == 1
    assert stored(author) == "Ada"


def test_hooks_run_once(author: Author) -> None:
    rivals, ran = iter("12"), []

    @retry
    def work() -> None:
        transaction.on_commit(lambda: ran.append(stored(author)))
        rename(author, rivals)

    work()
    assert ran == ["Ada12!"]


@pytest.mark.parametrize("writes", [True, False])
def test_what_a_hook_raises_does_not_repeat_the_work(author: Author, writes: bool) -> None:
    calls = []

    @retry
    def work() -> None:
        calls.append(1)
        if writes:
            Author.objects.create(name="once")
        else:
            stored(author)

        def fail() -> None:
            error = OperationalError("a conflict of the hook's own")
            error.retryable = True  # type: ignore[attr-defined]
            raise error

        transaction.on_commit(fail)

    with pytest.raises(OperationalError, match="hook's own"):
        work()
    assert len(calls) == 1
    assert Author.objects.filter(name="once").count() == writes


def test_within_another_one_it_is_a_part(author: Author) -> None:
    rivals, calls = iter("1"), []

    @retry
    def inner() -> None:
        calls.append("inner")
        rename(author, rivals)

    @retry
    def outer() -> None:
        calls.append("outer")
        inner()

    outer()
    assert calls == ["outer", "inner"] * 2
    assert stored(author) == "Ada1!"


def test_within_a_plain_transaction_it_is_refused(author: Author) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        retry(rename)(author, iter(""))
    assert stored(author) == "Ada"
    retry(rename)(author, iter(""))
    assert stored(author) == "Ada!"


class InTestCase(TestCase):
    def test_retry_works_within_a_test_case(self) -> None:
        author = Author.objects.create(name="Ada")
        with self.captureOnCommitCallbacks() as callbacks:
            assert retry(rename)(author, iter("")) == "Ada!"
        assert callbacks == []


def test_many_threads_count_right(author: Author) -> None:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.005)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                retry(limit=100)(rename)(author, iter(""))
        except OperationalError as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    monkeypatch.undo()
    assert failures == []
    assert stored(author) == "Ada" + "!" * 80


def test_a_forked_child_counts_for_itself() -> None:
    database = Database.open(":memory:fork")
    database.statistics.count("retries")
    with database.statistics._lock:  # as a thread of the parent may have it, which the child has not
        child = os.fork()
        if child == 0:
            try:
                database.statistics.count("retries")
            finally:
                os._exit(database.statistics.retries)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    database.close()


# --- autocommit -------------------------------------------------------------------------------------------------------


def test_a_statement_outside_a_transaction_is_bounded(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    def fail() -> None:
        raise errors.ConflictError("always")

    before = connection.stats()["retries"]  # type: ignore[attr-defined]
    with monkeypatch.context() as patched, pytest.raises(OperationalError, match="always") as caught:
        patched.setattr("time.sleep", slept.append)
        patched.setattr(connection.connection.session, "_commit_changes", fail)
        Author.objects.create(name="never")
    assert caught.value.retryable is True  # type: ignore[attr-defined]
    assert connection.stats()["retries"] - before == 19 == len(slept)  # type: ignore[attr-defined]
    assert sum(slept) < 0.2
    assert len(set(slept)) == len(slept), "pauses differ by chance"


def test_a_statement_over_a_server_is_bounded_by_the_time_out(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, no lock lets an attempt through, and a number of them that is enough today is not on a busy machine."""
    now = [1000.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    def fail() -> None:
        raise errors.ConflictError("always")

    with monkeypatch.context() as patched, pytest.raises(OperationalError, match="always"):
        patched.setattr("time.sleep", sleep)
        patched.setattr("time.monotonic", lambda: now[0])
        patched.setattr(Location, "ordered", False)
        patched.setattr(connection.connection.session, "_commit_changes", fail)
        Author.objects.create(name="never")
    timeout = connection.connection.session.database.options.timeout
    assert timeout <= sum(slept) <= timeout + 0.2
    assert max(slept) <= 0.2


# --- requests ---------------------------------------------------------------------------------------------------------

RIVALS: list[str] = []
SEEN: list[Any] = []


def view(request: HttpRequest) -> HttpResponse:
    SEEN.append((request.POST.get("word"), [upload.read() for upload in request.FILES.values()]))
    author = Author.objects.get()
    rivals = iter([RIVALS.pop()] if RIVALS else [])
    return HttpResponse(rename(author, rivals))


@replayable
def marked(request: HttpRequest) -> HttpResponse:
    return view(request)


@replayable
def streaming(request: HttpRequest) -> HttpResponse:
    SEEN.append(request.read())
    rename(Author.objects.get(), iter([RIVALS.pop()]))
    return HttpResponse("done")


def committing(request: HttpRequest) -> HttpResponse:
    Author.objects.create(name=f"extra {len(SEEN)}")
    SEEN.append(None)
    error = OperationalError("a conflict")
    error.retryable = True  # type: ignore[attr-defined]
    raise error


urlpatterns = [
    path("plain/", view),
    path("marked/", marked),
    path("streaming/", streaming),
    path("committing/", committing),
]


@pytest.fixture
def client(author: Author) -> Iterator[Client]:
    RIVALS.clear()
    SEEN.clear()
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["django_zodb.middleware.ReplayMiddleware"]):
        yield Client(raise_request_exception=False)
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = False


def test_a_safe_request_is_replayed(client: Client, author: Author) -> None:
    RIVALS[:] = "21"
    before = connection.stats()["retries"]  # type: ignore[attr-defined]
    response = client.get("/plain/")
    assert (response.status_code, response.content) == (200, b"Ada12!")
    assert stored(author) == "Ada12!"
    assert connection.stats()["retries"] - before == 2  # type: ignore[attr-defined]


def test_replays_are_bounded(client: Client, author: Author, caplog: pytest.LogCaptureFixture) -> None:
    RIVALS[:] = "7654321"
    assert client.get("/plain/").status_code == 500
    assert RIVALS == ["7", "6"]
    assert stored(author) == "Ada12345"
    assert f"GET /plain/: given up after {ReplayMiddleware.limit} runs" in caplog.text


def test_other_requests_only_if_the_view_says_so(client: Client, author: Author) -> None:
    RIVALS[:] = "1"
    assert client.post("/plain/", {"word": "x"}).status_code == 500
    assert len(SEEN) == 1
    RIVALS[:] = "2"
    upload = SimpleUploadedFile("a.txt", b"content")
    response = client.post("/marked/", {"word": "x", "file": upload})
    assert response.content == b"Ada12!"
    assert SEEN[1:] == [("x", [b"content"])] * 2


def test_a_body_that_was_read_as_a_stream_is_gone(client: Client) -> None:
    RIVALS[:] = "1"
    assert client.post("/streaming/", b"text", "text/plain").status_code == 500
    assert SEEN == [b"text"]


def test_what_has_committed_is_not_replayed(client: Client) -> None:
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = False
    assert client.get("/committing/").status_code == 500
    assert len(SEEN) == 1
    assert Author.objects.filter(name="extra 0").exists()


def test_other_exceptions_pass(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        SEEN.append(None)
        raise ZeroDivisionError

    monkeypatch.setattr(urlpatterns[0], "callback", broken)
    assert client.get("/plain/").status_code == 500
    assert len(SEEN) == 1


def test_a_subclass_may_widen_what_is_replayed() -> None:
    class Bold(ReplayMiddleware):
        methods = ReplayMiddleware.methods | {"POST"}

    request = HttpRequest()
    request.method = "POST"
    assert Bold(lambda request: HttpResponse()).may_replay(request)
    assert not ReplayMiddleware(lambda request: HttpResponse()).may_replay(request)
    assert middleware.replayable(view) is view
