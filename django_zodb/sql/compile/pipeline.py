"""A pipeline: the loops, conditions and bindings that lead to one row, before they are printed.

The same steps print as nested blocks, or, where they need no statements, as a comprehension: that is a third faster.
There, columns are subscripts with a name for the position, ``book[YEAR]``.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ...record import record, replace
from ..program import Source
from .syntax import expression, is_expression_of, statement

_INDENT = "    "
_WIDE = 100
_MERGED = 4
_MOST_STEPS = 24
_MOST_NAMES = 16


@record
class Note:
    """A comment: the line that EXPLAIN prints for the node whose steps follow."""

    text: str


@record
class For:
    """A loop. ``listed``: the iterable is a list that nobody else holds; ``sized``: it has a length.

    ``found``: an index, and the only key by which the iterable is looked up in it. ``number``: text of its length.
    """

    target: str
    iterable: str
    listed: bool = False
    sized: bool = False
    found: tuple[str, str] | None = None
    number: str = ""


@record
class Let:
    """A variable, or several that are unpacked.

    For a column of a row, ``row`` and ``at`` say which, and ``text`` is the subscript.
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


# A tuple of names and of subscripts by a name or a number: the rows of most statements.
_TUPLE = re.compile(r"\((?:\w+(?:\[\w+\])?, )+\w+(?:\[\w+\])?\)|\(\w+(?:\[\w+\])?,\)")
# One comparison of names and integers in a pair: a statement's only condition, often.
_COMPARISON = re.compile(r"\((\w+ (?:is|is not|in|not in|[<>=!]=|[<>]) \w+)\)")
# What is no call's parenthesis, and a generator that may be without its own.
_GROUPING = re.compile(r"(?<![\w\])])\(| for ")


def clean(text: str) -> str:
    """An expression without redundant parentheses."""
    if "(" not in text or _TUPLE.fullmatch(text) or not _GROUPING.search(text):
        return text
    comparison = _COMPARISON.fullmatch(text)
    return _clean(text) if comparison is None else comparison[1]


@lru_cache(maxsize=1024)  # most pieces of a statement's function are in that of another one, too
def _clean(text: str) -> str:
    return expression(text)


def clean_statement(text: str) -> str:
    """A simple statement without redundant parentheses."""
    return statement(text) if "(" in text else text


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


def in_place(steps: Sequence[Step], sink: Sequence[str], source: Source) -> tuple[Sequence[Step], Sequence[str]]:
    """The steps and the sink, in which a column that is used once in a loop is a subscript there, and no variable."""
    if any(isinstance(step, Do) for step in steps) or not any(isinstance(step, For) for step in steps):
        return steps, sink
    lines: list[Step] = [*steps, *map(If, sink)]
    gone = set()
    for at in range(len(steps) - 1, -1, -1):
        step, following = lines[at], lines[at + 1 :]
        if isinstance(step, Let) and step.row is not None:
            uses = [_words(_text(line))[step.name] for line in following]
            first = uses.index(1) if sum(uses) == 1 else -1
            if first >= 0 and not any(_ends_row(line, step.row) for line in following[:first]):
                subscript = f"{step.row}[{source.position(step.column, step.name, step.at)}]"
                text = _replaced(_text(following[first]), {step.name: subscript})
                lines[at + 1 + first] = _with_text(following[first], text)
                gone.add(at)
    left = [line for at, line in enumerate(lines) if at not in gone]
    end = len(steps) - len(gone)
    return left[:end], [_text(line) for line in left[end:]]


def _ends_row(step: Step, row: str) -> bool:
    """Whether a row may be another one after the step, or what follows is done more often."""
    return isinstance(step, For) or (isinstance(step, Let) and row in _words(step.name))


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
    """``value for target in iterable if condition …``: a loop, then the clauses that follow it.

    ``listed``: the iterable is a list that nobody else holds.
    """

    value: str
    target: str
    iterable: str
    clauses: tuple[str, ...]
    listed: bool

    @property
    def plain(self) -> bool:
        """Whether it yields what the iterable does."""
        return not self.clauses and self.value.strip("()") == self.target.strip("()")

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

    def _clauses(self) -> tuple[str, ...]:
        return f"for {self.target} in {self.iterable}", *self.clauses

    def listing(self) -> list[str]:
        """The lines of a new list of it."""
        if self.plain:
            return [self.iterable if self.listed else f"list({self.iterable})"]
        return self.bracketed("[", "]")

    def bracketed(self, opening: str, closing: str) -> list[str]:
        """The lines of it between brackets."""
        if len(self._inner) <= _WIDE and len(self.clauses) <= 1:
            return [f"{opening}{self._inner}{closing}"]
        return [opening, *indented([self.value, *self._clauses()]), closing]


