"""Binding: statements → plans, as EXPLAIN prints them, and errors with their places."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, cast

import pytest
from sqlglot import exp

from django_zodb.errors import DataError, Error, NotSupportedError, OperationalError, ProgrammingError
from django_zodb.sql import bind_args, bind_expr, bind_functions
from django_zodb.sql import expr as x
from django_zodb.sql import plan as p
from django_zodb.sql.bind import Bound, bind
from django_zodb.sql.functions import AGGREGATES, FUNCTIONS
from django_zodb.sql.parse import parse
from django_zodb.sql.show import explain
from django_zodb.storage.protocol import Catalog
from django_zodb.storage.schema import ColumnSchema, IndexKey, IndexSchema, TableSchema
from django_zodb.values import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    TEXT,
    TIMESTAMP,
    UUID_TYPE,
    Kind,
    SqlType,
)

ID = ColumnSchema("id", BIGINT, nullable=False, identity=True)

TABLES = (
    TableSchema(
        "author",
        (
            ID,
            ColumnSchema("name", SqlType(Kind.TEXT, 100), nullable=False),
            ColumnSchema("born", DATE),
            ColumnSchema("rating", DOUBLE),
        ),
        primary_key=("id",),
        token="a1",
    ),
    TableSchema(
        "book",
        (
            ID,
            ColumnSchema("title", SqlType(Kind.TEXT, 200), nullable=False),
            ColumnSchema("author_id", BIGINT),
            ColumnSchema("price", SqlType(Kind.DECIMAL, 8, 2)),
            ColumnSchema("year", INTEGER, default="1900 + 1"),
            ColumnSchema("updated", TIMESTAMP),
            ColumnSchema("active", BOOLEAN, nullable=False),
            ColumnSchema("loud", TEXT, generated="UPPER(title)"),
        ),
        primary_key=("id",),
        primary_key_name="book_pkey",
        indexes=(IndexSchema("book_title_key", (IndexKey("title"),), unique=True, constraint=True),),
        token="b1",
    ),
    TableSchema(
        "tag",
        (ColumnSchema("code", UUID_TYPE, nullable=False), ColumnSchema("Label", TEXT), ColumnSchema("span", INTERVAL)),
        primary_key=("code",),
        token="t1",
    ),
)


class Tables:
    """As much of a catalog as binding needs."""

    token = "1"

    def schema(self, name: str) -> TableSchema | None:
        return next((table for table in TABLES if table.name == name), None)

    def table_names(self) -> list[str]:
        return [table.name for table in TABLES]

    def view(self, name: str) -> None:
        return None

    def view_names(self) -> list[str]:
        return []


def bound(text: str, *params: object) -> Bound:
    return bind(parse(text, True), cast(Catalog, Tables()), params)


def plan(text: str, *params: object) -> list[str]:
    return explain(bound(text, *params).plan)


def outputs(text: str, *params: object) -> list[x.Expr]:
    root = bound(text, *params).plan
    assert isinstance(root, p.Project)
    return [output.expr for output in root.outputs]


def condition(text: str, *params: object) -> x.Expr:
    """The bound condition of ``SELECT 1 FROM book WHERE …``."""
    root = bound(f"SELECT 1 FROM book WHERE {text}", *params).plan
    return next(node.condition for node in p.walk(root) if isinstance(node, p.Filter))


SELECTS: list[tuple[str, Sequence[object], str]] = [
    # as Django's ORM writes them
    (
        'SELECT "book"."id", "book"."title" FROM "book" WHERE "book"."id" = %s LIMIT 21',
        (1,),
        """
        Project: book.id, book.title
          Limit: 21
            Filter: book.id = p0
              Scan: book
        """,
    ),
    (
        'SELECT "book"."id", T3."name" FROM "book" LEFT OUTER JOIN "author" T3 ON ("book"."author_id" = T3."id") '
        'WHERE (T3."name" LIKE %s ESCAPE \'\\\' AND NOT ("book"."year" > %s AND T3."id" IS NOT NULL)) '
        'ORDER BY T3."name" ASC, "book"."id" DESC',
        ("a%", 3),
        """
        Project: book.id, T3.name
          Sort: T3.name, book.id desc
            Filter: (T3.name like p0) and (not ((book.year > p1) and (T3.id is not null)))
              Join: left on book.author_id = T3.id
                Scan: book
                Scan: author T3
        """,
    ),
    (
        'SELECT COUNT(*) AS "__count" FROM "book"',
        (),
        """
        Project: grouped.count as __count
          Aggregate: count(*)
            Scan: book
        """,
    ),
    (
        'SELECT "book"."author_id", COUNT("book"."id") AS "n" FROM "book" GROUP BY "book"."author_id" '
        'HAVING COUNT("book"."id") > %s ORDER BY "n" DESC',
        (1,),
        """
        Project: grouped.author_id, grouped.count as n
          Sort: grouped.count desc
            Filter: grouped.count > p0
              Aggregate: count(book.id) by book.author_id
                Scan: book
        """,
    ),
    (
        'SELECT "author"."name" FROM "author" WHERE EXISTS(SELECT 1 AS "a" FROM "book" U0 '
        'WHERE U0."author_id" = ("author"."id") LIMIT 1)',
        (),
        """
        Project: author.name
          Filter: exists (subquery)
              exists subquery 1: Project: 1 as a
                Limit: 1
                  Filter: U0.author_id = author.id
                    Scan: book U0
            Scan: author
        """,
    ),
    # what the rows of a group depend on
    (
        "SELECT author.*, COUNT(*) FROM author JOIN book ON author.id = author_id GROUP BY author.id",
        (),
        """
        Project: grouped.id, grouped.name, grouped.born, grouped.rating, grouped.count
          Aggregate: count(*) by author.id, author.name, author.born, author.rating
            Join: inner on author.id = book.author_id
              Scan: author
              Scan: book
        """,
    ),
    (
        "SELECT author_id, (SELECT name FROM author WHERE author.id = book.author_id) FROM book GROUP BY 1",
        (),
        """
        Project: grouped.author_id, (subquery) as ?column?
            scalar subquery 1: Project: author.name
              Filter: author.id = grouped.author_id
                Scan: author
          Aggregate: by book.author_id
            Scan: book
        """,
    ),
    # an aggregate of the outer query's rows inside a subquery
    (
        "SELECT (SELECT COUNT(b.id) FROM author WHERE author.id = 1) FROM book b",
        (),
        """
        Project: (subquery) as ?column?
            scalar subquery 1: Project: grouped.count
              Filter: author.id = 1
                Scan: author
          Aggregate: count(b.id)
            Scan: book b
        """,
    ),
    # DISTINCT sorts by its outputs, whose names are made to differ
    (
        "SELECT DISTINCT a.id, b.id FROM book a, author b ORDER BY 2 LIMIT 3",
        (),
        """
        Project: result.id, result.id_2 as id
          Limit: 3
            Sort: result.id_2
              Distinct
                Project: a.id, b.id as id_2
                  Join: inner
                    Scan: book a
                    Scan: author b
        """,
    ),
    (
        "SELECT DISTINCT ON (author_id) title FROM book ORDER BY author_id, year DESC NULLS FIRST",
        (),
        """
        Project: book.title
          DistinctOn: (book.author_id)
            Sort: book.author_id, book.year desc nulls first
              Scan: book
        """,
    ),
    # a subquery as a sort key is computed once
    (
        "SELECT name, (SELECT MAX(year) FROM book WHERE author_id = author.id) AS latest FROM author ORDER BY latest",
        (),
        """
        Project: result_sorted.name, result_sorted.latest
          Sort: result_sorted.latest
            Project: author.name, (subquery) as latest
                scalar subquery 1: Project: grouped_2.max
                  Aggregate: max(book.year)
                    Filter: book.author_id = author.id
                      Scan: book
              Scan: author
        """,
    ),
    # joins
    (
        "SELECT b.title FROM book b RIGHT JOIN author a ON a.id = b.author_id",
        (),
        """
        Project: b.title
          Join: left on a.id = b.author_id
            Scan: author a
            Scan: book b
        """,
    ),
    (
        "SELECT id, book.id FROM book FULL JOIN author USING (id)",
        (),
        """
        Project: case when book.id is not null then book.id else author.id end as id, book.id
          Join: full on book.id = author.id
            Scan: book
            Scan: author
        """,
    ),
    (
        "SELECT 1 FROM author x, author a RIGHT JOIN book b ON a.id = b.author_id",
        (),
        """
        Project: 1 as ?column?
          Join: inner
            Scan: author x
            Join: left on a.id = b.author_id
              Scan: book b
              Scan: author a
        """,
    ),
    (
        "SELECT name FROM book b, LATERAL (SELECT name FROM author a WHERE a.id = b.author_id) q",
        (),
        """
        Project: q.name
          Join: inner
            Scan: book b
            Project: a.name
              Filter: a.id = b.author_id
                Scan: author a
        """,
    ),
    # set operations: INTERSECT binds more than UNION
    (
        "SELECT 1 AS n UNION ALL SELECT 2 INTERSECT SELECT 3 ORDER BY n LIMIT 2",
        (),
        """
        Limit: 2
          Sort: result.n
            SetOperation: union all
              Project: 1 as n
                Values: 1 row
              SetOperation: intersect
                Project: 2 as ?column?
                  Values: 1 row
                Project: 3 as ?column?
                  Values: 1 row
        """,
    ),
    (
        "(SELECT id FROM book LIMIT 1) EXCEPT SELECT rating FROM author",
        (),
        """
        SetOperation: except
          Project: cast(left.id as double precision) as id
            Project: book.id
              Limit: 1
                Scan: book
          Project: author.rating
            Scan: author
        """,
    ),
    (
        "WITH old AS (SELECT id FROM book WHERE year < 1950), n(k) AS (SELECT id FROM old) "
        "SELECT k FROM n JOIN old ON k = id",
        (),
        """
        Project: n.id as k
          Join: inner on n.id = old_3.id
            Project: old_2.id
              Shared: old
                Project: book.id
                  Filter: book.year < 1950
                    Scan: book
            Shared: old
        """,
    ),
    (
        "WITH RECURSIVE t(k) AS (SELECT 1 UNION SELECT k * 1.5 FROM t) SELECT k FROM t",
        (),
        """
        Project: t.k
          Recursive: t, union
            Project: cast(t_first.?column? as numeric) as ?column?
              Project: 1 as ?column?
                Values: 1 row
            Project: t_3.k * 1.5 as ?column?
              WorkTable: t_rows
        """,
    ),
    (
        "SELECT author_id, rank() OVER w, sum(count(*)) OVER (ORDER BY year ROWS 2 PRECEDING) FROM book "
        "GROUP BY author_id, year WINDOW w AS (PARTITION BY year)",
        (),
        """
        Project: grouped.author_id, windowed.rank, windowed_2.sum
          Window: sum(grouped.count) rows 2 preceding to current row over (order by grouped.year)
            Window: rank() over (partition by grouped.year)
              Aggregate: count(*) by book.author_id, book.year
                Scan: book
        """,
    ),
    (
        "SELECT x, y FROM (VALUES (1, 'a'), (2, NULL)) AS v(x, y) WHERE y IS NULL",
        (),
        """
        Project: v.column1 as x, v.column2 as y
          Filter: v.column2 is null
            Values: 2 rows
        """,
    ),
    (
        "SELECT id FROM book FOR UPDATE OF book SKIP LOCKED",
        (),
        """
        Project: book.id
          LockRows: book, skip locked
            Scan: book
        """,
    ),
]


@pytest.mark.parametrize(("text", "params", "expected"), SELECTS, ids=range(len(SELECTS)))
def test_select(text: str, params: Sequence[object], expected: str) -> None:
    lines = expected.strip("\n").split("\n")[:-1]
    indent = len(lines[0]) - len(lines[0].lstrip())
    assert plan(text, *params) == [line[indent:] for line in lines]


@pytest.mark.parametrize(
    ("text", "params", "first"),
    [
        (
            "INSERT INTO book (title, active) VALUES (%s, %s), ('x', DEFAULT) RETURNING id",
            ("a", True),
            "Insert: book (title, active)",
        ),
        ("INSERT INTO book DEFAULT VALUES", (), "Insert: book defaults"),
        (
            "INSERT INTO book (title) VALUES ('x') ON CONFLICT (title) DO UPDATE SET year = EXCLUDED.year + year",
            (),
            "Insert: book (title) on conflict (title) do update set year = cast(excluded.year + book.year as integer)",
        ),
        (
            "INSERT INTO book (title) VALUES ('x') ON CONFLICT ON CONSTRAINT book_pkey DO NOTHING",
            (),
            "Insert: book (title) on conflict (id) do nothing",
        ),
        (
            "UPDATE book SET (year, title) = (%s, name), loud = DEFAULT FROM author WHERE author.id = author_id",
            (1,),
            "Update: book set year = p0, title = cast(author.name as varchar(200))",
        ),
        ("DELETE FROM book USING author a WHERE a.id = book.author_id RETURNING book.*", (), "Delete: book"),
    ],
)
def test_write(text: str, params: Sequence[object], first: str) -> None:
    assert plan(text, *params)[0] == first


def test_insert_fills_defaults_and_keeps_the_types_of_columns() -> None:
    node = bound("INSERT INTO book (title, price) VALUES (%s, '2.5'), ('x', %s)", "a", 1).plan
    assert isinstance(node, p.Insert)
    assert isinstance(node.source, p.Values)
    assert node.positions == (1, 3)
    price = SqlType(Kind.DECIMAL, 8, 2)
    title = SqlType(Kind.TEXT, 200)
    assert node.source.rows == (
        (x.Param(0, title), x.Constant(Decimal("2.50"), price)),
        (x.Constant("x", title), x.Param(1, price)),
    )
    [(at, default)] = node.defaults
    assert at == 4
    assert x.type_of(default) == INTEGER


def test_a_column_that_is_default_in_all_rows_is_left_out() -> None:
    node = bound("INSERT INTO book (title, year) VALUES ('a', DEFAULT), ('b', DEFAULT)").plan
    assert isinstance(node, p.Insert)
    assert node.positions == (1,)
    assert [at for at, _ in node.defaults] == [4]


# --- types ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "params", "type_", "asked"),
    [
        ("id = %s", ("7",), BIGINT, (0,)),
        ("title = %s", (7,), TEXT, ()),
        ("price < %s", (7,), SqlType(Kind.DECIMAL), ()),
        ("updated < %s", (dt.date(2000, 1, 1),), TIMESTAMP, ()),
        ("active = %s", (1,), BOOLEAN, ()),
        ("id IN (%s)", (7,), BIGINT, (0,)),
        ("%s = id", (7,), BIGINT, (0,)),
    ],
)
def test_a_parameter_takes_the_type_of_its_partner(
    text: str, params: Sequence[object], type_: SqlType, asked: tuple[int, ...]
) -> None:
    found = next(part for part in x.walk(condition(text, *params)) if isinstance(part, x.Param))
    assert found.type.kind is type_.kind
    assert bound(f"SELECT 1 FROM book WHERE {text}", *params).asked == asked


def test_a_fraction_is_not_rounded_to_meet_an_integer() -> None:
    assert condition("id = %s", 1.5) == x.Compare(
        "=", x.Cast(x.Column("book", "id", BIGINT, False), SqlType(Kind.DOUBLE)), x.Param(0, DOUBLE)
    )


def test_a_timestamp_is_not_cut_to_meet_a_date() -> None:
    found = bound("SELECT 1 FROM author WHERE born < %s", dt.datetime(2000, 1, 1, 12)).plan
    compare = next(node.condition for node in p.walk(found) if isinstance(node, p.Filter))
    assert isinstance(compare, x.Compare)
    assert compare.right == x.Param(0, TIMESTAMP)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("book.id + 1", Kind.INTEGER),
        ("book.id / 2", Kind.INTEGER),
        ("price * 2", Kind.DECIMAL),
        ("price * rating", Kind.DOUBLE),
        ("updated - born", Kind.INTERVAL),
        ("born - born", Kind.INTERVAL),
        ("born + 3", Kind.DATE),
        ("born + INTERVAL '1 day'", Kind.TIMESTAMP),
        ("updated - '1 day 02:00'::interval", Kind.TIMESTAMP),
        ("INTERVAL '1 day' * 2.5", Kind.INTERVAL),
        ("title || book.id", Kind.TEXT),
        ("COALESCE(price, 0)", Kind.DECIMAL),
        ("CASE WHEN active THEN 1 ELSE 2.5 END", Kind.DECIMAL),
        ("NULLIF(title, '')", Kind.TEXT),
        ("updated::date", Kind.DATE),
        ("EXTRACT(year FROM updated)", Kind.DECIMAL),
        ("LENGTH(title)", Kind.INTEGER),
        ("X'ff'", Kind.BYTES),
        ("3000000000", Kind.INTEGER),
        ("1e3", Kind.DECIMAL),
        ("title LIKE 'x%%'", Kind.BOOLEAN),
        ("book.rowid", Kind.INTEGER),
    ],
)
def test_types_of_expressions(text: str, kind: Kind) -> None:
    (found,) = outputs(f"SELECT {text} FROM book, author")
    assert x.type_of(found).kind is kind


def test_literals_are_converted_once() -> None:
    assert outputs("SELECT DATE '2020-01-02', '1 day'::interval, TRUE, -5, 'abcdef'::varchar(3)") == [
        x.Constant(dt.date(2020, 1, 2), DATE),
        x.Constant(dt.timedelta(1), INTERVAL),
        x.Constant(True, BOOLEAN),
        x.Constant(-5, INTEGER),
        x.Constant("abc", SqlType(Kind.TEXT, 3)),
    ]
    assert condition("updated > '2020-01-02'") == x.Compare(
        ">", x.Column("book", "updated", TIMESTAMP), x.Constant(dt.datetime(2020, 1, 2, tzinfo=dt.UTC), TIMESTAMP)
    )


def test_integers_are_truth_values_as_in_other_databases() -> None:
    assert condition("active = 1") == x.Compare(
        "=", x.Column("book", "active", BOOLEAN, False), x.Constant(True, BOOLEAN)
    )
    assert condition("1") == x.Constant(True, BOOLEAN)


def test_an_unknown_case_is_typed_by_what_it_is_assigned_to() -> None:
    node = bound("UPDATE book SET title = CASE WHEN id = %s THEN %s ELSE %s END", 1, "a", None).plan
    assert isinstance(node, p.Update)
    ((_, value),) = node.assignments
    title = SqlType(Kind.TEXT, 200)
    assert isinstance(value, x.Case)
    assert value.whens[0][1] == x.Param(1, title)
    assert value.otherwise == x.Param(2, title)


def test_texts_meet_other_types_in_equality_alone() -> None:
    assert condition("title = 3") == x.Compare(
        "=", x.Column("book", "title", SqlType(Kind.TEXT, 200), False), x.Constant("3", TEXT)
    )
    found = condition("title = id")
    assert isinstance(found, x.Compare)
    assert found.right == x.Cast(x.Column("book", "id", BIGINT, False), TEXT)


def test_a_row_meets_the_row_of_a_subquery() -> None:
    found = condition("(id, title) = (SELECT id, name FROM author LIMIT 1)")
    assert isinstance(found, x.And)
    assert [type(x_) for term in found.terms for x_ in x.children(term)] == [x.Column, x.Subquery] * 2


def test_outer_joins_make_columns_nullable() -> None:
    left = outputs("SELECT book.title, author.name FROM book LEFT JOIN author ON author.id = author_id")
    assert [x.is_nullable(expr) for expr in left] == [False, True]
    right = outputs("SELECT book.title, author.name FROM book RIGHT JOIN author ON author.id = author_id")
    assert [x.is_nullable(expr) for expr in right] == [True, False]
    full = outputs("SELECT book.title, author.name FROM book FULL JOIN author ON author.id = author_id")
    assert [x.is_nullable(expr) for expr in full] == [True, True]


def test_negation_moves_into_what_has_a_negated_form() -> None:
    for text in ("title LIKE 'a'", "id IN (1)", "id IS NULL", "title ~ 'a'", "EXISTS (SELECT 1)", "active IS TRUE"):
        positive, negative = condition(text), condition(f"NOT ({text})")
        assert not isinstance(negative, x.Not)
        assert negative != positive
    assert isinstance(condition("NOT (id = 1)"), x.Not)


def test_rows_compare_by_their_values() -> None:
    assert "(book.id = 1) and (book.year = 2)" in "".join(plan("SELECT 1 FROM book WHERE (id, year) = (1, 2)"))
    assert isinstance(condition("(id, title) IN (SELECT id, name FROM author)"), x.InPlan)
    many = ", ".join(f"({n}, {n})" for n in range(30))
    found = condition(f"(id, year) IN ({many})")
    assert isinstance(found, x.InPlan)
    assert isinstance(found.plan, p.Values)
    assert len(found.plan.rows) == 30


def test_any_and_all() -> None:
    assert isinstance(condition("id = ANY (SELECT 1)"), x.InPlan)
    found = condition("id <> ALL (ARRAY[1, 2])")
    assert isinstance(found, x.In)
    assert found.negated


def test_an_expression_with_parameters_groups_as_one_if_their_values_are_equal() -> None:
    text = "SELECT COALESCE(year, %s), COUNT(*) FROM book GROUP BY COALESCE(year, %s)"
    assert bound(text, 1, 1).compared == ((1, 0),)
    with pytest.raises(ProgrammingError, match="must appear in the GROUP BY clause"):
        bound(text, 1, 2)


def test_long_chains_do_not_nest() -> None:
    many = " OR ".join(["id = %s"] * 3000)
    found = condition(many, *range(3000))
    assert isinstance(found, x.Or)
    assert len(found.terms) == 3000


def test_names_differ_in_case_only_where_quoted() -> None:
    root = bound('SELECT LABEL, "Label", Code FROM TAG').plan
    assert [column.name for column in p.output_columns(root)] == ["Label", "Label", "code"]
    assert bound("SELECT 1 FROM TAG").tables == (("TAG", None), ("tag", "t1"))


def test_titles() -> None:
    text = "SELECT id, UPPER(title), COUNT(*), CAST(year AS text), 1, (SELECT 2) AS two, DATE_TRUNC('day', updated), "
    root = bound(text + "TO_HEX(id) FROM book GROUP BY id").plan
    titles = [column.name for column in p.output_columns(root)]
    assert titles == ["id", "upper", "count", "year", "?column?", "two", "date_trunc", "to_hex"]


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("SELECT nope FROM book", ProgrammingError, 'column "nope" does not exist: "nope" at 1:8'),
        ("SELECT b.nope FROM book b", ProgrammingError, 'column "b.nope" does not exist: "b.nope" at 1:8'),
        ("SELECT x.id FROM book", ProgrammingError, '"x" is no table of this FROM: "x.id" at 1:8'),
        ("SELECT id FROM book, author", ProgrammingError, 'column "id" is ambiguous: "id" at 1:8'),
        ("SELECT 1\nFROM nope", ProgrammingError, 'table "nope" does not exist: "nope" at 2:6'),
        ('SELECT "label" FROM tag', ProgrammingError, 'column "label" does not exist'),
        ("SELECT 1 FROM book, book", ProgrammingError, 'table name "book" specified more than once'),
        (
            "SELECT 1 FROM book WHERE title < 3",
            ProgrammingError,
            'operator does not exist: varchar(200) < integer; a CAST may help: "title < 3" at 1:26',
        ),
        ("SELECT 1 FROM book WHERE title", ProgrammingError, "the condition of WHERE must be of type boolean"),
        ("SELECT 1 FROM book WHERE updated = 'x'", DataError, "'x' is no value of type timestamp: \"updated = 'x'\""),
        ("SELECT title FROM book GROUP BY year", ProgrammingError, 'column "book.title" must appear in the GROUP BY'),
        ("SELECT 1 FROM book WHERE SUM(id) > 3", ProgrammingError, "aggregate functions are not allowed in WHERE"),
        ("SELECT SUM(COUNT(*)) FROM book", ProgrammingError, "not allowed in the arguments of an aggregate"),
        ("SELECT COUNT(*) AS n FROM book GROUP BY n", ProgrammingError, "not allowed in GROUP BY"),
        ("SELECT 1 FROM book ORDER BY 2", ProgrammingError, 'ORDER BY position 2 is not in the select list: "2" at'),
        ("SELECT DISTINCT id FROM book ORDER BY year", ProgrammingError, "for SELECT DISTINCT, ORDER BY expressions"),
        ("SELECT foo(id) FROM book", ProgrammingError, 'function FOO does not exist: "foo(id)" at 1:8'),
        ("SELECT LPAD('a') FROM book", Error, ""),
        ("SELECT a:b", ProgrammingError, "an operator is missing"),
        ("SELECT (SELECT 1, 2)", ProgrammingError, "a subquery as a value must have one column, not 2"),
        ("SELECT 1 UNION SELECT 1, 2", ProgrammingError, "UNION of queries with 1 and 2 columns"),
        ("SELECT 1 UNION SELECT DATE '2020-01-01'", ProgrammingError, "UNION: types integer and date cannot"),
        ("SELECT 1 LIMIT 'x'", DataError, "'x' is no value of type bigint"),
        ("INSERT INTO book (title) VALUES (1, 2)", ProgrammingError, "INSERT has 2 values for 1 columns"),
        ("INSERT INTO book (nope) VALUES (1)", ProgrammingError, 'column "book.nope" does not exist: "nope" at 1:19'),
        ("INSERT INTO book (loud) VALUES ('x')", ProgrammingError, 'column "loud" is generated'),
        ("INSERT INTO book (price) VALUES ('x')", DataError, "book.price: 'x' is no value of type numeric"),
        ("INSERT INTO book (title, title) VALUES (1, 2)", ProgrammingError, 'column "title" specified more than once'),
        (
            "INSERT INTO book (title) VALUES (1) ON CONFLICT (year) DO NOTHING",
            ProgrammingError,
            'no unique key of "book" is on (year)',
        ),
        ("UPDATE book SET year = 1, year = 2", ProgrammingError, 'multiple assignments to column "year"'),
        ("UPDATE book SET updated = active", ProgrammingError, "book.updated: a value of type boolean does not"),
        ("SELECT rank() FROM book", ProgrammingError, "window function RANK requires an OVER clause"),
        ("SELECT 1 FROM book WHERE rank() OVER () = 1", ProgrammingError, "not allowed in WHERE"),
        ("SELECT rank() OVER () AS r FROM book GROUP BY r", ProgrammingError, "not allowed in GROUP BY"),
        ("SELECT sum(rank() OVER ()) OVER () FROM book", ProgrammingError, "not allowed inside another"),
        ("SELECT sum(rank() OVER ()) FROM book", ProgrammingError, "not allowed in the arguments of an aggregate"),
        ("SELECT lower(title) OVER () FROM book", ProgrammingError, "LOWER is neither"),
        ("SELECT rank() OVER w FROM book", ProgrammingError, 'window "w" does not exist'),
        ("SELECT 1 FROM book WINDOW w AS (), w AS ()", ProgrammingError, 'window "w" is already defined'),
        (
            "SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM book",
            ProgrammingError,
            "a frame starting from following rows cannot end with preceding rows",
        ),
        ("SELECT sum(id) OVER (PARTITION BY id GROUPS 1 PRECEDING) FROM book", ProgrammingError, "needs an ORDER BY"),
        ("SELECT sum(id) OVER (ORDER BY title RANGE 1 PRECEDING) FROM book", ProgrammingError, "for a key of varchar"),
        ("SELECT sum(id) OVER (ORDER BY id ROWS id PRECEDING) FROM book", ProgrammingError, "must not contain columns"),
        ("WITH a AS (SELECT 1), a AS (SELECT 2) SELECT 1", ProgrammingError, '"a" specified more than once'),
        # known to SQL, not spoken here
        ("SELECT lag(id) IGNORE NULLS OVER () FROM book", NotSupportedError, "IGNORE NULLS is not supported"),
        ("SELECT count(DISTINCT id) OVER () FROM book", NotSupportedError, "DISTINCT is not supported for window"),
        (
            "WITH RECURSIVE t AS (SELECT 1 UNION SELECT 1 FROM t, t AS u) SELECT * FROM t",
            NotSupportedError,
            'recursive query "t" must not refer to itself more than once',
        ),
        ("SELECT 1 FROM book TABLESAMPLE SYSTEM (10)", NotSupportedError, "TABLESAMPLE is not supported"),
        ("SELECT 1 FROM book FETCH FIRST 3 ROWS WITH TIES", NotSupportedError, "WITH TIES is not supported"),
        ("SELECT title SIMILAR TO 'x' FROM book", NotSupportedError, "SIMILAR TO is not supported"),
        ("SELECT 1 FROM other.book", ProgrammingError, 'schema "other" does not exist'),
        ('SELECT title COLLATE "de" FROM book', NotSupportedError, 'collation "de" is not supported'),
        ("SELECT 1 FROM ONLY book", NotSupportedError, "ONLY is not supported"),
        ("SELECT id INTO x FROM book", NotSupportedError, "INTO is not supported"),
        ("SELECT id FROM book GROUP BY ROLLUP (id)", NotSupportedError, "ROLLUP is not supported"),
        ("SELECT 1 FROM generate_series(1, 2)", NotSupportedError, "a function in FROM is not supported"),
        ("SELECT id > ANY (SELECT 1) FROM book", NotSupportedError, "only = ANY and <> ALL are supported"),
        ("SELECT 1 FROM book FOR SHARE", NotSupportedError, "FOR SHARE is not supported"),
        (
            "INSERT OR REPLACE INTO book (id) VALUES (1)",
            NotSupportedError,
            "INSERT OR REPLACE is not supported; write ON CONFLICT",
        ),
        ("UPDATE book SET year = 1 LIMIT 1", NotSupportedError, "LIMIT in UPDATE is not supported"),
        ("SELECT INTERVAL '1 month'", DataError, "a month has no fixed length"),
    ],
)
def test_errors_say_what_and_where(text: str, error: type[Error], message: str) -> None:
    with pytest.raises(error) as caught:
        plan(text)
    assert message in str(caught.value)


def test_nesting_has_a_named_end() -> None:
    with pytest.raises(OperationalError, match="nested too deep"):
        plan("SELECT " + "(" * 900 + "1" + " + 1)" * 900)


# --- nothing is dropped --------------------------------------------------------------------------------------------


def readable() -> Iterator[tuple[type[exp.Expression], set[str]]]:
    for class_, names in bind_args.READ.items():
        yield class_, set(f"{names} {bind_args.IGNORED.get(class_, '')}".split())
    for class_, (_, args) in bind_functions.CALLS.items():
        yield class_, set(args) | set(bind_args.IGNORED.get(class_, "").split())


@pytest.mark.parametrize(("class_", "names"), list(readable()), ids=lambda value: getattr(value, "__name__", ""))
def test_every_argument_is_read_or_refused(class_: type[exp.Expression], names: set[str]) -> None:
    known = set(cast(Any, class_).arg_types)
    assert names <= known, "an argument that the parser does not know"
    for name in known - names:
        node = class_(**{name: exp.Var(this="x")})
        with pytest.raises(NotSupportedError):
            bind_args.consume("", node)


def test_every_class_of_the_parser_is_read_or_refused() -> None:
    spoken = {class_ for class_, _ in readable()}
    classes = [each for each in vars(exp).values() if isinstance(each, type) and issubclass(each, exp.Expression)]
    assert len(classes) > 500
    placed = exp.Var(this="x")
    placed.meta.update(start=0, end=0)
    for class_ in classes:
        if class_ not in spoken:
            with pytest.raises(NotSupportedError, match='"x" at 1:1'):
                bind_args.consume("x", class_(this=placed))


def test_every_expression_that_is_bound_is_also_checked() -> None:
    assert set(bind_expr.EXPRESSIONS) <= set(bind_args.READ)


def test_the_functions_named_here_exist() -> None:
    names = {name for name, _ in bind_functions.CALLS.values()}
    assert names <= set(FUNCTIONS) | set(AGGREGATES)


def test_binding_visits_every_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of statements that use most of the language, no node goes by unseen."""
    seen: set[int] = set()
    original = bind_args.consume

    def consume(text: str, node: exp.Expression) -> None:
        seen.add(id(node))
        original(text, node)

    def plain_column(node: exp.Expression, here: Any) -> Any:
        found = bind_expr.plain_column(node, here)
        if found is not None:
            assert node.args.keys() == {"this", "table"}, "what it passes over is no more than two names"
            seen.add(id(node))
        return found

    monkeypatch.setattr("django_zodb.sql.bind_context.consume", consume)
    monkeypatch.setattr("django_zodb.sql.bind_select.plain_column", plain_column)
    unseen: list[str] = []
    trees = []  # kept, so that no two nodes have one id
    for text, params, _ in SELECTS:
        parsed = parse(text, True)
        assert parsed.tree is not None
        trees.append(parsed.tree)
        bind(parsed, cast(Catalog, Tables()), params)
        for node in parsed.tree.walk():
            is_leaf = isinstance(node, exp.Identifier | exp.Var | exp.Literal | exp.Null)  # their parents read them
            if not is_leaf and id(node) not in seen:
                unseen.append(f"{type(node).__name__} in {text}")
    assert not unseen
