"""What the optimizer makes of plans: built by hand here, to see each rewrite alone and against set statistics."""

import pytest

from django_zodb.record import replace
from django_zodb.sql import plan as p
from django_zodb.sql.expr import (
    AggregateCall,
    And,
    Call,
    Column,
    Compare,
    Constant,
    Exists,
    In,
    InPlan,
    IsNull,
    Like,
    Not,
    Or,
    Param,
    SortKey,
)
from django_zodb.sql.optimize import OPTIMIZERS, optimize
from django_zodb.sql.optimize.access import best_path, paths
from django_zodb.sql.optimize.constraints import like_prefix
from django_zodb.sql.optimize.decorrelate import decorrelate
from django_zodb.sql.optimize.prune import prune
from django_zodb.sql.optimize.push_filters import push_filters
from django_zodb.sql.optimize.reduce_joins import reduce_joins
from django_zodb.sql.optimize.simplify import simplified
from django_zodb.sql.optimize.statistics import Statistics
from django_zodb.sql.optimize.terms import FALSE, TRUE, UNKNOWN_TRUTH
from django_zodb.sql.patterns import prefix_end
from django_zodb.sql.show import explain
from django_zodb.storage.schema import ColumnSchema, IndexKey, IndexSchema, TableSchema
from django_zodb.values import BIGINT, BOOLEAN, INTEGER, TEXT


class FakeIndex:
    def __init__(self, keys):
        self.keys = keys

    def key_count(self):
        return self.keys

    def count(self, prefix=(), low=None, high=None):
        return 10


class FakeTable:
    def exceed_cache(self):
        return False

    def __init__(self, rows, keys):
        self.rows, self.keys = rows, keys

    def count(self):
        return self.rows

    def index(self, name):
        return FakeIndex(self.keys)


class FakeCatalog:
    def __init__(self, keys=1000, **rows):
        self.keys, self.rows = keys, rows

    def table(self, name):
        return FakeTable(self.rows.get(name, 100_000), self.keys)


CATALOG = FakeCatalog()


def index(name, *columns, **options):
    keys = tuple(IndexKey(c.lstrip("-"), descending=c.startswith("-")) for c in columns)
    return IndexSchema(name, keys, **options)


AUTHOR = TableSchema(
    "author",
    (ColumnSchema("id", INTEGER, False), ColumnSchema("name", TEXT, False), ColumnSchema("boss_id", INTEGER)),
    ("id",),
    indexes=(index("author_name", "name", unique=True), index("author_boss", "boss_id")),
)
BOOK = TableSchema(
    "book",
    (
        ColumnSchema("id", INTEGER, False),
        ColumnSchema("title", TEXT, False),
        ColumnSchema("author_id", INTEGER, False),
        ColumnSchema("year", INTEGER),
        ColumnSchema("sold", BOOLEAN, False),
        ColumnSchema("pages", INTEGER, False),
    ),
    ("id",),
    indexes=(
        index("book_author", "author_id"),
        index("book_title", "title"),
        index("book_year_title", "year", "-title"),
    ),
)
TAG = TableSchema(
    "tag",
    (ColumnSchema("slug", TEXT, False), ColumnSchema("book_id", INTEGER, False)),
    ("slug",),
    primary_key_name="tag_pkey",
    indexes=(index("tag_book", "book_id"),),
)


def col(name, nullable=None):
    alias, _, column = name.partition(".")
    table = {"a": AUTHOR, "b": BOOK, "t": TAG}[alias[0]]
    schema = table.column(column)
    return Column(alias, column, schema.type, schema.nullable if nullable is None else nullable)


def eq(left, right):
    return Compare("=", col(left) if isinstance(left, str) else left, col(right) if isinstance(right, str) else right)


def num(value):
    return Constant(value, INTEGER)


def text(value):
    return Constant(value, TEXT)


P0 = Param(0, INTEGER)
A, B, T = p.Scan(AUTHOR, "a"), p.Scan(BOOK, "b"), p.Scan(TAG, "t")


def where(source, *terms):
    return p.Filter(source, terms[0] if len(terms) == 1 else And(terms))


def shown(node, catalog=CATALOG):
    return "\n".join(explain(optimize(node, catalog)))


