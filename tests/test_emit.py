"""Emitted conditions agree with a small interpreter of three-valued logic, whatever the predicate and the NULLs."""

from __future__ import annotations

import operator
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import table_schema

from django_zodb.errors import DataError
from django_zodb.sql import expr as x
from django_zodb.sql import runtime
from django_zodb.sql.compile import compile_row_function
from django_zodb.sql.program import Source
from django_zodb.values import BIGINT, BOOLEAN, DATE, DECIMAL, DOUBLE, INTEGER, INTERVAL, TEXT, Kind, SqlType

ROW = table_schema(
    "t",
    {
        "a": (INTEGER, True),
        "b": (INTEGER, True),
        "c": (INTEGER, False),
        "p": (BOOLEAN, True),
        "q": (BOOLEAN, False),
        "f": (DOUBLE, True),
        "g": (DOUBLE, False),
        "s": (TEXT, True),
        "d": (DECIMAL, True),
        "day": (DATE, True),
    },
    key=(),
)
NAN = float("nan")
OPERATORS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def col(name):
    column = ROW.column(name)
    return x.Column("t", name, column.type, column.nullable)


def const(value, type_):
    return x.Constant(value, type_)


# --- the interpreter -----------------------------------------------------------------------------------------------


def ordered(value):
    return (1, 0) if value != value else (0, value)


def kleene_and(values):
    return False if False in values else None if None in values else True


def interpret(e, row):
    def value(part):
        return interpret(part, row)

    match e:
        case x.Column(name=name):
            return row[ROW.positions[name]]
        case x.Constant(value=constant):
            return constant
        case x.Compare(op=op):
            left, right = value(e.left), value(e.right)
            return None if left is None or right is None else OPERATORS[op](ordered(left), ordered(right))
        case x.IsDistinct():
            left, right = value(e.left), value(e.right)
            same = (left is None and right is None) or (None not in (left, right) and ordered(left) == ordered(right))
            return same is e.negated
        case x.And(terms=terms):
            return kleene_and([value(term) for term in terms])
        case x.Or(terms=terms):
            negated = [value(x.Not(term)) for term in terms]
            result = kleene_and(negated)
            return None if result is None else not result
        case x.Not(term=term):
            result = value(term)
            return None if result is None else not result
        case x.IsNull(term=term):
            return (value(term) is None) is not e.negated
        case x.IsTruth(term=term):
            return (value(term) is e.truth) is not e.negated
        case x.In(term=term, items=items):
            equal = x.Or((*(x.Compare("=", term, item) for item in items), const(False, BOOLEAN)))
            return value(x.Not(equal) if e.negated else equal)
        case x.Like():
            text, pattern = value(e.term), value(e.pattern)
            if text is None or pattern is None:
                return None
            if e.fold:
                text, pattern = text.casefold(), pattern.casefold()
            expression = re.escape(pattern).replace("%", ".*").replace("_", ".")
            return (re.fullmatch(expression, text, re.DOTALL) is not None) is not e.negated
        case x.Case(whens=whens, otherwise=otherwise):
            for condition, result in whens:
                if value(condition) is True:
                    return value(result)
            return None if otherwise is None else value(otherwise)
        case x.Arithmetic(op="+"):
            left, right = value(e.left), value(e.right)
            return None if left is None or right is None else left + right
    raise AssertionError(e)


# --- random predicates ---------------------------------------------------------------------------------------------

integers = st.one_of(
    st.sampled_from(["a", "b", "c"]).map(col),
    st.one_of(st.none(), st.integers(-2, 2)).map(lambda value: const(value, INTEGER)),
)
integers = st.recursive(
    integers,
    lambda inner: st.builds(lambda left, right: x.Arithmetic("+", left, right, INTEGER), inner, inner),
    max_leaves=3,
)
floats = st.one_of(
    st.sampled_from(["f", "g"]).map(col),
    st.one_of(st.none(), st.sampled_from([-1.5, 0.0, 2.5, NAN])).map(lambda value: const(value, DOUBLE)),
)
texts = st.one_of(
    st.just(col("s")),
    st.one_of(st.none(), st.sampled_from(["", "a", "%a%", "a%", "%A", "a_", "A", "ab"])).map(lambda v: const(v, TEXT)),
)
ops = st.sampled_from(list(OPERATORS))
bools = st.booleans()


def predicates_of(values):
    return st.one_of(
        st.builds(x.Compare, ops, values, values),
        st.builds(x.IsDistinct, values, values, bools),
        st.builds(x.IsNull, values, bools),
        st.builds(x.In, values, st.lists(values, min_size=1, max_size=3).map(tuple), bools),
    )


