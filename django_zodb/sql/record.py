"""``record``: immutable dataclasses that are quick to define and quick to make, since there are a hundred of them.

``dataclass`` writes and compiles each method of each class anew; a frozen one takes 0.7 ms to define and sets every
field of a new instance by a call. Here only ``__init__`` is written; equality, hash and repr are shared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(class_: type[T]) -> type[T]:
    """Make ``class_`` a dataclass with slots that is compared and hashed by its fields, and whose fields stay.

    That they stay is for the type checker to say: nothing stops an assignment when it runs.
    """
    made: Any = dataclass(slots=True, eq=False, repr=False)(class_)
    names = tuple(field.name for field in fields(made))
    made._names = names
    made._values = _getter(names)
    made.__eq__, made.__hash__, made.__repr__ = _equal, _hash, _repr
    return made  # type: ignore[no-any-return]


def replace(item: T, **changes: Any) -> T:
    """A copy of the record with other values in some fields; TypeError for a field it does not have."""
    class_: Any = item.__class__
    copy: T = class_(*[changes.pop(name) if name in changes else getattr(item, name) for name in class_._names])
    if changes:
        raise TypeError(f"{class_.__name__} has no {', '.join(changes)}")
    return copy


_fields_with: dict[tuple[Any, tuple[str, ...]], tuple[str, ...]] = {}


def fields_with(class_: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a record whose annotations hold one of these names of classes; looked up once."""
    found = _fields_with.get((class_, names))
    if found is None:
        words = {field.name: re.findall(r"\w+", str(field.type)) for field in fields(class_)}
        found = tuple(field for field, annotation in words.items() if not {*names}.isdisjoint(annotation))
        _fields_with[class_, names] = found
    return found


def _getter(names: tuple[str, ...]) -> Callable[[object], Any]:
    """From an instance to the tuple of its fields."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return _nothing
    getter = attrgetter(*names)
    return staticmethod(lambda item: (getter(item),))


_nothing = staticmethod(lambda item: ())


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self._values(self) == self._values(other)


def _hash(self: Any) -> int:
    return hash(self._values(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._names, self._values(self), strict=True))
    return f"{self.__class__.__qualname__}({shown})"