def lines(node, catalog=CATALOG):
    return [line.strip() for line in explain(optimize(node, catalog))]


# --- simplify ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (And((TRUE, eq("b.id", P0))), eq("b.id", P0)),
        (And((eq("b.id", P0), FALSE)), FALSE),
        (Or((FALSE, FALSE)), FALSE),
        (Or((TRUE, eq("b.id", P0))), TRUE),
        (Not(Not(col("b.sold"))), col("b.sold")),
        (Not(eq("b.id", P0)), Compare("<>", col("b.id"), P0)),
        (Not(UNKNOWN_TRUTH), UNKNOWN_TRUTH),
        (Not(IsNull(col("b.year"))), IsNull(col("b.year"), negated=True)),
        (IsNull(col("b.id")), FALSE),
        (IsNull(col("b.id", nullable=True)), IsNull(col("b.id", nullable=True))),
        (Compare("=", num(1), num(1)), TRUE),
        (Compare("<", num(2), num(1)), FALSE),
        (Compare("=", col("b.year"), Constant(None, INTEGER)), UNKNOWN_TRUTH),
        (In(col("b.id"), (P0,)), eq("b.id", P0)),
        (In(col("b.id"), ()), FALSE),
        (
            Or((eq("b.id", num(1)), eq("b.id", num(2)), col("b.sold"))),
            Or((In(col("b.id"), (num(1), num(2))), col("b.sold"))),
        ),
        (Not(Or((col("b.sold"), eq("b.id", P0)))), And((Compare("<>", col("b.id"), P0), Not(col("b.sold"))))),
        (And((col("b.sold"), And((eq("b.id", P0), col("b.sold"))))), And((col("b.sold"), eq("b.id", P0)))),
    ],
)
def test_simplify(expr, expected):
    assert simplified(expr) == expected


# --- access paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([eq("b.id", P0)], p.KeyLookup(BOOK, "b", P0)),
        ([eq(P0, "b.id")], p.KeyLookup(BOOK, "b", P0)),
        ([eq("b.id", num(1 << 70))], p.KeyLookup(BOOK, "b", Constant(None, BIGINT))),
        ([FALSE], p.KeyLookup(BOOK, "b", Constant(None, BIGINT))),
        ([In(col("b.id"), (num(1), num(1 << 70), num(3)))], p.KeyIn(BOOK, "b", (num(1), num(3)))),
        ([Compare(">=", col("b.id"), P0)], p.KeyRange(BOOK, "b", low=P0)),
        (
            [Compare(">", col("b.id"), P0), Compare("<=", col("b.id"), num(9))],
            p.KeyRange(BOOK, "b", P0, num(9), low_open=True),
        ),
        ([eq("b.author_id", P0)], p.IndexLookup(BOOK, "b", "book_author", (P0,))),
        ([eq("b.author_id", "a.id")], p.IndexLookup(BOOK, "b", "book_author", (col("a.id"),))),
        ([In(col("b.author_id"), (P0, num(2)))], p.IndexIn(BOOK, "b", "book_author", (P0, num(2)))),
        (
            [Like(col("b.title"), text("abc"))],
            p.IndexLookup(BOOK, "b", "book_title", (text("abc"),)),
        ),
        (
            [eq("b.year", P0), eq("b.title", Param(1, TEXT))],
            p.IndexLookup(BOOK, "b", "book_year_title", (P0, Param(1, TEXT))),
        ),
        ([eq("b.year", P0)], p.IndexRange(BOOK, "b", "book_year_title", (P0,), nulls=True)),
        (
            [eq("b.year", P0), Compare("<", col("b.title"), Param(1, TEXT))],
            p.IndexRange(BOOK, "b", "book_year_title", (P0,), high=Param(1, TEXT), high_open=True),
        ),
    ],
)
def test_a_condition_opens_a_way(terms, expected):
    assert optimize(where(B, *terms), CATALOG) == expected


def test_a_prefix_is_a_range_and_the_pattern_stays():
    like = Like(col("b.title"), text("ab%"))
    path = p.IndexRange(BOOK, "b", "book_title", (), text("ab"), text("ac"), high_open=True, loose=("title",))
    assert optimize(where(B, like), CATALOG) == p.Filter(path, like)


