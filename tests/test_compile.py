"""Every node, compiled and run over tables in memory: rows as SQL says, also with NULLs, and text that reads well."""

from __future__ import annotations

import gc
import itertools
import re
import threading
import time

import pytest
from plans import (
    AUTHOR,
    AUTHORS,
    BOOK,
    BOOKS,
    TAG,
    FakeCatalog,
    FakeTable,
    catalog,
    col,
    const,
    eq,
    everything,
    param,
    project,
    scan,
    table_schema,
)

from django_zodb.errors import DataError, OperationalError, ProgrammingError
from django_zodb.record import replace
from django_zodb.sql import expr as x
from django_zodb.sql import plan as p
from django_zodb.sql.compile import compile_plan
from django_zodb.sql.compile.pipeline import For, Let, clean, comprehension
from django_zodb.sql.program import Source
from django_zodb.values import BIGINT, BOOLEAN, DOUBLE, INTEGER, TEXT, SqlType

B = {name: col(BOOK, name) for name in BOOK.positions}
A = {name: col(AUTHOR, name) for name in AUTHOR.positions}
T = {name: col(TAG, name) for name in TAG.positions}


def shown(rows):
    """Rows with NaN as something that equals itself."""
    return [tuple("nan" if value != value else value for value in row) for row in rows]


def run(node, *params, on=None):
    """The rows, which must be the same when streamed, and when some parameter is NULL."""
    program = compile_plan(node, "SELECT")
    on = on or catalog()
    rows, count, rowid = program.run(on, params)
    assert count == len(rows)
    assert rowid is None
    assert shown(program.stream(on, params)) == shown(rows)
    if params:
        other = program._variant(True, stream=False).function
        assert shown(other(*map(on.table, program._table_names), params)) == shown(rows)
    return shown(rows)


def source(node):
    return compile_plan(node, "SELECT").source


def titles(node, *params):
    return [row[0] for row in run(project(node, B["title"]), *params)]


# --- access paths --------------------------------------------------------------------------------------------------


def test_scan_gives_the_stored_rows():
    tables = catalog()
    rows = compile_plan(project(scan(BOOK), *everything(BOOK)), "SELECT").run(tables)[0]
    assert all(row is tables.table("book").get(row[0]) for row in rows)
    assert run(scan(BOOK)) == shown(BOOKS)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (p.KeyLookup(BOOK, "book", const(3)), [3]),
        (p.KeyLookup(BOOK, "book", const(33)), []),
        (p.KeyLookup(BOOK, "book", const(1 << 70)), []),
        (p.KeyLookup(BOOK, "book", const(None)), []),
        (p.KeyRange(BOOK, "book", const(2), const(4)), [2, 3, 4]),
        (p.KeyRange(BOOK, "book", const(2), const(4), low_open=True, high_open=True, reverse=True), [3]),
        (p.KeyRange(BOOK, "book", None, const(2), reverse=True), [2, 1]),
        (p.KeyRange(BOOK, "book", const(5)), [5, 6]),
        (p.KeyRange(BOOK, "book", const(None)), []),
        (p.KeyIn(BOOK, "book", (const(4), const(1), const(4), const(None), const(77))), [1, 4]),
        (p.IndexLookup(BOOK, "book", "book_author", (const(1),)), [1, 2]),
        (p.IndexLookup(BOOK, "book", "book_author", (const(None),)), []),
        (p.IndexLookup(BOOK, "book", "book_author", (const(None),), nulls=True), [4, 6]),
        (p.IndexRange(BOOK, "book", "book_author", low=const(1), low_open=True), [3, 5]),
        (p.IndexRange(BOOK, "book", "book_author", nulls=True), [4, 6, 1, 2, 3, 5]),
        (p.IndexRange(BOOK, "book", "book_author", high=const(None)), []),
        (p.IndexRange(BOOK, "book", "book_year_title", (const(2001),), low=const("C")), [4]),
        (p.IndexRange(BOOK, "book", "book_year_title", (const(2001),), reverse=True, nulls=True), [4, 2]),
        (p.IndexIn(BOOK, "book", "book_author", (const(9), const(1), const(None))), [1, 2, 5]),
    ],
)
def test_access_paths(node, expected):
    assert run(project(node, B["id"])) == [(rowid,) for rowid in expected]


@pytest.mark.parametrize("missing", [None, 44])
def test_a_union_of_paths_finds_each_row_once(missing):
    paths = (
        p.KeyLookup(BOOK, "book", param(0)),
        p.IndexLookup(BOOK, "book", "book_author", (param(1),)),
        p.KeyRange(BOOK, "book", const(2), const(3)),
        p.KeyIn(BOOK, "book", (const(6), const(99))),
    )
    assert titles(p.RowidUnion(BOOK, "book", paths), missing, 1) == ["A", "B", "C", "A"]


@pytest.mark.parametrize("author", [1, 2, None, 44])
def test_an_intersection_of_paths_finds_what_all_find(author):
    paths = (
        p.IndexLookup(BOOK, "book", "book_author", (param(0),)),
        p.IndexRange(BOOK, "book", "book_year_title", (const(2001),), nulls=True),
        p.IndexIn(BOOK, "book", "book_author", (const(1), param(0))),
    )
    expected = [book for book in BOOKS if author is not None and book[3] == author and book[2] == 2001]
    for count in (2, 3):
        node = p.RowidIntersection(BOOK, "book", paths[:count])
        assert run(project(node, B["title"]), author) == [(book[1],) for book in expected]
        counted = p.Aggregate(node, "n", (), (("count", x.AggregateCall("COUNT", (), BIGINT)),))
        assert run(project(counted, x.Column("n", "count", BIGINT)), author) == [(len(expected),)]
        united = p.RowidUnion(BOOK, "book", (p.KeyLookup(BOOK, "book", const(6)), node))
        assert len(run(project(united, B["title"]), author)) == len({6, *(book[0] for book in expected)})


def test_parameters_are_converted_but_not_cut():
    assert titles(p.KeyLookup(BOOK, "book", param(0)), "3") == ["C"]
    short = x.Param(0, SqlType(TEXT.kind, 1))
    assert titles(p.Filter(scan(BOOK), eq(B["title"], short)), "A and more") == []
    with pytest.raises(DataError):
        run(project(p.KeyLookup(BOOK, "book", param(0)), B["id"]), 1 << 64)


