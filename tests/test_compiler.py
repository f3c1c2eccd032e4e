"""What is written in fewer steps than Django takes is what Django would have written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import product
from operator import is_
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist, FieldError
from django.db import connection, models
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.constants import OnConflict
from django.db.models.expressions import Col
from django.db.models.functions import Lower
from django.db.models.sql import AggregateQuery, DeleteQuery, InsertQuery, UpdateQuery, compiler
from django.utils.functional import SimpleLazyObject
from django_project.models import Author, Book, Everything, Node

from django_zodb.compiler import SQLCompiler, SQLInsertCompiler, SQLUpdateCompiler
from django_zodb.compiler.known_columns import KnownColumns
from django_zodb.compiler.plain_columns import PlainColumns
from django_zodb.compiler.simple_select import SimpleSelect, _may_be_simple

NOW = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class Shelf(models.Model):
    """Comes in an order of its own; one of its columns is called as its table is."""

    name = models.CharField(max_length=10, db_column="shelf")
    place = models.IntegerField()
    data = models.JSONField()
    author = models.ForeignKey(Author, models.CASCADE)

    class Meta:
        app_label = "compiled"
        db_table = "shelf"
        managed = False
        ordering = ["-place", "pk"]


class Board(models.Model):
    """Comes in an order that is an expression, too."""

    name = models.CharField(max_length=10)
    shelf = models.ForeignKey(Shelf, models.CASCADE)

    class Meta:
        app_label = "compiled"
        managed = False
        ordering = ["name", F("id").desc()]


class Plank(Board):
    """Has columns in two tables."""

    length = models.IntegerField()

    class Meta:
        app_label = "compiled"
        managed = False
        ordering = ["length", "name"]


class Strip(models.Model):
    """No query but those of one test has asked for its columns."""

    name = models.CharField(max_length=10)

    class Meta:
        app_label = "compiled"
        managed = False


class Knot(models.Model):
    """Comes in the order of another table, which a query may call as one of the columns is called."""

    name = models.CharField(max_length=10, db_column="T3")
    inner = models.ForeignKey("self", models.CASCADE, null=True)
    outer = models.ForeignKey("self", models.CASCADE, null=True)

    class Meta:
        app_label = "compiled"
        managed = False
        ordering = ["outer__outer__name", "name"]


class Lath(Board):
    """The same rows under another name."""

    class Meta:
        app_label = "compiled"
        proxy = True
        ordering = ["-name"]


QUERYSETS: list[Callable[[], QuerySet[Any, Any]]] = [
    lambda: Book.objects.all(),
    lambda: Book.objects.filter(author__name="a", author__born=None).select_related("author"),
    lambda: Book.objects.filter(editors__name="a").filter(editors__name="b").exclude(editors__born=None),
    lambda: Node.objects.filter(parent__parent__name="a").select_related("parent__parent"),
    lambda: Book.objects.annotate(n=Count("editors")).filter(n__gt=2).order_by("author__name", "-n"),
    lambda: Book.objects.extra(select={"title": "1", "price": "2"}).values("title", "price", "pages"),
    lambda: Book.objects.alias(U0=F("pages")).annotate(T3=F("U0"), price_=F("price")).order_by("T3"),
    lambda: Author.objects.annotate(last=Subquery(Book.objects.filter(author=OuterRef("pk")).values("title")[:1])),
    lambda: Author.objects.filter(books__in=Book.objects.filter(author=OuterRef("pk"), pages__gt=2)).distinct(),
    lambda: Book.objects.filter(Q(pages=F("price")) | ~Q(author__in=Author.objects.filter(edited__pages=1))),
    lambda: Book.objects.values("author").union(Node.objects.values("parent")).order_by("author"),
    lambda: Everything.objects.defer("text").only("small", "json", "uuid", "lowered"),
    lambda: Everything.objects.order_by("-pk"),
    lambda: Book.objects.order_by("-pages", "pk", "title"),
    lambda: Book.objects.order_by("pages", "-pages"),
    lambda: Book.objects.order_by("title").reverse()[3:7],
    lambda: Book.objects.order_by("author"),
    lambda: Book.objects.order_by("author_id"),
    lambda: Book.objects.order_by("author__name", "title"),
    lambda: Book.objects.order_by("?"),
    lambda: Book.objects.order_by(F("pages").desc(), "title"),
    lambda: Book.objects.filter(editors__name="a").order_by("title").distinct(),
    lambda: Book.objects.select_related("author").order_by("title"),
    lambda: Board.objects.select_related("shelf__author"),
    lambda: Node.objects.select_related("parent__parent").order_by("name", "parent__name"),
    lambda: Plank.objects.select_related("shelf").order_by("name"),
    lambda: Shelf.objects.select_related("author").only("place", "author__name"),
    lambda: Book.objects.only("title").order_by("title"),
    lambda: Book.objects.values("title", "pages").order_by("title"),
    lambda: Book.objects.alias(title_=Lower("title")).order_by("title_"),
    lambda: Book.objects.extra(order_by=["pages"]).order_by("title"),
    lambda: Book.objects.filter(author=Author(pk=7), pages__lte=7, price__gt=F("pages"), title="a", published=None),
    lambda: Book.objects.filter(pk__in=[3, 1, None, 3], author__in=[7, Author(pk=8)], title__in=("a",)),
    lambda: Book.objects.filter(price__in=[Decimal(1), 2], pages__in=[F("pk"), 7], published__in={NOW}),
    lambda: Everything.objects.filter(json__in=[{"a": 1}, [2]], uuid__in=[UUID(int=7)], integer__in=range(3)),
    lambda: Book.objects.filter(author__in=Author.objects.filter(pk__in=[1, 2])),
    lambda: Book.objects.filter(Q(pk__in=[]) | Q(pk=1)).exclude(pk__in=[]),
    lambda: Book.objects.exclude(pk__in=[]),
    lambda: Book.objects.filter(Q(pages__gt=1) | ~Q(title="a"), pk__lt=5)[2:],
    lambda: Book.objects.none().union(Book.objects.all()),
    lambda: Book.objects.exclude(author_id__gte=3).filter(pk=1),
    lambda: Everything.objects.filter(boolean=True, nullable_boolean=False, json={"a": 1}, json__a=1, uuid=None),
    lambda: Shelf.objects.all(),
    lambda: Shelf.objects.reverse(),
    lambda: Shelf.objects.order_by(),
    lambda: Shelf.objects.filter(author__name="a").order_by("place"),
    lambda: Board.objects.all(),
    lambda: Board.objects.order_by("shelf"),
    lambda: Plank.objects.all(),
    lambda: Lath.objects.all(),
    lambda: Lath.objects.order_by("name"),
    lambda: Knot.objects.all(),
    lambda: Knot.objects.filter(name="a"),
    lambda: Knot.objects.order_by("name"),
    lambda: Knot.objects.filter(inner__inner__name="a").order_by("name"),
]


def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it to Django."""
    monkeypatch.delattr(SimpleSelect, "as_sql")
    for name in ("get_select", "get_default_columns", "get_order_by", "get_converters"):
        monkeypatch.delattr(KnownColumns, name)
    monkeypatch.delattr(PlainColumns, "compile")
    monkeypatch.delattr(PlainColumns, "get_converters")
    monkeypatch.delattr(SQLUpdateCompiler, "as_sql")
    for name in ("as_sql", "pre_save_val", "assemble_as_sql", "prepare_value"):
        monkeypatch.delattr(SQLInsertCompiler, name)


