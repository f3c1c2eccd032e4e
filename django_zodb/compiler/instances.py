"""A model's instances, made of rows in a third of the time that Django takes.

Django calls the model for each row, which asks two signals and sets one attribute after the other, those of foreign
keys by a Python method. For a model that leaves all of that to Django, and that nobody listens to, the outcome is
known: an instance with a state, and the row's values by their names.
"""

from __future__ import annotations

from collections.abc import Callable
from keyword import iskeyword
from types import MethodType, ModuleType
from typing import Any

from django.db.models import Model, base
from django.db.models.base import ModelBase, ModelState
from django.db.models.fields import files, related_descriptors
from django.db.models.fields.files import FileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.signals import post_init, pre_init

Names = tuple[str, ...]


def _djangos(method: Any, module: ModuleType) -> Any:
    """None where somebody put another in the place of Django's before the engine was loaded."""
    return method if method.__globals__ is vars(module) else None


_FROM_DB = _djangos(Model.from_db.__func__, base)  # type: ignore[attr-defined]
_INIT = _djangos(Model.__init__, base)
_SETTERS = [
    _djangos(FileDescriptor.__set__, files),
    _djangos(ForeignKeyDeferredAttribute.__set__, related_descriptors),
]
"""They do nothing but put a new instance's value into its dictionary."""
_MOST_CHOICES = 100
_NEW = object()
_PLACE = "_django_zodb_makers"
"""The attribute of a model's options where it is kept: tests and migrations make models and forget them."""

_SOURCE = """
seen = None

def from_db(model, db, field_names, values, *, fetch_mode=None):
    global seen
    if field_names is not seen:
        if list(field_names) != known:
            return other(model, db, field_names, values, fetch_mode)
        seen = field_names
    made = new(model)
    made._state = state = ModelState()
    {kept}
    {places}, = values
    state.adding = False
    state.db = db
    if fetch_mode is not None:
        state.fetch_mode = fetch_mode
    return made
"""


class Making:
    """Stands in for a model where Django makes instances of rows, as ``from_db`` does."""

    __slots__ = ("_model", "_names", "_seen", "from_db")

    def __init__(self, model: type[Model], names: Names) -> None:
        self._model, self._names = model, names
        goes_around = any(_setter(model, name) for name in names)
        self.from_db = MethodType(_from_db(names, goes_around), model)
        own = model.__mro__[: model.__mro__.index(Model)] if goes_around else ()
        self._seen = [(vars(each).get, [*map(vars(each).get, names)]) for each in own]

    def __getattr__(self, name: str) -> Any:
        if name in self.__slots__:  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self._model, name)

    def __call__(self, *values: Any, **named: Any) -> Model:
        """Make an instance as the model does."""
        return self._model(*values, **named)

    def is_current(self) -> bool:
        """Whether the descriptors that it goes around are still those of the model."""
        if not self._seen:
            return True
        setters = [FileDescriptor.__set__, ForeignKeyDeferredAttribute.__set__]
        return setters == _SETTERS and all([*map(get, self._names)] == seen for get, seen in self._seen)


def make_directly(info: dict[str, Any], select: list[Any], are_few: bool = False) -> None:
    """Have the instances of what Django calls a ``klass_info``, and of those below it, made so where that is known.

    For few of them, only from the second time on: to write a maker takes as long as Django takes for twenty.
    """
    fields = info["select_fields"]
    if fields and not info.get("from_parent"):
        names = tuple([column.target.attname for column, _, _ in select[fields[0] : fields[-1] + 1]])
        info["model"] = maker_of(info["model"], names, are_few)
    for related in info.get("related_klass_infos", ()):
        make_directly(related, select, are_few)


def maker_of(model: type[Model], names: Names, are_few: bool = False) -> Any:
    """What makes the model's instances of values of these columns: the model itself, if it has a say in that.

    Or if ``are_few`` are to be made, and nobody has asked for a maker of these columns before.
    """
    if (
        getattr(model.from_db, "__func__", model) is not _FROM_DB
        or model.__init__ is not _INIT
        or super(Model, model).__init__ is not object.__init__
        or model.__new__ is not object.__new__
        or model.__setattr__ is not object.__setattr__
        or any(signal.receivers and signal.has_listeners(model) for signal in (pre_init, post_init))
    ):
        return model
    makers = vars(model._meta).setdefault(_PLACE, {})
    found = makers.get((model, names), _NEW)  # the options may be a copy of those of another model
    if found is _NEW and len(makers) >= _MOST_CHOICES:
        makers.clear()
    if found is _NEW and are_few:
        makers[model, names] = None
        return model
    if found is _NEW or found is None:
        found = makers[model, names] = Making(model, names) if _is_plain(model, names) else model
    return found if found is not model and found.is_current() else model


def _is_plain(model: type[Model], names: Names) -> bool:
    """Whether an instance with values for these columns is the outcome of setting one after the other."""
    known = [field.attname for field in model._meta.concrete_fields if field.attname in names]
    return (
        list(names) == known
        and type(model) is ModelBase
        and _setter(model, "_state") is None
        and all(_setter(model, name) in (None, *_SETTERS) for name in names)
        and all(name.isascii() and name.isidentifier() and not iskeyword(name) for name in names)
    )


def _setter(model: type[Model], name: str) -> Any:
    """What sets an attribute of an instance, if its class has a say in that."""
    for class_ in model.__mro__:
        if name in vars(class_):
            return getattr(type(vars(class_)[name]), "__set__", None)
    return None


def _from_db(names: Names, goes_around: bool) -> Callable[..., Model]:
    """As ``Model.from_db`` for values of these columns, perhaps around the descriptors of their names.

    An instance whose ``__dict__`` nobody has asked for has none, and is one object for the garbage collector, not two.
    """
    scope: dict[str, Any] = {"ModelState": ModelState, "new": object.__new__, "known": list(names), "other": _other}
    place, kept = ("kept[{!r}]", "kept = made.__dict__") if goes_around else ("made.{}", "")
    exec(_SOURCE.format(kept=kept, places=", ".join(map(place.format, names))), scope)
    return scope["from_db"]  # type: ignore[no-any-return]


def _other(model: Any, db: Any, names: Any, values: Any, fetch_mode: Any) -> Any:
    """Django's answer, where somebody makes instances of other columns than were selected."""
    return model.from_db(db, names, values, **({} if fetch_mode is None else {"fetch_mode": fetch_mode}))