def comprehension(steps: Sequence[Step], value: str, source: Source) -> Comprehension | None:
    """The steps as a comprehension of ``value``; None where they hold statements, or too many clauses to be read.

    What is bound before the first loop must fit into its iterable. A variable used often is one of a loop over one
    value, ``for author in [authors.get(key)]``, which CPython compiles to an assignment.
    """
    steps = [step for step in steps if not isinstance(step, Note)]
    first = next((at for at, step in enumerate(steps) if isinstance(step, For)), None)
    if first is None or len(steps) > _MOST_STEPS or not all(isinstance(step, Let) for step in steps[:first]):
        return None
    if any(isinstance(step, Do) or ":=" in _looped_over(step) for step in steps):
        return None
    inlined = _inline(steps, value, source)
    loop, *following = inlined[:-1]
    if not isinstance(loop, For):
        return None  # something bound before it is used more than once
    last = inlined[-1]
    assert isinstance(last, If)
    found = Comprehension(
        last.condition, loop.target, _closed(loop.iterable), tuple(map(_clause, following)), loop.listed
    )
    if all(isinstance(step, If) for step in following) and all(_is_column(step) for step in steps[first + 1 :]):
        return found
    return found if max(map(_names, (found.value, *found.clauses))) <= _MOST_NAMES else None


def _names(text: str) -> int:
    """How many names a text has: how much there is to read, however long they are."""
    return _words(text).total()


def _is_column(step: Step) -> bool:
    return not isinstance(step, Let) or step.row is not None


def _looped_over(step: Step) -> str:
    """What stands, or may come to stand, where a comprehension allows no assignment."""
    match step:
        case For(iterable=text) | Let(text=text):
            return text
    return ""


def _clause(step: Step) -> str:
    match step:
        case For(target=target, iterable=iterable):
            return f"for {target} in {_closed(iterable)}"
        case Let(name=name, text=text):
            return f"for {name} in [{text}]"
        case If(condition=condition):
            return f"if {_closed(condition)}"
    raise AssertionError(f"{step} is no clause")


def _closed(text: str) -> str:
    """An expression that more clauses may follow: a conditional one needs its parentheses there."""
    return f"({text})" if " if " in text and is_expression_of(text, ast.IfExp) else text


Texts = list[tuple[Step, str]]
"""Steps, the last one first, each with its expression."""


def _inline(steps: Sequence[Step], value: str, source: Source) -> list[Step]:
    """The steps, with the value as a last condition, and without the variables that can give way to what they hold."""
    names = [step.name for step in steps if isinstance(step, Let)]
    found: Texts = [(If(value), value)]
    columns: dict[str, str] = {}
    for step in reversed(steps):
        if isinstance(step, Let) and step.name.isidentifier():
            alone = names.count(step.name) == 1
            if alone and step.row is not None:
                if _uses(found, step.name):
                    columns[step.name] = f"{step.row}[{source.position(step.column, step.name, step.at)}]"
                continue
            found, columns = _substituted(found, columns), {}
            uses = _uses(found, step.name)
            if uses == 0:
                continue
            if alone and (step.text.isidentifier() or (uses == 1 and not _used_in_loop(found, step.name))):
                found = _substituted(found, {step.name: f"({step.text})"})
                continue
        found.append((step, _text(step)))
    return [_with_text(step, clean(text)) for step, text in reversed(_substituted(found, columns))]


# Strings come first: what looks like a name inside them is none; nor is an attribute, nor the name of an argument.
_WORD = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.])[A-Za-z_]\w*(?!\w|\s*=(?!=))""")


@lru_cache(maxsize=1024)
def _words(text: str) -> Counter[str]:
    """The names in an expression, and how often each is there."""
    return Counter(_WORD.findall(text))


def _uses(texts: Texts, name: str) -> int:
    return sum(_words(text)[name] for _, text in texts)


def _substituted(texts: Texts, by: dict[str, str]) -> Texts:
    """The texts with some names replaced."""
    return [(step, _replaced(text, by)) for step, text in texts] if by else texts


def _replaced(text: str, by: dict[str, str]) -> str:
    return _WORD.sub(lambda match: by.get(match[0], match[0]), text)


def _used_in_loop(later: Texts, name: str) -> bool:
    """Whether a loop opens before the variable is used."""
    for step, text in reversed(later):
        if _words(text)[name]:
            return False
        if isinstance(step, For):
            return True
    return False


def _text(step: Step) -> str:
    """The expression of a step that a comprehension can hold."""
    match step:
        case For(iterable=text) | Let(text=text) | If(condition=text):
            return text
        case Note():
            return ""
    raise AssertionError(f"{step} has no expression")


def _with_text(step: Step, text: str) -> Step:
    match step:
        case For():
            return replace(step, iterable=text)
        case Let():
            return replace(step, text=text)
        case If():
            return If(text)
    raise AssertionError(f"{step} has no expression")
