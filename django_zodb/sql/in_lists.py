"""IN lists of few lengths: ``a IN (%s, %s, %s)`` → ``a IN (%s, %s, %s, %s)``, its last parameter given twice.

Applications ask for as many keys as they happen to have, and each length is another text. Padded to powers of four,
which changes no answer, texts of any length share a handful of programs. A long list becomes one parameter, ``Many``:
what is parsed and compiled does not grow with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from ..record import record

LONG = 64
"""A longer list is one parameter."""

_LIST = r"\bIN\s*\(\s*%s(?:\s*,\s*%s)+\s*\)"
_PIECES = re.compile(rf"""(?P<list>{_LIST})|%%|%s|"(?:[^"]|"")*"|'(?:[^']|'')*'|%""", re.IGNORECASE)
_SOME_LIST = re.compile(_LIST, re.IGNORECASE)
_OTHER_QUOTES = re.compile(r"--|/\*|\$|\\|\b[EUBX]'|%\(|^\s*EXPLAIN\b", re.IGNORECASE)
"""What may hold a percent sign that is no placeholder, besides plain literals and names: such texts stay."""

_REMEMBERED = 20_000
"""Longer texts are looked through each time, which takes less than Django took to write them."""


class Many(tuple[object, ...]):
    """All values of a long IN list as one parameter. They are of one class, and so is what ``many`` makes of them."""

    __slots__ = ()

    @property
    def expected(self) -> int:
        """How many values lists of about this length have: half of the next power of four."""
        return _padded_length(len(self)) // 2


@cache
def _many_of(kind: type, expected: int) -> type[Many]:
    """A class for each class of values and magnitude, by which the programs for them are told apart."""
    return type(f"Many{kind.__name__.title()}{expected}", (Many,), {"__slots__": ()})


def many(values: Sequence[object]) -> Many | None:
    """The list as one parameter; None if its values are of several classes, or NULL is among them."""
    kinds = set(map(type, values))
    if len(kinds) > 1 or type(None) in kinds:
        return None
    return _many_of(kinds.pop(), _padded_length(len(values)))(values)


@record
class Padded:
    """A text with lists of other lengths, for ``count`` parameters of the original.

    ``lists`` are (start, end, more): the parameters from ``start`` to ``end`` are one list, whose last one is given
    ``more`` times again, or which is one parameter where ``more`` is None.
    """

    text: str
    count: int
    lists: tuple[tuple[int, int, int | None], ...]

    def params(self, given: Sequence[object]) -> tuple[object, ...] | None:
        """The parameters of the original as those of ``text``; None if they can't be."""
        found: list[object] = []
        at = 0
        for start, end, more in self.lists:
            if more is None:
                values = many(given[start:end])
                if values is None:
                    return None
                found += given[at:start]
                found.append(values)
            else:
                found += given[at:end]
                found += [given[end - 1]] * more
            at = end
        found += given[at:]
        return tuple(found)


def padded(text: str) -> Padded | None:
    """The text with padded lists; None where there is nothing to pad, or where it can't be told what a list is."""
    return (_known if len(text) <= _REMEMBERED else _padded)(text)


def _padded(text: str) -> Padded | None:
    if not _SOME_LIST.search(text) or _OTHER_QUOTES.search(text):
        return None
    pieces: list[str] = []
    lists: list[tuple[int, int, int | None]] = []
    count = copied = 0
    for match in _PIECES.finditer(text):
        found = match[0]
        if match["list"]:
            length = found.count("%s")
            count += length
            more = _padded_length(length) - length
            if length > LONG:
                lists.append((count - length, count, None))
                pieces += [text[copied : match.start()], "IN (%s)"]
                copied = match.end()
            elif more:
                lists.append((count - length, count, more))
                pieces += [text[copied : match.end() - 1], ", %s" * more, ")"]
                copied = match.end()
        elif found == "%s":
            count += 1
        elif found == "%":
            return None
    if not lists:
        return None
    return Padded("".join((*pieces, text[copied:])), count, tuple(lists))


_known = lru_cache(maxsize=512)(_padded)


def _padded_length(length: int) -> int:
    padded_length = 4
    while padded_length < length:
        padded_length *= 4
    return padded_length
