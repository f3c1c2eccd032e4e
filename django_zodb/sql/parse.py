"""SQL text with pyformat placeholders → a sqlglot tree, or an error that quotes and locates what was met.

``parse("SELECT id FROM book WHERE id = %s", True)`` gives ``Parsed``, whose tree has a ``Placeholder("parameter 1")``
where ``%s`` stood. Placeholders are replaced among the *tokens*, so nothing inside a literal, a quoted identifier or a
comment is ever one, and every position is one in the caller's text. ``%(name)s`` gets one number per name, ``%%`` is
``%``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import SqlglotError

from ..errors import DatabaseError, NotSupportedError, OperationalError, ProgrammingError
from ..record import record, replace
from .instead import for_statement


class ZodbDialect(Postgres):
    """PostgreSQL's grammar; NULL is the smallest value where ORDER BY says nothing."""

    NULL_ORDERING = "nulls_are_small"

    class Tokenizer(Postgres.Tokenizer):
        """No word makes the rest, up to a semicolon even in a literal, one token: ``EXPLAIN SELECT 'a;b'``."""

        COMMANDS: ClassVar[set[TokenType]] = set()


_DIALECT = ZodbDialect()
logging.getLogger("sqlglot").addHandler(logging.NullHandler())  # else what it warns of goes to standard error

_FIRST_WORDS = frozenset(("(", "DELETE", "INSERT", "SELECT", "TABLE", "UPDATE", "VALUES", "WITH"))
_NOT_SPOKEN = re.compile(
    "ANALYZE|ATTACH|CALL|CHECKPOINT|CLOSE|CLUSTER|COPY|DEALLOCATE|DECLARE|DESCRIBE|DETACH|DISCARD|DO|EXECUTE|FETCH|GRANT|IMPORT|"
    "LISTEN|LOAD|LOCK|MERGE|MOVE|NOTIFY|PRAGMA|PREPARE|REASSIGN|REFRESH|REINDEX|REPLACE|RESET|REVOKE|SECURITY|SET|SHOW|"
    "UNLISTEN|USE|VACUUM"
)

