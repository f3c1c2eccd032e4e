"""What an aggregate makes of rows, made of what it makes of parts of them: no row is looked at again for each frame.

A value is a *state*; states of rows that follow one another are *joined*, and one state is *finished* to a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from operator import add, sub
from typing import Any

Join = Callable[[Any, Any], Any]
Finish = Callable[[Any, int], Any]
Span = Callable[[int, int], Any]


class Parts:
    """The states of some values, in their order.

    ``join`` takes the state of some of them and of what comes right after, and is associative. ``finish`` takes a
    state and of how many values it is; None: states are values.
    """

    __slots__ = ("finish", "join", "states")

    def __init__(self, states: Sequence[Any], join: Join, finish: Finish | None = None) -> None:
        self.states, self.join, self.finish = states, join, finish

    def spans(self) -> Span:
        """A function of ``start`` and ``stop``: the state of these values, at least one.

        It is asked for one span after the other, whose ends only move forward.
        """
        return sliding(self.states, self.join)


class Sums(Parts):
    """States that can be taken from one another again: a span is the difference of two sums from the beginning."""

    __slots__ = ("minus",)

    def __init__(
        self, states: Sequence[Any], finish: Finish | None = None, plus: Join = add, minus: Join = sub
    ) -> None:
        super().__init__(states, plus, finish)
        self.minus = minus

    def spans(self) -> Span:
        """The differences."""
        totals, minus = list(accumulate(self.states, self.join)), self.minus
        return lambda start, stop: minus(totals[stop - 1], totals[start - 1]) if start else totals[stop - 1]


class Texts(Parts):
    """Texts, or bytes, to be joined, each after its own separator, the first without: a span is a slice of all.

    A state is the separator before a text, and that.
    """

    __slots__ = ()

    def __init__(
        self, separators: Iterable[Any], texts: Iterable[Any], finish: Callable[[Any], Any] = lambda text: text
    ) -> None:
        states = list(zip(separators, texts, strict=True))
        super().__init__(states, _concatenated, lambda state, _: finish(state[1]))

    def spans(self) -> Span:
        """The slices."""
        states = self.states
        whole = states[0][1][:0].join([part for state in states for part in state])
        ends = list(accumulate(len(separator) + len(text) for separator, text in states))

        def span(start: int, stop: int) -> tuple[Any, Any]:
            separator, text = states[start]
            return separator, whole[ends[start] - len(text) : ends[stop - 1]]

        return span


def _concatenated(one: tuple[Any, Any], other: tuple[Any, Any]) -> tuple[Any, Any]:
    return one[0], one[1] + (other[0] + other[1])  # the short ones first: what is long is copied once


def sliding(states: Sequence[Any], join: Join) -> Span:
    """What joins the states of spans whose ends only move forward, with at most three joins for each state or span.

    A span consists of what lies before and after a ``middle``. Before it, the states up to it are joined from each
    one on; after it, only all. When spans begin after the middle, it moves to the end of the span.
    """
    before: list[Any] = []  # that of the last one first
    after: Any = None
    middle = end = 0

    def span(start: int, stop: int) -> Any:
        nonlocal before, after, middle, end
        if start >= middle:
            before = list(accumulate(reversed(states[start:stop]), lambda later, earlier: join(earlier, later)))
            middle = end = stop
        elif end < stop:
            added = states[end:stop]
            after = added[0] if end == middle else join(after, added[0])
            for state in added[1:]:
                after = join(after, state)
            end = stop
        state = before[middle - start - 1]
        return state if end == middle else join(state, after)

    return span
