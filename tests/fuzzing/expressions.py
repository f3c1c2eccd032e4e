"""Random typed expressions and conditions over the columns in sight, as text with marked parameters."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from .tables import VALUES, quoted

COMPARISONS = ("=", "=", "=", "<>", "<", "<=", ">", ">=")
_MARK = re.compile("⟦([0-9]+)⟧")
_EITHER = re.compile("⟪([^¦]*)¦([^⟫]*)⟫")


@dataclass(frozen=True)
class Name:
    """A column in sight: its text, kind, and some values that it holds."""

    text: str
    kind: str
    values: Sequence[object] = ()


class Expressions:
    """Makes expressions; ``subquery(names, kinds, one)`` makes the SELECTs inside them."""

    def __init__(self, random: Random, subquery: Callable[[Sequence[Name], Sequence[str], bool], str]) -> None:
        self.random = random
        self.params: list[object] = []
        self.parameters = True
        """False inside a definition, which has none."""
        self.constants = False
        """Whether there may be conditions of nothing but constants."""
        self._subquery = subquery

    def often(self, share: float) -> bool:
        """True with the given probability."""
        return self.random.random() < share

    def finished(self, text: str) -> tuple[str, str, tuple[object, ...] | None]:
        """The statement for each side (``%s`` for us, ``?`` for sqlite3), its parameters in the order of the text."""
        ours, theirs = (_EITHER.sub(side, text) for side in (r"\1", r"\2"))
        numbers = [int(number) for number in _MARK.findall(text)]
        if not numbers:
            return ours, theirs, None
        ours = _MARK.sub("%s", ours.replace("%", "%%"))
        return ours, _MARK.sub("?", theirs), tuple(self.params[number] for number in numbers)

    # --- values ----------------------------------------------------------------------------------------------------

    def constant(self, kind: str, names: Sequence[Name] = (), nullable: bool = False) -> str:
        """A literal or a parameter, mostly of a value that a column in sight holds; seldom NULL, if it may be."""
        if nullable and self.often(0.04):
            return "NULL"
        held = [value for name in names if name.kind == kind for value in name.values]
        return self.given(kind, self.random.choice(held if held and self.often(0.8) else VALUES[kind]))

    def given(self, kind: str, value: object) -> str:
        """The value, as a literal or a parameter."""
        # A literal date would be a text where nothing says otherwise.
        if self.parameters and (kind == "date" or self.often(0.5)):
            self.params.append(value)
            return f"⟦{len(self.params) - 1}⟧"
        return literal(value)

    def _untyped(self) -> Sequence[str]:
        """Kinds whose constants a subquery would give as texts: the literals of dates."""
        return () if self.parameters else ("date",)

    def column(self, kind: str, names: Sequence[Name]) -> str | None:
        """A column of the kind."""
        fitting = [name for name in names if name.kind == kind]
        return self.random.choice(fitting).text if fitting else None

    def value(self, kind: str, names: Sequence[Name], depth: int = 2) -> str:
        """An expression of the kind."""
        choice = self.random.random()
        if depth <= 0 or choice < 0.6 or kind in self._untyped():  # of literals alone it would be a text
            return (self.column(kind, names) if self.often(0.9) else None) or self.constant(kind, names)
        if choice < 0.68:
            return f"COALESCE({self.value(kind, names, depth - 1)}, {self.value(kind, names, depth - 1)})"
        if choice < 0.72:
            return f"NULLIF({self.value(kind, names, depth - 1)}, {self.constant(kind, names)})"
        if choice < 0.8:
            return self._case(kind, names, depth)
        if choice < 0.84 and kind != "bool":
            return self._subquery(names, (kind,), True)
        return self._operation(kind, names, depth)

    def _case(self, kind: str, names: Sequence[Name], depth: int) -> str:
        whens = " ".join(
            f"WHEN {self.condition(names, depth - 1)} THEN {self.value(kind, names, depth - 1)}"
            for _ in range(self.random.choice((1, 1, 2)))
        )
        otherwise = f" ELSE {self.value(kind, names, depth - 1)}" if self.often(0.6) else ""
        return f"CASE {whens}{otherwise} END"

    def _operation(self, kind: str, names: Sequence[Name], depth: int) -> str:
        def one() -> str:
            return self.value(kind, names, depth - 1)

        match kind:
            case "int":
                operand = f"({one()})"
                forms = [f"({one()} {self.random.choice('+-')} {one()})", f"({operand} * {self.random.randint(-3, 5)})"]
                forms += [f"({operand} {self.random.choice('/%')} {self.random.choice((1, 2, 3, -2, 7))})"]
                forms += [
                    f"CAST({text} AS integer)" for text in self._in_document(names, ("'n'", "'o' ->> 'n'", "0"))
                ] * 3
                forms += [f"ABS({operand})", f"(- {operand})", f"LENGTH({self.value('text', names, depth - 1)})"]
                return self.random.choice(forms)
            case "real":
                forms = [f"({one()} {self.random.choice('+-')} {one()})", f"({one()} * 0.5)", f"({one()} / 2.0)"]
                return self.random.choice([*forms, f"ABS({one()})", f"CAST({self.value('int', names, 0)} AS real)"])
            case "dec":
                return self.random.choice((f"({one()} + {one()})", f"({one()} * 2)", f"ABS({one()})", f"(- {one()})"))
            case "text":
                forms = self._in_document(names, ("'s'",)) * 3
                forms += [f"({one()} || {one()})", f"UPPER({one()})", f"LOWER({one()})", f"TRIM({one()})"]
                forms += [f"SUBSTR({one()}, {self.random.randint(1, 3)}, {self.random.randint(0, 2)})"]
                forms += [
                    f"REPLACE({one()}, 'a', {self.constant('text')})",
                    f"CAST({self.value('int', names, 0)} AS text)",
                ]
                return self.random.choice(forms)
            case "bool":
                return f"({self.condition(names, depth - 1)})"
            case _:
                return one()

    def _in_document(self, names: Sequence[Name], keys: Sequence[str]) -> list[str]:
        """What stands under one of the keys of a document, if there is one in sight."""
        document = self.column("json", names)
        if document is None:
            return []
        *steps, last = self.random.choice(keys).split(" ->> ")
        return [f"({' -> '.join([document, *steps])} ->> {last})"]

    # --- conditions ------------------------------------------------------------------------------------------------

    def condition(self, names: Sequence[Name], depth: int = 2) -> str:
        """A condition in three-valued logic."""
        choice = self.random.random()
        if self.constants and self.often(0.05):
            return self.random.choice(("TRUE", "FALSE", "1 = 1", "NULL IS NULL", "NULL = 1", "2 < 1"))
        if depth <= 0 or choice < 0.5:
            return self._comparison(names, depth)
        if choice < 0.78:
            word = " AND " if choice < 0.6 else " OR "
            return "(" + word.join(self.condition(names, depth - 1) for _ in range(self.random.choice((2, 2, 3)))) + ")"
        if choice < 0.86:
            return f"NOT ({self.condition(names, depth - 1)})"
        if choice < 0.88:
            test = self.random.choice(("IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE"))
            return f"({self.condition(names, depth - 1)}) {test}"
        return self._with_subquery(names)

    def _comparison(self, names: Sequence[Name], depth: int) -> str:
        kind = self.random.choice(kinds_of(names))
        term = self.value(kind, names, min(depth, 1))
        if not self.constants and '."' not in term:
            term = self.column(kind, names) or term
        choice = self.random.random()
        document = self.column("json", names)
        if document is not None and choice < 0.1:
            key = self.random.choice(("'n'", "'s'", "'o' -> 'n'", "'l' -> 0", "1 -> 'n'"))
            return f"({document} -> {key}) IS {self.random.choice(('', 'NOT '))}NULL"
        if kind == "bool" and choice < 0.5:
            return term if self.often(0.5) else f"NOT {term}"
        if kind == "text" and choice < 0.25:
            return self._like(term, names)
        if self.constants and 0.45 < choice < 0.55:  # folded before there is any row
            term = self.constant(kind)
        if choice < 0.55:
            other = self.constant(kind, names, True) if self.often(0.6) else self.value(kind, names, min(depth, 1))
            return f"{term} {self.random.choice(COMPARISONS)} {other}"
        if choice < 0.68:
            return f"{term} IS {self.random.choice(('', 'NOT '))}NULL"
        negated = self.random.choice(("", "", "NOT "))
        if choice < 0.85:
            items = [self.constant(kind, names, True) for _ in range(self.random.randint(1, 4))]
            if choice > 0.83 and kind in ("int", "text"):
                return f"{term} {negated}IN (VALUES ({'), ('.join(items)}))"
            return f"{term} {negated}IN ({', '.join(items)})"
        if choice < 0.95:
            return f"{term} {negated}BETWEEN {self.constant(kind, names, True)} AND {self.constant(kind, names)}"
        return f"{term} IS {negated}DISTINCT FROM {self.value(kind, names, 0)}"

    def _like(self, term: str, names: Sequence[Name]) -> str:
        pattern = self.random.choice(
            ("a%", "%a", "%a%", "_", "%", "a_b", "%\\%", "\\_%", "_%_", "é%", "A%", "%b%a%", "")
        )
        if self.parameters and self.often(0.5):
            self.params.append(pattern)
            shown = f"⟦{len(self.params) - 1}⟧"
        else:
            shown = literal(pattern)
        return f"{term} {self.random.choice(('', '', 'NOT '))}LIKE {shown} ESCAPE '\\'"

    def _with_subquery(self, names: Sequence[Name]) -> str:
        kinds = [kind for kind in kinds_of(names) if kind not in self._untyped()] or ["int"]
        negated = self.random.choice(("", "", "NOT "))
        choice = self.random.random()
        if choice < 0.4:
            return f"{negated}EXISTS ({self._subquery(names, ('int',), False)})"
        kind = self.random.choice(kinds)
        term = self.value(kind, names, 0)
        if choice < 0.7:
            word = either("<> ALL", "NOT IN") if negated else either("= ANY", "IN")
            word = word if choice > 0.65 and self.parameters else f"{negated}IN"
            return f"{term} {word} ({self._subquery(names, (kind,), False)})"
        if choice < 0.8:
            other = self.random.choice(kinds)
            row = f"({term}, {self.value(other, names, 0)})"
            return f"{row} {negated}IN ({self._subquery(names, (kind, other), False)})"
        return f"{term} {self.random.choice(COMPARISONS)} {self._subquery(names, (kind,), True)}"


def either(ours: str, theirs: str) -> str:
    """What the two sides spell differently, to be put into a statement before it is ``finished``."""
    return f"⟪{ours}¦{theirs}⟫"


def literal(value: object) -> str:
    """The value as both engines write it."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case dt.date():
            return f"'{value.isoformat()}'"
        case Decimal() | int() | float():
            return f"({value})" if value < 0 else str(value)
    raise TypeError(value)


def kinds_of(names: Sequence[Name]) -> list[str]:
    """The kinds in sight that can be compared."""
    return [name.kind for name in names if name.kind != "json"] or ["int"]


def name_of(alias: str, column: str, kind: str, values: Sequence[object] = ()) -> Name:
    """The column of a table's alias."""
    return Name(f"{alias}.{quoted(column)}", kind, values)