def test_null_parameters_find_nothing():
    assert titles(p.KeyLookup(BOOK, "book", param(0)), None) == []
    assert titles(p.KeyRange(BOOK, "book", param(0)), None) == []
    assert titles(p.Filter(scan(BOOK), x.Compare("<", B["year"], param(0))), None) == []
    assert titles(p.Filter(scan(BOOK), x.In(B["id"], (param(0), param(1)), negated=True)), 1, None) == []
    assert titles(p.Filter(scan(BOOK), x.In(B["id"], (param(0), param(1)))), 1, None) == ["A"]
    assert titles(p.KeyIn(BOOK, "book", tuple(map(param, range(5)))), 1, None, 2, 2, 50) == ["A", "B"]
    assert titles(p.Filter(scan(BOOK), x.Like(B["title"], param(0, TEXT))), None) == []


def test_many_parameters_are_one_line():
    node = project(p.Filter(scan(BOOK), x.In(B["id"], tuple(map(param, range(2000))))), B["id"])
    assert "keys = set(map(to_integer, params[0:2000]))" in source(node)
    assert run(node, *range(3, 2003)) == [(3,), (4,), (5,), (6,)]


# --- joins ---------------------------------------------------------------------------------------------------------

KINDS = ["inner", "left", "semi", "anti", "full"]
ON_AUTHOR = eq(B["author_id"], A["id"])
YOUNG = x.Compare(">", A["id"], const(1))


def pairs(kind, matches):
    """What a join of BOOKS with the authors must give, by title and name."""

    found = {book: [author for author in AUTHORS if matches(book, author)] for book in BOOKS}
    if kind == "semi":
        return [(book[1], None) for book in BOOKS if found[book]]
    if kind == "anti":
        return [(book[1], None) for book in BOOKS if not found[book]]
    absent = [] if kind == "inner" else [(0, None)]
    result = [(book[1], author[1]) for book in BOOKS for author in (found[book] or absent)]
    if kind == "full":
        used = set(itertools.chain(*found.values()))
        result += [(None, author[1]) for author in AUTHORS if author not in used]
    return result


def joined(join):
    outputs = [p.Output("title", B["title"])]
    if join.kind not in ("semi", "anti"):
        outputs.append(p.Output("name", A["name"]))
    rows = run(project(join, *outputs))
    return [row if len(row) == 2 else (*row, None) for row in rows]


