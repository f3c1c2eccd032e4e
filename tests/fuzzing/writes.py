"""Random INSERT, UPDATE and DELETE statements, and savepoints around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from .expressions import Name, either, literal, name_of
from .queries import Queries, Query
from .tables import VALUES, Column, Table, quoted


class Writes:
    """Makes statements that write into ``tables``; expressions come from ``queries``."""

    def __init__(self, random: Random, tables: Sequence[Table], queries: Queries) -> None:
        self.random = random
        self.tables = tables
        self.queries = queries
        self.expressions = queries.expressions
        self._next_id = 100

    def statements(self, count: int) -> Iterator[Query]:
        """A transaction: so many statements that write, with savepoints released or rolled back among them."""
        yield _plain("BEGIN")
        depth = 0
        for _ in range(count):
            choice = self.random.random()
            if choice < 0.15:
                depth += 1
                yield _plain(f"SAVEPOINT s{depth}")
            elif choice < 0.3 and depth:
                to = self.random.randint(1, depth)
                if self._often(0.7):
                    yield _plain(f"ROLLBACK TO SAVEPOINT s{to}")
                    depth = to
                else:
                    yield _plain(f"RELEASE SAVEPOINT s{to}")
                    depth = to - 1
            else:
                yield self.statement()
        yield _plain("COMMIT" if self._often(0.8) else "ROLLBACK")

    def statement(self) -> Query:
        """One statement."""
        self.expressions.params.clear()
        table = self.random.choice(self.tables)
        choice = self.random.random()
        if choice < 0.4:
            text = self._insert(table)
        elif choice < 0.5:
            text = self._insert_selected(table)
        elif choice < 0.8:
            text = self._update(table)
        else:
            text = self._delete(table)
        if self._often(0.4):
            names = [
                name for name in self._names(table) if name.kind not in ("big", "json")
            ]  # sqlite3 3.40 may return them rounded
            text += f" RETURNING {', '.join(name.text for name in self.random.sample(names, min(2, len(names))))}"
        return Query(*self.expressions.finished(text))

    # --- parts -----------------------------------------------------------------------------------------------------

    def _often(self, share: float) -> bool:
        return self.random.random() < share

    def _names(self, table: Table) -> list[Name]:
        return [name_of(quoted(table.name), c.name, c.kind, table.values_of(c.name)) for c in table.columns]

    def _where(self, table: Table) -> str:
        if self._often(0.1):
            return ""
        names = self._names(table)
        if self._often(0.4) and table.rows:
            name = self.random.choice(names)
            return f" WHERE {name.text} = {self.expressions.constant(name.kind, [name])}"
        return f" WHERE {self.expressions.condition(names, self.random.choice((0, 1, 2)))}"

    def _where_once(self, table: Table) -> str:
        """The condition of a statement that changes what it reads; sqlite3 is made to find the rows beforehand.

        Met: its UPDATE where a condition OR NOT EXISTS (…) holds, which sees the rows that it has already changed.
        """
        where = self._where(table)
        if "SELECT" not in where:
            return where
        found = either("", f"rowid IN (SELECT rowid FROM {quoted(table.name)} WHERE ")
        return f" WHERE {found}{where.removeprefix(' WHERE ')}{either('', ')')}"

    def _delete(self, table: Table) -> str:
        return f"DELETE FROM {quoted(table.name)}{self._where_once(table)}"

    def _insert(self, table: Table) -> str:
        rows = ", ".join(
            f"({', '.join(self._inserted(table, column) for column in table.columns)})"
            for _ in range(self.random.choice((1, 1, 2, 3)))
        )
        return f"INSERT INTO {quoted(table.name)} ({self._columns(table)}) VALUES {rows}{self._on_conflict(table)}"

    def _columns(self, table: Table) -> str:
        return ", ".join(quoted(column.name) for column in table.columns)

    def _inserted(self, table: Table, column: Column) -> str:
        if column.name == "id" and self._often(0.85):
            self._next_id += 1
            return str(self._next_id)
        if column.name == "id":  # of a row that is there; never NULL: which key that draws is each engine's affair
            return str(self.random.randint(1, 10))
        if column.name in table.references and self._often(0.8):
            held = next(other for other in self.tables if other.name == table.references[column.name]).values_of("id")
            return literal(self.random.choice(held)) if held else "NULL"
        if self._often(0.15 if column.nullable else 0.01):
            return "NULL"
        if column.name in table.unique and column.kind in ("int", "text") and self._often(0.6):
            self._next_id += 1
            return str(self._next_id) if column.kind == "int" else f"'k{self._next_id}'"
        return self.expressions.constant(column.kind, [name_of("", column.name, column.kind, VALUES[column.kind])])

    def _on_conflict(self, table: Table) -> str:
        if self._often(0.75):
            return ""
        keys = table.unique | {*table.references}
        plain = [column for column in table.columns if column.name not in keys and column.kind != "json"]
        if not table.key or not plain or self._often(0.5):
            return " ON CONFLICT DO NOTHING"
        column = self.random.choice(plain)
        target = ", ".join(map(quoted, table.key))
        where = f" WHERE {self.expressions.condition(self._names(table), 0)}" if self._often(0.3) else ""
        return f" ON CONFLICT ({target}) DO UPDATE SET {quoted(column.name)} = excluded.{quoted(column.name)}{where}"

    def _insert_selected(self, table: Table) -> str:
        source = self.random.choice(self.tables)
        names = self._names(source)
        values = []
        for column in table.columns:
            if column.name == "id":
                self._next_id += 100
                number = (
                    self.expressions.column("int", names) if source.key != ("id",) else f'{quoted(source.name)}."id"'
                )
                # Never NULL: which key that draws is each engine's affair.
                values.append(f"COALESCE({number}, 0) % 1000 + {self._next_id}" if number else str(self._next_id))
            elif column.name in table.references and column.nullable:
                values.append("NULL")
            elif column.kind == "json":
                values.append(self.expressions.column("json", names) or literal(VALUES["json"][0]))
            else:
                values.append(self._stored(column, names))
        body = f"SELECT {', '.join(values)} FROM {quoted(source.name)}{self._where(source)}"
        return f"INSERT INTO {quoted(table.name)} ({self._columns(table)}) {body}"

    def _stored(self, column: Column, names: Sequence[Name]) -> str:
        """A value to store: integers are kept within their range, others cannot leave it.

        No subquery: sqlite3 computes it when other rows have already been changed, this engine before any is.
        """
        value = self.queries.simple_value(column.kind, names)
        return f"({value}) % 1000" if column.kind == "int" else value

    def _update(self, table: Table) -> str:
        names = self._names(table)
        keys = table.unique | {*table.references}
        plain = [column for column in table.columns if column.name not in keys and column.kind != "json"]
        if not plain or self._often(0.15):  # keys one at a time: row by row, others might meet each other on the way
            column = self.random.choice(table.columns)
            key = self.random.choice(table.rows)[0] if table.rows else None
            first = table.columns[0]
            if first.name in table.unique and len(table.key) == 1 and key is not None:
                where = f" WHERE {quoted(first.name)} = {literal(key)}"
                return f"UPDATE {quoted(table.name)} SET {quoted(column.name)} = {self._inserted(table, column)}{where}"
        if not plain:
            return self._delete(table)
        columns = self.random.sample(plain, min(len(plain), self.random.choice((1, 1, 2))))
        others = [other for other in self.tables if other.key == ("id",) and other is not table]
        if others and self._often(0.2):
            update = self._update_from if self._often(0.7) else self._update_by_row
            return update(table, columns, self.random.choice(others))
        assignments = ", ".join(f"{quoted(c.name)} = {self._stored(c, names)}" for c in columns)
        return f"UPDATE {quoted(table.name)} SET {assignments}{self._where_once(table)}"

    def _update_by_row(self, table: Table, columns: Sequence[Column], other: Table) -> str:
        """To the values of the one row of another table that the key finds, or to NULLs."""
        names = self._names(table)
        link = self.expressions.column("int", names)
        more = [name_of("other", c.name, c.kind, other.values_of(c.name)) for c in other.columns]
        values = ", ".join(self._stored(column, [*names, *more]) for column in columns)
        row = f'SELECT {values} FROM {quoted(other.name)} AS other WHERE other."id" = {link}'
        targets = ", ".join(quoted(column.name) for column in columns)
        return f"UPDATE {quoted(table.name)} SET ({targets}) = ({row}){self._where_once(table)}"

    def _update_from(self, table: Table, columns: Sequence[Column], other: Table) -> str:
        """From the one row of another table that the key finds."""
        column, names = columns[0], self._names(table)
        link = self.expressions.column("int", names)
        more = [name_of("other", c.name, c.kind, other.values_of(c.name)) for c in other.columns]
        value = self._stored(column, [*names, *more])
        source = f"{quoted(other.name)} AS other"
        condition = f'other."id" = {link}' + (f" AND {self.expressions.condition(more, 0)}" if self._often(0.4) else "")
        return f"UPDATE {quoted(table.name)} SET {quoted(column.name)} = {value} FROM {source} WHERE {condition}"


def _plain(text: str) -> Query:
    return Query(text, text, None)