def compiled(query: Any) -> tuple[Any, Any]:
    """The statement and its parameters, and where which converters are."""
    made = query.get_compiler(connection=connection)
    sql = made.as_sql()
    if not isinstance(made, compiler.SQLInsertCompiler | compiler.SQLUpdateCompiler | compiler.SQLDeleteCompiler):
        converters = made.get_converters([expression for expression, _, _ in made.select])
        return sql, {at: [each.__qualname__ for each in convert] for at, (convert, _) in converters.items()}
    return sql, None


SIMPLE: list[Callable[[], QuerySet[Any, Any]]] = [
    lambda: Book.objects.all(),
    lambda: Book.objects.filter(pk=1, title__contains="a").order_by("-title")[2:5],
    lambda: Book.objects.exclude(Q(author=3) | Q(pages__in=[1, 2])),
    lambda: Book.objects.filter(pages__gt=F("price"), author__in=Author.objects.filter(name="a")),
    lambda: Book.objects.exclude(pk__in=[]),
    lambda: Book.objects.filter(author__name="a").order_by("title")[:3],
    lambda: Book.objects.filter(editors__edited__editors__name="a"),
    lambda: Lath.objects.all(),
    lambda: Book.objects.values("title"),
    lambda: Book.objects.filter(author__name="a").values_list("pk", "author__name", "title"),
    lambda: Book.objects.values("pages", "title").order_by("-title", "pages", "title")[:3],
    lambda: Book.objects.values("pages", "title").order_by("title", "-title").reverse(),
    lambda: Book.objects.values_list("pk", "title").order_by("-pk").reverse(),
    lambda: Book.objects.values_list("pages", flat=True).order_by("title"),
    lambda: Book.objects.values("author__name").order_by("author__name"),
    lambda: Shelf.objects.values("place", "pk"),
]
NOT_SIMPLE: list[Callable[[], QuerySet[Any, Any]]] = [
    lambda: Book.objects.distinct(),
    lambda: Book.objects.order_by("author__name"),
    lambda: Book.objects.select_related("author"),
    lambda: Book.objects.annotate(n=Count("editors")),
    lambda: Book.objects.values("title", "pages").order_by("title", "price"),
    lambda: Book.objects.values("title").order_by(F("title")),
    lambda: Book.objects.values("title").order_by("author__name"),
    lambda: Book.objects.values(name=F("title")),
    lambda: Book.objects.annotate(n=F("pages")).values("title"),
    lambda: Book.objects.values("title", low=Lower("title")),
    lambda: Book.objects.values_list("title", "title"),
    lambda: Shelf.objects.values("place"),
    lambda: Book.objects.values("published__year"),
    lambda: Book.objects.only("title"),
    lambda: Book.objects.extra(where=["1=1"], tables=["author"]),
    lambda: Book.objects.select_for_update(),
    lambda: Book.objects.union(Book.objects.filter(pk=1)),
    lambda: Plank.objects.all(),
]