_INTERVAL_UNITS = frozenset(("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "year"))

QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
WRITES = (exp.Insert, exp.Update, exp.Delete)
DEFINITIONS = frozenset(("ALTER", "COMMENT", "CREATE", "DROP", "TRUNCATE"))
"""The first words of statements that ``ddl.bind_definition`` understands; they are left to it as tokens."""

_EXPLAIN = re.compile(
    r"\s*EXPLAIN\b\s*(?:QUERY\s+PLAN\b|(?P<analyze>ANALYZE\b)|\((?!\s*(?:SELECT|VALUES|WITH|TABLE)\b)(?P<options>[^()]*)\))?\s*",
    re.IGNORECASE,
)
_EXPLAIN_FORMATS = ("text", "python")


@record
class Explain:
    """What EXPLAIN asked for: ``format`` "text" or "python"; ``analyze`` runs it; ``costs`` adds what is expected."""

    format: str = "text"
    analyze: bool = False
    costs: bool = True


@record
class Parsed:
    """A statement. ``tree`` is None for a definition (see ``DEFINITIONS``).

    ``positions`` tells where in ``text`` each placeholder stood; ``names`` are those of ``%(name)s`` by number, None
    if placeholders are positional.
    """

    text: str
    tree: exp.Expression | None
    positions: tuple[int, ...] = ()
    names: tuple[str, ...] | None = None
    explain: Explain | None = None

    @property
    def param_count(self) -> int:
        """How many parameters the statement takes."""
        return len(self.positions)


@lru_cache(maxsize=512)
def parse_short(text: str, formatted: bool) -> Parsed:
    """``parse``, remembered: so a changed schema only binds again. For texts of bounded length."""
    return parse(text, formatted)


def parse(text: str, formatted: bool) -> Parsed:
    """The only statement of ``text``; ``formatted`` tells if ``%`` introduces placeholders or is an ordinary character.

    Raises ProgrammingError for what is no SQL, NotSupportedError for statements that are not spoken here.
    """
    explain, explained = _explain(text)
    tokens = _tokens(explained)
    positions: tuple[int, ...] = ()
    names: tuple[str, ...] | None = None
    if formatted and "%" in text:
        tokens, positions, names = _Placeholders(text, tokens).replaced()
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if "interval" in text.lower():
        tokens = _with_whole_intervals(tokens)
    if "->" in text:
        tokens = _without_lambdas(tokens)
    if not tokens:
        raise ProgrammingError("EXPLAIN of nothing" if explain else "an empty statement")
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            raise ProgrammingError(f"more than one statement in one call: {quote(text, token.start)}")
    tree = None if tokens[0].text.upper() in DEFINITIONS else _tree(text, tokens)
    return Parsed(text, tree, positions, names, explain)


def statements(script: str) -> list[str]:
    """The statements of ``script``, without semicolons and comments between them; ProgrammingError as by ``parse``."""
    spans: list[tuple[int, int]] = []
    begun: Token | None = None
    for token in _tokens(script):
        if token.token_type is TokenType.SEMICOLON:
            begun = None
        elif begun is None:
            begun = token
            spans.append((token.start, token.end + 1))
        else:
            spans[-1] = begun.start, token.end + 1
    return [script[start:end] for start, end in spans]


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Parsed:
    """An expression alone, such as a default or a check; it may hold no placeholder."""
    wrapped = f"SELECT ({text}\n)"  # the line feed ends a trailing comment
    tree = _tree(wrapped, _without_lambdas(_with_whole_intervals(_tokens(wrapped))))
    expression = tree.expressions[0] if isinstance(tree, exp.Select) and len(tree.expressions) == 1 else None
    others = [name for name, value in tree.args.items() if value and name != "expressions"]
    if others or not isinstance(expression, exp.Paren):
        raise ProgrammingError(f"no expression: {text!r}")
    return Parsed(wrapped, expression.this)


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text`` in this dialect; ProgrammingError if a literal or a comment does not end."""
    return _tokens(text)


# --- where an error lies -------------------------------------------------------------------------------------------


def span_of(node: exp.Expression) -> tuple[int, int] | None:
    """Where ``node`` begins and ends in the text it was parsed from, as far as its parts know; None if none does."""
    metas = [part.meta for part in node.walk() if part.meta and "start" in part.meta]
    if not metas:
        return None
    return min(meta["start"] for meta in metas), max(meta["end"] for meta in metas) + 1


def place(text: str, start: int) -> str:
    """``line:column``, both from 1."""
    line = text.count("\n", 0, start) + 1
    return f"{line}:{start - (text.rfind(chr(10), 0, start) + 1) + 1}"


def quote(text: str, start: int, end: int | None = None) -> str:
    """The fragment from ``start`` to ``end`` (the end of the text), and its place: ``"GROUPS BETWEEN…" at 1:42``."""
    end = len(text) if end is None else end
    shown = min(end, start + 60)
    fragment = " ".join(text[start:shown].split())
    return f'"{fragment}{"…" if shown < end else ""}" at {place(text, start)}'


def locate(text: str, node: exp.Expression) -> str:
    """``quote`` for a node; where its parts do not know their place, the node in the parser's own words."""
    span = span_of(node)
    if span is not None:
        start, end = span
        while text[start:end].count("(") > text[start:end].count(")") and ")" in text[end:]:
            end = text.index(")", end) + 1
        return quote(text, start, end)
    shown = node.sql(_DIALECT)
    return f'"{shown[:60]}{"…" if len(shown) > 60 else ""}"'


def unsupported(text: str, node: exp.Expression, what: str) -> NotSupportedError:
    """The NotSupportedError to raise: ``what`` names the thing, the rest of the message quotes and locates it."""
    return NotSupportedError(f"{what}: {locate(text, node)}")


def wrong(text: str, node: exp.Expression, what: str) -> ProgrammingError:
    """The ProgrammingError to raise about ``node``."""
    return ProgrammingError(f"{what}: {locate(text, node)}")


# --- tokens --------------------------------------------------------------------------------------------------------


def _tokens(text: str) -> list[Token]:
    if "\0" in text:
        raise ProgrammingError(f"a NUL character at {place(text, text.index(chr(0)))}")
    try:
        tokens = list(_DIALECT.tokenize(text))
    except SqlglotError as error:
        raise ProgrammingError(f"a literal, quoted name or comment does not end: {_shortened(text)}") from error
    return _with_numbers(text, tokens) if _LETTERED_NUMBER.search(text) else tokens


_LETTERED_NUMBER = re.compile(r"(?<!\w)\d+[A-Za-z_]")
_WHOLE_NUMBER = re.compile(r"0x[0-9a-f]+(?:_[0-9a-f]+)*|0o[0-7]+(?:_[0-7]+)*|0b[01]+(?:_[01]+)*|\d+(?:_\d+)+", re.I)
_NUMBERS = (TokenType.NUMBER, TokenType.HEX_STRING, TokenType.BIT_STRING)


def _with_numbers(text: str, tokens: list[Token]) -> list[Token]:
    """``0x1F``, ``0o17``, ``0b11`` and ``1_000`` as the numbers that they are; ProgrammingError for ``12abc``.

    The tokenizer takes them for bytes, and for numbers with a name behind.
    """
    result: list[Token] = []
    number_ends = -1
    for token in tokens:
        if token.token_type in _NUMBERS and text[token.start].isdigit():
            match = _WHOLE_NUMBER.match(text, token.start)
            number_ends = token.end + 1 if match is None else match.end()
            if match is not None:
                digits = match.group().replace("_", "")
                value = str(int(digits, 0 if digits[1:2].isalpha() else 10))
                token = Token(TokenType.NUMBER, value, token.line, token.col, token.start, number_ends - 1)
        elif token.start < number_ends:
            continue  # a part of the number
        elif token.start == number_ends and (text[token.start].isalnum() or text[token.start] == "_"):
            raise ProgrammingError(f"letters after a number: {quote(text, token.start)}")
        result.append(token)
    return result


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:199] + "…")


