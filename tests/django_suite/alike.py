"""Compares what the engine's compilers write in fewer steps with what Django's would have written, query by query.

And the instances that are made of rows with those that Django would have made.

``watch()`` does so for every query from then on, in whatever tests run in this process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models.expressions import Col
from django.db.models.fields.related_lookups import RelatedIn
from django.db.models.lookups import In
from django.db.models.sql import compiler

from django_zodb.compiler import SQLInsertCompiler, SQLUpdateCompiler, instances
from django_zodb.compiler.known_columns import KnownColumns, _only_number, plain_values
from django_zodb.compiler.plain_columns import PlainColumns, _is_comparison
from django_zodb.compiler.saved_values import is_saved_as_it_is
from django_zodb.compiler.simple_select import SimpleSelect

Method = Callable[..., Any]


def watch() -> None:
    """From now on, AssertionError for what is not written as Django would have written it."""
    select, insert, update = compiler.SQLCompiler, compiler.SQLInsertCompiler, compiler.SQLUpdateCompiler
    _compare(PlainColumns, select, "compile", lambda self, node: _is_plain(node))
    _compare(PlainColumns, select, "get_converters", lambda self, expressions: True)
    _compare(KnownColumns, select, "get_converters", lambda self, expressions: True)
    _compare(KnownColumns, select, "get_select", _is_known)
    _compare(KnownColumns, select, "get_default_columns", lambda self, mask, start_alias=None, **_: start_alias)
    _compare(KnownColumns, select, "get_order_by", lambda self: self.known_order() is not None)
    _compare(SimpleSelect, select, "_written", lambda self, *_: True, "as_sql")
    _compare(SQLInsertCompiler, SQLInsertCompiler, "_known", lambda self, saved: True, "_by_django")
    _compare(SQLUpdateCompiler, update, "_plainly", lambda self: _concerns_one_table(self.query), "as_sql")
    _compare(SQLInsertCompiler, insert, "prepare_value", lambda self, *both: is_saved_as_it_is(*both))
    _compare_instances()


def _is_known(self: Any, with_col_aliases: bool = False) -> bool:
    if self._whole or (self._known is None and _only_number(self.query) is not None):
        return True
    return not with_col_aliases and type(self)._may_pass_over and plain_values(self.query) is not None


def _concerns_one_table(update: Any) -> bool:
    """Whether it has been left as it was; that of several tables is another one once it has been written."""
    return not update.related_updates and update.count_active_tables() == 1


def _is_plain(node: Any) -> bool:
    if type(node) is Col:
        return True
    return type(getattr(node, "lhs", None)) is Col and (_is_comparison(type(node)) or type(node) in (In, RelatedIn))


def _compare(owner: Any, base: Any, name: str, is_ours: Method, their_name: str | None = None) -> None:
    ours, theirs = getattr(owner, name), getattr(base, their_name or name)

    def compared(self: Any, *arguments: Any, **named: Any) -> Any:
        names = dict(self.quote_cache)
        answer = ours(self, *arguments, **named)
        if answer is not None and not hasattr(self, "_is_compared") and is_ours(self, *arguments, **named):
            expected = _aside(self, names, theirs, *arguments, **named)
            assert _shown(answer) == _shown(expected), f"{owner.__name__}.{name}{arguments}: {answer}, not {expected}"
        return answer

    setattr(owner, name, compared)


def _compare_instances() -> None:
    ours, theirs = instances._from_db, instances._FROM_DB

    def compared(names: Any, *others: Any) -> Method:
        make = ours(names, *others)

        def from_db(model: Any, *arguments: Any, **named: Any) -> Any:
            made = make(model, *arguments, **named)
            assert _contents(made) == _contents(theirs(model, *arguments, **named)), names
            return made

        return from_db

    instances._from_db = compared


def _contents(instance: Any) -> Any:
    """The class of an instance, its state, and which values it has, in their order.

    What the state holds of related instances, nothing, is there once somebody has asked for it.
    """
    (_, state), *values = vars(instance).items()
    assert state.fields_cache == {}
    return type(instance), type(state), vars(state), [(name, id(value)) for name, value in values]


def _aside(self: Any, names: dict[str, str], theirs: Method, *arguments: Any, **named: Any) -> Any:
    """What Django writes after having quoted these names; nothing is left of its doing so."""
    kept, counts = dict(vars(self)), getattr(self.query, "alias_refcount", {})
    before = dict(counts)
    self.quote_cache, self._is_compared = names, True
    try:
        return theirs(self, *arguments, **named)
    finally:
        vars(self).clear()
        vars(self).update(kept)
        counts.clear()
        counts.update(before)


def _shown(answer: Any) -> Any:
    """What can be compared: expressions are made anew each time, and say the same."""
    if isinstance(answer, list | tuple):
        return [type(answer).__name__, *map(_shown, answer)]
    if isinstance(answer, dict):
        return {key: _shown(value) for key, value in answer.items()}
    return getattr(answer, "__qualname__", None) or repr(answer)
