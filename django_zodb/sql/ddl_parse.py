"""The text of a definition statement, token by token: what the DDL modules read with.

sqlglot passes much of DDL through unread, or keeps it as an opaque command; here every token is consumed or refused
at its position, and expressions (defaults, checks, index keys) are kept as they were written. ``Reader`` is a cursor
over the tokens with one token of look-ahead in most places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from ..errors import NotSupportedError, ProgrammingError
from ..record import record, replace
from .literals import literal
from .scope import PUBLIC

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<quoted>"(?:[^"]|"")+")
  | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<symbol>::|<=|>=|<>|!=|\|\||->>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)

_PLACEHOLDER = re.compile(
    r"""(?P<literal>"(?:[^"]|"")+"|'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/)|%(?P<kind>%|s|\((?P<name>[^)]*)\)s|.?)""",
    re.DOTALL,
)


@record
class Token:
    """A piece of the text. ``word`` is the upper-case keyword or symbol that it may be; empty for quoted things."""

    kind: str
    text: str
    start: int
    end: int
    word: str


@record
class Name:
    """An identifier as written; an unquoted one matches regardless of case where no name equals it exactly."""

    text: str
    quoted: bool
    where: str

    def among(self, names: Iterable[str]) -> str | None:
        """Which of ``names`` is meant: the equal one, else, if unquoted, the only one equal but for case."""
        known = list(names)
        if self.text in known:
            return self.text
        folded = self.text.casefold()
        alike = [] if self.quoted else [name for name in known if name.casefold() == folded]
        return alike[0] if len(alike) == 1 else None


