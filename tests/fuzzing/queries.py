"""Random SELECT statements over random tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from .expressions import Expressions, Name, either, kinds_of, name_of
from .tables import KINDS, Table, quoted
from .windows import Windows

COLUMNS = (("table_name", "text"), ("column_name", "text"), ("ordinal_position", "int"))
DEFINITIONS = "SELECT table_name, column_name, ordinal_position FROM " + either(
    "information_schema.columns", "definitions"
)
"""The columns of all tables and views."""


@dataclass(frozen=True)
class Query:
    """A statement for each side. ``order`` are the positions by which its rows are sorted, with DESC and NULLS."""

    ours: str
    theirs: str
    params: tuple[object, ...] | None
    order: tuple[int, ...] = ()


class Queries:
    """Makes queries over ``tables``."""

    def __init__(self, random: Random, tables: Sequence[Table]) -> None:
        self.random = random
        self.tables = tables
        self._aliases = 0
        self._nesting = 0
        self._with: list[tuple[str, str, tuple[str, ...]]] = []
        self.views: list[tuple[str, tuple[str, ...]]] = []
        self.expressions = Expressions(random, self.subquery)
        self.windows = Windows(self.expressions)

    def query(self) -> Query:
        """A whole query."""
        self.expressions.params.clear()
        self.expressions.constants = self._often(0.4)
        self._aliases, self._nesting, self._with = 0, 0, []
        if self._often(0.2):
            for _ in range(self.random.choice((1, 1, 2))):
                self._common_table()
            if self._often(0.4):
                self._recursive()
        indexed = [table for table in self.tables if table.rows and table.indexed]
        if indexed and not self._with and self._often(0.15):
            text, order = self._by_index(self.random.choice(indexed))
            return Query(*self.expressions.finished(text), order)
        choice = self.random.random()
        if 0.12 < choice < 0.16:
            text, order = self._first_of_each()
            return Query(*self.expressions.finished(self._after_with(text)), order)
        width = self.random.choice((1, 2, 2, 3))
        kinds = tuple(self.random.choice(self._kinds()) for _ in range(width))
        text = self._set_operation(kinds) if choice < 0.12 else self._select((), kinds)
        text, order = self._ordered(text, len(kinds))
        return Query(*self.expressions.finished(self._after_with(text)), order)

    def _after_with(self, text: str) -> str:
        if not self._with:
            return text
        commons = ", ".join(f"{name} AS ({body})" for name, body, _ in self._with)
        return f"WITH RECURSIVE {commons} {text}"

    def _first_of_each(self) -> tuple[str, tuple[int, ...]]:
        """DISTINCT ON some columns, which sqlite3 finds by their numbers."""
        names, source = self._from()
        plain = [name.text for name in names if name.kind != "json"] or ["1"]
        shown = self.random.sample(plain, min(len(plain), self.random.choice((1, 2, 3))))
        keys = ", ".join(shown[: self.random.randint(1, len(shown))])
        columns = ", ".join(f"{text} AS c{at}" for at, text in enumerate(shown))
        endings = [self.random.choice(("", "", " DESC", " DESC NULLS FIRST", " NULLS LAST")) for _ in shown]
        inner = ", ".join(f"{text}{ending}" for text, ending in zip(shown, endings, strict=True))
        outer = ", ".join(f"c{at}{ending}" for at, ending in enumerate(endings))
        number = f", ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {inner}) AS nth"
        every = ", ".join(f"c{at}" for at in range(len(shown)))
        text = either(f"SELECT DISTINCT ON ({keys}) ", f"SELECT {every} FROM (SELECT ") + columns + either("", number)
        text += (
            source + self._where(names, names, ()) + either(f" ORDER BY {inner}", f") WHERE nth = 1 ORDER BY {outer}")
        )
        if self._often(0.4):
            text += f" LIMIT {self.random.choice((1, 3, 10))}"
        return text, tuple(range(len(shown)))

    def simple_value(self, kind: str, names: Sequence[Name]) -> str:
        """An expression without subqueries."""
        self._nesting += 9
        try:
            return self.expressions.value(kind, names, 1)
        finally:
            self._nesting -= 9

    def _by_index(self, table: Table) -> tuple[str, tuple[int, ...]]:
        """Rows between values that some hold, by an index or two: its first columns equal, the next one in a range."""
        columns = self.random.choice(table.indexed)
        names = {c.name: name_of("t", c.name, c.kind, table.values_of(c.name)) for c in table.columns}
        row = dict(zip(names, self.random.choice(table.rows), strict=True))
        others = [other for other in table.indexed if table.key not in (columns, other) and other[0] != columns[0]]
        conditions = self._within_index(columns, names, row, self.random.randrange(len(columns) + 1))
        if others and self._often(0.6):  # each finds many rows, both together few
            both = (columns, self.random.choice(others))
            conditions = [text for each in both for text in self._within_index(each, names, row, 0)]
        if self._often(0.15):
            conditions.append(self.expressions.condition(list(names.values()), 0))
        shown = list(columns) if self._often(0.4) else [c.name for c in table.columns if c.kind != "json"]
        text = f"SELECT {', '.join(names[name].text for name in shown)} FROM {quoted(table.name)} AS t"
        if conditions:
            text += f" WHERE {' AND '.join(conditions)}"
        if self._often(0.3):
            return text, ()
        descending = self.random.choice(("", " DESC"))
        rest = [name for name in shown if name not in columns]
        ending = self.random.choice(("", "", " NULLS LAST", " NULLS FIRST"))
        keys = [f"{names[name].text}{descending}{ending}" for name in columns] + [names[name].text for name in rest]
        text += f" ORDER BY {', '.join(keys)}"
        if self._often(0.5):
            text += f" LIMIT {self.random.choice((1, 2, 5))}" + (" OFFSET 1" if self._often(0.3) else "")
        elif self._often(0.2):
            text += either(" FOR UPDATE", "")
        return text, tuple(shown.index(name) for name in [*columns, *rest])

    def _within_index(
        self, columns: Sequence[str], names: dict[str, Name], row: dict[str, object], equal: int
    ) -> list[str]:
        """Conditions of which the first ``equal`` columns of an index are as in the row, the next one in a range."""
        conditions = []
        for name in columns[:equal]:
            held = "" if row[name] is None else self.expressions.given(names[name].kind, row[name])
            conditions.append(f"{names[name].text} = {held}" if held else f"{names[name].text} IS NULL")
        for name in columns[equal : equal + 1]:
            for operator in self.random.sample(("<", "<=", ">", ">="), self.random.choice((1, 1, 2))):
                conditions.append(
                    f"{names[name].text} {operator} {self.expressions.constant(names[name].kind, [names[name]])}"
                )
        return conditions

    # --- parts -----------------------------------------------------------------------------------------------------

    def _often(self, share: float) -> bool:
        return self.random.random() < share

    def _kinds(self) -> Sequence[str]:
        if not self.expressions.parameters:  # a literal date is a text where nothing says otherwise
            return ("int", "text", "bool", "real")
        return [kind for table in self.tables for column in table.columns if (kind := column.kind) != "json"] or KINDS

    def _alias(self) -> str:
        self._aliases += 1
        return f"{self.random.choice(('t', 'u', 'x'))}{self._aliases}"

    def view(self, name: str) -> tuple[Query, tuple[str, ...]]:
        """The definition of a view, and the kinds of its columns ``c0``, ``c1`` …"""
        self.expressions.params.clear()
        self._aliases, self._nesting, self._with = 0, 1, []
        self.expressions.parameters = self.expressions.constants = False
        kinds = tuple(self.random.choice(self._kinds()) for _ in range(2))
        body = self._select((), kinds, named=True)
        self.expressions.parameters = True
        return Query(*self.expressions.finished(f"CREATE VIEW {quoted(name)} AS {body}")), kinds

    def _common_table(self) -> None:
        kinds = tuple(self.random.choice(self._kinds()) for _ in range(2))
        self._with.append((f"w{len(self._with)}", self._derived(kinds), kinds))

    def _recursive(self) -> None:
        """Numbers that are counted up to a bound, with something beside them: from some rows, on by one each time."""
        other = self.random.choice(self._kinds())
        names, item = self._item()  # one: a product, counted up, would be beyond measure
        source = f" FROM {item}"
        number = f"{self.expressions.value('int', names, 0)} % 4"
        first = f"SELECT {number} AS c0, {self.expressions.value(other, names, 0)} AS c1{source}"
        bound = f"r.c0 < {self.random.choice((2, 4, 5))}"
        if self._often(0.5):  # each row once: it may be joined to others without growing beyond measure
            more, item = self._item()
            kept = self.random.choice(["r.c1"] + [name.text for name in more if name.kind == other])
            on = f"{self.expressions.value('int', more, 0)} = r.c0" if self._often(0.7) else "1 = 1"
            step = f"UNION SELECT r.c0 + 1, {kept} FROM r JOIN {item} ON {on} WHERE {bound}"
        else:
            step = f"{self.random.choice(('UNION', 'UNION ALL'))} SELECT r.c0 + 1, r.c1 FROM r WHERE {bound}"
        self._with.append(("r", f"{first} {step}", ("int", other)))

    def _ordered(self, text: str, width: int) -> tuple[str, tuple[int, ...]]:
        choice = self.random.random()
        if choice < 0.4:
            return text, ()
        positions = self.random.sample(range(1, width + 1), width)
        if choice < 0.65:
            positions = positions[: self.random.randint(1, width)]
        endings = ("", "", " DESC", " ASC NULLS LAST", " DESC NULLS FIRST", " NULLS FIRST", " DESC NULLS LAST")
        text += " ORDER BY " + ", ".join(f"{position}{self.random.choice(endings)}" for position in positions)
        if choice >= 0.65:  # all columns: equal rows are the same, so that a limit has one answer
            text += f" LIMIT {self.random.choice((1, 2, 5, 20))}"
            text += f" OFFSET {self.random.choice((0, 1, 3))}" if self._often(0.2) else ""
        return text, tuple(position - 1 for position in positions)

    def _set_operation(self, kinds: tuple[str, ...]) -> str:
        word = self.random.choice(("UNION", "UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT"))
        return f"{self._select((), kinds)} {word} {self._select((), kinds)}"

    # --- SELECT ----------------------------------------------------------------------------------------------------

    def subquery(self, outer: Sequence[Name], kinds: Sequence[str], one: bool) -> str:
        """A SELECT inside an expression, correlated or not; with ``one`` in parentheses, and of one row at most."""
        if self._nesting >= 2:
            text = f"SELECT {', '.join(self.expressions.constant(kind) for kind in kinds)}"
            return f"({text})" if one else text
        self._nesting += 1
        try:
            if not one:
                body = self._select(outer, kinds)
                if self._often(0.1):
                    body += f" {self.random.choice(('UNION', 'UNION ALL', 'EXCEPT'))} {self._select(outer, kinds)}"
                if self._often(0.1):
                    order = ", ".join(map(str, range(1, len(kinds) + 1)))
                    body += f" ORDER BY {order} LIMIT {self.random.choice((1, 2, 5))}"
                return body
            if self._often(0.5):
                return f"({self._select(outer, kinds)} ORDER BY 1{self.random.choice(('', ' DESC'))} LIMIT 1)"
            return f"({self._single(outer, kinds[0])})"
        finally:
            self._nesting -= 1

    def _single(self, outer: Sequence[Name], kind: str) -> str:
        names, source = self._from()
        value = self.expressions.value(kind, names, 0)
        aggregate = self.random.choice(("MIN", "MAX"))
        if kind == "int" and self._often(0.4):
            return (
                f"SELECT COUNT({self.random.choice(('*', value))}){source}{self._where([*names, *outer], names, outer)}"
            )
        if kind == "bool":
            value = f"CASE WHEN {value} THEN 1 END"
        return f"SELECT {aggregate}({value}){source}{self._where([*names, *outer], names, outer)}"

    def _select(self, outer: Sequence[Name], kinds: Sequence[str], named: bool = False) -> str:
        names, source = self._from()
        visible = [*names, *outer]
        where = self._where(visible, names, outer)
        if self._often(0.25):
            return self._grouped(names, visible, kinds, f"{source}{where}", named)
        distinct = "DISTINCT " if self._often(0.15) else ""
        outputs = [self.expressions.value(kind, names if self._often(0.9) else visible) for kind in kinds]
        if names and self._often(0.15) and all(name.kind != "json" for name in names):
            at = self.random.randrange(len(kinds))
            outputs[at] = self.windows.window(kinds[at], names)
        return f"SELECT {distinct}{self._named(outputs, named)}{source}{where}"

    def _named(self, outputs: Sequence[str], named: bool) -> str:
        return ", ".join(f"{output} AS c{at}" if named else output for at, output in enumerate(outputs))

    def _where(self, visible: Sequence[Name], names: Sequence[Name], outer: Sequence[Name]) -> str:
        conditions = []
        if outer and self._often(0.7):
            pairs = [(a, b) for a in names for b in outer if a.kind == b.kind != "json"]
            if pairs:
                one, other = self.random.choice(pairs)
                operator = self.random.choice(("=", "=", "=", "=", "<", ">=", "<>"))
                conditions.append(f"{one.text} {operator} {other.text}")
        if self._often(0.35):
            conditions.append(self.expressions.condition(visible, self.random.choice((0, 1, 1, 2))))
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _grouped(
        self, names: Sequence[Name], visible: Sequence[Name], kinds: Sequence[str], source: str, named: bool
    ) -> str:
        keys: list[str] = []
        outputs: list[str] = []
        for kind in kinds:
            if self._often(0.5):
                key = self.expressions.column(kind, names)
                if key is not None:
                    keys.append(key)
                    outputs.append(key)
                    continue
            outputs.append(self._aggregate(kind, names))
        plain = [name.text for name in names if name.kind != "json"]
        if self._often(0.2) and plain:
            keys.append(self.random.choice(plain))
        text = f"SELECT {self._named(outputs, named)}{source}"
        if keys:
            text += f" GROUP BY {', '.join(dict.fromkeys(keys))}"
        if self._often(0.15):
            kind = self.random.choice([kind for kind in kinds_of(names) if kind != "bool"] or ["int"])
            having = f"{self._aggregate(kind, names)} {self.random.choice(('<=', '>=', '<>'))}"
            text += (
                f" HAVING {having} {self.expressions.constant(kind, names)}"
                if self._often(0.5)
                else " HAVING COUNT(*) >= 1"
            )
        return text

    def _aggregate(self, kind: str, names: Sequence[Name]) -> str:
        value = self.expressions.value(kind, names, 1)
        function = self.random.choice(("MIN", "MAX"))
        distinct = ""
        if kind == "bool" and self.expressions.parameters:
            function = self.random.choice((either("BOOL_AND", "MIN"), either("BOOL_OR", "MAX")))
        if kind == "int" and self._often(0.6):
            function = self.random.choice(("COUNT", "COUNT", "SUM"))
            if function == "COUNT":
                other = self.random.choice(KINDS)
                value = self.random.choice(("*", self.expressions.value(other, names, 1)))
        elif kind in ("real", "dec") and self._often(0.5):
            function = "SUM"
        if value != "*" and self._often(0.2):
            distinct = "DISTINCT "
        text = f"{function}({distinct}{value})"
        return text + (f" FILTER (WHERE {self.expressions.condition(names, 1)})" if self._often(0.15) else "")

    # --- FROM ------------------------------------------------------------------------------------------------------

    def _from(self) -> tuple[list[Name], str]:
        if self._often(0.02):
            return [], ""
        names, text = self._item()
        if self._nesting == 0 or self._often(0.3):
            for _ in range(self.random.choice((0, 0, 0, 1, 1, 1, 2, 3))):
                names, text = self._joined(names, text)
        return names, f" FROM {text}"

    def _joined(self, names: list[Name], text: str) -> tuple[list[Name], str]:
        more, item = self._item()
        kinds = ["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "LEFT JOIN", "CROSS JOIN"]
        if not self.expressions.constants:  # sqlite3 3.40 takes a constant condition before a FULL JOIN for one of all
            kinds += ["RIGHT JOIN", "FULL JOIN"]
        kind = self.random.choice(kinds)
        both = [*names, *more]
        if kind == "CROSS JOIN":
            return both, f"{text} CROSS JOIN {item}"
        shared = list(_in_common(names, more)) if kind in ("JOIN", "LEFT JOIN") and self.expressions.parameters else []
        if shared and self._often(0.15):
            return both, f"{text} {kind} {item} {self.random.choice(shared)}"
        conditions = []
        pairs = [(a, b) for a in names for b in more if a.kind == b.kind != "json"]
        if pairs and self._often(0.85):
            same = [pair for pair in pairs if pair[0].kind in ("int", "text")] or pairs
            one, other = self.random.choice(same if self._often(0.7) else pairs)
            conditions.append(f"{one.text} {'=' if self._often(0.9) else self.random.choice(('<', '>='))} {other.text}")
        if not conditions or self._often(0.2):
            conditions.append(self.expressions.condition(both, self.random.choice((0, 1))))
        return both, f"{text} {kind} {item} ON {' AND '.join(conditions)}"

    def _item(self) -> tuple[list[Name], str]:
        alias = self._alias()
        choice = self.random.random()
        if choice < 0.05 and self._nesting < 2:
            return self._numbered(alias)
        if choice < 0.12 and self._nesting < 2:
            self._nesting += 1
            kinds = tuple(self.random.choice(self._kinds()) for _ in range(2))
            body = self._derived(kinds)
            self._nesting -= 1
            return [name_of(alias, f"c{at}", kind) for at, kind in enumerate(kinds)], f"({body}) AS {alias}"
        if choice < 0.125 and self.expressions.parameters:
            return [name_of(alias, column, kind) for column, kind in COLUMNS], f"({DEFINITIONS}) AS {alias}"
        if choice < 0.15:
            return self._values(alias)
        if choice < 0.5 and self._with and self._nesting == 0:
            name, _, kinds = self.random.choice(self._with)
            return [name_of(alias, f"c{at}", kind) for at, kind in enumerate(kinds)], f"{name} AS {alias}"
        if choice > 0.85 and self.views and self.expressions.parameters:
            name, kinds = self.random.choice(self.views)
            return [name_of(alias, f"c{at}", kind) for at, kind in enumerate(kinds)], f"{quoted(name)} AS {alias}"
        table = self.random.choice([table for table in self.tables if table.rows or self._often(0.05)] or self.tables)
        names = [name_of(alias, c.name, c.kind, table.values_of(c.name)) for c in table.columns]
        return names, f"{quoted(table.name)} AS {alias}"

    def _derived(self, kinds: tuple[str, ...]) -> str:
        """A query of ``c0``, ``c1`` …, some of several, some with a limit on rows that are sorted by all they hold.

        sqlite3 3.40 is made to carry it out on its own. Merged into the query around it, to the right of an outer join,
        a subquery among its outputs would stay NULL after the first row that finds none; row by row, a UNION ALL of
        RIGHT JOINs would give some rows twice.
        """
        body = self._select((), kinds, named=True)
        for _ in range(self.random.choice((0, 0, 0, 0, 1, 2))):
            word = self.random.choice(("UNION", "UNION ALL", "EXCEPT"))  # as strong as each other
            body += f" {word} {self._select((), kinds, named=True)}"
        if self._often(0.3):
            order = ", ".join(f"{at}{self.random.choice(('', ' DESC'))}" for at in range(1, len(kinds) + 1))
            body += f" ORDER BY {order} LIMIT {self.random.choice((1, 3, 10))}"
            body += " OFFSET 1" if self._often(0.2) else ""
        return either("", "WITH alone AS MATERIALIZED (") + body + either("", ") SELECT * FROM alone")

    def _values(self, alias: str) -> tuple[list[Name], str]:
        """Some rows that are written out; dates would be texts there, and what is only NULL has no type."""
        kinds = [self.random.choice(("int", "text", "real", "bool")) for _ in range(self.random.choice((1, 2, 2)))]
        rows = ", ".join(
            f"({', '.join('NULL' if at and self._often(0.15) else self.expressions.constant(kind) for kind in kinds)})"
            for at in range(self.random.choice((1, 2, 3, 5)))
        )
        names = [name_of(alias, f"column{at}", kind) for at, kind in enumerate(kinds, 1)]
        return names, f"(VALUES {rows}) AS {alias}"

    def _numbered(self, alias: str) -> tuple[list[Name], str]:
        """A table whose rows are numbered within groups, and the first ones of each."""
        table = self.random.choice([table for table in self.tables if table.rows] or self.tables)
        names = [name_of("n", c.name, c.kind, table.values_of(c.name)) for c in table.columns]
        shown = [name for name in names if name.kind != "json"]
        columns = ", ".join(name.text for name in shown)
        number = self.windows.numbers(shown)
        test = self.random.choice(("<= 1", "= 1", "<= 2", "< 3", "BETWEEN 1 AND 2", "= 2"))
        inner = f"SELECT {columns}, {number} AS nth FROM {quoted(table.name)} AS n"
        if self._often(0.3):
            inner += f" WHERE {self.expressions.condition(names, 0)}"
        found = [Name(f"{alias}.{name.text.partition('.')[2]}", name.kind, name.values) for name in shown]
        return [
            *found,
            Name(f"{alias}.nth", "int", (1, 2)),
        ], f"(SELECT * FROM ({inner}) AS m WHERE m.nth {test}) AS {alias}"


def _in_common(names: Sequence[Name], more: Sequence[Name]) -> Iterator[str]:
    """USING of the columns that one of the tables so far has as well, of the same kind.

    sqlite3 3.40 takes NULL for equal to NULL there, if an outer join made it of a column that is NOT NULL.
    """
    for name in more:
        column = name.text.partition(".")[2]
        others = [other for other in names if other.text.partition(".")[2] == column]
        if len(others) == 1 and others[0].kind == name.kind != "json":
            yield either(f"USING ({column})", f"ON {others[0].text} = {name.text}")
