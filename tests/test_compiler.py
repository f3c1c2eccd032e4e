"""What is written in fewer steps than Django takes is what Django would have written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Lower
from django.db.models.sql import DeleteQuery, InsertQuery, UpdateQuery, compiler
from django_project.models import Author, Book, Everything, Node

from django_zodb.compiler import PlainColumns, SQLInsertCompiler

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
]


def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave it to Django."""
    monkeypatch.delattr(PlainColumns, "compile")
    monkeypatch.delattr(PlainColumns, "get_converters")
    monkeypatch.delattr(SQLInsertCompiler, "assemble_as_sql")
    monkeypatch.delattr(SQLInsertCompiler, "prepare_value")


def compiled(query: Any) -> tuple[Any, Any]:
    """The statement and its parameters, and where which converters are."""
    made = query.get_compiler(connection=connection)
    sql = made.as_sql()
    if not isinstance(made, compiler.SQLInsertCompiler | compiler.SQLUpdateCompiler | compiler.SQLDeleteCompiler):
        converters = made.get_converters([expression for expression, _, _ in made.select])
        return sql, {at: [each.__qualname__ for each in convert] for at, (convert, _) in converters.items()}
    return sql, None


@pytest.mark.parametrize("queryset", QUERYSETS)
def test_queries(monkeypatch: pytest.MonkeyPatch, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
    ours = compiled(queryset().query)
    plainly(monkeypatch)
    assert ours == compiled(queryset().query)


def test_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def changes() -> list[Any]:
        where = Book.objects.filter(title="a", editors__name="b").query
        update = where.chain(UpdateQuery)
        update.add_update_values({"pages": F("pages") + 1, "price": 2})
        return [compiled(update), compiled(Book.objects.filter(pages=1).query.chain(DeleteQuery))]

    ours = changes()
    plainly(monkeypatch)
    assert ours == changes()


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


def test_an_empty_object_and_a_default_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def inserts() -> Any:
        empty, filled = InsertQuery(Author), InsertQuery(Everything)
        empty.insert_values([], [Author()])
        filled.insert_values([Everything._meta.get_field(name) for name in ("json", "with_default")], [Everything()])
        return compiled(empty), compiled(filled)

    ours = inserts()
    plainly(monkeypatch)
    assert ours == inserts()