class Reader:
    """A cursor over the tokens of one statement."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = _tokenize(text)
        self._at = 0
        self._last = len(self._tokens) - 1

    @property
    def token(self) -> Token:
        """The next token; its kind is "end" after the last one."""
        return self._tokens[self._at]

    def peek(self, ahead: int = 1) -> Token:
        """The token ``ahead`` of the next one."""
        return self._tokens[min(self._at + ahead, self._last)]

    def advance(self) -> Token:
        """Consume the next token and return it."""
        token = self._tokens[self._at]
        self._at = min(self._at + 1, self._last)
        return token

    def accept(self, *words: str) -> bool:
        """Consume these keywords or symbols if they are all next."""
        if any(self.peek(ahead).word != word for ahead, word in enumerate(words)):
            return False
        self._at += len(words)
        return True

    def accept_any(self, *words: str) -> str | None:
        """Consume the next keyword or symbol if it is one of these, and return it."""
        word = self.token.word
        if word and word in words:
            self._at += 1
            return word
        return None

    def expect(self, *words: str) -> None:
        """Consume these keywords or symbols; ProgrammingError if something else is next."""
        for word in words:
            if not self.accept(word):
                self.fail(f"{word} is expected")

    def expect_any(self, *words: str) -> str:
        """Consume the next keyword or symbol, which must be one of these, and return it."""
        word = self.accept_any(*words)
        if word is None:
            self.fail(f"{' or '.join(words)} is expected")
        return word

    def identifier(self, what: str = "a name", qualifies: bool = False) -> Name:
        """Consume an identifier; ``what`` it names is for the error message, ``qualifies`` allows a dot after it."""
        token = self.token
        if token.kind not in ("word", "quoted"):
            self.fail(f"{what} is expected")
        self.advance()
        if self.token.word == "." and not qualifies:
            self.refuse("a qualified name is not supported")
        text = token.text if token.kind == "word" else token.text[1:-1].replace('""', '"')
        return Name(text, token.kind == "quoted", self.where(token))

    def relation(self, what: str, qualifies: bool = False) -> Name:
        """Consume the name of a table or view, which means the same in any case, even if it is quoted."""
        self._skip_schema(last_dot=3 if qualifies else 1)
        return replace(self.identifier(what, qualifies), quoted=False)

    def index(self) -> Name:
        """Consume the name of an index that is there."""
        self._skip_schema()
        return self.identifier("an index")

    def _skip_schema(self, last_dot: int = 1) -> None:
        """Consume ``public.`` before a name, if there is a dot as far ahead: ``public.title`` may be a column."""
        if self.peek(last_dot).word == "." == self.peek().word:
            schema = self.identifier("a schema", qualifies=True)
            if schema.among((PUBLIC,)) is None:
                raise ProgrammingError(f'definitions are in the schema {PUBLIC}, not in "{schema.text}"{schema.where}')
            self.advance()

    def identifiers(self, what: str = "a column") -> list[Name]:
        """Consume a parenthesised, comma-separated list of identifiers."""
        self.expect("(")
        names = [self.identifier(what)]
        while self.accept(","):
            names.append(self.identifier(what))
        self.expect(")")
        return names

    def integer(self) -> int:
        """Consume a whole number with an optional sign."""
        sign = -1 if self.accept_any("-", "+") == "-" else 1
        if self.token.kind != "number" or not self.token.text.isdigit():
            self.fail("a whole number is expected")
        return sign * int(self.advance().text)

    def string(self) -> str:
        """Consume a string literal and return its value."""
        token = self.token
        if token.kind != "string" or not token.text.startswith("'"):
            self.fail("a string is expected")
        self.advance()
        return token.text[1:-1].replace("''", "'")

    def parenthesised(self) -> str:
        """Consume a balanced pair of parentheses and return the text between them, stripped."""
        first = self.token
        self.expect("(")
        last = self._skip_balanced(")")
        inner = self.text[first.end : last.start].strip()
        if not inner:
            self.fail("an expression is expected", last)
        return inner

    def expression(self, *stops: str) -> str:
        """Consume an expression, up to a comma, a closing parenthesis or one of the words ``stops``; return its text.

        Parentheses and CASE … END hide what could end it; the first token never does.
        """
        first, cases = self.token, 0
        if first.kind == "end" or first.word in (",", ")", ";"):
            self.fail("an expression is expected")
        last = first
        while self.token.kind != "end":
            word = self.token.word
            if self.token is not first and not cases and (word in (",", ")", ";") or word in stops):
                break
            cases = max(cases + (word == "CASE") - (word == "END"), 0)
            last = self.advance()
            if word == "(":
                last = self._skip_balanced(")")
        return self.text[first.start : last.end]

    def rest(self) -> str:
        """Consume all that follows, as it was written, without a semicolon at its end."""
        start = self.token.start
        self._at = self._last
        ends = [token for token in self._tokens[: self._last] if token.start >= start]
        while ends and ends[-1].word == ";":
            ends.pop()
        if not ends:
            self.fail("a query is expected")
        return self.text[start : ends[-1].end]

    def finish(self) -> None:
        """ProgrammingError unless the statement ends here (but for a semicolon)."""
        self.accept(";")
        if self.token.kind != "end":
            self.fail("the statement should end here")

    def where(self, token: Token | None = None) -> str:
        """Position of ``token`` (or of the next one) as it ends a message: ``' at 1:42'``."""
        start = (token or self.token).start
        line = self.text.count("\n", 0, start) + 1
        return f" at {line}:{start - self.text.rfind(chr(10), 0, start)}"

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        """Raise ProgrammingError: ``message`` and where it was met."""
        raise ProgrammingError(f"{message}{self._met(token or self.token)}")

    def refuse(self, message: str, token: Token | None = None) -> NoReturn:
        """Raise NotSupportedError: ``message`` and where it was met."""
        raise NotSupportedError(f"{message}{self._met(token or self.token)}")

    def _met(self, token: Token) -> str:
        if token.kind == "end":
            return f"{self.where(token)}, at the end of the statement"
        return f"{self.where(token)}: {self.text[token.start : token.start + 40]!r}"

    def _skip_balanced(self, closing: str) -> Token:
        depth = 1
        while True:
            token = self.advance()
            if token.kind == "end":
                self.fail(f"{closing} is missing", token)
            depth += (token.word == "(") - (token.word == ")")
            if not depth:
                return token


def _tokenize(text: str) -> list[Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        assert kind is not None
        if kind == "skip":
            continue
        piece = match[0]
        word = piece.upper() if kind in ("word", "symbol") else ""
        tokens.append(Token(kind, piece, match.start(), match.end(), word))
    tokens.append(Token("end", "", len(text), len(text), ""))
    return tokens


def interpolate(text: str, params: Sequence[object] | Mapping[str, object]) -> str:
    """``text`` with ``%s`` and ``%(name)s`` replaced by literals of ``params``, and ``%%`` by ``%``.

    A definition keeps its expressions as text, so its parameters must become part of it. A sequence may stand for
    named ones too: in the order in which the names are first met.
    """
    numbers: dict[str | int, int] = {}

    def replaced(match: re.Match[str]) -> str:
        if match["literal"]:
            return match[0].replace("%%", "%")
        if match["kind"] == "%":
            return "%"
        if match["kind"] != "s" and match["name"] is None:
            raise ProgrammingError(f"{match[0]!r} is no placeholder; it is %s or %(name)s, and a percent sign is %%")
        number = numbers.setdefault(match["name"] or len(numbers), len(numbers))
        try:
            return literal(params[match["name"]] if isinstance(params, Mapping) else params[number])
        except (LookupError, TypeError) as error:
            raise ProgrammingError(f"no parameter is given for {match[0]!r}, number {number + 1}") from error

    result = _PLACEHOLDER.sub(replaced, text)
    if not isinstance(params, Mapping) and len(numbers) != len(params):
        raise ProgrammingError(f"the statement has {len(numbers)} placeholders, but {len(params)} parameters are given")
    return result