def strategies(kind, extra):
    both = ON_AUTHOR if extra is None else x.And((ON_AUTHOR, extra))
    keys = ((B["author_id"],), (A["id"],))
    yield p.Join(scan(BOOK), scan(AUTHOR), kind, both)
    yield p.NestedLoop(scan(BOOK), scan(AUTHOR), kind, both)
    yield p.HashJoin(scan(BOOK), scan(AUTHOR), kind, *keys, extra)
    names = tuple(p.Output(column.name, A[column.name]) for column in AUTHOR.columns)
    derived = p.Project(scan(AUTHOR), "d", names)
    renamed = {name: x.Column("d", name, column.type, column.nullable) for name, column in A.items()}
    swap = lambda e: renamed[e.name] if isinstance(e, x.Column) and e.alias == "author" else None  # noqa: E731
    from django_zodb.sql.rewrite import rewrite

    yield "derived", renamed["name"], p.Join(scan(BOOK), derived, kind, rewrite(both, swap))
    more = None if extra is None else rewrite(extra, swap)
    yield "derived", renamed["name"], p.HashJoin(scan(BOOK), derived, kind, (B["author_id"],), (renamed["id"],), more)
    if kind != "full":
        yield p.NestedLoop(scan(BOOK), p.KeyLookup(AUTHOR, "author", B["author_id"]), kind, extra)
        yield p.NestedLoop(scan(BOOK), p.IndexRange(AUTHOR, "author", "author_name", nulls=True), kind, both)
        lateral = p.Filter(scan(AUTHOR), ON_AUTHOR)
        yield p.Join(scan(BOOK), lateral, kind, extra, lateral=True)
        sorted_first = p.Limit(p.Sort(lateral, (x.SortKey(A["name"]),)), const(1))
        yield p.Join(scan(BOOK), sorted_first, kind, extra, lateral=True)
        if extra is not None:
            filtered = p.Filter(p.KeyLookup(AUTHOR, "author", B["author_id"]), extra)
            yield p.NestedLoop(scan(BOOK), filtered, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("extra", [None, YOUNG], ids=["plain", "with_condition"])
def test_every_join_by_every_strategy(kind, extra):
    def matches(book, author):
        return book[3] == author[0] and (extra is None or author[0] > 1)

    expected = pairs(kind, matches)
    for join in strategies(kind, extra):
        if isinstance(join, tuple):
            _, name, node = join
            outputs = [p.Output("title", B["title"])]
            if kind not in ("semi", "anti"):
                outputs.append(p.Output("name", name))
            rows = [row if len(row) == 2 else (*row, None) for row in run(project(node, *outputs))]
            assert rows == expected, source(project(node, *outputs))
        else:
            assert joined(join) == expected, join


def test_a_left_hash_join_files_the_only_value_that_is_used():
    keys = ((B["author_id"],), (A["id"],))
    names = project(p.HashJoin(scan(BOOK), scan(AUTHOR), "left", *keys), B["title"], A["name"])
    assert "author_by_id = {author[ID]: author[NAME] for author in author_table.rows()}" in source(names)
    assert "author_by_id.get(book[AUTHOR_ID])" in source(names)
    keys_too = project(p.HashJoin(scan(BOOK), scan(AUTHOR), "left", *keys), A["id"], A["name"], B["title"])
    assert run(keys_too) == [(*(author or (None, None)), title) for title, author in _with_authors()]
    other = col(AUTHOR, "id", "other")
    again = p.HashJoin(names.source, scan(AUTHOR, "other"), "left", (A["name"],), (col(AUTHOR, "name", "other"),))
    assert run(project(again, B["title"], other)) == [
        (title, author and author[0]) for title, author in _with_authors()
    ]


def _with_authors():
    authors = {author[0]: (author[0], author[1]) for author in AUTHORS}
    return [(book[1], authors.get(book[3])) for book in BOOKS]


def test_joins_where_nothing_of_a_side_is_used():
    for kind, count in [("inner", 3), ("left", 6), ("full", 7)]:
        for join in (
            p.Join(scan(BOOK), scan(AUTHOR), kind, ON_AUTHOR),
            p.HashJoin(scan(BOOK), scan(AUTHOR), kind, (B["author_id"],), (A["id"],)),
        ):
            assert run(project(join, const(1))) == [(1,)] * count
    assert len(run(project(p.Join(scan(BOOK), scan(AUTHOR), "inner"), const(1)))) == 18


def test_a_hash_join_on_columns_that_repeat_and_may_be_null():
    join = p.HashJoin(scan(BOOK), scan(TAG), "inner", (B["id"],), (T["book_id"],))
    assert run(project(join, B["title"], T["word"])) == [("A", "x"), ("A", "y"), ("B", "x")]
    left = replace(join, kind="left", condition=x.Compare("=", T["word"], const("x")))
    rows = run(project(left, B["title"], T["word"], T["main"]))
    assert rows[:3] == [("A", "x", True), ("B", "x", False), ("C", None, None)]


def test_alternatives_of_one_side_are_tested_before_the_rows_are_paired():
    """Of an OR over both sides, what says something of the side that is hashed is asked once for each of its rows."""
    title, word = x.Compare("=", B["title"], const("A", TEXT)), x.Compare("=", T["word"], const("x", TEXT))
    main = T["main"]
    pairs = [("A", "x", True), ("A", "y", None), ("B", "x", False)]
    checks = {"title": lambda row: row[0] == "A", "word": lambda row: row[1] == "x", "main": lambda row: row[2]}
    terms = {"title": title, "word": word, "main": main}
    for used in (("title", "word"), ("title", "main"), ("title", "word", "main"), ("word", "main")):
        condition = x.Or(tuple(terms[name] for name in used))
        both = x.And((condition, x.Or((x.Not(main), title))))
        join = p.HashJoin(scan(BOOK), scan(TAG), "inner", (B["id"],), (T["book_id"],), condition)
        found = [row for row in pairs if any(checks[name](row) for name in used)]
        assert run(project(join, B["title"], T["word"], T["main"])) == found
        assert run(project(join, B["title"])) == [row[:1] for row in found]
        assert run(project(replace(join, condition=both), B["title"], T["word"])) == [
            row[:2] for row in found if row[2] is False or row[0] == "A"
        ]
    by_author = p.HashJoin(scan(BOOK), scan(AUTHOR), "inner", (B["author_id"],), (A["id"],), x.Or((title, YOUNG)))
    expected = [(book[1], author[1]) for book in BOOKS for author in AUTHORS if book[3] == author[0]]
    expected = [row for row in expected if row[0] == "A" or next(a for a in AUTHORS if a[1] == row[1])[0] > 1]
    assert run(project(by_author, B["title"], A["name"])) == expected
    assert len(run(project(by_author, B["title"]))) == len(expected)
    failing = x.Compare("=", x.Arithmetic("/", const(1), A["id"], INTEGER), const(1))
    text = source(project(replace(by_author, condition=x.Or((title, failing))), B["title"]))
    assert "alternative" not in text, "what may fail is asked of pairs only"


def test_nan_joins_nan():
    other = {name: col(BOOK, name, "o") for name in BOOK.positions}
    join = p.HashJoin(scan(BOOK), scan(BOOK, "o"), "inner", (B["price"],), (other["price"],))
    rows = run(project(join, B["id"], other["id"]))
    assert rows == [(1, 1), (1, 5), (3, 3), (4, 4), (4, 6), (5, 1), (5, 5), (6, 4), (6, 6)]
    loop = p.Join(scan(BOOK), scan(BOOK, "o"), "inner", eq(B["price"], other["price"]))
    assert run(project(loop, B["id"], other["id"])) == rows


def test_twenty_five_joins_do_not_nest_too_deeply():
    node = scan(TAG, "t0")
    for at in range(1, 26):
        condition = eq(col(TAG, "book_id", f"t{at}"), col(TAG, "book_id", f"t{at - 1}"))
        on_word = eq(col(TAG, "word", f"t{at}"), col(TAG, "word", f"t{at - 1}"))
        node = p.Join(node, p.Filter(scan(TAG, f"t{at}"), on_word), "inner", condition)
    outputs = [p.Output(f"w{at}", col(TAG, "word", f"t{at}")) for at in (0, 12, 25)]
    assert run(project(node, *outputs)) == [("x",) * 3, ("y",) * 3, ("x",) * 3, ("x",) * 3]
    lookups = scan(BOOK, "b0")
    for at in range(1, 90):
        lookups = p.NestedLoop(lookups, p.KeyLookup(BOOK, f"b{at}", col(BOOK, "id", f"b{at - 1}")), "inner")
    assert len(run(project(lookups, col(BOOK, "title", "b89")))) == 6


def test_a_condition_that_needs_statements_of_its_own():
    doubled = x.Call("NULLIF", (T["book_id"], const(7)), INTEGER)
    for kind in ("left", "semi", "anti", "full"):
        join = p.Join(scan(BOOK), scan(TAG), kind, x.Compare(">=", B["id"], doubled))
        assert len(run(project(join, B["id"]))) == {"left": 17, "semi": 6, "anti": 0, "full": 19}[kind]


def test_both_sides_of_a_join_use_an_outer_row():
    other = {name: col(BOOK, name, "o") for name in BOOK.positions}
    left = p.Filter(scan(BOOK, "o"), eq(other["author_id"], A["id"]))
    right = p.Filter(scan(TAG), x.Compare(">=", T["book_id"], A["id"]))
    join = p.HashJoin(left, right, "inner", (other["id"],), (T["book_id"],))
    node = project(p.Filter(scan(AUTHOR), x.Exists(project(join, const(1), alias="s"))), A["id"])
    assert run(node) == [(1,)]


# --- aggregates ----------------------------------------------------------------------------------------------------


def call(function, *args, type_=BIGINT, **options):
    return x.AggregateCall(function, args, type_, **options)


def grouped(source_node, keys, calls):
    keys = tuple(p.Output(name, expr) for name, expr in keys.items())
    node = p.Aggregate(source_node, "g", keys, tuple(calls.items()))
    return project(node, *(x.Column("g", c.name, c.type, c.nullable) for c in p.output_columns(node)))


def test_count_of_a_table_reads_no_row():
    node = grouped(scan(BOOK), {}, {"n": call("COUNT")})
    assert run(node) == [(6,)]
    assert "book_table.count()" in source(node)


def test_aggregates_without_keys():
    calls = {
        "n": call("COUNT"),
        "years": call("COUNT", B["year"]),
        "different": call("COUNT", B["year"], distinct=True),
        "total": call("SUM", B["year"]),
        "some": call("COUNT", filter=x.Compare(">", B["year"], const(2000))),
        "highest": call("MAX", B["title"], type_=TEXT, filter=x.Compare("<", B["title"], const("C"))),
    }
    assert run(grouped(scan(BOOK), {}, calls)) == [(6, 4, 3, 8011, 3, "B")]
    empty = p.Filter(scan(BOOK), const(False))
    assert run(grouped(empty, {}, calls)) == [(0, 0, 0, None, 0, None)]


def test_groups_with_null_keys_and_no_values():
    one = grouped(scan(BOOK), {"year": B["year"]}, {"n": call("COUNT")})
    assert run(one) == [(1999, 1), (2001, 2), (None, 2), (2010, 1)]
    assert "found = (book[YEAR] for book in book_table.rows(columns=(2,)))" in source(one)
    assert "groups = Counter(iter(found))" in source(one)
    total = grouped(scan(BOOK), {"year": B["year"]}, {"total": call("SUM", B["author_id"])})
    assert run(total) == [(1999, 1), (2001, 1), (None, 2), (2010, 9)]
    two = {"year": B["year"], "title": B["title"]}
    assert run(grouped(scan(BOOK), two, {}))[:2] == [(1999, "A"), (2001, "B")]
    several = {"n": call("COUNT", B["author_id"]), "last": call("MAX", B["title"], type_=TEXT)}
    assert run(grouped(scan(BOOK), {"year": B["year"]}, several)) == [
        (1999, 1, "A"),
        (2001, 1, "D"),
        (None, 1, "C"),
        (2010, 1, "E"),
    ]


@pytest.mark.parametrize("count", [1, 2])
def test_a_group_exists_though_nothing_is_counted_in_it(count):
    never = call("COUNT", filter=const(False, BOOLEAN))
    calls = {f"n{at}": never for at in range(count)}
    assert run(grouped(scan(AUTHOR), {"id": A["id"]}, calls)) == [(at, *[0] * count) for at in (1, 2, 3)]


def test_groups_by_nan():
    assert run(grouped(scan(BOOK), {"price": B["price"]}, {"n": call("COUNT")})) == [
        (5.0, 2),
        (None, 1),
        (7.5, 1),
        ("nan", 2),
    ]


def test_order_and_distinct_inside_an_aggregate():
    joined_by = call(
        "STRING_AGG", B["title"], const("-"), type_=TEXT, distinct=True, order_by=(x.SortKey(B["title"], True),)
    )
    assert run(grouped(scan(BOOK), {}, {"t": joined_by})) == [("E-D-C-B-A",)]
    by_year = call(
        "STRING_AGG",
        B["title"],
        const(""),
        type_=TEXT,
        order_by=(x.SortKey(B["year"], True, nulls_first=False), x.SortKey(B["title"])),
    )
    assert run(grouped(scan(BOOK), {}, {"t": by_year})) == [("EBDAAC",)]


def test_having_and_unused_aggregates():
    node = p.Aggregate(
        scan(BOOK),
        "g",
        (p.Output("year", B["year"]),),
        (("n", call("COUNT")), ("unused", call("SUM", B["id"]))),
    )
    having = p.Filter(node, x.Compare(">", x.Column("g", "n", BIGINT, False), const(1)))
    query = project(having, x.Column("g", "year", INTEGER))
    assert run(query) == [(2001,), (None,)]
    assert "sum_of" not in source(query)


# --- order, limits, sets -------------------------------------------------------------------------------------------


def sort(node, *keys, top=None):
    sort_keys = tuple(x.SortKey(*key) if isinstance(key, tuple) else x.SortKey(key) for key in keys)
    if top is None:
        return p.Sort(node, sort_keys)
    limit, offset = top
    return p.TopN(node, sort_keys, const(limit), None if offset is None else const(offset))


ORDERS = [
    (B["title"],),
    ((B["title"], True),),
    ((B["year"], False, True), B["id"]),
    ((B["year"], False, False), (B["id"], True)),
    ((B["year"], True, True), B["title"], (B["id"], True)),
    ((B["year"], True, False), (B["title"], True)),
    ((B["price"], False, True), B["id"]),
    ((B["price"], True, False), B["id"]),
    ((B["price"], True, True), (B["price"], True)),
    (x.Arithmetic("-", const(0), B["id"], INTEGER),),
]


def expected_order(keys):
    """The books by the book: one stable sort per key, the last one first."""
    rows = list(BOOKS)
    for key in reversed([x.SortKey(*key) if isinstance(key, tuple) else x.SortKey(key) for key in keys]):
        if isinstance(key.expr, x.Column):
            at = BOOK.positions[key.expr.name]
            values = {row[0]: row[at] for row in BOOKS}
        else:
            values = {row[0]: -row[0] for row in BOOKS}
        some = [row for row in rows if values[row[0]] is not None]
        some.sort(key=lambda row: _order(values[row[0]]), reverse=key.descending)
        nulls = [row for row in rows if values[row[0]] is None]
        rows = nulls + some if key.nulls_first else some + nulls
    return shown(rows)


def _order(value):
    return (1, 0) if value != value else (0, value)


@pytest.mark.parametrize("keys", ORDERS)
def test_sort_and_top(keys):
    expected = expected_order(keys)
    assert run(project(sort(scan(BOOK), *keys), *everything(BOOK))) == expected
    assert [row[:1] for row in expected] == run(project(sort(scan(BOOK), *keys), B["id"]))
    for limit, offset in [(2, None), (3, 2), (0, None), (50, 4)]:
        top = sort(scan(BOOK), *keys, top=(limit, offset))
        assert run(project(top, *everything(BOOK))) == expected[offset or 0 :][:limit]


def test_sort_carries_what_is_needed():
    join = p.NestedLoop(scan(BOOK), p.KeyLookup(AUTHOR, "author", B["author_id"]), "left")
    name = x.Column("author", "name", TEXT, nullable=True)
    query = project(sort(join, (name, True, False), B["id"]), B["title"], name)
    assert run(query) == [("C", "Bob"), ("A", "Ada"), ("B", "Ada"), ("D", None), ("E", None), ("A", None)]
    assert run(project(sort(scan(BOOK), B["title"]), const(1))) == [(1,)] * 6


def test_limit_stops_reading():
    class Counted(list):
        read = 0

        def __iter__(self):
            for row in list.__iter__(self):
                Counted.read += 1
                yield row

    tables = catalog()
    tables.table("book").rows = lambda *bounds, **options: Counted(BOOKS)
    node = project(p.Limit(p.Filter(scan(BOOK), x.IsNull(B["year"], True)), const(2)), B["id"])
    assert compile_plan(node, "").run(tables)[0] == [(1,), (2,)]
    assert Counted.read == 2
    join = p.NestedLoop(scan(BOOK), p.KeyLookup(AUTHOR, "author", B["author_id"]), "inner")
    Counted.read = 0
    assert len(compile_plan(project(p.Limit(join, const(1)), B["id"]), "").run(tables)[0]) == 1
    assert Counted.read == 1


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [(2, 0, "AB"), (2, 1, "BC"), (0, 3, ""), (100, 4, "EA"), (None, 4, "EA"), (1, None, "A"), (10**30, 5, "A")],
)
def test_limits(limit, offset, expected):
    for source_node in (scan(BOOK), sort(scan(BOOK), B["id"])):
        node = p.Limit(source_node, param(0, BIGINT), param(1, BIGINT))
        if limit == 10**30:
            node = p.Limit(source_node, const(limit), param(1, BIGINT))
        assert "".join(titles(node, limit if limit != 10**30 else 0, offset)) == expected