@pytest.mark.parametrize("queryset", [*QUERYSETS, *SIMPLE])
def test_queries(monkeypatch: pytest.MonkeyPatch, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
    ours = [compiled(queryset().query) for _ in range(3)]
    plainly(monkeypatch)
    assert ours == [compiled(queryset().query)] * 3


@pytest.mark.parametrize(("simple", "queryset"), [*product([True], SIMPLE), *product([False], NOT_SIMPLE)])
def test_what_is_written_at_once(simple: bool, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
    compiled(queryset().model.objects.all().query)
    if simple:
        compiled(queryset().query)
    made = queryset().query.get_compiler(connection=connection)
    assert (_may_be_simple(made.query) and made._written(True) is not None) is simple


def test_nothing_is_left_of_writing_at_once() -> None:
    compiled(Book.objects.all().query)
    query = Book.objects.all().query
    assert compiled(query) == compiled(query) == compiled(query.clone())
    assert set(query.alias_refcount.values()) == {0}
    filtered = Book.objects.filter(pages=1).query
    assert compiled(filtered) == compiled(filtered)
    assert filtered.alias_refcount == {"django_project_book": 1}


@pytest.mark.parametrize("elide", [True, False])
def test_conditions_that_nothing_fulfils(elide: bool) -> None:
    compiled(Book.objects.all().query)
    made = Book.objects.filter(pk=2**70).query.get_compiler(connection=connection, elide_empty=elide)
    if not elide:
        assert made.as_sql()[0].endswith(" WHERE 0 = 1")
        return
    with pytest.raises(EmptyResultSet):
        made.as_sql()


def test_columns_of_related_models_are_taken_from_queries_of_these() -> None:
    compiled(Author.objects.all().query)
    made = Book.objects.select_related("author").query.get_compiler(connection=connection)
    made.as_sql()
    known = Author.objects.all().query.get_compiler(connection=connection)
    known.as_sql()
    assert all(map(is_, [column for column, _, _ in made.select[-3:]], known._known.expressions))


@pytest.mark.parametrize("model", [Author, Book, Node, Everything, Lath])
def test_columns_are_taken_from_the_query_before(model: Any) -> None:
    for _ in range(2):
        made = model.objects.order_by("-pk").query.get_compiler(connection=connection)
        made.as_sql()
    assert made._whole
    assert (True, "-pk") in made._known.orders


def test_an_order_by_a_column_whose_name_is_that_of_a_join(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Knot._meta, "_django_zodb_known", raising=False)
    compiled(Knot.objects.select_related("inner", "outer").order_by("name").query)
    assert compiled(Knot.objects.order_by("name").query)[0][0].endswith('ORDER BY "compiled_knot"."T3" ASC')


@pytest.mark.parametrize(
    "only", [Value(1), Value(True), Value("a"), Count("*"), Count("pk"), Count("*", distinct=True)]
)
def test_what_exists_and_count_select(monkeypatch: pytest.MonkeyPatch, only: Any) -> None:
    def query() -> Any:
        query = Book.objects.filter(pages=1).query.clone()
        query.clear_select_clause()
        query.add_annotation(only, "only")
        return query

    ours = compiled(query())
    plainly(monkeypatch)
    assert ours == compiled(query())


@pytest.mark.parametrize("queryset", [Book.objects.only("none"), Book.objects.select_related("none")])
def test_names_that_no_field_has_are_refused_where_nothing_is_read(queryset: QuerySet[Any, Any]) -> None:
    query: Any = queryset.query.clone()
    query.default_cols = False
    query.add_annotation(Count("*"), "only")
    with pytest.raises((FieldDoesNotExist, FieldError, TypeError)):
        compiled(query)


def test_aggregates_over_a_subquery(monkeypatch: pytest.MonkeyPatch) -> None:
    def outer() -> Any:
        query = AggregateQuery(Book, Book.objects.distinct()[:3].query)
        query.add_annotation(Count("*"), "n", select=True)
        return query.get_compiler(using="default").as_sql()

    ours = outer()
    plainly(monkeypatch)
    assert ours == outer()


def test_a_model_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Changing(models.Model):
        name = models.CharField(max_length=10)

        class Meta:
            app_label = "changing"

    def statements() -> list[Any]:
        return [compiled(Changing.objects.order_by("name").query) for _ in range(2)]

    assert statements()[1][0] == (
        'SELECT "changing_changing"."id", "changing_changing"."name" FROM "changing_changing" '
        'ORDER BY "changing_changing"."name" ASC',
        (),
    )
    Changing.add_to_class("size", models.IntegerField())
    assert '"changing_changing"."size" FROM' in statements()[1][0][0]
    monkeypatch.setattr(Changing._meta, "db_table", "changed")
    ours = statements()
    plainly(monkeypatch)
    assert ours == statements()


class Translated(models.CharField):  # type: ignore[type-arg]
    """Stands in another column where another language is spoken."""

    language = "en"

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        """The column of the language."""
        field: Any = self if self.language == "en" else self.model._meta.get_field("name_de")
        return Col(alias, field, self)


def test_a_field_that_changes_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    class Spoken(models.Model):
        name = Translated(max_length=10)
        name_de = models.CharField(max_length=10)

        class Meta:
            app_label = "spoken"

    compiled(Spoken.objects.all().query)
    monkeypatch.setattr(Translated, "language", "de")
    assert compiled(Spoken.objects.all().query)[0][0].startswith(
        'SELECT "spoken_spoken"."id", "spoken_spoken"."name_de"'
    )


ASKED = [
    *("compile", "setup_query", "pre_sql_setup", "get_select", "get_default_columns", "get_extra_select"),
    *("get_order_by", "get_distinct", "get_from_clause", "get_group_by"),
    "quote_name" if hasattr(compiler.SQLCompiler, "quote_name") else "quote_name_unless_alias",
]


@pytest.mark.parametrize("name", ASKED)
def test_what_compilers_derived_from_the_engine_s_have_a_say_in(name: str) -> None:
    """They are asked as often as those derived from Django's, and change nothing for others."""
    query = Book.objects.filter(pages=1).order_by("title").query
    plain = compiled(query)

    def statement_of(base: Any) -> Any:
        asked = []

        def ask(self: Any, *arguments: Any, **named: Any) -> Any:
            asked.append(name)
            return getattr(super(Mixin, self), name)(*arguments, **named)

        Mixin = type("Mixin", (), {name: ask})
        derived = type("Derived", (Mixin, base), {"_is_compared": True})  # comparing would ask, too
        return derived(query.clone(), connection, "default").as_sql(), asked

    assert statement_of(SQLCompiler) == statement_of(compiler.SQLCompiler)
    assert statement_of(SQLCompiler)[1]
    assert compiled(query) == plain


def test_a_derived_compiler_writes_columns_in_its_own_way() -> None:
    def statement_of(base: Any, queryset: QuerySet[Any, Any]) -> Any:
        class Derived(base):  # type: ignore[misc]
            def compile(self, node: Any) -> Any:
                sql, values = super().compile(node)
                return (f"TRIM({sql})" if type(node) is Col else sql), values

        return Derived(queryset.query, connection, "default").as_sql()

    def queryset() -> QuerySet[Any, Any]:
        return Strip.objects.filter(name="a", pk__in=[1, 2]).order_by("name")

    ours, theirs = statement_of(SQLCompiler, queryset()), statement_of(compiler.SQLCompiler, queryset())
    assert ours == theirs
    assert "TRIM" not in compiled(queryset().query)[0][0]


def test_a_derived_compiler_writes_what_is_inserted_in_its_own_way() -> None:
    def statement_of(base: Any) -> Any:
        class Derived(base):  # type: ignore[misc]
            def field_as_sql(self, *arguments: Any) -> Any:
                sql, values = super().field_as_sql(*arguments)
                return f"TRIM({sql})", values

        query = InsertQuery(Author)
        query.insert_values([Author._meta.get_field("name")], [Author(name="Ann")])
        return Derived(query, connection, "default").as_sql()

    assert statement_of(SQLInsertCompiler) == statement_of(compiler.SQLInsertCompiler)


def test_a_condition_that_is_no_lookup() -> None:
    class Positive:
        """Has a column as lookups have one, and nothing that it is compared with."""

        conditional = True
        contains_aggregate = contains_over_clause = False

        def __init__(self, lhs: Any) -> None:
            self.lhs = lhs

        def as_sql(self, made: Any, _: Any) -> Any:
            sql, values = made.compile(self.lhs)
            return f"{sql} > 0", values

    query = Book.objects.all().query
    query.where.add(Positive(Book._meta.get_field("pages").get_col(query.get_initial_alias())), "AND")
    assert compiled(query)[0][0].endswith('WHERE "django_project_book"."pages" > 0')


def test_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def changes() -> list[Any]:
        where = Book.objects.filter(title="a", editors__name="b").query
        update = where.chain(UpdateQuery)
        update.add_update_values({"pages": F("pages") + 1, "price": 2})
        return [compiled(update), compiled(Book.objects.filter(pages=1).query.chain(DeleteQuery))]

    ours = changes()
    plainly(monkeypatch)
    assert ours == changes()


ASSIGNED: list[dict[str, Any]] = [
    {"title": "a", "pages": 3, "price": Decimal("1.5"), "published": NOW, "author": 7},
    {"published": None, "title": "b"},
    {"published": None},
    {"author": Author(pk=7), "pages": F("pages") + 1},
    {"title": Lower("title"), "published": None, "pages": 3},
    {"pages": "3"},
]


@pytest.mark.parametrize("assigned", ASSIGNED)
@pytest.mark.parametrize("where", [{}, {"pk": 3}, {"pk__in": [1, 2]}, {"author__name": "a", "pages__gt": 1}])
def test_updates(monkeypatch: pytest.MonkeyPatch, assigned: dict[str, Any], where: dict[str, Any]) -> None:
    def update() -> Any:
        query = Book.objects.filter(**where).query.chain(UpdateQuery)
        query.add_update_values(assigned)
        return compiled(query)

    ours = update()
    plainly(monkeypatch)
    assert ours == update()


@pytest.mark.parametrize("values", [[], [None]])
def test_among_nothing(values: list[Any]) -> None:
    with pytest.raises(EmptyResultSet):
        compiled(Book.objects.filter(pk__in=values).query)


@pytest.mark.parametrize("born", [None, Value("2000-01-01")])
@pytest.mark.parametrize("name", ["Ann", Lower(Value("Ann"))])
def test_inserts(monkeypatch: pytest.MonkeyPatch, name: Any, born: Any) -> None:
    def insert() -> Any:
        query = InsertQuery(Author)
        fields = [Author._meta.get_field("name"), Author._meta.get_field("born")]
        query.insert_values(fields, [Author(name="Bob", born=None), Author(name=name, born=born)])
        return compiled(query)

    ours = insert()
    plainly(monkeypatch)
    assert ours == insert()


COLUMNS: list[tuple[str, ...]] = [("name", "born"), ("born", "name"), ("name",)]
BORN = [None, Value("2000-01-01"), dt.date(2000, 1, 1)]


def test_inserts_of_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def inserts() -> list[Any]:
        made = []
        for names, returned, born, name in product(COLUMNS, [None, ["id"], ["id", "name"]], BORN, ["Ann", "Bob"]):
            query = InsertQuery(Author, on_conflict=OnConflict.IGNORE if born is None and returned is None else None)
            query.insert_values([Author._meta.get_field(each) for each in names], [Author(name=name, born=born)])
            insert = query.get_compiler(connection=connection)
            insert.returning_fields = returned and [Author._meta.get_field(each) for each in returned]
            made.append(insert.as_sql())
        return made

    ours = inserts()
    assert inserts() == ours
    plainly(monkeypatch)
    assert ours == inserts()


@pytest.mark.parametrize("born", BORN)
def test_a_field_is_asked_once_what_it_saves(monkeypatch: pytest.MonkeyPatch, born: Any) -> None:
    asked: list[str] = []

    def pre_save(field: Any, author: Any, add: bool) -> Any:
        asked.append(field.name)
        return getattr(author, field.attname)

    for name in ("name", "born"):
        field: Any = Author._meta.get_field(name)
        monkeypatch.setattr(field, "pre_save", partial(pre_save, field))
    for _ in range(2):
        query = InsertQuery(Author)
        query.insert_values([Author._meta.get_field("name"), Author._meta.get_field("born")], [Author(born=born)])
        compiled(query)
    assert asked == ["name", "born"] * 2


def test_inserts_of_a_model_that_changes_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def statement() -> str:
        query = InsertQuery(Author)
        query.insert_values([Author._meta.get_field("name")], [Author(name="a")])
        return str(compiled(query)[0])

    before = statement()
    assert statement() == before
    monkeypatch.setattr(Author._meta, "db_table", "another")
    assert statement() == before.replace("django_project_author", "another")


def test_a_placeholder_of_the_fields_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Trimmed(models.CharField):  # type: ignore[type-arg]
        def get_placeholder(self, value: Any, made: Any, used: Any) -> str:
            return f"TRIM({'%s'!r})" if value is None else "TRIM(%s)"

        def get_placeholder_sql(self, value: Any, made: Any, used: Any) -> tuple[str, list[Any]]:
            return self.get_placeholder(value, made, used), [value]

    class Parcel(models.Model):
        label: Any = Trimmed(max_length=9, null=True)

        class Meta:
            app_label = "parcels"

    def insert(label: str | None) -> Any:
        query = InsertQuery(Parcel)
        query.insert_values([Parcel._meta.get_field("label")], [Parcel(label=label)])
        return compiled(query)

    ours = [insert("a"), insert(None), insert("b")]
    plainly(monkeypatch)
    assert ours == [insert("a"), insert(None), insert("b")]
    assert "TRIM" in ours[2][0][0][0]


def test_a_lazy_number_is_refused_as_by_django() -> None:
    field: Any = Book._meta.get_field("pages")
    with pytest.raises(TypeError, match="Field 'pages' expected a number"):
        InsertQuery(Book).get_compiler(connection=connection).prepare_value(field, SimpleLazyObject(lambda: 7))


def test_an_empty_object_and_a_default_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def inserts() -> Any:
        empty, filled = InsertQuery(Author), InsertQuery(Everything)
        empty.insert_values([], [Author()])
        filled.insert_values([Everything._meta.get_field(name) for name in ("json", "with_default")], [Everything()])
        return compiled(empty), compiled(filled)

    ours = inserts()
    plainly(monkeypatch)
    assert ours == inserts()


@pytest.mark.parametrize("name", ["pk", "author", "author_id", "pages", "author__pk", "editors"])
def test_lists_of_plain_values_are_written_at_once(name: str) -> None:
    query = Book.objects.filter(**{f"{name}__in": [3, 1]}).query
    sql, values = query.get_compiler(connection=connection)._membership(query.where.children[0])
    assert sql.endswith(" IN (%s, %s)")
    assert list(values) == [3, 1]
