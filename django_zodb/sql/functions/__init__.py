"""The functions that SQL may call, in families as in ``django.db.models.functions``.

Each module of this package holds tables, ``FUNCTIONS`` or ``AGGREGATES``, of the entries below and the Python functions
they name; this module merges them. The binder looks a name up (upper case), casts the arguments to ``params`` and asks
``result`` for the type; the emitter prints ``template`` or a call. A new function is one line in one table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...values import SqlType

ResultType = SqlType | Callable[[tuple[SqlType, ...]], SqlType]
"""The type of a result: fixed, or from the types of the arguments (after their casts)."""


@dataclass(frozen=True, slots=True)
class Function:
    """A scalar function.

    ``call`` is what generated code calls with SQL values; if ``strict``, never with a NULL: the result is then NULL.
    ``params`` are the types that arguments are cast to, None taking any; the last one repeats up to ``most``
    arguments (None: no limit). ``template`` is Python for the call in line, ``"{0}.lower()"``; it may use each
    argument once only. ``nullable``: a result may be NULL though no argument is. ``stable`` is False for what may differ between two
    calls with the same arguments in one statement (random).
    """

    call: Callable[..., object]
    result: ResultType
    params: tuple[SqlType | None, ...] = (None,)
    least: int = 1
    most: int | None = 1
    strict: bool = True
    template: str | None = None
    nullable: bool = False
    stable: bool = True


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """An aggregate: ``collect`` makes its value of all the group's values, in order, as a list.

    NULLs have been left out where ``skip_nulls``; with several arguments the values are tuples. DISTINCT and ORDER
    BY have been applied. ``collect`` returns None for NULL; ``nullable`` is False where it never does (COUNT).
    """

    collect: Callable[[Sequence[object]], object]
    result: ResultType
    params: tuple[SqlType | None, ...] = (None,)
    least: int = 1
    most: int | None = 1
    skip_nulls: bool = True
    nullable: bool = True