def test_what_no_path_serves_stays_a_scan_under_its_filter():
    for term in (
        Compare("<>", col("b.id"), P0),
        eq("b.pages", P0),
        Like(col("b.title"), text("%a")),
        Like(col("b.title"), text("a%"), fold=True),
        Like(col("b.title"), Param(0, TEXT)),
        eq("b.id", Call("RANDOM", (), BIGINT)),
    ):
        assert optimize(where(B, term), CATALOG) == p.Filter(B, term)


def test_null_is_looked_up_beside_a_parameter():
    table = TableSchema("u", (ColumnSchema("x", TEXT), ColumnSchema("y", TEXT)), indexes=(index("u_xy", "x", "y"),))
    x, y = Column("u", "x", TEXT), Column("u", "y", TEXT)
    known = Compare("=", y, Param(0, TEXT))
    node = p.Filter(p.Scan(table, "u"), And((IsNull(x), known)))
    null = Constant(None, TEXT)
    expected = p.IndexLookup(table, "u", "u_xy", (null, Param(0, TEXT)), nulls=True)
    assert optimize(node, CATALOG) == expected


def test_a_unique_key_beats_another_index():
    node = where(A, eq("a.boss_id", P0), eq("a.name", Param(1, TEXT)))
    expected = p.IndexLookup(AUTHOR, "a", "author_name", (Param(1, TEXT),), unique=True)
    assert optimize(node, CATALOG) == p.Filter(expected, eq("a.boss_id", P0))


def test_alternatives_with_a_path_each_are_united():
    node = where(B, Or((eq("b.author_id", P0), eq("b.title", text("x")))))
    paths = (
        p.IndexLookup(BOOK, "b", "book_author", (P0,)),
        p.IndexLookup(BOOK, "b", "book_title", (text("x"),)),
    )
    assert optimize(node, CATALOG) == p.RowidUnion(BOOK, "b", paths)


def test_conditions_that_two_indexes_know_are_intersected():
    """Where both find many rows and few are in both; not where one of them finds few already."""
    many = Compare("<", col("b.author_id"), P0), Compare(">", col("b.title"), Param(1, TEXT))
    found = optimize(where(B, And(many)), CATALOG)
    assert isinstance(found, p.RowidIntersection)
    assert [path.index for path in found.paths] == ["book_author", "book_title"]
    assert isinstance(optimize(where(B, And((eq("b.author_id", P0), many[1]))), CATALOG).source, p.IndexLookup)
    left = optimize(where(B, And((*many, eq("b.pages", P0)))), CATALOG)
    assert isinstance(left, p.Filter) and isinstance(left.source, p.RowidIntersection)
    assert left.condition == eq("b.pages", P0)


def test_one_alternative_without_a_path_means_a_scan():
    node = where(B, Or((eq("b.author_id", P0), eq("b.pages", P0))))
    assert isinstance(optimize(node, CATALOG).source, p.Scan)


def test_a_key_that_is_no_rowid_is_a_unique_index():
    node = where(T, eq("t.slug", Param(0, TEXT)))
    assert optimize(node, CATALOG) == p.IndexLookup(TAG, "t", "tag_pkey", (Param(0, TEXT),), unique=True)


def test_a_poor_index_loses_against_the_scan_but_not_in_a_small_table():
    node = where(B, eq("b.author_id", P0))
    assert isinstance(optimize(node, FakeCatalog(keys=2)), p.Filter)
    assert isinstance(optimize(node, FakeCatalog(keys=2, book=3)), p.IndexLookup)


def test_a_deferrable_constraint_is_not_taken_for_unique():
    table = TableSchema("u", (ColumnSchema("x", INTEGER),), indexes=(index("u_x", "x", unique=True, deferrable=True),))
    node = p.Filter(p.Scan(table, "u"), Compare("=", Column("u", "x", INTEGER), P0))
    assert optimize(node, CATALOG) == p.IndexLookup(table, "u", "u_x", (P0,), loose=("x",))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("abc", ("abc", True)),
        ("ab%c", ("ab", False)),
        (r"a\%b", ("a%b", True)),
        ("a\\", ("a", False)),
        ("", ("", True)),
    ],
)
def test_like_prefix(pattern, expected):
    assert like_prefix(pattern, "\\") == expected


