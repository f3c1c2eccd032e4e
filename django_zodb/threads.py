"""What threads share, made so that a forked child can go on, whatever the other threads of its parent were doing.

They do not exist in the child, so that a lock that one of them held would never be free there.

Python tells of a fork where Python itself forks. uWSGI forks its workers in C and tells nothing, unless it is asked to;
who went on with what it inherited there would share its parent's locks, which keep processes apart no more. So whoever
begins to use what must not be shared asks ``notice_fork``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")

_renewals: list[Callable[[], object]] = []
_renewed_in = os.getpid()
_renewing = threading.RLock()
_is_renewing = False


def in_forked_child(renew: Callable[[], object]) -> None:
    """Have ``renew`` called in each forked child, in the order of these calls, before anything inherited is used."""
    _renewals.append(renew)


def notice_fork() -> None:
    """In a forked child that has not been told that it is one: renew what must be. Costs a system call."""
    if os.getpid() != _renewed_in:
        with _renewing:
            if os.getpid() != _renewed_in and not _is_renewing:
                _renew()


def _renew() -> None:
    global _is_renewing, _renewed_in
    _is_renewing = True  # what is collected meanwhile may ask
    try:
        for renew in _renewals:
            renew()
        _renewed_in = os.getpid()  # at the end: other threads wait for it
    finally:
        _is_renewing = False


def _after_fork() -> None:
    global _renewing
    _renewing = threading.RLock()
    _renew()


os.register_at_fork(after_in_child=_after_fork)


class SharedLock:
    """A lock for as long as the process lives, free in a forked child; its thread may take it again."""

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()
        in_forked_child(self._free)

    def _free(self) -> None:
        """Unless who forked has it, in a signal handler: that goes on in the child, and gives it back there."""
        if not self._lock._is_owned():
            self._lock._at_fork_reinit()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class cached_property(Generic[T]):
    """As that of ``functools``, which before Python 3.12 has one lock for all instances of a class.

    Two threads may both compute a value; the last one stays.
    """

    _name: str

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