leaves = st.one_of(
    st.sampled_from(["p", "q"]).map(col),
    st.sampled_from([True, False, None]).map(lambda value: const(value, BOOLEAN)),
    predicates_of(integers),
    predicates_of(floats),
    predicates_of(texts),
    st.builds(x.Like, texts, texts, st.just(None), bools, bools),
)


def combined(inner):
    terms = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        terms.map(x.And),
        terms.map(x.Or),
        inner.map(x.Not),
        st.builds(x.IsTruth, inner, st.sampled_from([True, False, None]), bools),
        st.builds(x.Compare, ops, inner, inner),
        st.builds(
            lambda whens, otherwise: x.Case(tuple(whens), otherwise, BOOLEAN),
            st.lists(st.tuples(inner, inner), min_size=1, max_size=2),
            st.one_of(st.none(), inner),
        ),
    )


predicates = st.recursive(leaves, combined, max_leaves=8)
maybe_int = st.one_of(st.none(), st.integers(-2, 2))
some_floats = st.sampled_from([-1.5, 0.0, 2.5, NAN])
rows = st.tuples(
    maybe_int,
    maybe_int,
    st.integers(-2, 2),
    st.sampled_from([True, False, None]),
    bools,
    st.one_of(st.none(), some_floats),
    some_floats,
    st.sampled_from([None, "", "a", "ab", "A", "xax"]),
    st.none(),
    st.none(),
)


@settings(max_examples=400, deadline=None)
@given(predicates, st.lists(rows, min_size=1, max_size=6))
def test_every_predicate_agrees_with_the_interpreter(predicate, some_rows):
    value = compile_row_function(predicate, "t", ROW)
    true = compile_row_function(x.IsTruth(predicate, True), "t", ROW)
    false = compile_row_function(x.IsTruth(predicate, False), "t", ROW)
    for row in some_rows:
        expected = interpret(predicate, row)
        assert value(row) is expected
        assert true(row) is (expected is True)
        assert false(row) is (expected is False)


# --- what the text looks like --------------------------------------------------------------------------------------


def text_of(expr, wanted="value"):
    import inspect

    lines = inspect.getsource(compile_row_function(expr, "t", ROW)).splitlines()
    return lines[-1].removeprefix("    return ")


def evaluate(expr, **values):
    row = tuple(values.get(column.name) for column in ROW.columns)
    return compile_row_function(expr, "t", ROW)(row)


def test_null_is_tested_only_where_it_is_possible():
    def truth(expr):
        return text_of(x.IsTruth(expr, True))

    a, b, c = col("a"), col("b"), col("c")
    assert truth(x.Compare("<", c, const(3, INTEGER))) == "t_c < 3"
    assert truth(x.Compare("=", a, c)) == "t_a == t_c"
    assert truth(x.Compare("=", a, b)) == "t_a is not None and t_a == t_b"
    assert truth(x.Compare("<", a, c)) == "t_a is not None and t_a < t_c"
    assert truth(x.Not(x.Compare("<", a, c))) == "t_a is not None and t_a >= t_c"
    assert truth(x.And((x.Compare("<", c, c), x.And((x.IsNull(a), x.IsNull(c, True)))))) == "t_c < t_c and t_a is None"
    assert truth(x.IsNull(c)) == "False"


def test_patterns_become_the_plainest_test():
    def like(pattern, fold=False):
        return text_of(x.IsTruth(x.Like(x.Cast(col("c"), TEXT), const(pattern, TEXT), fold=fold), True))

    assert like("abc") == "to_text(t_c) == 'abc'"
    assert like("abc%") == "to_text(t_c).startswith('abc')"
    assert like("%abc") == "to_text(t_c).endswith('abc')"
    assert like("%a\\%c%") == "'a%c' in to_text(t_c)"
    assert like("a_c") == "is_like(to_text(t_c))"
    assert like("abc", fold=True) == "is_like(to_text(t_c))"


@pytest.mark.parametrize(
    ("pattern", "escape", "fold", "text", "expected"),
    [
        ("100\\%", "\\", False, "100%", True),
        ("100!%", "!", False, "100%", True),
        ("100!%", None, False, "100!x", True),
        ("a.c", "\\", False, "abc", False),
        ("a%\n_", "\\", False, "axx\nb", True),
        ("STRASSE", "\\", True, "straße", True),
        ("%ß%", "\\", True, "GASSE", True),
        ("", "\\", False, "", True),
        ("%", "\\", False, "", True),
        ("_", "\\", False, "é", True),
    ],
)
def test_like(pattern, escape, fold, text, expected):
    assert runtime.like(pattern, escape, fold)(text) is expected


def test_like_refuses_a_pattern_that_ends_in_its_escape():
    with pytest.raises(DataError, match="must not end with its escape"):
        runtime.like("abc\\")