def test_prefix_end():
    assert prefix_end("ab") == "ac"
    assert prefix_end("a\U0010ffff") == "b"
    assert prefix_end("\U0010ffff") is None
    assert prefix_end("\ud7ff") == "\ue000"


def test_writing_statements_find_their_rows_by_key():
    update = p.Update(BOOK, "b", where(B, eq("b.id", P0)), ((1, text("x")),))
    assert optimize(update, CATALOG).source == p.KeyLookup(BOOK, "b", P0)
    delete = p.Delete(BOOK, "b", where(B, In(col("b.author_id"), (P0, num(1)))))
    assert isinstance(optimize(delete, CATALOG).source, p.IndexIn)


# --- order ---------------------------------------------------------------------------------------------------------


def limited(source, *keys, limit=10):
    return p.Limit(p.Sort(source, keys), num(limit))


def by(name, descending=False, nulls_first=None):
    return SortKey(col(name), descending, (not descending) if nulls_first is None else nulls_first)


def test_the_rowid_order_is_free():
    assert optimize(p.Sort(B, (by("b.id"),)), CATALOG) == B
    assert optimize(p.Sort(B, (by("b.id", True),)), CATALOG) == p.KeyRange(BOOK, "b", reverse=True)
    assert optimize(p.Sort(B, (by("b.id"), by("b.title"))), CATALOG) == B


def test_an_index_is_walked_for_a_limit():
    node = optimize(limited(B, by("b.title")), CATALOG)
    assert node == p.Limit(p.IndexRange(BOOK, "b", "book_title", nulls=True), num(10))
    node = optimize(limited(B, by("b.title", True), by("b.id", True)), CATALOG)
    assert node.source == p.IndexRange(BOOK, "b", "book_title", nulls=True, reverse=True)


def test_an_index_is_not_walked_for_every_row():
    assert isinstance(optimize(p.Sort(B, (by("b.title"),)), CATALOG), p.Sort)


def test_descending_keys_and_nulls_must_agree():
    walk = p.IndexRange(BOOK, "b", "book_year_title", nulls=True)
    keys = by("b.year"), by("b.title", True)
    assert optimize(limited(B, *keys), CATALOG).source == walk
    assert optimize(limited(B, by("b.year"), by("b.title")), CATALOG).source == p.SortRuns(
        walk, (by("b.year"), by("b.title")), 1
    )
    assert isinstance(optimize(limited(B, by("b.year", nulls_first=False)), CATALOG), p.TopN)
    assert isinstance(optimize(limited(B, by("b.title", nulls_first=False)), CATALOG), p.Limit)  # never NULL


def test_rowids_of_equal_keys_are_walked_either_way():
    for descending in (True, False):
        node = optimize(limited(B, by("b.title", descending), by("b.id", not descending)), CATALOG)
        walk = p.IndexRange(BOOK, "b", "book_title", nulls=True, reverse=descending, ties_reversed=True)
        assert node.source == walk


def test_runs_are_sorted_only_where_they_are_short_and_few_rows_are_asked_for():
    keys = by("b.title"), by("b.author_id")
    assert isinstance(optimize(limited(B, *keys), CATALOG).source, p.SortRuns)
    assert isinstance(optimize(limited(B, *keys), FakeCatalog(keys=2)), p.TopN)
    assert isinstance(optimize(p.Sort(B, keys), CATALOG), p.Sort)


def test_an_operand_with_one_value_needs_no_order():
    node = limited(where(B, eq("b.year", P0)), by("b.year"), by("b.title", True))
    assert optimize(node, CATALOG).source == p.IndexRange(BOOK, "b", "book_year_title", (P0,), nulls=True)


def test_a_lookup_gives_rowid_order_both_ways():
    found = where(B, eq("b.author_id", P0))
    lookup = p.IndexLookup(BOOK, "b", "book_author", (P0,))
    assert optimize(p.Sort(found, (by("b.id"),)), CATALOG) == lookup
    backwards = p.IndexRange(BOOK, "b", "book_author", (P0,), nulls=True, reverse=True)
    assert optimize(limited(found, by("b.id", True)), CATALOG).source == backwards