PARAMETER = "parameter "
"""What the parser is told that a placeholder is called; no name that could stand in a statement."""


def parameter_of(node: exp.Expression) -> int:
    """The number of the parameter that a placeholder means; ProgrammingError for those of other drivers."""
    name = str(node.this)
    if not name.startswith(PARAMETER):
        raise ProgrammingError(f":{name} is no placeholder; it is %s or %(name)s")
    return int(name[len(PARAMETER) :]) - 1


class _Placeholders:
    """One pass over the tokens of a formatted text."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.numbers: dict[str, int] = {}
        self.positions: list[int] = []
        self.positional = False

    def replaced(self) -> tuple[list[Token], tuple[int, ...], tuple[str, ...] | None]:
        """The tokens with placeholders, the places of these, and the names if there are any."""
        result: list[Token] = []
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if "%" not in token.text:
                result.append(token)
                at += 1
            elif token.text == "%":
                at = self._percent(at, result)
            else:  # a literal or a quoted name; an operator made of "%" is none of ours
                result.append(_with_text(token, token.text.replace("%%", "%")))
                at += 1
        if self.numbers and self.positional:
            raise ProgrammingError('"%s" and "%(name)s" in one statement')
        return result, tuple(self.positions), tuple(self.numbers) or None

    def _percent(self, at: int, result: list[Token]) -> int:
        """Append what the "%" at ``at`` means; the index of the first token after it."""
        token = self.tokens[at]
        rest = self.text[token.end + 1 :]
        if rest.startswith("%"):
            result.append(token)
            return at + 2
        if rest.startswith("("):
            return self._named(at, result)
        following = self.tokens[at + 1] if at + 1 < len(self.tokens) else token
        if not rest.startswith("s") or following.text != "s":
            raise ProgrammingError(
                f"no placeholder: {quote(self.text, token.start)}; it is %s or %(name)s, and a percent sign is %%"
            )
        self._append(result, token, len(self.positions))
        self.positions.append(token.start)
        self.positional = True
        return at + 2

    def _named(self, at: int, result: list[Token]) -> int:
        start = self.tokens[at].end + 2
        closing = self.text.find(")s", start)
        if closing < 0:
            raise ProgrammingError(f'no ")s" ends the placeholder: {quote(self.text, start - 2)}')
        name = self.text[start:closing]
        if name not in self.numbers:
            self.numbers[name] = len(self.positions)
            self.positions.append(start - 2)
        number = self.numbers[name]
        self._append(result, self.tokens[at], number)
        while at < len(self.tokens) and self.tokens[at].start <= closing + 1:
            at += 1
        return at

    def _append(self, result: list[Token], token: Token, number: int) -> None:
        line, col, start, end = token.line, token.col, token.start, token.start + 1
        result.append(Token(TokenType.COLON, ":", line, col, start, end))
        result.append(Token(TokenType.VAR, f"{PARAMETER}{number + 1}", line, col, start, end))


def _with_whole_intervals(tokens: list[Token]) -> list[Token]:
    """``INTERVAL '1 day 02:00'`` as ``'1 day 02:00'::interval``: of the former the parser drops all but the day."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1 : at + 3]
        is_literal = token.token_type is TokenType.INTERVAL and bool(following)
        if is_literal and following[0].token_type is TokenType.STRING:
            unit = following[1].text.lower().removesuffix("s") if len(following) > 1 else ""
            if unit not in _INTERVAL_UNITS:
                cast = Token(TokenType.DCOLON, "::", token.line, token.col, token.start, token.end)
                result += [following[0], cast, token]
                at += 2
                continue
        result.append(token)
        at += 1
    return result


_BEFORE_ARGUMENT = (TokenType.L_PAREN, TokenType.COMMA)


def _without_lambdas(tokens: list[Token]) -> list[Token]:
    """``f(a -> 'b')`` as ``f(a::json -> 'b')``: the former is a function of ``a`` to the parser."""
    result: list[Token] = []
    for token in tokens:
        if token.token_type is TokenType.ARROW and len(result) > 1 and result[-2].token_type in _BEFORE_ARGUMENT:
            line, col, start, end = token.line, token.col, token.start, token.end
            result.append(Token(TokenType.DCOLON, "::", line, col, start, end))
            result.append(Token(TokenType.JSON, "json", line, col, start, end))
        result.append(token)
    return result


