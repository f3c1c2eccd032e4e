"""A model's instances, made of rows in a third of the time that Django takes.

Django calls the model for each row, which asks two signals and sets one attribute after the other, those of foreign
keys by a Python method. For a model that leaves all of that to Django, and that nobody listens to, the outcome is
known: an instance with a state, and the row's values by their names.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import getattr_static
from keyword import iskeyword
from types import MethodType
from typing import Any

from django.db.models import Model
from django.db.models.base import ModelBase, ModelState
from django.db.models.fields.files import FileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.signals import post_init, pre_init

Names = tuple[str, ...]

_FROM_DB, _INIT = Model.from_db.__func__, Model.__init__  # type: ignore[attr-defined]
_SETTERS = (None, FileDescriptor.__set__, ForeignKeyDeferredAttribute.__set__)
"""They do nothing but put a new instance's value into its dictionary."""
_MOST_CHOICES = 100
_PLACE = "_django_zodb_makers"
"""The attribute of a model's options where it is kept: tests and migrations make models and forget them."""

_SOURCE = """
def from_db(model, db, field_names, values, *, fetch_mode=None):
    made = new(model)
    {state} = state = ModelState()
    state.adding = False
    state.db = db
    if fetch_mode is not None:
        state.fetch_mode = fetch_mode
    {places}, = values
    return made
"""


class Making:
    """Stands in for a model where Django makes instances of rows, as ``from_db`` does."""

    __slots__ = ("_model", "from_db")

    def __init__(self, model: type[Model], from_db: Callable[..., Model]) -> None:
        self._model = model
        self.from_db = MethodType(from_db, model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def make_directly(info: dict[str, Any], select: list[Any]) -> None:
    """Have the instances of what Django calls a ``klass_info``, and of those below it, made so where that is known."""
    fields = info["select_fields"]
    if fields and not info.get("from_parent"):
        names = tuple([column.target.attname for column, _, _ in select[fields[0] : fields[-1] + 1]])
        info["model"] = maker_of(info["model"], names)
    for related in info.get("related_klass_infos", ()):
        make_directly(related, select)


def maker_of(model: type[Model], names: Names) -> Any:
    """What makes the model's instances of values of these columns: the model itself, if it has a say in that."""
    if (
        getattr(model.from_db, "__func__", None) is not _FROM_DB
        or model.__init__ is not _INIT
        or model.__setattr__ is not object.__setattr__
        or any(signal.receivers and signal.has_listeners(model) for signal in (pre_init, post_init))
    ):
        return model
    makers = vars(model._meta).setdefault(_PLACE, {})
    found = makers.get(names)
    if found is None:
        if len(makers) >= _MOST_CHOICES:
            makers.clear()
        found = makers[names] = Making(model, _from_db(model, names)) if _is_plain(model, names) else model
    return found


def _is_plain(model: type[Model], names: Names) -> bool:
    """Whether an instance with values for these columns is the outcome of setting one after the other."""
    known = [field.attname for field in model._meta.concrete_fields if field.attname in names]
    return (
        list(names) == known
        and type(model) is ModelBase
        and model.__new__ is object.__new__
        and model.__mro__[-len(Model.__mro__) :] == Model.__mro__  # it ends Model's chain of ``__init__``
        and all(_setter(model, name) in _SETTERS for name in ("_state", *names))
    )


def _setter(model: type[Model], name: str) -> Any:
    """What sets an attribute of an instance, if its class has a say in that."""
    return getattr(type(getattr_static(model, name, None)), "__set__", None)


def _from_db(model: type[Model], names: Names) -> Callable[..., Model]:
    """As ``Model.from_db`` for values of these columns.

    An instance whose ``__dict__`` nobody has asked for has none, and is one object for the garbage collector, not two.
    """
    state, *places = [f"made.{name}" for name in ("_state", *names)]
    if any(_setter(model, name) is not None or iskeyword(name) or not name.isidentifier() for name in names):
        state, *places = "kept = made.__dict__; kept['_state']", *(f"kept[{name!r}]" for name in names)
    scope: dict[str, Any] = {"ModelState": ModelState, "new": object.__new__}
    exec(_SOURCE.format(state=state, places=", ".join(places)), scope)
    return scope["from_db"]  # type: ignore[no-any-return]
