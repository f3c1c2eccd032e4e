"""IN lists of few lengths: ``a IN (%s, %s, %s)`` → ``a IN (%s, %s, %s, %s)``, its last parameter given twice.

Applications ask for as many keys as they happen to have, and each length is another text. Padded to powers of four,
which changes no answer, texts of any length share a handful of programs. A long list becomes one parameter, ``Many``:
what is parsed and compiled does not grow with it.

``bulk_update()`` has a like list for each field, ``CASE WHEN id = %s THEN %s WHEN id = %s THEN %s … ELSE NULL END``: it
becomes a CASE with one WHEN, whose two parameters are all keys and all values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from ..record import record

LONG = 64
"""A longer list is one parameter."""

FEWEST_CASES = 4
"""A CASE of so many in an UPDATE is made one of lists; elsewhere a ``LONG`` one: short ones serve for more."""

More = int | tuple[bool, ...] | None
"""See ``Padded``."""

_LIST = r"\bIN\s*\(\s*%s(?:\s*,\s*%s)+\s*\)"
_NAME = r'"(?:[^"]|"")+"'
_CASE = (
    rf"\bCASE\s+WHEN\s+(?P<open>\(?)(?P<term>{_NAME}(?:\.{_NAME})?)\s*=\s*%s(?P<close>\)?)\s+THEN\s+(?:%s|NULL)"
    r"(?:\s+WHEN\s+(?P=open)(?P=term)\s*=\s*%s(?P=close)\s+THEN\s+(?:%s|NULL))+(?:\s+ELSE\s+NULL)?\s+END\b"
)
_PIECES = re.compile(rf"""(?P<list>{_LIST})|(?P<case>{_CASE})|%%|%s|"(?:[^"]|"")*"|'(?:[^']|'')*'|%""", re.IGNORECASE)
_SOME_LIST = re.compile(rf"{_LIST}|{_CASE}", re.IGNORECASE)
_RESULT = re.compile(r"THEN\s+(%s|NULL)", re.IGNORECASE)
_UPDATE = re.compile(r"\s*UPDATE\b", re.IGNORECASE)
_OTHER_QUOTES = re.compile(r"--|/\*|\$|\\|\b[EUBX]'|%\(|^\s*EXPLAIN\b", re.IGNORECASE)
"""What may hold a percent sign that is no placeholder, besides plain literals and names: such texts stay."""

_REMEMBERED = 20_000
"""Longer texts are looked through each time, which takes less than Django took to write them."""


class Many(tuple[object, ...]):
    """All values of a long list as one parameter. They are of one class, and so is what ``many`` makes of them.

    Only those that a CASE chooses from may have NULL among them.
    """

    __slots__ = ()

    @property
    def example(self) -> object:
        """One that is not NULL, if there is one."""
        return next((value for value in self if value is not None), None)

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


def _keys_and_results(given: Sequence[object], nulls: Sequence[bool]) -> list[object] | None:
    """Of the parameters of a CASE, keys and results as one parameter each; ``nulls`` tells which results are NULL."""
    keys: list[object] = []
    results: list[object] = []
    values = iter(given)
    for null in nulls:
        keys.append(next(values))
        results.append(None if null else next(values))
    kinds = set(map(type, keys))
    of_results = set(map(type, results)).difference((type(None),)) or {type(None)}
    if len(kinds) > 1 or None in keys or len(of_results) > 1:
        return None
    return [_many_of(kinds.pop(), FEWEST_CASES)(keys), _many_of(of_results.pop(), FEWEST_CASES)(results)]


@record
class Padded:
    """A text with lists of other lengths, for ``count`` parameters of the original.

    ``lists`` are (start, end, more): the parameters from ``start`` to ``end`` are one list, whose last one is given
    ``more`` times again, or which is one parameter where ``more`` is None; or they are those of a CASE, and ``more``
    tells which of its results are NULL.
    """

    text: str
    count: int
    lists: tuple[tuple[int, int, More], ...]

    def params(self, given: Sequence[object]) -> tuple[object, ...] | None:
        """The parameters of the original as those of ``text``; None if they can't be."""
        found: list[object] = []
        at = 0
        for start, end, more in self.lists:
            found += given[at:start]
            values = _as_given(given[start:end], more)
            if values is None:
                return None
            found += values
            at = end
        found += given[at:]
        return tuple(found)


def _as_given(values: Sequence[object], more: More) -> Sequence[object] | None:
    if isinstance(more, tuple):
        return _keys_and_results(values, more)
    if more is not None:
        return [*values, *[values[-1]] * more]
    whole = many(values)
    return None if whole is None else [whole]


def padded(text: str) -> Padded | None:
    """The text with padded lists; None where there is nothing to pad, or where it can't be told what a list is."""
    return (_known if len(text) <= _REMEMBERED else _padded)(text)


def _padded(text: str) -> Padded | None:
    if not _SOME_LIST.search(text) or _OTHER_QUOTES.search(text):
        return None
    fewest_cases = FEWEST_CASES if _UPDATE.match(text) else LONG
    pieces: list[str] = []
    lists: list[tuple[int, int, More]] = []
    count = copied = 0
    for match in _PIECES.finditer(text):
        found = match[0]
        if found == "%":
            return None
        length = 0 if found == "%%" or found[0] in "\"'" else found.count("%s")
        count += length
        instead = _instead(match, length, fewest_cases)
        if instead is not None:
            piece, more = instead
            lists.append((count - length, count, more))
            pieces += [text[copied : match.start()], piece]
            copied = match.end()
    if not lists:
        return None
    return Padded("".join((*pieces, text[copied:])), count, tuple(lists))


def _instead(match: re.Match[str], length: int, fewest_cases: int) -> tuple[str, More] | None:
    """The text for a list of ``length`` parameters and what becomes of these; None where it stays."""
    if match["list"]:
        more = _padded_length(length) - length
        if length > LONG:
            return "IN (%s)", None
        return (f"{match[0][:-1]}{', %s' * more})", more) if more else None
    if match["case"]:
        nulls = tuple(result.upper() == "NULL" for result in _RESULT.findall(match[0]))
        if len(nulls) >= fewest_cases:
            return f"CASE WHEN {match['open']}{match['term']} = %s{match['close']} THEN %s ELSE NULL END", nulls
    return None


_known = lru_cache(maxsize=512)(_padded)


def _padded_length(length: int) -> int:
    padded_length = 4
    while padded_length < length:
        padded_length *= 4
    return padded_length