def _with_text(token: Token, text: str) -> Token:
    return Token(token.token_type, text, token.line, token.col, token.start, token.end)


def _explain(text: str) -> tuple[Explain | None, str]:
    """EXPLAIN [ANALYZE] or EXPLAIN (FORMAT x, ANALYZE) in front, and the text with that blanked out.

    By text, since the tokenizer takes all that follows the word for one literal.
    """
    match = _EXPLAIN.match(text)
    if match is None:
        return None, text
    explain = Explain(analyze=match["analyze"] is not None)
    for option in (match["options"] or "").split(","):
        if option.strip() or match["options"] is not None:
            explain = _with_option(text, explain, option.split(), match.start("options"))
    blank = re.sub(r"[^\n]", " ", match[0])
    return explain, blank + text[match.end() :]


def _with_option(text: str, explain: Explain, words: list[str], start: int) -> Explain:
    match [word.lower() for word in words]:
        case ["analyze" | "costs" as option] | ["analyze" | "costs" as option, "true" | "on"]:
            return replace(explain, **{option: True})
        case ["analyze" | "costs" as option, "false" | "off"]:
            return replace(explain, **{option: False})
        case ["format", format_] if format_ in _EXPLAIN_FORMATS:
            return replace(explain, format=format_)
    raise NotSupportedError(
        f"EXPLAIN option {' '.join(words) or 'nothing'!r} is not supported: {quote(text, start)}; "
        "there are ANALYZE, COSTS, FORMAT TEXT and FORMAT PYTHON"
    )


# --- the tree ------------------------------------------------------------------------------------------------------


_DEEPEST = 250
_OPENING = {TokenType.L_PAREN: 1, TokenType.CASE: 1, TokenType.L_BRACKET: 25, TokenType.L_BRACE: 25}
_CLOSING = {TokenType.R_PAREN: 1, TokenType.END: 1, TokenType.R_BRACKET: 25, TokenType.R_BRACE: 25}
_PREFIXES = frozenset((TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE, TokenType.INTERVAL))


def _check_depth(text: str, tokens: list[Token]) -> None:
    """OperationalError for what nests so deeply that the parser, which is C, would overrun a thread's stack of 1 MB.

    Since Python 3.12 nothing else stops it. Of nested brackets it tries each twice: ten levels are a thousand trials.
    """
    if len(tokens) <= _DEEPEST and "[" not in text and "{" not in text:
        return
    depth = prefixes = 0
    for token in tokens:
        kind = token.token_type
        prefixes = prefixes + 1 if kind in _PREFIXES else 0
        depth = max(depth + _OPENING.get(kind, 0) - _CLOSING.get(kind, 0), 0)
        if depth + prefixes > _DEEPEST:
            raise OperationalError(f"the statement is nested too deeply: {quote(text, token.start)}")


def _tree(text: str, tokens: list[Token]) -> exp.Expression:
    first = tokens[0]
    word = first.text.upper()
    if _NOT_SPOKEN.fullmatch(word):
        raise NotSupportedError(f"{word} is not supported{for_statement(word)}: {quote(text, first.start)}")
    if word not in _FIRST_WORDS:
        raise ProgrammingError(f"no SQL statement: {quote(text, first.start)}")
    _check_depth(text, tokens)
    try:
        trees: Sequence[Any] = _DIALECT.parser().parse(tokens, text)
    except SqlglotError as error:
        raise _syntax_error(text, error) from error
    except RecursionError as error:
        raise OperationalError(f"the statement is nested too deeply: {quote(text, first.start)}") from error
    except (TypeError, AttributeError, ValueError, IndexError) as error:  # the parser has tripped over what is missing
        raise ProgrammingError(f"syntax error: {_shortened(text)}") from error
    tree = trees[0] if trees else None
    if isinstance(tree, QUERIES + WRITES):
        return tree
    raise ProgrammingError(f"no SQL statement: {quote(text, first.start)}")


def _syntax_error(text: str, error: SqlglotError) -> DatabaseError:
    details = getattr(error, "errors", None)
    if not details:
        return ProgrammingError(f"syntax error: {_shortened(text)}")
    found = details[0]
    highlight = found["highlight"]
    # sqlglot gives the column of the highlighted token's last character
    lines = text.split("\n")[: found["line"] - 1]
    start = max(sum(len(line) + 1 for line in lines) + found["col"] - len(highlight), 0)
    if not text.startswith(highlight, start):
        start = max(text.find(highlight, start - 2), 0)
    what = found["description"].partition(" for <class")[0].rstrip(".").removeprefix("Invalid expression / ")
    return ProgrammingError(f"syntax error, {what[:1].lower()}{what[1:]}: {quote(text, start)}")
