"""The Python shell in a database that ``manage.py dbshell`` opens.

Everything happens in one transaction with one view of the data: ``commit()`` keeps what was changed and ``abort()``
drops it, and both look at the newest state. What was not committed at the end is dropped. Models and ``sql`` change
data; ``root`` and what is reached through it are for looking, since rows have indexes and constraints to go with them.
"""

from __future__ import annotations

import argparse
import code
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from . import __version__
from .values import as_text

HISTORY = Path.home() / ".django_zodb_history"
HISTORY_LINES = 1_000
MAX_ROWS = 1_000
MAX_WIDTH = 60


def run(connection: BaseDatabaseWrapper, parameters: Sequence[str] = ()) -> None:
    """Run the shell on Django's ``connection``: the code of ``-c CODE``, or of a piped standard input, or a prompt."""
    parser = argparse.ArgumentParser(prog="dbshell", add_help=False)
    parser.add_argument("-c", "--command", metavar="CODE")
    program = parser.parse_args(list(parameters)).command
    with _one_transaction(connection):
        names = namespace(connection)
        if program is not None:
            exec(compile(program, "<command>", "exec"), names)
        elif not sys.stdin.isatty():
            exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)
        else:
            _interact(connection, names)


@contextlib.contextmanager
def _one_transaction(connection: BaseDatabaseWrapper) -> Iterator[None]:
    connection.ensure_connection()
    connection.set_autocommit(False)
    try:
        yield
        if connection.connection.in_transaction and connection.connection.catalog.journal.dirty:
            sys.stderr.write("Changes that were not committed are dropped; commit() keeps them.\n")
    finally:
        connection.rollback()
        connection.set_autocommit(True)
        connection.close()


def namespace(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """The names that the shell begins with. Of two models of one name, the app that is listed first has it."""
    names: dict[str, Any] = {model.__name__: model for model in reversed(apps.get_models())}

    def sql(text: str, params: Sequence[Any] = ()) -> None:
        """Run a statement and print its rows as a table: sql("SELECT * FROM book WHERE id = %s", [1]).

        Without parameters there may be several, with semicolons between them.
        """
        several = [] if params else connection.ops.prepare_sql_script(text)
        with connection.cursor() as cursor:
            for statement in several or [text]:
                cursor.execute(statement, list(params) or None)
                sys.stdout.write(table_of(cursor))

    def commit() -> None:
        """Keep what was changed since the last commit, and look at the newest state."""
        connection.commit()

    def abort() -> None:
        """Drop what was changed since the last commit, and look at the newest state."""
        connection.rollback()

    root = Root(connection)
    own = {"root": root, "tables": Tables(root), "catalog": Branch(root, "catalog")}
    return (
        names | own | {"sql": sql, "commit": commit, "abort": abort, "connection": connection, "__name__": "__main__"}
    )


class Root:
    """The root object of the database: ``root["tables"]`` and ``root.tables`` are the same; ``root()`` is the mapping.

    Found anew at each access, since after a commit the connection may have another one.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def __call__(self) -> Any:
        """The mapping itself, as this transaction sees it."""
        self._connection.ensure_connection()
        return self._connection.connection.catalog.root

    def __getitem__(self, name: str) -> Any:
        return self()[name]

    def __getattr__(self, name: str) -> Any:
        root = self()
        return root[name] if name in root else getattr(root, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self()]

    def __repr__(self) -> str:
        return f"<ZODB with tables: {list(self()['tables'])}>"


class Branch:
    """An object of the root, by name; everything passes through to it."""

    def __init__(self, root: Root, name: str) -> None:
        self._root, self._name = root, name

    def _object(self) -> Any:
        return self._root[self._name]

    def __getitem__(self, name: str) -> Any:
        return self._object()[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._object(), name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._object())

    def __len__(self) -> int:
        return len(self._object())

    def __contains__(self, name: object) -> bool:
        return name in self._object()

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *dir(self._object())]

    def __repr__(self) -> str:
        return f"<{self._name}: {', '.join(self) or 'nothing'}>"


class Tables(Branch, Mapping[str, Any]):
    """The tables by name, as items or attributes: ``tables.auth_user[1]`` is the row with the key 1."""

    def __init__(self, root: Root) -> None:
        super().__init__(root, "tables")

    def __getattr__(self, name: str) -> Any:
        tables = self._object()
        return tables[name] if name in tables else getattr(tables, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]


def table_of(cursor: Any) -> str:
    """The cursor's rows as text in columns, under a head; how many rows a statement without rows has changed."""
    if cursor.description is None:
        return f"{cursor.rowcount} rows changed\n" if cursor.rowcount >= 0 else "done\n"
    head = [column[0] for column in cursor.description]
    rows = list(islice(iter(cursor.fetchone, None), MAX_ROWS))
    more = cursor.fetchone() is not None
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [
        " | ".join(map(str.ljust, head, widths)).rstrip(),
        "-+-".join("-" * width for width in widths),
        *(_line(row, values, widths) for row, values in zip(cells, rows, strict=True)),
        f"({len(rows)} rows{', and more' if more else ''})" if len(rows) != 1 else "(1 row)",
    ]
    return "\n".join(lines) + "\n"


def _line(row: list[str], values: Sequence[object], widths: list[int]) -> str:
    """Numbers stand at the right of their column, everything else at the left."""
    cells = zip(row, values, widths, strict=True)
    return " | ".join(
        cell.rjust(width) if hasattr(value, "__abs__") else cell.ljust(width) for cell, value, width in cells
    ).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    text = f"\\x{value.hex()}" if isinstance(value, bytes) else as_text(value)
    if not text.isprintable():
        text = repr(text)[1:-1]
    return text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 1] + "…"


def _interact(connection: BaseDatabaseWrapper, names: dict[str, Any]) -> None:
    models = len(apps.get_models())
    banner = (
        f"django-zodb {__version__}, Python {sys.version.split()[0]}, database {connection.alias!r}: "
        f"{connection.settings_dict['NAME']}\n"
        f"root, tables, catalog, sql('SELECT …'), and {models} models by name.\n"
        f"Changes need commit(); abort() drops them. Both show what others have committed since."
    )
    with _line_editing(names):
        code.interact(banner, local=names, exitmsg="")


@contextlib.contextmanager
def _line_editing(names: dict[str, Any]) -> Iterator[None]:
    """Completion by Tab and a history file, where Python has readline."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        yield
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    with contextlib.suppress(OSError):
        readline.read_history_file(HISTORY)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY_LINES)
        with contextlib.suppress(OSError):
            readline.write_history_file(HISTORY)
