"""Random window functions."""

from __future__ import annotations

from collections.abc import Sequence

from .expressions import Expressions, Name

WHOLE = ("FIRST_VALUE", "LAST_VALUE", "MIN", "MAX", "LAG", "LEAD", "NTH_VALUE")
"""Functions that give a value of the kind of their argument."""

BOUNDS = ("UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW", "1 FOLLOWING", "UNBOUNDED FOLLOWING")


class Windows:
    """Makes window functions over names in sight, of which equal rows are equal in everything that is shown."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.random = expressions.random
        self.often = expressions.often

    def window(self, kind: str, names: Sequence[Name]) -> str:
        """A call of the kind. Where its value depends on the order of rows, the order is a total one."""
        value = self.expressions.value(kind, names, 0)
        function = self.random.choice(WHOLE)
        if kind == "bool" and function in ("MIN", "MAX"):
            function = "LAST_VALUE"
        if kind == "int" and self.often(0.6):
            function = self.random.choice(("ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "COUNT", "COUNT", "SUM"))
        if kind == "real" and self.often(0.4):
            function = self.random.choice(("CUME_DIST", "PERCENT_RANK", "SUM", "AVG"))
        match function:
            case "ROW_NUMBER":
                return f"{function}() OVER ({self._over(names, total=True)})"
            case "NTILE":
                return f"{function}({self.random.choice((1, 2, 3))}) OVER ({self._over(names, total=True)})"
            case "RANK" | "DENSE_RANK" | "CUME_DIST" | "PERCENT_RANK":
                return f"{function}() OVER ({self._over(names, total=False)})"
            case "LAG" | "LEAD":
                more = self.random.choice(("", ", 1", ", 2"))
                return f"{function}({value}{more}) OVER ({self._over(names, total=True)})"
            case "NTH_VALUE":
                return f"{function}({value}, 2) OVER ({self._over(names, total=True)}{self._frame()})"
            case "FIRST_VALUE" | "LAST_VALUE":
                return f"{function}({value}) OVER ({self._over(names, total=True)}{self._frame()})"
        if function == "COUNT" and self.often(0.5):
            value = "*"
        frame = self._frame()
        filtered = f" FILTER (WHERE {self.expressions.condition(names, 0)})" if self.often(0.15) else ""
        if function in ("MIN", "MAX") and frame and "EXCLUDE" not in frame and "UNBOUNDED PRECEDING" not in frame:
            filtered = ""  # sqlite3 forgets the filter of an extreme whose frame drops rows
        return f"{function}({value}){filtered} OVER ({self._over(names, total=True)}{frame})"

    def numbers(self, names: Sequence[Name]) -> str:
        """ROW_NUMBER or RANK, partitioned and in a total order."""
        partition = self.random.choice(names)
        over = f"PARTITION BY {partition.text} {self._order(names, total=True)}"
        return f"{self.random.choice(('ROW_NUMBER', 'ROW_NUMBER', 'RANK', 'DENSE_RANK'))}() OVER ({over})"

    def _over(self, names: Sequence[Name], total: bool) -> str:
        names = [name for name in names if name.kind != "json"]
        if not names:
            return "ORDER BY 1 + 1"
        partition = ""
        if self.often(0.65):
            partition = (
                f"PARTITION BY {', '.join(name.text for name in self.random.sample(names, min(2, len(names))))} "
            )
        return partition + self._order(names, total)

    def _order(self, names: Sequence[Name], total: bool) -> str:
        chosen = self.random.sample(names, len(names))
        if not total:
            chosen = chosen[: self.random.choice((1, 2))]
        endings = ("", "", " DESC", " NULLS LAST", " DESC NULLS FIRST")
        return "ORDER BY " + ", ".join(f"{name.text}{self.random.choice(endings)}" for name in chosen)

    def _frame(self) -> str:
        if self.often(0.4):
            return ""
        mode = self.random.choice(("ROWS", "ROWS", "RANGE", "GROUPS"))
        bounds = [bound for bound in BOUNDS if mode != "RANGE" or bound[0] in "UC"]
        start = self.random.randrange(len(bounds) - 1)
        end = self.random.randrange(max(start, 1), len(bounds))
        exclude = self.random.choice(("", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE TIES", " EXCLUDE GROUP"))
        return f" {mode} BETWEEN {bounds[start]} AND {bounds[end]}{exclude}"
