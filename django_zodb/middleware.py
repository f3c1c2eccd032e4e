"""A middleware that runs a request again when its transaction met a conflict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from .transaction import is_retryable, logger, note_retry, pause

_View = TypeVar("_View", bound=Callable[..., Any])


def replayable(view: _View) -> _View:
    """Mark a view whose requests may be run again whatever their method: it acts on the database alone."""
    view.zodb_replayable = True  # type: ignore[attr-defined]
    return view


class ReplayMiddleware:
    """Runs a request again, ``limit`` times in all at most, if its view raises a retryable error.

    It belongs last in ``MIDDLEWARE``: what stands after it is run again, too. A request is run again only if it may
    be (``may_replay``: its method is a safe one, or its view is ``replayable``), and if it has committed nothing, as
    is so where the view runs in one transaction (``ATOMIC_REQUESTS``). The transaction has been rolled back by then.
    """

    limit = 5
    methods = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request by its first run that met no conflict."""
        run = request.zodb_run = _Run(request)  # type: ignore[attr-defined]
        while True:
            response = self.get_response(request)
            error = run.conflict
            if error is None:
                return response
            note_retry(f"{request.method} {request.path}", run.number, self.limit, error)
            pause(run.number)
            run.again()

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django's hook, called when the view has failed and its transaction is over. None: the error goes its way."""
        run: _Run = request.zodb_run  # type: ignore[attr-defined]
        if not is_retryable(error) or run.has_committed or not run.can_read_again or not self.may_replay(request):
            return None
        if run.number >= self.limit:
            logger.warning("%s %s: given up after %d runs: %s", request.method, request.path, self.limit, error)
            return None
        run.conflict = error
        return HttpResponse(status=503)  # nobody sees it

    def may_replay(self, request: HttpRequest) -> bool:
        """Whether running this request twice does no harm besides what the database takes back."""
        match = request.resolver_match
        return request.method in self.methods or bool(match and getattr(match.func, "zodb_replayable", False))


class _Run:
    """One run of a request, and what the databases had done before it."""

    def __init__(self, request: HttpRequest) -> None:
        self.number = 1
        self.conflict: Exception | None = None
        self._request = request
        self._writes = _writes()

    def again(self) -> None:
        """Begin the next run, with the request as it came."""
        self.number += 1
        self.conflict = None
        self._writes = _writes()
        for _, uploads in self._request.FILES.lists() if self._is_parsed else ():
            for upload in uploads:
                upload.seek(0)

    @property
    def has_committed(self) -> bool:
        """Whether anything was made durable by this thread since the run began."""
        return any(count != self._writes.get(alias, 0) for alias, count in _writes().items())

    @property
    def can_read_again(self) -> bool:
        """Whether the body is still there; a view may have read it as a stream."""
        started, kept = getattr(self._request, "_read_started", False), hasattr(self._request, "_body")
        return not started or kept or (self._is_parsed and self._request.content_type == "multipart/form-data")

    @property
    def _is_parsed(self) -> bool:
        return hasattr(self._request, "_files")


def _writes() -> dict[str, int]:
    """Alias → transactions that this thread's connection has made durable."""
    return {each.alias: each.writes for each in connections.all(initialized_only=True) if hasattr(each, "writes")}
