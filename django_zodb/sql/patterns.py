"""LIKE patterns: the predicates that they stand for, and what most of them ask for, which is a text in some place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from ..errors import DataError
from .expr import LikeShape

Predicate = Callable[[str], bool]

_SIMPLE = re.compile(r"(%?)(?:[^\\%_]++|\\.)*+(%?)", re.DOTALL)
_CASELESS = re.compile(r"[\x00-@\[-`{-\x7f]*")
_SHAPES: dict[tuple[str, str], LikeShape] = {
    ("", ""): "equal",
    ("", "%"): "start",
    ("%", ""): "end",
    ("%", "%"): "inside",
}


def like_shape(pattern: object) -> LikeShape | None:
    """Where a pattern with the usual escape wants its text; None if it wants more than that, or is no text.

    Programs are made for parameters of one shape: comparing a text inline takes a third of calling a predicate, and an
    index knows which texts begin with another.
    """
    found = _SIMPLE.fullmatch(pattern) if isinstance(pattern, str) else None
    return None if found is None else _SHAPES[found[1], found[2]]


def caseless(pattern: object) -> bool:
    """Whether a pattern is of ASCII without letters: these characters are in no other one's case folding."""
    return isinstance(pattern, str) and _CASELESS.fullmatch(pattern) is not None


def like_class(pattern: object, fold: bool) -> tuple[LikeShape | None, bool]:
    """What of a pattern programs are made for: its shape, and for ILIKE (``fold``) whether it is caseless."""
    return like_shape(pattern), fold and caseless(pattern)


def like_text(pattern: str, fold: bool = False) -> str:
    """The text of a pattern that has a shape; with ``fold``, case-folded."""
    text = "".join(part for part in pattern_parts(pattern, "\\") if isinstance(part, str))
    return text.casefold() if fold else text


def prefix_end(prefix: str) -> str | None:
    """The least text greater than every text that starts with ``prefix``; None if there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    code = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if code == 0xD800 else code)  # no text ends in a surrogate


ANY_ONE, ANY_MANY = object(), object()


def pattern_parts(pattern: str, escape: str | None) -> list[object]:
    """A LIKE pattern as pieces of literal text, ``ANY_ONE`` and ``ANY_MANY``. DataError if it ends in its escape."""
    parts: list[object] = []
    characters = iter(pattern)
    for character in characters:
        part: object = character
        if escape and character == escape:
            part = next(characters, None)
            if part is None:
                raise DataError(f"LIKE pattern must not end with its escape character: {pattern!r:.80}")
        elif character in "%_":
            part = ANY_MANY if character == "%" else ANY_ONE
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


@lru_cache(maxsize=512)
def like(pattern: str, escape: str | None = "\\", fold: bool = False) -> Predicate:
    """The predicate of ``… LIKE pattern``; with ``fold``, of ILIKE: both sides are case-folded, over all of Unicode."""
    parts = pattern_parts(pattern, escape)
    if fold:
        matches = _matcher([part.casefold() if isinstance(part, str) else part for part in parts])
        return lambda text: matches(text.casefold())
    return _matcher(parts)


def _matcher(parts: list[object]) -> Predicate:
    match parts:
        case []:
            return lambda text: not text
        case [str(part)]:
            return lambda text: text == part
        case [str(part), last] if last is ANY_MANY:
            return lambda text: text.startswith(part)
        case [first, str(part)] if first is ANY_MANY:
            return lambda text: text.endswith(part)
        case [first, str(part), last] if first is ANY_MANY and last is ANY_MANY:
            return lambda text: part in text
    fullmatch = re.compile(_like_expression(parts), re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def _like_expression(parts: list[object]) -> str:
    """The parts as a regular expression that never tries twice: what is between two % is taken where it is met."""
    between: list[str] = [""]
    for part in parts:
        if part is ANY_MANY:
            between.append("")
        else:
            between[-1] += re.escape(part) if isinstance(part, str) else "."
    if len(between) == 1:
        return between[0]
    first, *middle, last = between
    return "".join((first, *(f"(?>.*?{text})" for text in middle if text), ".*", last))
