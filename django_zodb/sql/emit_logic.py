"""Conditions joined by ``and`` and ``or``: flat, each once, without those that are always true or false."""

from __future__ import annotations

from collections.abc import Sequence


class _Joined(str):
    """Conditions joined by ``operator``, so that they can be joined with more."""

    __slots__ = ("operator", "terms")
    operator: str
    terms: list[str]


def all_of(terms: Sequence[str]) -> str:
    """The conjunction of conditions."""
    return _joined(terms, "and", "True", "False")


def any_of(terms: Sequence[str]) -> str:
    """The disjunction of conditions."""
    return _joined(terms, "or", "False", "True")


def _joined(terms: Sequence[str], operator: str, neutral: str, absorbing: str) -> str:
    if absorbing in terms:
        return absorbing
    kept: dict[str, None] = {}
    for term in terms:
        parts = term.terms if isinstance(term, _Joined) and term.operator == operator else [term]
        kept.update(dict.fromkeys(parts))
    kept.pop(neutral, None)
    if len(kept) < 2:
        return next(iter(kept), neutral)
    joined = _Joined(f"({f' {operator} '.join(kept)})")
    joined.operator, joined.terms = operator, list(kept)
    return joined