def test_constants_are_never_pasted():
    hostile = "'] + __import__('os').system('true') + ['" * 3
    assert evaluate(x.Compare("=", col("s"), const(hostile, TEXT)), s=hostile) is True
    assert "import" not in text_of(x.Compare("=", col("s"), const(hostile, TEXT)))
    assert evaluate(const("a'b\"c\\\n", TEXT)) == "a'b\"c\\\n"


def test_names_of_columns_become_identifiers():
    import inspect

    names = ("x\n    import os #", "class", "é")
    schema = table_schema("t", dict.fromkeys(names, (INTEGER, False)), key=())
    column = [x.Column("t\0;", c.name, c.type, False) for c in schema.columns]
    total = x.Arithmetic("+", x.Arithmetic("+", column[0], column[1], INTEGER), column[2], INTEGER)
    function = compile_row_function(total, "t\0;", schema)
    assert function((1, 2, 3)) == 6
    assert not any(line.strip().startswith("import") for line in inspect.getsource(function).splitlines())


# --- arithmetic ----------------------------------------------------------------------------------------------------


def arithmetic(op, left, right, result):
    def operand(value):
        if isinstance(value, x.Expr):
            return value
        types = {int: BIGINT, float: DOUBLE, Decimal: DECIMAL}
        return const(value, types.get(type(value)) or SqlType(Kind(_KINDS[type(value)])))

    return evaluate(x.Arithmetic(op, operand(left), operand(right), result), d=Decimal("1.50"), a=None)


import datetime as dt  # noqa: E402

_KINDS = {dt.date: "date", dt.datetime: "timestamp", dt.timedelta: "interval", dt.time: "time"}
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
NOON = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("op", "left", "right", "type_", "expected"),
    [
        ("/", 7, 2, INTEGER, 3),
        ("/", -7, 2, INTEGER, -3),
        ("/", 7, -2, INTEGER, -3),
        ("%", -7, 2, INTEGER, -1),
        ("%", 7, -2, INTEGER, 1),
        ("%", Decimal("-7.5"), Decimal(2), DECIMAL, Decimal("-1.5")),
        ("%", -7.5, 2.0, DOUBLE, -1.5),
        ("/", 7, 2, DOUBLE, 3.5),
        ("/", 7, 2, DECIMAL, Decimal("3.5")),
        ("+", Decimal("1.5"), 2.0, DOUBLE, 3.5),
        ("*", 2, Decimal("1.5"), DECIMAL, Decimal("3.0")),
        ("^", 2, 10, BIGINT, 1024),
        ("^", 2.0, 0.5, DOUBLE, 2**0.5),
        ("#", 6, 3, INTEGER, 5),
        ("<<", 1, 62, BIGINT, 1 << 62),
        ("<<", 1, 63, BIGINT, -(1 << 63)),
        ("<<", 1, 1 << 40, BIGINT, 1),
        ("+", dt.date(2020, 1, 31), 1, DATE, dt.date(2020, 2, 1)),
        ("-", dt.date(2020, 1, 31), 31, DATE, dt.date(2019, 12, 31)),
        ("-", dt.date(2020, 1, 31), dt.date(2020, 1, 1), INTEGER, 30),
        ("-", dt.date(2020, 1, 31), dt.date(2020, 1, 1), INTERVAL, 30 * DAY),
        ("+", dt.date(2020, 1, 1), HOUR * 12, SqlType(Kind.TIMESTAMP), NOON),
        ("-", NOON, HOUR, SqlType(Kind.TIMESTAMP), NOON - HOUR),
        ("+", HOUR, NOON, SqlType(Kind.TIMESTAMP), NOON + HOUR),
        ("-", NOON, NOON - DAY, INTERVAL, DAY),
        ("-", NOON, dt.date(2020, 1, 1), INTERVAL, 12 * HOUR),
        ("+", dt.time(23), 2 * HOUR, SqlType(Kind.TIME), dt.time(1)),
        ("-", dt.time(1), 2 * HOUR, SqlType(Kind.TIME), dt.time(23)),
        ("-", dt.time(3), dt.time(1), INTERVAL, 2 * HOUR),
        ("+", dt.date(2020, 1, 1), dt.time(12), SqlType(Kind.TIMESTAMP), NOON),
        ("*", HOUR, 2, INTERVAL, 2 * HOUR),
        ("*", Decimal("1.5"), HOUR, INTERVAL, 1.5 * HOUR),
        ("/", HOUR, 2, INTERVAL, HOUR / 2),
    ],
)
def test_arithmetic(op, left, right, type_, expected):
    result = arithmetic(op, left, right, type_)
    assert result == expected
    assert type(result) is type(expected)
    assert arithmetic(op, left, x.Constant(None, type_), type_) is None