def test_top_n_where_no_order_serves():
    project = p.Project(p.Sort(B, (by("b.pages"),)), "q", (p.Output("title", col("b.title")),))
    few = FakeCatalog(book=5_000)
    node = optimize(p.Limit(project, num(3)), few)
    assert node == p.Project(p.TopN(B, (by("b.pages"),), num(3)), "q", project.outputs)


def test_of_many_rows_those_that_were_chosen_are_read_whole():
    project = p.Project(p.Sort(B, (by("b.pages"),)), "q", (p.Output("title", col("b.title")),))
    chosen = p.TopN(p.Scan(BOOK, "b first"), (SortKey(replace(col("b.pages"), alias="b first")),), num(3))
    late = p.NestedLoop(chosen, p.KeyLookup(BOOK, "b", replace(col("b.id"), alias="b first")), "inner")
    assert optimize(p.Limit(project, num(3)), CATALOG) == p.Project(late, "q", project.outputs)
    for limit in (p.Limit(project, num(1001)), p.Limit(project, num(1), num(1000)), p.Limit(project, P0)):
        assert isinstance(optimize(limit, CATALOG).source, p.TopN)
    known = p.Project(p.Sort(B, (by("b.pages"),)), "q", (p.Output("id", col("b.id")),))
    assert isinstance(optimize(p.Limit(known, num(3)), CATALOG).source, p.TopN)


def aggregate(source, name, *args):
    return p.Aggregate(source, "g", (), (("x", AggregateCall(name, args, INTEGER)),))


def test_min_and_max_ask_for_one_row():
    one = Constant(1, BIGINT)
    node = optimize(aggregate(B, "MAX", col("b.year")), CATALOG)
    assert node.source == p.Limit(p.IndexRange(BOOK, "b", "book_year_title", reverse=True), one)
    assert optimize(aggregate(B, "MIN", col("b.id")), CATALOG).source == p.Limit(B, one)
    node = optimize(aggregate(where(B, eq("b.author_id", P0)), "MAX", col("b.id")), CATALOG)
    assert node.source == p.Limit(p.IndexRange(BOOK, "b", "book_author", (P0,), nulls=True, reverse=True), one)
    assert optimize(aggregate(B, "MIN", col("b.pages")), CATALOG).source == B
    assert optimize(aggregate(where(B, col("b.sold")), "MIN", col("b.title")), CATALOG).source == where(
        B, col("b.sold")
    )


# --- joins ---------------------------------------------------------------------------------------------------------


def join(left, right, *terms, kind="inner"):
    condition = None if not terms else terms[0] if len(terms) == 1 else And(terms)
    return p.Join(left, right, kind, condition)


def test_a_parent_is_looked_up_by_key():
    node = where(join(B, A, eq("b.author_id", "a.id")), eq("b.id", P0))
    assert lines(node) == [
        "NestedLoop: inner",
        "KeyLookup: book b (b.id = p0)",
        "KeyLookup: author a (a.id = b.author_id)",
    ]


def test_the_selective_table_leads():
    node = where(join(B, A, eq("b.author_id", "a.id")), eq("a.name", Param(0, TEXT)))
    assert lines(node) == [
        "NestedLoop: inner",
        "IndexLookup: author a using author_name (a.name = p0)",
        "IndexLookup: book b using book_author (b.author_id = a.id)",
    ]


def test_the_order_asked_for_may_choose_the_leader():
    source = join(A, B, eq("b.author_id", "a.id"))
    node = optimize(limited(source, by("b.title")), CATALOG)
    assert isinstance(node, p.Limit)
    assert node.source.left == p.IndexRange(BOOK, "b", "book_title", nulls=True)
    assert isinstance(node.source.right, p.KeyLookup)


def test_the_first_keys_may_choose_the_leader_and_runs_are_sorted():
    source = join(B, A, eq("b.author_id", "a.id"))
    assert lines(limited(source, by("a.name"), by("b.title"))) == [
        "Limit: 10",
        "SortRuns: a.name, b.title (sorted by a.name)",
        "NestedLoop: inner",
        "IndexRange: author a using author_name",
        "IndexLookup: book b using book_author (b.author_id = a.id)",
    ]
    known = where(source, eq("b.title", Param(0, TEXT)))  # an index knows how few they are, whichever leads
    assert isinstance(optimize(limited(known, by("a.name"), by("b.title")), FakeCatalog(keys=50_000)), p.TopN)
    assert not any("SortRuns" in line for line in lines(p.Sort(source, (by("a.name"), by("b.title")))))


