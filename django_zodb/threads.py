"""What threads share, made so that a forked child can go on, whatever the other threads of its parent were doing.

They do not exist in the child, so that a lock that one of them held would never be free there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class SharedLock:
    """A lock for as long as the process lives, free in a forked child; its thread may take it again."""

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()
        os.register_at_fork(after_in_child=self._free)

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