@pytest.mark.parametrize("clause", ["limit", "offset"])
def test_a_negative_limit_is_a_data_error(clause):
    empty = p.Filter(scan(BOOK), const(False))
    limit, offset = (param(0), None) if clause == "limit" else (const(1), param(0))
    with pytest.raises(DataError, match=f"{clause.upper()} must not be negative: -1"):
        run(project(p.Limit(empty, limit, offset), B["id"]), -1)
    with pytest.raises(DataError, match="must not be negative"):
        run(project(p.TopN(empty, (x.SortKey(B["id"]),), param(0)), B["id"]), -1)


def test_distinct():
    assert run(p.Distinct(project(scan(BOOK), B["title"]))) == [("A",), ("B",), ("C",), ("D",), ("E",)]
    assert run(p.Distinct(project(scan(BOOK), B["price"]))) == [(5.0,), (None,), (7.5,), ("nan",)]
    limited = p.Limit(p.Distinct(project(scan(BOOK), B["title"], B["price"])), const(3), const(2))
    assert run(limited) == [("C", 7.5), ("D", "nan"), ("E", 5.0)]
    column = x.Column("result", "title", TEXT, False)
    ordered = p.Sort(p.Distinct(project(scan(BOOK), B["title"])), (x.SortKey(column, True),))
    assert run(p.Limit(ordered, const(2))) == [("E",), ("D",)]
    by_year = sort(scan(BOOK), (B["year"], True, False), B["title"])
    assert titles(p.DistinctOn(by_year, (B["year"],))) == ["E", "B", "A", "A"]
    join = p.Join(scan(BOOK), scan(AUTHOR), "inner", ON_AUTHOR)
    assert run(p.Distinct(project(join, A["name"]))) == [("Ada",), ("Bob",)]