def test_large_tables_are_hashed():
    node = optimize(join(B, A, eq("b.author_id", "a.id")), FakeCatalog(author=100_000, book=200_000))
    assert isinstance(node, p.HashJoin)
    small = optimize(join(B, A, eq("b.author_id", "a.id")), FakeCatalog(author=100, book=500))
    assert isinstance(small, p.NestedLoop)


def test_without_an_index_an_equality_is_hashed_and_other_conditions_are_tested():
    other = Compare("<", col("b.title"), col("a.name"))
    node = optimize(join(A, B, eq("a.id", "b.pages"), other, kind="left"), CATALOG)
    assert node == p.HashJoin(A, B, "left", (col("a.id"),), (col("b.pages"),), other)


def test_without_an_equality_pairs_are_tested():
    term = Compare("<", col("a.name"), col("b.title"))
    node = optimize(join(A, B, term), FakeCatalog(book=1))
    assert isinstance(node, p.NestedLoop)
    assert node.condition == term


def test_a_left_join_keeps_its_conditions_to_itself():
    node = join(B, A, eq("b.author_id", "a.id"), eq("a.name", text("x")), col("b.sold"), kind="left")
    small = optimize(where(node, eq("b.id", P0)), CATALOG)
    assert small.kind == "left"
    assert small.left == p.KeyLookup(BOOK, "b", P0)
    assert small.right == p.KeyLookup(AUTHOR, "a", col("b.author_id"))
    assert set(small.condition.terms) == {eq("a.name", text("x")), col("b.sold")}


def test_inner_joins_pass_left_joins():
    left = join(B, p.Scan(AUTHOR, "a2"), Compare("=", col("b.pages"), col("a2.id")), kind="left")
    node = where(join(left, A, eq("b.author_id", "a.id")), eq("a.id", P0))
    assert lines(node) == [
        "NestedLoop: left",
        "NestedLoop: inner",
        "KeyLookup: author a (a.id = p0)",
        "IndexLookup: book b using book_author (b.author_id = a.id)",
        "KeyLookup: author a2 (a2.id = b.pages)",
    ]


def test_a_condition_on_the_right_makes_a_left_join_an_inner_one():
    outer = join(B, A, eq("b.author_id", "a.id"), kind="left")
    name = Column("a", "name", TEXT, True)
    for term in (
        Compare("=", name, text("x")),
        IsNull(name, negated=True),
        Like(name, text("x%")),
        Or((Compare("=", name, text("x")), Compare(">", name, text("y")))),
    ):
        assert reduce_joins(where(outer, term), CATALOG).source.kind == "inner"
    for term in (IsNull(name), Or((Compare("=", name, text("x")), eq("b.id", P0))), eq("b.id", P0)):
        assert reduce_joins(where(outer, term), CATALOG).source.kind == "left"


def test_a_full_join_with_no_equality_is_hashed_under_one_key():
    term = Compare("<", col("a.id"), col("b.id"))
    node = optimize(join(A, B, term, kind="full"), CATALOG)
    assert isinstance(node, p.HashJoin)
    assert node.left_keys == node.right_keys == (Constant(1, BIGINT),)
    assert node.condition == term


# --- push filters --------------------------------------------------------------------------------------------------


def test_filters_stop_at_a_limit_and_at_the_weak_side_of_a_join():
    term = eq("b.pages", P0)
    inner = p.Limit(B, num(3))
    assert push_filters(where(inner, term), CATALOG) == p.Filter(inner, term)
    outer = join(A, B, eq("b.author_id", "a.id"), kind="left")
    assert push_filters(where(outer, IsNull(col("b.year"))), CATALOG) == p.Filter(outer, IsNull(col("b.year")))


