"""What an entry of the function tables says, and the helpers that every family shares."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ...errors import DataError
from ...record import record
from ...values import Kind, SqlType, common_type
from .parts import Parts

ResultType = SqlType | Callable[[tuple[SqlType, ...]], SqlType]
"""The type of a result: fixed, or from the types of the arguments (after their casts)."""


@record
class Function:
    """A scalar function.

    ``call`` is what generated code calls with SQL values; if ``strict``, never with a NULL: the result is then NULL.
    ``params`` are the types that arguments are cast to, None taking any; the last one repeats up to ``most``
    arguments (None: no limit). ``template`` is Python for the call in line, ``"{0}.lower()"``; it may use each
    argument once only. ``nullable``: a result may be NULL though no argument is. ``stable`` is False for what may
    differ between two calls with the same arguments in one statement (random). ``made``: the position of an argument,
    and what makes a function of that alone where all others are constants.
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
    made: tuple[int, Callable[..., Callable[[Any], object]]] | None = None


@record
class AggregateFunction:
    """An aggregate: ``collect`` makes its value of all the group's values, in order, as a list.

    ``parts`` says of values, at least one, how what it makes of some that follow one another is made of parts of them;
    None for an aggregate that takes no OVER.

    NULLs have been left out where ``skip_nulls``; with several arguments the values are tuples. DISTINCT and ORDER
    BY have been applied. ``collect`` returns None for NULL; ``nullable`` is False where it never does (COUNT).
    ``kinds`` has what does the same for values of one kind, with less to find out. ``of_parts`` are the kinds whose
    values may be taken in parts: what it makes of its results for these is what it makes of all; of one value, itself.
    """

    collect: Callable[[Sequence[object]], object]
    parts: Callable[[Sequence[Any]], Parts] | None
    result: ResultType
    params: tuple[SqlType | None, ...] = (None,)
    least: int = 1
    most: int | None = 1
    skip_nulls: bool = True
    nullable: bool = True
    kinds: Mapping[Kind, Callable[[Sequence[Any]], object]] | None = None
    of_parts: Collection[Kind] = ()

    def collector(self, kind: Kind) -> Callable[[Sequence[Any]], object]:
        """What makes its value of values of that kind."""
        return self.kinds.get(kind, self.collect) if self.kinds else self.collect


def guarded(name: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """``compute``, whose domain errors become a DataError that names the function and shows the arguments."""

    def call(*args: Any) -> Any:
        try:
            return compute(*args)
        except (ValueError, ArithmeticError, TypeError) as error:
            shown = ", ".join(f"{arg!r:.60}" for arg in args)
            raise DataError(f"{name}({shown}): {error or type(error).__name__}") from error

    return call


def first_type(types: tuple[SqlType, ...]) -> SqlType:
    """The rule of functions whose result has the type of their first argument, without its size."""
    return SqlType(types[0].kind, types[0].size if types[0].is_integer else None)


def shared_type(types: tuple[SqlType, ...]) -> SqlType:
    """The rule of functions that choose among their arguments: the type all convert to; DataError if there is none."""
    result = types[0]
    for type_ in types[1:]:
        common = common_type(result, type_)
        if common is None:
            raise DataError(f"arguments of types {result} and {type_} have no type in common; cast one of them")
        result = common
    return result