@pytest.mark.parametrize(
    ("kind", "all_", "expected"),
    [
        ("union", True, "ABCDEAABA"),
        ("union", False, "ABCDE"),
        ("intersect", False, "AB"),
        ("intersect", True, "ABA"),
        ("except", False, "CDE"),
        ("except", True, "CDE"),
    ],
)
def test_set_operations(kind, all_, expected):
    left = project(scan(BOOK), B["title"], alias="l")
    few = p.Values("v", (p.OutputColumn("title", TEXT),), ((const("A"),), (const("B"),), (const("A"),)))
    node = p.SetOperation(kind, all_, left, few, "u", (p.OutputColumn("title", TEXT),))
    assert "".join(row[0] for row in run(node)) == expected
    ordered = p.Sort(node, (x.SortKey(x.Column("u", "title", TEXT), True),))
    assert "".join(row[0] for row in run(ordered)) == "".join(sorted(expected, reverse=True))


def test_set_operations_take_nan_as_equal():
    sides = [project(scan(BOOK), B["price"], alias=alias) for alias in "lr"]
    columns = (p.OutputColumn("price", DOUBLE),)
    assert run(p.SetOperation("union", False, *sides, "u", columns)) == [(5.0,), (None,), (7.5,), ("nan",)]
    assert run(p.SetOperation("except", True, *sides, "u", columns)) == []


# --- derived tables, values, subqueries ----------------------------------------------------------------------------


def test_projects_inside():
    twice = x.Arithmetic("*", B["id"], const(2), INTEGER)
    derived = p.Project(scan(BOOK), "d", (p.Output("twice", twice), p.Output("title", B["title"])))
    twice_column, title = x.Column("d", "twice", INTEGER, False), x.Column("d", "title", TEXT, False)
    node = p.Filter(derived, x.Compare(">", twice_column, const(8)))
    assert run(project(node, twice_column)) == [(10,), (12,)]
    assert run(project(sort(node, title), twice_column, title)) == [(12, "A"), (10, "E")]
    assert run(p.Filter(derived, x.Compare(">", twice_column, const(10)))) == [(12, "A")]
    assert run(sort(derived, (twice_column, True)))[0] == (12, "A")


def test_values():
    columns = (p.OutputColumn("a", INTEGER), p.OutputColumn("b", TEXT))
    one = p.Values("v", columns, ((const(1), param(0, TEXT)),))
    assert run(one, "x") == [(1, "x")]
    two = p.Values("v", columns, ((const(1), param(0, TEXT)), (const(None), const("y"))))
    assert run(two, "x") == [(1, "x"), (None, "y")]
    assert run(p.Values("v", columns, ())) == []
    nothing = p.Values("v", (), ((),))
    assert run(project(nothing, const(1), const("a"))) == [(1, "a")]
    assert run(project(p.Filter(nothing, const(False)), const(1))) == []


def counts_of(plan):
    return x.Subquery(grouped(plan, {}, {"n": call("COUNT")}), BIGINT)


