"""Transactions that are run again when another one was faster: ``retry`` for functions, ``attempts`` for blocks.

A conflict is an ``OperationalError`` whose ``retryable`` is True: another transaction has changed a row that this one
wrote, locked or relied on. Nothing of this one is left, so that it can be run again from its first statement, and only
from there: what it has read is out of date. What it does elsewhere (mail, files) belongs into ``on_commit`` hooks,
which run once, after the commit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial, wraps
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from .chance import CHANCE

ATTEMPTS = 10
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.5

logger = logging.getLogger("django_zodb")

_P = ParamSpec("_P")
_T = TypeVar("_T")


def is_retryable(error: BaseException | None) -> bool:
    """Whether the transaction that met ``error`` may succeed if it is run again."""
    return bool(getattr(error, "retryable", False))


def pause(attempt: int) -> None:
    """Wait after the failure of that attempt (1, 2, …): longer each time, and by chance, so that rivals part."""
    time.sleep(CHANCE.uniform(0, min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S)))


def note_retry(what: str, attempt: int, limit: int, error: BaseException) -> None:
    """Log that ``what`` is run again after that attempt failed, and count it in ``connection.stats()``."""
    logger.info("%s: attempt %d of %d met a conflict, run again: %s", what, attempt, limit, error)
    alias = getattr(error, "alias", None)
    if alias is not None:
        connections[alias].count_retry()  # type: ignore[attr-defined]  # only ours name their alias


class Attempt:
    """One run of a block in ``attempts``, in a transaction of its own. As a context manager it swallows a conflict."""

    def __init__(self, using: str, number: int, limit: int, what: str) -> None:
        self.number = number
        """1 for the first attempt."""
        self.done = False
        """Whether there is nothing to be run again: the block was committed."""
        self._limit = limit
        self._what = what
        self._connection: Any = connections[using]
        # Within a block that is run again as a whole, this one is a part of it, and conflicts are the whole's matter.
        self._inner = getattr(self._connection, "retrying", False) and self._connection.in_atomic_block
        self._atomic = transaction.atomic(using=using, durable=not self._inner)

    def __enter__(self) -> Attempt:
        self._atomic.__enter__()
        if not self._inner:
            self._commits = getattr(self._connection, "commits", 0)
            self._connection.retrying = True
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        try:
            self._atomic.__exit__(exc_type, error, traceback)
        except Exception as failure:
            if self._again(failure):
                return True
            raise
        finally:
            if not self._inner:
                self._connection.retrying = False
        if error is not None:
            return self._again(error)
        self.done = True
        return False

    def _again(self, error: BaseException) -> bool:
        """Whether to run the block again; after a pause."""
        # What fails after the commit is an on_commit hook: running the block again would do its work twice.
        if self._inner or not is_retryable(error) or getattr(self._connection, "commits", 0) != self._commits:
            return False
        if self.number >= self._limit:
            logger.warning("%s: given up after %d attempts: %s", self._what, self._limit, error)
            return False
        note_retry(self._what, self.number, self._limit, error)
        pause(self.number)
        return True


def attempts(using: str = DEFAULT_DB_ALIAS, limit: int = ATTEMPTS, what: str = "a block") -> Iterator[Attempt]:
    """Run a block in a transaction, again while it meets conflicts, ``limit`` times at most::

        for attempt in attempts():
            with attempt:
                account = Account.objects.get(pk=1)
                ...

    The last conflict is raised, and at once every other exception. The block must be the outermost transaction, or
    within another one of this module, which is then run again as a whole; RuntimeError within a plain ``atomic()``.
    """
    if limit < 1:
        raise ValueError(f"at least one attempt is needed, got {limit}")
    for number in range(1, limit + 1):
        attempt = Attempt(using, number, limit, what)
        yield attempt
        if attempt.done:
            return


@overload
def retry(function: Callable[_P, _T], /) -> Callable[_P, _T]: ...
@overload
def retry(
    *, using: str = DEFAULT_DB_ALIAS, limit: int = ATTEMPTS
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]: ...
def retry(
    function: Callable[..., Any] | None = None, /, *, using: str = DEFAULT_DB_ALIAS, limit: int = ATTEMPTS
) -> Any:
    """Decorate a function to run in a transaction, again while it meets conflicts; as ``attempts``.

    ``@retry`` or ``@retry(using="other", limit=3)``.
    """
    if function is None:
        return partial(_retrying, using=using, limit=limit)
    return _retrying(function, using=using, limit=limit)


def _retrying(function: Callable[_P, _T], using: str, limit: int) -> Callable[_P, _T]:
    if limit < 1:
        raise ValueError(f"at least one attempt is needed, got {limit}")

    @wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for attempt in attempts(using, limit, function.__qualname__):
            with attempt:
                result = function(*args, **kwargs)
        return result

    return run
