"""The text of LIKE and of regular expressions: tests in line where a pattern asks for no more than a text."""

from __future__ import annotations

from . import expr as x
from .patterns import ANY_MANY, like, pattern_parts, prefix_end
from .program import Source
from .runtime import regex

_SHAPES: dict[x.LikeShape, str] = {
    "equal": "({0} == {1})",
    "start": "{0}.startswith({1})",
    "end": "{0}.endswith({1})",
    "inside": "({1} in {0})",
}


def match_of_shape(shape: x.LikeShape, term: str, needle: str) -> str:
    """Whether the term has the text ``needle`` where the shape says."""
    return _SHAPES[shape].format(term, needle)


def match_of_prefix(term: str, prefix: str, end: str) -> str:
    """Whether the term, a variable, begins with a text: ``end`` is greater than all that do, and not by too much.

    Two comparisons take half as long as a call of ``startswith``, and mostly the first is enough.
    """
    return f"({term} < {end} and {term} >= {prefix})"


def match_of_constant(expr: x.Like | x.Regex, pattern: str, term: str, source: Source) -> str:
    """Whether the term matches a pattern that is known."""
    if isinstance(expr, x.Regex):
        return f"{source.share('is_regex', regex(pattern, expr.fold))}({term})"
    match [] if expr.fold else pattern_parts(pattern, expr.escape):
        case [str(part)]:
            return match_of_shape("equal", term, source.constant(part))
        case [str(part), last] if last is ANY_MANY:
            end = prefix_end(part)
            if end is not None and term.isidentifier():
                return match_of_prefix(term, source.constant(part), source.constant(end))
            return match_of_shape("start", term, source.constant(part))
        case [first, str(part)] if first is ANY_MANY:
            return match_of_shape("end", term, source.constant(part))
        case [first, str(part), last] if first is ANY_MANY and last is ANY_MANY:
            return match_of_shape("inside", term, source.constant(part))
    return f"{source.share('is_like', like(pattern, expr.escape, expr.fold))}({term})"


def match_options(expr: x.Like | x.Regex, source: Source) -> list[str]:
    """What ``runtime.like`` and ``runtime.regex`` take besides the pattern."""
    if isinstance(expr, x.Regex):
        return ["True"] if expr.fold else []
    if expr.fold:
        return [source.constant(expr.escape), "True"]
    return [] if expr.escape == "\\" else [source.constant(expr.escape)]
