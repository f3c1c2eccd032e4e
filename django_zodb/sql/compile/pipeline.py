"""A pipeline: the loops, conditions and bindings that lead to one row, before they are printed.

The same steps print as nested blocks, which is how most statements read, or as a comprehension, where there is but one
loop: that is a third faster. There, columns used once are subscripts with a name for the position, ``book[YEAR]``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ..program import Source
from ..record import record

_INDENT = "    "
_WIDE = 100
_MERGED = 4


@record
class Note:
    """A comment: the line that EXPLAIN prints for the node whose steps follow."""

    text: str


@record
class For:
    """A loop. ``listed``: the iterable is a list that nobody else holds."""

    target: str
    iterable: str
    listed: bool = False


@record
class Let:
    """A variable. For a column of a row, ``row`` and ``at`` say which, and ``text`` is the subscript.

    ``kept`` variables are printed as they are; others may give way to their text, where that is used once.
    """

    name: str
    text: str
    kept: bool = False
    row: str | None = None
    at: int = 0
    column: str = ""


@record
class If:
    """A condition for all that follows."""

    condition: str


@record
class Do:
    """Statements, with indentation relative to where they stand."""

    lines: tuple[str, ...]


Step = Note | For | Let | If | Do


def clean(text: str) -> str:
    """An expression without redundant parentheses."""
    return _clean(text) if "(" in text else text


@lru_cache(maxsize=1024)  # most pieces of a statement's function are in that of another one, too
def _clean(text: str) -> str:
    return ast.unparse(ast.parse(text, mode="eval"))


def clean_statement(text: str) -> str:
    """A simple statement without redundant parentheses."""
    return ast.unparse(ast.parse(text)) if "(" in text else text


def indented(lines: Sequence[str], depth: int = 1) -> list[str]:
    """The lines, so many levels further in."""
    return [_INDENT * depth + line for line in lines]


def blocks(steps: Sequence[Step], sink: Sequence[str]) -> list[str]:
    """The steps as nested blocks around the statements of ``sink``."""
    lines: list[str] = []
    depth = 0
    for step in _merged(steps):
        match step:
            case Note(text=text):
                printed = [text]
            case For(target=target, iterable=iterable):
                printed = [f"for {target} in {clean(iterable)}:"]
            case Let(name=name, text=text):
                printed = [f"{name} = {clean(text)}"]
            case If(condition=condition):
                printed = [f"if {clean(condition)}:"]
            case Do(lines=statements):
                printed = list(statements)
        lines += indented(printed, depth)
        if isinstance(step, For | If):
            depth += 1
    return lines + indented(sink, depth)


def _merged(steps: Sequence[Step]) -> Iterator[Step]:
    """Neighbouring bindings of columns of one row on one line."""
    waiting: list[Let] = []
    for step in steps:
        if isinstance(step, Let) and step.row is not None:
            if waiting and (waiting[0].row != step.row or len(waiting) == _MERGED):
                yield _together(waiting)
                waiting = []
            waiting.append(step)
            continue
        if waiting:
            yield _together(waiting)
            waiting = []
        yield step
    if waiting:
        yield _together(waiting)


def _together(lets: list[Let]) -> Let:
    return Let(", ".join(let.name for let in lets), ", ".join(let.text for let in lets))


@record
class Comprehension:
    """``value for target in iterable if condition …``; ``plain`` where it yields what ``iterable`` does."""

    value: str
    target: str
    iterable: str
    conditions: tuple[str, ...]
    listed: bool

    @property
    def plain(self) -> bool:
        """Whether the iterable itself does."""
        return not self.conditions and self.value.strip("()") == self.target.strip("()")

    @property
    def short(self) -> bool:
        """Whether it can stand inside a line."""
        return self.plain or len(self._inner) <= _WIDE // 2

    @property
    def generator(self) -> str:
        """As an iterable."""
        return self.iterable if self.plain else f"({self._inner})"

    @property
    def _inner(self) -> str:
        return " ".join((self.value, *self._clauses()))

    def _clauses(self) -> list[str]:
        return [f"for {self.target} in {self.iterable}", *(f"if {condition}" for condition in self.conditions)]

    def listing(self) -> list[str]:
        """The lines of a new list of it."""
        if self.plain:
            return [self.iterable if self.listed else f"list({self.iterable})"]
        return self.bracketed("[", "]")

    def bracketed(self, opening: str, closing: str) -> list[str]:
        """The lines of it between brackets."""
        if len(self._inner) <= _WIDE and len(self.conditions) <= 1:
            return [f"{opening}{self._inner}{closing}"]
        return [opening, *indented([self.value, *self._clauses()]), closing]


def comprehension(steps: Sequence[Step], value: str, source: Source) -> Comprehension | None:
    """The steps as a comprehension of ``value``; None where they are more than one loop and its conditions."""
    steps = [step for step in steps if not isinstance(step, Note)]
    loop = next((step for step in steps if not isinstance(step, Let)), None)  # what is bound before may stand in it
    if not isinstance(loop, For) or any(isinstance(step, For | Do) for step in steps if step is not loop):
        return None
    texts = [step.condition for step in steps if isinstance(step, If)] + [value, loop.iterable]
    lets = [step for step in steps if isinstance(step, Let)]
    if ":=" in "".join(texts) or any(let.kept or ":=" in let.text for let in lets):
        return None
    inlined = _inline(lets, texts, source)
    if inlined is None:
        return None
    *conditions, value, iterable = inlined
    clauses = tuple(_clause(condition) for condition in conditions)
    return Comprehension(value, loop.target, _clause(iterable), clauses, loop.listed)


def _clause(text: str) -> str:
    """An expression that more clauses may follow: a conditional one needs its parentheses there."""
    return f"({text})" if " if " in text and isinstance(ast.parse(text, mode="eval").body, ast.IfExp) else text


def _inline(lets: list[Let], texts: list[str], source: Source) -> list[str] | None:
    """The texts with variables replaced by what they stand for; None where that would compute something twice."""
    named = re.compile(rf"\b(?:{'|'.join(let.name for let in lets)})\b") if lets else None
    trees = {at: ast.parse(text, mode="eval") for at, text in enumerate(texts) if named and named.search(text)}
    for let in reversed(lets):
        uses = sum(
            isinstance(node, ast.Name) and node.id == let.name for tree in trees.values() for node in ast.walk(tree)
        )
        if uses > 1 and let.row is None and not let.text.isidentifier():
            return None
        if uses:
            text = let.text if let.row is None else f"{let.row}[{source.position(let.column, let.name, let.at)}]"
            replacement = _Replace(let.name, ast.parse(text, mode="eval").body)
            trees = {at: replacement.visit(tree) for at, tree in trees.items()}
    return [ast.unparse(trees[at]) if at in trees else clean(text) for at, text in enumerate(texts)]


class _Replace(ast.NodeTransformer):
    def __init__(self, name: str, by: ast.expr) -> None:
        self._name = name
        self._by = by

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._by if node.id == self._name else node
