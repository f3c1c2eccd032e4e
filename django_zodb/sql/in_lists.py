"""IN lists of few lengths: ``a IN (%s, %s, %s)`` → ``a IN (%s, %s, %s, %s)``, its last parameter given twice.

Applications ask for as many keys as they happen to have, and each length is another text. Padded to powers of four,
which changes no answer, texts of any length share a handful of programs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from ..record import record

_LIST = r"\bIN\s*\(\s*%s(?:\s*,\s*%s)+\s*\)"
_PIECES = re.compile(rf"""(?P<list>{_LIST})|%%|%s|"(?:[^"]|"")*"|'(?:[^']|'')*'|%""", re.IGNORECASE)
_SOME_LIST = re.compile(_LIST, re.IGNORECASE)
_OTHER_QUOTES = re.compile(r"--|/\*|\$|\\|\b[EUBX]'|%\(|^\s*EXPLAIN\b", re.IGNORECASE)
"""What may hold a percent sign that is no placeholder, besides plain literals and names: such texts stay."""


@record
class Padded:
    """A text with longer lists: ``lists`` are (end, more): the parameter before ``end`` is given ``more`` times again.

    ``count`` is how many parameters the original takes.
    """

    text: str
    count: int
    lists: tuple[tuple[int, int], ...]

    def params(self, given: Sequence[object]) -> tuple[object, ...]:
        """The parameters of the original as those of ``text``."""
        found: list[object] = []
        at = 0
        for end, more in self.lists:
            found += given[at:end]
            found += [given[end - 1]] * more
            at = end
        found += given[at:]
        return tuple(found)


@lru_cache(maxsize=512)
def padded(text: str) -> Padded | None:
    """The text with padded lists; None where there is nothing to pad, or where it can't be told what a list is."""
    if not _SOME_LIST.search(text) or _OTHER_QUOTES.search(text):
        return None
    pieces: list[str] = []
    lists: list[tuple[int, int]] = []
    count = copied = 0
    for match in _PIECES.finditer(text):
        found = match[0]
        if match["list"]:
            length = found.count("%s")
            count += length
            more = _padded_length(length) - length
            if more:
                lists.append((count, more))
                pieces += [text[copied : match.end() - 1], ", %s" * more, ")"]
                copied = match.end()
        elif found == "%s":
            count += 1
        elif found == "%":
            return None
    if not lists:
        return None
    return Padded("".join((*pieces, text[copied:])), count, tuple(lists))


def _padded_length(length: int) -> int:
    padded_length = 4
    while padded_length < length:
        padded_length *= 4
    return padded_length
