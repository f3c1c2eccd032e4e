"""Regular expressions that callers wrote: Python's syntax, each search within a bounded time and amount of memory.

``re`` cannot be stopped while it searches, and ``(a+)+$`` takes it years on forty letters. What may do that goes to the
``regex`` package, which has a timeout; what cannot, since it repeats or chooses once at most, stays with ``re``, which
is many times faster on short texts. ``regex`` is imported when it is needed, which few processes ever do.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ..errors import DataError, OperationalError

TIME_LIMIT_S = 1.0
"""How long one expression may search one text."""

LONGEST_SIMPLE = 10_000
"""Even an expression with a single repetition takes the square of the text's length."""

MOST_EXPANDED = 100_000
"""How large an expression may be with its counted repetitions written out, as ``regex`` does."""

_CHOICES = re.compile(r"[*+?{|]")
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<low>\d*),?(?P<high>\d*)\}|.", re.DOTALL)


class Regex:
    """A compiled expression. Every method raises OperationalError if it takes too long."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern = pattern
        self._flags = flags
        self._simple = re.compile(pattern, flags)  # also says what is no expression
        self._choices = len(_CHOICES.findall(pattern))
        self._timed: Any = None

    def search(self, text: str) -> re.Match[str] | None:
        """The first match anywhere in the text."""
        if self._is_harmless(text):
            return self._simple.search(text)
        try:
            found: re.Match[str] | None = self._bounded().search(text, timeout=TIME_LIMIT_S)
        except TimeoutError as error:
            raise self._too_slow(text) from error
        return found

    def replace(self, template: str, text: str, count: int) -> str:
        """``text`` with its first ``count`` matches (0: all) replaced; IndexError or ``re.error``: a bad template."""
        if self._is_harmless(text):
            return self._simple.sub(template, text, count=count)
        import regex

        try:
            replaced: str = self._bounded().sub(template, text, count=count, timeout=TIME_LIMIT_S)
        except TimeoutError as error:
            raise self._too_slow(text) from error
        except regex.error as error:
            raise re.error(str(error)) from error
        return replaced

    @property
    def groups(self) -> int:
        """The number of groups."""
        return self._simple.groups

    def _is_harmless(self, text: str) -> bool:
        return self._choices == 0 or (self._choices == 1 and len(text) <= LONGEST_SIMPLE)

    def _bounded(self) -> Any:
        if self._timed is None:
            import regex

            if _expanded_size(self._pattern) > MOST_EXPANDED:
                raise DataError(f"the repetitions of the regular expression {self._pattern!r:.80} are too many")
            try:
                self._timed = regex.compile(self._pattern, self._flags)
            except (regex.error, OverflowError, RecursionError) as error:
                raise DataError(f"invalid regular expression {self._pattern!r:.80}: {error}") from error
        return self._timed

    def _too_slow(self, text: str) -> OperationalError:
        return OperationalError(
            f"the regular expression {self._pattern!r:.80} takes more than {TIME_LIMIT_S:g} s on a text of "
            f"{len(text)} characters"
        )


@lru_cache(maxsize=512)
def compiled(pattern: str, flags: int = 0) -> Regex:
    """The expression, with flags of ``re``; DataError if it is none."""
    try:
        return Regex(pattern, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise DataError(f"invalid regular expression {pattern!r:.80}: {error}") from error


def _expanded_size(pattern: str) -> int:
    """Roughly the number of atoms once every counted repetition is written out."""
    outer: list[int] = []
    total = last = 0
    for token in _TOKEN.finditer(pattern):
        match token.group():
            case "(":
                outer.append(total)
                total = last = 0
            case ")" if outer:
                last = max(total, 1)
                total = outer.pop() + last
            case text if len(text) > 1 and text[0] == "{":
                times = int(token["high"] or token["low"] or 1)
                total += last * (max(times, 1) - 1)
                last *= max(times, 1)
            case _:
                last = 1
                total += 1
    return total