def test_filters_pass_projections_and_groups():
    author = col("b.author_id")
    groups = p.Aggregate(B, "g", (p.Output("author", author),), (("n", AggregateCall("COUNT", (), BIGINT)),))
    project = p.Project(groups, "q", (p.Output("who", Column("g", "author", INTEGER, False)),))
    term = Compare("=", Column("q", "who", INTEGER, False), P0)
    pushed = push_filters(p.Filter(project, term), CATALOG)
    assert pushed.source.source == p.Filter(B, Compare("=", author, P0))
    count = Compare(">", Column("g", "n", BIGINT, False), num(1))
    assert push_filters(p.Filter(groups, count), CATALOG) == p.Filter(groups, count)


def test_filters_pass_into_both_sides_of_a_union():
    def side(alias, source, value):
        return p.Project(source, alias, (p.Output("v", value),))

    columns = (p.OutputColumn("v", TEXT, False),)
    union = p.SetOperation("union", False, side("l", A, col("a.name")), side("r", B, col("b.title")), "u", columns)
    found = lines(p.Filter(union, Compare("=", Column("u", "v", TEXT, False), text("x"))))
    assert "IndexLookup: author a using author_name (a.name = 'x')" in found
    assert "IndexLookup: book b using book_title (b.title = 'x'), or a Scan if many" in found


# --- subqueries ----------------------------------------------------------------------------------------------------


def books_of_author(*terms):
    return p.Project(where(B, eq("b.author_id", "a.id"), *terms), "s", (p.Output("x", num(1)),))


def test_exists_becomes_a_semi_join_and_not_exists_an_anti_join():
    node = where(A, Exists(p.Limit(books_of_author(col("b.sold")), num(1))))
    assert decorrelate(node, CATALOG) == join(A, where(B, col("b.sold")), eq("b.author_id", "a.id"), kind="semi")
    node = where(A, Exists(books_of_author(), negated=True))
    assert decorrelate(node, CATALOG) == join(A, B, eq("b.author_id", "a.id"), kind="anti")


def test_exists_without_a_link_stays():
    node = where(A, Exists(p.Project(B, "s", (p.Output("x", num(1)),))))
    assert isinstance(decorrelate(node, CATALOG), p.Filter)


def test_in_becomes_a_semi_join_and_not_in_only_without_nulls():
    def titles(name):
        return p.Project(B, "s", (p.Output("x", col(name)),))

    node = where(A, InPlan((col("a.id"),), titles("b.year")))
    assert decorrelate(node, CATALOG) == join(A, B, eq("a.id", "b.year"), kind="semi")
    node = where(A, InPlan((col("a.id"),), titles("b.author_id"), negated=True))
    assert decorrelate(node, CATALOG) == join(A, B, eq("a.id", "b.author_id"), kind="anti")
    node = where(A, InPlan((col("a.id"),), titles("b.year"), negated=True))
    assert isinstance(decorrelate(node, CATALOG), p.Filter)


def test_a_selective_subquery_drives():
    subquery = p.Project(where(B, eq("b.title", text("x"))), "s", (p.Output("x", col("b.author_id")),))
    found = lines(where(A, InPlan((col("a.id"),), subquery)))
    assert found == [
        "NestedLoop: inner",
        "Distinct",
        "Project: b.author_id as key 0",
        "IndexLookup: book b using book_title (b.title = 'x'), or a Scan if many",
        "KeyLookup: author a (a.id = b keys.key 0)",
    ]


def test_the_order_asked_for_may_keep_a_subquery_from_driving():
    few = where(B, col("b.sold"))
    subquery = p.Project(few, "s", (p.Output("x", col("b.author_id")),))
    node = where(A, InPlan((col("a.id"),), subquery))
    assert "IndexRange: author a using author_name" in lines(limited(node, by("a.name")))
    assert "NestedLoop: inner" in lines(limited(node, by("a.name")), FakeCatalog(book=2000))
    assert "NestedLoop: inner" in lines(p.Sort(node, (by("a.name"),)), FakeCatalog(book=2000))


def test_outer_columns_are_constants_within_a_subquery():
    later = Exists(books_of_author(Compare(">", col("b.year"), col("a.boss_id"))))
    node = where(A, Or((later, eq("a.name", text("x")))))
    assert "IndexLookup: book b using book_author (b.author_id = a.id)" in shown(node)


def beside(*terms, source=A, negated=False):
    """An EXISTS beside another test, of the books that fulfil the terms."""
    plan = p.Project(where(B, *terms), "s", (p.Output("x", num(1)),))
    return where(source, Or((Exists(plan, negated), eq("a.name", text("x")))))