def test_scalar_subqueries():
    of_author = p.Filter(scan(BOOK), eq(B["author_id"], A["id"]))
    assert run(project(scan(AUTHOR), A["name"], counts_of(of_author))) == [("Ada", 2), ("Bob", 1), ("Cyd", 0)]
    last = project(p.Limit(sort(of_author, (B["title"], True)), const(1)), B["title"], alias="s")
    assert [row[1] for row in run(project(scan(AUTHOR), A["id"], x.Subquery(last, TEXT)))] == ["B", "C", None]
    several = x.Subquery(project(of_author, B["title"], alias="s"), TEXT)
    with pytest.raises(ProgrammingError, match="more than one row"):
        run(project(scan(AUTHOR), several))
    assert run(project(p.Filter(scan(AUTHOR), YOUNG), several)) == [("C",), (None,)]


def test_an_uncorrelated_subquery_is_computed_once_at_most():
    tables = catalog()
    counted = []
    present = tables.table("book").present
    tables.table("book").present = lambda columns: counted.append(1) or present(columns)
    highest = x.Subquery(grouped(scan(BOOK), {}, {"y": call("MAX", B["id"], type_=INTEGER)}), INTEGER)
    node = compile_plan(project(p.Filter(scan(AUTHOR), x.Compare("<", A["id"], highest)), A["id"]), "")
    assert node.run(tables)[0] == [(1,), (2,), (3,)]
    assert len(counted) == 1
    never = project(p.Filter(p.Filter(scan(AUTHOR), const(False)), x.Compare("<", A["id"], highest)), A["id"])
    assert compile_plan(never, "").run(tables)[0] == []
    assert len(counted) == 1


@pytest.mark.parametrize("negated", [False, True])
def test_exists(negated):
    of_author = project(p.Filter(scan(BOOK), eq(B["author_id"], A["id"])), const(1), alias="s")
    node = project(p.Filter(scan(AUTHOR), x.Exists(of_author, negated)), A["name"])
    assert run(node) == ([("Cyd",)] if negated else [("Ada",), ("Bob",)])
    anywhere = x.Exists(project(scan(BOOK), const(1), alias="s"), negated)
    assert len(run(project(p.Filter(scan(AUTHOR), anywhere), A["id"]))) == (0 if negated else 3)
    assert "def exists(author):" in source(node)


def in_plan(terms, plan, negated=False, nullable=True):
    return x.InPlan(terms, plan, negated, nullable=nullable)


def test_in_a_subquery():
    authors_with = project(scan(BOOK), B["author_id"], alias="s")
    node = lambda negated: titles(p.Filter(scan(BOOK), in_plan((B["id"],), authors_with, negated)))  # noqa: E731
    assert node(False) == ["A", "B"]
    assert node(True) == []  # a NULL among them: unknown
    known = project(p.Filter(scan(BOOK, "o"), x.IsNull(col(BOOK, "author_id", "o"), True)), col(BOOK, "author_id", "o"))
    assert titles(p.Filter(scan(BOOK), in_plan((B["id"],), known, True))) == ["C", "D", "E", "A"]
    empty = project(p.Filter(scan(TAG), const(False)), T["book_id"], alias="s")
    assert len(titles(p.Filter(scan(BOOK), in_plan((B["author_id"],), empty, True)))) == 6
    value = project(scan(BOOK), in_plan((B["id"],), authors_with), alias="q")
    assert [row[0] for row in run(value)] == [True, True, None, None, None, None]


def test_rows_in_a_subquery():
    other = {name: col(BOOK, name, "o") for name in BOOK.positions}
    plan = project(scan(BOOK, "o"), other["year"], other["author_id"], alias="s")
    expr = in_plan((const(2001), const(1)), plan)
    assert run(project(p.Values("v", (), ((),)), expr)) == [(True,)]
    unknown = in_plan((const(2001), const(7)), plan)
    assert run(project(p.Values("v", (), ((),)), unknown)) == [(None,)]
    certain = in_plan((const(1), const("A")), project(scan(BOOK, "o"), other["id"], other["title"]), nullable=False)
    assert run(project(p.Values("v", (), ((),)), certain)) == [(True,)]


def test_a_subquery_in_a_subquery_reaches_the_outermost_row():
    same_year = p.Filter(
        scan(BOOK, "o"), x.And((eq(col(BOOK, "year", "o"), B["year"]), eq(col(BOOK, "author_id", "o"), A["id"])))
    )
    inner = p.Filter(scan(BOOK), x.Exists(project(same_year, const(1), alias="s")))
    node = project(scan(AUTHOR), A["name"], counts_of(inner))
    assert run(node) == [("Ada", 3), ("Bob", 0), ("Cyd", 0)]


def test_a_correlated_subquery_over_a_derived_table():
    derived = p.Project(scan(AUTHOR), "d", (p.Output("key", x.Arithmetic("+", A["id"], const(0), INTEGER)),))
    key = x.Column("d", "key", INTEGER, False)
    of_key = p.Filter(scan(BOOK), eq(B["author_id"], key))
    assert run(project(derived, key, counts_of(of_key))) == [(1, 2), (2, 1), (3, 0)]


# --- writing -------------------------------------------------------------------------------------------------------


def write(node, *params, on=None):
    on = on or catalog()
    rows, count, rowid = compile_plan(node, "WRITE").run(on, params)
    return rows, count, rowid, on


def values(*rows):
    width = len(rows[0]) if rows else 0
    columns = tuple(p.OutputColumn(f"c{at}", TEXT) for at in range(width))
    return p.Values("given", columns, rows)


def test_insert_one_row():
    node = p.Insert(BOOK, "book", values((param(0, TEXT), param(1))), (1, 2), ((4, const(1.5)),))
    rows, count, rowid, tables = write(node, "new", "1984")
    assert (rows, count, rowid) == (None, 1, 7)
    assert tables.table("book").data[7] == (7, "new", 1984, None, 1.5)
    with pytest.raises(DataError, match=r"book\.year: 'x' is no value of type integer"):
        write(node, "new", "x")


@pytest.mark.parametrize("count", [2, 300])
def test_insert_many_rows_in_a_loop(count):
    rows = tuple((param(2 * at, TEXT), const(1), param(2 * at + 1)) for at in range(count))
    returning = (p.Output("id", B["id"]), p.Output("year", B["year"]))
    node = p.Insert(BOOK, "book", values(*rows), (1, 2, 3), (), None, returning)
    params = [value for at in range(count) for value in (f"t{at}", None)]
    returned, written, rowid, tables = write(node, *params)
    assert written == len(returned) == count
    assert rowid == returned[-1][0] == 6 + count
    assert tables.table("book").data[7] == (7, "t0", 1, None, None)
    assert len(compile_plan(node, "").source.splitlines()) < 20


