"""Generated code can be debugged like written code: tracebacks, pdb, inspect, Django's debug page, the log."""

from __future__ import annotations

import gc
import inspect
import io
import linecache
import logging
import pdb
import re
import sys
import traceback

import pytest
from plans import AUTHOR, BOOK, catalog, col, const, param, project, scan

from django_zodb.errors import DataError
from django_zodb.sql import expr as x
from django_zodb.sql import plan as p
from django_zodb.sql.compile import compile_plan, compile_row_function
from django_zodb.values import INTEGER

SQL = "SELECT 1 / (b.id - %s) FROM book b"


def failing_program():
    """Divides by zero at the row whose id is the parameter."""
    inverse = x.Arithmetic(
        "/",
        const(1),
        x.Arithmetic("-", col(BOOK, "id", "b"), param(0), INTEGER),
        INTEGER,
    )
    return compile_plan(project(p.Filter(scan(BOOK, "b"), x.Compare(">", inverse, const(-9))), inverse), SQL)


def failure(program):
    with pytest.raises(DataError) as caught:
        program.run(catalog(), [2])
    return caught.value


def test_the_traceback_shows_the_generated_line_and_the_plan():
    text = "".join(traceback.format_exception(failure(failing_program())))
    assert re.search(r'File "<django_zodb select \d+>", line \d+, in <listcomp>|in select', text)
    assert "quotient(1, b[ID] - p0) > -9" in text
    assert f"while running: {SQL}" in text
    assert "  Project: 1 / (b.id - p0) as c0" in text
    assert "      Scan: book b" in text


def test_inspect_finds_the_source():
    program = failing_program()
    assert inspect.getsource(program._function) in program.source
    check = compile_row_function(col(AUTHOR, "name"), "author", AUTHOR)
    assert inspect.getsource(check) == "def check(author):\n    author_name = author[1]\n    return author_name\n"


def test_pdb_lists_the_source():
    error = failure(failing_program())
    output = io.StringIO()
    debugger = pdb.Pdb(stdin=io.StringIO("up\nlist\nquit\n"), stdout=output, readrc=False)
    debugger.reset()
    debugger.interaction(None, error.__traceback__)
    assert "quotient(1, b[ID] - p0)" in output.getvalue()


def test_the_debug_page_of_django_shows_the_source(rf):
    from django.views.debug import ExceptionReporter

    error = failure(failing_program())
    reporter = ExceptionReporter(rf.get("/"), type(error), error, error.__traceback__)
    frames = [frame for frame in reporter.get_traceback_frames() if "django_zodb select" in frame["filename"]]
    assert frames
    assert any("quotient(1, b[ID] - p0)" in frame["context_line"] for frame in frames)
    assert "quotient(1, b[ID] - p0)" in reporter.get_traceback_html()


def test_nothing_stays_in_linecache():
    program = failing_program()
    filename = program._function.__code__.co_filename
    assert linecache.getlines(filename)
    linecache.checkcache()
    assert linecache.getlines(filename)
    del program
    gc.collect()
    assert filename not in linecache.cache


def test_file_names_are_never_used_again():
    names = {failing_program()._function.__code__.co_filename for _ in range(3)}
    assert len(names) == 3


def test_the_log_has_plan_and_source(caplog):
    with caplog.at_level(logging.DEBUG, logger="django_zodb.sql"):
        program = failing_program()
    (record,) = caplog.records
    assert record.getMessage() == "\n".join([SQL, *program.explain(), program.source])


def test_a_failing_stream_is_explained_too():
    program = failing_program()
    rows = program.stream(catalog(), [2])
    assert next(rows) == (-1,)
    with pytest.raises(DataError) as caught:
        next(rows)
    assert any(SQL in note for note in caught.value.__notes__)


def test_closing_a_stream_adds_no_note():
    rows = failing_program().stream(catalog(), [99])
    next(rows)
    rows.close()


def test_generated_code_sees_few_names():
    names = failing_program()._function.__globals__
    assert "open" not in names["__builtins__"]
    assert "__import__" not in names["__builtins__"]
    assert not {"os", "sys", "eval", "exec", "getattr"} & {*names, *names["__builtins__"]}
    assert sys.modules["builtins"] not in names.values()


def test_explain_shows_the_plans_of_subqueries():
    of_author = p.Filter(scan(BOOK), x.Compare("=", col(BOOK, "author_id"), col(AUTHOR, "id")))
    exists = x.Exists(project(of_author, const(1), alias="s"))
    program = compile_plan(project(p.Filter(scan(AUTHOR), exists), col(AUTHOR, "name")), "SELECT")
    assert program.explain() == [
        "Project: author.name",
        "  Filter: exists (subquery)",
        "      exists subquery 1: Project: 1 as c0",
        "        Filter: book.author_id = author.id",
        "          Scan: book",
        "    Scan: author",
    ]