def test_exists_beside_other_tests_looks_into_keys_made_once():
    assert lines(beside(eq("b.author_id", "a.id"), col("b.sold"))) == [
        "Filter: (a.name = 'x') or ((a.id in (subquery)) is true)",
        "in subquery 1: Project: b.author_id as key 0",
        "Filter: b.sold",
        "Scan: book b",
        "Scan: author a",
    ]
    assert lines(beside(eq("b.year", "a.boss_id"), eq("b.pages", "a.id"), negated=True))[:3] == [
        "Filter: (a.name = 'x') or (not (((a.boss_id, a.id) in (subquery)) is true))",
        "in subquery 1: Project: b.year as key 0, b.pages as key 1",
        "Filter: b.year is not null",
    ]


def test_exists_beside_other_tests_stays_where_an_index_finds_little_for_few_rows():
    few = beside(eq("b.author_id", "a.id"))
    assert "exists subquery 1: Project: true as found" in lines(few, FakeCatalog(author=100))
    assert "exists subquery 1: Project: true as found" in lines(few, FakeCatalog(author=100, book=100))
    page = p.Limit(p.Project(A, "q", (p.Output("has", Exists(books_of_author())),)), num(20))
    assert "exists subquery 1: Project: true as found" in lines(page)
    assert "in subquery 1: Project: b.author_id as key 0" in lines(page.source)


@pytest.mark.parametrize(
    "terms",
    [
        (eq("b.author_id", "a.id"), Compare(">", col("b.year"), col("a.boss_id"))),
        (Compare(">", col("b.year"), col("a.boss_id")),),
        (eq("b.author_id", "a.id"), Compare("<", col("b.pages"), Call("RANDOM", (), BIGINT))),
    ],
)
def test_exists_beside_other_tests_stays_where_keys_do_not_tell(terms):
    found = "".join(lines(beside(*terms)))
    assert "exists subquery" in found
    assert "in subquery" not in found


def test_exists_over_a_product_of_tables_stays():
    product = join(B, T, Compare(">", col("t.slug"), col("b.title")))
    plan = p.Project(where(product, eq("b.pages", "a.id")), "s", (p.Output("x", num(1)),))
    assert "exists subquery 1: Project: true as found" in lines(where(A, Or((Exists(plan), eq("a.name", text("x"))))))


# --- what NULL has to do with it -----------------------------------------------------------------------------------


class Orphans(FakeCatalog):
    """Authors of whom few have a boss: 90,000 of 100,000 are NULL, the others have ten bosses."""

    def table(self, name):
        table = FakeTable(100_000, 11)
        found = FakeIndex(11)
        found.count = lambda prefix=(), low=None, high=None: 90_000 if prefix == (None,) else 10
        table.index = lambda _: found
        return table


def test_null_is_no_key_that_a_value_may_equal():
    assert best_path(A, (eq("a.boss_id", P0),), Statistics(Orphans())).rows == 1000
    path = next(path for path in paths(A, (IsNull(col("a.boss_id")),), Statistics(Orphans())) if path.fixed)
    assert path.rows == 90_000


# --- prune ---------------------------------------------------------------------------------------------------------


def test_order_below_a_count_is_dropped_and_so_are_outputs_nobody_reads():
    outputs = (p.Output("title", col("b.title")), p.Output("pages", col("b.pages")))
    derived = p.Project(p.Sort(B, (by("b.pages"),)), "q", outputs)
    node = aggregate(derived, "SUM", Column("q", "pages", INTEGER, False))
    assert prune(node, CATALOG).source == p.Project(B, "q", outputs[1:])
    text_node = aggregate(derived, "STRING_AGG", Column("q", "title", TEXT, False))
    assert isinstance(prune(text_node, CATALOG).source.source, p.Sort)
    assert prune(p.Distinct(derived), CATALOG).source.outputs == outputs


def test_every_rewrite_leaves_a_plan_it_has_no_business_with():
    node = p.Project(B, "q", (p.Output("title", col("b.title")),))
    for rewrite, _ in OPTIMIZERS:
        assert rewrite(node, Statistics(CATALOG)) == node
