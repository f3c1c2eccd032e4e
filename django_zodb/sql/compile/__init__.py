"""Plan → Program: the source of one Python function per statement, and that function.

Each node only opens a block, so that the function reads from the outermost loop to the row it yields; sorting,
grouping and the like end a pipeline and start the next loop in the same function. ``pipeline`` holds the blocks
before they are printed, ``frame`` the function as it grows, ``unit`` what its parts share; the other modules open
the nodes, by family.

``SELECT b.title FROM book b WHERE b.year > %s ORDER BY b.title LIMIT 2`` becomes::

    def select(book, params):
        p0 = to_integer(params[0])
        # Scan: book b
        # Filter: b.year > p0
        # TopN: 2 by b.title
        first = first_sorted((b for b in book.rows() if b[YEAR] > p0), 2, (1, False))
        # Project: b.title
        return [(b[TITLE],) for b in first]
"""

from __future__ import annotations

from ...record import replace
from ...storage.protocol import RowFunction
from ...storage.schema import TableSchema
from .. import expr as x
from .. import plan as p
from ..plan import Node
from ..program import Generated, Program, comment, load, too_complex
from ..rewrite import classes_in, rewrite
from ..show import text
from .counters import Counters
from .frame import Frame
from .nodes import open_row
from .pipeline import For, If, clean, clean_statement, indented
from .unit import Unit, statement_tables
from .write import repeated, write_delete, write_insert, write_update

_SQL_SHOWN = 1000

__all__ = ["compile_counted", "compile_plan", "compile_repeated", "compile_row_function"]


def compile_plan(node: Node, sql_text: str) -> Program:
    """The program of a statement. ``node`` binds one alias, whose tuples are the result, or is a node that writes.

    Raises OperationalError for a statement too deep for Python to compile.
    """

    def build(nullable: bool, stream: bool) -> Generated:
        try:
            return _generate(node if nullable else _without_nulls(node), sql_text, nullable, stream)
        except (RecursionError, SyntaxError) as error:
            raise too_complex(error) from error

    try:
        return Program(sql_text, node, build, [(table.name, table.token) for table in statement_tables(node)])
    except (RecursionError, SyntaxError) as error:
        raise too_complex(error) from error


def compile_counted(program: Program) -> tuple[Program, Counters]:
    """The same statement, slower, and what it will tell of each node of its plan while it runs.

    Nodes that are no block of their own, such as the lookup of a join, are not among them.
    """
    counted = Counters()

    def build(nullable: bool, stream: bool) -> Generated:
        return _generate(program.plan, program.sql, True, stream, counted)

    return Program(program.sql, program.plan, build, program.tables), counted


def compile_repeated(program: Program) -> Program | None:
    """From the program that inserts a row, the one that does so for every so many parameters; None if there is none."""
    plan = repeated(program.plan)
    return None if plan is None else compile_plan(plan, program.sql)


def _without_nulls(node: Node) -> Node:
    """The plan for parameters none of which is NULL."""
    if x.Param not in classes_in(node):
        return node
    return rewrite(node, lambda part: replace(part, nullable=False) if isinstance(part, x.Param) else None)


def _generate(node: Node, sql_text: str, nullable: bool, stream: bool, counted: Counters | None = None) -> Generated:
    unit = Unit(node, nullable, stream, counted)
    frame = Frame(unit)
    match node:
        case p.Insert():
            kind = "insert"
            write_insert(frame, node)
        case p.Update():
            kind = "update"
            write_update(frame, node)
        case p.Delete():
            kind = "delete"
            write_delete(frame, node)
        case _:
            kind = "select"
            _write_select(frame, node)
    arguments = ", ".join([*unit.table_names.values(), "params"])
    sql = " ".join(sql_text.split())
    lines = [
        comment(sql if len(sql) <= _SQL_SHOWN else sql[:_SQL_SHOWN] + " …"),
        f"def {kind}({arguments}):",
        *indented([*unit.head(), *frame.lines]),
    ]
    return load("\n".join(lines) + "\n", kind, kind, unit.source)


def _write_select(frame: Frame, node: Node) -> None:
    row = open_row(frame, node)
    if frame.unit.stream:
        frame.finish(f"yield {clean(row)}")
        return
    simple = frame.comprehension(row)
    if simple is not None:
        frame.return_list(simple)
    elif not any(isinstance(step, For) for step in frame.steps):
        blocks = any(isinstance(step, If) for step in frame.steps)
        frame.finish(f"return [{clean(row)}]")
        if blocks:
            frame.write("return []")
    else:
        frame.write(f"return {frame.collect(row, 'found')}")


def compile_row_function(expr: x.Expr, alias: str, schema: TableSchema, boolean: bool = False) -> RowFunction:
    """A function of one row of the table, whose columns ``expr`` reaches through ``alias``.

    It returns the expression's SQL value; with ``boolean``, True, False or None (unknown).
    """
    scan = p.Scan(schema, alias)
    unit = Unit(scan, nullable=True, stream=False)
    frame = Frame(unit)
    row = frame.bind_table(scan)
    try:
        value = frame.value(expr)
        frame.finish(clean_statement(f"return {value}"))
        lines = [comment(text(expr)), f"def check({row}):", *indented([*unit.head(), *frame.lines])]
        return load("\n".join(lines) + "\n", "check", "expression", unit.source).function
    except (RecursionError, SyntaxError) as error:
        raise too_complex(error) from error
