"""Parsing: placeholders among the tokens, errors with fragment and place, and nothing but statements."""

from __future__ import annotations

import contextlib
import logging

import pytest

from django_zodb.errors import Error, NotSupportedError, OperationalError, ProgrammingError
from django_zodb.sql.parse import Explain, parse, parse_expression, statements


def sql(text: str, formatted: bool = True) -> str:
    tree = parse(text, formatted).tree
    assert tree is not None
    return tree.sql()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT %s", "SELECT :parameter 1"),
        ("SELECT a%%2, %s::int", "SELECT a % 2, CAST(:parameter 1 AS INT)"),
        ("SELECT '%s', 'x%%y', \"c%%d\", %s", "SELECT '%s', 'x%y', \"c%d\", :parameter 1"),
        ("SELECT %s -- %s\n, %s /* %s */", "SELECT :parameter 1, :parameter 2"),
        ("SELECT x||%s||y", "SELECT x || :parameter 1 || y"),
        ("SELECT a FROM t WHERE a LIKE %s ESCAPE '\\'", "SELECT a FROM t WHERE a LIKE :parameter 1 ESCAPE '\\'"),
    ],
)
def test_placeholders_stand_outside_literals_names_and_comments(text: str, expected: str) -> None:
    assert sql(text) == expected


def test_without_parameters_percent_is_an_ordinary_character() -> None:
    parsed = parse("SELECT '50%' , a % 2 FROM t WHERE b LIKE '%s'", False)
    assert parsed.tree is not None
    assert parsed.tree.sql() == "SELECT '50%', a % 2 FROM t WHERE b LIKE '%s'"
    assert parsed.param_count == 0


def test_named_placeholders_have_one_number_per_name() -> None:
    parsed = parse("SELECT %(a)s, %(b c)s, %(a)s", True)
    assert parsed.tree is not None
    assert parsed.tree.sql() == "SELECT :parameter 1, :parameter 2, :parameter 1"
    assert parsed.names == ("a", "b c")
    assert parsed.param_count == 2


def test_positions_are_those_of_the_callers_text() -> None:
    assert parse("SELECT %s,\n  %s", True).positions == (7, 13)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("SELECT %d", ProgrammingError, 'no placeholder: "%d" at 1:8; it is %s or %(name)s, and a percent sign is %%'),
        ("SELECT %(a", ProgrammingError, 'no ")s" ends the placeholder: "%(a" at 1:8'),
        ("SELECT %s, %(a)s", ProgrammingError, '"%s" and "%(name)s" in one statement'),
        ("foo bar", ProgrammingError, 'no SQL statement: "foo bar" at 1:1'),
        ("SAVEPOINT x", ProgrammingError, 'no SQL statement: "SAVEPOINT x" at 1:1'),
        ("SELECT 1; SELECT 2", ProgrammingError, 'more than one statement in one call: "; SELECT 2" at 1:9'),
        ("", ProgrammingError, "an empty statement"),
        (" ; ", ProgrammingError, "an empty statement"),
        ("EXPLAIN", ProgrammingError, "EXPLAIN of nothing"),
        ("SELECT\n  1 FRM x y", ProgrammingError, 'syntax error, invalid expression / unexpected token: "x y" at 2:9'),
        ("SELECT 'abc", ProgrammingError, 'a literal, quoted name or comment does not end: "SELECT \'abc"'),
        ("SELECT a\0b", ProgrammingError, "a NUL character at 1:9"),
        ("VACUUM", NotSupportedError, 'VACUUM is not supported: "VACUUM" at 1:1'),
        ("MERGE INTO t USING u ON a = b", NotSupportedError, "MERGE is not supported"),
        ("DO $$ x $$", NotSupportedError, "DO is not supported"),
        ("GRANT a TO b", NotSupportedError, "GRANT is not supported"),
        ("SELECT " + "(" * 2000 + "1" + ")" * 2000, OperationalError, "the statement is nested too deeply"),
    ],
)
def test_errors_quote_and_locate(text: str, error: type[Error], message: str) -> None:
    with pytest.raises(error) as caught:
        parse(text, True)
    found = str(caught.value)
    assert message.lower().replace("invalid expression / ", "") in found.lower()


def test_nothing_is_logged_about_what_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for text in ("GRANT a TO b", "VACUUM", "EXPLAIN SELECT 1", "LOCK TABLE t"):
            with contextlib.suppress(NotSupportedError):
                parse(text, True)
    assert not caplog.records


@pytest.mark.parametrize("text", ["CREATE TABLE t (a int)", "alter table t add b int", "DROP INDEX i", "TRUNCATE t"])
def test_definitions_are_left_to_others(text: str) -> None:
    assert parse(text, True).tree is None


@pytest.mark.parametrize(
    ("text", "explain"),
    [
        ("EXPLAIN SELECT 1", Explain()),
        ("explain analyze SELECT 1", Explain(analyze=True)),
        ("EXPLAIN (FORMAT PYTHON, ANALYZE) SELECT 1", Explain("python", True)),
        ("EXPLAIN (ANALYZE off, FORMAT text) SELECT 1", Explain()),
        ("EXPLAIN (COSTS off, ANALYZE on) SELECT 1", Explain(analyze=True, costs=False)),
        ("EXPLAIN (costs) SELECT 1", Explain()),
    ],
)
def test_explain(text: str, explain: Explain) -> None:
    assert parse(text, True).explain == explain
    assert sql(text) == "SELECT 1"


def test_explain_refuses_other_options() -> None:
    with pytest.raises(NotSupportedError, match=r"EXPLAIN option 'VERBOSE' is not supported.* at 1:10"):
        parse("EXPLAIN (VERBOSE) SELECT 1", True)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("-- first\nSELECT 1 -- ; 2\n;; /* ; */ SELECT /* ; */ 2; -- last", ["SELECT 1", "SELECT /* ; */ 2"]),
        ("SELECT ';'; SELECT 'a\\'; SELECT E'\\';'", ["SELECT ';'", "SELECT 'a\\'", "SELECT E'\\';'"]),
        ('SELECT $$it\'s;$$; SELECT ";" FROM t', ["SELECT $$it's;$$", 'SELECT ";" FROM t']),
        ("UPDATE t SET a = a # 1 WHERE b = 2; SELECT 5 % 3", ["UPDATE t SET a = a # 1 WHERE b = 2", "SELECT 5 % 3"]),
        ("EXPLAIN SELECT ';'; BEGIN; SHOW ';'", ["EXPLAIN SELECT ';'", "BEGIN", "SHOW ';'"]),
        ("-- nothing", []),
        ("", []),
    ],
)
def test_statements_of_a_script(script: str, expected: list[str]) -> None:
    assert statements(script) == expected


def test_a_script_that_does_not_end_its_literal_is_refused() -> None:
    with pytest.raises(ProgrammingError, match="does not end"):
        statements("SELECT 1; SELECT 'a")


def test_interval_literals_keep_all_their_parts() -> None:
    assert sql("SELECT INTERVAL '1 day 02:03:04'") == "SELECT CAST('1 day 02:03:04' AS INTERVAL)"
    assert "'5'" in sql("SELECT INTERVAL '5' minute")


@pytest.mark.parametrize("text", ["a, b", "a) FROM (t", "", "(SELECT 1) UNION SELECT 2"])
def test_expressions_are_no_more_than_that(text: str) -> None:
    with pytest.raises(ProgrammingError):
        parse_expression(text)


def test_an_expression_may_end_in_a_comment() -> None:
    tree = parse_expression("a > 3 -- at least").tree
    assert tree is not None
    assert tree.sql(comments=False) == "a > 3"