def test_insert_rows_that_are_not_alike():
    node = p.Insert(AUTHOR, "author", values((param(0), param(1, TEXT)), (const(None), const("lit"))), (0, 1))
    _, count, rowid, tables = write(node, 20, "p")
    assert (count, rowid) == (2, 21)
    assert tables.table("author").data[21] == (21, "lit")


def test_insert_from_the_table_itself():
    again = project(scan(BOOK), B["title"], x.Arithmetic("+", B["id"], const(0), BIGINT), alias="s")
    _, count, _, tables = write(p.Insert(BOOK, "book", again, (1, 2)))
    assert count == 6
    assert tables.table("book").data[12] == (12, "A", 6, None, None)


def test_insert_without_values():
    _, count, rowid, tables = write(p.Insert(BOOK, "book", p.Values("v", (), ((),)), (), ((1, const("none")),)))
    assert (count, rowid) == (1, 7)
    assert tables.table("book").data[7] == (7, "none", None, None, None)


def upsert(conflict, *rows, returning=()):
    return p.Insert(AUTHOR, "author", values(*rows), (0, 1), (), conflict, returning)


def test_on_conflict_do_nothing():
    returning = (p.Output("id", A["id"]),)
    rows = ((const(1), const("x")), (const(None), const("Bob")), (const(30), const("new")))
    returned, count, rowid, tables = write(upsert(p.OnConflict(), *rows, returning=returning))
    assert (returned, count, rowid) == ([(30,)], 1, 30)
    assert [row[1] for row in tables.table("author").rows()] == ["Ada", "Bob", "Cyd", "new"]


def test_on_conflict_do_update():
    excluded = x.Column("excluded", "name", TEXT, False)
    both = x.Concat((A["name"], excluded), TEXT)
    conflict = p.OnConflict(("id",), assignments=((1, both),), condition=x.Compare("<>", A["id"], const(2)))
    rows = ((const(1), const("x")), (const(2), const("y")), (const(9), const("z")))
    returning = (p.Output("name", A["name"]),)
    returned, count, rowid, tables = write(upsert(conflict, *rows, returning=returning))
    assert (returned, count, rowid) == ([("Adax",), ("z",)], 2, 9)
    assert [row[1] for row in tables.table("author").rows()] == ["Adax", "Bob", "Cyd", "z"]
    by_name = p.OnConflict(("name",), assignments=((1, const("Eve")),))
    assert write(upsert(by_name, (const(None), const("Ada"))))[3].table("author").data[1] == (1, "Eve")
    with pytest.raises(ProgrammingError, match=r"ON CONFLICT \(x\): author has no unique constraint"):
        write(upsert(p.OnConflict(("x",)), (const(1), const("x"))))


def test_update():
    source_node = p.Filter(scan(BOOK), x.Compare("<", B["id"], param(0)))
    assignments = ((2, x.Arithmetic("+", B["year"], B["id"], INTEGER)), (1, param(1, TEXT)))
    returning = (p.Output("year", B["year"]), p.Output("title", B["title"]))
    rows, count, rowid, tables = write(p.Update(BOOK, "book", source_node, assignments, returning), 4, "n")
    assert (rows, count, rowid) == ([(2000, "n"), (2003, "n"), (None, "n")], 3, None)
    assert tables.table("book").data[1] == (1, "n", 2000, 1, 5.0)


def test_update_sees_the_old_rows_only_and_each_row_once():
    highest = x.Subquery(grouped(scan(BOOK, "o"), {}, {"y": call("MAX", col(BOOK, "year", "o"))}), INTEGER)
    new = x.Arithmetic("+", highest, const(1), INTEGER)
    _, count, _, tables = write(p.Update(BOOK, "book", scan(BOOK), ((2, new),)))
    assert count == 6
    assert {row[2] for row in tables.table("book").rows()} == {2011}
    join = p.Join(scan(BOOK), scan(TAG), "inner", eq(B["id"], T["book_id"]))
    _, count, _, tables = write(p.Update(BOOK, "book", join, ((1, T["word"]),)))
    assert count == 2
    assert [tables.table("book").data[at][1] for at in (1, 2)] == ["x", "x"]


def test_what_does_not_fit_is_refused_not_cut():
    short = table_schema("short", {"id": (INTEGER, False), "v": (SqlType(TEXT.kind, 3), False)})
    on = FakeCatalog(FakeTable(short, [(1, "abc")]))
    longer = x.Cast(x.Concat((col(short, "v"), const("d")), TEXT), SqlType(TEXT.kind, 3))
    literal = x.Cast(x.Concat((const("abc"), const("d")), TEXT), SqlType(TEXT.kind, 3))
    for node in (
        p.Update(short, "short", scan(short), ((1, longer),)),
        p.Insert(short, "short", project(scan(short), longer, alias="s"), (1,)),
        p.Insert(short, "short", values((literal,)), (1,)),
    ):
        with pytest.raises(DataError, match=r"short\.v: value too long for type varchar\(3\)"):
            write(node, on=on)
    assert run(
        project(scan(short), x.Cast(x.Concat((col(short, "v"), const("d")), TEXT), SqlType(TEXT.kind, 2))), on=on
    ) == [("ab",)]


def test_delete():
    node = p.Delete(BOOK, "book", p.Filter(scan(BOOK), x.IsNull(B["year"])), (p.Output("title", B["title"]),))
    rows, count, _, tables = write(node)
    assert (rows, count) == ([("C",), ("A",)], 2)
    assert tables.table("book").count() == 4
    _, count, _, tables = write(p.Delete(BOOK, "book", p.KeyLookup(BOOK, "book", param(0))), 1)
    assert count == 1


