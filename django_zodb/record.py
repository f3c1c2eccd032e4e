"""``record``: immutable data classes that are quick to define and quick to make, since there are a hundred of them.

``dataclass`` writes and compiles each method of each class anew; a frozen one takes 0.7 ms to define and sets every
field of a new instance by a call. Here ``__init__`` is compiled once for all classes of so many fields, and equality,
hash and repr are shared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(class_: type[T]) -> type[T]:
    """Make ``class_`` one of records: with a slot for each annotated field, compared and hashed by these.

    Fields are those of its bases and its own, in that order; a value in the class body is a default. That fields stay
    as they are is for the type checker to say: nothing stops an assignment when it runs. What ``__post_init__``
    derives from them has its slots in ``__slots__``.
    """
    namespace: dict[str, Any] = {
        name: value for name, value in vars(class_).items() if name not in ("__dict__", "__weakref__")
    }
    own = {name: str(annotation) for name, annotation in class_.__annotations__.items()}
    annotations: dict[str, str] = getattr(class_, "_annotations", {}) | own
    defaults = getattr(class_, "_defaults", {}) | {name: namespace.pop(name) for name in own if name in namespace}
    derived = namespace.pop("__slots__", ())
    for name in derived:
        namespace.pop(name)  # what gives access to the slot of the class that this one replaces
    names = tuple(annotations)
    namespace |= {
        "__slots__": (*own, *derived),
        "__match_args__": names,
        "_annotations": annotations,
        "_defaults": defaults,
        "_values": _getter(names),
        "_places": {name: place for place, name in enumerate(names)},
        "__init__": _initializer(names, defaults, hasattr(class_, "__post_init__")),
    }
    for name, shared in _SHARED.items():
        namespace.setdefault(name, shared)
    made: Any = type(class_)
    return made(class_.__name__, class_.__bases__, namespace)  # type: ignore[no-any-return]


def replace(item: T, **changes: Any) -> T:
    """A copy of the record with other values in some fields; TypeError for a field it does not have."""
    class_: Any = item.__class__
    values = [*item._values(item)]  # type: ignore[attr-defined]
    places: dict[str, int] = class_._places
    try:
        for name, value in changes.items():
            values[places[name]] = value
    except KeyError:
        raise TypeError(f"{class_.__name__} has no {', '.join(changes.keys() - places.keys())}") from None
    return class_(*values)  # type: ignore[no-any-return]


def items(item: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a record and their values, in order."""
    return zip(item.__match_args__, item._values(item), strict=True)


class FieldsWith(dict[type, tuple[str, ...]]):
    """By class: a record's fields whose annotations hold one of these names of classes. Looked up once."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._sought = re.compile(rf"\b(?:{'|'.join(names)})\b")

    def __missing__(self, class_: Any) -> tuple[str, ...]:
        found = tuple(
            name for name, annotation in getattr(class_, "_annotations", {}).items() if self._sought.search(annotation)
        )
        self[class_] = found
        return found


def _initializer(names: tuple[str, ...], defaults: dict[str, Any], derives: bool) -> FunctionType:
    code = _template(len(names), derives)
    code = code.replace(co_varnames=("self", *names), co_names=(*names, *code.co_names[len(names) :]))
    return FunctionType(code, {}, "__init__", tuple(defaults[name] for name in names if name in defaults))


@cache
def _template(count: int, derives: bool) -> CodeType:
    """The code of an ``__init__`` for so many fields: to compile it for each class would take most of the time."""
    names = [f"field_{at}" for at in range(count)]
    lines = [*(f"self.{name} = {name}" for name in names), *(["self.__post_init__()"] if derives else [])]
    namespace: dict[str, Any] = {}
    exec(f"def __init__({', '.join(['self', *names])}): {'; '.join(lines or ['pass'])}", namespace)
    code: CodeType = namespace["__init__"].__code__
    return code


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
    return f"{self.__class__.__qualname__}({', '.join(f'{name}={value!r}' for name, value in items(self))})"


_SHARED: dict[str, Any] = {"__eq__": _equal, "__hash__": _hash, "__repr__": _repr}