@pytest.mark.parametrize(
    ("op", "left", "right", "type_", "message"),
    [
        ("/", 1, 0, INTEGER, "division by zero"),
        ("/", 1.0, 0.0, DOUBLE, "division by zero"),
        ("/", Decimal(1), Decimal(0), DECIMAL, "division by zero"),
        ("%", 1, 0, INTEGER, "division by zero"),
        ("/", HOUR, 0, INTERVAL, "division by zero"),
        ("^", 10.0, 1000.0, DOUBLE, "out of range"),
        ("^", 10, 10**9, BIGINT, "out of range"),
        ("^", -1.0, 0.5, DOUBLE, "no such power"),
        ("+", dt.date(9999, 12, 31), 1, DATE, "out of range"),
        ("+", NOON, DAY * 10**8, SqlType(Kind.TIMESTAMP), "out of range"),
    ],
)
def test_arithmetic_out_of_range_is_a_data_error(op, left, right, type_, message):
    with pytest.raises(DataError, match=message):
        arithmetic(op, left, right, type_)


def test_case_does_not_compute_the_branches_it_does_not_take():
    inverse = x.Arithmetic("/", const(1, INTEGER), col("a"), INTEGER)
    guarded = x.Case(((x.Compare("<>", col("a"), const(0, INTEGER)), inverse),), const(0, INTEGER), INTEGER)
    assert evaluate(guarded, a=0) == 0
    assert evaluate(guarded, a=1) == 1
    assert evaluate(guarded, a=None) == 0


@pytest.mark.parametrize("depth", [29, 30, 31, 100, 200])
def test_deep_nesting_is_split_into_parts(depth):
    total = col("c")
    for _ in range(depth):
        total = x.Arithmetic("+", total, x.Arithmetic("+", col("a"), const(1, INTEGER), INTEGER), INTEGER)
    assert evaluate(total, c=0, a=1) == 2 * depth
    assert evaluate(total, c=0, a=None) is None


def test_long_chains_stay_flat():
    terms = tuple(x.Compare("=", col("c"), const(at, INTEGER)) for at in range(2000))
    assert evaluate(x.Or(terms), c=1999) is True
    assert evaluate(x.Or(terms), c=-1) is False


def long_case(count, values, otherwise=None):
    whens = tuple((x.Compare("=", col("a"), const(at, INTEGER)), values(at)) for at in range(count))
    return x.Case(whens, otherwise, INTEGER)


def test_a_long_case_is_a_lookup():
    fixed = long_case(2000, lambda at: const(-at, INTEGER), col("c"))
    assert evaluate(fixed, a=1999, c=5) == -1999
    assert evaluate(fixed, a=2000, c=5) == 5
    assert evaluate(fixed, a=None, c=5) == 5
    assert "t_a in results else t_c" in text_of(fixed)
    twice = long_case(40, lambda at: const(at, INTEGER)).whens
    assert evaluate(x.Case((*twice, (twice[0][0], const(77, INTEGER))), None, INTEGER), a=0) == 0


def test_a_long_case_of_expressions_is_split():
    computed = long_case(1000, lambda at: x.Arithmetic("+", col("c"), const(at, INTEGER), INTEGER))
    assert evaluate(computed, a=999, c=5) == 1004
    assert evaluate(computed, a=1000, c=5) is None


def test_now_is_one_moment():
    now = x.Call("NOW", (), SqlType(Kind.TIMESTAMP), nullable=False)
    zero = x.Arithmetic("-", now, now, INTERVAL)
    assert evaluate(zero) == dt.timedelta(0)
    assert evaluate(x.Case(((x.IsNull(col("a")), zero),), None, INTERVAL)) == dt.timedelta(0)


@pytest.mark.parametrize("prefix", ["", "a", "ab", "a\U0010ffff", "\U0010ffff", "\ud7ff", "Zz", "ä", "ab\x00"])
def test_what_begins_with_a_text_lies_between_two(prefix):
    texts = ["", "a", "ab", "abc", "ab\x00", "ac", "b", "A", "Zz", "Zza", "ä", "äb", "\ue000", "\ud7ff", "\ud7ffx"]
    texts += ["a\U0010ffff", "a\U0010ffffx", "\U0010ffff", "\U0010ffff\U0010ffff"]
    end = runtime.end_of(prefix)
    assert [text for text in texts if text < end and text >= prefix] == [
        text for text in texts if text.startswith(prefix)
    ]


def test_the_compiler_is_given_numbers_in_the_same_places():
    source = Source()
    title, at = source.position("title", "t_title", 1), source.position("a", "t_a", 12)
    assert (title, at) == ("TITLE", "A")
    text = "x = t[TITLE] + t[A] + u[TITLES]  # t[TITLE]\ny = '[TITLE]', \"it's [TITLE]\", itemgetter(TITLE)"
    assert source.with_numbers(text) == text.replace("x = t[TITLE]", "x = t[1    ]")