@pytest.mark.parametrize("path", ["scan", "lookup"])
def test_tables_with_a_hidden_rowid(path):
    keyed = table_schema("keyed", {"word": (TEXT, False), "n": (INTEGER, True)}, ("word",), [("w", ("word",), True)])
    on = FakeCatalog(FakeTable(keyed, [("a", 1), ("b", 2), ("c", 3)]))
    word, number = col(keyed, "word"), col(keyed, "n")
    if path == "scan":
        source_node = p.Filter(scan(keyed), eq(word, const("b")))
    else:
        source_node = p.IndexLookup(keyed, "keyed", "w", (const("b"),), unique=True)
    write(p.Update(keyed, "keyed", source_node, ((1, x.Arithmetic("+", number, const(5), INTEGER)),)), on=on)
    assert on.table("keyed").data == {1: ("a", 1), 2: ("b", 7), 3: ("c", 3)}
    assert run(project(source_node, x.rowid("keyed"), word), on=on) == [(2, "b")]
    _, count, rowid, _ = write(p.Delete(keyed, "keyed", source_node), on=on)
    assert (count, rowid, len(on.table("keyed").data)) == (1, None, 2)
    assert write(p.Insert(keyed, "keyed", values((const("z"),)), (0,)), on=on)[2] is None
    sorted_rows = sort(p.IndexRange(keyed, "keyed", "w", nulls=True), (number, True, False))
    assert run(project(sorted_rows, x.rowid("keyed")), on=on) == [(3,), (1,), (4,)]


def test_lock_rows():
    join = p.NestedLoop(scan(BOOK), p.KeyLookup(AUTHOR, "author", B["author_id"]), "left")
    tables = catalog()
    compile_plan(project(p.LockRows(join, ("book", "author")), B["id"]), "").run(tables)
    assert tables.table("book").locked == [1, 2, 3, 4, 5, 6]
    assert tables.table("author").locked == [1, 1, 2]


# --- the text ------------------------------------------------------------------------------------------------------

EXAMPLE = """\
# SELECT b.title, a.name FROM book b LEFT JOIN author a ON a.id = b.author_id WHERE b.year > %s ORDER BY b.title LIMIT 2
def select(book, author, params):
    p0 = to_integer(params[0])
    book_year_title = book.index('book_year_title')
    # IndexRange: book b using book_year_title (b.year > p0)
    # NestedLoop: left
    # KeyLookup: author a (a.id = b.author_id)
    found = (
        (b[TITLE], ((None if b[AUTHOR_ID] is None else author.get(b[AUTHOR_ID])) or NO_A)[NAME])
        for b in book.fetch(book_year_title.range(low=p0, low_open=True), columns=(1, 3))
    )
    # TopN: 2 by b.title
    first = first_sorted(found, 2, (0, False))
    # Project: b.title, a.name
    return first
"""


def test_threads_compile_while_the_garbage_collector_runs():
    """Its callbacks let other threads in, in the middle of what CPython 3.11.7 takes for one thread's work."""
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for number in range(60):
                sums = " + ".join(f"(a{thread}_{number}_{at} * (b{at} - {at}))" for at in range(30))
                clean(f"({sums})")
        except BaseException as error:
            failures.append(error)

    def let_others_in(phase: str, info: object) -> None:
        time.sleep(0)

    thresholds = gc.get_threshold()
    gc.callbacks.append(let_others_in)
    gc.set_threshold(50)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(let_others_in)
    assert failures == []


def test_the_text_reads_like_the_plan():
    b = {name: col(BOOK, name, "b") for name in BOOK.positions}
    rows = p.IndexRange(BOOK, "b", "book_year_title", low=param(0), low_open=True)
    join = p.NestedLoop(rows, p.KeyLookup(AUTHOR, "a", b["author_id"]), "left")
    node = project(sort(join, b["title"], top=(2, None)), b["title"], x.Column("a", "name", TEXT))
    sql = EXAMPLE.splitlines()[0].removeprefix("# ")
    program = compile_plan(node, sql)
    assert program.source == EXAMPLE
    comments = {line.strip().removeprefix("# ") for line in EXAMPLE.splitlines() if "#" in line}
    assert comments == {sql, *(line.strip() for line in program.explain())}


def test_hostile_names_stay_names():
    evil = "x = 1\nimport os\r\u2028os.system('true') #\"'"
    schema = table_schema(
        evil, {"id": (INTEGER, False), evil: (TEXT, False), "def": (TEXT, True)}, ("id",), [(evil, (evil,), False)]
    )
    on = FakeCatalog(FakeTable(schema, [(1, "a", None), (2, "b", "c")]))
    node = project(sort(p.IndexLookup(schema, evil, evil, (param(0, TEXT),)), col(schema, "def")), *everything(schema))
    program = compile_plan(node, f"SELECT {evil}")
    assert program.run(on, ["b"])[0] == [(2, "b", "c")]
    code = [line.split("#")[0] for line in program.source.splitlines()]
    assert not any(re.match(r"\s*(import|os|x = )", line) for line in code)
    assert write(p.Update(schema, evil, scan(schema, evil), ((1, param(0, TEXT)),)), "n", on=on)[1] == 2


def test_too_deep_a_statement_is_named():
    deep = A["id"]
    for _ in range(3000):
        deep = x.Negate(deep, INTEGER)
    with pytest.raises(OperationalError, match="too complex to compile"):
        compile_plan(project(scan(AUTHOR), deep), "SELECT")


@pytest.mark.parametrize(("name", "times"), [("CONCAT", 2000), ("GREATEST", 1)])
def test_a_function_takes_any_number_of_arguments(name, times):
    call = x.Call(name, (B["title"],) * 2000, TEXT, nullable=False)
    assert run(project(scan(BOOK), call)) == [(title * times,) for title in titles(scan(BOOK))]


def test_program_attributes():
    program = compile_plan(project(scan(BOOK), B["title"], B["year"]), "SELECT title")
    assert program.columns == (p.OutputColumn("title", TEXT, False), p.OutputColumn("year", INTEGER, True))
    assert program.tables == (("book", "token of book"),)
    assert program.writes is False
    assert program.explain() == ["Project: book.title, book.year", "  Scan: book"]
    assert compile_plan(p.Delete(BOOK, "book", scan(BOOK)), "").writes is True


def test_a_variable_gives_way_only_where_it_is_one():
    steps = [For("b", "rows"), Let("b_title", "b[1]", False, "b", 1, "title")]
    given = r"""f(b_title, 'b_title', 'it\'s b_title', "b_title's", b.b_title, b_title == 1, x_b_title, b_title=1)"""
    found = comprehension(steps, given, Source())
    assert found is not None
    assert found.value == given.replace("f(b_title", "f(b[TITLE]").replace("b_title == 1", "b[TITLE] == 1")
